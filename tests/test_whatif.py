"""What is said of changes: every number in a sentence is that of a trace."""

import numpy as np
import pytest

from lstm_core.counterfactual import counterfactual
from lstm_core.edit import WeightEdit
from lstm_core.intervene import Intervention
from lstm_core.tasks import TASKS
from lstm_core.trace import trace
from lstm_core.zoo import load
from viz.operation import Request, accepted, perform
from viz.story import Part
from viz.surgery import Change, Replacement, read_changes, write_changes
from viz.whatif import describe, guides, memory_under, spread_of

TASK = TASKS["recall"]
EXAMPLE = TASK.example(1)


def performed(*changes: Change, cells=("lstm",), task="recall", language="en", text=None):
    example = TASKS[task].example(1)
    models = {cell: load(task, cell) for cell in cells}
    parts = [
        Part(
            key=cell,
            trace=trace(c.model, example.ids),
            classes=TASKS[task].classes,
            checkpoint=c,
            memory=counterfactual(
                c.model, example.ids, TASKS[task].replacements(example.ids), measure="scaled"
            ),
        )
        for cell, c in models.items()
    ]
    return perform(
        parts,
        {cell: c.model for cell, c in models.items()},
        example,
        Request(text=write_changes(changes) if text is None else text, number=4),
        inputs=example.ids,
        preset=task,
        language=language,
    )


def plain(text: str) -> str:
    return text.replace("\x02", "").replace("\x03", "")


@pytest.mark.parametrize(
    ("act", "english", "chinese"),
    [
        (
            Intervention(signal="f", op="set", value=0, units=12, times=range(20, 60)),
            "f of unit 12 = 0 · steps 20–59",
            "单元 12 的 f = 0 · 第 20–59 步",
        ),
        (
            Intervention(signal="i", op="scale", value=0.5, units=[1, 2], times=[(3, None)]),
            "i of units 1, 2 × 0.5 · from step 3 on",
            "单元 1, 2 的 i × 0.5 · 从第 3 步起",
        ),
        (
            Intervention(signal="c", op="add", value=-1, units=range(6), times=7),
            "c of 6 units + −1 · step 7",
            "6 个单元的 c + −1 · 第 7 步",
        ),
        (
            WeightEdit(op="shift_bias", gate="f", value=-2.5),
            "bias of f −2.5 · every unit",
            "f 的偏置 −2.5 · 所有单元",
        ),
        (WeightEdit(op="remove", units=(3,)), "unit 3 removed", "去掉单元 3 "),
        (Replacement(time=5, token="!B"), "step 5 reads !B", "第 5 步改读 !B"),
    ],
)
def test_a_change_is_told_in_a_few_words(act, english, chinese):
    assert describe(act, "en") == english
    assert describe(act, "zh") == chinese


def test_a_layer_is_named_where_there_are_several():
    act = Intervention(signal="f", op="set", value=1)
    assert describe(act, "en", layers=2).startswith("layer 1: ")


def test_the_outcome_tells_both_answers_with_their_probabilities():
    act = Intervention(signal="f", op="set", value=0, times=2)
    told = performed(Change(act=act, model="lstm"))
    model = load("recall", "lstm").model
    step = int(np.flatnonzero(EXAMPLE.targets >= 0)[0])
    shares = []
    for changes in ((), (act,)):
        logits = trace(model, EXAMPLE.ids, interventions=changes).outputs[step].astype(float)
        share = np.exp(logits - logits.max())
        shares.append(share / share.sum())
    was, now = shares
    expected = (
        f"With f of every unit = 0 · step 2: the LSTM answers {TASK.classes[now.argmax()]} "
        f"({100 * now.max():.1f} %) instead of {TASK.classes[was.argmax()]} "
        f"({100 * was.max():.1f} %)."
    )
    assert plain(told.outcome) == expected


def test_memory_is_told_to_be_lost_where_another_token_no_longer_matters():
    act = Intervention(signal="h", op="set", value=0, times=10)
    change = Change(act=act, model="rnn")
    told = performed(change, cells=("rnn",), task="short-recall")
    assert plain(told.outcome).endswith("its memory of token 1 is lost at step 10.")
    memory = told.followed["rnn"].memory
    assert np.all(memory[10:] == 0)
    assert memory[9] > 0


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_memory_without_a_change_is_that_of_the_core(cell):
    model, replacements = load("recall", cell).model, TASK.replacements(EXAMPLE.ids)
    expected = counterfactual(model, EXAMPLE.ids, replacements, measure="scaled")
    spread = spread_of(trace(model, EXAMPLE.ids))
    for asked in (0, 1, 30):
        found = memory_under(model, EXAMPLE.ids, asked, replacements[asked], (), spread)
        np.testing.assert_allclose(found, expected[asked], atol=1e-5)


def test_a_replaced_token_changes_what_is_right():
    told = performed(Change(act=Replacement(time=1, token="!C")))
    step = int(np.flatnonzero(EXAMPLE.targets >= 0)[0])
    assert told.followed["lstm"].example.targets[step] == TASK.classes.index("C")
    assert "answers C" in plain(told.outcome)


def test_predictions_that_flip_are_counted():
    act = Intervention(signal="o", op="set", value=0, times=[(30, None)])
    told = performed(Change(act=act, model="lstm"), task="python")
    one = told.followed["lstm"]
    asked = one.example.targets >= 0
    before, after = one.part.trace.outputs[asked], one.changed.outputs[asked]
    flips = np.count_nonzero(before.argmax(axis=1) != after.argmax(axis=1))
    assert flips > 0
    assert f"changes {flips} of {asked.sum()} predictions" in plain(told.outcome)


def test_without_a_change_nothing_is_said():
    told = performed()
    assert told.outcome == ""
    assert not told.followed
    assert told.request.number == 4


def test_what_cannot_be_read_is_told_by_its_field():
    told = performed(text='[{"model":"lstm","signal":"q","op":"set","value":0}]')
    assert "In change 1, the field signal" in plain(told.rejected)
    assert not told.items


def test_what_cannot_be_read_leaves_the_changes_as_they_were():
    kept = Request(text="[]", number=3)
    new = accepted(kept, Request(text="[{]", number=4), ["lstm"])
    assert (new.text, new.number) == ("[]", 4)
    assert new.rejected.fields["field"] == "text"


def test_what_does_not_fit_is_told_beside_the_change():
    act = Intervention(signal="f", op="set", value=0, units=99)
    told = performed(Change(act=act, model="lstm"), language="zh")
    assert "字段 units" in plain(told.items[0]["problem"])
    assert told.outcome == ""


@pytest.mark.parametrize("length", [1, 2, 3, 40])
@pytest.mark.parametrize("since", [0, 1, 39])
@pytest.mark.parametrize("until", [0, 2, 30])
def test_guides_fit_every_sequence(length, since, until):
    cells = ("lstm", "gru", "rnn")
    for guide in guides(cells, min(since, length - 1), min(until, length - 1), length):
        again = read_changes(write_changes(guide.changes), cells)
        assert again == guide.changes
        for change in again:
            for start, stop in change.act.times or ():
                assert 0 <= start < stop <= length


def test_guides_do_to_the_models_what_they_say():
    told = performed(cells=("lstm", "gru", "rnn"))
    assert len(told.guides) == 5
    for guide in told.guides:
        assert guide["changes"]
        assert "{" not in guide["asks"]
