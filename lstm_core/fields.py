"""Checks of what people and files hand in as fields; each error names its field."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from math import inf
from numbers import Integral, Real
from typing import Any, TypeVar

from lstm_core.vocabulary import InputError

Read = TypeVar("Read")

MOST = 2**31 - 1
"""No step, unit or layer lies beyond."""

LARGEST = 1e30
"""Larger numbers are refused; it is still one in float32."""


def wrong(field: str, problem: str) -> InputError:
    """An error of one field that makes no sense."""
    return InputError("field", f"{field}: {problem}", field=field, problem=problem)


def shown(value: object) -> str:
    """A value in a message, cut where it is long."""
    text = repr(value) if not isinstance(value, str) else value
    return text if len(text) <= 40 else text[:37] + "..."


def choice(field: str, value: object, allowed: Sequence[str]) -> None:
    """Raise unless `value` is one of `allowed`."""
    if not isinstance(value, str) or value not in allowed:
        raise wrong(field, f"must be one of {', '.join(allowed)}; got {shown(value)}")


def whole(field: str, value: object) -> int:
    """`value` as a whole number."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise wrong(field, f"must be a whole number, got {shown(value)}")
    found = int(value)
    if abs(found) > MOST:
        raise wrong(field, f"must be at most {MOST}")
    return found


def number(value: object) -> float:
    """`value` as a finite number."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise wrong("value", f"must be a number, got {shown(value)}")
    try:
        found = float(value)
    except OverflowError:
        found = inf
    if not abs(found) < LARGEST:
        raise wrong("value", f"must be finite and below {LARGEST}, got {shown(value)}")
    return found


def listed(field: str, values: object) -> list[Any]:
    """`values` as a list that is not empty."""
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        raise wrong(field, f"must be a number or a list, got {shown(values)}")
    found = list(values)
    if not found:
        raise wrong(field, "is an empty list; leave it out to mean all")
    return found


def unit_list(units: object) -> tuple[int, ...]:
    """Different units, counted from 0."""
    given = listed("units", units) if isinstance(units, Iterable) else [units]
    found = tuple(whole("units", unit) for unit in given)
    if min(found) < 0:
        raise wrong("units", f"{min(found)} is below 0")
    if len(set(found)) < len(found):
        raise wrong("units", "holds a unit twice")
    return found


def to_plain(record: Any) -> dict[str, Any]:
    """The fields of a dataclass as plain data; what is left at its default is left out."""
    given = {f.name: getattr(record, f.name) for f in fields(record)}
    defaults = {f.name: f.default for f in fields(record)}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in given.items()
        if value != defaults[name]
    }


def checked_fields(kind: Any, data: Any, what: str, required: Sequence[str]) -> dict[str, Any]:
    """`data` as the fields of the dataclass `kind`, none of them unknown, none missing.

    Raises:
        InputError: if they are not; `what` names it where it is no object at all.
    """
    if not isinstance(data, Mapping):
        raise wrong(what, f"must be an object, got {shown(data)}")
    known = [f.name for f in fields(kind)]
    for name in data:
        if name not in known:
            raise wrong(shown(name), f"is no field; there are {', '.join(known)}")
    for name in required:
        if name not in data:
            raise wrong(name, "is missing")
    return dict(data)


def json_items(text: str, *, characters: int, most: int) -> list[Any]:
    """The items of a JSON list of at most so many `characters` and so many items.

    Raises:
        InputError: if it is too long, no JSON, contradicts itself or is no list.
    """
    if len(text) > characters:
        raise wrong("text", f"is {len(text)} characters long; {characters} are allowed")
    try:
        data = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
        json.dumps(data, ensure_ascii=False).encode()
    except InputError:
        raise
    except UnicodeEncodeError:
        raise wrong("text", "holds half of a pair of characters (\\ud800 to \\udfff)") from None
    except (ValueError, RecursionError) as error:
        raise wrong("text", f"is no JSON: {error}") from None
    if not isinstance(data, list):
        raise wrong("text", f"must be a list, got {shown(data)}")
    if len(data) > most:
        raise wrong("text", f"holds {len(data)} items; {most} are allowed")
    return data


def numbered(place: int, read: Callable[[Any], Read], item: Any) -> Read:
    """``read(item)``; an error says which of a list it is, counted from 1."""
    try:
        return read(item)
    except InputError as error:
        fields = error.fields | {"number": place + 1}
        raise InputError(error.code, f"number {place + 1}: {error}", **fields) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    for name in found:
        if sum(name == other for other, _ in pairs) > 1:
            raise wrong(shown(name), "is given twice")
    return found


def _no_constant(name: str) -> float:
    raise wrong("value", f"must be finite, got {name}")
