"""Signs inside numbers: thousands, decimal commas without any other delimiter, and doubt."""

import csv
import io
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_core.data import DataError, DataOptions, read_data
from lstm_core.data_files.number_signs import MARKS, commas, ungrouped


def remarks(data, code: str) -> list:
    return [remark.fields for remark in data.remarks if remark.code == code]


def grouped(value: float, decimal: str, mark: str, places: int = 1) -> str:
    """As a person writes it: signs between thousands, a decimal sign before the rest."""
    return f"{value:,.{places}f}".translate({ord(","): mark, ord("."): decimal})


# ---- Thousands


@st.composite
def written(draw):
    """Rows of numbers, one column with thousands signs; one cell at least has both signs."""
    decimal = draw(st.sampled_from([".", ","]))
    mark = draw(st.sampled_from([*MARKS[decimal], "\u202f", "\u00a0", "’"]))
    delimiter = draw(st.sampled_from([";", "\t", "|", ","]))
    numbers = st.integers(-(10**9), 10**9).map(lambda number: number / 10)
    rows = draw(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=8))
    rows.append((12345.5, 0.5))
    out = io.StringIO()
    table = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    table.writerow(["large", "plain"])
    for large, plain in rows:
        table.writerow([grouped(large, decimal, mark), repr(plain).replace(".", decimal)])
    return out.getvalue().encode(), rows, decimal, mark


@settings(max_examples=150)
@given(written())
def test_numbers_with_thousands_signs_are_read_back(case):
    content, rows, decimal, mark = case
    data = read_data(content, name="t.csv")
    np.testing.assert_array_equal(data.rows, rows)
    assert data.guess.channels == ("large", "plain")
    assert data.guess.decimal == decimal
    assert data.guess.thousands == {"\u202f": " ", "\u00a0": " ", "’": "'"}.get(mark, mark)
    again = read_data(content, name="t.csv", options=data.guess)
    np.testing.assert_array_equal(again.rows, rows)


@given(st.integers(1000, 10**15), st.integers(0, 4), st.sampled_from("+-"))
def test_signs_in_their_places_are_taken_away(number, places, sign):
    for decimal, marks in MARKS.items():
        for mark in marks:
            cell = sign + grouped(number, decimal, mark, places)
            assert ungrouped(cell, decimal, mark) == float(f"{sign}{number}")


@pytest.mark.parametrize(
    "cell",
    ["1.01,5", "1.0134,5", ".013,5", "0.013,5", "1.013.25,5", "12345.678", "1..013", "1.013,5,5"],
)
def test_signs_in_other_places_are_none(cell):
    assert ungrouped(cell, ",", ".") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a;b\n1.013;1\n2.250;2\n", [1.013, 2.25]),  # one mark alone is a decimal sign
        ("a;b\n1,013;1\n2,250;2\n", [1.013, 2.25]),
        ("a;b\n1.013;0,5\n2.250;1,5\n", [1013, 2250]),  # the other column settles it
        ("a;b\n1,013;0.5\n2,250;1.5\n", [1013, 2250]),
        ("a;b\n1.013;1\n2.250.000;2\n", [1013, 2250000]),  # two marks are no decimal sign
        ('a,b\n"1,013",1\n"2,250",2\n', [1013, 2250]),  # who parts by commas writes points
        ('a,b\n"1,013",1\n"0,5",2\n', [1.013, 0.5]),
    ],
)
def test_one_mark_before_three_digits_is_a_decimal_sign_unless_something_speaks_against_it(
    text, expected
):
    assert read_data(text.encode()).rows[:, 0].tolist() == expected


def test_column_read_with_thousands_signs_is_said_with_an_example():
    data = read_data(b"a;b\n5;1\n1.013,5;2\n")
    fields = {"column": "a", "row": 2, "cell": "1.013,5", "value": "1013.5"}
    assert remarks(data, "thousands") == [fields]


def test_column_that_does_not_agree_is_text_and_the_cell_that_is_none_is_named():
    data = read_data(b"a;b\n1.013,5;1\n1.5.6;2,5\n2.000,25;3\n")
    assert data.numeric == ("b",)
    assert remarks(data, "text-column") == [{"column": "a", "row": 2, "cell": "1.5.6"}]
    assert data.guess.thousands == ""


def test_all_columns_have_the_same_sign():
    data = read_data(b"a;b;c\n1.013,5;1'013,5;2,5\n")
    assert data.numeric == ("a", "c")
    assert [fields["column"] for fields in remarks(data, "text-column")] == ["b"]


def test_thousands_signs_can_be_chosen_or_refused():
    content = b"a;b\n1'013,5;1.013,5\n"
    for chosen, numeric in (("'", ("a",)), (".", ("b",)), ("", ())):
        data = read_data(content, options=DataOptions(decimal=",", thousands=chosen))
        assert data.numeric == numeric
        assert data.guess.thousands == chosen


