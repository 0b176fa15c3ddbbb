"""The rules by which a tokenizer file splits a text, for the tokenizers that are computed exactly.

Of Hugging Face's ``tokenizer.json`` these are word tables and WordPiece behind the usual
normalizers; of Keras the ``Tokenizer``. All others split words by rules that are not computed here
(BPE, Unigram): their ids have names, but no text is split. How files are read is in
`tokenizer_files`.

Source: https://huggingface.co/docs/tokenizers/components; the ids are compared with those of
``tokenizers`` 0.23 and Keras 3.15, and each step with the former at every character.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from lstm_core.tokenizer_steps import Spec, is_new, normalizers, splitters


@dataclass(frozen=True)
class Piece:
    """A part of a text: the token that it is read as, and itself where no token is like it.

    `token` is ``None`` where nothing is read.
    """

    token: str | None
    unknown: str | None = None


class Rules(Protocol):
    """What splits a text; `ids` is the vocabulary."""

    @property
    def spec(self) -> Spec:
        """The rules as plain data, which `rules_of` takes."""

    @property
    def reads_text(self) -> bool:
        """Whether a text can be split at all."""

    @property
    def unknown(self) -> str | None:
        """The token for what is not known."""

    def pieces(self, text: str, ids: Mapping[str, int]) -> Iterator[Piece]:
        """The parts of `text` in their order."""

    def doubtful(self, text: str) -> tuple[str, ...]:
        """Characters that another version of Unicode splits otherwise."""


def rules_of(spec: Spec) -> Rules:
    """The rules that `spec` states; where they are not computed here, those that read ids only.

    >>> rules_of({"kind": "huggingface", "model": {"type": "BPE"}}).spec["what"]
    'BPE'
    """
    kind = spec.get("kind")
    if kind == "keras" and _is_keras(spec):
        return KerasRules(spec=spec)
    if kind == "huggingface":
        what = _not_computed(spec)
        return HuggingFaceRules(spec=spec) if what is None else ids_only(what)
    return ids_only(str(spec.get("what", "its own"))[:40])


def ids_only(what: str) -> "IdsOnly":
    """The rules of a tokenizer that is not computed here, called `what`."""
    return IdsOnly(spec={"kind": "ids", "what": what})


@dataclass(frozen=True, kw_only=True)
class IdsOnly:
    """A tokenizer whose ids have names, but whose rules are not computed."""

    spec: Spec
    reads_text: bool = False
    unknown: str | None = None

    def pieces(self, text: str, ids: Mapping[str, int]) -> Iterator[Piece]:
        """None: see `reads_text`."""
        raise NotImplementedError(f"{self.spec['what']} rules are not computed")

    def doubtful(self, text: str) -> tuple[str, ...]:
        """None: no text is read."""
        return ()


# ---- Keras


@dataclass(frozen=True, kw_only=True)
class KerasRules:
    """``tf.keras.preprocessing.text.Tokenizer``: the id 0 is no word, unknown words are left out.

    `spec` holds `lower`, `filters`, `split`, `char_level` and `oov_token` as Keras names them, and
    `limit`: the first id that is never given.
    """

    spec: Spec
    reads_text: bool = True

    @property
    def unknown(self) -> str | None:
        """The token for what is not known; without one, it is left out."""
        token: str | None = self.spec["oov_token"]
        return token

    def pieces(self, text: str, ids: Mapping[str, int]) -> Iterator[Piece]:
        """The words, or characters, of `text`."""
        instead = self.unknown if self.unknown in ids else None
        for word in self._words(text):
            known = 0 < ids.get(word, 0) < self.spec["limit"]
            yield Piece(word) if known else Piece(instead, word)

    def _words(self, text: str) -> Iterator[str]:
        spec = self.spec
        text = text.lower() if spec["lower"] else text
        if spec["char_level"]:
            return iter(text)
        parted = text.translate({ord(sign): spec["split"] for sign in spec["filters"]})
        return filter(None, parted.split(spec["split"]))

    def doubtful(self, text: str) -> tuple[str, ...]:
        """None: Keras is Python, too."""
        return ()


def _is_keras(spec: Spec) -> bool:
    texts = all(isinstance(spec.get(name), str) for name in ("filters", "split"))
    flags = all(isinstance(spec.get(name), bool) for name in ("lower", "char_level"))
    token = spec.get("oov_token")
    sound = texts and flags and (token is None or isinstance(token, str))
    return sound and type(spec.get("limit")) is int and bool(spec["split"] or spec["char_level"])


# ---- Hugging Face


@dataclass(frozen=True, kw_only=True)
class HuggingFaceRules:
    """A ``tokenizer.json`` of words or of WordPiece, its vocabulary left out.

    The ids are those of ``tokenizer.encode(text).ids``, marks such as ``[CLS]`` among them, but
    nothing is cut off and nothing is padded.
    """

    spec: Spec
    reads_text: bool = True

    @property
    def unknown(self) -> str | None:
        """The token for what is not known."""
        token: str | None = self.spec["model"].get("unk_token")
        return token

    def pieces(self, text: str, ids: Mapping[str, int]) -> Iterator[Piece]:
        """What the model makes of each word, between the marks that are always added."""
        before, after = _around(self.spec.get("post_processor")) or ((), ())
        yield from map(Piece, before)
        for word, is_mark in self._words(text):
            yield from [Piece(word)] if is_mark else self._of_word(word, ids)
        yield from map(Piece, after)

    def _words(self, text: str) -> Iterator[tuple[str, bool]]:
        """Each word, and whether it is a token that the file sets apart."""
        start = 0
        for found in self._marks.finditer(text) if self._marks else ():
            yield from ((word, False) for word in self._plain(text[start : found.start()]))
            yield found.group(), True
            start = found.end()
        yield from ((word, False) for word in self._plain(text[start:]))

    def _plain(self, text: str) -> list[str]:
        for change in normalizers(self.spec.get("normalizer")) or ():
            text = change(text)
        words = [text] if text else []
        for part in splitters(self.spec.get("pre_tokenizer")) or ():
            words = [piece for word in words for piece in part(word)]
        return words

    def _of_word(self, word: str, ids: Mapping[str, int]) -> list[Piece]:
        model = self.spec["model"]
        instead = model["unk_token"] if model["unk_token"] in ids else None
        if model["type"] == "WordLevel":
            return [Piece(word) if word in ids else Piece(instead, word)]
        pieces = _word_pieces(word, ids, **_piece_options(model))
        return [Piece(instead, word)] if pieces is None else list(map(Piece, pieces))

    @cached_property
    def _marks(self) -> re.Pattern[str] | None:
        names = sorted(_marks_of(self.spec) or (), key=len, reverse=True)
        return re.compile("|".join(map(re.escape, names))) if names else None

    def doubtful(self, text: str) -> tuple[str, ...]:
        """Characters on which Python's tables and those of the library may differ."""
        return tuple(char for char in dict.fromkeys(text) if not char.isascii() and is_new(char))


