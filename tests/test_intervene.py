"""Interventions, against a loop over torch's own cells in which the changes are made by hand."""

import json
import re

import numpy as np
import oracle
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lstm_core import (
    Intervention,
    ModelConfig,
    SequenceModel,
    Trace,
    read_interventions,
    trace,
    trace_many,
    write_interventions,
)
from lstm_core.vocabulary import InputError, Vocabulary

EXACT = 1e-12
MODULES = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
KEYS = {"lstm": "ifgoch", "gru": "rznh", "rnn": "h"}


def build(kind, features=3, units=4, **options):
    return MODULES[kind](features, units, **({"dtype": torch.float64} | options))


def walk(time=6, features=3, seed=0):
    return np.random.default_rng(seed).normal(size=(time, features))


def setting(signal, value, **where):
    return Intervention(signal=signal, op="set", value=value, **where)


def steps_of(edit, time):
    spans = [(0, None)] if edit.times is None else edit.times
    return {t for start, stop in spans for t in range(time)[start:stop]}


def tapped(edits, key, step, values, time):
    """`values` ``[1, unit]`` after those of `edits` that concern this signal and step."""
    values = values.clone()
    for edit in edits:
        if edit.signal == key and step in steps_of(edit, time):
            for place, unit in enumerate(edit.units or range(values.shape[1])):
                by = edit.value[place] if isinstance(edit.value, tuple) else edit.value
                was = values[0, unit].item()
                values[0, unit] = {"set": by, "scale": was * by, "add": was + by}[edit.op]
    return values


def changed_step(kind, cell, x, state, tap):
    if kind == "rnn":
        return {"h": tap("h", cell(x, state["h"]))}
    if kind == "lstm":
        own = oracle.lstm_signals(cell, x, state["h"], state["c"])
        i, f, g, o = (tap(key, own[key]) for key in "ifgo")
        c = tap("c", f * state["c"] + i * g)
        return {"i": i, "f": f, "g": g, "o": o, "c": c, "h": tap("h", o * torch.tanh(c))}
    own = oracle.gru_signals(cell, x, state["h"])
    r, z = tap("r", own["r"]), tap("z", own["z"])
    without, whole = (
        torch.atanh(oracle.forced(cell, kind, z=oracle.SHUT, r=level)(x, state["h"]))
        for level in (oracle.SHUT, oracle.OPEN)
    )
    n = tap("n", torch.tanh(without + r * (whole - without)))
    return {"r": r, "z": z, "n": n, "h": tap("h", (1 - z) * n + z * state["h"])}


@torch.no_grad()
def stepped(module, kind, inputs, edits):
    """Every signal of every layer and direction, ``{(layer, direction): {key: [time, unit]}}``."""
    x, time, found = torch.as_tensor(inputs), len(inputs), {}
    for layer in range(module.num_layers):
        here = [e for e in edits if e.layer % module.num_layers == layer]
        x = torch.cat([tapped(here, "x", t, x[t : t + 1], time) for t in range(time)])
        for direction in range(1 + module.bidirectional):
            own = [e for e in here if e.direction == direction]
            cell = oracle.cell_of(module, kind, layer, direction)
            zero, several = torch.zeros(1, cell.hidden_size, dtype=torch.float64), {}
            step = {"h": zero, "c": zero}
            for t in reversed(range(time)) if direction else range(time):
                tap = lambda key, values, t=t, own=own: tapped(own, key, t, values, time)  # noqa: E731
                step = several[t] = changed_step(kind, cell, x[t : t + 1], step, tap)
            found[layer, direction] = {
                key: torch.cat([several[t][key] for t in range(time)]) for key in KEYS[kind]
            }
        x = torch.cat([found[layer, d]["h"] for d in range(1 + module.bidirectional)], dim=1)
    return found


