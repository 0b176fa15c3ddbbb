"""Where the numbers of a recurrent layer go: which axis means what, through turns and reshapes.

A `Flow` is followed through operations that move numbers and do not change them. What starts a
flow and what ends it is in `onnx_files`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import Literal

from lstm_core.model_files.onnx_constants import Constants
from lstm_core.model_files.onnx_graph import Node

Axis = tuple[str, ...]
"""What an axis runs over, slowest first: ``t`` time, ``b`` sequence, ``d`` direction, ``h`` unit,
or whatever started the flow; ``()`` for an axis of length 1."""


@dataclass(frozen=True, kw_only=True)
class Flow:
    """Numbers on their way through a graph.

    Attributes:
        kind: ids of an input, vectors of tokens, states of a layer, or answers of a head.
        origin: the input, the layer, the embedding or the head that they come from.
        sizes: the length of an axis' part, where it is known.
        last: whether they are those of one step alone, the last that was read.
        ends: whether each direction gives its own last step, at the two ends of the sequence.
    """

    kind: Literal["ids", "vectors", "states", "answers"]
    origin: str
    axes: tuple[Axis, ...]
    sizes: Mapping[str, int]
    last: bool = False
    ends: bool = False


def flow_of_input(name: str, count: int, sizes: Sequence[int]) -> Flow:
    """What an input of the model starts.

    Args:
        count: its axes; two where it does not say (-1), as a batch of sequences has.
        sizes: the lengths of its axes, 0 or less where it does not say.
    """
    places = range(count if 0 <= count <= 8 else 2)
    known = {f"x{place}": size for place, size in enumerate(sizes) if size > 0}
    return Flow(kind="ids", origin=name, axes=tuple((f"x{n}",) for n in places), sizes=known)


def moved(node: Node, flow: Flow, constants: Constants) -> Flow | None:
    """`flow` after `node`; ``None`` if the node does more than move numbers."""
    if node.op in ("Identity", "Dropout", "Cast"):
        return flow
    if node.op == "Transpose":
        order = node.attributes.get("perm") or range(len(flow.axes))[::-1]
        return replace(flow, axes=tuple(flow.axes[place] for place in order))
    if node.op in ("Squeeze", "Unsqueeze"):
        given = node.attributes.get("axes") or constants.numbers(node.input(1))
        return (_squeezed if node.op == "Squeeze" else _unsqueezed)(flow, given)
    if node.op == "Reshape":
        sizes = node.attributes.get("shape") or sizes_of(node.input(1), constants)
        keep = not node.attributes.get("allowzero")
        axes = None if sizes is None else _regrouped(flow, sizes, keep=keep)
        return None if axes is None else replace(flow, axes=axes)
    if node.op in ("Gather", "Slice"):
        return _last_step(node, flow, constants)
    return None


def _squeezed(flow: Flow, given: Sequence[int] | None) -> Flow | None:
    """Without axes of length 1; a batch that is squeezed away is of length 1, too."""
    count = len(flow.axes)
    if given is None:
        return replace(flow, axes=tuple(axis for axis in flow.axes if axis))
    gone = {axis % count for axis in given}
    if any(flow.axes[place] not in ((), ("b",)) for place in gone):
        return None
    return replace(flow, axes=tuple(a for place, a in enumerate(flow.axes) if place not in gone))


def _unsqueezed(flow: Flow, given: Sequence[int] | None) -> Flow | None:
    if given is None:
        return None
    axes, total = list(flow.axes), len(flow.axes) + len(given)
    for place in sorted(place % total for place in given):
        axes.insert(place, ())
    return replace(flow, axes=tuple(axes))


def sizes_of(name: str, constants: Constants) -> list[int | None] | None:
    """The shape that a reshape asks for; ``None`` in it for what only a run can tell."""
    numbers = constants.numbers(name)
    if numbers is not None:
        return list(numbers)
    node = constants.maker(name)
    if node is None or node.op != "Concat":
        return None
    sizes: list[int | None] = []
    for part in node.inputs:
        known = constants.numbers(part)
        maker = constants.maker(part)
        if known is None and (maker is None or maker.op != "Unsqueeze"):
            return None
        sizes += [None] if known is None else known
    return sizes


def _regrouped(flow: Flow, sizes: Sequence[int | None], *, keep: bool) -> tuple[Axis, ...] | None:
    """The axes after a reshape, the numbers staying in their order; ``None`` if it is not clear."""
    first = 0
    while keep and first < min(len(sizes), len(flow.axes)) and sizes[first] == 0:
        first += 1
    front, back = list(flow.axes[:first]), []
    parts = [part for axis in flow.axes[first:] for part in axis]
    dims = list(sizes[first:])
    while dims and (found := _suffix(flow, parts, dims[-1])) is not None:
        back.append(tuple(parts[len(parts) - found :]))
        del parts[len(parts) - found :], dims[-1]
    if len(dims) == 1:
        middle = [tuple(parts)]
    elif len(dims) == len(parts) and all(map(partial(_may_be, flow), parts, dims)):
        middle = [(part,) for part in parts]
    else:
        return None
    return (*front, *middle, *back[::-1])


def _may_be(flow: Flow, part: str, size: int | None) -> bool:
    """Whether a part may be as long as that, as far as both are known."""
    return size is None or size < 1 or flow.sizes.get(part, size) == size


def _suffix(flow: Flow, parts: Sequence[str], size: int | None) -> int | None:
    """How many of the last parts make an axis of that size."""
    if size is None or size < 1:
        return None
    for count in range(len(parts) + 1):
        some = parts[len(parts) - count :]
        if any(part not in flow.sizes for part in some):
            return None
        if prod(flow.sizes[part] for part in some) == size:
            return count
    return None


def _last_step(node: Node, flow: Flow, constants: Constants) -> Flow | None:
    """The flow of the last step alone; or with an axis of length 1 taken away."""
    if node.op == "Slice":
        return _last_slice(node, flow, constants)
    place, found = node.attributes.get("axis", 0), constants.value(node.input(1))
    if found is None or found.numel() != 1 or found.ndim > 1:
        return None
    axis, index = flow.axes[place], int(found)
    shorter = list(flow.axes)
    shorter[place : place % len(shorter) + 1] = [()] * found.ndim
    if axis == ("t",) and index == -1 and not flow.last:
        return replace(flow, axes=tuple(shorter), last=True)
    return replace(flow, axes=tuple(shorter)) if not axis and index in (0, -1) else None


def _last_slice(node: Node, flow: Flow, constants: Constants) -> Flow | None:
    parts = [
        node.attributes.get(name) or constants.numbers(node.input(place + 1))
        for place, name in enumerate(("starts", "ends", "axes", "steps"))
    ]
    starts, ends, axes, steps = parts
    if not (starts == [-1] and ends and axes and (steps or [1]) == [1]):
        return None
    if len(ends) != 1 or ends[0] < 2**31 - 1 or flow.axes[axes[0]] != ("t",):
        return None
    found = list(flow.axes)
    found[axes[0]] = ()
    return replace(flow, axes=tuple(found), last=True)
