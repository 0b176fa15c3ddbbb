"""One recurrent layer of Keras in torch's order, or the reason why torch has none like it.

Where its arrays lie in a file is in `keras_archive` and `keras_config`.

Source: https://keras.io/api/layers/recurrent_layers/
"""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from lstm_core.model_files.assembly import wrong_shape
from lstm_core.model_files.foreign_layers import Layer, both_ways, direction
from lstm_core.model_files.foreign_remarks import backwards, unsupported
from lstm_core.model_files.keras_archive import Saved, natural
from lstm_core.model_files.keras_config import Piece
from lstm_core.signals import Cell
from lstm_core.stacks import ModelFileError

CELLS: dict[str, Cell] = {
    "LSTM": "lstm",
    "GRU": "gru",
    "SimpleRNN": "rnn",
    "LSTMCell": "lstm",
    "GRUCell": "gru",
    "SimpleRNNCell": "rnn",
}
"""For each of Keras' classes, the cell."""

ORDER: dict[Cell, str] = {"lstm": "ifgo", "gru": "zrn", "rnn": "h"}
"""Keras' order of gates in the letters of torch."""

SHOWN: dict[Cell, str] = {"lstm": "i f c o", "gru": "z r h", "rnn": "h"}
"""Keras' order of gates in its own letters."""

_ALIKE = ("CuDNNLSTM", "CuDNNGRU", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "ConvLSTM1DCell")
_ARRAYS = ("kernel", "recurrent_kernel", "bias")
_Part = tuple[str, Mapping[str, Any]]
"""A class and its configuration."""


def is_recurrent(piece: Piece) -> bool:
    """Whether a layer of a configuration has a state, be it one that torch has or not."""
    if piece.kind in ("Bidirectional", "TimeDistributed"):
        return _part(piece.config, "layer")[0] in {*CELLS, "RNN", *_ALIKE}
    return piece.kind in CELLS or piece.kind in {"RNN", *_ALIKE}


def layers_of(piece: Piece, saved: Saved) -> list[Layer]:
    """The layers of `piece`: one, or as many as it has cells one upon another.

    Raises:
        ModelFileError: ``"unsupported"``, ``"incomplete"``, ``"shapes"`` or ``"dtype"``.
    """
    name, arrays = piece.key, cell_arrays(piece, saved)
    parts, backward = _parts(piece), None
    if piece.kind == "Bidirectional":
        backward = _backward(piece, parts)
    expected = len(parts) + (backward is not None)
    if len(arrays) != expected:
        raise _incomplete(name, f"{expected} cells", f"{len(arrays)} cells")
    if backward is not None:
        there = _layer(name, parts[0], [saved.tensor(path) for path in arrays[0]])
        back = _layer(name, backward, [saved.tensor(path) for path in arrays[1]])
        both = both_ways(there, back)
        if both is None:
            raise unsupported(
                "two-sides", f"the two directions of {name} are of different kinds", name=name
            )
        return [both]
    names = [name] if len(parts) == 1 else [f"{name}[{place}]" for place in range(len(parts))]
    return [
        _layer(one, part, [saved.tensor(path) for path in paths])
        for one, part, paths in zip(names, parts, arrays, strict=True)
    ]


def cell_arrays(piece: Piece, saved: Saved) -> list[list[str]]:
    """The names of the arrays of each cell, forward before backward, lower before higher."""
    if saved.older:
        return split_at_kernels(own_arrays(piece, saved))
    for place in piece.places:
        owners = [o for o in saved.arrays if o.startswith(f"{place}/") and is_cell(o)]
        if owners:
            owners.sort(key=lambda owner: ("/backward_layer" in owner, natural(owner)))
            return [list(saved.arrays[owner]) for owner in owners]
    return []


def own_arrays(piece: Piece, saved: Saved) -> list[str]:
    """The names of all arrays of a layer that has no cell, as a linear one."""
    if saved.older:
        listed = saved.arrays.get(piece.older_place, ())
        return [p for p in listed if "/" not in piece.key or piece.name in p.split("/")]
    for place in piece.places:
        for owner in (place, f"{place}/layer"):
            if saved.arrays.get(owner):
                return list(saved.arrays[owner])
    return []


def is_cell(owner: str) -> bool:
    """Whether a group of Keras 3 is that of a cell: its layer's ``cell``, or one of its cells."""
    parts = owner.split("/")
    return parts[-1] == "cell" or "cells" in parts[-2:-1]


def split_at_kernels(paths: Sequence[str]) -> list[list[str]]:
    """The arrays of one cell after another; each begins with its kernel."""
    found: list[list[str]] = []
    for path in paths:
        what = path.rpartition("/")[2].partition(":")[0]
        if what == "kernel":
            found.append([])
        if what in _ARRAYS and found:
            found[-1].append(path)
    return found


