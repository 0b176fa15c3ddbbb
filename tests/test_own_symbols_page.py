"""Texts, ids and tokenizers on the page "Your model": what is read is said, nothing in silence."""

import io
import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.test_own_page import (
    Speller,
    drop,
    errors,
    lstm,
    opened,
    payload,
    read_ids,
    saved,
    source,
    words,
)
from viz.quoting import quoted
from viz.text import LANGUAGES, say

WORDS = b'["<unk>", "cat", "sat", "the", "<pad>"]'
ROWS = [{"text": "the cat sat", "y": 1}, {"text": "The dog\nsat", "y": 0}]
LINES = "\n".join(map(json.dumps, ROWS)).encode()
PADDED = np.array([[3, 1, 2, 0], [3, 2, 0, 0], [1, 0, 0, 0]])


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch):
    monkeypatch.setenv("LSTM_DEVICE", "cpu")


def spelling(content: bytes, name: str, vocabulary: bytes = b"", **query: str) -> AppTest:
    """A model that reads five symbols, and a data file."""
    page = drop(opened(**query), saved(Speller()))
    if vocabulary:
        page = drop(page, vocabulary, "words.json", "own-vocabulary")
    source(page).set_value("file").run()
    return drop(page, content, name, "own-data")


def npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def sequence(page: AppTest, place: int) -> AppTest:
    box = next(box for box in page.selectbox if str(box.key).startswith("own-sequence"))
    return box.set_value(place).run()


# ---- Texts in tables


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_text_of_each_row_is_read_and_not_the_labels(language):
    page = spelling(LINES, "rows.jsonl", WORDS, lang=language)
    assert errors(page) == []
    assert read_ids(page) == ["the", "cat", "sat"]
    assert say("own.option.text.told", language, column=quoted("text")) in words(page)
    why = say("own.not-read.not-chosen", language)
    assert say("own.not-read.one", language, column=quoted("y"), why=why) in words(page)


def test_labels_are_read_only_where_that_is_chosen():
    page = spelling(LINES, "rows.jsonl")
    (told,) = errors(page)
    assert quoted("the") in told
    assert "bring its vocabulary" in told
    page.selectbox(key="own-option-text").set_value("").run()
    assert errors(page) == []
    assert read_ids(page) == ["1", "0"]
    page.selectbox(key="own-option-text").set_value("text").run()
    assert len(errors(page)) == 1


def test_one_text_is_not_called_1_texts():
    page = spelling(b"the cat sat", "words.txt", WORDS)
    assert say("own.data-texts-one", "en") in words(page)
    assert "texts: 1" not in words(page)


def test_file_is_read_again_where_a_model_of_numbers_takes_it():
    page = spelling(npy(PADDED[:, :3]), "ids.npy")
    assert read_ids(page) == ["3", "1", "2"]
    page = drop(page, saved(lstm()))
    source(page).set_value("file").run()
    assert errors(page) == []
    header, _ = payload(page)
    assert header["parts"][0]["steps"] == 3


# ---- Unknown symbols


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_unknown_symbols_are_told_with_the_fields_that_help(language):
    page = sequence(spelling(LINES, "rows.jsonl", WORDS, lang=language), 1)
    (told,) = errors(page)
    fields = {"symbols": ", ".join(map(quoted, ("The", "dog"))), "count": "2", "place": "1"}
    fields["symbols"] = fields["symbols"].replace(", ", "、" if language == "zh" else ", ")
    assert told == say("own.input.unknown-symbols", language, **fields)
    page.selectbox(key="own-option-unknown").set_value("token").run()
    assert errors(page) == []
    assert read_ids(page) == ["<unk>", "<unk>", "sat"]
    page.toggle(key="own-option-lower").set_value(True).run()
    assert read_ids(page) == ["the", "<unk>", "sat"]
    fields = {"symbols": quoted("dog"), "count": "1", "token": quoted("<unk>")}
    assert say("data.remark.symbols-instead", language, **fields) in words(page)
    fields = {"symbols": quoted("The"), "count": "1"}
    assert say("data.remark.symbols-lowered", language, **fields) in words(page)


def test_there_is_no_token_to_choose_where_the_vocabulary_has_none():
    page = spelling(b"the dog", "words.txt", b'["a", "cat", "sat", "the", "on"]')
    kinds = [say(f"own.option.unknown.{kind}", "en") for kind in ("refuse", "skip")]
    assert page.selectbox(key="own-option-unknown").options == kinds
    page.selectbox(key="own-option-unknown").set_value("skip").run()
    assert read_ids(page) == ["the"]


