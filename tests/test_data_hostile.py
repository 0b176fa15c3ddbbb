"""Data files made to harm: each is refused by a sentence, nothing runs, memory is not taken."""

import contextlib
import io
import json
import pickle
import random
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_core.data import DataError, DataFile, DataOptions, read_data, sequences
from lstm_core.data_files import datafile

SECRET = "canary"


class Bomb:
    """An object whose pickle writes a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def npy(array, **options) -> bytes:
    out = io.BytesIO()
    np.save(out, array, **options)
    return out.getvalue()


def npy_that_says(shape: object, body: bytes = b"\0" * 64, kind: str = "<f8") -> bytes:
    text = f"{{'descr': {kind!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body


def archive(entries: dict[str, bytes], method=zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return out.getvalue()


def parquet(frame: pd.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.to_parquet(out, index=False)
    return out.getvalue()


def refused(content: bytes, name: str = "", **options) -> DataError:
    with pytest.raises(DataError) as caught:
        sequences(read_data(content, name=name, options=DataOptions(**options)))
    return caught.value


def read_if_it_can_be(content: bytes, name: str) -> DataFile | None:
    """What was read, or nothing where the file was refused by a sentence."""
    with contextlib.suppress(DataError):
        return read_data(content, name=name)
    return None


def peak_of(call) -> int:
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# ---- Nothing runs


def test_pickled_array_is_refused_and_nothing_runs(tmp_path):
    canary = tmp_path / SECRET
    content = npy(np.array([Bomb(canary)], dtype=object), allow_pickle=True)
    assert refused(content).code == "array-kind"
    assert refused(archive({"a.npy": content})).code == "no-numbers"
    assert refused(pickle.dumps(Bomb(canary))).code == "other-kind"
    assert not canary.exists()


@pytest.mark.parametrize("name", ["../../etc/x.npy", "/etc/x.npy", "C:\\x.npy", "a/../../b.npy"])
def test_path_in_an_archive_is_but_a_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = read_data(archive({name: npy(np.arange(3.0)), "b.npy": npy(np.ones(3))}))
    assert data.columns == (zipfile.ZipInfo(name).filename.removesuffix(".npy"), "b")
    assert not list(tmp_path.iterdir())


# ---- Memory is not taken


@pytest.mark.parametrize(
    "shape",
    ["(10**9,)", "(1000000000,)", "(99999999, 99999999)", "(-1,)", "(-8, -1)", "(True,)", "(8.0,)",
     "((8,),)", "8", "None", "[8]", "(8,", "()" * 4000],
)  # fmt: skip
def test_shape_that_the_file_does_not_hold_is_refused(shape):
    def attempt():
        assert refused(npy_that_says(shape)).code == "damaged"

    assert peak_of(attempt) < 5 * 2**20


def test_array_of_zeros_packed_small_is_refused_before_it_unfolds():
    header = npy_that_says((200_000_000,), b"")
    content = archive({"a.npy": header + b"\0" * 8 * 20_000_000})
    assert len(content) < 2**20

    def attempt():
        assert refused(content).code == "damaged"

    assert peak_of(attempt) < 10 * 2**20
    honest = archive({"a.npy": npy_that_says((20_000_001,), b"\0" * 20_000_001, "|u1")})

    def limited():
        assert refused(honest).code == "too-many-rows"

    assert peak_of(limited) < 10 * 2**20


def test_many_arrays_that_are_small_one_by_one_are_refused_together():
    one = npy(np.zeros((100_000, 50), dtype="u1"))
    content = archive({f"a{number}.npy": one for number in range(9)})
    assert len(content) < 2**20

    def attempt():
        assert refused(content).code in ("too-many-rows", "too-many-cells")

    assert peak_of(attempt) < 10 * 2**20


def test_archive_of_very_many_entries_is_refused():
    content = archive({f"{number}.npy": b"" for number in range(2_000)})
    assert refused(content).code == "damaged"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_archive_packed_in_an_unusual_way_is_refused(method):
    assert refused(archive({"a.npy": npy(np.ones(9))}, method)).code == "damaged"


def test_json_of_very_many_lists_is_refused_before_it_is_parsed():
    content = b"[" + b"[]," * 1_100_000 + b"[]]"

    def attempt():
        assert refused(content).code == "too-many-cells"

    assert peak_of(attempt) < 30 * 2**20


def test_integer_of_very_many_digits_takes_no_time_and_is_infinite():
    assert refused(b"[" + b"9" * 2_000_000 + b",1]").code == "infinite-value"
    assert read_data(b"a,b\n" + b"9" * 100_000 + b",1\n").rows[0, 0] == np.inf


def test_table_of_very_many_columns_is_refused():
    assert refused(b"1," * 5_000 + b"1\n" + b"1," * 5_000 + b"2\n").code == "too-many-columns"


def test_table_of_very_many_rows_is_refused():
    assert refused(b"1,2\n" * (datafile.MAX_ROWS + 1)).code == "too-many-rows"


def test_line_of_100_megabytes_is_refused():
    content = b"1," * (50 * 10**6)

    def attempt():
        assert refused(content).code == "too-large"

    assert peak_of(attempt) < 2**20


def test_file_without_an_end_is_refused():
    with pytest.raises(DataError) as caught:
        read_data("/dev/zero")
    assert caught.value.code == "too-large"


def test_parquet_of_very_many_numbers_is_refused_by_what_it_says():
    frame = pd.DataFrame(np.zeros((300_000, 70), dtype="f4"))
    frame.columns = [f"c{n}" for n in frame.columns]
    content = parquet(frame)
    assert len(content) < 2**20
    assert refused(content).code == "too-many-cells"


def test_long_text_that_many_parquet_rows_share_is_in_memory_once():
    note = pa.DictionaryArray.from_arrays(np.zeros(20_000, dtype="i4"), ["x" * 100_000])
    out = io.BytesIO()
    pq.write_table(pa.table({"note": note, "v": np.arange(20_000.0)}), out, store_schema=False)
    content = out.getvalue()

    def attempt():
        assert read_data(content).labels["note"][-1] == "x" * 100_000

    assert peak_of(attempt) < 50 * 2**20


# ---- Damaged, foreign and empty files


def test_parquet_whose_text_is_no_text_is_refused():
    wrong = pa.array([b"\x83\xff"], pa.binary()).buffers()
    note = pa.StringArray.from_buffers(1, *wrong[1:])
    out = io.BytesIO()
    pq.write_table(pa.table({"note": note, "v": [1.0]}), out)
    assert refused(out.getvalue()).code == "damaged"


@pytest.mark.parametrize("content", [b"", b" \n\n ", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
@pytest.mark.parametrize("name", ["", "x.csv", "x.json"])
def test_empty_file_is_refused(content, name):
    assert refused(content, name).code == "empty"


@pytest.mark.parametrize("name", ["", "x.csv", "x.txt", "x.json"])
def test_binary_noise_is_refused(name):
    content = random.Random(0).randbytes(5_000)
    assert refused(content, name).code in ("binary", "wrong-encoding")


def test_nul_bytes_in_a_table_are_refused():
    assert refused(b"a,b\n1,\x002\n", "x.csv").code in ("binary", "wrong-encoding")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 99, "HDF5"),
        (b"\x1f\x8b\x08" + b"\0" * 99, "gzip"),
        (b"%PDF-1.7", "PDF"),
        (archive({"xl/workbook.xml": b""}), "XLSX"),
        (archive({"model/data.pkl": b""}), "model"),
        (archive({"readme": b""}), "ZIP"),
    ],
)
def test_file_of_another_kind_is_named(content, what):
    error = refused(content)
    assert (error.code, error.fields["what"]) == ("other-kind", what)


@pytest.mark.parametrize("text", ["[" * 100_000, "[" * 500 + "]" * 500, '{"a":' * 100_000])
def test_deep_json_is_refused(text):
    assert refused(text.encode(), "x.json").code in ("damaged", "json-shape")


@pytest.mark.parametrize(
    "text", ["[1, 2", "[1,]", "{'a': 1}", '{"a": 1, "a": 2}', "[1] [2]", '{"a": [1], "a": [2]}']
)
def test_json_that_is_none_is_refused(text):
    assert refused(text.encode(), "x.json").code == "damaged"


def test_infinity_in_json_is_refused_with_its_row():
    error = refused(b"[1, -Infinity]")
    assert (error.code, error.fields["row"]) == ("infinite-value", 2)


def whole() -> dict[str, bytes]:
    frame = pd.DataFrame({"a": np.arange(200.0), "b": ["x", "y"] * 100})
    return {
        "npy": npy(np.arange(200.0).reshape(50, 4)),
        "npz": archive({"a.npy": npy(np.arange(200.0)), "b.npy": npy(np.ones(200))}),
        "stored.npz": archive({"a.npy": npy(np.arange(200.0))}, zipfile.ZIP_STORED),
        "json": json.dumps({"a": list(range(99)), "b": list(range(99))}).encode(),
        "csv": frame.to_csv().encode(),
        "parquet": parquet(frame),
    }


@pytest.mark.parametrize("kind", ["npy", "npz", "stored.npz", "json", "parquet"])
def test_file_cut_off_anywhere_is_refused(kind):
    content = whole()[kind]
    for size in range(1, len(content), max(len(content) // 60, 1)):
        assert refused(content[:size], f"x.{kind}").code in ("damaged", "binary", "wrong-encoding")


@pytest.mark.parametrize("kind", whole())
def test_file_with_wrong_bytes_is_read_or_refused_but_never_fails(kind):
    content, dice = whole()[kind], random.Random(1)
    for _ in range(150):
        changed = bytearray(content)
        for _ in range(dice.choice([1, 3, 20])):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
        data = read_if_it_can_be(bytes(changed), f"x.{kind}")
        assert data is None or data.texts or data.rows.shape[1] == len(data.columns)


@settings(max_examples=150)
@given(st.binary(max_size=300), st.sampled_from(["", "x.csv", "x.json", "x.tsv", "x.txt"]))
def test_any_bytes_are_read_or_refused(content, name):
    data = read_if_it_can_be(content, name)
    assert data is None or len(data.preview(5)) <= 5


@settings(max_examples=200)
@given(
    st.text(st.sampled_from('01.,;|\t\n "#ab-e'), max_size=60),
    st.sampled_from(["x.csv", "", "x.json"]),
)
def test_any_small_table_is_read_or_refused(text, name):
    data = read_if_it_can_be(text.encode(), name)
    if data is not None and data.guess.channels and len(data.rows):
        found = sequences(data, DataOptions(fill="zero", group=""))
        assert len(found) == 1
