"""Model files of any kind -> recurrent stacks -> what `trace` takes.

A file is recognised by its content, never by its name. Each kind is read in a room of its own; what
is common to all is here.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from lstm_core.checkpoint import FORMAT, CheckpointError, load_checkpoint
from lstm_core.model import ModelConfig, SequenceModel
from lstm_core.model_files import (
    keras_files,
    onnx_files,
    safetensors_files,
    shards,
    torch_files,
)
from lstm_core.model_files.not_models import what_is
from lstm_core.model_files.state_dicts import gate_order
from lstm_core.model_files.torch_files import too_large
from lstm_core.stacks import MAX_BYTES, MOST_TOKENS, ModelFile, ModelFileError, Stack
from lstm_core.trace import trace
from lstm_core.uneven import UnevenLayers
from lstm_core.vocabulary import Vocabulary
from lstm_core.vocabulary_files import wrong_size

MOST_ONE_HOT = 4096
"""The most symbols that are read as one-hot numbers."""


def load_model(source: str | Path | bytes, *, name: str = "") -> ModelFile:
    """Everything recurrent in a model file of at most `MAX_BYTES`, whatever wrote it.

    Our own checkpoints; PyTorch's ``state_dict`` and checkpoints, zipped or old; safetensors;
    Keras 3 archives and weights; ONNX. Nothing in the file is executed.

    >>> import io, torch
    >>> from lstm_core import load_model
    >>> file = io.BytesIO()
    >>> torch.save(torch.nn.ModuleDict({"rnn": torch.nn.GRU(3, 4)}).state_dict(), file)
    >>> [(stack.name, stack.cell) for stack in load_model(file.getvalue()).stacks]
    [('rnn', 'gru')]

    Args:
        source: a path, or the bytes themselves.
        name: how errors call the file; its own name where a path is given.

    Raises:
        ModelFileError: if it is none of these, is damaged, or holds no recurrent stack that torch
            has; `code` and `fields` say which.
        OSError: if a path cannot be read.
    """
    with _as_file(source, name) as path:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise too_large(size)
        with path.open("rb") as file:
            head = file.read(4096)
        return _reader(head, path, name)(path)


@contextmanager
def _as_file(source: str | Path | bytes, name: str) -> Iterator[Path]:
    """A path to `source`; bytes lie in a private folder that is gone afterwards."""
    if not isinstance(source, bytes):
        yield Path(source)
        return
    if len(source) > MAX_BYTES:
        raise too_large(len(source))
    with tempfile.TemporaryDirectory(prefix="lstm-model-") as folder:
        path = Path(folder) / shards.file_name(name)
        path.write_bytes(source)
        yield path


def _reader(head: bytes, path: Path, name: str) -> Callable[[Path], ModelFile]:
    """The function that reads this kind of file."""
    if safetensors_files.recognises(head, path):
        return _checkpoint if f'{FORMAT}\\"'.encode() in head else safetensors_files.read
    for room in (torch_files, keras_files, onnx_files):
        if room.recognises(head, path):
            return room.read
    shown = (name or path.name)[:200]
    if (told := what_is(head, path)) is not None:
        raise ModelFileError(*told, name=shown)
    raise ModelFileError(
        "unknown-kind",
        f"{shown} is no model file that can be read: expected PyTorch, safetensors, Keras or ONNX",
        name=shown,
    )


def _checkpoint(path: Path) -> ModelFile:
    """One of our own checkpoints as a model file."""
    try:
        model = load_checkpoint(path).model
    except CheckpointError as error:
        raise ModelFileError(error.code, str(error), **error.fields) from error
    config = model.config
    table = model.embedding.weight.detach() if model.embedding and config.embed else None
    weight, bias = model.readout.weight.detach(), model.readout.bias.detach()
    stack = Stack(
        name="recurrent",
        cell=config.cell,
        module=model.recurrent,
        gate_order=gate_order(config.cell),
        embedding=table,
        embedding_name=None if table is None else "embedding",
        head=(weight, bias),
        head_name="readout",
        vocabulary=model.vocabulary,
    )
    return ModelFile(kind="checkpoint", stacks=(stack,))


def model_of(
    source: ModelFile | Stack, vocabulary: Vocabulary | None = None, *, stack: str | None = None
) -> SequenceModel | nn.LSTM | nn.GRU | nn.RNN | UnevenLayers:
    """What `lstm_core.trace.trace` takes: a stack with its embedding and head where it has them.

    Tokens are those of `vocabulary`, else those that the file names; an embedding without either
    reads its ids as decimal words (``"0 17 4"``). Without an embedding, a vocabulary of as many
    symbols as the stack reads numbers is read one-hot. A stack with nothing around it comes back
    bare.

    Args:
        source: what `load_model` found in a file, or one stack of it.
        vocabulary: the symbols, in the order of their ids.
        stack: the name of the file's stack; not needed where it has one only.

    Raises:
        ModelFileError: ``"no-such-stack"``; ``"vocabulary-size"`` if the vocabulary has another
            size than is read, ``"too-large"`` if there are more tokens than can be shown.

    >>> import io, torch
    >>> from lstm_core import load_model, model_of, trace
    >>> file = io.BytesIO()
    >>> torch.save(torch.nn.GRU(3, 4).state_dict(), file)
    >>> trace(model_of(load_model(file.getvalue())), torch.ones(5, 3))["z"].shape
    (5, 4)
    """
    one = source.stack(stack) if isinstance(source, ModelFile) else source
    known = _vocabulary(one, vocabulary or one.vocabulary)
    if known is None and one.head is None:
        return one.module
    model = _empty(_config(one), known).to(next(one.module.parameters()).dtype)
    model.recurrent = one.module
    with torch.no_grad():
        if one.embedding is not None and model.embedding is not None:
            model.embedding.weight = _constant(one.embedding)
        if one.head is not None:
            weight, bias = one.head
            model.readout.weight = _constant(weight)
            model.readout.bias = _constant(weight.new_zeros(len(weight)) if bias is None else bias)
    return model.eval().requires_grad_(False)


def read_through(
    file: ModelFile, stack: Stack, inputs: Any, vocabulary: Vocabulary | None = None
) -> Any:
    """What a stack reads when the model reads `inputs`: what the stacks below it give.

    Args:
        file: the whole model.
        stack: one of its stacks.
        inputs: what `trace` takes for the lowest of the stacks that `stack` reads through.
        vocabulary: the symbols that this lowest stack reads.

    Returns:
        Floats ``[time, feature]``, or `inputs` as they are if nothing lies below.

    Raises:
        TypeError: as `trace`.
        ValueError: as `trace`; as `model_of`.

    >>> import io, torch
    >>> from lstm_core import load_model, read_through
    >>> file = io.BytesIO()
    >>> torch.save(torch.nn.GRU(3, 4).state_dict(), file)
    >>> found = load_model(file.getvalue())
    >>> read_through(found, found.stack(), torch.ones(5, 3)).shape  # nothing lies below
    torch.Size([5, 3])
    """
    for place, below in enumerate(file.below(stack)):
        traced = trace(model_of(below, None if place else vocabulary), inputs)
        ways = range(traced.num_directions)
        inputs = np.concatenate([traced.select("h", -1, way) for way in ways], axis=1)
    return inputs


def tokens_of(module: nn.Module, inputs: Any) -> tuple[str, ...] | None:
    """The symbols of token ids as a module reads them; ``None`` if it reads numbers."""
    vocabulary = getattr(module, "vocabulary", None)
    return None if vocabulary is None else tuple(vocabulary.tokens[i] for i in inputs)


def _empty(config: ModelConfig, vocabulary: Vocabulary | None) -> SequenceModel:
    """The model without its weights, which are not drawn: the caller's generator stays as it is."""
    with torch.random.fork_rng(devices=[]):
        return SequenceModel(config, vocabulary)