def test_typed_text_with_unknown_words_offers_the_same_fields():
    page = drop(opened(), saved(Speller()))
    page = drop(page, WORDS, "words.json", "own-vocabulary")
    source(page).set_value("typed").run()
    page.text_area(key="own-typed").set_value("The cat ran")
    submit = next(b for b in page.button if b.label == say("page.run", "en"))
    submit.click().run()
    assert len(errors(page)) == 1
    page.selectbox(key="own-typed-unknown").set_value("skip").run()
    assert errors(page) == []
    assert read_ids(page) == ["cat"]
    page.toggle(key="own-typed-lower").set_value(True).run()
    assert read_ids(page) == ["the", "cat"]
    assert "Not in the vocabulary and left out" in words(page)


# ---- Ids in rows


def test_rectangle_of_ids_is_a_sequence_a_row_and_its_padding_is_said():
    page = spelling(npy(PADDED), "ids.npy")
    assert errors(page) == []
    assert read_ids(page) == ["3", "1", "2", "0"]
    assert say("own.data-sequences", "en", count="3") in words(page)
    numbers = {"count": "3", "of": "3", "pad": "0", "shortest": "1", "longest": "3"}
    assert say("own.padding.end", "en", **numbers) in words(page)
    page.selectbox(key="own-option-padding").set_value("cut").run()
    assert read_ids(page) == ["3", "1", "2"]
    assert say("own.padding.end.cut", "en", **numbers) in words(page)


def test_padding_is_that_of_the_vocabulary():
    filled = np.where(PADDED == 0, 4, PADDED)
    page = spelling(npy(filled), "ids.npy", WORDS)
    assert "end with the id 4" in words(page)


def test_other_orders_of_two_axes_are_offered():
    page = spelling(npy(PADDED), "ids.npy")
    assert set(page.selectbox(key="own-option-axes").options) == {
        "time × channel",
        "channel × time",
        "sequence × time",
        "time × sequence",
    }
    page.selectbox(key="own-option-axes").set_value("time × sequence").run()
    assert read_ids(page) == ["3", "3", "1"]


# ---- Tokenizers


def test_tokenizer_that_is_not_computed_asks_for_ids_and_names_them():
    vocab = {piece: place for place, piece in enumerate(["a", "b", "c", "ab", "abc"])}
    bpe = json.dumps({"model": {"type": "BPE", "vocab": vocab}}).encode()
    page = spelling(b"abc", "words.txt", bpe)
    (told,) = errors(page)
    assert told == say("own.input.needs-ids", "en", rules=quoted("BPE"))
    source(page).set_value("typed").run()
    assert say("own.input.needs-ids", "en", rules=quoted("BPE")) in words(page)
    page.text_area(key="own-typed").set_value("4 3")
    next(b for b in page.button if b.label == say("page.run", "en")).click().run()
    assert errors(page) == []
    assert read_ids(page) == ["abc", "ab"]


def test_word_pieces_are_those_of_the_tokenizer():
    vocab = {piece: place for place, piece in enumerate(["[UNK]", "cat", "##s", "the", "!"])}
    model = {"type": "WordPiece", "vocab": vocab, "unk_token": "[UNK]"}
    parts = {"pre_tokenizer": {"type": "BertPreTokenizer"}, "normalizer": {"type": "Lowercase"}}
    page = spelling(b"The cats!", "t.txt", json.dumps(parts | {"model": model}).encode())
    assert errors(page) == []
    assert read_ids(page) == ["the", "cat", "##s", "!"]


# ---- Gaps


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_gaps_are_counted_by_column_and_their_field_stands_on_the_card(language):
    page = drop(opened(lang=language), saved(lstm(input_size=2)))
    source(page).set_value("file").run()
    page = drop(page, b"a,b\n1,2\n,3\n,5\n4,\n", "gaps.csv", "own-data")
    names = ("、" if language == "zh" else ", ").join(map(quoted, ("a: 2", "b: 1")))
    assert say("own.gaps", language, count="3", names=names) in words(page)
    labels = [box.label for box in page.selectbox]
    assert labels.count(say("own.option.fill", language)) == 1
    page.selectbox(key="own-option-fill").set_value("zero").run()
    assert errors(page) == []
    # What was chosen stays in sight.
    assert page.selectbox(key="own-option-fill").value == "zero"


def test_one_gap_is_not_called_1_values():
    page = drop(opened(), saved(lstm(input_size=1)))
    source(page).set_value("file").run()
    page = drop(page, b"a\n1\nnan\n5\n", "gaps.csv", "own-data")
    assert say("own.gaps.one", "en", names=quoted("a: 1")) in words(page)
