"""The command `trace`: every gate of a model of any framework that reads a data file.

Its options are in `trace_options`; how data files are read is in `data`; the commands that need no
data are in `commands`.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from torch import nn

from lstm_core.commands import Commands, added, chosen_stack, note, plain, writing
from lstm_core.convert import load_model, model_of, read_through, tokens_of
from lstm_core.data import (
    DataError,
    DataFile,
    DataOptions,
    channels_for,
    columns_named,
    left_out,
    padding_of,
    read_data,
    sequences,
    standardise,
    without_padding,
)
from lstm_core.data_files.datafile import counted
from lstm_core.data_files.left_out import ABOUT_A_COLUMN, column_named
from lstm_core.data_files.sequences import Sequence as DataSequence
from lstm_core.stacks import Remark, Stack
from lstm_core.text_ids import read_symbols
from lstm_core.trace import Trace, trace
from lstm_core.trace_options import EXAMPLES, SCALES, add_options, written_as
from lstm_core.vocabulary import InputError, Vocabulary
from lstm_core.vocabulary_files import read_vocabulary


def add_to(commands: Commands) -> None:
    """Add the command to a parser's own."""
    about = "write every gate of a model reading a data file"
    parser = added(commands, "trace", EXAMPLES, about)
    add_options(parser)
    parser.set_defaults(command=_trace)


@dataclass(frozen=True, kw_only=True)
class _Read:
    """What was read of a data file: one of its `count` sequences."""

    data: DataFile
    one: DataSequence
    count: int
    group: str
    text: str
    remarks: tuple[Remark, ...] = ()


def _trace(options: argparse.Namespace) -> int:
    file = load_model(options.model)
    if options.embedding == "none":
        bare = partial(replace, embedding=None, embedding_name=None, vocabulary=None)
        file = replace(file, stacks=tuple(map(bare, file.stacks)))
    stack = chosen_stack(file, options.stack)
    first = (*file.below(stack), stack)[0]
    vocabulary = _vocabulary(first, options)
    module = model_of(first, vocabulary)
    _check_out(options)
    try:
        read = _read(module, first, options)
        inputs, remarks = _inputs(module, read.one, options)
    except (DataError, InputError) as error:
        if hint := _hint(error):
            raise ValueError(f"{error}; {hint}") from error
        raise
    part = _window(inputs, options)
    if stack is first:
        traced = trace(module, part)
        if part.ndim > 1:
            traced = replace(traced, input_names=read.one.channels)
    else:
        traced = trace(model_of(stack), read_through(file, stack, part, vocabulary))
        traced = replace(traced, tokens=tokens_of(module, part))
    with writing(options.out):
        traced.save(options.out)
    said = _notes(read.data, read.one.channels, read.group, read.text)
    note((*file.remarks, *said, *read.remarks, *remarks))
    for line in _told(read, traced, len(inputs), options):
        print(line)
    return 0


def _vocabulary(stack: Stack, options: argparse.Namespace) -> Vocabulary | None:
    if options.vocabulary is None:
        return None
    table = stack.embedding
    return read_vocabulary(
        options.vocabulary, stack.module.input_size if table is None else len(table)
    )


def _check_out(options: argparse.Namespace) -> None:
    """Find out before the work begins whether its result can be written."""
    folder = options.out.parent
    if not folder.is_dir():
        raise ValueError(f"{options.out} cannot be written: there is no folder {folder}")
    for source in (options.model, options.data):
        if options.out.exists() and source.exists() and options.out.samefile(source):
            raise ValueError(f"{options.out} is what is read; write to another file")


def _read(module: nn.Module, stack: Stack, options: argparse.Namespace) -> _Read:
    """The sequence that is asked for."""
    vocabulary: Vocabulary | None = getattr(module, "vocabulary", None)
    tokens = vocabulary is not None
    width = 1 if tokens else stack.module.input_size
    how = written_as(options)
    if tokens and options.data.suffix.lower() == ".txt":  # words, not columns
        how = replace(how, kind="text")
    data = read_data(options.data, options=how, width=None if tokens else width, symbols=tokens)
    remarks: tuple[Remark, ...] = ()
    try:
        chosen = _chosen_columns(data, width, options)
        found = sequences(data, chosen)
        if vocabulary is not None:
            found, remarks = _padding(found, vocabulary.pad_id, options)
        if options.standardise != "none":
            _check_numbers(data, tokens)
            found = standardise(found, options.standardise).sequences
        one = _named(found, options.sequence)
    except DataError:
        guess = data.guess
        note(_notes(data, guess.channels or (), guess.group or "", guess.text or ""))  # the reason
        raise
    how = chosen.over(data.guess)
    return _Read(
        data=data,
        one=one,
        count=len(found),
        group=how.group or "",
        text=how.text or "",
        remarks=remarks,
    )


def _padding(
    found: tuple[DataSequence, ...], pad: int, options: argparse.Namespace
) -> tuple[tuple[DataSequence, ...], tuple[Remark, ...]]:
    """The sequences, without their padding where that was asked for, and what is told of it."""
    remark = padding_of(found, pad)
    if remark is None:
        return found, ()
    if options.padding == "cut":
        said = replace(remark, message=f"{remark.message}; it is cut")
        return without_padding(found, pad), (said,)
    return found, (replace(remark, message=f"{remark.message}; it is read: --padding cut"),)


def _check_numbers(data: DataFile, tokens: bool) -> None:
    if data.texts or tokens:
        raise DataError("no-scale", "--standardise is for numbers; here symbols are read")


