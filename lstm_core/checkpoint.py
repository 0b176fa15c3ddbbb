"""Trained models on disk: a safetensors file with a JSON header of ours.

Reading is safe with a hostile file: nothing is executed, and every size is checked before memory
is taken. What a model is and how it is trained live elsewhere.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Any, get_args

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from lstm_core.model import ModelConfig, SequenceModel
from lstm_core.tasks import TASKS, Metric, Vocabulary

FORMAT, VERSION = "lstm-gate-visualizer checkpoint", 1
MAX_BYTES = 64 * 2**20
MAX_HEADER_BYTES = 2**20
LARGEST = {"hidden_size": 4096, "input_size": 4096, "output_size": 4096, "num_layers": 16}
"""The largest sizes that a checkpoint may ask for."""

_KEY = "lstm_core"


class CheckpointError(ValueError):
    """A file is not a checkpoint that can be read. `code` and `fields` let a page say it."""

    def __init__(self, code: str, message: str, **fields: object) -> None:
        """Keep a machine-readable `code` and `fields` beside the English `message`."""
        super().__init__(message)
        self.code = code
        self.fields = fields


@dataclass(frozen=True, kw_only=True)
class SeedScore:
    """What one training run reached on held-out sequences.

    Attributes:
        metric: ``"accuracy"`` or ``"bits per character"``.
        value: the score on test draws, in units of `metric`.
        examples: how many answers were scored.
        validation: the score on validation draws, by which the learning rate is chosen.
        steps, seconds: how long it trained; the seconds are time of one processor core.
        learned: whether `value` is as good as the task asks, see `lstm_core.train.learned`.
        by_delay: pairs of delay and accuracy; empty where a task has no delay.
    """

    seed: int
    lr: float
    metric: str
    value: float
    examples: int
    validation: float
    steps: int
    seconds: float
    learned: bool
    by_delay: tuple[tuple[int, float], ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "SeedScore":
        """The score that `dataclasses.asdict` wrote.

        Raises:
            ValueError: if a part is missing or is no such number: no page can show it then.
        """
        pairs = tuple((int(delay), float(value)) for delay, value in data["by_delay"])
        score = cls(**{**data, "by_delay": pairs})
        counts = (score.seed, score.examples, score.steps)
        numbers = (score.lr, score.value, score.validation, score.seconds)
        sound = (
            all(type(count) is int and count >= 0 for count in counts)
            and all(isinstance(n, int | float) and isfinite(n) for n in numbers)
            and type(score.learned) is bool
            and score.metric in get_args(Metric)
        )
        if not sound:
            raise ValueError(f"a score of seed {str(score.seed)[:20]} holds what is no score")
        return score


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A trained model and where it comes from.

    Attributes:
        model: in evaluation mode, on the CPU.
        task: a name in `lstm_core.tasks.TASKS`.
        seed: the seed of this model.
        recipe: how it was trained, as plain data.
        scores: every run of this task and cell, failures included: this model's own first, then
            the other seeds at its learning rate, then the rest of the learning rates tried.
    """

    model: SequenceModel
    task: str
    seed: int
    recipe: Mapping[str, Any]
    scores: tuple[SeedScore, ...]

    @property
    def hash(self) -> str:
        """SHA-256 of the configuration and the weights; no time or score is part of it."""
        return _hash(_identity(self), weights(self.model))

    @property
    def seed_scores(self) -> tuple[SeedScore, ...]:
        """The scores of every seed at this model's own learning rate."""
        return tuple(s for s in self.scores if s.lr == self.scores[0].lr)


def weights(model: SequenceModel) -> dict[str, Tensor]:
    """What training changed, by name; the vocabulary's fixed features are not part of it."""
    kept = dict(model.named_parameters())
    if not model.config.embed:
        kept.pop("embedding.weight", None)
    return {name: weight.detach() for name, weight in kept.items()}