def weights_of(
    cell: Cell, arrays: Sequence[Tensor], *, name: str, reset_after: bool
) -> dict[str, Tensor]:
    """One direction's weights in torch's order, from Keras' kernel, recurrent kernel and bias.

    Keras has one bias where torch has two, so the second one is zeros; but for a GRU that resets
    after the product.

    Raises:
        ModelFileError: as `foreign_layers.direction`.
    """
    for what, array in zip(_ARRAYS, arrays, strict=False):
        if what != "bias" and array.ndim != 2:
            raise wrong_shape(name, what, array, "a matrix")
    parts = {"weight_ih": arrays[0].T, "weight_hh": arrays[1].T}
    if len(arrays) == 3 and cell == "gru" and reset_after:
        if arrays[2].ndim != 2 or len(arrays[2]) != 2:
            raise wrong_shape(name, "bias", arrays[2], [2, arrays[0].shape[1]])
        parts["bias_ih"], parts["bias_hh"] = arrays[2]
    elif len(arrays) == 3:
        parts["bias_ih"], parts["bias_hh"] = arrays[2], arrays[2].new_zeros(arrays[2].shape)
    return direction(cell, ORDER[cell], parts, name=name, reset_after=reset_after)


def _part(config: Mapping[str, Any], key: str) -> _Part:
    entry = config.get(key)
    if not isinstance(entry, dict) or not isinstance(entry.get("config"), dict):
        return "", {}
    return str(entry.get("class_name", ""))[:200], entry["config"]


def _parts(piece: Piece) -> list[_Part]:
    """The classes and configurations of a layer's cells, the lowest first."""
    kind, config = piece.kind, piece.config
    if kind == "Bidirectional":
        kind, config = _part(config, "layer")
    if kind == "RNN":
        _check_way(config, piece.key)
        kind, config = _part(config, "cell")
    if kind == "StackedRNNCells":
        cells = config.get("cells")
        entries = cells if isinstance(cells, list) else []
        return [_supported(_part({"cell": one}, "cell"), piece.key) for one in entries]
    return [_supported((kind, config), piece.key)]


def _supported(part: _Part, name: str) -> _Part:
    kind, config = part
    if kind not in CELLS:
        shown = kind or "no layer"
        raise unsupported(
            "layer", f"{name} is a {shown}, which torch has not", name=name, kind=shown
        )
    _check_way(config, name)
    return part


def _check_way(config: Mapping[str, Any], name: str) -> None:
    if config.get("go_backwards"):
        raise backwards(name)


def _backward(piece: Piece, forward: Sequence[_Part]) -> _Part:
    """The backward layer of a `Bidirectional`: its own, or the forward one turned around."""
    if len(forward) != 1:
        raise unsupported(
            "layer",
            f"{piece.key} reads both ways with several cells, which is not read",
            name=piece.key,
            kind="Bidirectional StackedRNNCells",
        )
    kind, config = _part(piece.config, "backward_layer")
    if not kind:
        return forward[0]
    if not config.get("go_backwards", False):
        raise unsupported(
            "two-sides", f"both directions of {piece.key} read the same way", name=piece.key
        )
    if kind == "RNN":
        kind, config = _part(config, "cell")
    return _supported((kind, {**config, "go_backwards": False}), piece.key)


def _layer(name: str, part: _Part, arrays: Sequence[Tensor]) -> Layer:
    kind, config = part
    cell = CELLS[kind]
    nonlinearity = _activation(cell, config, name)
    wanted = 3 if config.get("use_bias", True) else 2
    if len(arrays) != wanted:
        raise _incomplete(name, ", ".join(_ARRAYS[:wanted]), f"{len(arrays)} arrays")
    two_biases = len(arrays) == 3 and arrays[2].ndim == 2
    after = bool(config.get("reset_after", two_biases))
    weights = weights_of(cell, arrays, name=name, reset_after=after)
    units = config.get("units")
    if units is not None and units != weights["weight_hh"].shape[1]:
        raise wrong_shape(name, "recurrent_kernel", arrays[1], f"that of {str(units)[:20]} units")
    return Layer(name=name, cell=cell, directions=(weights,), nonlinearity=nonlinearity)


def _activation(cell: Cell, config: Mapping[str, Any], name: str) -> str:
    """The nonlinearity of a plain RNN; ``"tanh"`` for the others, which have no choice."""
    found = word_of(config.get("activation", "tanh"))
    if found != "tanh" and not (cell == "rnn" and found == "relu"):
        raise _other_activation(name, "activation", found, "tanh or relu" * (cell == "rnn"))
    if cell != "rnn":
        gates = word_of(config.get("recurrent_activation", "sigmoid"))
        if gates != "sigmoid":
            raise _other_activation(name, "recurrent_activation", gates, "sigmoid")
    return found


def word_of(activation: Any) -> str:
    """An activation by its name, however the configuration tells it."""
    if activation is None:
        return "linear"
    if isinstance(activation, dict):
        inner = activation.get("config")
        return (inner if isinstance(inner, str) else str(activation.get("class_name")))[:100]
    return str(activation)[:100]


def _other_activation(name: str, what: str, found: str, expected: str) -> ModelFileError:
    expected = expected or "tanh"
    return unsupported(
        "activation",
        f"{name} has {what}={found}; torch's module has {expected}",
        name=name,
        found=found,
        expected=expected,
    )


def _incomplete(name: str, missing: str, found: str) -> ModelFileError:
    return ModelFileError(
        "incomplete",
        f"{name} needs {missing}, but the file has {found}",
        name=name,
        missing=missing,
        unexpected=found,
    )
