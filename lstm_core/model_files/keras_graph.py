"""The layers of a Keras configuration as a graph: what each reads, what reads it.

What the numbers of a layer are is in `keras_layers` and `keras_affine`.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

from lstm_core.model_files.keras_config import Piece, Source
from lstm_core.model_files.keras_layers import word_of

PASSES = {
    "Dropout",
    "SpatialDropout1D",
    "GaussianNoise",
    "GaussianDropout",
    "AlphaDropout",
    "ActivityRegularization",
    "Identity",
    "Masking",
    "Cast",
}
"""Layers that change nothing in a trained model that answers."""

MOST_BEFORE = 2000
"""How many layers are looked at on the way from one layer to the data."""


class Pieces:
    """The layers by their keys, in the order of the configuration."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        """Note who reads whom."""
        self._pieces = {piece.key: piece for piece in pieces}
        self._place = {piece.key: place for place, piece in enumerate(pieces)}
        self._readers: dict[str, list[tuple[Piece, int]]] = {}
        for piece in pieces:
            for key, index in piece.reads or ():
                self._readers.setdefault(key, []).append((piece, index))

    def __len__(self) -> int:
        """How many there are."""
        return len(self._pieces)

    def __iter__(self) -> Iterator[Piece]:
        """All of them."""
        return iter(self._pieces.values())

    def get(self, key: str) -> Piece | None:
        """The layer of that key; ``None`` for an input of the model."""
        return self._pieces.get(key)

    def readers(self, key: str) -> Sequence[tuple[Piece, int]]:
        """The layers that read the layer `key`, and which of its outputs."""
        return self._readers.get(key, ())

    def source(self, found: Source | None) -> Source | None:
        """The output that `found` is, looking through layers that change nothing."""
        for _ in range(len(self) + 1):
            piece = self.get(found[0]) if found else None
            if piece is None or not passes(piece):
                return found
            found = piece.reads[0] if piece.reads else None
        return None

    def after(self, piece: Piece) -> Iterator[Piece]:
        """Everything that reads the answers of a layer, as far as these go."""
        todo, seen = [piece.key], {piece.key}
        while todo:
            for after, _ in self.readers(todo.pop()):
                if after.key not in seen:
                    seen.add(after.key)
                    todo.append(after.key)
                    yield after

    def before(self, source: Source, stops: Container[str]) -> tuple[list[Piece], list[Piece]]:
        """All that has an effect on `source`, and the layers among `stops` where that begins."""
        todo, seen = [source[0]], set[str]()
        found: list[Piece] = []
        ends: list[Piece] = []
        while todo and len(seen) < MOST_BEFORE:
            piece = self.get(todo.pop())
            if piece is None or piece.key in seen:
                continue
            seen.add(piece.key)
            if piece.key in stops:
                ends.append(piece)
                continue
            if not passes(piece):
                found.append(piece)
            todo += [key for key, _ in piece.reads or ()]
        return self._in_order(found), self._in_order(ends)

    def _in_order(self, pieces: Sequence[Piece]) -> list[Piece]:
        return sorted(pieces, key=lambda piece: self._place[piece.key])


def passes(piece: Piece) -> bool:
    """Whether a layer changes nothing in a trained model that answers."""
    plain = piece.kind == "Activation" and word_of(piece.config.get("activation")) == "linear"
    return plain or piece.kind in PASSES


def gives_sequences(piece: Piece) -> bool:
    """Whether a recurrent layer gives its states at every step."""
    return bool(_inner_config(piece).get("return_sequences", False))


def merged(piece: Piece) -> str:
    """How a `Bidirectional` puts its directions together; empty if side by side, as torch does."""
    mode = piece.config.get("merge_mode", "concat") if piece.kind == "Bidirectional" else "concat"
    return "" if mode == "concat" else str(mode)[:20]


def gives_all(piece: Piece, source: Source | None) -> bool:
    """Whether `source`, an output of `piece`, are its states at every step, all of them."""
    return source is not None and not source[1] and gives_sequences(piece) and not merged(piece)


def _inner_config(piece: Piece) -> Mapping[str, Any]:
    """The configuration of a layer, or of that inside `Bidirectional`."""
    inner = piece.config.get("layer") if piece.kind == "Bidirectional" else None
    config = inner.get("config") if isinstance(inner, dict) else None
    return config if isinstance(config, dict) else piece.config
