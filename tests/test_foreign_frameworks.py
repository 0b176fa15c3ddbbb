"""Traces against ONNX Runtime and Keras, which share no code with torch.

The same weights, reordered as each framework packs its gates: torch i f g o and r z n, ONNX i o f c
and z r h, Keras i f c o and z r h. Neither returns its gates, so `h` and `c` are compared at every
step, and the gates of an LSTM where the framework lets them be isolated. All in float32, in which
both compute: Keras' products round to it whatever the layer's dtype.
"""

import os
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from lstm_core import trace

os.environ["KERAS_BACKEND"] = "torch"
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what the frameworks say of themselves while they load
    keras = pytest.importorskip("keras", reason="runs where keras is installed")
    onnx = pytest.importorskip("onnx", reason="runs where onnx is installed")
    onnxruntime = pytest.importorskip("onnxruntime", reason="runs where onnxruntime is installed")

TIME, FEATURES, UNITS = 9, 3, 5
TOLERANCE = 1e-5
INPUTS = np.random.default_rng(0).normal(size=(TIME, FEATURES)).astype(np.float32)
ONNX_ORDER = {"LSTM": "iofg", "GRU": "zrn", "RNN": "h"}
TORCH_ORDER = {"LSTM": "ifgo", "GRU": "rzn", "RNN": "h"}
MODULES = {"LSTM": nn.LSTM, "GRU": nn.GRU, "RNN": nn.RNN}


