"""The card of a data file on the page "Your model": what is said of a file, and its fields."""

import io
import wave

import numpy as np
import pandas as pd
import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import nn

from lstm_core.data import DataOptions, read_data
from lstm_core.data_files.datafile import CHOICES
from lstm_core.data_files.left_out import ABOUT_A_COLUMN
from lstm_core.stacks import ModelFile, Stack
from tests.test_own_page import drop, errors, lstm, opened, payload, saved, source, words
from tests.test_payload import array
from viz.own import Own
from viz.own_data import Dropped, channels_of, left_out_of, sequences_for
from viz.quoting import quoted
from viz.text import LANGUAGES, TEXT, say


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch):
    monkeypatch.setenv("LSTM_DEVICE", "cpu")


def with_data(content: bytes, name: str, width: int = 3, **query: str) -> AppTest:
    page = drop(opened(**query), saved(lstm(input_size=width)))
    source(page).set_value("file").run()
    return drop(page, content, name, "own-data")


def read(page: AppTest) -> np.ndarray:
    """The numbers that the model on the stage reads."""
    header, floats = payload(page)
    return array(floats, header["values"])


def sound(seconds: float = 0.5, rate: int = 8000) -> bytes:
    samples = np.sin(np.arange(int(rate * seconds)) ** 1.5) * 9000
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())
    return out.getvalue()


def parquet(**columns) -> bytes:
    out = io.BytesIO()
    pd.DataFrame(columns).to_parquet(out, index=False)
    return out.getvalue()


# ---- What is not read


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_columns_that_are_not_read_are_named_at_once_with_the_reason(language):
    lines = ["time,a,note,b,gone,c", *(f"{k},{k % 5},x,{k % 3},,1.5" for k in range(20))]
    page = with_data("\n".join(lines).encode(), "t.csv", lang=language)
    assert errors(page) == []
    told = words(page)
    for column, code in (("time", "clock"), ("note", "text"), ("gone", "empty")):
        why = say(f"own.not-read.{code}-column", language)
        assert say("own.not-read.one", language, column=quoted(column), why=why) in told
    fields = {"column": quoted("note"), "cell": quoted("x"), "row": 1}
    assert say("data.remark.text-column", language, **fields) in told


def test_column_that_is_chosen_is_no_longer_told_as_not_read():
    lines = ["time,a,b,c", *(f"{k},1,{k % 3},2" for k in range(9))]
    page = with_data("\n".join(lines).encode(), "t.csv")
    page.multiselect(key="own-option-channels").set_value(["time", "c", "b"]).run()
    assert errors(page) == []
    (line,) = [line for line in words(page).splitlines() if line.startswith("Not read: ")]
    assert line == f"Not read: {quoted('a')} (not chosen)"


def test_all_columns_are_told_as_read_where_the_model_reads_them_all():
    lines = ["time,a,b", *(f"{k},1,{k % 3}" for k in range(9))]
    page = with_data("\n".join(lines).encode(), "t.csv")
    assert errors(page) == []
    names = ", ".join(map(quoted, ("time", "a", "b")))
    assert f"read at each step: {names}" in words(page)
    assert "Not read" not in words(page)
    assert page.multiselect(key="own-option-channels").value == ["time", "a", "b"]


def test_many_columns_that_are_not_read_are_counted():
    names = [f"n{k}" for k in range(30)]
    lines = [",".join(["a", *names]), ",".join(["1", *"x" * 30]), ",".join(["2", *"x" * 30])]
    told = words(with_data("\n".join(lines).encode(), "t.csv", 1))
    assert say("own.not-read.more", "en", count="22") in told
    assert all(quoted(name) in told for name in names)  # the rest under "How it was read"


@pytest.mark.parametrize("code", [*ABOUT_A_COLUMN, "group-column", "not-chosen"])
def test_every_reason_has_its_words(code):
    assert set(TEXT[f"own.not-read.{code}"]) == set(LANGUAGES)


def test_name_of_a_column_is_text():
    told = words(with_data(b"<b>x</b>,a\ny,1\nz,2\n", "t.csv", 1))
    assert quoted("<b>x</b>") in told


