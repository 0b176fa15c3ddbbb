"""Signs inside numbers: thousands signs as in ``1.013,5``, and the one comma of each line.

That comma parts two columns of whole numbers, or it is the decimal sign of one column. What a plain
number looks like, and how a table is laid out, is in `table_layout`.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Literal

from lstm_core.data_files.datafile import DataError, DataOptions

MARKS: Mapping[str, tuple[str, ...]] = {".": (",", "'", " "), ",": (".", "'", " ")}
"""The thousands signs that go with a decimal sign, likeliest first; a blank is any blank."""

_MARK = {",": ",", ".": r"\.", "'": "['\u2019]", " ": "[ \u00a0\u2009\u202f]"}
_GROUPED = {
    (decimal, mark): re.compile(
        rf"[+-]?[1-9]\d{{0,2}}(?:{_MARK[mark]}\d{{3}})+(?:{re.escape(decimal)}\d*)?", re.A
    )
    for decimal, marks in MARKS.items()
    for mark in marks
}
_LONE = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}", re.A)

_ALMOST = 0.99
"""How much one mark before three digits is a number: a little less than where it is a decimal."""


def marks_of(decimal: str, chosen: str | None) -> tuple[str, ...]:
    """The thousands signs to look for: all that go with `decimal`, or the `chosen` one; or none.

    >>> marks_of(",", None), marks_of(",", " "), marks_of(",", "")
    (('.', "'", ' '), (' ',), ())
    """
    return MARKS[decimal] if chosen is None else tuple(m for m in MARKS[decimal] if m == chosen)


def check_signs(options: DataOptions) -> None:
    """Do nothing unless decimals and thousands were both given the same sign.

    Raises:
        DataError: ``"same-sign"``.
    """
    if options.thousands and options.thousands == options.decimal:
        raise DataError(
            "same-sign",
            f"decimals and thousands cannot both have the sign {options.decimal!r}",
            sign=options.decimal,
        )


def ungrouped(cell: str, decimal: str, mark: str) -> float | None:
    """The number in `cell` if thousands signs are in their places, else ``None``.

    >>> ungrouped("1.013,5", ",", "."), ungrouped("1.0135", ",", "."), ungrouped("0,125", ".", ",")
    (1013.5, None, None)
    """
    if not _GROUPED[decimal, mark].fullmatch(cell):
        return None
    return float(re.sub(_MARK[mark], "", cell).replace(decimal, "."))


def weight_of_grouped(cell: str, decimal: str, delimiter: str, marks: Sequence[str]) -> float:
    """How surely `cell` is a number with thousands signs: 1, 0, or in between.

    One mark before three digits, ``1.013``, is a decimal sign where nothing speaks against it. A
    quoted comma in a table whose columns are parted by commas does speak against it.
    """
    cell = cell.strip()
    if not any(_GROUPED[decimal, mark].fullmatch(cell) for mark in marks):
        return 0.0
    sure = decimal == "." and delimiter == ","
    return 1.0 if sure or not _LONE.fullmatch(cell) else _ALMOST


_NUMBER = re.compile(
    r"[+-]?(?P<whole>\d+|[1-9]\d{0,2}(?:\.\d{3})+)(?:,(?P<part>\d+)(?:e[+-]?\d+)?)?", re.A | re.I
)
_FEWEST_PLACES = 4
_LONG_PART = 10

Commas = Literal["", "one", "two", "doubt"]


def commas(lines: Sequence[str], missing: Collection[str]) -> Commas:
    """What the only comma of each line is: a decimal sign, so there is one column, or not.

    ``"doubt"`` where both can be; ``"two"`` where both can be, but the first numbers count the
    rows; empty where there are not just digits around it.

    >>> commas(["0,5", "1,05"], ()), commas(["x", "0,5"], ()), commas(["1,2", "3,4"], ())
    ('one', 'one', 'doubt')
    >>> commas(["a,b", "1,2"], ()), commas(["0,7", "1,7", "2,9", "3,9"], ())
    ('', 'two')
    """
    rows = [line.strip() for line in lines]
    found = [_NUMBER.fullmatch(row) for row in rows]
    head = bool(found) and found[0] is None and rows[0] not in missing
    if head and (len(rows) < 2 or re.search("[,;|\t]", rows[0])):
        return ""
    body = list(zip(rows, found, strict=True))[head:]
    numbers = [number for row, number in body if number]
    if not all(number or row in missing for row, number in body):
        return ""
    parted = [number for number in numbers if number["part"]]
    if not parted:
        return ""
    # Two columns would be ragged: a name, a missing value or a whole number stands alone.
    if head or len(parted) < len(body):
        return "one"
    return _without_a_name(parted)


def _without_a_name(numbers: Sequence[re.Match[str]]) -> Commas:
    wholes, parts = [n["whole"] for n in numbers], [n["part"] for n in numbers]
    # Nobody writes the whole numbers 05 and -0, a million and more with points in it, or one of
    # ten digits beside a short one; nor a column of nothing but 0.
    written = any(len(part) > 1 and part[0] == "0" for part in parts)
    negative = any(n[0].startswith("-0,") for n in numbers)
    large = any(whole.count(".") > 1 for whole in wholes)
    long = max(map(len, parts)) >= _LONG_PART
    below_one = set(wholes) == {"0"} and any(part not in ("0", "1") for part in parts)
    if written or negative or large or long or below_one:
        return "one"
    return "two" if _counts([n[0].partition(",")[0] for n in numbers]) else "doubt"


def _counts(firsts: Sequence[str]) -> bool:
    """Whether they go up by one from row to row, as an index does."""
    if len(firsts) < _FEWEST_PLACES or any("." in first for first in firsts):
        return False
    places = [int(first[:20]) for first in firsts]
    return all(b - a == 1 for a, b in pairwise(places))
