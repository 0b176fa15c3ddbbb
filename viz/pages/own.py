"""The page "Your model": a person's own model file, and the stage with every layer of it.

What is uploaded is kept in this person's session and nowhere else. What the model reads is chosen
in `own_input`, the figures below the stage are in `own_figures`.
"""

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from lstm_core import zoo
from lstm_core.convert import load_model
from lstm_core.tasks import TASKS
from lstm_core.trace import Trace
from lstm_core.vocabulary_files import MAX_VOCABULARY_BYTES
from viz import own, own_stage, own_words, payload
from viz.excerpt import Excerpt, cut, left_out
from viz.operation import perform
from viz.own import Given, Own
from viz.own_data import DATA_MB
from viz.pages import address, operating, own_figures, own_input
from viz.pages.header import short_header, style_sheet, upload_words
from viz.pages.mount import mount
from viz.pages.takeaway import take_away
from viz.quoting import quoted
from viz.snippet import own_snippet
from viz.state import Problem, ViewState
from viz.story import Part
from viz.text import say

MODEL_MB = 200
"""The largest model file that is taken; ``server.maxUploadSize`` says the same."""

LIMITS = {
    "own-model": MODEL_MB,
    "own-data": DATA_MB,
    "own-vocabulary": MAX_VOCABULARY_BYTES // 2**20,
}
"""By the key of each field for a file, the most that it takes, in MB."""

FEWEST_SYMBOLS = 8
"""A model that reads fewer numbers a step is not asked for symbols to read one-hot."""

EXAMPLE = ("python", "lstm")
"""The shipped model that is offered to look at first."""


def show() -> None:
    """Draw the page."""
    style_sheet()
    language = address.language()
    short_header(language)
    upload_words(LIMITS, language)
    loaded: Own | None = st.session_state.get("own")
    if loaded is None:
        _welcome(language)
        return
    left, right = st.columns(2, gap="medium")
    with left.container(key="own-model"):
        _model(loaded, language)
    with right.container(key="own-input"):
        chosen = own_input.choose(loaded.first, language)
    _problems(language)
    if chosen is None:
        return
    given = _given_to(loaded, chosen)
    whole = None if given is None else _traced(loaded, given)
    if given is None or whole is None:
        _problems(language)
        return
    packed = _stage(loaded, given, whole, language)
    own_figures.show(loaded, given, whole, language)
    take_away(
        packed,
        {say(f"cell.{whole.cell}", language): whole},
        name=loaded.name,
        snippet=_snippet(loaded, chosen),
        language=language,
        own=True,
    )


def _snippet(loaded: Own, given: Given) -> str:
    """The Python that makes the trace again; kept, for it looks through the data file."""
    dropped = st.session_state.get("own_data") if given.key.startswith("file ") else None
    typed = st.session_state.get("own_typed", "") if given.key.startswith("typed ") else ""
    symbols = dict(st.session_state.get("own_symbols", {}))
    key = (loaded.key, given.key, given.start, typed, symbols)
    kept = st.session_state.get("own_snippet")
    if kept is None or kept[0] != key or kept[1] is not dropped:
        code = own_snippet(loaded, given, typed=typed, symbols=symbols, dropped=dropped)
        kept = st.session_state.own_snippet = (key, dropped, code)
    return str(kept[2])


def _welcome(language: str) -> None:
    st.subheader(say("own.title", language), anchor=False)
    st.markdown(say("own.lead-page", language))
    left, right = st.columns([3, 2], gap="large")
    with left:
        _drop_model(language)
        _problems(language)
        st.caption(say("own.private", language))
    with right:
        st.markdown(say("own.first", language))
        _example_button(language)
        st.caption(say("own.example-help", language))
    st.markdown(f"**{say('own.how', language)}**")
    st.markdown("\n".join(f"- {name}: `{code}`" for name, code in own_words.SAVING.items()))


def _example_button(language: str) -> None:
    label = say("own.example", language)
    st.button(label, key="own-example", on_click=_take_example, icon=":material/visibility:")


