"""The options of the command `trace`: what is read of a data file, and what is said of the rest."""

import wave

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from lstm_core import Trace, trace
from lstm_core import __main__ as command_line
from lstm_core.convert import load_model, model_of
from lstm_core.data import read_data
from tests.onnx_graphs import upon, weights


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def saved(name: str, width: int) -> nn.GRU:
    torch.manual_seed(3)
    module = nn.GRU(width, 3)
    torch.save(module.state_dict(), name)
    return module


@pytest.fixture
def two():
    """A model that reads two numbers a step."""
    return saved("two.pt", 2)


@pytest.fixture
def one():
    """A model that reads one number a step."""
    return saved("one.pt", 1)


def put(name: str, content: str | bytes) -> str:
    with open(name, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    return name


def run(*arguments: object) -> int:
    return command_line.main(["trace", *map(str, arguments), "-o", "run.npz"])


def read(capsys, *arguments: object) -> tuple[np.ndarray, tuple[str, ...] | None, str, str]:
    """The numbers that the model read, what they are called, and what was said where."""
    assert run(*arguments) == 0
    told = capsys.readouterr()
    found = Trace.load("run.npz")
    return found.layer(0).inputs, found.input_names, told.out, told.err


def failed(capsys, *arguments: object) -> str:
    """The last line of what is said; the notes before it are no sentence of their own."""
    assert run(*arguments) == 1
    told = capsys.readouterr()
    assert told.out == ""
    *notes, error = told.err.splitlines()
    assert all(line.startswith("note: ") for line in notes)
    assert error.startswith("error: ")
    return error


TABLE = "time,a,b,c,note\n0,1,2,9,x\n1,3,4,8,y\n2,5,7,7,z\n"


# ---- Which columns


@pytest.mark.parametrize("columns", ["c,a", "4,2", "c, 2"])
def test_columns_are_read_in_the_order_in_which_they_are_named(two, capsys, columns):
    put("t.csv", TABLE)
    values, names, out, err = read(capsys, "two.pt", "t.csv", "--columns", columns)
    assert values.tolist() == [[9, 1], [8, 3], [7, 5]]
    assert names == ("c", "a")
    np.testing.assert_array_equal(Trace.load("run.npz")["h"], trace(two, values)["h"])
    assert "  reads  'c', 'a'" in out.splitlines()
    assert err.splitlines() == [
        "note: column 'time' rises from row to row like a clock, so it is no channel",
        "note: column 'b' is not chosen",
        "note: column 'note' holds text, e.g. 'x' in row 1, so it is no channel",
    ]


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(
    ("columns", "word"),
    [
        ("a,b,c", "reads 2 numbers a step; --columns names 3 columns"),
        ("a", "--columns names 1 column"),
        ("a,z", "no column 'z'"),
        ("a,9", "no column '9'"),
        ("a,a", "'a' is named twice"),
        ("a,note", "column 'note' holds text, e.g. 'x'"),
    ],
)
def test_columns_that_cannot_be_read_are_refused(capsys, columns, word):
    put("t.csv", TABLE)
    assert word in failed(capsys, "two.pt", "t.csv", "--columns", columns)


@pytest.mark.usefixtures("two")
def test_too_many_columns_are_told_with_the_option_and_the_reason_for_the_others(capsys):
    put("t.csv", TABLE)
    assert run("two.pt", "t.csv") == 1
    said = capsys.readouterr().err.splitlines()
    assert said[-1].endswith("the file has 3 channels: 'a', 'b', 'c'; --columns says which of them")
    assert "'time' rises" in said[0]
    assert "'note' holds text" in said[1]


@pytest.mark.usefixtures("two")
def test_column_of_sequence_names_is_chosen(capsys):
    put("t.csv", "machine,a,b\n7,1,2\n8,3,4\n7,5,6\n")
    values, names, out, err = read(capsys, "two.pt", "t.csv", "--group", "machine")
    assert (values.tolist(), names) == ([[1, 2], [5, 6]], ("a", "b"))
    assert out.startswith("run.npz: sequence 7 of 2, rows 1, 3: ")
    assert "'machine' says to which sequence a row belongs" in err
    values, *_ = read(capsys, "two.pt", "t.csv", "--group", "1", "--sequence", "8")
    assert values.tolist() == [[3, 4]]
    put("id.csv", "id,a,b\n7,1,2\n7,3,4\n8,5,6\n")
    values, *_ = read(capsys, "two.pt", "id.csv", "--group", "", "--columns", "a,b")
    assert len(values) == 3


# ---- Gaps, scale, steps


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(("gaps", "value"), [("zero", 0), ("previous", 1)])
def test_gaps_are_filled_when_asked(capsys, gaps, value):
    put("t.csv", "a,b\n1,2\n,3\n4,5\n")
    error = failed(capsys, "two.pt", "t.csv")
    assert error.endswith("row 2, column 'a' has no value; --gaps zero or --gaps previous fills it")
    values, *_ = read(capsys, "two.pt", "t.csv", "--gaps", gaps)
    assert values.tolist() == [[1, 2], [value, 3], [4, 5]]


@pytest.mark.usefixtures("two")
def test_scale_is_told(capsys):
    put("t.csv", TABLE)
    _, _, out, _ = read(capsys, "two.pt", "t.csv", "--columns", "a,b")
    assert "  scale  as in the file" in out.splitlines()
    values, _, out, _ = read(capsys, "two.pt", "t.csv", "--columns", "a,b", "--standardise", "each")
    assert "  scale  each column to mean 0, variance 1, in each sequence" in out.splitlines()
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(values.std(axis=0), 1, atol=1e-6)


@pytest.mark.usefixtures("one")
def test_steps_are_a_part_of_the_scaled_whole(capsys):
    numbers = np.arange(40.0) ** 2
    put("t.csv", "a\n" + "".join(f"{n}\n" for n in numbers))
    options = ("--start", 10, "--steps", 5, "--standardise", "all")
    values, _, out, _ = read(capsys, "one.pt", "t.csv", *options)
    expected = ((numbers - numbers.mean()) / numbers.std())[10:15]
    np.testing.assert_allclose(values[:, 0], expected, atol=1e-6)
    assert "rows 11–15" in out
    assert "  steps  5 steps, 10 to 14 of 40" in out.splitlines()
    _, _, out, _ = read(capsys, "one.pt", "t.csv", "--start", 39)
    assert "  steps  1 step of 40" in out.splitlines()
    assert ": row 40: " in out.replace("run.npz: ", ": ")
    assert "has 40 steps" in failed(capsys, "one.pt", "t.csv", "--start", 40)


# ---- How it is written


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("a;b\n1,5;2\n", (), [[1.5, 2]]),
        ("a;b\n1,250;2\n", ("--decimal", "point"), [[1250, 2]]),
        ("a;b\n1,250;2\n", ("--decimal", ","), [[1.25, 2]]),
        ("a;b\n1,250;2\n", ("--thousands", "comma"), [[1250, 2]]),
        ("1,5\n2,5\n", ("--delimiter", "comma"), [[1, 5], [2, 5]]),
        ("1\t5\n2\t5\n", ("--delimiter", "tab"), [[1, 5], [2, 5]]),
        ("2019,2020\n1,2\n", ("--header",), [[1, 2]]),
        ("2019,2020\n1,2\n", ("--no-header",), [[2019, 2020], [1, 2]]),
    ],
)
def test_signs_and_header_are_chosen(capsys, text, options, expected):
    values, *_ = read(capsys, "two.pt", put("t.csv", text), *options)
    assert values.tolist() == expected


