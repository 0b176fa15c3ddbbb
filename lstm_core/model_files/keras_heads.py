"""What follows a recurrent layer of Keras: the linear layer that answers, where there is one.

What comes before it is in `keras_before`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor

from lstm_core.model_files.foreign_layers import Layer
from lstm_core.model_files.foreign_remarks import (
    head_activation,
    head_reads_ends,
    head_reads_last,
    refused,
    remark,
    unclear_head,
)
from lstm_core.model_files.keras_archive import Saved
from lstm_core.model_files.keras_config import Piece
from lstm_core.model_files.keras_graph import PASSES, Pieces, gives_sequences, merged, passes
from lstm_core.model_files.keras_layers import own_arrays, word_of
from lstm_core.stacks import ModelFileError, Remark

_ENDS = {*PASSES, "Activation", "Softmax", "ReLU", "LeakyReLU"}
_SCORES = ("linear", "softmax", "log_softmax")

_Head = tuple[str, Tensor, Tensor | None]


def head_of(
    piece: Piece, layer: Layer, name: str, pieces: Pieces, saved: Saved
) -> tuple[_Head | None, list[Remark]]:
    """The head of a stack, its name, weight and bias, and what is to be told about it.

    Args:
        piece: the last recurrent layer.
        layer: the same with its weights.
        name: what the stack is called.
    """
    if how := merged(piece):
        message = f"{piece.key} puts its directions together by {how}, which is not shown"
        return None, [remark("merge-mode", message, name=piece.key, mode=how)]
    heads = _heads(piece.key, pieces)
    if len(heads) != 1:
        names = ", ".join(head.key for head in heads[:5])
        return None, [unclear_head(name, names)] if heads else []
    (head,) = heads
    whole = gives_sequences(piece)
    if not whole and len(layer.directions) == 2:
        return None, [head_reads_ends(layer.name, head.key)]
    try:
        arrays = [saved.tensor(path) for path in own_arrays(head, saved)]
    except ModelFileError as error:
        return None, [refused(error)]
    fits = len(arrays) in (1, 2) and arrays[0].ndim == 2 and len(arrays[0]) == layer.width
    if not fits or any(bias.shape != arrays[0].shape[1:] for bias in arrays[1:]):
        return None, []
    remarks = [] if whole else [head_reads_last(layer.name, head.key)]
    bias = arrays[1] if len(arrays) == 2 else None
    return (head.key, arrays[0].T, bias), [*remarks, *_activations(head, pieces)]


def _heads(end: str, pieces: Pieces) -> Sequence[Piece]:
    """Linear layers that read the states of the layer `end` and are the last of the model."""
    found: dict[str, Piece] = {}
    todo, seen = [end], {end}
    while todo:
        for piece, index in pieces.readers(todo.pop()):
            if piece.key in seen or index or not piece.reads or len(piece.reads) > 1:
                continue
            seen.add(piece.key)
            if passes(piece):
                todo.append(piece.key)
            elif _dense(piece) is not None and _is_last(piece, pieces):
                found[piece.key] = piece
    return list(found.values())


def _is_last(piece: Piece, pieces: Pieces) -> bool:
    return all(after.kind in _ENDS for after in pieces.after(piece))


def _activations(head: Piece, pieces: Pieces) -> Iterator[Remark]:
    """What is done to the answers, where scores before a softmax do not tell them."""
    words = [word_of((_dense(head) or {}).get("activation"))]
    for after in pieces.after(head):
        if after.kind not in PASSES:
            plain = after.kind == "Activation"
            words.append(word_of(after.config.get("activation")) if plain else after.kind)
    if others := [word for word in words if word.lower() not in _SCORES]:
        yield head_activation(head.key, ", ".join(others))


def _dense(piece: Piece) -> Mapping[str, Any] | None:
    """The configuration of a linear layer, also of one that a wrapper asks at every step."""
    if piece.kind == "Dense":
        return piece.config
    inner = piece.config.get("layer")
    if piece.kind == "TimeDistributed" and isinstance(inner, dict):
        config = inner.get("config")
        return config if inner.get("class_name") == "Dense" and isinstance(config, dict) else None
    return None
