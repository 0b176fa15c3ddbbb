"""The symbols that a model reads, as text, as ids and as numbers."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from lstm_core.tokenizing import Piece, Rules, rules_of

_MARK = re.compile(r"<[^<>\s]*>|\[[^\[\]\s]*\]")
"""Tokens that stand for no text, as they are found beside single characters."""


UNKNOWN = ("refuse", "token", "skip")
"""What becomes of a symbol that a vocabulary does not have."""

_UNKNOWN = re.compile(r"[<\[]\|?(unk|oov|unknown)\|?[>\]]", re.I)
_PAD = re.compile(r"[<\[]\|?(pad|padding)\|?[>\]]", re.I)


class InputError(ValueError):
    """What a person typed cannot be read. `code` and `fields` let a page say it in any language."""

    def __init__(self, code: str, message: str, **fields: object) -> None:
        """Keep a machine-readable `code` and `fields` beside the English `message`."""
        super().__init__(message)
        self.code = code
        self.fields = fields


@dataclass(frozen=True, kw_only=True)
class TextRead:
    """A text as the symbols of a vocabulary.

    Attributes:
        tokens: the symbols.
        instead: what of the text is read as the unknown token, and how often.
        skipped: what of the text is left out, and how often.
        lowered: what of the text is read in lower case, and how often.
    """

    tokens: tuple[str, ...]
    instead: Mapping[str, int] = field(default_factory=dict)
    skipped: Mapping[str, int] = field(default_factory=dict)
    lowered: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, kw_only=True)
class Vocabulary:
    """The symbols of a task and the numbers that a model reads for each.

    Attributes:
        tokens: every symbol, as text; the token id is its place.
        feature_names: what each input number means.
        features: float32 ``[token, feature]``, the numbers that stand for a token.
        ignore: characters that may stand between symbols and mean nothing.
        words: tokens in a text are separated by blanks, else they follow each other directly.
        rules: how a tokenizer splits a text; then `ignore` and `words` do not matter.
    """

    tokens: tuple[str, ...]
    feature_names: tuple[str, ...]
    features: np.ndarray
    ignore: str = ""
    words: bool = False
    rules: Rules | None = None

    @classmethod
    def of_tokens(cls, tokens: Sequence[str]) -> "Vocabulary":
        """A vocabulary for an embedding, which brings its own numbers.

        Where a token has more than one character, blanks separate the tokens of a text; marks such
        as ``<unk>`` and ``[PAD]`` do not count.

        >>> Vocabulary.of_tokens(["<unk>", "a", "b"]).words, Vocabulary.of_tokens(["ab"]).words
        (False, True)
        """
        names = tuple(tokens)
        return cls(
            tokens=names,
            feature_names=(),
            features=np.zeros((len(names), 0), dtype=np.float32),
            words=any(len(name) > 1 and not _MARK.fullmatch(name) for name in names),
        )

    @classmethod
    def one_hot(cls, tokens: Sequence[str]) -> "Vocabulary":
        """A vocabulary in which every token has one feature of its own.

        >>> Vocabulary.one_hot("ab").features.tolist()
        [[1.0, 0.0], [0.0, 1.0]]
        """
        names = tuple(tokens)
        return cls(tokens=names, feature_names=names, features=np.eye(len(names), dtype=np.float32))

    def __len__(self) -> int:
        """Return the number of tokens."""
        return len(self.tokens)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {token: number for number, token in enumerate(self.tokens)}

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self.tokens))

    @cached_property
    def unknown_token(self) -> str | None:
        """The token that stands for what is not known, such as ``<unk>``; ``None`` without one.

        >>> Vocabulary.of_tokens(["<pad>", "[UNK]", "a"]).unknown_token
        '[UNK]'
        """
        if self.rules is not None and self.rules.unknown in self._ids:
            return self.rules.unknown
        marks = (name for name in self.tokens if _UNKNOWN.fullmatch(name))
        return next(marks, next((name for name in ("UNK", "OOV") if name in self._ids), None))

    @cached_property
    def pad_id(self) -> int:
        """The id that fills up short sequences: that of ``<pad>`` where there is such a token."""
        return next((n for n, name in enumerate(self.tokens) if _PAD.fullmatch(name)), 0)

    @property
    def reads_text(self) -> bool:
        """Whether a text can be split; the rules of some tokenizers are not computed here."""
        return self.rules is None or self.rules.reads_text

    def split(self, text: str) -> tuple[str, ...]:
        """The tokens of `text`: its words, or the longest match at every place.

        Where a tokenizer states how, they are the tokenizer's, with its unknown token.

        Raises:
            InputError: as `read`.
        """
        return self.read(text).tokens

    def read(self, text: str, *, unknown: str = "refuse", lower: bool = False) -> TextRead:
        """The tokens of `text`, and what became of symbols that are none of ours.

        Args:
            unknown: ``"refuse"`` them, read them as the unknown ``"token"``, or ``"skip"`` them.
            lower: read in lower case what is known only so.

        Raises:
            InputError: ``"unknown-symbols"`` with every distinct symbol that is none of ours;
                ``"no-unknown-token"``; ``"needs-ids"`` if the tokenizer's rules are not computed
                here, ``"tokenizer-characters"`` if that is not certain for some characters.
            ValueError: if `unknown` is another word.

        >>> read = Vocabulary.of_tokens("ab").read("aXbA", unknown="skip", lower=True)
        >>> read.tokens, read.skipped, read.lowered
        (('a', 'b', 'a'), {'X': 1}, {'A': 1})
        """
        if unknown not in UNKNOWN:
            raise ValueError(f"unknown must be one of {', '.join(UNKNOWN)}, got {unknown!r}")
        if unknown == "token" and self.unknown_token is None:
            raise InputError("no-unknown-token", "the vocabulary has no token such as <unk>")
        tokens: list[str] = []
        instead, skipped, lowered = Counter[str](), Counter[str](), Counter[str]()
        refused: dict[str, tuple[int, int]] = {}
        for piece, place in self._pieces(text, lower):
            if piece.token is not None:
                tokens.append(piece.token)
                if piece.unknown is not None:
                    own = piece.token == self.unknown_token
                    (instead if own else lowered)[piece.unknown] += 1
            elif unknown == "token":
                tokens.append(str(self.unknown_token))
                instead[str(piece.unknown)] += 1
            elif unknown == "skip" or self._leaves_out:
                skipped[str(piece.unknown)] += 1
            else:
                count, first = refused.get(str(piece.unknown), (0, place))
                refused[str(piece.unknown)] = count + 1, first
        if refused:
            raise self._refusal(refused)
        return TextRead(
            tokens=tuple(tokens),
            instead=dict(instead),
            skipped=dict(skipped),
            lowered=dict(lowered),
        )

    @property
    def _leaves_out(self) -> bool:
        """Whether the tokenizer itself leaves out what it does not know, as Keras does."""
        return self.rules is not None and self.rules.spec.get("kind") == "keras"

    def _pieces(self, text: str, lower: bool) -> Iterator[tuple[Piece, int]]:
        """The parts of `text` and where they stand; a tokenizer's do not say where."""
        if self.rules is None:
            yield from self._words(text, lower) if self.words else self._longest_first(text, lower)
            return
        if not self.rules.reads_text:
            raise _needs_ids(str(self.rules.spec.get("what")))
        if doubtful := self.rules.doubtful(text):
            shown = ", ".join(map(repr, doubtful[:12]))
            raise InputError(
                "tokenizer-characters",
                f"how a tokenizer splits {shown} depends on its version of Unicode; give token ids "
                "(from tokenizer.encode(text).ids)",
                symbols=doubtful,
            )
        for piece in self.rules.pieces(text, self._ids):
            if piece.token is not None and piece.token not in self._ids:  # a file that errs
                piece = Piece(None, piece.token)
            yield piece, -1 if piece.unknown is None else text.find(piece.unknown)

    def _words(self, text: str, lower: bool) -> Iterator[tuple[Piece, int]]:
        for found in re.finditer(r"\S+", text):
            yield self._known(found.group(), lower), found.start()

    def _longest_first(self, text: str, lower: bool) -> Iterator[tuple[Piece, int]]:
        ids, longest, end = self._ids, self._longest, len(text)
        place = 0
        while place < end:
            for stop in range(min(place + longest, end), place, -1):
                if (symbol := text[place:stop]) in ids:
                    yield Piece(symbol), place
                    place = stop
                    break
            else:
                if text[place] not in self.ignore:
                    yield self._known(text[place], lower), place
                place += 1

    def _known(self, symbol: str, lower: bool) -> Piece:
        if symbol in self._ids:
            return Piece(symbol)
        small = symbol.lower()
        return Piece(small, symbol) if lower and small in self._ids else Piece(None, symbol)

    def _refusal(self, unknown: Mapping[str, tuple[int, int]]) -> InputError:
        shown = [repr(symbol[:40]) + _how_often(*found) for symbol, found in unknown.items()]
        more = f", and {len(shown) - _SHOWN:,} more" if len(shown) > _SHOWN else ""
        return InputError(
            "unknown-symbols",
            f"not in this model's vocabulary: {', '.join(shown[:_SHOWN])}{more}",
            symbols=tuple(unknown),
            allowed=self.tokens,
            count=sum(count for count, _ in unknown.values()),
            place=max(0, next(iter(unknown.values()))[1]) + 1,
        )

    def encode(self, text: str) -> np.ndarray:
        """The token ids of `text`, int64 ``[time]``."""
        return self.ids(self.split(text))

    def ids(self, tokens: Sequence[str]) -> np.ndarray:
        """The ids of `tokens`, int64 ``[time]``."""
        return np.array([self._ids[token] for token in tokens], dtype=np.int64)

    def to_json(self) -> dict[str, object]:
        """The vocabulary as plain data, the inverse of `from_json`."""
        return {
            "tokens": list(self.tokens),
            "feature_names": list(self.feature_names),
            "features": self.features.astype(int).tolist(),
            "ignore": self.ignore,
            **({"words": True} if self.words else {}),
            **({} if self.rules is None else {"rules": dict(self.rules.spec)}),
        }

    @classmethod
    def from_json(cls, data: Mapping) -> "Vocabulary":
        """The vocabulary that `to_json` wrote.

        Raises:
            ValueError: if the parts do not fit each other.
        """
        tokens, names = tuple(data["tokens"]), tuple(data["feature_names"])
        features = np.array(data["features"], dtype=np.float32)
        if not tokens or not all(isinstance(t, str) and t for t in (*tokens, *names)):
            raise ValueError("a vocabulary needs tokens and feature names that are non-empty text")
        if len(set(tokens)) != len(tokens) or features.shape != (len(tokens), len(names)):
            raise ValueError(
                f"a vocabulary of {len(tokens)} distinct tokens and {len(names)} features needs "
                f"a table of that shape, got {features.shape}"
            )
        return cls(
            tokens=tokens,
            feature_names=names,
            features=features,
            ignore=str(data["ignore"]),
            words=data.get("words") is True,
            rules=rules_of(data["rules"]) if isinstance(data.get("rules"), Mapping) else None,
        )


_SHOWN = 20


def _how_often(count: int, place: int) -> str:
    """How often a symbol is there, and where first, counted from 1."""
    where = f"character {place + 1:,}"
    if place < 0:
        return f" ({count:,} times)" if count > 1 else ""
    return f" ({count:,} times, first at {where})" if count > 1 else f" (at {where})"


def _needs_ids(what: str) -> InputError:
    return InputError(
        "needs-ids",
        f"this tokenizer splits words by {what} rules, which are not computed here; give token ids "
        "(from tokenizer.encode(text).ids)",
        rules=what,
    )
