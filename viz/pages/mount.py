"""The stage as Streamlit's component: made once, mounted by every page that shows one."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from viz import payload


def mount(data: bytes, key: str, *, asked: Callable[[], None] | None = None) -> None:
    """Draw the stage with a payload of `viz.payload`; `key` names this one among a page's.

    `asked` is called when a person changes something there; what, is in the session under `key`.
    """
    options = {} if asked is None else {"on_ask_change": asked}
    _component()(key=key, data=data, **options)


@st.cache_resource(show_spinner=False)
def _component() -> Callable[..., Any]:
    assets = payload.assets()
    return st.components.v2.component(
        "lstm_stage", html=assets.html, css=assets.css, js=assets.js, isolate_styles=False
    )
