"""Keras' layers that are affine in a trained model: normalisation, rescaling, linear layers.

Source: https://keras.io/api/layers/
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from lstm_core.model_files.foreign_affine import Affine
from lstm_core.model_files.keras_archive import Saved
from lstm_core.model_files.keras_config import Piece
from lstm_core.model_files.keras_layers import is_recurrent, own_arrays, word_of
from lstm_core.stacks import ModelFileError

_Pair = tuple[Tensor, Tensor]
"""The factor and the shift of a map."""

_LEAST_DEVIATION = 1e-7
"""Keras' own epsilon, by which `Normalization` divides at least."""


def affine_of(piece: Piece, saved: Saved) -> Affine | None:
    """The map that a layer is at every step; ``None`` if it is another one, or not certain."""
    kind, config, axes = _inside(piece)
    if kind not in _MADE or not _by_feature(config.get("axis", -1), axes):
        return None
    paths = own_arrays(piece, saved)
    try:  # the third array of a normalisation counts what it was fitted to
        arrays = [saved.tensor(path) for path in paths[: 2 if kind[0] == "N" else 5]]
        found = _MADE[kind](config, arrays)
    except (ModelFileError, TypeError, ValueError, RuntimeError, IndexError, OverflowError):
        return None
    return found and Affine(label=label_of(piece), factor=found[0], shift=found[1])


def _by_feature(axis: Any, axes: tuple[int, int]) -> bool:
    """Whether a layer treats all steps alike: it has a number for each feature, or one for all."""
    found = axis if isinstance(axis, list) else [axis]
    return found in ([], [None], *([place] for place in axes))


def label_of(piece: Piece) -> str:
    """A layer's name with its class, and with its activation where it has one."""
    kind, config, _ = _inside(piece)
    word = "linear" if is_recurrent(piece) else word_of(config.get("activation"))
    more = f", {word}" if word != "linear" else ""
    return f"{piece.key[:80]} ({kind[:40]}{more[:40]})"


def _inside(piece: Piece) -> tuple[str, Mapping[str, Any], tuple[int, int]]:
    """Class, configuration and axis of the features, also of a layer asked at every step."""
    inner = piece.config.get("layer")
    config = inner.get("config") if isinstance(inner, dict) else None
    if piece.kind == "TimeDistributed" and isinstance(inner, dict) and isinstance(config, dict):
        return str(inner.get("class_name", "")), config, (-1, 1)
    return piece.kind, piece.config, (-1, 2)


def _normalization(config: Mapping[str, Any], arrays: Sequence[Tensor]) -> _Pair | None:
    """``(x - mean) / deviation``, or its inverse; they may stand in the configuration."""
    given = [config.get("mean"), config.get("variance")]
    if None not in given:
        arrays = [torch.tensor(one, dtype=torch.float64) for one in given]
    mean, variance = (one.double().reshape(-1) for one in arrays)
    deviation = variance.sqrt().clamp(min=_LEAST_DEVIATION)
    if config.get("invert"):
        return deviation, mean
    return 1 / deviation, -mean / deviation


def _batch_normalization(config: Mapping[str, Any], arrays: Sequence[Tensor]) -> _Pair | None:
    scaled, centred = (bool(config.get(key, True)) for key in ("scale", "center"))
    if len(arrays) != 2 + scaled + centred or config.get("renorm"):
        return None
    parts = [one.double() for one in arrays]
    mean, variance = parts[-2:]
    factor = (variance + float(config.get("epsilon", 1e-3))).rsqrt()
    factor = factor * parts[0] if scaled else factor
    shift = -mean * factor
    return factor, shift + parts[int(scaled)] if centred else shift


def _dense(config: Mapping[str, Any], arrays: Sequence[Tensor]) -> _Pair | None:
    biased = bool(config.get("use_bias", True))
    if word_of(config.get("activation")) != "linear" or len(arrays) != 1 + biased:
        return None
    if arrays[0].ndim != 2:
        return None
    return arrays[0].T, arrays[1] if biased else torch.zeros(())


def _rescaling(config: Mapping[str, Any], arrays: Sequence[Tensor]) -> _Pair | None:
    if arrays:
        return None
    scale, offset = config.get("scale", 1.0), config.get("offset", 0.0)
    return torch.tensor(scale, dtype=torch.float64), torch.tensor(offset, dtype=torch.float64)


_MADE: dict[str, Callable[[Mapping[str, Any], Sequence[Tensor]], _Pair | None]] = {
    "Normalization": _normalization,
    "BatchNormalization": _batch_normalization,
    "Dense": _dense,
    "Rescaling": _rescaling,
}
"""For each class, the factor and the shift out of its configuration and its arrays."""
