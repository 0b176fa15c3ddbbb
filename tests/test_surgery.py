"""Changes of a page as data, and the traces that follow from them."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_core.edit import WeightEdit, edited
from lstm_core.intervene import Intervention
from lstm_core.model import ModelConfig, SequenceModel
from lstm_core.tasks import TASKS
from lstm_core.trace import trace
from lstm_core.vocabulary import InputError
from viz.surgery import Change, Replacement, operate, read_changes, write_changes

CELLS = ("lstm", "gru", "rnn")

interventions = st.builds(
    Intervention,
    signal=st.sampled_from("fiogchxrzn"),
    op=st.sampled_from(["set", "scale", "add"]),
    value=st.floats(-9, 9),
    units=st.none() | st.lists(st.integers(0, 40), min_size=1, max_size=4, unique=True).map(tuple),
    times=st.none() | st.lists(st.integers(0, 90), min_size=1, max_size=4),
    layer=st.sampled_from([-1, 0]),
)
edits = st.builds(
    WeightEdit,
    op=st.sampled_from(["shift_bias", "scale_input", "scale_recurrent"]),
    gate=st.sampled_from("figo"),
    value=st.floats(-9, 9),
)
replacements = st.builds(Replacement, time=st.integers(0, 90), token=st.sampled_from(["A", "!B"]))
changes = st.one_of(
    st.builds(Change, act=interventions | edits, model=st.sampled_from(CELLS), on=st.booleans()),
    st.builds(Change, act=replacements, on=st.booleans()),
)


def model(cell: str, hidden_size: int = 5) -> SequenceModel:
    torch.manual_seed(7)
    vocabulary = TASKS["recall"].vocabulary
    config = ModelConfig(
        cell=cell,
        input_size=len(vocabulary.feature_names),
        hidden_size=hidden_size,
        output_size=8,
    )
    return SequenceModel(config, vocabulary)


IDS = TASKS["recall"].parse("AB!CDEF?GH").ids


@given(st.lists(changes, max_size=6).map(tuple))
@settings(max_examples=60, deadline=None)
def test_changes_come_back_from_their_text(some):
    assert read_changes(write_changes(some), CELLS) == some


def test_no_text_is_no_change():
    assert read_changes("", CELLS) == ()


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({"model": "lstm", "signal": "q", "op": "set", "value": 0}, "signal"),
        ({"model": "lstm", "signal": "f", "op": "double", "value": 0}, "op"),
        ({"model": "lstm", "signal": "f", "op": "set", "value": "1"}, "value"),
        ({"model": "lstm", "signal": "f", "op": "set"}, "value"),
        ({"model": "lstm", "signal": "f", "op": "set", "value": 0, "units": [-1]}, "units"),
        ({"model": "lstm", "signal": "f", "op": "set", "value": 0, "times": [[3, 2]]}, "times"),
        ({"model": "cnn", "signal": "f", "op": "set", "value": 0}, "model"),
        ({"signal": "f", "op": "set", "value": 0}, "model"),
        ({"model": "lstm", "op": "shift_bias", "gate": "f", "value": None}, "value"),
        ({"model": "lstm", "op": "shift_bias", "gate": "f", "value": 1, "when": 3}, "when"),
        ({"model": "lstm", "signal": "f", "op": "set", "value": 0, "on": "yes"}, "on"),
        ({"token": "A", "time": 1, "model": "lstm"}, "model"),
        ({"token": "A"}, "time"),
        ({"token": "A", "time": -1}, "time"),
        ({"token": "", "time": 1}, "token"),
        ({"token": 7, "time": 1}, "token"),
        ({"token": "A", "time": 1, "x": 2}, "x"),
        ("f", "change"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_field(item, field):
    good = {"token": "A", "time": 0}
    with pytest.raises(InputError) as caught:
        read_changes(json.dumps([good, item]), CELLS)
    assert caught.value.fields["field"] == field
    assert caught.value.fields["number"] == 2


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('[{"model":[],"signal":"f","op":"set","value":0}]', "model"),
        ('[{"model":{},"signal":"f","op":"set","value":0}]', "model"),
        ('[{"token":"\\ud800","time":1}]', "text"),
        ('[{"\\udfff":1,"token":"A","time":1}]', "text"),
        ('[{"token":"A","time":%s}]' % ("9" * 4000), "time"),
        (
            '[{"model":"lstm","signal":"f","op":"set","value":0,"times":[[5,%s]]}]' % ("9" * 4000),
            "times",
        ),
        ('[{"model":"lstm","signal":"f","op":"set","value":%s}]' % ("9" * 4000), "value"),
        ("[" * 9000, "text"),
        ("[" + "{}," * 64 + "{}]", "text"),
        (" " * 20_000, "text"),
    ],
)
def test_hostile_text_is_refused_in_a_short_sentence(text, field):
    with pytest.raises(InputError) as caught:
        read_changes(text, CELLS)
    assert caught.value.fields["field"] == field
    assert len(str(caught.value)) < 300
    str(caught.value).encode()


@pytest.mark.parametrize(
    ("signal", "cell"), [("f", "lstm"), ("c", "lstm"), ("z", "gru"), ("h", "gru"), ("h", "rnn")]
)
def test_a_change_is_the_intervention_of_the_core(signal, cell):
    act = Intervention(signal=signal, op="set", value=0.25, units=2, times=4)
    models = {name: model(name) for name in CELLS}
    done = operate(models, IDS, [Change(act=act, model=cell)])
    assert set(done.traces) == {cell}
    expected = trace(models[cell], IDS, interventions=[act])
    for key, values in expected.layer().signals.items():
        np.testing.assert_array_equal(done.traces[cell][key], values)


def test_weights_are_edited_and_the_model_stays_as_it_was():
    lstm = model("lstm")
    before = {name: weight.clone() for name, weight in lstm.state_dict().items()}
    act = WeightEdit(op="shift_bias", gate="f", value=3)
    done = operate({"lstm": lstm}, IDS, [Change(act=act, model="lstm")])
    expected = trace(edited(lstm, [act]), IDS)
    np.testing.assert_array_equal(done.traces["lstm"]["c"], expected["c"])
    assert all(torch.equal(before[name], weight) for name, weight in lstm.state_dict().items())


def test_all_models_read_the_token_that_replaces_another():
    models = {name: model(name) for name in CELLS}
    done = operate(models, IDS, [Change(act=Replacement(time=2, token="!H"))])
    other = IDS.copy()
    other[2] = TASKS["recall"].vocabulary.tokens.index("!H")
    assert done.replaced == {2: "!H"}
    for name, found in done.traces.items():
        np.testing.assert_array_equal(found["h"], trace(models[name], other)["h"])


def test_a_change_that_is_off_is_not_made():
    act = Intervention(signal="f", op="set", value=0)
    done = operate({"lstm": model("lstm")}, IDS, [Change(act=act, model="lstm", on=False)])
    assert not done.traces
    assert not done.problems


@pytest.mark.parametrize(
    ("act", "field"),
    [
        (Intervention(signal="f", op="set", value=0, units=5), "units"),
        (Intervention(signal="f", op="set", value=0, times=99), "times"),
        (Intervention(signal="z", op="set", value=0), "signal"),
        (Intervention(signal="f", op="set", value=0, layer=3), "layer"),
        (WeightEdit(op="shift_bias", gate="z", value=1), "gate"),
        (WeightEdit(op="remove", units=(9,)), "units"),
        (Replacement(time=99, token="A"), "time"),
        (Replacement(time=0, token="Z"), "token"),
    ],
)
def test_what_does_not_fit_is_reported_and_the_rest_is_made(act, field):
    named = "" if isinstance(act, Replacement) else "lstm"
    good = Intervention(signal="c", op="set", value=0, times=3)
    lstm = model("lstm")
    done = operate(
        {"lstm": lstm}, IDS, [Change(act=act, model=named), Change(act=good, model="lstm")]
    )
    assert {place: error.fields["field"] for place, error in done.problems.items()} == {0: field}
    expected = trace(lstm, IDS, interventions=[good])
    np.testing.assert_array_equal(done.traces["lstm"]["h"], expected["h"])


def test_models_that_read_numbers_have_no_token_to_replace():
    module = torch.nn.LSTM(3, 4)
    done = operate({"m": module}, np.zeros((5, 3)), [Change(act=Replacement(time=0, token="A"))])
    assert done.problems[0].fields["field"] == "token"