def save_checkpoint(checkpoint: Checkpoint, path: str | Path) -> None:
    """Write `checkpoint`; whoever reads `path` meanwhile sees the old file or the new one."""
    header = {
        **_identity(checkpoint),
        "recipe": dict(checkpoint.recipe),
        "scores": [asdict(score) for score in checkpoint.scores],
        "hash": checkpoint.hash,
    }
    write_tensors(path, weights(checkpoint.model), FORMAT, header)


def load_checkpoint(path: str | Path) -> Checkpoint:
    """The checkpoint that `save_checkpoint` wrote.

    Raises:
        CheckpointError: if the file is not one, is damaged, or asks for more than it may.
        OSError: if there is no such file or it may not be read.
    """
    header, tensors = read_tensors(path, FORMAT)
    try:
        with torch.device("meta"):  # shapes without memory, so that a false size costs nothing
            _check_tensors(_empty_model(header), tensors)
        _check_hash(header, tensors)
        model = _empty_model(header)
        model.load_state_dict(tensors, strict=False)
        return Checkpoint(
            model=model.eval().requires_grad_(False),
            task=_known_task(header["task"]),
            seed=int(header["seed"]),
            recipe=dict(header["recipe"]),
            scores=tuple(SeedScore.from_json(score) for score in header["scores"]),
        )
    except CheckpointError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise _bad_header(f"{type(error).__name__}: {error}") from error


