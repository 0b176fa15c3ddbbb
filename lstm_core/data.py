"""Data files: what kind a file is, told from its content, and `read_data`.

>>> data = read_data(b"x;y\\n1,5;2\\n3;4\\n")
>>> data.columns, data.guess.delimiter, data.guess.decimal, data.guess.header
(('x', 'y'), ';', ',', True)
>>> [sequence] = sequences(data)
>>> sequence.where, sequence.values.tolist()
('1–2', [[1.5, 2.0], [3.0, 4.0]])
"""

import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path

from lstm_core.data_files import arrays, audio, delimited, nested, parquet, table_layout
from lstm_core.data_files.datafile import (
    CHOICES,
    MAX_BYTES,
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_ROWS,
    MAX_STEPS,
    DataError,
    DataFile,
    DataOptions,
    check_options,
    check_size,
    damaged,
)
from lstm_core.data_files.decoding import decode
from lstm_core.data_files.left_out import columns_named, left_out
from lstm_core.data_files.padding import padding_of, without_padding
from lstm_core.data_files.sequences import (
    Sequence,
    Standardised,
    channels_for,
    sequences,
    standardise,
)
from lstm_core.data_files.text_columns import with_text

__all__ = [
    "CHOICES",
    "MAX_BYTES",
    "MAX_CELLS",
    "MAX_COLUMNS",
    "MAX_ROWS",
    "MAX_STEPS",
    "DataError",
    "DataFile",
    "DataOptions",
    "Sequence",
    "Standardised",
    "channels_for",
    "columns_named",
    "left_out",
    "padding_of",
    "read_data",
    "sequences",
    "standardise",
    "without_padding",
]

_FOREIGN = (
    (b"\x89HDF", "HDF5"),
    (b"\x1f\x8b", "gzip"),
    (b"\xfd7zXZ", "xz"),
    (b"BZh", "bzip2"),
    (b"7z\xbc\xaf", "7-Zip"),
    (b"%PDF", "PDF"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"\xd0\xcf\x11\xe0", "XLS"),
    (b"MATLAB 5.0", "MATLAB"),
    (b"fLaC", "FLAC"),
    (b"OggS", "Ogg"),
    (b"ID3", "MP3"),
    (b"ARROW1", "Arrow"),
    (b"\x80\x02", "pickle"),
    (b"\x80\x03", "pickle"),
    (b"\x80\x04", "pickle"),
    (b"\x80\x05", "pickle"),
)
"""How files begin that people have, and that are not read."""


def read_data(
    source: str | Path | bytes,
    *,
    name: str = "",
    options: DataOptions | None = None,
    width: int | None = None,
    symbols: bool = False,
) -> DataFile:
    r"""The data file at a path, or in memory as bytes; what kind it is, is told from its content.

    >>> from lstm_core import read_data
    >>> data = read_data(b"heat;flow\n1,5;2,0\n1,7;2,5\n")
    >>> data.columns, data.rows.tolist()
    (('heat', 'flow'), [[1.5, 2.0], [1.7, 2.5]])

    Args:
        name: the file's own name, whose ending decides only where the content leaves a doubt.
        options: what a person chose; everything else is recognised, see ``DataFile.guess``.
        width: how many numbers a step the model reads. It decides only what the content leaves
            open: the number of mel bands of a sound, and whether a comma in ``1,5`` parts two
            columns.
        symbols: whether the model reads symbols. Then a column of text is what is read, each row
            a sequence, and each row of a rectangle of whole numbers is a sequence of ids.

    Raises:
        DataError: if it cannot be read; `code` says why.
        OSError: if the path cannot be opened.
    """
    chosen = options or DataOptions()
    check_options(chosen)
    data = source if isinstance(source, bytes) else _content(Path(source))
    if len(data) > MAX_BYTES:
        raise _too_large(len(data))
    if not data.strip():
        raise DataError("empty", "the file is empty")
    ending = Path(name or (source if isinstance(source, str | Path) else "")).suffix.lower()
    kind = chosen.kind or _kind(data)
    if kind is None and ending[1:] in _BINARY:
        raise damaged(ending[1:].upper(), "it does not begin as such a file does")
    if kind == "wav" and chosen.bands is None and width and width <= audio.MOST_BANDS:
        chosen = replace(chosen, bands=width)
    if kind in _BINARY:
        found = _binary(data, kind, replace(chosen, kind=kind), symbols)
    else:
        found = _text_file(data, kind, ending, chosen, width, symbols)
    return with_text(found) if symbols else found


