"""Which units matter: what clamping one signal of one unit costs, for every one of them.

The map is measured at once, part by part, and can be stopped; what is measured is kept for every
visitor. A square of the map leads to recall at each delay and to the stage.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import streamlit as st

from lstm_core.effect import Ablation, Clamp
from lstm_core.tasks import TASKS, FlaggedRecall
from viz import ablation, survey
from viz.pages import address, cached
from viz.pages.plates import Room, bar, on_telephone, opened, picture
from viz.sheet import Sheet, share
from viz.surgery import Change, write_changes
from viz.survey import ByDelay, Costs, Measure, Survey

_LISTED = 5
"""Ablations in the table beside the map; the others are in the list below it."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a person wants to see measured."""

    task: str
    cell: str
    clamp: Clamp
    measure: Measure
    seed: int

    @property
    def key(self) -> tuple[str, str, Clamp, int]:
        """What a survey depends on."""
        return self.task, self.cell, self.clamp, self.seed


@st.cache_resource(show_spinner=False, max_entries=24)
def _survey(task: str, cell: str, clamp: Clamp, seed: int) -> Survey:
    return survey.survey(cached.model(task, cell), task, clamp, seed)


@st.cache_resource(show_spinner=False, max_entries=128)
def _by_delay(
    task: str, cell: str, clamp: Clamp, seed: int, signal: str, unit: int, _one: Ablation
) -> ByDelay:
    known = TASKS[task]
    assert isinstance(known, FlaggedRecall)
    return survey.by_delay(cached.model(task, cell), known, _one, seed)


def show() -> None:
    """Draw the page."""
    view, example, models = opened()
    if not models:
        return
    sheet = Sheet(language=view.language, dark=st.context.theme.type == "dark")
    room = Room(view=view, example=example, tokens=example.tokens, models=models, sheet=sheet)
    _experiment(room)


def _experiment(room: Room) -> None:
    score = survey.score_of(room.task)
    lead = room.say(f"units.lead-{score}", sequences=survey.SEQUENCES[score])
    st.markdown(f"**{room.say('units.title')}** {lead}")
    asked = _ask(room)
    found = _survey(*asked.key)
    _measure(room, asked, found)
    if found.found:
        _result(room, asked, found)


def _ask(room: Room) -> Asked:
    """The row in which a person chooses the model, the clamp and what counts as a cost."""
    first = survey.score_of(room.task)
    with st.container(horizontal=True, vertical_alignment="bottom", key="units-choice"):
        cell = room.choose_cell(list(room.models), "units-model")
        clamp = st.segmented_control(
            room.say("units.clamp"),
            survey.CLAMPS,
            default=survey.CLAMPS[0],
            format_func=lambda value: room.say(f"units.choose-{value}"),
            key="units-clamp",
            required=True,
        )
        measure = st.segmented_control(
            room.say("units.measure"),
            ["accuracy", "loss"],
            default=first,
            format_func=lambda name: room.say(f"units.choose-{name}"),
            key=f"units-measure-{first}",
            required=True,
        )
    return Asked(
        task=room.task,
        cell=cell,
        clamp=survey.CLAMPS[0] if clamp is None else clamp,
        measure="loss" if measure == "loss" else "accuracy",
        seed=room.view.seed,
    )


def _sourced(room: Room, asked: Asked, key: str) -> Sheet:
    """The room's sheet for figures of these sequences and this model."""
    fields = {"seed": asked.seed, "trained": room.models[asked.cell].seed}
    fields["sequences"] = survey.SEQUENCES[survey.score_of(room.task)]
    source = room.say(key, task=room.say(f"preset.{room.task}"), **fields)
    return replace(room.sheet, source=source)


def _measure(room: Room, asked: Asked, found: Survey) -> None:
    """Measure what is missing, unless a person has stopped it."""
    if found.complete:
        return
    place = st.empty()
    if st.session_state.get("units-stopped") == asked.key:
        _offer_to_go_on(room, found)
        return
    with place.container(horizontal=True, vertical_alignment="center"):
        # A click ends this run at its next report; the next run finds what was measured.
        st.button(
            room.say("units.stop"),
            key="stop-units",
            icon=":material/stop:",
            on_click=partial(st.session_state.__setitem__, "units-stopped", asked.key),
        )
        bar = st.progress(found.done)
    more = True
    while more:
        bar.progress(found.done, room.say("units.progress", share=share(round(found.done, 2))))
        more = found.advance()
    place.empty()


def _offer_to_go_on(room: Room, found: Survey) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            room.say("units.go-on"),
            key="go-on-units",
            icon=":material/play_arrow:",
            on_click=partial(st.session_state.pop, "units-stopped"),
        )
        st.markdown(room.say("units.stopped", share=share(round(found.done, 2))))


