"""The last part of the memory lab, folded: what experts ask of a dynamical system."""

import numpy as np
import streamlit as st

from lstm_core.dynamics import (
    FixedPoints,
    fixed_points,
    participation_ratio,
    spectral_radius,
)
from lstm_core.trace import Trace
from viz import dynamics as figures
from viz.pages import cached
from viz.pages.plates import Room

STARTS = 16
"""States of the trajectory from which fixed points are sought."""


def show(room: Room) -> None:
    """Draw the part; nothing of it is computed before it is opened.

    No fragment: a button inside of one cannot end the run that searches.
    """
    with st.expander(room.say("memory.expert.title"), key="expert", on_change="rerun") as box:
        if not box.open:
            return
        spectra = {cell: cached.exponents(room.task, cell, room.tokens) for cell in room.models}
        language = room.view.language
        st.markdown(f"**{figures.lyapunov_sentence(spectra, language)}**")
        room.plate(figures.lyapunov_figure(room.sheet, spectra), "lyapunov")
        room.explain("memory.lyapunov")
        cell = room.choose_cell(list(room.models), "expert-model")
        one = cached.traced(room.task, cell, room.tokens)
        _plane(room, one, cell)
        found = spectral_radius(one)
        st.markdown(figures.eigenvalue_sentence(cell, found, language))
        room.plate(figures.eigenvalue_figure(room.sheet, cell, found), f"eigenvalues-{cell}")
        room.explain("memory.eigenvalues")


def _plane(room: Room, one: Trace, cell: str) -> None:
    points = _rests(room, one, cell)
    if points is None:
        return
    h = one["h"].astype(np.float64)
    plane = figures.plane(h, points.states[:, : h.shape[1]])
    ratio = participation_ratio(h)
    told = figures.plane_sentence(cell, plane, points, ratio, room.view.language)
    st.markdown(f"**{told}**")
    room.plate(figures.plane_figure(room.sheet, cell, plane, points), f"plane-{cell}")
    room.explain("memory.plane")


def _states(one: Trace) -> np.ndarray:
    """The whole state at every step, ``[time, state]``: h, and c of an LSTM."""
    keys = ("h", "c") if one.cell == "lstm" else ("h",)
    return np.concatenate([one[key] for key in keys], axis=1).astype(np.float64)


def _rests(room: Room, one: Trace, cell: str) -> FixedPoints | None:
    """The fixed points under the mean input, one start after the other, or kept from before.

    The button that stops reruns the page, which ends the search.
    """
    key = (room.task, cell, room.tokens)
    kept: dict[object, FixedPoints] = st.session_state.setdefault("rests", {})
    if key in kept:
        return kept[key]
    stopped = st.session_state.get("rests_stopped") == key
    place = st.empty()
    with place.container():
        label = "memory.plane.search" if stopped else "memory.recall.stop"
        args = (None if stopped else key,)
        st.button(room.say(label), key=f"rests-{cell}-{stopped}", on_click=_note_stop, args=args)
        if stopped:
            return None
        bar = st.progress(0.0)
    mean, states = one.layer().inputs.mean(axis=0), _states(one)
    places = np.unique(np.linspace(0, len(states) - 1, STARTS).astype(int))
    ends = []
    for number, start in enumerate(places):
        fields = {"done": number, "all": len(places)}
        bar.progress(number / len(places), room.say("memory.plane.progress", **fields))
        ends.append(fixed_points(one, mean, starts=states[start : start + 1]).states)
    place.empty()
    while len(kept) >= 6:
        kept.pop(next(iter(kept)))
    kept[key] = _merged(one, mean, np.concatenate(ends), len(places))
    return kept[key]


def _merged(one: Trace, x: np.ndarray, ends: np.ndarray, starts: int) -> FixedPoints:
    """The distinct ones among `ends`, each of which is one already."""
    found = fixed_points(one, x, starts=ends)
    parts = {name: value for name, value in vars(found).items() if name != "starts"}
    return FixedPoints(starts=starts, **parts)


def _note_stop(key: object) -> None:
    st.session_state.rests_stopped = key
