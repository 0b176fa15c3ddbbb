"""Tables as text (CSV, TSV): the names of the columns and the cells of every row.

How the table is written is recognised in `table_layout`; bytes become text in `decoding`; which
columns are channels is decided in `columns`.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import filterfalse, islice

import numpy as np

from lstm_core.data_files.columns import table, unique_names
from lstm_core.data_files.datafile import DataFile, DataOptions, check_size
from lstm_core.data_files.table_layout import (
    MISSING,
    Layout,
    header_of,
    is_blank,
    is_number,
    lines_of,
    reader_of,
    rows_of,
)
from lstm_core.stacks import Remark

# Rows that are soon freed again: a hundred thousand lists at once keep the garbage collector busy.
_CHUNK_CELLS = 20_000
_FEWEST_ROWS = 50


def read_table(text: str, options: DataOptions, layout: Layout) -> DataFile:
    """The table in `text`, every row of it.

    Raises:
        DataError: ``"ragged-row"`` with its line, ``"row-unreadable"``, or a limit.
    """
    names, skip = header_of(text, options, layout)
    columns = unique_names(names)
    check_size(1, len(columns))
    body = _Body(text=text, layout=layout, skip=skip, columns=columns)
    rows, offenders = _values(body)
    labels = _labels(body, sorted(offenders), len(rows)) if offenders else {}
    remarks = [_is_text(columns[place], *offenders[place]) for place in sorted(offenders)]
    if skipped := layout.comments - (not skip and any(names)):
        message = f"{skipped} lines at the top begin with # and were skipped"
        remarks.append(Remark(code="comment-lines", message=message, fields={"count": skipped}))
    found = DataOptions(
        kind="csv", delimiter=layout.delimiter, decimal=layout.decimal, header=any(names)
    )
    return table(
        "csv",
        columns,
        rows,
        {columns[place]: cells for place, cells in labels.items()},
        read_as=options.over(found),
        remarks=remarks,
        unnamed=frozenset(n for n, old in zip(columns, names, strict=True) if not old.strip()),
    )


@dataclass(frozen=True, kw_only=True)
class _Body:
    """The rows below the header."""

    text: str
    layout: Layout
    skip: int
    columns: tuple[str, ...]

    def chunks(self) -> Iterator[tuple[int, list[tuple[str, ...]]]]:
        """The place of a first row, and the cells of each column from that row on."""
        width = len(self.columns)
        rows = self._rows()
        for _ in range(self.skip):
            next(row for row in rows if not is_blank(row))
        size = max(_CHUNK_CELLS // max(width, 1), _FEWEST_ROWS)
        start = 0
        while chunk := self._next(rows, size):
            check_size(start + len(chunk), width)
            yield start, list(zip(*chunk, strict=True))
            start += len(chunk)

    def _rows(self) -> Iterator[list[str]]:
        lines = lines_of(self.text, self.layout.comments)
        if self.layout.delimiter == " ":
            return filter(None, map(str.split, lines))
        rows: Iterator[list[str]] = reader_of(lines, self.layout.delimiter)
        return rows if len(self.columns) > 1 else filterfalse(is_blank, rows)

    def _next(self, rows: Iterator[list[str]], size: int) -> list[list[str]]:
        """The next rows, checked as a whole; only where one is wrong it is searched for."""
        while True:
            try:
                chunk = list(islice(rows, size))
            except csv.Error:
                self._find_fault()
                raise
            kept = chunk
            if set(map(len, chunk)) != {len(self.columns)}:
                kept = [row for row in chunk if not is_blank(row)]
                if not set(map(len, kept)) <= {len(self.columns)}:
                    self._find_fault()
            if kept or not chunk:
                return kept

    def _find_fault(self) -> None:
        for _ in rows_of(self.text, self.layout):
            pass


def _values(body: _Body) -> tuple[np.ndarray, dict[int, tuple[int, str]]]:
    """The numbers ``[row, column]``, and the first row and cell of each column that is text."""
    found: list[np.ndarray] = []
    text: dict[int, tuple[int, str]] = {}
    for start, columns in body.chunks():
        values = np.full((len(columns[0]), len(columns)), np.nan)
        for place, cells in enumerate(columns):
            if place not in text:
                values[:, place], offender = numbers(cells, body.layout.decimal)
                if offender is not None:
                    text[place] = (start + offender + 1, cells[offender].strip()[:80])
        found.append(values)
    rows = np.concatenate(found) if found else np.empty((0, len(body.columns)))
    rows[:, list(text)] = np.nan
    return rows, text


def numbers(cells: Sequence[str], decimal: str = ".") -> tuple[np.ndarray, int | None]:
    """The numbers in `cells`, NaN for the others, and the place of the first that is text."""
    joined = "".join(cells)
    if decimal == "." and joined.isascii() and "_" not in joined:
        try:
            return np.fromiter(map(float, cells), np.float64, len(cells)), None
        except ValueError:
            pass
    values = np.full(len(cells), np.nan)
    offender = None
    for place, cell in enumerate(map(str.strip, cells)):
        if is_number(cell, decimal):
            values[place] = float(cell.replace(",", "."))
        elif offender is None and cell not in MISSING:
            offender = place
    return values, offender


def _labels(body: _Body, places: Sequence[int], count: int) -> dict[int, np.ndarray]:
    """The cells of the text columns, read again; equal cells are kept once."""
    labels = {place: np.empty(count, dtype=object) for place in places}
    once: dict[str, str] = {}
    for start, columns in body.chunks():
        for place in places:
            cells = [cell.strip() for cell in columns[place]]
            labels[place][start : start + len(cells)] = [
                None if cell in MISSING else once.setdefault(cell, cell) for cell in cells
            ]
    return labels


def _is_text(column: str, row: int, cell: str) -> Remark:
    message = f"column {column!r} holds text, e.g. {cell!r} in row {row}, so it is no channel"
    return Remark(
        code="text-column", message=message, fields={"column": column, "row": row, "cell": cell}
    )
