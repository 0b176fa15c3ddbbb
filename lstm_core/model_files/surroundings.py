"""What lies before and after a recurrent stack: its embedding and its linear head.

They are given to a stack only where shapes and names leave no other reading; what is left out is
told. A ``state_dict`` names and sizes tensors and does not say how they are joined.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lstm_core.stacks import Remark, Stack

_EMBEDDING = re.compile(r"emb|lookup|wte|token|vocab|(^|\.)encoder\.weight$", re.IGNORECASE)
"""Names that people give to embeddings."""

_HEAD = re.compile(r"head|out|decoder|classif|pred|logit|final|fc|linear", re.IGNORECASE)
"""Names that people give to a last layer."""

NORM = re.compile(r"norm|(^|\.)(ln|bn)[_\d.]", re.IGNORECASE)
"""Names that people give to layers of normalisation."""

_ATTENTION = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight")
"""What torch's attention keeps beside the matrix that ends it."""

_BOOKKEEPING = ("num_batches_tracked", "running_mean", "running_var", "hidden_init")


@dataclass(frozen=True, kw_only=True)
class Found:
    """A stack as it was found, alone.

    Attributes:
        keys: the names of its weights.
        before: the names that come before them, or all where the file keeps no order.
        ordered: whether the file keeps the order in which the model made its parts.
    """

    stack: Stack
    keys: tuple[str, ...]
    before: frozenset[str] = frozenset()
    ordered: bool = True

    @property
    def width(self) -> int:
        """How many numbers the stack gives at each step."""
        return self.stack.width


def surroundings(
    found: Sequence[Found], rest: Mapping[str, Tensor]
) -> tuple[list[Stack], set[str], list[Remark]]:
    """The stacks with embedding and head, the names that these use, and what was not certain.

    Args:
        found: the stacks alone.
        rest: every other tensor of the file by name.
    """
    matrices = {k: t for k, t in rest.items() if _is_matrix(k, t)}
    offers = {one.stack.name: _embeddings(one, matrices, rest) for one in found}
    embeddings, doubt = _shared_out(offers, "embedding")
    free = {k: t for k, t in matrices.items() if k not in embeddings.values()}
    offers = {
        one.stack.name: _heads(one, free, rest, one.stack.name in embeddings) for one in found
    }
    heads, more = _shared_out(offers, "head")
    for one in found:
        head = heads.get(one.stack.name)
        if head and (between := _between(one, head, rest)):
            del heads[one.stack.name]
            more.append(_not_direct(one.stack.name, head, between))
    stacks, used = [], set[str]()
    for one in found:
        embedding, head = embeddings.get(one.stack.name), heads.get(one.stack.name)
        stacks.append(_surrounded(one.stack, embedding, head, rest))
        used |= {key for key in (embedding, head, head and _bias_of(head)) if key}
    return stacks, used, doubt + more


def left_out(rest: Mapping[str, Tensor], used: Iterable[str]) -> list[Remark]:
    """The remark that names what no stack reads or feeds, as modules; empty if there is none."""
    taken = set(used)
    owners = dict.fromkeys(
        key.rpartition(".")[0] or key
        for key in rest
        if key not in taken and key.rpartition(".")[2] not in _BOOKKEEPING
    )
    if not owners:
        return []
    names = [owner[:100] for owner in owners]
    shown = ", ".join(names[:8]) + (f" (+{len(names) - 8})" if len(names) > 8 else "")
    message = f"left out, for only the recurrent stacks are shown: {shown}"
    return [Remark(code="left-out", message=message, fields={"names": shown})]


def _is_matrix(key: str, tensor: Tensor) -> bool:
    return (
        tensor.ndim == 2
        and tensor.is_floating_point()
        and key.rpartition(".")[2] == "weight"
        and min(tensor.shape) > 0
    )


def _bias_of(key: str) -> str:
    return key.removesuffix("weight") + "bias"


def _embeddings(
    one: Found, matrices: Mapping[str, Tensor], rest: Mapping[str, Tensor]
) -> list[str]:
    """Matrices that may be what the stack reads, a row a token."""
    size = one.stack.module.input_size
    fits = [k for k, t in matrices.items() if t.shape[1] == size and _bias_of(k) not in rest]
    named = [key for key in fits if _EMBEDDING.search(key)]
    if not named and size == one.width:  # a head without a bias has the same shape
        return []
    return _without_twins(named or fits, matrices)