def _take_example() -> None:
    """The shipped model's file, read as if somebody had dropped it, with text of its task."""
    path = zoo.path_of(*EXAMPLE)
    if _load(path.name, path.read_bytes):
        own_input.type_first(TASKS[EXAMPLE[0]].example(1).text)


def _drop_model(language: str) -> None:
    """The field for a model file; what is dropped is read at once and the field is empty again."""
    number = st.session_state.setdefault("own_drops", 0)
    dropped = st.file_uploader(
        say("own.drop", language),
        key=f"own-model-{number}",
        help=say("own.drop-help", language, limit=MODEL_MB),
        max_upload_size=MODEL_MB,
    )
    if dropped is None:
        return
    with st.spinner(say("own.reading", language), show_time=False):
        _load(dropped.name, dropped.getvalue)
    st.session_state.own_drops = number + 1
    st.rerun()


def _load(name: str, content: Callable[[], bytes]) -> bool:
    """Take a model file; what was loaded before stays where this one cannot be read."""
    st.session_state.own_problems = ()

    def take() -> Own:
        data = content()
        return Own.of(name, hashlib.sha256(data).hexdigest()[:16], load_model(data, name=name))

    return _try(take)


def _try(make: Callable[[], Own]) -> bool:
    """Look at what `make` returns from now on, or say why that is not possible."""
    try:
        st.session_state.own = make()
    except Exception as error:  # a stranger's file: whatever it breaks, the page says so
        st.session_state.own_problems = (own_words.problem_of(error),)
        return False
    own_input.forget()
    return True


def _problems(language: str) -> None:
    """Say once what could not be read."""
    problems: tuple[Problem, ...] = st.session_state.pop("own_problems", ())
    for problem in problems:
        stays = " " + say("own.stays", language) if "own" in st.session_state else ""
        st.error(own_words.told(problem, language) + stays)


# ---- The model


def _model(loaded: Own, language: str) -> None:
    """The card of the model: what was found, and the way to another one."""
    fields = {"name": quoted(loaded.name), "kind": own_words.kind_of(loaded, language)}
    st.markdown(say("own.file", language, **fields))
    if len(loaded.file.stacks) > 1:
        _choose_stack(loaded, language)
    st.markdown(own_words.summary(loaded.stack, language))
    if loaded.first is not loaded:
        st.caption(say("own.through", language, name=quoted(loaded.first.stack.name)))
    for caution in own_words.cautions(loaded, language):
        st.warning(caution)
    with st.container(horizontal=True, gap="small"):
        _found(loaded, language)
        drops = st.session_state.get("own_drops", 0)  # a new one is shut again
        label = say("own.another", language)
        with st.popover(label, icon=":material/upload_file:", key=f"own-another-{drops}"):
            _drop_model(language)
            _example_button(language)
        if _may_name_symbols(loaded):
            with st.popover(say("own.vocabulary", language), icon=":material/abc:"):
                own_input.drop_vocabulary(loaded, language, _try)


def _choose_stack(loaded: Own, language: str) -> None:
    stacks = loaded.file.stacks
    st.session_state["own-stack"] = loaded.place
    st.selectbox(
        say("own.stack", language, count=len(stacks)),
        range(len(stacks)),
        format_func=lambda place: own_words.stack_name(stacks[place], place, language),
        key="own-stack",
        on_change=_take_stack,
    )


def _take_stack() -> None:
    loaded: Own = st.session_state.own
    place = int(st.session_state["own-stack"])
    names = ("own_source", "own_typed")
    chosen = {name: st.session_state[name] for name in names if name in st.session_state}
    if _try(lambda: loaded.at(place)) and st.session_state.own.first.place == loaded.first.place:
        # The same data goes into the same stack: what is looked at is another.
        for name, value in chosen.items():
            st.session_state[name] = value


