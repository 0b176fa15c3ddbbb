"""Who wrote what is in memory now: exact sums over the steps that wrote it.

Bookkeeping, not causality. What step k wrote may itself be a copy of what was read long before, and
a change of an early token may act by what is erased later; `shares.counterfactual_ledger` tells
these apart. An LSTM's cell state and a GRU's hidden state are such sums, since a gate multiplies
what was there and adds to it; a plain RNN rewrites all of its state at each step, so there is no
such sum.

Everything is computed in float64 from the trace's signals: the sums meet a float64 trace to 1e-12
and a float32 trace to its own rounding.
"""

from dataclasses import dataclass

import numpy as np

from lstm_core.memory import place_in_reading
from lstm_core.trace import LayerTrace, Trace

_BLOCK = 64
"""Steps whose ledgers are found by one matrix product."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Ledger:
    """The state at one step as a sum over the steps that wrote it.

    Attributes:
        at: the step whose state it is.
        writes: what each step added and is left of it, ``[written_at, unit]``; zero for steps not
            read yet.
        initial: what is left of the state before the first step, ``[unit]``.
    """

    at: int
    writes: np.ndarray
    initial: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """The state, ``[unit]``: `c` of an LSTM, `h` of a GRU."""
        return self.writes.sum(axis=0) + self.initial


def ledger(trace: Trace, t: int, *, layer: int = -1, direction: int = 0) -> Ledger:
    """Who wrote the state at step `t`: an LSTM's ``c_t``, a GRU's ``h_t``.

    Step k's entry is ``(prod f_j) i_k g_k`` over the steps j read after k, or
    ``(prod z_j) (1 - z_k) n_k`` of a GRU.

    Raises:
        ValueError: for a plain RNN, a difference of traces, or a state that an intervention set.
        IndexError: if there is no such step, layer or direction.

    Source: Levy et al. 2018, for the view of a cell state as a weighted sum.

    A cell that writes 1 at every step, and half of it stays:

    >>> from torch import nn, ones
    >>> from lstm_core import Intervention, ledger, trace
    >>> held = [Intervention(signal=s, op="set", value=v) for s, v in zip("ifg", (1, 0.5, 1))]
    >>> written = ledger(trace(nn.LSTM(3, 1), ones(4, 3), interventions=held), t=3)
    >>> written.writes[:, 0].tolist(), written.total.tolist()
    ([0.125, 0.25, 0.5, 1.0], [1.875])
    """
    one = trace.layer(layer, direction)
    keep, gain, start = carry(one)
    check_sum(one, place_in_reading(one, t) + 1)
    return _ledger(one, t, keep, gain, start)


def _ledger(
    one: LayerTrace, t: int, keep: np.ndarray, gain: np.ndarray, start: np.ndarray
) -> Ledger:
    end = place_in_reading(one, t) + 1
    left = left_of(keep[:end])
    writes = np.zeros_like(gain)
    writes[:end] = left[1:] * gain[:end]
    writes = writes[::-1] if one.direction else writes
    return Ledger(at=t, writes=writes, initial=left[0] * start)


def left_of(keep: np.ndarray) -> np.ndarray:
    """The product of all gates from a step on, ``[step + 1, unit]``; the last row is 1."""
    return np.concatenate([np.cumprod(keep[::-1], axis=0)[::-1], np.ones_like(keep[:1])])


def carry(layer: LayerTrace) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What multiplies the state and what is added to it, ``[step, unit]`` as read, and its start.

    Float64.

    Raises:
        ValueError: for a plain RNN.
    """
    layer.require_values()
    if layer.cell == "lstm":
        keep, gain = layer["f"], layer["i"].astype(np.float64) * layer["g"]
    elif layer.cell == "gru":
        keep, gain = layer["z"], (1 - layer["z"].astype(np.float64)) * layer["n"]
    else:
        raise ValueError(
            "a plain RNN has no multiplicative carry: all of its state is rewritten at each step, "
            "so it is no sum over the steps that wrote it"
        )
    start = layer.h_0 if layer.c_0 is None else layer.c_0
    order = slice(None, None, -1 if layer.direction else 1)
    return keep[order].astype(np.float64), gain[order], start.astype(np.float64)


