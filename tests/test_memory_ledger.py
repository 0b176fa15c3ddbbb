"""Ledgers: sums that meet the state, the answer and the difference they account for."""

import copy
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lstm_core import (
    Intervention,
    ModelConfig,
    SequenceModel,
    WeightEdit,
    age_of_memory,
    counterfactual_ledger,
    difference,
    edited,
    ledger,
    ledger_over_time,
    logit_ledger,
    trace,
)

EXACT = 1e-12
MODULES = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
STATE = {"lstm": "c", "gru": "h"}


def build(kind, features=3, units=4, **options):
    return MODULES[kind](features, units, **({"dtype": torch.float64} | options))


def walk(time=6, features=3, seed=0):
    return np.random.default_rng(seed).normal(size=(time, features))


@st.composite
def traces(draw, kinds=("lstm", "gru"), bidirectional=None):
    kind = draw(st.sampled_from(kinds))
    options = {
        "num_layers": draw(st.integers(1, 2)),
        "bidirectional": draw(st.booleans()) if bidirectional is None else bidirectional,
        "bias": draw(st.booleans()),
    }
    if kind == "lstm":
        options["proj_size"] = draw(st.integers(0, 2))
    module = build(kind, **options)
    with torch.no_grad():  # gates that differ more than those of a fresh module
        for weight in module.parameters():
            weight *= draw(st.sampled_from([1, 4]))
    rows = module.num_layers * (1 + module.bidirectional)
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    start = {"h_0": rng.uniform(-0.9, 0.9, size=(rows, module.proj_size or 4))}
    if kind == "lstm":
        start["c_0"] = rng.normal(size=(rows, 4))
    return trace(module, walk(draw(st.integers(1, 90)), seed=draw(st.integers(0, 9))), **start)


@given(traces(), st.integers(0, 99))
def test_ledger_sums_to_the_state(tr, t):
    t %= len(tr)
    for layer in tr.layers:
        found = ledger(tr, t, layer=layer.layer, direction=layer.direction)
        np.testing.assert_allclose(found.total, layer[STATE[tr.cell]][t], rtol=0, atol=EXACT)
        unread = slice(0, t) if layer.direction else slice(t + 1, None)
        np.testing.assert_array_equal(found.writes[unread], 0)


def test_ledger_of_one_unit_by_hand():
    tr = trace(build("lstm"), walk(3), c_0=np.full((1, 4), 0.5))
    f, i, g = tr["f"], tr["i"], tr["g"]
    found = ledger(tr, 2)
    np.testing.assert_allclose(found.writes[0], f[2] * f[1] * i[0] * g[0], rtol=0, atol=EXACT)
    np.testing.assert_allclose(found.writes[2], i[2] * g[2], rtol=0, atol=EXACT)
    np.testing.assert_allclose(found.initial, f[2] * f[1] * f[0] * 0.5, rtol=0, atol=EXACT)


@given(traces(), st.booleans())
@settings(max_examples=50)
def test_ledger_over_time_is_the_ledger_of_every_step_summed_over_units(tr, absolute):
    layer = tr.layers[-1]
    place = {"layer": layer.layer, "direction": layer.direction}
    found = ledger_over_time(tr, absolute=absolute, **place)
    size = np.abs if absolute else np.asarray
    for t in range(len(tr)):
        one = ledger(tr, t, **place)
        np.testing.assert_allclose(
            found.writes[t], size(one.writes).sum(axis=1), rtol=0, atol=EXACT
        )
        assert found.initial[t] == pytest.approx(size(one.initial).sum(), abs=EXACT)
    if not absolute:
        sums = found.writes.sum(axis=1) + found.initial
        np.testing.assert_allclose(sums, layer[STATE[tr.cell]].sum(axis=1), rtol=0, atol=1e-11)


def test_ledger_over_time_never_holds_time_by_time_by_unit():
    tr = trace(build("lstm", 3, 64, dtype=torch.float32), walk(500))
    tracemalloc.start()
    try:
        ledger_over_time(tr)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    matrix, layer = 500 * 500 * 8, 500 * 64 * 8
    assert matrix < peak < 3 * matrix + 12 * layer < 500 * 500 * 64


@given(traces(kinds=("gru",)), st.integers(0, 99))
def test_age_of_memory_is_a_distribution_whose_mean_candidate_is_the_state(tr, t):
    t %= len(tr)
    for layer in tr.layers:
        age = age_of_memory(tr, t, layer=layer.layer, direction=layer.direction)
        assert age.weights.min() >= 0
        assert age.initial.min() >= 0
        np.testing.assert_allclose(age.weights.sum(axis=0) + age.initial, 1, rtol=0, atol=EXACT)
        mean = (age.weights * layer["n"]).sum(axis=0) + age.initial * layer.h_0
        np.testing.assert_allclose(mean, layer["h"][t], rtol=0, atol=EXACT)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("proj_size", [0, 3])
