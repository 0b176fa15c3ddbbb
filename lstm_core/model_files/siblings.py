"""Stacks that a model numbers and that read each other, as one stack: ``rnns.0``, ``rnns.1``.

AWD-LSTM lays its layers so, and so does who writes ``self.lstm1`` and ``self.lstm2``. A
``state_dict`` does not say who reads whom: numbers, sizes and what lies between have to agree.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from lstm_core.model_files.assembly import assembled
from lstm_core.model_files.surroundings import NORM, Found
from lstm_core.stacks import Remark, Stack

_NUMBERED = re.compile(r"(.*?)(\d{1,4})(\D*)", re.DOTALL)


def joined(
    found: Sequence[Found], tensors: Mapping[str, Tensor]
) -> tuple[list[Found], list[Remark]]:
    """`found` with every row of siblings as one stack, named as the first of them.

    Args:
        found: the stacks alone, in the file's order.
        tensors: every tensor of the file by name, in the file's order.
    """
    rows: list[list[Found]] = []
    for one in found:
        if rows and _follows(one, rows[-1][-1], tensors):
            rows[-1].append(one)
        else:
            rows.append([one])
    return [_one(row) for row in rows], [_told(row) for row in rows if len(row) > 1]


def _follows(one: Found, before: Found, tensors: Mapping[str, Tensor]) -> bool:
    """Whether `one` certainly reads what `before` gives, as far as a file can tell."""
    here, there = one.stack, before.stack
    return (
        _are_siblings(here.name, there.name)
        and _kind(here) == _kind(there)
        and here.module.input_size == there.width
        and not _between(one, before, tensors)
    )


def _are_siblings(name: str, before: str) -> bool:
    """Whether both names differ in their last number only, and that by one."""
    mine, theirs = _NUMBERED.fullmatch(name), _NUMBERED.fullmatch(before)
    if mine is None or theirs is None:
        return False
    same = (mine[1], mine[3]) == (theirs[1], theirs[3])
    return same and int(mine[2]) == int(theirs[2]) + 1


def _kind(stack: Stack) -> tuple[object, ...]:
    """What two stacks must share to be layers of one."""
    module = stack.module
    return (
        stack.cell,
        getattr(module, "nonlinearity", "tanh"),
        module.bidirectional,
        module.bias,
        bool(module.proj_size),
        next(module.parameters()).dtype,
    )


def _between(one: Found, before: Found, tensors: Mapping[str, Tensor]) -> bool:
    """Whether another part of the model may change what `before` gives."""
    own = {*one.keys, *before.keys}
    if not one.ordered:
        width = before.stack.width
        return any(NORM.search(name) and width in t.shape for name, t in tensors.items())
    names = list(tensors)
    places = sorted(names.index(key) for key in own)
    return any(name not in own for name in names[places[0] : places[-1]])


def _one(row: Sequence[Found]) -> Found:
    if len(row) == 1:
        return row[0]
    first = row[0]
    module = assembled(
        _numbered(row),
        name=first.stack.name,
        nonlinearity=getattr(first.stack.module, "nonlinearity", "tanh"),
    )
    keys = tuple(key for one in row for key in one.keys)
    return replace(first, stack=replace(first.stack, module=module), keys=keys)


def _numbered(row: Iterable[Found]) -> dict[str, Tensor]:
    """All weights by torch's names, the layers counted through."""
    weights: dict[str, Tensor] = {}
    layers = 0
    for one in row:
        module = one.stack.module
        for name, weight in module.named_parameters():
            kind, _, place = name.rpartition("_l")
            number, _, reverse = place.partition("_")
            end = f"_l{layers + int(number)}" + (f"_{reverse}" if reverse else "")
            weights[kind + end] = weight.detach()
        layers += module.num_layers
    return weights


def _told(row: Sequence[Found]) -> Remark:
    names = ", ".join(one.stack.name[:60] for one in row[:5])
    names += f" (+{len(row) - 5})" if len(row) > 5 else ""
    return Remark(
        code="joined",
        message=f"{names} are read as one stack, each layer reading the one before: their numbers "
        "and sizes follow each other, but the file does not say so",
        fields={"names": names},
    )
