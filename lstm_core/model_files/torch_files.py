"""PyTorch's own files: a ``state_dict``, alone or inside a checkpoint, zipped or of the old kind.

Nothing in a file is executed: ``torch.load`` reads weights only. It trusts the sizes that a file
claims, so they are checked here before and after. What the tensors mean is in `state_dicts`.
"""

import pickle
import pickletools
import struct
import threading
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from lstm_core.carried_vocabulary import vocabulary_in
from lstm_core.model_files import shards
from lstm_core.model_files.checkpoint_parts import HOW_TO_SAVE, state_dict_of
from lstm_core.model_files.inert import stand_ins
from lstm_core.model_files.refusals import damaged
from lstm_core.model_files.state_dicts import find_stacks
from lstm_core.stacks import MAX_BYTES, ModelFile, ModelFileError, Remark, Stack

MAX_PICKLE_BYTES = 32 * 2**20
"""The longest list of names and shapes that is read from an archive."""

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
    return shards.told(path, "torch", lambda: _file(path, size))


def _file(path: Path, size: int) -> ModelFile:
    content = _content(path, size)
    tensors, remarks = state_dict_of(content)
    stacks, more = find_stacks(tensors)
    pairs = [_with_symbols(stack, content) for stack in stacks]
    told = [remark for _, remark in pairs if remark is not None]
    return ModelFile(
        kind="torch",
        stacks=tuple(stack for stack, _ in pairs),
        remarks=(*remarks, *more, *told),
    )


def _with_symbols(stack: Stack, content: Any) -> tuple[Stack, Remark | None]:
    """The stack with the vocabulary that the file carries for its embedding, and where it stood."""
    if stack.embedding is None or not isinstance(content, dict):
        return stack, None
    try:
        found = vocabulary_in(content, len(stack.embedding))
    except Exception:  # a mapping may hide anything behind its methods' names
        found = None
    if found is None:
        return stack, None
    vocabulary, key = found
    name = stack.name[:200] or "the stack"
    message = f"the symbols of {name} are those of {key!r} in the file"
    remark = Remark(code="carried-symbols", message=message, fields={"name": name, "key": key})
    return replace(stack, vocabulary=vocabulary), remark


def _content(path: Path, size: int) -> Any:
    """What was saved; what is neither weights nor harmless without its meaning is refused."""
    with path.open("rb") as file:
        head = file.read(64)
    zipped = head.startswith(b"PK\x03\x04")
    if not zipped and _LEGACY_MAGIC not in head:
        raise _unsafe("a pickle that torch.save did not write")
    held = _check_archive(path, size) if zipped else size
    try:
        return _loaded(path, held, zipped, ())
    except ModelFileError as error:
        if error.code != "unsafe" or not (harmless := stand_ins(_pickles(path, zipped))):
            raise
        return _loaded(path, held, zipped, harmless)


def _loaded(path: Path, held: int, zipped: bool, harmless: Sequence[tuple[type, str]]) -> Any:
    """What ``torch.load`` gives, with stand-ins for some names; `held` are the bytes of numbers."""
    storages = _Storages(held, mapped=zipped)
    if zipped:  # what a file claims cannot reach beyond it
        content = _load(str(path), storages, harmless, mmap=True)
    else:
        content = _load(BytesIO(path.read_bytes()), storages, harmless)
    storages.check()
    return content


def _pickles(path: Path, zipped: bool) -> Iterator[bytes]:
    """The pickles in which a file names what it holds."""
    if not zipped:
        yield from _in_a_row(path.read_bytes())
        return
    try:
        with zipfile.ZipFile(path) as archive:
            for name in filter(_is_pickle, archive.namelist()):
                yield archive.read(name)
    except _BROKEN as error:
        raise damaged(error) from None


def _in_a_row(data: bytes) -> Iterator[bytes]:
    """The last of the pickles that an old file begins with: number, version, system, content."""
    stream = BytesIO(data)
    try:
        for _ in range(3):
            for _ in pickletools.genops(stream):
                pass
    except ValueError:
        return  # torch says what is wrong with it
    yield data[stream.tell() :][:MAX_PICKLE_BYTES]


def too_large(size: int) -> ModelFileError:
    """The error for a file above `MAX_BYTES`."""
    return ModelFileError(
        "too-large",
        f"the file has {size} bytes; at most {MAX_BYTES} are read",
        what="bytes",
        size=size,
        limit=MAX_BYTES,
    )


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


def _load(
    source: str | BytesIO,
    storages: _Storages,
    harmless: Sequence[tuple[type, str]],
    *,
    mmap: bool = False,
) -> Any:
    try:
        with (
            _ALLOWED,
            torch.serialization.safe_globals(list(harmless)),
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
    if "Unsupported operand" in text:
        return _unsafe("instructions of another pickle protocol")
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
        f"{HOW_TO_SAVE}",
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
                    f"the file is a TorchScript program, which holds code; {HOW_TO_SAVE}",
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