@st.composite
def an_edit(draw, kind, module, time):
    signal = draw(st.sampled_from([*KEYS[kind], "x"]))
    layer = draw(st.integers(-module.num_layers, module.num_layers - 1))
    width = module.hidden_size
    if signal == "x":
        width = width * (1 + module.bidirectional) if layer % module.num_layers else 3
    units = draw(st.none() | st.lists(st.integers(0, width - 1), min_size=1, unique=True))
    numbers = st.floats(-0.9, 0.9, allow_subnormal=False)
    count = len(units) if units else width
    value = draw(numbers | st.lists(numbers, min_size=count, max_size=count))
    step = st.integers(0, time - 1)
    span = step.flatmap(lambda a: st.tuples(st.just(a), st.none() | st.integers(a + 1, time)))
    return Intervention(
        signal=signal,
        op=draw(st.sampled_from(["set", "scale", "add"])),
        value=value,
        units=units,
        times=draw(st.none() | step | st.lists(step | span, min_size=1, max_size=3)),
        layer=layer,
        direction=draw(st.integers(0, int(module.bidirectional and signal != "x"))),
    )


@st.composite
def setups(draw):
    kind = draw(st.sampled_from(["lstm", "gru", "rnn"]))
    options = {"num_layers": draw(st.integers(1, 2)), "bidirectional": draw(st.booleans())}
    options |= {"nonlinearity": draw(st.sampled_from(["tanh", "relu"]))} if kind == "rnn" else {}
    module = build(kind, 3, draw(st.integers(1, 3)), bias=draw(st.booleans()), **options)
    time = draw(st.integers(1, 5))
    edits = draw(st.lists(an_edit(kind, module, time), max_size=4))
    return kind, module, walk(time, seed=draw(st.integers(0, 99))), edits


@given(setups())
@settings(max_examples=60, deadline=None)
def test_every_signal_is_that_of_torchs_cells_with_the_changes_made_by_hand(setup):
    kind, module, inputs, edits = setup
    tr = trace(module, inputs, interventions=edits)
    for (layer, direction), signals in stepped(module, kind, inputs, edits).items():
        for key, expected in signals.items():
            gap = np.abs(tr.select(key, layer, direction) - expected.numpy()).max()
            assert gap <= EXACT, (key, layer, direction)
    assert tr.residual <= EXACT


@pytest.mark.parametrize("kind", MODULES)
def test_no_intervention_is_the_untouched_trace_to_the_bit(kind):
    module = build(kind, num_layers=2, bidirectional=True, dtype=torch.float32)
    expected = trace(module, walk(40))
    for again in (trace(module, walk(40), interventions=[]), trace_many(module, [walk(40)])[0]):
        for one, other in zip(again.layers, expected.layers, strict=True):
            assert one.residual == other.residual
            for key, values in other.signals.items():
                np.testing.assert_array_equal(one[key], values)


@pytest.mark.parametrize("options", [{}, {"proj_size": 2}, {"bias": False}, {"num_layers": 2}])
def test_a_change_that_changes_nothing_is_the_untouched_trace(options):
    module = build("lstm", bidirectional=True, **options)
    start = {name: s[:, 0].numpy() for name, s in starts(module).items()}
    expected = trace(module, walk(9), **start)
    for key in "ifgochx":
        nothing = Intervention(signal=key, op="scale", value=1, layer=0)
        again = trace(module, walk(9), interventions=[nothing], **start)
        for one, other in zip(again.layers, expected.layers, strict=True):
            for name, values in other.signals.items():
                np.testing.assert_allclose(one[name], values, rtol=0, atol=EXACT)


def starts(module):
    rows = module.num_layers * (1 + module.bidirectional)
    h = torch.linspace(-0.8, 0.8, rows * (module.proj_size or module.hidden_size))
    c = torch.linspace(-2, 2, rows * module.hidden_size)
    return {"h_0": h.reshape(rows, 1, -1).double(), "c_0": c.reshape(rows, 1, -1).double()}


