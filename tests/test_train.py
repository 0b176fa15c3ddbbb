"""Training: it learns, it can be repeated and resumed bit for bit, and it scores what it says."""

import json
import math
import threading
from collections import deque
from dataclasses import replace
from itertools import islice, pairwise

import numpy as np
import pytest
import torch

from lstm_core.checkpoint import CheckpointError, weights
from lstm_core.model import INITS
from lstm_core.signals import PACKED
from lstm_core.tasks import NO_TARGET, TASKS, Batch, FlaggedRecall
from lstm_core.train import (
    LEARNING_RATES,
    Recipe,
    default_recipe,
    draws,
    learned,
    measure,
    new_model,
    train,
)

CELLS = tuple(PACKED)
TINY = Recipe(
    task="tiny", cell="lstm", hidden_size=12, lr=0.01, init="torch", max_steps=30, batch=16,
    evaluate_every=10,
)  # fmt: skip


@pytest.fixture(autouse=True)
def tiny_task(monkeypatch):
    monkeypatch.setitem(TASKS, "tiny", FlaggedRecall(name="tiny", delays=(1, 3), shown=(2, 3)))


def last(steps):
    return deque(steps, maxlen=1).pop()


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_learns_to_remember_for_three_steps(cell):
    recipe = replace(
        TINY, cell=cell, hidden_size=24, max_steps=1500, batch=64, evaluate_every=25, stop_at=1.0
    )
    score = last(train(recipe)).result.scores[0]
    assert score.value > 0.99
    assert score.learned
    assert dict(score.by_delay)[1] > 0.98
    assert score.steps < recipe.max_steps


def test_without_training_the_score_is_chance():
    task = TASKS["tiny"]
    values = [
        measure(new_model(replace(TINY, seed=s)), task, draws(task, s, "test"))[0] for s in range(5)
    ]
    assert np.mean(values) == pytest.approx(1 / 8, abs=0.06)


@pytest.mark.parametrize("cell", CELLS)
def test_same_recipe_gives_the_same_model_bit_for_bit(cell):
    first, second = (last(train(replace(TINY, cell=cell))).result for _ in range(2))
    assert first.hash == second.hash
    assert replace(first.scores[0], seconds=0) == replace(second.scores[0], seconds=0)


def test_another_seed_gives_another_model():
    hashes = {last(train(replace(TINY, max_steps=2, seed=seed))).result.hash for seed in range(3)}
    assert len(hashes) == 3


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("stops", [(1,), (10,), (7, 23)])
def test_resumed_training_equals_uninterrupted_training(tmp_path, cell, stops):
    recipe, state = replace(TINY, cell=cell), tmp_path / "run.state"
    done = 0
    for stop in stops:
        steps = train(recipe, state=state)
        reached = [progress.step for progress in islice(steps, stop - done)]
        steps.close()
        assert reached == list(range(done + 1, stop + 1))
        done = stop
    resumed, whole = last(train(recipe, state=state)), last(train(recipe))
    assert resumed.result.hash == whole.result.hash
    assert resumed.loss == whole.loss
    assert resumed.result.scores[0].validation == whole.result.scores[0].validation
    assert not state.exists()


def test_resumed_training_stops_early_at_the_same_step(tmp_path):
    recipe, state = replace(TINY, stop_at=0.0), tmp_path / "run.state"
    steps = train(recipe, state=state)
    list(islice(steps, 21))
    steps.close()
    assert last(train(recipe, state=state)).step == last(train(recipe)).step == 30


def test_state_is_written_every_so_often_even_when_nobody_stops(tmp_path):
    state = tmp_path / "run.state"
    steps = train(TINY, state=state, save_every=5)
    list(islice(steps, 5))
    written = state.read_bytes()
    list(islice(steps, 4))
    assert state.read_bytes() == written
    steps.close()


def test_state_of_another_recipe_is_refused(tmp_path):
    state = tmp_path / "run.state"
    steps = train(TINY, state=state)
    next(steps)
    steps.close()
    with pytest.raises(ValueError, match=r"another recipe: lr 0.01 there, 0.02 here$"):
        next(train(replace(TINY, lr=0.02), state=state))


def test_damaged_state_is_refused(tmp_path):
    state = tmp_path / "run.state"
    state.write_bytes(b"nothing of the kind")
    with pytest.raises(CheckpointError):
        next(train(TINY, state=state))


def test_progress_counts_steps_and_looks_at_validation_when_it_said():
    seen = list(train(TINY))
    assert [p.step for p in seen] == [*range(1, 31), 30]
    assert [p.step for p in seen if p.score is not None] == [10, 20, 30]
    assert all(p.result is None for p in seen[:-1])
    assert all(math.isfinite(p.loss) and p.steps == 30 for p in seen)
    assert all(a.seconds <= b.seconds for a, b in pairwise(seen))


def test_three_good_looks_in_a_row_end_the_training():
    assert last(train(replace(TINY, stop_at=0.0, max_steps=100))).step == 30
    assert last(train(replace(TINY, stop_at=1.1, max_steps=40))).step == 40


