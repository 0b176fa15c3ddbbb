"""The command line: what it writes, says and returns."""

import os
import signal
import subprocess
import sys

import pytest

from lstm_core import __main__ as command_line
from lstm_core import build, train, zoo
from lstm_core.checkpoint import load_checkpoint
from lstm_core.tasks import TASKS, FlaggedRecall

RATES = (1e-3, 3e-2)


@pytest.fixture(autouse=True)
def tiny_task(monkeypatch, tmp_path):
    monkeypatch.setitem(TASKS, "tiny", FlaggedRecall(name="tiny", delays=(1, 3), shown=(2, 3)))
    monkeypatch.setitem(train._STEPS, "tiny", 20)
    monkeypatch.setitem(train.LEARNING_RATES, "tiny", RATES)
    monkeypatch.setitem(build.SEEDS, "tiny", 2)
    monkeypatch.chdir(tmp_path)


def run(*arguments):
    return command_line.main([str(argument) for argument in arguments])


def usage_error(capsys, *arguments):
    with pytest.raises(SystemExit) as caught:
        run(*arguments)
    assert caught.value.code == 2
    return capsys.readouterr().err


def test_training_writes_a_checkpoint_of_what_was_asked(tmp_path, capsys):
    path = tmp_path / "deep" / "model.safetensors"
    options = ("--cell", "gru", "--seed", 3, "--lr", 0.02, "--steps", 7, "--hidden-size", 5)
    assert run("train", "tiny", *options, "--out", path) == 0
    found = load_checkpoint(path)
    assert (found.model.config.cell, found.model.config.hidden_size, found.seed) == ("gru", 5, 3)
    assert (found.recipe["lr"], found.recipe["steps"]) == (0.02, 7)
    said = capsys.readouterr()
    assert said.out.startswith(f"{path}: accuracy 0.")
    assert "step 7/7" in said.err
    assert list(path.parent.iterdir()) == [path]


def test_checkpoint_goes_to_runs_unless_told_otherwise(tmp_path):
    assert run("train", "tiny", "--cell", "rnn", "--lr", 0.001, "--steps", 2) == 0
    assert load_checkpoint(tmp_path / "runs" / "tiny-rnn-lr0.001-seed0.safetensors").task == "tiny"


def test_same_command_gives_the_same_model():
    for name in ("a", "b"):
        assert run("train", "tiny", "--out", f"{name}.safetensors") == 0
    assert load_checkpoint("a.safetensors").hash == load_checkpoint("b.safetensors").hash


def test_finished_training_is_not_repeated_unless_asked(capsys, tmp_path):
    path = tmp_path / "model.safetensors"
    assert run("train", "tiny", "--out", path) == 0
    written = path.stat().st_mtime_ns
    assert run("train", "tiny", "--out", path) == 0
    assert path.stat().st_mtime_ns == written
    assert "--fresh" in capsys.readouterr().err
    assert run("train", "tiny", "--out", path, "--fresh") == 0
    assert path.stat().st_mtime_ns > written


def test_another_model_is_not_overwritten_unless_asked(capsys, tmp_path):
    path = tmp_path / "model.safetensors"
    assert run("train", "tiny", "--out", path) == 0
    before = path.read_bytes()
    assert run("train", "tiny", "--seed", 1, "--out", path) == 1
    assert path.read_bytes() == before
    assert "another model" in capsys.readouterr().err
    assert run("train", "tiny", "--seed", 1, "--out", path, "--fresh") == 0
    assert load_checkpoint(path).seed == 1


def press_ctrl_c_at(step, monkeypatch):
    show = command_line._show

    def pressing(progress):
        show(progress)
        if progress.step == step:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(command_line, "_show", pressing)


def test_ctrl_c_stops_and_the_same_command_goes_on(capsys, tmp_path, monkeypatch):
    handler = signal.getsignal(signal.SIGINT)
    stopped, whole = tmp_path / "stopped.safetensors", tmp_path / "whole.safetensors"
    with monkeypatch.context() as patch:
        press_ctrl_c_at(9, patch)
        assert run("train", "tiny", "--out", stopped) == 1
    assert "the same command goes on" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is handler
    assert not stopped.exists()
    assert stopped.with_suffix(".state").exists()
    assert run("train", "tiny", "--out", stopped) == 0
    assert "step 2/20" not in capsys.readouterr().err
    assert run("train", "tiny", "--out", whole) == 0
    assert load_checkpoint(stopped).hash == load_checkpoint(whole).hash


