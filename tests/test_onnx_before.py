"""What ONNX graphs do before and between recurrent layers, against ONNX Runtime.

Affine nodes are folded into the weights, so that ``h`` and the gates are the runtime's from the
data on; the others are told. Whole models otherwise are in `test_onnx_files`.
"""

import numpy as np
import pytest

from lstm_core import trace
from lstm_core.convert import load_model
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
    serialized,
    shown_by,
    states,
    weights,
)

X, Y, LAYER = "X", "Y", ["R", "W", "B"]
MATRIX, ROW = numbers(2, 3, seed=5), numbers(3, seed=6)
CONSTANTS = [
    constant("A", MATRIX),
    constant("At", MATRIX.T.copy()),
    constant("b", ROW),
    constant("scale", numbers(3, seed=7)),
    constant("mean", numbers(3, seed=8)),
    constant("var", np.abs(numbers(3, seed=9)) + 0.1),
    constant("ten", np.float32(10)),
    constant("column", numbers(3, seed=4)[:, None]),
    constant("steps", numbers(6, 1, 1)),
    constant("sequences", numbers(3, 1)),
    constant("one", [1]),
    constant("flat", [-1, 2]),
    constant("back", [-1, 1, 3]),
]


def before(*nodes, kind="LSTM", features=3, shape=("t", "b", 2), bias=True, way="forward"):
    """`nodes` from ``X`` to ``z``, and a layer that reads ``z``."""
    both = way == "bidirectional"
    tensors = weights(kind, 4, features, count=1 + both, bias=bias)
    options = {"linear_before_reset": 1} if kind == "GRU" else {}
    names = ["z", "W", "R", *(["B"] if bias else [])]
    layer = node(kind, names, ["Y"], name="layer", hidden_size=4, direction=way, **options)
    return serialized([*nodes, layer], [*tensors, *CONSTANTS], shapes={"X": (FLOAT, list(shape))})


def told(data, code):
    (found,) = [remark for remark in load_model(data).remarks if remark.code == code]
    return found.fields


def linear(x="X", z="z"):
    return [node("MatMul", [x, "A"], ["m"], name="/fc/MatMul"), node("Add", ["b", "m"], [z])]


NORMAL = node("BatchNormalization", ["p", "scale", "b", "mean", "var"], ["q"], name="norm")

