"""Recurrent layers of different sizes, one above the other, which no module of torch's holds."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from lstm_core.signals import PACKED, Cell

_PARTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
_NEEDED = _PARTS[:2]


class UnevenLayers(nn.Module):
    """What ``nn.LSTM``, ``GRU`` and ``RNN`` are, with a size for each layer.

    Its weights have torch's names, ``weight_ih_l0`` to ``bias_hh_l1_reverse``, and what torch's
    modules tell of themselves it tells too; `hidden_size` is that of the last layer.
    """

    batch_first = False

    def __init__(
        self, cell: Cell, weights: Mapping[str, Tensor], *, nonlinearity: str = "tanh"
    ) -> None:
        """Hold `weights`, not copies of them; no gradient reaches them.

        Args:
            cell: of every layer.
            weights: by torch's names; all layers with biases or none, all projected or none.
            nonlinearity: of a plain RNN.

        Raises:
            ValueError: if a weight is missing, unknown, or does not fit the others.
        """
        super().__init__()
        self.cell, self.nonlinearity = cell, nonlinearity
        self.bidirectional = "weight_ih_l0_reverse" in weights
        self.num_layers = sum(f"weight_ih_l{n}" in weights for n in range(len(weights)))
        self._kinds = tuple(part for part in _PARTS if f"{part}_l0" in weights or part in _NEEDED)
        names = [f"{part}{place}" for place in self._places() for part in self._kinds]
        if names_differ := set(names) ^ set(weights):
            raise ValueError(f"missing or unknown: {', '.join(sorted(names_differ)[:5])}")
        for name in names:
            self.register_parameter(name, nn.Parameter(weights[name], requires_grad=False))
        for layer in range(self.num_layers):
            self._check(layer)

    def _places(self) -> Iterator[str]:
        """The ends of all names, by layer and then by direction."""
        for layer in range(self.num_layers):
            yield from self._ends(layer)

    def _ends(self, layer: int) -> list[str]:
        return [f"_l{layer}", *([f"_l{layer}_reverse"] if self.bidirectional else [])]

    def _check(self, layer: int) -> None:
        """Raise unless the weights of a layer fit each other and the layer below."""
        units, states = self.units(layer), self.states(layer)
        rows = units * len(PACKED[self.cell])
        width = self.states(layer - 1) * (1 + self.bidirectional) if layer else self.input_size
        shapes = {
            "weight_ih": (rows, width),
            "weight_hh": (rows, states),
            "bias_ih": (rows,),
            "bias_hh": (rows,),
            "weight_hr": (states, units),
        }
        for end in self._ends(layer):
            for kind in self._kinds:
                found = tuple(self.get_parameter(kind + end).shape)
                if found != shapes[kind] or not units:
                    raise ValueError(f"{kind}{end} has shape {found}, expected {shapes[kind]}")
        if "weight_hr" not in self._kinds and states != units:
            raise ValueError(f"weight_hh_l{layer} has {rows} rows and {states} columns")

    @property
    def input_size(self) -> int:
        """How many numbers the first layer reads at a step."""
        return self.get_parameter("weight_ih_l0").shape[1]

    @property
    def hidden_size(self) -> int:
        """The units of the last layer."""
        return self.units(self.num_layers - 1)

    @property
    def proj_size(self) -> int:
        """The numbers in `h` of the last layer where it is projected, else 0."""
        return self.states(self.num_layers - 1) if "weight_hr" in self._kinds else 0

    @property
    def bias(self) -> bool:
        """Whether the layers have biases."""
        return "bias_ih" in self._kinds

    def units(self, layer: int) -> int:
        """How many units every gate of a layer has."""
        return len(self.get_parameter(f"weight_hh_l{layer}")) // len(PACKED[self.cell])

    def states(self, layer: int) -> int:
        """How many numbers `h` of a layer has, in each direction."""
        return self.get_parameter(f"weight_hh_l{layer}").shape[1]

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        """``h`` of the last layer at every step, ``[time, sequence, feature]``, from zero states.

        The final states are not gathered; ``None`` stands for them.
        """
        for layer in range(self.num_layers):
            x = self._layer(layer, x)
        return x, None

    def _layer(self, layer: int, x: Tensor) -> Tensor:
        ends = self._ends(layer)
        flat: list[Tensor] = [
            self.get_parameter(kind + end) for end in ends for kind in self._kinds
        ]
        sizes = [self.states(layer), *([self.units(layer)] if self.cell == "lstm" else [])]
        start = [x.new_zeros(len(ends), x.shape[1], size) for size in sizes]
        # biases, layers, dropout, training, bidirectional, batch first
        flags = (self.bias, 1, 0.0, False, self.bidirectional, False)
        if self.cell == "lstm":
            return torch.lstm(x, start, flat, *flags)[0]
        if self.cell == "gru":
            return torch.gru(x, start[0], flat, *flags)[0]
        kernel = torch.rnn_relu if self.nonlinearity == "relu" else torch.rnn_tanh
        return kernel(x, start[0], flat, *flags)[0]

    def extra_repr(self) -> str:
        """Return what tells one from another when printed."""
        sizes = ", ".join(str(self.units(n)) for n in range(self.num_layers))
        both = ", bidirectional=True" if self.bidirectional else ""
        return f"{self.cell!r}, {self.input_size} -> {sizes}{both}"


def units_of(module: Any) -> tuple[int, ...]:
    """The units of each layer of a recurrent module, even or uneven."""
    if isinstance(module, UnevenLayers):
        return tuple(map(module.units, range(module.num_layers)))
    return (module.hidden_size,) * module.num_layers


def states_of(module: Any) -> tuple[int, ...]:
    """How many numbers `h` of each layer of a recurrent module has, in each direction."""
    if isinstance(module, UnevenLayers):
        return tuple(map(module.states, range(module.num_layers)))
    return (module.proj_size or module.hidden_size,) * module.num_layers
