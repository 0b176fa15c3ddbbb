"""Building the shipped models: every seed and learning rate, then the choice between them."""

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from statistics import fmean

from lstm_core import zoo
from lstm_core.checkpoint import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint
from lstm_core.train import LEARNING_RATES, Progress, Recipe, default_recipe, train

SEEDS = {"recall": 3, "short-recall": 5, "python": 3}
"""How many seeds are trained for each task."""


def tries_all_rates(task: str, cell: str, seed: int) -> bool:
    """Whether every learning rate of the grid is tried with this seed.

    The first seed chooses for the others, to save time; the plain RNN, which fails at recall, gets
    the whole grid with every seed there, so that its failure is not one unlucky choice.
    """
    return seed == 0 or (cell == "rnn" and task != "python")


def run_path(recipe: Recipe, folder: Path) -> Path:
    """Where the checkpoint of one run lies; its training state lies beside it."""
    name = f"{recipe.task}-{recipe.cell}-lr{recipe.lr:g}-seed{recipe.seed}"
    return folder / f"{name}.safetensors"


def is_finished(recipe: Recipe, path: Path) -> bool:
    """Whether `path` holds the checkpoint of exactly this recipe."""
    try:
        found = load_checkpoint(path).recipe
    except (OSError, CheckpointError):
        return False
    return all(found.get(key) == value for key, value in asdict(recipe).items())


def run(recipe: Recipe, path: Path) -> Generator[Progress]:
    """Train to a checkpoint at `path`, going on from where an earlier run was stopped."""
    with closing(train(recipe, state=path.with_suffix(".state"))) as steps:
        for progress in steps:
            if progress.result is not None:
                save_checkpoint(progress.result, path)
            yield progress


def build(
    folder: Path, tasks: Sequence[str], cells: Sequence[str], target: Path = zoo.FOLDER
) -> Generator[Progress]:
    """Train what is not in `folder` yet, and keep the shipped files in `target` up to date."""
    seeds = range(max(SEEDS[task] for task in tasks))
    for seed, task, cell in product(seeds, tasks, cells):
        for recipe in _due(task, cell, seed, folder):
            path = run_path(recipe, folder)
            if not is_finished(recipe, path):
                yield from run(recipe, path)
            save_checkpoint(assembled(task, cell, folder), zoo.path_of(task, cell, target))


def _due(task: str, cell: str, seed: int, folder: Path) -> list[Recipe]:
    """The runs of one seed."""
    if seed >= SEEDS[task]:
        return []
    rates: Sequence[float] = LEARNING_RATES[task]
    if not tries_all_rates(task, cell, seed):
        rates = [_best_rate(_runs(task, cell, folder))]
    recipe = default_recipe(task, cell)
    return [replace(recipe, lr=rate, seed=seed) for rate in rates]


def assembled(task: str, cell: str, folder: Path) -> Checkpoint:
    """The model of seed 0 at the best learning rate, with the scores of every run of the plan."""
    runs = _runs(task, cell, folder)
    rate = _best_rate(runs)
    planned = [r for r in runs if r.recipe["lr"] == rate or tries_all_rates(task, cell, r.seed)]
    ordered = sorted(planned, key=lambda r: (r.recipe["lr"] != rate, r.recipe["lr"], r.seed))
    recipe = {
        **ordered[0].recipe,
        "lr_grid": list(LEARNING_RATES[task]),
        "lr_choice": _choice(task, cell),
    }
    return replace(ordered[0], recipe=recipe, scores=tuple(run.scores[0] for run in ordered))


def _choice(task: str, cell: str) -> str:
    seeds = "all seeds" if tries_all_rates(task, cell, 1) else "seed 0"
    return f"the learning rate with the best mean score on validation draws over {seeds}"


def _runs(task: str, cell: str, folder: Path) -> list[Checkpoint]:
    recipe = default_recipe(task, cell)
    recipes = [
        replace(recipe, lr=lr, seed=s) for lr in LEARNING_RATES[task] for s in range(SEEDS[task])
    ]
    paths = [(recipe, run_path(recipe, folder)) for recipe in recipes]
    return [load_checkpoint(path) for recipe, path in paths if is_finished(recipe, path)]


def _best_rate(runs: Sequence[Checkpoint]) -> float:
    """The learning rate with the best mean validation score."""
    task, cell = runs[0].task, runs[0].model.config.cell
    scores = [run.scores[0] for run in runs if tries_all_rates(task, cell, run.seed)]
    sign = 1 if scores[0].metric == "accuracy" else -1
    rates = sorted({score.lr for score in scores}, reverse=True)
    return max(rates, key=lambda rate: sign * fmean(s.validation for s in scores if s.lr == rate))
