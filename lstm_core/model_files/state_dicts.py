"""Recurrent stacks in a ``state_dict``: found by the names and the shapes of its tensors.

What lies before a stack and after it is in `surroundings`; how tensors come out of a file, in
`torch_files` and `safetensors_files`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile

import torch
from torch import Tensor

from lstm_core.model_files.assembly import assembled, cell_of
from lstm_core.model_files.siblings import joined
from lstm_core.model_files.surroundings import Found, left_out, surroundings
from lstm_core.signals import PACKED, Cell
from lstm_core.stacks import ModelFileError, Remark, Stack

_WEIGHT = re.compile(
    r"(?P<owner>(?:.*\.)?)(?P<kind>weight_ih|weight_hh|weight_hr|bias_ih|bias_hh)"
    r"(?P<place>(?:_l\d+(?:_reverse)?)?)",
    re.DOTALL,
)
_NORMED = re.compile(r"(.*\.)?parametrizations\.((?:weight|bias)_\w+)\.original([01])", re.DOTALL)
_WRAPPERS = ("_orig_mod", "module")
"""What ``torch.compile`` and ``DataParallel`` put in front of a name; weight drop too."""

MOST_STACKS = 64
"""The most stacks that one file may hold."""

WIDENED = (torch.float16, torch.bfloat16)
READ = (torch.float32, torch.float64, *WIDENED)
"""The dtypes of weights that are read; those of `WIDENED` become float32."""


@dataclass(frozen=True, kw_only=True)
class _Group:
    """The weights of one recurrent module, by torch's names without what is in front."""

    name: str
    keys: tuple[str, ...]
    weights: Mapping[str, Tensor]


def find_stacks(
    tensors: Mapping[str, Tensor],
    *,
    ordered: bool = True,
    nonlinearities: Mapping[str, str] | None = None,
) -> tuple[tuple[Stack, ...], tuple[Remark, ...]]:
    """Every recurrent stack among `tensors`, and what was assumed or left out.

    Args:
        tensors: by name; anything that is no recurrent weight may be among them.
        ordered: whether they come in the order in which the model made them.
        nonlinearities: of plain RNNs, by the name of their stack, where the file tells.

    Raises:
        ModelFileError: ``"no-stack"`` if there is none, ``"incomplete"``, ``"shapes"``,
            ``"dtype"`` or ``"too-large"`` if one of them is no stack of torch's.
    """
    plain, remarks = _plain_names(tensors)
    groups = _groups(plain)
    if not groups:
        raise _no_stack(plain)
    alone = [_found(group, (nonlinearities or {}).get(group.name), remarks) for group in groups]
    found, told = joined([replace(one, **_order(one, plain, ordered)) for one in alone], plain)
    taken = {key for group in groups for key in group.keys}
    rest = {key: tensor for key, tensor in plain.items() if key not in taken}
    stacks, used, more = surroundings(found, rest)
    remarks += told + _beside(groups, rest, used) + more + left_out(rest, used)
    return tuple(stacks), tuple(remarks)


def _plain_names(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[Remark]]:
    """The tensors without wrappers in their names, weight norm and weight drop resolved."""
    pruned, told = _without_pruning(tensors)
    normed, remarks = _without_weight_norm(pruned)
    remarks += told
    plain: dict[str, Tensor] = {}
    raw: list[str] = []
    for key, tensor in normed.items():
        parts = [part for part in key.split(".") if part not in _WRAPPERS]
        name = printable(".".join(parts))
        if name.endswith("_raw") and _WEIGHT.fullmatch(name.removesuffix("_raw")):
            name = name.removesuffix("_raw")
            raw.append(name)
        elif name in plain:
            name = name if name in raw else key  # a dropped-out copy gives way to the raw weight
            if name in raw:
                continue
        plain[name] = tensor
    if raw:
        remarks.append(
            Remark(
                code="weight-drop",
                message=f"weight drop is not applied: the raw weights of {_some(raw)} are shown",
                fields={"names": _some(raw)},
            )
        )
    return plain, remarks


