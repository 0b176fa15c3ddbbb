"""One fused layer in one direction: its kernel's states, then the gates behind them.

Time comes first and sequences lie side by side: ``[time, sequence, feature]``. The layer reads
forwards; who wants it backwards turns time around before and after.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf, nan

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
        """Every signal, each ``[time, sequence, unit]``, and the gaps, ``[time, sequence]``.

        A gap is the largest distance in any unit between `h` and `h` computed from the signals.
        """
        h = self._kernel(x)
        h_prev = torch.cat([self.start["h"].expand_as(h[:1]), h[:-1]])
        if self.cell == "lstm":
            found = lstm_gates(x, h_prev, self.weights)
            o, c = found["o"], linear_scan(found["f"], found["i"] * found["g"], self.start["c"])
            gaps = _gaps(h, lambda when: lstm_output(o[when], c[when], self.weights))
            return found | {"c": c, "h": h}, gaps
        if self.cell == "gru":
            found = gru_gates(x, h_prev, self.weights)
            again = linear_scan(found["z"], (1 - found["z"]) * found["n"], self.start["h"])
            return found | {"h": h}, _gaps(h, lambda when: again[when])
        return {"h": h}, _gaps(h, lambda when: self._rnn(x[when], h_prev[when]))

    def _rnn(self, x: Tensor, h_prev: Tensor) -> Tensor:
        return rnn_step(x, h_prev, self.weights, self.nonlinearity)["h"]

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


_BLOCK = 2**18
"""How many numbers are compared at a time, so that comparing takes little memory of its own."""


def _gaps(h: Tensor, again: Callable[[slice], Tensor]) -> Tensor:
    """The distance at every step, ``[time, sequence]``, from `h` to what `again` gives for it."""
    steps = max(1, _BLOCK // h[0].numel())
    blocks = [slice(start, start + steps) for start in range(0, len(h), steps)]
    gaps = [distance(h[block], again(block)) for block in blocks]
    return gaps[0] if len(gaps) == 1 else torch.cat(gaps)


def distance(h: Tensor, again: Tensor) -> Tensor:
    """The largest ``|h - again|`` of any unit, ``[...]`` from ``[..., unit]``.

    Where both are the same infinity or both NaN they agree; where only one of them is a number the
    distance is infinite. Where there is no number at all nothing is proved: NaN.
    """
    gap = (h - again).abs().amax(dim=-1)
    if float(gap.max()) < inf:  # false for NaN, too
        return gap
    if not h.isfinite().any():
        return torch.full_like(gap, nan)
    same = (h == again) | (h.isnan() & again.isnan())
    return torch.where(same, 0, h - again).abs().nan_to_num(nan=inf, posinf=inf).amax(dim=-1)
