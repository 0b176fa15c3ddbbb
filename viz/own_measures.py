"""What is measured of a person's own model: how long it depends on a step, and how it answers.

Costs grow with the square of the length, so a measurement reads as many steps as it can afford.
"""

from math import isqrt

import numpy as np

from lstm_core.counterfactual import counterfactual
from lstm_core.gradients import sensitivity
from lstm_core.trace import LayerTrace, Trace
from viz.lab import MOST_STEPS
from viz.own import Given, Own

AFFORDABLE = 2e11
"""The multiplications that one measurement may take: seconds on a laptop."""

FEWEST = 20
"""Fewer steps than this show nothing, so nothing is measured."""


def _weights(own: Own) -> int:
    return sum(weight.numel() for weight in own.stack.module.parameters())


def steps_to_change(own: Own, length: int) -> int:
    """How many steps can be changed one by one: each change runs the rest again."""
    # One way, only what comes after runs again, and of many changes at a time.
    runs = 0.25 if own.stack.module.bidirectional else 2
    return min(length, MOST_STEPS, isqrt(int(runs * AFFORDABLE / _weights(own))))


def steps_to_derive(own: Own, length: int) -> int:
    """For how many steps the gradient can be found: it walks on from every number of every input.

    0 where that is too few to show anything.
    """
    fit = isqrt(int(2 * AFFORDABLE / (_weights(own) * own.width)))
    steps = min(length, MOST_STEPS, fit)
    return steps if steps >= min(FEWEST, length) else 0


def replacements(own: Own, inputs: np.ndarray) -> np.ndarray:
    """What each step reads instead: another symbol, drawn at random, or the mean of all steps."""
    if own.reads is None:
        mean = inputs.mean(axis=0, dtype=np.float64).astype(inputs.dtype)
        return np.broadcast_to(mean, inputs.shape).copy()
    source = np.random.default_rng(0)
    size = len(own.reads)
    away = source.integers(1, size, size=len(inputs)) if size > 1 else np.zeros(len(inputs), int)
    return (inputs + away) % size


def changes(own: Own, given: Given, layer: LayerTrace) -> np.ndarray:
    """How far another input at each step moves a layer's state, ``[changed, time]``.

    In units of the state's own spread over these steps.

    Raises:
        ValueError: if the state never moves.
    """
    inputs = given.inputs[: steps_to_change(own, len(given.inputs))]
    return counterfactual(
        own.module,
        inputs,
        replacements(own, inputs),
        measure="scaled",
        layer=layer.layer,
        direction=layer.direction,
    )


def gradients(own: Own, given: Given, layer: LayerTrace) -> np.ndarray:
    """The norm of the derivative of a layer's state by each input, ``[input_time, time]``.

    Over that at the input's own step; NaN where nothing was read yet or the step's own is zero.

    Raises:
        ValueError: above a bidirectional layer, whose inputs hold the future too.
    """
    inputs = given.inputs[: steps_to_derive(own, len(given.inputs))]
    found = sensitivity(own.module, inputs, layer=layer.layer, direction=layer.direction)
    own_step = np.diagonal(found)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = (found / own_step).T
    return np.where(ratios > 0, ratios, np.nan)


def reached(layer: LayerTrace, whole: Trace, steps: int) -> np.ndarray:
    """Where a change can be felt by a layer at all, bool ``[changed, time]``."""
    if not derives(layer, whole):
        return np.ones((steps, steps), dtype=bool)
    later = ~np.tri(steps, k=-1, dtype=bool)
    return later.T if layer.direction else later


def derives(layer: LayerTrace, whole: Trace) -> bool:
    """Whether `gradients` can tell of a layer."""
    return whole.num_directions == 1 or layer.layer == 0


def lasts(row: np.ndarray, step: int, limit: float) -> int | None:
    """For how many steps, on either side of `step`, a row stays at or comes back to `limit`."""
    there = np.flatnonzero(np.nan_to_num(row) >= limit)
    return int(np.abs(there - step).max()) if len(there) else None


def written_within(writes: np.ndarray, layer: LayerTrace, at: int, steps: int) -> float:
    """The share of a ledger's sizes that was written by the last `steps` steps read up to `at`."""
    sizes = np.abs(writes).sum(axis=1)
    recent = slice(at, at + steps) if layer.direction else slice(max(0, at - steps + 1), at + 1)
    return float(sizes[recent].sum() / (sizes.sum() or 1.0))
