"""Checkpoints: what is saved comes back, and damaged or hostile files are refused."""

import json
import math
import os
import resource
import struct
import tracemalloc
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from lstm_core import checkpoint as module
from lstm_core.checkpoint import (
    Checkpoint,
    CheckpointError,
    SeedScore,
    load_checkpoint,
    save_checkpoint,
    weights,
    write_tensors,
)
from lstm_core.model import ModelConfig, initialised
from lstm_core.tasks import TASKS


def score(**changes):
    values = {
        "seed": 0, "lr": 1e-3, "metric": "accuracy", "value": 0.75, "examples": 4096,
        "validation": 0.5, "steps": 100, "seconds": 1.5, "learned": False,
        "by_delay": ((1, 1.0), (100, 0.125)),
    }  # fmt: skip
    return SeedScore(**{**values, **changes})


def make(cell="lstm", task="recall", **changes):
    vocabulary = TASKS[task].vocabulary
    sizes = {"input_size": vocabulary.features.shape[1], "hidden_size": 4, "output_size": 8}
    config = ModelConfig(cell=cell, **{**sizes, **changes})
    model = initialised(config, vocabulary, "torch", 0).eval()
    scores = (score(), score(seed=1, learned=True, value=1.0), score(lr=3e-3))
    return Checkpoint(model=model, task=task, seed=0, recipe={"lr": 1e-3}, scores=scores)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.fixture
def good(path):
    """The header and the tensors of a file that can be read, to be damaged."""
    save_checkpoint(make(), path)
    return module.read_tensors(path, module.FORMAT)


def refused(path):
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    return caught.value


def written(path, header, tensors):
    path.write_bytes(save(tensors, metadata={"lstm_core": json.dumps(header)}))
    return path


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"cell": "gru"},
        {"cell": "rnn", "nonlinearity": "relu"},
        {"num_layers": 2, "bidirectional": True},
        {"proj_size": 3},
        {"bias": False},
        {"embed": True, "input_size": 5},
        {"task": "python"},
    ],
)
def test_saved_checkpoint_loads_equal(path, changes):
    before = make(**changes)
    save_checkpoint(before, path)
    after = load_checkpoint(path)
    assert (after.task, after.seed, after.recipe) == (before.task, before.seed, before.recipe)
    assert (after.scores, after.hash) == (before.scores, before.hash)
    assert after.model.config == before.model.config
    ids = torch.arange(9)[:, None]
    assert torch.equal(after.model(ids), before.model(ids))
    assert not after.model.training


def test_same_checkpoint_is_written_to_the_same_bytes(tmp_path):
    for name in "ab":
        save_checkpoint(make(), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_hash_covers_weights_and_configuration_and_no_score():
    before = make()
    assert replace(before, scores=(score(value=0.1),), recipe={}).hash == before.hash
    assert replace(before, seed=1).hash != before.hash
    other = make()
    with torch.no_grad():
        other.model.readout.bias[0] += 1e-3
    assert other.hash != before.hash


def test_scores_of_the_chosen_learning_rate_are_told_apart():
    assert [(s.seed, s.lr) for s in make().seed_scores] == [(0, 1e-3), (1, 1e-3)]


@pytest.mark.parametrize(
    "changes",
    [
        {"value": "abc"}, {"value": float("nan")}, {"lr": "x"}, {"metric": None},
        {"metric": "<b>hi"}, {"examples": None}, {"learned": "no"}, {"seed": -1}, {"seed": 1.5},
    ],
)  # fmt: skip
def test_a_score_that_no_page_could_show_is_refused(path, changes):
    save_checkpoint(replace(make(), scores=(score(**changes),)), path)
    with pytest.raises(CheckpointError, match="holds what is no score"):
        load_checkpoint(path)


def test_fixed_features_are_not_stored():
    assert "embedding.weight" not in weights(make().model)
    assert "embedding.weight" in weights(make(embed=True).model)


def test_failed_write_leaves_the_old_file_and_no_other(path, monkeypatch):
    save_checkpoint(make(), path)
    before = path.read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(make("gru"), path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_missing_file_is_an_operating_system_error(path):
    with pytest.raises(FileNotFoundError):
        load_checkpoint(path)


@pytest.mark.parametrize("data", [
    b"", b"\x80\x04K\x01.", b"PK\x03\x04" + bytes(100), b"hello, world", bytes(8), bytes(100),
])  # fmt: skip
def test_other_kinds_of_file_are_refused(path, data):
    path.write_bytes(data)
    assert refused(path).code == "not-safetensors"


def test_every_truncation_is_refused(path, good):
    data = path.read_bytes()
    for length in [*range(0, len(data), 97), len(data) - 1]:
        path.write_bytes(data[:length])
        assert refused(path).code in {"not-safetensors", "truncated", "damaged"}


def test_bytes_after_the_end_are_refused(path, good):
    path.write_bytes(path.read_bytes() + b"x")
    assert refused(path).code == "damaged"


def test_too_large_a_file_is_refused_unread(path):
    with path.open("wb") as file:
        file.truncate(module.MAX_BYTES + 1)
    error = refused(path)
    assert (error.code, error.fields["size"]) == ("too-large", module.MAX_BYTES + 1)


@pytest.mark.parametrize("length", [2**63, 2**40, module.MAX_HEADER_BYTES + 1])
def test_header_that_claims_to_be_huge_is_refused(path, length):
    path.write_bytes(struct.pack("<Q", length) + b"{" + bytes(50))
    assert refused(path).code == "header-too-large"


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":' * 5000,
        b'{"a":' + b"[" * 100_000,
        b"{" * 900_000,
        b'{"a": 1' + b"0" * 100_000 + b"}",
        b"{}x",
        b'{"a": \xff}',
    ],
)
def test_header_that_is_no_json_is_refused(path, text):
    path.write_bytes(struct.pack("<Q", len(text)) + text)
    assert refused(path).code == "bad-header"


