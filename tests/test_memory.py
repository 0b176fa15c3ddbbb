"""Retention, time constants and saturation: known answers, and torch's own cells let alone."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lstm_core import (
    Intervention,
    bias_to_time_constant,
    gate_saturation,
    passive_half_life,
    passive_time_constant,
    retention,
    time_constant_to_bias,
    trace,
)

EXACT = 1e-12


def walk(time=6, features=3, seed=0):
    return np.random.default_rng(seed).normal(size=(time, features))


def constant_gate(kind, value, units=2):
    """A module in which the gate that keeps is `value` whatever is read."""
    module = {"lstm": nn.LSTM, "gru": nn.GRU}[kind](3, units, dtype=torch.float64)
    rows = slice(units, 2 * units)  # f of i f g o, z of r z n
    with torch.no_grad():
        for weight in module.parameters():
            weight[rows] = 0
        module.bias_ih_l0[rows] = np.log(value / (1 - value))
    return module


@pytest.mark.parametrize("kind", ["lstm", "gru"])
@pytest.mark.parametrize(("gate", "half_life"), [(0.5, 1), (0.9, 6.579), (0.99, 68.968)])
def test_half_life_of_a_constant_gate(kind, gate, half_life):
    tr = trace(constant_gate(kind, gate), walk(20))
    np.testing.assert_allclose(passive_half_life(tr), [half_life] * 2, rtol=0, atol=5e-4)
    np.testing.assert_allclose(passive_time_constant(tr), -1 / np.log(gate), rtol=EXACT)


def test_a_gate_that_never_closes_never_forgets():
    module = constant_gate("lstm", 0.5)
    with torch.no_grad():
        module.bias_ih_l0[2:4] = 800
    tr = trace(module, walk(20))
    assert np.isposinf(passive_half_life(tr)).all()
    np.testing.assert_array_equal(retention(tr, 3)[3:], 1)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
@given(st.integers(0, 11), st.integers(0, 9))
def test_retention_is_the_product_of_the_gates_since_then(kind, since, seed):
    module = {"lstm": nn.LSTM, "gru": nn.GRU}[kind](3, 4, bidirectional=True).double()
    tr = trace(module, walk(12, seed=seed))
    for direction in (0, 1):
        gate = tr.select({"lstm": "f", "gru": "z"}[kind], direction=direction)
        kept = retention(tr, since, direction=direction)
        assert kept.shape == (12, 4)
        for t in range(12):
            if (t < since) != bool(direction) and t != since:
                assert np.isnan(kept[t]).all()
            else:
                between = gate[t:since] if direction else gate[since + 1 : t + 1]
                np.testing.assert_allclose(kept[t], between.prod(axis=0), rtol=1e-10)


def test_retention_does_not_vanish_where_a_product_in_float32_would():
    module = constant_gate("lstm", 0.01).float()
    kept = retention(trace(module, walk(101)), 0)
    np.testing.assert_allclose(kept[100], [1e-200] * 2, rtol=1e-4)


def test_half_life_is_of_the_mean_logarithm_and_not_of_the_mean_gate():
    module = constant_gate("lstm", 0.5)
    with torch.no_grad():
        module.weight_ih_l0[2:4, 0] = 1
    inputs = np.zeros((2, 3))
    inputs[:, 0] = np.log([9, 1 / 9])  # gates of 0.9 and 0.1
    half_life = passive_half_life(trace(module, inputs))
    np.testing.assert_allclose(half_life, np.log(2) / -np.log(np.sqrt(0.9 * 0.1)), rtol=1e-10)


@given(st.floats(1e-2, 1e9))
def test_bias_and_time_constant_are_each_others_inverse(steps):
    assert bias_to_time_constant(time_constant_to_bias(steps)) == pytest.approx(steps, rel=1e-9)


def test_bias_of_a_time_constant_is_mahtos():
    steps = np.array([0.5, 1.0, 10.0, 100.0])
    expected = -np.log(np.exp(1 / steps) - 1)
    np.testing.assert_allclose(time_constant_to_bias(steps), expected, rtol=1e-10)
    gate = 1 / (1 + np.exp(-expected))
    np.testing.assert_allclose(gate**steps, 1 / np.e, rtol=1e-10)
    for bad in (0, -1, np.nan):
        with pytest.raises(ValueError, match="positive number of steps"):
            time_constant_to_bias(bad)


@pytest.mark.parametrize("bias", [-300, -1, 0, 1, 300])
def test_bias_comes_back_from_its_time_constant(bias):
    assert time_constant_to_bias(bias_to_time_constant(bias)) == pytest.approx(bias, abs=1e-9)


def test_saturation_counts_steps():
    module = constant_gate("lstm", 0.5)
    with torch.no_grad():
        module.weight_ih_l0[2:4, 0] = 1
    inputs = np.zeros((4, 3))
    inputs[:, 0] = [-5, 5, 5, 0]
    saturation = gate_saturation(trace(module, inputs))
    assert saturation.shut.keys() == {"f", "i", "o"}
    np.testing.assert_array_equal(saturation.shut["f"], [0.25, 0.25])
    np.testing.assert_array_equal(saturation.open["f"], [0.5, 0.5])
    wider = gate_saturation(trace(module, inputs), high=0.4)
    np.testing.assert_array_equal(wider.open["f"], [0.75, 0.75])


def test_saturation_of_a_gru_is_of_its_two_gates():
    saturation = gate_saturation(trace(constant_gate("gru", 0.95), walk()))
    assert saturation.open.keys() == {"r", "z"}
    np.testing.assert_array_equal(saturation.open["z"], [1, 1])
    np.testing.assert_array_equal(saturation.shut["z"], [0, 0])


def test_a_plain_rnn_has_none_of_it():
    tr = trace(nn.RNN(3, 4), walk())
    for function in (lambda: retention(tr, 0), lambda: passive_half_life(tr)):
        with pytest.raises(ValueError, match="plain RNN has no multiplicative carry"):
            function()
    with pytest.raises(ValueError, match="plain RNN has no gates"):
        gate_saturation(tr)


def test_a_step_outside_the_sequence_is_named():
    with pytest.raises(IndexError, match="step 6 of a sequence with 6"):
        retention(trace(nn.LSTM(3, 4), walk()), 6)


def test_a_gate_that_never_forgets_has_an_endless_time_constant_and_bias():
    assert time_constant_to_bias(np.inf) == np.inf
    assert time_constant_to_bias(1e-320) == -np.inf  # -1e320 is no float64
    np.testing.assert_array_equal(
        bias_to_time_constant([800, np.inf, -np.inf, np.nan]), [np.inf, np.inf, 0, np.nan]
    )
    assert bias_to_time_constant(time_constant_to_bias(np.inf)) == np.inf


@pytest.mark.parametrize("steps", ["1e-300", "1e-3", "0.7", "1.44", "2", "40", "1e9", "1e300"])
def test_bias_of_a_time_constant_to_the_last_digits(steps):
    with localcontext() as context:
        context.prec = 80
        rate = 1 / Decimal(float(steps))
        # ln(e^r - 1), as a series where e^r is no number and where it is nearly 1
        if rate > 1000:
            expected = -rate
        elif rate < Decimal("1e-30"):
            expected = -rate.ln()
        else:
            expected = -(rate.exp() - 1).ln()
    assert time_constant_to_bias(float(steps)) == pytest.approx(float(expected), rel=1e-15)


@pytest.mark.parametrize("bias", [-1e300, -745, -1, 0, 1, 36.5, 300, 700, 709.7])
def test_time_constant_of_a_bias_to_the_last_digits(bias):
    with localcontext() as context:
        context.prec = 700
        grown = -Decimal(bias)
        expected = 1 / (grown if grown > 1000 else (1 + grown.exp()).ln())
    assert bias_to_time_constant(bias) == pytest.approx(float(expected), rel=1e-14)


@pytest.mark.parametrize("bias", [712, 730, 744, 745, 746])
def test_a_time_constant_beyond_every_number_is_infinite(bias):
    module = constant_gate("lstm", 0.5)
    with torch.no_grad():
        module.bias_ih_l0[2:4] = bias
    assert np.isposinf(passive_time_constant(trace(module, walk()))).all()


def test_gates_above_1_never_leave_less():
    held = Intervention(signal="f", op="set", value=(2, 1))
    tr = trace(nn.LSTM(3, 2), walk(1200), interventions=[held])
    np.testing.assert_array_equal(passive_time_constant(tr), [np.inf, np.inf])
    kept = retention(tr, 0)
    np.testing.assert_allclose(kept[:4, 0], [1, 2, 4, 8], rtol=EXACT)
    assert kept[-1, 0] == np.inf


@pytest.mark.parametrize("direction", [0, 1])
def test_retention_of_negative_gates_is_their_product(direction):
    held = Intervention(signal="f", op="set", value=-0.5, direction=direction)
    tr = trace(nn.LSTM(3, 1, bidirectional=True), walk(5), interventions=[held])
    kept = retention(tr, 2, direction=direction)[:, 0]
    expected = [np.nan, np.nan, 1, -0.5, 0.25]
    np.testing.assert_allclose(kept[::-1] if direction else kept, expected, rtol=EXACT)
    constant = passive_time_constant(tr, direction=direction)
    np.testing.assert_allclose(constant, 1 / np.log(2), rtol=EXACT)
