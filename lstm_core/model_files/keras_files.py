"""Keras' files: which recurrent layers they hold, which reads which, and what lies around them.

What a file holds is in `keras_archive`, what its layers are in `keras_config` and `keras_layers`.
Where only weights were saved, `keras_weights` tells what their shapes tell.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lstm_core.model_files.foreign_layers import (
    MOST_LAYERS,
    Around,
    Layer,
    chains,
    chains_to_stacks,
)
from lstm_core.model_files.foreign_remarks import (
    head_activation,
    head_reads_ends,
    head_reads_last,
    left_out,
    other_start,
    refused,
    remark,
    unclear_head,
)
from lstm_core.model_files.hdf5 import SIGNATURE
from lstm_core.model_files.keras_archive import Saved, archived, opened
from lstm_core.model_files.keras_config import Piece, Source, pieces_of
from lstm_core.model_files.keras_layers import (
    SHOWN,
    cell_arrays,
    is_recurrent,
    layers_of,
    own_arrays,
    word_of,
)
from lstm_core.model_files.keras_weights import from_weights
from lstm_core.model_files.torch_files import damaged
from lstm_core.stacks import ModelFile, ModelFileError, Remark, Stack

_PASSES = {
    "Dropout",
    "SpatialDropout1D",
    "GaussianNoise",
    "GaussianDropout",
    "AlphaDropout",
    "ActivityRegularization",
    "Identity",
    "Masking",
}
"""Layers that change nothing in a trained model that answers."""

_ENDS = {*_PASSES, "Activation", "Softmax", "ReLU", "LeakyReLU"}
_BROKEN = (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError, RuntimeError)
"""What following a configuration raises where something in it is of another kind than Keras'."""

