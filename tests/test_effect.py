"""Effects and ablations against one trace per intervention, and edited weights."""

import copy
import itertools
import re

import numpy as np
import oracle
import pytest
import torch

from lstm_core import (
    Intervention,
    ModelConfig,
    SequenceModel,
    WeightEdit,
    ablation_map,
    edited,
    effect,
    effects,
    trace,
    trace_many,
)
from lstm_core.signals import PACKED, SIGNALS
from lstm_core.tasks import NO_TARGET, TASKS, Batch, FlaggedRecall
from lstm_core.vocabulary import InputError

EXACT = 1e-10
CELLS = ("lstm", "gru", "rnn")
TASK = FlaggedRecall(name="tiny", delays=(1, 9), shown=(2, 3))


def model_of(cell, units=5, seed=0, **options):
    torch.manual_seed(seed)
    config = ModelConfig(cell=cell, input_size=10, hidden_size=units, output_size=8, **options)
    model = SequenceModel(config, TASK.vocabulary).double()
    torch.nn.init.normal_(model.readout.weight, std=2)  # answers that differ
    return model


def batch_of(sequences=12, seed=3):
    return TASK.held_out(np.random.default_rng(seed), sequences)


def setting(signal, value, **where):
    return Intervention(signal=signal, op="set", value=value, **where)


def log_probabilities(model, batch, edits):
    """Of all answers, by sequence: ``[answer, class]`` each."""
    found = []
    for tr, targets in zip(
        trace_many(model, batch.ids.T, interventions=edits), batch.targets.T, strict=True
    ):
        logits = tr.outputs[targets != NO_TARGET]
        found.append(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))
    return found


def scores(model, batch, edits):
    """Accuracy, loss and divergence of every sequence, ``[3, sequence]``."""
    rows = []
    for now, was, targets in zip(
        log_probabilities(model, batch, edits),
        log_probabilities(model, batch, []),
        batch.targets.T,
        strict=True,
    ):
        right = targets[targets != NO_TARGET]
        own = now[np.arange(len(right)), right]
        kl = (np.exp(was) * (was - now)).sum(axis=1)
        rows.append([(now.argmax(axis=1) == right).mean(), -own.mean(), kl.mean()])
    return np.array(rows).T


def assert_is(estimate, values):
    half = 1.959963984540054 * values.std(ddof=1) / np.sqrt(len(values))
    expected = [values.mean(), values.mean() - half, values.mean() + half]
    found = [estimate.value, estimate.low, estimate.high]
    np.testing.assert_allclose(found, expected, rtol=0, atol=EXACT)


def edits_of(cell, **place):
    first = SIGNALS[cell][0].key
    return [
        Intervention(signal="x", op="scale", value=0.5, times=(1, (3, None)), layer=0),
        setting(first, 0.0, units=[1, 3], **place),
        Intervention(signal="h", op="add", value=0.7, times=range(2, 5), **place),
    ]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({}, {}),
        ({"num_layers": 2}, {"layer": 0}),
        ({"num_layers": 2, "bidirectional": True}, {"layer": 0, "direction": 1}),
    ],
)
def test_effect_is_that_of_one_trace_for_every_sequence(cell, options, place):
    model, batch = model_of(cell, **options), batch_of()
    found = effect(model, TASK, edits_of(cell, **place), batch=batch)
    was, now = (scores(model, batch, edits) for edits in ([], edits_of(cell, **place)))
    assert found.accuracy.value == pytest.approx(now[0].mean(), abs=EXACT)
    assert_is(found.accuracy_change, now[0] - was[0])
    assert_is(found.loss, now[1])
    assert_is(found.loss_change, now[1] - was[1])
    assert_is(found.divergence, now[2])
    assert found.divergence.value > 1e-3
    assert (found.sequences, found.answers) == (12, 12)


