"""Affine maps right before a recurrent layer, folded into the weights that read them.

A layer that reads ``W y + c``, where ``y = A x + b`` at every step, reads ``(W A) x + (W b + c)``:
exactly the same gates, from `x`. Which layers of a file are such maps is in `keras_affine` and
`onnx_affine`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lstm_core.model_files.foreign_layers import Layer
from lstm_core.stacks import LARGEST

_LARGE_SHIFT = 32
"""From this on, sums with a shift in them are rounded too coarsely in float32."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Affine:
    """``A x + b``, the same at every step.

    Attributes:
        label: its name and kind, as a remark shows it.
        factor: `A`, ``[given, read]``; or a number for each feature, or one for all.
        shift: `b`, for each feature or one for all.
    """

    label: str
    factor: Tensor
    shift: Tensor


@dataclass(kw_only=True)
class Room:
    """How much may still be folded in one file: two small matrices may have a large product.

    Attributes:
        numbers: in all products together.
        products: multiplications that these take.
        maps: how many are folded.
    """

    numbers: int = 2**25
    products: int = 2**36
    maps: int = 1000

    def takes(self, rows: int, inner: int, columns: int) -> bool:
        """Whether a product of these sizes has room; it is counted if it has."""
        numbers, products = rows * columns, rows * inner * columns
        if numbers > self.numbers or products > self.products or not self.maps:
            return False
        self.maps -= 1
        self.numbers -= numbers
        self.products -= products
        return True


class Fold:
    """A layer that takes in the maps before it, the nearest first."""

    def __init__(self, layer: Layer, room: Room) -> None:
        """Start with the layer as it is."""
        self._layer, self._room = layer, room
        self._read = [one["weight_ih"] for one in layer.directions]
        self._added = [one.new_zeros(len(one), dtype=torch.float64) for one in self._read]
        self._largest_shift = 0.0
        self.labels: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """How many numbers it reads at a step now."""
        return self._read[0].shape[1]

    def take(self, step: Affine) -> bool:
        """Fold `step` in; ``False`` if it does not fit, is too large, or leaves finite numbers."""
        factor, shift = _plain(step.factor), _plain(step.shift)
        if not self._fits(factor, shift) or not self._has_room(factor):
            return False
        factor, shift = factor.double(), shift.double()
        parts = [one.double() for one in self._read]
        whole = shift.expand(self.width)
        added = [total + one @ whole for one, total in zip(parts, self._added, strict=True)]
        read = [one @ factor if factor.ndim == 2 else one * factor for one in parts]
        sound = _all_finite([factor, shift, *parts, *self._added])
        if sound and not _all_finite([*read, *added]):
            return False
        large = max(float((one.abs() @ whole.abs()).max()) for one in parts)
        self._largest_shift = max(self._largest_shift, large)
        self._read, self._added = read, added
        self.labels = (step.label, *self.labels)
        return True

    def _fits(self, factor: Tensor, shift: Tensor) -> bool:
        given = len(factor) if factor.ndim else self.width
        reads = factor.shape[1] if factor.ndim == 2 else self.width
        return (
            factor.ndim <= 2
            and shift.ndim <= 1
            and given == self.width
            and (not shift.ndim or len(shift) == self.width)
            and 1 <= reads <= LARGEST["input_size"]
        )

    def _has_room(self, factor: Tensor) -> bool:
        rows = sum(map(len, self._read))
        inner, columns = (self.width, factor.shape[1]) if factor.ndim == 2 else (1, self.width)
        return self._room.takes(rows, inner, columns)

    def layer(self) -> Layer:
        """The layer that reads what comes before all that was folded."""
        if not self.labels:
            return self._layer
        dtype, biased = self._dtype(), any(map(torch.count_nonzero, self._added))
        sides = zip(self._layer.directions, self._read, self._added, strict=True)
        directions = [
            _folded(one, read.to(dtype), added if biased else None) for one, read, added in sides
        ]
        return replace(self._layer, directions=tuple(directions))

    def _dtype(self) -> torch.dtype:
        """float64 where float32 would round away what a large shift leaves, or overflow."""
        own = torch.promote_types(self._layer.directions[0]["weight_ih"].dtype, torch.float32)
        most = torch.finfo(own).max
        wild = any(bool((one.isfinite() & (one.abs() > most)).any()) for one in self._read)
        return torch.float64 if wild or self._largest_shift > _LARGE_SHIFT else own


def _folded(weights: Mapping[str, Tensor], read: Tensor, added: Tensor | None) -> dict[str, Tensor]:
    """One direction with its new input weights, and `added` to its biases."""
    if added is None:
        return {**weights, "weight_ih": read}
    none = torch.zeros_like(added)
    biases = {key: weights.get(key, none) for key in ("bias_ih", "bias_hh")}
    total = (biases["bias_ih"].double() + added).to(read.dtype)
    return {
        **weights,
        "weight_ih": read,
        "bias_ih": total,
        "bias_hh": biases["bias_hh"].to(read.dtype),
    }


def _plain(values: Tensor) -> Tensor:
    """One number for all features without an axis."""
    return values.reshape(()) if values.numel() == 1 and values.ndim < 2 else values


def _all_finite(tensors: Iterable[Tensor]) -> bool:
    return all(bool(torch.isfinite(one).all()) for one in tensors)
