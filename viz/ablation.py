"""Which units matter: a map of what every clamp costs, recall with one clamp, and what they say.

What is drawn was measured by `survey`.
"""

import re
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from lstm_core.effect import Ablation, Estimate
from lstm_core.tasks import FlaggedRecall
from viz.recall import add_landmarks, measured_lines
from viz.sheet import Sheet, count, share
from viz.survey import AT_EACH_DELAY, MATTERS, ByDelay, Costs, Measure
from viz.text import say, signal_name

MOST_ROWS = 32
"""Units that a map shows before it is asked for all."""

_ROW, _CURVE = 12, 220
"""Heights in pixels: of a unit's row, of a curve."""

_UNITS: dict[Measure, float] = {"accuracy": 100, "loss": 1}
"""How many percentage points are a share of 1; bits stay bits."""


def amount(estimate: float, measure: Measure, *, digits: int = 1) -> str:
    """A cost as a number without its unit: percentage points, or bits.

    >>> amount(0.4125, "accuracy"), amount(-0.02, "accuracy"), amount(0.4312, "loss")
    ('41.2', '−2.0', '0.43')
    """
    digits += measure == "loss"
    number = round(_UNITS[measure] * estimate, digits) + 0.0  # no minus before a zero
    return f"{number:.{digits}f}".replace("-", "−")


def costs_map(
    sheet: Sheet, costs: Costs, rows: int = MOST_ROWS, chosen: Ablation | None = None
) -> go.Figure:
    """What clamping each signal of each unit costs, ``[unit, signal]``, the dearest units on top.

    A heat map, and over it markers that nobody sees: a heat map alone cannot be clicked in
    Streamlit. Their custom data are the signal and the unit.

    Args:
        rows: show at most so many units.
        chosen: this one's square gets a frame.
    """
    units, signals = costs.units[:rows], costs.signals
    grid = [[costs.find(signal, unit) for signal in signals] for unit in units]
    names = [_column(sheet, costs.cell, signal) for signal in signals]
    figure = go.Figure(_squares(sheet, costs, grid, names, [str(unit) for unit in units]))
    shown = [one for row in grid for one in row if one is not None]
    figure.add_trace(_targets(sheet, costs, shown, dict(zip(signals, names, strict=True))))
    if chosen in shown:
        _frame(figure, sheet, signals.index(chosen.signal), units.index(chosen.unit))
    # Given ranges, since room for markers at the edges would look like empty rows.
    fixed = {"type": "category", "fixedrange": True, "showgrid": False}
    figure.update_xaxes(fixed, range=[-0.5, len(signals) - 0.5], tickangle=0, tickfont={"size": 10})
    figure.update_yaxes(fixed, range=[len(units) - 0.5, -0.5], tickfont={"size": 10}, dtick=1)
    # The nearest marker answers wherever a square is clicked.
    figure.update_layout(hoverdistance=-1, hovermode="closest")
    fields = {"cell": sheet.cell(costs.cell), "clamp": _clamp(costs.dearest, sheet.language)}
    title = sheet.say(f"units.map-{costs.measure}", **fields)
    key = "units.map-note" if costs.complete else "units.map-note-part"
    note = sheet.say(key, shown=len(units), all=len(costs.units))
    height = max(120, _ROW * len(units))
    return sheet.finish(figure, title, height, note, axes={"y": sheet.say("units.axis.unit")})


def _column(sheet: Sheet, cell: str, signal: str) -> str:
    """A signal's symbol above its name, in lines that fit a telephone's column."""
    name = re.split(" ?[(（]", signal_name(cell, signal, sheet.language))[0]
    lines = name.split() if sheet.language == "en" else re.findall(".{1,3}$|..", name)
    return "<br>".join([f"<b>{signal}</b>", *lines])


def _squares(
    sheet: Sheet,
    costs: Costs,
    grid: Sequence[Sequence[Ablation | None]],
    columns: list[str],
    rows: list[str],
) -> go.Heatmap:
    """The heat map, with the number in every square that matters."""
    found = [[None if one is None else costs.cost(one).value for one in row] for row in grid]
    values = _UNITS[costs.measure] * np.array(found, dtype=np.float64)
    end = max(float(np.nanmax(np.abs(values))), _UNITS[costs.measure] * MATTERS[costs.measure])
    return sheet.heat(
        values,
        -end,
        end,
        sheet.say(f"units.bar-{costs.measure}"),
        signed=True,
        name=sheet.cell(costs.cell),
        x=columns,
        y=rows,
        text=[[_written(one, costs) for one in row] for row in grid],
        texttemplate="%{text}",
        textfont={"size": 10},
        xgap=1,
        ygap=1,
        hoverinfo="skip",
    )


