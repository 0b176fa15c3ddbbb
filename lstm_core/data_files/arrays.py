"""NumPy files as data: NPY and NPZ without pickle, and what each axis of an array is.

The NPZ files that this program writes itself are read in `npz`.
"""

import re
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from io import BytesIO
from math import prod
from typing import IO

import numpy as np

from lstm_core.data_files.columns import plain_names, table, unique_names
from lstm_core.data_files.datafile import (
    DataError,
    DataFile,
    DataOptions,
    check_cells,
    check_size,
    damaged,
)
from lstm_core.npz import HEADER
from lstm_core.stacks import Remark

_MAX_MEMBERS = 1_024
_AXES = ("sequence", "time", "channel")
_USUAL = {1: "time", 2: "time channel", 3: "sequence time channel"}
IDS = ("input_ids", "token_ids", "ids", "tokens")
"""What arrays of token ids are called."""

_PREFERRED = (*IDS, "x", "X", "inputs", "data", "x_test", "X_test", "x_train", "X_train", "arr_0")
_DAMAGE = (
    zipfile.BadZipFile,
    EOFError,
    RuntimeError,
    OverflowError,
    NotImplementedError,
    OSError,
    ValueError,
    zlib.error,
    struct.error,
)
"""What the zip module raises for archives that are broken, cut off or encrypted."""

_MAX_HEADER = 10_000
_DESCR = re.compile(r"""['"]descr['"] *: *['"]([<>|=]?[a-zA-Z?]\d{0,6})['"]""", re.A)
_ORDER = re.compile(r"""['"]fortran_order['"] *: *(True|False)""")
_SHAPE = re.compile(r"""['"]shape['"] *: *\(((?: *\d{1,15} *,)* *(?:\d{1,15} *)?)\)""", re.A)


def read_npy(data: bytes, options: DataOptions, symbols: bool = False) -> DataFile:
    """The one array of an NPY file; `symbols`: the model reads ids.

    Raises:
        DataError: if it is damaged, of another kind than numbers, or larger than the limits.
    """
    array = _array(BytesIO(data), len(data), "NPY")
    return from_arrays("npy", [array], (), options, symbols=symbols)


def read_npz(data: bytes, options: DataOptions, symbols: bool = False) -> DataFile:
    """The arrays of an NPZ file: the chosen one, or all that are alike, each one sequence.

    Raises:
        DataError: as `read_npy`; ``"saved-trace"`` for a trace, ``"unknown-array"`` for a choice
            that is not there.
    """
    try:
        # Every entry of the directory begins with these bytes, so this many are the most there are.
        if data.count(b"PK\x01\x02") > _MAX_MEMBERS:
            raise damaged("NPZ", f"it has more than {_MAX_MEMBERS} entries")
        with zipfile.ZipFile(BytesIO(data)) as archive:
            members = _members(archive, data)
            shapes = {name: _shape(archive, info) for name, info in members.items()}
            names, remarks = _chosen(shapes, options.array, symbols)
            check_cells(sum(prod(shapes[name] or ()) for name in names))
            arrays = [_member(archive, members[name]) for name in names]
    except DataError:
        raise
    except _DAMAGE as error:
        raise damaged("NPZ", error) from error
    read_as = options.over(DataOptions(array=names[0] if len(names) == 1 else ""))
    several = names if len(names) > 1 else ()
    return from_arrays("npz", arrays, several, read_as, remarks, symbols=symbols)


def _array(stream: IO[bytes], size: int, name: str) -> np.ndarray:
    """The array in `stream`, which holds `size` bytes; nothing is believed before it is checked."""
    shape, by_column, dtype, start = _header(stream, size, name)
    data = stream.read(size - start)
    if len(data) != size - start:
        raise damaged(name, "it ends too early")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if by_column else "C")


