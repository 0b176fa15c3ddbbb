"""HDF5 files as Keras writes them: groups, plain arrays and attributes, read in Python alone.

The library for HDF5 is written for files that one trusts: a changed byte can make it run for ever
or crash. Here every place and size is checked against the file, nothing is followed out of it, and
no number is copied until it is asked for. What the library writes by default is read; compressed,
chunked or linked data and the newer layouts that Keras never writes are refused with the reason.

Source: https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html (HDF5 File Format 3.0)
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

SIGNATURE = b"\x89HDF\r\n\x1a\n"
"""How a file begins."""

MOST_OBJECTS = 20_000
"""The most groups and arrays of one file."""

_MOST_MESSAGES = 100_000
_MOST_AXES, _LONGEST_PATH = 8, 1024
_NOWHERE = 2**64 - 1
_DATASPACE, _DATATYPE, _EXTERNAL, _LAYOUT, _FILTERS = 0x01, 0x03, 0x07, 0x08, 0x0B
_ATTRIBUTE, _CONTINUED, _SYMBOLS, _LINK, _LINKS = 0x0C, 0x10, 0x11, 0x06, 0x02
_SYMBOLIC_LINK = 2
_FIXED, _FLOAT, _TEXT, _OPAQUE, _VARIABLE = 0, 1, 3, 5, 9
_EXPONENTS = {(2, 5): "f2", (2, 8): "bfloat16", (4, 8): "f4", (8, 11): "f8"}
"""Bytes of a number and bits of its exponent -> its type."""


class Hdf5Error(ValueError):
    """A file is broken, or holds what is not read."""


class OtherHdf5Error(Hdf5Error):
    """A file may be sound, but is written in a way that Keras does not use."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Array:
    """An array in a file, not yet read.

    Attributes:
        kind: ``"f2"``, ``"f4"``, ``"f8"``, ``"bfloat16"``, or in words what it is else.
        data: its bytes; ``None`` where they lie scattered, compressed or in another file.
    """

    shape: tuple[int, ...]
    kind: str
    order: str
    data: memoryview | None

    def values(self) -> np.ndarray:
        """Its numbers, a copy; bfloat16 as the integers of its bits.

        Raises:
            Hdf5Error: if they are not plain numbers in the file, as many as its shape says;
            an `OtherHdf5Error` where they may be sound.
        """
        kind = "i2" if self.kind == "bfloat16" else self.kind
        if kind not in ("i2", "f2", "f4", "f8"):
            raise Hdf5Error(f"its numbers are {self.kind}")
        if self.data is None:
            raise OtherHdf5Error("its numbers are compressed, scattered or in another file")
        size = prod(self.shape) * int(kind[1])
        if size > len(self.data):
            raise Hdf5Error(f"it claims {size} bytes, but holds {len(self.data)}")
        return np.frombuffer(self.data[:size], self.order + kind).astype(kind).reshape(self.shape)


@dataclass(frozen=True, kw_only=True, eq=False)
class Object:
    """A group, or an array where `array` is given; texts among its attributes by name."""

    attributes: Mapping[str, list[str]]
    array: Array | None


@dataclass(frozen=True, kw_only=True)
class _Message:
    kind: int
    shared: bool
    data: memoryview


def objects_of(data: memoryview) -> dict[str, Object]:
    """Every group and array of a file by its path; the file itself is ``""``.

    An object that has several paths is found under the first of them alone.

    Raises:
        Hdf5Error: if the file is broken, too finely cut, or of a kind that is not read.
    """
    return _File(data).objects()


