"""The options of the command `trace`: what may be said of a data file, and by which words.

What becomes of them is in `trace_command`.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from lstm_core.commands import add_common
from lstm_core.data_files.datafile import CHOICES, DELIMITERS, ENCODINGS, THOUSANDS, DataOptions

EXAMPLES = """examples:
  python -m lstm_core trace model.pt sensors.csv -o run.npz
  python -m lstm_core trace model.pt sensors.csv -o run.npz --columns heat,flow --gaps previous
  python -m lstm_core trace model.pt europe.csv -o run.npz --decimal comma --standardise all
  python -m lstm_core trace model.keras ids.json -o run.npz --stack encoder
  python -m lstm_core trace lm.pt text.txt -o run.npz --vocabulary tokenizer.json
  python -m lstm_core trace speech.pt word.wav -o run.npz --frame-ms 20 --hop-ms 10

What is not given is recognised, and said. lstm_core.Trace.load("run.npz") reads the result, and so
does numpy.load; python -m viz makes a page, a picture or a table of it."""

_SIGNS = {
    "comma": ",",
    "semicolon": ";",
    "tab": "\t",
    "bar": "|",
    "blank": " ",
    "point": ".",
    "apostrophe": "'",
    "none": "",
}
SCALES = {
    "none": "as in the file",
    "each": "each column to mean 0, variance 1, in each sequence",
    "all": "each column to mean 0, variance 1, over all sequences",
}
"""The ways to standardise, as `standardise` calls them, in words."""

_TABLES = (".csv", ".tsv", ".parquet")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add everything but the model file."""
    parser.add_argument("data", type=Path, metavar="DATA", help="text, CSV, NPY, NPZ, JSON, ...")
    add_common(parser, "OUT.npz", _npz)
    parser.add_argument("--vocabulary", type=Path, metavar="FILE", help="the model's symbols")
    parser.add_argument(
        "--embedding", choices=("none",), help="none: the data are vectors, not ids of symbols"
    )
    _add_selection(parser)
    _add_writing(parser)
    _add_sound(parser)


def _npz(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() == ".npz":
        return path
    message = f"a trace is written as .npz, got {text!r}"
    if path.suffix.lower() in _TABLES:
        message += "; python -m viz table makes a .csv or .parquet of that"
    raise argparse.ArgumentTypeError(message)


def _add_selection(parser: argparse.ArgumentParser) -> None:
    part = parser.add_argument_group("what of the data is read")
    part.add_argument("--columns", metavar="A,B,3", help="names, or numbers from 1, in this order")
    part.add_argument("--gaps", choices=CHOICES["fill"], help="missing values; default: refuse")
    part.add_argument(
        "--unknown",
        choices=CHOICES["unknown"],
        default="refuse",
        help="symbols not in the vocabulary: refuse, read as a token such as <unk>, or skip",
    )
    part.add_argument(
        "--lower", action="store_true", help="read unknown symbols in lower case where known so"
    )
    part.add_argument(
        "--padding", choices=CHOICES["padding"], default="keep", help="of ids; default: keep"
    )
    part.add_argument("--standardise", choices=SCALES, default="none", help="default: none")
    part.add_argument(
        "--group", metavar="COLUMN", help="the one that names the sequence of a row; '' for none"
    )
    part.add_argument("--sequence", metavar="NAME", help="which of the file's; default: first")
    part.add_argument("--start", type=_count(0), default=0, help="the first step; default: 0")
    part.add_argument("--steps", type=_count(1), help="how many steps; default: all")


def _add_writing(parser: argparse.ArgumentParser) -> None:
    part = parser.add_argument_group("how the data are written; default: as recognised")
    part.add_argument("--encoding", choices=ENCODINGS, metavar="NAME", help=", ".join(ENCODINGS))
    for name, signs in (
        ("delimiter", DELIMITERS),
        ("decimal", CHOICES["decimal"]),
        ("thousands", THOUSANDS),
    ):
        words = ", ".join(word for word, sign in _SIGNS.items() if sign in signs)
        part.add_argument(f"--{name}", type=_sign(signs), metavar="SIGN", help=words)
    part.add_argument(
        "--header",
        action=argparse.BooleanOptionalAction,
        help="whether the first row holds the names of the columns",
    )
    part.add_argument("--split", choices=CHOICES["split"], help="sequences of a text")
    part.add_argument("--array", metavar="NAME", help="which array of an NPZ file")
    part.add_argument("--axes", metavar="WORDS", help="of an array, e.g. 'sequence time channel'")


def _add_sound(parser: argparse.ArgumentParser) -> None:
    part = parser.add_argument_group("sound: frames of log-mel energies")
    part.add_argument("--frame-ms", type=float, metavar="MS", help="default: 25")
    part.add_argument("--hop-ms", type=float, metavar="MS", help="default: 10")
    help_text = "mel bands; default: as many numbers as the model reads"
    part.add_argument("--bands", type=_count(1), metavar="N", help=help_text)


def _sign(allowed: Sequence[str]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        sign = _SIGNS.get(text, text)
        if sign not in allowed:
            words = ", ".join(word for word, known in _SIGNS.items() if known in allowed)
            raise argparse.ArgumentTypeError(f"expected one of {words}; got {text!r}")
        return sign

    return parse


def _count(low: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdecimal()) or len(text) > 9 or int(text) < low:
            raise argparse.ArgumentTypeError(f"expected a whole number from {low}, got {text!r}")
        return int(text)

    return parse


def written_as(options: argparse.Namespace) -> DataOptions:
    """How the data file is to be read, as far as that was said."""
    return DataOptions(
        encoding=options.encoding,
        delimiter=options.delimiter,
        decimal=options.decimal,
        thousands=options.thousands,
        header=options.header,
        split=options.split,
        array=options.array,
        axes=options.axes,
        frame_ms=options.frame_ms,
        hop_ms=options.hop_ms,
        bands=options.bands,
    )
