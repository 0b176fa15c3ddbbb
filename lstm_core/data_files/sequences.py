"""From a data file to the sequences a model reads: which columns, which rows, on which scale."""

from collections.abc import Sequence as Many
from dataclasses import dataclass, replace

import numpy as np

from lstm_core.data_files.datafile import (
    MAX_STEPS,
    DataError,
    DataFile,
    DataOptions,
    check_options,
    counted,
)
from lstm_core.data_files.text_columns import texts_of


@dataclass(frozen=True, kw_only=True, eq=False)
class Sequence:
    """One sequence of a data file, and where it stands in there.

    Attributes:
        name: as the file calls it; its number from 1 where it has no name.
        rows: the ranges of rows, both ends counted, from 1, header and blank lines left out.
        channels: what each number means.
        values: float64 ``[time, channel]``, read-only; ``None`` for a text.
        text: the text; ``None`` for numbers.
    """

    name: str
    rows: tuple[tuple[int, int], ...]
    channels: tuple[str, ...] = ()
    values: np.ndarray | None = None
    text: str | None = None

    def __len__(self) -> int:
        """Return the number of timesteps, or of characters."""
        return len(self.text or "") if self.values is None else len(self.values)

    @property
    def where(self) -> str:
        """Its rows, e.g. ``"1–200, 230–240"``."""
        return ", ".join(str(a) if a == b else f"{a}–{b}" for a, b in self.rows)

    def window(self, first: int = 0, steps: int = MAX_STEPS) -> "Sequence":
        """The part of at most `steps` timesteps that begins at step `first`, counted from 0."""
        if self.values is None:
            return replace(self, text=(self.text or "")[first : first + steps])
        numbers = np.concatenate([np.arange(a, b + 1) for a, b in self.rows])
        part = slice(first, first + steps)
        return replace(self, values=self.values[part], rows=_ranges(numbers[part] - 1))


@dataclass(frozen=True, kw_only=True, eq=False)
class Standardised:
    """Sequences on another scale: ``(value - mean) / spread``.

    Attributes:
        sequences: the sequences, their values on the new scale.
        how: ``"none"``, ``"each"`` sequence by itself or ``"all"`` together.
        mean: float64 ``[sequence, channel]``.
        spread: float64 ``[sequence, channel]``, the standard deviation over time (divided by the
            number of steps); 1 where a channel never changes.
        constant: bool ``[sequence, channel]``, where a channel never changes; its values become 0.
    """

    sequences: tuple[Sequence, ...]
    how: str
    mean: np.ndarray
    spread: np.ndarray
    constant: np.ndarray


def sequences(data: DataFile, options: DataOptions | None = None) -> tuple[Sequence, ...]:
    """The sequences in `data`; what `options` do not say is as in ``data.guess``.

    Of `options` count `channels`, `group`, `text` and `fill`; with the others the file is read
    again.

    Raises:
        DataError: ``"no-numbers"``, ``"no-rows"``, ``"unknown-column"``, ``"text-channel"``,
            ``"no-text"``, ``"missing-value"`` or ``"infinite-value"``, with row and column.

    >>> from lstm_core import read_data, sequences
    >>> from lstm_core.data import DataOptions
    >>> data = read_data(b"who,heat\\nann,1.5\\nann,1.7\\nbob,2.1\\n")
    >>> [(one.name, one.values.shape) for one in sequences(data, DataOptions(group="who"))]
    [('ann', (2, 1)), ('bob', (1, 1))]
    """
    chosen = (options or DataOptions()).over(data.guess)
    check_options(chosen)
    if data.texts:
        return tuple(_text(data, place) for place in range(len(data.texts)))
    if chosen.text:
        return tuple(
            Sequence(name=str(row + 1), rows=((row + 1, row + 1),), text=text)
            for row, text in texts_of(data, chosen.text)
        )
    channels = chosen.channels or ()
    places = [_numeric(data, name) for name in channels]
    if not places:
        raise DataError("no-numbers", "no column of numbers is chosen", columns=data.columns)
    if not len(data.rows):
        raise DataError("no-rows", "the file has no rows")
    parts = _parts(data, chosen.group or "")
    return tuple(
        Sequence(
            name=name,
            rows=_ranges(rows),
            channels=channels,
            values=_filled(data, rows, places, chosen.fill or "refuse"),
        )
        for name, rows in parts
    )


