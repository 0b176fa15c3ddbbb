"""The card of a data file: how it was read, which sequence of it, and which steps.

The file and what was chosen stay in this person's session.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import streamlit as st

from lstm_core.data_files.datafile import DataError, DataFile
from lstm_core.data_files.left_out import ABOUT_A_COLUMN
from lstm_core.data_files.sequences import Sequence
from lstm_core.stacks import Remark
from lstm_core.vocabulary import InputError
from viz import own_words
from viz.own import LOUD, Given, Own
from viz.own_data import (
    DATA_MB,
    Dropped,
    channels_of,
    gaps_for,
    inputs_of,
    left_out_of,
    padding_for,
    sequences_for,
    text_of,
    width_of,
)
from viz.pages import own_options
from viz.quoting import quoted, quoted_list
from viz.sheet import count
from viz.text import say

NOT_READ = 8
"""Columns that are not read and are named at once; the others are below "How it was read"."""

PREVIEW = 6
"""Rows of a file that are shown."""

FIRST_STEPS = 200
"""Steps of a long sequence that are read at first."""


def choose(loaded: Own, language: str) -> Given | None:
    """The field for a data file, or what was read from it and which part a model reads."""
    dropped: Dropped | None = st.session_state.get("own_data")
    if dropped is None:
        _drop(loaded, language)
        return None
    try:
        dropped = st.session_state.own_data = dropped.for_width(width_of(loaded))
    except ValueError as error:
        st.error(own_words.told(own_words.problem_of(error), language))
        return None
    st.markdown(
        f"{quoted(dropped.name)} · {_size(dropped.data, loaded.reads is not None, language)}"
    )
    channels, left = channels_of(loaded, dropped), left_out_of(loaded, dropped)
    st.caption(" · ".join(own_options.told(dropped, channels, language)))
    if left:
        st.caption(_not_read(left, language))
    padding = _padding(loaded, dropped)
    asked = _asked(loaded, dropped, padding)
    _say_gaps(loaded, dropped, language)
    row = st.container(horizontal=True, gap="small", vertical_alignment="bottom")
    with row:
        with st.popover(say("own.data-how", language), icon=":material/tune:"):
            _how(dropped, channels, left, language, asked)
        with st.popover(say("own.data-another", language), icon=":material/upload_file:"):
            _drop(loaded, language)
    given, told = None, None
    try:
        given = _given(loaded, dropped, row, padding, language)
    except ValueError as error:
        told = own_words.problem_of(error)
        asked = (*asked, *(name for name in asks(loaded, error) if name not in asked))
    with row:
        own_options.fix(loaded, dropped, asked, language, _keep)
    if told is not None:
        st.error(own_words.told(told, language))
    return given


def _drop(loaded: Own, language: str) -> None:
    number = st.session_state.setdefault("own_data_drops", 0)
    file = st.file_uploader(
        say("own.data-drop", language), key=f"own-data-{number}", max_upload_size=DATA_MB
    )
    st.caption(say("own.data-help", language, limit=DATA_MB))
    if file is None:
        return
    with st.spinner(say("own.data-reading", language), show_time=False):
        content, name = file.getvalue(), file.name
        _keep(lambda: Dropped.of(name, content, width_of(loaded)))
    st.session_state.own_data_drops = number + 1
    st.rerun()


def _keep(make: Callable[[], Dropped]) -> None:
    """Keep what `make` returns; what was there before stays where that fails."""
    try:
        st.session_state.own_data = make()
    except Exception as error:  # a stranger's file: whatever it breaks, the page says so
        st.session_state.own_problems = (own_words.problem_of(error),)


def _size(data: DataFile, symbols: bool, language: str) -> str:
    if data.texts:
        one = "-one" if len(data.texts) == 1 else ""
        return say(f"own.data-texts{one}", language, count=f"{len(data.texts):,}")
    if data.lengths and symbols:
        one = "-one" if len(data.lengths) == 1 else ""
        return say(f"own.data-sequences{one}", language, count=f"{len(data.lengths):,}")
    count = {"rows": f"{len(data.rows):,}", "columns": f"{len(data.columns):,}"}
    return say("own.data-table", language, **count)


def _not_read(left: tuple[Remark, ...], language: str) -> str:
    """The columns that are not read, each with its reason in a word or two."""
    names = [
        say("own.not-read.one", language, column=quoted(str(remark.fields["column"])), why=why)
        for remark in left[:NOT_READ]
        if (why := say(f"own.not-read.{remark.code}", language))
    ]
    if len(left) > NOT_READ:
        names.append(say("own.not-read.more", language, count=f"{len(left) - NOT_READ:,}"))
    return say("own.not-read", language, names=" · ".join(names))


def _padding(loaded: Own, dropped: Dropped) -> Remark | None:
    with suppress(DataError):  # which is told where the sequences are read
        return padding_for(loaded, dropped)
    return None


def _asked(loaded: Own, dropped: Dropped, padding: Remark | None) -> tuple[str, ...]:
    """The options for which the file itself asks, and those that were chosen for that reason."""
    names = ["fill"] if gaps_for(loaded, dropped) else []
    names += ["padding"] if padding is not None else []
    chosen = dropped.options
    if dropped.is_text and (chosen.lower or chosen.unknown not in (None, "refuse")):
        names += ["unknown", "lower"]
    return tuple(names)


def asks(loaded: Own, error: Exception) -> tuple[str, ...]:
    """The options that help where a text holds what the model does not know."""
    if not isinstance(error, InputError) or error.code != "unknown-symbols":
        return ()
    symbols: tuple[str, ...] = error.fields.get("symbols", ())  # type: ignore[assignment]
    known = set(loaded.reads.tokens) if loaded.reads else set()
    helps = any(symbol.lower() in known for symbol in symbols)
    return ("unknown", "lower") if helps else ("unknown",)


def _say_gaps(loaded: Own, dropped: Dropped, language: str) -> None:
    gaps = gaps_for(loaded, dropped)
    if gaps:
        one = ".one" if sum(gaps.values()) == 1 else ""
        names = quoted_list((f"{name}: {number:,}" for name, number in gaps.items()), language, 6)
        st.caption(say(f"own.gaps{one}", language, count=f"{sum(gaps.values()):,}", names=names))


def _how(
    dropped: Dropped,
    channels: tuple[str, ...],
    left: tuple[Remark, ...],
    language: str,
    asked: tuple[str, ...],
) -> None:
    """What was recognised, to confirm or to change, beside the first rows."""
    others = [remark for remark in dropped.data.remarks if remark.code not in ABOUT_A_COLUMN]
    for remark in (*others, *(remark for remark in left if remark.code in ABOUT_A_COLUMN)):
        st.markdown(own_words.told(own_words.remark_of("data", remark), language))
    own_options.change(dropped, channels, language, _keep, asked)
    st.caption(say("own.data-preview", language))
    st.dataframe(_preview(dropped.data), hide_index=True)


def _preview(data: DataFile) -> dict[str, list[object]]:
    names = (" ",) if data.texts else data.columns
    rows = data.preview(PREVIEW)
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


# ---- Which part of it


def _given(loaded: Own, dropped: Dropped, row: Any, padding: Remark | None, language: str) -> Given:
    """The steps that are read; `row` has room for the fields that choose them.

    Args:
        padding: what is told of ids that fill up short sequences.

    Raises:
        ValueError: if the file does not hold what the model reads.
    """
    one = _choose_sequence(sequences_for(loaded, dropped), language)
    inputs = _inputs(loaded, dropped, one, padding, language)
    with row:
        key = f"{dropped.key}-{one.name[:20]}"
        start, steps = _choose_steps(loaded, key, len(inputs), language)
    part = np.ascontiguousarray(inputs[start : start + steps])
    if len(part) < len(inputs):
        fields = {"first": f"{start:,}", "last": f"{start + len(part) - 1:,}"}
        st.caption(say("own.window", language, steps=f"{len(inputs):,}", **fields))
    largest = float(np.abs(part).max()) if part.ndim > 1 else 0.0
    if largest > LOUD and not own_words.is_folded(loaded):  # which scales them itself
        _warn_of_scale(dropped, largest, language)
    digest = hashlib.sha256(part.tobytes()).hexdigest()[:16]
    channels = one.channels if loaded.reads is None else ()
    return Given(inputs=part, key=f"file {digest}", channels=channels, start=start, of=len(inputs))


def _inputs(
    loaded: Own, dropped: Dropped, one: Sequence, padding: Remark | None, language: str
) -> np.ndarray:
    """What is read of a sequence; what of it is no plain reading is said."""
    if one.text is not None:
        read = text_of(loaded, one, dropped.options)
        for remark in read.remarks:
            st.caption(own_words.told(own_words.remark_of("data", remark), language))
        return read.ids
    if padding is not None:
        cut = ".cut" if dropped.options.padding == "cut" else ""
        numbers = {name: f"{n:,}" for name, n in padding.fields.items() if isinstance(n, int)}
        st.caption(say(f"own.padding.{padding.fields['what']}{cut}", language, **numbers))
    return inputs_of(loaded, one, dropped.options)


def _warn_of_scale(dropped: Dropped, largest: float, language: str) -> None:
    """Say that the numbers are large, with a button that standardises them where that is left."""
    st.warning(say("own.loud", language, largest=count(largest)))
    if dropped.scale == "none":
        st.button(
            say("own.standardise", language),
            key="own-standardise",
            on_click=_keep,
            args=(lambda: dropped.again(dropped.options, "all"),),
        )


def _choose_sequence(found: tuple[Sequence, ...], language: str) -> Sequence:
    if len(found) == 1:
        return found[0]
    place = st.selectbox(
        say("own.sequence", language, count=f"{len(found):,}"),
        range(len(found)),
        format_func=lambda number: _sequence_name(found[number], language),
        key=f"own-sequence-{len(found)}",
    )
    return found[place or 0]


def _sequence_name(one: Sequence, language: str) -> str:
    fields = {"name": one.name[:60], "rows": one.where[:60], "steps": f"{len(one):,}"}
    return say("own.sequence-name" if one.text is None else "own.text-name", language, **fields)


def _choose_steps(loaded: Own, key: str, length: int, language: str) -> tuple[int, int]:
    """Where to begin and how many steps to read; everything where it is short."""
    if length <= min(FIRST_STEPS, loaded.most_steps):
        return 0, length
    label, name = say("own.first-step", language), f"own-start-{key}-{length}"
    start = int(st.number_input(label, 0, length - 1, 0, key=name, width=120))
    most = min(loaded.most_steps, length - start)
    label, name = say("own.steps", language), f"own-steps-{key}-{most}"
    steps = int(st.number_input(label, 1, most, min(FIRST_STEPS, most), key=name, width=120))
    return start, steps
