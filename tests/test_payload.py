"""The stage's payload read back: every array is the trace's, every word is computed from it."""

import json
import struct
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from lstm_core.model import ModelConfig, SequenceModel
from lstm_core.signals import SIGNALS
from lstm_core.tasks import TASKS
from lstm_core.trace import trace
from viz import payload, style
from viz.state import ViewState
from viz.story import glyph, probabilities, tell


def decode(data: bytes) -> tuple[dict, np.ndarray]:
    """The header and the floats, read as viz/stage/payload.js reads them."""
    (length,) = struct.unpack_from("<I", data)
    assert (4 + length) % 4 == 0
    return json.loads(data[4 : 4 + length]), np.frombuffer(data, "<f4", offset=4 + length)


def array(floats: np.ndarray, place: dict) -> np.ndarray:
    offset, *shape = place["$"]
    return floats[offset : offset + int(np.prod(shape))].reshape(shape)


def untrained(cell: str, task: str = "recall", hidden_size: int = 6) -> SequenceModel:
    torch.manual_seed(3)
    vocabulary = TASKS[task].vocabulary
    config = ModelConfig(
        cell=cell,
        input_size=len(vocabulary.feature_names),
        hidden_size=hidden_size,
        output_size=len(TASKS[task].classes),
    )
    return SequenceModel(config, vocabulary)


def parts_of(text: str, task: str = "recall"):
    example = TASKS[task].parse(text)
    parts = [
        payload.Part(
            key=cell, trace=trace(untrained(cell, task), example.ids), classes=TASKS[task].classes
        )
        for cell in SIGNALS
    ]
    return parts, example


@pytest.mark.parametrize(("task", "text"), [("recall", "AB!CDE?FG"), ("python", "if x:\n\tpass\n")])
def test_every_signal_weight_and_input_arrives_unchanged(task, text):
    parts, example = parts_of(text, task)
    header, floats = decode(payload.packed(parts, example, ViewState(preset=task)))
    for part, sent in zip(parts, header["parts"], strict=True):
        layer = part.trace.layer()
        for lane in sent["lanes"]:
            np.testing.assert_array_equal(array(floats, lane["values"]), layer.signals[lane["key"]])
        for name, weight in layer.weights.items():
            np.testing.assert_array_equal(array(floats, sent["weights"][name]), weight)
        rows = array(floats, sent["rows"]).astype(int)
        np.testing.assert_array_equal(array(floats, sent["inputs"])[rows], layer.inputs)


def test_the_lanes_are_the_cells_signals_in_order_with_the_scale_of_the_figures():
    parts, example = parts_of("AB!CDE?FG")
    header, _ = decode(payload.packed(parts, example, ViewState()))
    for part, sent in zip(parts, header["parts"], strict=True):
        assert [lane["key"] for lane in sent["lanes"]] == [s.key for s in SIGNALS[sent["cell"]]]
        for lane in sent["lanes"]:
            values = part.trace[lane["key"]]
            scale = style.scale(lane["key"], sent["cell"], values)
            assert (lane["low"], lane["high"]) == (scale.low, scale.high)
            assert lane["beyond"] == np.count_nonzero(np.abs(values) > scale.high)


def test_answers_carry_the_models_own_probabilities():
    parts, example = parts_of("AB!CDE?FG")
    header, floats = decode(payload.packed(parts, example, ViewState()))
    for part, sent in zip(parts, header["parts"], strict=True):
        expected = torch.softmax(torch.tensor(part.trace.outputs, dtype=torch.float64), -1).numpy()
        np.testing.assert_array_equal(array(floats, sent["says"]), expected.argmax(-1))
        np.testing.assert_allclose(array(floats, sent["top"]), expected.max(-1), rtol=1e-6)
        assert array(floats, sent["target"]).tolist() == [-1] * 5 + [2] + [-1] * 2
        assert array(floats, sent["correct"])[5] == pytest.approx(expected[5, 2], rel=1e-6)


