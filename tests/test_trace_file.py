"""A trace saved and loaded, and files that are damaged, foreign or hostile."""

import contextlib
import io
import json
import os
import struct
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lstm_core import ModelConfig, SequenceModel, Trace, npz, trace
from lstm_core.tasks import TASKS

MODULES = {
    "lstm": nn.LSTM(3, 4),
    "projected": nn.LSTM(3, 4, 2, bidirectional=True, proj_size=2, dtype=torch.float64),
    "gru": nn.GRU(3, 4, bias=False, bidirectional=True),
    "relu": nn.RNN(3, 4, 3, nonlinearity="relu"),
}
INPUTS = np.random.default_rng(0).normal(size=(6, 3))


EXPECTED = trace(MODULES["projected"], INPUTS)


def text_model():
    config = ModelConfig(cell="gru", input_size=10, hidden_size=4, output_size=8)
    return SequenceModel(config, TASKS["recall"].vocabulary)


def assert_same(found, expected):
    for name in ("cell", "tokens", "input_names", "residual", "device", "dtype"):
        np.testing.assert_equal(getattr(found, name), getattr(expected, name), name)
    assert (found.outputs is None) == (expected.outputs is None)
    if expected.outputs is not None:
        np.testing.assert_array_equal(found.outputs, expected.outputs)
    for one, other in zip(found.layers, expected.layers, strict=True):
        for name in ("cell", "layer", "direction", "nonlinearity", "residual", "hidden_size"):
            np.testing.assert_equal(getattr(one, name), getattr(other, name), name)
        np.testing.assert_array_equal(one.inputs, other.inputs)
        np.testing.assert_array_equal(one.h_0, other.h_0)
        assert (one.c_0 is None) == (other.c_0 is None)
        if other.c_0 is not None:
            np.testing.assert_array_equal(one.c_0, other.c_0)
        for mapping in ("signals", "weights"):
            arrays = getattr(one, mapping)
            assert list(arrays) == list(getattr(other, mapping))
            for key, values in getattr(other, mapping).items():
                np.testing.assert_array_equal(arrays[key], values)
                assert arrays[key].dtype == values.dtype
                assert not arrays[key].flags.writeable


@pytest.mark.parametrize("name", MODULES)
def test_a_saved_trace_loads_as_it_was(name, tmp_path):
    tr = trace(MODULES[name], INPUTS, h_0=None)
    tr.save(tmp_path / "t.npz")
    loaded = Trace.load(str(tmp_path / "t.npz"))
    assert_same(loaded, tr)
    gate = {"lstm": "z_f", "gru": "z_r", "rnn": "z_h"}[tr.cell]
    np.testing.assert_array_equal(loaded[gate], tr[gate])
    assert repr(loaded) == repr(tr)


def test_tokens_outputs_and_names_are_kept(tmp_path):
    tr = trace(text_model(), "AB!CD?")
    tr.save(tmp_path / "t.npz")
    assert_same(Trace.load(tmp_path / "t.npz"), tr)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_kept(bad, tmp_path):
    tr = trace(MODULES["relu"], np.full((3, 3), bad))
    tr.save(tmp_path / "t.npz")
    assert_same(Trace.load(tmp_path / "t.npz"), tr)


def test_any_unicode_token_is_kept(tmp_path):
    tr = trace(text_model(), "AB")
    odd = Trace(**{**vars(tr), "tokens": ("é 中\n", "\ud800")})
    odd.save(tmp_path / "t.npz")
    assert Trace.load(tmp_path / "t.npz").tokens == odd.tokens


def test_numpy_reads_the_file_without_pickle(tmp_path):
    tr = trace(MODULES["gru"], INPUTS)
    tr.save(tmp_path / "t.npz")
    with np.load(tmp_path / "t.npz", allow_pickle=False) as file:
        np.testing.assert_array_equal(file["l0/r"], tr["r"])
        np.testing.assert_array_equal(file["l0_reverse/h"], tr.select("h", 0, 1))
        header = json.loads(file["header"].tobytes())
    assert (header["format"], header["version"], header["cell"]) == ("lstm-trace", 1, "gru")


def test_the_name_is_kept_as_given_and_the_file_is_as_readable_as_others(tmp_path):
    trace(MODULES["lstm"], INPUTS).save(tmp_path / "noending")
    (tmp_path / "other").touch()
    assert sorted(os.listdir(tmp_path)) == ["noending", "other"]
    assert (tmp_path / "noending").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "t.npz"
    trace(MODULES["lstm"], INPUTS).save(path)
    before = path.read_bytes()

    def fail(file, **arrays):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(OSError, match="disk full"):
        trace(MODULES["gru"], INPUTS).save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["t.npz"]


def test_a_header_too_long_to_be_read_back_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(npz, "MAX_HEADER", 20)
    with pytest.raises(ValueError, match="at most 20 can be read back"):
        trace(MODULES["lstm"], INPUTS).save(tmp_path / "t.npz")
    assert os.listdir(tmp_path) == []


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "t.npz"
    EXPECTED.save(path)
    return path.read_bytes()


