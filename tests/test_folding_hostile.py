"""Files made to do harm by what lies before a layer: bounded in time and memory, never a crash."""

import json
import time
import tracemalloc
import zipfile
from contextlib import suppress
from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_core.convert import load_model
from lstm_core.model_files.foreign_affine import Affine, Fold, Room
from lstm_core.model_files.foreign_layers import Layer
from lstm_core.stacks import LARGEST, ModelFileError
from tests.onnx_graphs import codes, constant, node, numbers, serialized, weights

h5py = pytest.importorskip("h5py", reason="runs where h5py is installed")

SCALE = constant("s", np.full(3, 1.5, np.float32))


def onnx_file(*nodes, tensors=(), layers=1):
    """`nodes` from ``X`` to ``z``, and layers that read ``z``."""
    names = ["z", "W", "R", "B"]
    heads = [node("LSTM", names, [f"Y{n}"], name=f"l{n}", hidden_size=4) for n in range(layers)]
    tensors = [*weights("LSTM", 4, 3), SCALE, *tensors]
    return serialized([*nodes, *heads], tensors, outputs=("Y0",))


def chain(op, count, *more):
    ends = ["X", *(f"v{n}" for n in range(1, count)), "z"]
    return [node(op, [a, *more], [b]) for a, b in pairwise(ends)]


def soon(data, limit=20):
    """The remarks' codes, found in a bounded time."""
    started = time.process_time()
    found = codes(data)
    assert time.process_time() - started < limit
    return found


def test_maps_that_read_each_other_end():
    ring = [node("Mul", ["a", "s"], ["z"]), node("Mul", ["z", "s"], ["a"])]
    assert codes(onnx_file(*ring)) == ["folded"]
    ring = [node("Identity", ["a"], ["z"]), node("Identity", ["z"], ["a"])]
    assert not codes(onnx_file(*ring))


def test_long_chain_of_maps_is_folded_up_to_a_limit():
    assert soon(onnx_file(*chain("Mul", 20_000, "s"))) == ["folded", "before-stack"]


def test_many_layers_after_a_long_chain_cost_no_more_time():
    found = soon(onnx_file(*chain("Mul", 5000, "s"), layers=200))
    assert found.count("before-stack") == 200
    assert soon(onnx_file(*chain("Relu", 5000), layers=200)) == ["before-stack"] * 200


def test_sum_of_a_value_with_itself_again_and_again_costs_no_time():
    ends = ["X", *(f"v{n}" for n in range(1, 60)), "z"]
    nodes = [node("Add", [a, a], [b]) for a, b in pairwise(ends)]
    assert soon(onnx_file(*nodes), limit=5) == ["before-stack"]


def test_small_file_with_a_large_product_is_not_multiplied_out():
    """Two thin matrices of a few MB would make one of a billion numbers."""
    units, wide = 4000, 60_000
    layer = Layer(
        name="l",
        cell="rnn",
        directions=({"weight_ih": torch.ones(units, 1), "weight_hh": torch.ones(units, units)},),
    )
    fold = Fold(layer, Room())
    tracemalloc.start()
    thin = Affine(label="thin", factor=torch.ones(1, wide), shift=torch.zeros(()))
    assert not fold.take(thin)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()
    assert fold.layer() is layer


def test_products_of_one_file_are_counted_together():
    matrix = constant("K", numbers(60_000, 3))
    data = onnx_file(node("MatMul", ["X", "K"], ["z"]), tensors=[matrix], layers=40)
    found = soon(data)
    assert found.count("folded") == 2**25 // (16 * 60_000)
    assert set(found) == {"folded", "before-stack"}


