"""The steps of a tokenizer before its model: what changes a text, and what splits it into words.

Each does to every character what the library ``tokenizers`` 0.23 does, but for those that `is_new`
names, whose kind depends on the version of Unicode.

Source: https://huggingface.co/docs/tokenizers/components
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

Spec = Mapping[str, Any]
"""Rules as plain data, as they stand in a file."""

Change = Callable[[str], str]
Split = Callable[[str], list[str]]

_MOST_PARTS = 16


def normalizers(part: Any) -> list[Change] | None:
    """What the ``normalizer`` of a file does, in its order; ``None`` if that is not computed."""
    return _sequence(part, "normalizers", _normalizer)


def splitters(part: Any) -> list[Split] | None:
    """What the ``pre_tokenizer`` of a file does, in its order; ``None`` if that is not computed."""
    return _sequence(part, "pretokenizers", _splitter)


def is_new(char: str) -> bool:
    """Whether it is a mark, a sign or a control younger than Unicode 3.2, or was another kind."""
    old, new = unicodedata.ucd_3_2_0.category(char), unicodedata.category(char)
    if new == "Cn" or char in "\u1cf2\u1cf3":
        return True
    if old == "Cn":
        changed = unicodedata.normalize("NFKD", char) != char
        return new[0] in "PM" or new == "Cf" or (changed and new[0] != "L") or new == "Lm"
    return old[0] != new[0] or (old != new and new[0] == "M")


# ---- What changes a text before it is split

_SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
"""Unicode's White_Space; Python's own also counts four separators of information."""

_SPACE = re.compile(f"[{_SPACES}]")
_CHINESE = re.compile(
    "[\u4e00-\u9fff\u3400-\u4dbf\U00020000-\U0002a6df\U0002a700-\U0002b73f\U0002b740-\U0002b81f"
    "\U0002b920-\U0002ceaf\uf900-\ufaff\U0002f800-\U0002fa1f]"
)


def _sequence(part: Any, names: str, one: Callable[[Spec], Any]) -> list[Any] | None:
    """`one` of each part of a sequence, or of `part` itself; ``None`` where one is not computed."""
    if part is None:
        return []
    if not isinstance(part, Mapping):
        return None
    parts = part.get(names) if part.get("type") == "Sequence" else [part]
    if not isinstance(parts, list) or len(parts) > _MOST_PARTS:
        return None
    found = [one(entry) if isinstance(entry, Mapping) else None for entry in parts]
    return None if any(change is None for change in found) else found


def _normalizer(part: Spec) -> Change | None:
    kind = part.get("type")
    if kind in ("NFD", "NFC", "NFKD", "NFKC"):
        return partial(unicodedata.normalize, kind)
    if kind == "BertNormalizer":
        return _bert(part)
    if kind == "Strip":
        left, right = part.get("strip_left"), part.get("strip_right")
        if isinstance(left, bool) and isinstance(right, bool):
            return partial(_strip, left=left, right=right)
        return None
    return {"Lowercase": _lower, "StripAccents": _without_marks}.get(str(kind))


def _bert(part: Spec) -> Change | None:
    names = ("clean_text", "handle_chinese_chars", "lowercase", "strip_accents")
    clean, chinese, lower, accents = (part.get(name) for name in names)
    if not all(isinstance(flag, bool) for flag in (clean, chinese, lower)):
        return None
    if accents is not None and not isinstance(accents, bool):
        return None
    changes: list[Change] = [_cleaned] if clean else []
    changes += [_chinese_apart] if chinese else []
    changes += [_without_accents] if (lower if accents is None else accents) else []
    changes += [_lower] if lower else []

    def change(text: str) -> str:
        for one in changes:
            text = one(text)
        return text

    return change


def _cleaned(text: str) -> str:
    """Without controls; every blank is a space."""
    kept = (c for c in text if c in "\t\n\r" or not _is_control(c))
    return _SPACE.sub(" ", "".join(kept))


def _is_control(char: str) -> bool:
    return char == "\ufffd" or unicodedata.category(char) in ("Cc", "Cf", "Co")


def _chinese_apart(text: str) -> str:
    return _CHINESE.sub(lambda found: f" {found.group()} ", text)


def _without_accents(text: str) -> str:
    apart = unicodedata.normalize("NFD", text)
    return "".join(char for char in apart if unicodedata.category(char) != "Mn")


def _without_marks(text: str) -> str:
    return "".join(char for char in text if unicodedata.category(char)[0] != "M")


def _lower(text: str) -> str:
    """Each character by itself, unlike `str.lower`, which knows how a Greek word ends."""
    return text.lower() if text.isascii() else "".join(map(str.lower, text))


def _strip(text: str, *, left: bool, right: bool) -> str:
    text = text.lstrip(_SPACES) if left else text
    return text.rstrip(_SPACES) if right else text


# ---- What splits a text into words


def _splitter(part: Spec) -> Callable[[str], list[str]] | None:
    known = {"WhitespaceSplit": _at_blanks, "Whitespace": _at_words, "BertPreTokenizer": _at_signs}
    return known.get(str(part.get("type")))


def _at_blanks(text: str) -> list[str]:
    return [word for word in _SPACE.split(text) if word]


def _at_words(text: str) -> list[str]:
    """Runs of letters, marks, digits and joiners, and runs of anything else but blanks."""
    return [run for word in _at_blanks(text) for run in _runs(word, _is_of_word)]


def _at_signs(text: str) -> list[str]:
    """Words, and every sign of punctuation by itself."""
    runs = (run for word in _at_blanks(text) for run in _runs(word, _is_sign))
    return [part for run in runs for part in (run if _is_sign(run[0]) else [run])]


def _runs(word: str, kind: Callable[[str], bool]) -> Iterator[str]:
    start = 0
    for place in range(1, len(word) + 1):
        if place == len(word) or kind(word[place]) != kind(word[start]):
            yield word[start:place]
            start = place


def _is_of_word(char: str) -> bool:
    kind = unicodedata.category(char)
    return kind[0] in "LM" or kind in ("Nd", "Nl", "Pc") or bool(_OTHER_LETTERS.match(char))


_OTHER_LETTERS = re.compile(
    "[\u200c\u200d\u24b6-\u24e9\U0001f130-\U0001f149\U0001f150-\U0001f169\U0001f170-\U0001f189]"
)
"""Letters in circles and squares, and the joiners."""

_ASCII_SIGNS = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


def _is_sign(char: str) -> bool:
    return char in _ASCII_SIGNS or unicodedata.category(char)[0] == "P"
