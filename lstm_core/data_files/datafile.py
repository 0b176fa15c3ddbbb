"""What a data file holds once it is read: columns or texts, how it was read, and the limits.

How each kind of file is read is in `delimited`, `arrays`, `nested`, `parquet` and `audio`; which
columns a model reads, and where one sequence ends, is in `sequences`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from math import isnan

import numpy as np

from lstm_core.stacks import Remark
from lstm_core.vocabulary import UNKNOWN

MAX_BYTES = 64 * 2**20
"""The largest file that is read."""

MAX_ROWS = 1_000_000
MAX_COLUMNS = 4_096

MAX_CELLS = 20_000_000
"""The most numbers of one file, rows times columns: 160 MB once they are float64."""

MAX_STEPS = 10_000
"""The most timesteps of one sequence that are traced and shown at once."""

Cell = float | str | None


class DataError(ValueError):
    """A data file cannot be read or used. `code` and `fields` let a page say it."""

    def __init__(self, code: str, message: str, **fields: object) -> None:
        """Keep a machine-readable `code` and `fields` beside the English `message`."""
        super().__init__(message)
        self.code = code
        self.fields = fields


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """How to read a file; ``None`` means: as the file itself suggests.

    Attributes:
        kind: ``"text"``, ``"csv"``, ``"npy"``, ``"npz"``, ``"json"``, ``"parquet"`` or ``"wav"``.
        encoding: one of `ENCODINGS`, for what is text.
        delimiter: one of `DELIMITERS`; a space stands for any run of spaces and tabs.
        decimal: ``"."`` or ``","``.
        thousands: the sign between thousands, one of `THOUSANDS`; empty for none.
        header: whether the first row of a table holds the names of the columns.
        split: a text is one sequence as a ``"whole"``, or each of its ``"lines"`` is one.
        array: the array of an NPZ file; empty for all of them together.
        axes: what each axis of an array is, e.g. ``"sequence time channel"``.
        channels: the columns that a model reads, in this order.
        group: the column that says to which sequence a row belongs; empty for none.
        text: the column whose cells a model that reads symbols takes, each of them a sequence;
            empty for none.
        fill: what stands for a missing value: ``"refuse"``, ``"zero"`` or ``"previous"``.
        padding: whether the ids that fill up short sequences are read: ``"keep"`` or ``"cut"``.
        unknown: what becomes of symbols that the model does not know, see `Vocabulary.read`.
        lower: whether symbols are read in lower case where the model knows them only so.
        frame_ms: length of one frame of sound, in milliseconds; `audio` says how much is possible.
        hop_ms: distance from the start of one frame to that of the next, in milliseconds.
        bands: the number of mel bands.
    """

    kind: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    header: bool | None = None
    split: str | None = None
    array: str | None = None
    axes: str | None = None
    channels: tuple[str, ...] | None = None
    group: str | None = None
    text: str | None = None
    fill: str | None = None
    padding: str | None = None
    unknown: str | None = None
    lower: bool | None = None
    frame_ms: float | None = None
    hop_ms: float | None = None
    bands: int | None = None

    def over(self, guess: "DataOptions") -> "DataOptions":
        """What is chosen here, and `guess` for everything that is not.

        >>> DataOptions(decimal=",").over(DataOptions(decimal=".", header=True)).header
        True
        """
        chosen = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(guess, **{k: value for k, value in chosen.items() if value is not None})


ENCODINGS = (
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "gb18030",
    "latin-1",
    "cp1252",
)
DELIMITERS = (",", ";", "\t", "|", " ")
THOUSANDS = ("", ",", ".", "'", " ")

CHOICES: Mapping[str, tuple[str, ...]] = {
    "kind": ("text", "csv", "npy", "npz", "json", "parquet", "wav"),
    "encoding": ENCODINGS,
    "delimiter": DELIMITERS,
    "decimal": (".", ","),
    "thousands": THOUSANDS,
    "split": ("whole", "lines"),
    "fill": ("refuse", "zero", "previous"),
    "padding": ("keep", "cut"),
    "unknown": UNKNOWN,
}
"""What may be chosen, for the options that are one of a few words."""


def check_options(options: DataOptions) -> None:
    """Do nothing if every choice is one that exists.

    Raises:
        DataError: ``"unknown-option"`` that says which are.
    """
    for name, allowed in CHOICES.items():
        value = getattr(options, name)
        if value is not None and value not in allowed:
            raise DataError(
                "unknown-option",
                f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}",
                option=name,
                value=str(value),
                allowed=allowed,
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class DataFile:
    """A data file, read. It holds numbers in columns, or texts.

    Attributes:
        kind: as in `DataOptions`.
        columns: the names of the columns, all different.
        rows: float64 ``[row, column]``, read-only; a value that is missing, or text, is NaN.
        labels: the cells of the columns that hold text, object ``[row]``, by column name.
        texts: the texts, where the file holds text; then there are no columns.
        lengths: rows of each sequence, one after the other, where the file itself says so.
        names: a name for each of `lengths` or of `texts`; empty where they have none.
        guess: how it was read: what was chosen, and what was recognised for all the rest.
        remarks: what was left out or assumed, and why.
    """

    kind: str
    columns: tuple[str, ...] = ()
    rows: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    labels: Mapping[str, np.ndarray] = field(default_factory=dict)
    texts: tuple[str, ...] = ()
    lengths: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    guess: DataOptions
    remarks: tuple[Remark, ...] = ()

    @property
    def numeric(self) -> tuple[str, ...]:
        """The columns that hold numbers."""
        return tuple(name for name in self.columns if name not in self.labels)

    def column(self, name: str) -> int:
        """The place of the column called `name`.

        Raises:
            DataError: ``"unknown-column"`` if there is none.
        """
        if name not in self.columns:
            raise DataError(
                "unknown-column",
                f"there is no column {name!r}; there are {', '.join(map(repr, self.columns[:20]))}",
                column=name,
                columns=self.columns,
            )
        return self.columns.index(name)

    def preview(self, count: int = 10) -> tuple[tuple[Cell, ...], ...]:
        """The first `count` rows, a cell for each column; ``None`` for what is missing.

        Of a text they are its first lines, of one cell each.
        """
        if self.texts:
            lines = (line for text in self.texts for line in text[: 2**16].split("\n"))
            return tuple((line,) for _, line in zip(range(count), lines, strict=False))
        shown = self.rows[: max(count, 0)].tolist()
        return tuple(
            tuple(
                self._cell(row, name, value)
                for name, value in zip(self.columns, values, strict=True)
            )
            for row, values in enumerate(shown)
        )

    def _cell(self, row: int, column: str, value: float) -> Cell:
        if column in self.labels:
            label: str | None = self.labels[column][row]
            return label
        return None if isnan(value) else value


def check_size(rows: int, columns: int) -> None:
    """Do nothing if a table of this size may be taken into memory.

    Raises:
        DataError: ``"too-many-rows"``, ``"too-many-columns"`` or ``"too-many-cells"``.
    """
    _check("rows", rows, MAX_ROWS)
    _check("columns", columns, MAX_COLUMNS)
    check_cells(rows * columns)


def check_cells(count: int) -> None:
    """Do nothing if so many numbers may be taken into memory.

    Raises:
        DataError: ``"too-many-cells"``.
    """
    _check("cells", count, MAX_CELLS)


def _check(what: str, found: int, limit: int) -> None:
    if found > limit:
        message = f"the file has more than {limit:,} {what}, the most that are read"
        raise DataError(f"too-many-{what}", message, found=found, limit=limit)


def counted(count: int, what: str) -> str:
    """How many there are, in words.

    >>> counted(1, "number"), counted(2_000, "step")
    ('1 number', '2,000 steps')
    """
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def damaged(kind: str, reason: object) -> DataError:
    """The error for a file that breaks the rules of its own format."""
    text = str(reason)[:200] or type(reason).__name__
    return DataError("damaged", f"the {kind} file is damaged: {text}", kind=kind, reason=text)
