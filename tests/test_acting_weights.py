"""Weights that a file keeps as parts: computed as torch does, or refused by what they are."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save as save_safetensors
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune
from torch.nn.utils import spectral_norm as old_spectral_norm

from lstm_core.convert import load_model
from lstm_core.model_files.state_dicts import find_stacks
from lstm_core.stacks import ModelFileError
from tests.torch_layouts import loaded, only


class Tagger(nn.Module):
    def __init__(self, cell=nn.LSTM, **options):
        super().__init__()
        self.emb = nn.Embedding(9, 3)
        self.rnn = cell(3, 4, **options)
        self.fc = nn.Linear(4 * (1 + self.rnn.bidirectional), 5)


def trained(model):
    """After some steps, so that nothing is as it was made."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        model.fc(model.rnn(model.emb(torch.arange(9)[:, None]))[0]).square().sum().backward()
        optimizer.step()
    return model.eval()


def assert_acts_alike(model, file):
    stack = only(file)
    assert (stack.embedding_name, stack.head_name) == ("emb", "fc")
    x = torch.randn(6, 1, 3)
    with torch.no_grad():
        torch.testing.assert_close(stack.module(x)[0], model.rnn(x)[0])


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("spectral", [parametrizations.spectral_norm, old_spectral_norm])
@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU, nn.RNN])
def test_spectral_norm_is_applied_as_in_evaluation(cell, spectral):
    torch.manual_seed(1)
    model = Tagger(cell, num_layers=2, bidirectional=True)
    spectral(model.rnn, "weight_hh_l0")
    spectral(model.rnn, "weight_ih_l1_reverse")
    trained(model)
    for file in (loaded(model.state_dict()), load_model(save_safetensors(model.state_dict()))):
        assert_acts_alike(model, file)
        told = next(each for each in file.remarks if each.code == "spectral-norm")
        assert told.fields["names"] == "rnn.weight_hh_l0, rnn.weight_ih_l1_reverse"


def test_spectral_norm_of_the_head_is_applied_too():
    model = Tagger()
    parametrizations.spectral_norm(model.fc)
    trained(model)
    stack = only(loaded(model.state_dict()))
    with torch.no_grad():
        torch.testing.assert_close(stack.head[0], model.fc.weight)


def test_weight_norm_of_the_head_is_applied_too():
    model = Tagger()
    parametrizations.weight_norm(model.fc)
    trained(model)
    stack = only(loaded(model.state_dict()))
    assert stack.head_name == "fc"
    torch.testing.assert_close(stack.head[0], model.fc.weight.detach())


def test_weight_norm_of_doubles_is_computed_in_doubles():
    model = nn.LSTM(3, 4).double()
    parametrizations.weight_norm(model, "weight_hh_l0")
    found = only(loaded(model.state_dict())).module.weight_hh_l0
    torch.testing.assert_close(found.data, model.weight_hh_l0.detach(), rtol=1e-14, atol=1e-15)


def test_head_stays_behind_a_stack_whose_every_weight_is_computed():
    """A computed weight lies in the place of its parts, so that the order of the file holds."""
    model = nn.ModuleDict({"rnn": nn.LSTM(4, 4, bias=False), "out": nn.Linear(4, 4, bias=False)})
    for name in ("weight_ih_l0", "weight_hh_l0"):
        prune.random_unstructured(model["rnn"], name, 0.5)
    assert only(loaded(model.state_dict())).head_name == "out"


