"""Keras' weights without a configuration: what the shapes and the names of arrays alone tell.

A kernel and a recurrent kernel tell cell and size. They tell neither activations nor which layer
reads which: the first are taken to be Keras' usual ones, and layers are joined only where no other
reading is left. Both are told.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

from lstm_core.model_files.assembly import CELL_OF_GATES, wrong_shape
from lstm_core.model_files.foreign_layers import (
    MOST_LAYERS,
    Around,
    Layer,
    both_ways,
    chains,
    stack_of,
)
from lstm_core.model_files.foreign_remarks import refused, remark, shown, unsupported
from lstm_core.model_files.keras_archive import Saved, natural
from lstm_core.model_files.keras_layers import SHOWN, is_cell, split_at_kernels, weights_of
from lstm_core.model_files.surroundings import Found, surroundings
from lstm_core.model_files.surroundings import left_out as rest_of
from lstm_core.stacks import ModelFileError, Remark, Stack

_NO_LAYERS = ("optimizer", "metrics", "compile_metrics", "loss")
_BACK = ("backward_layer", "backward_")


@dataclass(frozen=True, kw_only=True)
class _Cell:
    """The arrays of one cell.

    Attributes:
        owner: the layer that it belongs to; both directions have the same.
    """

    owner: str
    backward: bool
    paths: Sequence[str]


def from_weights(saved: Saved) -> tuple[list[Stack], list[Remark]]:
    """Every recurrent stack among the arrays of a file, and what was assumed.

    Raises:
        ModelFileError: ``"no-stack"``, or the first reason why a layer cannot be read, if none can.
    """
    cells = _cells(saved)
    if len(cells) > MOST_LAYERS:
        raise ModelFileError(
            "too-large",
            f"the file holds {len(cells)} recurrent cells; at most {MOST_LAYERS} are read",
            what="layers",
            size=len(cells),
            limit=MOST_LAYERS,
        )
    layers, errors = _layers(cells, saved)
    if not layers:
        raise errors[0] if errors else _no_stack(saved)
    reads = _reads(layers, saved)
    found, remarks = [], [*map(refused, errors), *_assumed(layers, reads)]
    for chain in chains(layers, reads):
        parts = [layers[name] for name in chain]
        name, gate_order = shown(chain[0].replace("/", ".")), SHOWN[parts[0].cell]
        stack, told = stack_of(parts, Around(), name=name, gate_order=gate_order)
        found.append(Found(stack=stack, keys=()))
        remarks += told
    rest = _rest(cells, saved)
    stacks, used, more = surroundings(found, rest)
    return stacks, [*remarks, *more, *rest_of({**rest, **_others(cells, rest, saved)}, used)]


def _cells(saved: Saved) -> list[_Cell]:
    if saved.older:
        parts = [(name, one) for name, p in saved.arrays.items() for one in split_at_kernels(p)]
        return [
            _Cell(owner=owner, backward=_is_backward(one[0]), paths=one)
            for owner, one in parts
            if len(one) > 1 and "recurrent_kernel" in one[1].rpartition("/")[2]
        ]
    return [
        _Cell(owner=_layer_of(owner), backward=_is_backward(owner), paths=paths)
        for owner, paths in saved.arrays.items()
        if is_cell(owner) and len(paths) in (2, 3)
    ]


def _is_backward(path: str) -> bool:
    return any(part.startswith(_BACK) for part in path.split("/"))


def _layer_of(owner: str) -> str:
    """The layer whose cell lies there: ``layers/bidirectional/forward_layer/cell`` is the first."""
    parts = owner.split("/")
    if parts[-1] == "cell":
        parts = parts[:-1] or parts
    if parts[-1] in ("forward_layer", "backward_layer"):
        parts = parts[:-1] or parts
    return "/".join(parts)


def _layers(cells: Iterable[_Cell], saved: Saved) -> tuple[dict[str, Layer], list[ModelFileError]]:
    """The layers by the names of their owners, those that cannot be read as errors."""
    owners: dict[str, list[_Cell]] = {}
    for cell in cells:
        owners.setdefault(cell.owner, []).append(cell)
    layers: dict[str, Layer] = {}
    errors = []
    for owner, parts in owners.items():
        try:
            layers |= _of_owner(owner, parts, saved)
        except ModelFileError as error:
            errors.append(error)
    return layers, errors


def _of_owner(owner: str, cells: Sequence[_Cell], saved: Saved) -> dict[str, Layer]:
    there = [_layer(owner, cell, saved) for cell in cells if not cell.backward]
    back = [_layer(owner, cell, saved) for cell in cells if cell.backward]
    if not back:
        names = [owner] if len(there) == 1 else [f"{owner}[{n}]" for n in range(len(there))]
        return dict(zip(names, there, strict=True))
    both = both_ways(there[0], back[0]) if len(there) == len(back) == 1 else None
    if both is None:
        message = f"the two directions of {owner} are of different kinds"
        raise unsupported("two-sides", message, name=shown(owner))
    return {owner: both}


def _layer(owner: str, cell: _Cell, saved: Saved) -> Layer:
    arrays = [saved.tensor(path) for path in cell.paths]
    recurrent, name = arrays[1], shown(owner)
    if recurrent.ndim != 2 or not len(recurrent) or recurrent.shape[1] % len(recurrent):
        raise wrong_shape(name, "recurrent_kernel", recurrent, "square blocks side by side")
    kind = CELL_OF_GATES.get(recurrent.shape[1] // len(recurrent))
    if kind is None:
        raise wrong_shape(name, "recurrent_kernel", recurrent, "1, 3 or 4 square blocks")
    after = len(arrays) == 2 or arrays[2].ndim == 2
    weights = weights_of(kind, arrays, name=name, reset_after=after)
    return Layer(name=name, cell=kind, directions=(weights,))


def _reads(layers: dict[str, Layer], saved: Saved) -> dict[str, str]:
    """Which layer reads which, where nothing else in the file gives vectors of that size."""
    widths = {saved.tensor(path).shape[-1] for path in _tables(saved)}
    reads: dict[str, str] = {}
    names = sorted(layers, key=natural)
    for before, name in pairwise(names):
        layer, first = layers[name], layers[before]
        numbered = _word(before) == _word(name)
        sure = first.input_size != first.width and first.width not in widths
        if numbered and layer.fits_on(first) and (sure or before in reads):
            reads[name] = before
    return reads


def _word(name: str) -> str:
    """A layer's name without its number."""
    return name.rstrip("0123456789").rstrip("_")


