"""Following the numbers through an ONNX graph: which layer reads which, and what reads a layer.

Nothing is run: shapes and constants tell where the numbers go. What becomes of the layers is in
`onnx_files`, how their axes move in `onnx_flow`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from torch import Tensor

from lstm_core.model_files.foreign_before import Way
from lstm_core.model_files.foreign_layers import MOST_LAYERS, Layer, both_ways
from lstm_core.model_files.foreign_remarks import other_start, unsupported
from lstm_core.model_files.onnx_affine import Read
from lstm_core.model_files.onnx_before import BROKEN, Before, Folded, labels_of
from lstm_core.model_files.onnx_constants import Constants
from lstm_core.model_files.onnx_flow import Flow, flow_of_input, moved
from lstm_core.model_files.onnx_graph import Graph, Node
from lstm_core.model_files.onnx_layers import CELLS, layer_of, starts_from_zero
from lstm_core.stacks import ModelFileError, Remark


@dataclass(kw_only=True, eq=False)
class Head:
    """A linear layer that reads states."""

    name: str
    layer: str
    weight: Tensor
    bias: Tensor | None = None
    last: bool = False
    ends: bool = False
    outputs: list[str] = field(default_factory=list)
    nodes: list[str] = field(default_factory=list)


class Walk:
    """What was found on the way through a graph."""

    def __init__(self, graph: Graph, constants: Constants) -> None:
        """Start from the inputs, before the first node."""
        self.graph, self.constants = graph, constants
        self.layers: dict[str, Layer] = {}
        self.reads: dict[str, str] = {}
        self.embeddings: dict[str, tuple[str, Tensor]] = {}
        self.heads: list[Head] = []
        self.errors: list[ModelFileError] = []
        self.remarks: list[Remark] = []
        self.backwards: dict[str, tuple[Layer, str]] = {}
        self.ways: dict[str, Way] = {}
        self.used: set[str] = set()
        self._before = Before(graph, constants)
        self._inputs: dict[str, str] = {}
        self._tables: dict[str, Tensor] = {}
        self._piles: dict[str, list[Flow]] = {}
        self._flows = {
            name: flow_of_input(name, count, graph.sizes[name])
            for name, count in graph.inputs.items()
        }

    def through(self, node: Node) -> None:
        """Follow every flow through one node."""
        if node.op in CELLS:
            self._layer(node)
        elif _is_foreign(node.op):
            self.errors.append(_foreign(node))
        elif node.outputs and (found := self._safely_followed(node)):
            self._flows[node.outputs[0]] = found

    def _safely_followed(self, node: Node) -> Flow | None:
        """What a node does to a flow; ``None`` where it is not as ONNX says.

        It lies outside the layers, so that no number of theirs depends on it.
        """
        try:
            return self._followed(node)
        except (ModelFileError, *BROKEN):
            return None

    def _followed(self, node: Node) -> Flow | None:
        special: dict[str, Callable[[Node], Flow | None]] = {
            "MatMul": self._product,
            "Gemm": self._product,
            "Add": self._sum,
            "Concat": self._joined,
            "Gather": self._gathered,
        }
        found = special[node.op](node) if node.op in special else None
        flow = self._flows.get(node.input(0))
        if found is None and flow is not None:
            found = moved(node, flow, self.constants)
        if found is not None and found.kind == "answers":
            self._head(found).nodes.append(node.outputs[0])
        return found

    def _layer(self, node: Node) -> None:
        """Keep one recurrent node, and where its numbers go."""
        if len(self.layers) + len(self.backwards) >= MOST_LAYERS:
            raise ModelFileError(
                "too-large",
                f"the file holds more than {MOST_LAYERS} recurrent layers",
                what="layers",
                size=MOST_LAYERS + 1,
                limit=MOST_LAYERS,
            )
        name = self._free_name(node)
        self.used.add(node.outputs[0])
        try:
            layer = layer_of(node, name, self.constants)
        except ModelFileError as error:
            self.errors.append(error)
            return
        if not starts_from_zero(node, self.constants):
            self.remarks.append(other_start(name))
        axes = ("b", "t", "f") if _by_batch(node) else ("t", "b", "f")
        found = self._before.folded(layer, Read(value=node.input(0), axes=axes), self._flows)
        layer = found.layer
        if node.attributes.get("direction") == "reverse":
            self.backwards[name] = layer, node.input(0)
        else:
            self.layers[name], self._inputs[name] = layer, node.input(0)
            self._find_input(found, name)
            self._note_way(found, name)
        self._send(node, name, layer)

    def _free_name(self, node: Node) -> str:
        name = (node.name or node.outputs[0] or node.op)[:200]
        taken = self.layers.keys() | self.backwards.keys()
        number, free = 2, name
        while free in taken:
            free, number = f"{name} ({number})", number + 1
        return free

    def _find_input(self, found: Folded, name: str) -> None:
        """The embedding or the layer that a layer reads."""
        flow, axes = self._flows.get(found.read.value), found.read.axes
        if flow is None or (axes is not None and len(flow.axes) != len(axes)):
            return
        if flow.kind == "vectors" and flow.axes[found.read.feature] == ("e",):
            table = self._tables[flow.origin]
            if table.shape[1] == found.layer.input_size:
                self.embeddings[name] = flow.origin, table
        if axes is None or flow.kind != "states" or flow.last:
            return
        time, batch = (flow.axes[axes.index(a)] if a in axes else () for a in "tb")
        alone = batch == () and set(time) <= {"t", "b"} and "t" in time
        if self._is_whole(flow, found.read.feature) and (
            alone or (time, batch) == (("t",), ("b",))
        ):
            self.reads[name] = flow.origin

    def _note_way(self, found: Folded, name: str) -> None:
        """What the input of a layer has been through, if it is not shown with what it reads."""
        flow, labels = self._flows.get(found.read.value), labels_of(found.nodes)
        self.used.update(found.outputs)
        known = name in self.reads or name in self.embeddings
        if known or (flow is not None and flow.kind == "ids"):
            self.ways[name] = Way(folded=labels)
            return
        nodes, sources = self._before.changes(found.read.value, self._flows)
        self.used.update(output for node in nodes for output in node.outputs)
        self.ways[name] = Way(folded=labels, changes=labels_of(nodes), sources=sources)

    def _send(self, node: Node, name: str, layer: Layer) -> None:
        """The flows of ``Y`` and ``Y_h``."""
        way = ("d",) if len(layer.directions) == 2 else ()
        axes = (("b",), ("t",), way, ("h",)) if _by_batch(node) else (("t",), way, ("b",), ("h",))
        sizes = {"h": layer.hidden_size, "d": 2}
        every = Flow(kind="states", origin=name, axes=axes, sizes=sizes)
        outputs = (*node.outputs, "", "")
        if outputs[0]:
            self._flows[outputs[0]] = every
        if outputs[1]:
            final = tuple(axis for axis in axes if axis != ("t",))
            self._flows[outputs[1]] = replace(every, axes=final, last=True, ends=True)

    def _is_whole(self, flow: Flow, place: int = -1) -> bool:
        """Whether an axis runs over everything that the layer gives at a step."""
        layer = self.layers.get(flow.origin)
        if layer is None or flow.kind != "states" or not flow.axes:
            return False
        return flow.axes[place] == (("d", "h") if len(layer.directions) == 2 else ("h",))

    def _product(self, node: Node) -> Flow | None:
        """The answers of a linear layer that reads states."""
        flow = self._flows.get(node.input(0))
        if flow is None or not self._is_whole(flow):
            return None
        weight = self.constants.value(node.input(1))
        scales = [node.attributes.get(key, 1) for key in ("alpha", "beta")]
        if weight is None or weight.ndim != 2 or scales != [1, 1] or node.attributes.get("transA"):
            return None
        weight = weight if node.attributes.get("transB") else weight.T
        if weight.shape[1] != self.layers[flow.origin].width or not len(weight):
            return None
        name = _plain_name(node, len(self.heads))
        head = Head(name=name, layer=flow.origin, weight=weight, last=flow.last, ends=flow.ends)
        if node.input(2) and not self._add_bias(head, node.input(2)):
            return None
        self.heads.append(head)
        origin, axes = str(len(self.heads) - 1), (*flow.axes[:-1], ("o",))
        return replace(
            flow, kind="answers", origin=origin, axes=axes, sizes={**flow.sizes, "o": len(weight)}
        )

    def _head(self, flow: Flow) -> Head:
        return self.heads[int(flow.origin)]

    def _add_bias(self, head: Head, name: str) -> bool:
        bias = self.constants.value(name)
        if bias is None or bias.numel() != len(head.weight) or head.bias is not None:
            return False
        head.bias = bias.reshape(-1)
        return True

    def _sum(self, node: Node) -> Flow | None:
        """Answers with their bias."""
        for place in (0, 1):
            flow = self._flows.get(node.input(place))
            if flow is not None and flow.kind == "answers" and flow.axes[-1] == ("o",):
                return flow if self._add_bias(self._head(flow), node.input(1 - place)) else None
        return None

    def _gathered(self, node: Node) -> Flow | None:
        """Vectors of tokens, or one of several layers' last states."""
        ids = self._flows.get(node.input(1))
        if ids is not None and ids.kind == "ids":
            table = self.constants.value(node.input(0))
            if (
                table is None
                or table.ndim != 2
                or node.attributes.get("axis", 0)
                or not table.is_floating_point()
            ):
                return None
            name = node.input(0)
            self._tables[name] = table
            self.used.add(node.outputs[0])
            sizes = {"e": table.shape[1]}
            return Flow(kind="vectors", origin=name, axes=(*ids.axes, ("e",)), sizes=sizes)
        pile = self._piles.get(node.input(0))
        place = self.constants.value(node.input(1)) if pile else None
        if pile and place is not None and place.ndim == 0 and not node.attributes.get("axis", 0):
            chosen = pile[int(place)]
            return replace(chosen, axes=chosen.axes[1:])
        return None

    def _joined(self, node: Node) -> Flow | None:
        """Two directions side by side; last states of several layers are kept for a `Gather`."""
        flows = [self._flows.get(name) for name in node.inputs]
        found = [flow for flow in flows if flow is not None and flow.kind == "states"]
        if len(found) != len(flows) or not found:
            return None
        if node.attributes.get("axis") == 0 and all(f.last and f.axes[0] == () for f in found):
            self._piles[node.outputs[0]] = found
        return self._both_ways(node, found) if len(found) == 2 else None

    def _both_ways(self, node: Node, flows: list[Flow]) -> Flow | None:
        """A forward and a backward layer that read the same as one layer of two directions."""
        there, back = flows
        count = len(there.axes)
        if there.axes != back.axes or there.axes[-1] != ("h",) or there.ends != back.ends:
            return None
        if node.attributes.get("axis") not in (-1, count - 1) or back.origin not in self.backwards:
            return None
        layer, read = self.backwards[back.origin]
        first = self.layers.get(there.origin)
        if first is None or len(first.directions) == 2 or self._inputs[there.origin] != read:
            return None
        both = both_ways(first, layer)
        if both is None:
            return None
        self.layers[there.origin] = both
        del self.backwards[back.origin]
        sizes = {**there.sizes, "d": 2}
        return replace(there, axes=(*there.axes[:-1], ("d", "h")), sizes=sizes)


def _by_batch(node: Node) -> bool:
    return node.attributes.get("layout", 0) == 1


def _is_foreign(op: str) -> bool:
    """Whether an operation outside ONNX' own is recurrent by its name."""
    return "." in op and op.endswith(("LSTM", "GRU", "RNN"))


def _foreign(node: Node) -> ModelFileError:
    name = node.name or node.outputs[0]
    message = f"{name} is a {node.op[:100]}, which is none of ONNX' own layers"
    return unsupported("layer", message, name=name, kind=node.op[:100])


def _plain_name(node: Node, number: int) -> str:
    return (node.name or node.input(1) or f"{node.op} {number}")[:200]