def _chosen_columns(data: DataFile, width: int, options: argparse.Namespace) -> DataOptions:
    """Which columns are read, and what is done about gaps; nothing of that for texts."""
    if data.texts:
        if options.columns is not None or options.group:
            raise DataError("no-columns", "the data is text, which has no columns to choose")
        return DataOptions()
    group = column_named(data, options.group) if options.group else options.group
    if text := _text_column(data, options):
        if options.group:
            raise DataError("no-columns", "each text is a sequence, so --group has no meaning")
        return DataOptions(text=text, channels=())
    if options.columns is None:
        channels = channels_for(data, width, group)
    else:
        channels = columns_named(data, options.columns)
        if len(channels) != width:
            raise DataError(
                "channel-count",
                f"the model reads {counted(width, 'number')} a step; "
                f"--columns names {counted(len(channels), 'column')}",
            )
    return DataOptions(channels=channels, group=group, text="", fill=options.gaps)


def _text_column(data: DataFile, options: argparse.Namespace) -> str:
    """The column of text that is read, for a model that reads symbols; empty for none."""
    if data.guess.text is None or options.columns is None:
        return data.guess.text or ""
    named = columns_named(data, options.columns)
    return named[0] if len(named) == 1 and named[0] in data.labels else ""


def _named(found: Sequence[DataSequence], name: str | None) -> DataSequence:
    names = [one.name for one in found]
    if name is None:
        return found[0]
    if name not in names:
        shown = ", ".join(names[:10]) + ", ..." * (len(names) > 10)
        raise DataError("no-such-sequence", f"there is no sequence {name!r}; there are {shown}")
    return found[names.index(name)]


def _hint(error: DataError | InputError) -> str:
    """The option that helps, where one does."""
    if error.code in _HINTS:
        return _HINTS[error.code]
    if error.code == "missing-value":
        return "--gaps zero or --gaps previous fills it"
    if error.code != "channel-count":
        return ""
    if "axes" in error.fields:
        return f"--axes '{error.fields['axes']}'"
    count, size = error.fields.get("count"), error.fields.get("input_size")
    more = isinstance(count, int) and isinstance(size, int) and count > size
    return "--columns says which of them" if more else ""


_HINTS = {
    "unknown-symbols": "--unknown token reads them as a token such as <unk>, --unknown skip leaves "
    "them out, --lower reads capital letters in lower case",
    "bad-ids": "a column of ids is chosen with --columns, names of symbols come with --vocabulary",
}


def _inputs(
    module: nn.Module, one: DataSequence, options: argparse.Namespace
) -> tuple[np.ndarray, tuple[Remark, ...]]:
    """What `trace` takes of a sequence, ids ``[time]`` or floats ``[time, feature]``; and what is
    told of its symbols.
    """
    vocabulary: Vocabulary | None = getattr(module, "vocabulary", None)
    if one.values is None:
        if vocabulary is None:
            raise DataError("text-for-numbers", "the data is text, but the model reads numbers")
        found = read_symbols(
            vocabulary, one.text or "", unknown=options.unknown, lower=options.lower
        )
        return found.ids, found.remarks
    if vocabulary is None:
        return one.values, ()
    ids = one.values[:, 0]
    if (ids != np.floor(ids)).any():
        step = int(np.flatnonzero(ids != np.floor(ids))[0])
        raise DataError("bad-id", f"token ids are whole numbers, but step {step} is {ids[step]}")
    return np.clip(ids, -1, 2**31).astype(np.int64), ()


def _window(inputs: np.ndarray, options: argparse.Namespace) -> np.ndarray:
    """The steps that are asked for."""
    if options.start and options.start >= len(inputs):
        raise ValueError(
            f"the sequence has {counted(len(inputs), 'step')}, the first of them step 0; "
            f"--start {options.start} lies beyond"
        )
    stop = None if options.steps is None else options.start + options.steps
    return inputs[options.start : stop]


def _notes(data: DataFile, channels: Sequence[str], group: str, text: str = "") -> Iterator[Remark]:
    """What is told of the data file: what is not read, and what was assumed."""
    if not data.texts:
        channels = (text,) if text else channels
        yield from left_out(data, channels, group)
    for remark in data.remarks:
        if remark.code == "comma-doubt":
            other = "--delimiter comma" if remark.fields["what"] == "one" else "--decimal comma"
            yield replace(remark, message=f"{remark.message}: {other}")
        elif remark.code == "other-arrays":
            yield replace(remark, message=f"{remark.message}: --array chooses")
        elif remark.code not in ABOUT_A_COLUMN:
            yield remark


def _told(read: _Read, traced: Trace, length: int, options: argparse.Namespace) -> Iterator[str]:
    one = read.one
    which = f"sequence {plain(one.name)} of {read.count:,}, " if read.count > 1 else ""
    rows = (one if one.values is None else one.window(options.start, len(traced))).where
    word = "row" if rows.isdecimal() else "rows"
    yield f"{plain(str(options.out))}: {which}{word} {rows}: {traced!r}"
    column = f"the text in column {read.text!r}, each row a sequence"
    channels = ", ".join(map(repr, one.channels)) or (column if read.text else "text")
    if traced.tokens and one.channels:
        rows_apart = "sequence" in (read.data.guess.axes or "")
        channels = "ids, each row a sequence" if rows_apart else f"ids in {channels}"
    yield f"  reads  {plain(channels)}"
    steps = counted(len(traced), "step")
    if len(traced) < length:
        first, last = options.start, options.start + len(traced) - 1
        steps += f", {first:,} to {last:,} of {length:,}" if first < last else f" of {length:,}"
    yield f"  steps  {steps}"
    if not traced.tokens:
        yield f"  scale  {SCALES[options.standardise]}"
