"""What lies before and after a recurrent stack: its embedding and its linear head.

They are given to a stack only where shapes and names leave no other reading; what is left out is
told. A ``state_dict`` names and sizes tensors and does not say how they are joined.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lstm_core.model_files.matching import closeness, role_of, roles_of, shared_out, unclear
from lstm_core.stacks import Remark, Stack
from lstm_core.uneven import states_of, units_of

EMBEDDING = re.compile(r"emb|lookup|wte|token|vocab|(^|\.)encoder\.weight$", re.IGNORECASE)
"""Names that people give to embeddings."""

_HEAD = re.compile(r"head|out|decoder|classif|pred|logit|final|fc|linear", re.IGNORECASE)
"""Names that people give to a last layer."""

_BRIDGE = re.compile(r"bridge|init|hidden|state|attn|atten|2dec|to_dec", re.IGNORECASE)
"""Names that people give to what leads from an encoder to a decoder."""

NORM = re.compile(r"norm|(^|\.)(ln|bn)[_\d.]", re.IGNORECASE)
"""Names that people give to layers of normalisation."""

_ATTENTION = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight")
"""What torch's attention keeps beside the matrix that ends it."""

_ATTENTION_NAME = re.compile(r"attn|attention|align", re.IGNORECASE)

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
    embeddings, doubt = shared_out(offers, "embedding")
    free = {k: t for k, t in matrices.items() if k not in embeddings.values()}
    offers = {
        one.stack.name: _heads(one, free, rest, one.stack.name in embeddings) for one in found
    }
    bridges = _taken_out(found, offers, free)
    heads, more = shared_out(offers, "head")
    more = bridges + more
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
    named = [key for key in fits if EMBEDDING.search(key)]
    if not named and size == one.width:  # a head without a bias has the same shape
        return _tied(one, matrices, rest)
    return _without_twins(named or fits, matrices)


def _tied(one: Found, matrices: Mapping[str, Tensor], rest: Mapping[str, Tensor]) -> list[str]:
    """The embedding of a pair that holds the same numbers, where there is one such pair.

    A bias tells the head; else it is the later one, or the one that is named so.
    """
    fits = [k for k, t in matrices.items() if t.shape[1] == one.width and _varies(t)]
    near = {key: closeness(one.stack.name, key) for key in fits}
    fits = [key for key in fits if near[key] == max(near.values())]
    pairs = [
        pair
        for key in _without_twins(fits, matrices)
        if len(pair := _twins(key, fits, matrices)) > 1
    ]
    if len(pairs) != 1:
        return []
    may = [key for key in pairs[0] if _bias_of(key) not in rest]
    last = {key: bool(_HEAD.search(key)) or role_of(key) == "decoder" for key in may}
    return sorted(may, key=lambda key: (key not in one.before, last[key]))[:1]


def _twins(key: str, keys: Sequence[str], matrices: Mapping[str, Tensor]) -> list[str]:
    """Those of `keys` that hold the same numbers and are called otherwise, and `key` itself."""
    called = key.split(".")[-2:]
    others = [other for other in keys if other.split(".")[-2:] != called]
    return [key, *(other for other in others if _equal(matrices[key], matrices[other]))]


def _varies(tensor: Tensor) -> bool:
    """Whether its numbers are not all the same, as those of any two new layers may be."""
    return not torch.equal(tensor, tensor[:1, :1].expand_as(tensor))


def _equal(one: Tensor, other: Tensor) -> bool:
    return one.dtype == other.dtype and torch.equal(one, other)


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
        sound = not EMBEDDING.search(key) if bias is None else bias.shape == weight.shape[:1]
        if weight.shape[1] == one.width and sound and not may_precede and not _attends(key, rest):
            fits.append(key)
    return [key for key in _without_twins(fits, matrices) if not _goes_on(key, matrices)]


def _taken_out(
    found: Sequence[Found], offers: dict[str, list[str]], matrices: Mapping[str, Tensor]
) -> list[Remark]:
    """Take from a translator's `offers` what is no head, or is not certain to be; remarks of that.

    What comes after the decoder is none of the encoder's, what comes before it none of its own,
    and what gives as many numbers as the decoder's states have may be their start.
    """
    roles = roles_of([one.stack.name for one in found])
    decoders = [one for one in found if roles.get(one.stack.name) == "decoder"]
    remarks = []
    for one in found:
        name, role = one.stack.name, roles.get(one.stack.name)
        keys = [key for key in offers[name] if not role or role_of(key) in (None, role)]
        if role == "encoder":
            bridges = [key for key in keys if _bridges(key, matrices[key], decoders)]
            later = [key for key in keys if _is_after(key, decoders, offers)]
            keys = [key for key in keys if key not in (*bridges, *later)]
            remarks += [unclear(name, bridges, "head")] if bridges else []
        elif role == "decoder" and one.ordered:
            keys = [key for key in keys if key not in one.before or role_of(key) == role]
        offers[name] = keys
    return remarks


def _bridges(key: str, weight: Tensor, decoders: Sequence[Found]) -> bool:
    """Whether a layer may make the first states of a decoder of what an encoder gives."""
    states = set[int]()
    for one in decoders:
        module = one.stack.module
        sizes = {*units_of(module), *states_of(module)}
        layers = module.num_layers * (1 + module.bidirectional)
        states |= {size * count for size in sizes for count in (1, layers)}
    return len(weight) in states or _BRIDGE.search(key) is not None


def _is_after(key: str, decoders: Sequence[Found], offers: Mapping[str, Sequence[str]]) -> bool:
    """Whether a layer comes after a decoder that it fits, and is not named for the encoder."""
    return role_of(key) != "encoder" and any(
        one.ordered and one.keys and key not in one.before and key in offers[one.stack.name]
        for one in decoders
    )


def _attends(key: str, rest: Mapping[str, Tensor]) -> bool:
    """Whether this matrix is part of an attention, which reads more than one step."""
    if _ATTENTION_NAME.search(key):
        return True
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
        if not any(_equal(tensors[key], tensors[other]) for other in kept):
            kept.append(key)
    return kept


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
