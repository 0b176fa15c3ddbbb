"""What every figure of the memory lab shares: colours, words, a title, a source note.

Lines are broken here, since Plotly breaks none and a telephone is narrow.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from viz import style
from viz.style import Theme
from viz.text import say

_TITLE_WIDTH, _NOTE_WIDTH = 44, 56
"""In columns of a Latin letter; a Chinese character takes two. What fits 390 pixels."""

_LEGEND = 290
"""Pixels of a telephone's width that a legend may take."""

_LINE, _AXIS = 15, 46
"""Heights in pixels: of a line of a note, of the axis with its title."""

# An opening bracket stays with what follows it, a mark with what it follows.
_WORD = re.compile(
    r"（?[\u2e80-\u9fff\uff00-\uffef][，。；：、）]*|[^\s\u2e80-\u9fff\uff00-\uffef]+\s*|\s+"
)


def wrapped(text: str, width: int) -> str:
    """`text` with Plotly's line breaks, no line wider than `width` where words allow it."""
    lines, used = [""], 0
    for word in _WORD.findall(text):
        size = sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in word.rstrip())
        if used and used + size > width:
            lines, used = [*lines, ""], 0
        lines[-1] += word
        used += size + len(word) - len(word.rstrip())
    return "<br>".join(line.strip() for line in lines)


def count(number: float) -> str:
    """A number as a sentence holds it: three digits, tiny ones as a power of ten.

    >>> count(0.00021), count(12.345), count(1500)
    ('2.1 × 10⁻⁴', '12.3', '1,500')
    """
    size = abs(number)
    if not np.isfinite(number):
        return "∞" if number > 0 else "−∞" if number < 0 else "NaN"
    if size >= 100:
        return f"{number:,.0f}".replace("-", "−")
    if size and size < 0.01:
        digits, power = f"{number:.1e}".split("e")
        raised = str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"{digits} × 10{raised}".replace("-", "−")
    return f"{number:.3g}".replace("-", "−")


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """How a figure speaks and looks.

    Attributes:
        source: what was read and by which models; stands under every figure.
    """

    language: str = "en"
    dark: bool = False
    source: str = ""

    @property
    def theme(self) -> Theme:
        """Colours of everything that is not data."""
        return style.THEMES["dark" if self.dark else "light"]

    def say(self, key: str, **fields: object) -> str:
        """A sentence in the figure's language."""
        return say(key, self.language, **fields)

    def cell(self, cell: str) -> str:
        """The name of a kind of cell."""
        return self.say(f"cell.{cell}")

    def line(self, cell: str, **more: object) -> dict[str, Any]:
        """The line of a kind of cell: never told by its colour alone."""
        return {"color": self.theme.cells[cell], "dash": style.DASHES[cell], "width": 2, **more}

    def heat(
        self, z: np.ndarray, low: float, high: float, bar: str, *, signed: bool = False, **more: Any
    ) -> go.Heatmap:
        """Values from `low` to `high` with a colour bar of the title `bar`."""
        colours = style.DIVERGING["dark" if self.dark else "light"] if signed else style.SEQUENTIAL
        stops = [(place / (len(colours) - 1), colour) for place, colour in enumerate(colours)]
        title = {"text": bar, "side": "right"}
        return go.Heatmap(
            z=z,
            zmin=low,
            zmax=high,
            colorscale=stops,
            colorbar={"thickness": 12, "title": title, "x": 1.02, **more.pop("colorbar", {})},
            **more,
        )

    def finish(
        self,
        figure: go.Figure,
        title: str,
        height: int,
        note: str = "",
        *,
        legend: bool = False,
        axes: Mapping[str, str] | None = None,
    ) -> go.Figure:
        """The figure with its title, its source note and the page's colours.

        Args:
            height: of the plot itself, in pixels.
            note: what was computed, before the source.
            axes: titles of the axes, by ``"x"`` and ``"y"``.
        """
        head = wrapped(title, _TITLE_WIDTH)
        foot = wrapped(" · ".join(filter(None, (note, self.source))), _NOTE_WIDTH)
        names = 22 * _rows(figure) * legend
        top = 32 + 18 * head.count("<br>") + names
        bottom = _AXIS + 10 + _LINE * (1 + foot.count("<br>"))
        theme = self.theme
        figure.update_layout(
            height=top + height + bottom,
            margin={"t": top, "b": bottom, "l": 56, "r": 16},
            paper_bgcolor=theme.background,
            plot_bgcolor=theme.panel,
            font={"family": style.FONT, "color": theme.ink, "size": 12},
            hoverlabel={"font": {"family": style.FONT}},
            showlegend=legend,
            # A finger that scrolls the page must not zoom; the buttons still do.
            dragmode=False,
            legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
        )
        figure.update_xaxes(gridcolor=theme.grid, zeroline=False, title_standoff=6)
        figure.update_yaxes(gridcolor=theme.grid, zeroline=False, title_standoff=6)
        if axes:
            figure.update_xaxes(title_text=axes.get("x"))
            figure.update_yaxes(title_text=axes.get("y"))
        # Annotations, since Plotly cuts the first of several lines of a title.
        place = {"x": 0, "xref": "paper", "xanchor": "left", "xshift": -48, "yref": "paper"}
        words = place | {"showarrow": False, "align": "left"}
        above = {"y": 1, "yanchor": "bottom", "yshift": 6 + names, "font": {"size": 14}}
        figure.add_annotation(words | above, text=f"<b>{head}</b>", name="title")
        below = {"y": 0, "yanchor": "top", "yshift": -_AXIS}
        muted = {"size": 11, "color": theme.muted}
        figure.add_annotation(words | below, text=foot, name="source", font=muted)
        return figure


def _rows(figure: go.Figure) -> int:
    """How many rows the legend takes on a telephone."""
    rows, used = 1, 0
    for trace in figure.data:
        if trace.showlegend is False or not trace.name:
            continue
        size = 52 + sum(7 + 6 * (unicodedata.east_asian_width(c) in "WF") for c in trace.name)
        rows, used = (rows + 1, size) if used and used + size > _LEGEND else (rows, used + size)
    return rows


def share(part: float) -> str:
    """A share as a percentage.

    >>> share(0.975), share(1.0), share(-0.0001)
    ('97.5 %', '100 %', '0 %')
    """
    percent = round(100 * part, 1) + 0.0  # no minus before a zero
    return f"{percent:.1f}".removesuffix(".0").replace("-", "−") + " %"


def steps(number: int, language: str) -> str:
    """A number of steps, in words that fit one.

    >>> steps(1, "en"), steps(3, "en")
    ('1 step', '3 steps')
    """
    return say("memory.step" if number == 1 else "memory.steps", language, number=f"{number:,}")


def joined(parts: Sequence[str], language: str, *, starts: bool = True) -> str:
    """Clauses as one sentence; with a capital letter where it `starts` there."""
    text = say("stage.join", language).join(parts) + say("stage.stop", language)
    return text[:1].upper() + text[1:] if starts else text
