"""Below the stage of a person's own model: figures of one layer, each made when it is opened."""

import html
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from lstm_core.ledger import age_of_memory, ledger
from lstm_core.memory import gate_saturation, passive_half_life, retention
from lstm_core.trace import LayerTrace, Trace
from viz import ledgers, own_measures, own_plates, own_stage
from viz import retention as fading
from viz.gates import gate_figure, heat_map
from viz.memory import THRESHOLD
from viz.own import Given, Own
from viz.pages.plates import explain, plate
from viz.sheet import Sheet, share, steps
from viz.text import say, signal_name

ALL = "all"
MOST_AT_ONCE = 200_000
"""Cells of a signal up to which every signal is drawn at once; a browser takes long over more."""

RECENT = 10
"""Steps that count as recent in an account of who wrote the memory."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Desk:
    """What all figures look at: a layer of a trace, and a step.

    Attributes:
        at: the chosen step.
    """

    loaded: Own
    given: Given
    whole: Trace
    layer: LayerTrace
    at: int
    sheet: Sheet

    @property
    def name(self) -> str:
        return own_stage.name_of(self.layer, self.whole, self.sheet.language)

    @property
    def place(self) -> dict[str, int]:
        return {"layer": self.layer.layer, "direction": self.layer.direction}

    def say(self, key: str, **fields: object) -> str:
        return self.sheet.say(key, **fields)

    def plate(self, figure: Any, key: str) -> None:
        name = f"{key}-{own_stage.key_of(self.layer)}"
        plate(figure, f"own-{name}", name, self.sheet.language)

    def explain(self, key: str) -> None:
        explain(key, self.sheet.language)


@st.fragment
def show(loaded: Own, given: Given, whole: Trace, language: str) -> None:
    """Draw the figures that are open."""
    layer, at = _choose(whole, language)
    name = own_stage.name_of(layer, whole, language)
    source = f"{html.escape(loaded.name[:60])} · {name} · {_length(whole, language)}"
    sheet = Sheet(language=language, dark=st.context.theme.type == "dark", source=source)
    desk = _Desk(loaded=loaded, given=given, whole=whole, layer=layer, at=at, sheet=sheet)
    rooms: dict[str, Callable[[_Desk], None]] = {
        "gates": _gates,
        "forgetting": _forgetting,
        "ledger": _ledger,
        "change": _change,
        "gradient": _gradient,
    }
    if whole.outputs is not None and whole.outputs.shape[1]:
        rooms["answer"] = _answer
    for key, draw in rooms.items():
        _folded(desk, key, draw)


def _length(whole: Trace, language: str) -> str:
    return steps(len(whole), language)


def _folded(desk: _Desk, key: str, draw: Callable[[_Desk], None]) -> None:
    with st.expander(desk.say(f"own.{key}.title"), key=f"own-{key}", on_change="rerun") as box:
        if not box.open:
            return
        try:
            with st.spinner(desk.say("memory.working"), show_time=False):
                draw(desk)
        except (ValueError, MemoryError, RuntimeError):  # e.g. a state that never moves
            st.info(desk.say("memory.failed"))


def _choose(whole: Trace, language: str) -> tuple[LayerTrace, int]:
    """Which layer and which step the figures are about."""
    st.subheader(say("own.figures", language), anchor=False)
    layers = {own_stage.key_of(layer): layer for layer in whole.layers}
    keys, last = list(layers), len(whole) - 1
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = keys[-1]
        if len(keys) > 1:
            chosen = st.selectbox(
                say("own.part", language),
                keys,
                index=len(keys) - whole.num_directions,
                format_func=lambda key: own_stage.name_of(layers[key], whole, language),
                key="own-part",
                width=220,
            )
        key = f"own-at-{last}"
        at = st.slider(say("memory.ledger.step", language), 0, last, last, key=key) if last else 0
    return layers[chosen], int(at)


def _gates(desk: _Desk) -> None:
    """Every signal, or one of them, to zoom into."""
    cells = desk.layer.signals["h"].size
    keys = [ALL, *desk.layer.signals]
    key = st.selectbox(
        desk.say("page.signal"),
        keys,
        index=int(cells > MOST_AT_ONCE),
        format_func=partial(_signal_label, desk.layer.cell, language=desk.sheet.language),
        key="own-signal",
        width=260,
    )
    options: dict[str, Any] = {"language": desk.sheet.language, "dark": desk.sheet.dark}
    options |= desk.place
    draw = gate_figure if key == ALL else partial(heat_map, key=key)
    desk.plate(draw(desk.whole, **options), f"gates-{key}")


def _signal_label(cell: str, key: str, language: str) -> str:
    if key == ALL:
        return say("page.all-signals", language)
    return f"{signal_name(cell, key, language)} {key}"


def _forgetting(desk: _Desk) -> None:
    """How fast the gates alone let each unit forget, and how often they are shut or open."""
    cell, language = desk.layer.cell, desk.sheet.language
    if cell == "rnn":
        st.markdown(desk.say("memory.no-gates"))
        return
    lives = {cell: passive_half_life(desk.whole, **desk.place)}
    st.markdown(f"**{fading.half_life_sentence(lives, {}, language)}**")
    left, right = st.columns(2)
    with left:
        desk.plate(fading.half_life_figure(desk.sheet, lives), "half-life")
        desk.explain("memory.half")
    with right:
        found = gate_saturation(desk.whole, **desk.place)
        desk.plate(fading.saturation_figure(desk.sheet, cell, found), "saturation")
        st.markdown(fading.saturation_sentence(cell, found, language))
        desk.explain("memory.saturation")
    if not desk.layer.direction and desk.at < len(desk.whole) - 1:
        slowest = [int(unit) for unit in np.argsort(-lives[cell])[:3]]
        kept = retention(desk.whole, desk.at, **desk.place)
        desk.plate(fading.retention_figure(desk.sheet, cell, kept, desk.at, slowest), "retention")


def _ledger(desk: _Desk) -> None:
    """Who wrote the state at the chosen step."""
    cell, at = desk.layer.cell, desk.at
    if cell == "rnn":
        st.markdown(desk.say("memory.ledger.rnn", at=at))
        return
    entries = ledger(desk.whole, at, **desk.place)
    sizes = np.abs(entries.writes).sum(axis=1)
    recent = own_measures.written_within(entries.writes, desk.layer, at, RECENT)
    fields = {"at": at, "name": desk.name, "most": int(sizes.argmax()), "recent": RECENT}
    shares = {"share": share(sizes.max() / (sizes.sum() or 1.0)), "late": share(recent)}
    st.markdown(f"**{desk.say('own.ledger.result', **fields, **shares)}**")
    desk.plate(own_plates.ledger_map(desk.sheet, desk.name, desk.layer, entries), "ledger")
    desk.explain("memory.ledger")
    if cell == "gru" and not desk.layer.direction:
        age = age_of_memory(desk.whole, at, **desk.place)
        st.markdown(f"**{ledgers.age_sentence(age, desk.sheet.language)}**")
        desk.plate(ledgers.age_figure(desk.sheet, age), "age")


def _change(desk: _Desk) -> None:
    """Another input at one step: for how long the state is another."""
    values = own_measures.changes(desk.loaded, desk.given, desk.layer)
    at, limit = min(desk.at, len(values) - 1), THRESHOLD["scaled"]
    known = [own_measures.lasts(row, step, limit) for step, row in enumerate(values)]
    median = int(np.median([lag or 0 for lag in known]))
    result = desk.say(
        "own.change.never" if known[at] is None else "own.change.result",
        name=desk.name,
        at=at,
        steps=steps(known[at] or 0, desk.sheet.language),
        median=steps(median, desk.sheet.language),
        limit=limit,
    )
    st.markdown(f"**{result}**")
    _cut(desk, len(values))
    felt = own_measures.reached(desk.layer, desk.whole, len(values))
    desk.plate(own_plates.change_map(desk.sheet, desk.name, values, felt), "change")
    kind = "tokens" if desk.loaded.reads is not None else "numbers"
    st.caption(desk.say(f"own.change.other-{kind}"))


def _gradient(desk: _Desk) -> None:
    """How a small change of an earlier input moves the state: trainability, not memory."""
    if not own_measures.derives(desk.layer, desk.whole):
        st.info(desk.say("own.gradient.both"))
        return
    fit = own_measures.steps_to_derive(desk.loaded, len(desk.whole))
    if not fit:
        st.info(desk.say("own.gradient.dear", inputs=f"{desk.loaded.width:,}"))
        return
    _cut(desk, fit)
    ratios = own_measures.gradients(desk.loaded, desk.given, desk.layer)
    desk.plate(own_plates.gradient_map(desk.sheet, desk.name, ratios), "gradient")
    desk.explain("memory.gradient")


def _cut(desk: _Desk, fit: int) -> None:
    if fit < len(desk.whole):
        st.caption(desk.say("own.first-steps", steps=fit))


def _answer(desk: _Desk) -> None:
    """What the layer after the stack says at every step."""
    reads = desk.loaded.reads
    outputs = desk.whole.outputs
    assert outputs is not None
    same = reads is not None and len(reads) == outputs.shape[1]
    classes = reads.tokens if reads is not None and same else ()
    label = desk.say("own.answer.as-shares")
    shares = st.toggle(label, value=outputs.shape[1] > 1, key="own-shares")
    figure = own_plates.answer_map(desk.sheet, desk.whole, classes, as_shares=shares)
    desk.plate(figure, "answer")
    st.caption(desk.say("own.answer.means"))
