"""Ledgers put to use: which steps an answer is made of, and by which way a change came to be here.

Exact sums, in float64, built on `ledger`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import nn

from lstm_core.ledger import carry, ledger, left_of
from lstm_core.memory import place_in_reading
from lstm_core.model import SequenceModel
from lstm_core.reading import Source, open_module
from lstm_core.trace import LayerTrace, Trace

_ROUNDING = {"float32": 1e-4, "float64": 1e-9}
"""How far a sum of products may be off, as a share of the sizes that are summed."""

_ROUNDING_ON_A_GPU = 2e-3
"""The same of float32 where products may be rounded to 10 bits (TF32)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LogitLedger:
    """One output number at one step as a sum over the steps that wrote the state.

    Attributes:
        at: the step.
        class_index: which output.
        writes: each step's share, ``[written_at, unit]``.
        initial: the share of the state before the first step, ``[unit]``.
        bias: the readout's bias.
        other: what the other direction of a bidirectional model adds; 0 otherwise.
    """

    at: int
    class_index: int
    writes: np.ndarray
    initial: np.ndarray
    bias: float
    other: float

    @property
    def terms(self) -> np.ndarray:
        """Each step's share, summed over units, ``[written_at]``."""
        return self.writes.sum(axis=1)

    @property
    def logit(self) -> float:
        """The output: the sum of all shares."""
        return float(self.writes.sum() + self.initial.sum()) + self.bias + self.other


def logit_ledger(
    trace: Trace, module: nn.Module, t: int, class_index: int, *, direction: int = 0
) -> LogitLedger:
    """Who wrote one of the outputs of `module` at step `t`, through the last layer's state.

    With ``a_k = (prod f_j) c_k``, what is left of the cell state of step k, an LSTM's term is
    ``W_y o_t (tanh a_k - tanh a_{k-1})``: what the answer gained when step k was written. The tanh
    is not linear, so this is one order of adding up, that of time. A GRU's is ``W_y e_k``.

    Raises:
        TypeError: if `module` cannot be traced.
        ValueError: for a plain RNN, a module without a readout, a trace of another module, or a
            difference of traces; where interventions set `c` or `h` themselves, so that the shares
            of what the gates wrote do not add up to the answer.
        IndexError: if there is no such step, class or direction.

    The shares add up to what the model answered:

    >>> import numpy as np
    >>> from torch import ones
    >>> from lstm_core import ModelConfig, SequenceModel, logit_ledger, trace
    >>> model = SequenceModel(ModelConfig(cell="lstm", input_size=3, hidden_size=4, output_size=2))
    >>> traced = trace(model, ones(5, 3))
    >>> shares = logit_ledger(traced, model, t=4, class_index=1)
    >>> shares.terms.shape, bool(np.isclose(shares.logit, traced.outputs[4, 1], atol=1e-6))
    ((5,), True)
    """
    one = trace.layer(-1, direction).require_values()
    with np.errstate(all="ignore"):  # NaN and infinity are answers too
        weight, bias, other = _readout(trace, module, t, class_index, direction)
        if one.cell == "gru":
            entries = ledger(trace, t, direction=direction)
            writes, initial = entries.writes * weight, entries.initial * weight
        else:
            writes, initial = _squashed(one, t, weight)
    found = LogitLedger(
        at=t, class_index=class_index, writes=writes, initial=initial, bias=bias, other=other
    )
    _check_sum(trace, found, float(np.abs(weight).sum()))
    return found


def _readout(
    trace: Trace, module: nn.Module, t: int, class_index: int, direction: int
) -> tuple[np.ndarray, float, float]:
    """What the output reads of each unit before its tanh, ``[unit]``; bias; the other direction."""
    source = open_module(module)
    model = source.model
    if model is None or trace.outputs is None:
        raise ValueError("a bare module has no outputs; pass the SequenceModel and its own trace")
    classes = model.readout.out_features
    if not 0 <= class_index < classes:
        raise IndexError(f"output {class_index} of a model with {classes} (counted from 0)")
    one = trace.layer(-1, direction)
    place_in_reading(one, t)
    rows, biases = _readout_of(trace, source, model, t)
    parts = rows[class_index].reshape(trace.num_directions, -1)
    others = [d for d in range(trace.num_directions) if d != direction]
    other = sum(float(trace.select("h", -1, d)[t].astype(np.float64) @ parts[d]) for d in others)
    weight = parts[direction]
    weight = weight @ one.weights["weight_hr"] if "weight_hr" in one.weights else weight
    return weight, float(biases[class_index]), other


