"""Arrays, JSON and Parquet as data: values against numpy, json and pandas."""

import io
import json
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lstm_core.data import DataError, DataFile, DataOptions, read_data, sequences


def npy(array) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def npz(compressed=False, **named) -> bytes:
    out = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(out, **named)
    return out.getvalue()


def parquet(frame: pd.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.to_parquet(out, index=False)
    return out.getvalue()


def refused(content: bytes, **options) -> DataError:
    with pytest.raises(DataError) as caught:
        read_data(content, options=DataOptions(**options))
    return caught.value


def values(data: DataFile) -> list[list]:
    return [one.values.tolist() for one in sequences(data)]


# ---- NPY

KINDS = ["f2", "<f4", ">f4", "f8", "i1", "u2", ">i4", "i8", "?"]


@given(
    st.sampled_from(KINDS).flatmap(
        lambda kind: arrays.arrays(
            kind,
            arrays.array_shapes(min_dims=1, max_dims=3, max_side=5),
            elements={"allow_nan": False, "allow_infinity": False} if "f" in kind else None,
        )
    ),
    st.booleans(),
)
def test_array_of_any_kind_and_order_is_read_back(array, by_column):
    stored = np.asfortranarray(array) if by_column else array
    data = read_data(npy(stored))
    expected = array.astype(float)
    blocks = expected.reshape(-1, 1) if array.ndim == 1 else expected
    assert values(data) == (blocks if array.ndim == 3 else blocks[None]).tolist()


@pytest.mark.parametrize("axes", ["sequence time channel", "time sequence channel"])
@pytest.mark.parametrize("turned", [False, True])
def test_axes_of_an_array_can_be_named_in_any_order(axes, turned):
    order = axes.split()[::-1] if turned else axes.split()
    array = np.arange(24.0).reshape(2, 3, 4)
    data = read_data(npy(array), options=DataOptions(axes=" ".join(order)))
    letters = {"sequence": "s", "time": "t", "channel": "c"}
    expected = np.einsum("".join(letters[name] for name in order) + "->stc", array)
    assert values(data) == expected.tolist()


def test_two_axes_can_be_sequences_of_one_channel():
    array = np.arange(6.0).reshape(2, 3)
    data = read_data(npy(array), options=DataOptions(axes="sequence time"))
    assert values(data) == array[:, :, None].tolist()


@pytest.mark.parametrize("axes", ["time", "time time", "sequence channel", "time unit", ""])
def test_axes_that_an_array_does_not_have_are_refused(axes):
    assert refused(npy(np.ones((2, 3))), axes=axes).code == "axes"


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (1, 2, 3, 4)])
def test_shape_that_is_no_sequence_is_refused(shape):
    error = refused(npy(np.ones(shape)))
    assert error.code == "array-shape"
    assert error.fields["shape"] == shape


@pytest.mark.parametrize("array", [np.ones(3, complex), np.array(["a", "b"]), np.ones(2, "M8[s]")])
def test_array_of_no_numbers_is_refused(array):
    assert refused(npy(array)).code == "array-kind"


# ---- NPZ


@pytest.mark.parametrize("compressed", [False, True])
def test_arrays_alike_are_sequences_by_name(compressed):
    first, second = np.arange(6.0).reshape(3, 2), np.arange(8.0).reshape(4, 2)
    data = read_data(npz(compressed, walk=first, run=second))
    assert [one.name for one in sequences(data)] == ["walk", "run"]
    assert values(data) == [first.tolist(), second.tolist()]
    assert [one.where for one in sequences(data)] == ["1–3", "4–7"]


def test_arrays_of_one_axis_and_length_are_channels():
    data = read_data(npz(speed=np.array([3.0, 1, 2]), height=np.array([5.0, 5, 6])))
    assert data.guess.channels == ("speed", "height")
    assert values(data) == [[[3, 5], [1, 5], [2, 6]]]


def test_likeliest_of_unlike_arrays_is_read_and_the_others_are_named():
    content = npz(y=np.ones(5), X=np.ones((5, 3)), note=np.array("hello"))
    data = read_data(content)
    assert data.guess.array == "X"
    [remark] = data.remarks
    assert (remark.code, remark.fields["others"]) == ("other-arrays", ("y", "note"))
    assert read_data(content, options=DataOptions(array="y")).rows.shape == (5, 1)


