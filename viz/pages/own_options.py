"""How a data file is read: what was recognised, in words, and the fields that override it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any, Literal

import streamlit as st

from lstm_core.data_files import audio
from lstm_core.data_files.datafile import CHOICES
from lstm_core.data_files.text_columns import text_columns
from lstm_core.vocabulary import UNKNOWN
from viz.own import Own
from viz.own_data import SCALES, Dropped
from viz.quoting import quoted, quoted_list
from viz.text import TEXT, say

_OF_KIND: dict[str, tuple[str, ...]] = {
    "csv": ("encoding", "delimiter", "decimal", "thousands", "header"),
    "text": ("encoding", "split"),
    "npz": ("array", "axes"),
    "npy": ("axes",),
    "json": ("array", "axes"),
    "wav": ("frame_ms", "hop_ms", "bands"),
}
"""The options that mean something to a kind of file, before its columns."""

_BOUNDS: dict[str, tuple[float, float]] = {
    "frame_ms": (audio.SHORTEST, audio.LONGEST),
    "hop_ms": (audio.SHORTEST, audio.LONGEST),
    "bands": (1, audio.MOST_BANDS),
}
"""The options that are numbers, and how small and large they may be."""

_IN_KEYS: dict[object, str] = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"} | {
    " ": "space",
    ".": "point",
    "'": "apostrophe",
    True: "yes",
    False: "no",
    "": "nothing",
}
"""How values are called in the keys of `viz.text`."""

FIELD = 220
"""Pixels of a field that stands beside others."""

Keep = Callable[[Callable[[], Dropped]], None]

_OF_TWO = tuple(
    " ".join(order) for other in ("channel", "sequence") for order in permutations(("time", other))
)
"""What the two axes of an array may be."""


def told(dropped: Dropped, channels: Sequence[str], language: str) -> list[str]:
    """How the file was read, a few words for each option; `channels` are the columns read."""
    read_as, kind = dropped.read_as, dropped.data.kind
    words = [kind.upper()]
    for name in _OF_KIND.get(kind, ()):
        if getattr(read_as, name) not in (None, ""):
            value = getattr(read_as, name)
            value = quoted(value) if name == "array" else _word(name, value, language)
            words.append(f"{say(f'own.option.{name}', language)}: {value}")
    if dropped.data.texts:
        return words
    if dropped.text:
        column = quoted_list([dropped.text], language)
        return [*words, say("own.option.text.told", language, column=column)]
    shown = quoted_list(channels, language, most=6)
    if "sequence" in (read_as.axes or "") and dropped.width is None:
        words.append(say("own.option.ids-in-rows", language))
    else:
        words.append(f"{say('own.option.channels', language)}: {shown}")
    if read_as.group:
        group = quoted_list([read_as.group], language)
        words.append(f"{say('own.option.group', language)}: {group}")
    if dropped.width is not None:  # symbols have no scale
        scale = _word("scale", dropped.scale, language)
        words.append(f"{say('own.option.scale', language)}: {scale}")
    return words


def _word(name: str, value: object, language: str) -> str:
    if name in _BOUNDS:
        return f"{value:g}"
    if name == "text" and value:
        return str(value)
    if name == "axes" and value:
        return " × ".join(say(f"own.axis.{axis}", language) for axis in str(value).split())
    key = f"own.option.{name}.{_IN_KEYS.get(value, value)}"
    return say(key, language) if key in TEXT else str(value)


def fix(loaded: Own, dropped: Dropped, names: Sequence[str], language: str, keep: Keep) -> None:
    """The fields for what the data themselves ask for: gaps, padding, unknown symbols."""
    for name in names:
        if name == "lower":
            _choose_flag(dropped, name, language, keep)
            continue
        choices = choices_of_unknown(loaded) if name == "unknown" else CHOICES[name]
        value = getattr(dropped.options, name) or choices[0]
        value = value if value in choices else choices[0]
        _choose_one(dropped, name, choices, value, language, keep, width=FIELD)


def choices_of_unknown(loaded: Own) -> tuple[str, ...]:
    """What may become of unknown symbols: the token for them only where there is one."""
    there = loaded.reads is not None and loaded.reads.unknown_token is not None
    return tuple(name for name in UNKNOWN if there or name != "token")


def change(
    dropped: Dropped,
    channels: Sequence[str],
    language: str,
    keep: Keep,
    asked: Sequence[str] = (),
) -> None:
    """The fields; what is chosen there is read at once and given to `keep`.

    Those of `asked` stand elsewhere, see `fix`.
    """
    read_as, data = dropped.read_as, dropped.data
    names = _OF_KIND.get(data.kind, ())
    for name in filter(_BOUNDS.__contains__, names):
        _choose_number(dropped, name, getattr(read_as, name), language, keep)
    fields = {
        name: (_choices(name, dropped), getattr(read_as, name))
        for name in names
        if name not in _BOUNDS
    }
    texts = text_columns(data) if dropped.width is None else ()
    if texts:
        _choose_one(dropped, "text", (*texts, ""), dropped.text, language, keep)
    if not dropped.is_text:
        if data.kind != "wav":  # one sequence, without gaps
            fields["group"] = (("", *data.columns), read_as.group or "")
            fields["fill"] = (CHOICES["fill"], read_as.fill)
        if dropped.width is not None:
            fields["scale"] = (SCALES, dropped.scale)
        _choose_channels(dropped, channels, language, keep)
    for name, (choices, value) in fields.items():
        if len(choices) > 1 and value in choices and name not in asked:
            _choose_one(dropped, name, choices, value, language, keep)


def _choices(name: str, dropped: Dropped) -> tuple[Any, ...]:
    if name == "header":
        return (True, False)
    if name == "axes":  # every order of those that are there
        axes = (dropped.read_as.axes or "").split()
        if len(axes) == 2:
            return _OF_TWO
        return tuple(" ".join(order) for order in permutations(axes))
    if name == "array":
        return _arrays(dropped)
    if name == "thousands":  # a sign cannot be both
        return tuple(sign for sign in CHOICES[name] if sign != dropped.read_as.decimal)
    return CHOICES[name]


def _arrays(dropped: Dropped) -> tuple[str, ...]:
    """The arrays of a file of which only one is read; that one alone where there are no others."""
    one = dropped.read_as.array or ""
    told = (remark for remark in dropped.data.remarks if remark.code == "other-arrays")
    others = next((remark.fields["others"] for remark in told), ())
    return tuple(sorted((one, *others)))  # type: ignore[misc]


def _choose_one(
    dropped: Dropped,
    name: str,
    choices: tuple[Any, ...],
    value: Any,
    language: str,
    keep: Keep,
    *,
    width: Literal["stretch"] | int = "stretch",
) -> None:
    key = f"own-option-{name}"
    st.session_state[key] = value

    def take() -> None:
        chosen = st.session_state[key]
        if name == "scale":
            keep(lambda: dropped.again(dropped.options, chosen))
        else:
            options = replace(dropped.options, **{name: chosen})
            if name == "array":  # another one may have other axes
                options = replace(options, axes=None)
            if name == "text":
                options = replace(options, channels=None)
            keep(lambda: dropped.again(options, dropped.scale))

    st.selectbox(
        say(f"own.option.{name}", language),
        choices,
        format_func=lambda choice: _word(name, choice, language),
        key=key,
        on_change=take,
        width=width,
    )


def _choose_flag(dropped: Dropped, name: str, language: str, keep: Keep) -> None:
    key = f"own-option-{name}"
    st.session_state[key] = bool(getattr(dropped.options, name))

    def take() -> None:
        options = replace(dropped.options, **{name: st.session_state[key]})
        keep(lambda: dropped.again(options, dropped.scale))

    st.toggle(say(f"own.option.{name}", language), key=key, on_change=take)


def _choose_number(dropped: Dropped, name: str, value: float, language: str, keep: Keep) -> None:
    key, kind = f"own-option-{name}", int if name == "bands" else float
    low, high = map(kind, _BOUNDS[name])
    st.session_state[key] = min(max(kind(value), low), high)

    def take() -> None:
        options = replace(dropped.options, **{name: st.session_state[key]})
        keep(lambda: dropped.again(options, dropped.scale))

    label = say(f"own.option.{name}", language)
    st.number_input(
        label,
        low,
        high,
        step=kind(1),
        format="%d" if kind is int else "%g",
        key=key,
        on_change=take,
    )


def _choose_channels(dropped: Dropped, channels: Sequence[str], language: str, keep: Keep) -> None:
    key, there = "own-option-channels", dropped.data.numeric
    st.session_state[key] = [name for name in channels if name in there]

    def take() -> None:
        options = replace(dropped.options, channels=tuple(st.session_state[key]))
        keep(lambda: dropped.again(options, dropped.scale))

    label = say("own.option.channels", language)
    st.multiselect(label, list(there), key=key, on_change=take)
