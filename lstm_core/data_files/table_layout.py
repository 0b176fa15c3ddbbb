"""How a table is written as text: delimiter, decimal sign, header, and what a number looks like.

The cells themselves are read in `delimited`; thousands signs are in `number_signs`.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any

from lstm_core.data_files.datafile import DELIMITERS, DataError, DataOptions
from lstm_core.data_files.number_signs import check_signs, commas, marks_of, weight_of_grouped

MISSING = frozenset(
    {"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"}
    | {"<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null", "NAN"}
)
"""Cells that mean: no value. They are those of pandas, and ``NAN``."""

_SAMPLE_LINES = 200
_SAMPLE_CHARS = 2**18
_SURE = 0.9
_PIECE = 2**16

_NUMBERS = {
    mark: re.compile(rf"[+-]?(\d+({mark}\d*)?|{mark}\d+)(e[+-]?\d+)?|[+-]?inf(inity)?", re.I | re.A)
    for mark in (r"\.", ",")
}


def is_number(cell: str, decimal: str = ".") -> bool:
    """Whether `cell` is one number, written with ASCII digits and without thousands signs.

    >>> is_number("-1.5e3"), is_number("1,5", ","), is_number("1_000"), is_number("1.000,5", ",")
    (True, True, False, False)
    """
    return _NUMBERS[r"\." if decimal == "." else ","].fullmatch(cell.strip()) is not None


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a table is written. `comments` lines stand above it.

    `agree` is the share of rows that have `width` cells, `numbers` that of cells that are numbers;
    `lone` says that there is but one cell; `marks` are the thousands signs that a number may have;
    `doubt` says that commas were read as decimal signs of ``"one"`` column or as parting ``"two"``,
    and that the other is as likely.
    """

    delimiter: str
    decimal: str
    width: int
    agree: float
    numbers: float
    comments: int = 0
    lone: bool = False
    marks: tuple[str, ...] = ()
    doubt: str = ""

    @property
    def is_table(self) -> bool:
        """Whether it is sure, without a file's name to say so, that this is a table."""
        several = self.width > 1 or self.numbers == 1
        return several and not self.lone and self.agree >= _SURE and self.numbers >= 0.25


def recognise(text: str, options: DataOptions, width: int | None = None) -> Layout | None:
    """The most likely layout of `text`, or ``None`` where it has no line with content.

    Args:
        width: how many columns are needed, where it is known; it decides in case of doubt.

    Raises:
        DataError: ``"same-sign"`` if one sign was chosen for decimals and thousands.
    """
    check_signs(options)
    comments = _comments(text)
    lines = [line for line in islice(lines_of(text, comments), _SAMPLE_LINES) if line.strip()]
    total = 0
    kept = [line for line in lines if (total := total + len(line)) <= _SAMPLE_CHARS] or [
        line[:_SAMPLE_CHARS] for line in lines[:1]
    ]
    delimiters = [options.delimiter] if options.delimiter else list(DELIMITERS)
    decimals = [options.decimal] if options.decimal else [".", ","]
    decimals = [sign for sign in decimals if sign != options.thousands]
    doubt = ""
    if "," in decimals and not options.delimiter and not _two_names(text, comments):
        what = commas(kept, MISSING)
        if what == "doubt" and options.decimal is None:
            doubt = "one" if width == 1 else "two"
        if what == "one" or doubt == "one" or (what and options.decimal):
            delimiters, decimals = [sign for sign in delimiters if sign != ","], [","]
    found = [
        layout
        for delimiter in delimiters
        for decimal in decimals
        if (layout := _layout(kept, delimiter, decimal, comments, options.thousands))
    ]
    likely = max(found, key=_likely, default=None)
    return likely and replace(likely, doubt=doubt)


def _likely(layout: Layout) -> tuple[float, ...]:
    # One column is what every wrong delimiter finds, so several columns win wherever they agree.
    several = layout.width > 1
    sure = several and layout.agree >= _SURE and layout.numbers > 0
    return (sure, several and layout.agree > 0.5, layout.numbers * layout.agree, layout.width)


def _layout(
    lines: Sequence[str], delimiter: str, decimal: str, comments: int, thousands: str | None
) -> Layout | None:
    marks = marks_of(decimal, thousands)
    rows: list[list[str]] = []
    with suppress(csv.Error):  # which line it is, is said when the whole is read
        rows.extend(row for _, row in split(lines, delimiter))
    if not rows:
        return None
    [(width, count)] = Counter(map(len, rows)).most_common(1)
    body = [row for row in rows[1:] or rows if len(row) == width]
    cells = [cell for row in body for cell in row if cell.strip() not in MISSING]
    numbers = sum(_weight(cell, decimal, delimiter, marks) for cell in cells)
    return Layout(
        delimiter=delimiter,
        decimal=decimal,
        width=width,
        agree=count / len(rows),
        numbers=numbers / max(len(cells), 1),
        comments=comments,
        lone=len(rows) == width == 1,
        marks=marks,
    )


