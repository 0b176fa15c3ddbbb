"""The page on which a person steps through a sequence.

The stage writes its own keys of the address (models, focus, step, unit) from the browser.
"""

from functools import partial
from typing import Any

import streamlit as st

from lstm_core.checkpoint import Checkpoint
from lstm_core.signals import SIGNALS
from lstm_core.tasks import TASKS, Example
from lstm_core.trace import Trace
from viz import payload, session
from viz.gates import gate_figure, heat_map
from viz.operation import perform
from viz.pages import address, cached, operating
from viz.pages.header import header, notices, style_sheet
from viz.pages.mount import mount
from viz.pages.takeaway import take_away_example
from viz.state import ViewState
from viz.text import say, signal_name

ALL = "all"
MOST_AT_ONCE = 2_000
"""Steps up to which every signal is drawn at once; a browser takes long over more."""


def show() -> None:
    """Draw the page."""
    style_sheet()
    view, problems = address.view()
    example, unread = session.example_of(view)
    words = partial(say, language=view.language)
    header(view, example, words)
    told = st.container()
    models, unloaded = cached.models(view.preset)
    traces = {cell: cached.traced(view.preset, cell, example.tokens) for cell in models}
    placed = session.place_problems(view, traces) if "placed" not in st.session_state else ()
    st.session_state.placed = True  # later the stage moves on, and Streamlit does not notice
    with told:
        notices(view, (*problems, *unread, *unloaded, *placed))
    if not models:
        st.error(words("page.no-models"))
        return
    _stage(view, example, models, traces)
    _figures(traces, view.models[0], view.language)
    take_away_example(view, example, models, traces)
    _recipes(models, view.language)


@st.fragment
def _stage(
    view: ViewState, example: Example, models: dict[str, Checkpoint], traces: dict[str, Trace]
) -> None:
    """The stage; a fragment, so that a change made there runs again nothing but this."""
    parts = [
        payload.Part(
            key=cell,
            trace=traces[cell],
            classes=TASKS[view.preset].classes,
            checkpoint=c,
            memory=cached.memory(view.preset, cell, example.tokens),
        )
        for cell, c in models.items()
    ]
    operation = perform(
        parts,
        {cell: c.model for cell, c in models.items()},
        example,
        operating.request(view.preset, view.changes),
        inputs=example.ids,
        preset=view.preset,
        language=view.language,
    )
    data = payload.packed(parts, example, view, operation=operation)
    mount(data, "stage", asked=operating.asking("stage", list(models)))


@st.fragment
def _figures(traces: dict[str, Trace], first: str, language: str) -> None:
    """The zoomable figures; nothing is built before they are asked for."""
    words = partial(say, language=language)
    with st.expander(words("page.plotly"), key="plotly", on_change="rerun") as box:
        if not box.open:
            return
        with st.container(horizontal=True):
            cell = st.selectbox(
                words("page.model"),
                list(traces),
                index=list(traces).index(first) if first in traces else 0,
                format_func=lambda c: words(f"cell.{c}"),
            )
            signals = [ALL, *(signal.key for signal in SIGNALS[cell])]
            key = st.selectbox(
                words("page.signal"),
                signals,
                index=int(len(traces[cell]) > MOST_AT_ONCE),
                format_func=lambda k: _signal_label(cell, k, language),
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
