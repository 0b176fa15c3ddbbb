"""The step equations against torch's own cells, one step and all steps at once; and the scan."""

import numpy as np
import oracle
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.func import jacfwd, jacrev

from lstm_core.cells import gru_gates, gru_step, lstm_gates, lstm_output, lstm_step, rnn_step
from lstm_core.scan import linear_scan

EXACT = 1e-12


def weights_of(cell):
    return {name: value.detach() for name, value in cell.named_parameters()}


def build(kind, bias=True, **options):
    return oracle.CELLS[kind](3, 4, bias=bias, dtype=torch.float64, **options)


def draw(*shape, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def gap(found, expected):
    return max(float((found[key] - expected[key]).abs().max()) for key in expected)


@pytest.mark.parametrize("bias", [True, False])
def test_lstm_step_is_torchs_cell(bias):
    cell = build("lstm", bias)
    x, h, c = draw(3), draw(4, seed=2), draw(4, seed=3)
    with torch.no_grad():
        expected = oracle.lstm_signals(cell, x[None], h[None], c[None])
    assert gap(lstm_step(x, h, c, weights_of(cell)), expected) <= EXACT


@pytest.mark.parametrize("bias", [True, False])
def test_gru_step_is_torchs_cell(bias):
    cell = build("gru", bias)
    x, h = draw(3), draw(4, seed=2).tanh()
    with torch.no_grad():
        expected = oracle.gru_signals(cell, x[None], h[None])
    assert gap(gru_step(x, h, weights_of(cell)), expected) <= EXACT


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_rnn_step_is_torchs_cell(bias, nonlinearity):
    cell = build("rnn", bias, nonlinearity=nonlinearity)
    x, h = draw(3), draw(4, seed=2)
    with torch.no_grad():
        expected = {"h": cell(x[None], h[None])}
    assert gap(rnn_step(x, h, weights_of(cell), nonlinearity), expected) <= EXACT


@pytest.mark.parametrize(("kind", "gates"), [("lstm", lstm_gates), ("gru", gru_gates)])
def test_gates_of_many_steps_are_the_gates_of_each(kind, gates):
    weights = weights_of(build(kind))
    x, h = draw(5, 2, 3), draw(5, 2, 4, seed=2)
    together = gates(x, h, weights)
    for time in range(5):
        for sequence in range(2):
            alone = gates(x[time, sequence], h[time, sequence], weights)
            assert gap({k: v[time, sequence] for k, v in together.items()}, alone) <= EXACT


def test_projection_is_applied_to_the_output_alone():
    weights = weights_of(build("lstm"))
    weight_hr = draw(2, 4)
    o, c = draw(4).sigmoid(), draw(4, seed=2)
    projected = lstm_output(o, c, weights | {"weight_hr": weight_hr})
    assert torch.allclose(projected, weight_hr @ (o * c.tanh()), atol=EXACT)


# torch's own forward mode still calls what torch has deprecated.
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
def test_steps_can_be_differentiated_forwards_and_backwards():
    weights = weights_of(build("lstm"))
    x, h, c = draw(3), draw(4, seed=2), draw(4, seed=3)

    def next_c(c_prev):
        return lstm_step(x, h, c_prev, weights)["c"]

    f = lstm_gates(x, h, weights)["f"]
    for jacobian in (jacfwd(next_c)(c), jacrev(next_c)(c)):
        assert torch.allclose(jacobian, torch.diag(f), atol=EXACT)
    rnn = weights_of(build("rnn"))
    new = rnn_step(x, h, rnn)["h"]
    expected = torch.diag(1 - new**2) @ rnn["weight_hh"]
    for jacobian in (jacfwd, jacrev):
        found = jacobian(lambda state: rnn_step(x, state, rnn)["h"])(h)
        assert torch.allclose(found, expected, atol=EXACT)


def test_step_reads_no_other_frameworks_order():
    """A forget bias in torch's second block of rows must reach the forget gate, no other."""
    cell = build("lstm")
    with torch.no_grad():
        cell.bias_ih[4:8] = 50
    gates = lstm_gates(draw(3), draw(4), weights_of(cell))
    assert gates["f"].min() == 1
    assert max(gates[key].abs().max() for key in "igo") < 0.99


def recurrence(decay, gain, start):
    states, state = [], start
    for decay_t, gain_t in zip(decay, gain, strict=True):
        state = decay_t * state + gain_t
        states.append(state)
    return torch.stack(states)


@given(time=st.integers(1, 300), units=st.integers(1, 3), seed=st.integers(0, 99))
def test_scan_is_the_recurrence(time, units, seed):
    decay = draw(time, 2, units, seed=seed).sigmoid()
    gain, start = draw(time, 2, units, seed=seed + 1), draw(units, seed=seed + 2)
    found = linear_scan(decay, gain, start)
    assert (found - recurrence(decay, gain, start)).abs().max() <= EXACT


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_scan_with_gates_fully_shut_or_open(value):
    decay = torch.full((1000, 2), value, dtype=torch.float64)
    gain = draw(1000, 2)
    found = linear_scan(decay, gain, torch.ones(2, dtype=torch.float64))
    expected = gain if value == 0 else 1 + gain.cumsum(0)
    assert (found - expected).abs().max() <= 1e-10


def test_scan_where_products_underflow():
    decay = torch.full((5000, 1), 1e-30)
    found = linear_scan(decay, torch.ones(5000, 1), torch.full((1,), 1e30))
    np.testing.assert_array_equal(found[:3, 0], [2, 1, 1])
    np.testing.assert_array_equal(found[3:, 0], np.ones(4997, dtype=np.float32))


def test_scan_spoils_nothing_before_the_first_nan():
    decay, gain = draw(100, 1).sigmoid(), draw(100, 1, seed=2)
    gain[57] = torch.nan
    found = linear_scan(decay, gain, torch.zeros(1, dtype=torch.float64))
    expected = recurrence(decay, gain, torch.zeros(1, dtype=torch.float64))
    assert torch.isnan(found).squeeze().tolist() == [False] * 57 + [True] * 43
    assert (found[:57] - expected[:57]).abs().max() <= EXACT


def test_scan_leaves_its_arguments_alone():
    decay, gain, start = draw(50, 2).sigmoid(), draw(50, 2), draw(2)
    before = [t.clone() for t in (decay, gain, start)]
    linear_scan(decay, gain, start)
    for tensor, copy in zip((decay, gain, start), before, strict=True):
        assert torch.equal(tensor, copy)


def test_oracle_agrees_with_a_hand_computed_step():
    """The probes of `oracle` themselves, on numbers small enough to check by hand."""
    cell = nn.LSTMCell(1, 1, dtype=torch.float64)
    with torch.no_grad():
        cell.weight_ih[:] = torch.tensor([[1.0], [2.0], [3.0], [4.0]])
        for parameter in (cell.weight_hh, cell.bias_ih, cell.bias_hh):
            parameter.zero_()
        one = torch.ones(1, 1, dtype=torch.float64)
        found = oracle.lstm_signals(cell, one, one, one)
    sigmoid = {key: 1 / (1 + np.exp(-z)) for key, z in (("i", 1), ("f", 2), ("o", 4))}
    c = sigmoid["f"] + sigmoid["i"] * np.tanh(3)
    expected = {**sigmoid, "g": np.tanh(3), "c": c, "h": sigmoid["o"] * np.tanh(c)}
    for key, value in expected.items():
        assert float(found[key]) == pytest.approx(value, abs=EXACT)
