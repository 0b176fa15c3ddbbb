"""Plotly figures of a trace: every signal of every unit at every step, to zoom and to export.

A figure shows a trace that it is given; it runs no model. Values keep their exact numbers under
the pointer; what a colour cannot show takes a colour of its own, as on the stage.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lstm_core.signals import SIGNALS
from lstm_core.trace import LayerTrace, Trace
from viz import style
from viz.story import glyphs
from viz.style import Mark, Scale, Theme
from viz.text import say, signal_name

_TOKENS_FIT = 96
"""The most steps whose tokens fit under the axis side by side."""

_MOST_HOVER_TOKENS = 100_000
"""The most cells that carry their token to the pointer; beyond, the step says enough."""

_HEADER, _FOOTER, _LANE, _GAP = 100, 56, 120, 34
"""Heights in pixels: above the lanes, below them, of one lane and between two."""

# float32, so that overlays travel to the browser at half the size.
_ONE, _NONE = np.float32(1), np.float32("nan")


def heat_map(
    trace: Trace,
    key: str,
    layer: int = -1,
    direction: int = 0,
    *,
    language: str = "en",
    dark: bool = False,
    units: Sequence[int] | None = None,
) -> go.Figure:
    """One signal or pre-activation, units downwards and time to the right.

    Args:
        trace: what is shown.
        key: a key of `signals.SIGNALS` or a pre-activation such as ``"z_f"``.
        layer: which layer; -1 is the last.
        direction: 1 is the reverse direction.
        language: of every word in the figure.
        dark: colours for a dark page.
        units: which units, from top to bottom; all when not given.

    Raises:
        KeyError: if the cell has no such signal.
        IndexError: if the trace has no such layer, direction or unit.

    >>> import torch, lstm_core, viz
    >>> traced = lstm_core.trace(torch.nn.LSTM(3, 8), torch.ones(20, 3))
    >>> viz.heat_map(traced, "f", units=[5, 2]).data[0].z.shape
    (2, 20)
    """
    sheet = _Sheet.of(trace, layer, direction, language, dark, units)
    name = signal_name(trace.cell, key, language)
    cell = say(f"cell.{trace.cell}", language)
    title = say("figure.title", language, cell=cell, signal=name, symbol=key)
    return _figure(sheet, (key,), title, lane_height=3 * _LANE)


def gate_figure(
    trace: Trace,
    layer: int = -1,
    direction: int = 0,
    *,
    language: str = "en",
    dark: bool = False,
    units: Sequence[int] | None = None,
) -> go.Figure:
    """Every signal of the cell, one lane each, on one time axis. Arguments as for `heat_map`.

    Raises:
        IndexError: if the trace has no such layer, direction or unit.

    >>> import torch, lstm_core, viz
    >>> traced = lstm_core.trace(torch.nn.LSTM(3, 8), torch.ones(20, 3))
    >>> [lane.name for lane in viz.gate_figure(traced).data]
    ['f', 'i', 'o', 'g', 'c', 'h']
    """
    sheet = _Sheet.of(trace, layer, direction, language, dark, units)
    keys = tuple(signal.key for signal in SIGNALS[trace.cell])
    title = say("figure.all", language, cell=say(f"cell.{trace.cell}", language))
    return _figure(sheet, keys, title, lane_height=_LANE)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Sheet:
    """What all lanes of a figure share."""

    trace: Trace
    layer: LayerTrace
    language: str
    dark: bool
    units: tuple[int, ...] | None
    theme: Theme = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "theme", style.THEMES["dark" if self.dark else "light"])

    @classmethod
    def of(
        cls,
        trace: Trace,
        layer: int,
        direction: int,
        language: str,
        dark: bool,
        units: Sequence[int] | None,
    ) -> "_Sheet":
        return cls(
            trace=trace,
            layer=trace.layer(layer, direction),
            language=language,
            dark=dark,
            units=None if units is None else tuple(units),
        )

    def say(self, key: str, **fields: object) -> str:
        return say(key, self.language, **fields)

    def values(self, key: str) -> np.ndarray:
        """The values to draw, ``[unit, time]``."""
        values = self.layer.select(key).T
        return values if self.units is None else values[list(self.units)]

    def rows(self, count: int) -> list[str]:
        return [str(unit) for unit in (range(count) if self.units is None else self.units)]


def _figure(sheet: _Sheet, keys: tuple[str, ...], title: str, lane_height: int) -> go.Figure:
    inner = len(keys) * lane_height + (len(keys) - 1) * _GAP
    figure = make_subplots(
        rows=len(keys), shared_xaxes=True, vertical_spacing=_GAP / inner if len(keys) > 1 else 0
    )
    if sheet.trace.quantity == "difference":
        title = sheet.say("figure.difference", title=title)
    for row, key in enumerate(keys, start=1):
        _add_lane(figure, sheet, key, row)
    figure.update_layout(_layout(sheet, title, inner))
    figure.update_xaxes(**_time_axis(sheet))
    figure.update_xaxes(title_text=sheet.say("figure.time"), row=len(keys))
    figure.update_yaxes(
        title_text=sheet.say("figure.unit"), type="category", autorange="reversed", nticks=8
    )
    return figure


def _add_lane(figure: go.Figure, sheet: _Sheet, key: str, row: int) -> None:
    """One signal: its values, what its colours cannot show, a heading and a colour bar."""
    values = sheet.values(key)
    scale = style.scale(key, sheet.trace.cell, values, sheet.trace.quantity)
    marks = style.marks(values, scale)
    band = figure.layout[f"yaxis{row}" if row > 1 else "yaxis"].domain
    places = {"x": sheet.trace.times, "y": sheet.rows(len(values))}
    figure.add_trace(_values(sheet, key, values, scale, band) | places, row=row, col=1)
    for overlay in (_beyond(sheet, marks), _missing(sheet, key, marks)):
        if overlay:
            figure.add_trace(overlay | places, row=row, col=1)
    figure.add_annotation(
        text=_heading(sheet, key, values, scale, marks),
        **{"x": 0, "xref": "paper", "xanchor": "left", "showarrow": False},
        **{"y": band[1], "yref": "paper", "yanchor": "bottom"},
    )


def _values(
    sheet: _Sheet, key: str, values: np.ndarray, scale: Scale, band: tuple[float, float]
) -> dict[str, object]:
    token = ""
    about: dict[str, object] = {}
    if sheet.trace.tokens is not None and values.size <= _MOST_HOVER_TOKENS:
        token = " “%{customdata}”"
        about["customdata"] = np.broadcast_to(np.array(_glyphs(sheet.trace)), values.shape)
    return about | {
        "type": "heatmap",
        "name": key,
        "z": np.where(np.isfinite(values), values, np.nan),
        "zmin": scale.low,
        "zmax": scale.high,
        "colorscale": _colour_scale(scale.colours(sheet.dark)),
        "colorbar": _colour_bar(scale, band),
        "hovertemplate": _hover(sheet, token) + f"{key} = %{{z:.6g}}<extra></extra>",
    }


def _beyond(sheet: _Sheet, marks: np.ndarray) -> dict[str, object]:
    """An overlay of the cells past an end of the scale; the pointer reads the value below it."""
    above, below = marks == Mark.ABOVE, marks == Mark.BELOW
    if not (above | below).any():
        return {}
    low, high = style.BEYOND["dark" if sheet.dark else "light"]
    return {
        "type": "heatmap",
        "name": "beyond",
        "z": np.where(above, _ONE, np.where(below, 0 * _ONE, _NONE)),
        "zmin": 0,
        "zmax": 1,
        "colorscale": [(0, low), (1, high)],
        "showscale": False,
        "hoverinfo": "skip",
    }


def _missing(sheet: _Sheet, key: str, marks: np.ndarray) -> dict[str, object]:
    """An overlay of the cells that hold no finite number; the pointer reads what they hold."""
    names = {Mark.NAN: "NaN", Mark.INFINITE: "∞", Mark.NEGATIVE_INFINITE: "−∞"}
    there = np.isin(marks, list(names))
    if not there.any():
        return {}
    words = np.full(marks.shape, "", dtype=object)
    for mark, name in names.items():
        words[marks == mark] = name
    return {
        "type": "heatmap",
        "name": "missing",
        "z": np.where(there, _ONE, _NONE),
        "colorscale": [(0, style.MISSING), (1, style.MISSING)],
        "showscale": False,
        "text": words,
        # Large enough cells carry the word itself.
        "texttemplate": "%{text}" if marks.size <= 4_000 else "",
        "hovertemplate": _hover(sheet, "") + f"{key} = %{{text}}<extra></extra>",
    }


def _hover(sheet: _Sheet, token: str) -> str:
    step, unit = sheet.say("figure.hover-time"), sheet.say("figure.unit")
    return f"{step} %{{x}}{token} · {unit} %{{y}}<br>"


def _colour_scale(colours: Sequence[str]) -> list[tuple[float, str]]:
    return [(place / (len(colours) - 1), colour) for place, colour in enumerate(colours)]


def _colour_bar(scale: Scale, band: tuple[float, float]) -> dict[str, object]:
    """A colour bar beside its lane, with the numbers of its ends and of its middle."""
    low, high = f"{scale.low:.3g}".replace("-", "−"), f"{scale.high:.3g}"
    if scale.clipped:
        low, high = f"≤ {low}", f"≥ {high}"
    middle = (scale.low + scale.high) / 2
    return {
        "y": sum(band) / 2,
        "len": band[1] - band[0],
        "thickness": 12,
        "tickvals": [scale.low, middle, scale.high],
        "ticktext": [low, f"{middle:g}", high],
    }


def _heading(sheet: _Sheet, key: str, values: np.ndarray, scale: Scale, marks: np.ndarray) -> str:
    """The signal's name, and how many values its colours cannot show."""
    words = [f"<b>{signal_name(sheet.trace.cell, key, sheet.language)}</b> <i>{key}</i>"]
    beyond = int(np.isin(marks, (Mark.ABOVE, Mark.BELOW)).sum())
    if beyond and scale.diverging:
        largest = np.abs(values[np.isfinite(values)]).max()
        limit, largest = f"{scale.high:.3g}", f"{largest:.3g}"
        words.append(sheet.say("figure.beyond", count=beyond, limit=limit, largest=largest))
    elif beyond:
        words.append(sheet.say("figure.outside", count=beyond))
    if missing := int((marks >= Mark.INFINITE).sum()):
        words.append(sheet.say("figure.not-finite", count=missing))
    return " · ".join(words)


