"""The command line of viz: what it writes, what it says of a bad file, how it ends."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from lstm_core.trace import Trace, trace
from tests.test_player import carried, opened
from viz import export
from viz.__main__ import main
from viz.text import TEXT, say

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _in_english(monkeypatch):
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run_file(tmp_path):
    return saved(tmp_path / "run.npz", nn.LSTM)


def saved(path: Path, kind, *, steps: int = 5) -> Path:
    torch.manual_seed(4)
    trace(kind(2, 3, num_layers=2, bidirectional=True), np.ones((steps, 2), np.float32)).save(path)
    return path


def run(*words: object) -> int:
    return main([str(word) for word in words])


def test_stage_writes_one_page_of_all_traces_called_by_their_files(tmp_path, run_file, capsys):
    other, out = saved(tmp_path / "other one.npz", nn.GRU), tmp_path / "stage.html"
    assert run("stage", run_file, other, "-o", out, "--language", "zh", "--theme", "dark") == 0
    header, _ = carried(out.read_text(encoding="utf-8"))
    names = [part["name"] for part in header["parts"]]
    assert names[0] == say("player.layer", "zh", model="run", layer=0) + " →"
    assert names[-1] == say("player.layer", "zh", model="other one", layer=1) + " ←"
    page = opened(out.read_text(encoding="utf-8"))
    assert page.tags("html")[0][0]["lang"] == "zh-Hans"
    assert page.tags("h1")[0][1] == "run · other one"
    assert capsys.readouterr().out.startswith(f"{out}: ")


def test_stage_takes_a_title(tmp_path, run_file):
    out = tmp_path / "stage.html"
    assert run("stage", run_file, "-o", out, "--title", "<b>Monday") == 0
    assert opened(out.read_text(encoding="utf-8")).tags("h1")[0][1] == "<b>Monday"


def test_figure_draws_the_signal_of_the_layer_and_direction_asked_for(
    tmp_path, run_file, monkeypatch
):
    drawn = []
    monkeypatch.setattr(export, "figure_html", lambda figure: drawn.append(figure) or "page")
    out = tmp_path / "f.html"
    words = ("--signal", "z_f", "--layer", "0", "--reverse", "--dark", "--language", "zh")
    assert run("figure", run_file, "-o", out, *words) == 0
    assert out.read_text() == "page"
    torch.manual_seed(4)
    module = nn.LSTM(2, 3, num_layers=2, bidirectional=True)
    expected = trace(module, np.ones((5, 2), np.float32)).select("z_f", 0, 1)
    assert np.array_equal(drawn[0].data[0].z, expected.T)
    assert "遗忘门" not in drawn[0].layout.title.text  # z_f is no gate yet
    assert "激活前的值" in drawn[0].layout.title.text


def test_figure_draws_every_signal_where_none_is_named(tmp_path, run_file, monkeypatch):
    drawn = []
    monkeypatch.setattr(export, "figure_html", lambda figure: drawn.append(figure) or "page")
    assert run("figure", run_file, "-o", tmp_path / "f.html") == 0
    assert [each.name for each in drawn[0].data if each.name in "ifgoch"] == list("fiogch")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["stage", "missing.npz", "-o", "a.html"], "missing.npz"),
        (["stage", "damaged.npz", "-o", "a.html"], "damaged.npz is damaged or no NPZ file"),
        (["stage", "run.npz", "longer.npz", "-o", "a.html"], "numbers of steps: run 5, longer 6"),
        (["stage", "run.npz", "run.npz", "-o", "a.html"], "different names, got run, run"),
        (["stage", "run.npz", "-o", "nowhere/a.html"], "nowhere"),
        (["figure", "run.npz", "-o", "a.html", "--signal", "q"], "no signal 'q'; it has f, i"),
        (["figure", "run.npz", "-o", "a.html", "--layer", "7"], "layer 7 of a model with 2"),
    ],
)
def test_what_goes_wrong_is_one_sentence(tmp_path, monkeypatch, capsys, words, reason):
    monkeypatch.chdir(tmp_path)
    saved(Path("run.npz"), nn.LSTM)
    saved(Path("longer.npz"), nn.LSTM, steps=6)
    Path("damaged.npz").write_bytes(b"PK\x03\x04 and so on")
    assert main(words) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("error: ")
    assert reason in told.err
    assert told.err.count("\n") == 1
    assert not Path("a.html").exists()


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["stage"],
        ["stage", "run.npz"],
        ["stage", "run.npz", "-o", "stage.txt"],
        ["stage", "run.npz", "-o", "stage.html", "--theme", "blue"],
        ["figure", "run.npz", "-o", "f.gif"],
        ["table", "run.npz", "-o", "t.xlsx"],
        ["figure", "run.npz", "-o", "f.html", "--layer", "last"],
    ],
)
def test_wrong_usage_is_status_2(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage: python -m viz" in capsys.readouterr().err


def test_table_holds_every_number_of_every_signal(tmp_path, run_file, capsys):
    expected = Trace.load(run_file).to_pandas()
    for name, read in (("run.csv", pd.read_csv), ("run.parquet", pd.read_parquet)):
        assert run("table", run_file, "-o", tmp_path / name) == 0
        found = read(tmp_path / name)
        assert list(found) == list(expected)
        assert len(found) == 4 * 5 * 3 * 6  # places, steps, units, signals
        assert found["signal"].tolist() == expected["signal"].tolist()
        np.testing.assert_array_equal(found["value"].astype(np.float32), expected["value"])
        assert capsys.readouterr().out.startswith(f"{tmp_path / name}: ")


@pytest.mark.parametrize("command", ["stage", "figure", "table"])
@pytest.mark.parametrize("place", ["en", "zh_CN.UTF-8"])
def test_model_in_place_of_a_trace_is_told_what_comes_first(
    tmp_path, monkeypatch, capsys, command, place
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LANG", place)
    torch.save(nn.LSTM(2, 3).state_dict(), "my.pt")
    out = "a.csv" if command == "table" else "a.html"
    assert main([command, "my.pt", "-o", out]) == 1
    language = place[:2]
    said = say("command.is-model", language, file="my.pt", out="my.npz")
    assert "python -m lstm_core trace my.pt DATA -o my.npz" in said
    assert capsys.readouterr().err == say("command.error", language, reason=said) + "\n"
    assert not Path(out).exists()


def test_what_is_neither_is_told_what_a_trace_is(tmp_path, capsys):
    data = tmp_path / "rows.csv"
    data.write_text("a,b\n1,2\n")
    assert run("stage", data, "-o", tmp_path / "a.html") == 1
    said = capsys.readouterr().err
    assert "rows.csv" in said
    assert "python -m lstm_core trace MODEL DATA" in said


def test_file_that_is_not_there_is_called_as_it_was_typed(tmp_path, run_file, capsys):
    gone, out = tmp_path / "gone.npz", tmp_path / "no" / "a.html"
    assert run("stage", gone, "-o", tmp_path / "a.html") == 1
    assert capsys.readouterr().err == f"error: {gone}: No such file or directory\n"
    assert run("stage", run_file, "-o", out) == 1
    assert capsys.readouterr().err == f"error: {out}: No such file or directory\n"


@pytest.mark.parametrize("code", ["no-kaleido", "no-browser"])
def test_a_picture_that_cannot_be_drawn_says_what_to_install(
    tmp_path, run_file, monkeypatch, capsys, code
):
    def refuse(*_: object) -> bytes:
        raise export.PictureError(code, "no")

    monkeypatch.setattr(export, "figure_picture", refuse)
    assert run("figure", run_file, "-o", tmp_path / "f.png") == 1
    said = say(f"command.{code}", "en", kind="png")
    assert capsys.readouterr().err == f"error: {said}\n"


@pytest.mark.parametrize(
    ("place", "language"), [("zh_CN.UTF-8", "zh"), ("en_GB", "en"), ("", "en")]
)
def test_help_speaks_the_language_of_the_terminal(monkeypatch, capsys, place, language):
    monkeypatch.setenv("LANG", place)
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert say("command.examples", language) in shown
    assert "python -m viz stage run.npz -o stage.html" in shown


def test_every_example_of_the_help_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("run", "lstm", "rnn"):
        saved(Path(f"{name}.npz"), nn.LSTM)
    monkeypatch.setattr(export, "figure_picture", lambda *_: b"a picture")
    with pytest.raises(SystemExit):
        main(["--help"])
    lines = capsys.readouterr().out.splitlines()
    examples = [line for line in lines if line.startswith(" ") and "-o" in line]
    assert len(examples) == 5
    for example in examples:
        words = shlex.split(example)
        assert words[:3] == ["python", "-m", "viz"]
        assert main(words[3:]) == 0
        assert Path(words[words.index("-o") + 1]).stat().st_size


def test_every_sentence_of_the_command_is_said_somewhere():
    source = (ROOT / "viz" / "__main__.py").read_text(encoding="utf-8")
    codes = {"command.no-kaleido", "command.no-browser"}
    keys = {key for key in TEXT if key.startswith("command.")}
    assert {key for key in keys if not re.search(f"['\"]{key}['\"]", source)} == codes


def test_it_runs_as_a_module(tmp_path, run_file):
    command = [sys.executable, "-m", "viz", "stage", str(run_file), "-o", str(tmp_path / "s.html")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=dict(os.environ))
    assert (done.returncode, done.stderr) == (0, "")
    header, _ = carried((tmp_path / "s.html").read_text(encoding="utf-8"))
    assert len(header["parts"]) == 4
