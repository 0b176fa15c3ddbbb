"""Data for a model that reads symbols: texts in tables, ids in rows, padding; and the command."""

import io
import json

import numpy as np
import pytest
import torch
from torch import nn

from lstm_core import Trace
from lstm_core import __main__ as command_line
from lstm_core.data import (
    DataError,
    DataOptions,
    padding_of,
    read_data,
    sequences,
    without_padding,
)

ROWS = [{"text": "the cat", "y": 0}, {"text": "a dog\nsat", "y": 1}, {"text": "a cat", "y": 0}]
LINES = "\n".join(map(json.dumps, ROWS)).encode()
PADDED = np.array([[5, 3, 4, 0], [6, 0, 0, 0], [7, 8, 0, 0]])


def saved(array, **others) -> bytes:
    out = io.BytesIO()
    if others:
        np.savez(out, **others)
    else:
        np.save(out, array)
    return out.getvalue()


def texts(data, **options):
    return [one.text for one in sequences(data, DataOptions(**options))]


def ids(data, **options):
    return [one.values[:, 0].tolist() for one in sequences(data, DataOptions(**options))]


# ---- Text goes before numbers


@pytest.mark.parametrize(
    "content",
    [LINES, json.dumps(ROWS).encode(), b'text,y\nthe cat,0\n"a dog\nsat",1\na cat,0\n'],
    ids=["JSON lines", "JSON", "CSV"],
)
def test_text_is_read_where_a_file_has_text_and_labels(content):
    data = read_data(content, symbols=True)
    assert data.guess.text == "text"
    assert texts(data) == [row["text"] for row in ROWS]
    assert ids(data, text="", channels=("y",)) == [[0, 1, 0]]
    assert read_data(content).guess.text is None  # a model that reads numbers sees none of it


def test_texts_of_a_table_are_called_by_their_row():
    data = read_data(b"text,y\nab,1\n,2\ncd,3\n", symbols=True)
    assert [(one.name, one.where, one.text) for one in sequences(data)] == [
        ("1", "1", "ab"),
        ("3", "3", "cd"),
    ]


@pytest.mark.parametrize(
    ("head", "row", "column"),
    [
        ("title,content,label", "x,some words,pos", "content"),
        ("a,b,n", "x,some words,3", "b"),
        ("date,words,n", "2026-01-01,ab,3", "words"),
        ("date,n", "2026-01-01,3", ""),
        ("时间,文本,标签", "9:30,长文,好", "文本"),
        ("id,n", "x,3", ""),
    ],
)
def test_column_of_text_is_the_one_called_so_or_the_longest(head, row, column):
    content = "\n".join([head, row, row]).encode()
    assert read_data(content, name="t.csv", symbols=True).guess.text == column


def test_column_without_text_is_refused():
    data = read_data(LINES, symbols=True)
    with pytest.raises(DataError) as caught:
        sequences(data, DataOptions(text="y"))
    assert caught.value.code == "no-text"


# ---- Rows of ids


@pytest.mark.parametrize("kind", ["int64", "uint8", "float32"])
def test_rectangle_of_ids_is_a_sequence_in_every_row(kind):
    data = read_data(saved(PADDED.astype(kind)), symbols=True)
    assert data.guess.axes == "sequence time"
    assert ids(data) == PADDED.tolist()
    assert read_data(saved(PADDED)).guess.axes == "time channel"


@pytest.mark.parametrize("array", [PADDED / 2, -PADDED, PADDED * np.nan], ids=str)
def test_rectangle_of_other_numbers_is_no_ids(array):
    assert read_data(saved(array), symbols=True).guess.axes == "time channel"


def test_column_of_ids_in_an_array_is_one_sequence():
    assert ids(read_data(saved(PADDED[:, :1]), symbols=True)) == [[5, 6, 7]]
    assert ids(read_data(saved(PADDED[0]), symbols=True)) == [[5, 3, 4, 0]]