def test_fresh_forgets_a_stopped_run(capsys, monkeypatch):
    with monkeypatch.context() as patch:
        press_ctrl_c_at(9, patch)
        run("train", "tiny", "--out", "a.safetensors")
    capsys.readouterr()
    assert run("train", "tiny", "--out", "a.safetensors", "--fresh") == 0
    assert "step 2/20" in capsys.readouterr().err


def test_state_of_another_recipe_is_refused_with_a_way_out(capsys, monkeypatch):
    with monkeypatch.context() as patch:
        press_ctrl_c_at(9, patch)
        run("train", "tiny", "--out", "a.safetensors")
    capsys.readouterr()
    assert run("train", "tiny", "--seed", 4, "--out", "a.safetensors") == 1
    assert "--fresh" in capsys.readouterr().err


def test_zoo_trains_the_grid_and_ships_the_best_rate_on_validation(tmp_path):
    out = tmp_path / "zoo"
    assert run("zoo", "--task", "tiny", "--cell", "rnn", "--out", out, "--runs", "r") == 0
    found = load_checkpoint(out / "tiny-rnn.safetensors")
    assert len(found.scores) == 4
    assert {(s.seed, s.lr) for s in found.scores} == {(seed, lr) for seed in (0, 1) for lr in RATES}
    means = {lr: sum(s.validation for s in found.scores if s.lr == lr) for lr in RATES}
    assert found.recipe["lr"] == max(sorted(means, reverse=True), key=means.__getitem__)
    assert found.seed == found.scores[0].seed == 0
    run_of_it = load_checkpoint(f"r/tiny-rnn-lr{found.recipe['lr']:g}-seed0.safetensors")
    assert found.hash == run_of_it.hash


def test_zoo_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    command = ("zoo", "--task", "tiny", "--cell", "rnn", "--out", "zoo", "--runs", "r")
    with monkeypatch.context() as patch:
        press_ctrl_c_at(9, patch)
        assert run(*command) == 1
    assert run(*command) == 0
    files = sorted((tmp_path / "r").iterdir())
    times = [path.stat().st_mtime_ns for path in files]
    assert len(files) == 4
    assert run(*command) == 0
    assert [path.stat().st_mtime_ns for path in files] == times


def test_unknown_task_and_cell_are_answered_with_those_there_are(capsys):
    assert "'recall', 'short-recall', 'python'" in usage_error(capsys, "train", "chess")
    said = usage_error(capsys, "train", "recall", "--cell", "elman")
    assert all(cell in said for cell in zoo.CELLS_SHIPPED)


@pytest.mark.parametrize("arguments", [
    [], ["fly"], ["train"], ["train", "tiny", "--seed", "-1"], ["train", "tiny", "--seed", "x"],
    ["train", "tiny", "--lr", "0"], ["train", "tiny", "--lr", "nan"],
    ["train", "tiny", "--steps", "0"], ["train", "tiny", "--hidden-size", "100000"],
    ["train", "tiny", "--fresh", "--resume"],
])  # fmt: skip
def test_wrong_usage_returns_2_and_trains_nothing(capsys, tmp_path, arguments):
    assert "usage:" in usage_error(capsys, *arguments)
    assert list(tmp_path.iterdir()) == []


def test_file_that_cannot_be_written_is_an_error_and_not_a_crash(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert run("train", "tiny", "--steps", 2, "--out", tmp_path / "file" / "model") == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: ")


def test_list_names_every_shipped_model_and_its_score(capsys):
    assert run("list") == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [tuple(line.split()[:2]) for line in lines] == list(zoo.shipped())
    for line, pair in zip(lines, zoo.shipped(), strict=True):
        assert f"{zoo.load(*pair).scores[0].value:.3f}" in line


def test_bar_is_drawn_on_a_terminal_in_one_line(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert run("train", "tiny", "--out", "a.safetensors") == 0
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.count("\r") == 3  # at steps 10 and 20, and the end


def test_module_runs_as_a_program(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "lstm_core", "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "python -m lstm_core train recall --cell lstm" in done.stdout
    assert done.stderr == ""
