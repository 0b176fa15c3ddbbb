"""Columns as a person names them, and each column that is not read, with its reason."""

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_core.data import DataError, channels_for, columns_named, left_out, read_data

TABLE = b"id,time,x,note,y,gone\nA,0,5,u,4,\nA,1,6,v,3,\nB,0,7,w,9,\nB,1,8,q,1,\n"


def parquet(frame: pd.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.to_parquet(out, index=False)
    return out.getvalue()


def told(content: bytes) -> dict[str, str]:
    data = read_data(content)
    found = left_out(data, data.guess.channels, data.guess.group)
    return {remark.fields["column"]: remark.code for remark in found}


def test_every_column_that_is_not_read_is_named_with_its_reason():
    assert told(TABLE) == {
        "id": "group-column",
        "time": "clock-column",
        "note": "text-column",
        "gone": "empty-column",
    }


def test_so_is_every_one_of_a_parquet_file():
    frame = pd.DataFrame(
        {
            "when": pd.date_range("2020-01-01", periods=3),
            "x": [1.0, 2.0, 5.0],
            "site": ["north", "south", "south"],
            "kind": pd.Categorical(["a", "b", "a"]),
            "nothing": pd.Series([None, None, None], dtype="string"),
            "lists": [[1], [2], [3]],
        }
    )
    content = parquet(frame)
    assert told(content) == {
        "when": "text-column",
        "site": "text-column",
        "kind": "text-column",
        "nothing": "empty-column",
        "lists": "column-left-out",
    }
    data = read_data(content)
    site = next(r for r in data.remarks if r.fields["column"] == "site")
    assert (site.fields["row"], site.fields["cell"]) == (1, "north")


def test_so_is_every_one_of_records():
    assert told(b'[{"x": 1, "s": null}, {"x": 2, "s": "b"}]') == {"s": "text-column"}


@given(st.sets(st.sampled_from(["id", "time", "x", "note", "y", "gone"])))
def test_what_is_read_and_what_is_not_are_all_columns(chosen):
    data = read_data(TABLE)
    rest = [remark.fields["column"] for remark in left_out(data, sorted(chosen))]
    assert sorted([*chosen, *rest]) == sorted(data.columns)
    assert rest == [name for name in data.columns if name not in chosen]


def test_column_that_somebody_left_out_is_told_so():
    data = read_data(TABLE)
    codes = {r.fields["column"]: r.code for r in left_out(data, ("y",), "id")}
    assert codes["x"] == "not-chosen"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x,y", ("x", "y")),
        ("5,3", ("y", "x")),
        (" y , 3 ", ("y", "x")),
        ("2", ("time",)),
        ("", ()),
    ],
)
def test_columns_are_named_by_name_or_number(text, expected):
    assert columns_named(read_data(TABLE), text) == expected


def test_name_that_is_a_number_is_a_name():
    data = read_data(b"2,b\n5,6\n4,1\n")
    assert data.columns == ("2", "b")
    assert columns_named(data, "2") == ("2",)
    assert columns_named(data, "1,b") == ("2", "b")


def test_name_with_a_comma_stands_in_quotes():
    data = read_data(b'"heat, left";flow\n1;2\n3;5\n')
    assert columns_named(data, '"heat, left",flow') == ("heat, left", "flow")


@pytest.mark.parametrize("text", ["z", "0", "7", "-1", "x,z", "1.5", "٣"])
def test_column_that_is_not_there_is_named_with_those_that_are(text):
    with pytest.raises(DataError) as caught:
        columns_named(read_data(TABLE), text)
    assert caught.value.code == "unknown-column"
    assert "'note'" in str(caught.value)


def test_column_named_twice_is_refused():
    with pytest.raises(DataError) as caught:
        columns_named(read_data(TABLE), "x,3")
    assert (caught.value.code, caught.value.fields["column"]) == ("column-twice", "x")


def test_column_that_names_the_sequences_is_read_only_where_nothing_else_fits():
    data = read_data(b"machine,a,b\n1,5,6\n1,5,7\n2,8,9\n")
    assert channels_for(data, 3) == ("machine", "a", "b")
    assert channels_for(data, 2, "machine") == ("a", "b")
    assert channels_for(data, 3, "machine") == ("machine", "a", "b")
    with pytest.raises(DataError, match="reads 1 number a step; the file has 3 channels"):
        channels_for(data, 1)
    with pytest.raises(DataError, match="reads 2 numbers a step; the file has 1 channel:"):
        channels_for(read_data(b"a\n1\n"), 2)


def test_values_of_the_columns_are_those_of_the_table():
    data = read_data(TABLE)
    places = [data.column(name) for name in columns_named(data, "y,x")]
    np.testing.assert_array_equal(data.rows[:, places], [[4, 5], [3, 6], [9, 7], [1, 8]])