@pytest.mark.usefixtures("two")
def test_encoding_is_chosen(capsys):
    put("t.csv", "ÀÁ,b\n1,2\n".encode("latin-1"))
    assert read(capsys, "two.pt", "t.csv", "--encoding", "latin-1")[1] == ("ÀÁ", "b")


@pytest.mark.usefixtures("one")
def test_decimal_commas_are_read_by_a_model_of_one_number(capsys):
    values, _, _, err = read(capsys, "one.pt", put("t.csv", "1,5\n2,7\n4,25\n"))
    assert values.tolist() == [[1.5], [2.7000000476837160], [4.25]]
    assert err.splitlines() == [
        "note: each line is read as one number with a decimal comma; it may also be two whole "
        "numbers in two columns: --delimiter comma"
    ]
    *_, err = read(capsys, "one.pt", put("t.csv", "x\n1,5\n2,7\n"))
    assert err == ""


@pytest.mark.usefixtures("two")
def test_thousands_signs_are_told(capsys):
    values, _, _, err = read(capsys, "two.pt", put("t.csv", "a;b\n1.013,5;1\n"))
    assert values.tolist() == [[1013.5, 1]]
    assert "'1.013,5' in row 1 is read as 1013.5" in err


@pytest.mark.usefixtures("two")
def test_array_and_its_axes_are_chosen(capsys):
    first, second = np.arange(6.0).reshape(2, 3), np.arange(8.0).reshape(4, 2)
    np.savez("t.npz", x=first, other=second)
    assert "--axes 'channel time'" in failed(capsys, "two.pt", "t.npz")
    values, _, _, err = read(capsys, "two.pt", "t.npz", "--axes", "channel time")
    np.testing.assert_array_equal(values, first.T)
    assert err == "note: array 'x' is read; there are others: other: --array chooses\n"
    values, *_ = read(capsys, "two.pt", "t.npz", "--array", "other")
    np.testing.assert_array_equal(values, second)