def _found(loaded: Own, language: str) -> None:
    """What the file holds beside the layers, and what of it was left out."""
    remarks = own_words.remarks(loaded, language)
    key = {0: "own.found-none", 1: "own.found"}.get(len(remarks), "own.found-many")
    with st.popover(say(key, language, count=len(remarks)), icon=":material/info:"):
        lines = own_words.surroundings(loaded.stack, language)
        if loaded.vocabulary_name:
            count = len(loaded.first.reads or ())
            fields = {"name": quoted(loaded.vocabulary_name), "count": count}
            lines.append(say("own.symbols-from", language, **fields))
        lines += remarks or [say("own.nothing-left-out", language)]
        st.markdown("\n".join(f"- {line}" for line in lines))
        st.caption(say("own.private", language))
        st.button(say("own.forget", language), key="own-forget", on_click=_forget)


def _forget() -> None:
    """Let go of everything that this person brought."""
    for key in [key for key in st.session_state if str(key).startswith("own")]:
        del st.session_state[key]


def _may_name_symbols(loaded: Own) -> bool:
    first = loaded.first
    one_hot = first.reads is None and first.width >= FEWEST_SYMBOLS
    return one_hot or first.stack.embedding is not None or bool(loaded.vocabulary_name)


# ---- The stage


def _given_to(loaded: Own, chosen: Given) -> Given | None:
    """What the stack reads when the model reads what was chosen."""
    if loaded.first is loaded:
        return chosen
    return _kept("own_given", (loaded.key, chosen.key), lambda: own.given_to(loaded, chosen))


def _traced(loaded: Own, given: Given) -> Trace | None:
    """The trace of what the stack reads."""
    return _kept("own_traced", (loaded.key, given.key), lambda: own.trace_of(loaded, given))


def _kept(name: str, key: object, make: Callable[[], Any]) -> Any:
    """What `make` gave last for `key`, in this person's session only; ``None`` if it cannot."""
    kept: tuple[object, Any] | None = st.session_state.get(name)
    if kept is not None and kept[0] == key:
        return kept[1]
    st.session_state.pop(name, None)
    try:
        value = make()
    except (ValueError, TypeError, RuntimeError, MemoryError) as error:
        st.session_state.own_problems = (own_words.problem_of(error),)
        return None
    st.session_state[name] = (key, value)
    return value


def _stage(loaded: Own, given: Given, whole: Trace, language: str) -> Callable[[], bytes]:
    """Draw the stage; returns what packs it again, for a file."""
    parts, excerpt = own_stage.parts_of(whole, language)
    view = own_stage.view_of(loaded, parts, whole, language)
    story = own_stage.story_of(whole, given, excerpt, language)
    _say_what_is_cut(whole, excerpt, language)
    packed = partial(payload.packed, parts, None, view, address=False, story=story)
    _changeable(loaded, given, excerpt, parts, packed, view)
    return packed


@st.fragment
def _changeable(
    loaded: Own,
    given: Given,
    excerpt: Excerpt,
    parts: list[Part],
    packed: Callable[..., bytes],
    view: ViewState,
) -> None:
    """The stage with the changes that were made there; a fragment, so that only this runs again."""
    operation = perform(
        parts,
        {own_stage.MODEL: loaded.module},
        None,
        operating.request(view.preset, ""),
        inputs=given.inputs,
        preset=view.preset,
        language=view.language,
        shown=partial(cut, excerpt=excerpt),
    )
    asked = operating.asking("own-stage", [own_stage.MODEL])
    mount(packed(operation=operation), "own-stage", asked=asked)


def _say_what_is_cut(whole: Trace, excerpt: Excerpt, language: str) -> None:
    if excerpt.steps < len(whole):
        fields = {"shown": f"{excerpt.steps:,}", "steps": f"{len(whole):,}"}
        st.info(say("own.cut-steps", language, **fields))
    if cut := left_out(whole, excerpt):
        names = "; ".join(
            f"{own_stage.name_of(layer, whole, language)}: {units:,} / {layer.hidden_size:,}"
            for layer, units in cut
        )
        st.info(say("own.cut-units", language, names=names))
