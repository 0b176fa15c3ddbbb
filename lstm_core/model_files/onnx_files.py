"""ONNX files with LSTM, GRU or RNN nodes: which layers they hold, and which reads which.

The graph is followed once, in its own order: from the inputs through an embedding to the layers,
from each layer through turns and reshapes to the next one and to a linear head. Nothing is run.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from lstm_core.model_files.foreign_layers import Around, chains, chains_to_stacks
from lstm_core.model_files.foreign_remarks import (
    backwards,
    head_activation,
    head_reads_ends,
    head_reads_last,
    left_out,
    refused,
    remark,
    unclear_head,
)
from lstm_core.model_files.onnx_before import BROKEN
from lstm_core.model_files.onnx_constants import Constants
from lstm_core.model_files.onnx_graph import Graph, Node, read_graph
from lstm_core.model_files.onnx_layers import SHOWN
from lstm_core.model_files.onnx_walk import Head, Walk
from lstm_core.model_files.protobuf import Budget, Message, WireError
from lstm_core.model_files.torch_files import damaged, too_large
from lstm_core.stacks import MAX_BYTES, ModelFile, ModelFileError, Remark, Stack

_ENDS = {"Softmax", "LogSoftmax", "Sigmoid", "Tanh", "Relu", "ArgMax", "TopK", "Identity", "Cast"}
_MOVES = {"Transpose", "Squeeze", "Unsqueeze", "Reshape", "Flatten", "Gather", "Slice", "Dropout"}
_READ_AS_SCORES = _ENDS - {"Sigmoid", "Tanh", "Relu"}
_VERSION_FIRST = b"\x08"
_OTHER_FIRST = tuple(bytes([tag]) for tag in (0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42))
"""How the fields of a model begin."""

_WITH_WEIGHTS = ("Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization")


def recognises(head: bytes, path: Path) -> bool:
    """Whether a file that begins with `head` looks like an ONNX model.

    Protocol buffers have no mark of their own; nearly every writer puts the version first.

    Args:
        head: its first bytes.
        path: the file, whose outermost fields are looked at where another one comes first.
    """
    if len(head) > 1 and head[:1] == _VERSION_FIRST and 0 < head[1] < 64:
        return True
    if head[:1] not in _OTHER_FIRST or path.stat().st_size > MAX_BYTES:
        return False
    try:
        return 7 in Message(memoryview(path.read_bytes()), Budget(left=1000))
    except WireError:
        return False


def read(path: Path) -> ModelFile:
    """The recurrent stacks of an ONNX file of at most `MAX_BYTES`.

    Raises:
        ModelFileError: ``"too-large"``, ``"damaged"``, ``"no-stack"``, ``"shapes"``, ``"dtype"``,
            or ``"unsupported"`` if it holds no layer that torch has.
        OSError: if it cannot be read.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise too_large(size)
    try:
        graph = read_graph(memoryview(path.read_bytes()))
        walk = Walk(graph, Constants(graph, size))
        for node in graph.nodes:
            walk.through(node)
        stacks, remarks = _stacks(walk)
    except ModelFileError:
        raise
    except (WireError, *BROKEN) as error:
        raise damaged(error) from error
    return ModelFile(kind="onnx", stacks=tuple(stacks), remarks=tuple(remarks))


def _stacks(walk: Walk) -> tuple[list[Stack], list[Remark]]:
    for name in walk.backwards:
        walk.errors.append(backwards(name))
    if not walk.layers:
        raise walk.errors[0] if walk.errors else _no_stack(walk)
    consumers = _Consumers(walk.graph)
    stacks, remarks = chains_to_stacks(
        chains(walk.layers, walk.reads),
        walk.layers,
        walk.reads,
        lambda chain: _around(walk, chain, consumers),
        SHOWN,
    )
    told = [*walk.remarks, *map(refused, walk.errors)]
    return stacks, [*told, *remarks, *_left_out(walk)]


def _no_stack(walk: Walk) -> ModelFileError:
    ops = ", ".join(dict.fromkeys(node.op[:40] for node in walk.graph.nodes[:200]))[:200]
    inner = f"; what lies inside {', '.join(walk.graph.inner)[:80]} is not read"
    return ModelFileError(
        "no-stack",
        f"the file has no LSTM, GRU or RNN node; it holds {ops or 'no node'}"
        + inner * bool(walk.graph.inner),
        names=ops,
    )


def _around(
    walk: Walk, chain: Sequence[str], consumers: "_Consumers"
) -> tuple[Around, list[Remark]]:
    """What lies before and after a chain of layers, and what is to be told about it."""
    around, remarks = _after(walk, chain, consumers)
    return around, [*(t for n in chain for t in walk.ways[n].told(n, walk.layers)), *remarks]


def _after(
    walk: Walk, chain: Sequence[str], consumers: "_Consumers"
) -> tuple[Around, list[Remark]]:
    """A chain with its head, and what of that is not certain."""
    alone = Around(embedding=walk.embeddings.get(chain[0]))
    heads = [head for head in walk.heads if head.layer == chain[-1]]
    ends = [(head, consumers.activation(head)) for head in heads]
    whole = [(head, end) for head, end in ends if end is not None]
    if len(whole) != 1:
        names = ", ".join(head.name for head, _ in whole[:5])
        return alone, [unclear_head(chain[0], names)] if whole else []
    head, activation = whole[0]
    if head.ends and len(walk.layers[chain[-1]].directions) == 2:
        return alone, [head_reads_ends(chain[0], head.name)]
    remarks = [head_reads_last(chain[0], head.name)] if head.last else []
    if activation not in _READ_AS_SCORES:
        remarks.append(head_activation(head.name, activation))
    walk.used.update(head.nodes)
    return replace(alone, head=(head.name, head.weight, head.bias)), remarks


class _Consumers:
    """Who reads which value."""

    def __init__(self, graph: Graph) -> None:
        """Look at every node once."""
        self._readers: dict[str, list[Node]] = {}
        for node in graph.nodes:
            for name in node.inputs:
                self._readers.setdefault(name, []).append(node)

    def activation(self, head: Head) -> str | None:
        """What is done to the answers at the end, ``"Identity"`` if nothing.

        ``None`` if others go on computing with them, so that this is no head.
        """
        todo, seen, found = list(head.nodes), set(head.nodes), "Identity"
        while todo:
            for node in self._readers.get(todo.pop(), ()):
                if node.outputs[0] in seen:
                    continue
                if node.op not in _ENDS | _MOVES:
                    return None
                if node.op in _ENDS - {"Identity", "Cast"}:
                    found = node.op
                seen.add(node.outputs[0])
                todo.append(node.outputs[0])
        return found


def _left_out(walk: Walk) -> Iterator[Remark]:
    """The other nodes that hold weights, counted by what they do."""
    counts: dict[str, int] = {}
    for node in walk.graph.nodes:
        holds = any(name in walk.graph.tensors for name in node.inputs[1:])
        if holds and node.op in _WITH_WEIGHTS and node.outputs[0] not in walk.used:
            counts[node.op] = counts.get(node.op, 0) + 1
    names = ", ".join(f"{op} × {count}" if count > 1 else op for op, count in counts.items())
    if names:
        yield left_out(names)
    if walk.graph.inner:
        names = ", ".join(walk.graph.inner)
        yield remark("inner-graph", f"what lies inside {names} is not read", names=names)
