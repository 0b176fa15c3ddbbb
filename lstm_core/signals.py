"""The vocabulary: what each kind of cell computes at a step, and in which order it packs it.

Names, symbols, ranges, equations and sources live here. No numbers, no tensors.
"""

from dataclasses import dataclass
from typing import Literal

Cell = Literal["lstm", "gru", "rnn"]


@dataclass(frozen=True, kw_only=True)
class Signal:
    """One quantity that a cell computes for every unit at every step.

    Attributes:
        key: how code names it, e.g. ``"f"``.
        name: the field's term, e.g. ``"forget gate"``.
        low, high: the range that its definition allows; ``None`` means unbounded.
        equation: its definition, with ``h'`` and ``c'`` for the step before.
        source: the paper that defines it.
    """

    key: str
    name: str
    low: float | None
    high: float | None
    equation: str
    source: str

    @property
    def is_gate(self) -> bool:
        """Whether it is an activation in [0, 1] that multiplies something else."""
        return (self.low, self.high) == (0.0, 1.0)


_LSTM_1997 = "Hochreiter & Schmidhuber 1997"
_FORGET_2000 = "Gers, Schmidhuber & Cummins 2000"
_GRU_2014 = "Cho et al. 2014, in the variant of torch.nn.GRU (reset after the product)"
_ELMAN_1990 = "Elman 1990"


def _signal(key: str, name: str, bounds: tuple, equation: str, source: str) -> Signal:
    low, high = bounds
    return Signal(key=key, name=name, low=low, high=high, equation=equation, source=source)


_GATE, _SIGNED, _FREE = (0.0, 1.0), (-1.0, 1.0), (None, None)

SIGNALS: dict[str, tuple[Signal, ...]] = {
    "lstm": (
        _signal("f", "forget gate", _GATE, "f = σ(W_f x + U_f h' + b_f)", _FORGET_2000),
        _signal("i", "input gate", _GATE, "i = σ(W_i x + U_i h' + b_i)", _LSTM_1997),
        _signal("o", "output gate", _GATE, "o = σ(W_o x + U_o h' + b_o)", _LSTM_1997),
        _signal("g", "candidate", _SIGNED, "g = tanh(W_g x + U_g h' + b_g)", _LSTM_1997),
        _signal("c", "cell state", _FREE, "c = f c' + i g", _FORGET_2000),
        _signal("h", "hidden state", _SIGNED, "h = o tanh(c)", _LSTM_1997),
    ),
    "gru": (
        _signal("r", "reset gate", _GATE, "r = σ(W_r x + U_r h' + b_r)", _GRU_2014),
        _signal("z", "update gate (keep)", _GATE, "z = σ(W_z x + U_z h' + b_z)", _GRU_2014),
        _signal("n", "candidate", _SIGNED, "n = tanh(W_n x + b_n + r (U_n h' + b_hn))", _GRU_2014),
        _signal("h", "hidden state", _SIGNED, "h = (1 − z) n + z h'", _GRU_2014),
    ),
    "rnn": (_signal("h", "hidden state", _SIGNED, "h = tanh(W x + U h' + b)", _ELMAN_1990),),
}
"""For each cell, its signals in the order in which they are shown."""

PACKED: dict[str, str] = {"lstm": "ifgo", "gru": "rzn", "rnn": "h"}
"""For each cell, the order in which torch stacks the rows of ``weight_ih`` and ``weight_hh``."""


def signal(cell: str, key: str) -> Signal:
    """The signal `key` of `cell`.

    Raises:
        KeyError: if the cell has no such signal; the message lists those it has.

    >>> signal("lstm", "f").name
    'forget gate'
    """
    for candidate in SIGNALS[cell]:
        if candidate.key == key:
            return candidate
    known = ", ".join(s.key for s in SIGNALS[cell])
    raise KeyError(f"a {cell.upper()} has no signal {key!r}; it has {known}")
