"""PyTorch's and safetensors files that lie or harm: refused with a reason, nothing executed."""

import io
import json
import os
import pickle
import pickletools
import resource
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save as save_safetensors
from torch import nn

from lstm_core import stacks
from lstm_core.convert import load_model
from lstm_core.model_files import state_dicts, torch_files
from lstm_core.stacks import ModelFileError

MODULE = nn.LSTM(3, 4)
WEIGHTS = MODULE.state_dict()


def saved(content, **options):
    file = io.BytesIO()
    torch.save(content, file, **options)
    return file.getvalue()


GOOD = {
    "zip": saved(WEIGHTS),
    "old": saved(WEIGHTS, _use_new_zipfile_serialization=False),
    "safetensors": save_safetensors(WEIGHTS),
}


def refused(data, code=None):
    with pytest.raises(ModelFileError) as caught:
        load_model(data)
    assert str(caught.value)
    assert "\n" not in str(caught.value)
    if code is not None:
        assert caught.value.code == code
    return caught.value


@pytest.fixture(autouse=True)
def nothing_left_behind(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield
    assert not list(folder.iterdir())


class Command:
    """Runs a command when it is unpickled by anything that trusts it."""

    def __init__(self, path):
        self.command = f"echo > {path}"

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("zipped", [True, False])
def test_pickle_that_runs_a_command_is_refused_and_not_run(zipped, tmp_path):
    canary = tmp_path / "canary"
    data = saved({**WEIGHTS, "x": Command(canary)}, _use_new_zipfile_serialization=zipped)
    error = refused(data, "unsafe")
    assert error.fields["what"].endswith(".system")
    assert not canary.exists()


def test_trap_would_spring_for_a_reader_that_trusts_it(tmp_path):
    canary = tmp_path / "canary"
    pickle.loads(pickle.dumps(Command(canary)))
    assert canary.exists()


@pytest.mark.parametrize("protocol", range(2, 6))
def test_any_other_pickle_is_refused(protocol, tmp_path):
    canary = tmp_path / "canary"
    refused(pickle.dumps(Command(canary), protocol), "unsafe")
    assert not canary.exists()


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.filterwarnings("ignore")
def test_whole_module_is_refused_with_what_to_do_instead(zipped):
    error = refused(saved(MODULE, _use_new_zipfile_serialization=zipped), "unsafe")
    assert "torch.nn.modules.rnn.LSTM" in str(error)
    assert "torch.save(model.state_dict(), path)" in str(error)


@pytest.mark.filterwarnings("ignore")
def test_torchscript_is_refused_with_what_to_do_instead():
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(MODULE), file)
    assert "state_dict" in str(refused(file.getvalue(), "torchscript"))


@pytest.mark.parametrize("kind", GOOD)
def test_file_cut_off_anywhere_is_refused(kind):
    data = GOOD[kind]
    for length in [*range(0, 100, 7), *range(100, len(data) - 1, 97), len(data) - 1]:
        refused(data[:length])


@settings(max_examples=300)
@given(
    kind=st.sampled_from(list(GOOD)),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1),
)
def test_damaged_file_is_read_or_refused_and_never_breaks(kind, changes):
    data = bytearray(GOOD[kind])
    for place, byte in changes:
        data[int(place * len(data))] = byte
    try:
        file = load_model(bytes(data))
    except ModelFileError:
        return
    assert file.stacks


@given(st.binary(max_size=300))
def test_noise_is_refused(noise):
    refused(noise)


