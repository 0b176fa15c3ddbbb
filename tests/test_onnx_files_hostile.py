"""ONNX files that are broken or made to do harm: refused in a sentence, at little cost."""

import time
import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_core.convert import load_model
from lstm_core.model_files.protobuf import MOST_FIELDS
from lstm_core.stacks import ModelFileError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what the package says of itself while it loads
    onnx = pytest.importorskip("onnx", reason="runs where onnx is installed")

FLOAT = onnx.TensorProto.FLOAT
LITTLE = 16 * 2**20
node = onnx.helper.make_node


def tensor(name, *shape):
    return onnx.numpy_helper.from_array(np.ones(shape, np.float32), name)


def weights(units=3, features=2):
    shapes = {"W": (4 * units, features), "R": (4 * units, units), "B": (8 * units,)}
    return [tensor(name, 1, *shape) for name, shape in shapes.items()]


def model(nodes, tensors):
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes, "g", [value("X", FLOAT, None)], [value("Y", FLOAT, None)], tensors
    )
    return onnx.helper.make_model(graph, ir_version=8)


def lstm(**attributes):
    return node("LSTM", ["X", "W", "R", "B"], ["Y"], name="layer", **attributes)


def sound():
    return model([lstm(hidden_size=3)], weights())


def refusal(message):
    data = message if isinstance(message, bytes) else message.SerializeToString()
    with pytest.raises(ModelFileError) as caught:
        load_model(data)
    return caught.value


def outcome(message):
    """What becomes of a file: ``"read"``, or the code of the refusal; anything else is raised."""
    data = message if isinstance(message, bytes) else message.SerializeToString()
    try:
        return "read" if load_model(data).stacks else "nothing"
    except ModelFileError as error:
        return error.code if str(error) else "silent"


def with_claim(*shape, raw=b""):
    """A model whose ``W`` says that it has that shape."""
    found = sound()
    claim = found.graph.initializer[0]
    claim.raw_data = raw
    del claim.dims[:]
    claim.dims.extend(shape)
    return found


@pytest.mark.parametrize(
    "shape",
    [(1, 2**40, 2**20), (2**62, 2**62), (1, -12, 2), (0,), (1, 12, 2), (1,) * 40],
    ids=["huge", "beyond 64 bits", "negative", "empty", "without numbers", "many axes"],
)
def test_shape_that_the_file_cannot_hold_is_refused_at_no_cost(shape):
    data = with_claim(*shape).SerializeToString()
    tracemalloc.start()
    try:
        error = refusal(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert error.code in ("damaged", "shapes")
    assert peak < LITTLE


def test_number_that_ends_in_the_middle_is_refused():
    assert refusal(with_claim(1, 12, 2, raw=b"\0" * 95)).code == "damaged"


def test_weights_in_another_file_are_refused(tmp_path):
    found = sound()
    claim = found.graph.initializer[0]
    claim.ClearField("raw_data")
    claim.data_location = onnx.TensorProto.EXTERNAL
    claim.external_data.add(key="location", value="../../etc/passwd")
    error = refusal(found)
    assert (error.code, error.fields["what"]) == ("unsupported", "external-data")


def test_weights_of_the_wrong_sizes_are_refused():
    assert refusal(model([lstm(hidden_size=3)], [*weights()[:1], *weights(units=4)[1:]])).code == (
        "shapes"
    )


def test_more_numbers_a_step_than_can_be_shown_are_refused():
    rnn = node("RNN", ["X", "W", "R"], ["Y"], name="layer")
    found = model([rnn], [tensor("W", 1, 1, 65_537), tensor("R", 1, 1, 1)])
    assert refusal(found).code == "too-large"


def test_tensors_that_unfold_again_and_again_are_refused():
    nodes = [node("Concat", ["W"] * 500, ["big"], axis=0)]
    nodes += [node("Concat", ["big"] * 500, ["W2"], axis=0)]
    nodes += [node("LSTM", ["X", "W2", "R", "B"], ["Y"], hidden_size=3)]
    tracemalloc.start()
    try:
        error = refusal(model(nodes, [tensor("W", 1, 12, 2000), *weights()[1:]]))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "unfold" in str(error)
    assert peak < LITTLE


def test_states_that_are_joined_again_and_again_cost_no_time():
    """Each node joins the one before with itself: followed one by one, these are 2^60 tensors."""
    nodes = [node("Concat", [f"h{n}", f"h{n}"], [f"h{n + 1}"], axis=0) for n in range(60)]
    layer = node("LSTM", ["X", "W", "R", "B", "", "h60"], ["Y"], hidden_size=3)
    file = load_model(model([*nodes, layer], [*weights(), tensor("h0", 1)]).SerializeToString())
    assert [remark.code for remark in file.remarks] == ["initial-state"]


def test_values_that_read_themselves_are_no_weights():
    nodes = [node("Identity", ["b"], ["a"]), node("Identity", ["a"], ["b"])]
    layer = node("LSTM", ["X", "a", "R", "B"], ["Y"], name="layer", hidden_size=3)
    assert refusal(model([*nodes, layer], weights())).fields["what"] == "computed"


def test_chain_of_twenty_thousand_nodes_is_no_recursion():
    nodes = [node("Identity", [f"n{k}"], [f"n{k + 1}"]) for k in range(20_000)]
    layer = node("LSTM", ["X", "n20000", "R", "B"], ["Y"], name="layer", hidden_size=3)
    error = refusal(model([*nodes, layer], [*weights(), tensor("n0", 1, 12, 2)]))
    assert error.code in ("unsupported", "damaged")


def test_file_of_nothing_but_fields_is_refused_soon():
    fields = b"\x2a\x00" * (MOST_FIELDS + 1)  # initializers without a name or a number
    size = len(fields)
    length = bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14 & 127 | 128, size >> 21])
    started = time.process_time()
    assert refusal(b"\x08\x08\x3a" + length + fields).code == "damaged"
    assert time.process_time() - started < 20


