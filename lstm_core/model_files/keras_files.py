"""Keras' files: which recurrent layers they hold, which reads which, and what lies around them.

What a file holds is in `keras_archive`, what its layers are in `keras_config` and `keras_layers`.
Where only weights were saved, `keras_weights` tells what their shapes tell.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from lstm_core.model_files.foreign_before import Way, listed
from lstm_core.model_files.foreign_layers import (
    MOST_LAYERS,
    Around,
    Layer,
    chains,
    chains_to_stacks,
)
from lstm_core.model_files.foreign_remarks import left_out, other_start, refused, remark
from lstm_core.model_files.hdf5 import SIGNATURE
from lstm_core.model_files.keras_archive import Saved, archived, opened
from lstm_core.model_files.keras_before import Before, Folded, embedding_of, way_to
from lstm_core.model_files.keras_config import Piece, pieces_of
from lstm_core.model_files.keras_graph import Pieces, gives_all, passes
from lstm_core.model_files.keras_heads import head_of
from lstm_core.model_files.keras_layers import (
    SHOWN,
    cell_arrays,
    is_recurrent,
    layers_of,
    own_arrays,
)
from lstm_core.model_files.keras_weights import from_weights
from lstm_core.model_files.torch_files import damaged
from lstm_core.stacks import ModelFile, ModelFileError, Remark, Stack

_BROKEN = (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError, RuntimeError)
"""What following a configuration raises where something in it is of another kind than Keras'."""


def recognises(head: bytes, path: Path) -> bool:
    """Whether a file that begins with `head` is one of Keras'.

    Args:
        head: its first 64 bytes or more.
        path: the file, for the names inside an archive.
    """
    if head.startswith(SIGNATURE):
        return True
    if not head.startswith(b"PK\x03\x04"):
        return False
    return archived(path) or b"metadata.json" in head[:64] or b"config.json" in head[:64]


def read(path: Path) -> ModelFile:
    """The recurrent stacks of a Keras file of at most `stacks.MAX_BYTES`.

    Raises:
        ModelFileError: ``"too-large"``, ``"damaged"``, ``"hdf5-kind"``, ``"unsafe-name"``,
            ``"no-stack"``, ``"incomplete"``, ``"shapes"``, ``"dtype"``, or ``"unsupported"`` if it
            holds no layer that torch has.
        OSError: if it cannot be read.
    """
    saved = opened(path)
    try:
        stacks, remarks = _stacks(saved)
    except ModelFileError:
        raise
    except _BROKEN as error:
        raise damaged(error) from error
    return ModelFile(kind="keras", stacks=tuple(stacks), remarks=tuple(remarks))


def _stacks(saved: Saved) -> tuple[list[Stack], list[Remark]]:
    pieces = [] if saved.config is None else pieces_of(saved.config)
    if any(map(is_recurrent, pieces)):
        return _Model(pieces, saved).stacks()
    return from_weights(saved)


