"""Keras' files on disk: the configuration and the variables that they hold, read with suspicion.

Three kinds are read: ``.keras`` archives, ``.weights.h5``, and the older ``.h5`` of a whole model
or of its weights. What a configuration means is in `keras_config`. Nothing is unpacked to a disk,
no link in a file is followed, and no size is believed.
"""

import json
import re
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import torch
from torch import Tensor

from lstm_core.model_files.foreign_remarks import not_read
from lstm_core.model_files.hdf5 import Array, Hdf5Error, Object, OtherHdf5Error, objects_of
from lstm_core.model_files.torch_files import damaged, too_large
from lstm_core.stacks import MAX_BYTES, ModelFileError

MAX_CONFIG_BYTES = 16 * 2**20
"""The longest configuration that is read."""

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_EXPANSION = 20
_SMALL = 2**20
_MOST_PARTS = 10_000
_VARIABLE = re.compile(r"(?:(?P<owner>.*)/)?vars/(?P<number>\d{1,6})")


@dataclass(frozen=True, kw_only=True, eq=False)
class Saved:
    """What a file holds.

    Attributes:
        config: the model's configuration; ``None`` where only weights were saved.
        arrays: the names of a layer's arrays by their place and in Keras' order. A place is the
            path of the layer's group, or its name in the older format.
        titles: what Keras calls the layer at a place, where the file says so.
        older: whether arrays have names of their own, as they had before Keras 3.
    """

    config: Mapping[str, Any] | None
    arrays: Mapping[str, Sequence[str]]
    titles: Mapping[str, str]
    older: bool
    _objects: Mapping[str, Object]
    _room: "_Room"

    def tensor(self, path: str) -> Tensor:
        """The array at `path`, a copy.

        Raises:
            ModelFileError: ``"dtype"``, or ``"damaged"`` if it is not what it says.
        """
        found = self._objects[path]
        if found.array is None:
            raise damaged(f"{path[:200]} is no array")
        return _tensor(path, found.array, found.attributes.get("dtype"), self._room)