def _weight(cell: str, decimal: str, delimiter: str, marks: Sequence[str]) -> float:
    """How surely a cell is a number, from 0 to 1."""
    if delimiter == " " and cell.endswith(","):
        return 0.0
    if is_number(cell, decimal):
        return 1.0
    return weight_of_grouped(cell, decimal, delimiter, marks)


def _comments(text: str) -> int:
    """How many lines at the top begin with ``#``."""
    count = 0
    for line in lines_of(text, 0):
        if not line.startswith("#"):
            break
        count += 1
    return count


def lines_of(text: str, skip: int) -> Iterator[str]:
    """The lines of `text` after the first `skip`, one at a time, each with its end."""
    return islice(chain.from_iterable(_pieces(text)), skip, None)


def _pieces(text: str) -> Iterator[list[str]]:
    """The lines in pieces of a bounded size, so that they are never all in memory twice."""
    start = 0
    while start < len(text):
        stop = text.find("\n", start + _PIECE) + 1 or len(text)
        piece = text[start:stop].removesuffix("\n")
        yield [f"{line}\n" for line in piece.split("\n")]
        start = stop


def split(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The number of lines read so far, and the cells of each row that is not blank."""
    if delimiter == " ":
        yield from ((n, row) for n, line in enumerate(lines, start=1) if (row := line.split()))
        return
    reader = reader_of(lines, delimiter)
    yield from ((reader.line_num, row) for row in reader if not is_blank(row))


def reader_of(lines: Iterable[str], delimiter: str) -> Any:
    """A `csv.reader` of `lines`, whose `line_num` counts the lines read."""
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True)


def is_blank(row: Sequence[str]) -> bool:
    """Whether the line of these cells held nothing but blanks."""
    return len(row) < 2 and not (row and row[0].strip())


def header_of(text: str, options: DataOptions, layout: Layout) -> tuple[list[str], int]:
    """The names of the columns, empty where the file has none, and how many rows they take."""
    start = [list(row) for row in islice(rows_of(text, layout), 50)]
    if not start:
        return [], 0
    first, rest = start[0], start[1:]
    nameless = [""] * len(first)
    if options.header is False:
        return nameless, 0
    above = _header_in_comment(text, layout, len(first))
    names = any(_is_name(cell, layout) for cell in first) and _differs(first, rest, layout)
    if above and not names:
        return above, 0
    return (first, 1) if names or options.header else (nameless, 0)


def _differs(first: Sequence[str], rest: Sequence[Sequence[str]], layout: Layout) -> bool:
    """Whether a name stands above a column of numbers, or nothing but names above text."""
    columns = list(zip(*rest, strict=False))
    numeric = [all(not _is_name(cell, layout) for cell in column) for column in columns]
    if any(numeric):
        return any(
            yes and _is_name(cell, layout) for yes, cell in zip(numeric, first, strict=False)
        )
    return all(_is_name(cell, layout) for cell in first) and len(set(first)) == len(first)


def _is_name(cell: str, layout: Layout) -> bool:
    number = _weight(cell, layout.decimal, layout.delimiter, layout.marks)
    return cell.strip() not in MISSING and not number


def _two_names(text: str, comments: int) -> bool:
    """Whether the comments above the table end with the names of two columns, and a comma."""
    layout = Layout(delimiter=",", decimal=".", width=2, agree=1.0, numbers=1.0, comments=comments)
    return _header_in_comment(text, layout, 2) is not None


def _header_in_comment(text: str, layout: Layout, width: int) -> list[str] | None:
    """The cells of the last line that begins with ``#``, where they can be names of columns."""
    if not layout.comments:
        return None
    [line] = islice(lines_of(text, layout.comments - 1), 1)
    cells = next((row for _, row in split([line.lstrip("# ")], layout.delimiter)), [])
    names = len(cells) == width and all(_is_name(cell, layout) for cell in cells)
    return cells if names else None


def rows_of(text: str, layout: Layout) -> Iterator[list[str]]:
    """Every row that is not blank, checked to be as long as the first one."""
    line, expected = layout.comments, 0
    try:
        for read, row in split(lines_of(text, layout.comments), layout.delimiter):
            line = layout.comments + read
            expected = expected or len(row)
            if len(row) != expected:
                raise _ragged(line, len(row), expected)
            yield row
    except csv.Error as error:
        raise DataError(
            "row-unreadable",
            f"after line {line}: {error}",
            line=line,
            reason=str(error),
        ) from error


def _ragged(line: int, found: int, expected: int) -> DataError:
    return DataError(
        "ragged-row",
        f"line {line} has {found} cells, but the first row has {expected}",
        line=line,
        found=found,
        expected=expected,
    )