def test_axes_that_a_person_chose_stay():
    options = DataOptions(axes="time sequence")
    assert ids(read_data(saved(PADDED), options=options, symbols=True)) == PADDED.T.tolist()


@pytest.mark.parametrize(
    "rows", [PADDED.tolist(), [[5, 3], [6], [7, 8, 9]]], ids=["even", "uneven"]
)
def test_lists_of_ids_in_json_are_sequences(rows):
    assert ids(read_data(json.dumps(rows).encode(), symbols=True)) == rows


@pytest.mark.parametrize("lines", [True, False])
def test_lists_of_ids_among_other_members_are_found_by_their_name(lines):
    mask = np.sign(PADDED).tolist()
    members = {"attention_mask": mask, "input_ids": PADDED.tolist(), "label": [0, 1, 0]}
    if lines:
        records = [
            dict(zip(members, row, strict=True)) for row in zip(*members.values(), strict=True)
        ]
        content = "\n".join(map(json.dumps, records)).encode()
    else:
        content = json.dumps(members).encode()
    data = read_data(content, symbols=True)
    assert ids(data) == PADDED.tolist()
    (remark,) = data.remarks
    assert remark.fields == {"array": "input_ids", "others": ("attention_mask",)}
    other = read_data(content, options=DataOptions(array="attention_mask"), symbols=True)
    assert ids(other) == mask
    with pytest.raises(DataError, match="no array of numbers 'label'"):
        read_data(content, options=DataOptions(array="label"), symbols=True)


def test_text_goes_before_lists_that_are_not_called_ids():
    rows = [{"text": "ab", "spans": [1, 2]}, {"text": "cd", "spans": [3]}]
    assert texts(read_data(json.dumps(rows).encode(), symbols=True)) == ["ab", "cd"]


def test_mask_beside_the_ids_of_an_archive_is_not_read():
    content = saved(None, attention_mask=np.sign(PADDED), input_ids=PADDED)
    assert ids(read_data(content, symbols=True)) == PADDED.tolist()


# ---- Padding


def test_padding_is_told_and_cut_only_when_asked():
    found = sequences(read_data(saved(PADDED), symbols=True))
    remark = padding_of(found, 0)
    told = {"pad": 0, "count": 3, "of": 3, "shortest": 1, "longest": 3, "what": "end"}
    assert remark.fields == told
    assert "3 of 3 sequences end with the id 0" in remark.message
    cut = without_padding(found, 0)
    assert [one.values[:, 0].tolist() for one in cut] == [[5, 3, 4], [6], [7, 8]]
    assert [one.where for one in cut] == ["1–3", "5", "9–10"]


def test_padding_may_stand_before_the_ids():
    found = sequences(read_data(saved(PADDED[:, ::-1]), symbols=True))
    assert padding_of(found, 0).fields["what"] == "begin"
    cut = without_padding(found, 0)
    assert [one.values[:, 0].tolist() for one in cut] == [[4, 3, 5], [6], [8, 7]]


def test_sequence_of_nothing_but_padding_keeps_a_step():
    found = sequences(read_data(saved(np.array([[3, 4], [0, 0]])), symbols=True))
    assert [len(one) for one in without_padding(found, 0)] == [2, 1]


@pytest.mark.parametrize(
    ("rows", "pad"),
    [
        ([[5, 3, 0], [6, 2, 0]], 0),  # as long without it
        ([[5, 3, 4], [6, 2, 7]], 0),
        ([[5, 0, 0]], 0),  # one sequence tells nothing
        ([[5, 3, 0], [6, 0, 0]], 1),
        ([[5, 3, 0], [6, 0]], 0),  # not filled up to one length
    ],
)
def test_what_is_no_padding_is_left_alone(rows, pad):
    found = sequences(read_data(json.dumps(rows).encode(), symbols=True))
    assert padding_of(found, pad) is None
    assert without_padding(found, pad) == found


# ---- The command


class Reader(nn.Module):
    def __init__(self, count):
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(count, 3)
        self.rnn = nn.GRU(3, 4)


