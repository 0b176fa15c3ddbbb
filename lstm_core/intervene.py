"""A change of what a network computes, as data: what it changes, where and when.

Checked, written as JSON and read back. How it is carried out is in `surgery`.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from lstm_core.fields import (
    checked_fields,
    choice,
    json_items,
    listed,
    number,
    numbered,
    shown,
    to_plain,
    unit_list,
    whole,
    wrong,
)
from lstm_core.signals import SIGNALS, Cell

OPS = ("set", "scale", "add")
MAX_INTERVENTIONS = 64
MAX_CHARACTERS = 16_384
"""Of the JSON that `read_interventions` accepts."""

_KNOWN = {signal.key for signals in SIGNALS.values() for signal in signals} | {"x"}

Span = tuple[int, int | None]


@dataclass(frozen=True, kw_only=True)
class Intervention:
    """One change, made after the activation and before anything reads the value.

    >>> from lstm_core import Intervention
    >>> Intervention(signal="f", op="set", value=0, units=3, times=range(5, 9)).to_json()
    {'signal': 'f', 'op': 'set', 'value': 0.0, 'units': [3], 'times': [[5, 9]]}

    Nothing keeps a changed gate inside [0, 1]. A state is changed where it arises: from then on it
    is what the next step, the layer above and the readout read.

    Attributes:
        signal: a gate, the candidate, ``"c"``, ``"h"``, or ``"x"``, what the layer reads.
        op: ``"set"``, ``"scale"`` (multiply) or ``"add"``.
        value: a number, or one for each of `units`.
        units: those that are changed; ``None`` means all.
        times: positions in the input, in both directions; ``None`` means all. Given as a step, a
            ``range``, or a list of steps, ranges and pairs ``(start, stop)``, where `stop` is the
            first step left alone and ``None`` the end; kept as pairs, sorted and merged.
        layer: counted from 0, or from the end.
        direction: 1 reads backwards; both directions of a layer share `x`, which has only 0.

    Raises:
        InputError: if a field makes no sense; `fields["field"]` names it.
    """

    signal: str
    op: str
    value: float | tuple[float, ...]
    units: tuple[int, ...] | None = None
    times: tuple[Span, ...] | None = None
    layer: int = -1
    direction: int = 0

    def __post_init__(self) -> None:
        """Check every field and bring it to its plain form."""
        choice("signal", self.signal, sorted(_KNOWN))
        choice("op", self.op, OPS)
        plain = {
            "units": None if self.units is None else unit_list(self.units),
            "value": _value(self.value),
            "times": None if self.times is None else _spans(self.times),
            "layer": whole("layer", self.layer),
            "direction": whole("direction", self.direction),
        }
        for name, value in plain.items():
            object.__setattr__(self, name, value)
        if self.direction not in (0, 1):
            raise wrong("direction", f"must be 0 or 1, got {self.direction}")
        if self.units is not None:
            self._fit(len(self.units))

    def to_json(self) -> dict[str, Any]:
        """Plain data that `from_json` reads; what is left at its default is left out."""
        given = to_plain(self)
        if self.times is not None:
            given["times"] = [a if b == a + 1 else [a, b] for a, b in self.times]
        return given

    @classmethod
    def from_json(cls, data: Any) -> "Intervention":
        """The intervention that `to_json` wrote.

        Raises:
            InputError: if a field is missing, unknown or makes no sense.
        """
        return cls(**checked_fields(cls, data, "intervention", ["signal", "op", "value"]))

    def placed(self, network: "Network", length: int) -> int:
        """The layer, counted from 0, in which this happens to `length` steps of a `network`.

        Raises:
            InputError: if the network has no such signal, layer, direction, unit or step.
        """
        has = [*(signal.key for signal in SIGNALS[network.cell]), "x"]
        if self.signal not in has:
            known = f"this {network.cell.upper()} has {', '.join(has)}"
            raise wrong("signal", f"{self.signal!r} is not there; {known}")
        if not -network.layers <= self.layer < network.layers:
            raise wrong("layer", f"{self.layer} of {network.layers} (counted from 0)")
        if self.direction >= (1 if self.signal == "x" else network.directions):
            why = "'x' is shared" if self.signal == "x" else "the network reads forwards only"
            raise wrong("direction", f"{self.direction} does not exist: {why}")
        layer = self.layer % network.layers
        width = network.width(self.signal, layer)
        if self.units is None:
            self._fit(width)
        elif max(self.units) >= width:
            last = f"{self.signal!r} goes from 0 to {width - 1}"
            raise wrong("units", f"{max(self.units)} is out of range; {last}")
        for start, stop in self.times or ():
            if max(start, (stop or 0) - 1) >= length:
                step = max(start, (stop or 0) - 1)
                raise wrong("times", f"step {step} is out of range; it has {length} steps")
        return layer

    def _fit(self, count: int) -> None:
        if isinstance(self.value, tuple) and len(self.value) != count:
            raise wrong("value", f"holds {len(self.value)} numbers for {count} units")


@dataclass(frozen=True, kw_only=True)
class Network:
    """The sizes that an intervention must fit.

    Attributes:
        units: of every gate, by layer.
        states: numbers in `h`, by layer; fewer than `units` in a projected LSTM.
        features: what layer 0 reads.
    """

    cell: Cell
    layers: int
    directions: int
    units: tuple[int, ...]
    states: tuple[int, ...]
    features: int

    def width(self, signal: str, layer: int) -> int:
        """How many numbers `signal` has in `layer`."""
        if signal == "x":
            return self.states[layer - 1] * self.directions if layer else self.features
        return (self.states if signal == "h" else self.units)[layer]


def write_interventions(interventions: Iterable[Intervention]) -> str:
    """JSON that `read_interventions` reads, on one line.

    >>> from lstm_core import Intervention, write_interventions
    >>> write_interventions([Intervention(signal="c", op="scale", value=0.5, times=4)])
    '[{"signal":"c","op":"scale","value":0.5,"times":[4]}]'
    """
    return json.dumps([one.to_json() for one in interventions], separators=(",", ":"))


def read_interventions(text: str) -> tuple[Intervention, ...]:
    """The interventions of a JSON list, in their order.

    Raises:
        InputError: if it is too long, no JSON, contradicts itself or holds what makes no sense; for
            one of several the message and `fields["number"]` say which, counted from 1.

    >>> from lstm_core import read_interventions
    >>> text = '[{"signal": "f", "op": "set", "value": 0, "times": [4, [6, null]]}]'
    >>> [one] = read_interventions(text)
    >>> one.signal, one.value, one.times
    ('f', 0.0, ((4, 5), (6, None)))
    """
    items = json_items(text, characters=MAX_CHARACTERS, most=MAX_INTERVENTIONS)
    return tuple(numbered(place, Intervention.from_json, item) for place, item in enumerate(items))


def _value(value: object) -> float | tuple[float, ...]:
    if isinstance(value, Iterable):
        return tuple(number(one) for one in listed("value", value))
    return number(value)


def _spans(times: object) -> tuple[Span, ...]:
    items = [times] if isinstance(times, (range, Integral)) else listed("times", times)
    merged: list[Span] = []
    for start, stop in sorted(map(_span, items), key=lambda span: span[0]):
        if merged and (merged[-1][1] is None or start <= merged[-1][1]):
            start, before = merged.pop()
            stop = None if stop is None or before is None else max(stop, before)
        merged.append((start, stop))
    return tuple(merged)


def _span(item: object) -> Span:
    if isinstance(item, range):
        if item.step != 1:
            raise wrong("times", f"a range has step 1, got {shown(item)}")
        item = (item.start, item.stop)
    if not isinstance(item, (list, tuple)):
        item = (whole("times", item), whole("times", item) + 1)
    if len(item) != 2:
        raise wrong("times", f"a range is a pair (start, stop), got {shown(item)}")
    start = whole("times", item[0])
    stop = None if item[1] is None else whole("times", item[1])
    if start < 0 or (stop is not None and stop <= start):
        raise wrong("times", f"from {start} to {stop} holds no step")
    return start, stop
