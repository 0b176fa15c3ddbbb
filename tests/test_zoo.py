"""The shipped models are what their headers say."""

import math
from dataclasses import asdict

import numpy as np
import pytest
import torch

from lstm_core import zoo
from lstm_core.build import tries_all_rates
from lstm_core.checkpoint import CheckpointError
from lstm_core.model import INITS
from lstm_core.tasks import TASKS, FlaggedRecall
from lstm_core.train import LEARNING_RATES, default_recipe, measure

PAIRS = [(task, cell) for task in TASKS for cell in zoo.CELLS_SHIPPED]
EVERY = pytest.mark.parametrize(("task", "cell"), PAIRS)
RECALL = pytest.mark.parametrize(
    ("task", "cell"), [p for p in PAIRS if isinstance(TASKS[p[0]], FlaggedRecall)]
)


def test_every_task_has_a_model_of_every_cell():
    assert list(zoo.shipped()) == PAIRS


def test_files_are_small():
    sizes = [path.stat().st_size for path in zoo.FOLDER.glob("*")]
    assert len(sizes) == len(PAIRS)
    assert sum(sizes) < 3_000_000


@EVERY
def test_header_agrees_with_the_model(task, cell):
    found = zoo.load(task, cell)
    assert (found.task, found.model.config.cell, found.seed) == (task, cell, 0)
    assert found.recipe["parameters"] == found.model.parameter_count
    assert found.model.vocabulary.tokens == TASKS[task].vocabulary.tokens
    assert np.array_equal(found.model.vocabulary.features, TASKS[task].vocabulary.features)
    assert found.recipe["init"] in INITS


@EVERY
def test_learning_rate_is_the_best_of_the_grid_on_validation_draws(task, cell):
    found = zoo.load(task, cell)
    first = found.scores[0]
    assert (first.seed, first.lr) == (0, found.recipe["lr"])
    assert {s.lr for s in found.scores if s.seed == 0} == set(LEARNING_RATES[task])
    sign = 1 if first.metric == "accuracy" else -1
    seeds = {s.seed for s in found.scores if tries_all_rates(task, cell, s.seed)}
    means = {
        lr: np.mean([s.validation for s in found.scores if s.lr == lr and s.seed in seeds])
        for lr in LEARNING_RATES[task]
    }
    assert sign * means[first.lr] == pytest.approx(max(sign * mean for mean in means.values()))


@pytest.mark.parametrize("task", TASKS)
def test_cells_are_compared_with_the_same_seeds_and_budget(task):
    models = [zoo.load(task, cell) for cell in zoo.CELLS_SHIPPED]
    seeds = [sorted(s.seed for s in model.seed_scores) for model in models]
    assert seeds[0] == seeds[1] == seeds[2]
    assert len(seeds[0]) >= 3
    assert len({(m.recipe["max_steps"], m.recipe["batch"], m.recipe["clip"]) for m in models}) == 1
    counts = [model.model.parameter_count for model in models]
    assert max(counts) / min(counts) < 1.1


@EVERY
def test_hash_is_that_of_the_weights(task, cell):
    found = zoo.load(task, cell)
    assert len(found.hash) == 64
    assert all(torch.isfinite(weight).all() for weight in found.model.parameters())


@RECALL
def test_accuracy_on_fresh_sequences_agrees_with_the_header(task, cell):
    found, size = zoo.load(task, cell), 1024
    batch = TASKS[task].held_out(np.random.default_rng(20_260), size)
    value, examples = measure(found.model, TASKS[task], [batch])
    assert examples == size
    assert value == pytest.approx(found.scores[0].value, abs=4 * deviation(found, size))


@RECALL
def test_accuracy_by_delay_agrees_with_the_header(task, cell):
    found, size = zoo.load(task, cell), 256
    for delay, expected in found.scores[0].by_delay[:4]:
        batch = TASKS[task].at_delays(np.random.default_rng(delay), np.full(size, delay))
        value, _ = measure(found.model, TASKS[task], [batch])
        spread = math.sqrt((expected * (1 - expected) + 0.01) * (1 / size + 1 / 512))
        assert value == pytest.approx(expected, abs=4 * spread)


def deviation(found, size):
    """The standard deviation of the difference of two measured rates, never quite zero."""
    score = found.scores[0]
    rate = score.value * (1 - score.value) + 0.001
    return math.sqrt(rate * (1 / size + 1 / score.examples))


@pytest.mark.parametrize("cell", zoo.CELLS_SHIPPED)
def test_bits_per_character_on_fresh_windows_agree_with_the_header(cell):
    found = zoo.load("python", cell)
    batch = TASKS["python"].held_out(np.random.default_rng(7), 256)
    value, _ = measure(found.model, TASKS["python"], [batch])
    assert value == pytest.approx(found.scores[0].value, abs=0.25)  # windows differ by about 0.04


def test_unknown_model_is_refused_with_those_there_are():
    with pytest.raises(KeyError, match="recall lstm, recall gru"):
        zoo.load("recall", "elman")


def test_lesson_of_the_tasks_holds_in_the_shipped_models():
    values = {pair: zoo.load(*pair).scores[0].value for pair in PAIRS}
    assert min(values["recall", "lstm"], values["recall", "gru"]) > 0.99
    assert values["recall", "rnn"] < 0.5
    assert min(values["short-recall", cell] for cell in zoo.CELLS_SHIPPED) > 0.99


@EVERY
def test_default_recipe_is_the_shipped_one(task, cell):
    found = zoo.load(task, cell).recipe
    assert {name: found[name] for name in asdict(default_recipe(task, cell))} == asdict(
        default_recipe(task, cell)
    )


def test_a_model_under_another_name_is_refused():
    for found, task, cell in [("recall", "recall", "gru"), ("short-recall", "recall", "lstm")]:
        with pytest.raises(CheckpointError, match=f"expected the {cell} for '{task}'") as caught:
            zoo.checked(zoo.load(found, "lstm"), task, cell)
        assert caught.value.code == "other-model"
