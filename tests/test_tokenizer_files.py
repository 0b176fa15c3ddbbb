"""Tokenizer files: ids equal to those of the libraries that wrote them, or a plain refusal."""

import json
import os
import warnings

import numpy as np
import pytest

from lstm_core.stacks import ModelFileError
from lstm_core.text_ids import read_symbols, reads_ids
from lstm_core.vocabulary import InputError, Vocabulary
from lstm_core.vocabulary_files import read_vocabulary

BERT = {
    "type": "BertNormalizer",
    "clean_text": True,
    "handle_chinese_chars": True,
    "strip_accents": None,
    "lowercase": True,
}
WORDS = {"type": "Whitespace"}
SPACES = {"type": "WhitespaceSplit"}
PIECES = ["[UNK]", "[PAD]", "[CLS]", "[SEP]", "walk", "##ing", "##s", "the", "e", "##l", ",", "你"]


def mark(token, place, **options):
    names = ("single_word", "lstrip", "rstrip", "normalized")
    return {"id": place, "content": token, "special": True} | dict.fromkeys(names, False) | options


def tokenizer(kind="WordPiece", tokens=PIECES, **parts):
    model = {"type": kind, "vocab": {token: place for place, token in enumerate(tokens)}}
    if kind in ("WordPiece", "WordLevel"):
        model["unk_token"] = "[UNK]"
    default = {"normalizer": BERT, "pre_tokenizer": {"type": "BertPreTokenizer"}}
    return json.dumps(default | {"model": model} | parts).encode()


def read(content, text):
    vocabulary = read_vocabulary(content)
    return [vocabulary.tokens[place] for place in vocabulary.encode(text)]


# ---- Hugging Face

