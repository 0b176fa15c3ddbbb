"""Recall, probes and capacity: networks of which it is known what they remember."""

import numpy as np
import pytest
import torch
from torch import nn

from lstm_core import ModelConfig, SequenceModel, memory_capacity, probe, recall_by_delay, zoo
from lstm_core.probing import confidence_interval
from lstm_core.ridge import Ridge
from lstm_core.tasks import TASKS

RECALL = TASKS["recall"]


def model_of(cell, units=8, **options):
    config = ModelConfig(cell=cell, input_size=10, hidden_size=units, output_size=8, **options)
    return SequenceModel(config, RECALL.vocabulary).eval()


def always_a():
    """A model that answers A whatever it reads."""
    model = model_of("rnn")
    with torch.no_grad():
        for weight in model.readout.parameters():
            weight.zero_()
        model.readout.bias[0] = 1
    return model


def test_who_always_answers_the_same_is_right_by_chance():
    (found,) = recall_by_delay(always_a(), RECALL, [5], examples=4000)
    assert (found.delay, found.examples, found.chance) == (5, 4000, 1 / 8)
    assert found.low < 1 / 8 < found.high
    assert found.high - found.low < 0.025


def test_who_answers_what_was_read_last_is_right_where_the_symbol_was_read_last():
    """The plain network shows its input of one step before; only a delay of 1 asks for that."""
    model = model_of("rnn", 20, nonlinearity="relu")
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.zero_()
        model.recurrent.weight_ih_l0[:10] = torch.eye(10)
        model.recurrent.weight_hh_l0[10:, :10] = torch.eye(10)
        model.readout.weight[:, 10:18] = torch.eye(8)
    near, far = recall_by_delay(model, RECALL, [1, 3], examples=800)
    assert near.accuracy == 1
    assert near.low == pytest.approx(1 / (1 + 1.96**2 / 800), abs=1e-5)
    assert near.high == 1
    assert far.low < 1 / 8 < far.high


def test_recall_is_found_as_it_is_asked_for_and_repeats():
    asked = recall_by_delay(always_a(), RECALL, (d for d in [2, 9, 4]), examples=64)
    first = next(asked)
    assert first.delay == 2
    assert [one.delay for one in asked] == [9, 4]
    assert next(recall_by_delay(always_a(), RECALL, [2], examples=64)) == first
    other = [next(recall_by_delay(always_a(), RECALL, [2], examples=64, seed=s)) for s in range(9)]
    assert len({one.accuracy for one in other}) > 1


def test_the_shipped_lstm_recalls_where_the_plain_network_does_not():
    found = {
        cell: next(recall_by_delay(zoo.load("recall", cell).model, RECALL, [60], examples=200))
        for cell in ("lstm", "rnn")
    }
    assert found["lstm"].low > 0.9
    assert found["rnn"].high < 0.3


def test_recall_says_at_once_what_is_wrong():
    with pytest.raises(ValueError, match="'python' has no delay"):
        recall_by_delay(always_a(), TASKS["python"], [1])
    with pytest.raises(ValueError, match=r"at least 1, got \[0\] and 500"):
        recall_by_delay(always_a(), RECALL, [0])


@pytest.mark.parametrize(("right", "examples"), [(0, 10), (10, 10), (3, 10), (250, 500)])
def test_interval_solves_wilsons_equation(right, examples):
    share = right / examples
    for end in confidence_interval(right, examples):
        inside = 1.959963984540054 * np.sqrt(end * (1 - end) / examples)
        assert abs(share - end) == pytest.approx(inside, abs=1e-7)


def delay_line(units, features=1, **options):
    """A network that passes what it reads from unit to unit, `features` side by side."""
    module = nn.RNN(features, units * features, nonlinearity="relu", bias=False, **options)
    with torch.no_grad():
        module.weight_ih_l0.zero_()
        module.weight_ih_l0[:features] = torch.eye(features)
        module.weight_hh_l0[:] = torch.diag(torch.ones((units - 1) * features), -features)
    return module


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_capacity_of_a_delay_line_is_its_length(dtype):
    found = memory_capacity(delay_line(20, dtype=dtype), max_lag=40, span=(0, 1), steps=3000)
    np.testing.assert_allclose(found.r_squared[:20], 1, rtol=0, atol=1e-6)
    assert found.r_squared[20:].max() < 0.02
    assert found.total == pytest.approx(20, abs=0.1)
    assert found.state_size == 20