@pytest.mark.usefixtures("two")
def test_parquet_is_read_and_what_is_not_is_named(capsys):
    frame = pd.DataFrame({"site": ["n", "s"], "a": [1.5, 2.5], "b": [3.0, 4.0]})
    frame.to_parquet("t.parquet")
    values, names, _, err = read(capsys, "two.pt", "t.parquet")
    assert (values.tolist(), names) == ([[1.5, 3], [2.5, 4]], ("a", "b"))
    assert "column 'site' holds text, e.g. 'n' in row 1" in err


@pytest.mark.usefixtures("two")
def test_frames_of_sound_are_chosen(capsys):
    samples = (np.sin(np.arange(4000)) * 9000).astype("<i2")
    with wave.open("t.wav", "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    options = ("--frame-ms", 20, "--hop-ms", 5)
    values, names, _, err = read(capsys, "two.pt", "t.wav", *options)
    assert len(values) == 1 + (4000 - 160) // 40
    assert names == ("621 Hz", "1791 Hz")
    assert "2 mel bands, frames of 160 samples every 40" in err
    assert "16 to 65536 samples" in failed(capsys, "two.pt", "t.wav", "--frame-ms", 1)
    options = ("--bands", 5, "--columns", "1,5")
    values, *_ = read(capsys, "two.pt", "t.wav", *options)
    expected = read_data("t.wav", width=5).rows[:, [0, 4]]
    np.testing.assert_allclose(values, expected, rtol=1e-6)


# ---- Models that read symbols


class Speller(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(4, 2)
        self.rnn = nn.GRU(2, 3)


@pytest.fixture
def speller():
    model = Speller()
    torch.save(model.state_dict(), "speller.pt")
    return model


def test_vectors_are_read_past_the_embedding(speller, capsys):
    put("t.csv", "a,b\n0.5,1.5\n-1,2\n")
    values, *_ = read(capsys, "speller.pt", "t.csv", "--embedding", "none")
    assert values.tolist() == [[0.5, 1.5], [-1, 2]]
    expected = trace(speller.rnn, values)["h"]
    np.testing.assert_array_equal(Trace.load("run.npz")["h"], expected)


@pytest.mark.usefixtures("speller")
def test_column_of_ids_is_chosen_and_cut(capsys):
    put("t.csv", "a,b\n9,3\n8,0\n7,2\n")
    _, _, out, _ = read(capsys, "speller.pt", "t.csv", "--columns", "b", "--start", 1)
    found = Trace.load("run.npz")
    assert found.tokens == ("0", "2")
    expected = trace(model_of(load_model("speller.pt").stacks[0]), [0, 2])
    np.testing.assert_array_equal(found["h"], expected["h"])
    assert "scale" not in out
    put("t.txt", "3 0 2")
    read(capsys, "speller.pt", "t.txt", "--steps", 2)
    assert Trace.load("run.npz").tokens == ("3", "0")


@pytest.mark.usefixtures("speller")
@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("t.csv", "--standardise", "all"), "--standardise is for numbers"),
        (("t.txt", "--columns", "a"), "no columns to choose"),
        (("t.txt", "--group", "a"), "no columns to choose"),
    ],
)
def test_options_that_mean_nothing_to_symbols_are_refused(capsys, options, word):
    put("t.csv", "a\n1\n2\n")
    put("t.txt", "3 0 2")
    assert word in failed(capsys, "speller.pt", *options)