AROUND = {
    "type": "TemplateProcessing",
    "single": [
        {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
    ],
    "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
    "special_tokens": {
        "[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
        "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]},
    },
}
MARKS = [mark(token, place) for place, token in enumerate(PIECES[:4])]

# The right-hand sides are what tokenizers 0.23.3 gives for the same file and text.
AS_THE_LIBRARY = [
    ({}, "Walking THE walks", ["walk", "##ing", "the", "walk", "##s"]),
    ({}, "walk,the", ["walk", ",", "the"]),
    ({}, "Él 你你", ["e", "##l", "你", "你"]),
    ({}, "running", ["[UNK]"]),
    ({}, "walk" + "s" * 200, ["[UNK]"]),
    ({}, "", []),
    ({}, "walk[SEP]the", ["walk", "[UNK]", "[UNK]", "[UNK]", "the"]),
    ({"added_tokens": MARKS}, "walk[SEP]the [sep]", ["walk", "[SEP]", "the", *["[UNK]"] * 3]),
    ({"post_processor": AROUND}, "walks", ["[CLS]", "walk", "##s", "[SEP]"]),
    ({"normalizer": None}, "Walk walk", ["[UNK]", "walk"]),
    ({"normalizer": None, "pre_tokenizer": SPACES}, "walk, walk", ["[UNK]", "walk"]),
    ({"kind": "WordLevel", "pre_tokenizer": WORDS}, "The,walk", ["the", ",", "walk"]),
    ({"kind": "WordLevel", "pre_tokenizer": SPACES}, "The,walk walk", ["[UNK]", "walk"]),
    ({"kind": "WordLevel", "pre_tokenizer": None}, "the walk", ["[UNK]"]),
]  # fmt: skip


@pytest.mark.parametrize(("parts", "text", "expected"), AS_THE_LIBRARY)
def test_words_and_word_pieces_are_those_of_the_library(parts, text, expected):
    assert read(tokenizer(**parts), text) == expected


@pytest.mark.parametrize(("parts", "text", "expected"), AS_THE_LIBRARY)
def test_they_are_what_the_installed_library_gives(parts, text, expected):
    library = pytest.importorskip("tokenizers", reason="pip install tokenizers to compare with it")
    whole = {"version": "1.0", "added_tokens": [], "post_processor": None, "decoder": None}
    content = whole | {"truncation": None, "padding": None} | json.loads(tokenizer(**parts))
    content["model"] |= {"continuing_subword_prefix": "##", "max_input_chars_per_word": 100}
    assert library.Tokenizer.from_str(json.dumps(content)).encode(text).tokens == expected


LIKE_WORDS = ["<unk>", "hello", "world", "hell", "o"]
REFUSED = [
    (tokenizer("BPE", LIKE_WORDS), "BPE"),
    (tokenizer("Unigram", LIKE_WORDS), "Unigram"),
    (tokenizer("WordLevel", LIKE_WORDS, normalizer={"type": "Replace"}), "Replace"),
    (tokenizer("WordLevel", LIKE_WORDS, pre_tokenizer={"type": "ByteLevel"}), "ByteLevel"),
    (tokenizer("WordLevel", LIKE_WORDS, post_processor={"type": "Other"}), "Other"),
    (tokenizer(added_tokens=[mark("[SEP]", 3, lstrip=True)]), "added_tokens"),
    ('["\u0120the", "\u0120of", "\u0120in", "of"]'.encode(), "byte-level BPE"),
    ("▁the\n▁of\n▁in\nof".encode(), "SentencePiece"),
    (b"the</w>\nof</w>\nin</w>\nof", "BPE"),
    (b"the\nof\n##ing\n##ed\n##ly", "WordPiece"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "rules"), REFUSED)
def test_text_is_refused_in_one_sentence_where_the_rules_are_not_computed(content, rules):
    vocabulary = read_vocabulary(content)
    assert reads_ids(vocabulary)
    for text in ("hello world", "of"):
        with pytest.raises(InputError) as caught:
            read_symbols(vocabulary, text)
        assert caught.value.code == "needs-ids"
        assert f"splits words by {rules} rules" in str(caught.value)
        assert "tokenizer.encode(text).ids" in str(caught.value)


def test_ids_have_the_names_of_their_pieces_where_text_is_refused():
    vocabulary = read_vocabulary(tokenizer("BPE", LIKE_WORDS))
    ids = read_symbols(vocabulary, "[1, 3, 4]").ids
    assert [vocabulary.tokens[place] for place in ids] == ["hello", "hell", "o"]
    with pytest.raises(InputError, match="from 0 to 4; got '5'"):
        read_symbols(vocabulary, "1 5")


def test_word_table_without_its_unknown_token_refuses_unknown_words():
    vocabulary = read_vocabulary(tokenizer("WordLevel", ["the", "cat"]))
    with pytest.raises(InputError, match="'dog'"):
        vocabulary.encode("the dog")
    assert vocabulary.read("the dog", unknown="skip").skipped == {"dog": 1}


def test_what_is_read_as_the_unknown_token_is_told():
    (remark,) = read_symbols(read_vocabulary(tokenizer()), "walking dogs dogs").remarks
    assert remark.code == "symbols-instead"
    assert remark.fields == {"symbols": ("dogs",), "count": 2, "token": "[UNK]"}


def test_characters_on_which_versions_of_unicode_differ_are_refused():
    with pytest.raises(InputError) as caught:
        read_vocabulary(tokenizer()).encode("the \u2e4f walk")
    assert caught.value.code == "tokenizer-characters"
    assert caught.value.fields["symbols"] == ("\u2e4f",)


@pytest.mark.parametrize(
    "parts",
    [
        {"normalizer": 3},
        {"normalizer": {"type": "Sequence"}},
        {"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFD"}] * 99}},
        {"normalizer": {"type": "Sequence", "normalizers": [{"type": "Sequence"}]}},
        {"normalizer": {"type": "BertNormalizer"}},
        {"normalizer": {"type": ["NFD"]}},
        {"normalizer": {"type": "Strip", "strip_left": 1}},
        {"pre_tokenizer": []},
        {"pre_tokenizer": {"type": {}}},
        {"post_processor": {"type": "TemplateProcessing", "single": [3]}},
        {"post_processor": {"type": "TemplateProcessing", "single": []}},
        {"post_processor": AROUND | {"special_tokens": None}},
        {"post_processor": {"type": "BertProcessing", "sep": 1}},
        {"added_tokens": [{"content": "x", "id": 12}]},
    ],
    ids=str,
)
def test_rules_that_break_the_format_read_ids_only(parts):
    assert reads_ids(read_vocabulary(tokenizer(**parts)))