def test_capacity_does_not_exceed_the_state():
    for kind in (nn.LSTM, nn.GRU, nn.RNN):
        found = memory_capacity(kind(1, 6), max_lag=40, steps=3000)
        assert 0 < found.total < 6 + 0.2
        assert found.r_squared.min() >= 0
    both = memory_capacity(nn.LSTM(1, 6), max_lag=20, steps=3000, state="hc")
    assert both.state_size == 12


def test_capacity_reads_the_number_through_the_feed():
    blind = memory_capacity(nn.GRU(3, 4), max_lag=5, steps=500, feed=[0, 0, 0])
    assert blind.total == 0
    assert memory_capacity(nn.GRU(3, 4), max_lag=5, steps=500, feed=[0, 1, 0]).total > 0.9
    with pytest.raises(ValueError, match="reads 3 features"):
        memory_capacity(nn.GRU(3, 4))
    with pytest.raises(ValueError, match="100 lags need more than 200 steps"):
        memory_capacity(nn.GRU(1, 4), steps=200)


def test_probe_of_a_delay_line_finds_all_it_holds_and_nothing_beyond():
    model = model_of("rnn", 40, nonlinearity="relu", bias=False)
    model.recurrent.load_state_dict(delay_line(4, 10).state_dict())
    scores = {score.lag: score for score in probe(model, RECALL, [0, 3, 4, 9], sequences=64)}
    for lag in (0, 3):
        assert scores[lag].accuracy > 0.99
        assert scores[lag].bits == pytest.approx(scores[lag].entropy, abs=0.05)
    assert scores[0].entropy == pytest.approx(3, abs=0.25)
    for lag in (4, 9):
        assert scores[lag].accuracy == pytest.approx(scores[lag].chance, abs=0.05)
        assert abs(scores[lag].bits) < 0.1


def test_probe_of_a_network_that_reads_nothing_finds_nothing():
    model = model_of("lstm")
    with torch.no_grad():
        for weight in model.recurrent.parameters():
            weight.zero_()
    for state in ("h", "hc"):
        (score,) = probe(model, RECALL, [0], sequences=16, state=state)
        assert score.bits == pytest.approx(0, abs=1e-9)
        assert score.accuracy == score.chance


def test_probe_says_what_is_wrong():
    with pytest.raises(ValueError, match="'hc' of an LSTM; got 'hc' for 'gru'"):
        probe(model_of("gru"), RECALL, [1], state="hc", sequences=8)
    with pytest.raises(ValueError, match="lags go from 0 to"):
        probe(model_of("gru"), RECALL, [1000], sequences=8)
    with pytest.raises(ValueError, match="at least 4 sequences"):
        probe(model_of("gru"), RECALL, [1], sequences=2)


def test_ridge_without_strength_is_least_squares():
    rng = np.random.default_rng(0)
    x, y, new = rng.normal(size=(50, 4)) + 2, rng.normal(size=(50, 2)), rng.normal(size=(7, 4))
    expected = np.c_[new, np.ones(7)] @ np.linalg.lstsq(np.c_[x, np.ones(50)], y, rcond=None)[0]
    np.testing.assert_allclose(Ridge.of(x).predictions(y, new, 0), expected, rtol=0, atol=1e-10)
    strong = Ridge.of(x).predictions(y, new, 1e12)
    np.testing.assert_allclose(strong, np.tile(y.mean(axis=0), (7, 1)), rtol=0, atol=1e-10)


def test_ridge_is_the_solution_of_its_normal_equations():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(30, 3)), rng.normal(size=(30, 1))
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    strength = 0.1 * np.linalg.eigvalsh(x.T @ x)[-1]
    weights = np.linalg.solve(x.T @ x + strength * np.eye(3), x.T @ y)
    np.testing.assert_allclose(Ridge.of(x).predictions(y, x, 0.1), x @ weights, atol=1e-12)


