"""Tables: unique column names, which columns are channels, and which one names the sequence.

Where the cells come from is in `delimited`, `nested` and `parquet`.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from lstm_core.data_files.datafile import DataFile, DataOptions
from lstm_core.stacks import Remark

_GROUPS = frozenset(
    [
        "id",
        "sequence",
        "seq",
        "series",
        "group",
        "session",
        "sample",
        "subject",
        "trial",
        "run",
        "episode",
        "sequence_id",
        "series_id",
        "unique_id",
        "seq_id",
        "group_id",
        "session_id",
        "sample_id",
        "subject_id",
        "trial_id",
        "run_id",
        "item_id",
        "序列",
        "编号",
        "组",
    ]
)
_CLOCKS = frozenset(
    [
        "t",
        "time",
        "date",
        "datetime",
        "timestamp",
        "step",
        "index",
        "idx",
        "row",
        "ds",
        "时间",
        "日期",
        "时间步",
    ]
)


def is_clock_name(name: str) -> bool:
    """Whether a column is called like a clock."""
    return name.lower() in _CLOCKS


def unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names, none of them empty or twice there; a column without a name is called by its place.

    >>> unique_names(["a", "", "a"])
    ('a', 'x2', 'a_2')
    """
    used: set[str] = {name.strip() for name in names}
    found: list[str] = []
    for place, given in enumerate(names, start=1):
        name = given.strip()
        if not name or name in found:
            name = _free(name, place, used)
        used.add(name)
        found.append(name)
    return tuple(found)


def _free(name: str, place: int, used: set[str]) -> str:
    stem, number = (f"{name}_", 2) if name else ("x", place)
    while f"{stem}{number}" in used:
        number += 1
    return f"{stem}{number}"


def plain_names(count: int) -> tuple[str, ...]:
    """Names for `count` columns that have none: ``x1``, ``x2``, ..."""
    return tuple(f"x{place}" for place in range(1, count + 1))


def text_remark(column: str, row: int, cell: str) -> Remark:
    """What is told of a column in which `row`, counted from 1, holds text."""
    return Remark(
        code="text-column",
        message=f"column {column!r} holds text, e.g. {cell!r} in row {row}, so it is no channel",
        fields={"column": column, "row": row, "cell": cell},
    )


def label_remark(column: str, cells: np.ndarray) -> Remark:
    """`text_remark` with the first of the `cells` that is not missing; or that all of them are."""
    row = next((row for row, cell in enumerate(cells) if cell is not None), None)
    return _is_empty(column) if row is None else text_remark(column, row + 1, str(cells[row])[:80])


def table(
    kind: str,
    columns: tuple[str, ...],
    rows: np.ndarray,
    labels: Mapping[str, np.ndarray],
    *,
    read_as: DataOptions,
    remarks: Sequence[Remark] = (),
    unnamed: frozenset[str] = frozenset(),
) -> DataFile:
    """The data file of a table, its columns told apart: channels, sequence name, neither.

    Args:
        rows: float64 ``[row, column]``.
        read_as: how it was read; what it says of channels and group is kept.
        unnamed: columns whose name the file did not give.
    """

    def cells(place: int) -> np.ndarray:
        return labels[columns[place]] if columns[place] in labels else rows[:, place]

    numeric = [name for name in columns if name not in labels]
    grouped = _group(columns, cells)
    group = None if grouped is None else columns[grouped]
    apart = np.zeros(max(len(rows) - 1, 0), dtype=bool)
    if grouped is not None:
        apart = cells(grouped)[1:] != cells(grouped)[:-1]
    clock = _clock(columns, rows, apart, unnamed)
    empty = _empty(columns, rows, labels) if len(rows) else []
    channels = tuple(n for n in numeric if n not in (clock, group, *empty))
    said = [_is_empty(name) for name in empty]
    if clock is not None:
        message = f"column {clock!r} rises from row to row like a clock, so it is no channel"
        said.append(Remark(code="clock-column", message=message, fields={"column": clock}))
    rows.flags.writeable = False
    return DataFile(
        kind=kind,
        columns=columns,
        rows=rows,
        labels=labels,
        guess=read_as.over(DataOptions(channels=channels, group=group or "", fill="refuse")),
        remarks=(*remarks, *said),
    )


def _empty(
    columns: tuple[str, ...], rows: np.ndarray, labels: Mapping[str, np.ndarray]
) -> list[str]:
    nothing = np.isnan(rows).all(axis=0)
    return [n for n, none in zip(columns, nothing, strict=True) if none and n not in labels]


def _is_empty(name: str) -> Remark:
    message = f"column {name!r} is empty, so it is no channel"
    return Remark(code="empty-column", message=message, fields={"column": name})


def _clock(
    columns: tuple[str, ...], rows: np.ndarray, apart: np.ndarray, unnamed: frozenset[str]
) -> str | None:
    """The column that is called like a clock, or has no name, and rises from row to row.

    `apart` marks the rows, the first left out, that begin another sequence: it may fall there.
    """
    for place, name in enumerate(columns):
        nameless = place == 0 and name in unnamed
        if len(rows) < 3 or len(columns) < 2 or not (nameless or is_clock_name(name)):
            continue
        with np.errstate(invalid="ignore", over="ignore"):
            steps = np.diff(rows[:, place])[~apart]
        if len(steps) and ((steps == 1) if nameless else (steps > 0)).all():
            return name
    return None


def _group(columns: tuple[str, ...], cells: Callable[[int], np.ndarray]) -> int | None:
    """The place of the column that is called like a sequence's name and whose values repeat."""
    for place, name in enumerate(columns):
        if name.lower() in _GROUPS and 1 <= len(set(cells(place).tolist())) < len(cells(place)):
            return place
    return None