@pytest.mark.parametrize(
    "cls", [{"tokens": ["[NEW]"], "ids": [2]}, {"tokens": ["[CLS]"], "ids": [9]}]
)
def test_tokens_around_a_text_have_the_ids_of_the_vocabulary(cls):
    known = {"[CLS]": cls, "[SEP]": {"tokens": ["[SEP]"], "ids": [3]}}
    content = tokenizer(post_processor=AROUND | {"special_tokens": known})
    assert reads_ids(read_vocabulary(content))
    spoilt = read_vocabulary(tokenizer(post_processor=AROUND)).to_json()
    spoilt["tokens"][2] = "[NEW]"
    with pytest.raises(InputError, match=r"'\[CLS\]'"):
        Vocabulary.from_json(spoilt).encode("the")


def test_rules_survive_a_checkpoint():
    before = read_vocabulary(tokenizer(post_processor=AROUND, added_tokens=MARKS))
    after = Vocabulary.from_json(json.loads(json.dumps(before.to_json())))
    assert after.split("Walking") == before.split("Walking")
    spoilt = before.to_json() | {"rules": {"kind": "huggingface", "model": {"type": "WordPiece"}}}
    assert not Vocabulary.from_json(spoilt).reads_text


# ---- Keras

TEXTS = ["The cat sat on the mat.", "A dog, a CAT & the sun!", "Ünder the mat: cats\n\tsat"]
ASKED = [*TEXTS, "the zebra's mat", "...", "", "CAT\u00a0sat", "<pad> the <5>"]


@pytest.fixture(scope="module")
def keras_tokenizer():
    os.environ["KERAS_BACKEND"] = "torch"
    text = pytest.importorskip("keras.src.legacy.preprocessing.text", reason="pip install keras")
    return text.Tokenizer


@pytest.mark.parametrize("size", [None, 6], ids=["all words", "num_words"])
@pytest.mark.parametrize("oov", [None, "<OOV>"])
@pytest.mark.parametrize(
    "how",
    [{}, {"lower": False}, {"char_level": True}, {"filters": "", "split": "a"}],
    ids=["words", "cases", "characters", "split"],
)
def test_keras_ids_are_those_of_keras(keras_tokenizer, how, oov, size):
    theirs = keras_tokenizer(num_words=size, oov_token=oov, **how)
    theirs.fit_on_texts(TEXTS)
    ours = read_vocabulary(theirs.to_json().encode())
    assert len(ours) == (size or len(theirs.word_index) + 1)
    for text, expected in zip(ASKED, theirs.texts_to_sequences(ASKED), strict=True):
        assert ours.encode(text).tolist() == expected
        for place in expected:
            assert ours.tokens[place] == theirs.index_word[place]


def test_keras_embedding_may_have_more_rows_than_ids(keras_tokenizer):
    theirs = keras_tokenizer(num_words=6)
    theirs.fit_on_texts(TEXTS)
    content = theirs.to_json().encode()
    whole = read_vocabulary(content, len(theirs.word_index) + 1)
    assert whole.encode("the sun").tolist() == theirs.texts_to_sequences(["the sun"])[0]
    assert len(read_vocabulary(content, 7)) == 7
    with pytest.raises(ModelFileError, match="6 symbols, but the model reads 9"):
        read_vocabulary(content, 9)


