"""Models that are saved in several files: which file is one of several, and what an index lists.

Large models are written as ``model-00001-of-00002.safetensors`` and so on, beside an index that
says which tensor lies where. One of these files looks like a whole model and is none.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from lstm_core.model_files.refusals import damaged, printable
from lstm_core.stacks import MAX_BYTES, ModelFile, ModelFileError, Remark

MAX_INDEX_BYTES = 32 * 2**20
"""The longest index that is read."""

MOST_SHARDS = 1000
"""The most files that a model may lie in."""

JOIN = {
    "safetensors": "import glob, safetensors.torch as s; s.save_file({k: t for p in "
    'glob.glob("model-*.safetensors") for k, t in s.load_file(p).items()}, "whole.safetensors")',
    "torch": "import glob, torch; torch.save({k: t for p in "
    'glob.glob("pytorch_model-*.bin") for k, t in torch.load(p).items()}, "whole.pt")',
}
"""For each kind of file, the line of Python that makes one file of several."""

_NAME = re.compile(r"(?:.*\D)?(\d{5})-of-(\d{5})(?:\D.*)?", re.DOTALL)


def place_of(name: str) -> tuple[int, int] | None:
    """Which of how many files one of this name is; ``None`` for a model in one file.

    >>> place_of("model-00001-of-00002.safetensors"), place_of("epoch-3-of-10.safetensors")
    ((1, 2), None)
    """
    match = _NAME.fullmatch(name)
    number, count = (int(match[1]), int(match[2])) if match else (0, 0)
    return (number, count) if count > 1 and number <= count else None


def file_name(name: str) -> str:
    """A harmless name for bytes that were called `name`, which says as much of their place.

    >>> file_name("../model-00001-of-00002.safetensors"), file_name("lstm.pt")
    ('model-00001-of-00002', 'model')
    """
    place = place_of(name)
    return "model" if place is None else f"model-{place[0]:05}-of-{place[1]:05}"


def told(path: Path, kind: str, read: Callable[[], ModelFile]) -> ModelFile:
    """What `read` gives for the file at `path`, said to be a part where its name says so.

    Raises:
        ModelFileError: ``"one-shard"`` where what is missing lies in the other files; else as
            `read`.
    """
    place = place_of(path.name)
    if place is None:
        return read()
    number, count = place
    fields = {"number": number, "count": count, "how": JOIN[kind]}
    message = (
        f"the file is part {number} of {count} of a model, and what lies in the other parts is "
        f"missing here; join them with Python: {JOIN[kind]}"
    )
    try:
        file = read()
    except ModelFileError as error:
        if error.code not in ("no-stack", "incomplete"):
            raise
        raise ModelFileError("one-shard", message, **fields) from None
    remark = Remark(code="one-shard", message=message, fields=fields)
    return replace(file, remarks=(remark, *file.remarks))


def is_index(head: bytes) -> bool:
    """Whether a file that begins with `head` lists the files of a model."""
    return head.lstrip()[:1] == b"{" and b'"weight_map"' in head


def from_index(path: Path, read: Callable[[Path], Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Every tensor that the index at `path` lists, out of the files beside it.

    Args:
        path: the index.
        read: gives the tensors of one safetensors file.

    Raises:
        ModelFileError: ``"shard-index"`` if the files are not there, ``"unsafe-name"`` if one would
            lie elsewhere, ``"too-large"`` or ``"damaged"``.
        OSError: if one cannot be read.
    """
    places = _weight_map(path)
    names = sorted(set(places.values()))
    for name in names:
        if not _lies_beside(name):
            raise _leads_out(name)
    if any(not name.endswith(".safetensors") for name in names):
        raise _not_here("torch")
    if any(not (path.parent / name).is_file() for name in names):
        raise _not_here("safetensors")
    if (size := sum((path.parent / name).stat().st_size for name in names)) > MAX_BYTES:
        raise _too_large(size)
    tensors = {name: read(path.parent / name) for name in names}
    if lost := [key for key, name in places.items() if key not in tensors[name]]:
        raise damaged(f"no file holds {lost[0][:100]}, which the index lists")
    return {key: tensors[name][key] for key, name in places.items()}


def _lies_beside(name: str) -> bool:
    """Whether a name is that of a file in the same folder, on any system."""
    return name not in ("", ".", "..") and len(name) < 256 and not re.search(r"[/\\:\0]", name)


def _weight_map(path: Path) -> dict[str, str]:
    """For each tensor, the file in which an index says that it lies."""
    with path.open("rb") as file:
        text = file.read(MAX_INDEX_BYTES + 1)
    if len(text) > MAX_INDEX_BYTES:
        raise damaged("its list of tensors is too long")
    try:
        index = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise damaged(f"the index is no JSON: {type(error).__name__}") from None
    places = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(places, dict) or not places:
        raise damaged("the index lists no tensors")
    if not all(isinstance(name, str) for name in places.values()):
        raise damaged("the index lists files by what is no name")
    if (count := len(set(places.values()))) > MOST_SHARDS:
        raise damaged(f"the index lists {count} files; at most {MOST_SHARDS} are read")
    return places


def _not_here(kind: str) -> ModelFileError:
    return ModelFileError(
        "shard-index",
        "the file only lists the parts of a model and holds no weights; join the parts "
        f"with Python: {JOIN[kind]}",
        how=JOIN[kind],
    )


def _leads_out(name: str) -> ModelFileError:
    shown = printable(name[:200])
    return ModelFileError(
        "unsafe-name",
        f"the index lists a file that does not lie beside it, {shown}",
        name=shown,
        what="index",
    )


def _too_large(size: int) -> ModelFileError:
    return ModelFileError(
        "too-large",
        f"the files have {size} bytes together; at most {MAX_BYTES} are read",
        what="bytes",
        size=size,
        limit=MAX_BYTES,
    )
