"""The commands that read trained models: what they say, write and return."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from lstm_core import Trace, trace
from lstm_core import __main__ as command_line
from lstm_core.commands import plain
from lstm_core.convert import load_model, model_of
from lstm_core.zoo import path_of


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(*arguments):
    return command_line.main([str(argument) for argument in arguments])


def failed(capsys, *arguments):
    """The one sentence that a file problem ends with."""
    assert run(*arguments) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    return said.err


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(4, 3)
        self.lstm = nn.LSTM(3, 5, 2, bidirectional=True)
        self.out = nn.Linear(10, 4)


@pytest.fixture
def reader():
    model = Reader()
    torch.save({"state_dict": model.state_dict(), "epoch": 1}, "reader.pt")
    return model


@pytest.fixture
def numbers():
    module = nn.GRU(2, 3)
    torch.save(module.state_dict(), "numbers.pt")
    with open("rows.csv", "w") as file:
        file.write("a,b\n1,2\n3,4\n5,7\n")
    return module


ROWS = np.array([[1, 2], [3, 4], [5, 7]])


@pytest.fixture
def pair():
    """Two stacks in one file, the second a plain RNN."""
    model = nn.ModuleDict({"encoder": nn.LSTM(2, 3), "decoder": nn.RNN(2, 3)})
    torch.save(model.state_dict(), "pair.pt")
    return model


def test_inspect_tells_sizes_gates_surroundings_and_notes(reader, capsys):
    assert run("inspect", "reader.pt") == 0
    parameters = sum(weight.numel() for weight in reader.lstm.parameters())
    assert capsys.readouterr().out.splitlines() == [
        "reader.pt: PyTorch",
        "lstm: LSTM, 2 layers of 5 units, both directions, reads 3 numbers a step",
        "  gates packed  i f g o",
        f"  parameters    {parameters:,} in float32",
        "  embedding     embedding, 4 tokens",
        "  head          out, 4 outputs",
        "note: of the checkpoint only 'state_dict' is read, not epoch",
    ]


def test_inspect_gives_the_same_as_json(reader, capsys):
    assert run("inspect", "reader.pt", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    (stack,) = told["stacks"]
    assert (told["kind"], told["remarks"][0]["code"]) == ("torch", "checkpoint-parts")
    assert (stack["cell"], stack["layers"], stack["directions"]) == ("lstm", 2, 2)
    assert stack["embedding"] == {"name": "embedding", "tokens": 4}
    assert stack["head"] == {"name": "out", "outputs": 4}


def test_inspect_reads_our_own_checkpoints(capsys):
    assert run("inspect", path_of("recall", "gru")) == 0
    assert "a checkpoint of this program" in capsys.readouterr().out


def test_names_in_a_file_command_no_terminal(capsys):
    weights = {f"\x1b[31mred\n.{k}": t for k, t in nn.LSTM(1, 2).state_dict().items()}
    torch.save(weights, "red.pt")
    assert run("inspect", "red.pt") == 0
    assert "\x1b" not in capsys.readouterr().out
    assert plain("\x1b]0;title\x07 a\tb\u202e") == r"\x1b]0;title\x07 a b\u202e"


def test_trace_writes_what_the_library_traces(numbers, capsys):
    assert run("trace", "numbers.pt", "rows.csv", "-o", "run.npz") == 0
    found, expected = Trace.load("run.npz"), trace(numbers, ROWS)
    for signal in "rznh":
        np.testing.assert_array_equal(found[signal], expected[signal])
    assert "rows 1–3" in capsys.readouterr().out


def test_trace_reads_ids_and_text_and_a_vocabulary(reader, tmp_path):
    (tmp_path / "ids.json").write_text("[3, 0, 1]")
    (tmp_path / "words.txt").write_text("3 0 1")
    (tmp_path / "named.txt").write_text("sat the cat")
    (tmp_path / "vocab.json").write_text('["the", "cat", "mat", "sat"]')
    expected = trace(model_of(load_model("reader.pt").stacks[0]), [3, 0, 1])
    for name, extra in (
        ("ids.json", ()),
        ("words.txt", ()),
        ("named.txt", ("--vocabulary", "vocab.json")),
    ):
        assert run("trace", "reader.pt", name, "-o", "run.npz", *extra) == 0
        np.testing.assert_array_equal(Trace.load("run.npz").outputs, expected.outputs)
    assert Trace.load("run.npz").tokens == ("sat", "the", "cat")


def test_trace_of_one_sequence_of_many(numbers, tmp_path, capsys):
    (tmp_path / "many.json").write_text("[[[1, 2]], [[1, 2], [3, 4], [5, 7]]]")
    assert run("trace", "numbers.pt", "many.json", "-o", "run.npz", "--sequence", "2") == 0
    np.testing.assert_array_equal(Trace.load("run.npz")["h"], trace(numbers, ROWS)["h"])
    assert "sequence 2 of 2" in capsys.readouterr().out
    assert "there are 1, 2" in failed(
        capsys, "trace", "numbers.pt", "many.json", "-o", "x.npz", "--sequence", "7"
    )


def test_trace_standardises_when_asked(numbers):
    assert run("trace", "numbers.pt", "rows.csv", "-o", "run.npz", "--standardise", "all") == 0
    scaled = (ROWS - ROWS.mean(axis=0)) / ROWS.std(axis=0)
    np.testing.assert_allclose(Trace.load("run.npz").layer(0).inputs, scaled, atol=1e-6)


def test_trace_of_one_stack_of_many(pair, numbers, capsys):
    assert "encoder, decoder" in failed(capsys, "trace", "pair.pt", "rows.csv", "-o", "run.npz")
    options = ("-o", "run.npz", "--stack", "decoder")
    assert run("trace", "pair.pt", "rows.csv", *options) == 0
    expected = trace(pair["decoder"], ROWS)["h"]
    np.testing.assert_array_equal(Trace.load("run.npz")["h"], expected)


def test_convert_writes_weights_that_answer_the_same(reader, tmp_path):
    assert run("convert", "reader.pt", "-o", "plain.safetensors") == 0
    ids = [3, 1, 0, 2]
    before = trace(model_of(load_model("reader.pt").stacks[0]), ids)
    after = trace(model_of(load_model("plain.safetensors").stacks[0]), ids)
    np.testing.assert_array_equal(after.outputs, before.outputs)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["plain.safetensors", "reader.pt"]


def test_convert_keeps_every_stack_or_the_one_that_is_named(pair):
    assert run("convert", "pair.pt", "-o", "both.safetensors") == 0
    names = {stack.name for stack in load_model("both.safetensors").stacks}
    assert names == {"encoder.recurrent", "decoder.recurrent"}
    assert run("convert", "pair.pt", "-o", "one.safetensors", "--stack", "encoder") == 0
    (stack,) = load_model("one.safetensors").stacks
    assert torch.equal(stack.module.weight_hh_l0, pair["encoder"].weight_hh_l0)


def test_convert_says_which_plain_rnns_are_relu(pair, monkeypatch):
    pair["decoder"].nonlinearity = "relu"
    file = replace(load_model("pair.pt"), remarks=())
    file.stacks[1].module.nonlinearity = "relu"
    monkeypatch.setattr("lstm_core.commands.load_model", lambda _: file)
    assert run("convert", "pair.pt", "-o", "both.safetensors") == 0
    again = load_model("both.safetensors")
    rnn = next(stack for stack in again.stacks if stack.cell == "rnn")
    assert rnn.module.nonlinearity == "relu"
    assert not again.remarks


def test_convert_does_not_write_a_guess_as_if_it_were_known(pair, capsys):
    assert run("convert", "pair.pt", "-o", "both.safetensors") == 0
    assert "tanh" in capsys.readouterr().err
    assert [remark.code for remark in load_model("both.safetensors").remarks] == ["assumed-tanh"]


def test_converted_file_is_one_of_safetensors_to_everybody(numbers):
    from safetensors.torch import load_file

    assert run("convert", "numbers.pt", "-o", "plain.safetensors") == 0
    weights = load_file("plain.safetensors")
    other = nn.GRU(2, 3)
    other.load_state_dict({k.removeprefix("recurrent."): t for k, t in weights.items()})
    assert torch.equal(other(torch.ones(4, 2))[0], numbers(torch.ones(4, 2))[0])


def test_model_is_not_overwritten_by_its_own_conversion(numbers, tmp_path, capsys):
    before = (tmp_path / "numbers.pt").read_bytes()
    assert "another file" in failed(capsys, "convert", "numbers.pt", "-o", "./numbers.pt")
    assert (tmp_path / "numbers.pt").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("inspect", "missing.pt"), "missing.pt"),
        (("inspect", "rows.csv"), "rows.csv is no model file"),
        (("inspect", "."), "directory"),
        (("trace", "numbers.pt", "missing.csv", "-o", "x.npz"), "missing.csv"),
        (("trace", "numbers.pt", "one.csv", "-o", "x.npz"), "reads 2 numbers"),
        (("trace", "numbers.pt", "words.txt", "-o", "x.npz"), "reads numbers"),
        (("trace", "numbers.pt", "rows.csv", "-o", "x.npz", "--stack", "b"), "no stack 'b'"),
        (("trace", "numbers.pt", "rows.csv", "-o", "x.npz", "--vocabulary", "one.csv"), "symbols"),
        (("trace", "numbers.pt", "rows.csv", "-o", "no/x.npz"), "no/"),
        (("trace", "reader.pt", "words.txt", "-o", "x.npz"), "'hello'"),
        (("trace", "reader.pt", "high.json", "-o", "x.npz"), "0 to 3, got 4"),
        (("trace", "reader.pt", "half.json", "-o", "x.npz"), "step 1 is 1.5"),
        (("convert", "rows.csv", "-o", "x.safetensors"), "rows.csv is no model file"),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, tuple) else "",
)
def test_file_problem_is_one_sentence_and_writes_nothing(
    arguments, word, numbers, reader, tmp_path, capsys
):
    files = {
        "one.csv": "a\n1\n2\n",
        "words.txt": "hello there",
        "high.json": "[1, 4]",
        "half.json": "[1, 1.5]",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    before = set(tmp_path.rglob("*"))
    assert word in failed(capsys, *arguments)
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("inspect",),
        ("trace", "m.pt"),
        ("trace", "m.pt", "d.csv"),
        ("trace", "m.pt", "d.csv", "-o", "x", "--standardise", "maybe"),
        ("convert", "m.pt"),
    ],
)
def test_wrong_usage_ends_with_two(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        run(*arguments)
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["inspect", "trace", "convert"])
def test_help_shows_examples(command, capsys):
    with pytest.raises(SystemExit) as caught:
        run(command, "--help")
    assert caught.value.code == 0
    assert f"python -m lstm_core {command} " in capsys.readouterr().out