class _File:
    def __init__(self, data: memoryview) -> None:
        self._data, self._left = data, _MOST_MESSAGES
        self._texts = 2 * len(data)  # attributes may claim the same bytes again and again

    def objects(self) -> dict[str, Object]:
        found: dict[str, Object] = {}
        todo, seen = [("", self._root())], set[int]()
        while todo:
            path, place = todo.pop()
            if place in seen:
                continue
            seen.add(place)
            if len(seen) > MOST_OBJECTS:
                raise Hdf5Error(f"it has more than {MOST_OBJECTS} groups and arrays")
            messages = list(self._messages(place))
            found[path] = self._object(messages)
            prefix = f"{path}/" if path else ""
            for name, inner in self._members(messages):
                if len(prefix) + len(name) > _LONGEST_PATH:
                    raise Hdf5Error(f"a path has more than {_LONGEST_PATH} characters")
                todo.append((prefix + name, inner))
        return found

    def _take(self, place: int, size: int) -> memoryview:
        if not 0 <= place <= len(self._data) - size:
            raise Hdf5Error("it ends before something that it speaks of")
        return self._data[place : place + size]

    def _number(self, place: int, size: int = 8) -> int:
        return int.from_bytes(self._take(place, size), "little")

    def _signed(self, place: int, signature: bytes) -> int:
        """`place`, if a part with that signature begins there."""
        if self._take(place, len(signature)) != signature:
            raise Hdf5Error(f"where {signature.decode()} should be is something else")
        return place

    def _root(self) -> int:
        if self._take(0, 8) != SIGNATURE:
            raise Hdf5Error("it does not begin as HDF5 does")
        version = self._number(8, 1)
        if version > 1:
            raise OtherHdf5Error(f"it is of version {version} of HDF5, which Keras does not write")
        if self._number(13, 1) != 8 or self._number(14, 1) != 8:
            raise OtherHdf5Error("its places and sizes are not of eight bytes")
        base = 28 if version else 24
        if self._number(base):
            raise OtherHdf5Error("it does not begin at its own beginning")
        return self._number(base + 40)

    def _messages(self, place: int) -> Iterator[_Message]:
        """What the header of an object says, in its order."""
        if self._number(place, 1) != 1:
            raise OtherHdf5Error("an object is of a version that Keras does not write")
        blocks = [(place + 16, self._number(place + 8, 4))]
        while blocks:
            here, size = blocks.pop(0)
            end = here + len(self._take(here, size))
            while here + 8 <= end:
                self._left -= 1
                if self._left < 0:
                    raise Hdf5Error(f"it has more than {_MOST_MESSAGES} parts")
                kind, length = self._number(here, 2), self._number(here + 2, 2)
                if here + 8 + length > end:
                    raise Hdf5Error("a part ends beyond the object that it is of")
                if kind == _CONTINUED:
                    blocks.append((self._number(here + 8), self._number(here + 16)))
                shared = bool(self._number(here + 4, 1) & 2)
                yield _Message(kind=kind, shared=shared, data=self._take(here + 8, length))
                here += 8 + length

    def _members(self, messages: list[_Message]) -> Iterator[tuple[str, int]]:
        """Names and places of what lies in a group; links to elsewhere are left out."""
        for message in messages:
            if message.kind in (_LINK, _LINKS):
                raise OtherHdf5Error("a group is of a version that Keras does not write")
            if message.kind == _SYMBOLS:
                tree, heap = _integer(message.data, 0), _integer(message.data, 8)
                heap = self._signed(heap, b"HEAP")
                names = self._take(self._number(heap + 24), self._number(heap + 8))
                for node in self._leaves(tree):
                    yield from self._symbols(node, names)

    def _leaves(self, tree: int) -> Iterator[int]:
        todo, seen = [tree], set[int]()
        while todo:
            place = self._signed(todo.pop(), b"TREE")
            self._left -= 1
            if place in seen or self._left < 0:
                raise Hdf5Error("the tree of a group grows into itself")
            seen.add(place)
            count = self._number(place + 6, 2)
            inner = [self._number(place + 32 + 16 * k) for k in range(count)]
            if self._number(place + 5, 1):
                todo += inner
            else:
                yield from inner

    def _symbols(self, place: int, names: memoryview) -> Iterator[tuple[str, int]]:
        self._signed(place, b"SNOD")
        for number in range(self._number(place + 6, 2)):
            entry = place + 8 + 40 * number
            self._left -= 1
            if self._left < 0:
                raise Hdf5Error(f"it has more than {_MOST_MESSAGES} parts")
            if self._number(entry + 16, 4) == _SYMBOLIC_LINK:
                continue
            start = self._number(entry)
            name, end, _ = bytes(names[start : start + _LONGEST_PATH + 1]).partition(b"\0")
            if not end or not name:
                raise Hdf5Error("a name does not end")
            yield name.decode("utf-8", "replace"), self._number(entry + 8)

    def _object(self, messages: list[_Message]) -> Object:
        parts = {message.kind: message for message in messages}
        attributes = dict(self._attribute(m.data) for m in messages if m.kind == _ATTRIBUTE)
        array = self._array(parts) if _DATATYPE in parts and _LAYOUT in parts else None
        return Object(attributes=attributes, array=array)

    def _array(self, parts: Mapping[int, _Message]) -> Array:
        if _DATASPACE not in parts:
            raise Hdf5Error("an array has no shape")
        kind, order = _kind(parts[_DATATYPE].data)
        data = None if parts.keys() & {_FILTERS, _EXTERNAL} else self._plain(parts[_LAYOUT].data)
        kind = "of a shared kind" if parts[_DATATYPE].shared else kind
        return Array(shape=_shape(parts[_DATASPACE].data), kind=kind, order=order, data=data)

    def _plain(self, layout: memoryview) -> memoryview | None:
        """The bytes of an array that lie in one piece."""
        version, kind = _integer(layout, 0, 1), _integer(layout, 1, 1)
        if version not in (3, 4) or kind > 1:
            return None
        if kind == 0:
            return layout[4 : 4 + _integer(layout, 2, 2)]
        place, size = _integer(layout, 2), _integer(layout, 10)
        return layout[:0] if place == _NOWHERE else self._take(place, size)

    def _attribute(self, data: memoryview) -> tuple[str, list[str]]:
        """Name and texts; an attribute that is no text has none."""
        version, sizes = _integer(data, 0, 1), [_integer(data, place, 2) for place in (2, 4, 6)]
        if not 1 <= version <= 3:
            raise Hdf5Error(f"an attribute is of version {version}")
        parts, place = [], 9 if version == 3 else 8
        for size in sizes:
            parts.append(_cut(data, place, size))
            place += -(-size // 8) * 8 if version == 1 else size
        name = bytes(parts[0]).partition(b"\0")[0].decode("utf-8", "replace")
        kind, size = _integer(parts[1], 0, 1) & 15, _integer(parts[1], 4, 4)
        count, rest = prod(_shape(parts[2])), data[place:]
        if kind not in (_TEXT, _VARIABLE) or not size:
            return name, []
        if count * size > len(rest):
            raise Hdf5Error(f"the attribute {name[:80]} is cut off")
        self._spend_text(count * size)
        items = [rest[size * k : size * k + size] for k in range(count)]
        texts = [bytes(one) if kind == _TEXT else self._variable(one) for one in items]
        return name, [text.rstrip(b"\0").decode("utf-8", "replace") for text in texts]

    def _spend_text(self, size: int) -> None:
        self._texts -= size
        if self._texts < 0:
            raise Hdf5Error("its texts are together larger than the file")

    def _variable(self, item: memoryview) -> bytes:
        """A text of any length, which lies in a heap of the file."""
        length, place, number = _integer(item, 0, 4), _integer(item, 4), _integer(item, 12, 4)
        if not length or place in (0, _NOWHERE):
            return b""
        self._signed(place, b"GCOL")
        here, end = place + 16, place + self._number(place + 8)
        while here + 16 <= end:
            self._left -= 1
            index, size = self._number(here, 2), self._number(here + 8)
            if index == number:
                self._spend_text(min(length, size))
                return bytes(self._take(here + 16, min(length, size)))
            if not index or self._left < 0:
                break
            here += 16 + -(-size // 8) * 8
        raise Hdf5Error("a text is not where it should be")


def _integer(data: memoryview, place: int, size: int = 8) -> int:
    return int.from_bytes(_cut(data, place, size), "little")


def _cut(data: memoryview, place: int, size: int) -> memoryview:
    if place + size > len(data):
        raise Hdf5Error("a part is shorter than it should be")
    return data[place : place + size]


def _shape(data: memoryview) -> tuple[int, ...]:
    version, axes = _integer(data, 0, 1), _integer(data, 1, 1)
    if version not in (1, 2) or axes > _MOST_AXES:
        raise Hdf5Error("an array has no shape that can be read")
    start = 8 if version == 1 else 4
    if version == 2 and _integer(data, 3, 1) == 2:
        return (0,)
    return tuple(_integer(data, start + 8 * axis) for axis in range(axes))


def _kind(data: memoryview) -> tuple[str, str]:
    """The type of an array's numbers and their order of bytes."""
    what, size = _integer(data, 0, 1) & 15, _integer(data, 4, 4)
    order = ">" if _integer(data, 1, 1) & 1 else "<"
    if what == _FLOAT:
        known = _EXPONENTS.get((size, _integer(data, 13, 1)))
        return known or f"floats of {size} bytes", order
    words = {_FIXED: "integers", _TEXT: "texts", _OPAQUE: "opaque", _VARIABLE: "texts"}
    if what == _OPAQUE and size == 2:
        return "opaque2", "<"
    return f"{words.get(what, 'no numbers')} of {size} bytes", order
