"""Models that PyTorch exported with something before their layer, against ONNX Runtime.

Graphs made by hand are in `test_onnx_before`.
"""

import io
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from lstm_core import trace
from lstm_core.convert import load_model, model_of
from tests.onnx_graphs import TOLERANCE, codes, numbers, only, run, shown_by


class Around(nn.Module):
    """A torch model with something before its layer, or with states of its own to start from."""

    def __init__(self, *first, ids=False, learnt=False):
        super().__init__()
        self.first, self.ids = nn.Sequential(*first), ids
        self.rnn = nn.LSTM(4, 5, batch_first=True)
        self.h0 = nn.Parameter(torch.randn(1, 1, 5)) if learnt else None

    def forward(self, x):
        x = self.first(x)
        if self.h0 is None:
            return self.rnn(x)[0]
        start = self.h0.expand(1, x.shape[0], 5).contiguous()
        return self.rnn(x, (start, start))[0]


class Turned(nn.Module):
    """A layer that reads features in the second place, as torch's normalisation of batches does."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x.transpose(1, 2)).transpose(1, 2)


def exported(model, *, dynamic=True):
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.2, 3)
    file = io.BytesIO()
    axes = {"X": {0: "batch", 1: "time"}} if dynamic else None
    example = torch.zeros(1, 6, dtype=torch.long) if model.ids else torch.randn(1, 6, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter is old, and so are many people's files
        torch.onnx.export(
            model.eval(), (example,), file, dynamo=False, input_names=["X"], dynamic_axes=axes,
            output_names=["Y"],
        )  # fmt: skip
    return file.getvalue()


@pytest.mark.parametrize("dynamic", [False, True], ids=["fixed", "dynamic"])
@pytest.mark.parametrize(
    "first",
    [
        lambda: [nn.Linear(3, 4)],
        lambda: [nn.Linear(3, 4, bias=False), nn.Dropout(0.1), Turned(nn.BatchNorm1d(4))],
        lambda: [nn.Linear(3, 6), nn.Linear(6, 4)],
    ],
)
def test_model_exported_by_pytorch_has_the_runtimes_states(first, dynamic):
    data, x = exported(Around(*first()), dynamic=dynamic), numbers(6, 3)
    stack = only(data)
    assert (codes(data), stack.module.input_size) == (["folded"], 3)
    expected = run(data, X=x[None])[0][0]
    np.testing.assert_allclose(shown_by(stack, x), expected, rtol=0, atol=TOLERANCE)


def test_map_after_an_embedding_is_folded_and_the_embedding_kept():
    data = exported(Around(nn.Embedding(9, 3), nn.Linear(3, 4), ids=True))
    stack, ids = only(data), [3, 1, 8, 0, 5, 2]
    assert (codes(data), tuple(stack.embedding.shape)) == (["folded"], (9, 3))
    expected = run(data, X=np.array([ids]))[0][0]
    np.testing.assert_allclose(trace(model_of(stack), ids)["h"], expected, rtol=0, atol=TOLERANCE)


def test_exported_layers_that_are_no_maps_are_told():
    data = exported(Around(nn.Linear(3, 4), nn.ReLU(), nn.LayerNorm(4)))
    assert codes(data) == ["before-stack"]
    names = load_model(data).remarks[0].fields["names"]
    assert all(part in names for part in ("MatMul", "Relu", "Norm"))


def test_states_that_were_learnt_are_told():
    assert codes(exported(Around(nn.Linear(3, 4), learnt=True))) == ["initial-state", "folded"]