@pytest.mark.parametrize(
    "attributes",
    [
        {"direction": 3},
        {"clip": "much"},
        {"activations": 1},
        {"layout": "left"},
        {"activations": ["Sigmoid"]},
        {"direction": ["forward"]},
    ],
)
def test_attribute_of_the_wrong_kind_is_refused_or_ignored(attributes):
    found = model([lstm(hidden_size=3, **attributes)], weights())
    assert outcome(found) in ("read", "damaged", "unsupported")


@pytest.mark.parametrize(
    "odd",
    [
        node("Transpose", ["Y"], ["q"], perm=[9, 9]),
        node("Squeeze", ["Y"], ["q"], axes=[77]),
        node("Unsqueeze", ["Y"], ["q"], axes=["a"]),
        node("Reshape", ["Y", "W"], ["q"]),
        node("Gather", ["Y", "W"], ["q"], axis=50),
        node("Gather", ["Y", "one"], ["q"], axis=50),
        node("Slice", ["Y", "one", "one", "one"], ["q"]),
        node("Concat", ["Y", "Y"], ["q"]),
        node("Gemm", ["Y"], ["q"]),
        node("Relu", [], []),
        node("Identity", ["Y"], []),
    ],
    ids=lambda n: n.op_type,
)
def test_nodes_that_make_no_sense_do_no_harm(odd):
    one = onnx.numpy_helper.from_array(np.array(1), "one")
    found = model([lstm(hidden_size=3), odd], [*weights(), one])
    assert outcome(found) == "read"


def test_names_are_kept_as_they_are_and_cut_short():
    """Who shows them quotes them."""
    bad = "<script>alert(1)</script>" + "x" * 1000
    layer = node("LSTM", ["X", "W", "R", "B"], ["Y"], name=bad, hidden_size=3)
    name = load_model(model([layer], weights()).SerializeToString()).stacks[0].name
    assert name == bad[:200]


def test_name_that_is_no_text_is_shown_with_marks():
    data = sound().SerializeToString().replace(b"layer", b"la\xff\xfer")
    assert load_model(data).stacks[0].name == "la��r"


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_file_that_is_cut_off_is_refused(data):
    whole = sound().SerializeToString()
    length = data.draw(st.integers(3, len(whole) - 1))
    with pytest.raises(ModelFileError):
        load_model(whole[:length])


@settings(max_examples=300, deadline=None)
@given(
    place=st.floats(0, 1, exclude_max=True),
    byte=st.integers(0, 255),
    where=st.sampled_from(["front", "anywhere"]),
)
def test_changed_byte_gives_a_model_or_a_sentence(place, byte, where):
    whole = bytearray(sound().SerializeToString())
    whole[int(place * (120 if where == "front" else len(whole)))] = byte
    assert outcome(bytes(whole)) not in ("nothing", "silent")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_bytes_by_chance_are_no_model(data):
    with pytest.raises(ModelFileError):
        load_model(b"\x08\x08" + data)
