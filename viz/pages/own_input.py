"""What a person's own model is given to read: made up or typed; a data file is in `own_data`.

Widgets lose their state when their page is left, so what was chosen is kept beside them.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from lstm_core.vocabulary import Vocabulary
from lstm_core.vocabulary_files import MAX_VOCABULARY_BYTES, read_vocabulary
from viz import own, own_words
from viz.own import Given, Own
from viz.pages import own_data, own_options
from viz.quoting import quoted
from viz.text import say

LENGTH = 100
"""Steps of an input that is made up, at first."""


def forget() -> None:
    """Let go of what was chosen for another model; a data file stays."""
    for key in ("own_source", "own_typed", "own-typed", "own_traced", "own_given", "own_symbols"):
        st.session_state.pop(key, None)


def type_first(text: str) -> None:
    """Begin with a text."""
    st.session_state.own_source = "typed"
    st.session_state.own_typed = text


def choose(loaded: Own, language: str) -> Given | None:
    """The card of the input; ``None`` as long as there is nothing to read."""
    sources = ("noise", "typed", "file") if loaded.reads else ("noise", "impulse", "file")
    if st.session_state.get("own_source") not in sources:
        st.session_state.own_source = sources[0]
    source = st.session_state["own-source"] = st.session_state.own_source
    st.segmented_control(
        say("own.source", language),
        sources,
        format_func=lambda name: _source_name(loaded, name, language),
        key="own-source",
        on_change=_take_source,
        required=True,
    )
    if source == "typed":
        return _typed(loaded, language)
    if source == "file":
        return own_data.choose(loaded, language)
    return _made_up(loaded, source, language)


def _source_name(loaded: Own, name: str, language: str) -> str:
    if name == "noise" and loaded.reads:
        name = "noise-tokens"
    if name == "typed" and loaded.reads_ids:
        name = "typed-ids"
    return say(f"own.source.{name}", language)


def _take_source() -> None:
    st.session_state.own_source = st.session_state["own-source"]


# ---- Made up


def _made_up(loaded: Own, source: str, language: str) -> Given:
    most = max(2, loaded.most_steps)
    steps, seed, look = min(LENGTH, most), 0, None
    with st.container(horizontal=True):
        steps = int(
            st.number_input(say("own.steps", language), 2, most, steps, key="own-steps", width=150)
        )
        if source == "noise":
            label = say("page.seed", language)
            seed = int(st.number_input(label, 0, 2**31 - 1, key="own-seed", width=150))
    if source == "impulse":
        values, look = own.impulse(loaded, steps)
    else:
        values = own.noise(loaded, steps, seed)
    about = "noise-tokens" if source == "noise" and loaded.reads else source
    st.caption(say(f"own.about.{about}", language, step=look))
    return Given(inputs=values, key=f"{source} {steps} {seed}", look=look, of=steps)


# ---- Typed


def _typed(loaded: Own, language: str) -> Given | None:
    """A text or ids. Where it cannot be read, what was read before stays."""
    text = st.session_state.get("own_typed", "")
    st.session_state.setdefault("own-typed", text)
    known = loaded.reads
    with st.form("own-text", border=False):
        st.text_area(
            say("own.type-ids" if loaded.reads_ids else "own.type", language),
            key="own-typed",
            height=90,
            placeholder=_for_example(loaded),
            label_visibility="collapsed",
        )
        st.form_submit_button(say("page.run", language), type="primary", on_click=_take_typed)
    _say_rules(known, language)
    _choose_symbols(loaded, language)
    if not text:
        st.caption(say("own.type-something", language))
        return None
    read, most = own.symbols_of(loaded, text, **_symbols()), loaded.most_steps
    for remark in read.remarks:
        st.caption(own_words.told(own_words.remark_of("data", remark), language))
    ids = read.ids
    if len(ids) > most:
        st.caption(say("own.cut-input", language, shown=f"{most:,}", steps=f"{len(ids):,}"))
    return Given(inputs=ids[:most], key=f"typed {digest(ids[:most])}", of=len(ids))


def _for_example(loaded: Own) -> str | None:
    """What may be typed, where it is not letter by letter."""
    known = loaded.reads
    if loaded.reads_ids:
        return "0 1 2"
    return " ".join(known.tokens[:12]) if known and known.words else None


def _take_typed() -> None:
    typed = st.session_state["own-typed"]
    loaded = st.session_state.own.first
    try:
        own.symbols_of(loaded, typed, **_symbols())
    except ValueError as error:
        st.session_state.own_problems = (own_words.problem_of(error),)
        names = dict.fromkeys(
            (*st.session_state.get("own_symbols", {}), *own_data.asks(loaded, error))
        )
        kept = st.session_state.get("own_symbols", {})
        st.session_state.own_symbols = {name: kept.get(name) for name in names}
        return
    st.session_state.own_typed = typed


def _symbols() -> dict[str, Any]:
    """What was chosen for symbols that the model does not know."""
    chosen = st.session_state.get("own_symbols", {})
    return {"unknown": chosen.get("unknown") or "refuse", "lower": bool(chosen.get("lower"))}


def _say_rules(known: Vocabulary | None, language: str) -> None:
    """By which rules a text is split, where a tokenizer states them."""
    if known is None or known.rules is None:
        return
    if known.reads_text:
        keras = ".keras" if known.rules.spec["kind"] == "keras" else ""
        st.caption(say(f"own.tokenizer{keras}", language))
    else:
        rules = quoted(str(known.rules.spec["what"]))
        st.caption(say("own.input.needs-ids", language, rules=rules))


def _choose_symbols(loaded: Own, language: str) -> None:
    """The fields for unknown symbols, once there were some."""
    chosen: dict[str, Any] = st.session_state.get("own_symbols", {})
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for name in chosen:
            key, label = f"own-typed-{name}", say(f"own.option.{name}", language)
            st.session_state[key] = _symbols()[name]
            if name == "lower":
                st.toggle(label, key=key, on_change=_take_symbols, args=(name,))
            else:
                st.selectbox(
                    label,
                    own_options.choices_of_unknown(loaded),
                    format_func=lambda choice: say(f"own.option.unknown.{choice}", language),
                    key=key,
                    on_change=_take_symbols,
                    args=(name,),
                    width=own_options.FIELD,
                )


def _take_symbols(name: str) -> None:
    st.session_state.own_symbols[name] = st.session_state[f"own-typed-{name}"]
    _take_typed()


def digest(values: np.ndarray) -> str:
    """Tells one sequence from another."""
    return hashlib.sha256(values.tobytes()).hexdigest()[:16]


# ---- The symbols


def drop_vocabulary(loaded: Own, language: str, use: Callable[[Callable[[], Own]], bool]) -> None:
    """The field for a vocabulary file; `use` takes what makes the model that reads with it."""
    number = st.session_state.setdefault("own_vocabularies", 0)
    table = loaded.first.stack.embedding
    size = loaded.first.width if table is None else len(table)
    dropped = st.file_uploader(
        say("own.vocabulary-drop", language),
        key=f"own-vocabulary-{number}",
        max_upload_size=MAX_VOCABULARY_BYTES // 2**20,
    )
    st.caption(say("own.vocabulary-help", language, count=f"{size:,}"))
    if dropped is None:
        return
    content, name = dropped.getvalue(), dropped.name
    use(lambda: loaded.reading(read_vocabulary(content, size), name))
    st.session_state.own_vocabularies = number + 1
    st.rerun()
