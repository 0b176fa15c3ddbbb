"""What interventions cost on a whole test set, many of them side by side."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Literal

import numpy as np

from lstm_core.answers import Run, Scores
from lstm_core.intervene import Intervention
from lstm_core.model import SequenceModel
from lstm_core.probing import check_fit, confidence_interval
from lstm_core.signals import SIGNALS
from lstm_core.surgery import Variants, network_of
from lstm_core.tasks import Batch, Task

Clamp = float | Literal["mean"]

_WIDTH = 1.959963984540054  # standard errors on either side of a 95 % interval


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean over sequences, and the ends of its 95 % confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What a model answers with interventions, beside what it answers without.

    A sequence counts once, however many answers it asks for: answers of one are no independent
    evidence. Changes are paired, changed minus untouched on the same sequence.

    Attributes:
        accuracy: the share of right answers; its interval is Wilson's.
        loss: the cross-entropy, in nats per answer.
        divergence: ``KL(untouched || changed)`` of the answers, in nats per answer.
        sequences: how many were scored.
        answers: how many answers they asked for.
    """

    accuracy: Estimate
    accuracy_change: Estimate
    loss: Estimate
    loss_change: Estimate
    divergence: Estimate
    sequences: int
    answers: int


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """One signal of one unit clamped for the whole sequence.

    Attributes:
        clamp: what was asked for, a number or ``"mean"``.
        value: the number that it was held at.
    """

    signal: str
    unit: int
    clamp: Clamp
    value: float
    effect: Effect


@dataclass(frozen=True, kw_only=True)
class AblationProgress:
    """The ablations found since the last report, and how many of all are done."""

    done: int
    total: int
    found: tuple[Ablation, ...]


def effect(
    model: SequenceModel,
    task: Task,
    interventions: Sequence[Intervention],
    *,
    sequences: int = 256,
    seed: int = 0,
    batch: Batch | None = None,
) -> Effect:
    """What `interventions`, all made in every sequence, do to the answers of `model`.

    Args:
        sequences: how many held-out ones to draw; the same for every model, by `seed`.
        batch: these sequences instead, e.g. all of one delay.

    Units:
        Nats of `loss` and `divergence`, shares of `accuracy`; each is a mean with the ends of its
        95 % confidence interval.

    Raises:
        ValueError: if model and task do not fit, or an intervention (an `InputError`).

    Without its state, the model guesses:

    >>> from lstm_core import Intervention, effect, zoo
    >>> from lstm_core.tasks import TASKS
    >>> model, task = zoo.load("short-recall", "lstm").model, TASKS["short-recall"]
    >>> shut = Intervention(signal="h", op="set", value=0)
    >>> found = effect(model, task, [shut], sequences=64)
    >>> found.sequences, found.accuracy.low < 1 / 8 < found.accuracy.high
    (64, True)
    """
    return effects(model, task, [interventions], sequences=sequences, seed=seed, batch=batch)[0]


def effects(
    model: SequenceModel,
    task: Task,
    variants: Variants,
    *,
    sequences: int = 256,
    seed: int = 0,
    batch: Batch | None = None,
) -> tuple[Effect, ...]:
    """The `effect` of each of several lists of interventions, found side by side.

    Raises:
        ValueError: as `effect`.

    >>> from lstm_core import Intervention, effects, zoo
    >>> from lstm_core.tasks import TASKS
    >>> model, task = zoo.load("short-recall", "lstm").model, TASKS["short-recall"]
    >>> shut = Intervention(signal="h", op="set", value=0)
    >>> nothing, everything = effects(model, task, [[], [shut]], sequences=64)
    >>> nothing.accuracy_change.value, everything.accuracy_change.high < -0.5
    (0.0, True)
    """
    check_fit(model, task)
    run = Run.of(model, task, sequences, seed, batch)
    return tuple(
        _effect(run, scores, row)
        for scores in run.scores(variants)
        for row in range(len(scores.right))
    )