def _header(stream: IO[bytes], size: int, name: str) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    """Shape, order, dtype and the place where the numbers begin."""
    text = _header_text(stream, name)
    descr, order, lengths = (part.search(text) for part in (_DESCR, _ORDER, _SHAPE))
    if order is None or lengths is None:
        raise damaged(name, f"its header says {text[:100]!r}")
    kind = descr.group(1) if descr else text[:80]
    if descr is None or kind.lstrip("<>|=")[0] not in "biuf?":
        raise DataError("array-kind", f"{name} holds {kind}, not numbers", array=name, dtype=kind)
    try:
        dtype = np.dtype(kind)
    except TypeError as error:
        raise damaged(name, error) from error
    shape = tuple(int(length) for length in lengths.group(1).split(",") if length.strip())
    start = stream.tell()
    if prod(shape) * dtype.itemsize != size - start:
        raise damaged(name, f"it says {shape}, but holds {size - start} bytes")
    if not 1 <= len(shape) <= 3 or not prod(shape):
        raise DataError(
            "array-shape",
            f"{name} has the shape {shape}; one to three axes, none of them empty, are read",
            array=name,
            shape=shape,
        )
    check_size(prod(shape[:-1]) if len(shape) > 1 else shape[0], shape[-1] if len(shape) > 1 else 1)
    return shape, order.group(1) == "True", dtype, start


def _header_text(stream: IO[bytes], name: str) -> str:
    """The header, which looks like Python but is never given to Python to evaluate."""
    start = stream.read(8)
    major = start[6] if len(start) == 8 and start.startswith(b"\x93NUMPY") else 0
    if major not in (1, 2, 3):
        raise damaged(name, "it does not begin as an array does")
    length = int.from_bytes(stream.read(2 if major == 1 else 4), "little")
    if length > _MAX_HEADER:
        raise damaged(name, f"its header has {length} bytes")
    return stream.read(length).decode("utf-8", errors="replace")


def _members(archive: zipfile.ZipFile, data: bytes) -> Mapping[str, zipfile.ZipInfo]:
    """The archive's arrays by name, checked before any of them is read."""
    infos = [info for info in archive.infolist() if info.filename.endswith(".npy")]
    members = {info.filename.removesuffix(".npy"): info for info in infos}
    if len(members) != len(infos):
        raise damaged("NPZ", "two arrays have the same name")
    if HEADER in members:
        raise DataError("saved-trace", "the file is a saved trace, not a data file")
    if any(i.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for i in infos):
        raise damaged("NPZ", "an array is compressed in an unusual way")
    return members


