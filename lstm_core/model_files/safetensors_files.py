"""Safetensors: a JSON header of names, types, shapes and places, then the numbers.

The library checks that the places fill the file exactly, so memory is bounded by its size. It
sorts the tensors as it writes them: their order says nothing.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from lstm_core.model_files import shards
from lstm_core.model_files.checkpoint_parts import MOST_TENSORS
from lstm_core.model_files.refusals import damaged
from lstm_core.model_files.state_dicts import find_stacks
from lstm_core.model_files.torch_files import too_large
from lstm_core.stacks import MAX_BYTES, ModelFile

WEIGHTS = "lstm-gate-visualizer weights"
"""The format of weights that `commands` writes: besides, it says what weights do not tell."""

NONLINEARITIES = "nonlinearities"
"""In the header of such a file: for each stack of plain RNNs, ``"tanh"`` or ``"relu"``."""

MAX_HEADER_BYTES = 32 * 2**20
"""The longest header that is read."""


def recognises(head: bytes, path: Path) -> bool:
    """Whether a file that begins with `head` is of this kind, or lists files that are."""
    is_file = head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 2**48
    return is_file or shards.is_index(head)


def read(path: Path) -> ModelFile:
    """The recurrent stacks of a safetensors file of at most `MAX_BYTES`, or of those of an index.

    Raises:
        ModelFileError: ``"too-large"``, ``"damaged"``, ``"one-shard"``, or as
            `state_dicts.find_stacks` and `shards.from_index`.
        OSError: if it cannot be read.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise too_large(size)
    with path.open("rb") as file:
        head = file.read(4096)
    if shards.is_index(head):
        return _found(shards.from_index(path, lambda part: _tensors(part)[0]), {})
    return shards.told(path, "safetensors", lambda: _found(*_tensors(path)))


def _found(tensors: Mapping[str, Tensor], told: Mapping[str, str]) -> ModelFile:
    in_order = dict(sorted(tensors.items()))
    stacks, remarks = find_stacks(in_order, ordered=False, nonlinearities=told)
    return ModelFile(kind="safetensors", stacks=stacks, remarks=remarks)


def _tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of one file, and what a file of our own tells of its plain RNNs."""
    header = _header(path, path.stat().st_size)
    try:
        tensors = load_file(path)
    except (SafetensorError, ValueError, TypeError, RuntimeError, KeyError) as error:
        raise damaged(error) from None
    return {**_tied(header, tensors), **tensors}, _nonlinearities(header)


def _tied(header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What ``save_model`` wrote once for several names, under the names that it left out.

    It keeps these in the file's metadata, beside whatever else people put there.
    """
    metadata = header.get("__metadata__")
    if not isinstance(metadata, dict):
        return {}
    return {
        name: tensors[kept]
        for name, kept in metadata.items()
        if isinstance(kept, str) and kept in tensors and "." in name
    }


def _header(path: Path, size: int) -> dict[str, Any]:
    """The header, unless it is long, deep or no list of tensors."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > min(size - 8, MAX_HEADER_BYTES):
            raise damaged(f"its header should have {length} bytes")
        text = file.read(length)
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise damaged(f"its header is no JSON: {type(error).__name__}") from None
    if not isinstance(header, dict) or len(header) > MOST_TENSORS:
        raise damaged("its header is no list of tensors")
    return header


def _nonlinearities(header: dict[str, Any]) -> dict[str, str]:
    """What a file of our own tells of its plain RNNs; nothing for any other file."""
    metadata = header.get("__metadata__")
    text = metadata.get("lstm_core") if isinstance(metadata, dict) else None
    try:
        told = json.loads(text) if isinstance(text, str) else {}
    except (ValueError, RecursionError):
        return {}
    if not isinstance(told, dict) or told.get("format") != WEIGHTS:
        return {}
    found = told.get(NONLINEARITIES)
    known = ("tanh", "relu")
    return {k: v for k, v in found.items() if v in known} if isinstance(found, dict) else {}
