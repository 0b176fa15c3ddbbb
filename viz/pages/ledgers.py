"""The fourth and fifth part of the memory lab: who wrote what, and how units forget."""

import numpy as np
import streamlit as st

from lstm_core.ledger import age_of_memory, ledger
from lstm_core.memory import gate_saturation, retention
from lstm_core.shares import logit_ledger
from lstm_core.tasks import TASKS
from lstm_core.trace import Trace
from viz import lab
from viz import ledgers as figures
from viz import retention as fading
from viz.memory import THRESHOLD, Asked, Changes, lasts
from viz.pages import address
from viz.pages.plates import Room
from viz.quoting import quoted
from viz.sheet import count, joined

GATED = ("lstm", "gru")


def show(room: Room, changes: dict[str, Changes], asked: Asked) -> None:
    """Draw both parts for the chosen token."""
    traces = room.traces()
    st.subheader(room.say("memory.ledger.title"), anchor="ledger")
    at = _choose_step(room, asked)
    cell = room.choose_cell(list(room.models), "ledger-model")
    _written(room, traces[cell], cell, asked, at)
    _paths(room, traces, asked, at)
    st.subheader(room.say("memory.half.title"), anchor="forgetting")
    _forgetting(room, traces, changes, asked, at)


def _choose_step(room: Room, asked: Asked) -> int:
    last = len(room.tokens) - 1
    chosen, until = room.view.step, asked.until
    first = chosen if chosen is not None and chosen <= last else last if until is None else until
    key = f"at-{room.task}-{room.example.seed}-{last}"
    return int(st.slider(room.say("memory.ledger.step"), 0, last, first, key=key))


# ---- 4


def _written(room: Room, one: Trace, cell: str, asked: Asked, at: int) -> None:
    if cell not in GATED:
        st.markdown(f"**{room.say('memory.ledger.rnn', at=at)}**")
        return
    room.explain("memory.ledger")
    language, entries = room.view.language, ledger(one, at)
    told = figures.ledger_sentence(cell, entries, asked.step, room.tokens, language)
    st.markdown(f"**{told}**")
    left, right = st.columns([3, 2])
    with left:
        room.plate(figures.ledger_map(room.sheet, cell, entries, room.tokens), f"ledger-{cell}")
    with right:
        _logit(room, one, cell, asked, at)
    if cell == "gru":
        age = age_of_memory(one, at)
        room.explain("memory.age")
        st.markdown(f"**{figures.age_sentence(age, language)}**")
        room.plate(figures.age_figure(room.sheet, age), "age")


def _logit(room: Room, one: Trace, cell: str, asked: Asked, at: int) -> None:
    answer = _answer(room, one, at)
    symbol = TASKS[room.task].classes[answer]
    entries = logit_ledger(one, room.models[cell].model, at, answer)
    room.plate(figures.waterfall(room.sheet, cell, entries, room.tokens, symbol), f"logit-{cell}")
    told = figures.logit_sentence(cell, entries, asked.step, quoted(symbol), room.view.language)
    st.markdown(told)
    room.explain("memory.logit")


def _answer(room: Room, one: Trace, at: int) -> int:
    """The class that the model gives at step `at`."""
    assert one.outputs is not None  # a shipped model has a readout
    return int(np.nan_to_num(one.outputs[at]).argmax())


def _paths(room: Room, traces: dict[str, Trace], asked: Asked, at: int) -> None:
    if at < asked.step:
        st.info(room.say("memory.path.later", at=at, step=asked.step))
        return
    found = {
        cell: lab.path_of_change(room.models[cell], one, room.task, asked, at)
        for cell, one in traces.items()
        if cell in GATED
    }
    if not found:  # only a plain RNN loaded, and its one sentence stands above
        return
    there = {cell: each for cell, each in found.items() if each is not None}
    if not there:
        st.info(room.say("memory.path.same"))
        return
    room.explain("memory.path")
    told = figures.paths_sentence(there, asked.step, at, room.view.language)
    st.markdown(f"**{told}**")
    room.plate(figures.paths_figure(room.sheet, there, asked.step, at), "paths")


# ---- 5


def _forgetting(
    room: Room, traces: dict[str, Trace], changes: dict[str, Changes], asked: Asked, at: int
) -> None:
    half_lives = lab.half_lives(traces)
    if not half_lives:
        st.markdown(room.say("memory.no-gates"))
        return
    language = room.view.language
    room.explain("memory.half")
    limit = THRESHOLD["output"]
    lasting = {c: lasts(changes[c].output[asked.step], asked.step, limit) for c in half_lives}
    st.markdown(f"**{fading.half_life_sentence(half_lives, lasting, language)}**")
    room.plate(fading.half_life_figure(room.sheet, half_lives), "half-life")
    cell = room.choose_cell(list(half_lives), "forgetting-model")
    units = _units(room, traces[cell], cell, half_lives[cell], at)
    left, right = st.columns(2)
    with left:
        _retention(room, traces[cell], cell, asked, at, units)
    with right:
        found = gate_saturation(traces[cell])
        room.plate(fading.saturation_figure(room.sheet, cell, found), f"saturation-{cell}")
        st.markdown(fading.saturation_sentence(cell, found, language))
        room.explain("memory.saturation")


def _retention(room: Room, one: Trace, cell: str, asked: Asked, at: int, units: list[int]) -> None:
    left = retention(one, asked.step)
    figure = fading.retention_figure(room.sheet, cell, left, asked.step, units)
    room.plate(figure, f"retention-{cell}")
    if at > asked.step:
        st.markdown(fading.retention_sentence(cell, left, asked.step, at, room.view.language))


def _units(room: Room, one: Trace, cell: str, half_lives: np.ndarray, at: int) -> list[int]:
    """Name the units that matter, with links that open them on the stage."""
    named = lab.units_of_answer(room.models[cell], one, at, _answer(room, one, at))
    told = [
        room.say("memory.units.answer", unit=u.index, amount=count(u.amount), at=at) for u in named
    ]
    slowest = int(half_lives.argmax())
    half = count(half_lives[slowest])
    told.append(room.say("memory.units.slowest", unit=slowest, half=half))
    units = list(dict.fromkeys([*(unit.index for unit in named), slowest]))
    language = room.view.language
    model = room.say(f"inline.{cell}")
    st.markdown(
        room.say("memory.units.result", model=model, told=joined(told, language, starts=False))
    )
    stage = st.session_state.get("menu", [None])[0]
    with st.container(horizontal=True):
        for unit in units if stage else ():
            query = address.query() | {"unit": str(unit), "focus": cell, "step": str(at)}
            models = room.view.models
            query["models"] = ",".join(models if cell in models else (*models, cell))
            label = room.say("memory.units.open", unit=unit, at=at)
            st.page_link(stage, label=label, icon=":material/open_in_new:", query_params=query)
    return units
