"""Weights under torch's names, checked and built into torch's own recurrent module.

Which names a file gives them, and where they lie in it, is no matter of this room.
"""

import re
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from lstm_core.signals import Cell
from lstm_core.stacks import LARGEST, ModelFileError
from lstm_core.uneven import UnevenLayers

KINDS: dict[str, type[nn.LSTM] | type[nn.GRU] | type[nn.RNN]] = {
    "lstm": nn.LSTM,
    "gru": nn.GRU,
    "rnn": nn.RNN,
}
"""For each cell, torch's module."""

CELL_OF_GATES: dict[int, Cell] = {4: "lstm", 3: "gru", 1: "rnn"}
"""For each number of gate blocks in ``weight_hh``, the cell that has as many."""

_SUFFIX = re.compile(r"_l(\d+)(_reverse)?$")


def assembled(
    weights: Mapping[str, Tensor], *, name: str = "", nonlinearity: str = "tanh"
) -> nn.LSTM | nn.GRU | nn.RNN | UnevenLayers:
    """The module that has these `weights`, copied, in evaluation mode.

    Cell, sizes, layers and directions all follow from the shapes. Layers of different sizes come as
    `UnevenLayers`.

    Args:
        weights: by torch's names, ``weight_ih_l0`` to ``bias_hh_l1_reverse``; of one dtype.
        name: how an error calls the stack.
        nonlinearity: of a plain RNN; its weights do not tell.

    Raises:
        ModelFileError: ``"incomplete"``, ``"shapes"`` or ``"too-large"``.
    """
    cell, options = _configuration(weights, name)
    if _differ(weights):
        return _uneven(cell, weights, name, nonlinearity)
    if cell == "rnn":
        options["nonlinearity"] = nonlinearity
    with torch.device("meta"):  # shapes without memory: sizes are still a claim of the file
        module = KINDS[cell](**options)
    _check(module, weights, name)
    module.to_empty(device="cpu")
    module.to(next(iter(weights.values())).dtype)
    module.load_state_dict(dict(weights))
    return module.eval().requires_grad_(False)


def _differ(weights: Mapping[str, Tensor]) -> bool:
    """Whether the layers have different sizes."""
    rows = {len(w) for key, w in weights.items() if key.startswith("weight_hh_l") and w.ndim}
    return len(rows) > 1


def _uneven(
    cell: Cell, weights: Mapping[str, Tensor], name: str, nonlinearity: str
) -> UnevenLayers:
    """The layers, each checked as a module of its own that reads what the one before gives."""
    layers: dict[int, dict[str, Tensor]] = {}
    for key, tensor in weights.items():
        match = _SUFFIX.search(key)
        if match is None or len(match[1]) > 5:
            raise _incomplete(name, (), [key])
        alone = f"{key[: match.start()]}_l0{match[2] or ''}"
        layers.setdefault(int(match[1]), {})[alone] = tensor
    first = width = None
    for number in range(1 + max(layers)):
        where = f"{name}, layer {number}" if name else f"layer {number}"
        part = layers.get(number, {})
        found, options = _configuration(part, where)
        kind = (found, options["bidirectional"], options["bias"], "proj_size" in options)
        first = first or kind
        if kind != first or options["input_size"] != (width or options["input_size"]):
            expected = f"{width} columns wide and of the kind of the layer before"
            raise wrong_shape(where, "weight_ih", part["weight_ih_l0"], expected)
        with torch.device("meta"):
            module = KINDS[found](**options)
        _check(module, part, where)
        width = (options.get("proj_size") or options["hidden_size"]) * (1 + kind[1])
    copies = {key: tensor.clone() for key, tensor in weights.items()}
    return UnevenLayers(cell, copies, nonlinearity=nonlinearity).eval()