@pytest.mark.parametrize("inner", ["[" * 100_000, '{"a":' * 5000, "[1]", "nul"])
def test_own_header_that_is_no_json_object_is_refused(path, inner):
    path.write_bytes(save({"x": torch.zeros(1)}, metadata={"lstm_core": inner}))
    assert refused(path).code == "bad-header"


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}, {"lstm_core": "{}"}])
def test_safetensors_of_others_are_foreign(path, metadata):
    path.write_bytes(save({"weight": torch.zeros(2)}, metadata=metadata))
    assert refused(path).code == "foreign"


def test_training_state_is_not_a_checkpoint(path):
    write_tensors(path, {"x": torch.zeros(1)}, "another format", {})
    assert refused(path).code == "foreign"


def test_other_version_is_refused_with_both_versions(path, good):
    header, tensors = good
    error = refused(written(path, {**header, "version": 2}, tensors))
    assert error.code == "version"
    assert error.fields == {"found": "2", "expected": 1}


def test_missing_and_unexpected_tensors_are_both_named(path, good):
    header, tensors = good
    tensors["recurrent.weight_extra"] = tensors.pop("readout.bias")
    error = refused(written(path, header, tensors))
    assert error.code == "tensors"
    assert error.fields["missing"] == ("readout.bias",)
    assert error.fields["unexpected"] == ("recurrent.weight_extra",)
    assert "readout.bias" in str(error)
    assert "recurrent.weight_extra" in str(error)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.T.contiguous(),
        lambda t: t[:-1],
        lambda t: t.double(),
        lambda t: t.half(),
        lambda t: t.flatten(),
    ],
)
def test_wrong_shape_or_type_is_refused(path, good, change):
    header, tensors = good
    name = "recurrent.weight_ih_l0"
    tensors[name] = change(tensors[name])
    error = refused(written(path, header, tensors))
    assert (error.code, error.fields["name"]) == ("shape", name)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_weight_that_is_no_number_is_refused(path, good, value):
    header, tensors = good
    tensors["readout.bias"][3] = value
    error = refused(written(path, header, tensors))
    assert (error.code, error.fields["name"]) == ("not-finite", "readout.bias")


def test_changed_weight_is_refused(path, good):
    header, tensors = good
    tensors["readout.bias"][3] += 0.5
    assert refused(written(path, header, tensors)).code == "hash"


@pytest.mark.parametrize(("name", "value"), [
    ("hidden_size", 10**9), ("hidden_size", 0), ("hidden_size", -1), ("hidden_size", 2.5),
    ("hidden_size", "32"), ("hidden_size", True), ("hidden_size", 10**40), ("num_layers", 10**6),
    ("num_layers", 0), ("input_size", 10**9), ("output_size", 10**9), ("proj_size", 4),
    ("proj_size", -1),
])  # fmt: skip
def test_absurd_sizes_are_refused_before_memory_is_taken(path, good, name, value):
    header, tensors = good
    header["config"][name] = value
    tracemalloc.start()
    error = refused(written(path, header, tensors))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (error.code, error.fields["name"]) == ("absurd-size", name)
    assert peak < 20 * 2**20


def test_largest_sizes_together_build_nothing(path, good):
    header, tensors = good
    header["config"] |= {"hidden_size": 4096, "num_layers": 16, "bidirectional": True}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert refused(written(path, header, tensors)).code == "tensors"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes


@pytest.mark.parametrize("change", [
    {"config": None}, {"config": {}}, {"config": {"cell": "lstm", "surprise": 1}},
    {"vocabulary": {}}, {"vocabulary": 3}, {"scores": 3}, {"scores": [{}]}, {"scores": [3]},
    {"seed": "x"}, {"seed": None}, {"recipe": 3}, {"task": ["a"]}, {"hash": None},
])  # fmt: skip
def test_header_with_wrong_parts_is_refused(path, good, change):
    header, tensors = good
    changed = {**header, **change}
    if "hash" not in change:
        keys = ("task", "seed", "config", "vocabulary")
        changed["hash"] = module._hash({key: changed[key] for key in keys}, tensors)
    assert refused(written(path, changed, tensors)).code in {"bad-header", "hash", "unknown-task"}


@pytest.mark.parametrize(
    "key", ["task", "seed", "config", "vocabulary", "recipe", "scores", "hash"]
)
def test_header_with_a_part_missing_is_refused(path, good, key):
    header, tensors = good
    del header[key]
    assert refused(written(path, header, tensors)).code == "bad-header"


def test_unknown_task_is_refused_with_those_there_are(path, good):
    save_checkpoint(replace(make(), task="chess"), path)
    error = refused(path)
    assert (error.code, error.fields["task"]) == ("unknown-task", "chess")
    assert error.fields["known"] == tuple(TASKS)


DATA = {}


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_flipped_bytes_never_escape_as_another_error(tmp_path_factory, data):
    if not DATA:
        DATA["path"] = tmp_path_factory.mktemp("flipped") / "model"
        save_checkpoint(make(), DATA["path"])
        DATA["bytes"] = DATA["path"].read_bytes()
    changed = bytearray(DATA["bytes"])
    place = data.draw(st.integers(0, len(changed) - 1))
    changed[place] ^= data.draw(st.integers(1, 255))
    DATA["path"].write_bytes(changed)
    try:
        loaded = load_checkpoint(DATA["path"])
    except CheckpointError as error:
        assert error.code  # noqa: PT017
    else:
        assert loaded.hash == make().hash  # only a score or the recipe was touched