def test_recall_says_at_once_that_the_model_does_not_fit():
    with pytest.raises(ValueError, match=r"expected a SequenceModel .* 'recall', got LSTM"):
        recall_by_delay(nn.LSTM(10, 4), RECALL, [1])
    with pytest.raises(ValueError, match="does not read the symbols of the task 'recall'"):
        recall_by_delay(zoo.load("python", "gru").model, RECALL, [1])
    config = ModelConfig(cell="gru", input_size=10, hidden_size=3, output_size=0)
    with pytest.raises(ValueError, match="gives 0 answers, but the task 'recall' has 8"):
        recall_by_delay(SequenceModel(config, RECALL.vocabulary), RECALL, [1])


@pytest.mark.parametrize(("delays", "examples"), [([1.5], 8), ([np.nan], 8), ([1], 8.5)])
def test_recall_wants_whole_numbers(delays, examples):
    with pytest.raises(ValueError, match="whole numbers and at least 1"):
        recall_by_delay(always_a(), RECALL, delays, examples=examples)
    assert next(recall_by_delay(always_a(), RECALL, np.array([2]), examples=8)).delay == 2


def test_probe_says_that_the_model_reads_something_else():
    for model in (model_of("gru"), zoo.load("recall", "lstm").model):
        with pytest.raises(ValueError, match="does not read the symbols of the task 'python'"):
            probe(model, TASKS["python"], [1], sequences=8)
    with pytest.raises(ValueError, match=r"expected a SequenceModel .* 'recall', got GRU"):
        probe(nn.GRU(10, 4), RECALL, [1], sequences=8)


@pytest.mark.parametrize("lags", [[], [-1], [1.5], range(0)])
def test_probe_wants_lags(lags):
    with pytest.raises(ValueError, match=r"lags go from 0 to .* and there is at least one; got"):
        probe(model_of("gru"), RECALL, lags, sequences=8)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"max_lag": -1}, "max_lag goes from 0, got -1"),
        ({"span": (1, 1)}, r"a low number and a higher one, both finite; got \(1, 1\)"),
        ({"span": (1, 0)}, r"got \(1, 0\)"),
        ({"span": (0, np.inf)}, r"got \(0, inf\)"),
        ({"span": (np.nan, 1)}, r"got \(nan, 1\)"),
        ({"span": (0, 1, 2)}, r"got \(0, 1, 2\)"),
        ({"feed": [np.nan]}, "the state holds NaN or infinity"),
    ],
)
def test_capacity_says_what_is_wrong(options, problem):
    with pytest.raises(ValueError, match=problem):
        memory_capacity(nn.GRU(1, 4), **{"max_lag": 3, "steps": 100} | options)


def test_a_broken_model_is_not_probed():
    model = model_of("gru")
    nn.init.constant_(model.recurrent.weight_ih_l0, np.nan)
    with pytest.raises(ValueError, match="the state holds NaN or infinity"):
        probe(model, RECALL, [1], sequences=8)


@pytest.mark.parametrize("direction", [0, 1])
def test_a_lag_is_counted_in_the_order_of_reading(direction):
    """Backwards, what was read one step ago is the number that comes next."""
    line, both = delay_line(4), nn.RNN(1, 4, nonlinearity="relu", bias=False, bidirectional=True)
    with torch.no_grad():
        for name, weight in both.named_parameters():
            weight.copy_(line.get_parameter(name.removesuffix("_reverse")))
    found = memory_capacity(both, max_lag=8, steps=1000, span=(0, 1), direction=direction)
    np.testing.assert_allclose(found.r_squared[:4], 1, rtol=0, atol=1e-6)
    assert found.r_squared[4:].max() < 0.05


def test_probe_counts_lags_in_the_order_of_reading():
    model = model_of("rnn", 40, nonlinearity="relu", bias=False, bidirectional=True)
    line = delay_line(4, 10)
    with torch.no_grad():
        for name, weight in model.recurrent.named_parameters():
            weight.copy_(line.get_parameter(name.removesuffix("_reverse")))
    for direction in (0, 1):
        held, gone = probe(model, RECALL, [3, 4], sequences=64, direction=direction)
        assert held.accuracy > 0.99
        assert gone.accuracy < 0.5


def test_answer_that_is_no_number_is_not_right():
    model = always_a()
    with torch.no_grad():
        model.readout.bias[0] = torch.nan
    (found,) = recall_by_delay(model, RECALL, [5], examples=200)
    assert found.accuracy == 0
