"""Tables as text: what is recognised, against pandas and against what was written."""

import csv
import doctest
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_core import data as data_module
from lstm_core.data import DataError, DataOptions, read_data, sequences
from lstm_core.data_files import audio, columns, datafile, table_layout
from lstm_core.data_files.table_layout import MISSING, is_number


def refused(content: bytes, **options) -> DataError:
    with pytest.raises(DataError) as caught:
        read_data(content, name=options.pop("name", ""), options=DataOptions(**options))
    return caught.value


def codes(data) -> list[str]:
    return [remark.code for remark in data.remarks]


@pytest.mark.parametrize("module", [audio, columns, data_module, datafile, table_layout])
def test_examples_in_the_docstrings_are_true(module):
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed


# ---- What is written is read back

WORDS = st.text("abcdefgäöü", min_size=2, max_size=8)
HANZI = st.text("温度压力湿度电流电压序号信号输入输出", min_size=2, max_size=4)
NUMBERS = st.floats(-1e12, 1e12, allow_nan=False)


@st.composite
def written(draw):
    """A table of numbers in any delimiter, decimal sign, header and encoding."""
    encoding = draw(
        st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"])
    )
    delimiter, decimal = draw(
        st.sampled_from([(",", "."), (";", "."), (";", ","), ("\t", "."), ("\t", ","), ("|", ",")])
    )
    names = draw(st.lists(HANZI if encoding == "gb18030" else WORDS, min_size=2, max_size=5))
    rows = draw(
        st.lists(
            st.lists(NUMBERS, min_size=len(names), max_size=len(names)), min_size=1, max_size=8
        )
    )
    header = draw(st.booleans()) and len(set(names)) == len(names)
    out = io.StringIO()
    writer = csv.writer(
        out, delimiter=delimiter, lineterminator=draw(st.sampled_from(["\n", "\r\n"]))
    )
    if header:
        writer.writerow(names)
    # One fraction at least: integers alone fit both decimal signs, as they may.
    rows = [[value + 0.5 if abs(value) < 1e6 else value for value in row] for row in rows]
    writer.writerows([[repr(value).replace(".", decimal) for value in row] for row in rows])
    return out.getvalue().encode(encoding), names if header else None, rows, delimiter, encoding


@settings(max_examples=150)
@given(written())
def test_table_is_read_back_in_any_delimiter_decimal_sign_header_and_encoding(case):
    content, names, rows, delimiter, encoding = case
    data = read_data(content, name="table.csv")
    np.testing.assert_array_equal(data.rows, rows)
    assert data.guess.delimiter == delimiter
    assert data.guess.header == (names is not None)
    assert list(data.columns) == (names or [f"x{n + 1}" for n in range(len(rows[0]))])
    ascii_only = not names or "".join(names).isascii()
    assert data.guess.encoding == encoding or (encoding == "gb18030" and ascii_only)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.one_of(NUMBERS, st.just(np.nan)), st.integers(-(10**9), 10**9)), min_size=2
    )
)
def test_pandas_reads_the_same_numbers(rows):
    text = "a,b\n" + "".join(f"{'' if x != x else repr(x)},{y}\n" for x, y in rows)
    expected = pd.read_csv(io.StringIO(text))
    data = read_data(text.encode())
    np.testing.assert_array_equal(data.rows, expected.to_numpy(dtype=float))
    assert data.columns == tuple(expected.columns)


@pytest.mark.parametrize("cell", sorted(MISSING - {"NAN"}))
def test_pandas_takes_the_same_cells_for_missing(cell):
    text = f"a,b\n1,2\n{cell},3\n"
    assert np.isnan(pd.read_csv(io.StringIO(text))["a"][1])
    assert np.isnan(read_data(text.encode()).rows[1, 0])


def test_quoted_cells_hold_delimiters_quotes_and_line_ends():
    text = 'name,x\n"a,""b""\nc",1\n"d",2\n'
    data = read_data(text.encode())
    assert data.labels["name"].tolist() == pd.read_csv(io.StringIO(text))["name"].tolist()
    assert data.rows[:, 1].tolist() == [1, 2]


def test_table_of_numpy_savetxt_with_its_header_is_read_back():
    expected = np.random.default_rng(0).normal(size=(5, 3))
    out = io.BytesIO()
    np.savetxt(out, expected, header="a b c")
    data = read_data(out.getvalue(), name="table.txt")
    np.testing.assert_array_equal(data.rows, expected)
    assert data.columns == ("a", "b", "c")


def test_long_table_is_read_in_several_pieces():
    expected = np.random.default_rng(0).normal(size=(70_000, 5))
    text = pd.DataFrame(expected, columns=list("abcde")).to_csv(index=False)
    np.testing.assert_array_equal(read_data(text.encode()).rows, expected)