MAPS = {
    "linear": (linear(), 2),
    "sum": ([node("Add", ["X", "b"], ["z"])], 3),
    "difference": ([node("Sub", ["X", "mean"], ["z"])], 3),
    "turned difference": ([node("Sub", ["mean", "X"], ["z"])], 3),
    "product": ([node("Mul", ["scale", "X"], ["z"])], 3),
    "quotient": ([node("Div", ["X", "ten"], ["z"])], 3),
    "standardised": (
        [node("Sub", ["X", "mean"], ["d"]), node("Div", ["d", "var"], ["z"])],
        3,
    ),
    "normalised": (
        [
            node("Transpose", ["X"], ["p"], perm=[1, 2, 0]),
            NORMAL,
            node("Transpose", ["q"], ["z"], perm=[2, 0, 1]),
        ],
        3,
    ),
    "along a turned axis": (
        [
            node("Transpose", ["X"], ["p"], perm=[0, 2, 1]),
            node("Add", ["p", "column"], ["q"]),
            node("Transpose", ["q"], ["z"], perm=[0, 2, 1]),
        ],
        3,
    ),
    "two axes": (
        [
            node("Squeeze", ["X", "one"], ["p"]),
            node("Gemm", ["p", "At", "b"], ["q"], transB=1),
            node("Unsqueeze", ["q", "one"], ["z"]),
        ],
        2,
    ),
    "at each step": (
        [
            node("Reshape", ["X", "flat"], ["p"]),
            node("Gemm", ["p", "A", "b"], ["q"]),
            node("Reshape", ["q", "back"], ["z"]),
        ],
        2,
    ),
    "through what changes nothing": (
        [
            node("Dropout", ["X"], ["p"]),
            node("MatMul", ["p", "A"], ["m"]),
            node("Cast", ["m"], ["q"], to=FLOAT),
            node("Identity", ["q"], ["z"]),
        ],
        2,
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", ["forward", "bidirectional"])
@pytest.mark.parametrize("what", list(MAPS))
def test_affine_nodes_before_are_folded(what, way):
    nodes, features = MAPS[what]
    data, x = before(*nodes, shape=("t", 1, features), way=way), numbers(6, features)
    stack = only(data)
    assert (codes(data), stack.module.input_size) == (["folded"], features)
    np.testing.assert_allclose(shown_by(stack, x), states(data, x), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_every_cell_takes_in_what_comes_before_it(kind, bias):
    data, x = before(*linear(), kind=kind, bias=bias), numbers(6, 2)
    np.testing.assert_allclose(shown_by(only(data), x), states(data, x), rtol=0, atol=TOLERANCE)


def test_gates_are_those_inside_the_model():
    data, x = before(*linear()), numbers(6, 2)
    w, r, b = (onnx.numpy_helper.to_array(t)[0] for t in weights("LSTM", 4, 3))
    tr = trace(only(data).module, x)
    z = (x @ MATRIX + ROW) @ w.T + tr.layer().previous("h") @ r.T + b[:16] + b[16:]
    for place, gate in enumerate("iof"):
        expected = 1 / (1 + np.exp(-z[:, place * 4 : place * 4 + 4]))
        np.testing.assert_allclose(tr[gate], expected, rtol=0, atol=TOLERANCE)


def test_nodes_of_a_module_are_named_once():
    nodes = [
        node("MatMul", ["X", "A"], ["m"], name="/fc/MatMul"),
        node("Add", ["b", "m"], ["n"], name="/fc/Add"),
        node("Mul", ["n", "scale"], ["z"]),
    ]
    assert told(before(*nodes), "folded")["names"] == "/fc (MatMul, Add), Mul"


@pytest.mark.parametrize(
    ("nodes", "names"),
    [
        ([node("Relu", ["X"], ["z"])], "Relu"),
        (
            [*linear(z="n"), node("Relu", ["n"], ["z"], name="/act/Relu")],
            "/fc/MatMul (MatMul), Add, /act/Relu (Relu)",
        ),
        ([node("Add", ["X", "steps"], ["z"])], "Add"),
        ([node("Add", ["X", "sequences"], ["z"])], "Add"),
        ([node("BatchNormalization", ["X", "b", "b", "b", "var"], ["z"])], "BatchNormalization"),
        ([node("Mul", ["X", "X"], ["z"])], "Mul"),
        ([node("Div", ["mean", "X"], ["z"])], "Div"),
        ([node("CumSum", ["X", "one"], ["z"])], "CumSum"),
    ],
)
def test_what_is_no_map_is_told_and_not_folded(nodes, names):
    data = before(*nodes, shape=("t", "b", "x"))
    assert codes(data) == ["before-stack"]
    assert told(data, "before-stack") == {"name": "layer", "names": names}
    w = onnx.numpy_helper.to_array(weights("LSTM", 4, 3)[0])[0]
    assert only(data).module.weight_ih_l0[0, 0] == w[0, 0]


def test_map_that_repeats_its_input_is_not_folded():
    """One number at a step times three: the width of the input is not that of the layer."""
    data = before(node("Mul", ["X", "scale"], ["z"]), shape=("t", "b", 1))
    assert codes(data) == ["before-stack"]


def test_reshape_that_puts_other_numbers_into_a_step_is_told():
    data = before(node("Reshape", ["X", "back"], ["z"]), shape=("t", 1, 6))
    assert told(data, "before-stack")["names"] == "Reshape"


@pytest.mark.parametrize("sizes", [[0, 1, -1], [-1, 1, 3]])
def test_map_before_such_a_reshape_is_not_folded_along_it(sizes):
    nodes = [
        node("Constant", [], ["sizes"], value_ints=sizes),
        node("Mul", ["X", "column"], ["p"]),
        node("Reshape", ["p", "sizes"], ["z"]),
    ]
    assert codes(before(*nodes, shape=("t", 3, 1))) == ["before-stack"]


def test_map_before_rounding_is_not_folded():
    nodes = [
        node("Mul", ["X", "scale"], ["p"]),
        node("Cast", ["p"], ["q"], to=onnx.TensorProto.INT64),
        node("Cast", ["q"], ["z"], to=FLOAT),
    ]
    assert codes(before(*nodes, shape=("t", "b", 3))) == ["before-stack"]


def test_embedding_whose_vectors_are_repeated_is_not_taken_for_one_of_the_width():
    table = constant("table", numbers(9, 1))
    nodes = [
        node("Gather", ["table", "X"], ["e"]),
        node("Mul", ["e", "scale"], ["z"]),
        node("LSTM", ["z", "W", "R", "B"], ["Y"], name="layer", hidden_size=4),
    ]
    ids = {"X": (onnx.TensorProto.INT64, ["t", "b"])}
    data = serialized(nodes, [*weights("LSTM", 4, 3), *CONSTANTS, table], shapes=ids)
    assert only(data).embedding is None


def test_product_of_another_size_is_not_folded():
    wrong = [constant("K", numbers(2, 5)), constant("cut", [0, 0, 3])]
    layer = node("LSTM", ["z", "W", "R"], ["Y"], hidden_size=4)
    data = serialized(
        [node("MatMul", ["X", "K"], ["z"]), layer], [*weights("LSTM", 4, 3)[:2], *wrong]
    )
    assert codes(data) == ["before-stack"]


@pytest.mark.parametrize("ops", [["Transpose"], ["Dropout", "Identity"], ["Squeeze", "Unsqueeze"]])
def test_what_moves_numbers_only_is_not_told(ops):
    values = ["X", *(f"v{n}" for n in range(1, len(ops))), "z"]
    nodes = [
        node(op, [a, *(["one"] if "squeeze" in op.lower() else [])], [b],
             **({"perm": [1, 0, 2]} if op == "Transpose" else {}))
        for op, a, b in zip(ops, values, values[1:], strict=False)
    ]  # fmt: skip
    assert not codes(before(*nodes, shape=("t", "b", 3)))


def between(*nodes, kind="LSTM"):
    """A layer of three units, `nodes` from ``s`` to ``z``, and a layer that reads ``z``."""
    first, second = weights("LSTM", 3, 2, tag="1"), weights(kind, 4, 3, tag="2", seed=7)
    options = {"linear_before_reset": 1} if kind == "GRU" else {}
    graph = [
        one_way(["X", "W1", "R1", "B1"], ["Y1"], "forward", ""),
        node("Squeeze", ["Y1", "one"], ["s"]),
        *nodes,
        node(kind, ["z", "W2", "R2", "B2"], ["Y"], name="upper", hidden_size=4, **options),
    ]
    extra = constant("K", numbers(3, 3, seed=2))
    return serialized(graph, [*first, *second, *CONSTANTS, extra])


NORMAL_BETWEEN = [
    node("Transpose", ["s"], ["p"], perm=[1, 2, 0]),
    NORMAL,
    node("Transpose", ["q"], ["z"], perm=[2, 0, 1]),
]
BETWEEN = {
    "normalised": NORMAL_BETWEEN,
    "linear": [node("MatMul", ["s", "K"], ["m"]), node("Add", ["m", "b"], ["z"])],
    "scaled": [node("Mul", ["s", "scale"], ["z"])],
}


@pytest.mark.parametrize("what", list(BETWEEN))
def test_layers_with_a_map_between_are_one_stack(what):
    data, x = between(*BETWEEN[what]), numbers(6, 2)
    stack = only(data)
    assert (codes(data), stack.units, stack.head) == (["folded"], (3, 4), None)
    np.testing.assert_allclose(shown_by(stack, x), states(data, x), rtol=0, atol=TOLERANCE)


def test_map_between_layers_of_different_kinds_is_folded_too():
    data, x = between(*BETWEEN["normalised"], kind="GRU"), numbers(6, 2)
    below, above = load_model(data).stacks
    assert (codes(data), above.reads) == (["folded", "separate"], below.name)
    found = shown_by(above, shown_by(below, x))
    np.testing.assert_allclose(found, states(data, x), rtol=0, atol=TOLERANCE)


def test_batch_and_time_that_change_places_between_are_not_joined():
    turned = [
        node("Mul", ["s", "scale"], ["p"]),
        node("Transpose", ["p"], ["z"], perm=[1, 0, 2]),
    ]
    data = between(*turned)
    assert [stack.reads for stack in load_model(data).stacks] == [None, None]
    assert codes(data) == ["folded", "between-stacks"]


def test_what_lies_between_two_stacks_is_told_with_both():
    data = between(node("Tanh", ["s"], ["z"], name="squash"))
    expected = {"name": "upper", "before": "forward", "names": "squash (Tanh)"}
    assert codes(data) == ["between-stacks"]
    assert told(data, "between-stacks") == expected


def test_layer_below_that_is_refused_is_named_as_what_comes_before():
    first, second = weights("LSTM", 3, 2, tag="1"), weights("LSTM", 4, 3, tag="2", seed=7)
    nodes = [
        one_way(["X", "W1", "R1", "B1"], ["Y1"], "reverse", ""),
        node("Squeeze", ["Y1", "one"], ["s"]),
        node("Relu", ["s"], ["z"]),
        node("LSTM", ["z", "W2", "R2", "B2"], ["Y"], name="upper", hidden_size=4),
    ]
    data = serialized(nodes, [*first, *second, *CONSTANTS])
    assert codes(data) == ["unsupported", "before-stack"]
    assert told(data, "before-stack") == {"name": "upper", "names": "reverse, Relu"}
    assert "last step first" in load_model(data).remarks[0].message


@pytest.mark.parametrize("given", ["input", "initializer", "joined"])
def test_first_states_that_are_no_zeros_are_told(given):
    names = ["X", "W", "R", "B", "", "h0", "c0"]
    nodes = [node("LSTM", names, ["Y"], name="layer", hidden_size=4)]
    start = constant("h0", numbers(1, 1, 4))
    zero = constant("c0", np.zeros((1, 1, 4), np.float32))
    tensors = [*weights("LSTM", 4, 3), zero]
    if given == "input":
        data = serialized(nodes, tensors, inputs=("X", "h0"))
    elif given == "initializer":
        data = serialized(nodes, [*tensors, start])
    else:
        half = [constant("l", numbers(1, 1, 2)), constant("r", numbers(1, 1, 2))]
        join = node("Concat", ["l", "r"], ["h0"], axis=2)
        data = serialized([join, *nodes], [*tensors, *half])
    assert codes(data) == ["initial-state"]
