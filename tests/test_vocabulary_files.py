"""Lists of symbols as files: every usual form, and what is refused."""

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_core import vocabulary_files
from lstm_core.stacks import ModelFileError
from lstm_core.vocabulary import InputError, Vocabulary
from lstm_core.vocabulary_files import MAX_VOCABULARY_BYTES, read_vocabulary

WORDS = ("<unk>", "the", "cat", "über", "猫")


def as_json(content):
    return json.dumps(content).encode()


def numbered(tokens):
    return {token: place for place, token in enumerate(tokens)}


def tokenizer(vocab, added=()):
    entries = [{"id": place, "content": text, "special": True} for text, place in added]
    return {"version": "1.0", "added_tokens": entries, "model": {"type": "BPE", "vocab": vocab}}


FORMS = {
    "list": as_json(list(WORDS)),
    "symbol to id": as_json(dict(reversed(numbered(WORDS).items()))),
    "id to symbol": as_json({str(place): token for place, token in enumerate(WORDS)}),
    "tokenizer": as_json(tokenizer(numbered(WORDS))),
    "tokenizer with added symbols": as_json(
        tokenizer(numbered(WORDS[:3]), [("über", 3), ("猫", 4), ("<unk>", 0)])
    ),
    "tokenizer of pieces": as_json(tokenizer([[token, -1.5] for token in WORDS])),
    "lines": "\n".join(WORDS).encode(),
    "lines of Windows": ("\r\n".join(WORDS) + "\r\n").encode(),
    "byte order mark": b"\xef\xbb\xbf" + "\n".join(WORDS).encode(),
}


def refused(source, code, size=None):
    with pytest.raises(ModelFileError) as caught:
        read_vocabulary(source, size)
    assert caught.value.code == code
    return caught.value


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_symbols_in_the_order_of_their_ids(form):
    assert read_vocabulary(FORMS[form], len(WORDS)).tokens == WORDS


def test_path_is_read_like_bytes(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_bytes(FORMS["lines"])
    assert read_vocabulary(path).tokens == read_vocabulary(str(path)).tokens == WORDS


def test_list_that_begins_with_a_bracketed_mark_is_no_json():
    assert read_vocabulary(b"[PAD]\n[UNK]\nthe\n").tokens == ("[PAD]", "[UNK]", "the")


@given(
    st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=9), min_size=1, unique=True)
)
def test_json_forms_agree_whatever_the_symbols_are(tokens):
    listed = read_vocabulary(as_json(tokens)).tokens
    assert listed == read_vocabulary(as_json(numbered(tokens))).tokens == tuple(tokens)


def test_words_are_separated_by_blanks():
    vocabulary = read_vocabulary(FORMS["list"])
    assert vocabulary.split("the  cat\nthe") == ("the", "cat", "the")
    assert vocabulary.encode("cat the").tolist() == [2, 1]
    with pytest.raises(InputError, match="'thecat'"):
        vocabulary.split("thecat")


def test_single_characters_follow_each_other_directly_with_marks_among_them():
    vocabulary = read_vocabulary(b'["<unk>", " ", "a", "b", "[SEP]"]')
    assert vocabulary.split("ab <unk>a[SEP]") == ("a", "b", " ", "<unk>", "a", "[SEP]")
    with pytest.raises(InputError, match="'c'"):
        vocabulary.split("abc")


def test_vocabulary_with_words_survives_a_checkpoint():
    vocabulary = Vocabulary.of_tokens(["ab", "c"])
    again = Vocabulary.from_json(json.loads(json.dumps(vocabulary.to_json())))
    assert again.split("c ab") == ("c", "ab")
    assert again.features.shape == (2, 0)


def test_vocabulary_without_words_is_written_as_it_always_was():
    """Its text is part of the hash of every shipped model."""
    written = Vocabulary.one_hot("ab").to_json()
    assert list(written) == ["tokens", "feature_names", "features", "ignore"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "vocabulary-empty"),
        (b"\n\n", "vocabulary-empty"),
        (b"[]", "vocabulary-empty"),
        (b"{}", "vocabulary-empty"),
        (b"a\n\nb", "vocabulary-token"),
        (b'["a", ""]', "vocabulary-token"),
        (b'["a", 1]', "vocabulary-token"),
        (b'["a", ["b"]]', "vocabulary-token"),
        (b'["a", "\\ud800"]', "vocabulary-token"),
        (as_json(["a" * 257]), "vocabulary-token"),
        (b"a\nb\na", "vocabulary-duplicate"),
        (b'["a", "a"]', "vocabulary-duplicate"),
        (b'{"a": 0, "a": 1}', "vocabulary-duplicate"),
        (b'{"a": 0, "b": 0}', "vocabulary-duplicate"),
        (as_json(tokenizer([["a", 0], ["a", 1]])), "vocabulary-duplicate"),
        (b'{"a": 0, "b": 2}', "vocabulary-holes"),
        (b'{"a": -1, "b": 0}', "vocabulary-holes"),
        (b'{"a": 1}', "vocabulary-holes"),
        (b'{"a": 1000000000000, "b": 0}', "vocabulary-holes"),
        (b'{"a": true}', "vocabulary-kind"),
        (b'{"a": 0.0}', "vocabulary-kind"),
        (b'{"a": "b"}', "vocabulary-kind"),
        (b'{"a": {"b": 0}}', "vocabulary-kind"),
        (as_json({"model": {"vocab": 3}}), "vocabulary-kind"),
        (as_json(tokenizer([3, [], None])), "vocabulary-token"),
        (as_json(tokenizer([[[], 0]])), "vocabulary-token"),
        (b'{"a": 0', "vocabulary-json"),
        (b'["a",', "vocabulary-json"),
        (b"[" * 10**6, "vocabulary-json"),
        (b'{"a":' * 10**6, "vocabulary-json"),
        (b"\xff\xfea\x00", "vocabulary-encoding"),
        (b"a\nb\xff", "vocabulary-encoding"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_vocabulary_is_refused_with_a_reason(content, code):
    error = refused(content, code)
    assert len(str(error)) < 300
    assert "\n" not in str(error)


def test_size_that_the_model_does_not_read_is_refused():
    assert refused(b"a\nb", "vocabulary-size", 3).fields == {"found": 2, "expected": 3}


def test_file_above_the_limit_is_not_read(tmp_path):
    path = tmp_path / "sparse.txt"
    with path.open("wb") as file:
        file.truncate(MAX_VOCABULARY_BYTES + 1)
    tracemalloc.start()
    refused(path, "vocabulary-too-large")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


def test_number_of_symbols_has_a_limit(monkeypatch):
    monkeypatch.setattr(vocabulary_files, "MOST_TOKENS", 2)
    assert refused(b"a\nb\nc", "vocabulary-too-large").fields["what"] == "tokens"
    assert len(read_vocabulary(b"a\nb")) == 2


@given(st.binary(max_size=60) | st.text('[]{}",:01ab \n').map(str.encode))
def test_noise_is_read_or_refused_and_never_breaks(noise):
    try:
        tokens = read_vocabulary(noise).tokens
    except ModelFileError:
        return
    assert len(set(tokens)) == len(tokens) > 0