def test_logit_ledger_sums_to_the_logit(kind, bidirectional, proj_size):
    config = ModelConfig(
        cell=kind,
        input_size=3,
        hidden_size=5,
        output_size=4,
        num_layers=2,
        bidirectional=bidirectional,
        proj_size=proj_size if kind == "lstm" else 0,
    )
    model = SequenceModel(config).double()
    rows = 2 * (1 + bidirectional)
    tr = trace(model, walk(9), h_0=walk(rows, config.proj_size or 5) / 9)
    for t in range(9):
        for direction in range(1 + bidirectional):
            found = logit_ledger(tr, model, t, 2, direction=direction)
            assert found.logit == pytest.approx(tr.outputs[t, 2], abs=EXACT)
            parts = found.terms.sum() + found.initial.sum() + found.bias + found.other
            assert parts == pytest.approx(found.logit, abs=EXACT)
    assert (found.other != 0) == bidirectional


def test_term_of_a_logit_is_what_the_answer_gained_when_the_step_was_written():
    config = ModelConfig(cell="lstm", input_size=3, hidden_size=4, output_size=2)
    model = SequenceModel(config).double()
    tr = trace(model, walk(4))
    c, f, o = tr["c"], tr["f"], tr["o"]
    row = model.readout.weight.detach().numpy()[1]
    found = logit_ledger(tr, model, 3, 1)
    before, after = f[3] * f[2] * f[1] * c[0], f[3] * f[2] * c[1]
    expected = row * o[3] * (np.tanh(after) - np.tanh(before))
    np.testing.assert_allclose(found.writes[1], expected, rtol=0, atol=EXACT)


def change_of(tr_inputs, at, seed=5):
    changed = tr_inputs.copy()
    changed[at] = walk(1, tr_inputs.shape[1], seed)
    return changed


@given(st.sampled_from(["lstm", "gru"]), st.integers(0, 19), st.integers(0, 19), st.booleans())
def test_counterfactual_shares_sum_to_one(kind, changed_at, t, backwards):
    if (t < changed_at) != backwards:
        t, changed_at = changed_at, t
    module = build(kind, bidirectional=True)
    tr, changed = trace(module, walk(20)), trace(module, change_of(walk(20), changed_at))
    direction = int(backwards)
    found = counterfactual_ledger(tr, changed, changed_at, t, direction=direction)
    gap = tr.select(STATE[kind], direction=direction) - changed.select(
        STATE[kind], direction=direction
    )
    assert found.difference == pytest.approx(np.linalg.norm(gap[t]), abs=EXACT)
    assert found.erased + found.written + found.relayed == pytest.approx(1, abs=1e-9)
    assert found.shares.sum() + found.initial == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_at_the_change_itself_nothing_is_relayed_and_without_a_past_nothing_erased(kind):
    module = build(kind)
    tr, changed = trace(module, walk()), trace(module, change_of(walk(), 0))
    found = counterfactual_ledger(tr, changed, 0, 0)
    assert (found.erased, found.relayed) == (0, 0)
    assert found.written == pytest.approx(1, abs=EXACT)
    later = counterfactual_ledger(tr, changed, 0, 5)
    assert (later.erased, later.relayed != 0) == (0, True)


def test_a_change_that_only_shuts_the_forget_gate_is_all_erasure():
    module = build("lstm", 1, 2)
    with torch.no_grad():
        for weight in module.parameters():
            weight.zero_()
        module.weight_ih_l0[2:4] = -3
        module.bias_ih_l0[4:6] = 1
    tr = trace(module, np.zeros((6, 1)))
    changed = trace(module, np.eye(6)[:, 3:4])
    found = counterfactual_ledger(tr, changed, 3, 5)
    assert (found.erased, found.written, found.relayed) == pytest.approx((1, 0, 0), abs=EXACT)


def test_no_difference_has_no_shares():
    tr = trace(build("lstm"), walk())
    found = counterfactual_ledger(tr, tr, 2, 4)
    assert found.difference == 0
    assert np.isnan(found.shares).all()


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_float32_sums_to_its_own_state_within_its_rounding(kind):
    module = copy.deepcopy(build(kind, 5, 32)).float()
    tr = trace(module, walk(200, 5))
    total = ledger(tr, 199).total
    assert total.dtype == np.float64
    assert 0 < np.abs(total - tr[STATE[kind]][199]).max() < 1e-6