def _text(data: DataFile, place: int) -> Sequence:
    name = data.names[place] if data.names else str(place + 1)
    return Sequence(name=name, rows=((place + 1, place + 1),), text=data.texts[place])


def _numeric(data: DataFile, name: str) -> int:
    place = data.column(name)
    if name in data.labels:
        cells = data.labels[name]
        row = next(row for row, cell in enumerate(cells) if cell is not None)
        raise DataError(
            "text-channel",
            f"column {name!r} holds text, e.g. {cells[row][:80]!r} in row {row + 1}",
            column=name,
            row=row + 1,
            cell=cells[row][:80],
        )
    return place


def _parts(data: DataFile, group: str) -> list[tuple[str, np.ndarray]]:
    """The name and the rows of each sequence, in the order in which they begin."""
    if group:
        place = data.column(group)
        cells = data.labels.get(group, data.rows[:, place])
        return _by_value(group, cells)
    if not data.lengths:
        return [("1", np.arange(len(data.rows)))]
    bounds = np.cumsum((0, *data.lengths))
    names = data.names or [str(place + 1) for place in range(len(data.lengths))]
    return [
        (name, np.arange(start, stop))
        for name, start, stop in zip(names, bounds, bounds[1:], strict=False)
        if stop > start
    ]


def _by_value(group: str, cells: np.ndarray) -> list[tuple[str, np.ndarray]]:
    places: dict[str | float, list[int]] = {}
    for row, cell in enumerate(cells.tolist()):
        if cell is None or cell != cell:
            raise DataError(
                "missing-value",
                f"row {row + 1} has no value in column {group!r}, so it belongs to no sequence",
                row=row + 1,
                column=group,
                count=1,
            )
        places.setdefault(cell, []).append(row)
    return [(_shown(cell), np.array(rows)) for cell, rows in places.items()]


def _shown(cell: str | float) -> str:
    return cell if isinstance(cell, str) else f"{cell:.17g}"


def _ranges(rows: np.ndarray) -> tuple[tuple[int, int], ...]:
    """The ranges of row numbers, counted from 1, that `rows` (from 0, rising) make up."""
    if not len(rows):
        return ()
    breaks = np.flatnonzero(np.diff(rows) != 1)
    starts = rows[np.concatenate([[0], breaks + 1])] + 1
    stops = rows[np.concatenate([breaks, [len(rows) - 1]])] + 1
    return tuple(zip(starts.tolist(), stops.tolist(), strict=True))


def _filled(data: DataFile, rows: np.ndarray, places: list[int], fill: str) -> np.ndarray:
    values = data.rows[np.ix_(rows, np.array(places))]
    _refuse(data, np.isinf(values), rows, places, "infinite-value", "is infinite")
    if fill == "previous":
        values = _from_before(values)
    elif fill == "zero":
        values[np.isnan(values)] = 0.0
    _refuse(data, np.isnan(values), rows, places, "missing-value", "has no value")
    values.flags.writeable = False
    return values


def _from_before(values: np.ndarray) -> np.ndarray:
    """A missing value becomes the last one before it; at the start there is none."""
    steps = np.arange(len(values))[:, None]
    last = np.maximum.accumulate(np.where(np.isnan(values), 0, steps), axis=0)
    return np.take_along_axis(values, last, axis=0)


def _refuse(
    data: DataFile, bad: np.ndarray, rows: np.ndarray, places: list[int], code: str, what: str
) -> None:
    if not bad.any():
        return
    step, channel = np.argwhere(bad)[0]
    row, column = int(rows[step]) + 1, data.columns[places[channel]]
    count = int(bad.sum())
    more = f", and {count - 1:,} more" if count > 1 else ""
    message = f"row {row}, column {column!r} {what}{more}"
    fields: dict[str, object] = {}
    if code == "missing-value":
        gaps = gaps_of(data, [data.columns[place] for place in places])
        fields = {"gaps": tuple(f"{name}: {n:,}" for name, n in gaps.items())}
        fields["total"] = sum(gaps.values())
        if fields["total"] != 1:
            shown = ", ".join(f"{name!r} {n:,}" for name, n in [*gaps.items()][:20])
            message += f"; gaps in the file, by column: {shown}"
    raise DataError(code, message, row=row, column=column, count=count, **fields)


