"""The few lines of Python that make a trace again, to copy: they run as they stand.

For a person's own model they need its file, and the data and vocabulary files, beside them.
"""

import ast
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from textwrap import fill

import numpy as np

from lstm_core import zoo
from lstm_core.data_files.datafile import DataOptions
from lstm_core.data_files.sequences import Sequence as Found
from viz.own import Given, Own
from viz.own_data import Dropped, channels_of, inputs_of, sequences_for

_PRESET = """\
import viz
from lstm_core import trace
from lstm_core.zoo import load

text = {text!r}
traces = {{cell: trace(load({task!r}, cell).model, text) for cell in {cells!r}}}
traces[{first!r}].select("h")  # [time, unit]
viz.stage(traces).save("stage.html")"""

_END = """\
traced.select("h")  # [time, unit]
viz.stage(traced).save("stage.html")"""

_HOMES = {
    "dataclasses": ("replace",),
    "lstm_core": ("load_model", "model_of", "read_data", "read_through", "sequences", "trace"),
    "lstm_core.data": ("DataOptions", "standardise", "without_padding"),
    "lstm_core.text_ids": ("read_symbols",),
    "lstm_core.vocabulary_files": ("read_vocabulary",),
    "lstm_core.zoo": ("path_of",),
}
"""The modules that names in a snippet are imported from."""

_MODULES = {"np": "numpy", "viz": "viz"}

_WIDTH = 88
"""Characters of a line from which on a list or a call goes over several lines."""


def preset_snippet(task: str, cells: Sequence[str], tokens: Sequence[str]) -> str:
    """What traces the shipped models of `task` as they read `tokens`.

    >>> print(preset_snippet("recall", ["lstm"], ["A", "!B", "?"]))
    import viz
    from lstm_core import trace
    from lstm_core.zoo import load
    <BLANKLINE>
    text = 'A!B?'
    traces = {cell: trace(load('recall', cell).model, text) for cell in ['lstm']}
    traces['lstm'].select("h")  # [time, unit]
    viz.stage(traces).save("stage.html")
    """
    return _PRESET.format(text="".join(tokens), task=task, cells=list(cells), first=cells[0])


def own_snippet(
    own: Own,
    given: Given,
    *,
    typed: str = "",
    symbols: Mapping[str, object] | None = None,
    dropped: Dropped | None = None,
) -> str:
    """What traces a person's own model as it reads what it is given.

    Args:
        typed: the text that `given` was read from, where it was typed.
        symbols: what was chosen there for unknown symbols, as `read_symbols` takes it.
        dropped: the data file that `given` was read from, where it was.
    """
    first = own.first
    text = _text(first, given, typed, symbols or {})
    lines = [*_model(own), *_inputs(first, given, text, dropped)]
    body = "\n".join([*lines, *_traced(own, given), _END])
    return f"{_imports(body)}\n\n{body}"


