"""The commands that read nothing but a model, `inspect` and `convert`, and what all commands share.

How files are read is in `convert`; the command that reads data, too, is in `trace_command`; those
that train are in ``__main__``.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from lstm_core.checkpoint import write_tensors
from lstm_core.convert import load_model
from lstm_core.data_files.datafile import counted
from lstm_core.model_files.safetensors_files import NONLINEARITIES, WEIGHTS
from lstm_core.stacks import ModelFile, ModelFileError, Remark, Stack

_KINDS = {
    "checkpoint": "a checkpoint of this program",
    "torch": "PyTorch",
    "safetensors": "safetensors",
    "keras": "Keras",
    "onnx": "ONNX",
}

_INSPECT = """examples:
  python -m lstm_core inspect model.pt
  python -m lstm_core inspect model.onnx --json"""

_CONVERT = """examples:
  python -m lstm_core convert model.keras -o model.safetensors
  python -m lstm_core convert model.onnx -o encoder.safetensors --stack encoder

Weights have torch's names and torch's order of gates: recurrent.weight_ih_l0 and so on, and
embedding.weight, readout.weight and readout.bias where the file has them."""

Commands = Any  # argparse gives the type of its subcommands no public name


def add_to(commands: Commands) -> None:
    """Add the two commands to a parser's own."""
    looking = added(commands, "inspect", _INSPECT, "say what a model file holds")
    looking.add_argument("--json", action="store_true", help="as JSON")
    looking.set_defaults(command=_inspect)
    converting = added(commands, "convert", _CONVERT, "write a model's weights with torch's names")
    add_common(converting, "OUT.safetensors")
    converting.set_defaults(command=_convert)


def plain(text: str) -> str:
    """`text` in one line that a terminal shows and never obeys.

    >>> plain("a\\x1b[31mb\\nc")
    'a\\\\x1b[31mb c'
    """
    line = " ".join(text.split())
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


def report(file: ModelFile) -> dict[str, Any]:
    """What a model file holds, as plain data."""
    return {
        "kind": file.kind,
        "stacks": [_stack(stack) for stack in file.stacks],
        "remarks": [
            {
                "code": r.code,
                "message": r.message,
                "fields": {k: str(v) for k, v in r.fields.items()},
            }
            for r in file.remarks
        ],
    }


