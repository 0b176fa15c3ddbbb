"""The row on top of every page, where a person chooses what is read, and what went wrong.

All of it is kept in the address, so every page shows the same task, sequence and language.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from lstm_core.tasks import TASKS, Example, InputError
from viz import payload, session
from viz.pages import address
from viz.quoting import quoted
from viz.state import MAX_SEED, MAX_URL_TEXT, Problem, ViewState, tell
from viz.text import LANGUAGES, say

MOST_BOXES = 2
"""More sentences than this share one box, so that they do not push the stage off the screen."""

FOLDER = Path(payload.__file__).with_name("stage")


def _forget_typed() -> None:
    for key in ("rejected", "typed_for"):
        st.session_state.pop(key, None)


def _choose_preset() -> None:
    _forget_typed()
    # A step, a unit and a change of one task mean nothing in another.
    nothing = dict.fromkeys(("text", "step", "unit", "focus"))
    address.go(preset=st.session_state.preset, changes="", **nothing)


def _choose_language() -> None:
    if st.session_state.language:
        address.go(language=st.session_state.language)


def _next_example() -> None:
    _forget_typed()
    view, _ = address.view()
    address.go(seed=(view.seed + 1) % (MAX_SEED + 1), text=None)


def _choose_seed() -> None:
    _forget_typed()
    address.go(seed=int(st.session_state.seed), text=None)


def _run_typed() -> None:
    """Show the typed sequence; where it cannot be read, keep the view and say why."""
    view, _ = address.view()
    try:
        example = session.read_example(view.preset, st.session_state.typed)
    except InputError:
        st.session_state.rejected = st.session_state.typed
        return
    _forget_typed()
    st.session_state.edit = False  # closes the popover, which covers the stage
    address.go(text=example.text)


def style_sheet() -> None:
    """Apply the styles that all pages share."""
    st.html(FOLDER / "page.css")


def upload_words(limits: Mapping[str, int], language: str) -> None:
    """Put our words, in the page's language, in the place of those that Streamlit's uploaders have.

    Args:
        limits: by what the keys of an uploader begin with, the most that it takes, in MB.
    """
    rules = [rule for key, limit in limits.items() for rule in _upload_rules(key, limit, language)]
    st.html(f"<style>{' '.join(rules)}</style>")


_UPLOAD = {
    "own.upload": "font-size: 0.875rem",
    "own.upload-limit": "font-size: 0.875rem",
    "own.upload-here": "font-size: 1rem",
    "own.upload-large": "display: block; margin-top: 0.5rem; font-size: 0.875rem; font-weight: 600",
}
"""How our words look, by their key in `viz.text`."""


def _upload_rules(key: str, limit: int, language: str) -> Iterator[str]:
    """CSS: what Streamlit says is not shown, what we say stands there, for screen readers, too."""
    field, box = f'[class*="st-key-{key}-"]', '[data-testid="stFileUploaderDropzone'
    button = f'{field} {box}"] [data-testid="stBaseButton-secondary"]'
    places = {
        "own.upload": f'{button} [data-testid="stMarkdownContainer"]',
        "own.upload-limit": f'{field} {box}Instructions"]',
        "own.upload-here": f'{field} {box}"] > input + div:not(:has([data-testid])) > *',
        # Streamlit tells why in a tip for the mouse only.
        "own.upload-large": f'{field} .stFileUploader:has([aria-invalid="true"])',
    }
    words = {word: f'content: "{say(word, language, limit=limit)}"' for word in places}
    for word, place in places.items():
        yield f"{place}::after {{{words[word]}; {_UPLOAD[word]}}}"
        if word != "own.upload-large":
            yield f"{place} {{font-size: 0}} {place} > * {{display: none}}"
    # A finger drags no file.
    most = say("own.upload-most", language, limit=limit)
    touch = f'{places["own.upload-limit"]}::after {{content: "{most}"}}'
    yield f"@media (pointer: coarse) {{{touch}}}"


def offer(pages: list[Any]) -> None:
    """Take the pages that the menu leads to. Streamlit's own menu would drop the address."""
    st.session_state.menu = pages


def _menu() -> None:
    """Links to all pages, each for the same task, sequence and language."""
    with st.container(horizontal=True, key="menu", gap="small", width="content"):
        for page in st.session_state.get("menu", ()):
            st.page_link(page, query_params=address.query())


def short_header(language: str) -> None:
    """Draw the title, the menu and the language, for a page that has a model of its own."""
    st.session_state.language = language
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="right", key="header"
    ):
        st.title(say("title", language), anchor=False, width="content")
        _menu()
        _language(language)
        _device(language)


def header(view: ViewState, example: Example, words: Callable[..., str]) -> None:
    """Draw the title, the menu and what chooses the task, the sequence and the language."""
    st.session_state.preset = view.preset
    st.session_state.language = view.language
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="right", key="header"
    ):
        st.title(words("title"), anchor=False, width="content")
        _menu()
        st.selectbox(
            words("page.preset"),
            list(TASKS),
            format_func=lambda name: words(f"preset.{name}"),
            key="preset",
            on_change=_choose_preset,
            help=words(f"about.{view.preset}"),
            label_visibility="collapsed",
            width=180,
        )
        label = "page.typed" if example.seed is None else "page.new"
        st.button(
            words(label, seed=view.seed),
            key="new",
            on_click=_next_example,
            help=words("page.new-help"),
            icon=":material/casino:",
        )
        _edit(view, example, words)
        _share(words)
        _language(view.language)
        _device(view.language)


def _language(language: str) -> None:
    st.segmented_control(
        say("page.language", language),
        list(LANGUAGES),
        format_func=LANGUAGES.__getitem__,
        key="language",
        on_change=_choose_language,
        label_visibility="collapsed",
    )


def _device(language: str) -> None:
    device, _ = session.device()
    told = say("page.device", language, device=quoted(str(device)))
    st.caption(told, help=say("page.device-help", language), width="content")


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
    data = {name: words(key) for name, key in keys.items()} | {"language": address.language()}
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


def notices(view: ViewState, problems: tuple[Problem, ...]) -> None:
    """Say what could not be read or loaded."""
    words = partial(say, language=view.language)
    if not st.session_state.get("edit"):
        _rejected(view)
    told = [tell(problem, view.language) for problem in problems]
    for place, problem in enumerate(problems):
        if problem.key.startswith("url.") and problem.key not in session.PLACES:
            told[place] += f" {words('fell-back')}"
    if len(told) > MOST_BOXES:
        told = ["\n".join(f"- {sentence}" for sentence in told)]
    for sentence in told:
        st.warning(sentence)
    if view.text is not None and "text" not in st.query_params:
        length = f"{len(view.text):,}"
        st.info(words("page.text-not-in-url", length=length, limit=f"{MAX_URL_TEXT:,}"))
