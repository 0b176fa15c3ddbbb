"""The stage's bytes made small for a file: what nobody can see is left out, the rest deflated.

`rounded` loses digits and says how many it keeps; `squeezed` loses nothing.
"""

import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

DIGITS = 4
"""The digits of every number that `rounded` keeps; the stage shows three decimals."""

_BITS = 13
"""The binary places that these digits need: an error of at most one part in 16,384."""

_DROPPED = 23 - _BITS


def rounded(payload: bytes) -> bytes:
    """A payload of `viz.payload.packed` whose numbers have `DIGITS` digits, without silent inputs.

    An input that is zero at every step adds nothing to any gate, so its weights are not needed.
    """
    header = _opened(payload)
    for part in header["parts"]:
        _forget_silent(part)
    return _closed(header)


def squeezed(payload: bytes) -> bytes:
    """The payload for a file, deflated; ``viz/stage/offline.js`` undoes it to the bit.

    The bytes of all numbers are sorted by their place in the number first: signs and exponents lie
    together then, and repeat.
    """
    start = 4 + struct.unpack_from("<I", payload)[0]
    planes = np.frombuffer(payload, np.uint8, offset=start).reshape(-1, 4).T
    return zlib.compress(payload[:start] + planes.tobytes(), 9)


def _opened(payload: bytes) -> dict[str, Any]:
    """The header with every array in its place."""
    start = 4 + struct.unpack_from("<I", payload)[0]
    floats = np.frombuffer(payload, "<f4", offset=start)

    def filled(value: dict[str, Any]) -> Any:
        if "$" not in value:
            return value
        offset, *shape = value["$"]
        return floats[offset : offset + int(np.prod(shape))].reshape(shape)

    return json.loads(payload[4:start], object_hook=filled)


def _closed(header: Mapping[str, Any]) -> bytes:
    """The header with every array rounded and named by its place again, and the arrays."""
    arrays: list[np.ndarray] = []

    def placed(array: np.ndarray) -> dict[str, list[int]]:
        start = sum(one.size for one in arrays)
        arrays.append(_round(array))
        return {"$": [start, *array.shape]}

    text = json.dumps(header, ensure_ascii=False, allow_nan=False, default=placed).encode()
    text += b" " * (-len(text) % 4)
    return b"".join([struct.pack("<I", len(text)), text, *(a.tobytes() for a in arrays)])


def _forget_silent(part: dict[str, Any]) -> None:
    """Leave out the inputs of a part that are zero at every step, where inputs have names."""
    names = part["input_names"]
    if not names:
        return
    heard = np.flatnonzero((part["inputs"] != 0).any(axis=0))
    part["input_names"] = [names[place] for place in heard]
    part["inputs"] = part["inputs"][:, heard]
    part["weights"]["weight_ih"] = part["weights"]["weight_ih"][:, heard]


def _round(numbers: np.ndarray) -> np.ndarray:
    """The nearest floats with `_BITS` binary places; what is no number stays what it is."""
    bits = np.ascontiguousarray(numbers, dtype="<f4").view(np.uint32)
    nearest = ((bits + np.uint32(1 << (_DROPPED - 1))) >> _DROPPED << _DROPPED).view("<f4")
    return np.where(np.isfinite(numbers) & np.isfinite(nearest), nearest, numbers)
