"""How long a network still knows one token: change it, run again, compare.

The primary measure of memory here. A gradient is not: a network that latched onto a symbol
remembers it while its gradient vanishes (Bengio, Simard & Frasconi 1994).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn.functional import linear

from lstm_core.cells import Weights
from lstm_core.reading import Source, open_module, read
from lstm_core.trace import LayerTrace, Trace, trace, trace_many

Measure = Literal["state", "scaled", "output"]
State = tuple[Tensor, ...]  # h, and c of an LSTM, each [variant, unit]
Distance = Callable[[int, list[State]], Tensor]

_ROWS = 1024
"""Variants that run side by side: what fits a processor's cache; bounds the memory too."""


def counterfactual(
    module: nn.Module,
    inputs: Any,
    replacements: Any,
    *,
    measure: Measure = "state",
    layer: int = -1,
    direction: int = 0,
    h_0: ArrayLike | Tensor | None = None,
    c_0: ArrayLike | Tensor | None = None,
) -> np.ndarray:
    """How far each single change of the input still moves the network, ``[changed, time]``.

    Row k compares the run on `inputs` with the run in which step k alone reads what `replacements`
    holds there. What lies before k is exactly zero, and so is a row whose replacement is no change.

    A stack that reads forwards only runs all k as one growing batch: variant k is the base run up
    to step k and joins the batch there. A bidirectional module is run again in full for every k;
    its direction 1 of layer 0 is zero *after* k instead, and what lies above it is zero nowhere.

    Args:
        module: what `trace` accepts.
        inputs: what `trace` accepts.
        replacements: the same kind and length as `inputs`.
        measure: ``"state"``: Euclidean distance of the state, `h` and with it `c` of an LSTM.
            ``"scaled"``: that distance over the state's own spread, the root of the sum of its
            numbers' variances over time in the base run; 1 is as far as the state usually is from
            its mean. One spread for the whole state: a number that hardly moves in the base run,
            because it holds something, would make a spread of its own meaningless.
            ``"output"``: ``KL(base || changed)`` of the softmax of the readout.
        layer, direction: whose state; the output is always that of the whole model.
        h_0, c_0: as in `trace`.

    Units:
        None for states; nats for the output.

    Raises:
        ValueError: if the lengths differ, `measure` is unknown, there is no readout to compare, or
            no spread to scale by.
        IndexError: if there is no such layer or direction.

    With every weight at 0.5 and nothing to bend it, a change halves at every step:

    >>> import torch
    >>> from torch import nn
    >>> from lstm_core import counterfactual
    >>> rnn = nn.RNN(1, 1, nonlinearity="relu")
    >>> for weight in rnn.parameters(): _ = nn.init.constant_(weight, 0.5)
    >>> counterfactual(rnn, torch.ones(3, 1), torch.full((3, 1), 3)).tolist()
    [[1.0, 0.5, 0.25], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]]
    """
    source = open_module(module)
    base = trace(module, inputs, h_0=h_0, c_0=c_0)
    base.layer(layer, direction)
    with torch.inference_mode(), torch.autocast(source.like.device.type, enabled=False):
        x, changed = read(source, inputs).features, read(source, replacements).features
        if len(x) != len(changed):
            raise ValueError(f"{len(changed)} replacements for {len(x)} steps; one is needed each")
        number = base.layer(layer, direction).layer * source.directions + direction
        distance = _distance(source, base, measure, number)
        if source.directions == 1:
            found = _grown(source, base, (x, changed), distance)
        else:
            found = _run_again(source, base, (x, changed), distance)
        found[(x == changed).all(dim=1)] = 0
        return found.cpu().numpy()


def _distance(source: Source, base: Trace, measure: str, number: int) -> Distance:
    """What compares the variants' states at a step with the base run: one number per variant."""
    if measure == "output":
        return _divergence(source, base)
    if measure not in ("state", "scaled"):
        raise ValueError(f"measure must be 'state', 'scaled' or 'output', got {measure!r}")
    own = _states(base.layers[number], source.like)
    scale = 1 / _spread(own) if measure == "scaled" else 1.0

    def distance(time: int, states: list[State]) -> Tensor:
        parts = zip(states[number], own, strict=True)
        lengths = [torch.linalg.vector_norm(now - was[time], dim=1) for now, was in parts]
        return scale * (lengths[0] if len(lengths) == 1 else torch.hypot(*lengths))

    return distance


def _spread(states: State) -> float:
    """How far the state usually is from its mean."""
    spread = float(sum(state.var(dim=0, correction=0).sum() for state in states)) ** 0.5
    if not spread:
        raise ValueError("the state never moves in the base run, so there is no spread to scale by")
    return spread


def _divergence(source: Source, base: Trace) -> Distance:
    model = source.model
    if model is None or base.outputs is None:
        raise ValueError(
            "a bare module has no output to compare; pass a SequenceModel or measure the state"
        )
    was = torch.tensor(base.outputs).to(source.like.device).log_softmax(dim=1)

    def divergence(time: int, states: list[State]) -> Tensor:
        top = torch.cat([state[0] for state in states[-source.directions :]], dim=1)
        now = model.readout(top).log_softmax(dim=1)
        # Rounding may bring a divergence of nothing just below zero.
        return ((was[time] - now) @ was[time].exp()).clamp(min=0)

    return divergence


