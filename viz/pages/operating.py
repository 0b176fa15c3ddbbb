"""The changes that a person made on the stage, kept for the session.

The address brings them in; from then on the stage asks for new ones and writes the address.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from viz.operation import Request, accepted


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """A request, what it is about, and the address that it was last taken from."""

    about: str
    seen: str
    request: Request


def request(about: str, address: str) -> Request:
    """What is asked for now.

    Args:
        about: what is changed, e.g. a task; changes of one mean nothing to another.
        address: the changes that the address holds. A new one there is a link that was followed.
    """
    kept: _Kept | None = st.session_state.get("operation")
    if kept is None or kept.about != about or kept.seen != address:
        # The count goes on, so that a stage that is already there takes this for an answer.
        number = 0 if kept is None else kept.request.number
        kept = _Kept(about=about, seen=address, request=Request(text=address, number=number))
        st.session_state.operation = kept
    return kept.request


def asking(key: str, models: Sequence[str]) -> Callable[[], None]:
    """What to do when the stage that is mounted under `key` asks for other changes."""

    def ask() -> None:
        kept: _Kept | None = st.session_state.get("operation")
        asked = st.session_state[key].get("ask")
        if kept is None or not isinstance(asked, dict):
            return
        text, number, step = (asked.get(name) for name in ("text", "number", "asked"))
        if not isinstance(text, str) or not isinstance(number, int):
            return
        step = step if isinstance(step, int) and step >= 0 else None
        new = accepted(kept.request, Request(text=text, number=number, asked=step), models)
        st.session_state.operation = _Kept(about=kept.about, seen=kept.seen, request=new)

    return ask