def repacked(data, change, compression=zipfile.ZIP_STORED):
    """An archive whose entries went through ``change(name, content)``; ``None`` leaves one out."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(file, "w", compression) as new,
    ):
        for info in old.infolist():
            content = change(info.filename, old.read(info))
            if content is not None:
                new.writestr(info.filename, content)
    return file.getvalue()


def test_archive_packed_again_is_read():
    """So that the refusals below are for what was changed."""
    data = repacked(GOOD["zip"], lambda _, content: content)
    assert torch.equal(load_model(data).stacks[0].module.weight_hh_l0, MODULE.weight_hh_l0)


def test_compressed_archive_is_refused():
    """Torch maps the numbers as they lie in the file, and would take compressed bytes for them."""
    refused(repacked(GOOD["zip"], lambda _, c: c, zipfile.ZIP_DEFLATED), "damaged")


def test_numbers_that_end_early_are_refused():
    """Torch would go on reading beyond them."""
    short = repacked(GOOD["zip"], lambda name, c: c[:8] if name.endswith("data/0") else c)
    assert "larger than their data" in str(refused(short, "damaged"))


def test_number_changed_by_accident_is_refused():
    data = bytearray(GOOD["zip"])
    place = data.find(MODULE.weight_hh_l0.detach().numpy().tobytes())
    data[place] ^= 1
    assert "checksum" in str(refused(bytes(data), "damaged"))


def test_archive_that_unfolds_takes_no_memory():
    bomb = repacked(
        GOOD["zip"],
        lambda name, c: bytes(2**28) if name.endswith("data.pkl") else c,
        zipfile.ZIP_DEFLATED,
    )
    assert len(bomb) < 2**20
    tracemalloc.start()
    refused(bomb, "damaged")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**24


def test_names_that_climb_out_of_the_archive_write_nothing(tmp_path):
    data = io.BytesIO(GOOD["zip"])
    with zipfile.ZipFile(data, "a") as archive:
        archive.writestr("../../escaped", b"x")
        archive.writestr("/tmp/escaped-from-model", b"x")
    refused(data.getvalue(), "damaged")
    assert not list(tmp_path.rglob("*escaped*"))
    assert not Path("/tmp/escaped-from-model").exists()


class Claim:
    """A tensor of two numbers that says that it has another shape."""

    def __init__(self, shape, stride):
        self.shape, self.stride = shape, stride

    def __reduce__(self):
        with torch.no_grad():
            storage = torch.zeros(2).storage()
        arguments = (storage, 0, self.shape, self.stride, False, OrderedDict())
        return torch._utils._rebuild_tensor_v2, arguments


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(("size", "stride"), [(10**5, (10**5, 1)), (4000, (0, 0))])
def test_tensor_that_claims_more_than_its_data_takes_no_memory(zipped, size, stride):
    claim = Claim((4 * size, size), stride)
    content = {"weight_hh_l0": claim, "weight_ih_l0": claim}
    data = saved(content, _use_new_zipfile_serialization=zipped)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(data)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**16  # KiB


def test_storage_that_old_files_do_not_fill_is_no_window_into_memory():
    """The list of storages that follow is emptied: their numbers would be left to chance."""
    (stack,) = load_model(without_numbers(GOOD["old"])).stacks
    assert all((weight == 0).all() for weight in stack.module.parameters())


@pytest.mark.filterwarnings("ignore")
def test_storage_that_grows_in_an_old_file_is_no_window_into_memory():
    content = {"weight_ih_l0": Claim((4, 1), (1, 1)), "weight_hh_l0": Claim((4, 1), (1, 1))}
    data = without_numbers(saved(content, _use_new_zipfile_serialization=False))
    assert "beyond its data" in str(refused(data, "damaged"))


def without_numbers(data):
    """An old file whose list of the storages that follow is empty."""
    file = io.BytesIO(data)
    for _ in range(4):  # magic number, version, system, the mapping
        list(pickletools.genops(file))
    return data[: file.tell()] + pickle.dumps([], 2) + bytes(2000)


def changed(**tensors):
    return saved({k: t for k, t in {**WEIGHTS, **tensors}.items() if t is not None})


@pytest.mark.parametrize(
    ("change", "code", "word"),
    [
        ({"weight_ih_l0": torch.zeros(15, 3)}, "shapes", "[16, 3]"),
        ({"weight_hh_l0": torch.zeros(17, 4)}, "shapes", "weight_hh"),
        ({"weight_hh_l0": torch.zeros(16)}, "shapes", "weight_hh"),
        ({"weight_hh_l0": torch.zeros(())}, "shapes", "weight_hh"),
        ({"weight_hh_l0": torch.zeros(0, 0)}, "shapes", "weight_hh"),
        ({"weight_ih_l0": torch.zeros(16, 0)}, "too-large", "input_size"),
        ({"bias_hh_l0": torch.zeros(16, 1)}, "shapes", "bias_hh_l0"),
        ({"bias_hh_l0": None}, "incomplete", "bias_hh_l0"),
        ({"weight_ih_l0": None}, "incomplete", "weight_ih_l0"),
        ({"weight_ih_l7": torch.zeros(16, 4)}, "incomplete", "bias_hh_l7"),
        ({"weight_ih_l99999999999": torch.zeros(16, 4)}, "incomplete", "weight_ih_l9999"),
        ({"weight_ih_l5000": torch.zeros(16, 4)}, "too-large", "num_layers"),
        ({"weight_hr_l0": torch.zeros(4, 4)}, "shapes", "weight_hr_l0"),
        ({"weight_hh_l0": torch.zeros(16, 4, dtype=torch.int8)}, "dtype", "int8"),
        ({"weight_hh_l0": torch.zeros(16, 4, dtype=torch.complex64)}, "dtype", "complex64"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_weights_that_do_not_fit_each_other_are_refused(change, code, word):
    assert word in str(refused(changed(**change), code))


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ({}, "no tensors"),
        ([1, 2], "list"),
        (torch.zeros(3), "tensor"),
        ({"conv.weight": torch.zeros(3, 3)}, "conv.weight"),
        ({"weight_hh_l0": "text"}, "no tensors"),
        ({1: torch.zeros(3)}, "no tensors"),
    ],
)
def test_file_without_a_recurrent_stack_says_what_it_holds(content, word):
    assert word in str(refused(saved(content), "no-stack"))


def test_mappings_that_hold_each_other_many_times_are_walked_once():
    content = dict(WEIGHTS)
    for _ in range(60):
        content = {"a": content, "b": content}
    assert refused(saved(content), "no-stack")  # deeper than any checkpoint
    deep = [{"a": {}}]
    for _ in range(60):
        deep.append({"a": deep[-1], "b": deep[-1]})
    assert load_model(saved({"x": deep[-1], "model": dict(WEIGHTS)})).stacks[0].cell == "lstm"


def test_mapping_that_holds_itself_is_read():
    content = {"model": dict(WEIGHTS)}
    content["self"] = content
    assert len(load_model(saved(content)).stacks) == 1


def test_names_break_no_line_and_command_no_terminal():
    name = "<img src=x onerror=alert(1)>\n\x1b[31m"
    weights = {f"{name}.{k}": t for k, t in WEIGHTS.items()}
    (stack,) = load_model(saved(weights)).stacks
    assert stack.name == "<img src=x onerror=alert(1)>\ufffd\ufffd[31m"
    assert "onerror" in str(refused(saved({f"{name}.weight": torch.ones(2)}), "no-stack"))


def test_long_names_do_not_fill_the_screen():
    weights = {f"{'x' * 10**5}.{k}": t for k, t in WEIGHTS.items() if k != "bias_hh_l0"}
    assert len(str(refused(saved(weights)))) < 1000


def test_too_many_stacks_are_refused():
    count = state_dicts.MOST_STACKS + 1
    weights = {f"{n}.{k}": t for n in range(count) for k, t in nn.RNN(1, 1).state_dict().items()}
    assert refused(saved(weights), "too-large").fields["what"] == "stacks"


def test_file_above_the_limit_is_not_opened(monkeypatch, tmp_path):
    path = tmp_path / "sparse.pt"
    with path.open("wb") as file:
        file.truncate(stacks.MAX_BYTES + 1)
    with pytest.raises(ModelFileError) as caught:
        load_model(path)
    assert caught.value.code == "too-large"
    for room in ("convert", "model_files.torch_files"):
        monkeypatch.setattr(f"lstm_core.{room}.MAX_BYTES", 100)
    assert refused(GOOD["zip"], "too-large").fields["limit"] == 100


def test_list_of_tensors_has_a_limit(monkeypatch):
    monkeypatch.setattr(torch_files, "MAX_PICKLE_BYTES", 10)
    refused(GOOD["zip"], "damaged")


def header(content, data=b""):
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return struct.pack("<Q", len(text)) + text + data


@pytest.mark.parametrize(
    "data",
    [
        header(b"{" * 10**5),
        header(b'{"a":' * 10**5),
        header(b"{}")[:8] + b"{",
        struct.pack("<Q", 2**40) + b"{}",
        header([1]),
        header({"weight_hh_l0": 3}),
        header({"weight_hh_l0": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}),
        header({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 8]}}, bytes(8)),
        header({"w": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}}, bytes(12)),
        header({"w": {"dtype": "X99", "shape": [2], "data_offsets": [0, 8]}}, bytes(8)),
        header({"__metadata__": {"a": 1}}),
    ],
)
def test_safetensors_that_lie_are_refused(data):
    refused(data)


@pytest.mark.parametrize(
    "told",
    [
        b'{"format": 3}',
        b"[" * 10**5,
        b'{"format": "lstm-gate-visualizer weights", "nonlinearities": [1]}',
        b'{"format": "lstm-gate-visualizer weights", "nonlinearities": {"": ["relu"]}}',
        b'{"format": "lstm-gate-visualizer weights", "nonlinearities": {"": "system"}}',
    ],
)
def test_our_own_words_in_a_foreign_file_are_not_believed(told):
    data = save_safetensors(nn.RNN(2, 3).state_dict(), metadata={"lstm_core": told.decode()})
    (stack,) = load_model(data).stacks
    assert stack.module.nonlinearity == "tanh"


def test_damaged_checkpoint_of_our_own_is_refused_as_a_model_file():
    path = Path(__file__).parents[1] / "lstm_core" / "zoo" / "recall-lstm.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    refused(bytes(data), "hash")


def test_reader_needs_no_framework_for_torchs_files(tmp_path):
    """Keras, ONNX and h5py are not imported where a file does not need them."""
    path = tmp_path / "model.pt"
    path.write_bytes(GOOD["zip"])
    code = (
        "import sys; from lstm_core.convert import load_model; "
        f"load_model({str(path)!r}); "
        "print([m for m in ('keras', 'onnx', 'h5py', 'pandas') if m in sys.modules])"
    )
    root = Path(__file__).parents[1]
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
