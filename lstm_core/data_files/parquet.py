"""Parquet files as data; they need pandas' own reader, pyarrow, which is optional."""

from io import BytesIO
from typing import Any

import numpy as np

from lstm_core.data_files.columns import label_remark, table, unique_names
from lstm_core.data_files.datafile import (
    MAX_CELLS,
    DataError,
    DataFile,
    DataOptions,
    check_size,
    damaged,
)
from lstm_core.stacks import Remark

_MAX_UNPACKED = 16 * MAX_CELLS
"""The most bytes that the columns may say they unfold into."""


def read_parquet(data: bytes, options: DataOptions) -> DataFile:
    """The columns of a Parquet file: numbers, and text or dates as labels; others are left out.

    Each column that is not numbers has a remark that says so.

    Raises:
        DataError: ``"needs-package"`` without pyarrow, ``"damaged"``, or a limit.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise DataError(
            "needs-package",
            "Parquet files need pyarrow: pip install pyarrow",
            package="pyarrow",
        ) from error
    try:
        file = pq.ParquetFile(BytesIO(data))
        _check(file.metadata)
        kept = [field.name for field in file.schema_arrow if _is_read(field.type)]
        left = [field.name for field in file.schema_arrow if not _is_read(field.type)]
        texts = [f.name for f in file.schema_arrow if _is_string(f.type)]
        # As a dictionary, a text that a million rows repeat is in memory once.
        file = pq.ParquetFile(BytesIO(data), read_dictionary=texts)
        read = file.read(columns=kept, use_threads=False)
        read.validate(full=True)  # also that text is text, and that every index points somewhere
        return _table(read, left, options)
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        if isinstance(error, DataError):
            raise
        raise damaged("Parquet", error) from error


def _check(metadata: Any) -> None:
    check_size(metadata.num_rows, metadata.num_columns)
    unpacked = sum(
        metadata.row_group(place).total_byte_size for place in range(metadata.num_row_groups)
    )
    if unpacked > _MAX_UNPACKED:
        raise DataError(
            "too-many-cells",
            f"the columns unfold into {unpacked:,} bytes; at most {_MAX_UNPACKED:,} are read",
            found=unpacked,
            limit=_MAX_UNPACKED,
        )


def _is_string(kind: Any) -> bool:
    import pyarrow.types as types

    return bool(types.is_string(kind) or types.is_large_string(kind))


def _is_number(kind: Any) -> bool:
    import pyarrow.types as types

    return bool(
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_boolean(kind)
        or types.is_decimal(kind)
    )


def _is_read(kind: Any) -> bool:
    import pyarrow.types as types

    inner = kind.value_type if types.is_dictionary(kind) else kind
    return _is_number(inner) or _is_string(inner) or bool(types.is_temporal(inner))


def _table(read: Any, left: list[str], options: DataOptions) -> DataFile:
    import pyarrow.types as types

    columns = unique_names(read.column_names)
    check_size(read.num_rows, len(columns))
    rows = np.full((read.num_rows, len(columns)), np.nan)
    labels: dict[str, np.ndarray] = {}
    for place, name in enumerate(columns):
        column = read.column(place)
        if types.is_dictionary(column.type) and _is_number(column.type.value_type):
            column = column.cast(column.type.value_type)
        if _is_number(column.type):
            rows[:, place] = _numbers(column)
        else:
            labels[name] = _labels(column)
    texts = [label_remark(name, cells) for name, cells in labels.items()]
    remarks = [*texts, *map(_left_out, left)]
    read_as = options.over(DataOptions(kind="parquet"))
    return table("parquet", columns, rows, labels, read_as=read_as, remarks=remarks)


def _numbers(column: Any) -> np.ndarray:
    import pyarrow as pa

    values: np.ndarray = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return values


def _labels(column: Any) -> np.ndarray:
    """The cells as text; equal cells are kept once."""
    import pyarrow as pa

    text = column if pa.types.is_dictionary(column.type) else column.cast(pa.string())
    encoded = text if pa.types.is_dictionary(text.type) else text.dictionary_encode()
    cells = [
        np.array([*chunk.dictionary.cast(pa.string()).to_pylist(), None], dtype=object)[
            chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        ]
        for chunk in encoded.chunks
    ]
    return np.concatenate(cells) if cells else np.empty(0, dtype=object)


def _left_out(name: str) -> Remark:
    message = f"column {name!r} holds neither numbers nor text and was left out"
    return Remark(code="column-left-out", message=message, fields={"column": name})
