"""The page on which a person steps through a sequence.

The address is the only memory of what is shown: widgets write it, every run reads it. The stage
writes its own keys (models, focus, step, unit) from the browser.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
import torch

from lstm_core.checkpoint import Checkpoint
from lstm_core.signals import SIGNALS
from lstm_core.tasks import TASKS, Example, InputError
from lstm_core.trace import Trace
from viz import session, stage
from viz.gates import gate_figure, heat_map
from viz.quoting import quoted
from viz.state import (
    MAX_SEED,
    MAX_URL_TEXT,
    PYTHON_KEYS,
    STAGE_KEYS,
    Problem,
    ViewState,
    parse,
    tell,
    to_query,
)
from viz.text import LANGUAGES, say, signal_name

FOLDER = Path(stage.__file__).with_name("stage")
ALL = "all"


def language() -> str:
    """The language of this run: the address's, else the browser's, else English."""
    return _view()[0].language


def show() -> None:
    """Draw the page."""
    st.html(FOLDER / "page.css")
    view, problems = _view()
    example, unread = session.example_of(view)
    words = partial(say, language=view.language)
    _header(view, example, words)
    notices = st.container()
    models, unloaded = _models(view.preset)
    traces = {cell: _trace(view.preset, cell, example.tokens) for cell in models}
    with notices:
        _notices(view, (*problems, *unread, *unloaded))
    if not models:
        st.error(words("page.no-models"))
        return
    _mount(view, example, models, traces)
    _figures(traces, view.language)
    _recipes(models, view.language)


# ---- The view and the address


def _query() -> dict[str, list[str]]:
    return {key: st.query_params.get_all(key) for key in st.query_params}


def _view() -> tuple[ViewState, tuple[Problem, ...]]:
    """The view that the address describes, with the text that is too long for it."""
    chinese = (st.context.locale or "").lower().startswith("zh")
    view, problems = parse(_query(), language="zh" if chinese else "en")
    preset, text = st.session_state.get("long_text", ("", ""))
    if view.text is None and preset == view.preset:
        view = replace(view, text=text)
    return view, problems


def _go(**changes: Any) -> None:
    """Write the address of the view with `changes`.

    The stage's keys stay as Streamlit knows them. That may be an older step, since Streamlit does
    not notice what a component writes; the stage puts its own values right with the next payload.
    """
    old, problems = _view()
    view = replace(old, **changes)
    st.session_state.pop("long_text", None)
    if len(view.text or "") > MAX_URL_TEXT:
        st.session_state.long_text = (view.preset, view.text)
    query = {key: values for key, values in _query().items() if key not in PYTHON_KEYS}
    for key in STAGE_KEYS:
        # A value that could not be used would be reported for ever.
        unusable = len(query.get(key, ())) > 1 or any(p.key == f"url.{key}" for p in problems)
        if unusable or key in changes:
            query.pop(key, None)
    mine = {key: [value] for key, value in to_query(view).items() if key in PYTHON_KEYS}
    # Once chosen, the language is named: a reader's browser may prefer the other one.
    if "language" in changes or "lang" in st.query_params:
        mine["lang"] = [view.language]
    st.query_params.from_dict(query | mine)


def _forget_typed() -> None:
    for key in ("rejected", "typed_for"):
        st.session_state.pop(key, None)


# ---- What widgets do


def _choose_preset() -> None:
    _forget_typed()
    # A step and a unit of one task mean nothing in another.
    _go(preset=st.session_state.preset, text=None, step=None, unit=None, focus=None)


def _choose_language() -> None:
    if st.session_state.language:
        _go(language=st.session_state.language)


def _next_example() -> None:
    _forget_typed()
    view, _ = _view()
    _go(seed=(view.seed + 1) % (MAX_SEED + 1), text=None)


def _choose_seed() -> None:
    _forget_typed()
    _go(seed=int(st.session_state.seed), text=None)


def _run_typed() -> None:
    """Show the typed sequence; where it cannot be read, keep the view and say why."""
    view, _ = _view()
    try:
        example = session.read_example(view.preset, st.session_state.typed)
    except InputError:
        st.session_state.rejected = st.session_state.typed
        return
    _forget_typed()
    st.session_state.edit = False  # closes the popover, which covers the stage
    _go(text=example.text)


# ---- The row on top


def _header(view: ViewState, example: Example, words: Callable[..., str]) -> None:
    st.session_state.preset = view.preset
    st.session_state.language = view.language
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="right", key="header"
    ):
        st.title(words("title"), anchor=False, width="stretch")
        st.selectbox(
            words("page.preset"),
            list(TASKS),
            format_func=lambda name: words(f"preset.{name}"),
            key="preset",
            on_change=_choose_preset,
            help=words(f"about.{view.preset}"),
            label_visibility="collapsed",
            width=210,
        )
        label = "page.new" if view.text is None else "page.typed"
        st.button(
            words(label, seed=view.seed),
            key="new",
            on_click=_next_example,
            help=words("page.new-help"),
            icon=":material/casino:",
        )
        _edit(view, example, words)
        _share(words)
        st.segmented_control(
            words("page.language"),
            list(LANGUAGES),
            format_func=LANGUAGES.__getitem__,
            key="language",
            on_change=_choose_language,
            label_visibility="collapsed",
        )
        device, _ = session.device()
        st.caption(words("page.device", device=quoted(str(device))), help=words("page.device-help"))


def _edit(view: ViewState, example: Example, words: Callable[..., str]) -> None:
    if st.session_state.get("typed_for") != example.text:
        st.session_state.typed = st.session_state.typed_for = example.text
    st.session_state.seed = view.seed
    with st.popover(
        words("page.edit"), icon=":material/edit:", key="edit", on_change="rerun"
    ) as box:
        if box.open:
            _rejected(view)
        with st.form("sequence", border=False):
            allowed = words(f"symbols.{view.preset}")
            st.text_area(
                words("page.sequence"),
                key="typed",
                help=words("page.sequence-help", allowed=allowed),
                height=140,
            )
            st.form_submit_button(words("page.run"), on_click=_run_typed, type="primary")
        st.number_input(
            words("page.seed"),
            min_value=0,
            max_value=MAX_SEED,
            step=1,
            key="seed",
            on_change=_choose_seed,
            help=words("page.seed-help"),
        )


def _share(words: Callable[..., str]) -> None:
    keys = {"share": "page.share", "help": "page.share-help"}
    keys |= {"copied": "page.copied", "address": "page.address"}
    data = {name: words(key) for name, key in keys.items()} | {"language": language()}
    _share_button()(key="share", data=data, width="content", height="content")


@st.cache_resource(show_spinner=False)
def _share_button() -> Callable[..., Any]:
    js, css = (FOLDER / f"share.{kind}" for kind in ("js", "css"))
    return st.components.v2.component(
        "lstm_share",
        html='<button type="button" aria-live="polite"></button><input readonly hidden>',
        css=css.read_text(encoding="utf-8"),
        js=js.read_text(encoding="utf-8"),
    )


def _rejected(view: ViewState) -> None:
    """Say why what was typed last is not shown, beside the field while that is open."""
    if "rejected" not in st.session_state:
        return
    try:
        session.read_example(view.preset, st.session_state.rejected)
    except InputError as error:
        told = tell(session.input_problem(error, view.preset), view.language)
        st.error(f"{told} {say('kept', view.language)}")


def _notices(view: ViewState, problems: tuple[Problem, ...]) -> None:
    words = partial(say, language=view.language)
    if not st.session_state.get("edit"):
        _rejected(view)
    for problem in problems:
        told = tell(problem, view.language)
        fell_back = problem.key.startswith("url.") and problem.key != "url.text"
        st.warning(f"{told} {words('fell-back')}" if fell_back else told)
    if view.text is not None and "text" not in st.query_params:
        length = f"{len(view.text):,}"
        st.info(words("page.text-not-in-url", length=length, limit=f"{MAX_URL_TEXT:,}"))


# ---- Models and traces


@st.cache_resource(show_spinner=False)
def _model(task: str, cell: str, device: str) -> Checkpoint:
    return session.load_model(task, cell, torch.device(device))


@st.cache_resource(show_spinner=False, max_entries=12)
def _trace(task: str, cell: str, tokens: tuple[str, ...]) -> Trace:
    device, _ = session.device()
    return session.run(_model(task, cell, str(device)), tokens)


@st.cache_resource(show_spinner=False, max_entries=12)
def _memory(task: str, cell: str, tokens: tuple[str, ...]) -> np.ndarray | None:
    device, _ = session.device()
    return session.memory_of(_model(task, cell, str(device)), task, tokens)


def _models(task: str) -> tuple[dict[str, Checkpoint], tuple[Problem, ...]]:
    """Every model of the task that loads, and what to say about the others."""
    device, problems = session.device()
    models: dict[str, Checkpoint] = {}
    for cell in session.cells():
        try:
            models[cell] = _model(task, cell, str(device))
        except (KeyError, ValueError, OSError) as error:
            problems += (session.checkpoint_problem(cell, error),)
    return models, problems


# ---- The stage and what stands below it


@st.cache_resource(show_spinner=False)
def _component() -> Callable[..., Any]:
    assets = stage.assets()
    return st.components.v2.component(
        "lstm_stage", html=assets.html, css=assets.css, js=assets.js, isolate_styles=False
    )


def _mount(
    view: ViewState, example: Example, models: dict[str, Checkpoint], traces: dict[str, Trace]
) -> None:
    parts = [
        stage.Part(
            key=cell,
            trace=traces[cell],
            classes=TASKS[view.preset].classes,
            checkpoint=c,
            memory=_memory(view.preset, cell, example.tokens),
        )
        for cell, c in models.items()
    ]
    _component()(key="stage", data=stage.payload(parts, example, view))


@st.fragment
def _figures(traces: dict[str, Trace], language: str) -> None:
    """The zoomable figures; nothing is built before they are asked for."""
    words = partial(say, language=language)
    with st.expander(words("page.plotly"), key="plotly", on_change="rerun") as box:
        if not box.open:
            return
        with st.container(horizontal=True):
            cell = st.selectbox(
                words("page.model"), list(traces), format_func=lambda c: words(f"cell.{c}")
            )
            signals = [ALL, *(signal.key for signal in SIGNALS[cell])]
            key = st.selectbox(
                words("page.signal"),
                signals,
                format_func=lambda k: (
                    words("page.all-signals")
                    if k == ALL
                    else f"{signal_name(cell, k, language)} {k}"
                ),
            )
        options: dict[str, Any] = {"language": language, "dark": st.context.theme.type == "dark"}
        draw = gate_figure if key == ALL else partial(heat_map, key=key)
        config = {"displaylogo": False}
        st.plotly_chart(draw(traces[cell], **options), theme=None, config=config)


def _signal_label(cell: str, key: str, language: str) -> str:
    if key == ALL:
        return say("page.all-signals", language)
    return f"{signal_name(cell, key, language)} {key}"


def _recipes(models: dict[str, Checkpoint], language: str) -> None:
    words = partial(say, language=language)
    with st.expander(words("page.models")):
        st.caption(words("page.models-note"))
        st.table(session.score_rows(models, language))
        for cell, checkpoint in models.items():
            st.caption(words("recipe.title", cell=words(f"cell.{cell}")))
            st.json(dict(checkpoint.recipe), expanded=False)