def test_text_that_begins_late_makes_the_whole_column_text():
    text = "a,b\n" + "1,2\n" * 150_000 + "oops,3\n"
    data = read_data(text.encode())
    assert data.labels["a"][0] == "1"
    assert data.labels["a"][-1] == "oops"
    assert data.numeric == ("b",)
    [remark] = data.remarks
    assert remark.code == "text-column"
    assert remark.fields == {"column": "a", "row": 150_001, "cell": "oops"}


# ---- Encodings


@pytest.mark.parametrize("text", ["值,温度\n1,2\n3,4\n", "联通,b\n1,2\n3,4\n", "时间,值\n1,2\n"])
def test_chinese_names_are_read_in_gb18030(text):
    data = read_data(text.encode("gb18030"))
    assert data.guess.encoding == "gb18030"
    assert data.columns == tuple(text.split("\n")[0].split(","))


@pytest.mark.parametrize("name", ["température", "Größe", "año", "façade", "Åse"])
def test_accents_are_read_in_latin_1_and_in_utf_8(name):
    for encoding in ("latin-1", "utf-8"):
        data = read_data(f"{name},b\n1,2\n".encode(encoding))
        assert data.columns == (name, "b")
        assert data.guess.encoding == encoding


@pytest.mark.parametrize("name", ["שָׁלוֹם", "Температура", "درجة", "θερμοκρασία"])
def test_other_alphabets_in_utf_8_are_not_taken_for_chinese(name):
    assert read_data(f"{name},b\n1,2\n".encode()).columns == (name, "b")


def test_euro_sign_of_windows_is_read():
    data = read_data("€,b\n1,2\n".encode("cp1252"))
    assert data.columns == ("€", "b")


def test_chosen_encoding_overrides_the_recognised_one():
    content = "ÀÁ,b\n1,2\n".encode("latin-1")
    assert read_data(content).guess.encoding == "gb18030"
    assert read_data(content, options=DataOptions(encoding="latin-1")).columns == ("ÀÁ", "b")


def test_chosen_encoding_that_does_not_fit_is_refused():
    error = refused("température,b\n1,2\n".encode("latin-1"), encoding="utf-8")
    assert (error.code, error.fields["position"]) == ("wrong-encoding", 4)


# ---- What is chosen wins over what is recognised


def test_chosen_decimal_and_delimiter_win():
    content = b"1,5\n2,5\n"
    assert read_data(content).rows.tolist() == [[1, 5], [2, 5]]
    chosen = DataOptions(delimiter=";", decimal=",")
    assert read_data(content, options=chosen).rows.tolist() == [[1.5], [2.5]]


def test_chosen_header_wins():
    content = b"2019,2020\n1,2\n3,4\n"
    assert read_data(content).columns == ("x1", "x2")
    assert read_data(content, options=DataOptions(header=True)).columns == ("2019", "2020")
    named = read_data(b"a,b\n1,2\n", options=DataOptions(header=False))
    assert named.labels["a" if "a" in named.columns else "x1"].tolist() == ["a", "1"]


def test_chosen_kind_makes_a_table_a_text():
    assert read_data(b"1,2\n3,4\n", options=DataOptions(kind="text")).texts == ("1,2\n3,4",)


@pytest.mark.parametrize(
    "options", [{"kind": "exe"}, {"encoding": "zlib"}, {"delimiter": "ab"}, {"fill": "mean"}]
)
def test_choice_that_does_not_exist_is_refused(options):
    error = refused(b"1,2\n", **options)
    assert error.code == "unknown-option"
    assert error.fields["option"] == next(iter(options))


# ---- Columns told apart


def test_clock_and_sequence_name_are_no_channels():
    data = read_data(b"id,time,x\nA,0,5\nA,1,6\nB,0,7\nB,1,8\n")
    assert data.guess.channels == ("x",)
    assert data.guess.group == "id"
    assert "clock-column" in codes(data)


def test_index_that_pandas_wrote_is_no_channel():
    frame = pd.DataFrame({"a": [3.0, 1.0, 2.0], "b": [1.0, 1.0, 4.0]})
    assert read_data(frame.to_csv().encode()).guess.channels == ("a", "b")


@pytest.mark.parametrize("values", [(5, 3, 9), (3, 3, 3), (0, 1, 1)])
def test_column_called_time_that_does_not_rise_is_a_channel(values):
    text = "time,x\n" + "".join(f"{value},1\n" for value in values)
    assert read_data(text.encode()).guess.channels == ("time", "x")


def test_column_called_id_that_never_repeats_names_no_sequence():
    data = read_data(b"id,x\n7,5\n3,6\n9,7\n")
    assert data.guess.group == ""
    assert data.guess.channels == ("id", "x")


