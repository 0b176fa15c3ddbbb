"""Every gate of a fused recurrent layer, which PyTorch computes and never returns.

1. The fused kernel runs, one layer and direction at a time, and gives every ``h_t``.
2. One batched matrix product over all ``(x_t, h_{t-1})`` gives every gate (`cells`).
3. One blocked scan gives ``c_t = f_t c_{t-1} + i_t g_t`` (`scan`).
4. ``h_t`` is computed once more from these; its largest distance from the kernel's own ``h_t`` is
   the trace's `residual`: proof that these are the numbers of the model that was given.

A layer with interventions steps on from the first of them, beside itself left alone (`surgery`).

Inside, time comes first and sequences lie side by side: ``[time, sequence, feature]``.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from lstm_core.fused import Layer
from lstm_core.intervene import Intervention
from lstm_core.reading import Reading, Recurrent, Source, initial_states, open_module, read
from lstm_core.record import LayerTrace, Trace
from lstm_core.signals import SIGNALS
from lstm_core.surgery import Rounds, change, change_inputs, network_of, rounds_of

__all__ = ["LayerTrace", "Trace", "trace", "trace_many"]

_SAME = 1e-4
"""How far a hooked module may be from its trace; rounding is less, what a hook does is more."""

_CHUNK = 2**24
"""About how many numbers `trace_many` works on at a time: 64 MiB of float32."""


def trace(
    module: nn.Module,
    inputs: Any,
    *,
    interventions: Sequence[Intervention] = (),
    h_0: ArrayLike | Tensor | None = None,
    c_0: ArrayLike | Tensor | None = None,
) -> Trace:
    """Every signal of every layer at every step of one sequence.

    >>> from torch import nn, ones
    >>> from lstm_core import trace
    >>> traced = trace(nn.LSTM(3, 4), ones(5, 3))
    >>> traced["f"].shape, traced.residual < 1e-6
    ((5, 4), True)

    The module comes back exactly as it was. Dropout between layers is not applied, in training
    mode either: the trace shows the trained network, not one random thinning of it.

    Args:
        module: a `SequenceModel`, or a bare ``torch.nn.LSTM``, ``GRU`` or ``RNN``: any layers,
            directions, ``proj_size``, ``bias`` and ``batch_first``, float32 or float64.
        inputs: text or token ids ``[time]`` for a `SequenceModel` with a vocabulary, else floats
            ``[time, feature]``, whatever ``batch_first`` says.
        interventions: what is changed on the way, in this order. The trace holds the changed
            values; what comes before the first change is the untouched trace to the bit. The
            residual of a changed layer is that of its untouched twin on the same inputs: it proves
            that, but for the change, this is the given model.
        h_0: the first hidden states, ``[layer * direction, unit]``; zeros when not given. For
            layers of different sizes a vector for each layer and direction.
        c_0: an LSTM's first cell states, likewise.

    Raises:
        TypeError: if the module or the kind of input is none of these.
        ValueError: if sizes, ids or the dtype do not fit, or an intervention (an `InputError`).
    """
    source = open_module(module)
    with torch.inference_mode(), _full_precision(source):
        stack, reading = _Stack.of(source, h_0, c_0), read(source, inputs)
        stack.check_hooks(reading)
        return stack.traces([reading], interventions)[0]


def trace_many(
    module: nn.Module,
    sequences: Iterable[Any],
    *,
    interventions: Sequence[Intervention] = (),
    h_0: ArrayLike | Tensor | None = None,
    c_0: ArrayLike | Tensor | None = None,
) -> list[Trace]:
    """What `trace` returns for each of `sequences`, found for many of them at a time.

    Sequences of similar length are padded to one length, no more of them than fit a fixed amount
    of working memory. Every sequence starts from the same `h_0` and `c_0`, and the same
    `interventions` happen in each.

    Raises:
        TypeError: as `trace`; the message names the sequence.
        ValueError: as `trace`; the message names the sequence.

    >>> from torch import nn, ones
    >>> from lstm_core import trace_many
    >>> traces = trace_many(nn.LSTM(3, 4), [ones(5, 3), ones(2, 3)])
    >>> [traced["f"].shape for traced in traces]
    [(5, 4), (2, 4)]
    """
    source = open_module(module)
    with torch.inference_mode(), _full_precision(source):
        stack = _Stack.of(source, h_0, c_0)
        readings = [_read_one(source, number, one) for number, one in enumerate(sequences)]
        for reading in readings[:1]:
            stack.check_hooks(reading)
        found: dict[int, Trace] = {}
        for chunk in _chunks(source, [len(reading) for reading in readings]):
            traces = stack.traces([readings[i] for i in chunk], interventions)
            found.update(zip(chunk, traces, strict=True))
        return [found[number] for number in range(len(readings))]


def _full_precision(source: Source) -> torch.autocast:
    """Keeps the module's own dtype where the caller computes in mixed precision."""
    return torch.autocast(source.like.device.type, enabled=False)


