"""ONNX graphs made by the onnx package, and what ONNX Runtime computes with them."""

import warnings

import numpy as np
import pytest

from lstm_core import trace
from lstm_core.convert import load_model
from lstm_core.stacks import ModelFileError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what the packages say of themselves while they load
    onnx = pytest.importorskip("onnx", reason="runs where onnx is installed")
    onnxruntime = pytest.importorskip("onnxruntime", reason="runs where onnxruntime is installed")

FLOAT, TOLERANCE = onnx.TensorProto.FLOAT, 1e-5
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
node = onnx.helper.make_node


def numbers(*shape, seed=0, scale=1.0):
    return np.random.default_rng(seed).normal(size=shape, scale=scale).astype(np.float32)


def constant(name, array):
    return onnx.numpy_helper.from_array(np.asarray(array), name)


def weights(kind, units, features, *, count=1, seed=0, tag="", bias=True):
    """Initializers ``W``, ``R`` and ``B`` of one node."""
    rows = GATES[kind] * units
    shapes = {"W": (count, rows, features), "R": (count, rows, units), "B": (count, 2 * rows)}
    drawn = {n: numbers(*s, seed=seed + k, scale=0.6) for k, (n, s) in enumerate(shapes.items())}
    return [constant(n + tag, a) for n, a in drawn.items() if bias or n != "B"]


def serialized(nodes, tensors, inputs=("X",), outputs=("Y",), *, opset=17, shapes=None):
    value, shapes = onnx.helper.make_tensor_value_info, shapes or {}
    graph = onnx.helper.make_graph(
        nodes,
        "test",
        [value(n, *shapes.get(n, (FLOAT, ["t", "b", "x"]))) for n in inputs],
        [value(name, FLOAT, None) for name in outputs],
        tensors,
    )
    opsets = [onnx.helper.make_opsetid("", opset), onnx.helper.make_opsetid("com.microsoft", 1)]
    return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def single(kind="LSTM", units=3, features=2, tensors=None, **attributes):
    """One node from ``X`` to ``Y``."""
    both = attributes.get("direction") == "bidirectional"
    tensors = weights(kind, units, features, count=1 + both) if tensors is None else tensors
    attributes = {"hidden_size": units, **attributes}
    if kind == "GRU":
        attributes = {"linear_before_reset": 1, **attributes}
    names = [tensor.name for tensor in tensors if tensor.name in "WRB"]
    return serialized([node(kind, ["X", *names], ["Y"], name="layer", **attributes)], tensors)


def run(data, **feeds):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


def states(data, x):
    """What ONNX Runtime gives as ``Y``, both directions side by side, ``[time, unit]``."""
    y = run(data, X=x[:, None])[0]
    return y[:, :, 0].reshape(len(x), -1) if y.ndim == 4 else y[:, 0]


def shown_by(stack, inputs, **start):
    tr = trace(stack.module, inputs, **start)
    return np.concatenate([layer["h"] for layer in tr.layers[-tr.num_directions :]], axis=1)


def only(data):
    (stack,) = load_model(data).stacks
    return stack


def codes(data):
    return [remark.code for remark in load_model(data).remarks]


def refusal(data):
    with pytest.raises(ModelFileError) as caught:
        load_model(data)
    return caught.value


def one_way(names, out, direction, tag, kind="LSTM"):
    return node(kind, names, out, name=direction + tag, hidden_size=3, direction=direction)


def upon(first, kind):
    """A layer of three units and above it one of four, which may be of another kind."""
    second = weights(kind, 4, 3, tag="2", seed=7)
    options = {"linear_before_reset": 1} if kind == "GRU" else {}
    nodes = [
        one_way(["X", "W1", "R1", "B1"], ["Y1"], "forward", "1"),
        node("Squeeze", ["Y1", "one"], ["s"]),
        node(kind, ["s", "W2", "R2", "B2"], ["Y"], name="wide", hidden_size=4, **options),
    ]
    return serialized(nodes, [*first, *second, constant("one", [1])])