def check_sum(layer: LayerTrace, until: int | None = None) -> None:
    """Raise unless the gates alone made the state at each of the first `until` steps read.

    Raises:
        ValueError: if an intervention set the state itself.
    """
    order = slice(None, None, -1 if layer.direction else 1)
    key = "c" if layer.cell == "lstm" else "h"
    keep, gain, _ = carry(layer)
    state, before = layer[key][order], layer.previous(key)[order].astype(np.float64)
    made = keep * before + gain
    with np.errstate(invalid="ignore"):
        gaps = np.nan_to_num(np.abs(state - made) / (1 + np.abs(made)), nan=0.0)[:until]
    if gaps.max(initial=0) > max(100 * np.nan_to_num(layer.residual), 1e-5):
        step = int(gaps.max(axis=1).argmax())
        step = len(layer) - 1 - step if layer.direction else step
        raise ValueError(
            f"an intervention set {key} itself at step {step}, so {key} is no sum of what the "
            "gates wrote; intervene on the gates instead"
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class LedgerOverTime:
    """The ledgers of all steps, each entry summed over units.

    Attributes:
        writes: ``[time, written_at]``; zero where a step was not read yet.
        initial: what is left of the state before the first step, ``[time]``.
        absolute: whether sizes were summed; then the sum is the state's only for one unit.
    """

    writes: np.ndarray
    initial: np.ndarray
    absolute: bool


def ledger_over_time(
    trace: Trace, *, absolute: bool = False, layer: int = -1, direction: int = 0
) -> LedgerOverTime:
    """Who wrote the state, at every step, summed over units.

    Works in blocks of steps: what the steps before a block wrote is one matrix, ``[step, unit]``,
    and one product with the block's products of gates gives the block's rows. No array is larger
    than ``[time, time]`` or a few ``[time, unit]``.

    Args:
        absolute: sum sizes, ``|e_k|``, so that units of opposite sign do not cancel: how much of
            the memory was written when. Otherwise a row sums to the sum of the state.

    Raises:
        ValueError: for a plain RNN, or a difference of traces.
        IndexError: if there is no such layer or direction.

    >>> from torch import nn, ones
    >>> from lstm_core import Intervention, ledger_over_time, trace
    >>> held = [Intervention(signal=s, op="set", value=v) for s, v in zip("ifg", (1, 0.5, 1))]
    >>> traced = trace(nn.LSTM(3, 1), ones(3, 3), interventions=held)
    >>> ledger_over_time(traced).writes.tolist()
    [[1.0, 0.0, 0.0], [0.5, 1.0, 0.0], [0.25, 0.5, 1.0]]
    """
    one = trace.layer(layer, direction)
    check_sum(one)
    keep, gain, start = carry(one)
    alive = np.concatenate([start[None], np.zeros_like(gain)])  # row k + 1: what is left of step k
    entries = np.zeros((len(gain), len(gain) + 1))
    for first in range(0, len(gain), _BLOCK):
        block = slice(first, min(first + _BLOCK, len(gain)))
        kept = np.cumprod(keep[block], axis=0)
        old = alive[: first + 1]
        entries[block, : first + 1] = kept @ (np.abs(old) if absolute else old).T
        old *= kept[-1]
        _write_within(alive, entries, block, keep, np.abs(gain) if absolute else gain)
    writes = entries[:, 1:]
    order = slice(None, None, -1 if one.direction else 1)
    return LedgerOverTime(
        writes=np.ascontiguousarray(writes[order, order]),
        initial=entries[order, 0].copy(),
        absolute=absolute,
    )


def _write_within(
    alive: np.ndarray, entries: np.ndarray, block: slice, keep: np.ndarray, gain: np.ndarray
) -> None:
    """Adds what the steps of one block write themselves."""
    for time in range(block.start, block.stop):
        within = alive[block.start + 1 : time + 1]
        within *= keep[time]
        alive[time + 1] = gain[time]
        columns = slice(block.start + 1, time + 2)
        entries[time, columns] = alive[columns].sum(axis=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class AgeOfMemory:
    """When a GRU's state was written: a true distribution for every unit.

    Attributes:
        at: the step whose state it is.
        weights: the share that each step's candidate has in the state, ``[written_at, unit]``.
        initial: the share of the state before the first step, ``[unit]``; all of a unit's shares
            sum to 1.
    """

    at: int
    weights: np.ndarray
    initial: np.ndarray


def age_of_memory(trace: Trace, t: int, *, layer: int = -1, direction: int = 0) -> AgeOfMemory:
    """How old the content of a GRU's state at step `t` is.

    The state is a weighted mean of all candidates, ``sum (prod z_j) (1 - z_k) n_k``.

    Raises:
        ValueError: for an LSTM, whose gates f and i need not sum to 1, and for a plain RNN; for a
            difference of traces, or a state that an intervention set.
        IndexError: if there is no such step, layer or direction.

    >>> from torch import nn, ones
    >>> from lstm_core import Intervention, age_of_memory, trace
    >>> half = Intervention(signal="z", op="set", value=0.5)
    >>> age = age_of_memory(trace(nn.GRU(3, 1), ones(3, 3), interventions=[half]), t=2)
    >>> age.weights[:, 0].tolist(), age.initial.tolist()
    ([0.125, 0.25, 0.5], [0.125])
    """
    one = trace.layer(layer, direction)
    if one.cell == "lstm":
        raise ValueError(
            "an LSTM's cell state is a sum, not a mean: its gates f and i need not sum to 1; "
            "see ledger"
        )
    keep, _, start = carry(one)
    check_sum(one, place_in_reading(one, t) + 1)
    shares = _ledger(one, t, keep, 1 - keep, np.ones_like(start))
    return AgeOfMemory(at=t, weights=shares.writes, initial=shares.initial)
