"""Models in several files: one of them is no whole model, and an index reads them together."""

import json

import pytest
import torch
from safetensors.torch import save as save_safetensors
from safetensors.torch import save_file
from torch import nn

from lstm_core.convert import load_model
from lstm_core.model_files import shards
from lstm_core.stacks import ModelFileError
from tests.torch_layouts import only, saved

MODULE = nn.LSTM(3, 4, num_layers=2)
WEIGHTS = {f"rnn.{key}": tensor for key, tensor in MODULE.state_dict().items()}
FIRST = {key: tensor for key, tensor in WEIGHTS.items() if "_l0" in key}
SECOND = {key: tensor for key, tensor in WEIGHTS.items() if "_l1" in key}


def name(number, count=2):
    return f"model-{number:05}-of-{count:05}.safetensors"


def lay_out(folder, *parts, **changes):
    """Write the parts and their index; `changes` go into the index."""
    places = {}
    for number, part in enumerate(parts, start=1):
        file = name(number, len(parts))
        save_file(part, folder / file)
        places |= dict.fromkeys(part, file)
    index = folder / "model.safetensors.index.json"
    content = {"metadata": {"total_size": 1}, "weight_map": places} | changes
    index.write_text(json.dumps(content, indent=2), encoding="utf-8")
    return index


def refused(source, code):
    with pytest.raises(ModelFileError) as caught:
        load_model(source)
    assert caught.value.code == code
    assert "\n" not in str(caught.value)
    return caught.value


def test_one_of_several_files_is_said_to_be_a_part(tmp_path):
    lay_out(tmp_path, FIRST, SECOND)
    file = load_model(tmp_path / name(1))
    assert only(file).module.num_layers == 1
    remark = next(each for each in file.remarks if each.code == "one-shard")
    assert (remark.fields["number"], remark.fields["count"]) == (1, 2)
    assert "part 1 of 2" in remark.message


@pytest.mark.parametrize("part", [SECOND, {"rnn.weight_ih_l0": WEIGHTS["rnn.weight_ih_l0"]}])
def test_part_that_cannot_be_shown_alone_is_refused_as_a_part(tmp_path, part):
    lay_out(tmp_path, part, FIRST)
    assert "part 1 of 2" in str(refused(tmp_path / name(1), "one-shard"))


def test_part_in_torchs_format_is_said_to_be_one(tmp_path):
    path = tmp_path / "pytorch_model-00002-of-00003.bin"
    path.write_bytes(saved(WEIGHTS))
    assert load_model(path).remarks[0].code == "one-shard"


def test_bytes_may_keep_what_their_name_says_of_their_place():
    assert shards.file_name("/a/../model-00002-of-00003.bin") == "model-00002-of-00003"
    for other in (
        "",
        "lstm.pt",
        "model-00001-of-00001.bin",
        "../etc/passwd",
        "9-of-2.pt",
        "epoch-3-of-10.pt",
        "00009-of-00002.pt",
    ):
        assert shards.file_name(other) == "model"


def test_index_reads_the_parts_that_lie_beside_it(tmp_path):
    stack = only(load_model(lay_out(tmp_path, FIRST, SECOND)))
    assert stack.module.num_layers == 2
    for key, tensor in MODULE.state_dict().items():
        assert torch.equal(stack.module.get_parameter(key), tensor)


def test_index_alone_is_refused_with_a_line_that_joins_the_parts(tmp_path, monkeypatch):
    index = lay_out(tmp_path, FIRST, SECOND)
    error = refused(index.read_bytes(), "shard-index")
    assert shards.JOIN["safetensors"] in str(error)
    monkeypatch.chdir(tmp_path)
    exec(error.fields["how"], {})
    assert only(load_model(tmp_path / "whole.safetensors")).module.num_layers == 2
    (tmp_path / name(2)).unlink()
    refused(index, "shard-index")


def test_line_that_joins_torchs_parts_does(tmp_path, monkeypatch):
    for number, part in enumerate((FIRST, SECOND), start=1):
        (tmp_path / f"pytorch_model-{number:05}-of-00002.bin").write_bytes(saved(part))
    index = tmp_path / "pytorch_model.bin.index.json"
    places = dict.fromkeys(WEIGHTS, "pytorch_model-00001-of-00002.bin")
    index.write_text(json.dumps({"weight_map": places}), encoding="utf-8")
    error = refused(index, "shard-index")
    monkeypatch.chdir(tmp_path)
    exec(error.fields["how"], {})
    assert only(load_model(tmp_path / "whole.pt")).module.num_layers == 2


@pytest.mark.parametrize(
    "elsewhere",
    ["../secret.safetensors", "/etc/passwd", "a/b.safetensors", "..", ".", "", "a\\b.safetensors"],
)
def test_index_that_leads_out_of_its_folder_is_refused(tmp_path, elsewhere):
    folder = tmp_path / "folder"
    folder.mkdir()
    save_file(WEIGHTS, tmp_path / "secret.safetensors")
    refused(lay_out(folder, weight_map=dict.fromkeys(WEIGHTS, elsewhere)), "unsafe-name")


@pytest.mark.parametrize(
    "changes",
    [
        {"weight_map": []},
        {"weight_map": {}},
        {"weight_map": {"rnn.weight_ih_l0": 3}},
        {"weight_map": {"elsewhere": name(1, 1)}},
        {"weight_map": {f"w{n}": f"{n}.safetensors" for n in range(1001)}},
    ],
)
def test_index_that_lies_is_refused(tmp_path, changes):
    refused(lay_out(tmp_path, WEIGHTS, **changes), "damaged")


@pytest.mark.parametrize("text", ['{"weight_map": ', '{"weight_map": ' + "[" * 10**5])
def test_index_that_is_cut_off_or_deep_is_refused(tmp_path, text):
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(text, encoding="utf-8")
    refused(path, "damaged")


def test_parts_have_the_limit_of_one_file_together(tmp_path, monkeypatch):
    index = lay_out(tmp_path, FIRST, SECOND)
    monkeypatch.setattr(shards, "MAX_BYTES", 1000)
    assert refused(index, "too-large").fields["limit"] == 1000


def test_part_of_an_index_that_is_damaged_is_refused(tmp_path):
    index = lay_out(tmp_path, FIRST, SECOND)
    (tmp_path / name(2)).write_bytes(save_safetensors(SECOND)[:-4])
    refused(index, "damaged")
