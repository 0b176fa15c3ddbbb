"""Protocol buffers against the onnx package, which reads them with Google's library."""

import warnings
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_core.model_files.protobuf import Budget, Message, WireError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what the package says of itself while it loads
    onnx = pytest.importorskip("onnx", reason="runs where onnx is installed")

INT64 = st.integers(-(2**63), 2**63 - 1)


def read(data, budget=1000):
    return Message(memoryview(data), Budget(left=budget))


@given(dims=st.lists(INT64, max_size=20), name=st.text(max_size=20), raw=st.binary(max_size=40))
def test_fields_are_those_that_were_written(dims, name, raw):
    written = onnx.TensorProto(dims=dims, name=name, raw_data=raw)
    message = read(written.SerializeToString())
    assert message.integers(1) == dims
    assert message.text(8) == name
    assert b"".join(message.views(9)) == raw


@given(values=st.lists(INT64, min_size=1, max_size=20))
def test_packed_integers_are_those_that_were_written(values):
    written = onnx.TensorProto(int64_data=values).SerializeToString()
    assert written[0] & 7 == 2, "packed"
    assert read(written).integers(7) == values


@given(st.lists(st.text(max_size=8), max_size=8))
def test_messages_inside_a_message_keep_their_order(names):
    written = onnx.GraphProto(node=[onnx.NodeProto(name=name) for name in names])
    assert [one.text(3) for one in read(written.SerializeToString()).messages(1)] == names


def test_last_of_several_counts():
    assert read(b"\x08\x01\x08\x02").integer(1) == 2


def test_field_that_is_not_there_is_the_default():
    assert read(b"").integer(1, 7) == 7
    assert read(b"").text(1) == ""
    assert read(b"").message(1) is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x08", "inside a number"),
        (b"\x08" + b"\xff" * 11, "more than ten bytes"),
        (b"\x0a\x05abc", "inside a field"),
        (b"\x0d\x01", "inside a field"),
        (b"\x00\x01", "number 0"),
        (b"\x0b\x0c", "wire type 3"),
    ],
)
def test_what_is_no_message_is_refused_with_the_reason(data, reason):
    with pytest.raises(WireError, match=reason):
        read(data)


def test_more_fields_than_allowed_are_refused():
    with pytest.raises(WireError, match="more than"):
        read(b"\x08\x01" * 11, budget=10)


def test_fields_of_inner_messages_count_too():
    inner = b"\x08\x01" * 6
    outer = read(b"\x0a" + bytes([len(inner)]) + inner, budget=5)
    with pytest.raises(WireError):
        outer.message(1)


@given(st.binary(max_size=60))
def test_bytes_by_chance_are_a_message_or_none(data):
    with suppress(WireError):
        assert read(data).integer(2**40, 3) == 3