def _written(one: Ablation | None, costs: Costs) -> str:
    """What stands in a square: nothing where the cost is below what matters."""
    if one is None or abs(costs.cost(one).value) < MATTERS[costs.measure]:
        return ""
    return amount(costs.cost(one).value, costs.measure, digits=int(costs.measure == "loss"))


def _targets(
    sheet: Sheet, costs: Costs, shown: Sequence[Ablation], columns: dict[str, str]
) -> go.Scatter:
    """A marker for every square, to be pointed at and clicked."""
    unseen = {"marker": {"opacity": 0}}
    return go.Scatter(
        x=[columns[one.signal] for one in shown],
        y=[str(one.unit) for one in shown],
        customdata=[[one.signal, one.unit] for one in shown],
        mode="markers",
        marker={"size": 10, "opacity": 0},
        selected=unseen,
        unselected=unseen,
        showlegend=False,
        hovertext=[_hover(sheet, costs, one) for one in shown],
        hovertemplate="%{hovertext}<extra></extra>",
        hoverlabel={"bgcolor": sheet.theme.panel, "font": {"color": sheet.theme.ink}},
    )


def _frame(figure: go.Figure, sheet: Sheet, column: int, row: int) -> None:
    """Draw a frame around one square."""
    corners = {"x0": column - 0.5, "x1": column + 0.5, "y0": row - 0.5, "y1": row + 0.5}
    figure.add_shape(corners, type="rect", line={"color": sheet.theme.ink, "width": 2})


def _hover(sheet: Sheet, costs: Costs, one: Ablation) -> str:
    lines = [
        sheet.say(
            "units.hover",
            signal=signal_name(costs.cell, one.signal, sheet.language),
            symbol=one.signal,
            unit=one.unit,
            clamp=_clamp(one, sheet.language),
        )
    ]
    for measure in ("accuracy", "loss"):
        both = Costs(cell=costs.cell, measure=measure, ranked=(one,))
        lines.append(_costs(both, one, sheet.language))
    return "<br>".join(lines)


def _costs(costs: Costs, one: Ablation, language: str) -> str:
    """A cost with its unit and its interval."""
    fields = interval(costs.cost(one), costs.measure)
    return say(f"units.cost-{costs.measure}", language, **fields)


def interval(estimate: Estimate, measure: Measure) -> dict[str, str]:
    """The fields ``cost``, ``low`` and ``high`` of a sentence."""
    ends = {"cost": estimate.value, "low": estimate.low, "high": estimate.high}
    return {name: amount(number, measure) for name, number in ends.items()}


def _clamp(one: Ablation, language: str) -> str:
    """What a signal was held at; a mean differs from unit to unit."""
    if one.clamp == "mean":
        return say("units.clamp-mean", language)
    return say("units.clamp-number", language, value=count(one.value))


def _clamped_to(one: Ablation, language: str) -> str:
    """The same with the number that the mean is."""
    if one.clamp == "mean":
        return say("units.clamp-mean-number", language, value=count(one.value))
    return _clamp(one, language)


def label(costs: Costs, one: Ablation, place: int, language: str) -> str:
    """One line of the ranked list; `place` counts from 1."""
    fields = {"place": place, "unit": one.unit, "symbol": one.signal}
    name = signal_name(costs.cell, one.signal, language)
    told = _costs(costs, one, language)
    return say("units.label", language, signal=name, told=told, **fields)


def ranked_rows(costs: Costs, most: int, language: str) -> list[dict[str, str]]:
    """The dearest ablations as rows of a table, with the columns' names."""
    head = [say(f"units.head-{name}", language) for name in ("signal", "unit")]
    head += [say(f"units.bar-{costs.measure}", language), say("units.head-interval", language)]
    rows = []
    for one in costs.ranked[:most]:
        fields = interval(costs.cost(one), costs.measure)
        span = say("units.interval", language, low=fields["low"], high=fields["high"])
        name = f"{signal_name(costs.cell, one.signal, language)} {one.signal}"
        rows.append(dict(zip(head, (name, str(one.unit), fields["cost"], span), strict=True)))
    return rows


# ---- What they say