def _without_pruning(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[Remark]]:
    """Every weight as it acts, where the file keeps it beside the mask that prunes it."""
    plain, done = dict(tensors), []
    for key, mask in tensors.items():
        name = key.removesuffix("_mask")
        weight = tensors.get(f"{name}_orig")
        if name == key or weight is None or weight.shape != mask.shape:
            continue
        del plain[key], plain[f"{name}_orig"]
        plain[name] = weight * mask.to(weight)
        done.append(name)
    if not done:
        return plain, []
    message = f"pruning was applied to {_some(done)}"
    return plain, [Remark(code="pruned", message=message, fields={"names": _some(done)})]


def _without_weight_norm(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[Remark]]:
    """Every weight as it acts, where the file keeps its norms and its directions."""
    plain, halves = dict(tensors), dict[str, dict[str, str]]()
    for key in tensors:
        if match := _NORMED.fullmatch(key):
            halves.setdefault((match[1] or "") + match[2], {})[match[3]] = key
        elif key.endswith(("_g", "_v")) and _WEIGHT.fullmatch(key[:-2]):
            halves.setdefault(key[:-2], {})["01"["gv".index(key[-1])]] = key
    done = [name for name, pair in halves.items() if len(pair) == 2]
    for name in done:
        norm, direction = (plain.pop(halves[name][half]) for half in "01")
        _check_norm(name, norm, direction)
        plain[name] = torch._weight_norm(direction.float(), norm.float(), 0).to(direction.dtype)
    if not done:
        return plain, []
    message = f"weight norm was applied to {_some(done)}"
    return plain, [Remark(code="weight-norm", message=message, fields={"names": _some(done)})]


def _check_norm(name: str, norm: Tensor, direction: Tensor) -> None:
    if direction.ndim != 2 or norm.shape != (len(direction), 1):
        raise ModelFileError(
            "shapes",
            f"{name[:200]}: a norm a row was expected, but the shapes are "
            f"{list(norm.shape)} and {list(direction.shape)}",
            name=name[:200],
            expected=str([len(direction) if direction.ndim else 0, 1]),
            found=str(list(norm.shape)),
        )


def _groups(tensors: Mapping[str, Tensor]) -> list[_Group]:
    """The recurrent weights by the module that owns them, in the file's order."""
    owners: dict[tuple[str, bool], dict[str, tuple[str, Tensor]]] = {}
    for key, tensor in tensors.items():
        if match := _WEIGHT.fullmatch(key):
            alone = not match["place"]  # an LSTMCell has no layers
            name = match["kind"] + (match["place"] or "_l0")
            owners.setdefault((match["owner"].removesuffix("."), alone), {})[name] = (key, tensor)
    whole = {owner: found for owner, found in owners.items() if _is_recurrent(found)}
    if len(whole) > MOST_STACKS:
        raise ModelFileError(
            "too-large",
            f"the file holds {len(whole)} recurrent stacks; at most {MOST_STACKS} are read",
            what="stacks",
            size=len(whole),
            limit=MOST_STACKS,
        )
    return [
        _Group(
            name=owner,
            keys=tuple(key for key, _ in found.values()),
            weights={name: tensor for name, (_, tensor) in found.items()},
        )
        for (owner, _), found in whole.items()
    ]


def _is_recurrent(found: Iterable[str]) -> bool:
    """Whether there are matrices that read; a lone ``bias_ih`` may be anything."""
    return any(name.startswith(("weight_ih", "weight_hh")) for name in found)


def _order(one: Found, names: Iterable[str], ordered: bool) -> dict:
    """The names that may belong to what comes before the stack."""
    earlier = takewhile(lambda name: name not in one.keys, names) if ordered else names
    return {"before": frozenset(earlier), "ordered": ordered}


