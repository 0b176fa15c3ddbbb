"""What the tasks draw and what they take for the right answer."""

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_core import corpus
from lstm_core.tasks import NO_TARGET, SYMBOLS, TASKS, InputError, PythonCharacters, Vocabulary

RECALL, SHORT, PYTHON = TASKS["recall"], TASKS["short-recall"], TASKS["python"]
FLAGGED = RECALL.vocabulary.tokens
EVERY = pytest.mark.parametrize("name", TASKS)


def expected_answers(text):
    """The rule in words, independent of ids: at every ?, the last symbol flagged before it."""
    tokens = re.findall(r"![A-H]|[A-H]|\?", text)
    answers = []
    for step, token in enumerate(tokens):
        flagged = [t[1] for t in tokens[:step] if t.startswith("!")]
        answers.append(flagged[-1] if token == "?" and flagged else None)
    return answers


def answers(task, targets):
    return [None if t == NO_TARGET else task.classes[t] for t in targets]


@given(st.lists(st.sampled_from(FLAGGED), min_size=1, max_size=40))
def test_typed_sequence_has_the_answers_of_the_rule(tokens):
    example = RECALL.parse("".join(tokens))
    assert answers(RECALL, example.targets) == expected_answers("".join(tokens))


@given(st.lists(st.sampled_from(FLAGGED), max_size=40))
def test_split_and_encode_undo_joining(tokens):
    vocabulary = RECALL.vocabulary
    assert vocabulary.split("".join(tokens)) == tuple(tokens)
    assert [FLAGGED[i] for i in vocabulary.encode("".join(tokens))] == tokens


@given(st.text(alphabet=PYTHON.vocabulary.tokens))
def test_python_text_survives_the_round_trip(text):
    assert "".join(PYTHON.vocabulary.split(text)) == text


@given(st.text(min_size=1))
def test_any_text_is_read_or_refused_by_name(text):
    allowed = all(character in "ABCDEFGH!? \n\t," for character in text)
    try:
        example = RECALL.parse(text)
    except InputError as error:
        code = error.code
    else:
        code = ""
        assert allowed
        assert re.sub(r"[ \n\t,]", "", text) == example.text
    assert code == "unknown-symbols" or allowed


@given(st.sets(st.text(min_size=1, max_size=3), min_size=1, max_size=8))
def test_vocabulary_survives_json(tokens):
    before = Vocabulary.one_hot(sorted(tokens))
    after = Vocabulary.from_json(before.to_json())
    assert (after.tokens, after.feature_names) == (before.tokens, before.feature_names)
    assert np.array_equal(after.features, before.features)


@pytest.mark.parametrize(
    "damage",
    [
        {"tokens": []},
        {"tokens": ["a", "a"]},
        {"tokens": ["a", ""]},
        {"tokens": ["a", 3]},
        {"features": [[1, 0]]},
        {"features": [[1, 0], [1]]},
    ],
)
def test_vocabulary_that_contradicts_itself_is_refused(damage):
    good = Vocabulary.one_hot("ab").to_json()
    with pytest.raises(ValueError, match=r"vocabulary|inhomogeneous"):
        Vocabulary.from_json({**good, **damage})


def test_unknown_symbols_are_named_once_each():
    with pytest.raises(InputError) as caught:
        RECALL.parse("AXB!YX?")
    assert caught.value.code == "unknown-symbols"
    assert caught.value.fields["symbols"] == ("X", "!", "Y")


@EVERY
def test_empty_input_is_refused(name):
    with pytest.raises(InputError) as caught:
        TASKS[name].parse("")
    assert caught.value.code == "empty"


@EVERY
def test_same_seed_gives_the_same_example(name):
    task = TASKS[name]
    assert task.example(5).text == task.example(5).text != task.example(6).text


@EVERY
def test_example_reads_back_from_its_text(name):
    example = TASKS[name].example(3)
    again = TASKS[name].parse(example.text)
    assert np.array_equal(again.ids, example.ids)
    assert np.array_equal(again.targets, example.targets)


@pytest.mark.parametrize("task", [RECALL, SHORT], ids=lambda task: task.name)
@pytest.mark.parametrize("seed", range(20))
def test_example_asks_once_after_a_delay_within_those_shown(task, seed):
    tokens = task.example(seed).tokens
    (flag,) = [step for step, token in enumerate(tokens) if token.startswith("!")]
    (question,) = [step for step, token in enumerate(tokens) if token == "?"]
    assert task.shown[0] <= question - flag <= task.shown[1]


def test_delays_are_exact_and_answers_follow_the_rule():
    delays = np.arange(1, 60)
    batch = RECALL.at_delays(np.random.default_rng(0), delays)
    for column, delay in enumerate(delays):
        tokens = [FLAGGED[i] for i in batch.ids[:, column]]
        flag = next(step for step, token in enumerate(tokens) if token.startswith("!"))
        assert tokens.index("?") - flag == delay
        assert flag <= 8
        expected = expected_answers("".join(tokens))
        assert answers(RECALL, batch.targets[:, column]) == expected