def test_gradient_is_clipped(monkeypatch):
    seen = []
    clip = torch.nn.utils.clip_grad_norm_

    def watched(parameters, limit):
        parameters = list(parameters)
        clip(parameters, limit)
        seen.append(math.sqrt(sum(float(p.grad.square().sum()) for p in parameters)))

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", watched)
    last(train(replace(TINY, clip=0.01, max_steps=5)))
    assert len(seen) == 5
    assert max(seen) == pytest.approx(0.01, rel=1e-3)


def test_training_leaves_threads_and_generators_as_they_were():
    torch.manual_seed(5)
    before = torch.get_rng_state(), torch.get_num_threads()
    last(train(replace(TINY, max_steps=3)))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.get_num_threads() == before[1]


def test_fixed_features_are_not_trained():
    before = TASKS["tiny"].vocabulary.features.copy()
    model = last(train(TINY)).result.model
    assert np.array_equal(model.embedding.weight.numpy(), before)


class Fixed(torch.nn.Module):
    """A model that always answers the same logits."""

    def __init__(self, logits):
        super().__init__()
        self.logits = torch.tensor(logits)

    def forward(self, ids):
        return self.logits.expand(*ids.shape, -1)


def batch_of(targets):
    targets = np.array(targets)
    return Batch(ids=np.zeros_like(targets), targets=targets)


def test_accuracy_counts_right_answers_among_those_asked():
    batches = [batch_of([[1, 0], [NO_TARGET, 1]]), batch_of([[2, NO_TARGET]])]
    assert measure(Fixed([0.0, 3.0, 1.0]), TASKS["tiny"], batches) == (2 / 4, 4)


def test_bits_per_character_are_the_cross_entropy_to_base_two():
    logits = [math.log(p) for p in (0.5, 0.25, 0.25)]
    batches = [batch_of([[0, 1], [NO_TARGET, 2]])]
    value, examples = measure(Fixed(logits), TASKS["python"], batches)
    assert (value, examples) == (pytest.approx((1 + 2 + 2) / 3, abs=1e-6), 3)


@pytest.mark.parametrize(("metric", "value", "expected"), [
    ("accuracy", 0.125, False), ("accuracy", 0.95, True),
    ("bits per character", 6.6, False), ("bits per character", 2.3, True),
])  # fmt: skip
def test_learned_is_said_of_good_scores_only(metric, value, expected):
    assert learned(metric, value) is expected


def test_training_validation_and_test_draws_are_all_different():
    task = TASKS["recall"]
    rng = np.random.default_rng([0, 2])
    trained = {column.tobytes() for column in task.batch(rng, 2000).ids[:40].T}
    validation = columns(draws(task, 0, "final validation"))
    test = columns(draws(task, 0, "test"))
    assert len(test) == 4096
    assert not trained & validation
    assert not trained & test
    assert not validation & test


def columns(batches):
    return {column.tobytes() for batch in batches for column in batch.ids[:40].T}


def test_all_models_of_a_task_are_tested_on_the_same_draws():
    first, second = (draws(TASKS["recall"], 0, "test") for _ in range(2))
    assert columns(first) == columns(second)


@pytest.mark.parametrize("task", ["recall", "short-recall", "python"])
def test_default_recipes_give_every_cell_the_same_budget(task):
    recipes = [default_recipe(task, cell) for cell in CELLS]
    counts = [new_model(recipe).parameter_count for recipe in recipes]
    assert max(counts) / min(counts) < 1.1
    assert len({(r.max_steps, r.batch, r.clip, r.stop_at, r.evaluate_every) for r in recipes}) == 1
    assert all(r.lr in LEARNING_RATES[task] and r.init in INITS for r in recipes)


@pytest.mark.parametrize(("task", "cell"), [("chess", "lstm"), ("recall", "elman")])
def test_unknown_task_or_cell_is_refused_with_those_there_are(task, cell):
    with pytest.raises(KeyError, match=r"recall, short-recall, python.*lstm, gru, rnn"):
        default_recipe(task, cell)


def test_result_says_how_it_was_made():
    recipe = last(train(TINY)).result.recipe
    assert json.loads(json.dumps(recipe)) == recipe
    assert (recipe["optimiser"], recipe["lr"], recipe["steps"]) == ("Adam", 0.01, 30)
    assert recipe["parameters"] == 4 * (12 * 22 + 24) + 13 * 8
    assert recipe["init_in_words"] == INITS["torch"]


def test_training_runs_outside_the_main_thread():
    results = []
    thread = threading.Thread(target=lambda: results.append(last(train(TINY)).result.hash))
    thread.start()
    thread.join()
    assert results == [last(train(TINY)).result.hash]


def test_weights_change_with_a_step():
    before = weights(new_model(TINY))
    after = weights(last(train(replace(TINY, max_steps=1))).result.model)
    assert all(not torch.equal(before[name], after[name]) for name in before)