def _shape(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> tuple[int, ...] | None:
    """The shape of one array, ``None`` where it holds no numbers that can be read."""
    try:
        with archive.open(info) as stream:
            return _header(stream, info.file_size, info.filename)[0]
    except DataError as error:
        if error.code in ("array-kind", "array-shape"):
            return None
        raise


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(info) as stream:
        return _array(stream, info.file_size, info.filename)


def _chosen(
    shapes: Mapping[str, tuple[int, ...] | None], choice: str | None, symbols: bool
) -> tuple[tuple[str, ...], tuple[Remark, ...]]:
    """The arrays to read: `choice`, or all where they fit each other, or the likeliest one."""
    numeric = tuple(name for name, shape in shapes.items() if shape is not None)
    if choice and choice not in numeric:
        raise unknown_array(choice, numeric)
    if not numeric:
        raise DataError("no-numbers", "the file holds no array of numbers", columns=())
    ids = symbols and any(name in IDS for name in numeric)  # and a mask, which are no ids
    if choice is None and not ids and _alike([shapes[name] or () for name in numeric]):
        return numeric, ()
    if choice == "":
        return numeric, ()
    name = choice or next((n for n in _PREFERRED if n in numeric), numeric[0])
    others = tuple(other for other in shapes if other != name)
    return (name,), ((others_remark(name, others),) if others else ())


def others_remark(name: str, others: tuple[str, ...]) -> Remark:
    """What is told where one array of several is read."""
    message = f"array {name!r} is read; there are others: {', '.join(others[:20])}"
    return Remark(code="other-arrays", message=message, fields={"array": name, "others": others})


def unknown_array(name: str, there: tuple[str, ...]) -> DataError:
    """The error for an array that is not there."""
    return DataError(
        "unknown-array",
        f"there is no array of numbers {name!r}; there are {', '.join(there[:20])}",
        array=name,
        arrays=there,
    )


def _alike(shapes: Sequence[tuple[int, ...]]) -> bool:
    """Whether the arrays can be sequences of the same channels, or the channels of one sequence."""
    if any(len(shape) != len(shapes[0]) for shape in shapes):
        return False
    return len(shapes[0]) < 3 and len({s[1:] or s for s in shapes}) == 1


def from_arrays(
    kind: str,
    arrays: Sequence[np.ndarray],
    names: Sequence[str],
    options: DataOptions,
    remarks: Sequence[Remark] = (),
    *,
    symbols: bool = False,
) -> DataFile:
    """The data file of one array, or of several that are sequences, or channels, with `names`.

    A model that reads `symbols` takes a rectangle of whole numbers as a sequence in every row.

    Raises:
        DataError: ``"axes"`` if they are not what the arrays have, ``"arrays-differ"`` if they do
            not fit each other.
    """
    if len({array.ndim for array in arrays}) != 1:
        raise _differ(arrays)
    axes = options.axes
    if axes is None:
        rows_of_ids = symbols and arrays[0].ndim == 2 and all(map(_are_ids, arrays))
        axes = "sequence time" if rows_of_ids else _USUAL[arrays[0].ndim]
    _check_axes(axes, arrays[0].ndim)
    if axes == "time" and len(arrays) > 1:
        return _as_channels(kind, arrays, names, options, remarks)
    blocks = [_in_order(array, axes) for array in arrays]
    if len({block.shape[-1] for block in blocks}) != 1:
        raise _differ(arrays)
    several = len(blocks) > 1 or "sequence" in axes
    lengths = tuple(block.shape[1] for block in blocks for _ in block) if several else ()
    rows, channels = sum(map(_rows_of, blocks)), blocks[0].shape[-1]
    if channels == 1 and lengths:  # a table of ids has many short rows
        check_size(len(lengths), 1)
        check_cells(rows)
    else:
        check_size(rows, channels)
    values = np.concatenate([block.reshape(-1, channels) for block in blocks], dtype=np.float64)
    values.flags.writeable = False
    columns = plain_names(channels)
    return DataFile(
        kind=kind,
        columns=columns,
        rows=values,
        lengths=lengths,
        names=tuple(names) if len(names) == len(lengths) else (),
        guess=options.over(
            DataOptions(kind=kind, axes=axes, channels=columns, group="", fill="refuse")
        ),
        remarks=tuple(remarks),
    )


def _are_ids(array: np.ndarray) -> bool:
    """Whether it holds whole numbers from 0 on, and more than one in a row."""
    if array.dtype.kind not in "iuf" or array.shape[-1] == 1:
        return False
    return bool(((array >= 0) & (array == np.floor(array))).all())


def _rows_of(block: np.ndarray) -> int:
    return block.shape[0] * block.shape[1]


def _check_axes(axes: str, count: int) -> None:
    words = axes.split()
    known = set(words) <= set(_AXES) and len(set(words)) == len(words) and "time" in words
    if not known or len(words) != count:
        raise DataError(
            "axes",
            f"the array has {count} axes; {axes!r} does not say which of them is time, and at "
            "most sequence and channel besides",
            axes=axes,
            count=count,
        )


def _in_order(array: np.ndarray, axes: str) -> np.ndarray:
    """The array as ``[sequence, time, channel]``."""
    words = axes.split()
    missing = [axis for axis in _AXES if axis not in words]
    full = array.reshape(*array.shape, *(1 for _ in missing))
    return full.transpose([[*words, *missing].index(axis) for axis in _AXES])


def _as_channels(
    kind: str,
    arrays: Sequence[np.ndarray],
    names: Sequence[str],
    options: DataOptions,
    remarks: Sequence[Remark],
) -> DataFile:
    if len({len(array) for array in arrays}) != 1:
        raise _differ(arrays)
    check_size(len(arrays[0]), len(arrays))
    rows = np.stack(arrays, axis=1).astype(np.float64)
    read_as = options.over(DataOptions(kind=kind, axes="time"))
    return table(kind, unique_names(names), rows, {}, read_as=read_as, remarks=remarks)


def _differ(arrays: Sequence[np.ndarray]) -> DataError:
    shapes = tuple(array.shape for array in arrays)
    message = f"the arrays do not fit each other: {', '.join(map(str, shapes[:10]))}"
    return DataError("arrays-differ", message, shapes=shapes)
