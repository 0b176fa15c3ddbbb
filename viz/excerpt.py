"""How much of a large trace travels to the browser: the first steps and units of every layer.

What is sent is exact, the arithmetic behind a gate too: the state of every unit goes along where a
row of weights needs it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lstm_core.signals import PACKED, SIGNALS
from lstm_core.trace import LayerTrace, Trace

MOST_NUMBERS = 8_000_000
"""The most numbers that are sent for one sequence: 32 MB of float32."""

FEWEST_STEPS, FEWEST_UNITS = 50, 8
"""Steps and units that are sent however large the model is."""


@dataclass(frozen=True, kw_only=True)
class Excerpt:
    """What is sent.

    Attributes:
        steps: the first so many of the sequence.
        units: the first so many of each layer, in the order of `Trace.layers`.
    """

    steps: int
    units: tuple[int, ...]

    def is_whole(self, trace: Trace) -> bool:
        """Whether nothing of `trace` is left out."""
        sizes = tuple(layer.hidden_size for layer in trace.layers)
        return self.steps == len(trace) and self.units == sizes


def excerpt_of(trace: Trace, most: int = MOST_NUMBERS) -> Excerpt:
    """The largest excerpt of at most about `most` numbers.

    Half of them are for weights, shared evenly by the layers, half for what changes with the step.
    """
    share = most // (2 * len(trace.layers))
    units = tuple(_units(layer, share) for layer in trace.layers)
    a_step = sum(map(_numbers_a_step, trace.layers, units))
    steps = max(FEWEST_STEPS, most // 2 // a_step)
    return Excerpt(steps=min(len(trace), steps), units=units)


def _units(layer: LayerTrace, share: int) -> int:
    a_unit = sum(w.shape[1] for n, w in layer.weights.items() if n in ("weight_ih", "weight_hh"))
    fit = share // (a_unit * len(PACKED[layer.cell]))
    return min(layer.hidden_size, max(FEWEST_UNITS, fit))


def _numbers_a_step(layer: LayerTrace, units: int) -> int:
    states = layer.signals["h"].shape[1]
    return layer.inputs.shape[1] + (len(SIGNALS[layer.cell]) - 1) * units + states


def cut(trace: Trace, excerpt: Excerpt) -> Trace:
    """The excerpt of a trace, for the stage only: a layer's `h` still has all of its units."""
    if excerpt.is_whole(trace):
        return trace
    steps = excerpt.steps
    pairs = zip(trace.layers, excerpt.units, strict=True)
    return replace(
        trace,
        layers=tuple(_cut_layer(layer, steps, units) for layer, units in pairs),
        tokens=None if trace.tokens is None else trace.tokens[:steps],
        outputs=None if trace.outputs is None else trace.outputs[:steps],
    )


def _cut_layer(layer: LayerTrace, steps: int, units: int) -> LayerTrace:
    signals = {
        key: values[:steps] if key == "h" else values[:steps, :units]
        for key, values in layer.signals.items()
    }
    h_0, c_0 = layer.h_0, layer.c_0
    if layer.direction and steps < len(layer):
        # Read backwards, the excerpt goes on from the state of the first step left out.
        h_0 = layer.signals["h"][steps]
        c_0 = layer.signals["c"][steps] if "c" in layer.signals else None
    weights = {name: _rows(layer, name, units) for name in layer.weights}
    return replace(
        layer, inputs=layer.inputs[:steps], signals=signals, weights=weights, h_0=h_0, c_0=c_0
    )


def _rows(layer: LayerTrace, name: str, units: int) -> np.ndarray:
    """The rows of one weight that belong to the first `units` of every gate."""
    weight = layer.weights[name]
    if name == "weight_hr":
        return weight[:, :units]
    gates = weight.reshape(len(PACKED[layer.cell]), layer.hidden_size, *weight.shape[1:])
    return gates[:, :units].reshape(-1, *weight.shape[1:])


def left_out(trace: Trace, excerpt: Excerpt) -> Sequence[tuple[LayerTrace, int]]:
    """The layers of which units are left out, each with the number of units that is sent."""
    pairs = zip(trace.layers, excerpt.units, strict=True)
    return [(layer, units) for layer, units in pairs if units < layer.hidden_size]
