"""What a graph holds before anybody calls it: tensors of the file, and what is made of them.

Exporters leave weights behind as slices, joins and turns of other tensors. Those are followed here;
nothing that depends on an input of the model is.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from lstm_core.model_files.onnx_graph import Graph, Node, tensor
from lstm_core.model_files.protobuf import Message
from lstm_core.stacks import ModelFileError

_DEEPEST = 64
_MOST_NUMBERS = 64
"""The most axes or sizes that one operation may list."""


class Constants:
    """The values in a graph that no input changes, found when they are asked for."""

    def __init__(self, graph: Graph, size: int) -> None:
        """Know where each value comes from.

        Args:
            size: bytes of the file; all that is made of its tensors may be five times as large.
        """
        self._graph, self._left = graph, 5 * size + 2**20
        self._makers = {name: node for node in graph.nodes for name in node.outputs if name}
        self._known: dict[str, Tensor | None] = {}
        self._zero: dict[str, bool] = {}

    def value(self, name: str) -> Tensor | None:
        """The tensor of that name; ``None`` if it depends on an input or is made in another way.

        Raises:
            ModelFileError: as `onnx_graph.tensor`, or ``"too-large"``.
        """
        return self._value(name, 0)

    def maker(self, name: str) -> Node | None:
        """The node that gives the value of that name."""
        return self._makers.get(name)

    def numbers(self, name: str) -> list[int] | None:
        """The whole numbers in the tensor of that name, as axes and shapes are given."""
        found = self.value(name)
        if found is None or found.is_floating_point() or found.numel() > _MOST_NUMBERS:
            return None
        return _integers(found)

    def is_zero(self, name: str) -> bool:
        """Whether every number of that value is 0, whatever its shape will be."""
        return not name or self._is_zero(name, 0)

    def _value(self, name: str, depth: int) -> Tensor | None:
        if not name or depth > _DEEPEST:
            return None
        if name not in self._known:
            self._known[name] = None  # what reads itself is no constant
            self._known[name] = self._find(name, depth)
        return self._known[name]

    def _find(self, name: str, depth: int) -> Tensor | None:
        if name in self._graph.tensors:
            return self._counted(tensor(name, self._graph.tensors[name]))
        node = self._makers.get(name)
        if node is None or node.op not in _MADE or node.outputs[0] != name:
            return None
        if node.op == "Constant":
            return _constant(node)
        parts = [self._value(part, depth + 1) if part else None for part in node.inputs]
        if any(part is None for part, given in zip(parts, node.inputs, strict=True) if given):
            return None
        if node.op in ("Concat", "Cast", "Reshape"):  # the others look at what is there
            self._spend(sum(part.nbytes for part in parts if part is not None))
        try:
            return _MADE[node.op](node, parts)
        except (RuntimeError, IndexError, TypeError, ValueError, OverflowError):
            return None

    def _counted(self, found: Tensor) -> Tensor:
        self._spend(found.nbytes)
        return found

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise ModelFileError(
                "damaged",
                "the file is damaged: its tensors unfold to far more than its size",
                reason="its tensors unfold to far more than its size",
            )

    def _is_zero(self, name: str, depth: int) -> bool:
        if depth > _DEEPEST:
            return False
        if name not in self._zero:
            self._zero[name] = False  # what reads itself
            self._zero[name] = self._find_zero(name, depth)
        return self._zero[name]

    def _find_zero(self, name: str, depth: int) -> bool:
        node = self._makers.get(name)
        if node is None or name in self._graph.tensors or node.op == "Constant":
            found = self._value(name, depth)
            return found is not None and not found.any()
        if node.op == "ConstantOfShape":
            filling = node.attributes.get("value")
            return not isinstance(filling, Message) or not tensor(name, filling).any()
        parts = node.inputs if node.op == "Concat" else node.inputs[:1]
        return node.op in _KEEPS_ZERO and all(self._is_zero(part, depth + 1) for part in parts)


def _constant(node: Node) -> Tensor | None:
    if isinstance(value := node.attributes.get("value"), Message):
        return tensor(node.outputs[0], value)
    for name in ("value_ints", "value_int"):
        if name in node.attributes:
            return torch.tensor(node.attributes[name], dtype=torch.int64)
    for name in ("value_floats", "value_float"):
        if name in node.attributes:
            return torch.tensor(node.attributes[name], dtype=torch.float32)
    return None


def attribute_or_input(node: Node, name: str, parts: Sequence[Tensor | None]) -> list[int] | None:
    """Axes of an operation: an attribute in old files, the second input in new ones."""
    if name in node.attributes:
        return list(node.attributes[name])
    given = parts[1] if len(parts) > 1 else None
    return None if given is None else _integers(given)


def _integers(found: Tensor) -> list[int]:
    if found.numel() > _MOST_NUMBERS:
        raise ValueError("too many axes")
    return [int(number) for number in found.reshape(-1)]


def _first(parts: Sequence[Tensor | None]) -> Tensor:
    if parts[0] is None:
        raise TypeError("the first input is left out")
    return parts[0]


def _transpose(node: Node, parts: Sequence[Tensor | None]) -> Tensor:
    x = _first(parts)
    return x.permute(node.attributes.get("perm") or list(reversed(range(x.ndim))))


def _unsqueeze(node: Node, parts: Sequence[Tensor | None]) -> Tensor:
    x, axes = _first(parts), attribute_or_input(node, "axes", parts) or []
    total = x.ndim + len(axes)
    for axis in sorted(axis % total for axis in axes):
        x = x.unsqueeze(axis)
    return x


def _squeeze(node: Node, parts: Sequence[Tensor | None]) -> Tensor:
    x, axes = _first(parts), attribute_or_input(node, "axes", parts)
    if axes is None:
        return x.squeeze()
    if any(x.shape[axis] != 1 for axis in axes):
        raise ValueError("an axis to squeeze is longer than 1")
    return x.squeeze(tuple(axes))


def _concat(node: Node, parts: Sequence[Tensor | None]) -> Tensor:
    return torch.cat([part for part in parts if part is not None], node.attributes["axis"])


def _reshape(node: Node, parts: Sequence[Tensor | None]) -> Tensor:
    x, sizes = _first(parts), attribute_or_input(node, "shape", parts) or []
    keep = not node.attributes.get("allowzero")
    return x.reshape([x.shape[k] if keep and not s else s for k, s in enumerate(sizes)])


def _cast(node: Node, parts: Sequence[Tensor | None]) -> Tensor:
    kinds = {1: torch.float32, 6: torch.int32, 7: torch.int64, 10: torch.float16, 11: torch.float64}
    return _first(parts).to(kinds[node.attributes["to"]])


def _slice(node: Node, parts: Sequence[Tensor | None]) -> Tensor:
    x = _first(parts)
    starts, ends, axes, steps = (_slice_part(node, parts, place) for place in range(4))
    if starts is None or ends is None:
        raise ValueError("a slice says neither where it starts nor where it ends")
    for start, end, axis, step in zip(
        starts, ends, axes or range(len(starts)), steps or [1] * len(starts), strict=True
    ):
        if step != 1:
            raise ValueError("a slice that leaves something out or turns around")
        length = x.shape[axis]
        first, last = (_within(place, length) for place in (start, end))
        x = x.narrow(axis, first, max(0, last - first))
    return x


def _slice_part(node: Node, parts: Sequence[Tensor | None], place: int) -> list[int] | None:
    names = ("starts", "ends", "axes", "steps")
    if names[place] in node.attributes:
        return list(node.attributes[names[place]])
    given = parts[place + 1] if len(parts) > place + 1 else None
    return None if given is None else _integers(given)


def _within(place: int, length: int) -> int:
    return max(0, min(length, place + length if place < 0 else place))


def _same(node: Node, parts: Sequence[Tensor | None]) -> Tensor:
    return _first(parts)


_MADE: dict[str, Callable[[Node, Sequence[Tensor | None]], Any]] = {
    "Constant": _same,  # has no input, see `_constant`
    "Identity": _same,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Concat": _concat,
    "Reshape": _reshape,
    "Cast": _cast,
    "Slice": _slice,
}
"""For each operation that weights may pass through, what it makes of them."""

_KEEPS_ZERO = frozenset({*_MADE, "Expand", "Tile"} - {"Constant"})
