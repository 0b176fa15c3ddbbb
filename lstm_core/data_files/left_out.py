"""Which columns of a data file a model reads, as a person names them, and which it does not."""

import csv
from collections.abc import Sequence

from lstm_core.data_files.datafile import DataError, DataFile
from lstm_core.stacks import Remark

ABOUT_A_COLUMN = ("text-column", "clock-column", "empty-column", "column-left-out")
"""Codes of the remarks that say why the column in their field `column` is no channel."""


def columns_named(data: DataFile, text: str) -> tuple[str, ...]:
    """The columns that a list such as ``"heat,3"`` names: by name, or by number from 1.

    What is the name of a column is that name, even if it is a number. A name with a comma in it
    stands in quotes.

    >>> from lstm_core.data import read_data
    >>> columns_named(read_data(b"x,y,7\\n5,1,2\\n"), "2, 7,1")
    ('y', '7', 'x')

    Raises:
        DataError: ``"unknown-column"``; ``"column-twice"`` if one is named twice.
    """
    words = next(csv.reader([text], skipinitialspace=True), [])
    found = tuple(column_named(data, word.strip()) for word in words if word.strip())
    for name in found:
        if found.count(name) > 1:
            raise DataError("column-twice", f"column {name!r} is named twice", column=name)
    return found


def column_named(data: DataFile, word: str) -> str:
    """The column of this name, or at this place, counted from 1.

    Raises:
        DataError: ``"unknown-column"``.
    """
    numbered = word.isascii() and word.isdecimal() and 0 < len(word) < 10
    if word not in data.columns and numbered and 1 <= int(word) <= len(data.columns):
        return data.columns[int(word) - 1]
    return data.columns[data.column(word)]


def left_out(data: DataFile, channels: Sequence[str], group: str = "") -> tuple[Remark, ...]:
    """Each column that is not read, in the file's order, and why.

    Args:
        channels: the columns that are read.
        group: the column that names the sequences.
    """
    why = {str(r.fields["column"]): r for r in data.remarks if r.code in ABOUT_A_COLUMN}
    gone = [name for name in why if name not in data.columns]  # never made it into the table
    rest = [name for name in (*data.columns, *gone) if name not in channels]
    return tuple(
        _names_sequences(name) if name == group else why.get(name) or _not_chosen(name)
        for name in rest
    )


def _names_sequences(name: str) -> Remark:
    message = f"column {name!r} says to which sequence a row belongs, so it is no channel"
    return Remark(code="group-column", message=message, fields={"column": name})


def _not_chosen(name: str) -> Remark:
    message = f"column {name!r} is not chosen"
    return Remark(code="not-chosen", message=message, fields={"column": name})
