"""The address of a page: the only memory of what is shown.

Widgets write it, every run reads it. The stage writes its own keys (models, focus, step, unit)
from the browser.
"""

from dataclasses import replace
from typing import Any

import streamlit as st

from viz.state import (
    MAX_URL_TEXT,
    PYTHON_KEYS,
    STAGE_KEYS,
    Problem,
    ViewState,
    parse,
    to_query,
)


def language() -> str:
    """The language of this run: the address's, else the browser's, else English."""
    return view()[0].language


def query() -> dict[str, list[str]]:
    """Every key of the address with its values."""
    return {key: st.query_params.get_all(key) for key in st.query_params}


def view() -> tuple[ViewState, tuple[Problem, ...]]:
    """The view that the address describes, with the text that is too long for it."""
    chinese = (st.context.locale or "").lower().startswith("zh")
    found, problems = parse(query(), language="zh" if chinese else "en")
    preset, text = st.session_state.get("long_text", ("", ""))
    if found.text is None and preset == found.preset:
        found = replace(found, text=text)
    return found, problems


def go(**changes: Any) -> None:
    """Write the address of the view with `changes`.

    The stage's keys stay as Streamlit knows them. That may be an older step, since Streamlit does
    not notice what a component writes; the stage puts its own values right with the next payload.
    """
    old, problems = view()
    new = replace(old, **changes)
    st.session_state.pop("long_text", None)
    if len(new.text or "") > MAX_URL_TEXT:
        st.session_state.long_text = (new.preset, new.text)
    kept = {key: values for key, values in query().items() if key not in PYTHON_KEYS}
    for key in STAGE_KEYS:
        # A value that could not be used would be reported for ever.
        unusable = len(kept.get(key, ())) > 1 or any(p.key == f"url.{key}" for p in problems)
        if unusable or key in changes:
            kept.pop(key, None)
    mine = {key: [value] for key, value in to_query(new).items() if key in PYTHON_KEYS}
    # Once chosen, the language is named: a reader's browser may prefer the other one.
    if "language" in changes or "lang" in st.query_params:
        mine["lang"] = [new.language]
    st.query_params.from_dict(kept | mine)