# ---- Numbers with signs


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_thousands_signs_are_shown_for_confirmation(language):
    page = with_data(b"a;b\n1.013,5;1\n2.000,25;2\n", "t.csv", 2, lang=language)
    assert read(page).tolist() == [[1013.5, 1], [2000.25, 2]]
    label = say("own.option.thousands", language)
    assert f"{label}: {say('own.option.thousands.point', language)}" in words(page)
    fields = {"column": quoted("a"), "cell": quoted("1.013,5"), "row": 1, "value": quoted("1013.5")}
    assert say("data.remark.thousands", language, **fields) in words(page)


def test_thousands_sign_can_be_changed():
    page = with_data(b"a;b\n1,250;2\n3,500;5\n", "t.csv", 2)
    assert read(page).tolist() == [[1.25, 2], [3.5, 5]]
    page.selectbox(key="own-option-decimal").set_value(".").run()
    words_of = [say(f"own.option.thousands.{sign}", "en") for sign in ("nothing", "comma")]
    others = [say(f"own.option.thousands.{sign}", "en") for sign in ("apostrophe", "space")]
    # A point cannot be both.
    assert page.selectbox(key="own-option-thousands").options == [*words_of, *others]
    assert read(page).tolist() == [[1250, 2], [3500, 5]]
    page.selectbox(key="own-option-thousands").set_value("").run()
    (told,) = errors(page)
    assert quoted("b") in told


def test_decimal_commas_of_a_lone_column_are_read_and_can_be_taken_back():
    page = with_data(b"1,5\n2,7\n4,25\n9,5\n", "t.csv", 1)
    assert errors(page) == []
    np.testing.assert_array_equal(read(page), np.float32([[1.5], [2.7], [4.25], [9.5]]))
    assert say("data.remark.comma-doubt.one", "en") in words(page)
    page.selectbox(key="own-option-delimiter").set_value(",").run()
    (told,) = errors(page)
    assert "reads 1 number a step" in told


def test_another_model_reads_the_same_file_its_own_way():
    page = with_data(b"1,5\n2,7\n4,25\n9,5\n", "t.csv", 1)
    assert read(page).shape == (4, 1)
    page = drop(page, saved(lstm(input_size=2)))
    source(page).set_value("file").run()
    assert errors(page) == []
    assert read(page).tolist() == [[1, 5], [2, 7], [4, 25], [9, 5]]


# ---- Sound


def test_sound_has_as_many_bands_as_the_model_reads():
    page = with_data(sound(), "word.wav", 5)
    assert errors(page) == []
    expected = read_data(sound(), options=DataOptions(bands=5)).rows
    np.testing.assert_allclose(read(page), expected, rtol=1e-5)
    told = words(page)
    for name, value in (("frame_ms", "25"), ("hop_ms", "10"), ("bands", "5")):
        assert f"{say(f'own.option.{name}', 'en')}: {value}" in told


def test_frames_of_sound_can_be_changed():
    page = with_data(sound(), "word.wav")
    page.number_input(key="own-option-frame_ms").set_value(32.0).run()
    page.number_input(key="own-option-hop_ms").set_value(16.0).run()
    assert errors(page) == []
    options = DataOptions(frame_ms=32, hop_ms=16, bands=3)
    expected = read_data(sound(), options=options).rows
    assert expected.shape == (30, 3)
    np.testing.assert_allclose(read(page), expected, rtol=1e-5)
    page.number_input(key="own-option-bands").set_value(4).run()
    (told,) = errors(page)
    assert "columns chosen: 4" in told


def test_frames_that_cannot_be_computed_give_one_sentence_and_change_nothing():
    page = with_data(sound(), "word.wav")
    before = read(page)
    page.number_input(key="own-option-frame_ms").set_value(1.0).run()
    (told,) = errors(page)
    assert "16 to 65,536 samples" in told
    np.testing.assert_array_equal(read(page), before)
    assert page.number_input(key="own-option-frame_ms").value == 25


