"""Weights as they act, where a file keeps something else of which they are computed.

Pruning keeps a mask, weight norm keeps lengths and directions, spectral norm keeps the vectors that
measure a matrix. Where the file does not tell the computation, the weight is refused.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from lstm_core.model_files.foreign_remarks import not_read
from lstm_core.stacks import ModelFileError, Remark

_RECURRENT = re.compile(r"(?:.*\.)?(?:weight|bias)_(?:ih|hh|hr)(?:_l\d+(?:_reverse)?)?", re.DOTALL)
_PART = re.compile(r"(?P<owner>(?:.*\.)?)parametrizations\.(?P<name>\w+)\.(?P<part>.+)", re.DOTALL)
_OLD_PART = re.compile(r"(?P<name>.+)_(?P<part>orig|mask|g|u|v)", re.DOTALL)

_CODES = {
    "pruned": "pruning",
    "weight-norm": "weight norm",
    "spectral-norm": "spectral norm, as in evaluation,",
}
"""For each code of a remark, what was applied."""


@dataclass(frozen=True, kw_only=True)
class _Acting:
    """A weight that is computed of the tensors under some `keys`."""

    name: str
    keys: frozenset[str]
    code: str
    weight: Tensor


def acting(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[Remark]]:
    """`tensors` with every computed weight in the place of what it is computed of, and remarks.

    Raises:
        ModelFileError: ``"parametrized"`` if a recurrent weight is computed in a way that the file
            does not tell, ``"shapes"`` or ``"dtype"`` if its parts do not fit.
    """
    found = [one for group in _groups(tensors) if (one := _computed(*group)) is not None]
    place = {key: one for one in found for key in (*one.keys, one.name)}
    plain: dict[str, Tensor] = {}
    for key, tensor in tensors.items():
        one = place.get(key)
        plain[key if one is None else one.name] = tensor if one is None else one.weight
    names = {code: [one.name for one in found if one.code == code] for code in _CODES}
    return plain, [_told(code, some) for code, some in names.items() if some]


def some_of(names: Iterable[str], most: int = 5) -> str:
    """The first of `names`, and how many more there are."""
    all_of_them = [name[:100] for name in names]
    more = len(all_of_them) - most
    return ", ".join(all_of_them[:most]) + (f" (+{more})" if more > 0 else "")


def _told(code: str, names: list[str]) -> Remark:
    message = f"{_CODES[code]} was applied to {some_of(names)}"
    return Remark(code=code, message=message, fields={"names": some_of(names)})


_Group = tuple[str, Mapping[str, str], Mapping[str, Tensor]]


def _groups(tensors: Mapping[str, Tensor]) -> Iterator[_Group]:
    """For each name that has parts: the keys of the parts by what they are called, and all."""
    new: dict[str, dict[str, str]] = {}
    old: dict[str, dict[str, str]] = {}
    for key in tensors:
        if match := _PART.fullmatch(key):
            new.setdefault(match["owner"] + match["name"], {})[match["part"]] = key
        elif match := _OLD_PART.fullmatch(key):
            old.setdefault(match["name"], {})[match["part"]] = key
    for name, parts in (*new.items(), *old.items()):
        yield name, parts, tensors


def _computed(name: str, parts: Mapping[str, str], tensors: Mapping[str, Tensor]) -> _Acting | None:
    """The weight of one group; ``None`` where nothing is known of it and it is not recurrent."""
    recurrent = _RECURRENT.fullmatch(name) is not None
    for kinds, (code, compute) in _WAYS.items():
        if parts.keys() != set(kinds.split()):
            continue
        values = [tensors[parts[kind]] for kind in kinds.split()]
        if not recurrent and not _fits(code, values, name):
            return None
        weight = compute(name, *values)
        return _Acting(name=name, keys=frozenset(parts.values()), code=code, weight=weight)
    is_hidden = name not in tensors and any(kind.startswith("orig") for kind in parts)
    if recurrent and is_hidden:
        raise _unknown(name, parts)
    return None


def _fits(code: str, values: list[Tensor], name: str) -> bool:
    """Whether a weight that is not recurrent is as certain as one that is: else it stays as is."""
    whole = all(value.is_floating_point() for value in values)
    if code == "pruned":
        return values[0].shape == values[1].shape
    matrix = values[1] if code == "weight-norm" else values[0]
    sizes = [list(value.shape) for value in values]
    expected = {
        "weight-norm": [[len(matrix), 1] if matrix.ndim else [], list(matrix.shape)],
        "spectral-norm": [list(matrix.shape), [len(matrix)] if matrix.ndim else []],
    }[code]
    named = name.rpartition(".")[2] == "weight"
    return whole and named and matrix.ndim == 2 and sizes[:2] == expected


def _pruned(name: str, weight: Tensor, mask: Tensor) -> Tensor:
    if weight.shape != mask.shape:
        raise _shapes(name, list(weight.shape), mask)
    return weight * mask.to(weight)


def _normed(name: str, norm: Tensor, direction: Tensor) -> Tensor:
    """The rows of `direction` with the lengths that `norm` gives: weight norm, by rows."""
    if direction.ndim != 2 or norm.shape != (len(direction), 1):
        raise _shapes(name, [len(direction) if direction.ndim else 0, 1], norm)
    wide = torch._weight_norm(_wide(name, direction), _wide(name, norm).to(_to(direction)), 0)
    return wide.to(direction.dtype)


def _spectral(name: str, weight: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """`weight` over its largest singular value, as the vectors of the file measure it."""
    if weight.ndim != 2 or left.shape != weight.shape[:1] or right.shape != weight.shape[1:]:
        raise _shapes(name, list(weight.shape), left)
    matrix = _wide(name, weight)
    sigma = _wide(name, left).to(matrix) @ (matrix @ _wide(name, right).to(matrix))
    return (matrix / sigma).to(weight.dtype)


_WAYS: dict[str, tuple[str, Callable[..., Tensor]]] = {
    "orig mask": ("pruned", _pruned),
    "g v": ("weight-norm", _normed),
    "original0 original1": ("weight-norm", _normed),
    "orig u v": ("spectral-norm", _spectral),
    "original 0._u 0._v": ("spectral-norm", _spectral),
}
"""For each set of parts, what it is and how the weight is computed of them."""


def _to(tensor: Tensor) -> torch.dtype:
    return torch.float64 if tensor.dtype == torch.float64 else torch.float32


def _wide(name: str, tensor: Tensor) -> Tensor:
    """Numbers that are computed with, in float32 or float64."""
    if not tensor.is_floating_point():
        raise not_read(name, str(tensor.dtype).removeprefix("torch."))
    return tensor.to(_to(tensor))


def _shapes(name: str, expected: list[int], found: Tensor) -> ModelFileError:
    return ModelFileError(
        "shapes",
        f"a part of {name[:200]} should have the shape {expected}, but has {list(found.shape)}",
        name=name[:200],
        expected=str(expected),
        found=str(list(found.shape)),
    )


def _unknown(name: str, parts: Mapping[str, str]) -> ModelFileError:
    """The refusal of a weight whose computation the file does not tell."""
    kind = "orthogonal" if "0.base" in parts else "unknown"
    kept = {
        "orthogonal": "an orthogonal parametrization, and the file does not say by which map",
        "unknown": "a parametrization, and the file does not say which",
    }[kind]
    weight = name.rpartition(".")[2]
    how = f'torch.nn.utils.parametrize.remove_parametrizations(layer, "{weight[:60]}")'
    return ModelFileError(
        "parametrized",
        f"{name[:200]} is kept under {kept}; call {how} and save again",
        name=name[:200],
        what=kind,
        how=how,
    )
