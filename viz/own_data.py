"""A data file that a person brought: how it is read, and the numbers or ids that a model takes."""

import hashlib
from dataclasses import dataclass, field, fields, replace

import numpy as np

from lstm_core.data import read_data
from lstm_core.data_files.datafile import MAX_BYTES, DataError, DataFile, DataOptions, counted
from lstm_core.data_files.left_out import left_out
from lstm_core.data_files.padding import padding_of, without_padding
from lstm_core.data_files.sequences import (
    Sequence,
    channels_for,
    gaps_of,
    sequences,
    standardise,
)
from lstm_core.stacks import Remark
from lstm_core.text_ids import SymbolsRead
from viz import own
from viz.own import Own

DATA_MB = MAX_BYTES // 2**20
"""The largest data file that is taken."""

SCALES = ("none", "each", "all")
"""The ways to standardise, as `lstm_core.data_files.sequences.standardise` calls them."""

_OF_SEQUENCES = ("channels", "group", "text", "fill", "padding", "unknown", "lower")
"""Options that choose among what is read already."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Dropped:
    """A data file in a session.

    Attributes:
        name: the file's own name, written by somebody else.
        options: what the person chose; all else was recognised.
        scale: how its numbers are standardised, one of `SCALES`.
        width: how many numbers a step the model reads, which decides what the file leaves open;
            ``None`` if it reads symbols.
    """

    name: str
    content: bytes
    data: DataFile
    options: DataOptions = field(default_factory=DataOptions)
    scale: str = "none"
    width: int | None = None

    @classmethod
    def of(cls, name: str, content: bytes, width: int | None = None) -> "Dropped":
        """The file as it suggests itself.

        Raises:
            DataError: if it cannot be read.
        """
        data = read_data(content, name=name, width=width, symbols=width is None)
        return cls(name=name, content=content, data=data, width=width)

    def for_width(self, width: int | None) -> "Dropped":
        """The file as it suggests itself to another model.

        Raises:
            DataError: if it cannot be read so.
        """
        if width == self.width:
            return self
        open_ = self.data.kind == "wav" and self.options.bands is None
        other = (width is None) != (self.width is None)  # symbols, and now numbers; or so
        doubt = any(remark.code == "comma-doubt" for remark in self.data.remarks)
        if not open_ and not other and not doubt:
            return replace(self, width=width)
        options = replace(self.options, channels=None, group=None, text=None)
        return replace(self, width=width)._read_again(options)

    @property
    def key(self) -> str:
        """Tells one file from another, however it is read."""
        return hashlib.sha256(self.content).hexdigest()[:16]

    @property
    def read_as(self) -> DataOptions:
        """Every option: what was chosen, and what was recognised for all the rest."""
        return self.options.over(self.data.guess)

    def again(self, options: DataOptions, scale: str) -> "Dropped":
        """The file read as a person wants it read.

        Raises:
            DataError: if it cannot be read so.
        """
        if _differ(self.options, options):
            # What columns there are may be another matter now.
            options = replace(options, channels=None, group=None, text=None)
            return replace(self, scale=scale)._read_again(options)
        return replace(self, options=options, scale=scale)

    def _read_again(self, options: DataOptions) -> "Dropped":
        symbols = self.width is None
        data = read_data(
            self.content, name=self.name, options=options, width=self.width, symbols=symbols
        )
        return replace(self, data=data, options=options)

    @property
    def text(self) -> str:
        """The column of a table whose texts are read; empty for none."""
        return self.read_as.text or ""

    @property
    def is_text(self) -> bool:
        """Whether texts are read, of a table or of a file of text."""
        return bool(self.data.texts or self.text)


def _differ(old: DataOptions, new: DataOptions) -> bool:
    """Whether the file itself has to be read again."""
    names = [f.name for f in fields(DataOptions) if f.name not in _OF_SEQUENCES]
    return any(getattr(old, name) != getattr(new, name) for name in names)


def width_of(loaded: Own) -> int | None:
    """How many numbers a step the model reads; ``None`` if it reads symbols."""
    return None if loaded.reads else loaded.width


def channels_of(loaded: Own, dropped: Dropped) -> tuple[str, ...]:
    """The columns that the model reads: those that were chosen, or all that it takes.

    Where they are none that it can read, they are the recognised ones.
    """
    if dropped.text:
        return (dropped.text,)
    if dropped.options.channels is not None:
        return dropped.options.channels
    try:
        return channels_for(dropped.data, width_of(loaded) or 1, dropped.options.group)
    except DataError:
        return dropped.data.guess.channels or ()


def left_out_of(loaded: Own, dropped: Dropped) -> tuple[Remark, ...]:
    """Each column that is not read, and why; a text has none."""
    if dropped.data.texts:
        return ()
    group = dropped.read_as.group or ""
    return left_out(dropped.data, channels_of(loaded, dropped), group)


def gaps_for(loaded: Own, dropped: Dropped) -> dict[str, int]:
    """How many values are missing in each column that is read, where any are."""
    return {} if dropped.is_text else gaps_of(dropped.data, channels_of(loaded, dropped))


def padding_for(loaded: Own, dropped: Dropped) -> Remark | None:
    """What is told of ids that fill up short sequences, whether or not they are cut.

    Raises:
        DataError: as `sequences_for`.
    """
    if loaded.reads is None or dropped.is_text:
        return None
    kept = replace(dropped, options=replace(dropped.options, padding="keep"))
    return padding_of(sequences_for(loaded, kept), loaded.reads.pad_id)


def sequences_for(loaded: Own, dropped: Dropped) -> tuple[Sequence, ...]:
    """The sequences of a file that a model can read, on the chosen scale.

    Raises:
        DataError: if the file does not hold what the model reads.
    """
    options, data = dropped.options, dropped.data
    if data.texts:
        if loaded.reads is None:
            raise DataError(
                "text-for-numbers",
                f"the file holds text; the model reads {counted(loaded.width, 'number')} a step",
                width=loaded.width,
            )
        return sequences(data, options)
    if loaded.reads is not None and dropped.text:
        return sequences(data, options)
    width = 1 if loaded.reads else loaded.width
    if options.channels is None:
        options = replace(options, channels=channels_for(data, width, options.group))
    found = sequences(data, options)
    _check_width(found[0], width)
    if loaded.reads is None:
        return standardise(found, dropped.scale).sequences
    return without_padding(found, loaded.reads.pad_id) if options.padding == "cut" else found


def _check_width(one: Sequence, width: int) -> None:
    count = len(one.channels)
    if count != width:
        raise DataError(
            "channel-count",
            f"the model reads {counted(width, 'number')} a step; "
            f"chosen: {counted(count, 'column')}",
            input_size=width,
            count=count,
            columns=one.channels,
            **({"what": "one"} if width == 1 else {}),
        )


def inputs_of(loaded: Own, one: Sequence, options: DataOptions | None = None) -> np.ndarray:
    """What the model reads of a sequence: ids ``[time]`` or floats ``[time, feature]``.

    Args:
        options: what a person chose for symbols that the model does not know.

    Raises:
        DataError: ``"bad-id"`` if a number is no id of the model, ``"no-rows"`` if it is empty.
        InputError: if a text holds symbols that the model does not know.
    """
    if not len(one):
        raise DataError("no-rows", "the sequence is empty")
    if one.text is not None:
        return text_of(loaded, one, options).ids
    assert one.values is not None
    return one.values if loaded.reads is None else _ids(one.values[:, 0], len(loaded.reads))


def text_of(loaded: Own, one: Sequence, options: DataOptions | None = None) -> SymbolsRead:
    """The ids of a sequence that is a text, and what of it was read as something else.

    Raises:
        InputError: as `own.symbols_of`.
    """
    chosen = options or DataOptions()
    return own.symbols_of(
        loaded, one.text or "", unknown=chosen.unknown or "refuse", lower=bool(chosen.lower)
    )


def _ids(values: np.ndarray, size: int) -> np.ndarray:
    wrong = np.flatnonzero((values != np.round(values)) | (values < 0) | (values >= size))
    if len(wrong):
        step, value = int(wrong[0]), f"{values[wrong[0]]:g}"
        raise DataError(
            "bad-id",
            f"ids are whole numbers from 0 to {size - 1}, but step {step} is {value}",
            limit=size - 1,
            step=step,
            value=value,
        )
    return values.astype(np.int64)