def rewritten(data, tmp_path, change, compression=zipfile.ZIP_STORED):
    """The file with `change(members)` applied to its entries, bytes by name."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    change(members)
    path = tmp_path / "t.npz"
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def npy(array):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array), allow_pickle=True)
    return stream.getvalue()


def with_header(**changes):
    def change(members):
        array = np.load(io.BytesIO(members["header.npy"]))
        header = json.loads(array.tobytes()) | changes
        header = {key: value for key, value in header.items() if value is not ...}
        text = json.dumps(header).encode()
        members["header.npy"] = npy(np.frombuffer(text, dtype=np.uint8))

    return change


def refused(path, words):
    with pytest.raises(ValueError, match=words) as caught:
        Trace.load(path)
    message = str(caught.value)
    assert message.startswith(path.name)
    assert "\n" not in message


def test_rewriting_without_a_change_is_still_a_trace(whole, tmp_path):
    assert Trace.load(rewritten(whole, tmp_path, lambda members: None))["f"].shape == (6, 4)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": "lstm-checkpoint"}, "it is 'lstm-checkpoint', not a trace"),
        ({"format": ...}, "it is None, not a trace"),
        ({"version": 2}, "it is of version 2; this program reads 1"),
        ({"version": "1"}, "it is of version '1'"),
        ({"cell": "transformer"}, "cell = 'transformer'"),
        ({"cell": ["lstm"]}, "no usable 'cell'"),
        ({"cell": "gru"}, "l0/weight_hh|lacks|unknown"),
        ({"num_layers": 3}, "lacks l2"),
        ({"num_layers": 1}, "holds the unknown l1"),
        ({"num_layers": 10**9}, "num_layers = 1000000000"),
        ({"num_layers": 0}, "num_layers = 0"),
        ({"num_layers": True}, "no usable 'num_layers'"),
        ({"num_layers": 2.0}, "no usable 'num_layers'"),
        ({"num_directions": 1}, "holds the unknown l0_reverse"),
        ({"num_directions": 3}, "num_directions = 3"),
        ({"dtype": "float32"}, "is float64, but the header says float32"),
        ({"dtype": "object"}, "dtype = 'object'"),
        ({"nonlinearity": ...}, "no usable 'nonlinearity'"),
        ({"device": 7}, "no usable 'device'"),
        ({"tokens": ["a"]}, "it has 1 tokens, but 6 fit the rest"),
        ({"tokens": "abcdef"}, "'tokens' is no list of text"),
        ({"tokens": [1, 2, 3, 4, 5, 6]}, "'tokens' is no list of text"),
        ({"input_names": ["a", "b"]}, "it has 2 input_names, but 3 fit the rest"),
    ],
)
def test_headers_that_do_not_fit(whole, tmp_path, changes, words):
    refused(rewritten(whole, tmp_path, with_header(**changes)), words)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (npy(np.frombuffer(b"[1, 2]", dtype=np.uint8)), "header is list, not an object"),
        (npy(np.frombuffer(b"{not json", dtype=np.uint8)), "header is no JSON"),
        (npy(np.frombuffer(b"\xff\xfe\xfd", dtype=np.uint8)), "header is no JSON"),
        (npy(np.frombuffer(b"[" * 100_000, dtype=np.uint8)), "header is no JSON"),
        (npy(np.zeros(0, dtype=np.uint8)), "header is no JSON"),
        (b"", "'header' cannot be read"),
    ],
)
def test_headers_that_are_none(whole, tmp_path, content, words):
    change = {"header.npy": content}
    refused(rewritten(whole, tmp_path, lambda members: members.update(change)), words)


def test_a_header_longer_than_allowed_is_not_read(whole, tmp_path, monkeypatch):
    path = rewritten(whole, tmp_path, lambda members: None)
    monkeypatch.setattr(npz, "MAX_HEADER", 100)
    monkeypatch.setattr(npz, "_array", None)  # nothing may be read any more
    refused(path, "its header is longer than 100 bytes")


def forged(shape, descr="<f8", order=False, data=b""):
    """An NPY array that says of itself what it likes."""
    words = f"{{'descr': {descr!r}, 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    words += b" " * (-(len(words) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(words)) + words + data


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (npy(np.zeros((6, 5))), r"l0/f has shape \(6, 5\), but \(6, 4\) fits the rest"),
        (npy(np.zeros((5, 4))), r"l0/f has shape \(5, 4\)"),
        (npy(np.zeros((6, 4), dtype=np.float32)), "l0/f is float32"),
        (npy(np.zeros((6, 4), dtype=">f8")), "of a kind that a trace never holds"),
        (npy(np.zeros((6, 4), dtype=np.int64)), "of a kind that a trace never holds"),
        (npy(np.asfortranarray(np.zeros((6, 4)))), "of a kind that a trace never holds"),
        (npy(np.array([None, {}], dtype=object)), "of a kind that a trace never holds: object"),
        (npy(np.zeros((6, 4)))[:-1], "but holds 191 bytes"),
        (npy(np.zeros((6, 4))) + b"\0", "but holds 193 bytes"),
        (npy(np.zeros((6, 4)))[:20], "'l0/f' cannot be read"),
        (b"\x93NUMPY\x02\x00" + bytes(100), "another version"),
        (b"PK not an array", "'l0/f' cannot be read"),
        (forged("(1000000000000, 4)"), "but holds 0 bytes"),
        (forged("(-6, -4)", data=bytes(192)), "but holds 192 bytes"),
        (forged("(True, 4)", data=bytes(32)), r"says \(True, 4\)"),
        (forged("6", data=bytes(48)), "cannot be read"),
        (forged("(" * 4000 + ")" * 4000), "cannot be read"),
        (forged("(6, 4)", descr="|O", data=bytes(192)), "of a kind that a trace never holds"),
        (forged("(6, 4)", descr="nonsense", data=bytes(192)), "cannot be read"),
        (forged("__import__('os')", data=bytes(192)), "cannot be read"),
    ],
)
def test_arrays_that_do_not_fit(whole, tmp_path, content, words):
    change = {"l0/f.npy": content}
    refused(rewritten(whole, tmp_path, lambda members: members.update(change)), words)


@pytest.mark.parametrize("name", ["residuals", "l0/inputs", "l1_reverse/weight_hr", "l0/c_0"])
def test_a_missing_array(whole, tmp_path, name):
    def drop(members):
        del members[f"{name}.npy"]

    refused(rewritten(whole, tmp_path, drop), f"lacks {name}|no usable {name}")


def test_an_array_too_many(whole, tmp_path):
    change = {"l7/f.npy": npy(np.zeros(3))}
    path = rewritten(whole, tmp_path, lambda members: members.update(change))
    refused(path, "holds the unknown l7/f")


def test_a_trace_without_steps(whole, tmp_path):
    change = {"l0/inputs.npy": npy(np.zeros((0, 3)))}
    refused(rewritten(whole, tmp_path, lambda members: members.update(change)), "no usable l0/inp")


def test_compressed_arrays_are_not_unfolded(whole, tmp_path):
    bomb = {"l0/f.npy": npy(np.zeros(10**6))}
    path = rewritten(whole, tmp_path, lambda m: m.update(bomb), zipfile.ZIP_DEFLATED)
    refused(path, "the arrays are compressed")


def test_entries_that_share_their_bytes_are_not_unfolded(tmp_path, whole):
    """Many entries that point at the same bytes would unfold into more than the file."""
    path = tmp_path / "t.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.npy", bytes(10_000))
        first = archive.infolist()[0]
        for number in range(50):
            entry = zipfile.ZipInfo(f"a{number}.npy")
            for name in ("CRC", "file_size", "compress_size", "header_offset"):
                setattr(entry, name, getattr(first, name))
            archive.filelist.append(entry)
        archive._didModify = True
    refused(path, "the arrays claim to be larger than the file")


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")  # the test's own doing
def test_two_arrays_of_one_name(whole, tmp_path):
    path = rewritten(whole, tmp_path, lambda members: None)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("l0/f.npy", npy(np.zeros((6, 4))))
    refused(path, "two arrays have the same name")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "damaged or no NPZ file"),
        (b"hello", "damaged or no NPZ file"),
        (b"PK\x05\x06" + bytes(18), "it has no 'header'"),
        (npy(np.zeros(3)), "damaged or no NPZ file"),
    ],
)
def test_files_of_another_kind(tmp_path, content, words):
    path = tmp_path / "t.npz"
    path.write_bytes(content)
    refused(path, words)


def test_npz_files_of_others(tmp_path):
    np.savez(tmp_path / "t.npz", weights=np.zeros(3))
    refused(tmp_path / "t.npz", "it has no 'header', so it is not a trace")
    np.savez(tmp_path / "t.npz", header=np.zeros(3))
    refused(tmp_path / "t.npz", "header")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        Trace.load(tmp_path / "none.npz")


def test_a_file_cut_off_anywhere_is_refused(whole, tmp_path):
    path = tmp_path / "t.npz"
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        refused(path, "damaged or no NPZ file")


def test_an_entry_that_starts_before_the_file_does(whole, tmp_path):
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        directory = archive.start_dir
    end = whole.rindex(b"PK\x05\x06")
    path = tmp_path / "t.npz"
    # The directory claims to start later than it does, so all entries move to before the file.
    path.write_bytes(
        whole[: end + 16] + struct.pack("<I", directory + len(whole)) + whole[end + 20 :]
    )
    refused(path, "damaged or no NPZ file")


@settings(max_examples=150)
@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1))
def test_a_damaged_file_is_refused_or_means_the_same(whole, tmp_path_factory, changes):
    """Bits that nobody reads, such as a date, may flip; whatever loads has the same numbers."""
    data = bytearray(whole)
    for place, flip in changes:
        data[int(place * len(data))] ^= flip
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    path.write_bytes(data)
    with contextlib.suppress(ValueError):
        assert_same(Trace.load(path), EXPECTED)
