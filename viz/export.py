"""Traces and figures as files to take elsewhere: bytes and text, never a path.

The stage as a file is in `player`, the Python that makes a trace again in `snippet`.
"""

import csv
import io
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import plotly.graph_objects as go

from lstm_core.trace import Trace


def trace_npz(trace: Trace) -> bytes:
    """The file that `Trace.save` writes; `Trace.load` and ``numpy.load`` read it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "trace.npz"
        trace.save(path)
        return path.read_bytes()


def trace_csv(trace: Trace) -> bytes:
    """A row for each layer, direction, time, unit and signal, and its value, which reads back."""
    text: str = trace.to_pandas().to_csv(index=False, lineterminator="\n")
    return text.encode()


def trace_parquet(trace: Trace) -> bytes:
    """The table of `trace_csv` with its types; needs pyarrow, which comes with Streamlit."""
    data: bytes = trace.to_pandas().to_parquet(engine="pyarrow", index=False)
    return data


def figure_html(figure: go.Figure) -> str:
    """A page with the figure that zooms and needs no network: Plotly itself is inside, 4 MB.

    The camera in its corner saves an SVG.
    """
    config = {"displaylogo": False, "toImageButtonOptions": {"format": "svg"}}
    text: str = figure.to_html(include_plotlyjs=True, full_html=True, config=config)
    return text


class PictureError(RuntimeError):
    """No picture can be drawn here. `code` is ``"no-kaleido"`` or ``"no-browser"``."""

    def __init__(self, code: str, message: str) -> None:
        """Keep a machine-readable `code` beside the English `message`."""
        super().__init__(message)
        self.code = code


def figure_picture(figure: go.Figure, kind: str, *, width: int = 1200) -> bytes:
    """The figure as a ``"png"`` at twice the density of a screen, or as an ``"svg"``.

    Raises:
        PictureError: if kaleido is not installed, or finds no Chrome or Chromium.
    """
    if find_spec("kaleido") is None:
        raise PictureError("no-kaleido", "expected the package kaleido, which is not installed")
    try:
        data: bytes = figure.to_image(format=kind, width=width, scale=2)
    except RuntimeError as error:
        message = f"kaleido draws with Chrome or Chromium and could not: {error}"
        raise PictureError("no-browser", message) from error
    return data


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