def wide(module):
    """Larger weights, so that a wrong order or variant shows far above rounding."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(2)
    return module


def reordered(kind, order, rows):
    """torch's rows of one matrix or bias with its gates in another framework's order."""
    blocks = dict(zip(TORCH_ORDER[kind], np.split(rows, len(TORCH_ORDER[kind])), strict=True))
    return np.concatenate([blocks[gate] for gate in order])


def onnx_weights(kind, layers):
    """ONNX's ``W``, ``R`` and ``B``, ``[direction, ...]``, of one layer's directions."""
    found = {"W": [], "R": [], "B": []}
    for layer in layers:
        w = {n: reordered(kind, ONNX_ORDER[kind], rows) for n, rows in layer.weights.items()}
        found["W"].append(w["weight_ih"])
        found["R"].append(w["weight_hh"])
        found["B"].append(np.concatenate([w["bias_ih"], w["bias_hh"]]))
    return {name: np.stack(values) for name, values in found.items()}


def onnx_layer(kind, layers, inputs, **attributes):
    """Every ``h`` and, for an LSTM, every ``c``, ``[time, direction * unit]``.

    The batch holds the sequence once for every length: the last ``c`` of the first `n` steps is the
    ``c`` of step `n`. That serves one direction; with two, ``c`` is ``None``.
    """
    weights, both = onnx_weights(kind, layers), len(layers) == 2
    names = ["X", "W", "R", "B", "lens", "h_0", *(["c_0"] if kind == "LSTM" else [])]
    results = ["Y", "Y_h", *(["Y_c"] if kind == "LSTM" else [])]
    node = onnx.helper.make_node(
        kind,
        names,
        results,
        hidden_size=UNITS,
        direction="bidirectional" if both else "forward",
        **attributes,
    )
    float32, int32 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT32
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [node],
        "layer",
        [value(name, int32 if name == "lens" else float32, None) for name in names],
        [value(name, float32, None) for name in results],
    )
    opset = onnx.helper.make_opsetid("", 14)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    lengths = np.arange(1, TIME + 1, dtype=np.int32)
    given = dict(zip(("h_0", "c_0"), (stacked(layers, "h_0"), stacked(layers, "c_0")), strict=True))
    feeds = weights | {name: v for name, v in given.items() if name in names}
    batch = np.repeat(inputs[:, None], TIME, axis=1)
    answers = session.run(None, feeds | {"X": batch, "lens": lengths})
    h = answers[0][:, :, -1].reshape(TIME, -1)  # the last of the batch has its full length
    return h, answers[2][0] if kind == "LSTM" and not both else None


def stacked(layers, name):
    """A start state of each direction, repeated for the batch, ``[direction, batch, unit]``."""
    states = [getattr(layer, name) for layer in layers]
    return None if states[0] is None else np.repeat(np.stack(states)[:, None], TIME, axis=1)


def start_states(kind, rows):
    rng = np.random.default_rng(1)
    names = ("h_0", "c_0") if kind == "LSTM" else ("h_0",)
    return {name: rng.uniform(-1, 1, size=(rows, UNITS)).astype(np.float32) for name in names}


def attributes_of(kind, layer):
    if kind == "GRU":
        return {"linear_before_reset": 1}
    if kind == "RNN":
        return {"activations": [layer.nonlinearity.capitalize()] * 2}
    return {}


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(
    ("kind", "options"),
    [("LSTM", {}), ("GRU", {}), ("RNN", {}), ("RNN", {"nonlinearity": "relu"})],
    ids=["LSTM", "GRU", "RNN tanh", "RNN relu"],
)
def test_onnx_runtime_gives_the_same_states_at_every_step(kind, options, bidirectional, layers):
    module = MODULES[kind](FEATURES, UNITS, layers, bidirectional=bidirectional, **options)
    tr = trace(module, INPUTS, **start_states(kind, layers * (1 + bidirectional)))
    read = INPUTS
    for number in range(layers):
        pair = [tr.layer(number, direction) for direction in range(tr.num_directions)]
        attributes = attributes_of(kind, pair[0])
        if "activations" in attributes:
            attributes["activations"] = attributes["activations"][: len(pair)]
        h, _ = onnx_layer(kind, pair, read, **attributes)
        mine = np.concatenate([layer["h"] for layer in pair], axis=1)
        np.testing.assert_allclose(mine, h, rtol=0, atol=TOLERANCE)
        for layer in pair if kind == "LSTM" else []:
            turn = slice(None, None, -1 if layer.direction else 1)
            _, c = onnx_layer(kind, [layer], read[turn])
            np.testing.assert_allclose(layer["c"][turn], c, rtol=0, atol=TOLERANCE)
        read = h


def test_onnx_reset_before_the_product_is_another_gru():
    """``linear_before_reset=0`` multiplies ``r`` with ``h'`` and not with ``U_n h' + b_hn``."""
    tr = trace(wide(nn.GRU(FEATURES, UNITS)), INPUTS)
    same, _ = onnx_layer("GRU", tr.layers, INPUTS, linear_before_reset=1)
    other, _ = onnx_layer("GRU", tr.layers, INPUTS, linear_before_reset=0)
    np.testing.assert_allclose(tr["h"], same, rtol=0, atol=TOLERANCE)
    assert np.abs(tr["h"] - other).max() > 0.01


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_onnx_weights_read_in_torchs_order_give_other_numbers(kind, monkeypatch):
    module = wide(MODULES[kind](FEATURES, UNITS))
    tr = trace(module, INPUTS)
    attributes = attributes_of(kind, tr.layer())
    monkeypatch.setitem(ONNX_ORDER, kind, TORCH_ORDER[kind])
    wrong, _ = onnx_layer(kind, tr.layers, INPUTS, **attributes)
    assert np.abs(tr["h"] - wrong).max() > 0.01


KERAS_ORDER = {"LSTM": "ifgo", "GRU": "zrn", "RNN": "h"}


def keras_layer(kind, layer, **options):
    """Keras' layer with the weights of `layer`."""
    options = {"return_sequences": True} | options
    made = {"LSTM": keras.layers.LSTM, "GRU": keras.layers.GRU, "RNN": keras.layers.SimpleRNN}
    w = {n: reordered(kind, KERAS_ORDER[kind], rows) for n, rows in layer.weights.items()}
    two_biases = kind == "GRU" and options.get("reset_after", True)
    biases = [w["bias_ih"], w["bias_hh"]]
    result = made[kind](UNITS, **options)
    result.build((1, TIME, FEATURES))
    bias = np.stack(biases) if two_biases else biases[0] + biases[1]
    result.set_weights([w["weight_ih"].T, w["weight_hh"].T, bias])
    return result


