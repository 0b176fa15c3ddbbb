"""Nodes of ONNX before a layer, read backwards: which move its input, which are affine maps.

A value is followed from the layer towards the data, with what its axes mean to the layer. A node is
an affine map only where its numbers are in the file and lie along the features. How far that goes
is decided in `onnx_before`.

Source: https://onnx.ai/onnx/operators/
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lstm_core.model_files.foreign_affine import Affine
from lstm_core.model_files.onnx_constants import Constants
from lstm_core.model_files.onnx_flow import sizes_of
from lstm_core.model_files.onnx_graph import Node

_FLOATS = (1, 10, 11, 16)
"""ONNX's data types of numbers that are not whole."""

_Pair = tuple[Tensor, Tensor]


@dataclass(frozen=True, kw_only=True)
class Read:
    """A value that a layer reads, through moves and maps that are known.

    Attributes:
        value: its name.
        axes: for each axis ``t`` time, ``b`` sequence, ``f`` feature, or empty for one of length 1;
            ``None`` where a reshape left only the last certain, which are the features.
    """

    value: str
    axes: tuple[str, ...] | None

    @property
    def feature(self) -> int:
        """The axis of the features, from the end: -1 is the last."""
        return -1 if self.axes is None else self.axes.index("f") - len(self.axes)


def moved_back(node: Node, read: Read, constants: Constants) -> Read | None:
    """The value that `node` only moves to give `read`; ``None`` if it does anything else."""
    source = replace(read, value=node.input(0))
    if node.op in ("Identity", "Dropout"):
        return source
    if node.op == "Cast":
        return source if node.attributes.get("to") in _FLOATS else None
    if read.axes is None or node.op not in ("Transpose", "Squeeze", "Unsqueeze"):
        return None
    axes = _axes_before(node, read.axes, constants)
    return None if axes is None or axes.count("f") != 1 else replace(source, axes=axes)


def _axes_before(node: Node, axes: tuple[str, ...], constants: Constants) -> tuple[str, ...] | None:
    if node.op == "Transpose":
        order = node.attributes.get("perm") or range(len(axes))[::-1]
        if sorted(order) != list(range(len(axes))):
            return None
        return tuple(axes[list(order).index(place)] for place in range(len(axes)))
    given = node.attributes.get("axes") or constants.numbers(node.input(1))
    if given is None:
        return None
    if node.op == "Unsqueeze":
        gone = {place % len(axes) for place in given}
        return tuple(axis for place, axis in enumerate(axes) if place not in gone)
    found, total = list(axes), len(axes) + len(given)
    for place in sorted(place % total for place in given):
        found.insert(place, "")
    return tuple(found)


def regrouped_back(node: Node, read: Read, width: int, constants: Constants) -> Read | None:
    """The value that a reshape gives `read` from, if the features stay together as they are."""
    sizes = node.attributes.get("shape") or sizes_of(node.input(1), constants)
    if node.op != "Reshape" or not sizes or read.feature != -1 or sizes[-1] != width:
        return None
    return Read(value=node.input(0), axes=None)


def map_of(
    node: Node, read: Read, width: int, label: str, constants: Constants
) -> tuple[Affine, Read] | None:
    """The affine map that gives `read` of that width, and what that map reads."""
    if node.op in ("MatMul", "Gemm"):
        place, found = 0, _linear(node, constants) if read.feature == -1 else None
    elif node.op in _ELEMENTWISE:
        place = 0 if constants.value(node.input(0)) is None else 1
        found = _elementwise(node, place, read, constants)
    elif node.op == "BatchNormalization":
        second = read.axes is not None and len(read.axes) + read.feature == 1
        place, found = 0, _normalised(node, constants) if second else None
    else:
        return None
    if found is None or (found[0].ndim == 2 and len(found[0]) != width):
        return None
    factor, shift = found
    return Affine(label=label, factor=factor, shift=shift), replace(read, value=node.input(place))


def _linear(node: Node, constants: Constants) -> _Pair | None:
    weight = _numbers(node.input(1), constants)
    scales = [node.attributes.get(key, 1) for key in ("alpha", "beta")]
    if weight is None or weight.ndim != 2 or scales != [1, 1] or node.attributes.get("transA"):
        return None
    matrix = weight if node.attributes.get("transB") else weight.T
    if not node.input(2):
        return matrix, torch.zeros(())
    bias = _numbers(node.input(2), constants)
    if bias is None or bias.numel() != bias.shape[-1:].numel():
        return None
    return matrix, bias.reshape(-1)


def _elementwise(node: Node, place: int, read: Read, constants: Constants) -> _Pair | None:
    """A sum, product, difference or quotient with numbers of the file."""
    if len(node.inputs) != 2:
        return None
    values = _numbers(node.input(1 - place), constants)
    along = None if values is None else _along(values, read)
    return None if along is None else _ELEMENTWISE[node.op](along.double(), place == 0)


def _along(values: Tensor, read: Read) -> Tensor | None:
    """A number for each feature, or one for all; ``None`` if they differ along another axis."""
    if values.ndim > (len(read.axes) if read.axes is not None else 3):
        return None
    sizes = list(values.shape)
    if -read.feature <= len(sizes):
        sizes[read.feature] = 1
    return values.reshape(-1) if all(size == 1 for size in sizes) and values.numel() else None


def _added(values: Tensor, first: bool) -> _Pair | None:
    return torch.ones((), dtype=values.dtype), values


def _subtracted(values: Tensor, first: bool) -> _Pair | None:
    sign = torch.ones((), dtype=values.dtype)
    return (sign, -values) if first else (-sign, values)


def _multiplied(values: Tensor, first: bool) -> _Pair | None:
    return values, torch.zeros(())


def _divided(values: Tensor, first: bool) -> _Pair | None:
    return (1 / values, torch.zeros(())) if first else None


_ELEMENTWISE: dict[str, Callable[[Tensor, bool], _Pair | None]] = {
    "Add": _added,
    "Sub": _subtracted,
    "Mul": _multiplied,
    "Div": _divided,
}
"""For each operation with constants the factor and the shift; the second argument says whether the
constants are the second input."""


def _normalised(node: Node, constants: Constants) -> _Pair | None:
    parts = [_numbers(node.input(place), constants) for place in range(1, 5)]
    found = [part.double() for part in parts if part is not None and part.ndim == 1]
    if len(found) != 4 or node.attributes.get("training_mode"):
        return None
    scale, shift, mean, variance = found
    factor = scale * (variance + float(node.attributes.get("epsilon", 1e-5))).rsqrt()
    return factor, shift - mean * factor


def _numbers(name: str, constants: Constants) -> Tensor | None:
    """The constant of that name, if its numbers are not whole ones."""
    found = constants.value(name)
    return found if found is not None and found.is_floating_point() else None


def label_of(nodes: Sequence[Node]) -> str:
    """The name of one node, or of the module that several belong to, with what they do."""
    ops = list(dict.fromkeys(node.op.rpartition(".")[2][:40] for node in nodes))
    more = ", …" if len(ops) > 3 else ""
    scope = scope_of(nodes[0])
    name = scope if len(nodes) > 1 else nodes[0].name[:80] or scope
    kinds = ", ".join(ops[:3]) + more
    return f"{name} ({kinds})" if name else kinds


def scope_of(node: Node) -> str:
    """The module that a node belongs to, as exporters name it: ``/norm`` of ``/norm/Sub``."""
    return node.name.rpartition("/")[0][-80:]
