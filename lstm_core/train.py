"""Training, as an iterator that yields its progress, and the score of what comes out.

The trainer knows nothing of a model's insides: it feeds batches, takes steps and keeps time in
steps, so that a result depends on the recipe and never on how fast the machine is.
"""

import math
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lstm_core.checkpoint import (
    Checkpoint,
    CheckpointError,
    SeedScore,
    read_tensors,
    weights,
    write_tensors,
)
from lstm_core.model import INITS, ModelConfig, SequenceModel, initialised
from lstm_core.signals import PACKED, Cell
from lstm_core.tasks import NO_TARGET, TASKS, Batch, FlaggedRecall, Task

LEARNING_RATES = {
    "recall": (3e-4, 1e-3, 3e-3),
    "short-recall": (3e-4, 1e-3, 3e-3),
    "python": (1e-3, 3e-3, 1e-2),  # its budget is short, so the rates are higher
}
"""For each task the grid from which every cell takes its best learning rate."""

DELAYS = (1, 10, 20, 50, 100, 200)
"""The delays at which recall is scored one by one; some lie beyond training."""

_TRAINING, _VALIDATION, _TEST, _BY_DELAY = 2, 3, 4, 5  # streams of draws; examples use 1
_SEQUENCES = {"validation": 512, "final validation": 2048, "test": 4096, "by delay": 512}
_STATE = "lstm-gate-visualizer training state"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that a training run depends on.

    Attributes:
        lr: the learning rate of Adam.
        init: a name in `lstm_core.model.INITS`.
        clip: the largest norm of the gradient.
        batch: sequences per step.
        max_steps: the budget.
        evaluate_every: steps between two looks at the validation draws.
        stop_at: stop after three looks in a row at this accuracy or more; ``None`` spends the
            whole budget.
    """

    task: str
    cell: Cell
    hidden_size: int
    lr: float
    init: str
    max_steps: int
    clip: float = 1.0
    batch: int = 64
    evaluate_every: int = 100
    stop_at: float | None = None
    seed: int = 0


_WIDTHS = {
    "recall": {"lstm": 32, "gru": 37, "rnn": 64},  # 5896, 5743, 5384 parameters
    "python": {"lstm": 64, "gru": 77, "rnn": 142},  # 48033, 48222, 48093 parameters
}
_INITS = {"lstm": "forget-bias-1", "gru": "torch", "rnn": "orthogonal"}
_BEST_LR = {  # as `lstm_core.build` chose them
    "recall": {"lstm": 3e-3, "gru": 3e-3, "rnn": 3e-4},
    "short-recall": {"lstm": 3e-3, "gru": 3e-3, "rnn": 3e-3},
    "python": {"lstm": 1e-2, "gru": 1e-2, "rnn": 3e-3},
}
_STOP = {"recall": 0.999, "short-recall": 0.999, "python": None}
_STEPS = {"recall": 10_000, "short-recall": 10_000, "python": 4_000}


def default_recipe(task: str, cell: str) -> Recipe:
    """The recipe of the shipped model.

    Raises:
        KeyError: if there is no such task or cell; the message lists those there are.
    """
    if task not in TASKS or cell not in PACKED:
        raise KeyError(
            f"no recipe for {task!r} and {cell!r}; tasks: {', '.join(TASKS)}; "
            f"cells: {', '.join(PACKED)}"
        )
    return Recipe(
        task=task,
        cell=cell,  # type: ignore[arg-type]  # checked above
        hidden_size=_WIDTHS["python" if task == "python" else "recall"][cell],
        lr=_BEST_LR.get(task, _BEST_LR["short-recall"])[cell],
        init=_INITS[cell],
        max_steps=_STEPS.get(task, 10_000),
        batch=16 if task == "python" else 64,
        stop_at=_STOP.get(task, 0.999),
    )


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a run is.

    Attributes:
        recipe: of the run.
        loss: mean cross-entropy of the last batch, in nats.
        score: on validation draws, where this step looked at them, in the task's metric.
        seconds: processor time so far, earlier sittings included; waiting does not count.
        result: the checkpoint, at the end of the run.
    """

    recipe: Recipe
    step: int
    steps: int
    loss: float
    score: float | None
    seconds: float
    result: Checkpoint | None = None


