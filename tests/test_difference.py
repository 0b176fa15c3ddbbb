"""The difference of two traces: a trace of signals, and of nothing that would be untrue."""

import numpy as np
import pytest
import torch
from torch import nn

from lstm_core import (
    Intervention,
    Trace,
    difference,
    gate_saturation,
    ledger,
    passive_half_life,
    retention,
    trace,
)
from lstm_core.signals import SIGNALS
from viz.gates import gate_figure, heat_map


def two(cell: str = "LSTM", **options) -> tuple[Trace, Trace]:
    torch.manual_seed(5)
    module = getattr(nn, cell)(3, 4, num_layers=2, **options)
    inputs = torch.randn(9, 3)
    change = Intervention(signal="h", op="add", value=0.5, units=1, times=4, layer=0)
    return trace(module, inputs, interventions=[change]), trace(module, inputs)


@pytest.mark.parametrize("cell", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_every_signal_state_and_input_is_subtracted(cell, bidirectional):
    changed, original = two(cell, bidirectional=bidirectional)
    found = difference(changed, original)
    assert found.quantity == "difference"
    for one, a, b in zip(found.layers, changed.layers, original.layers, strict=True):
        for signal in SIGNALS[cell.lower()]:
            np.testing.assert_array_equal(one[signal.key], a[signal.key] - b[signal.key])
        np.testing.assert_array_equal(one.inputs, a.inputs - b.inputs)
    assert np.abs(found.layer(1)["h"]).max() > 0


def test_nothing_differs_before_a_change():
    found = difference(*two())
    assert not np.any(found["c"][:4])
    assert np.all(np.any(found["c"][4:], axis=1))


def test_a_difference_has_no_preactivation():
    with pytest.raises(KeyError, match="it has signals only"):
        difference(*two()).select("z_f")


@pytest.mark.parametrize(
    "measure",
    [
        lambda t: ledger(t, 3),
        lambda t: retention(t, 2),
        passive_half_life,
        gate_saturation,
    ],
)
def test_no_measure_of_memory_takes_a_difference(measure):
    with pytest.raises(ValueError, match="expected a trace of values"):
        measure(difference(*two()))


def test_a_difference_comes_back_from_its_file(tmp_path):
    found = difference(*two())
    found.save(tmp_path / "d.npz")
    again = Trace.load(tmp_path / "d.npz")
    assert again.quantity == "difference"
    np.testing.assert_array_equal(again["f"], found["f"])


def test_a_difference_says_that_it_is_one():
    assert repr(difference(*two())).startswith("Trace(LSTM difference, 2 layers of 4 units")


def test_a_gates_difference_is_drawn_around_zero():
    found = difference(*two())
    bar = heat_map(found, "f").data[0]
    assert bar.zmin == -bar.zmax < 0
    lanes = [lane for lane in gate_figure(found).data if lane.name in found.layer().signals]
    assert len(lanes) == 6
    assert all(lane.zmin == -lane.zmax for lane in lanes)
    assert "changed minus original" in heat_map(found, "f").layout.title.text


def test_a_difference_that_is_mostly_zero_ends_at_its_largest_value():
    torch.manual_seed(2)
    module, inputs = nn.LSTM(3, 8), torch.randn(60, 3)
    shut = Intervention(signal="f", op="set", value=0, units=2, times=20)
    found = difference(trace(module, inputs, interventions=[shut]), trace(module, inputs))
    assert heat_map(found, "f").data[0].zmax == np.abs(found["f"]).max()


def test_traces_of_different_sizes_are_refused():
    torch.manual_seed(0)
    inputs = torch.randn(5, 3)
    one, other = trace(nn.LSTM(3, 4), inputs), trace(nn.LSTM(3, 5), inputs)
    with pytest.raises(ValueError, match="differ in sizes"):
        difference(one, other)
    with pytest.raises(ValueError, match="differ in number of steps"):
        difference(one, trace(nn.LSTM(3, 4), inputs[:3]))
    with pytest.raises(ValueError, match="differ in cell"):
        difference(one, trace(nn.GRU(3, 4), inputs))


def test_a_difference_of_differences_is_refused():
    found = difference(*two())
    with pytest.raises(ValueError, match="is a difference itself"):
        difference(found, found)


def test_retention_follows_a_forget_gate_that_was_changed():
    torch.manual_seed(1)
    module, inputs = nn.LSTM(3, 4), torch.randn(8, 3)
    shut = Intervention(signal="f", op="set", value=0.25, units=2, times=range(3, 5))
    found = retention(trace(module, inputs, interventions=[shut]), 2)
    assert found[4, 2] == pytest.approx(0.25**2)
    untouched = trace(module, inputs)
    np.testing.assert_allclose(found[3, 0], untouched["f"][3, 0], rtol=1e-5)
