"""The command line: traces as a stage of their own, as a figure, or as a table."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lstm_core.commands import reason
from lstm_core.convert import load_model
from lstm_core.trace import Trace
from viz import export
from viz.gates import gate_figure, heat_map
from viz.player import stage
from viz.standalone import THEMES
from viz.text import LANGUAGES, say

PROGRAM = "python -m viz"
PICTURES = ("png", "svg")
TABLES = {"csv": export.trace_csv, "parquet": export.trace_parquet}

_EXAMPLES = """
  python -m viz stage run.npz -o stage.html
  python -m viz stage lstm.npz rnn.npz -o stage.html --language zh --theme dark
  python -m viz figure run.npz -o gates.html
  python -m viz figure run.npz -o forget.png --signal f --layer 0
  python -m viz table run.npz -o run.csv
"""

Commands = Any  # argparse gives the type of its subcommands no public name


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
    except export.PictureError as error:
        return _failed(_say(f"command.{error.code}", kind=_kind(options.out)))
    except (ValueError, OSError, LookupError) as error:
        # A KeyError's own text is its argument with quotes around it.
        return _failed(str(error.args[0]) if isinstance(error, KeyError) else reason(error))
    print(f"{options.out}: {options.out.stat().st_size / 1000:,.0f} kB")
    return 0


def _failed(why: str) -> int:
    print(_say("command.error", reason=" ".join(why.split())), file=sys.stderr)
    return 1


def _say(key: str, **fields: object) -> str:
    """A sentence in the language of the terminal."""
    places = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    chosen = next(filter(None, places), "")
    return say(key, "zh" if chosen.startswith("zh") else "en", **fields)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description=_say("command.about"),
        epilog=f"{_say('command.examples')}{_EXAMPLES}\n{_say('command.after')}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_stage(commands)
    _add_figure(commands)
    _add_table(commands)
    return parser


def _add_stage(commands: Commands) -> None:
    make = commands.add_parser("stage", help=_say("command.stage"))
    make.add_argument(
        "traces", nargs="+", type=Path, metavar="TRACE.npz", help=_say("command.traces")
    )
    _add_common(make, ("html",))
    make.add_argument("--title", help=_say("command.title"))
    make.add_argument("--theme", choices=THEMES, default="auto", help=_say("command.theme"))
    make.set_defaults(command=_stage)


def _add_figure(commands: Commands) -> None:
    draw = commands.add_parser("figure", help=_say("command.figure"))
    draw.add_argument("trace", type=Path, metavar="TRACE.npz", help=_say("command.trace"))
    _add_common(draw, ("html", *PICTURES))
    draw.add_argument("--signal", metavar="KEY", help=_say("command.signal"))
    draw.add_argument("--layer", type=int, default=-1, help=_say("command.layer"))
    draw.add_argument("--reverse", action="store_true", help=_say("command.reverse"))
    draw.add_argument("--dark", action="store_true", help=_say("command.dark"))
    draw.set_defaults(command=_figure)


def _add_table(commands: Commands) -> None:
    make = commands.add_parser("table", help=_say("command.table"))
    make.add_argument("trace", type=Path, metavar="TRACE.npz", help=_say("command.trace"))
    _add_out(make, tuple(TABLES))
    make.set_defaults(command=_table)


def _add_out(command: argparse.ArgumentParser, kinds: tuple[str, ...]) -> None:
    command.add_argument(
        "-o", "--out", type=_out(kinds), required=True, metavar="FILE", help=_say("command.out")
    )


def _add_common(command: argparse.ArgumentParser, kinds: tuple[str, ...]) -> None:
    _add_out(command, kinds)
    command.add_argument(
        "--language", choices=LANGUAGES, default="en", help=_say("command.language")
    )


def _out(kinds: tuple[str, ...]) -> Callable[[str], Path]:
    def parse(text: str) -> Path:
        if _kind(Path(text)) not in kinds:
            wanted = ", ".join(f".{kind}" for kind in kinds)
            raise argparse.ArgumentTypeError(f"expected a name that ends in {wanted}, got {text!r}")
        return Path(text)

    return parse


def _kind(path: Path) -> str:
    return path.suffix.lower().removeprefix(".")


def _load(path: Path) -> Trace:
    """The trace in a file.

    Raises:
        ValueError: if it holds none, with what makes one of it where it is a model.
        OSError: if it cannot be read.
    """
    try:
        return Trace.load(path)
    except ValueError as error:
        key = "command.is-model" if _is_model(path) else "command.no-trace"
        fields = {"reason": str(error), "file": path, "out": f"{path.stem}.npz"}
        raise ValueError(_say(key, **fields)) from error


def _is_model(path: Path) -> bool:
    try:
        load_model(path)
    except (ValueError, OSError, ImportError):
        return False
    return True


def _stage(options: argparse.Namespace) -> None:
    traces = [_load(path) for path in options.traces]
    player = stage(
        traces,
        names=[path.stem for path in options.traces],
        title=options.title,
        language=options.language,
        theme=options.theme,
    )
    player.save(options.out)


def _figure(options: argparse.Namespace) -> None:
    trace = _load(options.trace)
    place: dict[str, Any] = {"layer": options.layer, "direction": int(options.reverse)}
    look: dict[str, Any] = {"language": options.language, "dark": options.dark}
    if options.signal is None:
        figure = gate_figure(trace, **place, **look)
    else:
        figure = heat_map(trace, options.signal, **place, **look)
    kind = _kind(options.out)
    if kind in PICTURES:
        options.out.write_bytes(export.figure_picture(figure, kind))
    else:
        options.out.write_text(export.figure_html(figure), encoding="utf-8")


def _table(options: argparse.Namespace) -> None:
    options.out.write_bytes(TABLES[_kind(options.out)](_load(options.trace)))


if __name__ == "__main__":
    sys.exit(main())
