"""Everything on a stage as files, and as the Python that makes it again."""

from collections.abc import Callable, Mapping
from functools import partial

import streamlit as st

from lstm_core.checkpoint import Checkpoint
from lstm_core.tasks import TASKS, Example
from lstm_core.trace import Trace
from viz.compact import DIGITS, rounded
from viz.export import trace_csv, trace_npz, trace_parquet
from viz.pages import cached
from viz.payload import Part, packed
from viz.snippet import preset_snippet
from viz.standalone import player_html
from viz.state import ViewState
from viz.text import say

_TABLES: dict[str, tuple[str, Callable[[Trace], bytes], str]] = {
    "npz": ("NPZ", trace_npz, "application/zip"),
    "csv": ("CSV", trace_csv, "text/csv"),
    "parquet": ("Parquet", trace_parquet, "application/vnd.apache.parquet"),
}
"""For each kind of file: its name, what makes it and its media type."""


def take_away(
    payload: Callable[[], bytes],
    traces: Mapping[str, Trace],
    *,
    name: str,
    snippet: str,
    language: str,
    own: bool = False,
) -> None:
    """Draw a box of downloads. A file is made when its button is pressed, not before.

    Args:
        payload: packs the stage, with ``address=False``.
        traces: by what the model is called in a sentence.
        name: what the files' names begin with, and the heading of the page.
        snippet: Python, from `viz.snippet`.
        language: of every word.
        own: whether the Python reads files that a person brought.
    """
    words = partial(say, language=language)
    with st.expander(words("take.title")):
        st.caption(words("take.about"))
        _button(
            words("take.stage"),
            partial(_page, payload, name, language),
            f"{_file_name(name)}.html",
            "text/html",
            words("take.stage-help"),
        )
        with st.container(gap="xxsmall"):
            for model, trace in traces.items():
                with st.container(horizontal=True):
                    _files_of(model, trace, name, words)
        st.caption(words("take.python-here" if own else "take.python"))
        st.code(snippet, language="python")


def take_away_example(
    view: ViewState, example: Example, models: Mapping[str, Checkpoint], traces: Mapping[str, Trace]
) -> None:
    """Draw the box of downloads for an example of a task, as the shipped models read it."""
    parts = [
        Part(
            key=cell,
            trace=traces[cell],
            classes=TASKS[view.preset].classes,
            checkpoint=checkpoint,
            memory=cached.memory(view.preset, cell, example.tokens),
        )
        for cell, checkpoint in models.items()
    ]
    take_away(
        partial(packed, parts, example, view, address=False),
        {say(f"cell.{cell}", view.language): trace for cell, trace in traces.items()},
        name=say(f"preset.{view.preset}", view.language),
        snippet=preset_snippet(view.preset, list(models), example.tokens),
        language=view.language,
    )


def _files_of(model: str, trace: Trace, name: str, words: Callable[..., str]) -> None:
    for ending, (kind, make, media) in _TABLES.items():
        _button(
            f"{model} · {kind}",
            partial(make, trace),
            f"{_file_name(name)}-{_file_name(model)}.{ending}",
            media,
            words(f"take.{ending}-help", model=model),
        )


def _button(label: str, make: Callable[[], bytes], file: str, media: str, about: str) -> None:
    st.download_button(
        label,
        data=make,
        file_name=file,
        mime=media,
        key=f"take-{file}",
        on_click="ignore",
        type="tertiary",
        icon=":material/download:",
        help=about,
    )


def _page(payload: Callable[[], bytes], name: str, language: str) -> bytes:
    note = say("player.rounded", language, digits=DIGITS)
    data = rounded(payload())
    return player_html(data, title=name, note=note, language=language).encode()


def _file_name(text: str) -> str:
    """`text` as part of a file's name on every system."""
    return "-".join("".join(c if c.isalnum() else " " for c in text).split())[:60].lower()
