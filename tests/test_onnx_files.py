"""ONNX models: which layer reads which, embeddings and heads, against ONNX Runtime.

Graphs come from the `onnx` package or from PyTorch's exporter; neither shares code with the reader.
Single nodes are in `test_onnx_layers`, broken files in `test_onnx_files_hostile`.
"""

import io
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from lstm_core import trace
from lstm_core.convert import load_model, model_of
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
    upon,
    weights,
)


@pytest.mark.parametrize("features", [2, 6])
def test_forward_and_backward_node_side_by_side_are_one_layer(features):
    there = weights("LSTM", 3, features, tag="f")
    back = weights("LSTM", 3, features, tag="r", seed=9)
    nodes = [
        one_way(["X", "Wf", "Rf", "Bf"], ["Yf"], "forward", ""),
        one_way(["X", "Wr", "Rr", "Br"], ["Yr"], "reverse", ""),
        node("Squeeze", ["Yf", "axis"], ["f"]),
        node("Squeeze", ["Yr", "axis"], ["r"]),
        node("Concat", ["f", "r"], ["Y"], axis=2),
    ]
    data, x = serialized(nodes, [*there, *back, constant("axis", [1])]), numbers(6, features)
    stack = only(data)
    assert stack.module.bidirectional
    np.testing.assert_allclose(shown_by(stack, x), states(data, x), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("opset", [11, 17], ids=["axes as attribute", "axes as input"])
def test_layers_that_follow_each_other_are_one_stack(opset):
    first, second = weights("GRU", 3, 2, tag="1"), weights("GRU", 3, 3, tag="2", seed=7)
    options = {"hidden_size": 3, "linear_before_reset": 1}
    old = opset < 13
    nodes = [
        node("GRU", ["X", "W1", "R1", "B1"], ["Y1"], name="lower", **options),
        node("Squeeze", ["Y1"], ["s"], axes=[1]) if old else node("Squeeze", ["Y1", "one"], ["s"]),
        node("Dropout", ["s"], ["d"]),
        node("GRU", ["d", "W2", "R2", "B2"], ["Y"], name="upper", **options),
    ]
    data = serialized(nodes, [*first, *second, constant("one", [1])], opset=opset)
    x = numbers(6, 2)
    stack = only(data)
    assert (stack.name, stack.module.num_layers) == ("lower", 2)
    np.testing.assert_allclose(shown_by(stack, x), states(data, x), rtol=0, atol=TOLERANCE)


def batch_first_pair(order):
    first, second = weights("LSTM", 3, 2, tag="1"), weights("LSTM", 3, 3, tag="2", seed=7)
    options = {"hidden_size": 3, "layout": 1}
    nodes = [
        node("LSTM", ["X", "W1", "R1", "B1"], ["Y1"], name="lower", **options),
        node("Squeeze", ["Y1", "two"], ["s"]),
        node("Transpose", ["s"], ["d"], perm=order),
        node("LSTM", ["d", "W2", "R2", "B2"], ["Y"], name="upper", **options),
    ]
    return serialized(nodes, [*first, *second, constant("two", [2])])


def test_batch_first_layers_are_joined():
    assert only(batch_first_pair([0, 1, 2])).module.num_layers == 2


def test_layer_that_reads_the_batch_as_time_is_not_joined():
    assert [stack.reads for stack in load_model(batch_first_pair([1, 0, 2])).stacks] == [None, None]


def test_layers_with_something_between_are_two_stacks():
    first, second = weights("LSTM", 3, 2, tag="1"), weights("LSTM", 3, 3, tag="2", seed=7)
    nodes = [
        one_way(["X", "W1", "R1", "B1"], ["Y1"], "forward", "1"),
        node("Squeeze", ["Y1", "one"], ["s"]),
        node("Relu", ["s"], ["d"]),
        one_way(["d", "W2", "R2", "B2"], ["Y"], "forward", "2"),
    ]
    data = serialized(nodes, [*first, *second, constant("one", [1])])
    assert [stack.module.num_layers for stack in load_model(data).stacks] == [1, 1]


def test_layers_of_different_sizes_are_one_stack():
    data, x = upon(weights("LSTM", 3, 2, tag="1"), "LSTM"), numbers(6, 2)
    (stack,) = load_model(data).stacks
    assert (stack.units, codes(data)) == ((3, 4), [])
    np.testing.assert_allclose(shown_by(stack, x), states(data, x), rtol=0, atol=TOLERANCE)


def test_layer_of_another_kind_reads_the_other_stack():
    data = upon(weights("LSTM", 3, 2, tag="1"), "GRU")
    below, above = load_model(data).stacks
    x = numbers(6, 2)
    assert above.reads == below.name
    assert codes(data) == ["separate"]
    found = shown_by(above, shown_by(below, x))
    np.testing.assert_allclose(found, states(data, x), rtol=0, atol=TOLERANCE)


class Reader(nn.Module):
    """Tokens to answers: at every step, after the last one, or from the last states."""

    def __init__(self, way, kind, **options):
        super().__init__()
        self.way, self.emb = way, nn.Embedding(11, 4)
        self.rnn = kind(4, 5, num_layers=2, batch_first=True, **options)
        self.fc = nn.Linear(5 * (1 + self.rnn.bidirectional), 7)

    def forward(self, ids):
        y, last = self.rnn(self.emb(ids))
        if self.way == "states":
            return self.fc((last[0] if isinstance(last, tuple) else last)[-1])
        return self.fc(y[:, -1] if self.way == "last" else y)


def exported(model, *, dynamic):
    file = io.BytesIO()
    axes = {"ids": {0: "batch", 1: "time"}} if dynamic else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter is old, and so are many people's files
        ids = torch.zeros(1, 6, dtype=torch.long)
        torch.onnx.export(
            model.eval(), (ids,), file, dynamo=False, input_names=["ids"], dynamic_axes=axes
        )
    return file.getvalue()


@pytest.mark.parametrize("dynamic", [False, True], ids=["fixed", "dynamic"])
@pytest.mark.parametrize("both", [False, True], ids=["one way", "both ways"])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_model_exported_by_pytorch_answers_as_in_the_runtime(kind, both, dynamic):
    torch.manual_seed(0)
    data = exported(Reader("every", kind, bidirectional=both), dynamic=dynamic)
    stack, ids = only(data), [3, 1, 4, 10, 5, 9]
    assert (stack.module.num_layers, stack.embedding_name) == (2, "emb.weight")
    assert not codes(data)
    expected = run(data, ids=np.array([ids]))[0][0]
    outputs = trace(model_of(stack), ids).outputs
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize(("way", "both"), [("last", False), ("last", True), ("states", False)])
def test_exported_head_that_answers_once_answers_the_same_at_the_last_step(way, both):
    torch.manual_seed(0)
    data, ids = exported(Reader(way, nn.LSTM, bidirectional=both), dynamic=True), [3, 1, 4, 1]
    assert codes(data) == ["head-last"]
    expected = run(data, ids=np.array([ids]))[0][0]
    outputs = trace(model_of(only(data)), ids).outputs
    np.testing.assert_allclose(outputs[-1], expected, rtol=0, atol=TOLERANCE)


def with_head(*after):
    """One LSTM of three units, its states times a matrix of two columns, and `after` from ``z``."""
    nodes = [
        one_way(["X", "W", "R", "B"], ["Y1"], "forward", ""),
        node("Squeeze", ["Y1", "one"], ["s"]),
        node("MatMul", ["s", "M"], ["m"], name="head"),
        node("Add", ["m", "v"], ["z"]),
        *after,
    ]
    constants = [constant("one", [1]), constant("M", numbers(3, 2)), constant("v", numbers(2))]
    return serialized(nodes, [*weights("LSTM", 3, 2), *constants])


def test_head_is_found_with_its_bias():
    stack = only(with_head(node("Softmax", ["z"], ["Y"], axis=-1)))
    weight, bias = stack.head
    np.testing.assert_array_equal(weight, numbers(3, 2).T)
    np.testing.assert_array_equal(bias, numbers(2))


def test_other_activation_of_the_head_is_told():
    data = with_head(node("Sigmoid", ["z"], ["Y"]))
    assert load_model(data).remarks[0].fields["activation"] == "Sigmoid"


def test_linear_layer_that_others_compute_with_is_no_head():
    data = with_head(node("Relu", ["z"], ["q"]), node("MatMul", ["q", "K"], ["Y"]))
    assert only(data).head is None
    assert codes(data) == ["left-out"]


def test_two_heads_are_none():
    data = with_head(
        node("MatMul", ["s", "M"], ["other"]), node("Concat", ["z", "other"], ["Y"], axis=2)
    )
    assert only(data).head is None


def test_readable_node_beside_one_that_is_not_is_read():
    tensors = weights("LSTM", 3, 2)
    names = ["X", "W", "R", "B"]
    nodes = [
        node("LSTM", names, ["Y"], name="good", hidden_size=3),
        node("LSTM", names, ["Z"], name="odd", hidden_size=3, clip=1.0),
    ]
    file = load_model(serialized(nodes, tensors, outputs=("Y", "Z")))
    assert [stack.name for stack in file.stacks] == ["good"]
    assert file.remarks[0].fields == {"what": "clip", "name": "odd"}


def test_model_without_recurrent_nodes_says_what_it_holds():
    assert refusal(serialized([node("Relu", ["X"], ["Y"])], [])).fields["names"] == "Relu"


def test_graph_inside_a_node_is_told():
    inner = onnx.helper.make_graph([node("Identity", ["X"], ["q"])], "inner", [], [
        onnx.helper.make_tensor_value_info("q", FLOAT, None)])  # fmt: skip
    names = ["X", "W", "R", "B"]
    nodes = [
        node("LSTM", names, ["Y"], hidden_size=3),
        node("If", ["yes"], ["Z"], then_branch=inner, else_branch=inner),
    ]
    tensors = [*weights("LSTM", 3, 2), constant("yes", np.array(True))]
    assert codes(serialized(nodes, tensors, outputs=("Y", "Z"))) == ["inner-graph"]


def test_file_whose_graph_comes_first_is_recognised():
    data = single()
    message = onnx.load_from_string(data)
    graph = onnx.ModelProto()
    graph.graph.CopyFrom(message.graph)
    message.ClearField("graph")
    assert only(graph.SerializeToString() + message.SerializeToString()).cell == "lstm"


def test_tensor_of_another_kind_beside_the_layer_is_no_matter():
    letters = onnx.helper.make_tensor("letters", onnx.TensorProto.STRING, [2], [b"a", b"b"])
    nodes = [
        one_way(["X", "W", "R", "B"], ["Y"], "forward", ""),
        node("Gather", ["letters", "X"], ["Z"]),
    ]
    data = serialized(nodes, [*weights("LSTM", 3, 2), letters], outputs=("Y", "Z"))
    assert not codes(data)