@pytest.mark.parametrize("way", ["matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize("cell", [nn.LSTM, nn.RNN])
def test_orthogonal_weights_are_refused_with_the_way_out(cell, way):
    """Three maps keep the same parts, and no file says which of them it was."""
    model = Tagger(cell)
    parametrizations.orthogonal(model.rnn, "weight_hh_l0", way)
    trained(model)
    with pytest.raises(ModelFileError) as caught:
        loaded(model.state_dict())
    assert (caught.value.code, caught.value.fields["what"]) == ("parametrized", "orthogonal")
    assert "rnn.weight_hh_l0" in str(caught.value)
    assert "remove_parametrizations" in str(caught.value)
    with torch.no_grad():
        x = torch.randn(6, 1, 3)
        expected = model.rnn(x)[0]
    exec(caught.value.fields["how"], {"torch": torch, "layer": model.rnn})
    torch.testing.assert_close(only(loaded(model.state_dict())).module(x)[0], expected)


class Doubled(nn.Module):
    def forward(self, x):
        return 2 * x


def test_parametrization_of_ones_own_is_refused():
    model = Tagger()
    parametrize.register_parametrization(model.rnn, "bias_ih_l0", Doubled())
    with pytest.raises(ModelFileError, match="remove_parametrizations") as caught:
        loaded(model.state_dict())
    assert caught.value.code == "parametrized"


def test_two_parametrizations_of_one_weight_are_refused():
    model = Tagger()
    parametrizations.spectral_norm(model.rnn, "weight_hh_l0")
    parametrizations.spectral_norm(model.rnn, "weight_hh_l0")
    with pytest.raises(ModelFileError) as caught:
        loaded(model.state_dict())
    assert caught.value.code == "parametrized"


@pytest.mark.parametrize(
    "parts",
    [
        {"_orig": torch.ones(16, 4), "_u": torch.ones(4), "_v": torch.ones(16)},
        {"_orig": torch.ones(16), "_u": torch.ones(16), "_v": torch.ones(4)},
        {"_orig": torch.ones(()), "_u": torch.ones(()), "_v": torch.ones(())},
        {"_g": torch.ones(()), "_v": torch.ones(())},
        {"_g": torch.ones(4, 1), "_v": torch.ones(16, 4)},
        {"_orig": torch.ones(16, 4), "_mask": torch.ones(16)},
        {"_orig": torch.ones(16, 4)},
        {
            "_orig": torch.ones(16, 4, dtype=torch.complex64),
            "_u": torch.ones(16),
            "_v": torch.ones(4),
        },
        {"_g": torch.ones(16, 1, dtype=torch.int8), "_v": torch.ones(16, 4)},
    ],
)
def test_parts_that_do_not_fit_are_refused(parts):
    weights = nn.LSTM(3, 4).state_dict()
    del weights["weight_hh_l0"]
    with pytest.raises(ModelFileError) as caught:
        loaded(weights | {f"weight_hh_l0{end}": part for end, part in parts.items()})
    assert caught.value.code in ("shapes", "dtype", "parametrized")


def test_parametrized_convolution_beside_the_stack_is_left_alone():
    model = nn.ModuleDict({"conv": nn.Conv1d(2, 3, 3), "rnn": nn.LSTM(7, 4)})
    parametrizations.spectral_norm(model["conv"])
    parametrizations.weight_norm(model["conv"], "bias", dim=None)
    assert only(loaded(model.state_dict())).name == "rnn"


OWNERS = ("", "rnn.", "encoder.", "decoder.", "a.norm.", "enc_emb.", "optimizer.exp_avg.")
ENDS = ("", "_orig", "_mask", "_g", "_u", "_v", "_raw")
NAMES = st.one_of(
    st.builds(
        "{}{}{}".format,
        st.sampled_from(OWNERS),
        st.sampled_from(("weight", "bias", "h0", "weight_ih_l0", "weight_hh_l0", "bias_hh_l0")),
        st.sampled_from(ENDS),
    ),
    st.builds(
        "{}parametrizations.{}.{}".format,
        st.sampled_from(OWNERS),
        st.sampled_from(("weight", "weight_hh_l0", "weight_ih_l0")),
        st.sampled_from(("original", "original0", "original1", "0._u", "0._v", "0.base")),
    ),
)
TENSORS = st.builds(
    lambda shape, dtype: torch.ones(shape, dtype=dtype),
    st.one_of(st.lists(st.integers(0, 4), max_size=3), st.sampled_from([[4, 4], [4, 1], [4]])),
    st.sampled_from([torch.float32, torch.float64, torch.float16, torch.int8, torch.complex64]),
)


@settings(max_examples=600, deadline=None)
@given(st.dictionaries(NAMES, TENSORS, max_size=8), st.booleans())
def test_any_tensors_under_such_names_are_read_or_refused(tensors, ordered):
    good = {f"lstm.{key}": weight for key, weight in nn.LSTM(4, 4).state_dict().items()}
    for some in (tensors, tensors | good, good | tensors):
        try:
            stacks, _ = find_stacks(some, ordered=ordered)
        except ModelFileError:
            continue
        assert stacks
