"""What the memory lab measures: the core's functions, called for a model and a sequence.

No widget, no cache and no figure: a page brings these.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lstm_core.checkpoint import Checkpoint
from lstm_core.counterfactual import counterfactual
from lstm_core.gradients import sensitivity
from lstm_core.memory import passive_half_life
from lstm_core.shares import CounterfactualLedger, counterfactual_ledger
from lstm_core.tasks import NO_TARGET, STORE, TASKS, Example, FlaggedRecall
from lstm_core.trace import Trace, trace
from viz.memory import Asked, Changes
from viz.story import glyph

MOST_STEPS = 400
"""The longest sequence the lab reads; the cost grows with its square."""

MOST_UNITS = 3
"""Units named as those that matter."""


def ids_of(task: str, tokens: tuple[str, ...]) -> np.ndarray:
    """The token ids that a task's models read, ``[time]``."""
    return TASKS[task].vocabulary.ids(tokens)


def changes(checkpoint: Checkpoint, task: str, tokens: tuple[str, ...]) -> Changes:
    """What another token at each step does to the state and to the answer."""
    ids = ids_of(task, tokens)
    others = TASKS[task].replacements(ids)
    return Changes(
        scaled=counterfactual(checkpoint.model, ids, others, measure="scaled"),
        output=counterfactual(checkpoint.model, ids, others, measure="output"),
    )


def gradients(
    checkpoint: Checkpoint, task: str, tokens: tuple[str, ...], class_index: int
) -> np.ndarray:
    """How the logit of a class follows each earlier input, ``[time, input_time]``."""
    return sensitivity(checkpoint.model, ids_of(task, tokens), class_index)


def changed_trace(checkpoint: Checkpoint, task: str, tokens: tuple[str, ...], step: int) -> Trace:
    """Every signal of a model that reads another token at `step`."""
    ids = ids_of(task, tokens).copy()
    ids[step] = TASKS[task].replacements(ids)[step]
    return trace(checkpoint.model, ids)


def path_of_change(
    checkpoint: Checkpoint, one: Trace, task: str, asked: Asked, at: int
) -> CounterfactualLedger | None:
    """By which way the change reached the cell at step `at`; ``None`` where nothing differs."""
    other = changed_trace(checkpoint, task, asked.tokens, asked.step)
    found = counterfactual_ledger(one, other, asked.step, at)
    return found if found.difference else None


def first_asked(example: Example, length: int) -> int | None:
    """The first of `length` steps at which the task asks for what was flagged, if it does."""
    if not any(token.startswith(STORE) and len(token) > 1 for token in example.tokens):
        return None
    steps = np.flatnonzero(example.targets[:length] != NO_TARGET)
    return int(steps[0]) if len(steps) else None


def first_choice(example: Example, task: str, length: int) -> int:
    """The token to change first: the flagged one, or an opening bracket, or the first."""
    flagged = [t for t in range(length) if len(example.tokens[t]) > 1]
    if isinstance(TASKS[task], FlaggedRecall):
        until = first_asked(example, length)
        before = [t for t in flagged if until is None or t < until]
        return before[-1] if before else 0
    return example.tokens.index("(") if "(" in example.tokens[:length] else 0


def asked_about(example: Example, task: str, tokens: tuple[str, ...], step: int) -> Asked:
    """Which token is changed, and into what."""
    other = TASKS[task].replacements(ids_of(task, tokens))[step]
    return Asked(
        tokens=tokens,
        step=step,
        token=glyph(tokens[step]),
        other=glyph(TASKS[task].vocabulary.tokens[other]),
        until=first_asked(example, len(tokens)),
    )


def class_at(example: Example, length: int) -> int:
    """The class that is right where something is asked: first in recall, last in text."""
    until = first_asked(example, length)
    steps = np.flatnonzero(example.targets[:length] != NO_TARGET)
    if until is not None:
        return int(example.targets[until])
    return int(example.targets[steps[-1]]) if len(steps) else 0


def half_lives(traces: Mapping[str, Trace]) -> dict[str, np.ndarray]:
    """The passive half-life of every unit of those models that have a gate to forget by."""
    return {cell: passive_half_life(one) for cell, one in traces.items() if cell != "rnn"}


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A unit that matters, and why.

    Attributes:
        amount: what it adds to the answer's logit, against the mean of all classes.
    """

    index: int
    amount: float


def units_of_answer(checkpoint: Checkpoint, one: Trace, at: int, class_index: int) -> list[Unit]:
    """The units whose hidden state adds most to a class at step `at`."""
    weight = checkpoint.model.readout.weight.detach().cpu().numpy()
    added = one["h"][at] * (weight[class_index] - weight.mean(axis=0))
    best = np.argsort(-added)[:MOST_UNITS]
    return [Unit(index=int(unit), amount=float(added[unit])) for unit in best]


def delays_of(task: FlaggedRecall) -> tuple[int, ...]:
    """The delays to measure: within training, at its end and as far beyond."""
    longest = task.delays[1]
    known = (1, 2, 5, 10, 20, 50, 100, 150, 200, 300, 400)
    return tuple(delay for delay in known if delay <= 4 * longest)


def rounds(cells: Sequence[str], delays: Sequence[int]) -> Iterator[tuple[str, int]]:
    """What to measure, short delays of all models first, so that a stop leaves a fair picture."""
    return ((cell, delay) for delay in delays for cell in cells)