@pytest.mark.parametrize("cell", CELLS)
def test_lists_side_by_side_keep_each_its_own_order_and_steps(cell):
    model, batch = model_of(cell), batch_of()
    add = Intervention(signal="h", op="add", value=1, units=[0], times=(2, (5, None)))
    halve = Intervention(signal="h", op="scale", value=0.5)
    lists = [
        [add, halve],
        [],
        [halve, add],
        [add, halve, add],
        [setting("h", 0.3, times=4), setting("x", 0.0, units=[1])],
    ]
    found = effects(model, TASK, lists, batch=batch)
    for one, edits in zip(found, lists, strict=True):
        assert_is(one.loss, scores(model, batch, edits)[1])
    assert len({one.loss.value for one in found}) == len(lists)


def test_a_projected_lstm_has_effects_too():
    model, batch = model_of("lstm", proj_size=3), batch_of()
    edits = [setting("h", 0.5, units=[2]), setting("c", 0.0, units=[4])]
    assert_is(effect(model, TASK, edits, batch=batch).loss, scores(model, batch, edits)[1])


@pytest.mark.parametrize("cell", CELLS)
def test_no_intervention_changes_nothing_at_all(cell):
    found = effect(model_of(cell), TASK, [], sequences=20)
    for change in (found.accuracy_change, found.loss_change, found.divergence):
        assert (change.value, change.low, change.high) == (0, 0, 0)


def test_interval_of_the_accuracy_is_wilsons():
    found = effect(model_of("gru"), TASK, [], sequences=50)
    z, n, p = 1.959963984540054, 50, found.accuracy.value
    for bound in (found.accuracy.low, found.accuracy.high):  # where |p - bound| is z errors wide
        assert (p - bound) ** 2 == pytest.approx(z**2 * bound * (1 - bound) / n, abs=EXACT)
    assert found.accuracy.low < p < found.accuracy.high


def test_several_answers_of_a_sequence_count_as_one():
    drawn = batch_of(6)
    targets = np.where(np.arange(len(drawn.ids))[:, None] % 2, drawn.ids % 8, NO_TARGET)
    targets[4:, 2] = NO_TARGET
    targets[:, 4] = NO_TARGET  # asks for nothing
    batch = Batch(ids=drawn.ids, targets=targets)
    model, edits = model_of("lstm"), [setting("f", 0.0)]
    found = effect(model, TASK, edits, batch=batch)
    asking = [0, 1, 2, 3, 5]
    part = Batch(ids=drawn.ids[:, asking], targets=targets[:, asking])
    assert_is(found.loss, scores(model, part, edits)[1])
    assert found.sequences == 5
    assert found.answers == (targets != NO_TARGET).sum()


def test_the_seed_fixes_the_sequences():
    model, edits = model_of("rnn"), [setting("h", 0.0, units=[0])]
    first, again, other = (effect(model, TASK, edits, sequences=9, seed=s) for s in (1, 1, 2))
    assert first == again
    assert first.loss != other.loss


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("place", [{}, {"layer": 0, "direction": 1}])
def test_every_ablation_is_the_effect_of_its_intervention(cell, place, monkeypatch):
    options = {"num_layers": 2, "bidirectional": True} if place else {}
    model, batch = model_of(cell, 3, **options), batch_of()
    monkeypatch.setattr("lstm_core.answers._NUMBERS", 12 * 24)  # a few at a time
    reports = list(ablation_map(model, TASK, batch=batch, **place))
    found = [one for report in reports for one in report.found]
    keys = [signal.key for signal in SIGNALS[cell]]
    order = list(itertools.product(keys, (0.0, 1.0, "mean"), range(3)))
    assert [(one.signal, one.clamp, one.unit) for one in found] == order
    assert len(reports) > 1
    assert [r.done for r in reports] == list(np.cumsum([len(r.found) for r in reports]))
    assert {r.total for r in reports} == {len(order)}
    for one in found[::4]:
        edit = setting(one.signal, one.value, units=[one.unit], **place)
        expected = effect(model, TASK, [edit], batch=batch)
        assert one.effect.loss.value == pytest.approx(expected.loss.value, abs=EXACT)
        assert_is(one.effect.divergence, scores(model, batch, [edit])[2])


