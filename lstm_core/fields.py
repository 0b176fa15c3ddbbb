"""Checks of single fields of what people and files hand in; each error names its field."""

from collections.abc import Iterable, Mapping, Sequence
from math import inf
from numbers import Integral, Real
from typing import Any

from lstm_core.vocabulary import InputError

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
    return int(value)


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