def test_choice_of_an_array_that_is_not_there_is_refused():
    error = refused(npz(a=np.ones(3)), array="b")
    assert (error.code, error.fields["arrays"]) == ("unknown-array", ("a",))


# ---- JSON


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([1, 2.5], [[[1], [2.5]]]),
        ([[1, 2], [3, 4], [5, 6]], [[[1, 2], [3, 4], [5, 6]]]),
        ([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]),
        ([[[1, 2]], [[3, 4], [5, 6]]], [[[1, 2]], [[3, 4], [5, 6]]]),
        ([[1], [2, 3]], [[[1]], [[2], [3]]]),
        ({"a": [1, 2], "b": [3, 0]}, [[[1, 3], [2, 0]]]),
        ([{"a": 1, "b": 3}, {"a": 2, "b": 0}], [[[1, 3], [2, 0]]]),
        ({"walk": [[1, 2]], "run": [[3, 4], [5, 6]]}, [[[1, 2]], [[3, 4], [5, 6]]]),
        ({"walk": [1], "run": [3, 4]}, [[[1]], [[3], [4]]]),
        ([True, False], [[[1], [0]]]),
    ],
)
def test_numbers_in_json_are_sequences(value, expected):
    assert values(read_data(json.dumps(value).encode())) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("hello", [("1", "hello")]),
        (["ab", "cd"], [("1", "ab"), ("2", "cd")]),
        ({"one": "ab", "two": "cd"}, [("one", "ab"), ("two", "cd")]),
    ],
)
def test_texts_in_json_are_sequences(value, expected):
    data = read_data(json.dumps(value).encode(), name="texts.json")
    assert [(one.name, one.text) for one in sequences(data)] == expected


def test_records_one_a_line_are_read():
    data = read_data(b'{"x": 1, "id": "A"}\n{"x": 2, "id": "A"}\n{"x": 3, "id": "B"}\n')
    assert [(one.name, one.values.tolist()) for one in sequences(data)] == [
        ("A", [[1], [2]]),
        ("B", [[3]]),
    ]


def test_null_nan_and_absent_entries_are_missing_values():
    data = read_data(b'[{"a": null, "b": 1}, {"b": NaN}, {"a": 3, "b": 4}]')
    np.testing.assert_array_equal(data.rows, [[np.nan, 1], [np.nan, np.nan], [3, 4]])


@pytest.mark.parametrize(
    "value", [{}, [], {"a": 1}, [1, "a"], [[1], "a"], [[[[1]]]], {"a": [[[1]]]}]
)
def test_json_of_another_shape_is_refused(value):
    assert refused(json.dumps(value).encode(), kind="json").code == "json-shape"


# ---- Parquet


def test_parquet_of_pandas_is_read_back():
    frame = pd.DataFrame(
        {
            "series": ["a", "a", None, "b"],
            "x": [1.5, np.nan, 3.0, 4.0],
            "n": np.array([1, 2, 3, 4], dtype="int32"),
            "on": [True, False, True, True],
            "kind": pd.Categorical(["u", "v", "u", "u"]),
            "when": pd.date_range("2020-01-01", periods=4),
        }
    )
    data = read_data(parquet(frame))
    np.testing.assert_array_equal(data.rows[:, 1:4], frame[["x", "n", "on"]].to_numpy(dtype=float))
    assert data.labels["series"].tolist() == ["a", "a", None, "b"]
    assert data.labels["kind"].tolist() == ["u", "v", "u", "u"]
    assert data.labels["when"][1].startswith("2020-01-02")
    assert data.guess.channels == ("x", "n", "on")
    assert data.guess.group == "series"


def test_parquet_column_of_lists_is_left_out_and_named():
    data = read_data(parquet(pd.DataFrame({"a": [1.0, 2.0], "b": [[1], [2]]})))
    assert data.columns == ("a",)
    assert [(r.code, r.fields["column"]) for r in data.remarks] == [("column-left-out", "b")]


def test_parquet_without_its_reader_says_what_to_install(monkeypatch):
    content = parquet(pd.DataFrame({"a": [1.0]}))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    error = refused(content)
    assert (error.code, error.fields["package"]) == ("needs-package", "pyarrow")


def test_file_is_read_from_a_path(tmp_path):
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    assert read_data(tmp_path / "table.csv").rows.tolist() == [[1, 2]]
    assert read_data(str(tmp_path / "table.csv")).rows.tolist() == [[1, 2]]