def _not_computed(spec: Spec) -> str | None:
    """What in a ``tokenizer.json`` is not computed here, ``None`` if all of it is."""
    model = spec.get("model")
    kind = str(model.get("type")) if isinstance(model, Mapping) else "its own"
    if kind not in ("WordLevel", "WordPiece") or not _is_sound(model):
        return kind[:40]
    parts: tuple[tuple[str, Callable[[Any], Any]], ...] = (
        ("normalizer", normalizers),
        ("pre_tokenizer", splitters),
        ("post_processor", _around),
    )
    for name, take in parts:
        part = spec.get(name)
        if take(part) is None:
            return str(part.get("type") if isinstance(part, Mapping) else name)[:40]
    return "added_tokens" if _marks_of(spec) is None else None


def _is_sound(model: Any) -> bool:
    if not isinstance(model.get("unk_token"), str):
        return False
    options = _piece_options(model)
    return isinstance(options["prefix"], str) and type(options["longest"]) is int


def _piece_options(model: Spec) -> dict[str, Any]:
    longest = model.get("max_input_chars_per_word", 100)
    return {"prefix": model.get("continuing_subword_prefix", "##"), "longest": longest}


def _word_pieces(
    word: str, ids: Mapping[str, int], *, prefix: str, longest: int
) -> list[str] | None:
    """The longest piece at every place; ``None`` where there is none.

    Source: https://arxiv.org/abs/1609.08144, section 4.1, as BERT reads it: greedy from the left.
    """
    if len(word) > longest:
        return None
    found: list[str] = []
    start = 0
    while start < len(word):
        lead = prefix if start else ""
        # No symbol of a vocabulary file is longer than this.
        for stop in range(min(len(word), start + 256), start, -1):
            if lead + word[start:stop] in ids:
                break
        else:
            return None
        found.append(lead + word[start:stop])
        start = stop
    return found


def _marks_of(spec: Spec) -> tuple[str, ...] | None:
    """The tokens that are found in a text before all else; ``None`` if one of them has options."""
    marks = []
    for entry in spec.get("added_tokens") or ():
        plain = isinstance(entry, Mapping) and isinstance(entry.get("content"), str)
        names = ("single_word", "lstrip", "rstrip", "normalized")
        if not plain or not entry["content"] or any(entry.get(n) is not False for n in names):
            return None
        marks.append(entry["content"])
    return tuple(marks)


def _around(part: Any) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """The tokens before and after every text; ``None`` if that is not computed here."""
    kind = None if part is None else part.get("type") if isinstance(part, Mapping) else ""
    if kind in (None, "ByteLevel"):  # the latter moves places in the text, not ids
        return (), ()
    if kind in ("BertProcessing", "RobertaProcessing"):
        names = tuple(_first(part.get(name)) for name in ("cls", "sep"))
        return None if None in names else (names[:1], names[1:])  # type: ignore[return-value]
    return _template(part.get("single"), part.get("special_tokens")) if _is(part, kind) else None


def _is(part: Any, kind: Any) -> bool:
    return kind == "TemplateProcessing" and isinstance(part.get("single"), list)


def _first(pair: Any) -> str | None:
    return pair[0] if isinstance(pair, list) and pair and isinstance(pair[0], str) else None


def _template(single: list[Any], known: Any) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    sides: list[list[str]] = [[]]
    for entry in single:
        if not isinstance(entry, Mapping) or len(entry) != 1:
            return None
        ((name, content),) = entry.items()
        if name == "Sequence" and len(sides) == 1:
            sides.append([])
            continue
        if name != "SpecialToken" or not isinstance(content, Mapping):
            return None
        token = known.get(content.get("id")) if isinstance(known, Mapping) else None
        tokens = token.get("tokens") if isinstance(token, Mapping) else None
        if not isinstance(tokens, list) or not all(isinstance(t, str) for t in tokens):
            return None
        sides[-1] += tokens
    return (tuple(sides[0]), tuple(sides[1])) if len(sides) == 2 else None
