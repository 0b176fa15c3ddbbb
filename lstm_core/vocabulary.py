"""The symbols that a model reads, as text, as ids and as numbers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

_MARK = re.compile(r"<[^<>\s]*>|\[[^\[\]\s]*\]")
"""Tokens that stand for no text, as they are found beside single characters."""


class InputError(ValueError):
    """What a person typed cannot be read. `code` and `fields` let a page say it in any language."""

    def __init__(self, code: str, message: str, **fields: object) -> None:
        """Keep a machine-readable `code` and `fields` beside the English `message`."""
        super().__init__(message)
        self.code = code
        self.fields = fields


@dataclass(frozen=True, eq=False, kw_only=True)
class Vocabulary:
    """The symbols of a task and the numbers that a model reads for each.

    Attributes:
        tokens: every symbol, as text; the token id is its place.
        feature_names: what each input number means.
        features: float32 ``[token, feature]``, the numbers that stand for a token.
        ignore: characters that may stand between symbols and mean nothing.
        words: tokens in a text are separated by blanks, else they follow each other directly.
    """

    tokens: tuple[str, ...]
    feature_names: tuple[str, ...]
    features: np.ndarray
    ignore: str = ""
    words: bool = False

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

    def split(self, text: str) -> tuple[str, ...]:
        """The tokens of `text`: its words, or the longest match at every place.

        Raises:
            InputError: ``"unknown-symbols"`` with every distinct symbol that is none of ours.
        """
        if self.words:
            found = tuple(text.split())
            self._refuse(dict.fromkeys(word for word in found if word not in self._ids))
            return found
        tokens: list[str] = []
        unknown: dict[str, None] = {}
        place = 0
        while place < len(text):
            for length in range(min(self._longest, len(text) - place), 0, -1):
                if text[place : place + length] in self._ids:
                    tokens.append(text[place : place + length])
                    place += length
                    break
            else:
                if text[place] not in self.ignore:
                    unknown[text[place]] = None
                place += 1
        self._refuse(unknown)
        return tuple(tokens)

    def _refuse(self, unknown: Mapping[str, None]) -> None:
        if unknown:
            shown = ", ".join(map(repr, unknown))
            raise InputError(
                "unknown-symbols",
                f"not in this model's vocabulary: {shown}",
                symbols=tuple(unknown),
                allowed=self.tokens,
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
        )
