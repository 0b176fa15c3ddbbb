"""One LSTM, GRU or RNN node of ONNX, against what ONNX Runtime computes with it.

Whole models are in `test_onnx_files`.
"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_core import trace
from tests.onnx_graphs import (
    FLOAT,
    TOLERANCE,
    codes,
    constant,
    node,
    numbers,
    one_way,
    only,
    onnx,
    refusal,
    run,
    serialized,
    shown_by,
    single,
    states,
    weights,
)


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(["LSTM", "GRU", "RNN", "relu"]),
    units=st.integers(1, 6),
    features=st.integers(1, 6),
    time=st.integers(1, 9),
    both=st.booleans(),
    bias=st.booleans(),
    seed=st.integers(0, 99),
)
def test_every_size_has_the_runtimes_states(kind, units, features, time, both, bias, seed):
    relu, kind = kind == "relu", "RNN" if kind == "relu" else kind
    tensors = weights(kind, units, features, count=1 + both, seed=seed, bias=bias)
    options = {"activations": ["Relu"] * (1 + both)} if relu else {}
    way = "bidirectional" if both else "forward"
    data = single(kind, units, features, tensors, direction=way, **options)
    x = numbers(time, features, seed=seed)
    expected = states(data, x)
    scale = max(1, np.abs(expected).max())  # a relu network may grow
    assert np.abs(shown_by(only(data), x) - expected).max() <= TOLERANCE * scale


def test_cell_state_is_the_runtimes():
    tensors = weights("LSTM", 3, 2)
    names, x = ["X", "W", "R", "B"], numbers(6, 2)
    nodes = [node("LSTM", names, ["", "", "Y"], hidden_size=3)]
    data = serialized(nodes, tensors)
    expected = np.stack([run(data, X=x[:n, None])[0][0, 0] for n in range(1, 7)])
    np.testing.assert_allclose(trace(only(data).module, x)["c"], expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize(("kind", "order"), [("LSTM", "iof"), ("GRU", "zr")])
def test_gates_follow_the_equations_that_onnx_documents(kind, order):
    """ONNX packs an LSTM as i o f c and a GRU as z r h; so does the file."""
    data, x = single(kind), numbers(6, 2)
    w, r, b = (onnx.numpy_helper.to_array(t)[0] for t in weights(kind, 3, 2))
    stack = only(data)
    tr = trace(stack.module, x)
    z = x @ w.T + tr.layer().previous("h") @ r.T + b[: len(w)] + b[len(w) :]
    assert stack.gate_order == {"LSTM": "i o f c", "GRU": "z r h"}[kind]
    for place, gate in enumerate(order):
        expected = 1 / (1 + np.exp(-z[:, place * 3 : place * 3 + 3]))
        np.testing.assert_allclose(tr[gate], expected, rtol=0, atol=TOLERANCE)


def test_gru_of_one_unit_that_resets_first_is_the_same():
    data, x = single("GRU", 1, 2, linear_before_reset=0), numbers(6, 2)
    np.testing.assert_allclose(shown_by(only(data), x), states(data, x), rtol=0, atol=TOLERANCE)


def test_gru_whose_candidates_read_no_other_unit_may_reset_first():
    w, r, b = weights("GRU", 3, 2)
    rows = onnx.numpy_helper.to_array(r).copy()
    rows[0, 6:] = np.diag(np.diag(rows[0, 6:]))
    data = single("GRU", tensors=[w, constant("R", rows), b], linear_before_reset=0)
    x = numbers(6, 2)
    np.testing.assert_allclose(shown_by(only(data), x), states(data, x), rtol=0, atol=TOLERANCE)


def made(name, chain, tensors):
    """An LSTM whose weight `name` is made by `chain` out of `tensors`."""
    given = [t for t in weights("LSTM", 3, 2) if t.name != name]
    layer = one_way(["X", "W", "R", "B"], ["Y"], "forward", "")
    return serialized([*chain, layer], [*given, *tensors])


W = onnx.numpy_helper.to_array(weights("LSTM", 3, 2)[0])
INTEGERS = [
    constant("zero", [0]),
    constant("one", [1]),
    constant("six", [6]),
    constant("end", [99]),
]


@pytest.mark.parametrize(
    ("chain", "tensors"),
    [
        ([node("Constant", [], ["W"], value=constant("", W))], []),
        ([node("Identity", ["a"], ["W"])], [constant("a", W)]),
        ([node("Transpose", ["a"], ["W"], perm=[0, 2, 1])], [constant("a", W.swapaxes(1, 2))]),
        ([node("Transpose", ["a"], ["W"])], [constant("a", W.T)]),
        ([node("Unsqueeze", ["a", "zero"], ["W"])], [constant("a", W[0]), *INTEGERS]),
        ([node("Squeeze", ["a", "one"], ["W"])], [constant("a", W[:, None]), *INTEGERS]),
        (
            [node("Reshape", ["a", "shape"], ["W"])],
            [constant("a", W.reshape(1, 4, 6)), constant("shape", [0, 12, -1])],
        ),
        (
            [
                node("Slice", ["a", "zero", "six", "one"], ["p"]),
                node("Slice", ["a", "six", "end", "one"], ["q"]),
                node("Concat", ["p", "q"], ["W"], axis=1),
            ],
            [constant("a", W), *INTEGERS],
        ),
        ([node("Cast", ["a"], ["W"], to=FLOAT)], [constant("a", W.astype(np.float64))]),
    ],
    ids=["constant", "same", "turned", "turned whole", "unsqueezed", "squeezed", "reshaped",
         "joined", "cast"],
)  # fmt: skip
def test_weights_are_followed_to_where_they_come_from(chain, tensors):
    data, x = made("W", chain, tensors), numbers(6, 2)
    np.testing.assert_allclose(shown_by(only(data), x), states(data, x), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_dtype_is_kept_or_widened(dtype):
    tensors = [constant(t.name, onnx.numpy_helper.to_array(t).astype(dtype))
               for t in weights("LSTM", 3, 2)]  # fmt: skip
    data = single(tensors=tensors)
    module = only(data).module
    assert module.weight_ih_l0.dtype == (torch.float32 if dtype == np.float16 else torch.float64)
    assert codes(data) == (["widened"] if dtype == np.float16 else [])


def as_lists(tensor, kind):
    """The tensor with its numbers in a typed list and not in raw bytes."""
    values = onnx.numpy_helper.to_array(tensor)
    return onnx.helper.make_tensor(tensor.name, kind, values.shape, values.reshape(-1).tolist())


@pytest.mark.parametrize("kind", ["FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16"])
def test_numbers_in_lists_are_read_as_onnx_reads_them(kind):
    tensors = [as_lists(t, getattr(onnx.TensorProto, kind)) for t in weights("RNN", 3, 2)]
    found = only(single("RNN", tensors=tensors)).module.weight_ih_l0.double().numpy()
    expected = onnx.numpy_helper.to_array(tensors[0])[0].astype(np.float64)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("kind", "attributes", "what"),
    [
        ("LSTM", {"clip": 3.0}, "clip"),
        ("LSTM", {"input_forget": 1}, "input-forget"),
        ("LSTM", {"activations": ["HardSigmoid", "Tanh", "Tanh"]}, "activation"),
        ("LSTM", {"activations": ["Sigmoid", "Tanh", "Relu"]}, "activation"),
        ("RNN", {"activations": ["Sigmoid"]}, "activation"),
        ("GRU", {"linear_before_reset": 0}, "reset-before"),
        ("LSTM", {"direction": "reverse"}, "backwards"),
    ],
)
def test_node_that_torch_has_not_is_refused_with_the_reason(kind, attributes, what):
    error = refusal(single(kind, **attributes))
    assert (error.code, error.fields["what"], error.fields["name"]) == (
        "unsupported",
        what,
        "layer",
    )


def with_inputs(place, tensor):
    """An LSTM with one more input at `place`."""
    names = ["X", "W", "R", "B", "", "", "", ""]
    names[place] = tensor.name
    nodes = [node("LSTM", names, ["Y"], name="layer", hidden_size=3)]
    return serialized(nodes, [*weights("LSTM", 3, 2), tensor])


def test_peepholes_are_refused():
    error = refusal(with_inputs(7, constant("P", np.ones((1, 9), np.float32))))
    assert error.fields["what"] == "peepholes"


def test_peepholes_of_zero_are_none():
    data, x = with_inputs(7, constant("P", np.zeros((1, 9), np.float32))), numbers(6, 2)
    np.testing.assert_allclose(shown_by(only(data), x), states(data, x), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize(("value", "told"), [(0.0, []), (0.5, ["initial-state"])])
def test_first_states_are_told_where_they_are_not_zeros(value, told):
    assert codes(with_inputs(5, constant("h0", np.full((1, 1, 3), value, np.float32)))) == told


def test_weights_that_an_input_gives_are_refused():
    names = ["X", "W", "R", "B"]
    data = serialized(
        [node("LSTM", names, ["Y"], name="layer", hidden_size=3)],
        weights("LSTM", 3, 2)[1:],
        inputs=("X", "W"),
    )
    assert refusal(data).fields["what"] == "computed"


def test_quantized_layer_is_refused_by_its_name():
    options = {"name": "layer", "domain": "com.microsoft"}
    layer = node("DynamicQuantizeLSTM", ["X", "W"], ["Y"], **options)
    error = refusal(serialized([layer], []))
    assert error.fields["kind"] == "com.microsoft.DynamicQuantizeLSTM"


def test_numbers_that_are_none_are_told():
    w, r, b = weights("LSTM", 3, 2)
    rows = onnx.numpy_helper.to_array(w).copy()
    rows[0, 0, 0] = np.inf
    assert codes(single(tensors=[constant("W", rows), r, b])) == ["not-finite"]