def _tables(saved: Saved) -> list[str]:
    """Arrays that may be embeddings: alone in their layer, or called so."""
    found = []
    for owner, paths in saved.arrays.items():
        last = owner.rpartition("/")[2]
        if len(paths) == 1 and "embedding" in (last + paths[0].rpartition("/")[2]).lower():
            found.append(paths[0])
    return found


def _assumed(layers: dict[str, Layer], reads: dict[str, str]) -> list[Remark]:
    names = ", ".join(shown(name) for name in list(layers)[:5])
    message = f"the file has no configuration: {names} is taken to have Keras' usual activations"
    remarks = [remark("no-config", message, names=names)]
    for name, before in reads.items():
        message = f"{shown(name)} is taken to read {shown(before)}: sizes leave nothing else"
        remarks.append(remark("assumed-order", message, name=shown(name), before=shown(before)))
    if len(layers) > 1 + len(reads):
        message = "which layer reads which is not in the file; what is not certain is not joined"
        remarks.append(remark("order-unknown", message))
    return remarks


def _rest(cells: Iterable[_Cell], saved: Saved) -> dict[str, Tensor]:
    """All other layers' arrays under torch's names, as far as they may be one of ours."""
    taken = {path for cell in cells for path in cell.paths}
    tables, found = set(_tables(saved)), dict[str, Tensor]()
    for owner, paths in saved.arrays.items():
        free = [path for path in paths if path not in taken]
        if not free or len(free) > 2 or is_cell(owner):
            continue
        try:
            arrays = [saved.tensor(path) for path in free]
        except ModelFileError:
            continue  # counters and seeds
        name = shown(owner.replace("/", "."))
        if arrays[0].ndim == 2:
            found[f"{name}.weight"] = arrays[0] if free[0] in tables else arrays[0].T
            found |= {f"{name}.bias": bias for bias in arrays[1:]}
    return found


def _others(cells: Iterable[_Cell], rest: Mapping[str, Tensor], saved: Saved) -> dict[str, Tensor]:
    """One array of each other layer, as a normalisation or a convolution, by its name."""
    taken = {path for cell in cells for path in cell.paths}
    found: dict[str, Tensor] = {}
    for owner, paths in saved.arrays.items():
        key = f"{shown(owner.replace('/', '.'))}.weight"
        free = [path for path in paths if path not in taken]
        if not free or key in rest or is_cell(owner) or owner.partition("/")[0] in _NO_LAYERS:
            continue
        try:
            found[key] = saved.tensor(free[0])
        except ModelFileError:
            continue  # counters and seeds
    return found


def _no_stack(saved: Saved) -> ModelFileError:
    names = ", ".join(shown(owner) for owner in list(saved.arrays)[:5])
    return ModelFileError(
        "no-stack",
        f"the file has no LSTM, GRU or SimpleRNN; it holds {names or 'no layer with weights'}",
        names=names,
    )
