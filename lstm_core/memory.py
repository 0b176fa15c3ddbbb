"""Forgetting by design: how fast the gates alone let a cell's content fade, and how shut they are.

Passive: what the gate that keeps the state multiplies it by. A trained network also writes what it
knows again and again, and so remembers for longer than this says. The gate that keeps is an LSTM's
forget gate and a GRU's update gate; a plain RNN has none.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lstm_core.signals import SIGNALS
from lstm_core.trace import LayerTrace, Trace

_KEEP = {"lstm": "f", "gru": "z"}

_ROUNDING = 1e-5
"""A gate further than this from its own pre-activation was changed."""


def retention(trace: Trace, since: int, *, layer: int = -1, direction: int = 0) -> np.ndarray:
    """The share of each unit's content right after step `since` that is left, ``[time, unit]``.

    The product of the keep gates read since then: 1 at `since`, NaN at what was read before it.
    Found as a sum of logarithms of the gates in float64, so that a share of 1e-300 is still one.

    Raises:
        ValueError: for a plain RNN, or a difference of traces.
        IndexError: if there is no such step, layer or direction.

    >>> from torch import nn, ones
    >>> from lstm_core import Intervention, retention, trace
    >>> half = Intervention(signal="f", op="set", value=0.5)
    >>> traced = trace(nn.LSTM(3, 1), ones(4, 3), interventions=[half])
    >>> retention(traced, since=1)[:, 0].round(6).tolist()
    [nan, 1.0, 0.5, 0.25]
    """
    one = trace.layer(layer, direction)
    logs = _in_reading_order(one, _log_keep(one))
    start = place_in_reading(one, since)
    kept = np.full(logs.shape, np.nan)
    kept[start] = 1
    with np.errstate(over="ignore"):  # gates above 1, by an intervention, may keep too much
        kept[start + 1 :] = np.exp(np.cumsum(logs[start + 1 :], axis=0))
    kept[start + 1 :] *= np.cumprod(_signs(one)[start + 1 :], axis=0)
    return _in_reading_order(one, kept)


def passive_time_constant(trace: Trace, *, layer: int = -1, direction: int = 0) -> np.ndarray:
    """The steps in which the gates alone leave ``1/e`` of each unit's content, ``[unit]``.

    ``-1 / mean(ln f)``: the mean of the logarithm, not the logarithm of the mean, since gates
    multiply; of its size, where an intervention made it negative. Infinity where they never do: the
    gate was exactly 1 throughout, or by an intervention more.

    Units:
        Steps.

    Raises:
        ValueError: for a plain RNN, or a difference of traces.
        IndexError: if there is no such layer or direction.

    >>> from torch import nn, ones
    >>> from lstm_core import Intervention, passive_time_constant, trace
    >>> kept = Intervention(signal="f", op="set", value=(0.5, 0.9, 1))
    >>> traced = trace(nn.LSTM(3, 3), ones(4, 3), interventions=[kept])
    >>> passive_time_constant(traced).round(2).tolist()
    [1.44, 9.49, inf]
    """
    mean = _log_keep(trace.layer(layer, direction)).mean(axis=0)
    with np.errstate(divide="ignore", over="ignore"):
        return 1 / np.abs(np.minimum(mean, 0))


def passive_half_life(trace: Trace, *, layer: int = -1, direction: int = 0) -> np.ndarray:
    """The steps in which the gates alone halve each unit's content, ``[unit]``.

    Units:
        Steps.

    Raises:
        ValueError: for a plain RNN, or a difference of traces.
        IndexError: if there is no such layer or direction.

    >>> from torch import nn, ones
    >>> from lstm_core import Intervention, passive_half_life, trace
    >>> kept = Intervention(signal="f", op="set", value=(0.25, 0.5))
    >>> passive_half_life(trace(nn.LSTM(3, 2), ones(4, 3), interventions=[kept])).round(6).tolist()
    [0.5, 1.0]
    """
    return np.log(2) * passive_time_constant(trace, layer=layer, direction=direction)


def time_constant_to_bias(steps: ArrayLike) -> np.ndarray:
    """The bias at which a forget gate that reads nothing keeps ``1/e`` after so many steps.

    An array of the shape of `steps`; infinity for a gate that never forgets.

    Source: Mahto et al. 2020: ``b = -ln(e^(1/T) - 1)``.

    Raises:
        ValueError: if a time constant is not positive.

    >>> from lstm_core import time_constant_to_bias
    >>> round(float(time_constant_to_bias(10)), 3)
    2.252
    """
    constants = np.asarray(steps, dtype=np.float64)
    if not (constants > 0).all():
        raise ValueError(f"a time constant is a positive number of steps, got {steps!r}")
    with np.errstate(divide="ignore", over="ignore", under="ignore"):  # the limits are right
        rate = 1 / constants
        # ln(e^r - 1) = r + ln(1 - e^-r), which neither overflows nor cancels.
        return -(rate + np.log(-np.expm1(-rate)))


def bias_to_time_constant(bias: ArrayLike) -> np.ndarray:
    """The inverse of `time_constant_to_bias`: ``1 / ln(1 + e^-b)``, of the shape of `bias`.

    Infinity above a bias of 709.78, where the time constant exceeds every float64.

    Units:
        Steps.

    >>> from lstm_core import bias_to_time_constant, time_constant_to_bias
    >>> bias_to_time_constant([0, 1, 5]).round(1).tolist()  # 0 and 1 are the usual first biases
    [1.4, 3.2, 148.9]
    >>> round(float(bias_to_time_constant(time_constant_to_bias(1000))), 6)
    1000.0
    """
    with np.errstate(all="ignore"):  # the limits are right, and NaN stays NaN
        return 1 / np.logaddexp(0, -np.asarray(bias, dtype=np.float64))


@dataclass(frozen=True, kw_only=True, eq=False)
class GateSaturation:
    """How often each unit's gates are shut and open, as shares of all steps.

    Attributes:
        shut: by gate, the share of steps below `low`, ``[unit]``.
        open: by gate, the share of steps above `high`, ``[unit]``.
    """

    shut: Mapping[str, np.ndarray]
    open: Mapping[str, np.ndarray]
    low: float
    high: float


def gate_saturation(
    trace: Trace, *, low: float = 0.1, high: float = 0.9, layer: int = -1, direction: int = 0
) -> GateSaturation:
    """How often each unit's gates were below `low` and above `high`.

    Source: Karpathy, Johnson & Fei-Fei 2015.

    Raises:
        ValueError: for a plain RNN, or a difference of traces.
        IndexError: if there is no such layer or direction.

    >>> from torch import nn, ones
    >>> from lstm_core import Intervention, gate_saturation, trace
    >>> held = Intervention(signal="f", op="set", value=(0, 0.5, 1))
    >>> found = gate_saturation(trace(nn.LSTM(3, 3), ones(4, 3), interventions=[held]))
    >>> found.shut["f"].tolist(), found.open["f"].tolist()
    ([1.0, 0.0, 0.0], [0.0, 0.0, 1.0])
    """
    one = trace.layer(layer, direction).require_values()
    gates = [signal.key for signal in SIGNALS[one.cell] if signal.is_gate]
    if not gates:
        raise ValueError("a plain RNN has no gates to be open or shut")
    return GateSaturation(
        shut={gate: (one[gate] < low).mean(axis=0) for gate in gates},
        open={gate: (one[gate] > high).mean(axis=0) for gate in gates},
        low=low,
        high=high,
    )


def place_in_reading(layer: LayerTrace, time: int) -> int:
    """How many steps this direction reads before the position `time`.

    Raises:
        IndexError: if there is no such position.
    """
    if not 0 <= time < len(layer):
        raise IndexError(f"step {time} of a sequence with {len(layer)} (counted from 0)")
    return len(layer) - 1 - time if layer.direction else time


def _in_reading_order(layer: LayerTrace, values: np.ndarray) -> np.ndarray:
    """Positions in the order in which they are read; its own inverse."""
    return values[::-1] if layer.direction else values


def _signs(layer: LayerTrace) -> np.ndarray:
    """Where an intervention made the gate that keeps negative, as read, ``[time, unit]``."""
    return _in_reading_order(layer, np.where(layer[_KEEP[layer.cell]] < 0, -1.0, 1.0))


def _log_keep(layer: LayerTrace) -> np.ndarray:
    """The logarithm of the size of the gate that keeps, float64 ``[time, unit]``."""
    if layer.cell not in _KEEP:
        raise ValueError(
            "a plain RNN has no multiplicative carry: it has no gate that keeps a share of its "
            "state, all of it is rewritten at each step"
        )
    gate = layer.require_values()[_KEEP[layer.cell]]
    # A gate that rounds to 1 still forgets; its pre-activation knows how much.
    with np.errstate(divide="ignore", invalid="ignore"):  # NaN stays NaN
        logs = -np.logaddexp(0, -layer[f"z_{_KEEP[layer.cell]}"].astype(np.float64))
        changed = np.abs(np.exp(logs) - gate) > _ROUNDING  # by an intervention
        return np.where(changed, np.log(np.abs(gate), dtype=np.float64), logs)
