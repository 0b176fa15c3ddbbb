"""Colours, ranges and fonts: the one source for the Plotly figures and for the stage.

A signal's range picks its colours. Nothing here draws.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

import numpy as np

from lstm_core.signals import SIGNALS

FONT = '"Noto Sans SC", "PingFang SC", "Microsoft YaHei", "Source Sans", system-ui, sans-serif'
"""A font stack in which every entry or its fallback has Chinese."""

MONO = 'ui-monospace, "SF Mono", Menlo, Consolas, "Noto Sans Mono CJK SC", monospace'

ACCENT = {"light": "#b45309", "dark": "#f4a261"}
"""The one accent: the flagged token and the LSTM."""


@dataclass(frozen=True, kw_only=True)
class Theme:
    """Colours of everything that is not data.

    Attributes:
        background, panel: the page, and a box on it.
        ink, muted: words, and words of less weight; both readable on `background` and `panel`.
        grid: lines that part things.
        cells: the line colour of each kind of cell.
        right, wrong: an answer that is right, one that is not; a word always stands beside it.
    """

    background: str
    panel: str
    ink: str
    muted: str
    grid: str
    cells: dict[str, str]
    right: str
    wrong: str


THEMES: dict[str, Theme] = {
    "light": Theme(
        background="#ffffff",
        panel="#f4f6f8",
        ink="#1b1f24",
        muted="#57606a",
        grid="#d8dee4",
        cells={"lstm": ACCENT["light"], "rnn": "#57606a", "gru": "#6d3fc0"},
        right="#1f6f5c",
        wrong="#b45309",
    ),
    "dark": Theme(
        background="#0e1117",
        panel="#171b22",
        ink="#e8ecf1",
        muted="#9aa4b0",
        grid="#2d333b",
        cells={"lstm": ACCENT["dark"], "rnn": "#9aa4b0", "gru": "#b79cf2"},
        right="#5cc3a0",
        wrong="#f4a261",
    ),
}

DASHES = {"lstm": "solid", "rnn": "dot", "gru": "dash"}
"""The line of each kind of cell, so that nobody needs the colour to tell them apart."""


def _hex(stops: str) -> tuple[str, ...]:
    return tuple("#" + stop for stop in stops.split())


# matplotlib's viridis (CC0) at 32 even places.
SEQUENTIAL: tuple[str, ...] = _hex(
    """
    440154 470d60 48186a 482374 472e7c 453882 424186 3e4a89
    3a548c 365d8d 32658e 2e6d8e 2b758e 287d8e 25848e 228c8d
    1f948c 1e9c89 20a386 25ab82 2eb37c 3aba76 48c16e 58c765
    6ccd5a 7fd34e 93d741 a8db34 c0df25 d5e21a eae51a fde725
    """
)
"""Colours of a gate, from 0 to 1."""


def _rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)], dtype=float)


def _ramp(anchors: Sequence[str], between: int) -> tuple[str, ...]:
    """The anchors with even steps in between, each `between` apart."""
    stops = [
        _rgb(low) + (_rgb(high) - _rgb(low)) * step / between
        for low, high in pairwise(anchors)
        for step in range(between)
    ]
    stops.append(_rgb(anchors[-1]))
    return tuple("#{:02x}{:02x}{:02x}".format(*stop.round().astype(int)) for stop in stops)


DIVERGING: dict[str, tuple[str, ...]] = {
    "light": _ramp(_hex("0b4f9e 2f78c0 6aa6da b3d3ec f7f7f7 f8cda0 ee9a4c d7701b b04c07"), 4),
    "dark": _ramp(_hex("7fbdf7 559ee6 3775b8 22466f 12151a 5f3713 a5611f d98a3f f0a35c"), 4),
}
"""Colours of a signed value, 33 stops from minus to plus; the middle one is zero."""


BEYOND: dict[str, tuple[str, str]] = {
    "light": ("#04204a", "#4a1d02"),
    "dark": ("#dcefff", "#ffe6cc"),
}
"""Where a cell is too small for a mark: what lies below and above the scale."""

MISSING = "#e619c8"
"""Where a cell is too small for a mark: NaN and infinity."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Which values the first and the last colour stand for.

    Attributes:
        low, high: the ends; symmetric around zero where `diverging`.
        diverging: signed values on `DIVERGING`, else a gate on `SEQUENTIAL`.
        clipped: whether some value, infinity included, lies beyond an end.
    """

    low: float
    high: float
    diverging: bool
    clipped: bool

    def colours(self, dark: bool = False) -> tuple[str, ...]:
        """The colours from `low` to `high`."""
        return DIVERGING["dark" if dark else "light"] if self.diverging else SEQUENTIAL


def scale(signal_key: str, cell: str, values: np.ndarray, quantity: str = "value") -> Scale:
    """The scale on which `values` of a signal are drawn; `quantity` is that of their trace.

    A gate takes 0 to 1. Anything else is signed: it ends at its largest absolute value, or, where
    that would bleach the rest, at a percentile of it. A difference, most of which may be zero, ends
    at its largest one. NaN and infinity do not count.
    """
    if quantity == "difference":
        high = _largest(values)
        low = -high
    elif _is_gate(signal_key, cell):
        low, high = 0.0, 1.0
    else:
        high = _loud(values)
        low = -high
    beyond = bool(np.any(values > high) or np.any(values < low))
    return Scale(low=low, high=high, diverging=low < 0, clipped=beyond)


def _is_gate(key: str, cell: str) -> bool:
    return any(signal.key == key and signal.is_gate for signal in SIGNALS[cell])


def _largest(values: np.ndarray) -> float:
    """The largest finite |value|; 1 where every one is zero."""
    return float(np.abs(values[np.isfinite(values)].astype(np.float64)).max(initial=0)) or 1.0


def _loud(values: np.ndarray) -> float:
    """Where a signed scale ends; 1 where every finite value is zero.

    At the largest |value|; where few values stand far above the rest, at the 97th percentile; where
    a few units that only count upwards fill that too, at the 90th.
    """
    # float64: the width of two float32 extremes does not fit in float32.
    sizes = np.abs(values[np.isfinite(values)].astype(np.float64))
    if not sizes.size or not sizes.max():
        return 1.0
    usual, loud, most = map(float, np.percentile(sizes, [90, 97, 100]))
    if usual and loud > 3 * usual:
        return usual
    return loud if loud and most > 1.5 * loud else most


class Mark(IntEnum):
    """Why a value cannot be read from its colour."""

    NONE = 0
    ABOVE = 1
    BELOW = 2
    INFINITE = 3
    NEGATIVE_INFINITE = 4
    NAN = 5


MARKS: dict[Mark, tuple[str, str]] = {
    Mark.ABOVE: ("▲", "triangle-up"),
    Mark.BELOW: ("▼", "triangle-down"),
    Mark.INFINITE: ("∞", "star-triangle-up"),
    Mark.NEGATIVE_INFINITE: ("−∞", "star-triangle-down"),
    Mark.NAN: ("×", "x"),
}
"""For each mark, its character and the name of its Plotly symbol."""


def marks(values: np.ndarray, scale: Scale) -> np.ndarray:
    """The `Mark` of every value, uint8 in the shape of `values`."""
    result = np.zeros(values.shape, dtype=np.uint8)
    result[values > scale.high] = Mark.ABOVE
    result[values < scale.low] = Mark.BELOW
    result[np.isposinf(values)] = Mark.INFINITE
    result[np.isneginf(values)] = Mark.NEGATIVE_INFINITE
    result[np.isnan(values)] = Mark.NAN
    return result
