"""Who wrote what is in memory: a cell's content by the step that wrote it.

Bookkeeping, not causality; the bar of a changed token tells what was relayed by later writes.
"""

import html
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from lstm_core.ledger import AgeOfMemory, Ledger
from lstm_core.shares import CounterfactualLedger, LogitLedger
from viz import style
from viz.sheet import Sheet, count, joined, share
from viz.story import glyph
from viz.text import say

_MAP, _STRIP, _BARS = 280, 120, 240
_TERMS = 8
"""Steps of a waterfall that stand alone; the others are one bar."""

PATHS = ("erased", "written", "relayed")


def ledger_map(sheet: Sheet, cell: str, entries: Ledger, tokens: Sequence[str]) -> go.Figure:
    """What each step wrote and is left of it, ``[written_at, unit]``."""
    values = entries.writes[: entries.at + 1]
    end = float(np.percentile(np.abs(values), 99.5)) or float(np.abs(values).max()) or 1.0
    names = np.array([html.escape(glyph(token)) for token in tokens[: entries.at + 1]])
    figure = go.Figure(
        sheet.heat(
            values.T,
            -end,
            end,
            sheet.say("memory.unit.left"),
            signed=True,
            name=sheet.cell(cell),
            customdata=np.broadcast_to(names, values.T.shape),
            colorbar={
                "tickvals": [-end, 0, end],
                "ticktext": [f"≤ {count(-end)}", "0", f"≥ {count(end)}"],
            },
            hovertemplate=sheet.say("memory.ledger.hover") + ": %{z:.4g}<extra></extra>",
        )
    )
    axes = {"x": sheet.say("memory.axis.written"), "y": sheet.say("memory.axis.unit")}
    fields = {"cell": sheet.cell(cell), "step": entries.at}
    title = sheet.say(f"memory.ledger.figure-{cell}", **fields)
    return sheet.finish(figure, title, _MAP, sheet.say("memory.ledger.note"), axes=axes)


def ledger_sentence(
    cell: str, entries: Ledger, asked_step: int, tokens: Sequence[str], language: str
) -> str:
    """Which step's writing makes up most of the memory, and what share the chosen one has."""
    sizes = np.abs(entries.writes).sum(axis=1)
    whole = sizes.sum() + np.abs(entries.initial).sum() or 1.0
    most = int(sizes.argmax())
    fields = {"model": say(f"inline.{cell}", language), "at": entries.at, "most": most}
    shares = {"share": share(sizes[most] / whole), "own": share(sizes[asked_step] / whole)}
    text = say("memory.ledger.result", language, asked=asked_step, **fields, **shares)
    return text[:1].upper() + text[1:]


def age_figure(sheet: Sheet, age: AgeOfMemory) -> go.Figure:
    """How old the content of a GRU's units is: the mean unit's distribution over steps."""
    shares = age.weights[: age.at + 1].mean(axis=1)
    ages = age.at - np.arange(len(shares))
    figure = go.Figure(
        go.Bar(
            x=ages,
            y=shares,
            name=sheet.cell("gru"),
            marker={"color": sheet.theme.cells["gru"]},
            hovertemplate="%{x}: %{y:.3%}<extra></extra>",
        )
    )
    figure.update_yaxes(tickformat=".0%")
    axes = {"x": sheet.say("memory.axis.age"), "y": sheet.say("memory.axis.share")}
    title = sheet.say("memory.age.figure", step=age.at)
    return sheet.finish(figure, title, _STRIP, sheet.say("memory.age.note"), axes=axes)


def age_sentence(age: AgeOfMemory, language: str) -> str:
    """The mean age of the content of the youngest and the oldest unit."""
    ages = (age.at - np.arange(age.at + 1)) @ age.weights[: age.at + 1]
    oldest = int(ages.argmax())
    fields = {"mean": count(float(ages.mean())), "unit": oldest, "oldest": count(ages[oldest])}
    return say("memory.age.result", language, at=age.at, **fields)