def test_input_that_is_too_wide_is_not_folded():
    matrix = constant("K", np.zeros((LARGEST["input_size"] + 1, 3), np.float32))
    data = onnx_file(node("MatMul", ["X", "K"], ["z"]), tensors=[matrix])
    assert codes(data) == ["before-stack"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_map_that_holds_no_numbers_is_told(value):
    bad = constant("k", np.array([1, value, 1], np.float32))
    data = onnx_file(node("Mul", ["X", "k"], ["z"]), tensors=[bad])
    assert codes(data) == ["folded", "not-finite"]


def test_division_by_zero_is_told():
    zero = constant("k", np.zeros(3, np.float32))
    data = onnx_file(node("Div", ["X", "k"], ["z"]), tensors=[zero])
    assert codes(data) == ["folded", "not-finite"]


def test_product_beyond_float32_is_kept_in_float64():
    huge = constant("k", np.full(3, 3e38, np.float32))
    nodes = [node("Mul", ["X", "k"], ["v"]), node("Mul", ["v", "k"], ["z"])]
    (stack,) = load_model(onnx_file(*nodes, tensors=[huge])).stacks
    assert stack.module.weight_ih_l0.dtype == torch.float64
    assert stack.module.weight_ih_l0.isfinite().all()


def test_numbers_that_only_the_product_makes_infinite_are_not_folded():
    one = torch.ones(4, 4, dtype=torch.float64)
    fold = Fold(
        Layer(name="l", cell="rnn", directions=({"weight_ih": one, "weight_hh": one},)), Room()
    )
    huge = Affine(label="huge", factor=torch.tensor(1e200, dtype=torch.float64), shift=one[0])
    assert fold.take(huge)
    assert not fold.take(huge)
    assert fold.labels == ("huge",)


@pytest.mark.parametrize(
    "bad",
    [
        node("MatMul", ["X", "s"], ["z"]),
        node("Gemm", ["X", "W"], ["z"], transB=7),
        node("Gemm", ["X", "K"], ["z"], alpha="much"),
        node("Mul", ["X", "K"], ["z"]),
        node("Mul", ["X"], ["z"]),
        node("Add", ["s", "s"], ["z"]),
        node("Add", ["X", "empty"], ["z"]),
        node("Transpose", ["X"], ["z"], perm=[0, 0, 9]),
        node("Transpose", ["X"], ["z"], perm="ab"),
        node("Squeeze", ["X", "s"], ["z"]),
        node("Unsqueeze", ["X"], ["z"], axes=[0, 1, 2, 3]),
        node("Reshape", ["X", "s"], ["z"]),
        node("Reshape", ["X"], ["z"]),
        node("BatchNormalization", ["X"], ["z"]),
        node("BatchNormalization", ["X", "s", "s", "s", "K"], ["z"], epsilon="small"),
        node("Cast", ["X"], ["z"], to="float"),
        node("Relu", [], ["z"]),
    ],
    ids=lambda n: n.op_type,
)
def test_node_before_that_makes_no_sense_does_no_harm(bad):
    more = [constant("K", numbers(3, 3)), constant("empty", np.zeros((0,), np.float32))]
    assert set(codes(onnx_file(bad, tensors=more))) <= {"before-stack", "folded"}


def lstm(name="lstm"):
    return {"class_name": "LSTM", "config": {"name": name, "return_sequences": True}}


def other(kind, name, **options):
    return {"class_name": kind, "config": {"name": name, **options}}


def keras_file(layers, arrays=()):
    """An archive with one LSTM that reads three numbers; `arrays` by their places."""
    weights = BytesIO()
    with h5py.File(weights, "w") as file:
        for number, shape in enumerate([(3, 16), (4, 16), (16,)]):
            file[f"layers/lstm/cell/vars/{number}"] = np.full(shape, 0.5, np.float32)
        for place, array in dict(arrays).items():
            file[f"layers/{place}"] = array
    target = BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        model = {"class_name": "Sequential", "config": {"name": "m", "layers": layers}}
        archive.writestr("config.json", json.dumps(model))
        archive.writestr("model.weights.h5", weights.getvalue())
    return target.getvalue()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("Rescaling", ["folded", "before-stack"]), ("Conv1D", ["before-stack"]), ("Dropout", [])],
)
def test_nine_thousand_layers_of_keras_end_soon(kind, expected):
    layers = [other(kind, f"l{n}", scale=1.0, offset=0.5) for n in range(9000)]
    assert soon(keras_file([*layers, lstm()])) == expected


def test_thousand_linear_layers_are_folded():
    places = ["dense", *(f"dense_{n}" for n in range(1, 1000))]
    arrays = {f"{place}/vars/0": np.eye(3, dtype=np.float32) for place in places}
    arrays |= {f"{place}/vars/1": np.ones(3, np.float32) for place in places}
    data = keras_file([*(other("Dense", f"d{n}") for n in range(1000)), lstm()], arrays)
    assert soon(data) == ["folded"]
    (stack,) = load_model(data).stacks
    expected = torch.full((16,), 0.5 + 1000 * 3 * 0.5)
    torch.testing.assert_close(stack.module.bias_ih_l0.float(), expected)


ODD = st.sampled_from(
    [None, True, -1, 0, 3, 10**30, 1.5, float("nan"), float("inf"), "", "x", [], [1], [[1], []], {}]
)


@settings(max_examples=200, deadline=None)
@given(
    kind=st.sampled_from(["Normalization", "BatchNormalization", "Dense", "Rescaling"]),
    options=st.dictionaries(
        st.sampled_from(
            ["axis", "mean", "variance", "invert", "scale", "offset", "center", "epsilon",
             "activation", "use_bias", "layer"]
        ),
        ODD,
    ),
    shapes=st.lists(st.sampled_from([(), (1,), (3,), (0,), (3, 3), (2, 3), (1, 1, 3)]), max_size=5),
)  # fmt: skip
def test_settings_and_shapes_that_do_not_fit_do_no_harm(kind, options, shapes):
    place = {"BatchNormalization": "batch_normalization"}.get(kind, kind.lower())
    arrays = {f"{place}/vars/{n}": np.ones(shape, np.float32) for n, shape in enumerate(shapes)}
    data = keras_file([other(kind, "first", **options), lstm()], arrays)
    with suppress(ModelFileError):
        (stack,) = load_model(data).stacks
        assert stack.module.input_size in (1, 2, 3)
