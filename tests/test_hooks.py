"""Modules whose weights or inputs are not what they seem: right numbers, or a refusal."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from lstm_core import WeightEdit, counterfactual, edited, trace, trace_many

pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")

WRAPPERS = {
    "weight norm": lambda m: nn.utils.weight_norm(m, "weight_hh_l0"),
    "spectral norm": lambda m: nn.utils.spectral_norm(m, "weight_hh_l0"),
    "pruning": lambda m: prune.l1_unstructured(m, "weight_hh_l0", 0.5),
    "pruned twice": lambda m: prune.random_unstructured(
        prune.l1_unstructured(m, "weight_hh_l0", 0.3), "weight_hh_l0", 0.3
    ),
    "newer weight norm": lambda m: parametrizations.weight_norm(m, "weight_hh_l0"),
    "newer spectral norm": lambda m: parametrizations.spectral_norm(m, "weight_hh_l0"),
    "orthogonal": lambda m: parametrizations.orthogonal(m, "weight_hh_l0"),
}


def wrapped(name, kind=nn.LSTM):
    torch.manual_seed(3)
    module = WRAPPERS[name](kind(3, 5))
    module(torch.ones(2, 3))
    return module.eval()


def moved(module):
    """`module` after a step of training, not called since."""
    with torch.no_grad():
        for weight in module.parameters():
            weight += torch.randn_like(weight) * 0.3
    return module


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("name", WRAPPERS)
def test_trace_is_of_the_weights_that_would_act_now(name, kind):
    module, x = moved(wrapped(name, kind)), torch.randn(8, 3)
    before = {key: value.clone() for key, value in module.state_dict().items()}
    found = trace(module, x)["h"]
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())
    np.testing.assert_allclose(found, module(x)[0].detach(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", WRAPPERS)
def test_loaded_weights_act_at_once(name):
    module, other = wrapped(name), moved(wrapped(name))
    module.load_state_dict(other.state_dict())
    x = torch.randn(8, 3)
    np.testing.assert_allclose(trace(module, x)["h"], other(x)[0].detach(), rtol=0, atol=1e-6)
    found = counterfactual(module, x, torch.zeros_like(x))
    assert found.shape == (8, 8)


@pytest.mark.parametrize("name", WRAPPERS)
def test_edit_that_would_be_lost_is_refused(name):
    with pytest.raises(ValueError, match="weight_hh_l0 anew"):
        edited(wrapped(name), [WeightEdit(op="scale_recurrent", gate="f", value=2)])


HOOKS = {
    "inputs": lambda m: m.register_forward_pre_hook(lambda _, given: (given[0] + 1, *given[1:])),
    "outputs": lambda m: m.register_forward_hook(lambda _, given, out: (out[0] * 2, out[1])),
}


@pytest.mark.parametrize("run", [trace, lambda m, x: trace_many(m, [x])], ids=["one", "many"])
@pytest.mark.parametrize("name", HOOKS)
def test_hook_that_changes_something_is_refused(name, run):
    module = nn.LSTM(3, 5, num_layers=2, bidirectional=True)
    HOOKS[name](module)
    with pytest.raises(ValueError, match="a hook on the module changes"):
        run(module, torch.randn(8, 3))


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_hook_that_only_looks_is_let_be(kind, batch_first):
    module = kind(3, 5, num_layers=2, dropout=0.5, bidirectional=True, batch_first=batch_first)
    plain, seen = copy.deepcopy(module), []
    module.register_forward_hook(lambda _, given, out: seen.append(out[0]))
    module.register_forward_pre_hook(lambda _, given: None)
    x = torch.randn(8, 3)
    h_0 = torch.randn(4, 5)
    assert np.array_equal(trace(module, x, h_0=h_0)["h"], trace(plain, x, h_0=h_0)["h"])
    assert module.training
    assert len(seen) == 1