def ablation_map(
    model: SequenceModel,
    task: Task,
    *,
    signals: Sequence[str] | None = None,
    clamps: Sequence[Clamp] = (0.0, 1.0, "mean"),
    layer: int = -1,
    direction: int = 0,
    sequences: int = 256,
    seed: int = 0,
    batch: Batch | None = None,
) -> Iterator[AblationProgress]:
    """An iterator that finds what holding one signal of one unit costs, for all of them.

    By signal, then by clamp, then by unit. Every item is final; who stops asking has cancelled the
    rest. A mean is that of the untouched model over all steps of the same sequences.

    Args:
        signals: all of the cell when not given.
        clamps: the values to hold them at.
        sequences, seed, batch: as in `effect`.

    Raises:
        ValueError: at once, if something does not fit (often an `InputError`).

    >>> from lstm_core import ablation_map, zoo
    >>> from lstm_core.tasks import TASKS
    >>> model, task = zoo.load("short-recall", "lstm").model, TASKS["short-recall"]
    >>> parts = list(ablation_map(model, task, signals=["f"], clamps=[0.0, "mean"], sequences=8))
    >>> first = parts[0].found[0]
    >>> first.signal, first.clamp, first.unit, parts[-1].done == 2 * model.config.hidden_size
    ('f', 0.0, 0, True)
    """
    check_fit(model, task)
    run = Run.of(model, task, sequences, seed, batch)
    keys = [signal.key for signal in SIGNALS[run.source.cell]] if signals is None else signals
    cases = [
        (clamp, edit)
        for key in keys
        for clamp in clamps
        for edit in _clamped(run, key, clamp, layer, direction)
    ]
    return _ablations(run, cases)


def _ablations(run: Run, cases: Sequence[tuple[Clamp, Intervention]]) -> Iterator[AblationProgress]:
    done = 0
    for scores in run.scores([[edit] for _, edit in cases]):
        part = cases[done : done + len(scores.right)]
        found = [_ablation(*case, _effect(run, scores, row)) for row, case in enumerate(part)]
        done += len(part)
        yield AblationProgress(done=done, total=len(cases), found=tuple(found))


def _ablation(clamp: Clamp, edit: Intervention, found: Effect) -> Ablation:
    assert edit.units is not None
    assert isinstance(edit.value, float)
    return Ablation(
        signal=edit.signal, unit=edit.units[0], clamp=clamp, value=edit.value, effect=found
    )


def _clamped(run: Run, key: str, clamp: Clamp, layer: int, direction: int) -> list[Intervention]:
    """One intervention for every unit of a signal."""
    if isinstance(clamp, str) and clamp != "mean":
        raise ValueError(f"a clamp is a number or 'mean', got {clamp!r}")
    edit = Intervention(signal=key, op="set", value=0, layer=layer, direction=direction)
    network = network_of(run.source)
    number = edit.placed(network, len(run.x)) * network.directions + direction
    width = network.width(key, number // network.directions)
    values = run.means(number)[key].tolist() if isinstance(clamp, str) else [clamp] * width
    return [replace(edit, value=v, units=(unit,)) for unit, v in enumerate(values)]


def _effect(run: Run, changed: Scores, row: int) -> Effect:
    base = run.untouched
    right, loss = changed.right[row], changed.loss[row]
    share = float(right.mean())
    low, high = confidence_interval(share * len(right), len(right))
    return Effect(
        accuracy=Estimate(value=share, low=low, high=high),
        accuracy_change=_mean(right - base.right[0]),
        loss=_mean(loss),
        loss_change=_mean(loss - base.loss[0]),
        divergence=_mean(changed.divergence[row]),
        sequences=len(right),
        answers=len(run.targets),
    )


def _mean(values: np.ndarray) -> Estimate:
    """The mean of independent values; normal, from their own spread."""
    mean = float(values.mean())
    half = _WIDTH * float(values.std(ddof=1)) / sqrt(len(values))
    return Estimate(value=mean, low=mean - half, high=mean + half)
