"""Somebody else's text inside a sentence: every character visible, none of them alive."""

import unicodedata
from collections.abc import Iterable

from viz.text import say

_ISOLATE, _POP = "\u2068", "\u2069"
_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def is_control(character: str) -> bool:
    """Whether it is a character that shows nothing and is no space."""
    return unicodedata.category(character) in _INVISIBLE and not character.isspace()


def _visible(character: str) -> str:
    """The character, or its code and name where nobody could see it on its own."""
    hidden = is_control(character) or character.isspace()
    if not hidden and not unicodedata.combining(character):
        return character
    return f"⟨U+{ord(character):04X} {unicodedata.name(character, '')}".rstrip() + "⟩"


def quoted(value: str, limit: int = 40) -> str:
    """`value` as Markdown code that shows every character and changes nothing around it.

    No HTML, link or formula comes alive, and right-to-left letters cannot turn the sentence.
    """
    keep = " " if value.strip(" ") else ""
    shown = "".join(c if c in keep else _visible(c) for c in value[:limit]) or '""'
    shown += "…" * (len(value) > limit)
    longest = max(map(len, _backtick_runs(shown)), default=0)
    fence, pad = "`" * (longest + 1), " " if longest else ""
    return f"{_ISOLATE}{fence}{pad}{shown}{pad}{fence}{_POP}"


def _backtick_runs(value: str) -> list[str]:
    return ["`" * len(run) for run in "".join(c if c == "`" else " " for c in value).split()]


def quoted_list(values: Iterable[str], language: str, most: int = 12) -> str:
    """The `values`, each as `quoted`, the first `most` of them.

    >>> quoted_list("abc", "en", most=2).count("`")
    4
    """
    items = list(values)
    shown = [quoted(item) for item in items[:most]]
    if len(items) > most:
        shown.append(say("figure.symbols-more", language, count=len(items) - most))
    return ("、" if language == "zh" else ", ").join(shown)
