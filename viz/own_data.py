"""A data file that a person brought: how it is read, and the numbers or ids that a model takes."""

import hashlib
from dataclasses import dataclass, field, fields, replace

import numpy as np

from lstm_core.data import read_data
from lstm_core.data_files.datafile import MAX_BYTES, DataError, DataFile, DataOptions
from lstm_core.data_files.sequences import Sequence, channels_for, sequences, standardise
from viz import own
from viz.own import Own

DATA_MB = MAX_BYTES // 2**20
"""The largest data file that is taken."""

SCALES = ("none", "each", "all")
"""The ways to standardise, as `lstm_core.data_files.sequences.standardise` calls them."""

_OF_SEQUENCES = ("channels", "group", "fill")
"""Options that choose among what is read already."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Dropped:
    """A data file in a session.

    Attributes:
        name: the file's own name, written by somebody else.
        options: what the person chose; all else was recognised.
        scale: how its numbers are standardised, one of `SCALES`.
    """

    name: str
    content: bytes
    data: DataFile
    options: DataOptions = field(default_factory=DataOptions)
    scale: str = "none"

    @classmethod
    def of(cls, name: str, content: bytes) -> "Dropped":
        """The file as it suggests itself.

        Raises:
            DataError: if it cannot be read.
        """
        return cls(name=name, content=content, data=read_data(content, name=name))

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
        data = self.data
        if _differ(self.options, options):
            # What columns there are may be another matter now.
            options = replace(options, channels=None, group=None)
            data = read_data(self.content, name=self.name, options=options)
        return replace(self, data=data, options=options, scale=scale)


def _differ(old: DataOptions, new: DataOptions) -> bool:
    """Whether the file itself has to be read again."""
    names = [f.name for f in fields(DataOptions) if f.name not in _OF_SEQUENCES]
    return any(getattr(old, name) != getattr(new, name) for name in names)


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
                f"the file holds text; the model reads {loaded.width} numbers a step",
                width=loaded.width,
            )
        return sequences(data, options)
    width = 1 if loaded.reads else loaded.width
    if options.channels is None:
        options = replace(options, channels=channels_for(data, width))
    found = sequences(data, options)
    _check_width(found[0], width)
    return found if loaded.reads else standardise(found, dropped.scale).sequences


def _check_width(one: Sequence, width: int) -> None:
    count = len(one.channels)
    if count != width:
        raise DataError(
            "channel-count",
            f"the model reads {width} numbers a step; {count} columns are chosen",
            input_size=width,
            count=count,
            columns=one.channels,
        )


def inputs_of(loaded: Own, one: Sequence) -> np.ndarray:
    """What the model reads of a sequence: ids ``[time]`` or floats ``[time, feature]``.

    Raises:
        DataError: ``"bad-id"`` if a number is no id of the model, ``"no-rows"`` if it is empty.
        InputError: if a text holds symbols that the model does not know.
    """
    if not len(one):
        raise DataError("no-rows", "the sequence is empty")
    if one.text is not None:
        return own.read_text(loaded, one.text)
    assert one.values is not None
    return one.values if loaded.reads is None else _ids(one.values[:, 0], len(loaded.reads))


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