def _constant(values: torch.Tensor) -> nn.Parameter:
    return nn.Parameter(values, requires_grad=False)


def _config(stack: Stack) -> ModelConfig:
    module = stack.module
    return ModelConfig(
        cell=stack.cell,
        input_size=module.input_size,
        hidden_size=module.hidden_size,
        output_size=0 if stack.head is None else len(stack.head[0]),
        num_layers=module.num_layers,
        bidirectional=module.bidirectional,
        proj_size=module.proj_size,
        bias=module.bias,
        nonlinearity=getattr(module, "nonlinearity", "tanh"),
        embed=stack.embedding is not None,
    )


def _vocabulary(stack: Stack, given: Vocabulary | None) -> Vocabulary | None:
    """The vocabulary that the model reads with; ``None`` where it reads numbers."""
    width = stack.module.input_size
    if stack.embedding is not None:
        count = len(stack.embedding)
        if count > MOST_TOKENS:
            raise _too_many(count, MOST_TOKENS)
        if given is None:
            return replace(Vocabulary.of_tokens([str(n) for n in range(count)]), words=True)
        if len(given) != count:
            raise wrong_size(len(given), count)
        return given
    if given is None or given.features.shape[1] == width:
        return given
    if len(given) != width:
        raise wrong_size(len(given), width)
    if width > MOST_ONE_HOT:
        raise _too_many(width, MOST_ONE_HOT)
    features = np.eye(width, dtype=np.float32)
    return replace(given, feature_names=given.tokens, features=features)


def _too_many(count: int, limit: int) -> ModelFileError:
    return ModelFileError(
        "too-large",
        f"there are {count} tokens; at most {limit} are read",
        what="tokens",
        size=count,
        limit=limit,
    )
