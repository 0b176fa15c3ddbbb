"""Can it still say it? Recall against delay, and what a linear reader finds in the state.

Everything here runs a model on new random sequences; a score never comes from what was fitted.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from numbers import Integral
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from lstm_core.model import SequenceModel
from lstm_core.reading import open_module
from lstm_core.ridge import STRENGTHS, Ridge
from lstm_core.tasks import NO_TARGET, FlaggedRecall, Task
from lstm_core.trace import Trace, trace, trace_many

StateName = Literal["h", "hc"]

_AT_A_TIME = 128  # sequences that a model reads together
_WIDTH = 1.959963984540054  # standard errors on either side of a 95 % interval


@dataclass(frozen=True, kw_only=True)
class RecallAtDelay:
    """How often a model recalled right across one delay.

    Attributes:
        delay: steps from the flag to the question.
        accuracy: the share of right answers.
        low, high: the ends of its 95 % confidence interval (Wilson).
        examples: how many answers were scored.
        chance: what guessing gives.
    """

    delay: int
    accuracy: float
    low: float
    high: float
    examples: int
    chance: float


def recall_by_delay(
    model: SequenceModel,
    task: Task,
    delays: Iterable[int],
    *,
    examples: int = 500,
    seed: int = 0,
) -> Iterator[RecallAtDelay]:
    """An iterator that finds the recall at one delay after the other, as it is asked for.

    Every item is final; who stops asking has cancelled the rest. The sequences depend on `seed`
    and the delay alone, so that all models answer the same questions.

    Raises:
        ValueError: at once, if the task has no delays, model and task do not fit, or a delay or
            `examples` is below 1 or no whole number.

    >>> from lstm_core import recall_by_delay, zoo
    >>> from lstm_core.tasks import TASKS
    >>> model = zoo.load("short-recall", "lstm").model
    >>> found = recall_by_delay(model, TASKS["short-recall"], [1, 20], examples=50)
    >>> [(one.delay, one.accuracy, one.chance) for one in found]
    [(1, 1.0, 0.125), (20, 1.0, 0.125)]
    """
    if not isinstance(task, FlaggedRecall):
        raise ValueError(f"the task {task.name!r} has no delay between a question and its answer")
    wanted = list(delays)
    if not all(isinstance(number, Integral) and number >= 1 for number in (*wanted, examples)):
        raise ValueError(
            f"delays and examples must be whole numbers and at least 1, got {wanted} and {examples}"
        )
    check_fit(model, task)
    return (_recall(model, task, delay, examples, seed) for delay in wanted)


def _recall(
    model: SequenceModel, task: FlaggedRecall, delay: int, examples: int, seed: int
) -> RecallAtDelay:
    rng = np.random.default_rng([seed, delay])
    right, device = 0, next(model.parameters()).device
    for first in range(0, examples, _AT_A_TIME):
        size = min(_AT_A_TIME, examples - first)
        batch = task.at_delays(rng, np.full(size, delay))
        asked = torch.from_numpy(batch.targets != NO_TARGET)
        with torch.inference_mode():
            answers = said(model(torch.from_numpy(batch.ids).to(device))).cpu()
        right += int((answers[asked] == torch.from_numpy(batch.targets)[asked]).sum())
    low, high = confidence_interval(right, examples)
    return RecallAtDelay(
        delay=delay,
        accuracy=right / examples,
        low=low,
        high=high,
        examples=examples,
        chance=1 / len(task.classes),
    )


def check_reads(model: Any, task: Task) -> None:
    """Raise a `ValueError` unless `model` reads the symbols of `task`."""
    if not isinstance(model, SequenceModel):
        raise ValueError(
            f"expected a SequenceModel that reads the symbols of the task {task.name!r}, "
            f"got {type(model).__name__}"
        )
    if model.vocabulary is None or model.vocabulary.tokens != task.vocabulary.tokens:
        raise ValueError(f"the model does not read the symbols of the task {task.name!r}")


def check_fit(model: Any, task: Task) -> None:
    """Raise a `ValueError` unless `model` reads the symbols of `task` and gives its answers."""
    check_reads(model, task)
    if model.readout.out_features != len(task.classes):
        raise ValueError(
            f"the model gives {model.readout.out_features} answers, "
            f"but the task {task.name!r} has {len(task.classes)}"
        )


def said(answers: Tensor) -> Tensor:
    """The class that scores ``[..., class]`` choose; -1, which is none, where one is NaN."""
    return answers.argmax(dim=-1).masked_fill(answers.isnan().any(dim=-1), -1)


def confidence_interval(right: float, examples: int) -> tuple[float, float]:
    """The 95 % interval of a share, which stays inside [0, 1] and is no point at its ends.

    Source: Wilson 1927.
    """
    share, spread = right / examples, _WIDTH**2 / examples
    centre = (share + spread / 2) / (1 + spread)
    half = sqrt(share * (1 - share) * spread + spread**2 / 4) / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)


@dataclass(frozen=True, kw_only=True)
class ProbeScore:
    """What a linear reader tells of the token that was read `lag` steps ago.

    Attributes:
        accuracy: the share it names right.
        chance: the same for always naming the most frequent token.
        bits: how many bits of the token it knows, ``H(x) - CE``; below 0 where it misleads.
        entropy: ``H(x)``, the bits of guessing from frequencies alone.
        examples: how many tokens were scored.
    """

    lag: int
    accuracy: float
    chance: float
    bits: float
    entropy: float
    examples: int


def probe(
    model: SequenceModel,
    task: Task,
    lags: Sequence[int],
    *,
    state: StateName = "h",
    sequences: int = 256,
    seed: int = 0,
    layer: int = -1,
    direction: int = 0,
) -> tuple[ProbeScore, ...]:
    """What the state tells, linearly, of the token read so many steps ago; one score per lag.

    What reads backwards has read a later token `lag` steps ago.

    Ridge regression onto the tokens, from one Gram matrix for all lags; its predictions, sharpened
    and joined with the tokens' frequencies, are probabilities. Whole sequences are held out: half
    fit, a quarter chooses strength and sharpness, a quarter is scored.

    Args:
        state: ``"h"``, or ``"hc"`` for `h` and `c` of an LSTM, which has twice the numbers.
        sequences: how many to draw.

    Units:
        Bits of `bits` and `entropy`; shares of `accuracy` and `chance`.

    Raises:
        ValueError: if there are no lags, one is negative, too long or no whole number, there are
            too few sequences, the model does not read the task's symbols, or the state does not
            exist or holds NaN or an infinity.
        IndexError: if there is no such layer or direction.

    A cell that copies its input and reads nothing of its state knows this token, and no other:

    >>> from torch import nn
    >>> from lstm_core import ModelConfig, SequenceModel, probe
    >>> from lstm_core.tasks import TASKS
    >>> task, sizes = TASKS["short-recall"], dict(input_size=10, hidden_size=10, output_size=8)
    >>> model = SequenceModel(ModelConfig(cell="rnn", **sizes), task.vocabulary)
    >>> for weight in model.recurrent.parameters(): _ = nn.init.zeros_(weight)
    >>> _ = nn.init.eye_(model.recurrent.weight_ih_l0)
    >>> [score.accuracy > 0.9 for score in probe(model, task, lags=[0, 1], sequences=64)]
    [True, False]
    """
    if sequences < 4:
        raise ValueError(f"a probe needs at least 4 sequences, got {sequences}")
    check_reads(model, task)
    ids, wanted = task.held_out(np.random.default_rng([seed, 2]), sequences).ids, list(lags)
    if not all(isinstance(lag, Integral) and 0 <= lag < len(ids) for lag in wanted) or not wanted:
        raise ValueError(
            f"lags go from 0 to {len(ids) - 1} here, and there is at least one; got {wanted}"
        )
    first, traces = max(wanted), trace_many(model, ids.T)
    states = np.stack([_state(one, state, layer, direction)[first:] for one in traces])
    ids = ids[::-1] if direction else ids  # as read, like the states
    cuts = [sequences // 2, sequences * 3 // 4]
    fit, tune, score = (np.concatenate(part) for part in np.split(states, cuts))
    ridge = Ridge.of(fit)
    found = []
    for lag in wanted:
        tokens = np.split(ids[first - lag : len(ids) - lag].T, cuts)
        parts = [part.ravel() for part in tokens]
        found.append(_probe_one(ridge, lag, (tune, score), parts, len(task.vocabulary)))
    return tuple(found)


def _probe_one(
    ridge: Ridge,
    lag: int,
    states: tuple[np.ndarray, np.ndarray],
    tokens: list[np.ndarray],
    count: int,
) -> ProbeScore:
    fit, tune, score = tokens
    prior = np.log((np.bincount(fit, minlength=count) + 0.5) / (len(fit) + count / 2))
    targets = np.eye(count)[fit]
    targets -= targets.mean(axis=0)  # a state that tells nothing then adds nothing to the prior
    _, strength, sharpness = min(
        (_cross_entropy(prior + sharp * guess, tune), strength, sharp)
        for strength in STRENGTHS[2::2]
        for guess in [ridge.predictions(targets, states[0], strength)]
        for sharp in (0, 1, 2, 4, 8, 16, 32)
    )
    logits = prior + sharpness * ridge.predictions(targets, states[1], strength)
    entropy = _cross_entropy(np.broadcast_to(prior, logits.shape), score)
    return ProbeScore(
        lag=lag,
        accuracy=float((logits.argmax(axis=1) == score).mean()),
        chance=float((score == prior.argmax()).mean()),
        bits=entropy - _cross_entropy(logits, score),
        entropy=entropy,
        examples=len(score),
    )


def _cross_entropy(logits: np.ndarray, tokens: np.ndarray) -> float:
    """Bits per token."""
    top = logits.max(axis=1)
    total = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
    return float((total - logits[np.arange(len(tokens)), tokens]).mean() / np.log(2))


def _state(one: Trace, name: str, layer: int, direction: int) -> np.ndarray:
    """The state in the order of reading, ``[step, number]``."""
    if name not in ("h", "hc") or (name == "hc" and one.cell != "lstm"):
        raise ValueError(f"state must be 'h', or 'hc' of an LSTM; got {name!r} for {one.cell!r}")
    states = np.concatenate([one.select(key, layer, direction) for key in name], axis=1)
    if not np.isfinite(states).all():
        raise ValueError("the state holds NaN or infinity; expected numbers that a line can fit")
    return states[::-1] if direction else states


@dataclass(frozen=True, kw_only=True, eq=False)
class MemoryCapacity:
    """How much of a random input's past a linear reader finds in the state.

    Attributes:
        r_squared: by lag from 0 on, the share of the variance found, ``[lag]``; not below 0.
        state_size: how many numbers were read, which `total` cannot exceed but by chance.
    """

    r_squared: np.ndarray
    state_size: int

    @property
    def total(self) -> float:
        """The capacity: the sum over lags."""
        return float(self.r_squared.sum())


def memory_capacity(
    module: nn.Module,
    *,
    max_lag: int = 100,
    steps: int = 6000,
    span: tuple[float, float] = (-1.0, 1.0),
    feed: ArrayLike | None = None,
    state: StateName = "h",
    seed: int = 0,
    layer: int = -1,
    direction: int = 0,
) -> MemoryCapacity:
    """The linear memory capacity of a recurrent stack that reads one random number a step.

    What it can echo, not what it learns to remember. The first `max_lag` steps warm up; of the
    rest three fifths fit, one fifth chooses the ridge's strength, one fifth is scored: three
    blocks, one after the other. Lag 0, the number just read, counts.

    Args:
        span: the numbers are drawn uniformly from it.
        feed: what each input feature gets of the number, ``[feature]``; 1 for a single feature.

    Raises:
        ValueError: if there are several features and no `feed`, or too few steps; if `max_lag` is
            negative, `span` is no low number and a higher one, or the state does not exist or holds
            NaN or an infinity.
        IndexError: if there is no such layer or direction.

    Source: Jaeger 2001.

    Three units that hand on what they hold remember three numbers:

    >>> import torch
    >>> from torch import nn
    >>> from lstm_core import memory_capacity
    >>> register = nn.RNN(1, 3, nonlinearity="relu", bias=False)
    >>> _ = nn.init.eye_(register.weight_ih_l0)
    >>> register.weight_hh_l0.data = torch.diag(torch.ones(2), -1)
    >>> memory_capacity(register, max_lag=5, span=(0, 1)).r_squared.round(2).tolist()
    [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    """
    recurrent = open_module(module).recurrent
    weights = np.ones(1) if feed is None else np.asarray(feed, dtype=np.float64)
    if weights.shape != (recurrent.input_size,):
        raise ValueError(
            f"the module reads {recurrent.input_size} features; say in `feed` what each of them "
            f"gets of the number, got {weights.shape}"
        )
    _check_numbers(max_lag, steps, span)
    numbers = np.random.default_rng(seed).uniform(*span, size=steps)
    states = _state(trace(recurrent, numbers[:, None] * weights), state, layer, direction)
    numbers = numbers[::-1] if direction else numbers  # as read, like the states
    echo = np.stack([numbers[max_lag - lag : steps - lag] for lag in range(max_lag + 1)], axis=1)
    cuts = [len(echo) * 3 // 5, len(echo) * 4 // 5]
    (fit, tune, score), targets = np.split(states[max_lag:], cuts), np.split(echo, cuts)
    ridge = Ridge.of(fit)
    tried = [
        (_r_squared(ridge.predictions(targets[0], tune, strength), targets[1]), strength)
        for strength in STRENGTHS
    ]
    best = np.argmax([r_squared for r_squared, _ in tried], axis=0)  # for every lag its own
    r_squared = np.zeros(max_lag + 1)
    for place in set(best.tolist()):
        lags = best == place
        guess = ridge.predictions(targets[0][:, lags], score, tried[place][1])
        r_squared[lags] = _r_squared(guess, targets[2][:, lags])
    return MemoryCapacity(r_squared=r_squared.clip(min=0), state_size=states.shape[1])


def _check_numbers(max_lag: int, steps: int, span: tuple[float, ...]) -> None:
    if max_lag < 0:
        raise ValueError(f"max_lag goes from 0, got {max_lag}")
    if steps < 2 * max_lag + 50:
        raise ValueError(f"{max_lag} lags need more than {steps} steps")
    if len(span) != 2 or not (span[0] < span[1] and isfinite(span[1] - span[0])):
        raise ValueError(f"span needs a low number and a higher one, both finite; got {span}")


def _r_squared(guess: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The share of the variance that a guess explains, ``[target]``."""
    return 1 - ((target - guess) ** 2).sum(axis=0) / ((target - target.mean(axis=0)) ** 2).sum(
        axis=0
    )
