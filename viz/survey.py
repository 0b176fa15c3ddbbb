"""What clamping one unit after the other costs: measured part by part, ranked, and by delay.

No widget, no cache and no figure: a page brings these. Figures and sentences are in `ablation`.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log
from threading import Lock
from typing import Literal

import numpy as np

from lstm_core.checkpoint import Checkpoint
from lstm_core.effect import Ablation, AblationProgress, Clamp, Estimate, ablation_map, effects
from lstm_core.intervene import Intervention
from lstm_core.probing import RecallAtDelay
from lstm_core.signals import SIGNALS
from lstm_core.tasks import TASKS, FlaggedRecall
from viz import lab

Measure = Literal["accuracy", "loss"]

CLAMPS: tuple[Clamp, ...] = ("mean", 0.0, 1.0)

SEQUENCES: dict[Measure, int] = {"accuracy": 400, "loss": 48}
"""By what a task is scored, the sequences of a map: what a model reads in a few seconds."""

AT_EACH_DELAY = 200
"""New sequences for each delay."""

MATTERS: dict[Measure, float] = {"accuracy": 0.01, "loss": 0.01}
"""A cost from which on something matters: a share of the answers, bits per answer."""


class Survey:
    """A map of ablations in the making, which can be left and taken up again.

    Sessions may share one: whoever asks moves it on for all.
    """

    def __init__(self, parts: Iterator[AblationProgress]) -> None:
        """Take the parts, none of them asked for yet."""
        self._parts: Iterator[AblationProgress] | None = parts
        self._lock = Lock()
        self._last = AblationProgress(done=0, total=0, found=())
        self._found: tuple[Ablation, ...] = ()

    @property
    def found(self) -> tuple[Ablation, ...]:
        """The ablations measured so far, by signal and then by unit."""
        return self._found

    @property
    def done(self) -> float:
        """The share of all that is measured."""
        return self._last.done / self._last.total if self._last.total else 0.0

    @property
    def complete(self) -> bool:
        """Whether nothing is left to measure."""
        return self._parts is None

    def advance(self) -> bool:
        """Measure the next part; whether there is more."""
        with self._lock:
            if self._parts is None:
                return False
            self._last = next(self._parts)
            self._found += self._last.found
            if self._last.done == self._last.total:
                self._parts = None  # lets go of the sequences, which are large
            return self._parts is not None


def score_of(task: str) -> Measure:
    """What a task is scored by."""
    return "accuracy" if TASKS[task].metric == "accuracy" else "loss"


def survey(checkpoint: Checkpoint, task: str, clamp: Clamp, seed: int) -> Survey:
    """The costs of clamping every signal of every unit, one at a time; nothing measured yet."""
    number = SEQUENCES[score_of(task)]
    found = ablation_map(checkpoint.model, TASKS[task], clamps=[clamp], sequences=number, seed=seed)
    return Survey(found)


def cost(one: Ablation, measure: Measure) -> Estimate:
    """What an ablation takes away: a share of right answers, or bits that an answer costs more.

    Where no answer changed, its interval ends at what may still have gone unseen: in so many
    sequences a change as rare as that is missed once in 40 times.
    """
    change = one.effect.accuracy_change if measure == "accuracy" else one.effect.loss_change
    factor = -1.0 if measure == "accuracy" else 1 / log(2)
    low, high = sorted((factor * change.low, factor * change.high))
    if measure == "accuracy" and low == high == 0:
        high = 1 - 0.025 ** (1 / one.effect.sequences)
        low = -high
    # Adding zero leaves no minus before one.
    return Estimate(value=factor * change.value + 0.0, low=low + 0.0, high=high + 0.0)


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Measured ablations of one model, ranked by what they cost.

    Attributes:
        ranked: dearest first; at least one.
        complete: whether every signal of every unit is among them.
    """

    cell: str
    measure: Measure
    ranked: tuple[Ablation, ...]
    complete: bool = True

    @classmethod
    def of(cls, cell: str, measure: Measure, found: Survey) -> "Costs":
        """The costs that a survey has found so far.

        Raises:
            ValueError: if it has found nothing yet.
        """
        if not found.found:
            raise ValueError("the survey has measured nothing yet; expected at least one ablation")
        ranked = sorted(found.found, key=lambda one: -cost(one, measure).value)
        return cls(cell=cell, measure=measure, ranked=tuple(ranked), complete=found.complete)

    @property
    def dearest(self) -> Ablation:
        """The one that costs most."""
        return self.ranked[0]

    @property
    def units(self) -> tuple[int, ...]:
        """Every unit, dearest first, each by the dearest of its signals."""
        return tuple(dict.fromkeys(one.unit for one in self.ranked))

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals that were clamped, in the order in which they are shown everywhere."""
        there = {one.signal for one in self.ranked}
        return tuple(each.key for each in SIGNALS[self.cell] if each.key in there)

    @property
    def idle(self) -> int:
        """How many units cost less than `MATTERS` whichever of their signals is clamped."""
        dear = {one.unit for one in self.ranked if self._matters(one)}
        return len(self.units) - len(dear)

    def _matters(self, one: Ablation) -> bool:
        return self.cost(one).value >= MATTERS[self.measure]

    def cost(self, one: Ablation) -> Estimate:
        """What an ablation costs in the chosen measure."""
        return cost(one, self.measure)

    def find(self, signal: str, unit: int) -> Ablation | None:
        """The ablation of a signal of a unit, if it was measured."""
        pairs = (one for one in self.ranked if (one.signal, one.unit) == (signal, unit))
        return next(pairs, None)


def intervention(one: Ablation) -> Intervention:
    """The change that an ablation made."""
    return Intervention(signal=one.signal, op="set", value=one.value, units=(one.unit,))


@dataclass(frozen=True, kw_only=True)
class ByDelay:
    """Recall at the same delays, on the same sequences, without and with an ablation."""

    untouched: tuple[RecallAtDelay, ...]
    clamped: tuple[RecallAtDelay, ...]

    @property
    def lost(self) -> tuple[float, ...]:
        """The share of right answers that the ablation takes away, at each delay."""
        pairs = zip(self.untouched, self.clamped, strict=True)
        return tuple(before.accuracy - after.accuracy for before, after in pairs)


def by_delay(checkpoint: Checkpoint, task: FlaggedRecall, one: Ablation, seed: int) -> ByDelay:
    """What an ablation does to recall at each delay, on sequences that the map did not use."""
    variants: list[Sequence[Intervention]] = [[], [intervention(one)]]
    found = []
    for delay in lab.delays_of(task):
        rng = np.random.default_rng([seed, delay, 1])
        batch = task.at_delays(rng, np.full(AT_EACH_DELAY, delay))
        pair = effects(checkpoint.model, task, variants, batch=batch)
        found.append([_recall(task, delay, each.accuracy) for each in pair])
    untouched, clamped = zip(*found, strict=True)
    return ByDelay(untouched=untouched, clamped=clamped)


def _recall(task: FlaggedRecall, delay: int, share: Estimate) -> RecallAtDelay:
    return RecallAtDelay(
        delay=delay,
        accuracy=share.value,
        low=share.low,
        high=share.high,
        examples=AT_EACH_DELAY,
        chance=1 / len(task.classes),
    )


_COLUMNS = ("right", "right_lost", "bits", "bits_extra", "divergence_bits")


def table(ranked: Sequence[Ablation]) -> str:
    """Every ablation as CSV: shares of right answers, bits per answer, ends of 95 % intervals."""
    sheet = io.StringIO()
    rows = csv.writer(sheet, lineterminator="\n")
    numbers = [f"{name}{end}" for name in _COLUMNS for end in ("", "_low", "_high")]
    rows.writerow(["signal", "unit", "clamp", "value", "sequences", "answers", *numbers])
    for one in ranked:
        about = [one.signal, one.unit, one.clamp, f"{one.value:.9g}"]
        about += [one.effect.sequences, one.effect.answers]
        rows.writerow([*about, *(f"{number:.9g}" for number in _numbers(one))])
    return sheet.getvalue()


def _numbers(one: Ablation) -> list[float]:
    """The value and both ends of everything in `_COLUMNS`."""
    found, bit = one.effect, log(2)
    of_answers = (found.accuracy, cost(one, "accuracy"))
    ends = [number for each in of_answers for number in (each.value, each.low, each.high)]
    for each in (found.loss, found.loss_change, found.divergence):
        ends += [each.value / bit, each.low / bit, each.high / bit]
    return ends