def gaps_of(data: DataFile, channels: Many[str]) -> dict[str, int]:
    """How many rows have no value in each of the `channels` in which one is missing."""
    missing = {name: int(np.isnan(data.rows[:, data.column(name)]).sum()) for name in channels}
    return {name: count for name, count in missing.items() if count}


def standardise(sequences: Many[Sequence], how: str = "all") -> Standardised:
    """The sequences on the scale of each one's own spread, of all together's, or as they are.

    Raises:
        DataError: ``"no-numbers"`` for texts, ``"unknown-option"`` for another `how`,
            ``"too-large-values"`` where a mean or spread is beyond what a float holds.
    """
    if how not in ("none", "each", "all"):
        raise DataError(
            "unknown-option",
            f"how must be 'none', 'each' or 'all', got {how!r}",
            option="standardise",
            value=how,
            allowed=("none", "each", "all"),
        )
    values = [_numbers(sequence) for sequence in sequences]
    if not values:
        raise DataError("no-rows", "there is no sequence")
    together = [np.concatenate(values)] * len(values) if how == "all" else values
    mean, spread, constant = map(np.array, zip(*_scales(together, how), strict=True))
    changed = [_scaled(v, m, s) for v, m, s in zip(values, mean, spread, strict=True)]
    return Standardised(
        sequences=tuple(replace(s, values=v) for s, v in zip(sequences, changed, strict=True)),
        how=how,
        mean=mean,
        spread=spread,
        constant=constant,
    )


def _numbers(sequence: Sequence) -> np.ndarray:
    if sequence.values is None:
        raise DataError("no-numbers", f"sequence {sequence.name!r} is text", columns=())
    return sequence.values


def _scales(parts: list[np.ndarray], how: str) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    if how == "all":
        return [_scale(parts[0])] * len(parts)
    scales = [_scale(part) for part in parts]
    if how == "none":
        return [(0 * mean, np.ones_like(mean), constant) for mean, _, constant in scales]
    return scales


def _scale(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, spread and whether it never changes, each ``[channel]``.

    The comparison of smallest and largest decides: rounding gives a constant a tiny spread.
    """
    constant = values.min(axis=0) == values.max(axis=0)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.where(constant, values[0], values.mean(axis=0))
        spread = np.where(constant, 1.0, values.std(axis=0))
    spread = np.where(spread == 0, 1.0, spread)
    if not (np.isfinite(mean) & np.isfinite(spread)).all():
        raise DataError("too-large-values", "the values are too large to be standardised")
    return mean, spread, constant


def _scaled(values: np.ndarray, mean: np.ndarray, spread: np.ndarray) -> np.ndarray:
    scaled: np.ndarray = (values - mean) / spread
    scaled.flags.writeable = False
    return scaled


def channels_for(data: DataFile, input_size: int, group: str | None = None) -> tuple[str, ...]:
    """The columns that a model of `input_size` numbers a step reads.

    They are the recognised channels, or all columns of numbers, whichever are as many; first
    without `group`, the column that names the sequences (by default the recognised one).

    Raises:
        DataError: ``"channel-count"`` that says what the model reads and what there is; where
            an array would fit with its axes in another order, the field `axes` is that order.
    """
    guessed = data.guess.channels or ()
    apart = data.guess.group if group is None else group
    for columns in (guessed, data.numeric):
        without = tuple(name for name in columns if name != apart)
        if len(without) == input_size:
            return without
    for columns in (guessed, data.numeric):
        if len(columns) == input_size:
            return columns
    axes = _axes_that_fit(data, input_size)
    raise DataError(
        "channel-count",
        f"the model reads {counted(input_size, 'number')} a step; "
        f"the file has {counted(len(guessed), 'channel')}: "
        f"{', '.join(map(repr, guessed[:20]))}"
        + (f"; it would fit with the axes {axes!r}" if axes else ""),
        input_size=input_size,
        count=len(guessed),
        columns=guessed,
        **({"axes": axes, "what": "axes"} if axes else {"what": "one"} if input_size == 1 else {}),
    )


def _axes_that_fit(data: DataFile, input_size: int) -> str | None:
    axes = (data.guess.axes or "").split()
    if (
        "channel" not in axes
        or "time" not in axes
        or set(data.lengths or (len(data.rows),)) != {input_size}
    ):
        return None
    swap = {"time": "channel", "channel": "time"}
    return " ".join(swap.get(axis, axis) for axis in axes)
