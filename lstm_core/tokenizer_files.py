"""Tokenizer files: the symbols in the order of their ids, and the rules that split a text.

Hugging Face's ``tokenizer.json`` and what Keras' ``Tokenizer.to_json`` writes. What the rules do is
in `tokenizing`; other lists of symbols are in `vocabulary_files`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lstm_core.tokenizing import Rules, ids_only, rules_of

_MODEL = ("type", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word")
_KERAS = ("filters", "split", "lower", "char_level", "oov_token")
_NO_WORD = ("<pad>", "<0>", "<no word>")
_SIGNS = {
    "byte-level BPE": lambda token: token.startswith("\u0120"),
    "SentencePiece": lambda token: token.startswith("\u2581"),
    "BPE": lambda token: token.endswith("</w>"),
    "WordPiece": lambda token: token.startswith("##"),
}
"""How the pieces of tokenizers look."""

_FEWEST = 3
"""So many longer pieces that look like a tokenizer's are no accident."""


def huggingface_rules(content: Mapping[str, Any], tokens: Sequence[Any]) -> Rules:
    """The rules of a ``tokenizer.json``: its parts without the vocabulary, which is `tokens`."""
    if not all(_is_at(place, token, tokens) for token, place in _pairs(content)):
        return ids_only("post_processor")
    model = content["model"]
    spec = {name: content.get(name) for name in ("normalizer", "pre_tokenizer", "post_processor")}
    kept = {name: model[name] for name in _MODEL if name in model}
    kept.setdefault("type", _kind_of(model))
    added = content.get("added_tokens")
    marks = added if isinstance(added, list) else []
    return rules_of({"kind": "huggingface", "model": kept, "added_tokens": marks, **spec})


def _is_at(place: Any, token: Any, tokens: Sequence[Any]) -> bool:
    return type(place) is int and 0 <= place < len(tokens) and tokens[place] == token


def _pairs(content: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Each token that is set around a text, and the id that the file gives it there."""
    part = content.get("post_processor")
    if not isinstance(part, Mapping):
        return
    for name in ("cls", "sep"):
        pair = part.get(name)
        if isinstance(pair, list) and len(pair) == 2:
            yield pair[0], pair[1]
    known = part.get("special_tokens")
    for entry in known.values() if isinstance(known, Mapping) else ():
        names, ids = (entry.get(n) if isinstance(entry, Mapping) else 0 for n in ("tokens", "ids"))
        if not isinstance(names, list) or not isinstance(ids, list) or len(names) != len(ids):
            yield None, None
            return
        yield from zip(names, ids, strict=True)


def _kind_of(model: Mapping[str, Any]) -> str:
    """The kind of a model that older versions did not write down."""
    if "merges" in model:
        return "BPE"
    return "Unigram" if isinstance(model.get("vocab"), list) else "its own"


def rules_of_pieces(tokens: Sequence[str]) -> Rules | None:
    """The rules of a bare list of a tokenizer's pieces, which does not state them.

    >>> rules_of_pieces(["the", "##s", "##ing", "##ed"]).spec["what"]
    'WordPiece'
    """
    for what, is_piece in _SIGNS.items():
        if sum(len(token) > 2 and is_piece(token) for token in tokens) >= _FEWEST:
            return ids_only(what)
    return None


def is_keras(content: Mapping[str, Any]) -> bool:
    """Whether the content is what Keras' ``Tokenizer.to_json`` wrote."""
    config = content.get("config")
    return isinstance(config, Mapping) and "word_index" in config and "class_name" in content


def keras_symbols(content: Mapping[str, Any], size: int | None) -> tuple[list[Any], Rules] | None:
    """The symbols and rules of a Keras ``Tokenizer``; ``None`` where its parts do not fit.

    The id 0 is that of no word. The ids from `num_words` on are never given, but an embedding may
    have rows for them.

    Args:
        size: how many symbols the model reads.

    Raises:
        ValueError, RecursionError: if the table of words is no JSON.
    """
    config = content["config"]
    index = config["word_index"]
    index = json.loads(index) if isinstance(index, str) else index
    most = config.get("num_words")
    if not isinstance(index, dict) or not (most is None or type(most) is int):
        return None
    words = {number: word for word, number in index.items() if type(number) is int}
    if set(words) != set(range(1, len(index) + 1)):
        return None
    limit = min(most or len(words) + 1, len(words) + 1)
    spec = {name: config.get(name) for name in _KERAS}
    rules = rules_of({"kind": "keras", "limit": limit, **spec})
    no_word = next((name for name in _NO_WORD if name not in index), "")
    count = _rows(len(words) + 1, most, size)
    return [no_word, *(words.get(n, f"<{n}>") for n in range(1, count))], rules


def _rows(words: int, most: int | None, size: int | None) -> int:
    """The rows of the embedding: `size` where that fits the tokenizer, else what it may give."""
    if most and size in (most, most + 1):
        return size or most
    if size == words or not most:
        return words
    return min(most, words)
