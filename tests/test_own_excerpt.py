"""What of a large trace is sent to the browser: bounded, and exact as far as it goes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lstm_core.signals import PACKED, SIGNALS
from lstm_core.trace import trace
from tests.test_payload import array, decode
from viz.excerpt import FEWEST_STEPS, FEWEST_UNITS, Excerpt, cut, excerpt_of, left_out
from viz.payload import Part, packed
from viz.state import ViewState

KINDS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


def traced(cell: str = "lstm", steps: int = 12, units: int = 10, **options):
    torch.manual_seed(0)
    module = KINDS[cell](3, units, **options).double()
    inputs = np.random.default_rng(0).standard_normal((steps, 3))
    return trace(module, inputs)


def part_of(whole, **place) -> Part:
    return Part(key="l", trace=whole, **place)


def sent(whole, **place):
    header, floats = decode(packed([part_of(whole, **place)], None, ViewState(preset="own")))
    return header["parts"][0], floats


def test_small_trace_is_sent_whole():
    whole = traced(num_layers=2, bidirectional=True)
    excerpt = excerpt_of(whole)
    assert excerpt.is_whole(whole)
    assert cut(whole, excerpt) is whole
    assert left_out(whole, excerpt) == []


@settings(max_examples=25, deadline=None)
@given(
    cell=st.sampled_from(sorted(KINDS)),
    steps=st.integers(60, 400),
    units=st.integers(9, 48),
    layers=st.integers(1, 3),
    most=st.integers(20_000, 200_000),
)
def test_bytes_sent_stay_within_the_limit(cell, steps, units, layers, most):
    whole = traced(cell, steps, units, num_layers=layers)
    excerpt = excerpt_of(whole, most)
    shown = cut(whole, excerpt)
    floats = sum(
        values.size
        for layer in shown.layers
        for values in (layer.inputs, *layer.signals.values(), *layer.weights.values())
    )
    least = excerpt.steps == min(FEWEST_STEPS, steps) or min(excerpt.units) == FEWEST_UNITS
    assert floats <= 1.1 * most or least


def test_something_is_sent_however_large_the_model():
    whole = traced(steps=100, units=64)
    excerpt = excerpt_of(whole, most=10)
    assert (excerpt.steps, excerpt.units) == (FEWEST_STEPS, (FEWEST_UNITS,))
    ((layer, units),) = left_out(whole, excerpt)
    assert (layer.layer, units) == (0, FEWEST_UNITS)


@pytest.mark.parametrize("cell", sorted(KINDS))
def test_arithmetic_of_a_shown_unit_still_gives_its_gate(cell):
    """As viz/stage/arithmetic.js does it: a row of each weight, every state before."""
    whole = traced(cell)
    shown = cut(whole, Excerpt(steps=7, units=(4,))).layer()
    before = np.concatenate([shown.h_0[None], shown.signals["h"][:-1]])
    for place, gate in enumerate(PACKED[cell]):
        for unit in range(4):
            row = place * 4 + unit
            x = shown.inputs @ shown.weights["weight_ih"][row] + shown.weights["bias_ih"][row]
            h = before @ shown.weights["weight_hh"][row] + shown.weights["bias_hh"][row]
            reset = shown.signals["r"][:, unit] if (cell, gate) == ("gru", "n") else 1
            squash = np.tanh if gate in "gnh" else lambda z: 1 / (1 + np.exp(-z))
            np.testing.assert_allclose(
                squash(x + reset * h), shown.signals[gate][:, unit], atol=1e-12
            )


def test_every_signal_of_the_excerpt_is_the_trace_s_own():
    whole = traced(num_layers=2)
    shown = cut(whole, Excerpt(steps=5, units=(3, 10)))
    assert len(shown) == 5
    for layer in range(2):
        for signal in SIGNALS["lstm"]:
            values = shown.select(signal.key, layer)
            np.testing.assert_array_equal(
                values, whole.select(signal.key, layer)[:5, : values.shape[1]]
            )
    assert shown.layer(0).hidden_size == 3
    assert shown.layer(1).hidden_size == 10


def test_backwards_the_excerpt_goes_on_from_the_first_step_left_out():
    whole = traced(bidirectional=True)
    shown = cut(whole, Excerpt(steps=5, units=(10, 10)))
    for key in "hc":
        before = whole.layer(0, 1).previous(key)[:5]
        np.testing.assert_array_equal(shown.layer(0, 1).previous(key), before)


def test_projected_states_and_their_weight_are_cut_where_the_units_are():
    whole = traced(proj_size=4)
    shown = cut(whole, Excerpt(steps=5, units=(6,))).layer()
    assert shown.signals["h"].shape == (5, 4)
    assert shown.weights["weight_hr"].shape == (4, 6)


def test_stage_is_told_of_as_many_units_as_it_gets():
    whole = cut(traced(), Excerpt(steps=5, units=(4,)))
    part, floats = sent(whole)
    assert part["units"] == 4
    assert {lane["units"] for lane in part["lanes"]} == {4}
    assert part["unit"] < 4
    h = next(lane for lane in part["lanes"] if lane["key"] == "h")
    assert array(floats, h["values"]).shape == (5, 10)
    assert array(floats, part["weights"]["weight_hh"]).shape == (16, 10)


def test_text_and_answers_end_where_the_excerpt_does():
    whole = replace(traced(), tokens=tuple("abcdefghijkl"), outputs=np.zeros((12, 2)))
    shown = cut(whole, Excerpt(steps=5, units=(10,)))
    assert shown.tokens == tuple("abcde")
    assert shown.outputs.shape == (5, 2)