def _readout_of(
    trace: Trace, source: Source, model: SequenceModel, t: int
) -> tuple[np.ndarray, np.ndarray]:
    """The readout's weights ``[output, unit]`` and biases, float64.

    Raises:
        ValueError: if it is not the model of the trace: other weights, or other answers from the
            trace's own states. Those states hold with interventions too.
    """
    if not _same_weights(trace, source):
        raise ValueError(
            "the recurrent weights of the model are not those of the trace; "
            "expected the model that was traced, as it was then"
        )
    rows, biases = (
        part.detach().cpu().double().numpy() for part in (model.readout.weight, model.readout.bias)
    )
    states = [trace.select("h", -1, d)[t] for d in range(trace.num_directions)]
    h = np.concatenate(states).astype(np.float64)
    assert trace.outputs is not None
    sizes = np.abs(rows) @ np.abs(h) + np.abs(biases)
    again = (rows @ h + biases).astype(trace.outputs.dtype)
    answers = trace.outputs[t]
    if len(again) != len(answers) or not _agree(again, answers, _rounding(trace) * sizes):
        raise ValueError(
            f"the readout of the model does not give the answers of the trace at step {t}; "
            "expected the model that was traced, as it was then"
        )
    return rows, biases


def _same_weights(trace: Trace, source: Source) -> bool:
    directions = source.directions
    if (source.cell, directions) != (trace.cell, trace.num_directions):
        return False
    if source.recurrent.num_layers != trace.num_layers:
        return False
    return all(
        _equal(
            layer.weights,
            {k: w.cpu().numpy() for k, w in source.weights(*divmod(number, directions)).items()},
        )
        for number, layer in enumerate(trace.layers)
    )


def _equal(some: Mapping[str, np.ndarray], others: Mapping[str, np.ndarray]) -> bool:
    return some.keys() == others.keys() and all(
        np.array_equal(array, others[name], equal_nan=True) for name, array in some.items()
    )


def _agree(some: np.ndarray, others: np.ndarray, within: np.ndarray) -> bool:
    """Whether numbers are the same, NaN and infinity too, or as near as `within`."""
    same = (some == others) | (np.isnan(some) & np.isnan(others))
    return bool((same | (np.abs(some - others) <= within)).all())


def _rounding(trace: Trace) -> float:
    on_a_gpu = trace.dtype == "float32" and trace.device != "cpu"
    return _ROUNDING_ON_A_GPU if on_a_gpu else _ROUNDING[trace.dtype]


def _check_sum(trace: Trace, found: LogitLedger, weights: float) -> None:
    """Raise unless the shares add up to the answer; `weights` is the sum of their sizes."""
    assert trace.outputs is not None
    answer = trace.outputs[found.at, found.class_index]
    sizes = weights + abs(found.bias) + abs(found.other)
    within = _rounding(trace) * sizes + trace.residual * weights
    if np.isfinite(answer) and not abs(found.logit - answer) <= within:
        raise ValueError(
            f"the shares add up to {found.logit:.6g}, but the trace's answer is {answer:.6g}: "
            "an intervention set c or h itself, which no step wrote"
        )