def called(layer, inputs):
    with torch.no_grad():
        answer = layer(torch.as_tensor(inputs[None]))
    parts = answer if isinstance(answer, (list, tuple)) else [answer]
    return [part.numpy()[0] for part in parts]  # on this backend Keras' tensors are torch's


@pytest.mark.parametrize(
    ("kind", "options"),
    [("LSTM", {}), ("GRU", {}), ("RNN", {}), ("RNN", {"nonlinearity": "relu"})],
    ids=["LSTM", "GRU", "RNN tanh", "RNN relu"],
)
def test_keras_gives_the_same_states_at_every_step(kind, options):
    module = MODULES[kind](FEATURES, UNITS, **options)
    tr = trace(module, INPUTS)
    extra = {"activation": "relu"} if options else {}
    layer = keras_layer(kind, tr.layer(), **extra)
    (h,) = called(layer, INPUTS)
    np.testing.assert_allclose(tr["h"], h, rtol=0, atol=TOLERANCE)


def test_keras_gives_the_same_cell_state_at_every_step():
    tr = trace(nn.LSTM(FEATURES, UNITS), INPUTS)
    layer = keras_layer("LSTM", tr.layer(), return_state=True, return_sequences=False)
    steps = [called(layer, INPUTS[:n])[2] for n in range(1, TIME + 1)]
    np.testing.assert_allclose(tr["c"], np.stack(steps), rtol=0, atol=TOLERANCE)


def test_keras_cells_isolate_the_gates():
    """With ``c' = 0`` and ``c' = 1`` Keras' own step gives ``i g`` and ``f + i g``."""
    tr = trace(nn.LSTM(FEATURES, UNITS), INPUTS).layer()
    cell = keras_layer("LSTM", tr).cell
    h_prev = tr.previous("h").copy()
    results = {}
    for start in (0.0, 1.0, 40.0):
        states = [torch.as_tensor(h_prev), torch.full((TIME, UNITS), start)]
        with torch.no_grad():
            results[start] = cell(torch.as_tensor(INPUTS), states)[1]
    c = {start: states[1].numpy() for start, states in results.items()}
    np.testing.assert_allclose(tr["i"] * tr["g"], c[0.0], rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(tr["f"], c[1.0] - c[0.0], rtol=0, atol=TOLERANCE)
    h = {start: states[0].numpy() for start, states in results.items()}
    np.testing.assert_allclose(tr["o"], h[40.0] / np.tanh(c[40.0]), rtol=0, atol=TOLERANCE)


def test_keras_reset_before_the_product_is_another_gru():
    """Without the second bias both variants exist in Keras, and only one of them is torch's."""
    module = wide(nn.GRU(FEATURES, UNITS))
    with torch.no_grad():
        module.bias_hh_l0.zero_()
    tr = trace(module, INPUTS)
    (same,) = called(keras_layer("GRU", tr.layer(), reset_after=True), INPUTS)
    (other,) = called(keras_layer("GRU", tr.layer(), reset_after=False), INPUTS)
    np.testing.assert_allclose(tr["h"], same, rtol=0, atol=TOLERANCE)
    assert np.abs(tr["h"] - other).max() > 0.01


def test_keras_gru_read_in_torchs_order_gives_other_numbers(monkeypatch):
    tr = trace(wide(nn.GRU(FEATURES, UNITS)), INPUTS)
    monkeypatch.setitem(KERAS_ORDER, "GRU", TORCH_ORDER["GRU"])
    (wrong,) = called(keras_layer("GRU", tr.layer()), INPUTS)
    assert np.abs(tr["h"] - wrong).max() > 0.01
