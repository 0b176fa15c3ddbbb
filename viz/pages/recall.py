"""The first part of the memory lab: recall against delay, recorded and measured now."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from lstm_core.probing import RecallAtDelay
from lstm_core.tasks import FlaggedRecall
from viz import lab
from viz.pages import cached
from viz.pages.plates import Room
from viz.recall import recall_figure, recall_sentence

Found = dict[str, list[RecallAtDelay]]


@dataclass(frozen=True, kw_only=True)
class Errand:
    """What a person asked to be measured, and the bar that shows how far it is."""

    missing: list[tuple[str, int]]
    bar: Any


def show(room: Room, task: FlaggedRecall) -> Errand | None:
    """Draw the part; returns what is to be measured once the rest of the page stands."""
    room.explain("memory.recall")
    live = _found(room)
    errand = _ask(room, task, live)
    st.markdown(f"**{recall_sentence(task, room.models, live, room.view.language)}**")
    room.plate(recall_figure(room.sheet, task, room.models, live), "recall")
    return errand


def _found(room: Room) -> Found:
    """What was measured of this task in this session."""
    task, found = st.session_state.get("recalled", ("", {}))
    return found if task == room.task else {}


def _ask(room: Room, task: FlaggedRecall, live: Found) -> Errand | None:
    wanted = lab.rounds(list(room.models), lab.delays_of(task))
    missing = [(c, d) for c, d in wanted if d not in {p.delay for p in live.get(c, ())}]
    if not missing:
        return None
    about = room.say("memory.recall.measure-help", sequences=f"{cached.SEQUENCES:,}")
    with st.container(horizontal=True, vertical_alignment="center"):
        asked = st.button(room.say("memory.recall.measure"), key="measure-recall", help=about)
        if not asked:
            return None
        # Outside of a fragment, so that it ends the run that measures.
        st.button(room.say("memory.recall.stop"), key="stop-recall", icon=":material/stop:")
        return Errand(missing=missing, bar=st.progress(0.0))


def measure(room: Room, errand: Errand) -> None:
    """Measure one model and delay after the other; what was measured before a stop is kept."""
    found = _found(room)
    st.session_state.recalled = (room.task, found)
    for number, (cell, delay) in enumerate(errand.missing):
        fields = {"cell": room.sheet.cell(cell), "delay": delay, "done": number}
        told = room.say("memory.recall.progress", all=len(errand.missing), **fields)
        errand.bar.progress(number / len(errand.missing), told)
        found.setdefault(cell, []).append(cached.recalled(room.task, cell, delay))
    st.rerun()
