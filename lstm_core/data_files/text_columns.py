"""Tables for a model that reads symbols: which column holds the text, a sequence in every row."""

import re
from dataclasses import replace

import numpy as np

from lstm_core.data_files.columns import is_clock_name
from lstm_core.data_files.datafile import DataError, DataFile

_NAMES = (
    "text",
    "sentence",
    "content",
    "review",
    "body",
    "document",
    "tweet",
    "message",
    "comment",
    "question",
    "input",
    "prompt",
    "文本",
    "句子",
    "内容",
    "评论",
)
"""What a column of text is called, the likeliest first."""

_DATE = re.compile(r"\d{1,4}\s?[-/.:年]\s?\d{1,2}.{0,30}")
_LOOKED_AT = 200


def with_text(data: DataFile) -> DataFile:
    """The file with the column of text that a model which reads symbols takes; itself without one.

    A person's own choice stays.
    """
    if data.texts or data.guess.text is not None:
        return data
    return replace(data, guess=replace(data.guess, text=_text_column(data) or ""))


def text_columns(data: DataFile) -> tuple[str, ...]:
    """The columns that hold text and neither dates nor the names of sequences."""
    return tuple(
        name
        for name in data.columns
        if name in data.labels and name != data.guess.group and not _is_date(data, name)
    )


def _is_date(data: DataFile, name: str) -> bool:
    cells = [cell for cell in data.labels[name][:_LOOKED_AT] if cell is not None]
    return not cells or all(map(_DATE.fullmatch, cells)) or is_clock_name(name)


def _text_column(data: DataFile) -> str | None:
    """The column that is called like a text, or the one with the longest cells."""
    there = text_columns(data)
    named = (name for word in _NAMES for name in there if name.lower() == word)
    return next(named, max(there, key=lambda name: _length(data.labels[name]), default=None))


def _length(cells: np.ndarray) -> float:
    return float(np.mean([len(cell or "") for cell in cells[:_LOOKED_AT]] or [0]))


def texts_of(data: DataFile, column: str) -> list[tuple[int, str]]:
    """The row, from 0, and the text of each cell that is not missing.

    Raises:
        DataError: ``"unknown-column"``; ``"no-text"`` if the column holds numbers, or nothing.
    """
    data.column(column)
    cells = data.labels.get(column)
    found = [] if cells is None else [(row, cell) for row, cell in enumerate(cells) if cell]
    if not found:
        raise DataError("no-text", f"column {column!r} holds no text", column=column)
    return found