def sentence(costs: Costs, chance: float | None, language: str) -> str:
    """What the dearest ablation costs, and how many units do not matter alone.

    Args:
        chance: what guessing gives, where the task says so.
    """
    told = [_dearest(costs, language)]
    if costs.complete:
        told.append(_idle(costs, language))
    base = _untouched(costs.dearest)[0]
    if chance is not None and base < 0.5:
        fields = {"base": share(base), "chance": share(chance)}
        told.append(say("units.little-to-lose", language, **fields))
    return say("stage.gap", language).join(told)


def _dearest(costs: Costs, language: str) -> str:
    one, model = costs.dearest, say(f"inline.{costs.cell}", language)
    if costs.cost(one).value < MATTERS[costs.measure]:
        return say(f"units.nothing-{costs.measure}", language, model=model)
    return say(
        f"units.dearest-{costs.measure}",
        language,
        model=model,
        signal=signal_name(costs.cell, one.signal, language),
        unit=one.unit,
        clamp=_clamped_to(one, language),
        **interval(costs.cost(one), costs.measure),
    )


def _idle(costs: Costs, language: str) -> str:
    fields = {"idle": costs.idle, "all": len(costs.units)}
    key = {0: "none", 1: "one"}.get(costs.idle, "some")
    return say(f"units.idle-{key}-{costs.measure}", language, **fields)


def _untouched(one: Ablation) -> tuple[float, float]:
    """The accuracy and the loss, in bits per answer, of the model left alone."""
    found = one.effect
    accuracy = found.accuracy.value - found.accuracy_change.value
    return accuracy, (found.loss.value - found.loss_change.value) / np.log(2)


def chosen_sentence(costs: Costs, one: Ablation, language: str) -> str:
    """What one ablation changes: right answers and loss, before and after, with intervals."""
    accuracy, bits = _untouched(one)
    changes = {
        measure: _costs(Costs(cell=costs.cell, measure=measure, ranked=(one,)), one, language)
        for measure in MATTERS
    }
    return say(
        "units.chosen",
        language,
        signal=signal_name(costs.cell, one.signal, language),
        unit=one.unit,
        clamp=_clamped_to(one, language),
        before=share(accuracy),
        after=share(one.effect.accuracy.value),
        accuracy=changes["accuracy"],
        bits=amount(bits, "loss"),
        bits_after=amount(one.effect.loss.value / np.log(2), "loss"),
        loss=changes["loss"],
    )


# ---- By delay


def delay_figure(
    sheet: Sheet, cell: str, one: Ablation, task: FlaggedRecall, found: ByDelay
) -> go.Figure:
    """Recall against delay, untouched and with the ablation, each with its intervals."""
    before, after = sheet.say("units.untouched"), sheet.say("units.clamped")
    plain = {"color": sheet.theme.ink, "dash": "dash", "width": 2}
    figure = go.Figure(measured_lines(found.untouched, before, plain, "untouched"))
    coloured = {"color": sheet.theme.cells[cell], "width": 3}
    figure.add_traces(measured_lines(found.clamped, after, coloured, "clamped"))
    ticks = [point.delay for point in found.clamped]
    figure.update_xaxes(type="log", tickvals=ticks, tickformat="d")
    figure.update_yaxes(range=[-0.03, 1.05], tickformat=".0%")
    add_landmarks(figure, sheet, task)
    signal = signal_name(cell, one.signal, sheet.language)
    fields = {"signal": signal, "unit": one.unit, "clamp": _clamp(one, sheet.language)}
    title = sheet.say("units.delay-figure", cell=sheet.cell(cell), **fields)
    note = sheet.say("units.delay-note", sequences=AT_EACH_DELAY)
    axes = {"x": sheet.say("memory.axis.delay"), "y": sheet.say("memory.axis.accuracy")}
    return sheet.finish(figure, title, _CURVE, note, legend=True, axes=axes)


def delay_sentence(found: ByDelay, language: str) -> str:
    """At which delay the ablation takes most away, and what it takes at the shortest."""
    worst = int(np.argmax(found.lost))
    if found.lost[worst] < MATTERS["accuracy"]:
        return say("units.delay-nothing", language)
    point = found.clamped[worst]
    delay = found.untouched[0].delay
    return say(
        "units.delay-worst",
        language,
        delay=point.delay,
        after=share(point.accuracy),
        low=share(point.low),
        high=share(point.high),
        before=share(found.untouched[worst].accuracy),
        shortest=delay,
        lost=amount(found.lost[0], "accuracy"),
    )