def waterfall(
    sheet: Sheet, cell: str, entries: LogitLedger, tokens: Sequence[str], symbol: str
) -> go.Figure:
    """How a logit adds up, in the order of time; small terms are one bar."""
    kept, rest = _largest(entries.terms[: entries.at + 1])
    names = [f"{step} · {html.escape(glyph(tokens[step]))}" for step in kept]
    values = [float(entries.terms[step]) for step in kept]
    other = rest + float(entries.initial.sum()) + entries.other
    names += [sheet.say("memory.logit.rest"), sheet.say("memory.logit.bias")]
    values += [other, entries.bias]
    names.append(sheet.say("memory.logit.total"))
    colours = {"increasing": sheet.theme.cells["lstm"], "decreasing": style.DIVERGING["light"][8]}
    figure = go.Figure(
        go.Waterfall(
            orientation="h",
            y=names,
            x=[*values, entries.logit],
            measure=["relative"] * len(values) + ["total"],
            name=sheet.cell(cell),
            text=[count(value) for value in (*values, entries.logit)],
            textposition="outside",
            cliponaxis=False,
            increasing={"marker": {"color": colours["increasing"]}},
            decreasing={"marker": {"color": colours["decreasing"]}},
            totals={"marker": {"color": sheet.theme.muted}},
            connector={"line": {"color": sheet.theme.grid}},
            hovertemplate="%{y}: %{text}<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed", type="category", automargin=True)
    ends = np.cumsum(values)
    low, high = min(0, ends.min()), max(0, ends.max())
    figure.update_xaxes(range=[low - 0.12 * (high - low), high + 0.18 * (high - low)])
    fields = {"cell": sheet.cell(cell), "step": entries.at, "symbol": html.escape(glyph(symbol))}
    title = sheet.say("memory.logit.figure", **fields)
    note = sheet.say("memory.logit.note")
    axes = {"x": sheet.say("memory.axis.logit"), "y": sheet.say("memory.axis.written")}
    return sheet.finish(figure, title, 26 * len(names), note, axes=axes)


def _largest(terms: np.ndarray) -> tuple[list[int], float]:
    """The steps of the largest terms, in the order of time, and the sum of the others."""
    kept = np.sort(np.argsort(-np.abs(terms))[:_TERMS])
    return [int(step) for step in kept], float(np.delete(terms, kept).sum())


def logit_sentence(
    cell: str, entries: LogitLedger, asked_step: int, symbol: str, language: str
) -> str:
    """How much of the logit stems from what the chosen step wrote itself."""
    fields = {"model": say(f"inline.{cell}", language), "logit": count(entries.logit)}
    own = float(entries.terms[asked_step]) if asked_step <= entries.at else 0.0
    text = say(
        "memory.logit.result",
        language,
        symbol=symbol,
        own=count(own),
        asked=asked_step,
        at=entries.at,
        **fields,
    )
    return text[:1].upper() + text[1:]


def paths_figure(
    sheet: Sheet, ledgers: Mapping[str, CounterfactualLedger], asked_step: int, at: int
) -> go.Figure:
    """By which way a change came to be here: one bar per model, three parts that sum to 1."""
    figure = go.Figure()
    theme = sheet.theme
    fills = {"erased": theme.muted, "written": theme.right, "relayed": theme.cells["gru"]}
    shapes = {"erased": "/", "written": "", "relayed": ""}
    for path in PATHS:
        shares = [getattr(each, path) for each in ledgers.values()]
        figure.add_trace(
            go.Bar(
                orientation="h",
                y=[sheet.cell(cell) for cell in ledgers],
                x=shares,
                name=sheet.say(f"memory.path.{path}"),
                marker={"color": fills[path], "pattern": {"shape": shapes[path]}},
                text=[share(part) if abs(part) > 0.06 else "" for part in shares],
                textposition="inside",
                insidetextanchor="middle",
                textfont={"color": theme.background},
                hovertemplate=sheet.say(f"memory.path.{path}") + ": %{x:.2%}<extra></extra>",
            )
        )
    figure.update_layout(barmode="relative")
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(tickformat=".0%")
    axes = {"x": sheet.say("memory.axis.path"), "y": ""}
    title = sheet.say("memory.path.figure", step=asked_step, at=at)
    note = sheet.say("memory.path.note")
    height = 44 * len(ledgers) + 20
    return sheet.finish(figure, title, height, note, legend=True, axes=axes)


def paths_sentence(
    ledgers: Mapping[str, CounterfactualLedger], asked_step: int, at: int, language: str
) -> str:
    """The three shares of every model, as numbers."""
    told = []
    for cell, each in ledgers.items():
        shares = {path: share(getattr(each, path)) for path in PATHS}
        model = say(f"inline.{cell}", language)
        told.append(say("memory.path.each", language, model=model, **shares))
    text = joined(told, language, starts=False)
    return say("memory.path.result", language, step=asked_step, at=at, told=text)
