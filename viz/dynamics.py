"""For experts: whether small changes grow, where a state comes to rest, what a matrix does."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from lstm_core.dynamics import FixedPoints, Spectrum
from viz import style
from viz.sheet import Sheet, count, joined, share
from viz.text import say

_HEIGHT, _SQUARE = 240, 320


def lyapunov_figure(sheet: Sheet, spectra: Mapping[str, np.ndarray]) -> go.Figure:
    """Every model's exponents, the largest first."""
    figure = go.Figure()
    for cell, values in spectra.items():
        figure.add_trace(
            go.Scatter(
                x=np.arange(1, len(values) + 1),
                y=np.where(np.isfinite(values), values, np.nan),
                name=sheet.cell(cell),
                mode="lines+markers",
                line=sheet.line(cell, width=1.5),
                marker={"size": 4},
                hovertemplate=f"{sheet.cell(cell)} %{{x}}: %{{y:.4f}}<extra></extra>",
            )
        )
    figure.add_hline(y=0, line={"color": sheet.theme.muted, "width": 1})
    axes = {"x": sheet.say("memory.axis.exponent-rank"), "y": sheet.say("memory.axis.exponent")}
    title, note = sheet.say("memory.lyapunov.figure"), sheet.say("memory.lyapunov.note")
    return sheet.finish(figure, title, _HEIGHT, note, legend=True, axes=axes)


def lyapunov_sentence(spectra: Mapping[str, np.ndarray], language: str) -> str:
    """The largest exponent of every model, and in how many steps it halves or doubles."""
    told = []
    for cell, values in spectra.items():
        top = float(values[0])
        steps = count(np.log(2) / abs(top)) if top else "∞"
        key = "memory.lyapunov.grows" if top > 0 else "memory.lyapunov.shrinks"
        fields = {"model": say(f"inline.{cell}", language), "top": count(top), "steps": steps}
        told.append(say(key, language, **fields))
    return joined(told, language)


@dataclass(frozen=True, kw_only=True, eq=False)
class Plane:
    """Two directions in which a trajectory varies most.

    Attributes:
        path: the trajectory in them, ``[time, 2]``.
        points: the fixed points in them, ``[point, 2]``.
        shown: the share of the trajectory's variance that the two hold.
    """

    path: np.ndarray
    points: np.ndarray
    shown: float

    @property
    def window(self) -> np.ndarray:
        """What is drawn, ``[2, low and high]``: the trajectory and as much again around it.

        A fixed point far away would shrink the trajectory to a dot.
        """
        low, high = self.path.min(axis=0), self.path.max(axis=0)
        around = np.maximum(high - low, 0.1) / 2
        return np.stack([low - around, high + around], axis=1)

    @property
    def outside(self) -> int:
        """How many fixed points lie outside the window."""
        low, high = self.window.T
        return int(((self.points < low) | (self.points > high)).any(axis=1).sum())


def plane(states: np.ndarray, points: np.ndarray) -> Plane:
    """The principal plane of `states`, ``[time, state]``, with `points` in it."""
    centre = states.mean(axis=0)
    _, sizes, directions = np.linalg.svd(states - centre, full_matrices=False)
    variances = sizes**2
    axes = np.zeros((states.shape[1], 2))
    axes[:, : min(2, len(directions))] = directions[:2].T
    whole = float(variances.sum()) or 1.0
    return Plane(
        path=(states - centre) @ axes,
        points=(points - centre) @ axes,
        shown=float(variances[:2].sum()) / whole,
    )


