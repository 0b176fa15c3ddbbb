"""PyTorch's own files: a ``state_dict``, alone or inside a checkpoint, zipped or of the old kind.

Nothing in a file is executed: ``torch.load`` reads weights only. It trusts the sizes that a file
claims, so they are checked here before and after. What the tensors mean is in `state_dicts`.
"""

import pickle
import struct
import threading
import warnings
import zipfile
import zlib
from argparse import Namespace
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lstm_core.model_files.state_dicts import find_stacks, printable
from lstm_core.stacks import MAX_BYTES, ModelFile, ModelFileError, Remark

MAX_PICKLE_BYTES = 32 * 2**20
"""The longest list of names and shapes that is read from an archive."""

MOST_TENSORS = 100_000
_DEEPEST = 16
_Place = tuple[str, ...]

_LEGACY_MAGIC = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""How the pickled magic number of PyTorch before 1.6 looks after its protocol."""

_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
)
"""What the zip module raises for broken archives; names that are no text are a `ValueError`."""

_HOW_TO_SAVE = "save torch.save(model.state_dict(), path) instead"
_SAFE = (Namespace,)  # where scripts keep their options; holding attributes is all that it does
_ALLOWED = threading.Lock()  # torch keeps one list of what is safe for all threads


def recognises(head: bytes, path: Path) -> bool:
    """Whether a file that begins with `head` is one of PyTorch's.

    Args:
        head: its first 64 bytes or more.
        path: the file, for the names inside an archive.
    """
    if head[:1] == b"\x80" and _LEGACY_MAGIC in head[:32]:
        return True
    if not head.startswith(b"PK\x03\x04"):
        return head[:1] == b"\x80"  # any other pickle: refused with a reason
    try:
        with zipfile.ZipFile(path) as archive:
            return any(_is_pickle(name) for name in archive.namelist())
    except _BROKEN:
        return b"data.pkl" in head or b"archive/" in head  # cut off


def read(path: Path) -> ModelFile:
    """The recurrent stacks of a PyTorch file of at most `MAX_BYTES`.

    Raises:
        ModelFileError: ``"too-large"``, ``"damaged"``, ``"torchscript"``, ``"unsafe"`` if it holds
            more than weights, ``"no-stack"``, or as `state_dicts.find_stacks`.
        OSError: if it cannot be read.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise too_large(size)
    with path.open("rb") as file:
        head = file.read(64)
    zipped = head.startswith(b"PK\x03\x04")
    if not zipped and _LEGACY_MAGIC not in head:
        raise _unsafe("a pickle that torch.save did not write")
    if zipped:
        storages = _Storages(_check_archive(path, size), mapped=True)
        content = _load(str(path), storages, mmap=True)  # what a file claims cannot reach beyond it
    else:
        storages = _Storages(size, mapped=False)
        content = _load(BytesIO(path.read_bytes()), storages)
    storages.check()
    tensors, remarks = _state_dict(content)
    stacks, more = find_stacks(tensors)
    return ModelFile(kind="torch", stacks=stacks, remarks=(*remarks, *more))


def too_large(size: int) -> ModelFileError:
    """The error for a file above `MAX_BYTES`."""
    return ModelFileError(
        "too-large",
        f"the file has {size} bytes; at most {MAX_BYTES} are read",
        what="bytes",
        size=size,
        limit=MAX_BYTES,
    )


def damaged(reason: object) -> ModelFileError:
    """The error for a file that is broken or cut off."""
    why = printable((str(reason).strip() or type(reason).__name__).splitlines()[0][:200])
    return ModelFileError("damaged", f"the file is damaged or cut off: {why}", reason=why)


class _Storages:
    """Counts the memory that a file claims while ``torch.load`` reads it."""

    def __init__(self, size: int, *, mapped: bool) -> None:
        self._left, self._mapped = size, mapped
        self._seen: list[tuple[torch.UntypedStorage, int]] = []

    def __call__(self, storage: Any, _: str) -> Any:
        """Accept one storage on the CPU, where it is; torch calls this before it is filled."""
        self._left -= storage.nbytes()
        if self._left < 0:
            raise damaged("its tensors claim to be larger than their data")
        if not self._mapped:  # what the file does not fill is not left to chance
            torch.empty(0, dtype=torch.uint8).set_(storage).zero_()
        self._seen.append((storage, storage.nbytes()))
        return storage

    def check(self) -> None:
        """Refuse tensors that reach beyond what the file gave them."""
        if any(storage.nbytes() != size for storage, size in self._seen):
            raise damaged("a tensor reaches beyond its data")


def _load(source: str | BytesIO, storages: _Storages, *, mmap: bool = False) -> Any:
    try:
        with (
            _ALLOWED,
            torch.serialization.safe_globals(list(_SAFE)),
            warnings.catch_warnings(action="ignore"),
        ):
            return torch.load(source, weights_only=True, map_location=storages, mmap=mmap)
    except ModelFileError:
        raise
    except pickle.UnpicklingError as error:
        raise _unsafe_or_damaged(error) from None
    except MemoryError:
        raise damaged("it claims more memory than there is") from None
    except Exception as error:  # what torch raises for broken files has no common class
        raise damaged(error) from None


