"""The difference of two traces, as a trace that every figure can show."""

import numpy as np

from lstm_core.record import LayerTrace, Trace


def difference(changed: Trace, original: Trace) -> Trace:
    """What `changed` holds minus what `original` holds: every signal, state, input and output.

    >>> from torch import nn, ones
    >>> from lstm_core import Intervention, difference, trace
    >>> module, inputs = nn.LSTM(3, 4), ones(6, 3)
    >>> shut = Intervention(signal="f", op="set", value=0, times=4)
    >>> gap = difference(trace(module, inputs, interventions=[shut]), trace(module, inputs))
    >>> gap.quantity, bool(gap["c"][:4].any()), bool(gap["c"][4].any())
    ('difference', False, True)

    Its `quantity` is ``"difference"``. It has no pre-activations, since those of a difference are
    none of a network's, and no measure of memory takes it. Weights and the steps' tokens are those
    of `changed`; the residual is the larger of the two.

    Raises:
        ValueError: if the traces differ in the kind of cell, in steps or in sizes, or one is a
            difference itself.
    """
    _check(changed, original)
    pairs = zip(changed.layers, original.layers, strict=True)
    outputs = None
    if changed.outputs is not None and original.outputs is not None:
        outputs = changed.outputs - original.outputs
    return Trace(
        cell=changed.cell,
        layers=tuple(_layer(one, other) for one, other in pairs),
        tokens=changed.tokens,
        input_names=changed.input_names,
        outputs=outputs,
        residual=max(changed.residual, original.residual),
        device=changed.device,
        dtype=changed.dtype,
    )


def _layer(changed: LayerTrace, original: LayerTrace) -> LayerTrace:
    with np.errstate(all="ignore"):  # infinity minus infinity is shown as what it is
        signals = {key: v - original.signals[key] for key, v in changed.signals.items()}
    c_0 = None
    if changed.c_0 is not None and original.c_0 is not None:
        c_0 = changed.c_0 - original.c_0
    return LayerTrace(
        cell=changed.cell,
        layer=changed.layer,
        direction=changed.direction,
        inputs=changed.inputs - original.inputs,
        signals=signals,
        weights=changed.weights,
        h_0=changed.h_0 - original.h_0,
        c_0=c_0,
        nonlinearity=changed.nonlinearity,
        residual=max(changed.residual, original.residual),
        quantity="difference",
    )


def _check(changed: Trace, original: Trace) -> None:
    for name, trace in (("changed", changed), ("original", original)):
        if trace.quantity != "value":
            raise ValueError(f"{name} is a difference itself; give traces of values")
    for name, one, other in (
        ("cell", changed.cell, original.cell),
        ("number of steps", len(changed), len(original)),
        ("number of layers", changed.num_layers, original.num_layers),
        ("number of directions", changed.num_directions, original.num_directions),
        ("sizes", _sizes(changed), _sizes(original)),
    ):
        if one != other:
            raise ValueError(f"the traces differ in {name}: {one} and {other}")


def _sizes(trace: Trace) -> list[tuple[int, ...]]:
    shapes = [layer.inputs.shape for layer in trace.layers]
    return [*shapes, *(v.shape for layer in trace.layers for v in layer.signals.values())]