@given(st.sampled_from(["lstm", "gru", "rnn"]), st.integers(0, 29), st.integers(0, 9))
@settings(deadline=None)
def test_before_the_first_change_nothing_moves_by_a_bit(kind, step, seed):
    module = build(kind, 3, 8, num_layers=2, dtype=torch.float32)
    state = "c" if kind == "lstm" else "h"
    edit = setting(state, 3.0, times=step, units=[2], layer=0)
    before, after = (trace(module, walk(30, seed=seed), interventions=e) for e in ([], [edit]))
    for one, other in zip(after.layers, before.layers, strict=True):
        for key, values in other.signals.items():
            np.testing.assert_array_equal(one[key][:step], values[:step])
    assert after.select(state, 0)[step, 2] == 3
    assert after.select("h", 0)[step, 2] != before.select("h", 0)[step, 2]


def test_reading_backwards_nothing_moves_after_the_change():
    module = build("gru", bidirectional=True)
    edit = setting("z", 0.0, times=4, direction=1)
    before, after = (trace(module, walk(9), interventions=e) for e in ([], [edit]))
    np.testing.assert_array_equal(after.select("h", 0, 1)[5:], before.select("h", 0, 1)[5:])
    np.testing.assert_array_equal(after.select("h", 0, 0), before.select("h", 0, 0))
    assert (after.select("h", 0, 1)[:5] != before.select("h", 0, 1)[:5]).all()


def test_a_closed_forget_gate_leaves_only_what_is_written():
    layer = trace(build("lstm"), walk(), interventions=[setting("f", 0.0, times=range(2, 4))])["f"]
    assert (layer == 0).all(axis=1).tolist() == [False, False, True, True, False, False]
    tr = trace(build("lstm"), walk(), interventions=[setting("f", 0.0)])
    np.testing.assert_allclose(tr["c"], tr["i"] * tr["g"], rtol=0, atol=EXACT)


def test_a_gate_held_open_with_nothing_written_keeps_the_state_for_ever():
    edits = [setting("f", 1.0), setting("i", 0.0)]
    start = starts(build("lstm"))["c_0"][:, 0].numpy()
    tr = trace(build("lstm"), walk(30), interventions=edits, c_0=start)
    np.testing.assert_array_equal(tr["c"], np.repeat(start, 30, axis=0))


def test_order_matters_and_is_that_of_the_list():
    add = Intervention(signal="h", op="add", value=1, units=[0], times=3)
    double = Intervention(signal="h", op="scale", value=2, units=[0], times=3)
    module = build("rnn")
    h = trace(module, walk())["h"][3, 0]
    for edits, expected in (
        ([add, double], (h + 1) * 2),
        ([double, add], h * 2 + 1),
        ([add, double, add], (h + 1) * 2 + 1),
    ):
        found = trace(module, walk(), interventions=edits)["h"][3, 0]
        assert found == pytest.approx(expected, abs=EXACT)


def test_a_set_replaces_what_is_no_number():
    inputs = walk()
    inputs[2, 1] = np.nan
    tr = trace(build("rnn"), inputs, interventions=[setting("x", 0.5, units=[1], times=2)])
    inputs[2, 1] = 0.5
    np.testing.assert_array_equal(tr.layer().inputs, inputs)
    assert np.isfinite(tr["h"]).all()


@pytest.mark.parametrize("kind", MODULES)
def test_many_sequences_side_by_side_are_each_alone(kind):
    module = build(kind, num_layers=2, bidirectional=True)
    edits = [
        setting("h", 0.1, times=[1, (2, None)], direction=1, layer=0),
        Intervention(signal="x", op="add", value=1, times=0, layer=1),
    ]
    sequences = [walk(time, seed=time) for time in (7, 3, 5)]
    for inputs, one in zip(
        sequences, trace_many(module, sequences, interventions=edits), strict=True
    ):
        alone = trace(module, inputs, interventions=edits)
        for layer, other in zip(one.layers, alone.layers, strict=True):
            np.testing.assert_allclose(layer.inputs, other.inputs, rtol=0, atol=EXACT)
            for key, values in other.signals.items():
                np.testing.assert_allclose(layer[key], values, rtol=0, atol=EXACT)


