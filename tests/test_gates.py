"""Plotly figures: the numbers that go in are the numbers that are drawn, with their colours."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from lstm_core.model import ModelConfig, SequenceModel
from lstm_core.signals import SIGNALS
from lstm_core.tasks import TASKS
from lstm_core.trace import trace
from viz import style
from viz.gates import gate_figure, heat_map
from viz.text import say, signal_name


def traced(cell="lstm", text="AB!CDE?", hidden_size=5, **config):
    torch.manual_seed(1)
    vocabulary = TASKS["recall"].vocabulary
    size = len(vocabulary.feature_names)
    shape = ModelConfig(
        cell=cell, input_size=size, hidden_size=hidden_size, output_size=8, **config
    )
    return trace(SequenceModel(shape, vocabulary), text)


def with_signal(one, key, values):
    """The trace with other numbers for a signal, as a broken model would give."""
    layer = one.layers[-1]
    layer = replace(layer, signals={**layer.signals, key: np.asarray(values, dtype=np.float32)})
    return replace(one, layers=(*one.layers[:-1], layer))


def drawn(figure, name):
    """What a figure draws under a name, read back from its JSON."""
    return [t for t in figure.data if t.name == name]


def stops(figure, name):
    return [colour for _, colour in drawn(figure, name)[0].colorscale]


def test_heat_map_draws_the_values_unit_by_unit():
    one = traced()
    (lane,) = drawn(heat_map(one, "f"), "f")
    np.testing.assert_array_equal(lane.z, one["f"].T)
    assert lane.z.dtype == np.float32
    np.testing.assert_array_equal(lane.x, np.arange(6))
    assert list(lane.y) == ["0", "1", "2", "3", "4"]


def test_gate_is_drawn_from_0_to_1_in_viridis():
    figure = heat_map(traced(), "f")
    (lane,) = drawn(figure, "f")
    assert (lane.zmin, lane.zmax) == (0, 1)
    assert stops(figure, "f") == list(style.SEQUENTIAL)
    assert list(lane.colorbar.tickvals) == [0, 0.5, 1]
    assert list(lane.colorbar.ticktext) == ["0", "0.5", "1"]


@pytest.mark.parametrize("dark", [False, True])
def test_signed_signal_is_drawn_evenly_around_zero(dark):
    one = traced()
    figure = heat_map(one, "c", dark=dark)
    (lane,) = drawn(figure, "c")
    scale = style.scale("c", "lstm", one["c"])
    assert (lane.zmin, lane.zmax) == (-scale.high, scale.high)
    assert stops(figure, "c") == list(style.DIVERGING["dark" if dark else "light"])
    assert list(lane.colorbar.tickvals) == [-scale.high, 0, scale.high]


@pytest.mark.parametrize(("dark", "name"), [(False, "light"), (True, "dark")])
def test_colours_are_those_of_the_theme(dark, name):
    layout = gate_figure(traced(), dark=dark).layout
    theme = style.THEMES[name]
    assert layout.paper_bgcolor == theme.background
    assert layout.font.color == theme.ink
    assert layout.font.family == style.FONT


@pytest.mark.parametrize("cell", sorted(SIGNALS))
def test_gate_figure_stacks_every_signal_on_one_time_axis(cell):
    one = traced(cell)
    figure = gate_figure(one)
    keys = [signal.key for signal in SIGNALS[cell]]
    lanes = [t for t in figure.data if t.name in keys]
    assert [lane.name for lane in lanes] == keys
    for lane in lanes:
        np.testing.assert_array_equal(lane.z, one[lane.name].T)
    axes = [axis for axis in figure.select_xaxes() if axis.matches is None]
    assert len(axes) == 1
    tops = [figure.layout["yaxis" + lane.yaxis[1:]].domain[1] for lane in lanes]
    assert tops == sorted(tops, reverse=True)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_words_are_in_the_language_asked_for(language):
    one = traced()
    figure = gate_figure(one, language=language)
    assert figure.layout.title.text == say("figure.all", language, cell="LSTM")
    headings = [note.text for note in figure.layout.annotations]
    for heading, signal in zip(headings, SIGNALS["lstm"], strict=True):
        name = signal_name("lstm", signal.key, language)
        assert heading.startswith(f"<b>{name}</b> <i>{signal.key}</i>")
    titles = [axis.title.text for axis in figure.select_xaxes() if axis.title.text]
    assert titles == [say("figure.time", language)]
    assert {axis.title.text for axis in figure.select_yaxes()} == {say("figure.unit", language)}


def test_subtitle_gives_the_proof():
    one = traced()
    text = heat_map(one, "h").layout.title.subtitle.text
    assert f"{one.residual:.1e}" in text
    assert "(cpu, float32)" in text


def test_tokens_stand_under_the_axis_where_they_fit():
    axis = heat_map(traced(text="AB!CDE?"), "f").layout.xaxis
    assert list(axis.ticktext) == ["A", "B", "!C", "D", "E", "?"]
    assert list(axis.tickvals) == [0, 1, 2, 3, 4, 5]
    assert heat_map(traced(text="A" * 97), "f").layout.xaxis.ticktext is None


def test_tokens_cannot_be_markup():
    vocabulary = TASKS["python"].vocabulary
    shape = ModelConfig(cell="rnn", input_size=len(vocabulary), hidden_size=2, output_size=3)
    one = trace(SequenceModel(shape, vocabulary), "<a> &\n\t")
    figure = heat_map(one, "h")
    shown = ["&lt;", "a", "&gt;", "␣", "&amp;", "⏎", "⇥"]
    assert list(figure.layout.xaxis.ticktext) == shown
    assert drawn(figure, "h")[0].customdata[1].tolist() == shown


def test_chosen_units_are_drawn_in_the_order_given():
    one = traced()
    (lane,) = drawn(heat_map(one, "i", units=[4, 1]), "i")
    assert list(lane.y) == ["4", "1"]
    np.testing.assert_array_equal(lane.z, one["i"].T[[4, 1]])


def test_pre_activation_is_signed_and_named():
    one = traced()
    figure = heat_map(one, "z_f", language="zh")
    (lane,) = drawn(figure, "z_f")
    np.testing.assert_array_equal(lane.z, one.select("z_f").T)
    assert lane.zmin < 0
    assert "激活前的值" in figure.layout.title.text


def test_layer_and_direction_are_chosen_and_named():
    one = traced(num_layers=2, bidirectional=True)
    figure = heat_map(one, "f", layer=0, direction=1)
    np.testing.assert_array_equal(drawn(figure, "f")[0].z, one.select("f", 0, 1).T)
    for words in ("layer 0", "reverse direction"):
        assert words in figure.layout.title.text


@pytest.mark.parametrize("cell", sorted(SIGNALS))
def test_one_step_of_one_unit_is_drawn(cell):
    one = traced(cell, text="A", hidden_size=1)
    figure = gate_figure(one)
    (lane,) = drawn(figure, "h")
    assert lane.z.shape == (1, 1)
    assert lane.zmax > 0
    assert list(figure.layout.xaxis.range) == [-0.5, 0.5]


def test_ten_thousand_steps_stay_exact_and_small():
    one = traced(text="A" * 10_000, hidden_size=16)
    figure = gate_figure(one)
    np.testing.assert_array_equal(drawn(figure, "c")[0].z, one["c"].T)
    assert drawn(figure, "c")[0].customdata is None
    # 6 signals, 16 units, 4 bytes in base64, and as much again for what lies beyond.
    assert len(figure.to_json()) < 2 * 6 * 16 * 10_000 * 4 * 4 / 3


def test_bare_module_without_tokens_has_numbers_under_the_axis():
    torch.manual_seed(0)
    one = trace(nn.GRU(2, 3).double(), np.ones((4, 2)))
    figure = heat_map(one, "z")
    assert figure.layout.xaxis.ticktext is None
    (lane,) = drawn(figure, "z")
    assert lane.z.dtype == np.float64
    np.testing.assert_array_equal(lane.z, one["z"].T)


# ---- What no colour can show


def test_nan_and_infinity_take_a_colour_and_a_word_of_their_own():
    values = np.full((6, 5), 0.5)
    values[0, 0], values[1, 0], values[2, 0] = np.nan, np.inf, -np.inf
    figure = heat_map(with_signal(traced(), "f", values), "f")
    (missing,) = drawn(figure, "missing")
    assert stops(figure, "missing") == [style.MISSING] * 2
    expected = np.full((5, 6), np.nan)
    expected[0, :3] = 1
    np.testing.assert_array_equal(missing.z, expected)
    assert list(missing.text[0][:4]) == ["NaN", "∞", "−∞", ""]
    (lane,) = drawn(figure, "f")
    assert np.isnan(lane.z[0, :3]).all()
    assert say("figure.not-finite", "en", count=3) in figure.layout.annotations[0].text
    assert "Infinity" not in figure.to_json()
    json.loads(figure.to_json())


def test_gate_outside_0_to_1_takes_the_colours_beyond_and_is_counted():
    values = np.full((6, 5), 0.5)
    values[0, 1], values[3, 2] = 1.5, -0.25
    figure = heat_map(with_signal(traced(), "f", values), "f", dark=True)
    (beyond,) = drawn(figure, "beyond")
    expected = np.full((5, 6), np.nan)
    expected[1, 0], expected[2, 3] = 1, 0
    np.testing.assert_array_equal(beyond.z, expected)
    assert stops(figure, "beyond") == list(style.BEYOND["dark"])
    (lane,) = drawn(figure, "f")
    assert lane.z[1, 0] == 1.5
    assert list(lane.colorbar.ticktext) == ["≤ 0", "0.5", "≥ 1"]
    assert say("figure.outside", "en", count=2) in figure.layout.annotations[0].text


def test_loud_unit_is_counted_and_keeps_its_number():
    values = np.full((6, 20), 0.1)
    values[2, 3] = -7
    figure = heat_map(with_signal(traced(hidden_size=20), "c", values), "c")
    (lane,) = drawn(figure, "c")
    assert lane.z[3, 2] == -7
    assert lane.zmax == pytest.approx(0.1)
    assert list(lane.colorbar.ticktext) == ["≤ −0.1", "0", "≥ 0.1"]
    words = say("figure.beyond", "en", count=1, limit="0.1", largest="7")
    assert words in figure.layout.annotations[0].text


def test_ordinary_gate_needs_no_overlay():
    figure = heat_map(traced(), "f")
    assert [t.name for t in figure.data] == ["f"]


@pytest.mark.parametrize("key", ["q", "z_q"])
def test_unknown_signal_is_an_error(key):
    with pytest.raises(KeyError, match="no signal"):
        heat_map(traced(), key)


def test_unknown_unit_is_an_error():
    with pytest.raises(IndexError):
        heat_map(traced(), "f", units=[5])
