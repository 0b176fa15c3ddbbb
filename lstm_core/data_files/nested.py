"""JSON as data: lists of numbers, of sequences, of texts and of records, and objects of columns.

What each axis of nested numbers is, is decided in `arrays`; what the columns are, in `columns`.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from lstm_core.data_files.arrays import IDS, from_arrays, others_remark, unknown_array
from lstm_core.data_files.columns import label_remark, table, unique_names
from lstm_core.data_files.datafile import (
    MAX_ROWS,
    DataError,
    DataFile,
    DataOptions,
    check_size,
    damaged,
)

MAX_ITEMS = 8_000_000
"""The most commas of a JSON file: what it holds is taken into memory one by one."""

_DEEPEST = 3
_START = re.compile(r"\s*(\[\s*[\[\]{\"\d\-ntfNI]|\{\s*[\"}])")
_NUMERIC = {float, bool, type(None)}


def looks_like_json(text: str, ending: str) -> bool:
    """Whether `text` begins and ends as JSON does, or is called so."""
    closed = text[-64:].rstrip().endswith(("]", "}"))
    return ending in (".json", ".jsonl") or (closed and _START.match(text) is not None)


def read_json(text: str, options: DataOptions, symbols: bool = False) -> DataFile:
    """The numbers or texts in `text`, JSON or one JSON value a line.

    ``null`` and ``NaN`` are missing values. For a model that reads `symbols` lists of whole numbers
    are sequences of ids.

    Raises:
        DataError: ``"damaged"`` if it is no JSON, ``"json-shape"`` if it holds something else.
    """
    if text.count(",") > MAX_ITEMS or text.count("[") + text.count("{") > MAX_ROWS + 1_000:
        found = text.count(",")
        raise DataError(
            "too-many-cells",
            f"the JSON has more than {MAX_ITEMS:,} values or {MAX_ROWS:,} lists",
            found=found,
            limit=MAX_ITEMS,
        )
    value = _parsed(text)
    options = replace(options, kind="json")
    readers = (_texts, _records, _columns, _named, partial(_numbers, symbols=symbols))
    for read in (_id_lists, *readers) if symbols else readers:
        found_file = read(value, options)
        if found_file is not None:
            return found_file
    raise DataError(
        "json-shape",
        "the JSON holds neither lists of numbers, nor texts, nor columns of equal length",
    )


def _parsed(text: str) -> Any:
    try:
        try:
            return _loads(text)
        except json.JSONDecodeError:
            lines = [line for line in text.split("\n") if line.strip()]
            if len(lines) < 2 or not all(line.lstrip()[0] in '{["' for line in lines):
                raise
            return [_loads(line) for line in lines]
    except RecursionError as error:
        raise damaged("JSON", "it is nested too deeply") from error
    except ValueError as error:
        raise damaged("JSON", error) from error


def _loads(text: str) -> Any:
    # As floats from the start: an integer of a million digits would take minutes.
    return json.loads(text, parse_int=float, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("two entries of one object have the same name")
    return found


def _texts(value: Any, options: DataOptions) -> DataFile | None:
    names: tuple[str, ...] = ()
    if isinstance(value, str):
        value = [value]
    elif isinstance(value, dict):
        names, value = unique_names(list(value)), list(value.values())
    if not isinstance(value, list) or not value or set(map(type, value)) != {str}:
        return None
    check_size(len(value), 1)
    kept = [place for place, text in enumerate(value) if text]
    if not kept:
        raise DataError("empty", "the file is empty")
    return DataFile(
        kind="json",
        texts=tuple(value[place] for place in kept),
        names=tuple(names[place] for place in kept) if names else (),
        guess=options,
    )


def _id_lists(value: Any, options: DataOptions) -> DataFile | None:
    """Of records, or of an object, the member whose cells are lists of ids: each is a sequence.

    A column of text goes before lists that are not called like ids.
    """
    members = _members(value)
    if not members or options.text is not None or options.channels is not None:
        return None
    lists = {name: found for name, cells in members.items() if (found := _sequences_in(cells))}
    named = [name for name in IDS if name in lists]
    if not lists or (not named and any(_has(cells, str) for cells in members.values())):
        return None
    name = options.array or (*named, *lists)[0]
    if name not in lists:
        raise unknown_array(name, tuple(lists))
    others = tuple(other for other in lists if other != name)
    remarks = [others_remark(name, others)] if others else []
    read_as = replace(options, array=name)
    return from_arrays("json", lists[name], (), read_as, remarks)


def _members(value: Any) -> dict[str, list[Any]]:
    """The cells of each column, of records or of an object of lists."""
    if isinstance(value, dict):
        return value if _is_lists(value.values()) else {}
    if not isinstance(value, list) or not value or set(map(type, value)) != {dict}:
        return {}
    names = list(dict.fromkeys(name for record in value for name in record))
    check_size(len(value), len(names))
    return {name: [record.get(name) for record in value] for name in names}


def _sequences_in(cells: list[Any]) -> list[np.ndarray] | None:
    """Each cell as ids ``[time, 1]``; ``None`` if one of them is no list of whole numbers."""
    if not cells or not all(isinstance(cell, list) and cell for cell in cells):
        return None
    arrays = [_array(cell) for cell in cells]
    sound = all(a is not None and a.ndim == 1 and (a == np.floor(a)).all() for a in arrays)
    return [a[:, None] for a in arrays if a is not None] if sound else None


def _records(value: Any, options: DataOptions) -> DataFile | None:
    """A list of objects: one is a row; a name that one of them lacks is a missing value there."""
    if not isinstance(value, list) or not value or set(map(type, value)) != {dict}:
        return None
    names = list(dict.fromkeys(name for record in value for name in record))
    check_size(len(value), len(names))
    return _table(names, [[record.get(name) for record in value] for name in names], options)


def _columns(value: Any, options: DataOptions) -> DataFile | None:
    """An object of lists of equal length, each of them a column."""
    if not isinstance(value, dict) or not _is_lists(value.values()):
        return None
    columns = list(value.values())
    if len(set(map(len, columns))) != 1 or any(_has(column, list) for column in columns):
        return None
    check_size(len(columns[0]), len(columns))
    return _table(list(value), columns, options)


def _table(names: list[str], cells: list[list[Any]], options: DataOptions) -> DataFile:
    columns = unique_names(names)
    rows = np.full((len(cells[0]), len(columns)), np.nan)
    labels: dict[str, np.ndarray] = {}
    remarks = []
    for place, (name, column) in enumerate(zip(columns, cells, strict=True)):
        if set(map(type, column)) <= _NUMERIC:
            rows[:, place] = np.array(column, dtype=np.float64)
            continue
        labels[name] = _labels(column)
        remarks.append(label_remark(name, labels[name]))
    return table("json", columns, rows, labels, read_as=options, remarks=remarks)


def _labels(column: list[Any]) -> np.ndarray:
    cells = np.empty(len(column), dtype=object)
    cells[:] = [None if cell is None else _shown(cell) for cell in column]
    return cells


def _shown(cell: Any) -> str:
    if isinstance(cell, float):
        return f"{cell:.17g}"
    return cell if isinstance(cell, str) else json.dumps(cell)[:200]


def _named(value: Any, options: DataOptions) -> DataFile | None:
    """An object of sequences: numbers ``[time]`` or ``[time][channel]`` by name."""
    if not isinstance(value, dict) or not _is_lists(value.values()):
        return None
    parts = [_array(part) for part in value.values()]
    if any(part is None or part.ndim > 2 or not part.size for part in parts):
        return None
    arrays = [part for part in parts if part is not None]
    if arrays[0].ndim == 1 and all(part.ndim == 1 for part in arrays):
        arrays = [part[:, None] for part in arrays]
    return from_arrays("json", arrays, unique_names(list(value)), options)


def _numbers(value: Any, options: DataOptions, *, symbols: bool = False) -> DataFile | None:
    """Nested lists; where the inner ones differ in length, each is a sequence by itself."""
    if not isinstance(value, list) or not value:
        return None
    whole = _array(value)
    if whole is not None and whole.size and whole.ndim <= 3:
        return from_arrays("json", [whole], (), options, symbols=symbols)
    if not _is_lists(value):
        return None
    parts = [_array(part) for part in value]
    arrays = [part for part in parts if part is not None and part.size and part.ndim <= 2]
    if len(arrays) != len(parts):
        return None
    columns = [part[:, None] if part.ndim == 1 else part for part in arrays]
    return from_arrays("json", columns, (), options)


def _is_lists(values: Any) -> bool:
    return bool(values) and all(isinstance(value, list) for value in values)


def _has(column: Sequence[Any], kind: type) -> bool:
    return any(isinstance(cell, kind) for cell in column)


def _array(value: list[Any]) -> np.ndarray | None:
    """The numbers of nested lists, ``None`` if they are ragged or hold anything else."""
    level: list[Any] = value
    shape = [len(value)]
    while level and all(isinstance(part, list) for part in level):
        lengths = set(map(len, level))
        if len(lengths) != 1 or len(shape) > _DEEPEST:
            return None
        shape.append(lengths.pop())
        level = [cell for part in level for cell in part]
    if not set(map(type, level)) <= _NUMERIC:
        return None
    return np.array(level, dtype=np.float64).reshape(shape)
