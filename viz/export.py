"""The numbers of a figure as a table, read back from the figure itself."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import plotly.graph_objects as go


def to_csv(figure: go.Figure) -> str:
    """Every number that a figure draws: a row for each point or cell.

    The columns are the name of the series, both axes and, for heat maps, the value; they carry the
    figure's own titles. Cells that show nothing are left out.
    """
    sheet = io.StringIO()
    table = csv.writer(sheet, lineterminator="\n")
    table.writerow(_head(figure))
    for trace in figure.data:
        table.writerows(_rows(trace))
    return sheet.getvalue()


def _head(figure: go.Figure) -> list[str]:
    names = ["series"]
    for letter in "xy":
        axes = figure.select_xaxes() if letter == "x" else figure.select_yaxes()
        titles = {axis.title.text for axis in axes if axis.title.text}
        names.append(titles.pop() if len(titles) == 1 else letter)
    values = [trace for trace in figure.data if trace.type == "heatmap"]
    if values:
        names.append(values[0].colorbar.title.text or "value")
    return names


def _rows(trace: Any) -> Iterator[list[object]]:
    name = trace.name or ""
    if trace.hoverinfo == "skip":  # decoration: bands, marks of the chosen step
        return
    if trace.type == "heatmap":
        z = np.asarray(trace.z, dtype=np.float64)
        columns = range(z.shape[1]) if trace.x is None else trace.x
        rows = range(z.shape[0]) if trace.y is None else trace.y
        for y, values in zip(rows, z, strict=True):
            for x, value in zip(columns, values, strict=True):
                if not np.isnan(value):
                    yield [name, x, y, f"{value:.9g}"]
        return
    for x, y in zip(trace.x, trace.y, strict=True):
        if y is not None and x is not None:
            yield [name, _plain(x), _plain(y)]


def _plain(value: object) -> object:
    return f"{value:.9g}" if isinstance(value, float | np.floating) else value
