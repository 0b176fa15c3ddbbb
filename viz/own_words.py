"""A person's own model in words: what a file holds, what was left out of it, what went wrong.

Names in a file are somebody else's text and are quoted.
"""

from collections.abc import Iterator, Mapping

from lstm_core.data_files.datafile import DataError
from lstm_core.stacks import ModelFileError, Remark, Stack
from lstm_core.vocabulary import InputError
from viz.own import Own
from viz.quoting import quoted, quoted_list
from viz.state import Problem
from viz.text import TEXT, say

KINDS = ("checkpoint", "torch", "safetensors", "keras", "onnx")
"""Kinds of model files that have a name in `viz.text`."""


SAVING = {
    "PyTorch": 'torch.save(model.state_dict(), "model.pt")',
    "safetensors": 'safetensors.torch.save_model(model, "model.safetensors")',
    "Keras 3": 'model.save("model.keras")',
    "ONNX": 'torch.onnx.export(model, (example,), "model.onnx", external_data=False)',
}
"""For each kind of file, the line of Python that makes one."""

LONGEST = 160
"""The most characters of a value from a file that a sentence holds."""


def problem_of(error: Exception) -> Problem:
    """What to say about a file or an input that cannot be used.

    An error of another kind than these says no more than its type: it may hold anything.
    """
    if isinstance(error, ModelFileError):
        return _problem("model", error.code, str(error), error.fields)
    if isinstance(error, DataError):
        return _problem("data", error.code, str(error), error.fields)
    if isinstance(error, InputError):
        return _problem("own.input", error.code, str(error), error.fields)
    return Problem(key="own.failed", fields={"kind": type(error).__name__})


def remark_of(room: str, remark: Remark) -> Problem:
    """What to say about something that was left out or assumed; `room` is ``model`` or ``data``."""
    return _problem(f"{room}.remark", remark.code, remark.message, remark.fields)


def _problem(room: str, code: str, message: str, fields: Mapping[str, object]) -> Problem:
    """The sentence for a code; where there is none for it and its fields, the core's own message.

    Another sentence for the same code may be named by the field `what`.
    """
    plain = {name: _plain(value) for name, value in fields.items()}
    # What makes a file of one layer an error is a remark in a file of several.
    for start in dict.fromkeys((room, room.removesuffix(".remark"))):
        for key in (f"{start}.{code}.{fields.get('what')}", f"{start}.{code}"):
            if key in TEXT and _can_say(key, plain):
                return Problem(key=key, fields=plain)
    return Problem(key=f"{room}.other", fields={"reason": message})


def _can_say(key: str, fields: Mapping[str, object]) -> bool:
    try:
        say(key, "en", **fields)
    except KeyError:
        return False
    return True


def _plain(value: object) -> object:
    """A value that `told` can quote or count."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | tuple):
        return str(value)
    return tuple(map(str, value)) if isinstance(value, tuple) else value


def told(problem: Problem, language: str) -> str:
    """The sentence of a problem, as Markdown; what stands in a file is quoted."""
    fields: dict[str, object] = {}
    for name, value in problem.fields.items():
        if isinstance(value, tuple):
            fields[name] = quoted_list(value, language)
        elif value == "":
            fields[name] = say("own.nothing", language)
        else:
            fields[name] = quoted(value, LONGEST) if isinstance(value, str) else f"{value:,}"
    return say(problem.key, language, **fields)


def kind_of(own: Own, language: str) -> str:
    """What wrote the file."""
    return say(f"own.kind.{own.file.kind}", language) if own.file.kind in KINDS else own.file.kind


def summary(stack: Stack, language: str) -> str:
    """The sizes of a stack in one line."""
    return " · ".join(_facts(stack, language))


def _facts(stack: Stack, language: str) -> Iterator[str]:
    module = stack.module
    even = len(set(stack.units)) == 1
    key = "own.stack-one" if module.num_layers == 1 else f"own.stack-{'many' if even else 'uneven'}"
    fields = {"cell": say(f"cell.{stack.cell}", language), "layers": module.num_layers}
    units = " → ".join(f"{size:,}" for size in (stack.units[:1] if even else stack.units))
    yield say(key, language, units=units, **fields)
    if module.bidirectional:
        yield say("own.both", language)
    if module.proj_size:
        yield say("own.projected", language, size=f"{module.proj_size:,}")
    width = "own.width-one" if module.input_size == 1 else "own.width"
    yield say(width, language, count=f"{module.input_size:,}")
    count = sum(weight.numel() for weight in module.parameters())
    yield say("own.parameters", language, count=f"{count:,}")


def surroundings(stack: Stack, language: str) -> list[str]:
    """What lies before and after a stack and is used, and the order of its gates in the file."""
    lines = []
    if stack.cell != "rnn" and stack.gate_order:
        lines.append(say("own.gates", language, order=quoted(stack.gate_order)))
    if stack.embedding is not None:
        fields = {"rows": f"{len(stack.embedding):,}", "name": quoted(stack.embedding_name or "")}
        lines.append(say("own.embedding", language, **fields))
    if stack.head is not None:
        fields = {"rows": f"{len(stack.head[0]):,}", "name": quoted(stack.head_name or "")}
        lines.append(say("own.head", language, **fields))
    return lines


def remarks(own: Own, language: str) -> list[str]:
    """What of the file was left out or assumed, and why."""
    return [told(remark_of("model", remark), language) for remark in own.file.remarks]


_DIFFERENT = ("before-stack", "between-stacks", "own-start", "initial-state", "one-shard")
"""Remarks after which the gates shown are not those that the whole model has."""


def cautions(own: Own, language: str) -> list[str]:
    """Why the gates shown differ from those inside the whole model; empty where they do not."""
    others = {stack.name for stack in own.file.stacks} - {own.stack.name}
    return [
        told(remark_of("model", remark), language)
        for remark in own.file.remarks
        if remark.code in _DIFFERENT and remark.fields.get("name") not in others
    ]


def is_folded(own: Own) -> bool:
    """Whether a layer that scales what is read is part of the weights shown."""
    return any(
        remark.code == "folded" and remark.fields.get("name") in (None, own.stack.name)
        for remark in own.file.remarks
    )


def stack_name(stack: Stack, place: int, language: str) -> str:
    """How a stack is called among several; its name is somebody else's text, shown as it is."""
    name = stack.name or say("own.nameless", language, number=place + 1)
    return f"{name[:60]} · {next(_facts(stack, language))}"
