"""Forgetting by design: how fast the gates alone let content fade, unit by unit."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from lstm_core.memory import GateSaturation
from viz.sheet import Sheet, count, joined, share, steps
from viz.text import say

_HEIGHT = 240
_LONGEST = 1e6
"""Half-lives are drawn up to this; a gate that is always open has an infinite one."""

_DIGITS = {10: (1, 1.1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9), 1000: (1, 2, 5), np.inf: (1, 3)}
"""The first digits of ticks, by how many times the largest value is the smallest at most."""

SYMBOLS = {"i": "circle", "f": "diamond", "o": "square", "r": "circle", "z": "diamond"}


def half_life_figure(sheet: Sheet, half_lives: Mapping[str, np.ndarray]) -> go.Figure:
    """Every unit's passive half-life, sorted, on a logarithmic axis of tokens."""
    figure = go.Figure()
    for cell, values in half_lives.items():
        order = np.argsort(-values)
        shown = np.minimum(values[order], _LONGEST)
        figure.add_trace(
            go.Scatter(
                x=np.arange(1, len(order) + 1),
                y=shown,
                name=sheet.cell(cell),
                mode="lines+markers",
                line=sheet.line(cell, width=1.5),
                marker={"size": 6},
                customdata=order,
                hovertemplate=sheet.say("memory.half.hover") + "<extra></extra>",
            )
        )
    ticks = _ticks(np.concatenate(list(half_lives.values())))
    figure.update_yaxes(type="log", tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks])
    axes = {"x": sheet.say("memory.axis.rank"), "y": sheet.say("memory.axis.half")}
    title, note = sheet.say("memory.half.figure"), sheet.say("memory.half.note")
    return sheet.finish(figure, title, _HEIGHT, note, legend=True, axes=axes)


def _ticks(values: np.ndarray) -> list[float]:
    """Ticks of a logarithmic axis, more of them where the values lie close together."""
    seen = values[np.isfinite(values) & (values > 0)]
    ratio = seen.max() / seen.min() if seen.size else 1.0
    digits = next(digits for limit, digits in _DIGITS.items() if ratio <= limit)
    return [digit * 10.0**power for power in range(-3, 7) for digit in digits]


def half_life_sentence(
    half_lives: Mapping[str, np.ndarray], lasting: Mapping[str, int | None], language: str
) -> str:
    """The median and the longest half-life of every model, beside how long its answer depended."""
    told = []
    for cell, values in half_lives.items():
        fields = {"model": say(f"inline.{cell}", language), "median": count(np.median(values))}
        longest = {"longest": count(values.max()), "unit": int(values.argmax())}
        key = "memory.half.each" if lasting.get(cell) else "memory.half.each-alone"
        known = steps(lasting.get(cell) or 0, language)
        told.append(say(key, language, steps=known, **fields, **longest))
    return joined(told, language)


def retention_figure(
    sheet: Sheet, cell: str, left: np.ndarray, since: int, named: Sequence[int]
) -> go.Figure:
    """What the gates alone leave of each unit's content at `since`, ``[time, unit]``."""
    figure = go.Figure()
    times = np.arange(since, len(left))
    others = [unit for unit in range(left.shape[1]) if unit not in named]
    for unit in (*others, *named):
        chosen = unit in named
        name = sheet.say("memory.retention.unit", unit=unit)
        figure.add_trace(
            go.Scatter(
                x=times,
                y=left[since:, unit],
                name=name,
                mode="lines",
                line={"width": 2.5 if chosen else 1}
                | ({} if chosen else {"color": sheet.theme.muted}),
                opacity=1 if chosen else 0.35,
                showlegend=chosen,
                hovertemplate=f"{name} · %{{x}}: %{{y:.3g}}<extra></extra>",
            )
        )
    theme, dashes = sheet.theme, ("solid", "dash", "dot", "dashdot")
    palette = (theme.cells["lstm"], theme.cells["gru"], theme.right, theme.ink)
    for number, unit in enumerate(named):
        line = {"color": palette[number % 4], "dash": dashes[number % 4]}
        name = sheet.say("memory.retention.unit", unit=unit)
        figure.update_traces(line=line, selector={"name": name})
    figure.update_yaxes(range=[-0.02, 1.05], tickformat=".0%")
    axes = {"x": sheet.say("memory.axis.time"), "y": sheet.say("memory.axis.left")}
    title = sheet.say("memory.retention.figure", cell=sheet.cell(cell), step=since)
    note = sheet.say(f"memory.retention.note-{cell}")
    return sheet.finish(figure, title, _HEIGHT, note, legend=bool(named), axes=axes)


def retention_sentence(cell: str, left: np.ndarray, since: int, at: int, language: str) -> str:
    """In how many units the gates have left a half, and a tenth."""
    values = left[at]
    fields = {
        "model": say(f"inline.{cell}", language),
        "at": at,
        "steps": steps(at - since, language),
    }
    counts = {"count": int((values >= 0.5).sum()), "tenth": int((values >= 0.1).sum())}
    return say("memory.retention.result", language, units=len(values), **fields, **counts)


def saturation_figure(sheet: Sheet, cell: str, found: GateSaturation) -> go.Figure:
    """For every unit and gate: how often it is open, against how often it is shut."""
    figure = go.Figure()
    colours = [sheet.theme.cells["gru"], sheet.theme.cells["lstm"], sheet.theme.right]
    for number, gate in enumerate(found.shut):
        name = f"{sheet.say(f'signal.{cell}.{gate}')} {gate}"
        figure.add_trace(
            go.Scatter(
                x=found.shut[gate],
                y=found.open[gate],
                name=name,
                mode="markers",
                marker={
                    "size": 9,
                    "symbol": SYMBOLS[gate],
                    "color": colours[number % 3],
                    "opacity": 0.75,
                },
                customdata=np.arange(len(found.shut[gate])),
                hovertemplate=sheet.say("memory.saturation.hover") + "<extra></extra>",
            )
        )
    figure.update_xaxes(range=[-0.04, 1.04], tickformat=".0%")
    figure.update_yaxes(range=[-0.04, 1.04], tickformat=".0%")
    fields = {"low": found.low, "high": found.high}
    axes = {letter: sheet.say(f"memory.axis.saturation-{letter}", **fields) for letter in "xy"}
    title = sheet.say("memory.saturation.figure", cell=sheet.cell(cell))
    return sheet.finish(figure, title, _HEIGHT, legend=True, axes=axes)


def saturation_sentence(cell: str, found: GateSaturation, language: str) -> str:
    """How often the mean unit's gates are open and shut."""
    told = [
        say(
            "memory.saturation.each",
            language,
            gate=say(f"signal.{cell}.{gate}", language),
            open=share(found.open[gate].mean()),
            shut=share(found.shut[gate].mean()),
        )
        for gate in found.shut
    ]
    fields = {"low": found.low, "high": found.high}
    return say(
        "memory.saturation.result", language, told=joined(told, language, starts=False), **fields
    )
