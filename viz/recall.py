"""Recall against delay: how long after a symbol each network can still say it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from lstm_core.checkpoint import Checkpoint, SeedScore
from lstm_core.probing import RecallAtDelay
from lstm_core.tasks import FlaggedRecall
from viz.sheet import Sheet, joined, share
from viz.text import say

_HEIGHT = 280


Live = Mapping[str, Sequence[RecallAtDelay]]


def seeds_of(checkpoint: Checkpoint) -> list[SeedScore]:
    """The scores of every seed of the shipped learning rate that were taken by delay."""
    lr = checkpoint.recipe.get("lr")
    return [score for score in checkpoint.scores if score.lr == lr and score.by_delay]


def recall_figure(
    sheet: Sheet, task: FlaggedRecall, models: Mapping[str, Checkpoint], live: Live
) -> go.Figure:
    """Accuracy against delay: a thin line for every seed, a band for what was measured now."""
    figure = go.Figure()
    for cell, checkpoint in models.items():
        for score in seeds_of(checkpoint):
            figure.add_trace(_seed_line(sheet, cell, score))
        figure.add_trace(_in_legend(sheet, cell))
        if live.get(cell):
            points = sorted(live[cell], key=lambda point: point.delay)
            name = sheet.say("memory.recall.live", cell=sheet.cell(cell))
            figure.add_traces(measured_lines(points, name, sheet.line(cell, width=3), cell))
    figure.update_xaxes(type="log", tickvals=_ticks(models, live), tickformat="d")
    figure.update_yaxes(range=[-0.03, 1.05], tickformat=".0%")
    add_landmarks(figure, sheet, task)
    axes = {"x": sheet.say("memory.axis.delay"), "y": sheet.say("memory.axis.accuracy")}
    title = sheet.say("memory.recall.figure")
    note = _note(sheet, live)
    return sheet.finish(figure, title, _HEIGHT, note, legend=True, axes=axes)


def _note(sheet: Sheet, live: Live) -> str:
    if any(live.values()):
        return sheet.say("memory.recall.note", share="95 %")
    return sheet.say("memory.recall.note-recorded")


def _ticks(models: Mapping[str, Checkpoint], live: Live) -> list[int]:
    scores = [score for checkpoint in models.values() for score in seeds_of(checkpoint)]
    recorded = {delay for score in scores for delay, _ in score.by_delay}
    return sorted(recorded | {point.delay for points in live.values() for point in points})


def _seed_line(sheet: Sheet, cell: str, score: SeedScore) -> go.Scatter:
    delays, values = zip(*score.by_delay, strict=True)
    name = sheet.say("memory.recall.seed", cell=sheet.cell(cell), seed=score.seed)
    return go.Scatter(
        x=delays,
        y=values,
        name=name,
        mode="lines+markers",
        line=sheet.line(cell, width=1.2),
        marker={"size": 5},
        opacity=0.7,
        legendgroup=cell,
        showlegend=False,
        hovertemplate=f"{name}<br>%{{x}} → %{{y:.1%}}<extra></extra>",
    )


def _in_legend(sheet: Sheet, cell: str) -> go.Scatter:
    """One entry for all seeds of a model."""
    style = {"line": sheet.line(cell), "mode": "lines", "name": sheet.cell(cell)}
    return go.Scatter(x=[None], y=[None], legendgroup=cell, hoverinfo="skip", **style)


def measured_lines(
    points: Sequence[RecallAtDelay], name: str, line: Mapping[str, Any], group: str
) -> list[go.Scatter]:
    """The intervals of `points` as a band and, over it, their accuracies against delay."""
    delays = [point.delay for point in points]
    low, high = [point.low for point in points], [point.high for point in points]
    colour = line["color"]
    band = go.Scatter(
        x=[*delays, *delays[::-1]],
        y=[*high, *low[::-1]],
        mode="lines",
        fill="toself",
        fillcolor=f"rgba({','.join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))},0.22)",
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
        legendgroup=group,
    )
    error = {"array": np.subtract(high, [p.accuracy for p in points]), "symmetric": False}
    error["arrayminus"] = np.subtract([p.accuracy for p in points], low)
    above = go.Scatter(
        x=delays,
        y=[point.accuracy for point in points],
        error_y=error | {"thickness": 1, "width": 3},
        name=name,
        mode="lines+markers",
        line=line,
        marker={"size": 8, "symbol": "diamond"},
        legendgroup=group,
        hovertemplate=f"{name}<br>%{{x}} → %{{y:.1%}}<extra></extra>",
    )
    return [band, above]


def add_landmarks(figure: go.Figure, sheet: Sheet, task: FlaggedRecall) -> None:
    """Add two lines to recall against delay: chance, and the longest delay of training."""
    chance, longest = 1 / len(task.classes), task.delays[1]
    ink = {"color": sheet.theme.muted, "size": 11}
    dashed = {"color": sheet.theme.muted, "dash": "dash", "width": 1}
    figure.add_hline(y=chance, line=dashed)
    figure.add_annotation(
        text=sheet.say("memory.recall.chance", share=share(chance)),
        **{"x": 0, "xref": "paper", "xanchor": "left", "xshift": 4},
        **{"y": chance, "yanchor": "top", "showarrow": False, "font": ink},
    )
    dotted = {"color": sheet.theme.ink, "dash": "dot", "width": 1}
    figure.add_vline(x=longest, line=dotted)
    figure.add_annotation(
        text=sheet.say("memory.recall.trained", delay=longest),
        # On a logarithmic axis Plotly places annotations by the power of ten.
        **{"x": float(np.log10(longest)), "xanchor": "right", "xshift": -4},
        **{"y": 0.5, "yref": "paper", "showarrow": False, "font": ink},
    )


def recall_sentence(
    task: FlaggedRecall, models: Mapping[str, Checkpoint], live: Live, language: str
) -> str:
    """What every model recalled at the longest delay of training, and at the longest of all."""
    longest = task.delays[1]
    furthest = max(_ticks(models, live), default=0)
    told = []
    for delay in dict.fromkeys((longest, furthest)):
        clauses = [_clause(c, m, live.get(c, ()), delay, language) for c, m in models.items()]
        if any(clauses):
            key = "memory.recall.at-longest" if delay == longest else "memory.recall.at"
            said = joined([each for each in clauses if each], language, starts=False)
            told.append(say(key, language, delay=delay, told=said))
    if not told:
        return say("memory.recall.nothing", language)
    told.append(say("memory.recall.guess", language, chance=share(1 / len(task.classes))))
    return say("stage.gap", language).join(told)


def _clause(
    cell: str, checkpoint: Checkpoint, live: Sequence[RecallAtDelay], delay: int, language: str
) -> str:
    """Recorded scores say it for every seed; where none were recorded, the live ones do."""
    values = [dict(score.by_delay).get(delay) for score in seeds_of(checkpoint)]
    found = [value for value in values if value is not None]
    model = say(f"inline.{cell}", language)
    if found:
        low, high = share(min(found)), share(max(found))
        if low == high:
            return say("memory.recall.same", language, model=model, share=low, seeds=len(found))
        fields = {"low": low, "high": high, "seeds": len(found)}
        return say("memory.recall.seeds", language, model=model, **fields)
    for point in live:
        if point.delay == delay:
            said = share(point.accuracy)
            return say("memory.recall.now", language, model=model, share=said)
    return ""
