"""How a data file is read: what was recognised, in words, and the fields that override it."""

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from typing import Any

import streamlit as st

from lstm_core.data_files.datafile import CHOICES
from viz.own_data import SCALES, Dropped
from viz.quoting import quoted_list
from viz.text import TEXT, say

_OF_KIND: dict[str, tuple[str, ...]] = {
    "csv": ("encoding", "delimiter", "decimal", "header"),
    "text": ("encoding", "split"),
    "npz": ("axes",),
    "npy": ("axes",),
    "json": ("axes",),
}
"""The options that mean something to a kind of file, before its columns."""

_IN_KEYS: dict[object, str] = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"} | {
    " ": "space",
    ".": "point",
    True: "yes",
    False: "no",
    "": "nothing",
}
"""How values are called in the keys of `viz.text`."""

Keep = Callable[[Callable[[], Dropped]], None]


def told(dropped: Dropped, language: str) -> list[str]:
    """How the file was read, a few words for each option."""
    read_as, kind = dropped.read_as, dropped.data.kind
    words = [kind.upper()]
    for name in _OF_KIND.get(kind, ()):
        if getattr(read_as, name) is not None:
            value = _word(name, getattr(read_as, name), language)
            words.append(f"{say(f'own.option.{name}', language)}: {value}")
    if dropped.data.texts:
        return words
    channels = quoted_list(read_as.channels or (), language, most=6)
    words.append(f"{say('own.option.channels', language)}: {channels}")
    if read_as.group:
        group = quoted_list([read_as.group], language)
        words.append(f"{say('own.option.group', language)}: {group}")
    scale = _word("scale", dropped.scale, language)
    words.append(f"{say('own.option.scale', language)}: {scale}")
    return words


def _word(name: str, value: object, language: str) -> str:
    key = f"own.option.{name}.{_IN_KEYS.get(value, value)}"
    return say(key, language) if key in TEXT else str(value)


def change(dropped: Dropped, language: str, keep: Keep) -> None:
    """The fields; what is chosen there is read at once and given to `keep`."""
    read_as, data = dropped.read_as, dropped.data
    fields = {name: (_choices(name, dropped), getattr(read_as, name)) for name in _names(dropped)}
    if not data.texts:
        fields["group"] = (("", *data.columns), read_as.group or "")
        fields["fill"] = (CHOICES["fill"], read_as.fill)
        fields["scale"] = (SCALES, dropped.scale)
        _choose_channels(dropped, language, keep)
    for name, (choices, value) in fields.items():
        if len(choices) > 1 and value in choices:
            _choose_one(dropped, name, choices, value, language, keep)


def _names(dropped: Dropped) -> tuple[str, ...]:
    return _OF_KIND.get(dropped.data.kind, ())


def _choices(name: str, dropped: Dropped) -> tuple[Any, ...]:
    if name == "header":
        return (True, False)
    if name == "axes":  # every order of those that are there
        axes = (dropped.read_as.axes or "").split()
        return tuple(" ".join(order) for order in permutations(axes))
    return CHOICES[name]


def _choose_one(
    dropped: Dropped, name: str, choices: tuple[Any, ...], value: Any, language: str, keep: Keep
) -> None:
    key = f"own-option-{name}"
    st.session_state[key] = value

    def take() -> None:
        chosen = st.session_state[key]
        if name == "scale":
            keep(lambda: dropped.again(dropped.options, chosen))
        else:
            options = replace(dropped.options, **{name: chosen})
            keep(lambda: dropped.again(options, dropped.scale))

    st.selectbox(
        say(f"own.option.{name}", language),
        choices,
        format_func=lambda choice: _word(name, choice, language),
        key=key,
        on_change=take,
    )


def _choose_channels(dropped: Dropped, language: str, keep: Keep) -> None:
    key, there = "own-option-channels", dropped.data.numeric
    st.session_state[key] = [name for name in dropped.read_as.channels or () if name in there]

    def take() -> None:
        options = replace(dropped.options, channels=tuple(st.session_state[key]))
        keep(lambda: dropped.again(options, dropped.scale))

    label = say("own.option.channels", language)
    st.multiselect(label, list(there), key=key, on_change=take)