def write_tensors(
    path: str | Path, tensors: Mapping[str, Tensor], kind: str, header: Mapping[str, Any]
) -> None:
    """Write tensors under a JSON header of format `kind`, to a temporary file that is renamed."""
    text = json.dumps({**header, "format": kind, "version": VERSION}, sort_keys=True)
    plain = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    data = save(plain, metadata={_KEY: text})
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=target.name, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).chmod(0o644)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_tensors(path: str | Path, kind: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The header and the tensors that `write_tensors` wrote.

    Raises:
        CheckpointError: if the file is too large, damaged, foreign or of another version.
    """
    size = Path(path).stat().st_size
    if size > MAX_BYTES:
        raise CheckpointError(
            "too-large",
            f"the file has {size} bytes; a checkpoint has at most {MAX_BYTES}",
            size=size,
            limit=MAX_BYTES,
        )
    data = Path(path).read_bytes()
    header = _own_header(_outer_header(data), kind)
    try:
        return header, load(data)
    except SafetensorError as error:
        raise CheckpointError("damaged", f"the file is damaged: {error}", reason=str(error)) from (
            error
        )


def _outer_header(data: bytes) -> dict[str, Any]:
    """The JSON in front of the tensors: eight bytes of length, then an object."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or data[8:9] != b"{":
        raise CheckpointError("not-safetensors", "the file is not a safetensors file")
    if length > MAX_HEADER_BYTES:
        raise CheckpointError(
            "header-too-large",
            f"the header should have {length} bytes; at most {MAX_HEADER_BYTES} are read",
            size=length,
            limit=MAX_HEADER_BYTES,
        )
    if 8 + length > len(data):
        raise CheckpointError(
            "truncated",
            f"the file ends after {len(data)} bytes, inside its header of {length}",
            size=len(data),
        )
    return _json_object(data[8 : 8 + length])


def _json_object(text: str | bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _bad_header(f"no JSON: {type(error).__name__}") from error
    if not isinstance(value, dict):
        raise _bad_header(f"expected an object, got {type(value).__name__}")
    return value


def _own_header(outer: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Our header, which safetensors keeps as one text among its own."""
    metadata = outer.get("__metadata__")
    text = metadata.get(_KEY) if isinstance(metadata, dict) else None
    header = _json_object(text) if isinstance(text, str) else {}
    if header.get("format") != kind:
        found = str(header.get("format"))[:80] if header else "none of ours"
        raise CheckpointError(
            "foreign", f"expected a file of format {kind!r}, found {found}", expected=kind
        )
    if header.get("version") != VERSION:
        version = str(header.get("version"))[:20]
        raise CheckpointError(
            "version",
            f"the file has version {version}; this program reads version {VERSION}",
            found=version,
            expected=VERSION,
        )
    return header


def _identity(checkpoint: Checkpoint) -> dict[str, Any]:
    """The part of the header that the hash covers."""
    vocabulary = checkpoint.model.vocabulary
    return {
        "task": checkpoint.task,
        "seed": checkpoint.seed,
        "config": checkpoint.model.config.to_json(),
        "vocabulary": vocabulary.to_json() if vocabulary else None,
    }


def _hash(identity: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode())
    for name in sorted(tensors):
        digest.update(name.encode() + tensors[name].cpu().numpy().tobytes())
    return digest.hexdigest()


def _check_hash(header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    identity = {key: header[key] for key in ("task", "seed", "config", "vocabulary")}
    found = _hash(identity, tensors)
    if found != header["hash"]:
        raise CheckpointError(
            "hash",
            "the weights or the configuration are not those that were saved: their hash differs",
            expected=str(header["hash"])[:64],
            found=found,
        )


def _known_task(name: str) -> str:
    if name not in TASKS:
        raise CheckpointError(
            "unknown-task",
            f"the model is for the task {str(name)[:40]!r}; known are {', '.join(TASKS)}",
            task=str(name)[:40],
            known=tuple(TASKS),
        )
    return name


def _empty_model(header: Mapping[str, Any]) -> SequenceModel:
    config = _config(header["config"])
    vocabulary = header["vocabulary"]
    return SequenceModel(config, None if vocabulary is None else Vocabulary.from_json(vocabulary))


def _config(data: Mapping[str, Any]) -> ModelConfig:
    """The configuration, refused before anything of its size is built."""
    config = ModelConfig(**data)
    for name, largest in LARGEST.items():
        _check_size(name, getattr(config, name), 1, largest)
    _check_size("proj_size", config.proj_size, 0, max(0, config.hidden_size - 1))
    if not all(isinstance(getattr(config, name), bool) for name in _SWITCHES):
        raise _bad_header(f"{', '.join(_SWITCHES)} must be true or false")
    return config


_SWITCHES = ("bidirectional", "bias", "embed")


def _check_size(name: str, value: object, smallest: int, largest: int) -> None:
    if type(value) is not int or not smallest <= value <= largest:
        raise CheckpointError(
            "absurd-size",
            f"{name} must be a whole number from {smallest} to {largest}, got {str(value)[:40]}",
            name=name,
            value=str(value)[:40],
            largest=largest,
        )


def _check_tensors(model: SequenceModel, tensors: Mapping[str, Tensor]) -> None:
    """Compare names, shapes, types and values with what the model needs."""
    needed = weights(model)
    missing, unexpected = sorted(needed.keys() - tensors), sorted(tensors.keys() - needed)
    if missing or unexpected:
        raise CheckpointError(
            "tensors",
            f"missing tensors: {', '.join(missing) or 'none'}; "
            f"unexpected tensors: {', '.join(unexpected) or 'none'}",
            missing=tuple(missing),
            unexpected=tuple(unexpected),
        )
    for name, expected in needed.items():
        _check_tensor(name, tensors[name], expected)


def _check_tensor(name: str, found: Tensor, expected: Tensor) -> None:
    if (found.shape, found.dtype) != (expected.shape, expected.dtype):
        raise CheckpointError(
            "shape",
            f"{name} must be {expected.dtype} {list(expected.shape)}, "
            f"got {found.dtype} {list(found.shape)}",
            name=name,
            expected=tuple(expected.shape),
            found=tuple(found.shape),
        )
    if not torch.isfinite(found).all():
        raise CheckpointError("not-finite", f"{name} holds NaN or infinity", name=name)


def _bad_header(reason: str) -> CheckpointError:
    return CheckpointError("bad-header", f"the header cannot be read: {reason}", reason=reason)