def plane_figure(sheet: Sheet, cell: str, found: Plane, points: FixedPoints) -> go.Figure:
    """The trajectory from dark to light, and the fixed points near it."""
    figure = go.Figure()
    ends = (0, len(found.path) - 1)
    stops = [(place / 31, colour) for place, colour in enumerate(style.SEQUENTIAL)]
    bar = {"title": {"text": sheet.say("memory.axis.time"), "side": "right"}, "thickness": 12}
    marker = {"size": 6, "color": np.arange(len(found.path)), "colorscale": stops, "colorbar": bar}
    figure.add_trace(
        go.Scatter(
            x=found.path[:, 0],
            y=found.path[:, 1],
            name=sheet.say("memory.plane.path"),
            mode="lines+markers",
            line={"color": sheet.theme.muted, "width": 1},
            marker=marker | {"cmin": ends[0], "cmax": ends[1]},
            hovertemplate=sheet.say("memory.axis.time") + " %{marker.color}<extra></extra>",
        )
    )
    for stable, symbol in ((True, "diamond"), (False, "diamond-open")):
        there = found.points[points.stable == stable]
        if len(there):
            name = sheet.say(f"memory.plane.{'stable' if stable else 'unstable'}")
            figure.add_trace(
                go.Scatter(
                    x=there[:, 0],
                    y=there[:, 1],
                    name=name,
                    mode="markers",
                    marker={"size": 12, "symbol": symbol, "color": sheet.theme.cells["lstm"]},
                    hovertemplate=f"{name}<extra></extra>",
                )
            )
    figure.update_xaxes(range=found.window[0])
    figure.update_yaxes(range=found.window[1])
    axes = {"x": sheet.say("memory.axis.pc", number=1), "y": sheet.say("memory.axis.pc", number=2)}
    title = sheet.say("memory.plane.figure", cell=sheet.cell(cell))
    note = sheet.say("memory.plane.note")
    return sheet.finish(figure, title, _SQUARE, note, legend=True, axes=axes)


def plane_sentence(
    cell: str, found: Plane, points: FixedPoints, ratio: float, language: str
) -> str:
    """How many fixed points were found, and in how many dimensions the state moves."""
    text = say(
        "memory.plane.result",
        language,
        model=say(f"inline.{cell}", language),
        points=len(points.states),
        stable=int(points.stable.sum()),
        starts=points.starts,
        outside=found.outside,
        shown=share(found.shown),
        ratio=count(ratio),
    )
    return text[:1].upper() + text[1:]


def eigenvalue_figure(sheet: Sheet, cell: str, spectra: Mapping[str, Spectrum]) -> go.Figure:
    """The eigenvalues of every recurrent matrix, with the circle of size 1."""
    figure = go.Figure()
    turn = np.linspace(0, 2 * np.pi, 121)
    circle = {"color": sheet.theme.muted, "width": 1, "dash": "dash"}
    figure.add_trace(
        go.Scatter(
            x=np.cos(turn), y=np.sin(turn), mode="lines", line=circle, hoverinfo="skip"
        ).update(showlegend=False)
    )
    names = {"i": "circle", "f": "diamond", "g": "cross", "o": "square"}
    names |= {"r": "circle", "z": "diamond", "n": "cross", "h": "circle"}
    theme = sheet.theme
    colours = [theme.cells["gru"], theme.cells["lstm"], theme.right, theme.muted]
    for number, (gate, spectrum) in enumerate(spectra.items()):
        figure.add_trace(
            go.Scatter(
                x=spectrum.eigenvalues.real,
                y=spectrum.eigenvalues.imag,
                name=f"{sheet.say(f'signal.{cell}.{gate}')} {gate}",
                mode="markers",
                marker={"symbol": names[gate], "color": colours[number], "size": 7, "opacity": 0.8},
                hovertemplate=f"{gate}: %{{x:.3f}} + %{{y:.3f}} i<extra></extra>",
            )
        )
    axes = {"x": sheet.say("memory.axis.real"), "y": sheet.say("memory.axis.imaginary")}
    title = sheet.say("memory.eigenvalues.figure", cell=sheet.cell(cell))
    figure.update_yaxes(scaleanchor="x")
    return sheet.finish(
        figure, title, _SQUARE, sheet.say("memory.eigenvalues.note"), legend=True, axes=axes
    )


def eigenvalue_sentence(cell: str, spectra: Mapping[str, Spectrum], language: str) -> str:
    """The spectral radius of every matrix beside its norm."""
    told = [
        say(
            "memory.eigenvalues.each",
            language,
            gate=say(f"signal.{cell}.{gate}", language),
            radius=count(spectrum.radius),
            norm=count(spectrum.norm),
        )
        for gate, spectrum in spectra.items()
    ]
    return joined(told, language)
