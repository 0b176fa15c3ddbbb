"""Vocabularies that checkpoints carry: what counts as one, and what never does."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_core import carried_vocabulary, trace
from lstm_core.carried_vocabulary import vocabulary_in
from lstm_core.convert import model_of
from tests.torch_layouts import WordModel, loaded, only

WORDS = ["<pad>", "the", "cat"]
IDS = {word: place for place, word in enumerate(WORDS)}


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ({"vocab": WORDS}, "vocab"),
        ({"tokens": tuple(WORDS)}, "tokens"),
        ({"stoi": IDS}, "stoi"),
        ({"itos": dict(enumerate(WORDS))}, "itos"),
        ({"itos": WORDS, "stoi": IDS, "state_dict": {}}, "stoi"),
        ({"hyper_parameters": {"vocab": IDS, "lr": 0.1}, "epoch": 3}, "hyper_parameters.vocab"),
        ({"vocab": 3, "hyper_parameters": {"itos": WORDS}}, "hyper_parameters.itos"),
    ],
)
def test_plain_data_of_every_usual_form_is_recognised(content, key):
    found, where = vocabulary_in(content)
    assert (list(found.tokens), where) == (WORDS, key)
    assert found.encode("cat the").tolist() == [2, 1]


def test_string_of_characters_is_one_symbol_each():
    found, key = vocabulary_in({"chars": string.ascii_lowercase + " "}, 27)
    assert (found.encode("a z").tolist(), key) == ([0, 26, 25], "chars")


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"vocab": 27},
        {"vocab": None},
        {"chars": "hello"},  # a letter twice: a text
        {"tokens": ["a", "b", "a"]},  # what it was trained on
        {"tokens": [3, 1, 2]},
        {"tokens": ["a"]},
        {"stoi": {"a": 1, "b": 2}},
        {"stoi": {"a": 0, "b": 0}},
        {"stoi": {"a": False, "b": True}},
        {"stoi": {"a": 0.0, "b": 1.0}},
        {"itos": {0: "a", 1: 5}},
        {"itos": {0: "a", "b": 1}},
        {"vocab": ["a", "\ud800"]},
        {"vocab": ["a", "b" * 257]},
        {"vocab": [["a"], ["b"]]},
        {"vocab": print},
        {"hyper_parameters": [("vocab", ["a", "b"])]},
        {"model": {"vocab": ["a", "b"]}},
    ],
    ids=str,
)
def test_what_is_no_vocabulary_is_passed_over(content):
    assert vocabulary_in(content) is None


def test_of_two_that_differ_none_is_certain_unless_the_size_tells():
    content = {"chars": "ab", "vocab": ["a", "b", "c"]}
    assert vocabulary_in(content) is None
    assert vocabulary_in(content, 3)[1] == "vocab"
    assert vocabulary_in(content, 4) is None


def test_pieces_of_a_tokenizer_read_no_text():
    found, _ = vocabulary_in({"vocab": ["a", "\u0120the", "\u0120cat", "\u0120sat"]})
    assert not found.reads_text


def test_number_of_symbols_has_a_limit(monkeypatch):
    monkeypatch.setattr(carried_vocabulary, "MOST_TOKENS", 2)
    assert vocabulary_in({"vocab": ["a", "b", "c"]}) is None
    assert vocabulary_in({"vocab": ["a", "b"]}) is not None


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
DATA = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=9,
)


@given(st.dictionaries(st.sampled_from(["stoi", "vocab", "chars", "hyper_parameters"]), DATA))
def test_any_plain_data_is_recognised_or_passed_over(content):
    found = vocabulary_in(content)
    assert found is None or len(set(found[0].tokens)) == len(found[0]) > 1


def checkpoint(**beside):
    model = WordModel(tokens=4, size=6).eval()
    return {"state_dict": model.state_dict(), **beside}


def test_a_torch_file_reads_with_the_symbols_it_carries():
    file = loaded(checkpoint(hyper_parameters={"stoi": {"a": 0, "b": 1, "c": 2, "d": 3}}))
    stack = only(file)
    assert stack.vocabulary.tokens == ("a", "b", "c", "d")
    (told,) = [r for r in file.remarks if r.code == "carried-symbols"]
    assert told.fields["key"] == "hyper_parameters.stoi"
    traced = trace(model_of(file), "cab")
    assert traced.tokens == ("c", "a", "b")


@pytest.mark.parametrize("beside", [{}, {"chars": "abc"}, {"chars": "abcd", "itos": list("dcba")}])
def test_symbols_that_do_not_fit_or_are_not_certain_are_let_be(beside):
    assert only(loaded(checkpoint(**beside))).vocabulary is None
