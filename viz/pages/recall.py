"""The first part of the memory lab: recall against delay, recorded and measured now."""

import streamlit as st

from lstm_core.probing import RecallAtDelay
from lstm_core.tasks import TASKS, FlaggedRecall
from viz import lab
from viz.pages import cached
from viz.pages.plates import Room
from viz.recall import recall_figure, recall_sentence

Found = dict[str, list[RecallAtDelay]]


def show(room: Room) -> None:
    """Draw the part, and measure where a person asked for it."""
    room.explain("memory.recall")
    _part(room)


@st.fragment
def _part(room: Room) -> None:
    task = TASKS[room.task]
    if not isinstance(task, FlaggedRecall):
        return
    progress = st.empty()
    if _measure(room, task, progress.container()):
        progress.empty()
    live = _found(room)
    st.markdown(f"**{recall_sentence(task, room.models, live, room.view.language)}**")
    room.plate(recall_figure(room.sheet, task, room.models, live), "recall")


def _found(room: Room) -> Found:
    """What was measured of this task in this session."""
    task, found = st.session_state.get("recalled", ("", {}))
    return found if task == room.task else {}


def _measure(room: Room, task: FlaggedRecall, place: "st.delta_generator.DeltaGenerator") -> bool:
    """Measure one model and delay after the other; whether it went to the end.

    The button that stops reruns this part, which ends the loop; what was measured stays.
    """
    wanted = list(lab.rounds(list(room.models), lab.delays_of(task)))
    found = _found(room)
    missing = [(c, d) for c, d in wanted if d not in {p.delay for p in found.get(c, ())}]
    if not missing:
        return True
    help_text = room.say("memory.recall.measure-help", sequences=cached.SEQUENCES)
    with place:
        asked = st.button(room.say("memory.recall.measure"), key="measure-recall", help=help_text)
        if not asked:
            return False
        st.button(room.say("memory.recall.stop"), key="stop-recall", icon=":material/stop:")
        bar = st.progress(0.0)
    st.session_state.recalled = (room.task, found)
    for number, (cell, delay) in enumerate(missing):
        text = {"cell": room.sheet.cell(cell), "delay": delay, "done": number, "all": len(missing)}
        bar.progress(number / len(missing), room.say("memory.recall.progress", **text))
        found.setdefault(cell, []).append(cached.recalled(room.task, cell, delay))
    return True
