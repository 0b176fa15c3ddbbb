"""Files that people take for models: each is called what it is, with what would be right."""

import gzip
import io
import tarfile
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lstm_core.convert import load_model
from lstm_core.model_files.not_models import what_is
from lstm_core.stacks import ModelFileError
from tests.torch_layouts import loaded, saved

WEIGHTS = nn.LSTM(3, 4).state_dict()


def zipped(**entries):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name.replace("__", "."), content)
    return file.getvalue()


def tarred(mode="w"):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        content = saved(WEIGHTS)
        info = tarfile.TarInfo("run/best.pt")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def arrays(save, *args, **named):
    file = io.BytesIO()
    save(file, *args, **named)
    return file.getvalue()


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"
KNOWN = {
    "nothing": (b"", "empty-file", "empty"),
    "zeros": (bytes(9000), "empty-file", "zeros"),
    "pointer": (POINTER, "lfs-pointer", "git lfs pull"),
    "page": (b"\n<!DOCTYPE html><html><body>404</body></html>", "web-page", "web page"),
    "denied": (b"<?xml version='1.0'?><Error>AccessDenied</Error>", "web-page", "web page"),
    "zip": (zipped(best__pt=saved(WEIGHTS), notes__txt=b"x"), "packed-file", "best.pt"),
    "zip of nothing": (zipped(notes__txt=b"x"), "packed-file", "zip"),
    "tar": (tarred(), "packed-file", "run/best.pt"),
    "tar.gz": (tarred("w:gz"), "packed-file", "gzip"),
    "gz": (gzip.compress(saved(WEIGHTS)), "packed-file", "gzip"),
    "xz": (tarred("w:xz"), "packed-file", "xz"),
    "bz2": (tarred("w:bz2"), "packed-file", "bzip2"),
    "npz": (arrays(np.savez, weight=np.ones(3)), "numpy-file", "state_dict"),
    "npz packed": (arrays(np.savez_compressed, weight=np.ones(3)), "numpy-file", "state_dict"),
    "npy": (arrays(np.save, np.ones(3)), "numpy-file", "state_dict"),
    "configuration": (b'{"model_type": "lstm"}', "json-file", "weights"),
    "gguf": (b"GGUF\x03\x00\x00\x00" + bytes(100), "other-model", "GGUF"),
    "tflite": (b"\x1c\x00\x00\x00TFL3" + bytes(100), "other-model", "TensorFlow Lite"),
}


@pytest.mark.parametrize("what", KNOWN)
def test_file_is_called_what_it_is(what, tmp_path):
    data, code, word = KNOWN[what]
    path = tmp_path / "model.pt"
    path.write_bytes(data)
    found, message = what_is(data[:4096], path)
    assert found == code
    assert word in message
    assert "\n" not in message


@given(st.binary(min_size=1, max_size=200))
def test_noise_is_nothing_in_particular_or_told_in_one_line(tmp_path_factory, noise):
    path = tmp_path_factory.getbasetemp() / "noise"
    path.write_bytes(noise)
    told = what_is(noise[:4096], path)
    assert told is None or "\n" not in told[1]


@pytest.mark.parametrize("start", [b"PK\x03\x04", b"PK\x05\x06", b"a" * 257 + b"ustar"])
def test_archive_that_is_broken_is_nothing_in_particular(start, tmp_path):
    path = tmp_path / "broken"
    path.write_bytes(start + bytes(range(256)))
    assert what_is(path.read_bytes(), path) is None


def test_name_in_an_archive_breaks_no_line(tmp_path):
    path = tmp_path / "archive"
    path.write_bytes(zipped(**{"a\nb\x1b[31m.pt": b"x"}))
    assert "\n" not in what_is(path.read_bytes(), path)[1]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("weight", "what"),
    [
        (torch.ones(1, 4).expand(16, 4), "expanded"),
        (torch.ones(16, 4).to_sparse(), "sparse"),
        (torch.empty(16, 4, device="meta"), "without-numbers"),
    ],
)
def test_weight_that_is_no_plain_tensor_is_called_what_it_is(weight, what):
    for content in ({**WEIGHTS, "weight_hh_l0": weight}, {"model": {"weight_hh_l0": weight}}):
        with pytest.raises(ModelFileError) as caught:
            loaded(content)
        assert (caught.value.code, caught.value.fields["what"]) == ("not-plain", what)
        assert "weight_hh_l0" in str(caught.value)


def test_way_out_for_an_expanded_weight_works():
    weight = torch.ones(1, 4).expand(16, 4).contiguous()
    assert load_model(saved({**WEIGHTS, "weight_hh_l0": weight})).stacks


def test_odd_tensors_that_are_no_weights_do_not_matter():
    beside = {"scale": torch.ones(1).expand(5), "mask": torch.eye(3).to_sparse()}
    assert loaded({**WEIGHTS, **beside}).stacks
