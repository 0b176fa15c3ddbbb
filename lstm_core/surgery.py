"""Interventions carried out: many variants of a layer side by side, one step after the other.

A variant is a list of interventions; one with none is the layer left alone. Values lie as
``[variant, sequence, unit]``, with time in front where there is one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import linear

from lstm_core.cells import Signals, lstm_output
from lstm_core.fused import Layer, distance
from lstm_core.intervene import Intervention, Network
from lstm_core.reading import Source

Variants = Sequence[Sequence[Intervention]]


def network_of(source: Source) -> Network:
    """The sizes of a module."""
    module = source.recurrent
    return Network(
        cell=source.cell,
        layers=module.num_layers,
        directions=source.directions,
        units=source.units,
        states=source.states,
        features=module.input_size,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Round:
    """One operation on one signal in some of the variants.

    Attributes:
        rows: the variants from the first to the last of them.
        units: where it acts, ``[variant, 1, unit]``.
        value: by how much, likewise.
        active: when, ``[time, variant, sequence, 1]``, in the order in which the layer reads.
        busy: by step, whether it acts on anything then.
        always: whether it acts at every step.
    """

    op: str
    rows: slice
    units: Tensor
    value: Tensor
    active: Tensor
    busy: tuple[bool, ...]
    always: bool

    def change(self, values: Tensor, when: int | slice) -> None:
        """Changes `values` in place: at one step, or with time in front at all of a slice."""
        if isinstance(when, int) and not self.busy[when]:
            return
        part = values[..., self.rows, :, :]
        if self.op == "set":
            changed, where = self.value, self.units
        else:
            changed = part * self.value if self.op == "scale" else part + self.value
            where = self.units
        if not self.always:
            where = where & self.active[when][..., : part.shape[-2], :]
        torch.where(where, changed, part, out=part)


Rounds = Mapping[str, tuple[_Round, ...]]


@dataclass(frozen=True, kw_only=True)
class _Placed:
    """One intervention of one variant."""

    variant: int
    edit: Intervention


def rounds_of(
    variants: Variants, network: Network, lengths: Sequence[int], like: Tensor
) -> dict[int, Rounds]:
    """By layer and direction (``layer * directions + direction``), what changes in which signal.

    The interventions of a variant keep their order. What other variants do in the same round does
    not matter to it.

    Raises:
        InputError: if one does not fit the network or the shortest of the sequences.
    """
    queues: dict[int, dict[str, list[list[_Placed]]]] = {}
    for variant, edits in enumerate(variants):
        last: dict[tuple[int, str], int] = {}
        for edit in edits:
            if not isinstance(edit, Intervention):
                raise TypeError(f"expected an Intervention, got {type(edit).__name__}")
            layer = edit.placed(network, min(lengths))
            number = layer * network.directions + edit.direction
            queue = queues.setdefault(number, {}).setdefault(edit.signal, [])
            free = range(last.get((number, edit.signal), -1) + 1, len(queue))
            place = next((n for n in free if queue[n][0].edit.op == edit.op), len(queue))
            queue.extend([[]] * (place == len(queue)))
            queue[place] = [*queue[place], _Placed(variant=variant, edit=edit)]
            last[number, edit.signal] = place
    return {
        number: {
            signal: tuple(
                _round(one, network.width(signal, number // network.directions), lengths, like)
                for one in queue
            )
            for signal, queue in signals.items()
        }
        for number, signals in queues.items()
    }


def _round(placed: list[_Placed], width: int, lengths: Sequence[int], like: Tensor) -> _Round:
    first, last = placed[0].variant, placed[-1].variant
    units = torch.zeros(last + 1 - first, 1, width, dtype=torch.bool)
    value = torch.zeros(units.shape, dtype=like.dtype)
    active = torch.zeros(max(lengths), len(units), len(lengths), 1, dtype=torch.bool)
    for one in placed:
        row, edit = one.variant - first, one.edit
        where = slice(None) if edit.units is None else list(edit.units)
        units[row, 0, where] = True
        value[row, 0, where] = torch.tensor(edit.value, dtype=like.dtype)
        active[:, row, :, 0] = _when(edit, lengths)
    return _Round(
        op=placed[0].edit.op,
        rows=slice(first, last + 1),
        units=units.to(like.device),
        value=value.to(like.device),
        active=active.to(like.device),
        busy=tuple(active.flatten(1).any(dim=1).tolist()),
        always=bool(active.all()),
    )


def _when(edit: Intervention, lengths: Sequence[int]) -> Tensor:
    """Whether it acts, ``[time, sequence]``, in the order in which its direction reads."""
    time, length = torch.arange(max(lengths))[:, None], torch.tensor(lengths)
    place = torch.where(time < length, length - 1 - time, time) if edit.direction else time
    place = place.expand(-1, len(lengths))
    if edit.times is None:
        return torch.ones_like(place, dtype=torch.bool)
    acts = torch.zeros_like(place, dtype=torch.bool)
    for start, stop in edit.times:
        acts |= (place >= start) & (place < (max(lengths) if stop is None else stop))
    return acts


def change_inputs(x: Tensor, rounds: Rounds) -> Tensor:
    """What the variants of a layer read, from ``[time, variant, sequence, feature]``; a copy."""
    x = x.clone()
    for one in rounds.get("x", ()):
        one.change(x, slice(None))
    return x


def change(
    layer: Layer, x: Tensor, found: tuple[Signals, Tensor], rounds: Rounds
) -> tuple[Signals, Tensor]:
    """What `Layer.signals` `found` for `x`, with `rounds` (of one variant, the second) made.

    Up to the first step that changes the numbers are the fused kernel's. From there on the layer
    steps twice, side by side: changed, and left alone, which must give the kernel's `h`. The gaps
    say how far that is.
    """
    signals, gaps = found
    inner = [one for key, several in rounds.items() if key != "x" for one in several]
    first = min((one.busy.index(True) for one in inner if any(one.busy)), default=len(x))
    if first == len(x):
        return found
    state = {
        name: (signals[name][first - 1] if first else start.expand_as(signals[name][0])).expand(
            2, *signals[name][0].shape
        )
        for name, start in layer.start.items()
    }
    again = list(steps(layer, x[:, None], state, rounds, first=first))
    changed = {
        key: torch.cat([values[:first], torch.stack([step[key][1] for step in again])])
        for key, values in signals.items()
    }
    alone = torch.stack([step["h"][0] for step in again])
    return changed, torch.cat([gaps[:first], distance(signals["h"][first:], alone)])


def steps(
    layer: Layer,
    x: Tensor,
    state: Mapping[str, Tensor],
    rounds: Rounds,
    *,
    first: int = 0,
    alive: Sequence[int] | None = None,
) -> Iterator[Signals]:
    """The signals of step after step from `first` on, each ``[variant, sequence, unit]``.

    Args:
        x: ``[time, variant, sequence, feature]``; the variants may share one.
        state: before the step `first`: `h`, and `c` of an LSTM, ``[variant, sequence, unit]``.
        alive: by step, how many of the sequences still matter; never more than the step before.
    """
    gates = {"lstm": 4, "gru": 3, "rnn": 1}[layer.cell]
    recurrent = layer.weights["weight_hh"].unflatten(0, (gates, -1)).transpose(1, 2).contiguous()
    bias = layer.weights.get("bias_hh")
    bias = None if bias is None else bias.view(gates, 1, 1, -1)
    h, c = state["h"], state.get("c")
    for time in range(first, len(x)):
        count = x.shape[2] if alive is None else alive[time]
        h, c = h[:, :count], None if c is None else c[:, :count]
        from_input = linear(
            x[time, :, :count], layer.weights["weight_ih"], layer.weights.get("bias_ih")
        )
        read = torch.bmm(h.reshape(-1, h.shape[-1]).expand(gates, -1, -1), recurrent)
        read = read.unflatten(1, h.shape[:2])
        projected = from_input.unflatten(-1, (gates, -1)).movedim(-2, 0)
        if bias is not None and layer.cell == "gru":  # the reset gate multiplies the third
            projected[:2] += bias[:2]
            read[2] += bias[2]
        elif bias is not None:
            projected += bias
        step = _STEPS[layer.cell](layer, projected, read, (h, c), _Tap(rounds, time))
        h, c = step["h"], step.get("c")
        yield step


@dataclass(frozen=True)
class _Tap:
    """What changes at one step."""

    rounds: Rounds
    time: int

    def __call__(self, key: str, values: Tensor) -> Tensor:
        for one in self.rounds.get(key, ()):
            one.change(values, self.time)
        return values


State = tuple[Tensor, Tensor | None]


def _lstm(layer: Layer, projected: Tensor, read: Tensor, state: State, tap: _Tap) -> Signals:
    i, f, g, o = read.add_(projected)
    i, f, g = tap("i", i.sigmoid_()), tap("f", f.sigmoid_()), tap("g", g.tanh_())
    o = tap("o", o.sigmoid_())
    assert state[1] is not None
    c = tap("c", torch.addcmul(i * g, f, state[1]))
    h = tap("h", lstm_output(o, c, layer.weights))
    return {"i": i, "f": f, "g": g, "o": o, "c": c, "h": h}


def _gru(layer: Layer, projected: Tensor, read: Tensor, state: State, tap: _Tap) -> Signals:
    r, z = read[:2].add_(projected[:2]).sigmoid_()
    r, z = tap("r", r), tap("z", z)
    n = tap("n", torch.addcmul(projected[2], r, read[2]).tanh_())
    return {"r": r, "z": z, "n": n, "h": tap("h", torch.addcmul((1 - z) * n, z, state[0]))}


def _rnn(layer: Layer, projected: Tensor, read: Tensor, state: State, tap: _Tap) -> Signals:
    read = read[0].add_(projected[0])
    return {"h": tap("h", read.relu_() if layer.nonlinearity == "relu" else read.tanh_())}


_STEPS = {"lstm": _lstm, "gru": _gru, "rnn": _rnn}