@pytest.mark.parametrize("cell", CELLS)
def test_a_mean_is_that_of_the_untouched_model(cell):
    model, batch = model_of(cell, 4), batch_of()
    last = np.argwhere(batch.targets != NO_TARGET)[:, 0].max()
    assert last == len(batch.ids) - 1
    traces = trace_many(model, batch.ids.T)
    reports = ablation_map(model, TASK, signals=["h", "x"], clamps=["mean"], batch=batch)
    found = [one for report in reports for one in report.found]
    h = np.mean([tr["h"] for tr in traces], axis=(0, 1))
    x = np.mean([tr.layer().inputs for tr in traces], axis=(0, 1))
    values = [one.value for one in found]
    np.testing.assert_allclose(values, [*h, *x], rtol=0, atol=EXACT)


def test_ablations_are_found_as_they_are_asked_for(monkeypatch):
    monkeypatch.setattr("lstm_core.answers._NUMBERS", 1)
    reports = ablation_map(model_of("lstm"), TASK, sequences=4)
    first = next(reports)
    assert (first.done, first.total, len(first.found)) == (1, 90, 1)


def test_what_does_not_fit_is_refused_at_once():
    model = model_of("lstm")
    with pytest.raises(ValueError, match="does not read the symbols of the task 'python'"):
        effect(model, TASKS["python"], [])
    bare = torch.nn.LSTM(10, 3)
    for refused in (lambda: effect(bare, TASK, []), lambda: ablation_map(bare, TASK)):
        with pytest.raises(ValueError, match=r"expected a SequenceModel .* 'tiny', got LSTM"):
            refused()
    with pytest.raises(ValueError, match="at least two sequences, got 1"):
        effect(model, TASK, [], sequences=1)
    with pytest.raises(ValueError, match="at least two sequences that ask"):
        effect(model, TASK, [], batch=batch_of(1))
    with pytest.raises(InputError, match=r"^signal: 'z' is not there"):
        ablation_map(model, TASK, signals=["z"])
    with pytest.raises(ValueError, match="a number or 'mean', got 'median'"):
        ablation_map(model, TASK, clamps=["median"])
    with pytest.raises(InputError, match=r"^units: 9 is out of range"):
        effect(model, TASK, [setting("f", 0.0, units=[9])])


def test_the_model_is_left_alone():
    model = model_of("gru")
    before = oracle.untouched(model)
    list(ablation_map(model, TASK, sequences=4))
    edited(model, [WeightEdit(op="remove"), WeightEdit(op="shift_bias", gate="z", value=1)])
    assert oracle.untouched(model) == before


TEXT = "AB!CDEFGHA?"


@pytest.mark.parametrize("cell", CELLS)
def test_shifted_bias_moves_the_preactivation_of_its_gate_alone(cell):
    model, gate = model_of(cell, num_layers=2), PACKED[cell][-1]
    edit = WeightEdit(op="shift_bias", gate=gate, value=1.5, units=[1, 4], layer=0)
    before, after = (trace(m, "A").layer(0) for m in (model, edited(model, [edit])))
    for key in PACKED[cell]:
        moved = after[f"z_{key}"] - before[f"z_{key}"]
        expected = [[0, 1.5, 0, 0, 1.5]] if key == gate else np.zeros((1, 5))
        np.testing.assert_allclose(moved, expected, rtol=0, atol=EXACT)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("source", ["input", "recurrent"])
def test_scaled_weights_scale_what_the_gate_reads_from_there_alone(cell, source):
    model, gate = model_of(cell, bidirectional=True), PACKED[cell][0]
    edit = WeightEdit(op=f"scale_{source}", gate=gate, value=-3, units=[2], direction=1)
    changed = edited(model, [edit])
    name = {"input": "weight_ih", "recurrent": "weight_hh"}[source]
    for key, values in model.recurrent.named_parameters():
        expected = values.detach().clone()
        if key == f"{name}_l0_reverse":
            expected[2] *= -3  # the first packed gate's rows come first
        assert torch.equal(getattr(changed.recurrent, key), expected), key


