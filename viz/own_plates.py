"""Figures of a person's own model that the memory lab has no use for; they draw what they get."""

import html

import numpy as np
import plotly.graph_objects as go

from lstm_core.ledger import Ledger
from lstm_core.trace import LayerTrace, Trace
from viz.gradients import HIGH, LOW
from viz.sheet import Sheet, count
from viz.story import probabilities

_HEIGHT = 280
MOST_OUTPUTS = 40
"""The most outputs of a readout that are drawn."""


def change_map(sheet: Sheet, name: str, values: np.ndarray, reached: np.ndarray) -> go.Figure:
    """How far another input at each step moves the state, ``[changed, time]``.

    Args:
        reached: bool ``[changed, time]``: where the change can be felt at all.
    """
    high = float(np.nan_to_num(values, posinf=0).max(initial=0)) or 1.0
    shown = np.where(reached, values, np.nan)
    heat = sheet.heat(
        shown,
        0,
        high,
        sheet.say("memory.unit.scaled"),
        hoverongaps=False,
        hovertemplate=sheet.say("own.change.hover") + ": %{z:.4g}<extra></extra>",
    )
    figure = go.Figure(heat)
    figure.update_yaxes(autorange="reversed")
    axes = {"x": sheet.say("memory.axis.time"), "y": sheet.say("memory.axis.changed")}
    title = sheet.say("memory.change.scaled", cell=name)
    return sheet.finish(figure, title, _HEIGHT, sheet.say("own.change.note"), axes=axes)


def gradient_map(sheet: Sheet, name: str, ratios: np.ndarray) -> go.Figure:
    """The gradient's ratio to its own step by power of ten, ``[input_time, time]``."""
    with np.errstate(divide="ignore", invalid="ignore"):
        powers = np.log10(ratios)
    powers[~np.isfinite(powers)] = np.nan
    ticks = {
        "tickvals": [LOW, -4, -2, 0, HIGH],
        "ticktext": ["≤ 10⁻⁶", "10⁻⁴", "10⁻²", "1", "≥ 10"],
    }
    heat = sheet.heat(
        powers,
        LOW,
        HIGH,
        sheet.say("memory.unit.ratio"),
        colorbar=ticks,
        hoverongaps=False,
        hovertemplate=sheet.say("own.gradient.hover") + ": 10^%{z:.2f}<extra></extra>",
    )
    figure = go.Figure(heat)
    figure.update_yaxes(autorange="reversed")
    axes = {"x": sheet.say("memory.axis.time"), "y": sheet.say("memory.axis.input")}
    title = sheet.say("own.gradient.figure", name=name)
    return sheet.finish(figure, title, _HEIGHT, sheet.say("own.gradient.note"), axes=axes)


def ledger_map(sheet: Sheet, name: str, layer: LayerTrace, entries: Ledger) -> go.Figure:
    """What each step read so far wrote and is left of it, units downwards, steps to the right."""
    read = slice(entries.at, None) if layer.direction else slice(0, entries.at + 1)
    values = entries.writes[read].T
    end = float(np.percentile(np.abs(values), 99.5)) or float(np.abs(values).max()) or 1.0
    bar = {"tickvals": [-end, 0, end], "ticktext": [f"≤ {count(-end)}", "0", f"≥ {count(end)}"]}
    heat = sheet.heat(
        values,
        -end,
        end,
        sheet.say("memory.unit.left"),
        signed=True,
        x=np.arange(len(entries.writes))[read],
        colorbar=bar,
        hovertemplate=sheet.say("own.ledger.hover") + ": %{z:.4g}<extra></extra>",
    )
    axes = {"x": sheet.say("memory.axis.written"), "y": sheet.say("memory.axis.unit")}
    title = sheet.say(f"memory.ledger.figure-{layer.cell}", cell=name, step=entries.at)
    note = sheet.say("memory.ledger.note")
    return sheet.finish(go.Figure(heat), title, _HEIGHT, note, axes=axes)


def answer_map(
    sheet: Sheet, whole: Trace, classes: tuple[str, ...], *, as_shares: bool
) -> go.Figure:
    """The readout at every step, the outputs that vary or count most on top.

    Args:
        classes: what each output means; empty where nobody knows.
        as_shares: the softmax over all outputs instead of the numbers themselves.
    """
    assert whole.outputs is not None
    values = probabilities(whole.outputs) if as_shares else whole.outputs.astype(np.float64)
    finite = np.nan_to_num(values)
    weight = finite.max(axis=0) if as_shares else finite.std(axis=0)
    order = np.argsort(-weight, kind="stable")[:MOST_OUTPUTS]
    names = [html.escape(classes[k]) if classes else str(k) for k in order]
    end = 1.0 if as_shares else float(np.abs(finite[:, order]).max(initial=0)) or 1.0
    heat = sheet.heat(
        values[:, order].T,
        0.0 if as_shares else -end,
        end,
        sheet.say("own.answer.share" if as_shares else "own.answer.value"),
        signed=not as_shares,
        y=[f"{name} " for name in names],  # a blank keeps "1" from being taken for a number
        hovertemplate="%{y}· %{x}: %{z:.4g}<extra></extra>",
    )
    figure = go.Figure(heat)
    figure.update_yaxes(autorange="reversed", type="category")
    axes = {"x": sheet.say("memory.axis.time"), "y": sheet.say("own.answer.output")}
    fields = {"shown": len(order), "outputs": values.shape[1]}
    note = sheet.say("own.answer.note", **fields)
    height = max(120, 14 * len(order))
    return sheet.finish(figure, sheet.say("own.answer.figure"), height, note, axes=axes)