# ---- What is written


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("run.csv", ("written as .npz, got 'run.csv'", "python -m viz table")),
        ("run.parquet", ("python -m viz table",)),
        ("run", ("written as .npz, got 'run'",)),
        (".npz", ("got '.npz'",)),
    ],
)
def test_other_endings_are_refused_with_the_way_there(out, words, capsys):
    with pytest.raises(SystemExit) as ended:
        command_line.main(["trace", "m.pt", "t.csv", "-o", out])
    assert ended.value.code == 2
    told = " ".join(capsys.readouterr().err.split())
    assert all(word in told for word in words)


@pytest.mark.usefixtures("two")
def test_file_is_called_as_it_was_typed(capsys):
    put("t.csv", "a,b\n1,2\n")
    for words, error in (
        (("gone.pt", "t.csv", "-o", "r.npz"), "gone.pt: No such file or directory"),
        (("two.pt", "gone.csv", "-o", "r.npz"), "gone.csv: No such file or directory"),
        (
            ("two.pt", "t.csv", "-o", "no/r.npz"),
            "no/r.npz cannot be written: there is no folder no",
        ),
    ):
        assert command_line.main(["trace", *words]) == 1
        assert capsys.readouterr().err == f"error: {error}\n"


@pytest.mark.usefixtures("two")
def test_full_disk_names_the_file_and_not_the_one_beside_it(capsys, monkeypatch):
    def fail(self, path):
        raise OSError(28, "No space left on device", f".{path}.1234")

    monkeypatch.setattr(Trace, "save", fail)
    put("t.csv", "a,b\n1,2\n")
    assert failed(capsys, "two.pt", "t.csv") == "error: run.npz: No space left on device"


@pytest.mark.usefixtures("two")
def test_data_are_not_overwritten_by_their_trace(capsys, tmp_path):
    np.savez("run.npz", np.ones((3, 2)))
    before = (tmp_path / "run.npz").read_bytes()
    assert "write to another file" in failed(capsys, "two.pt", "run.npz")
    assert (tmp_path / "run.npz").read_bytes() == before


@pytest.mark.parametrize(
    "words",
    [
        ("--delimiter", "x"),
        ("--decimal", "semicolon"),
        ("--gaps", "mean"),
        ("--start", "-1"),
        ("--steps", "0"),
        ("--bands", "many"),
        ("--encoding", "klingon"),
        ("--embedding", "other"),
    ],
)
def test_choice_that_does_not_exist_is_wrong_usage(words, capsys):
    with pytest.raises(SystemExit) as ended:
        command_line.main(["trace", "m.pt", "t.csv", "-o", "r.npz", *words])
    assert ended.value.code == 2
    assert words[0] in capsys.readouterr().err


def test_counts_of_one_are_no_plural(one, capsys):
    torch.save(nn.LSTM(1, 1).state_dict(), "unit.pt")
    assert command_line.main(["inspect", "unit.pt"]) == 0
    assert "LSTM, 1 layer of 1 unit, reads 1 number a step" in capsys.readouterr().out
    put("t.csv", "a,b\n1,x\n")
    torch.save(nn.LSTM(3, 1).state_dict(), "three.pt")
    assert failed(capsys, "three.pt", "t.csv").endswith("the file has 1 channel: 'a'")


def test_stack_above_another_reads_the_data_through_it(capsys):
    put("both.onnx", upon(weights("LSTM", 3, 2, tag="1"), "GRU"))
    x = np.random.default_rng(1).normal(size=(9, 2)).astype(np.float32)
    np.save("x.npy", x)
    inputs, names, _, err = read(capsys, "both.onnx", "x.npy", "--stack", "wide")
    low, high = load_model("both.onnx").stacks
    np.testing.assert_array_equal(inputs, trace(low.module, x)["h"])
    np.testing.assert_array_equal(Trace.load("run.npz")["z"], trace(high.module, inputs)["z"])
    assert names is None
    assert "reads what" in err