def cell_of(weight_hh: Tensor, weight_hr: Tensor | None, name: str = "") -> tuple[Cell, int]:
    """The cell and its number of units, from the shape of its recurrent weights.

    Raises:
        ModelFileError: ``"shapes"`` if no cell has such weights.
    """
    state = weight_hh.shape[-1] if weight_hh.ndim == 2 else 0
    units = state if weight_hr is None else weight_hr.shape[-1]
    blocks, rest = divmod(len(weight_hh), units) if units and weight_hh.ndim else (0, 0)
    cell = CELL_OF_GATES.get(blocks)
    if rest or cell is None or (weight_hr is not None and cell != "lstm"):
        raise wrong_shape(
            name, "weight_hh", weight_hh, "4, 3 or 1 blocks of as many rows as it has columns"
        )
    return cell, units


def wrong_shape(name: str, part: str, found: Tensor, expected: object) -> ModelFileError:
    """The error that says which weight of which stack has another shape than the others need."""
    where = f"{name}.{part}" if name else part
    shape = list(found.shape)
    return ModelFileError(
        "shapes",
        f"{where[:200]} should be {expected}, but its shape is {shape}",
        name=where[:200],
        expected=str(expected),
        found=str(shape),
    )


def _configuration(weights: Mapping[str, Tensor], name: str) -> tuple[Cell, dict]:
    """The cell and the arguments of torch's module, before anything is built."""
    layers, reverse = _extent(weights)
    if not {"weight_ih_l0", "weight_hh_l0"} <= weights.keys():
        raise _incomplete(name, {"weight_ih_l0", "weight_hh_l0"} - weights.keys())
    projection = weights.get("weight_hr_l0")
    cell, units = cell_of(weights["weight_hh_l0"], projection, name)
    read = weights["weight_ih_l0"]
    if read.ndim != 2:
        raise wrong_shape(name, "weight_ih_l0", read, "a matrix")
    options: dict = {
        "input_size": read.shape[1],
        "hidden_size": units,
        "num_layers": layers,
        "bidirectional": reverse,
        "bias": "bias_ih_l0" in weights or "bias_hh_l0" in weights,
    }
    for size, largest in LARGEST.items():
        _check_size(name, size, options[size], largest)
    if projection is not None:
        options["proj_size"] = weights["weight_hh_l0"].shape[1]
        if not 0 < options["proj_size"] < units:
            raise wrong_shape(name, "weight_hr_l0", projection, "fewer rows than columns")
    return cell, options


def _extent(weights: Iterable[str]) -> tuple[int, bool]:
    """How many layers the names speak of, and whether any of them reads backwards."""
    found = [match for match in map(_SUFFIX.search, weights) if match]
    numbers = [int(match[1]) for match in found if len(match[1]) < 6]
    return 1 + max(numbers, default=0), any(match[2] for match in found)


def _check(module: nn.Module, weights: Mapping[str, Tensor], name: str) -> None:
    needed = dict(module.named_parameters())
    missing, unexpected = needed.keys() - weights, weights.keys() - needed
    if missing or unexpected:
        raise _incomplete(name, missing, unexpected)
    for key, expected in needed.items():
        if weights[key].shape != expected.shape:
            raise wrong_shape(name, key, weights[key], list(expected.shape))


def _incomplete(
    name: str, missing: Iterable[str], unexpected: Iterable[str] = ()
) -> ModelFileError:
    lacks, extra = ", ".join(sorted(missing)[:8]), ", ".join(sorted(unexpected)[:8])
    shown = name[:200] or "the recurrent stack"
    parts = [f"lacks {lacks}"] * bool(lacks) + [f"has {extra} that do not fit"] * bool(extra)
    return ModelFileError(
        "incomplete",
        f"{shown} {' and '.join(parts)}",
        what="both" if lacks and extra else "missing" if lacks else "unexpected",
        name=shown,
        missing=lacks,
        unexpected=extra,
    )


def _check_size(name: str, size: str, value: int, largest: int) -> None:
    if not 1 <= value <= largest:
        raise ModelFileError(
            "too-large",
            f"{name[:200] or 'the recurrent stack'}: {size} must be from 1 to {largest}, "
            f"but it is {value}",
            name=name[:200],
            what=size,
            size=value,
            limit=largest,
        )
