"""The graph of an ONNX file: its nodes, the tensors that it holds, its inputs and outputs.

Which numbers the fields have is onnx.proto's; what the nodes mean is in `onnx_files`. Tensors are
made when they are asked for and never on the word of their header alone.

Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lstm_core.model_files.protobuf import Budget, Message, WireError
from lstm_core.stacks import ModelFileError

_DTYPES = {
    1: ("<f4", torch.float32),
    6: ("<i4", torch.int32),
    7: ("<i8", torch.int64),
    9: ("|b1", torch.bool),
    10: ("<f2", torch.float16),
    11: ("<f8", torch.float64),
    16: ("<i2", torch.bfloat16),  # NumPy has none: the bits are read as integers
}
"""TensorProto.DataType -> how it lies in ``raw_data``, and what it is."""

_FLOAT_DATA, _INT32_DATA, _INT64_DATA, _RAW_DATA, _DOUBLE_DATA = 4, 5, 7, 9, 10
_TYPED = {1: (_FLOAT_DATA, "<f4"), 11: (_DOUBLE_DATA, "<f8")}
_EXTERNAL = 1
_MOST_AXES = 16


@dataclass(frozen=True, kw_only=True, eq=False)
class Node:
    """One operation.

    Attributes:
        op: its type; with its domain in front where that is not ONNX's own.
        attributes: numbers, texts, lists of them, or tensors (`Message`).
    """

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    def input(self, place: int) -> str:
        """The name of that input; empty where it is left out."""
        return self.inputs[place] if place < len(self.inputs) else ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Graph:
    """The main graph of a model.

    Attributes:
        tensors: TensorProto messages by name; `tensor` makes them.
        inputs: for each input that the caller gives its number of axes; -1 if it does not say.
        sizes: for each of these the lengths of its axes; 0 for one that it does not say.
        inner: whether a node has a graph inside, as a loop has.
    """

    nodes: tuple[Node, ...]
    tensors: Mapping[str, Message]
    inputs: Mapping[str, int]
    sizes: Mapping[str, tuple[int, ...]]
    outputs: tuple[str, ...]
    inner: tuple[str, ...]


def read_graph(data: memoryview) -> Graph:
    """The graph of the model in `data`.

    Raises:
        WireError: if it is no ONNX model.
    """
    graph = Message(data, Budget()).message(7)
    if graph is None:
        raise WireError("it holds no graph")
    tensors = {tensor.text(8): tensor for tensor in graph.messages(5)}
    nodes, inner = [], []
    for message in graph.messages(1):
        node = _node(message)
        nodes.append(node)
        inner += [node.op] if "" in node.attributes else []
    sizes = {one.text(1): _sizes(one) for one in graph.messages(11)}
    sizes = {name: given for name, given in sizes.items() if name not in tensors}
    return Graph(
        nodes=tuple(nodes),
        tensors=tensors,
        inputs={name: -1 if given is None else len(given) for name, given in sizes.items()},
        sizes={name: given or () for name, given in sizes.items()},
        outputs=tuple(one.text(1) for one in graph.messages(12)),
        inner=tuple(dict.fromkeys(inner)),
    )


def _node(message: Message) -> Node:
    domain, op = message.text(7), message.text(4)
    return Node(
        op=op if domain in ("", "ai.onnx") else f"{domain}.{op}",
        name=message.text(3),
        inputs=tuple(message.texts(1)),
        outputs=tuple(message.texts(2)),
        attributes=dict(map(_attribute, message.messages(5))),
    )


def _attribute(message: Message) -> tuple[str, Any]:
    """Name and value; a graph has the name ``""``, for nothing in it is read."""
    name = message.text(1)
    if 6 in message or 11 in message:
        return "", None
    if 5 in message:
        return name, message.message(5)
    if 7 in message:
        return name, np.frombuffer(b"".join(message.views(7)), "<f4").tolist()
    if 8 in message:
        return name, message.integers(8)
    if 9 in message:
        return name, message.texts(9)
    if 2 in message:
        return name, float(np.frombuffer(message.views(2)[-1], "<f4")[0])
    return name, message.text(4) if 4 in message else message.integer(3)


def _sizes(value: Message) -> tuple[int, ...] | None:
    """How long the axes of an input are, 0 where it does not say; ``None`` if it has no shape."""
    kind = value.message(2)
    tensor = kind.message(1) if kind else None
    shape = tensor.message(2) if tensor else None
    return tuple(one.integer(1) for one in shape.messages(1)) if shape else None


def tensor(name: str, message: Message) -> Tensor:
    """The tensor of a TensorProto.

    Raises:
        ModelFileError: ``"unsupported"`` if its numbers lie in another file; ``"dtype"``;
            ``"damaged"`` if they are fewer or more than its shape says.
    """
    shown = (name or message.text(8))[:200]
    if message.integer(14) == _EXTERNAL or 13 in message:
        raise ModelFileError(
            "unsupported",
            f"the weights of {shown} lie in another file (external data); save the model in one",
            what="external-data",
            name=shown,
        )
    kind, dims = message.integer(2), message.integers(1)
    if kind not in _DTYPES:
        raise ModelFileError(
            "dtype",
            f"{shown} is of ONNX's data type {kind}, which is not read",
            name=shown,
            dtype=f"ONNX {kind}",
        )
    if len(dims) > _MOST_AXES or any(size < 0 for size in dims):
        raise _damaged(f"{shown} has the shape {str(dims)[:80]}")
    values = _values(message, kind)
    if prod(dims) != len(values):
        raise _damaged(f"{shown} says {str(dims)[:80]}, but holds {len(values)} numbers")
    found = torch.from_numpy(values)
    return (found.view(torch.bfloat16) if kind == 16 else found).reshape(dims)


def _values(message: Message, kind: int) -> np.ndarray:
    """All numbers in one row; the copy makes them aligned and ours."""
    raw, dtype = message.views(_RAW_DATA), _DTYPES[kind][0]
    if kind in _TYPED and not raw:
        field, dtype = _TYPED[kind]
        raw = [memoryview(b"".join(message.views(field)))]
    elif not raw:
        whole = message.integers(_INT64_DATA if kind == 7 else _INT32_DATA)
        bits = np.array(whole, np.int64).astype("<u2" if kind in (10, 16) else dtype)
        return bits.view(dtype) if kind in (10, 16) else bits
    size = np.dtype(dtype).itemsize
    if len(raw) != 1 or len(raw[0]) % size:
        raise _damaged(f"the numbers of {message.text(8)[:200]} end inside one of them")
    return np.frombuffer(raw[0], dtype).astype(dtype[1:] if dtype[0] == "<" else dtype)


def _damaged(reason: str) -> ModelFileError:
    return ModelFileError("damaged", f"the file is damaged or cut off: {reason}", reason=reason)