def _read_one(source: Source, number: int, inputs: Any) -> Reading:
    try:
        return read(source, inputs)
    except (TypeError, ValueError) as error:
        error.args = (f"sequence {number}: {error}",)
        raise


def _chunks(source: Source, lengths: list[int]) -> Iterator[list[int]]:
    """Places in `lengths`, longest first, in groups that fit `_CHUNK` numbers when padded."""
    a_step = 12 * source.directions * sum(source.units) + source.recurrent.input_size
    order = sorted(range(len(lengths)), key=lambda place: -lengths[place])
    while order:
        size = max(1, _CHUNK // (a_step * lengths[order[0]]))
        yield order[:size]
        order = order[size:]


@dataclass(frozen=True, kw_only=True)
class _Stack:
    """The layers of a module, by layer and then by direction.

    Attributes:
        weights: NumPy copies of each layer's, shared by all traces of one call.
    """

    source: Source
    layers: tuple[Layer, ...]
    weights: tuple[dict[str, np.ndarray], ...]

    @classmethod
    def of(cls, source: Source, h_0: Any, c_0: Any) -> "_Stack":
        start = initial_states(source, h_0, c_0)
        layers = tuple(
            Layer(
                cell=source.cell,
                nonlinearity=source.nonlinearity,
                weights=source.weights(*divmod(number, source.directions)),
                start={name: state[number] for name, state in start.items()},
            )
            for number in range(len(start["h"]))
        )
        copies = [
            {name: w.cpu().numpy().copy() for name, w in layer.weights.items()} for layer in layers
        ]
        return cls(source=source, layers=layers, weights=tuple(copies))

    def traces(self, readings: list[Reading], interventions: Sequence[Intervention]) -> list[Trace]:
        """One trace for each sequence; they run side by side."""
        lengths = [len(reading) for reading in readings]
        rounds = self._rounds(interventions, lengths)
        x = _side_by_side([reading.features for reading in readings])
        found: list[list[LayerTrace]] = [[] for _ in readings]
        for first in range(0, len(self.layers), self.source.directions):
            x = _changed_inputs(x, rounds.get(first, {}))
            inputs, states = _apart(x, lengths), []
            for number in range(first, first + self.source.directions):
                h, traced = self._through(number, x, inputs, lengths, rounds.get(number))
                states.append(h)
                for layers, layer in zip(found, traced, strict=True):
                    layers.append(layer)
            x = torch.cat(states, dim=-1) if len(states) > 1 else states[0]
        outputs = self._outputs(x, lengths)
        return [self._trace(*parts) for parts in zip(readings, found, outputs, strict=True)]

    def check_hooks(self, reading: Reading) -> None:
        """Raise unless the module itself, with all that hangs on it, gives what is traced.

        Raises:
            ValueError: if a hook changes what the module reads or gives.
        """
        if not self.source.hooked:
            return
        own = _called(self.source.recurrent, reading.features, self.layers)
        traced = self.traces([reading], ())[0]
        h = np.concatenate([traced.layer(-1, way)["h"] for way in range(self.source.directions)], 1)
        if own.shape != h.shape or not np.allclose(own, h, rtol=0, atol=_SAME, equal_nan=True):
            raise ValueError(
                "a hook on the module changes what it reads or gives, which a trace cannot show; "
                "remove the hook, or do to the inputs what it does"
            )

    def _through(
        self,
        number: int,
        x: Tensor,
        inputs: list[np.ndarray],
        lengths: list[int],
        rounds: Rounds | None,
    ) -> tuple[Tensor, list[LayerTrace]]:
        """One direction of one layer: its ``h`` for the next one, and a trace for each sequence."""
        order = _backwards(x, lengths) if number % self.source.directions else None
        turned_x = _turned(x, order)
        signals, gaps = self.layers[number].signals(turned_x)
        if rounds:
            signals, gaps = change(self.layers[number], turned_x, (signals, gaps), rounds)
        residuals = [float(gaps[:length, place].max()) for place, length in enumerate(lengths)]
        turned = {s.key: _turned(signals.pop(s.key), order) for s in SIGNALS[self.source.cell]}
        apart = zip(*(_apart(values, lengths) for values in turned.values()), strict=True)
        parts = zip(inputs, apart, residuals, strict=True)
        return turned["h"], [
            self._layer_trace(number, read, dict(zip(turned, values, strict=True)), residual)
            for read, values, residual in parts
        ]

    def _rounds(
        self, interventions: Sequence[Intervention], lengths: list[int]
    ) -> Mapping[int, Rounds]:
        """What changes, by layer and direction; the layers' untouched twins are variant 0."""
        if not interventions:
            return {}
        variants = ((), interventions)
        return rounds_of(variants, network_of(self.source), lengths, self.source.like)

    def _layer_trace(
        self, number: int, inputs: np.ndarray, signals: dict[str, np.ndarray], residual: float
    ) -> LayerTrace:
        layer, direction = divmod(number, self.source.directions)
        start = {name: state.cpu().numpy() for name, state in self.layers[number].start.items()}
        return LayerTrace(
            cell=self.source.cell,
            layer=layer,
            direction=direction,
            inputs=inputs,
            signals=signals,
            weights=self.weights[number],
            h_0=start["h"],
            c_0=start.get("c"),
            nonlinearity=self.source.nonlinearity,
            residual=residual,
        )

    def _outputs(self, x: Tensor, lengths: list[int]) -> list[np.ndarray] | list[None]:
        model = self.source.model
        if model is None or not model.config.output_size:
            return [None] * len(lengths)
        return _apart(model.readout(x), lengths)

    def _trace(
        self, reading: Reading, layers: list[LayerTrace], outputs: np.ndarray | None
    ) -> Trace:
        return Trace(
            cell=self.source.cell,
            layers=tuple(layers),
            tokens=reading.tokens,
            input_names=self.source.input_names,
            outputs=outputs,
            residual=max(layer.residual for layer in layers),
            device=str(self.source.like.device),
            dtype=str(self.source.like.dtype).removeprefix("torch."),
        )


def _called(module: Recurrent, x: Tensor, layers: Sequence[Layer]) -> np.ndarray:
    """What the module itself gives in evaluation mode, ``[time, feature]``, hooks and all."""
    start = [torch.stack([layer.start[key] for layer in layers]) for key in layers[0].start]
    training = module.training
    try:
        given = module.eval()(x, tuple(start) if len(start) > 1 else start[0])
    finally:
        module.train(training)
    h = given[0] if isinstance(given, tuple) else given
    return h.detach().cpu().numpy()


def _changed_inputs(x: Tensor, rounds: Rounds) -> Tensor:
    if "x" not in rounds:
        return x
    return change_inputs(x[:, None].expand(-1, 2, -1, -1), rounds)[:, 1]


def _side_by_side(sequences: list[Tensor]) -> Tensor:
    """All sequences, padded with zeros to one length, ``[time, sequence, feature]``."""
    return sequences[0][:, None] if len(sequences) == 1 else pad_sequence(sequences)


def _apart(values: Tensor, lengths: list[int]) -> list[np.ndarray]:
    """Each sequence without its padding, ``[time, feature]``; a copy where there are several."""
    array = values.cpu().numpy()
    return [np.ascontiguousarray(array[:length, place]) for place, length in enumerate(lengths)]


def _backwards(x: Tensor, lengths: list[int]) -> Tensor:
    """For each place in time, the one that it swaps with; padding stays, ``[time, sequence]``."""
    time = torch.arange(len(x), device=x.device)[:, None]
    last = torch.tensor(lengths, device=x.device) - 1
    return torch.where(time <= last, last - time, time)


def _turned(x: Tensor, order: Tensor | None) -> Tensor:
    return x if order is None else x.take_along_dim(order[:, :, None], 0)
