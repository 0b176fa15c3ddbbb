"""Files that list a model's symbols: JSON lists and tables, tokenizers, plain lines.

A file gives the symbols in the order of their ids; a tokenizer's also says how a text is split, see
`tokenizer_files`. How a typed text falls into symbols is in `vocabulary`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lstm_core.stacks import MOST_TOKENS, ModelFileError
from lstm_core.tokenizer_files import (
    huggingface_rules,
    is_keras,
    keras_symbols,
    rules_of_pieces,
)
from lstm_core.tokenizing import Rules
from lstm_core.vocabulary import Vocabulary

MAX_VOCABULARY_BYTES = 32 * 2**20
"""The largest file that is read."""

LONGEST_TOKEN = 256
"""The most characters of a symbol."""


def read_vocabulary(source: str | Path | bytes, size: int | None = None) -> Vocabulary:
    """The symbols in a file, recognised by its content.

    A JSON list of symbols; a JSON object from symbol to id or from id to symbol; a Hugging Face
    ``tokenizer.json`` or a Keras ``Tokenizer``, whose own rules split a text, or tell that none is
    read; else plain text with a symbol on each line. Without such rules blanks separate the symbols
    of a text where a symbol has more than one character (``<unk>`` and ``[PAD]`` apart).

    Args:
        source: a path, or the bytes themselves; UTF-8.
        size: how many symbols the model reads.

    Raises:
        ModelFileError: ``"vocabulary-too-large"``, ``"vocabulary-encoding"``,
            ``"vocabulary-json"``, ``"vocabulary-kind"``, ``"vocabulary-empty"``,
            ``"vocabulary-token"``, ``"vocabulary-duplicate"``, ``"vocabulary-holes"`` or
            ``"vocabulary-size"``.
        OSError: if a path cannot be read.

    >>> read_vocabulary(b'{"b": 1, "a": 0}').tokens
    ('a', 'b')
    """
    tokens, rules = _tokens(_text(source), size)
    check_tokens(tokens)
    if size is not None and len(tokens) != size:
        raise wrong_size(len(tokens), size)
    return vocabulary_of(tokens, rules)


def vocabulary_of(tokens: Sequence[str], rules: Rules | None = None) -> Vocabulary:
    """The vocabulary of a file's symbols; a tokenizer's pieces without its rules are no words."""
    rules = rules or rules_of_pieces(tokens)
    known = Vocabulary.of_tokens(tokens)
    return known if rules is None else replace(known, words=True, rules=rules)


def wrong_size(found: int, expected: int) -> ModelFileError:
    """The error for a vocabulary of another size than the model reads."""
    return ModelFileError(
        "vocabulary-size",
        f"the vocabulary has {found} symbols, but the model reads {expected}",
        found=found,
        expected=expected,
    )


def _text(source: str | Path | bytes) -> str:
    if not isinstance(source, bytes):
        _check_bytes(Path(source).stat().st_size)
        source = Path(source).read_bytes()
    _check_bytes(len(source))
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ModelFileError(
            "vocabulary-encoding",
            f"the vocabulary is no UTF-8 text: byte {error.start} does not belong",
            place=error.start,
        ) from None


def _check_bytes(size: int) -> None:
    if size > MAX_VOCABULARY_BYTES:
        raise ModelFileError(
            "vocabulary-too-large",
            f"the vocabulary has {size} bytes; at most {MAX_VOCABULARY_BYTES} are read",
            what="bytes",
            size=size,
            limit=MAX_VOCABULARY_BYTES,
        )


def _tokens(text: str, size: int | None) -> tuple[list[str], Rules | None]:
    """The symbols in the order of their ids, not yet checked, and a tokenizer's rules."""
    if text.lstrip()[:1] not in ("[", "{"):
        return _lines(text), None
    try:
        content = json.loads(text, object_pairs_hook=_object)
        if isinstance(content, dict) and is_keras(content):
            return _keras(content, size)
    except ModelFileError:
        raise
    except (ValueError, RecursionError) as error:
        if text.lstrip()[:1] == "[" and "\n" in text.strip():  # "[PAD]" begins a list of lines
            return _lines(text), None
        raise ModelFileError(
            "vocabulary-json",
            f"the vocabulary is no JSON that can be read: {type(error).__name__}",
            reason=type(error).__name__,
        ) from None
    return _listed(content)


def _keras(content: Mapping[str, Any], size: int | None) -> tuple[list[str], Rules]:
    found = keras_symbols(content, size)
    if found is None:
        raise _wrong_kind("a Keras Tokenizer whose ids do not go from 1 on")
    return found