def test_every_sequence_has_one_flag_one_question_and_one_target():
    batch = RECALL.batch(np.random.default_rng(1), 500)
    flagged = (batch.ids >= len(SYMBOLS)) & (batch.ids < 2 * len(SYMBOLS))
    assert (flagged.sum(0) == 1).all()
    assert ((batch.ids == 2 * len(SYMBOLS)).sum(0) == 1).all()
    assert np.array_equal(batch.targets != NO_TARGET, batch.ids == 2 * len(SYMBOLS))


def test_symbols_and_delays_are_drawn_evenly():
    batch = SHORT.batch(np.random.default_rng(2), 16_000)
    kept = batch.targets.max(axis=0)
    flag = ((batch.ids >= 8) & (batch.ids < 16)).argmax(axis=0)
    delays = (batch.ids == 16).argmax(axis=0) - flag
    assert np.bincount(kept, minlength=8) == pytest.approx(2000, abs=6 * 2000**0.5)
    assert np.bincount(delays)[1:] == pytest.approx(800, abs=6 * 800**0.5)
    assert set(flag) == set(range(9))


def test_distractors_do_not_give_the_answer_away():
    batch = RECALL.batch(np.random.default_rng(3), 8000)
    asked = batch.targets != NO_TARGET
    before = batch.ids[:-1].T[asked[1:].T]  # the token right before the question
    plain = before < len(SYMBOLS)
    same = before[plain] == batch.targets.T[asked.T][plain]
    assert same.mean() == pytest.approx(1 / 8, abs=6 * (7 / 64 / 8000) ** 0.5)


def test_parts_of_the_corpus_share_no_module_and_miss_none():
    parts = {path.name: corpus.part_of(path.name) for path in corpus.files()}
    assert set(parts.values()) == {"training", "validation", "held out"}
    assert len(parts) == len(corpus.files())
    held_out = [name for name, part in parts.items() if part == "held out"]
    assert 0.04 < len(held_out) / len(parts) < 0.2


def test_split_depends_on_the_name_alone():
    assert corpus.part_of("abc.py") == "training"
    assert corpus.part_of("argparse.py") == "validation"
    assert corpus.part_of("ast.py") == "held out"


@pytest.mark.parametrize(
    ("draw", "part"),
    [("batch", "training"), ("validation", "validation"), ("held_out", "held out")],
)
def test_python_windows_come_from_their_own_part(draw, part):
    batch = getattr(PYTHON, draw)(np.random.default_rng(0), 8)
    text = corpus.texts("".join(PYTHON.vocabulary.tokens))[part]
    for column in batch.ids.T:
        assert "".join(PYTHON.classes[i] for i in column) in text


@pytest.mark.parametrize("draw", ["batch", "held_out"])
def test_python_target_is_the_next_character(draw):
    batch = getattr(PYTHON, draw)(np.random.default_rng(1), 4)
    asked = batch.targets[:-1] != NO_TARGET
    assert np.array_equal(batch.targets[:-1][asked], batch.ids[1:][asked])


def test_python_scores_nothing_during_the_warm_up():
    assert isinstance(PYTHON, PythonCharacters)
    batch = PYTHON.held_out(np.random.default_rng(1), 4)
    asked = (batch.targets != NO_TARGET).all(axis=1)
    assert asked.tolist() == [step >= PYTHON.warm_up for step in range(PYTHON.window)]


def test_python_example_is_held_out_code_and_asks_for_the_next_character():
    example = PYTHON.example(0)
    assert example.text in corpus.texts("".join(PYTHON.vocabulary.tokens))["held out"]
    assert all(
        after == target
        for (_, after), target in zip(pairwise(example.ids), example.targets, strict=False)
    )
    assert example.targets[-1] == NO_TARGET


def test_windows_line_ends_are_read_as_line_ends():
    assert PYTHON.parse("a\r\nb\rc").text == "a\nb\nc"


def test_corpus_is_described_by_version_size_and_hash():
    found = PYTHON.corpus
    assert int(found["training_characters"]) > int(found["held_out_characters"]) > 10_000
    assert re.fullmatch("[0-9a-f]{64}", found["sha256"])


@pytest.mark.parametrize("name", list(TASKS))
def test_a_replacement_is_another_token_in_the_same_role(name):
    task = TASKS[name]
    every = np.arange(len(task.vocabulary))
    other = task.replacements(every)
    assert (other != every).all()
    old, new = (np.array(task.vocabulary.tokens)[ids] for ids in (every, other))
    for a, b in zip(old, new, strict=True):
        if name == "python":
            assert (a.islower(), a.isupper()) == (b.islower(), b.isupper()) or not a.isalpha()
            assert a.isdigit() == b.isdigit()
        else:
            assert a.startswith("!") == b.startswith("!") or a == "?"
