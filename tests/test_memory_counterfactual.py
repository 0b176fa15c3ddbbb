"""Changing one token and running again, against torch's own modules run again in full."""

import copy
import importlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lstm_core import ModelConfig, SequenceModel, counterfactual, trace
from lstm_core.vocabulary import Vocabulary

EXACT = 1e-12
MODULES = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


def build(kind, features=3, units=4, **options):
    return MODULES[kind](features, units, **({"dtype": torch.float64} | options))


def walk(time=6, features=3, seed=0):
    return np.random.default_rng(seed).normal(size=(time, features))


def speller(kind, units=6, **options):
    config = ModelConfig(cell=kind, input_size=4, hidden_size=units, output_size=4, **options)
    return SequenceModel(config, Vocabulary.one_hot("abcd"))


def variants(inputs, replacements):
    for k in range(len(inputs)):
        changed = inputs.copy()
        changed[k] = replacements[k]
        yield changed


def naive(module, inputs, replacements, compare, **options):
    base = trace(module, inputs, **options)
    runs = [trace(module, changed, **options) for changed in variants(inputs, replacements)]
    return np.stack([compare(base, run) for run in runs])


def state_of(tr, layer=-1, direction=0):
    keys = ("h", "c") if tr.cell == "lstm" else ("h",)
    return np.concatenate([tr.select(key, layer, direction) for key in keys], axis=1)


@st.composite
def setups(draw):
    kind = draw(st.sampled_from(["lstm", "gru", "rnn"]))
    units = draw(st.integers(1, 5))
    options = {"num_layers": draw(st.integers(1, 3)), "bias": draw(st.booleans())}
    if kind == "lstm" and units > 1:
        options["proj_size"] = draw(st.integers(0, units - 1))
    if kind == "rnn":
        options["nonlinearity"] = draw(st.sampled_from(["tanh", "relu"]))
    options["bidirectional"] = draw(st.booleans())
    module = build(kind, draw(st.integers(1, 3)), units, **options)
    start = {}
    if draw(st.booleans()):
        rows = module.num_layers * (1 + module.bidirectional)
        rng = np.random.default_rng(draw(st.integers(0, 9)))
        start["h_0"] = rng.uniform(-0.9, 0.9, size=(rows, module.proj_size or units))
        if kind == "lstm":
            start["c_0"] = rng.normal(size=(rows, units))
    time = draw(st.integers(1, 9))
    return module, walk(time, module.input_size), walk(time, module.input_size, 1), start


@given(setups(), st.integers(0, 9), st.integers(0, 1))
@settings(max_examples=60)
def test_every_row_is_the_run_again_with_one_change(setup, layer, direction):
    module, inputs, replacements, start = setup
    place = (layer % module.num_layers, direction * module.bidirectional)

    def distance(base, run):
        return np.linalg.norm(state_of(run, *place) - state_of(base, *place), axis=1)

    expected = naive(module, inputs, replacements, distance, **start)
    found = counterfactual(
        module, inputs, replacements, layer=place[0], direction=place[1], **start
    )
    np.testing.assert_allclose(found, expected, rtol=0, atol=EXACT)


@pytest.mark.parametrize("kind", MODULES)
def test_scaled_is_the_distance_over_the_spread_of_the_whole_state(kind):
    module = build(kind, num_layers=2)
    states = state_of(trace(module, walk(9)))
    spread = np.sqrt(((states - states.mean(axis=0)) ** 2).sum(axis=1).mean())

    def distance(base, run):
        return np.linalg.norm(state_of(run) - state_of(base), axis=1) / spread

    expected = naive(module, walk(9), walk(9, seed=1), distance)
    found = counterfactual(module, walk(9), walk(9, seed=1), measure="scaled")
    np.testing.assert_allclose(found, expected, rtol=0, atol=EXACT)


def test_a_state_that_never_moves_has_no_spread():
    with pytest.raises(ValueError, match="no spread"):
        counterfactual(build("lstm"), walk(1), walk(1, seed=1), measure="scaled")


