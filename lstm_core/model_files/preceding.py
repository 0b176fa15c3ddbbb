"""What changes a stack's numbers from the start: layers before it, and states that were learnt.

Neither is part of a stack; both are told, since the gates shown are not those inside the model.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

import torch
from torch import Tensor

from lstm_core.model_files.acting_weights import some_of
from lstm_core.model_files.foreign_remarks import before_stack
from lstm_core.model_files.matching import closeness, role_of, roles_of
from lstm_core.model_files.surroundings import EMBEDDING, Found
from lstm_core.stacks import Remark, Stack
from lstm_core.uneven import states_of, units_of

Told = tuple[Remark, list[str]]
"""A remark and the names of the tensors that it tells of."""

_INWARD = re.compile(r"(^|[._])(in|inp|inputs?|pre|prenet|stem|front(end)?)([._\d]|$)", re.I)
"""Names that people give to layers at the entry, for files that keep no order."""

_START = re.compile(
    r"(^|[._])((h|c)_?(0|x|init)|init(ial)?_?(h|c|hx|cx|hidden|cell|states?)(_?states?)?"
    r"|(hidden|cell|state)_?(0|init)|learn(ed|t|able)_(h|c|hidden|cell|states?)_?(0|init)?)$",
    re.IGNORECASE,
)
"""Names that people give to states that are learnt."""


def learnt_starts(found: Sequence[Found], rest: Mapping[str, Tensor]) -> list[Told]:
    """A remark for each stack with learnt first states, and the names of these."""
    told: dict[int, list[str]] = {}
    for key, tensor in rest.items():
        fits = [n for n, one in enumerate(found) if _is_start(key, tensor, one.stack)]
        near = {n: closeness(found[n].stack.name, key) for n in fits}
        if near:
            told.setdefault(max(near, key=lambda n: near[n]), []).append(key)
    return [(_own_start(found[n].stack, keys), keys) for n, keys in told.items()]


def _is_start(key: str, tensor: Tensor, stack: Stack) -> bool:
    """Whether a tensor has the shape of a stack's states, and a name or a shape that says so."""
    layers = stack.module.num_layers * (1 + stack.module.bidirectional)
    sizes = {*units_of(stack.module), *states_of(stack.module)}
    shape = list(tensor.shape)
    if not shape or shape[-1] not in sizes or key.rpartition(".")[2] in ("weight", "bias"):
        return False
    if shape[:-1] == [layers, 1]:
        return True
    return _START.search(key) is not None and shape[:-1] in ([], [1], [layers], [1, 1])


def _own_start(stack: Stack, keys: Iterable[str]) -> Remark:
    name, names = _shown(stack), some_of(keys)
    message = (
        f"in the model {name} starts from states that it learnt ({names}); here it starts from "
        "zeros, so its first steps differ"
    )
    return Remark(code="own-start", message=message, fields={"name": name, "names": names})


def preceding(
    found: Sequence[Found], stacks: Sequence[Stack], rest: Mapping[str, Tensor]
) -> list[Told]:
    """A remark for each stack that reads what other layers give, and the names of their tensors.

    Told are modules that come before the stack in a file with an order, or are named for the entry
    in one without, and that give as many numbers as the stack reads.

    Args:
        found: the stacks alone, in the file's order.
        stacks: the same with what is around them.
        rest: what no stack uses.
    """
    modules = _modules(rest)
    parts = {owner: {key: rest[key] for key in keys} for owner, keys in modules.items()}
    told = []
    for one, stack in zip(found, stacks, strict=True):
        names = [
            owner
            for owner, keys in modules.items()
            if _gives(owner, parts[owner], stack) == stack.module.input_size
            and not _may_follow(owner, parts[owner], stack)
            and _is_before(owner, keys, one, found)
        ]
        if names:
            keys = [key for name in names for key in modules[name]]
            told.append((before_stack(_shown(stack), some_of(names)), keys))
    return told


def _shown(stack: Stack) -> str:
    """How a remark calls a stack; one without a name by its kind."""
    return stack.name[:200] or stack.cell.upper()


def _modules(rest: Iterable[str]) -> dict[str, list[str]]:
    """The names of tensors by the module that owns them."""
    owners: dict[str, list[str]] = {}
    for key in rest:
        owners.setdefault(key.rpartition(".")[0], []).append(key)
    owners.pop("", None)
    return owners


def _gives(owner: str, tensors: Mapping[str, Tensor], stack: Stack) -> int | None:
    """How many numbers a module gives at a step, as far as its weights tell."""
    parts = {key.rpartition(".")[2]: tensor for key, tensor in tensors.items()}
    sized = parts.get("bias", parts.get("running_mean"))
    if sized is not None:
        return len(sized) if sized.ndim == 1 else None
    weight = parts.get("weight", parts.get("weight_v"))
    if weight is None or weight.ndim == 0 or weight.numel() < 2:
        return None
    if weight.ndim == 2 and EMBEDDING.search(f"{owner}.weight"):
        other = stack.embedding is not None and not _same(weight, stack.embedding)
        return weight.shape[1] if other else None
    return len(weight)


def _may_follow(owner: str, tensors: Mapping[str, Tensor], stack: Stack) -> bool:
    """Whether a layer may as well read what the stack gives."""
    weight = tensors.get(f"{owner}.weight")
    reads = weight is not None and weight.ndim == 2 and weight.shape[1] == stack.width
    return reads and _INWARD.search(owner) is None


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.equal(one.to(other), other)


def _is_before(owner: str, keys: Collection[str], one: Found, found: Sequence[Found]) -> bool:
    """Whether the next stack after a module is this one, and no name speaks against it."""
    name = one.stack.name
    if name and f"{owner}.".startswith(f"{name}."):
        return False  # inside the stack's own module, which is told otherwise
    near = closeness(name, owner)
    others = [other for other in found if other is not one]
    roles = roles_of([each.stack.name for each in found])
    if any(closeness(other.stack.name, owner) > near for other in others):
        return False
    if roles and role_of(owner) not in (None, roles.get(name)):
        return False
    if not one.ordered:
        return _INWARD.search(owner) is not None
    return _all_before(keys, one) and not any(
        _all_before(keys, other) and len(other.before) < len(one.before) for other in others
    )


def _all_before(keys: Collection[str], one: Found) -> bool:
    return all(key in one.before for key in keys)
