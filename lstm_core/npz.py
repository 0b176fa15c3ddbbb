"""NPZ files with a JSON header: written whole or not at all, read with suspicion.

``numpy.load`` reads them too. No pickle, no compression: a file can neither run code nor unfold
into more memory than its own size.
"""

import json
import zipfile
from collections.abc import Mapping
from errno import EINVAL
from io import BytesIO
from math import prod
from pathlib import Path
from secrets import token_hex
from tokenize import TokenError
from typing import Any

import numpy as np

HEADER = "header"
"""The name of the array of bytes that holds the JSON header."""

MAX_HEADER = 16 * 2**20
"""The longest header that is read, in bytes."""

_DTYPES = {np.dtype(name).str: np.dtype(name) for name in ("float32", "float64", "uint8")}


def write_npz(path: Path, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write `arrays` and `header` to `path`; a reader never sees half a file.

    Raises:
        ValueError: if the header is longer than `read_npz` accepts.
    """
    text = json.dumps(header, allow_nan=False).encode()
    if len(text) > MAX_HEADER:
        raise ValueError(f"the header has {len(text)} bytes; at most {MAX_HEADER} can be read back")
    plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    temporary = path.with_name(f".{path.name}.{token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            np.savez(file, **{HEADER: np.frombuffer(text, dtype=np.uint8)}, **plain)  # type: ignore[arg-type]
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_npz(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The header and the read-only arrays that `write_npz` wrote.

    Raises:
        ValueError: if the file is damaged, cut off or of another kind; one sentence says what.
        OSError: if it cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(archive, path.stat().st_size)
            arrays = {name: _array(name, archive.read(info)) for name, info in members.items()}
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno != EINVAL:
            raise
        what = str(error) or "it ends too early"
        raise ValueError(f"{path.name} is damaged or no NPZ file: {what}") from error
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error
    return _header(path.name, arrays.pop(HEADER)), arrays


_DAMAGE = (zipfile.BadZipFile, EOFError, RuntimeError, OverflowError, OSError)
"""What the zip module raises for archives that are broken, cut off, encrypted, or that say that an
entry starts before the file does: that is an `OSError` with `EINVAL`, and no fault of the disk."""


def _members(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """The archive's entries by array name, checked before any of them is read."""
    infos = archive.infolist()
    members = {info.filename.removesuffix(".npy"): info for info in infos}
    if len(members) != len(infos):
        raise ValueError("two arrays have the same name")
    if any(info.compress_type != zipfile.ZIP_STORED for info in infos):
        raise ValueError("the arrays are compressed; a trace is stored as it is")
    if sum(info.file_size for info in infos) > size:
        raise ValueError("the arrays claim to be larger than the file")
    if HEADER not in members:
        raise ValueError(f"it has no {HEADER!r}, so it is not a trace")
    if members[HEADER].file_size > MAX_HEADER:
        raise ValueError(f"its header is longer than {MAX_HEADER} bytes")
    return members


def _array(name: str, data: bytes) -> np.ndarray:
    """The array in `data`, without a copy; nothing is allocated on the word of its own header."""
    stream = BytesIO(data)
    try:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError("another version of the NPY format")
        shape, by_column, dtype = np.lib.format.read_array_header_1_0(stream)
    except _BAD_HEADER as error:
        raise ValueError(f"array {name!r} cannot be read: {error}") from error
    if dtype.str not in _DTYPES or by_column:
        raise ValueError(f"array {name!r} is of a kind that a trace never holds: {dtype}")
    start = stream.tell()
    whole = all(type(size) is int and size >= 0 for size in shape)  # True is an int, too
    if not whole or prod(shape) * dtype.itemsize != len(data) - start:
        raise ValueError(f"array {name!r} says {shape}, but holds {len(data) - start} bytes")
    return np.ndarray(shape, dtype, data, start)


_BAD_HEADER = (ValueError, TypeError, SyntaxError, TokenError, MemoryError, RecursionError)


def _header(file: str, values: np.ndarray) -> dict[str, Any]:
    try:
        header = json.loads(values.tobytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file}: its header is no JSON: {error}") from error
    if not isinstance(header, dict):
        raise ValueError(f"{file}: its header is {type(header).__name__}, not an object")
    return header
