"""The steps of one traced layer as a chain of Jacobians, in the order in which it read.

What changes of the state become, and where gradients come from, is found by walking along it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from lstm_core.cells import Jacobian, Signals, Weights, gru_jacobian, lstm_jacobian, rnn_jacobian
from lstm_core.trace import LayerTrace


@dataclass(frozen=True, kw_only=True, eq=False)
class Chain:
    """One layer in one direction; every tensor ``[step, unit]`` in the order of reading.

    Attributes:
        signals: as in the trace.
        h_prev: ``h`` one step before.
        c_prev: ``c`` one step before; ``None`` unless an LSTM.
    """

    cell: str
    nonlinearity: str
    signals: Signals
    h_prev: Tensor
    c_prev: Tensor | None
    weights: Weights

    @classmethod
    def of(cls, layer: LayerTrace, like: Tensor | None = None) -> "Chain":
        """The chain of `layer`, on the device and in the dtype of `like`; by default in float64."""
        layer.require_values()
        like = torch.empty(0, dtype=torch.float64) if like is None else like
        order = slice(None, None, -1 if layer.direction else 1)
        weights = {name: torch.tensor(array).to(like) for name, array in layer.weights.items()}

        def steps(array: object) -> Tensor:
            return torch.tensor(array).to(like)

        return cls(
            cell=layer.cell,
            nonlinearity=layer.nonlinearity,
            signals={key: steps(array[order].copy()) for key, array in layer.signals.items()},
            h_prev=steps(layer.previous("h")[order].copy()),
            c_prev=steps(layer.previous("c")[order].copy()) if layer.cell == "lstm" else None,
            weights=weights,
        )

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.h_prev)

    @property
    def sizes(self) -> tuple[int, int]:
        """How many numbers `h` and `c` have; 0 where there is no `c`."""
        return self.h_prev.shape[1], 0 if self.c_prev is None else self.c_prev.shape[1]

    @property
    def features(self) -> int:
        """How many numbers the layer reads at a step."""
        return self.weights["weight_ih"].shape[1]

    def jacobian(self, step: int) -> Jacobian:
        """How the state after `step` answers changes of what that step read."""
        signals = {key: values[step] for key, values in self.signals.items()}
        if self.c_prev is not None:
            return lstm_jacobian(signals, self.c_prev[step], self.weights)
        if self.cell == "gru":
            return gru_jacobian(signals, self.h_prev[step], self.weights)
        return rnn_jacobian(signals["h"], self.weights, self.nonlinearity)

    def zeros(self, rows: int) -> tuple[Tensor, Tensor | None]:
        """No change of `h` and `c`, ``[row, unit]``."""
        h, c = self.sizes
        return self.h_prev.new_zeros(rows, h), self.h_prev.new_zeros(rows, c) if c else None

    def split(self, rows: Tensor) -> tuple[Tensor, Tensor | None]:
        """The parts of ``[row, state]`` that belong to `h` and to `c`."""
        h, c = self.sizes
        return rows[:, :h], rows[:, h:] if c else None


def joined(h: Tensor, c: Tensor | None) -> Tensor:
    """`h` and `c` side by side, ``[row, state]``."""
    return h if c is None else torch.cat([h, c], dim=1)
