"""The vocabulary that a checkpoint carries beside its weights, as plain data.

Files that hold nothing but a vocabulary are read in `vocabulary_files`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from lstm_core.stacks import MOST_TOKENS, ModelFileError
from lstm_core.vocabulary import Vocabulary
from lstm_core.vocabulary_files import by_id, check_tokens, vocabulary_of

_PLACES = ("", "hyper_parameters", "hparams", "config", "args")
"""Where a checkpoint keeps it: beside the weights, or among what the model was made with."""

_KEYS = (
    "stoi",
    "itos",
    "chars",
    "vocab",
    "vocabulary",
    "tokens",
    "char2idx",
    "idx2char",
    "char_to_idx",
    "idx_to_char",
    "word2idx",
    "idx2word",
    "word_to_idx",
    "idx_to_word",
    "token_to_id",
    "id_to_token",
)
"""What it is called there."""


def vocabulary_in(
    content: Mapping[Any, Any], size: int | None = None
) -> tuple[Vocabulary, str] | None:
    """The vocabulary among the plain data of a checkpoint, and the key where it stands.

    It is a list of symbols, a string of single characters, or a table from symbol to id or from id
    to symbol, all ids from 0 on. Nothing else counts, and nothing of it is executed: whatever is no
    such data is passed over. Where two of them differ, none is certain.

    Args:
        content: what the file holds beside or around its weights.
        size: how many symbols the model reads; a vocabulary of another size does not count.

    >>> found, key = vocabulary_in({"hyper_parameters": {"stoi": {"a": 0, "b": 1}}})
    >>> found.tokens, key
    (('a', 'b'), 'hyper_parameters.stoi')
    """
    found = {key: tokens for key, tokens in _candidates(content) if size in (None, len(tokens))}
    if len(set(map(tuple, found.values()))) != 1:
        return None
    key, tokens = next(iter(found.items()))
    return vocabulary_of(tokens), key


def _candidates(content: Mapping[Any, Any]) -> Iterator[tuple[str, list[str]]]:
    """Every vocabulary, and the key where it stands."""
    for place in _PLACES:
        part = content.get(place) if place else content
        if not isinstance(part, Mapping):
            continue
        for key in _KEYS:
            tokens = _symbols(part.get(key))
            if tokens is not None:
                yield f"{place}.{key}" if place else key, tokens


def _symbols(value: Any) -> list[str] | None:
    """The symbols in the order of their ids; ``None`` where it is no vocabulary."""
    if not isinstance(value, str | list | tuple | dict) or not 1 < len(value) <= MOST_TOKENS:
        return None
    try:
        tokens = _by_id(value) if isinstance(value, dict) else list(value)
        check_tokens(tokens)
    except ModelFileError:
        return None
    return tokens


def _by_id(table: dict[Any, Any]) -> list[str]:
    if all(type(key) is int for key in table):
        return by_id((symbol, place) for place, symbol in table.items())
    return by_id(table.items())
