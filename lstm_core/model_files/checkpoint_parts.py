"""The tensors of what ``torch.load`` gave: a ``state_dict``, alone or inside a checkpoint."""

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor, nn, strided

from lstm_core.model_files.inert import Nothing
from lstm_core.model_files.refusals import damaged, printable
from lstm_core.model_files.state_dicts import WEIGHT, is_of_optimizer
from lstm_core.stacks import ModelFileError, Remark

MOST_TENSORS = 100_000
"""The most tensors that one mapping may name."""

HOW_TO_SAVE = "save torch.save(model.state_dict(), path) instead"

_DEEPEST = 16
_Place = tuple[str, ...]

_NOT_PLAIN = {
    "expanded": "repeats its numbers as an expanded view does; save it after .contiguous()",
    "sparse": "is a sparse tensor; save it after .to_dense()",
    "quantized": "is quantized; save it after .dequantize()",
    "without-numbers": "has no numbers in the file; save the model on a CPU",
    "no-tensor": "is no tensor; save it after torch.as_tensor()",
}
"""For each kind of value that cannot be read as a weight, what to tell of it."""


def state_dict_of(content: Any) -> tuple[dict[str, Tensor], list[Remark]]:
    """Every tensor by its name, and a remark that names the rest of a checkpoint.

    Where one part of a checkpoint holds the recurrent weights, names are given within it; where
    several do, each keeps its part's name in front. What an optimizer keeps is no part of a model.

    Raises:
        ModelFileError: ``"no-stack"`` if it is no mapping, ``"not-plain"`` if a recurrent weight is
            nothing that can be read, ``"damaged"`` if it names too many tensors.
    """
    if isinstance(content, Tensor):
        content = {"a tensor without a name": content}
    if not isinstance(content, dict):
        raise ModelFileError(
            "no-stack",
            f"the file holds {type(content).__name__}, not a state_dict; {HOW_TO_SAVE}",
            names=type(content).__name__,
        )
    found = list(_parts(content, (), set()))
    parts = [(path, _tensors(part)) for path, part in found]
    whole = [(path, part) for path, part in parts if _holds_weights(part)]
    if not whole:
        _check(found)
        return {key: tensor for _, part in parts for key, tensor in part.items()}, []
    _check([(path, part) for path, part in found if path in dict(whole)])
    if len(whole) == 1:
        ((path, tensors),) = whole
        return tensors, _ignored(content, path)
    joined = {".".join([*path, k]): tensor for path, part in whole for k, tensor in part.items()}
    return joined, []


def _parts(
    content: dict[Any, Any], path: _Place, seen: set[int]
) -> Iterator[tuple[_Place, dict[str, Any]]]:
    """Every mapping inside, with its place; those of an optimizer are passed over."""
    if id(content) in seen or len(path) > _DEEPEST or is_of_optimizer(path):
        return
    seen.add(id(content))
    # A file may give a mapping attributes of its own, so that none of its methods is called.
    named = {key: value for key, value in dict.items(content) if isinstance(key, str)}
    if len(named) > MOST_TENSORS:
        raise damaged(f"it names {len(named)} tensors; at most {MOST_TENSORS} are read")
    yield path, named
    for key, value in named.items():
        if isinstance(value, dict):
            yield from _parts(value, (*path, key), seen)


def _tensors(part: Mapping[str, Any]) -> dict[str, Tensor]:
    return {key: Tensor.detach(value) for key, value in part.items() if _fault(value) == ""}


def _fault(value: Any) -> str | None:
    """Why a value cannot be a weight, empty if it can; ``None`` if nobody takes it for one.

    A weight is a dense tensor in memory that is no larger than what it is a view of.
    """
    if isinstance(value, Nothing):
        return "no-tensor"
    if not isinstance(value, Tensor):
        return None
    if type(value) not in (Tensor, nn.Parameter):
        return "no-tensor"
    plain = Tensor.detach(value)  # a file may give tensors attributes of its own, too
    if plain.is_quantized:
        return "quantized"
    if plain.layout != strided:
        return "sparse"
    if plain.device.type != "cpu":
        return "without-numbers"
    held = plain.untyped_storage().nbytes()
    return "expanded" if plain.numel() * plain.element_size() > held else ""


def _check(parts: list[tuple[_Place, dict[str, Any]]]) -> None:
    """Refuse what has a weight's name and is nothing that can be read."""
    for path, part in parts:
        for key, value in part.items():
            if WEIGHT.fullmatch(key) and (fault := _fault(value)):
                name = printable(".".join([*path, key])[:200])
                message = f"{name} {_NOT_PLAIN[fault]}"
                raise ModelFileError("not-plain", message, name=name, what=fault)


def _holds_weights(tensors: Mapping[str, Tensor]) -> bool:
    return any("weight_hh" in key and not is_of_optimizer(key.split(".")) for key in tensors)


def _ignored(content: dict[Any, Any], path: _Place) -> list[Remark]:
    """What else lies beside the weights in a checkpoint: an optimizer, an epoch."""
    if not path:
        return []
    others = [str(key) for key in dict.keys(content) if key != path[0]]
    names = ", ".join(printable(key[:60]) for key in others[:12])
    if not names:
        return []
    part = printable(".".join(path)[:200])
    message = f"of the checkpoint only {part!r} is read, not {names}"
    fields = {"part": part, "names": names}
    return [Remark(code="checkpoint-parts", message=message, fields=fields)]
