"""What people take for a model file and is none: said by what it is, with what would be right."""

import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from lstm_core.model_files.refusals import printable

_MODELS = (".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".keras", ".h5", ".hdf5", ".onnx")
"""How the names of model files end."""

_PACKED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "rar",
    b"\x28\xb5\x2f\xfd": "zstd",
}
"""For each kind of packed file that is not looked into, how it begins."""

_ARRAYS = (
    "the file holds NumPy arrays, whose names need not say what they are; save "
    "torch.save(model.state_dict(), path) instead"
)
_MOST_ENTRIES = 10_000
_BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, OSError, EOFError, ValueError)
_BROKEN_TOO = (RuntimeError, NotImplementedError, OverflowError)


def what_is(head: bytes, path: Path) -> tuple[str, str] | None:
    """A code and a sentence for a file that is no model file; ``None`` if nothing is known of it.

    Args:
        head: the first bytes of the file, all of it if it is short.
        path: the file, for the names inside an archive, which is not unpacked.
    """
    if not head.strip(b"\0"):
        return _of_zeros(path)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(b"version https://git-lfs.github.com/"):
        return "lfs-pointer", (
            "the file is a Git LFS pointer, which stands for the model; fetch the model with "
            "git lfs pull"
        )
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml")):
        return "web-page", (
            "the file is a web page, as is saved in the place of a download; download the model "
            "itself"
        )
    if head.startswith(b"\x93NUMPY"):
        return "numpy-file", _ARRAYS
    return _packed(head, path) or _other(head, text)


def _of_zeros(path: Path) -> tuple[str, str]:
    if path.stat().st_size == 0:
        return "empty-file", "the file is empty; its download or its copy did not come to its end"
    return (
        "empty-file",
        "the file begins with nothing but zeros; its download did not come to its end",
    )


def _packed(head: bytes, path: Path) -> tuple[str, str] | None:
    """What an archive is, by the names in it."""
    try:
        if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            with zipfile.ZipFile(path) as archive:
                return _archive("zip", archive.namelist()[:_MOST_ENTRIES])
        if head[257:262] == b"ustar":
            with tarfile.open(path, "r:") as archive:
                names = [entry.name for entry, _ in zip(archive, range(100), strict=False)]
            return _archive("tar", names)
    except (*_BROKEN, *_BROKEN_TOO):
        return None
    kind = next((kind for start, kind in _PACKED.items() if head.startswith(start)), None)
    return None if kind is None else _archive(kind, [])


def _archive(kind: str, names: Iterable[str]) -> tuple[str, str] | None:
    """What to say of an archive with entries of these names."""
    listed = [name for name in names if not name.endswith("/")]
    if listed and all(name.endswith(".npy") for name in listed):
        return "numpy-file", _ARRAYS
    inside = next((name for name in listed if name.lower().endswith(_MODELS)), None)
    what = "what lies in it" if inside is None else printable(inside[:100])
    return "packed-file", f"the file is a {kind} archive; unpack it and take {what}"


def _other(head: bytes, text: bytes) -> tuple[str, str] | None:
    """Files that lie beside models, and models of other programs."""
    if head.startswith(b"GGUF") or head[4:8] == b"TFL3":
        kind = "GGUF" if head.startswith(b"GGUF") else "TensorFlow Lite"
        return "other-model", (
            f"the file is a {kind} model, which is not read; save the model as PyTorch, "
            "safetensors, Keras or ONNX"
        )
    if text.startswith((b"{", b"[")) and head.isascii():
        return "json-file", (
            "the file is JSON, which describes a model at most; the weights lie in another file"
        )
    return None