def _imports(body: str) -> str:
    """The lines that import every name in `body` which is not made there."""
    used = {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    homes = {home: [name for name in names if name in used] for home, names in _HOMES.items()}
    lines = [f"from {home} import {', '.join(names)}" for home, names in homes.items() if names]
    standard = [line for line in lines if "lstm_core" not in line]
    modules = [
        f"import {home}" + (f" as {name}" if name != home else "")
        for name, home in _MODULES.items()
        if name in used
    ]
    return "\n".join([*standard, *modules, *lines[len(standard) :]])


def _traced(own: Own, given: Given) -> Iterator[str]:
    if own.first is own:
        traced = "trace(model, inputs)"
        if given.channels:
            traced = f"replace({traced}, input_names=one.channels)"
        yield f"traced = {traced}"
        return
    vocabulary = "" if own.vocabulary is None else ", vocabulary"
    yield f"above = {_stack(own)}"
    yield f"traced = trace(model_of(above), read_through(file, above, inputs{vocabulary}))"
    if own.first.reads is not None:
        tokens = "tuple(model.vocabulary.tokens[i] for i in inputs)"
        yield f"traced = replace(traced, tokens={tokens})"


# ---- The model


def _stack(own: Own) -> str:
    """The stack of a `file`, by its name where that is its alone."""
    names = [stack.name for stack in own.file.stacks]
    alone = names.count(own.stack.name) == 1
    return f"file.stack({own.stack.name!r})" if alone else f"file.stacks[{own.place}]"


def _model(own: Own) -> Iterator[str]:
    found = f"load_model({_source(own)})"
    if own.first is not own:
        known = own.vocabulary is not None
        yield f"file = {found}"
        if known:
            yield f"vocabulary = {_vocabulary(own)}"
        yield f"model = model_of({_stack(own.first)}{', vocabulary' * known})"
        return
    arguments = [found]
    if own.vocabulary is not None:
        yield f"vocabulary = {_vocabulary(own)}"
        arguments.append("vocabulary")
    names = [stack.name for stack in own.file.stacks]
    if names.count(own.stack.name) > 1:  # the name does not tell which
        arguments[0] = f"{found}.stacks[{own.place}]"
    elif len(names) > 1:
        arguments.append(f"stack={own.stack.name!r}")
    yield f"model = model_of({', '.join(arguments)})"


def _vocabulary(own: Own) -> str:
    """A vocabulary file; one that may be cut, as Keras does, with the size that the model reads."""
    known, table = own.vocabulary, own.first.stack.embedding
    cut = known is not None and known.rules is not None
    size = own.first.width if table is None else len(table)
    return f"read_vocabulary({own.vocabulary_name!r}{f', {size}' * cut})"


def _source(own: Own) -> str:
    """The file's name; of a shipped model's file, the way to it."""
    for task, cell in zoo.shipped():
        path = zoo.path_of(task, cell)
        if path.name == own.name and _digest(path) == own.digest:
            return f"path_of({task!r}, {cell!r})"
    return repr(own.name)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


# ---- What it reads


def _inputs(own: Own, given: Given, text: str, dropped: Dropped | None) -> Iterator[str]:
    way = given.key.partition(" ")[0]
    if way == "file" and dropped is not None:
        yield from _from_file(own, given, dropped)
    elif way == "impulse":
        yield f"inputs = np.zeros({given.inputs.shape}, dtype=np.float32)"
        yield f"inputs[{given.look}] = 1"
    elif way == "noise":
        yield f"source = np.random.default_rng({int(given.key.split()[-1])})"
        yield f"inputs = {_noise(own, len(given.inputs))}"
    else:
        yield f"inputs = {text or _wrapped(given.inputs.tolist())}"


def _text(own: Own, given: Given, typed: str, symbols: Mapping[str, object]) -> str:
    """Python for what was typed; empty where that is ids, which tell themselves."""
    if not typed or own.reads_ids:
        return ""
    if len(given.inputs) == given.of and not _told(symbols):
        return repr(typed)
    return _read_symbols(repr(typed), symbols) + _window(given)


def _told(symbols: Mapping[str, object]) -> list[str]:
    """The arguments for unknown symbols, where they are not as they are without any."""
    usual = {"unknown": "refuse", "lower": False}
    chosen = {name: symbols.get(name) or usual[name] for name in usual}
    return [f"{name}={value!r}" for name, value in chosen.items() if value != usual[name]]


def _read_symbols(text: str, symbols: Mapping[str, object]) -> str:
    return f"read_symbols({', '.join(['model.vocabulary', text, *_told(symbols)])}).ids"


def _noise(own: Own, steps: int) -> str:
    if own.reads is not None:
        return f"source.integers({len(own.reads)}, size={steps})"
    return f"source.standard_normal(({steps}, {own.width})).astype(np.float32)"


def _wrapped(values: list[object]) -> str:
    """A list over as many lines as it takes."""
    text = str(values)
    if len(text) <= _WIDTH:
        return text
    lines = fill(text[1:-1], _WIDTH, initial_indent="    ", subsequent_indent="    ")
    return f"[\n{lines},\n]"


# ---- A data file


def _from_file(own: Own, given: Given, dropped: Dropped) -> Iterator[str]:
    chosen = _chosen(own, dropped)
    if chosen:
        yield f"options = {_call('DataOptions', chosen)}"
    read = [repr(dropped.name), *(["options=options"] if chosen else []), *_for_model(own, dropped)]
    yield f"data = read_data({', '.join(read)})"
    found = f"sequences(data{', options' if chosen else ''})"
    if own.reads is None and dropped.scale != "none":
        found = f"standardise({found}, {dropped.scale!r}).sequences"
    elif own.reads is not None and not dropped.is_text and dropped.options.padding == "cut":
        found = f"without_padding({found}, model.vocabulary.pad_id)"
    yield f"one = {found}[{_place(own, given, dropped)}]"
    yield f"inputs = {_read(own, dropped)}{_window(given)}"


def _chosen(own: Own, dropped: Dropped) -> dict[str, object]:
    """The options that a person chose, and the columns where others than recognised are read."""
    names = [f.name for f in fields(DataOptions) if f.name not in ("padding", "unknown", "lower")]
    options = {name: getattr(dropped.options, name) for name in names}
    guess = dropped.data.guess
    channels = None if dropped.is_text else channels_of(own, dropped)
    options["channels"] = None if channels == guess.channels else channels
    usual = {"fill": guess.fill or "refuse", "text": guess.text or "", "group": guess.group or ""}
    told = {name: value for name, value in options.items() if value is not None}
    return {name: value for name, value in told.items() if usual.get(name) != value}


def _for_model(own: Own, dropped: Dropped) -> list[str]:
    """What the model reads, where the file leaves open what that decides."""
    if own.reads is not None:
        return [] if dropped.data.texts else ["symbols=True"]
    sound = dropped.data.kind == "wav" and dropped.options.bands is None
    doubt = any(remark.code == "comma-doubt" for remark in dropped.data.remarks)
    return [f"width={dropped.width}"] if sound or doubt else []


def _call(name: str, arguments: dict[str, object]) -> str:
    told = [f"{key}={value!r}" for key, value in arguments.items()]
    if sum(map(len, told)) <= _WIDTH - len(name) - 12:
        return f"{name}({', '.join(told)})"
    return f"{name}(\n" + "".join(f"    {argument},\n" for argument in told) + ")"


def _place(own: Own, given: Given, dropped: Dropped) -> int:
    """Which sequence of the file is read: the first that holds just that."""
    found = enumerate(sequences_for(own, dropped))
    return next((place for place, one in found if _holds(own, one, given, dropped)), 0)


def _holds(own: Own, one: Found, given: Given, dropped: Dropped) -> bool:
    try:
        inputs = inputs_of(own, one, dropped.options)
    except ValueError:
        return False
    part = inputs[given.start : given.start + len(given.inputs)]
    return len(inputs) == given.of and np.array_equal(part, given.inputs)


def _read(own: Own, dropped: Dropped) -> str:
    """Python for the inputs in a sequence called ``one``."""
    if own.reads is None:
        return "one.values"
    if dropped.is_text:
        return _read_symbols("one.text", vars(dropped.options))
    return "one.values[:, 0].astype(int)"


def _window(given: Given) -> str:
    if len(given.inputs) == given.of:
        return ""
    return f"[{given.start or ''}:{given.start + len(given.inputs)}]"