_BINARY = ("npy", "npz", "parquet", "wav")


def _binary(data: bytes, kind: str, options: DataOptions, symbols: bool) -> DataFile:
    if kind == "npy":
        return arrays.read_npy(data, options, symbols)
    if kind == "npz":
        return arrays.read_npz(data, options, symbols)
    read = parquet.read_parquet if kind == "parquet" else audio.read_wav
    return read(data, options)


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        # A device has no size to be asked for, so what is read is bounded, too.
        data = file.read(MAX_BYTES + 1)
    return data


def _too_large(size: int) -> DataError:
    message = f"the file is larger than {MAX_BYTES // 2**20} MiB, the most that is read"
    return DataError("too-large", message, bytes=size, limit=MAX_BYTES, mib=MAX_BYTES // 2**20)


def _kind(data: bytes) -> str | None:
    """The kind of a file that is no text, or ``None``."""
    if data.startswith(b"\x93NUMPY"):
        return "npy"
    if data.startswith(b"PAR1"):
        return "parquet"
    if data[:4] in (b"RIFF", b"RIFX", b"RF64") and data[8:12] == b"WAVE":
        return "wav"
    if data.startswith(b"PK\x03\x04") or data.startswith(b"PK\x05\x06"):
        return _kind_of_archive(data)
    foreign = next((what for start, what in _FOREIGN if data.startswith(start)), None)
    if foreign:
        raise _foreign(foreign)
    return None


def _kind_of_archive(data: bytes) -> str:
    # The names alone tell the kind, and they stand in the file as they are.
    if b".npy" in data:
        return "npz"
    if b"xl/workbook" in data:
        raise _foreign("XLSX")
    if b"data.pkl" in data or b".weights.h5" in data:
        raise _foreign("model")
    if zipfile.is_zipfile(BytesIO(data)):
        raise _foreign("ZIP")
    return "npz"


def _foreign(what: str) -> DataError:
    message = f"this is a {what} file; text, CSV, NPY, NPZ, JSON, Parquet and WAV files can be read"
    return DataError("other-kind", message, what=what)


def _text_file(
    data: bytes,
    kind: str | None,
    ending: str,
    options: DataOptions,
    width: int | None,
    symbols: bool,
) -> DataFile:
    text, encoding = decode(data, options.encoding)
    if not text.strip():
        raise DataError("empty", "the file is empty")
    options = replace(options, encoding=encoding)
    if kind == "json" or (kind is None and nested.looks_like_json(text, ending)):
        return nested.read_json(text, options, symbols)
    if kind == "text":
        return _as_text(text, options)
    layout = table_layout.recognise(text, options, width)
    tabular = kind == "csv" or ending in (".csv", ".tsv") or (layout and layout.is_table)
    if layout and tabular:
        return delimited.read_table(text, options, layout)
    return _as_text(text, options)


def _as_text(text: str, options: DataOptions) -> DataFile:
    """A text: one sequence, or one a line that is not blank; a last line end is left out."""
    split = options.split or "whole"
    lines = text.split("\n") if split == "lines" else [text.removesuffix("\n")]
    texts = tuple(line for line in lines if line.strip())
    check_size(len(texts), 1)
    return DataFile(kind="text", texts=texts, guess=replace(options, kind="text", split=split))