def reason(error: Exception) -> str:
    """What went wrong, in one line: a file is called as it was typed, and its trouble named.

    >>> reason(FileNotFoundError(2, "No such file or directory", "x.pt"))
    'x.pt: No such file or directory'
    """
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return plain(f"{error.filename}: {error.strerror}")
    return plain(str(error))


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Where writing fails, call the file `path`, not as the temporary file beside it is called."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def added(commands: Commands, name: str, examples: str, about: str) -> argparse.ArgumentParser:
    """The parser of a command that reads a model file."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=about,
        description=f"{about[0].upper()}{about[1:]}. PyTorch, safetensors, Keras 3 and ONNX are "
        "recognised by their content; nothing in a file is executed.",
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="the model file")
    return parser


def add_common(
    parser: argparse.ArgumentParser, out: str, read: Callable[[str], Path] = Path
) -> None:
    """Add ``--out`` and ``--stack``; `read` makes a path of what was typed, or refuses it."""
    parser.add_argument("-o", "--out", type=read, required=True, metavar=out, help="what to write")
    parser.add_argument("--stack", metavar="NAME", help="which of the model's recurrent stacks")


def _stack(stack: Stack) -> dict[str, Any]:
    module = stack.module
    head, head_name = stack.head, stack.head_name or ""
    table, table_name = stack.embedding, stack.embedding_name or ""
    return {
        "name": stack.name,
        "cell": stack.cell,
        "layers": module.num_layers,
        "directions": 2 if module.bidirectional else 1,
        "input_size": module.input_size,
        "hidden_size": module.hidden_size,
        "units": list(stack.units),
        "proj_size": module.proj_size,
        "bias": module.bias,
        "nonlinearity": getattr(module, "nonlinearity", "tanh"),
        "dtype": str(next(module.parameters()).dtype).removeprefix("torch."),
        "parameters": sum(weight.numel() for weight in module.parameters()),
        "gate_order": stack.gate_order,
        "embedding": None if table is None else {"name": table_name, "tokens": len(table)},
        "head": None if head is None else {"name": head_name, "outputs": len(head[0])},
        "reads": stack.reads,
    }


def _inspect(options: argparse.Namespace) -> int:
    told = report(load_model(options.model))
    if options.json:
        print(json.dumps({"file": str(options.model), **told}, indent=2))
        return 0
    print(f"{plain(str(options.model))}: {_KINDS[told['kind']]}")
    for line in _lines(told):
        print(line)
    return 0


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    for stack in told["stacks"]:
        yield f"{plain(stack['name']) or 'the module itself'}: {_sizes(stack)}"
        yield f"  gates packed  {stack['gate_order']}"
        yield f"  parameters    {stack['parameters']:,} in {stack['dtype']}"
        if stack["embedding"]:
            name, tokens = plain(stack["embedding"]["name"]), stack["embedding"]["tokens"]
            yield f"  embedding     {name}, {counted(tokens, 'token')}"
        if stack["head"]:
            name, outputs = plain(stack["head"]["name"]), stack["head"]["outputs"]
            yield f"  head          {name}, {counted(outputs, 'output')}"
        if stack["reads"]:
            yield f"  reads         {plain(stack['reads'])}"
    for remark in told["remarks"]:
        yield f"note: {plain(remark['message'])}"


def _units(sizes: Sequence[int]) -> str:
    """The size that all layers have, or that of each."""
    if len(set(sizes)) == 1:
        return counted(sizes[0], "unit")
    return f"{' → '.join(map(str, sizes))} units"


def _sizes(stack: Mapping[str, Any]) -> str:
    relu = " (relu)" if stack["nonlinearity"] == "relu" else ""
    parts = [
        f"{stack['cell'].upper()}{relu}, {counted(stack['layers'], 'layer')} of "
        f"{_units(stack['units'])}",
        *(["both directions"] if stack["directions"] == 2 else []),
        *([f"projected to {stack['proj_size']}"] if stack["proj_size"] else []),
        *([] if stack["bias"] else ["no biases"]),
        f"reads {counted(stack['input_size'], 'number')} a step",
    ]
    return ", ".join(parts)


def chosen_stack(file: ModelFile, name: str | None) -> Stack:
    """`ModelFile.stack`, which here is chosen by an option.

    Raises:
        ModelFileError: ``"no-such-stack"``.
    """
    try:
        return file.stack(name)
    except ModelFileError as error:
        raise ModelFileError(error.code, f"{error}; --stack chooses one") from None


def note(remarks: Iterable[Remark]) -> None:
    """Say what was left out or assumed beside the result, not in it."""
    for remark in remarks:
        print(f"note: {plain(remark.message)}", file=sys.stderr)


def _convert(options: argparse.Namespace) -> int:
    file = load_model(options.model)
    stacks = file.stacks if options.stack is None else (chosen_stack(file, options.stack),)
    if options.out.exists() and options.out.samefile(options.model):
        raise ValueError(f"{options.out} is the model itself; write to another file")
    tensors: dict[str, Tensor] = {}
    relus: dict[str, str] = {}
    guessed = {each.fields.get("name") for each in file.remarks if each.code == "assumed-tanh"}
    for stack in stacks:
        start = f"{stack.name}." if len(stacks) > 1 else ""
        tensors |= {start + name: tensor for name, tensor in _weights(stack)}
        if stack.name not in guessed:  # what the file does not say, the next one must not say
            relus |= {start + "recurrent": getattr(stack.module, "nonlinearity", "tanh")}
    note(file.remarks)
    note(_lost(stacks))
    with writing(options.out):
        write_tensors(options.out, tensors, WEIGHTS, {NONLINEARITIES: relus})
    print(f"{plain(str(options.out))}: {counted(len(tensors), 'tensor')}")
    return 0


def _lost(stacks: Iterable[Stack]) -> Iterator[Remark]:
    """What safetensors does not hold of `stacks`."""
    for stack in stacks:
        name = stack.name or "the stack"
        if stack.vocabulary is not None:
            message = f"the symbols of {name} are not written; give them with --vocabulary"
            yield Remark(code="no-symbols", message=message)
        if stack.reads is not None:
            message = f"that {name} reads what {stack.reads} gives is not written"
            yield Remark(code="no-chain", message=message)


def _weights(stack: Stack) -> Iterator[tuple[str, Tensor]]:
    """What a stack holds, by the names that `SequenceModel` gives it; nothing is shared."""
    for name, weight in stack.module.named_parameters():
        yield f"recurrent.{name}", weight.detach().clone()
    if stack.embedding is not None:
        yield "embedding.weight", stack.embedding.clone()
    if stack.head is not None:
        matrix, bias = stack.head
        yield "readout.weight", matrix.clone()
        if bias is not None:
            yield "readout.bias", bias.clone()
