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


@pytest.fixture(scope="session")
def small_models(tmp_path_factory):
    """An untrained model for each of the shipped ones."""
    from lstm_core.checkpoint import save_checkpoint
    from lstm_core.tasks import TASKS
    from tests.pages import UNITS, small_model

    folder = tmp_path_factory.mktemp("zoo")
    for task in TASKS:
        for cell in UNITS:
            save_checkpoint(small_model(task, cell), folder / f"{task}-{cell}.safetensors")
    return folder


@pytest.fixture
def shipped(small_models, tmp_path, monkeypatch):
    """A folder of models, in place of the shipped ones, that a test may damage."""
    import streamlit as st

    from lstm_core import zoo

    for file in small_models.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(zoo, "path_of", lambda task, cell: tmp_path / f"{task}-{cell}.safetensors")
    monkeypatch.setenv("LSTM_DEVICE", "cpu")
    zoo.load.cache_clear()
    st.cache_resource.clear()
    yield tmp_path
    zoo.load.cache_clear()
    st.cache_resource.clear()