def _found(group: _Group, nonlinearity: str | None, remarks: list[Remark]) -> Found:
    """The stack of one group alone, its assumptions told in `remarks`."""
    weights, dtypes = _one_dtype(group)
    module = assembled(weights, name=group.name, nonlinearity=nonlinearity or "tanh")
    cell, _ = cell_of(weights["weight_hh_l0"], weights.get("weight_hr_l0"), group.name)
    shown = group.name or "the stack"
    if cell == "rnn" and nonlinearity is None:
        message = f"{shown} is taken to be a tanh RNN: weights do not tell tanh from relu"
        remarks.append(Remark(code="assumed-tanh", message=message, fields={"name": group.name}))
    if widened := [dtype for dtype in dtypes if dtype in WIDENED]:
        kinds = ", ".join(str(dtype).removeprefix("torch.") for dtype in widened)
        message = f"{shown} is stored in {kinds} and shown in float32"
        fields = {"name": group.name, "dtype": kinds}
        remarks.append(Remark(code="widened", message=message, fields=fields))
    remarks += [_not_finite(key) for key, w in _named(group) if not torch.isfinite(w).all()]
    return Found(
        stack=Stack(name=group.name, cell=cell, module=module, gate_order=gate_order(cell)),
        keys=group.keys,
    )


def printable(name: str) -> str:
    """`name` without characters that break a line or command a terminal."""
    return "".join(c if c.isprintable() else "\ufffd" for c in name)


def gate_order(cell: Cell) -> str:
    """The order in which torch packs the gates, as a `Stack` tells it: ``"i f g o"``."""
    return " ".join(PACKED[cell])


def _named(group: _Group) -> Iterable[tuple[str, Tensor]]:
    return zip(group.keys, group.weights.values(), strict=True)


def _not_finite(key: str) -> Remark:
    name = key[:200]
    message = f"{name} holds NaN or infinity; what it reaches is marked as missing"
    return Remark(code="not-finite", message=message, fields={"name": name})


def _one_dtype(group: _Group) -> tuple[dict[str, Tensor], list[torch.dtype]]:
    """The weights in float32, or in float64 if any is; and the dtypes that the file has."""
    dtypes = list(dict.fromkeys(tensor.dtype for tensor in group.weights.values()))
    for key, tensor in _named(group):
        if tensor.dtype not in READ:
            dtype = str(tensor.dtype).removeprefix("torch.")
            raise ModelFileError(
                "dtype",
                f"{key[:200]} is stored as {dtype}; float16, bfloat16, float32 and float64 "
                "are read",
                name=key[:200],
                dtype=dtype,
            )
    to = torch.float64 if torch.float64 in dtypes else torch.float32
    return {name: tensor.to(to) for name, tensor in group.weights.items()}, dtypes


def _beside(groups: list[_Group], rest: Iterable[str], used: Iterable[str]) -> list[Remark]:
    """For each stack, a warning where its own module has more weights than torch's."""
    remarks = []
    for group in groups:
        inside = [k for k in rest if group.name and k.startswith(group.name + ".")]
        if extra := [key for key in inside if key not in set(used)]:
            message = f"{group.name[:200]} has weights that torch's module has not ({_some(extra)})"
            remarks.append(
                Remark(
                    code="more-weights",
                    message=f"{message}, so it may compute something else",
                    fields={"name": group.name[:200], "names": _some(extra)},
                )
            )
    return remarks


def _no_stack(tensors: Iterable[str]) -> ModelFileError:
    names = list(tensors)
    held = f"it holds {_some(names)}" if names else "it holds no tensors"
    return ModelFileError(
        "no-stack",
        f"the file has no LSTM, GRU or RNN: no weight_ih and weight_hh; {held}",
        names=_some(names),
    )


def _some(names: Iterable[str], most: int = 5) -> str:
    """The first of `names`, and how many more there are."""
    all_of_them = [name[:100] for name in names]
    more = len(all_of_them) - most
    return ", ".join(all_of_them[:most]) + (f" (+{more})" if more > 0 else "")