def test_errors_say_what_was_wrong():
    plain, lstm = trace(build("rnn"), walk()), trace(build("lstm"), walk())
    for function in (
        lambda: ledger(plain, 0),
        lambda: ledger_over_time(plain),
        lambda: age_of_memory(plain, 0),
        lambda: counterfactual_ledger(plain, plain, 0, 1),
    ):
        with pytest.raises(ValueError, match=r"all of its state is rewritten at each step"):
            function()
    with pytest.raises(ValueError, match="f and i need not sum to 1"):
        age_of_memory(lstm, 0)
    with pytest.raises(IndexError, match="step 6 of a sequence with 6"):
        ledger(lstm, 6)
    with pytest.raises(ValueError, match="a bare module has no outputs"):
        logit_ledger(lstm, build("lstm"), 0, 0)
    with pytest.raises(ValueError, match="step 1 is read before step 3"):
        counterfactual_ledger(lstm, lstm, 3, 1)
    with pytest.raises(ValueError, match="at step 3 alone, but they differ at 0, 1"):
        counterfactual_ledger(lstm, trace(build("lstm"), walk(seed=1)), 3, 4)
    with pytest.raises(ValueError, match="not of the same module and length"):
        counterfactual_ledger(lstm, trace(build("lstm"), walk(7)), 3, 4)
    config = ModelConfig(cell="rnn", input_size=3, hidden_size=4, output_size=2)
    model = SequenceModel(config).double()
    with pytest.raises(ValueError, match="plain RNN"):
        logit_ledger(trace(model, walk()), model, 0, 0)
    with pytest.raises(IndexError, match="output 2 of a model with 2"):
        logit_ledger(trace(model, walk()), model, 0, 2)


def answering(kind="lstm", seed=0, dtype=torch.float64, **options):
    torch.manual_seed(seed)
    sizes = {"input_size": 3, "hidden_size": 4, "output_size": 2} | options
    return SequenceModel(ModelConfig(cell=kind, **sizes)).to(dtype)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}])
def test_logit_ledger_of_another_model_of_the_same_sizes_is_refused(kind, options):
    model = answering(kind, **options)
    tr = trace(model, walk())
    with pytest.raises(ValueError, match=r"recurrent weights .* are not those of the trace"):
        logit_ledger(tr, answering(kind, seed=1, **options), 3, 1)
    other_head = copy.deepcopy(model)
    with torch.no_grad():
        other_head.readout.weight += 0.01
    with pytest.raises(ValueError, match="does not give the answers of the trace at step 3"):
        logit_ledger(tr, other_head, 3, 1)
    more_answers = answering(kind, **options | {"output_size": 3})
    more_answers.recurrent = model.recurrent
    with pytest.raises(ValueError, match="does not give the answers of the trace at step 3"):
        logit_ledger(tr, more_answers, 3, 1)


@pytest.mark.parametrize("other", [{"num_layers": 2}, {"bidirectional": True}, {"bias": False}])
def test_logit_ledger_of_a_model_of_another_shape_is_refused(other):
    tr = trace(answering(), walk())
    for model in (answering(**other), answering("gru")):
        with pytest.raises(ValueError, match=r"recurrent weights .* are not those of the trace"):
            logit_ledger(tr, model, 3, 1)


def test_logit_ledger_of_a_model_that_was_trained_on_is_refused():
    model = answering()
    tr = trace(model, walk())
    with torch.no_grad():
        model.recurrent.weight_ih_l0[0, 0] += 1e-6
    with pytest.raises(ValueError, match="the model that was traced, as it was then"):
        logit_ledger(tr, model, 3, 1)


def test_logit_ledger_of_edited_weights_wants_the_edited_model():
    model = answering()
    longer = edited(model, [WeightEdit(op="shift_bias", gate="f", value=2)])
    tr = trace(longer, walk())
    assert logit_ledger(tr, longer, 5, 0).logit == pytest.approx(tr.outputs[5, 0], abs=EXACT)
    with pytest.raises(ValueError, match="recurrent weights"):
        logit_ledger(tr, model, 5, 0)


