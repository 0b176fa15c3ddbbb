"""What comes before a recurrent layer of Keras: the embedding, what is folded, what is not.

What follows it is in `keras_heads`.
"""

from collections.abc import Container
from dataclasses import dataclass

from torch import Tensor

from lstm_core.model_files.foreign_affine import Affine, Fold, Room
from lstm_core.model_files.foreign_before import Way
from lstm_core.model_files.foreign_layers import Layer
from lstm_core.model_files.foreign_remarks import refused
from lstm_core.model_files.keras_affine import affine_of, label_of
from lstm_core.model_files.keras_archive import Saved
from lstm_core.model_files.keras_config import Piece, Source
from lstm_core.model_files.keras_graph import Pieces, merged
from lstm_core.model_files.keras_layers import own_arrays
from lstm_core.stacks import ModelFileError, Remark


@dataclass(frozen=True, kw_only=True)
class Folded:
    """A layer with the affine maps right before it.

    Attributes:
        source: the output that it reads then; ``None`` if these are the data, or not certain.
        keys: the layers that are in it now.
        labels: their names and kinds.
    """

    layer: Layer
    source: Source | None
    keys: tuple[str, ...]
    labels: tuple[str, ...]


class Before:
    """The configuration as seen from its recurrent layers towards the data."""

    def __init__(self, pieces: Pieces, saved: Saved) -> None:
        """Read no map yet; each is read once."""
        self._pieces, self._saved, self._room = pieces, saved, Room()
        self._maps: dict[str, Affine | None] = {}

    def folded(self, piece: Piece, layer: Layer) -> Folded:
        """`layer` with the maps that lie between it and what it reads, the nearest first."""
        fold, keys = Fold(layer, self._room), list[str]()
        source = self._pieces.source(piece.reads[0]) if piece.reads else None
        while source is not None:
            before = self._pieces.get(source[0])
            if before is None or source[1] or before.key in keys or not _is_called_once(before):
                break
            step = self._map(before)
            if step is None or not fold.take(step):
                break
            keys.append(before.key)
            source = self._pieces.source(before.reads[0]) if before.reads else None
        return Folded(layer=fold.layer(), source=source, keys=tuple(keys), labels=fold.labels)

    def _map(self, piece: Piece) -> Affine | None:
        if piece.key not in self._maps:
            self._maps[piece.key] = affine_of(piece, self._saved)
        return self._maps[piece.key]


def _is_called_once(piece: Piece) -> bool:
    """Whether a layer is called with one thing, or is the first of a sequence without a name."""
    return piece.reads is not None and len(piece.reads) < 2


def way_to(found: Folded, pieces: Pieces, ends: Container[str]) -> tuple[Way, list[str]]:
    """What the input of a layer has been through, and the layers that this names.

    Args:
        found: the layer; it reads neither a stack nor an embedding that are shown with it.
        ends: the recurrent layers that are shown.
    """
    if found.source is None:
        return Way(folded=found.labels), []
    changes, sources = pieces.before(found.source, ends)
    labels = [label_of(piece) for piece in changes]
    if not labels:  # what is read is not what is shown of them
        labels = [f"{label_of(piece)} {merged(piece)}".strip() for piece in sources]
    way = Way(folded=found.labels, changes=labels, sources=[piece.key for piece in sources])
    return way, [piece.key for piece in changes]


def embedding_of(
    found: Folded, pieces: Pieces, saved: Saved
) -> tuple[tuple[str, Tensor] | None, list[Remark]]:
    """Name and vectors of the embedding that a layer reads, and why it has none."""
    piece = pieces.get(found.source[0]) if found.source else None
    if piece is None or piece.kind != "Embedding":
        return None, []
    try:
        arrays = own_arrays(piece, saved)
        table = saved.tensor(arrays[0]) if arrays else None
    except ModelFileError as error:
        return None, [refused(error)]
    if table is None or table.ndim != 2 or table.shape[1] != found.layer.input_size:
        return None, []
    return (piece.key, table), []