def test_chosen_thousands_sign_is_no_decimal_sign():
    data = read_data(b"a;b\n1,013;1\n2,250;2\n", options=DataOptions(thousands=","))
    assert data.rows[:, 0].tolist() == [1013, 2250]
    with pytest.raises(DataError) as caught:
        read_data(b"a\n1,013\n", options=DataOptions(thousands=",", decimal=","))
    assert caught.value.code == "same-sign"


def test_signs_that_begin_late_are_read():
    text = "a;b\n" + "5,5;1\n" * 30_000 + "1.013,5;2\n"
    assert read_data(text.encode()).rows[-1].tolist() == [1013.5, 2]


def test_first_row_of_such_numbers_is_no_header():
    data = read_data(b"1.013,5;1\n2.000,25;2\n")
    assert data.rows[:, 0].tolist() == [1013.5, 2000.25]
    assert data.guess.header is False


# ---- One column of decimal commas


@settings(max_examples=100)
@given(st.lists(st.integers(-(10**6), 10**6), min_size=2, max_size=30), st.booleans())
def test_column_of_decimal_commas_is_read(values, named):
    numbers = [value / 1000 for value in values]
    head = ["value"] if named else []
    lines = [*head, *(f"{number:.3f}".replace(".", ",") for number in numbers)]
    data = read_data("\n".join(lines).encode(), name="t.csv", width=1)
    places = [int(line.split(",")[0]) for line in lines[len(head) :]]
    counts = len(places) > 3 and all(b - a == 1 for a, b in pairwise(places))
    if named or not counts:
        np.testing.assert_array_equal(data.rows[:, 0], numbers)
        assert (data.guess.decimal, len(data.columns)) == (",", 1)
        assert data.columns == (("value",) if named else ("x1",))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["x", "0,5", "1,5"], "one"),
        (["temperature in °C", "20,5"], "one"),
        (["0,5", "2", "1,5"], "one"),  # two columns would be ragged
        (["0,5", "NA", "1,5"], "one"),
        (["1,5", "2,05"], "one"),  # nobody writes the whole number 05
        (["1,5", "-0,5"], "one"),
        (["0,5", "0,25", "0,75"], "one"),
        (["0,1234567891", "3,5"], "one"),
        (["1.000.013,5", "3,5"], "one"),
        (["1,5", "2,7"], "doubt"),
        (["0,1", "0,0", "0,1"], "doubt"),
        (["1.013,5", "950,5"], "doubt"),
        (["3,5", "4,9", "5,1", "6,2"], "two"),  # an index
        (["3,5", "-4,9", "5,1", "-6,2"], "doubt"),
        (["a,b", "1,5"], ""),
        (["1, 5", "2, 7"], ""),
        (["1,-5"], ""),
        (["1,5,6"], ""),
        (["1,5.5"], ""),
        (["1", "2"], ""),
        (["x"], ""),
        ([], ""),
    ],
)
def test_what_a_lone_comma_is(lines, expected):
    assert commas(lines, {"NA"}) == expected


DOUBTFUL = b"1,5\n2,7\n4,25\n"


def test_in_doubt_a_comma_parts_columns_and_that_is_said():
    data = read_data(DOUBTFUL)
    assert data.rows.tolist() == [[1, 5], [2, 7], [4, 25]]
    assert remarks(data, "comma-doubt") == [{"what": "two"}]


def test_in_doubt_a_model_that_reads_one_number_decides():
    data = read_data(DOUBTFUL, width=1)
    assert data.rows.tolist() == [[1.5], [2.7], [4.25]]
    assert remarks(data, "comma-doubt") == [{"what": "one"}]
    assert read_data(DOUBTFUL, width=2).rows.shape == (3, 2)


@pytest.mark.parametrize(
    ("options", "shape"), [({"decimal": ","}, (3, 1)), ({"delimiter": ","}, (3, 2))]
)
def test_in_doubt_a_person_decides(options, shape):
    for width in (None, 1, 2):
        data = read_data(DOUBTFUL, options=DataOptions(**options), width=width)
        assert data.rows.shape == shape
        assert remarks(data, "comma-doubt") == []


def test_names_in_a_comment_leave_no_doubt():
    data = read_data(b"# a,b\n1,5\n2,7\n", width=1)
    assert data.columns == ("a", "b")
    assert remarks(data, "comma-doubt") == []


def test_width_changes_nothing_that_is_certain():
    for content in (b"a,b\n1,5\n2,7\n", b"a;b\n1,5;2\n", b"1\n2\n"):
        for width in (1, 2, 3):
            certain, asked = read_data(content), read_data(content, width=width)
            np.testing.assert_array_equal(asked.rows, certain.rows)
            assert asked.guess == certain.guess