def test_a_model_answers_from_the_changed_states():
    config = ModelConfig(cell="lstm", input_size=4, hidden_size=5, output_size=4)
    model = SequenceModel(config, Vocabulary.one_hot("abcd"))
    tr = trace(model, "abcab", interventions=[setting("h", 0.0, times=[1, 4])])
    bias = model.readout.bias.detach().numpy()
    np.testing.assert_array_equal(tr.outputs[[1, 4]], np.stack([bias, bias]))
    assert (np.abs(tr.outputs[[0, 2, 3]] - bias).max(axis=1) > 0).all()


def test_the_module_is_left_alone():
    module = build("lstm", num_layers=2)
    before = oracle.untouched(module)
    trace(module, walk(), interventions=[setting("f", 0.0), setting("x", 0.0)])
    assert oracle.untouched(module) == before


def test_a_changed_trace_is_saved_and_loaded(tmp_path):
    edits = [setting("x", 0.5, units=[1]), setting("h", 0.0, direction=1)]
    tr = trace(build("gru", bidirectional=True), walk(), interventions=edits)
    tr.save(tmp_path / "changed.npz")
    again = Trace.load(tmp_path / "changed.npz")
    for one, other in zip(again.layers, tr.layers, strict=True):
        np.testing.assert_array_equal(one.inputs, other.inputs)
        np.testing.assert_array_equal(one["h"], other["h"])


def test_times_are_kept_sorted_and_merged():
    edit = setting("f", 0.0, times=[7, (2, 4), 4, range(5, 6), (9, None)])
    assert edit.times == ((2, 6), (7, 8), (9, None))
    assert edit == setting("f", 0.0, times=((9, None), 7, range(2, 6), 10))
    assert edit.to_json()["times"] == [[2, 6], 7, [9, None]]
    assert setting("f", 0.0, times=range(3)).times == ((0, 3),)


@given(setups())
@settings(deadline=None)
def test_json_brings_back_the_same_interventions(setup):
    edits = tuple(setup[3])
    assert read_interventions(write_interventions(edits)) == edits
    assert [Intervention.from_json(json.loads(json.dumps(e.to_json()))) for e in edits] == [*edits]


def test_json_is_short_where_defaults_serve():
    edit = setting("f", 0, units=np.array([3]), times=np.int64(20))
    text = '[{"signal":"f","op":"set","value":0.0,"units":[3],"times":[20]}]'
    assert write_interventions([edit]) == text


@pytest.mark.parametrize(
    ("field", "problem", "change"),
    [
        ("signal", "must be one of", {"signal": "q"}),
        ("signal", "must be one of", {"signal": ["f"]}),
        ("op", "must be one of set, scale, add", {"op": "mul"}),
        ("value", "must be finite", {"value": float("nan")}),
        ("value", "must be finite", {"value": float("-inf")}),
        ("value", "must be finite", {"value": 10**400}),
        ("value", "must be finite", {"value": [0.0, 1e200]}),
        ("value", "must be a number, got True", {"value": True}),
        ("value", "must be a number", {"value": None}),
        ("value", "must be a number", {"value": "0.5"}),
        ("value", "holds 2 numbers for 3 units", {"value": [1, 2], "units": [0, 1, 2]}),
        ("units", "empty list", {"units": []}),
        ("units", "-1 is below 0", {"units": [2, -1]}),
        ("units", "a unit twice", {"units": [2, 2]}),
        ("units", "whole number, got 1.5", {"units": [1.5]}),
        ("units", "must be a whole number", {"units": [[0]]}),
        ("times", "whole number, got True", {"times": [True]}),
        ("times", "a number or a list", {"times": "all"}),
        ("times", "from 5 to 5 holds no step", {"times": [[5, 5]]}),
        ("times", "from -1 to 3", {"times": [[-1, 3]]}),
        ("times", "a pair", {"times": [[1, 2, 3]]}),
        ("times", "step 1", {"times": range(0, 9, 2)}),
        ("layer", "whole number, got 0.0", {"layer": 0.0}),
        ("direction", "must be 0 or 1, got 2", {"direction": 2}),
    ],
)
def test_what_makes_no_sense_is_refused_and_the_field_named(field, problem, change):
    with pytest.raises(InputError, match=re.escape(problem)) as caught:
        Intervention(**({"signal": "f", "op": "set", "value": 0.5} | change))
    assert caught.value.fields["field"] == field
    assert str(caught.value).startswith(field)