def train(
    recipe: Recipe, *, state: Path | None = None, save_every: int = 1000
) -> Generator[Progress]:
    """Train a model, yielding after every step; the last progress holds the checkpoint.

    With `state`, a run that was stopped goes on from there, to the same result bit for bit. The
    state is written every `save_every` steps and when the iterator is closed, and removed at the
    end.

    Raises:
        ValueError: if `state` is of another recipe.
        CheckpointError: if `state` is damaged.
    """
    run = _Run(recipe)
    if state is not None and state.exists():
        run.restore(state)
    try:
        while not run.finished:
            progress = run.advance()
            if state is not None and run.step % save_every == 0:
                run.save(state)
            yield progress
    except GeneratorExit:
        if state is not None:
            run.save(state)
        raise
    yield replace(run.progress(), result=run.checkpoint())
    if state is not None:
        state.unlink(missing_ok=True)


class _Run:
    """A run under way: the model, the optimiser, the stream of draws and the clock."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe, self.task = recipe, TASKS[recipe.task]
        self.model = new_model(recipe)
        self.optimiser = torch.optim.Adam(_trained(self.model), lr=recipe.lr)
        self.rng = np.random.default_rng([recipe.seed, _TRAINING])
        self.looks = draws(self.task, recipe.seed, "validation")
        self.step, self.good_looks, self.seconds = 0, 0, 0.0
        self.loss, self.score = math.nan, math.nan

    @property
    def finished(self) -> bool:
        return self.step >= self.recipe.max_steps or self.good_looks >= 3

    def advance(self) -> Progress:
        """One step, and a look at the validation draws when it is time."""
        start = time.thread_time()
        with _one_thread():
            self.loss = self._descend(self.task.batch(self.rng, self.recipe.batch))
            self.step += 1
            looked = self.step % self.recipe.evaluate_every == 0
            if looked:
                self._look()
        self.seconds += time.thread_time() - start
        return self.progress(self.score if looked else None)

    def progress(self, score: float | None = None) -> Progress:
        return Progress(
            recipe=self.recipe,
            step=self.step,
            steps=self.recipe.max_steps,
            loss=self.loss,
            score=score,
            seconds=self.seconds,
        )

    def _descend(self, batch: Batch) -> float:
        self.model.train()
        loss = _cross_entropy(self.model, batch)
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(_trained(self.model), self.recipe.clip)
        self.optimiser.step()
        return loss.item()

    def _look(self) -> None:
        self.score, _ = measure(self.model, self.task, self.looks)
        good = self.recipe.stop_at is not None and self.score >= self.recipe.stop_at
        self.good_looks = self.good_looks + 1 if good else 0

    def checkpoint(self) -> Checkpoint:
        with _one_thread():
            score = final_score(self.model, self.recipe, self.step, self.seconds)
        return Checkpoint(
            model=self.model.eval().requires_grad_(False),
            task=self.recipe.task,
            seed=self.recipe.seed,
            recipe=described(self.recipe, self.task, score),
            scores=(score,),
        )

    def save(self, path: Path) -> None:
        """Everything that the next step depends on."""
        tensors = {f"model.{name}": weight for name, weight in weights(self.model).items()}
        for number, moments in self.optimiser.state_dict()["state"].items():
            tensors |= {f"adam.{number}.{name}": value for name, value in moments.items()}
        header = {
            "recipe": asdict(self.recipe),
            "generator": self.rng.bit_generator.state,
            "counts": [self.step, self.good_looks],
            "clock": [self.seconds, repr(self.loss), repr(self.score)],
        }
        write_tensors(path, tensors, _STATE, header)

    def restore(self, path: Path) -> None:
        header, tensors = read_tensors(path, _STATE)
        _check_recipe(path, header.get("recipe"), asdict(self.recipe))
        try:
            self._restore(header, tensors)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise CheckpointError("bad-header", f"{path} is damaged: {error}") from error

    def _restore(self, header: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        moments: dict[int, dict[str, Tensor]] = {}
        for name in [name for name in tensors if name.startswith("adam.")]:
            _, number, key = name.split(".")
            moments.setdefault(int(number), {})[key] = tensors.pop(name)
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": moments, "param_groups": groups})
        with torch.no_grad():
            for name, weight in weights(self.model).items():
                weight.copy_(tensors[f"model.{name}"])
        self.rng.bit_generator.state = header["generator"]
        self.step, self.good_looks = header["counts"]
        self.seconds, self.loss, self.score = map(float, header["clock"])


def _check_recipe(path: Path, found: object, asked: dict[str, Any]) -> None:
    if found != asked:
        there = found if isinstance(found, dict) else {}
        names = [name for name in asked if there.get(name) != asked[name]]
        differ = ", ".join(f"{name} {there.get(name)} there, {asked[name]} here" for name in names)
        raise ValueError(f"{path} is a run of another recipe: {differ}")


def new_model(recipe: Recipe) -> SequenceModel:
    """The model of `recipe` before its first step."""
    task = TASKS[recipe.task]
    config = ModelConfig(
        cell=recipe.cell,
        input_size=len(task.vocabulary.feature_names),
        hidden_size=recipe.hidden_size,
        output_size=len(task.classes),
    )
    return initialised(config, task.vocabulary, recipe.init, recipe.seed)


def described(recipe: Recipe, task: Task, score: SeedScore) -> dict[str, Any]:
    """The recipe as plain data, with what else a reader needs to repeat the run."""
    return {
        **asdict(recipe),
        "optimiser": "Adam",
        "parameters": new_model(recipe).parameter_count,
        "init_in_words": INITS[recipe.init],
        "stop_in_words": _stop_in_words(recipe),
        "steps": score.steps,
        "seconds": score.seconds,
        "threads": 1,
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        **({"corpus": task.corpus} if hasattr(task, "corpus") else {}),
    }


def _stop_in_words(recipe: Recipe) -> str:
    if recipe.stop_at is None:
        return f"after {recipe.max_steps} steps"
    return (
        f"after three looks in a row, {recipe.evaluate_every} steps apart, with an accuracy of "
        f"{recipe.stop_at} on {_SEQUENCES['validation']} validation sequences, or after "
        f"{recipe.max_steps} steps"
    )


def learned(metric: str, value: float) -> bool:
    """Whether a score is what the task asks: 90 % right, or under 3 bits per character."""
    return value >= 0.9 if metric == "accuracy" else value < 3.0


def final_score(model: SequenceModel, recipe: Recipe, steps: int, seconds: float) -> SeedScore:
    """The score on draws that training never saw; every model of a task gets the same draws."""
    task = TASKS[recipe.task]
    validation, _ = measure(model, task, draws(task, recipe.seed, "final validation"))
    value, examples = measure(model, task, draws(task, 0, "test"))
    return SeedScore(
        seed=recipe.seed,
        lr=recipe.lr,
        metric=task.metric,
        value=value,
        examples=examples,
        validation=validation,
        steps=steps,
        seconds=round(seconds, 1),
        learned=learned(task.metric, value),
        by_delay=by_delay(model, task) if isinstance(task, FlaggedRecall) else (),
    )


def draws(task: Task, seed: int, purpose: str) -> list[Batch]:
    """Batches for scoring; no purpose and no two seeds share a stream of draws."""
    stream = _TEST if purpose == "test" else _VALIDATION
    rng = np.random.default_rng([seed, stream])
    draw = task.held_out if purpose == "test" else task.validation
    return [draw(rng, 256) for _ in range(_SEQUENCES[purpose] // 256)]


def by_delay(
    model: SequenceModel, task: FlaggedRecall, seed: int = 0
) -> tuple[tuple[int, float], ...]:
    """The accuracy at each of `DELAYS`."""
    rng = np.random.default_rng([seed, _BY_DELAY])
    size = _SEQUENCES["by delay"]
    batches = {delay: task.at_delays(rng, np.full(size, delay)) for delay in DELAYS}
    return tuple((delay, measure(model, task, [batch])[0]) for delay, batch in batches.items())


@torch.no_grad()
def measure(model: SequenceModel, task: Task, batches: list[Batch]) -> tuple[float, int]:
    """The score in the task's metric, and how many answers it is the mean of."""
    model.eval()
    total, examples = 0.0, 0
    for batch in batches:
        asked = torch.from_numpy(batch.targets != NO_TARGET)
        targets = torch.from_numpy(batch.targets)[asked]
        logits = model(torch.from_numpy(batch.ids))[asked].double()
        total += _points(task, logits, targets)
        examples += len(targets)
    return total / examples, examples


def _points(task: Task, logits: Tensor, targets: Tensor) -> float:
    if task.metric == "accuracy":
        return float((logits.argmax(-1) == targets).sum())
    return float(nn.functional.cross_entropy(logits, targets, reduction="sum")) / math.log(2)


def _cross_entropy(model: SequenceModel, batch: Batch) -> Tensor:
    logits = model(torch.from_numpy(batch.ids))
    targets = torch.from_numpy(batch.targets)
    return nn.functional.cross_entropy(
        logits.flatten(0, 1), targets.flatten(), ignore_index=NO_TARGET
    )


def _trained(model: SequenceModel) -> list[nn.Parameter]:
    return [weight for weight in model.parameters() if weight.requires_grad]


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums are taken in one fixed order, so that a run can be repeated bit for bit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
