"""The commands that read trained models: `inspect`, `trace` and `convert`.

How files are read is in `convert` and `data`; the commands that train are in ``__main__``.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from lstm_core.checkpoint import write_tensors
from lstm_core.convert import load_model, model_of
from lstm_core.data import DataError, DataOptions, channels_for, read_data, sequences, standardise
from lstm_core.data_files.sequences import Sequence
from lstm_core.model_files.safetensors_files import NONLINEARITIES, WEIGHTS
from lstm_core.stacks import ModelFile, ModelFileError, Stack
from lstm_core.trace import trace
from lstm_core.vocabulary_files import read_vocabulary

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

_TRACE = """examples:
  python -m lstm_core trace model.pt sensors.csv -o run.npz
  python -m lstm_core trace model.keras ids.json -o run.npz --stack encoder
  python -m lstm_core trace lm.pt text.txt -o run.npz --vocabulary tokenizer.json

lstm_core.Trace.load("run.npz") reads the result, and so does numpy.load."""

_CONVERT = """examples:
  python -m lstm_core convert model.keras -o model.safetensors
  python -m lstm_core convert model.onnx -o encoder.safetensors --stack encoder

Weights have torch's names and torch's order of gates: recurrent.weight_ih_l0 and so on, and
embedding.weight, readout.weight and readout.bias where the file has them."""

Commands = Any  # argparse gives the type of its subcommands no public name


def add_to(commands: Commands) -> None:
    """Add the three commands to a parser's own."""
    looking = _added(commands, "inspect", _INSPECT, "say what a model file holds")
    looking.add_argument("--json", action="store_true", help="as JSON")
    looking.set_defaults(command=_inspect)
    tracing = _added(commands, "trace", _TRACE, "write every gate of a model reading a data file")
    tracing.add_argument("data", type=Path, metavar="DATA", help="text, CSV, NPY, NPZ, JSON, ...")
    _add_common(tracing, "OUT.npz")
    tracing.add_argument("--vocabulary", type=Path, metavar="FILE", help="the model's symbols")
    tracing.add_argument("--sequence", metavar="NAME", help="which of the file's; default: first")
    tracing.add_argument(
        "--standardise", choices=("none", "each", "all"), default="none", help="default: none"
    )
    tracing.set_defaults(command=_trace)
    converting = _added(commands, "convert", _CONVERT, "write a model's weights with torch's names")
    _add_common(converting, "OUT.safetensors")
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


def _added(commands: Commands, name: str, examples: str, about: str) -> argparse.ArgumentParser:
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


def _add_common(parser: argparse.ArgumentParser, out: str) -> None:
    parser.add_argument("-o", "--out", type=Path, required=True, metavar=out, help="what to write")
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
            yield f"  embedding     {name}, {tokens:,} tokens"
        if stack["head"]:
            name, outputs = plain(stack["head"]["name"]), stack["head"]["outputs"]
            yield f"  head          {name}, {outputs:,} outputs"
        if stack["reads"]:
            yield f"  reads         {plain(stack['reads'])}"
    for remark in told["remarks"]:
        yield f"note: {plain(remark['message'])}"


def _sizes(stack: Mapping[str, Any]) -> str:
    layers = "1 layer" if stack["layers"] == 1 else f"{stack['layers']} layers"
    relu = " (relu)" if stack["nonlinearity"] == "relu" else ""
    parts = [
        f"{stack['cell'].upper()}{relu}, {layers} of {stack['hidden_size']} units",
        *(["both directions"] if stack["directions"] == 2 else []),
        *([f"projected to {stack['proj_size']}"] if stack["proj_size"] else []),
        *([] if stack["bias"] else ["no biases"]),
        f"reads {stack['input_size']} numbers a step",
    ]
    return ", ".join(parts)


def _trace(options: argparse.Namespace) -> int:
    stack = _chosen(load_model(options.model), options.stack)
    given = None if options.vocabulary is None else read_vocabulary(options.vocabulary)
    module = model_of(stack, given)
    one, count = _sequence(module, stack, options)
    traced = trace(module, _inputs(module, one))
    traced.save(options.out)
    which = f"sequence {plain(one.name)} of {count}, " if count > 1 else ""
    print(f"{plain(str(options.out))}: {which}rows {one.where}: {traced!r}")
    return 0


def _chosen(file: ModelFile, name: str | None) -> Stack:
    """The stack of this name, or the only one."""
    names = [stack.name for stack in file.stacks]
    if name is None and len(names) == 1:
        return file.stacks[0]
    if name not in names:
        asked = "say which stack with --stack" if name is None else f"there is no stack {name!r}"
        raise ModelFileError("no-such-stack", f"{asked}; the file has {', '.join(names)}")
    return file.stacks[names.index(name)]


def _sequence(module: nn.Module, stack: Stack, options: argparse.Namespace) -> tuple[Sequence, int]:
    """The sequence that is asked for, and how many there are."""
    reads_tokens = getattr(module, "vocabulary", None) is not None
    is_text = reads_tokens and options.data.suffix.lower() == ".txt"  # words, not columns
    data = read_data(options.data, options=DataOptions(kind="text") if is_text else None)
    width = 1 if reads_tokens else stack.module.input_size
    chosen = None if data.texts else DataOptions(channels=channels_for(data, width))
    found = sequences(data, chosen)
    if not (data.texts or reads_tokens):
        found = standardise(found, options.standardise).sequences
    names = [one.name for one in found]
    if options.sequence is None:
        return found[0], len(found)
    if options.sequence not in names:
        shown = ", ".join(names[:10]) + ", ..." * (len(names) > 10)
        raise DataError(
            "no-such-sequence", f"there is no sequence {options.sequence!r}; there are {shown}"
        )
    return found[names.index(options.sequence)], len(found)


def _inputs(module: nn.Module, one: Sequence) -> str | np.ndarray:
    """What `trace` takes of a sequence."""
    reads_tokens = getattr(module, "vocabulary", None) is not None
    if one.values is None:
        if not reads_tokens:
            raise DataError("text-for-numbers", "the data is text, but the model reads numbers")
        return one.text or ""
    if not reads_tokens:
        return one.values
    ids = one.values[:, 0]
    if (ids != np.floor(ids)).any():
        step = int(np.flatnonzero(ids != np.floor(ids))[0])
        raise DataError("bad-id", f"token ids are whole numbers, but step {step} is {ids[step]}")
    return np.clip(ids, -1, 2**31).astype(np.int64)


def _convert(options: argparse.Namespace) -> int:
    file = load_model(options.model)
    stacks = file.stacks if options.stack is None else (_chosen(file, options.stack),)
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
    for remark in file.remarks:
        print(f"note: {plain(remark.message)}", file=sys.stderr)
    write_tensors(options.out, tensors, WEIGHTS, {NONLINEARITIES: relus})
    print(f"{plain(str(options.out))}: {len(tensors)} tensors")
    return 0


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
