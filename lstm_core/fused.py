"""One fused layer in one direction: its kernel's states, then the gates behind them.

Time comes first and sequences lie side by side: ``[time, sequence, feature]``. The layer reads
forwards; who wants it backwards turns time around before and after.
"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor

from lstm_core.cells import Signals, Weights, gru_gates, lstm_gates, lstm_output, rnn_step
from lstm_core.scan import linear_scan
from lstm_core.signals import Cell


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One direction of one layer: torch's own tensors, and the states it starts from.

    Attributes:
        start: ``h`` and, for an LSTM, ``c`` before the first step, each ``[unit]``.
    """

    cell: Cell
    nonlinearity: str
    weights: Weights
    start: Mapping[str, Tensor]

    def signals(self, x: Tensor) -> tuple[Signals, Tensor]:
        """Every signal, each ``[time, sequence, unit]``, and `h` computed once more from them."""
        h = self._kernel(x)
        h_prev = torch.cat([self.start["h"].expand_as(h[:1]), h[:-1]])
        if self.cell == "lstm":
            gates = lstm_gates(x, h_prev, self.weights)
            c = linear_scan(gates["f"], gates["i"] * gates["g"], self.start["c"])
            return gates | {"c": c, "h": h}, lstm_output(gates["o"], c, self.weights)
        if self.cell == "gru":
            gates = gru_gates(x, h_prev, self.weights)
            again = linear_scan(gates["z"], (1 - gates["z"]) * gates["n"], self.start["h"])
            return gates | {"h": h}, again
        return {"h": h}, rnn_step(x, h_prev, self.weights, self.nonlinearity)["h"]

    def _kernel(self, x: Tensor) -> Tensor:
        """Every ``h_t`` of torch's fused kernel, ``[time, sequence, unit]``."""
        start = [s.expand(1, x.shape[1], -1).contiguous() for s in self.start.values()]
        flat = list(self.weights.values())
        # biases, layers, dropout, training, bidirectional, batch first
        flags = ("bias_ih" in self.weights, 1, 0.0, False, False, False)
        with _without_advice(x.is_cuda or "weight_hr" in self.weights):
            if self.cell == "lstm":
                return torch.lstm(x, start, flat, *flags)[0]
            if self.cell == "gru":
                return torch.gru(x, start[0], flat, *flags)[0]
            kernel = torch.rnn_relu if self.nonlinearity == "relu" else torch.rnn_tanh
            return kernel(x, start[0], flat, *flags)[0]


@contextmanager
def _without_advice(wanted: bool) -> Iterator[None]:
    """Silences what torch says about speed: that cuDNN repacks a layer's weights, which it does for
    one layer of many, and that oneDNN has no projected LSTM. Neither changes a number.
    """
    if not wanted:  # changing the filters costs more than a short sequence does
        yield
        return
    with warnings.catch_warnings():
        for start in ("RNN module weights are not part of single", "LSTM with projections is not"):
            warnings.filterwarnings("ignore", message=start)
        yield


def distance(h: Tensor, again: Tensor) -> float:
    """The largest ``|h - again|``; where both are the same infinity or both NaN they agree.

    Infinity where only one of the two is a number.
    """
    gap = float((h - again).abs_().max())
    if gap < inf:
        return gap
    same = (h == again) | (h.isnan() & again.isnan())
    gap = float(torch.where(same, 0, h - again).abs().max())
    return gap if gap < inf else inf
