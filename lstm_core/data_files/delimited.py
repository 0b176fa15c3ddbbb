"""Tables as text (CSV, TSV): the names of the columns and the cells of every row.

How the table is written is recognised in `table_layout`, thousands signs in `number_signs`; bytes
become text in `decoding`; which columns are channels is decided in `columns`.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import filterfalse, islice

import numpy as np

from lstm_core.data_files.columns import table, text_remark, unique_names
from lstm_core.data_files.datafile import DataFile, DataOptions, check_size, counted
from lstm_core.data_files.number_signs import ungrouped
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
    mark = _fill_grouped(rows, labels, offenders, layout)
    remarks = [
        text_remark(columns[place], *offenders[place])
        if place in labels
        else _has_signs(columns[place], *offenders[place], rows[offenders[place][0] - 1, place])
        for place in sorted(offenders)
    ]
    if layout.doubt:
        remarks.append(_doubt(layout.doubt))
    if skipped := layout.comments - (not skip and any(names)):
        message = f"skipped at the top, beginning with #: {counted(skipped, 'line')}"
        remarks.append(Remark(code="comment-lines", message=message, fields={"count": skipped}))
    found = DataOptions(
        kind="csv",
        delimiter=layout.delimiter,
        decimal=layout.decimal,
        thousands=mark,
        header=any(names),
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
            values[place] = _plain(cell)
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


def _fill_grouped(
    rows: np.ndarray,
    labels: dict[int, np.ndarray],
    offenders: dict[int, tuple[int, str]],
    layout: Layout,
) -> str:
    """Move text that is numbers with thousands signs from `labels` into `rows`; their sign, if any.

    All cells of a column agree, and so do all columns. What stays text is in `offenders` with the
    cell that is text whatever the sign.
    """
    marks, found = layout.marks, ""
    for place in sorted(labels):
        for mark in marks:
            values, row = _grouped(labels[place], layout.decimal, mark)
            if row is None:
                rows[:, place] = values
                del labels[place]
                marks, found = (mark,), mark
                break
            offenders[place] = max(offenders[place], (row + 1, labels[place][row][:80]))
    return found


def _grouped(cells: np.ndarray, decimal: str, mark: str) -> tuple[np.ndarray, int | None]:
    """The numbers of a column, and the place of the first cell that is none."""
    values = np.full(len(cells), np.nan)
    for row, cell in enumerate(cells):
        if cell is None:
            continue
        number = _plain(cell) if is_number(cell, decimal) else ungrouped(cell, decimal, mark)
        if number is None:
            return values, row
        values[row] = number
    return values, None


def _plain(cell: str) -> float:
    return float(cell.replace(",", "."))


def _has_signs(column: str, row: int, cell: str, value: float) -> Remark:
    shown = f"{value:.15g}"
    return Remark(
        code="thousands",
        message=f"column {column!r} has thousands signs: {cell!r} in row {row} is read as {shown}",
        fields={"column": column, "row": row, "cell": cell, "value": shown},
    )


def _doubt(doubt: str) -> Remark:
    read, other = "one number with a decimal comma", "two whole numbers in two columns"
    if doubt == "two":
        read, other = other, read
    message = f"each line is read as {read}; it may also be {other}"
    return Remark(code="comma-doubt", message=message, fields={"what": doubt})