def _states(layer: LayerTrace, like: Tensor, *, previous: bool = False) -> State:
    """`h` and `c` of every step or of the step before it, ``[time, unit]``."""
    keys = ("h", "c") if layer.cell == "lstm" else ("h",)
    arrays = [layer.previous(key) if previous else layer[key] for key in keys]
    return tuple(torch.tensor(array).to(like) for array in arrays)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Layer:
    """One layer that reads forwards, for many sequences at a step."""

    cell: str
    nonlinearity: str
    weights: Weights

    def project(self, x: Tensor) -> Tensor:
        """``W x`` and the biases that are added to it, ``[..., gate * unit]``."""
        projected = linear(x, self.weights["weight_ih"], self.weights.get("bias_ih"))
        if "bias_hh" not in self.weights:
            return projected
        bias = self.weights["bias_hh"]
        if self.cell == "gru":  # the candidate's own is multiplied by the reset gate
            bias = torch.cat([bias[: len(bias) // 3 * 2], torch.zeros_like(bias[::3])])
        return projected + bias

    def step(self, projected: Tensor, state: State) -> None:
        """Moves `state` one step on, in place.

        Args:
            projected: ``[gate * unit]`` for all sequences, or a row for each.
            state: ``[sequence, unit]``.
        """
        if self.cell == "lstm":
            self._lstm_step(projected, *state)
        elif self.cell == "gru":
            self._gru_step(projected, *state)
        else:
            z = torch.addmm(projected, state[0], self.weights["weight_hh"].t())
            state[0].copy_(z.relu_() if self.nonlinearity == "relu" else z.tanh_())

    def _lstm_step(self, projected: Tensor, h: Tensor, c: Tensor) -> None:
        # Each gate lies in one piece, [gate, sequence, unit]: faster than four columns of one.
        recurrent = self.weights["weight_hh"].unflatten(0, (4, -1)).transpose(1, 2)
        projected = projected.unflatten(-1, (4, -1)).reshape(-1, 4, c.shape[1]).transpose(0, 1)
        gates = torch.baddbmm(projected, h.expand(4, *h.shape), recurrent)
        i, f, g, o = gates
        gates[:2].sigmoid_()
        c.mul_(f).addcmul_(i, g.tanh_())
        if "weight_hr" in self.weights:
            torch.mm(c.tanh().mul_(o.sigmoid_()), self.weights["weight_hr"].t(), out=h)
        else:
            torch.tanh(c, out=h).mul_(o.sigmoid_())

    def _gru_step(self, projected: Tensor, h: Tensor) -> None:
        units, recurrent = h.shape[1], self.weights["weight_hh"].t()
        gates = torch.addmm(projected[..., : 2 * units], h, recurrent[:, : 2 * units]).sigmoid_()
        u_n = h @ recurrent[:, 2 * units :]
        if "bias_hh" in self.weights:
            u_n += self.weights["bias_hh"][2 * units :]
        n = torch.addcmul(projected[..., 2 * units :], gates[:, :units], u_n).tanh_()
        torch.lerp(n, h, gates[:, units:], out=h)


def _grown(
    source: Source, base: Trace, features: tuple[Tensor, Tensor], distance: Distance
) -> Tensor:
    """``[changed, time]`` of a stack that reads forwards."""
    x, changed = features
    layers = [
        _Layer(cell=source.cell, nonlinearity=source.nonlinearity, weights=source.weights(n, 0))
        for n in range(base.num_layers)
    ]
    joining = _joining(source, base, layers, changed)
    projected = layers[0].project(x)
    found = x.new_zeros(len(x), len(x))
    for first in range(0, len(x), _ROWS):
        rows = slice(first, min(first + _ROWS, len(x)))
        for time, states in _growing(layers, projected, joining, rows):
            values = distance(time, states)
            found[first : first + len(values), time] = values
    return found


def _joining(source: Source, base: Trace, layers: list[_Layer], changed: Tensor) -> list[State]:
    """The state of variant k right after step k, all k at once: by layer, ``[changed, unit]``."""
    states: list[State] = []
    read_there = changed
    for layer, before in zip(layers, base.layers, strict=True):
        states.append(_states(before, source.like, previous=True))
        layer.step(layer.project(read_there), states[-1])
        read_there = states[-1][0]
    return states


def _growing(
    layers: list[_Layer], projected: Tensor, joining: list[State], rows: slice
) -> Iterator[tuple[int, list[State]]]:
    """The step and the states of those variants of `rows` that have joined by then."""
    places = [tuple(part[rows].clone() for part in state) for state in joining]
    for time in range(rows.start, len(projected)):
        _advance(layers, projected[time], _first(places, min(time, rows.stop) - rows.start))
        # The row after them still holds what joins now: its state right after its own change.
        yield time, _first(places, min(time + 1, rows.stop) - rows.start)


def _first(states: list[State], rows: int) -> list[State]:
    return [tuple(part[:rows] for part in state) for state in states]


def _advance(layers: list[_Layer], projected: Tensor, states: list[State]) -> None:
    """Moves all layers one step on; every variant reads the same input here."""
    for number, (layer, state) in enumerate(zip(layers, states, strict=True)):
        layer.step(layer.project(states[number - 1][0]) if number else projected, state)


def _run_again(
    source: Source, base: Trace, features: tuple[Tensor, Tensor], distance: Distance
) -> Tensor:
    """``[changed, time]`` of any module, by running every variant in full."""
    x, changed = features
    start: dict[str, Any] = {"h_0": [layer.h_0 for layer in base.layers]}
    if source.cell == "lstm":
        start["c_0"] = [layer.c_0 for layer in base.layers if layer.c_0 is not None]
    found = x.new_zeros(len(x), len(x))
    for k in range(len(x)):
        variant = x.clone()
        variant[k] = changed[k]
        again = trace_many(source.recurrent, [variant], **start)[0]
        states = [_states(one, source.like) for one in again.layers]
        for time in range(len(x)):
            now = [tuple(part[time : time + 1] for part in state) for state in states]
            found[k, time] = distance(time, now)[0]
    return found