_SCORES = ("linear", "softmax", "log_softmax")


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
        self._pieces, self._saved = {piece.key: piece for piece in pieces}, saved
        self._layers: dict[str, Layer] = {}
        self._reads: dict[str, str] = {}
        self._ends: dict[str, str] = {}
        self._starts: dict[str, Piece] = {}
        self._errors: list[ModelFileError] = []
        self._used: set[str] = set()
        self._readers: dict[str, list[tuple[Piece, int]]] = {}
        for piece in pieces:
            for key, index in piece.reads or ():
                self._readers.setdefault(key, []).append((piece, index))
        for piece in filter(is_recurrent, pieces):
            self._take(piece)
        for name, piece in self._starts.items():
            before = self._before(piece)
            if before is not None and _goes_on_from(before, self._source(piece)):
                self._reads[name] = self._ends[before.key]

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

    def _source(self, piece: Piece) -> Source | None:
        """The output that a layer reads, looking through those that change nothing."""
        for _ in range(len(self._pieces) + 1):
            if not piece.reads:
                return None
            key, index = piece.reads[0]
            before = self._pieces.get(key)
            if before is None or not _passes(before):
                return key, index
            piece = before
        return None

    def _before(self, piece: Piece) -> Piece | None:
        """The layer that `piece` reads the states of."""
        source = self._source(piece)
        found = self._pieces.get(source[0]) if source else None
        return found if found is not None and found.key in self._ends else None

    def _around(self, chain: Sequence[str]) -> tuple[Around, list[Remark]]:
        remarks = [told for name in chain for told in self._of_inputs(name)]
        if any(self._is_masked(self._starts[name]) for name in chain if name in self._starts):
            message = f"the model skips masked steps in {chain[0]}; here every step is read"
            remarks.append(remark("masking", message, name=chain[0]))
        around = Around(embedding=self._embedding(chain[0], remarks))
        end = next((key for key, name in self._ends.items() if name == chain[-1]), None)
        if end is None:
            return around, remarks
        piece, heads = self._pieces[end], self._heads(end)
        if merged := _merged(piece):
            message = f"{piece.key} puts its directions together by {merged}, which is not shown"
            remarks.append(remark("merge-mode", message, name=piece.key, mode=merged))
            return around, remarks
        if len(heads) != 1:
            names = ", ".join(head.key for head in heads[:5])
            return around, [*remarks, *([unclear_head(chain[0], names)] if heads else [])]
        return self._with_head(around, heads[0], piece, remarks), remarks

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
            key = piece.reads[0][0] if piece.reads else ""
            if key not in self._pieces:
                return False
            piece = self._pieces[key]
            if piece.kind == "Masking" or piece.config.get("mask_zero"):
                return True
            if not _passes(piece) and key not in self._ends:
                return False
        return False

    def _embedding(self, name: str, remarks: list[Remark]) -> tuple[str, Any] | None:
        piece = self._starts.get(name)
        source = self._source(piece) if piece else None
        found = self._pieces.get(source[0]) if source else None
        if found is None or found.kind != "Embedding":
            return None
        try:
            arrays = own_arrays(found, self._saved)
            table = self._saved.tensor(arrays[0]) if arrays else None
        except ModelFileError as error:
            remarks.append(refused(error))
            return None
        if table is None or table.ndim != 2 or table.shape[1] != self._layers[name].input_size:
            return None
        self._used.add(found.key)
        return found.key, table

    def _heads(self, end: str) -> list[Piece]:
        """Linear layers that read the states of the layer `end` and are the last of the model."""
        found: dict[str, Piece] = {}
        todo, seen = [end], {end}
        while todo:
            for piece, index in self._readers.get(todo.pop(), ()):
                if piece.key in seen or index or not piece.reads or len(piece.reads) > 1:
                    continue
                seen.add(piece.key)
                if _passes(piece):
                    todo.append(piece.key)
                elif _dense(piece) is not None and self._is_last(piece):
                    found[piece.key] = piece
        return list(found.values())

    def _is_last(self, piece: Piece) -> bool:
        return all(after.kind in _ENDS for after in self._after(piece))

    def _after(self, piece: Piece) -> Iterator[Piece]:
        """Everything that reads the answers of a layer, as far as these go."""
        todo, seen = [piece.key], {piece.key}
        while todo:
            for after, _ in self._readers.get(todo.pop(), ()):
                if after.key not in seen:
                    seen.add(after.key)
                    todo.append(after.key)
                    yield after

    def _with_head(
        self, around: Around, head: Piece, piece: Piece, remarks: list[Remark]
    ) -> Around:
        """What lies around a stack with its linear layer, if that reads one step at a time."""
        layer = self._layers[self._ends[piece.key]]
        whole = _gives_sequences(piece)
        if not whole and len(layer.directions) == 2:
            remarks.append(head_reads_ends(layer.name, head.key))
            return around
        try:
            arrays = [self._saved.tensor(path) for path in own_arrays(head, self._saved)]
        except ModelFileError as error:
            remarks.append(refused(error))
            return around
        fits = len(arrays) in (1, 2) and arrays[0].ndim == 2 and len(arrays[0]) == layer.width
        if not fits or any(bias.shape != arrays[0].shape[1:] for bias in arrays[1:]):
            return around
        if not whole:
            remarks.append(head_reads_last(layer.name, head.key))
        remarks += self._activations(head)
        self._used.add(head.key)
        bias = arrays[1] if len(arrays) == 2 else None
        return replace(around, head=(head.key, arrays[0].T, bias))

    def _activations(self, head: Piece) -> Iterator[Remark]:
        """What is done to the answers, where scores before a softmax do not tell them."""
        words = [word_of((_dense(head) or {}).get("activation"))]
        for after in self._after(head):
            if after.kind not in _PASSES:
                plain = after.kind == "Activation"
                words.append(word_of(after.config.get("activation")) if plain else after.kind)
        if others := [word for word in words if word.lower() not in _SCORES]:
            yield head_activation(head.key, ", ".join(others))

    def _left_out(self) -> Iterator[Remark]:
        rest = [
            f"{piece.key} ({piece.kind})"
            for piece in self._pieces.values()
            if piece.key not in self._used and self._holds_arrays(piece)
        ]
        if rest:
            yield left_out(", ".join(rest[:8]) + (f" (+{len(rest) - 8})" if rest[8:] else ""))

    def _holds_arrays(self, piece: Piece) -> bool:
        return bool(own_arrays(piece, self._saved) or cell_arrays(piece, self._saved))


def _passes(piece: Piece) -> bool:
    plain = piece.kind == "Activation" and word_of(piece.config.get("activation")) == "linear"
    return plain or piece.kind in _PASSES


def _dense(piece: Piece) -> Mapping[str, Any] | None:
    """The configuration of a linear layer, also of one that a wrapper asks at every step."""
    if piece.kind == "Dense":
        return piece.config
    inner = piece.config.get("layer")
    if piece.kind == "TimeDistributed" and isinstance(inner, dict):
        config = inner.get("config")
        return config if inner.get("class_name") == "Dense" and isinstance(config, dict) else None
    return None


def _inner_config(piece: Piece) -> Mapping[str, Any]:
    """The configuration of a layer, or of that inside `Bidirectional`."""
    inner = piece.config.get("layer") if piece.kind == "Bidirectional" else None
    config = inner.get("config") if isinstance(inner, dict) else None
    return config if isinstance(config, dict) else piece.config


def _gives_sequences(piece: Piece) -> bool:
    return bool(_inner_config(piece).get("return_sequences", False))


def _merged(piece: Piece) -> str:
    """How a `Bidirectional` puts its directions together; empty if side by side, as torch does."""
    mode = piece.config.get("merge_mode", "concat") if piece.kind == "Bidirectional" else "concat"
    return "" if mode == "concat" else str(mode)[:20]


def _goes_on_from(before: Piece, source: Source | None) -> bool:
    """Whether what is read are the states at every step, all of them."""
    return source is not None and not source[1] and _gives_sequences(before) and not _merged(before)
