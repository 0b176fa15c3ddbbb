"""The memory lab: what each network still knows, for how long, and who wrote it.

One experiment from top to bottom, for the task and the sequence in the address. A part that is
folded or not asked for is not computed.
"""

import string
from zlib import crc32

import streamlit as st

from lstm_core.tasks import TASKS, Example, FlaggedRecall
from viz import gradients, lab, memory
from viz.pages import cached, expert, ledgers, recall
from viz.pages.plates import Room, opened
from viz.sheet import Sheet
from viz.state import ViewState
from viz.story import glyph
from viz.text import say

_PILLS = 160
"""The most steps that are offered as a row of tokens; beyond, as a number."""

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")

PAIR = ("short-recall", "rnn")
"""A model that is known to remember while its gradient vanishes, shown where none on stage does."""


def show() -> None:
    """Draw the page."""
    view, example, models = opened()
    if not models:
        return
    tokens = example.tokens[: lab.MOST_STEPS]
    sheet = Sheet(
        language=view.language,
        dark=st.context.theme.type == "dark",
        source=_source(view, example, tokens, {each.seed for each in models.values()}),
    )
    room = Room(view=view, example=example, tokens=tokens, models=models, sheet=sheet)
    _experiment(room)


def _source(view: ViewState, example: Example, tokens: tuple[str, ...], seeds: set[int]) -> str:
    """What was read and by which models."""
    words = view.language
    seed = example.seed
    which = "memory.source-typed" if seed is None else "memory.source-seed"
    text = say(
        "memory.source",
        words,
        task=say(f"preset.{view.preset}", words),
        example=say(which, words, seed=seed),
        steps=len(tokens),
    )
    models = say("memory.source-models", words, seeds=", ".join(map(str, sorted(seeds))))
    return f"{text} · {models}"


def _experiment(room: Room) -> None:
    st.markdown(room.say("memory.lead"))
    length = len(room.example.tokens)
    if length > lab.MOST_STEPS:
        st.info(room.say("memory.cut", length=f"{length:,}", limit=lab.MOST_STEPS))
    st.subheader(room.say("memory.recall.title"), anchor="recall")
    task, errand = TASKS[room.task], None
    if isinstance(task, FlaggedRecall):
        errand = recall.show(room, task)
    else:
        st.markdown(room.say("memory.recall.none"))
    if len(room.tokens) < 2:
        st.info(room.say("memory.too-short"))
    else:
        _chosen_token(room)
        expert.show(room)
    if errand:
        recall.measure(room, errand)


@st.fragment
def _chosen_token(room: Room) -> None:
    """Everything that follows the chosen token."""
    st.subheader(room.say("memory.change.title"), anchor="change")
    asked = lab.asked_about(room.example, room.task, room.tokens, _choose_token(room))
    with st.spinner(room.say("memory.working"), show_time=False):
        changes = {cell: cached.changes(room.task, cell, room.tokens) for cell in room.models}
    _change(room, changes, asked)
    _gradient(room, changes, asked)
    ledgers.show(room, changes, asked)


def _choose_token(room: Room) -> int:
    first = lab.first_choice(room.example, room.task, len(room.tokens))
    key = f"token-{crc32(repr((room.task, room.tokens)).encode())}"
    label = room.say("memory.change.choose")
    if len(room.tokens) > _PILLS:
        most = len(room.tokens) - 1
        return int(st.number_input(label, 0, most, first, step=1, key=key, width=240))
    with st.container(key="tokens"):
        chosen = st.pills(
            label,
            range(len(room.tokens)),
            default=first,
            format_func=lambda step: _label(room.tokens[step], step),
            key=key,
            required=True,
        )
    return first if chosen is None else int(chosen)


def _label(token: str, step: int) -> str:
    """A token with its step, as Markdown that shows it as it is."""
    shown = glyph(token)
    flag = "\\!" if shown != token and token.startswith("!") else ""
    escaped = "".join("\\" + c if c in string.punctuation else c for c in shown)
    return f"{flag}{escaped}{str(step).translate(_SUBSCRIPTS)}"


# ---- 2


def _change(room: Room, changes: dict[str, memory.Changes], asked: memory.Asked) -> None:
    language = room.view.language
    room.explain("memory.change")
    result = memory.change_sentence(changes, asked, language)
    at = memory.asked_sentence(changes, asked, language)
    st.markdown(f"**{result}** {at}")
    nats = memory.THRESHOLD["output"]
    st.caption(room.say("memory.change.threshold", nats=nats))
    chosen = st.segmented_control(
        room.say("memory.change.measure"),
        ["output", "scaled"],
        default="output",
        format_func=lambda name: room.say(f"memory.change.measure-{name}"),
        key="measure",
        required=True,
    )
    measure: memory.Measure = "scaled" if chosen == "scaled" else "output"
    for cell, column in zip(changes, st.columns(len(changes)), strict=True):
        with column:
            figure = memory.change_map(room.sheet, cell, changes, measure, asked)
            room.plate(figure, f"change-{measure}-{cell}")
    room.plate(memory.change_lines(room.sheet, changes, asked), "change-lines")


# ---- 3


def _gradient(room: Room, changes: dict[str, memory.Changes], asked: memory.Asked) -> None:
    st.subheader(room.say("memory.gradient.title"), anchor="gradient")
    room.explain("memory.gradient")
    language, answer = room.view.language, lab.class_at(room.example, len(room.tokens))
    found = {c: cached.gradients(room.task, c, room.tokens, answer) for c in room.models}
    st.markdown(gradients.gradient_sentence(changes, found, asked, language))
    symbol = TASKS[room.task].classes[answer]
    for cell, column in zip(found, st.columns(len(found)), strict=True):
        with column:
            figure = gradients.sensitivity_map(room.sheet, cell, found[cell], asked, symbol)
            room.plate(figure, f"gradient-{cell}")
    _pair(room, changes, found, asked)


def _pair(room: Room, changes: dict, found: dict, asked: memory.Asked) -> None:
    """A model that remembers while its gradient vanishes: one of these, else the known one."""
    cell, sheet = gradients.clearest_pair(changes, found, asked), room.sheet
    if cell is None:
        cell = PAIR[1]
        changes, found, asked, sheet = _known_pair(room)
        if gradients.clearest_pair(changes, found, asked) is None:
            return
        st.markdown(room.say("memory.pair.elsewhere", task=room.say(f"preset.{PAIR[0]}")))
    result = gradients.pair_sentence(cell, changes[cell], found[cell], asked, room.view.language)
    st.markdown(f"**{result}**")
    room.plate(gradients.pair_figure(sheet, cell, changes[cell], found[cell], asked), "pair")


def _known_pair(room: Room) -> tuple[dict, dict, memory.Asked, Sheet]:
    task, cell = PAIR
    example = TASKS[task].example(ViewState().seed)
    tokens = example.tokens
    try:
        changes = {cell: cached.changes(task, cell, tokens)}
    except (KeyError, ValueError, OSError):  # its file is damaged; the page lives without it
        return {}, {}, lab.asked_about(room.example, room.task, room.tokens, 0), room.sheet
    answer = lab.class_at(example, len(tokens))
    found = {cell: cached.gradients(task, cell, tokens, answer)}
    step = lab.first_choice(example, task, len(tokens))
    view = ViewState(preset=task, language=room.view.language)
    source = _source(view, example, tokens, {cached.model(task, cell).seed})
    sheet = Sheet(language=room.sheet.language, dark=room.sheet.dark, source=source)
    return changes, found, lab.asked_about(example, task, tokens, step), sheet