def test_empty_column_is_said_and_is_no_channel():
    data = read_data(b"a,b\n1,\n2,\n")
    assert data.guess.channels == ("a",)
    assert codes(data) == ["empty-column"]


def test_names_that_are_missing_or_twice_there_become_unique():
    data = read_data(b"a,,a\n5,4,3\n4,3,9\n3,2,1\n")
    assert data.columns == ("a", "x2", "a_2")


def test_cells_that_look_like_formulas_or_html_stay_text():
    cells = ["=1+1", "@SUM(A1)", "<b>x</b>", "-cmd|' /C calc'!A0"]
    text = "a,b\n" + "".join(f"{number},{cell}\n" for number, cell in enumerate(cells))
    assert read_data(text.encode()).labels["b"].tolist() == cells


@pytest.mark.parametrize("cell", ["1_000", "１２", "0x10", "1e", ".", "+-1", "1.2.3", "٣"])
def test_what_only_python_or_nobody_takes_for_a_number_is_text(cell):
    assert not is_number(cell)
    assert read_data(f"a,b\n{cell},1\n2,2\n".encode()).numeric == ("b",)


# ---- Text or table


@pytest.mark.parametrize(
    "text",
    [
        "Hello, world\nFoo, bar",
        "The quick brown fox\njumps over",
        "def f(x):\n    return x[0], 1\n",
        "[1] A note.",
        "{ a } or [ b ]",
        "one",
        "7",
    ],
)
def test_prose_is_text(text):
    data = read_data(text.encode(), name="notes.txt")
    assert data.kind == "text"
    assert data.texts == (text.removesuffix("\n"),)


@pytest.mark.parametrize("text", ["1 2 3\n4 5 6\n", "1\n2\n3\n", "a|b\n1|2\n", "1, 2\n3, 4\n"])
def test_numbers_are_a_table_whatever_the_file_is_called(text):
    assert read_data(text.encode(), name="notes.txt").kind == "csv"


def test_lines_of_a_text_can_be_sequences():
    data = read_data(b"abc\r\n\r\ndef\r\n", options=DataOptions(split="lines"))
    assert [(one.name, one.text) for one in sequences(data)] == [("1", "abc"), ("2", "def")]


# ---- What is wrong is named


@pytest.mark.parametrize(
    ("text", "skipped"),
    [("# x y\n1,2\n3,4\n", 1), ("# a note\n# x,y\n1,2\n", 1), ("#x,y\n1,2\n", 0)],
)
def test_comments_above_a_table_are_skipped_and_said(text, skipped):
    data = read_data(text.encode(), name="t.csv")
    assert data.rows[0].tolist() == [1, 2]
    said = [r.fields["count"] for r in data.remarks if r.code == "comment-lines"]
    assert said == [skipped][: skipped > 0]


def test_ragged_row_is_named_by_its_line():
    error = refused(b"# a comment\na,b\n1,2\n\n3,4,5\n", name="t.csv")
    assert error.code == "ragged-row"
    assert error.fields == {"line": 5, "found": 3, "expected": 2}


def test_ragged_row_behind_a_cell_of_two_lines_is_named_by_its_line():
    error = refused(b'a,b\n"1\n2",2\n3\n', name="t.csv")
    assert error.fields["line"] == 4


@pytest.mark.parametrize(
    "text", ["\n\na,b\n\n1,2\n  \n3,4\n\n", " \n\na b\n1 2\n\n3 4", "\n\na,b\n \n1,2\n3,4"]
)
def test_blank_lines_are_no_rows(text):
    data = read_data(text.encode())
    assert data.columns == ("a", "b")
    assert data.rows.tolist() == [[1, 2], [3, 4]]


def test_blank_lines_of_a_single_column_are_no_rows():
    assert read_data(b"\nx\n\n1\n \n2\n").rows.tolist() == [[1], [2]]


@pytest.mark.parametrize("mark", ["\x0b", "\x0c", "\x85", "\u2028"])
def test_only_line_ends_end_a_line(mark):
    data = read_data(f"name,b\nx{mark}y,2\nz,3\n".encode())
    assert data.labels["name"].tolist() == [f"x{mark}y", "z"]


def test_cell_that_is_too_long_is_refused():
    error = refused(b"a,b\n" + b"1" * 200_000 + b",2\n", name="t.csv")
    assert error.code == "row-unreadable"


def test_preview_shows_numbers_text_and_what_is_missing():
    data = read_data(b"a,b\n1,x\n,y\n3,z\n")
    assert data.preview(2) == ((1.0, "x"), (None, "y"))
    assert read_data(b"first line\nsecond\nthird").preview(2) == (("first line",), ("second",))