class _Model:
    """The layers of a configuration with their weights, and which reads which."""

    def __init__(self, pieces: list[Piece], saved: Saved) -> None:
        """Read every recurrent layer; one that torch has not is kept as an error."""
        self._pieces, self._saved = Pieces(pieces), saved
        self._layers: dict[str, Layer] = {}
        self._reads: dict[str, str] = {}
        self._ends: dict[str, str] = {}
        self._starts: dict[str, Piece] = {}
        self._folded: dict[str, Folded] = {}
        self._errors: list[ModelFileError] = []
        self._used: set[str] = set()
        self._inside: set[str] = set()
        for piece in filter(is_recurrent, pieces):
            self._take(piece)
        before = Before(self._pieces, saved)
        for name, piece in self._starts.items():
            self._fold(name, before.folded(piece, self._layers[name]))

    def _take(self, piece: Piece) -> None:
        self._used.add(piece.key)
        try:
            layers = layers_of(piece, self._saved)
        except ModelFileError as error:
            self._errors.append(error)
            return
        if len(self._layers) + len(layers) > MOST_LAYERS:
            raise ModelFileError(
                "too-large",
                f"the file holds more than {MOST_LAYERS} recurrent layers",
                what="layers",
                size=len(self._layers) + len(layers),
                limit=MOST_LAYERS,
            )
        names = [layer.name for layer in layers]
        self._layers.update(zip(names, layers, strict=True))
        self._reads.update(zip(names[1:], names, strict=False))
        self._starts[names[0]], self._ends[piece.key] = piece, names[-1]

    def _fold(self, name: str, found: Folded) -> None:
        """Keep a layer with what is affine before it; it may read another layer then."""
        self._layers[name], self._folded[name] = found.layer, found
        self._used.update(found.keys)
        self._inside.update(found.keys)
        before = self._pieces.get(found.source[0]) if found.source else None
        if before is not None and before.key in self._ends and gives_all(before, found.source):
            self._reads[name] = self._ends[before.key]

    def stacks(self) -> tuple[list[Stack], list[Remark]]:
        """The stacks in the order of the configuration.

        Raises:
            ModelFileError: the first reason why a layer cannot be read, if none can.
        """
        if not self._layers:
            raise self._errors[0]
        groups = chains(self._layers, self._reads)
        stacks, remarks = chains_to_stacks(groups, self._layers, self._reads, self._around, SHOWN)
        return stacks, [*map(refused, self._errors), *remarks, *self._left_out()]

    def _around(self, chain: Sequence[str]) -> tuple[Around, list[Remark]]:
        remarks = [told for name in chain for told in self._of_inputs(name)]
        if any(self._is_masked(self._starts[name]) for name in chain if name in self._starts):
            message = f"the model skips masked steps in {chain[0]}; here every step is read"
            remarks.append(remark("masking", message, name=chain[0]))
        embedding = head = None
        if chain[0] in self._starts:
            embedding, more = embedding_of(self._folded[chain[0]], self._pieces, self._saved)
            remarks += more
        for name in chain:
            if name in self._starts:
                remarks += self._way(name, embedding is not None).told(name, self._ends)
        end = next((key for key, name in self._ends.items() if name == chain[-1]), None)
        piece = self._pieces.get(end) if end is not None else None
        if piece is not None:
            layer = self._layers[chain[-1]]
            head, more = head_of(piece, layer, chain[0], self._pieces, self._saved)
            remarks += more
        self._used.update(one[0] for one in (embedding, head) if one is not None)
        return Around(embedding=embedding, head=head), remarks

    def _way(self, name: str, embedded: bool) -> Way:
        """What a layer's input has been through since the data, a stack or an embedding."""
        found = self._folded[name]
        if embedded or name in self._reads:
            return Way(folded=found.labels)
        way, keys = way_to(found, self._pieces, self._ends)
        self._used.update(keys)
        return way

    def _of_inputs(self, name: str) -> Iterator[Remark]:
        """What is to be told about how a layer is called."""
        piece = self._starts.get(name)
        if piece is None:
            return
        if piece.reads is None:
            message = f"the model calls {name} several times; it is shown alone"
            yield remark("shared", message, name=name)
        elif len(piece.reads) > 1:
            yield other_start(name)

    def _is_masked(self, piece: Piece) -> bool:
        """Whether a layer before this one, with nothing of another kind between, masks steps."""
        for _ in range(len(self._pieces)):
            before = self._pieces.get(piece.reads[0][0]) if piece.reads else None
            if before is None:
                return False
            piece = before
            if piece.kind == "Masking" or piece.config.get("mask_zero"):
                return True
            if not passes(piece) and piece.key not in self._ends.keys() | self._inside:
                return False
        return False

    def _left_out(self) -> Iterator[Remark]:
        rest = [
            f"{piece.key} ({piece.kind})"
            for piece in self._pieces
            if piece.key not in self._used and self._holds_arrays(piece)
        ]
        if rest:
            yield left_out(listed(rest))

    def _holds_arrays(self, piece: Piece) -> bool:
        return bool(own_arrays(piece, self._saved) or cell_arrays(piece, self._saved))