@pytest.mark.parametrize(
    ("field", "problem", "edit"),
    [
        ("signal", "'r' is not there; this LSTM has f, i, o, g, c, h, x", setting("r", 0)),
        ("layer", "2 of 2", setting("f", 0, layer=2)),
        ("layer", "-3 of 2", setting("f", 0, layer=-3)),
        ("direction", "reads forwards only", setting("f", 0, direction=1)),
        ("direction", "'x' is shared", setting("x", 0, direction=1)),
        ("units", "4 is out of range; 'f' goes from 0 to 3", setting("f", 0, units=[0, 4])),
        ("units", "3 is out of range; 'x' goes", setting("x", 0, units=3, layer=0)),
        ("value", "holds 3 numbers for 4 units", setting("f", [0, 0, 0])),
        ("times", "step 6 is out of range; it has 6 steps", setting("f", 0, times=[(2, 7)])),
        ("times", "step 9 is out of range", setting("f", 0, times=[(9, None)])),
    ],
)
def test_what_the_network_does_not_have_is_refused_and_the_field_named(field, problem, edit):
    with pytest.raises(InputError, match=re.escape(problem)) as caught:
        trace(build("lstm", num_layers=2), walk(), interventions=[edit])
    assert caught.value.fields["field"] == field


def test_something_else_in_the_list_is_refused():
    with pytest.raises(TypeError, match="expected an Intervention, got dict"):
        trace(build("rnn"), walk(), interventions=[{"signal": "h"}])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no JSON"),
        ("[" * 9000, "no JSON"),
        ("{}", "must be a list"),
        ("[3]", "number 1: intervention: must be an object"),
        ('[{"signal":"f","signal":"i"}]', "signal: is given twice"),
        ('[{"signal":"f","op":"set","value":NaN}]', "value: must be finite, got NaN"),
        ('[{"signal":"f","op":"set"}]', "value: is missing"),
        ('[{"signal":"f","op":"set","value":1,"unit":3}]', "unit: is no field"),
        ('[{"signal":"f","op":"set","value":' + "9" * 5000 + "}]", "no JSON"),
        (" " * 16_385, "16385 characters long; 16384 are allowed"),
        ("[" + ",".join(["0"] * 65) + "]", "65 items; 64 are allowed"),
    ],
)
def test_damaged_or_oversized_json_is_refused(text, problem):
    with pytest.raises(InputError, match=re.escape(problem)):
        read_interventions(text)


def test_the_message_says_which_of_several():
    text = '[{"signal":"f","op":"set","value":1},{"signal":"f","op":"set","value":1,"units":[]}]'
    with pytest.raises(InputError, match=r"^number 2: units") as caught:
        read_interventions(text)
    assert caught.value.fields["number"] == 2


@pytest.mark.gpu
@pytest.mark.parametrize("kind", MODULES)
def test_on_a_gpu_the_same(kind):
    module, edits = build(kind), [setting("h", 0.5, units=[1], times=range(3, 9))]
    expected = trace(module, walk(20), interventions=edits)
    found = trace(module.cuda(), walk(20), interventions=edits)
    np.testing.assert_allclose(found["h"], expected["h"], rtol=0, atol=1e-10)
