"""Local sensitivity beside memory: what a gradient shows, and why it is not memory."""

import html
from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from viz.memory import THRESHOLD, Asked, Changes, lasts
from viz.sheet import Sheet, count, joined, steps
from viz.story import glyph
from viz.text import say

LOW, HIGH = -6.0, 1.0
"""The ends of the colour scale, as powers of ten of the ratio."""

KNOWS, VANISHED = 1.0, 0.05
"""In nats: the answer depends on the token. As a ratio: the gradient has vanished."""

_MAP, _LANE, _GAP = 260, 120, 34


def ratios(sensitivity: np.ndarray) -> np.ndarray:
    """``[changed, time]``: the sensitivity to an earlier input over that to the step's own.

    Zero before the change; NaN where a step's own is zero.
    """
    own = np.diagonal(sensitivity)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (sensitivity / own).T


def sensitivity_map(
    sheet: Sheet, cell: str, sensitivity: np.ndarray, asked: Asked, symbol: str
) -> go.Figure:
    """One model's ratios by power of ten; the colours mean the same for every model."""
    with np.errstate(divide="ignore", invalid="ignore"):
        powers = np.log10(ratios(sensitivity))
    powers[np.tri(len(powers), k=-1, dtype=bool) | ~np.isfinite(powers)] = np.nan
    ticks = [LOW, -4, -2, 0, HIGH]
    labels = ["≤ 10⁻⁶", "10⁻⁴", "10⁻²", "1", "≥ 10"]
    figure = go.Figure(
        sheet.heat(
            powers,
            LOW,
            HIGH,
            sheet.say("memory.unit.ratio"),
            signed=False,
            name=sheet.cell(cell),
            colorbar={"tickvals": ticks, "ticktext": labels},
            hoverongaps=False,
            hovertemplate=sheet.say("memory.gradient.hover") + ": 10^%{z:.2f}<extra></extra>",
        )
    )
    figure.add_annotation(
        **{"x": 0, "xref": "paper", "y": asked.step, "ax": -22, "ay": 0},
        **{"arrowhead": 2, "arrowwidth": 2, "arrowcolor": sheet.theme.cells["lstm"], "text": ""},
    )
    figure.update_yaxes(autorange="reversed")
    axes = {"x": sheet.say("memory.axis.time"), "y": sheet.say("memory.axis.input")}
    title = sheet.say("memory.gradient.figure", cell=sheet.cell(cell))
    note = sheet.say("memory.gradient.note", symbol=html.escape(glyph(symbol)))
    return sheet.finish(figure, title, _MAP, note, axes=axes)


def pair_figure(
    sheet: Sheet, cell: str, changes: Changes, sensitivity: np.ndarray, asked: Asked
) -> go.Figure:
    """One token of one model: what changing it does, above; what its gradient says, below."""
    inner = 2 * _LANE + _GAP
    times = np.arange(asked.step, len(asked.tokens))
    lanes = (
        (changes.output[asked.step], "memory.pair.changed"),
        (ratios(sensitivity)[asked.step], "memory.pair.gradient"),
    )
    figure = make_subplots(rows=2, shared_xaxes=True, vertical_spacing=_GAP / inner)
    for row, (values, key) in enumerate(lanes, start=1):
        shown = np.where(values > 0, values, np.nan) if row == 2 else values
        line = go.Scatter(
            x=times,
            y=shown[asked.step :],
            name=sheet.say(key),
            mode="lines",
            line=sheet.line(cell),
            hovertemplate="%{x}: %{y:.3g}<extra></extra>",
        )
        figure.add_trace(line, row=row, col=1)
        figure.update_yaxes(title_text=sheet.say(key), row=row, col=1)
    figure.update_yaxes(rangemode="tozero", row=1, col=1)
    with np.errstate(divide="ignore"):
        powers = np.log10(lanes[1][0][asked.step :])
    low, high = (
        np.floor(powers[np.isfinite(powers)].min(initial=-1)),
        np.ceil(powers.max(initial=0)),
    )
    grid = {"type": "log", "exponentformat": "power", "dtick": max(1, (high - low) // 4)}
    figure.update_yaxes(**grid, range=[low, high], row=2, col=1)
    figure.update_xaxes(title_text=sheet.say("memory.axis.time"), row=2, col=1)
    token, other = html.escape(asked.token), html.escape(asked.other)
    fields = {"cell": sheet.cell(cell), "step": asked.step, "token": token, "other": other}
    return sheet.finish(figure, sheet.say("memory.pair.figure", **fields), inner)


def clearest_pair(
    changes: Mapping[str, Changes], sensitivities: Mapping[str, np.ndarray], asked: Asked
) -> str | None:
    """The model that at the end still knows the token while its gradient has vanished most."""
    found = {}
    for cell, each in changes.items():
        nats, ratio = _at(each, sensitivities[cell], asked, -1)
        if nats >= KNOWS and 0 < ratio <= VANISHED:
            found[cell] = ratio
    return min(found, key=found.__getitem__) if found else None


def _at(changes: Changes, sensitivity: np.ndarray, asked: Asked, time: int) -> tuple[float, float]:
    """The divergence of the answer and the gradient's ratio at a step."""
    ratio = float(np.nan_to_num(ratios(sensitivity)[asked.step, time]))
    return float(changes.output[asked.step, time]), ratio


def compared_at(changes: Mapping[str, Changes], asked: Asked) -> int:
    """Where the two are told side by side: where the task asks, else where some answer last knew.

    At the end of a long text no answer depends on the token, and there is nothing to compare.
    """
    if asked.until is not None and asked.until > asked.step:
        return asked.until
    rows = [each.output[asked.step] for each in changes.values()]
    known = [lasts(row, asked.step, THRESHOLD["output"]) for row in rows]
    return asked.step + max((lag for lag in known if lag), default=0)


def gradient_sentence(
    changes: Mapping[str, Changes],
    sensitivities: Mapping[str, np.ndarray],
    asked: Asked,
    language: str,
) -> str:
    """For every model, side by side, how much the answer knows and what the gradient is."""
    time, told = compared_at(changes, asked), []
    for cell, each in changes.items():
        nats, ratio = _at(each, sensitivities[cell], asked, time)
        model = say(f"inline.{cell}", language)
        fields = {"model": model, "nats": count(nats), "ratio": count(ratio)}
        told.append(say("memory.gradient.each", language, **fields))
    text = joined(told, language, starts=False)
    later = steps(time - asked.step, language)
    return say("memory.gradient.result", language, step=time, steps=later, told=text)


def pair_sentence(
    cell: str, changes: Changes, sensitivity: np.ndarray, asked: Asked, language: str
) -> str:
    """That a model remembers while its gradient has vanished, with both numbers."""
    nats, ratio = _at(changes, sensitivity, asked, -1)
    later = steps(len(asked.tokens) - 1 - asked.step, language)
    model = say(f"inline.{cell}", language)
    fields = {"model": model, "steps": later, "nats": count(nats), "ratio": count(ratio)}
    return say("memory.pair.result", language, **fields)