def test_words_that_keras_leaves_out_are_told(keras_tokenizer):
    theirs = keras_tokenizer()
    theirs.fit_on_texts(TEXTS)
    (remark,) = read_symbols(read_vocabulary(theirs.to_json().encode()), "the zebra").remarks
    assert (remark.code, remark.fields["symbols"]) == ("symbols-skipped", ("zebra",))


def keras(**config):
    words = {"word_index": json.dumps({"a": 1, "b": 2}), "filters": "", "split": " "}
    flags = {"lower": True, "char_level": False, "oov_token": None, "num_words": None}
    return json.dumps({"class_name": "Tokenizer", "config": words | flags | config}).encode()


@pytest.mark.parametrize(
    "config",
    [
        {"word_index": '{"a": 0}'},
        {"word_index": '{"a": 1, "b": 3}'},
        {"word_index": '{"a": true}'},
        {"word_index": "[1]"},
        {"word_index": "no"},
        {"word_index": "[" * 99_999},
        {"num_words": "9"},
        {"word_index": json.dumps({"a" * 300: 1})},
    ],
    ids=lambda config: str(config)[:40],
)
def test_what_is_no_keras_tokenizer_is_refused(config):
    with warnings.catch_warnings(), pytest.raises(ModelFileError):
        read_vocabulary(keras(**config))


@pytest.mark.parametrize("config", [{"filters": 3}, {"split": ""}, {"lower": "yes"}], ids=str)
def test_keras_rules_that_break_the_format_read_ids_only(config):
    assert reads_ids(read_vocabulary(keras(**config)))


# ---- Symbols that a plain list does not have


BOTH = {"symbols-instead", "symbols-lowered"}
LETTERS = Vocabulary.of_tokens(["<unk>", "<pad>", *"abc"])


def test_unknown_symbols_are_refused_with_how_often_and_where():
    with pytest.raises(InputError) as caught:
        LETTERS.encode("ab\nXaX")
    assert "'\\n' (at character 3), 'X' (2 times, first at character 4)" in str(caught.value)
    assert caught.value.fields["count"] == 3
    assert caught.value.fields["place"] == 3


@pytest.mark.parametrize(
    ("options", "expected", "told"),
    [
        ({"unknown": "token", "lower": True}, "ab<unk>a<unk>", BOTH),
        ({"unknown": "token"}, "ab<unk><unk><unk>", {"symbols-instead"}),
        ({"unknown": "skip"}, "ab", {"symbols-skipped"}),
    ],
)  # fmt: skip
def test_unknown_symbols_are_read_as_a_person_chose_and_told(options, expected, told):
    read = read_symbols(LETTERS, "ab\nAX", **options)
    assert "".join(LETTERS.tokens[place] for place in read.ids) == expected
    assert {remark.code for remark in read.remarks} == told


def test_unknown_token_and_padding_are_found_by_their_names():
    assert (LETTERS.unknown_token, LETTERS.pad_id) == ("<unk>", 1)
    plain = Vocabulary.of_tokens("abc")
    assert (plain.unknown_token, plain.pad_id) == (None, 0)
    with pytest.raises(InputError) as caught:
        plain.read("x", unknown="token")
    assert caught.value.code == "no-unknown-token"
    with pytest.raises(ValueError, match="one of refuse, token, skip"):
        plain.read("x", unknown="drop")


def test_text_of_nothing_but_skipped_symbols_is_empty():
    with pytest.raises(InputError) as caught:
        read_symbols(LETTERS, "XYZ", unknown="skip")
    assert caught.value.code == "empty"


def test_vocabulary_of_numbers_reads_ids():
    numbers = Vocabulary.of_tokens([str(n) for n in range(12)])
    assert reads_ids(numbers)
    np.testing.assert_array_equal(read_symbols(numbers, "(11, 0; 3)").ids, [11, 0, 3])
    assert not reads_ids(Vocabulary.of_tokens(["0", "2", "1"]))