def _squashed(one: LayerTrace, t: int, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An LSTM's shares of ``weight . o_t tanh(c_t)``: those of the steps and the initial one's."""
    keep, gain, start = carry(one)
    end = place_in_reading(one, t) + 1
    left = left_of(keep[:end])
    states = [start]
    for keep_k, gain_k in zip(keep[:end], gain[:end], strict=True):
        states.append(keep_k * states[-1] + gain_k)
    squashed = np.tanh(left * np.stack(states)) * (one["o"][t].astype(np.float64) * weight)
    writes = np.zeros_like(gain)
    writes[:end] = np.diff(squashed, axis=0)
    return (writes[::-1] if one.direction else writes), squashed[0]


@dataclass(frozen=True, kw_only=True, eq=False)
class CounterfactualLedger:
    """How a change of one token came to be in the state at a later step.

    Attributes:
        at: the step whose state it is.
        changed_at: the step whose token was changed.
        shares: each step's signed share in the difference of the two states, ``[written_at]``.
        initial: the share of the state before the first step.
        difference: the Euclidean length of the difference; where it is 0 all shares are NaN.
    """

    at: int
    changed_at: int
    shares: np.ndarray
    initial: float
    difference: float
    direction: int

    @property
    def erased(self) -> float:
        """The share of older content that was kept or erased differently."""
        return float(self._read_before.sum()) + self.initial

    @property
    def written(self) -> float:
        """The share of what the changed step itself wrote: carried from there to here."""
        return float(self.shares[self.changed_at])

    @property
    def relayed(self) -> float:
        """The share of what later steps wrote because they had read a different state."""
        return float(self._read_after.sum())

    @property
    def _read_before(self) -> np.ndarray:
        k = self.changed_at
        return self.shares[k + 1 :] if self.direction else self.shares[:k]

    @property
    def _read_after(self) -> np.ndarray:
        k = self.changed_at
        return self.shares[:k] if self.direction else self.shares[k + 1 :]


def counterfactual_ledger(
    trace: Trace, changed: Trace, changed_at: int, t: int, *, layer: int = -1, direction: int = 0
) -> CounterfactualLedger:
    """By which way a change of the token at `changed_at` reached the state at step `t`.

    With ``d e_k`` the difference of the two ledgers' entries and ``d c`` that of the states, step
    k's share is ``<d e_k, d c> / ||d c||^2``. Shares are signed and sum to 1.

    Args:
        trace, changed: of the same module, on inputs that differ at `changed_at` alone.

    Raises:
        ValueError: for a plain RNN, a difference of traces, or traces of two modules; if the
            traces differ elsewhere, in their initial states too, or `t` is read earlier; where
            interventions set the state itself, so that the ledger does not add up to it.
        IndexError: if there is no such step, layer or direction.

    Where no gate reads the state, a change lasts only as what its own step wrote:

    >>> from torch import nn, zeros
    >>> from lstm_core import counterfactual_ledger, trace
    >>> lstm = nn.LSTM(1, 2)
    >>> _ = nn.init.zeros_(lstm.weight_hh_l0)
    >>> was, now = trace(lstm, zeros(4, 1)), trace(lstm, [[1.0], [0.0], [0.0], [0.0]])
    >>> found = counterfactual_ledger(was, now, changed_at=0, t=3)
    >>> found.erased == 0, round(found.written, 6), found.relayed == 0
    (True, 1.0, True)
    """
    one = trace.layer(layer, direction).require_values()
    changed.layers[0].require_values()
    if place_in_reading(one, t) < place_in_reading(one, changed_at):
        raise ValueError(f"step {t} is read before step {changed_at}, where the change is")
    _check_pair(trace, changed, changed_at)
    was = ledger(trace, t, layer=layer, direction=direction)
    now = ledger(changed, t, layer=layer, direction=direction)
    entries, initial = was.writes - now.writes, was.initial - now.initial
    total = entries.sum(axis=0) + initial
    length = float(np.linalg.norm(total))
    with np.errstate(invalid="ignore", divide="ignore"):
        direction_of_total = total / length / length
    return CounterfactualLedger(
        at=t,
        changed_at=changed_at,
        shares=entries @ direction_of_total,
        initial=float(initial @ direction_of_total),
        difference=length,
        direction=direction,
    )


def _check_pair(trace: Trace, changed: Trace, changed_at: int) -> None:
    """Raise unless the two differ in what was read at one step alone."""
    read, read_then = trace.layers[0].inputs, changed.layers[0].inputs
    shapes_differ = read.shape != read_then.shape or len(trace.layers) != len(changed.layers)
    if shapes_differ or trace.cell != changed.cell:
        raise ValueError("the two traces are not of the same module and length")
    both_nan = np.isnan(read) & np.isnan(read_then)
    differs = np.flatnonzero(((read != read_then) & ~both_nan).any(axis=1))
    if set(differs.tolist()) - {changed_at}:
        raise ValueError(
            f"the two inputs may differ at step {changed_at} alone, but they differ at "
            f"{', '.join(map(str, differs[:5]))}"
        )
    if not all(
        _equal(was.weights, now.weights)
        for was, now in zip(trace.layers, changed.layers, strict=True)
    ):
        raise ValueError(
            "the two traces were made with different weights; expected two of the same module"
        )
    if not all(
        _equal(_start(was), _start(now))
        for was, now in zip(trace.layers, changed.layers, strict=True)
    ):
        raise ValueError(
            "the two traces start from different states; expected the same h_0 and c_0"
        )


def _start(one: LayerTrace) -> dict[str, np.ndarray]:
    return {"h_0": one.h_0} if one.c_0 is None else {"h_0": one.h_0, "c_0": one.c_0}