@pytest.fixture
def put(tmp_path, monkeypatch):
    """Writes files beside models that read ten ids, and the letters of a small alphabet."""
    monkeypatch.chdir(tmp_path)
    torch.save(Reader(10).state_dict(), "ids.pt")
    letters = ["<pad>", "<unk>", *"abcdeghnost "]
    torch.save(Reader(len(letters)).state_dict(), "letters.pt")
    (tmp_path / "letters.json").write_text(json.dumps(letters))
    return lambda name, content: (tmp_path / name).write_bytes(content)


def run(capsys, *arguments):
    """What was read, and what was said where."""
    code = command_line.main(["trace", *arguments, "-o", "run.npz"])
    told = capsys.readouterr()
    return (Trace.load("run.npz").tokens if code == 0 else None), told.out, told.err


LETTERS = ("letters.pt", "rows.jsonl", "--vocabulary", "letters.json")


def test_labels_are_never_read_as_ids_unasked(put, capsys):
    put("rows.jsonl", LINES)
    read, out, err = run(capsys, "ids.pt", "rows.jsonl")
    assert (read, out) == (None, "")
    assert "got 'the', 'cat'; a column of ids is chosen with --columns" in err
    read, out, err = run(capsys, "ids.pt", "rows.jsonl", "--columns", "y")
    assert read == ("0", "1", "0")
    assert "  reads  ids in 'y'" in out.splitlines()


def test_text_of_a_row_is_read_and_said(put, capsys):
    put("rows.jsonl", LINES)
    read, out, err = run(capsys, *LETTERS)
    assert read == tuple("the cat")
    assert "  reads  the text in column 'text', each row a sequence" in out.splitlines()
    assert "note: column 'y' is not chosen" in err.splitlines()
    assert run(capsys, *LETTERS, "--columns", "text", "--sequence", "3")[0] == tuple("a cat")


def test_unknown_symbol_is_read_as_asked_and_said(put, capsys):
    put("rows.jsonl", LINES.replace(b"dog", b"Dog"))
    second = (*LETTERS, "--sequence", "2")
    read, _, err = run(capsys, *second)
    assert read is None
    assert "'D' (at character 3), '\\n' (at character 6); --unknown token reads them" in err
    read, _, err = run(capsys, *second, "--unknown", "token", "--lower")
    assert read == ("a", " ", "d", "o", "g", "<unk>", "s", "a", "t")
    assert "read as '<unk>': '\\n'" in err
    assert "read in lower case: 'D'" in err
    assert run(capsys, *second, "--unknown", "skip")[0] == tuple("a ogsat")


def test_padded_ids_are_read_row_by_row_and_padding_is_said(put, capsys):
    put("ids.npy", saved(PADDED))
    read, out, err = run(capsys, "ids.pt", "ids.npy")
    assert read == ("5", "3", "4", "0")
    assert "  reads  ids, each row a sequence" in out.splitlines()
    assert "3 of 3 sequences end with the id 0, which looks like padding" in err
    assert "it is read: --padding cut" in err
    read, _, err = run(capsys, "ids.pt", "ids.npy", "--padding", "cut", "--sequence", "3")
    assert read == ("7", "8")
    assert "it is cut" in err


def test_tokenizer_that_is_not_computed_takes_ids_and_names_them(put, capsys):
    pieces = {piece: place for place, piece in enumerate(["hello", "Ġworld", *"abcdefgh"])}
    put("bpe.json", json.dumps({"model": {"type": "BPE", "vocab": pieces}}).encode())
    put("text.txt", b"hello world")
    put("ids.txt", b"1 0")
    read, _, err = run(capsys, "ids.pt", "text.txt", "--vocabulary", "bpe.json")
    assert read is None
    assert "splits words by BPE rules" in err
    assert run(capsys, "ids.pt", "ids.txt", "--vocabulary", "bpe.json")[0] == ("Ġworld", "hello")
