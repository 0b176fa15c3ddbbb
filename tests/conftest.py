"""What every test shares: the checkout on the path, seeds, and when GPU tests are skipped."""

import sys
from pathlib import Path

import pytest
import torch
from hypothesis import settings

# A checkout can be tested without being installed, e.g. on a GPU machine without network.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")


def pytest_collection_modifyitems(items):
    if torch.cuda.is_available():
        return
    skip = pytest.mark.skip(reason="runs where torch.cuda.is_available(): a CUDA device and wheel")
    for item in items:
        if "gpu" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)