@pytest.mark.parametrize("kind", MODULES)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_output_is_the_divergence_of_the_answers_in_nats(kind, bidirectional):
    model = speller(kind, bidirectional=bidirectional).double()
    text, replacements = "abcdabca", "bcdabcda"

    def divergence(base, run):
        p, q = (np.exp(t.outputs) for t in (base, run))
        p, q = (e / e.sum(axis=1, keepdims=True) for e in (p, q))
        return (p * np.log(p / q)).sum(axis=1)

    ids = model.vocabulary.encode(text)
    expected = naive(model, ids, model.vocabulary.encode(replacements), divergence)
    found = counterfactual(model, text, replacements, measure="output")
    np.testing.assert_allclose(found, expected, rtol=0, atol=EXACT)
    assert found.max() > 1e-4


@pytest.mark.parametrize("kind", MODULES)
def test_before_the_change_is_exactly_zero_and_so_is_no_change(kind):
    replacements = walk(8, seed=1)
    replacements[3] = walk(8)[3]
    module = build(kind, dtype=torch.float32)
    found = counterfactual(module, walk(8), replacements)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(np.tril(found, -1), 0)
    np.testing.assert_array_equal(found[3], 0)
    assert (np.diag(found)[[0, 1, 2, 4, 5, 6, 7]] > 0).all()


def test_reading_backwards_it_is_zero_after_the_change():
    found = counterfactual(build("gru", bidirectional=True), walk(7), walk(7, seed=1), direction=1)
    np.testing.assert_array_equal(np.triu(found, 1), 0)
    assert (np.diag(found) > 0).all()


@pytest.mark.parametrize("kind", MODULES)
def test_in_several_batches_the_same(kind, monkeypatch):
    module = build(kind, num_layers=2)
    whole = counterfactual(module, walk(11), walk(11, seed=1))
    monkeypatch.setattr(importlib.import_module("lstm_core.counterfactual"), "_ROWS", 4)
    np.testing.assert_allclose(
        counterfactual(module, walk(11), walk(11, seed=1)), whole, rtol=0, atol=EXACT
    )


@pytest.mark.parametrize("kind", MODULES)
def test_float32_is_close_to_float64(kind):
    exact = build(kind, 5, 16)
    single = counterfactual(copy.deepcopy(exact).float(), walk(60, 5), walk(60, 5, 1))
    double = counterfactual(exact, walk(60, 5), walk(60, 5, 1))
    assert np.abs(single - double).max() < 1e-5


def test_leaves_the_module_alone():
    module = build("lstm")
    before = {name: value.clone() for name, value in module.state_dict().items()}
    counterfactual(module, walk(), walk(seed=1))
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert all(parameter.grad is None for parameter in module.parameters())


def test_a_network_that_copies_its_input_forgets_at_once():
    module = build("rnn", 1, 1)
    with torch.no_grad():
        for weight in module.parameters():
            weight.zero_()
        module.weight_ih_l0.fill_(1)
    found = counterfactual(module, np.zeros((4, 1)), np.ones((4, 1)))
    np.testing.assert_allclose(found, np.eye(4) * np.tanh(1), rtol=0, atol=EXACT)


def test_errors_say_what_was_wrong():
    with pytest.raises(ValueError, match="3 replacements for 6 steps"):
        counterfactual(build("rnn"), walk(), walk(3))
    with pytest.raises(ValueError, match=r"measure must be .* got 'nats'"):
        counterfactual(build("rnn"), walk(), walk(), measure="nats")
    with pytest.raises(ValueError, match="a bare module has no output"):
        counterfactual(build("rnn"), walk(), walk(), measure="output")
    with pytest.raises(IndexError, match="layer 1"):
        counterfactual(build("rnn"), walk(), walk(), layer=1)


@pytest.mark.gpu
@pytest.mark.parametrize("kind", MODULES)
def test_on_a_gpu_the_same(kind):
    module = build(kind)
    expected = counterfactual(module, walk(20), walk(20, seed=1))
    found = counterfactual(module.cuda(), walk(20), walk(20, seed=1))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)
