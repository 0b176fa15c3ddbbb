"""What comes before a recurrent layer of ONNX: what is folded into it, and what is not.

The graph is followed from the layer towards the data. What its nodes are is in `onnx_affine`; which
of its values are followed from the data on is in `onnx_walk`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lstm_core.model_files.foreign_affine import Fold, Room
from lstm_core.model_files.foreign_layers import Layer
from lstm_core.model_files.onnx_affine import (
    Read,
    label_of,
    map_of,
    moved_back,
    regrouped_back,
    scope_of,
)
from lstm_core.model_files.onnx_constants import Constants
from lstm_core.model_files.onnx_flow import Flow
from lstm_core.model_files.onnx_graph import Graph, Node
from lstm_core.model_files.onnx_layers import CELLS
from lstm_core.stacks import ModelFileError

_FOLLOWED = ("ids", "vectors", "states")
_MOVES = ("Identity", "Dropout", "Cast", "Transpose", "Squeeze", "Unsqueeze")
_SHAPES = ("Shape", "Size")
_MOST_NODES = 2000
"""How far the graph is followed from one layer."""

BROKEN = (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError, RuntimeError)
"""What following a graph raises where an attribute is of another kind than ONNX says."""


@dataclass(frozen=True, kw_only=True)
class Folded:
    """A layer with the affine maps right before it.

    Attributes:
        read: what it reads then.
        nodes: the maps, in order.
        outputs: the values that lay between.
    """

    layer: Layer
    read: Read
    nodes: tuple[Node, ...] = ()
    outputs: tuple[str, ...] = ()


class Before:
    """The graph as seen from its layers towards the data."""

    def __init__(self, graph: Graph, constants: Constants) -> None:
        """Note which values depend on what the model is given."""
        self._graph, self._constants, self._room = graph, constants, Room()
        self._places = {name: place for place, n in enumerate(graph.nodes) for name in n.outputs}
        self._dynamic = set(graph.inputs)
        for node in graph.nodes:
            inner = "" in node.attributes
            if node.op not in _SHAPES and (inner or not self._dynamic.isdisjoint(node.inputs)):
                self._dynamic.update(name for name in node.outputs if name)

    def folded(self, layer: Layer, read: Read, flows: Mapping[str, Flow]) -> Folded:
        """`layer`, which reads `read`, with the maps that lie between it and a followed value."""
        start, sure, pending = read, read, False
        fold = Fold(layer, self._room)
        nodes: list[Node] = []
        outputs: list[str] = []
        seen, passed = set[str](), 0
        while not _is_followed(read.value, flows) and read.value not in seen:
            if len(outputs) >= _MOST_NODES:
                break
            seen.add(read.value)
            node = self._constants.maker(read.value)
            found = None if node is None else self._step(node, read, fold)
            if node is None or found is None:
                break
            outputs.append(read.value)
            if node.op not in _MOVES and node.op != "Reshape":
                nodes.append(node)
            opens = node.op == "Reshape" and read.axes is not None  # the next one closes it
            pending = opens or (pending and node.op in _MOVES)
            read = found
            if not pending:
                sure, passed = read, len(outputs)
        if nodes and not self._has_width(sure, fold.width):
            return Folded(layer=layer, read=start)
        return Folded(
            layer=fold.layer(),
            read=sure,
            nodes=tuple(reversed(nodes)),
            outputs=tuple(outputs[:passed]),
        )

    def _step(self, node: Node, read: Read, fold: Fold) -> Read | None:
        """What lies before `node`, which is folded in if it is a map."""
        try:
            found = moved_back(node, read, self._constants) or regrouped_back(
                node, read, fold.width, self._constants
            )
            if found is not None:
                return found
            step = map_of(node, read, fold.width, node.op, self._constants)
        except (ModelFileError, *BROKEN):
            return None
        return step[1] if step is not None and fold.take(step[0]) else None

    def _has_width(self, read: Read, width: int) -> bool:
        """Whether an input has that many features, as far as it says: numbers may be repeated."""
        sizes = self._graph.sizes.get(read.value, ())
        if not sizes or (read.axes is not None and len(sizes) != len(read.axes)):
            return True
        return sizes[read.feature] in (0, width) or sizes[read.feature] < 0

    def changes(self, value: str, flows: Mapping[str, Flow]) -> tuple[list[Node], list[str]]:
        """The nodes with an effect on a value, in order, and the layers whose states go in."""
        todo, seen, sources = [value], set[str](), dict[str, None]()
        found: dict[str, Node] = {}
        moves: dict[str, Node] = {}
        while todo and len(seen) < _MOST_NODES:
            name = todo.pop()
            node = self._constants.maker(name)
            if name in seen or name not in self._dynamic or node is None:
                continue
            seen.add(name)
            flow = flows.get(name)
            if node.op in CELLS and flow is not None:
                sources[flow.origin] = None
                continue
            (moves if _only_moves(node, flow, flows) else found)[node.outputs[0]] = node
            todo += node.inputs
        chosen = found or (moves if sources else {})
        return sorted(chosen.values(), key=lambda n: self._places[n.outputs[0]]), list(sources)


def _is_followed(value: str, flows: Mapping[str, Flow]) -> bool:
    flow = flows.get(value)
    return flow is not None and flow.kind in _FOLLOWED


def _only_moves(node: Node, flow: Flow | None, flows: Mapping[str, Flow]) -> bool:
    """Whether a node moves numbers only; one that looks vectors up does more."""
    looks_up = node.op == "Gather" and node.input(1) in flows
    followed = flow is not None and flow.kind in _FOLLOWED
    return node.op in _MOVES or (followed and not looks_up)


def labels_of(nodes: Iterable[Node]) -> list[str]:
    """Names and kinds; nodes of one module that follow each other are named once."""
    groups: list[list[Node]] = []
    for node in nodes:
        if groups and scope_of(node) and scope_of(node) == scope_of(groups[-1][0]):
            groups[-1].append(node)
        else:
            groups.append([node])
    return [label_of(group) for group in groups]