def test_bounds_of_the_fields_are_those_of_the_data():
    page = with_data(sound(), "word.wav")
    bands = page.number_input(key="own-option-bands")
    assert (bands.min, bands.max) == (1, 512)
    assert page.number_input(key="own-option-hop_ms").min == 1


# ---- Parquet


def test_parquet_is_read_and_what_is_not_is_named():
    rng = np.random.default_rng(0)
    columns = {name: rng.standard_normal(25) for name in "abc"}
    page = with_data(parquet(site=["north"] * 25, **columns), "plant.parquet")
    assert errors(page) == []
    np.testing.assert_allclose(read(page), np.stack([*columns.values()], 1), rtol=1e-6)
    assert f"Not read: {quoted('site')} (text)" in words(page)


# ---- NPZ


def test_array_of_a_file_can_be_chosen():
    first, second = np.arange(6.0).reshape(2, 3), np.arange(24.0).reshape(2, 4, 3)
    out = io.BytesIO()
    np.savez(out, **{"x": first, "<b>": second})
    page = with_data(out.getvalue(), "t.npz")
    assert read(page).tolist() == first.tolist()
    assert f"array: {quoted('x')}" in words(page)
    page.selectbox(key="own-option-axes").set_value("channel time").run()
    (told,) = errors(page)
    assert "the file has 2 channels" in told
    choice = page.selectbox(key="own-option-array")
    assert choice.options == ["<b>", "x"]
    choice.set_value("<b>").run()
    assert errors(page) == []
    assert read(page).tolist() == second[0].tolist()
    assert f"array: {quoted('<b>')}" in words(page)
    page.selectbox(key="own-option-array").set_value("x").run()
    assert read(page).tolist() == first.tolist()


def test_file_of_one_array_offers_no_choice():
    out = io.BytesIO()
    np.savez(out, x=np.ones((4, 3)))
    page = with_data(out.getvalue(), "t.npz")
    assert errors(page) == []
    assert "own-option-array" not in [box.key for box in page.selectbox]


# ---- Without a page


def own_of(width: int) -> Own:
    torch.manual_seed(0)
    stack = Stack(name="", cell="gru", module=nn.GRU(width, 2), gate_order="r z n")
    return Own.of("m.pt", "digest", ModelFile(kind="torch", stacks=(stack,)))


def test_file_is_read_again_only_where_the_width_matters(monkeypatch):
    certain = Dropped.of("t.csv", b"a;b\n1,5;2\n", 1)
    other = certain.for_width(2)
    assert other.data is certain.data
    assert other.width == 2
    assert other.for_width(2) is other
    doubtful = Dropped.of("t.csv", b"1,5\n2,7\n", 1)
    assert doubtful.for_width(2).data.rows.shape == (2, 2)
    chosen = doubtful.again(DataOptions(decimal=","), "none")
    assert chosen.for_width(2).data.rows.shape == (2, 1)
    heard = Dropped.of("w.wav", sound(), 4)
    assert heard.for_width(6).data.rows.shape[1] == 6
    kept = heard.again(DataOptions(bands=9), "none")
    assert kept.for_width(6).data.rows.shape[1] == 9
    assert heard.for_width(None).data.rows.shape[1] == 40


def test_column_that_names_the_sequences_is_not_read():
    loaded = own_of(2)
    dropped = Dropped.of("t.csv", b"machine,a,b\n7,1,2\n7,3,4\n8,5,6\n", 2)
    dropped = dropped.again(DataOptions(group="machine"), "none")
    assert channels_of(loaded, dropped) == ("a", "b")
    assert [r.code for r in left_out_of(loaded, dropped)] == ["group-column"]
    assert [one.values.tolist() for one in sequences_for(loaded, dropped)] == [
        [[1, 2], [3, 4]],
        [[5, 6]],
    ]


def test_every_choice_of_the_page_has_its_words():
    for sign in CHOICES["thousands"]:
        word = {"": "nothing", ",": "comma", ".": "point", "'": "apostrophe", " ": "space"}[sign]
        assert f"own.option.thousands.{word}" in TEXT
