"""Recurrent layers of other frameworks in torch's order of gates, joined to torch's own stacks.

Which layer reads which, and what a file calls its weights, is in `keras_files` and `onnx_files`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lstm_core.model_files.assembly import assembled, wrong_shape
from lstm_core.model_files.foreign_remarks import (
    not_finite,
    not_read,
    separate,
    unsupported,
    widened,
)
from lstm_core.signals import PACKED, Cell
from lstm_core.stacks import Remark, Stack

READ = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
"""The dtypes of weights that are read; the two short ones become float32."""

MOST_LAYERS = 256
"""The most recurrent layers that one file may hold."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """One recurrent layer.

    Attributes:
        name: how the file names it.
        directions: for each direction its weights by torch's names without their place:
            ``weight_ih``, ``weight_hh`` and, where there are biases, ``bias_ih``, ``bias_hh``.
        nonlinearity: of a plain RNN.
    """

    name: str
    cell: Cell
    directions: tuple[Mapping[str, Tensor], ...]
    nonlinearity: str = "tanh"

    @property
    def input_size(self) -> int:
        """How many numbers it reads at each step."""
        return self.directions[0]["weight_ih"].shape[1]

    @property
    def hidden_size(self) -> int:
        """Units a direction."""
        return self.directions[0]["weight_hh"].shape[1]

    @property
    def width(self) -> int:
        """How many numbers it gives at each step, all directions side by side."""
        return self.hidden_size * len(self.directions)

    def fits_on(self, before: "Layer") -> bool:
        """Whether one module can hold both, this one reading all that `before` gives."""
        return (
            (self.cell, self.nonlinearity) == (before.cell, before.nonlinearity)
            and len(self.directions) == len(before.directions)
            and self.input_size == before.width
        )

    def fits_beside(self, other: "Layer") -> bool:
        """Whether torch can hold both as the two directions of one layer."""
        return (
            (self.cell, self.nonlinearity) == (other.cell, other.nonlinearity)
            and (self.input_size, self.hidden_size) == (other.input_size, other.hidden_size)
            and len(self.directions) == len(other.directions) == 1
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Around:
    """What a file puts before and after a stack.

    Attributes:
        embedding: its name and its vectors by token id.
        head: its name, its weight ``[output, feature]`` and its bias.
    """

    embedding: tuple[str, Tensor] | None = None
    head: tuple[str, Tensor, Tensor | None] | None = None


def both_ways(forward: Layer, backward: Layer) -> Layer | None:
    """A layer of two directions; ``None`` if torch has none whose directions differ so."""
    same = forward.fits_beside(backward)
    return replace(forward, directions=forward.directions + backward.directions) if same else None


def direction(
    cell: Cell,
    order: str,
    weights: Mapping[str, Tensor],
    *,
    name: str,
    reset_after: bool = True,
) -> dict[str, Tensor]:
    """One direction's weights with their gates in torch's order.

    Args:
        order: the file's order of gates in the letters of `PACKED`.
        weights: by torch's names, gates in that order.
        name: how an error calls the layer.
        reset_after: whether a GRU's reset gate multiplies ``U_n h' + b_hn``, as torch's does.

    Raises:
        ModelFileError: ``"shapes"``; ``"dtype"``; ``"unsupported"`` for a GRU that resets first.
    """
    _check(cell, weights, name)
    found = {key: _reordered(cell, order, rows) for key, rows in weights.items()}
    return found if reset_after or cell != "gru" else _reset_first(found, name)


def _check(cell: Cell, weights: Mapping[str, Tensor], name: str) -> None:
    """Raise unless every weight has the shape that the recurrent matrix asks for."""
    gates, recurrent, read = len(PACKED[cell]), weights["weight_hh"], weights["weight_ih"]
    units = recurrent.shape[-1] if recurrent.ndim else 0
    rows = gates * units
    if recurrent.ndim != 2 or not units or len(recurrent) != rows:
        raise wrong_shape(name, "weight_hh", recurrent, f"{gates} square blocks")
    if read.ndim != 2 or len(read) != rows or not read.shape[1]:
        raise wrong_shape(name, "weight_ih", read, f"{rows} rows")
    for key, tensor in weights.items():
        if key.startswith("bias") and tensor.shape != (rows,):
            raise wrong_shape(name, key, tensor, [rows])
        if tensor.dtype not in READ:
            raise not_read(f"{name}.{key}", str(tensor.dtype).removeprefix("torch."))


def _reordered(cell: Cell, order: str, rows: Tensor) -> Tensor:
    """`rows`, a block a gate in the file's order, in torch's."""
    if order == PACKED[cell]:
        return rows
    blocks = dict(zip(order, rows.chunk(len(order)), strict=True))
    return torch.cat([blocks[gate] for gate in PACKED[cell]])


def _reset_first(weights: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """A GRU with ``U_n (r h')`` as one with ``r (U_n h')``, where these are the same.

    They are where no unit's candidate reads another unit. The second bias lies outside the product
    then, so it moves to the first.
    """
    candidate = weights["weight_hh"].chunk(len(PACKED["gru"]))[PACKED["gru"].index("n")]
    if torch.count_nonzero(candidate) != torch.count_nonzero(candidate.diagonal()):
        raise unsupported(
            "reset-before",
            f"{name} is a GRU that resets h' before the product (reset_after=False, "
            "linear_before_reset=0); torch's resets after it, and the two give other numbers",
            name=name,
        )
    if "bias_hh" not in weights:
        return weights
    both = weights["bias_ih"] + weights["bias_hh"]
    return weights | {"bias_ih": both, "bias_hh": torch.zeros_like(both)}


def chains(layers: Mapping[str, Layer], reads: Mapping[str, str]) -> list[list[str]]:
    """The layers in groups that one module can hold, in the given order.

    Args:
        reads: for a layer, the one whose whole output it reads, and nothing else.
    """
    readers: dict[str, list[str]] = {}
    for name, before in reads.items():
        readers.setdefault(before, []).append(name)
    follows = {
        before: names[0]
        for before, names in readers.items()
        if len(names) == 1 and layers[names[0]].fits_on(layers[before])
    }
    found, taken = [], set[str]()
    for start in [*(name for name in layers if name not in follows.values()), *layers]:
        chain = []
        here: str | None = start
        while here is not None and here not in taken:
            chain.append(here)
            taken.add(here)
            here = follows.get(here)
        found += [chain] if chain else []
    order = list(layers)
    return sorted(found, key=lambda chain: order.index(chain[0]))


def stack_of(
    layers: Sequence[Layer],
    around: Around,
    *,
    name: str,
    gate_order: str,
    reads: str | None = None,
) -> tuple[Stack, list[Remark]]:
    """The layers as one stack, and what is to be told about its numbers.

    Raises:
        ModelFileError: as `assembly.assembled`.
    """
    weights = _torch_names(layers)
    remarks = _of_numbers(weights, name)
    if around.head is not None and any(_is_wild(t) for t in around.head[1:] if t is not None):
        remarks.append(not_finite(around.head[0]))
    to = torch.float64 if torch.float64 in _dtypes(weights) else torch.float32
    weights = {key: tensor.to(to) for key, tensor in weights.items()}
    module = assembled(weights, name=name, nonlinearity=layers[0].nonlinearity)
    stack = Stack(
        name=name,
        cell=layers[0].cell,
        module=module,
        gate_order=gate_order,
        reads=reads,
    )
    return _surrounded(stack, around, to), remarks


def _surrounded(stack: Stack, around: Around, to: torch.dtype) -> Stack:
    """The stack with copies of what lies around it."""
    if around.embedding is not None:
        name, table = around.embedding
        stack = replace(stack, embedding=_copied(table, to), embedding_name=name[:200])
    if around.head is not None:
        name, weight, bias = around.head
        pair = (_copied(weight, to), None if bias is None else _copied(bias, to))
        stack = replace(stack, head=pair, head_name=name[:200])
    return stack


def _copied(tensor: Tensor, to: torch.dtype) -> Tensor:
    return tensor.to(to, copy=True).contiguous()


def chains_to_stacks(
    groups: Sequence[Sequence[str]],
    layers: Mapping[str, Layer],
    reads: Mapping[str, str],
    around: Callable[[Sequence[str]], tuple[Around, list[Remark]]],
    shown: Mapping[Cell, str],
) -> tuple[list[Stack], list[Remark]]:
    """A stack for each group of layers, each told which of the others it reads.

    Args:
        groups: as `chains` gives them.
        around: for a group, what lies around it, and what is to be told about that.
        shown: the file's order of gates.
    """
    stacks: list[Stack] = []
    remarks: list[Remark] = []
    stack_names = {group[-1]: group[0] for group in groups}
    for group in groups:
        beside, more = around(group)
        parts = [layers[name] for name in group]
        before = reads.get(group[0])
        stack, told = stack_of(
            parts,
            beside,
            name=group[0],
            gate_order=shown[parts[0].cell],
            reads=None if before is None else stack_names.get(before),
        )
        stacks.append(stack)
        remarks += [*more, *told, *([] if before is None else [separate(group[0], before)])]
    return stacks, remarks


def _torch_names(layers: Sequence[Layer]) -> dict[str, Tensor]:
    """All weights by torch's names; zeros for the biases that only some layers have."""
    biased = any("bias_ih" in one for layer in layers for one in layer.directions)
    weights: dict[str, Tensor] = {}
    for number, layer in enumerate(layers):
        for suffix, one in zip(("", "_reverse"), layer.directions, strict=False):
            none = one["weight_hh"].new_zeros(len(one["weight_hh"]))
            biases = {"bias_ih": none, "bias_hh": none} if biased else {}
            weights |= {f"{key}_l{number}{suffix}": w for key, w in {**biases, **one}.items()}
    return weights


def _of_numbers(weights: Mapping[str, Tensor], name: str) -> list[Remark]:
    """Remarks on short numbers, and on those that are none."""
    remarks = [not_finite(f"{name}.{key}") for key, w in weights.items() if _is_wild(w)]
    short = [str(d).removeprefix("torch.") for d in _dtypes(weights) if d.itemsize < 4]
    if short:
        remarks.append(widened(name, ", ".join(short)))
    return remarks


def _dtypes(weights: Mapping[str, Tensor]) -> Iterable[torch.dtype]:
    return dict.fromkeys(tensor.dtype for tensor in weights.values())


def _is_wild(tensor: Tensor) -> bool:
    return not torch.isfinite(tensor).all()