def _heads(
    one: Found, matrices: Mapping[str, Tensor], rest: Mapping[str, Tensor], embedded: bool
) -> list[str]:
    """Linear layers that may read the stack's output and end there."""
    fits = []
    for key, weight in matrices.items():
        bias = rest.get(_bias_of(key))
        may_precede = (  # a layer from the input to the stack may have the same shape
            not embedded
            and len(weight) == one.stack.module.input_size
            and key in one.before
            and (one.ordered or not _HEAD.search(key))
        )
        sound = not _EMBEDDING.search(key) if bias is None else bias.shape == weight.shape[:1]
        if weight.shape[1] == one.width and sound and not may_precede and not _attends(key, rest):
            fits.append(key)
    return [key for key in _without_twins(fits, matrices) if not _goes_on(key, matrices)]


def _attends(key: str, rest: Mapping[str, Tensor]) -> bool:
    """Whether this matrix ends an attention, which reads more than one step."""
    owner = key.rpartition(".")[0].rpartition(".")[0]
    return any(f"{owner}.{name}".lstrip(".") in rest for name in _ATTENTION)


def _between(one: Found, head: str, rest: Mapping[str, Tensor]) -> list[str]:
    """Modules as wide as the stack that may change what it gives before `head` reads it."""
    found = []
    for key, tensor in rest.items():
        if one.ordered and key == head:
            break
        owner, _, last = key.rpartition(".")
        if last in _BOOKKEEPING or key == _bias_of(head) or one.width not in tensor.shape:
            continue
        after = key not in one.before and tensor.ndim < 3
        if after if one.ordered else NORM.search(f"{owner}."):
            found.append(owner or key)
    return list(dict.fromkeys(found))


def _not_direct(name: str, head: str, between: Sequence[str]) -> Remark:
    shown = ", ".join(owner[:100] for owner in between[:5])
    head = head.removesuffix(".weight")[:100]
    return Remark(
        code="head-not-direct",
        message=f"{head} may read what {shown} makes of {name[:200] or 'the stack'}, so it is not "
        "used: the answers shown would be others than the model's",
        fields={"name": name[:200], "head": head, "names": shown},
    )


def _goes_on(key: str, matrices: Mapping[str, Tensor]) -> bool:
    """Whether a sibling reads what this layer gives, as in a head of several layers."""
    family = key.split(".")[:-2]
    given = len(matrices[key])
    return any(
        other != key and other.split(".")[:-2] == family and tensor.shape[1] == given
        for other, tensor in matrices.items()
    )


def _without_twins(keys: Sequence[str], tensors: Mapping[str, Tensor]) -> list[str]:
    """The first of all that hold the same numbers, as tied weights do."""
    kept: list[str] = []
    for key in keys:
        if not any(torch.equal(tensors[key], tensors[other]) for other in kept):
            kept.append(key)
    return kept


def _shared_out(
    offers: Mapping[str, Sequence[str]], what: str
) -> tuple[dict[str, str], list[Remark]]:
    """For each stack's name its one candidate, where that is certain; else a remark."""
    chosen: dict[str, str] = {}
    remarks: list[Remark] = []
    for name, keys in offers.items():
        best = _nearest(name, keys)
        rivals = [other for other, theirs in offers.items() if other != name and best & set(theirs)]
        closest = max((_shared(rival, key) for rival in rivals for key in best), default=-1)
        own = max((_shared(name, key) for key in best), default=0)
        if len(best) == 1 and own > closest:
            (chosen[name],) = best
        elif best and own >= closest:
            remarks.append(_unclear(name, sorted(best), what))
    return chosen, remarks


def _nearest(name: str, keys: Sequence[str]) -> set[str]:
    """Those of `keys` that share most of their path with the stack."""
    closeness = {key: _shared(name, key) for key in keys}
    most = max(closeness.values(), default=0)
    return {key for key, shared in closeness.items() if shared == most}


def _shared(name: str, key: str) -> int:
    """How many parts of two dotted paths are the same from the start."""
    count = 0
    for mine, theirs in zip(name.split("."), key.split("."), strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def _unclear(name: str, keys: Sequence[str], what: str) -> Remark:
    shown = ", ".join(key[:100] for key in keys[:5])
    return Remark(
        code=f"unclear-{what}",
        message=f"it is not clear what the {what} of {name[:200] or 'the stack'} is: it may be "
        f"{shown}; none is used",
        fields={"name": name[:200], "names": shown},
    )


def _surrounded(
    stack: Stack, embedding: str | None, head: str | None, rest: Mapping[str, Tensor]
) -> Stack:
    like = next(stack.module.parameters())
    changes: dict = {}
    if embedding is not None:
        table = rest[embedding].to(like, copy=True)
        changes |= {"embedding": table, "embedding_name": embedding.removesuffix(".weight")}
    if head is not None:
        bias = rest.get(_bias_of(head))
        pair = (rest[head].to(like, copy=True), None if bias is None else bias.to(like, copy=True))
        changes |= {"head": pair, "head_name": head.removesuffix(".weight")}
    return replace(stack, **changes)
