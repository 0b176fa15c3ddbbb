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

from lstm_core.model_files.acting_weights import acting, some_of
from lstm_core.model_files.assembly import assembled, cell_of
from lstm_core.model_files.foreign_remarks import not_finite, not_read
from lstm_core.model_files.preceding import learnt_starts, preceding
from lstm_core.model_files.refusals import printable
from lstm_core.model_files.siblings import joined
from lstm_core.model_files.surroundings import Found, left_out, surroundings
from lstm_core.signals import PACKED, Cell
from lstm_core.stacks import ModelFileError, Remark, Stack

WEIGHT = re.compile(
    r"(?P<owner>(?:.*\.)?)(?P<kind>weight_ih|weight_hh|weight_hr|bias_ih|bias_hh)"
    r"(?P<place>(?:_l\d+(?:_reverse)?)?)",
    re.DOTALL,
)
_OPTIMIZER = re.compile(
    r"optim(izer)?s?(_?states?)?(_?dict)?(_?\d+)?|opt_?states?(_?dict)?|(max_)?exp_avg(_sq)?|exp_inf"
    r"|momentum_buffer|square_avg|grad_avg|acc_delta|grads?|gradients?",
    re.IGNORECASE,
)
"""What people and torch call an optimizer, and what it keeps for each weight."""

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
    plain, moments = _without_moments(plain)
    groups = _groups(plain)
    if not groups:
        raise _no_stack(plain)
    alone = [_found(group, (nonlinearities or {}).get(group.name), remarks) for group in groups]
    found, told = joined([replace(one, **_order(one, plain, ordered)) for one in alone], plain)
    taken = {key for group in groups for key in group.keys}
    rest = {key: tensor for key, tensor in plain.items() if key not in taken}
    stacks, used, more = surroundings(found, rest)
    starts = learnt_starts(found, rest)
    said = {key for _, keys in starts for key in keys}
    before = preceding(found, stacks, {k: t for k, t in rest.items() if k not in used | said})
    said |= {key for _, keys in before for key in keys}
    remarks += told + _beside(groups, rest, used | said) + more
    remarks += [remark for remark, _ in (*starts, *before)]
    remarks += left_out({**rest, **moments}, used | said)
    return tuple(stacks), tuple(remarks)


def _plain_names(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[Remark]]:
    """The tensors without wrappers in their names, weights as they act, weight drop resolved."""
    computed, remarks = acting(tensors)
    plain: dict[str, Tensor] = {}
    raw: list[str] = []
    for key, tensor in computed.items():
        parts = [part for part in key.split(".") if part not in _WRAPPERS]
        name = printable(".".join(parts))
        if name.endswith("_raw") and WEIGHT.fullmatch(name.removesuffix("_raw")):
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
                message=f"weight drop is not applied: the raw weights of {some_of(raw)} are shown",
                fields={"names": some_of(raw)},
            )
        )
    return plain, remarks


def _without_moments(
    tensors: Mapping[str, Tensor],
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The tensors of the model, and those that an optimizer keeps under the names of weights."""
    model = {name: t for name, t in tensors.items() if not is_of_optimizer(name.split("."))}
    return model, {name: t for name, t in tensors.items() if name not in model}


def is_of_optimizer(path: Iterable[str]) -> bool:
    """Whether a path of names leads into what an optimizer keeps."""
    return any(_OPTIMIZER.fullmatch(part) for part in path)


def _groups(tensors: Mapping[str, Tensor]) -> list[_Group]:
    """The recurrent weights by the module that owns them, in the file's order."""
    owners: dict[tuple[str, bool], dict[str, tuple[str, Tensor]]] = {}
    for key, tensor in tensors.items():
        if match := WEIGHT.fullmatch(key):
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
    remarks += [not_finite(key) for key, w in _named(group) if not torch.isfinite(w).all()]
    return Found(
        stack=Stack(name=group.name, cell=cell, module=module, gate_order=gate_order(cell)),
        keys=group.keys,
    )


def gate_order(cell: Cell) -> str:
    """The order in which torch packs the gates, as a `Stack` tells it: ``"i f g o"``."""
    return " ".join(PACKED[cell])


def _named(group: _Group) -> Iterable[tuple[str, Tensor]]:
    return zip(group.keys, group.weights.values(), strict=True)


def _one_dtype(group: _Group) -> tuple[dict[str, Tensor], list[torch.dtype]]:
    """The weights in float32, or in float64 if any is; and the dtypes that the file has."""
    dtypes = list(dict.fromkeys(tensor.dtype for tensor in group.weights.values()))
    for key, tensor in _named(group):
        if tensor.dtype not in READ:
            raise not_read(key, str(tensor.dtype).removeprefix("torch."))
    to = torch.float64 if torch.float64 in dtypes else torch.float32
    return {name: tensor.to(to) for name, tensor in group.weights.items()}, dtypes


def _beside(groups: list[_Group], rest: Iterable[str], used: Iterable[str]) -> list[Remark]:
    """For each stack, a warning where its own module has more weights than torch's."""
    remarks = []
    for group in groups:
        inside = [k for k in rest if group.name and k.startswith(group.name + ".")]
        if extra := [key for key in inside if key not in set(used)]:
            message = (
                f"{group.name[:200]} has weights that torch's module has not ({some_of(extra)})"
            )
            remarks.append(
                Remark(
                    code="more-weights",
                    message=f"{message}, so it may compute something else",
                    fields={"name": group.name[:200], "names": some_of(extra)},
                )
            )
    return remarks


def _no_stack(tensors: Iterable[str]) -> ModelFileError:
    names = list(tensors)
    held = f"it holds {some_of(names)}" if names else "it holds no tensors"
    return ModelFileError(
        "no-stack",
        f"the file has no LSTM, GRU or RNN: no weight_ih and weight_hh; {held}",
        names=some_of(names),
    )