@st.fragment
def _result(room: Room, asked: Asked, found: Survey) -> None:
    """The map and, for the chosen square, what it does."""
    costs = Costs.of(asked.cell, asked.measure, found)
    task = TASKS[room.task]
    chance = 1 / len(task.classes) if isinstance(task, FlaggedRecall) else None
    st.markdown(f"**{ablation.sentence(costs, chance, room.view.language)}**")
    one = _chosen(room, costs)
    left, right = st.columns([5, 4], gap="medium")
    with left:
        _map(room, asked, costs, one)
        room.explain("units")
    with right:
        st.table(ablation.ranked_rows(costs, _LISTED, room.view.language))
        _list(room, costs, one)
        st.markdown(ablation.chosen_sentence(costs, one, room.view.language))
        _open(room, asked, one)
        if isinstance(task, FlaggedRecall):
            _delays(room, asked, task, one)


# ---- The chosen square


def _chosen(room: Room, costs: Costs) -> Ablation:
    """The one that a person chose, else the one that costs most."""
    whose, signal, unit = st.session_state.get("units-chosen", ("", "", 0))
    found = costs.find(signal, unit) if whose == (room.task, costs.cell) else None
    return costs.dearest if found is None else found


def _choose(room: Room, costs: Costs, signal: str, unit: int) -> None:
    st.session_state["units-chosen"] = ((room.task, costs.cell), signal, unit)


def _map(room: Room, asked: Asked, costs: Costs, one: Ablation) -> None:
    def clicked() -> None:
        points = st.session_state[key].selection.points
        if points:
            _choose(room, costs, *points[0]["customdata"])

    many, key = len(costs.units), f"units-map-{costs.cell}"
    whole = many > ablation.MOST_ROWS and st.session_state.get("units-all", False)
    rows = many if whole else ablation.MOST_ROWS
    figure = ablation.costs_map(_sourced(room, asked, "units.source"), costs, rows, one)
    camera = {"filename": f"{room.task}-units-{costs.cell}", "scale": 2}
    config = {"displaylogo": False, "modeBarButtons": [["toImage"]]}
    config |= {"toImageButtonOptions": camera, "displayModeBar": bar()}
    options: dict[str, Any] = {"config": config}
    if not on_telephone():
        options |= {"on_select": clicked, "selection_mode": "points"}
    st.plotly_chart(figure, theme=None, key=key, **options)
    with st.container(horizontal=True, vertical_alignment="center"):
        _take_away(room, costs)
        picture("units", f"{room.task}-units-{costs.cell}", room.view.language)
        if many > ablation.MOST_ROWS:
            st.toggle(room.say("units.all", all=many), key="units-all")


def _take_away(room: Room, costs: Costs) -> None:
    st.download_button(
        room.say("memory.csv"),
        # Spreadsheet programs take a file for UTF-8 by its mark only.
        data=lambda: survey.table(costs.ranked).encode("utf-8-sig"),
        file_name=f"{room.task}-units-{costs.cell}.csv",
        mime="text/csv",
        key="units-csv",
        on_click="ignore",
        type="tertiary",
        icon=":material/download:",
        help=room.say("units.csv-help"),
    )


def _list(room: Room, costs: Costs, one: Ablation) -> None:
    """Every ablation by rank, for those who cannot or will not click into the map."""

    def chosen() -> None:
        _choose(room, costs, *st.session_state["units-ranked"])

    names = {
        (each.signal, each.unit): ablation.label(costs, each, place, room.view.language)
        for place, each in enumerate(costs.ranked, start=1)
    }
    st.session_state["units-ranked"] = (one.signal, one.unit)
    st.selectbox(
        room.say("units.choose-listed" if on_telephone() else "units.choose"),
        list(names),
        format_func=names.__getitem__,
        key="units-ranked",
        on_change=chosen,
    )


def _open(room: Room, asked: Asked, one: Ablation) -> None:
    """A link to the stage with this very change made there."""
    menu = st.session_state.get("menu")
    if not menu:
        return
    models = room.view.models
    query = address.query() | {
        "models": ",".join(models if asked.cell in models else (*models, asked.cell)),
        "focus": asked.cell,
        "unit": str(one.unit),
        "changes": write_changes([Change(model=asked.cell, act=survey.intervention(one))]),
    }
    st.page_link(
        menu[0],
        label=room.say("units.open"),
        icon=":material/open_in_new:",
        query_params=query,
        help=room.say("units.open-help", unit=one.unit),
    )


def _delays(room: Room, asked: Asked, task: FlaggedRecall, one: Ablation) -> None:
    with st.spinner(room.say("memory.working"), show_time=False):
        found = _by_delay(*asked.key, one.signal, one.unit, one)
    st.markdown(ablation.delay_sentence(found, room.view.language))
    sheet = _sourced(room, asked, "units.source-delay")
    room.plate(ablation.delay_figure(sheet, asked.cell, one, task, found), "units-delay")