def test_probabilities_are_torchs_softmax_and_survive_large_logits():
    logits = np.array([[1000.0, 999.0, -1000.0]], dtype=np.float32)
    expected = torch.softmax(torch.from_numpy(logits).double(), -1).numpy()
    np.testing.assert_allclose(probabilities(logits), expected, rtol=1e-12)


def test_the_time_constants_come_from_the_mean_log_of_what_is_kept():
    parts, example = parts_of("AB!CDE?FG")
    header, floats = decode(payload.packed(parts, example, ViewState()))
    kept = {"lstm": "f", "gru": "z", "rnn": None}
    for part, sent in zip(parts, header["parts"], strict=True):
        if kept[sent["cell"]] is None:
            assert sent["tau"] is None
            continue
        gate = part.trace[kept[sent["cell"]]].astype(np.float64)
        expected = -1 / np.log(gate).mean(axis=0)
        np.testing.assert_allclose(array(floats, sent["tau"]), expected, rtol=1e-4)


def test_a_bare_module_is_shown_with_its_numbers_and_without_answers():
    torch.manual_seed(0)
    traced = trace(
        nn.LSTM(3, 5, num_layers=2, bidirectional=True),
        np.random.default_rng(0).normal(size=(7, 3)),
    )
    part = payload.Part(key="lstm", trace=traced, layer=1, direction=1)
    header, floats = decode(payload.packed([part], None, ViewState(preset="own")))
    assert header["glyphs"] is None
    np.testing.assert_array_equal(array(floats, header["values"]), traced.layer(0).inputs)
    sent = header["parts"][0]
    assert sent["reverse"] is True
    assert sent["says"] is None
    np.testing.assert_array_equal(array(floats, sent["inputs"]), traced.layer(1, 1).inputs)


def test_values_that_are_not_finite_are_counted_and_break_nothing():
    torch.manual_seed(0)
    inputs = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    inputs[2] = np.nan
    part = payload.Part(key="rnn", trace=trace(nn.RNN(3, 4), inputs))
    header, floats = decode(payload.packed([part], None, ViewState(preset="own")))
    lane = header["parts"][0]["lanes"][0]
    assert lane["missing"] == 4 * 4
    assert np.isnan(array(floats, lane["values"])[2:]).all()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_recall_sentence_names_flag_delay_and_answers(language):
    parts, example = parts_of("AB!CDE?FG")
    told = tell(parts, example, "recall", language)
    assert told.step == 5
    assert "\x02C\x03" in told.lead
    assert "2" in told.lead
    assert "3" in told.lead
    for part in parts:
        share = probabilities(part.trace.outputs)[5]
        assert f"\x02{TASKS['recall'].classes[share.argmax()]}\x03" in told.parts[part.key]


def test_the_next_character_sentence_points_where_the_models_differ_most():
    parts, example = parts_of("if x:\n\tpass\n", "python")
    told = tell(parts, example, "python", "en")
    shares = np.stack([probabilities(part.trace.outputs) for part in parts])[:, :-1]
    right = shares[:, np.arange(len(example.ids) - 1), example.ids[1:]]
    assert told.step == (right.max(0) - right.min(0)).argmax()


@pytest.mark.parametrize(
    ("token", "shown"), [("!C", "C"), ("!", "!"), ("?", "?"), (" ", "␣"), ("\n", "⏎"), ("<", "<")]
)
def test_glyphs_make_every_token_visible(token, shown):
    assert glyph(token) == shown


def test_the_script_stays_small_enough_to_ride_in_every_message():
    assets = payload.assets()
    assert len(assets.js.encode()) + len(assets.css.encode()) < 100_000
    assert assets.js.count("export default") == 1


def test_the_memory_of_every_token_arrives_with_what_stood_there_instead():
    parts, example = parts_of("AB!CDE?FG")
    memory = np.random.default_rng(0).random((8, 8))
    parts = [replace(part, memory=memory) for part in parts]
    header, floats = decode(payload.packed(parts, example, ViewState()))
    assert header["replacements"] == ["B", "C", "D", "E", "F", "A", "G", "H"]
    assert header["asked"] == 2
    for sent in header["parts"]:
        np.testing.assert_array_equal(array(floats, sent["memory"]), memory.astype("f4"))
