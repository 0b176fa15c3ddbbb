"""Numbered stacks of a PyTorch file that read each other: shown as one where all agrees."""

import numpy as np
import pytest
import torch
from safetensors.torch import save as save_safetensors
from torch import nn

from lstm_core import trace
from lstm_core.convert import load_model, model_of
from lstm_core.stacks import ModelFileError
from tests.torch_layouts import loaded, only


class Two(nn.Module):
    """The layout that people write by hand; what lies between is given."""

    def __init__(self, first, second, **between):
        super().__init__()
        self.lstm1 = first
        for name, part in between.items():
            setattr(self, name, part)
        self.lstm2 = second
        self.fc = nn.Linear(second.hidden_size * (1 + second.bidirectional), 2)

    def forward(self, x):
        return self.fc(self.lstm2(self.lstm1(x)[0])[0])


def names(file):
    return [stack.name for stack in file.stacks]


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("sizes", [(8, 5), (6, 6)])
def test_two_that_follow_each_other_are_one(sizes, both):
    low, high = sizes
    model = Two(
        nn.LSTM(3, low, num_layers=2, bidirectional=both),
        nn.LSTM(low * (1 + both), high, bidirectional=both),
    )
    for file in (loaded(model.state_dict()), load_model(save_safetensors(model.state_dict()))):
        stack = only(file)
        assert (stack.name, stack.units, stack.head_name) == ("lstm1", (low, low, high), "fc")
        assert "lstm1, lstm2" in next(r.message for r in file.remarks if r.code == "joined")
        x = torch.randn(7, 3)
        expected = model(x).detach()
        np.testing.assert_allclose(trace(model_of(stack), x).outputs, expected, atol=1e-6)


def test_cells_in_a_list_are_one():
    cells = nn.ModuleList([nn.GRUCell(3, 5), nn.GRUCell(5, 4)])
    stack = only(loaded({f"cells.{k}": w for k, w in cells.state_dict().items()}))
    x, (low, high) = torch.randn(7, 3), (torch.zeros(5), torch.zeros(4))
    for row in x:
        low = cells[0](row, low)
        high = cells[1](low, high)
    np.testing.assert_allclose(trace(stack.module, x)["h"][-1], high.detach(), atol=1e-6)


@pytest.mark.parametrize(
    "model",
    [
        Two(nn.LSTM(3, 8), nn.LSTM(8, 5), norm=nn.LayerNorm(8)),
        Two(nn.LSTM(3, 8), nn.LSTM(8, 5), mix=nn.Linear(8, 8)),
        Two(nn.LSTM(3, 8), nn.LSTM(3, 8)),
        Two(nn.LSTM(3, 8), nn.GRU(8, 5)),
        Two(nn.LSTM(3, 8), nn.LSTM(8, 5, bias=False)),
        Two(nn.LSTM(3, 4, bidirectional=True), nn.LSTM(8, 5)),
        nn.ModuleDict({"lstm1": nn.LSTM(3, 8), "lstm3": nn.LSTM(8, 5)}),
        nn.ModuleDict({"encoder": nn.LSTM(3, 8), "decoder": nn.LSTM(8, 5)}),
        nn.ModuleDict({"a1": nn.LSTM(3, 8), "b2": nn.LSTM(8, 5)}),
    ],
    ids=["norm", "linear", "side by side", "kind", "bias", "ways", "gap", "names", "stems"],
)
def test_two_stay_apart_where_anything_speaks_against_it(model):
    file = loaded(model.state_dict())
    assert len(names(file)) == 2
    assert "joined" not in [remark.code for remark in file.remarks]


def test_norm_counts_in_a_file_without_an_order():
    model = Two(nn.LSTM(3, 8), nn.LSTM(8, 5), norm=nn.LayerNorm(8))
    assert len(names(load_model(save_safetensors(model.state_dict())))) == 2


def test_layers_of_one_name_and_of_sizes_that_do_not_fit_are_refused():
    weights = {
        key.replace("_l0", f"_l{number}"): weight
        for number, layer in enumerate([nn.LSTM(3, 8), nn.LSTM(7, 5)])
        for key, weight in layer.state_dict().items()
    }
    with pytest.raises(ModelFileError, match="8 columns"):
        loaded(weights)
