"""Protocol buffers as they lie in a file: the fields of a message by their numbers.

No schema and no copies: a text, a nested message or a list of numbers stays a view of the file
until somebody asks for it. What the numbers of the fields mean is known elsewhere.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types: how many bytes a field takes is all that they tell."""

MOST_FIELDS = 1_000_000
"""The most fields of one file that are read, all messages together."""

_SIZES = {FIXED64: 8, FIXED32: 4}


class WireError(ValueError):
    """Bytes that are no message, or one that is cut off or too finely cut."""


@dataclass(slots=True)
class Budget:
    """How many more fields may be read."""

    left: int = field(default=MOST_FIELDS)

    def spend(self) -> None:
        """Count one field.

        Raises:
            WireError: if there are too many.
        """
        self.left -= 1
        if self.left < 0:
            raise WireError(f"it has more than {MOST_FIELDS} fields")


class Message:
    """One message, its own fields read and those of the messages inside it not yet."""

    def __init__(self, data: memoryview, budget: Budget) -> None:
        """Read the fields of `data`.

        Raises:
            WireError: if it is no message.
        """
        self._budget = budget
        self._fields: dict[int, list[int | memoryview]] = {}
        for number, value in _fields(data, budget):
            self._fields.setdefault(number, []).append(value)

    def __contains__(self, number: int) -> bool:
        """Whether there is a field `number`."""
        return number in self._fields

    def integer(self, number: int, default: int = 0) -> int:
        """The last integer of that number, as signed 64 bits."""
        found = [value for value in self._fields.get(number, ()) if isinstance(value, int)]
        return _signed(found[-1]) if found else default

    def views(self, number: int) -> list[memoryview]:
        """Everything of that number that is no integer, as bytes."""
        return [value for value in self._fields.get(number, ()) if not isinstance(value, int)]

    def text(self, number: int) -> str:
        """The last text of that number; empty where there is none."""
        return _text(views[-1]) if (views := self.views(number)) else ""

    def texts(self, number: int) -> list[str]:
        """All texts of that number."""
        return [_text(view) for view in self.views(number)]

    def messages(self, number: int) -> "Iterator[Message]":
        """All messages of that number, each read when it is reached."""
        for view in self.views(number):
            yield Message(view, self._budget)

    def message(self, number: int) -> "Message | None":
        """The last message of that number."""
        views = self.views(number)
        return Message(views[-1], self._budget) if views else None

    def integers(self, number: int) -> list[int]:
        """All integers of that number, packed or one by one."""
        found: list[int] = []
        for value in self._fields.get(number, ()):
            if isinstance(value, int):
                found.append(_signed(value))
                continue
            place = 0
            while place < len(value):
                self._budget.spend()
                one, place = _varint(value, place)
                found.append(_signed(one))
        return found


def _fields(data: memoryview, budget: Budget) -> Iterator[tuple[int, int | memoryview]]:
    place = 0
    while place < len(data):
        budget.spend()
        tag, place = _varint(data, place)
        number, wire = tag >> 3, tag & 7
        if not number:
            raise WireError("a field has the number 0")
        if wire == VARINT:
            value, place = _varint(data, place)
            yield number, value
            continue
        if wire == BYTES:
            size, place = _varint(data, place)
        elif wire in _SIZES:
            size = _SIZES[wire]
        else:
            raise WireError(f"a field has the unknown wire type {wire}")
        if size > len(data) - place:
            raise WireError("it ends inside a field")
        yield number, data[place : place + size]
        place += size


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    """The integer at `place`, seven bits a byte, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            raise WireError("it ends inside a number")
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, place
    raise WireError("a number has more than ten bytes")


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


def _text(view: memoryview) -> str:
    return bytes(view).decode("utf-8", "replace")