@pytest.mark.parametrize(("kind", "signals"), [("lstm", "xifgo"), ("gru", "xrzn")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_logit_ledger_of_a_changed_run_sums_to_its_own_answers(kind, signals, dtype):
    model = answering(kind, dtype=dtype)
    for signal in signals:
        held = Intervention(signal=signal, op="set", value=0.3, times=range(1, 4))
        tr = trace(model, walk(), interventions=[held])
        found = logit_ledger(tr, model, 5, 1)
        assert found.logit == pytest.approx(tr.outputs[5, 1], abs=1e-6)


@pytest.mark.parametrize(("kind", "signal"), [("lstm", "c"), ("lstm", "h"), ("gru", "h")])
def test_logit_ledger_where_a_state_was_set_is_refused(kind, signal):
    """No step wrote it, so the shares do not add up to the answer."""
    model = answering(kind)
    held = Intervention(signal=signal, op="set", value=0.9, times=3)
    tr = trace(model, walk(), interventions=[held])
    with pytest.raises(ValueError, match=r"an intervention set (c or )?h itself|set c itself"):
        logit_ledger(tr, model, 3, 1)
    assert logit_ledger(tr, model, 2, 1).logit == pytest.approx(tr.outputs[2, 1], abs=EXACT)


def test_logit_ledger_of_long_float32_traces_is_not_refused():
    model = answering(hidden_size=32, dtype=torch.float32)
    with torch.no_grad():
        model.recurrent.bias_ih_l0[32:64] += 30  # nothing is forgotten, so rounding adds up
    tr = trace(model, walk(3000))
    found = logit_ledger(tr, model, 2999, 1)
    assert found.logit == pytest.approx(tr.outputs[2999, 1], abs=1e-4)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_logit_ledger_of_a_broken_model_is_nan(value):
    model = answering()
    nn.init.constant_(model.readout.weight, value)
    assert np.isnan(logit_ledger(trace(model, walk()), model, 3, 1).logit)


@pytest.mark.gpu
@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_logit_ledger_of_a_trace_on_a_gpu(kind):
    model = answering(kind, hidden_size=64, dtype=torch.float32).cuda()
    tr = trace(model, walk(200))
    assert logit_ledger(tr, model, 199, 1).logit == pytest.approx(tr.outputs[199, 1], abs=0.02)
    assert logit_ledger(tr, model.cpu(), 199, 1).at == 199


def test_a_difference_has_no_shares():
    model = answering()
    was, now = trace(model, walk()), trace(model, change_of(walk(), 2))
    gap = difference(now, was)
    with pytest.raises(ValueError, match="this is a difference of two traces"):
        logit_ledger(gap, model, 3, 1)
    for pair in ((gap, now), (was, gap)):
        with pytest.raises(ValueError, match="this is a difference of two traces"):
            counterfactual_ledger(*pair, 2, 3)


def test_counterfactual_ledger_of_two_modules_is_refused():
    was = trace(answering(), walk())
    with pytest.raises(ValueError, match="made with different weights"):
        counterfactual_ledger(was, trace(answering(seed=1), change_of(walk(), 2)), 2, 4)
    with pytest.raises(ValueError, match="not of the same module and length"):
        counterfactual_ledger(was, trace(answering(num_layers=2), walk()), 2, 4)


def test_counterfactual_ledger_from_two_starts_is_refused():
    model = answering()
    now = trace(model, change_of(walk(), 2), c_0=np.ones((1, 4)))
    with pytest.raises(ValueError, match="start from different states"):
        counterfactual_ledger(trace(model, walk()), now, 2, 4)


def test_a_missing_number_in_both_inputs_is_no_difference():
    module, inputs = build("lstm"), walk()
    inputs[1] = np.nan
    was, now = trace(module, inputs), trace(module, change_of(inputs, 4))
    assert np.isnan(counterfactual_ledger(was, now, 4, 5).difference)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_counterfactual_ledger_where_the_state_was_set_is_refused(kind):
    module, held = build(kind), Intervention(signal=STATE[kind], op="set", value=0.9, times=3)
    was, now = (trace(module, x, interventions=[held]) for x in (walk(), change_of(walk(), 1)))
    assert counterfactual_ledger(was, now, 1, 2).difference > 0
    with pytest.raises(ValueError, match=f"set {STATE[kind]} itself at step 3"):
        counterfactual_ledger(was, now, 1, 4)


@pytest.mark.parametrize("direction", [0, 1])
@pytest.mark.parametrize(("kind", "state"), [(nn.LSTM, "c"), (nn.GRU, "h")])
def test_state_that_was_set_is_no_sum(kind, state, direction):
    torch.manual_seed(0)
    module, x = kind(3, 4, bidirectional=True), torch.randn(9, 3)
    place = {"direction": direction, "times": 5, "units": 2}
    moved = trace(
        module, x, interventions=[Intervention(signal=state, op="add", value=0.01, **place)]
    )
    with pytest.raises(ValueError, match=f"set {state} itself at step 5"):
        ledger(moved, 4 if direction else 7, direction=direction)
    with pytest.raises(ValueError, match=f"set {state} itself at step 5"):
        ledger_over_time(moved, direction=direction)
    gate = "f" if kind is nn.LSTM else "z"
    shut = trace(module, x, interventions=[Intervention(signal=gate, op="set", value=0, **place)])
    total = ledger(shut, 4, direction=direction).total
    expected = shut.select(state, 0, direction)[4]
    np.testing.assert_allclose(total, expected, rtol=0, atol=1e-6)