def _glyphs(trace: Trace) -> list[str]:
    """The tokens as Plotly may show them: blanks visible, its markup escaped."""
    tokens = trace.tokens or ()
    return [html.escape(each) for each in glyphs(tokens, flags=False)]


def _time_axis(sheet: _Sheet) -> dict[str, object]:
    steps = len(sheet.trace)
    axis: dict[str, object] = {"range": [-0.5, steps - 0.5], "tickangle": 0, "zeroline": False}
    if sheet.trace.tokens is not None and steps <= _TOKENS_FIT:
        return axis | {"tickvals": sheet.trace.times, "ticktext": _glyphs(sheet.trace)}
    return axis | {"tickformat": "d"}


def _layout(sheet: _Sheet, title: str, inner: int) -> dict[str, object]:
    theme = sheet.theme
    return {
        "title": {
            "text": _place(sheet, title),
            "subtitle": {"text": _proof(sheet)},
            **{"x": 0.01, "xanchor": "left"},
        },
        "height": _HEADER + inner + _FOOTER,
        "margin": {"t": _HEADER, "b": _FOOTER, "l": 64, "r": 24},
        "paper_bgcolor": theme.background,
        "plot_bgcolor": theme.panel,
        "font": {"family": style.FONT, "color": theme.ink, "size": 12},
        "hoverlabel": {"font": {"family": style.FONT}},
        "showlegend": False,
    }


def _place(sheet: _Sheet, title: str) -> str:
    """The title with the layer and the direction where there is a choice."""
    words = [title]
    if sheet.trace.num_layers > 1:
        words.append(sheet.say("figure.layer", layer=sheet.layer.layer))
    if sheet.layer.direction:
        words.append(sheet.say("figure.reverse"))
    return " · ".join(words)


def _proof(sheet: _Sheet) -> str:
    residual = f"{sheet.layer.residual:.1e}"
    trace = sheet.trace
    return sheet.say("figure.residual", residual=residual, device=trace.device, dtype=trace.dtype)