@dataclass
class _Room:
    """How many bytes of arrays may still be made: several may claim the same part of a file."""

    left: int

    def take(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise damaged("its arrays are together far larger than the file")


def opened(path: Path) -> Saved:
    """What the file at `path` holds.

    Raises:
        ModelFileError: ``"damaged"``, ``"hdf5-kind"``, ``"too-large"`` or ``"unsafe-name"``.
        OSError: if it cannot be read.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise too_large(size)
    data, config = path.read_bytes(), None
    if data[:2] == b"PK":
        config, data = _unzipped(BytesIO(data), size)
    try:
        return _listed(objects_of(memoryview(data)), config, _Room(2 * len(data) + _SMALL))
    except Hdf5Error as error:
        raise _unread(error) from error


def _unread(error: Hdf5Error, where: str = "") -> ModelFileError:
    if not isinstance(error, OtherHdf5Error):
        return damaged(f"{where}{error}")
    message = (
        f"the file is not written as Keras writes it: {where}{error}; save it with Keras again"
    )
    return ModelFileError("hdf5-kind", message, reason=f"{where}{error}")


def archived(path: Path) -> bool:
    """Whether the file is a ZIP archive with the parts that Keras gives its own."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError):
        return False
    return _CONFIG in names and any(name.startswith("model.weights") for name in names)


def _unzipped(file: BinaryIO, size: int) -> tuple[Mapping[str, Any], bytes]:
    try:
        with zipfile.ZipFile(file) as archive:
            members = {info.filename: info for info in archive.infolist()}
            _check_members(archive.infolist(), size)
            if _WEIGHTS not in members or _CONFIG not in members:
                raise damaged(f"it holds no {_WEIGHTS}")
            config = archive.read(members[_CONFIG])
            return _json(config), archive.read(members[_WEIGHTS])
    except ModelFileError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise damaged(error) from error


def _check_members(infos: Sequence[zipfile.ZipInfo], size: int) -> None:
    """Raise unless the archive holds what it can hold, under names of its own."""
    for info in infos:
        place = PurePosixPath(info.filename.replace("\\", "/"))
        if place.is_absolute() or ".." in place.parts or ":" in (place.parts or ("",))[0]:
            name = info.filename[:200]
            message = f"an archive must not name files outside itself, as {name} does"
            raise ModelFileError("unsafe-name", message, name=name)
    if len(infos) > _MOST_PARTS or len({info.filename for info in infos}) != len(infos):
        raise damaged("it has too many parts, or two of the same name")
    total = sum(info.file_size for info in infos)
    if total > min(MAX_BYTES, _EXPANSION * size + _SMALL):
        raise damaged(f"its parts claim {total} bytes, far more than the file has")
    if any(info.file_size > MAX_CONFIG_BYTES for info in infos if info.filename == _CONFIG):
        raise damaged(f"its configuration is longer than {MAX_CONFIG_BYTES} bytes")


def _json(text: bytes | str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise damaged(f"its configuration is no JSON: {type(error).__name__}") from error
    if not isinstance(value, dict):
        raise damaged("its configuration is no JSON object")
    return value


def _listed(objects: Mapping[str, Object], config: Mapping[str, Any] | None, room: _Room) -> Saved:
    """What lies where; no array is read yet."""
    text = objects[""].attributes.get("model_config", [])
    if config is None and text:
        if len(text[0]) > MAX_CONFIG_BYTES:
            raise damaged(f"its configuration is longer than {MAX_CONFIG_BYTES} bytes")
        config = _json(text[0])
    older = _older(objects)
    return Saved(
        config=config,
        arrays=older or _modern(path for path, one in objects.items() if one.array),
        titles={
            path.rpartition("/")[0]: one.attributes["name"][0][:200]
            for path, one in objects.items()
            if path.rpartition("/")[2] == "vars" and one.attributes.get("name")
        },
        older=bool(older),
        _objects=objects,
        _room=room,
    )


def _modern(datasets: Iterable[str]) -> dict[str, list[str]]:
    """Keras 3: a layer's arrays are ``vars/0``, ``vars/1`` and so on."""
    found: dict[str, dict[int, str]] = {}
    for path in datasets:
        if match := _VARIABLE.fullmatch(path):
            found.setdefault(match["owner"] or "", {})[int(match["number"])] = path
    ordered = sorted(found, key=natural)
    return {owner: [found[owner][number] for number in sorted(found[owner])] for owner in ordered}


def _older(objects: Mapping[str, Object]) -> dict[str, list[str]]:
    """Before Keras 3: groups by the layers' names, which list the names of their arrays."""
    prefix = "model_weights/" if "model_weights" in objects else ""
    found: dict[str, list[str]] = {}
    for layer in objects[prefix.rstrip("/")].attributes.get("layer_names", []):
        group = objects.get(f"{prefix}{layer}")
        if group is not None and "weight_names" in group.attributes:
            paths = [f"{prefix}{layer}/{name}" for name in group.attributes["weight_names"]]
            found[layer] = [path for path in paths if path in objects and objects[path].array]
    return found


def natural(path: str) -> list[tuple[int, str]]:
    """A key that sorts ``lstm_2`` before ``lstm_10``."""
    parts = re.split(r"(\d+)", path)
    return [(int(part) if part.isdecimal() and len(part) < 10 else -1, part) for part in parts]


def _tensor(path: str, array: Array, dtype: list[str] | None, room: _Room) -> Tensor:
    if array.kind == "opaque2" and dtype == ["bfloat16"]:
        array = replace(array, kind="bfloat16")
    if array.kind not in ("f2", "f4", "f8", "bfloat16"):
        raise not_read(path, array.kind)
    room.take(0 if array.data is None else len(array.data))
    try:
        values = torch.from_numpy(array.values())
    except Hdf5Error as error:
        raise _unread(error, f"{path[:200]}: ") from error
    return values.view(torch.bfloat16) if array.kind == "bfloat16" else values