@pytest.mark.parametrize("cell", CELLS)
def test_a_removed_unit_is_one_whose_state_is_held_at_zero(cell):
    model = model_of(cell, num_layers=2)
    changed = trace(edited(model, [WeightEdit(op="remove", units=[1, 3], layer=0)]), TEXT)
    held = trace(model, TEXT, interventions=[setting("h", 0.0, units=[1, 3], layer=0)])
    np.testing.assert_array_equal(changed.select("h", 0)[:, [1, 3]], 0)
    np.testing.assert_allclose(changed.outputs, held.outputs, rtol=0, atol=EXACT)
    assert np.abs(changed.outputs - trace(model, TEXT).outputs).max() > 1e-3


def test_edits_are_made_in_their_order_and_the_copy_stays_a_model():
    model = model_of("lstm")
    shift = WeightEdit(op="shift_bias", gate="f", value=2)
    remove = WeightEdit(op="remove", units=0)
    changed = edited(model, [shift, shift, remove])
    assert isinstance(changed, SequenceModel)
    moved = (changed.recurrent.bias_ih_l0 - model.recurrent.bias_ih_l0).detach().numpy()
    np.testing.assert_allclose(moved[5:10], 4, rtol=0, atol=EXACT)
    assert edited(model.recurrent, [remove]).weight_ih_l0[10].abs().max() == 0
    assert copy.deepcopy(changed).recurrent.weight_hh_l0.requires_grad


@pytest.mark.parametrize(
    "edit",
    [
        WeightEdit(op="remove", units=np.array([3, 1]), layer=0, direction=1),
        WeightEdit(op="scale_input", gate="z", value=0),
    ],
)
def test_edits_come_back_from_json(edit):
    assert WeightEdit.from_json(edit.to_json()) == edit


@pytest.mark.parametrize(
    ("field", "problem", "data"),
    [
        ("op", "must be one of shift_bias", {"op": "prune"}),
        ("op", "is missing", {}),
        ("gate", "must be one of", {"op": "shift_bias", "value": 1}),
        ("gate", "a removal has none", {"op": "remove", "gate": "f"}),
        ("value", "must be a number", {"op": "shift_bias", "gate": "f"}),
        ("value", "must be finite", {"op": "shift_bias", "gate": "f", "value": float("inf")}),
        ("value", "a removal has none", {"op": "remove", "value": 0}),
        ("units", "a unit twice", {"op": "remove", "units": [1, 1]}),
        ("layer", "whole number", {"op": "remove", "layer": "top"}),
        ("unit", "is no field", {"op": "remove", "unit": 3}),
        ("edit", "must be an object", ["remove"]),
        ("gate", "must be one of r, z, n; got f", {"op": "scale_input", "gate": "f", "value": 1}),
        ("units", "5 is out of range", {"op": "remove", "units": [5]}),
        ("layer", "1 of 1", {"op": "remove", "layer": 1}),
        ("direction", "1 of 1", {"op": "remove", "direction": 1}),
    ],
)
def test_an_edit_that_makes_no_sense_is_refused_and_the_field_named(field, problem, data):
    with pytest.raises(InputError, match=re.escape(problem)) as caught:
        edited(model_of("gru"), [WeightEdit.from_json(data)])
    assert caught.value.fields["field"] == field


def test_a_bias_that_is_not_there_cannot_be_shifted():
    with pytest.raises(InputError, match="shift_bias needs a bias"):
        edited(model_of("rnn", bias=False), [WeightEdit(op="shift_bias", gate="h", value=1)])


@pytest.mark.gpu
@pytest.mark.parametrize("cell", CELLS)
def test_on_a_gpu_the_same(cell):
    model, batch = model_of(cell), batch_of()
    expected = [one for r in ablation_map(model, TASK, batch=batch) for one in r.found]
    found = [one for r in ablation_map(model.cuda(), TASK, batch=batch) for one in r.found]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.effect.loss.value == pytest.approx(theirs.effect.loss.value, abs=1e-8)


def test_answer_that_is_no_number_is_not_right():
    model = model_of("lstm")
    with torch.no_grad():
        model.readout.bias[0] = torch.nan
    assert effect(model, TASK, [], sequences=20).accuracy.value == 0
