"""A text, or ids written down, as what a model with a vocabulary reads; and what became of it.

How a vocabulary splits a text is in `vocabulary`; where texts come from in `data`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from lstm_core.stacks import Remark
from lstm_core.vocabulary import InputError, TextRead, Vocabulary

_NUMBER = re.compile(r"[0-9]{1,9}")
_SHOWN = 12


@dataclass(frozen=True, kw_only=True, eq=False)
class SymbolsRead:
    """The ids of a text.

    Attributes:
        ids: int64 ``[time]``.
        remarks: what was read as another symbol, or left out.
    """

    ids: np.ndarray
    remarks: tuple[Remark, ...] = ()


def reads_ids(vocabulary: Vocabulary) -> bool:
    """Whether ids are given to the model instead of text: its symbols have no other names, or the
    rules that split a text are not computed here.
    """
    tokens = vocabulary.tokens
    if not vocabulary.reads_text:
        return True
    numbered = tokens[0] == "0" and tokens[-1] == str(len(tokens) - 1)
    return numbered and all(token == str(n) for n, token in enumerate(tokens))


def read_symbols(
    vocabulary: Vocabulary, text: str, *, unknown: str = "refuse", lower: bool = False
) -> SymbolsRead:
    """What a model reads of `text`: its symbols, or the ids that stand there.

    Raises:
        InputError: ``"empty"``, ``"bad-ids"`` or as `Vocabulary.read`.

    >>> read_symbols(Vocabulary.of_tokens(["a", "b"]), "ab b", unknown="skip").ids.tolist()
    [0, 1, 1]
    """
    if reads_ids(vocabulary):
        return SymbolsRead(ids=_ids(vocabulary, text))
    read = vocabulary.read(text, unknown=unknown, lower=lower)
    if not read.tokens:
        raise InputError("empty", "the sequence is empty")
    remarks = tuple(_remarks(read, vocabulary.unknown_token))
    return SymbolsRead(ids=vocabulary.ids(read.tokens), remarks=remarks)


def _ids(vocabulary: Vocabulary, text: str) -> np.ndarray:
    words = [word for word in re.split(r"[\s,;()\[\]]+", text) if word]
    if not words:
        raise InputError("empty", "the sequence is empty")
    if not vocabulary.reads_text and not all(map(_NUMBER.fullmatch, words)):
        vocabulary.read(text)  # says why
    size = len(vocabulary)
    wrong = tuple(w for w in words if not _NUMBER.fullmatch(w) or int(w) >= size)
    if wrong:
        shown = ", ".join(repr(word[:40]) for word in wrong[:_SHOWN])
        message = f"ids go from 0 to {size - 1}; got {shown}"
        raise InputError("bad-ids", message, symbols=tuple(dict.fromkeys(wrong)), limit=size - 1)
    return np.array([int(word) for word in words], dtype=np.int64)


def _remarks(read: TextRead, token: str | None) -> Iterator[Remark]:
    if read.instead:
        yield _remark("symbols-instead", read.instead, f"read as {token!r}", token=str(token))
    if read.skipped:
        yield _remark("symbols-skipped", read.skipped, "left out")
    if read.lowered:
        yield _remark("symbols-lowered", read.lowered, "read in lower case")


def _remark(code: str, found: Mapping[str, int], what: str, **fields: str) -> Remark:
    count = sum(found.values())
    shown = [
        repr(symbol[:40]) + (f" ({n:,} times)" if n > 1 else "") for symbol, n in found.items()
    ]
    more = ", ..." * (len(shown) > _SHOWN)
    message = f"not in the vocabulary and {what}: {', '.join(shown[:_SHOWN])}{more}"
    return Remark(
        code=code, message=message, fields={"symbols": tuple(found), "count": count} | fields
    )
