"""The command line: train a model, build the shipped ones, list them.

The commands that read trained models of any framework are in `commands` and `trace_command`.
"""

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

from lstm_core import commands, trace_command, zoo
from lstm_core.build import build, is_finished, run, run_path
from lstm_core.checkpoint import LARGEST, Checkpoint, CheckpointError
from lstm_core.tasks import TASKS
from lstm_core.train import Progress, Recipe, default_recipe

_EXAMPLES = """examples:
  python -m lstm_core train recall --cell lstm            the shipped recipe, seed 0
  python -m lstm_core train recall --cell rnn --lr 3e-4 --seed 3
  python -m lstm_core zoo --task short-recall             train all seeds and learning rates
  python -m lstm_core list                                the shipped models and their scores
  python -m lstm_core inspect model.pt                    what a trained model holds
  python -m lstm_core trace model.pt data.csv -o run.npz  every gate of it, reading a file
  python -m lstm_core convert model.onnx -o model.safetensors

Ctrl-C stops a training; the same command goes on where it stopped.
exit status: 0 done, 1 stopped or failed, 2 wrong usage"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except (CheckpointError, ValueError, OSError) as error:
        _say(f"error: {commands.reason(error)}")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lstm_core",
        description="Train models, and show the gates of trained ones of any framework.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    added = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_train(added)
    _add_zoo(added)
    commands.add_to(added)
    trace_command.add_to(added)
    listing = added.add_parser("list", help="print the shipped models with their scores")
    listing.set_defaults(command=_list)
    return parser


def _add_train(added: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    train = added.add_parser(
        "train",
        help="train one model and write its checkpoint",
        description="Train one model. What is not given comes from the shipped recipe.",
    )
    train.add_argument("task", choices=TASKS, metavar="TASK", help=", ".join(TASKS))
    train.add_argument("--cell", choices=zoo.CELLS_SHIPPED, default="lstm", help="default: lstm")
    train.add_argument("--seed", type=_whole(0, 2**31 - 1), default=0, help="default: 0")
    train.add_argument("--lr", type=_rate, help="learning rate of Adam")
    train.add_argument("--steps", type=_whole(1, 10**7), help="the budget in training steps")
    train.add_argument("--hidden-size", type=_whole(1, LARGEST["hidden_size"]), help="units")
    train.add_argument("--out", type=Path, help="the checkpoint; default: a name in ./runs")
    again = train.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on from a stopped run (default)")
    again.add_argument("--fresh", action="store_true", help="start again, replacing what is there")
    train.set_defaults(command=_train)


def _add_zoo(added: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    building = added.add_parser(
        "zoo",
        help="train every seed and learning rate and write the shipped models",
        description="Train every seed and learning rate of the shipped models, choose the learning "
        "rate on validation draws, and write seed 0 with the scores of all. Stop and go on freely.",
    )
    building.add_argument("--task", choices=TASKS, action="append", help="default: all")
    building.add_argument("--cell", choices=zoo.CELLS_SHIPPED, action="append", help="default: all")
    building.add_argument("--runs", type=Path, default=Path("runs/zoo"), help="default: runs/zoo")
    building.add_argument(
        "--out", type=Path, default=zoo.FOLDER, help="default: the package's own folder"
    )
    building.set_defaults(command=_zoo)


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(
                f"expected a whole number from {low} to {high}, got {text!r}"
            )
        return int(text)

    return parse


def _rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 10:
        raise argparse.ArgumentTypeError(f"expected a number above 0 and up to 10, got {text!r}")
    return value


def _recipe(options: argparse.Namespace) -> Recipe:
    given = {"lr": options.lr, "max_steps": options.steps, "hidden_size": options.hidden_size}
    changes = {name: value for name, value in given.items() if value is not None}
    return replace(default_recipe(options.task, options.cell), seed=options.seed, **changes)


def _train(options: argparse.Namespace) -> int:
    recipe = _recipe(options)
    path = options.out or run_path(recipe, Path("runs"))
    if options.fresh:
        path.with_suffix(".state").unlink(missing_ok=True)
    elif is_finished(recipe, path):
        _say(f"{path} holds this model already; --fresh trains it again")
        return 0
    elif path.exists():
        raise ValueError(f"{path} exists and is another model; --fresh replaces it")
    try:
        result = _follow(run(recipe, path))
    except ValueError as error:
        raise ValueError(f"{error}; --fresh starts again") from error
    if not isinstance(result, Checkpoint):
        return 1
    print(f"{path}: {_score_in_words(result)}")
    return 0


def _zoo(options: argparse.Namespace) -> int:
    tasks, cells = options.task or list(TASKS), options.cell or zoo.CELLS_SHIPPED
    steps = build(options.runs, tasks, cells, options.out)
    return 1 if _follow(steps) == "stopped" else 0


def _list(options: argparse.Namespace) -> int:
    print(f"{'task':14}{'cell':6}{'parameters':>10}  {'lr':>6}  {'learned':>7}  score of seed 0")
    for task, cell in zoo.shipped():
        checkpoint = zoo.load(task, cell)
        seeds = checkpoint.seed_scores
        fraction = f"{sum(score.learned for score in seeds)}/{len(seeds)}"
        print(
            f"{task:14}{cell:6}{checkpoint.model.parameter_count:10}  "
            f"{checkpoint.recipe['lr']:6g}  {fraction:>7}  {_score_in_words(checkpoint)}"
        )
    return 0


def _score_in_words(checkpoint: Checkpoint) -> str:
    score = checkpoint.scores[0]
    return f"{score.metric} {score.value:.3f} on {score.examples} answers, {score.steps} steps"


def _follow(steps: Generator[Progress]) -> Checkpoint | Literal["stopped"] | None:
    """Show the progress; the last result, or that Ctrl-C stopped it."""
    result = None
    with _ctrl_c() as stop, closing(steps):
        for progress in steps:
            _show(progress)
            result = progress.result
            if stop.is_set():
                _say("\nstopped; the same command goes on from here")
                return "stopped"
    return result


@contextmanager
def _ctrl_c() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets, so that a training stops between two steps, never within one.

    A second Ctrl-C does what it always does.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask_to_stop(*_: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, ask_to_stop)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


_WIDTH = 24  # characters of the bar


def _show(progress: Progress) -> None:
    """A bar on a terminal; elsewhere a line at every tenth of the budget."""
    line = _line(progress)
    if progress.result is not None:
        score = progress.result.scores[0]
        _say(f"{_start_of_line()}{line}  test {score.value:.4f} {score.metric}")
    elif sys.stderr.isatty():
        if progress.step % 10 == 0:
            print(f"\r{line}", end="", file=sys.stderr, flush=True)
    elif progress.step % max(1, progress.steps // 10) == 0:
        _say(line)


def _start_of_line() -> str:
    return "\r" if sys.stderr.isatty() else ""


def _line(progress: Progress) -> str:
    recipe, done = progress.recipe, progress.step * _WIDTH // progress.steps
    return (
        f"{recipe.task} {recipe.cell} lr {recipe.lr:g} seed {recipe.seed} "
        f"[{'#' * done}{'.' * (_WIDTH - done)}] step {progress.step}/{progress.steps} "
        f"loss {progress.loss:.4f} {progress.seconds:.0f} s"
    )


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
