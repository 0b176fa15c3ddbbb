"""Change one token: how long the state and the answer of each network still know it."""

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from viz.sheet import Sheet, count, joined, steps
from viz.story import glyphs
from viz.text import say

Measure = Literal["scaled", "output"]

THRESHOLD = {"scaled": 0.1, "output": 0.1}
"""What counts as knowing: in spreads of the state, in nats between the answers."""

_MAP, _LANE, _GAP = 260, 130, 40


@dataclass(frozen=True, kw_only=True, eq=False)
class Changes:
    """What another token at each step does, ``[changed, time]``; see `lstm_core.counterfactual`.

    Attributes:
        scaled: the difference of the state, in spreads of the state.
        output: the divergence of the answer, in nats.
    """

    scaled: np.ndarray
    output: np.ndarray

    def of(self, measure: Measure) -> np.ndarray:
        """One of the two."""
        return self.scaled if measure == "scaled" else self.output


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which token is changed.

    Attributes:
        step: where it stands.
        token, other: what stands there and what is put there instead.
        until: the step at which a task asks for it, if it does.
    """

    tokens: tuple[str, ...]
    step: int
    token: str
    other: str
    until: int | None = None


def lasts(row: np.ndarray, step: int, threshold: float) -> int | None:
    """For how many steps after `step` a row stays at or comes back to `threshold`.

    ``None`` where it never reaches it.

    >>> lasts(np.array([0, 0, 5.0, 0.2, 0.05, 0.1, 0.0]), step=2, threshold=0.1)
    3
    """
    there = np.flatnonzero(row[step:] >= threshold)
    return int(there[-1]) if len(there) else None


def shared_end(changes: Mapping[str, Changes], measure: Measure) -> float:
    """Where the one colour scale of all models ends: at the largest finite value of any."""
    sizes = [np.nan_to_num(each.of(measure), posinf=0) for each in changes.values()]
    return float(max((size.max(initial=0) for size in sizes), default=0)) or 1.0


def change_map(
    sheet: Sheet, cell: str, changes: Mapping[str, Changes], measure: Measure, asked: Asked
) -> go.Figure:
    """One model's ``[changed, time]``; the colours mean the same for every model."""
    values = changes[cell].of(measure)
    before = np.tri(len(values), k=-1, dtype=bool)
    shown = np.where(before, np.nan, values)
    unit = sheet.say(f"memory.unit.{measure}")
    names = np.array([html.escape(name) for name in glyphs(asked.tokens)])
    figure = go.Figure(
        sheet.heat(
            shown,
            0,
            shared_end(changes, measure),
            unit,
            name=sheet.cell(cell),
            customdata=np.broadcast_to(names[:, None], shown.shape),
            hoverongaps=False,
            hovertemplate=sheet.say("memory.change.hover") + ": %{z:.4g}<extra></extra>",
        )
    )
    _mark_row(figure, sheet, asked)
    figure.update_yaxes(autorange="reversed")
    axes = {"x": sheet.say("memory.axis.time"), "y": sheet.say("memory.axis.changed")}
    title = sheet.say(f"memory.change.{measure}", cell=sheet.cell(cell))
    return sheet.finish(figure, title, _MAP, sheet.say("memory.change.note"), axes=axes)


def _mark_row(figure: go.Figure, sheet: Sheet, asked: Asked) -> None:
    """An arrow at the row of the chosen token."""
    figure.add_annotation(
        **{"x": 0, "xref": "paper", "y": asked.step, "ax": -22, "ay": 0},
        **{"arrowhead": 2, "arrowwidth": 2, "arrowcolor": sheet.theme.cells["lstm"], "text": ""},
    )


def change_lines(sheet: Sheet, changes: Mapping[str, Changes], asked: Asked) -> go.Figure:
    """The chosen row of every model: the state above, the answer below, with their thresholds."""
    inner = 2 * _LANE + _GAP
    figure = make_subplots(rows=2, shared_xaxes=True, vertical_spacing=_GAP / inner)
    measures: tuple[Measure, ...] = ("scaled", "output")
    for row, measure in enumerate(measures, start=1):
        for cell, each in changes.items():
            line = _row_line(sheet, cell, each.of(measure)[asked.step], asked.step, measure)
            figure.add_trace(line.update(showlegend=row == 1), row=row, col=1)
        dash = {"color": sheet.theme.muted, "dash": "dash", "width": 1}
        figure.add_hline(y=THRESHOLD[measure], line=dash, row=row, col=1)
        title = sheet.say(f"memory.unit.{measure}")
        figure.update_yaxes(title_text=title, rangemode="tozero", row=row, col=1)
    if asked.until is not None:
        figure.add_vline(x=asked.until, line={"color": sheet.theme.ink, "dash": "dot", "width": 1})
    figure.update_xaxes(range=[-0.5, len(asked.tokens) - 0.5])
    figure.update_xaxes(title_text=sheet.say("memory.axis.time"), row=2)
    title = sheet.say(
        "memory.change.lines",
        step=asked.step,
        token=html.escape(asked.token),
        other=html.escape(asked.other),
    )
    note = sheet.say("memory.change.lines-note", state=THRESHOLD["scaled"], nats=_nats())
    if asked.until is not None:
        note += " · " + sheet.say("memory.change.asked-note", step=asked.until)
    return sheet.finish(figure, title, inner, note, legend=True)


def _nats() -> float:
    return THRESHOLD["output"]


def _row_line(sheet: Sheet, cell: str, row: np.ndarray, step: int, measure: Measure) -> go.Scatter:
    unit = sheet.say(f"memory.unit.{measure}")
    return go.Scatter(
        x=np.arange(step, len(row)),
        y=row[step:],
        name=sheet.cell(cell),
        mode="lines",
        line=sheet.line(cell),
        legendgroup=cell,
        hovertemplate=f"{sheet.cell(cell)} · %{{x}}<br>%{{y:.4g}} {unit}<extra></extra>",
    )


def change_sentence(changes: Mapping[str, Changes], asked: Asked, language: str) -> str:
    """For how many steps each answer still depends on the token, by `THRESHOLD`."""
    last = len(asked.tokens) - 1 - asked.step
    clauses = []
    for cell, each in changes.items():
        known = lasts(each.output[asked.step], asked.step, THRESHOLD["output"])
        ending = "never" if known is None else "end" if known == last else "until"
        fields = {"model": say(f"inline.{cell}", language), "steps": steps(known or 0, language)}
        clauses.append(say(f"memory.change.{ending}", language, nats=_nats(), **fields))
    return joined(clauses, language)


def asked_sentence(changes: Mapping[str, Changes], asked: Asked, language: str) -> str:
    """What the change does to every answer where the task asks for it; empty where it does not."""
    if asked.until is None or asked.until < asked.step:
        return ""
    told = [
        say(
            "memory.change.nats",
            language,
            model=say(f"inline.{cell}", language),
            nats=count(float(each.output[asked.step, asked.until])),
        )
        for cell, each in changes.items()
    ]
    said = joined(told, language, starts=False)
    return say("memory.change.at", language, step=asked.until, told=said)