def _unsafe_or_damaged(error: Exception) -> ModelFileError:
    """What torch's refusal says, without its advice to execute the file."""
    text = str(error)
    for sign in ("GLOBAL ", "class ", "Unsupported "):
        _, found, after = text.partition(sign)
        if found:
            what = after.split()[0].strip(".,:'\"`")[:200] if after.split() else "code"
            return _quantized() if "ScriptObject" in what else _unsafe(what)
    return damaged(text.rpartition("WeightsUnpickler error: ")[2])


def _quantized() -> ModelFileError:
    return ModelFileError(
        "quantized",
        "the weights are quantized; save the state_dict of the float model, as it was before "
        "quantize_dynamic",
    )


def _unsafe(what: str) -> ModelFileError:
    return ModelFileError(
        "unsafe",
        f"the file holds more than weights ({what}), and reading that could execute code; "
        f"{_HOW_TO_SAVE}",
        what=what,
    )


def _check_archive(path: Path, size: int) -> int:
    """How many bytes of numbers an archive holds, unless it unfolds, is broken or is a program."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            if any("/code/" in f"/{info.filename}" for info in infos):
                raise ModelFileError(
                    "torchscript",
                    f"the file is a TorchScript program, which holds code; {_HOW_TO_SAVE}",
                )
            if any(info.compress_type != zipfile.ZIP_STORED for info in infos):
                raise damaged("its entries are compressed, as torch.save never leaves them")
            if sum(info.file_size for info in infos) > size:
                raise damaged("its entries claim to be larger than the file")
            if any(i.file_size > MAX_PICKLE_BYTES for i in infos if _is_pickle(i.filename)):
                raise damaged("its list of tensors is too long")
            if broken := archive.testzip():
                raise damaged(f"the checksum of {broken[:100]!r} is wrong")
            return sum(info.file_size for info in infos if "/data/" in f"/{info.filename}")
    except ModelFileError:
        raise
    except _BROKEN as error:
        raise damaged(error) from None


def _is_pickle(name: str) -> bool:
    return name == "data.pkl" or name.endswith("/data.pkl")


def _state_dict(content: Any) -> tuple[dict[str, Tensor], list[Remark]]:
    """Every tensor by its name, and a remark that names the rest of a checkpoint.

    Where one part of a checkpoint holds the recurrent weights, names are given within it; where
    several do, each keeps its part's name in front.
    """
    if isinstance(content, Tensor):
        content = {"a tensor without a name": content}
    if not isinstance(content, Mapping):
        raise ModelFileError(
            "no-stack",
            f"the file holds {type(content).__name__}, not a state_dict; {_HOW_TO_SAVE}",
            names=type(content).__name__,
        )
    parts = {path: found for path, found in _parts(content, (), set()) if _holds_weights(found)}
    if not parts:
        found = {key: t for _, part in _parts(content, (), set()) for key, t in part.items()}
        return found, []
    if len(parts) == 1:
        ((path, tensors),) = parts.items()
        return tensors, _ignored(content, path)
    joined = {
        ".".join([*path, key]): tensor
        for path, found in parts.items()
        for key, tensor in found.items()
    }
    return joined, []


def _parts(
    content: Mapping, path: _Place, seen: set[int]
) -> Iterator[tuple[_Place, dict[str, Tensor]]]:
    """Every mapping inside that holds usable tensors itself, with its place."""
    if id(content) in seen or len(path) > _DEEPEST:
        return
    seen.add(id(content))
    named = {key: value for key, value in content.items() if isinstance(key, str)}
    if len(named) > MOST_TENSORS:
        raise damaged(f"it names {len(named)} tensors; at most {MOST_TENSORS} are read")
    tensors = {key: value.detach() for key, value in named.items() if _is_plain(value)}
    if tensors:
        yield path, tensors
    for key, value in named.items():
        if isinstance(value, Mapping):
            yield from _parts(value, (*path, key), seen)


def _is_plain(value: Any) -> bool:
    """Whether it is a dense tensor in memory that is no larger than what it is a view of."""
    return (
        type(value) in (Tensor, nn.Parameter)
        and value.layout == torch.strided
        and value.device.type == "cpu"
        and not value.is_quantized
        and value.numel() * value.element_size() <= value.untyped_storage().nbytes()
    )


def _holds_weights(tensors: Mapping[str, Tensor]) -> bool:
    return any("weight_hh" in key for key in tensors)


def _ignored(content: Mapping, path: _Place) -> list[Remark]:
    """What else lies beside the weights in a checkpoint: an optimizer, an epoch."""
    if not path:
        return []
    names = ", ".join(printable(str(key)[:60]) for key in list(content)[:12] if key != path[0])
    if not names:
        return []
    part = printable(".".join(path)[:200])
    message = f"of the checkpoint only {part!r} is read, not {names}"
    fields = {"part": part, "names": names}
    return [Remark(code="checkpoint-parts", message=message, fields=fields)]