def _lines(text: str) -> list[str]:
    """A symbol a line; empty lines at the end are none."""
    return [line.removesuffix("\r") for line in text.rstrip("\r\n").split("\n")]


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object in which no name comes twice."""
    _refuse_twice(name for name, _ in pairs)
    return dict(pairs)


def _refuse_twice(tokens: Iterable[str]) -> None:
    seen: set[str] = set()
    for token in tokens:
        if token in seen:
            raise _duplicate(token)
        seen.add(token)


def _duplicate(token: str) -> ModelFileError:
    return ModelFileError(
        "vocabulary-duplicate",
        f"the vocabulary holds {token[:40]!r} more than once",
        token=token[:40],
    )


def _listed(content: Any) -> tuple[list[str], Rules | None]:
    """The symbols of any of the JSON forms."""
    if isinstance(content, list):
        return content, None
    model = content.get("model")
    if isinstance(model, dict) and "vocab" in model:
        tokens = _tokenizer(model["vocab"], content.get("added_tokens"))
        return tokens, huggingface_rules(content, tokens)
    if content and all(isinstance(value, str) for value in content.values()):
        return by_id((token, _number(key)) for key, token in content.items()), None
    return by_id(content.items()), None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _tokenizer(vocab: Any, added: Any) -> list[str]:
    """The symbols of a ``tokenizer.json``: its model's, and those that were added."""
    if isinstance(vocab, list):  # Unigram: pairs of a piece and its score
        pieces = [entry[0] if isinstance(entry, list) and entry else None for entry in vocab]
        check_tokens(pieces)
        vocab = {piece: place for place, piece in enumerate(pieces)}
    if not isinstance(vocab, dict):
        raise _wrong_kind(type(vocab).__name__)
    more = {
        entry["content"]: entry["id"]
        for entry in (added if isinstance(added, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("content"), str) and "id" in entry
    }
    return by_id({**vocab, **more}.items())


def by_id(pairs: Iterable[tuple[Any, Any]]) -> list[str]:
    """The symbols in the order of their ids, which go from 0 on without holes."""
    places: dict[int, str] = {}
    for token, place in pairs:
        if type(place) is not int:
            raise _wrong_kind(f"{str(token)[:40]!r}: {type(place).__name__}")
        if place in places:
            raise ModelFileError(
                "vocabulary-duplicate",
                f"the vocabulary gives id {place} to {str(token)[:40]!r} and to another symbol",
                token=str(token)[:40],
            )
        places[place] = token
    missing = next((n for n in range(len(places)) if n not in places), None)
    if missing is not None:
        raise ModelFileError(
            "vocabulary-holes",
            f"the vocabulary has {len(places)} symbols, but none with the id {missing}; "
            "ids go from 0 on",
            missing=missing,
        )
    return [places[n] for n in range(len(places))]


def _wrong_kind(found: str) -> ModelFileError:
    return ModelFileError(
        "vocabulary-kind",
        "the vocabulary should be a list of symbols, a table from symbol to id, a tokenizer.json "
        f"or plain lines, but holds {found}",
        found=found,
    )


def check_tokens(tokens: Sequence[Any]) -> None:
    """Refuse what is no list of distinct symbols.

    Raises:
        ModelFileError: as `read_vocabulary`.
    """
    if not tokens or list(tokens) == [""]:
        raise ModelFileError("vocabulary-empty", "the vocabulary is empty")
    if len(tokens) > MOST_TOKENS:
        raise ModelFileError(
            "vocabulary-too-large",
            f"the vocabulary has {len(tokens)} symbols; at most {MOST_TOKENS} are read",
            what="tokens",
            size=len(tokens),
            limit=MOST_TOKENS,
        )
    for place, token in enumerate(tokens):
        _check_token(token, place)
    _refuse_twice(tokens)


def _check_token(token: Any, place: int) -> None:
    sound = isinstance(token, str) and 0 < len(token) <= LONGEST_TOKEN and _is_text(token)
    if not sound:
        raise ModelFileError(
            "vocabulary-token",
            f"symbol {place} of the vocabulary should be text of 1 to {LONGEST_TOKEN} characters, "
            f"but is {ascii(token)[:40]}",
            place=place,
            found=ascii(token)[:40],
        )


def _is_text(token: str) -> bool:
    """Whether it can be written down: half of a surrogate pair cannot."""
    return not any("\ud800" <= character <= "\udfff" for character in token)
