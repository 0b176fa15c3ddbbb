"""Colours and ranges: what a signal's values look like, and what no colour can show."""

import numpy as np
import pytest

from viz import style
from viz.style import Mark

THEMES = sorted(style.THEMES)


def luminance(colour: str) -> float:
    """Relative luminance as in WCAG 2."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_black_and_white_is_21():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("name", THEMES)
def test_words_and_lines_are_readable_on_both_backgrounds(name):
    theme = style.THEMES[name]
    for ground in (theme.background, theme.panel):
        for words in (theme.ink, theme.muted, style.ACCENT[name], *theme.cells.values()):
            assert contrast(words, ground) >= 4.5, (words, ground)


def test_sequential_colours_are_viridis_from_dark_to_light():
    lightness = [luminance(colour) for colour in style.SEQUENTIAL]
    assert (style.SEQUENTIAL[0], style.SEQUENTIAL[-1]) == ("#440154", "#fde725")
    assert lightness == sorted(lightness)
    assert len(set(style.SEQUENTIAL)) == 32


@pytest.mark.parametrize(("name", "sign"), [("light", -1), ("dark", 1)])
def test_diverging_colours_leave_zero_evenly_on_both_sides(name, sign):
    lightness = sign * np.array([luminance(colour) for colour in style.DIVERGING[name]])
    assert len(lightness) == 33
    assert np.all(np.diff(lightness[16:]) > 0)
    assert np.all(np.diff(lightness[:17]) < 0)


@pytest.mark.parametrize("name", THEMES)
def test_diverging_colours_are_blue_below_zero_and_orange_above(name):
    stops = style.DIVERGING[name]
    for minus, plus in zip(stops[:14], stops[:-15:-1], strict=True):
        assert int(minus[5:], 16) > int(minus[1:3], 16)
        assert int(plus[1:3], 16) > int(plus[5:], 16)


@pytest.mark.parametrize("name", THEMES)
def test_what_lies_beyond_is_on_no_scale(name):
    usual = {*style.SEQUENTIAL, *style.DIVERGING[name]}
    assert usual.isdisjoint({*style.BEYOND[name], style.MISSING})


def test_gate_is_drawn_from_0_to_1():
    scale = style.scale("f", "lstm", np.array([[0.4, 0.6]]))
    assert (scale.low, scale.high, scale.diverging, scale.clipped) == (0, 1, False, False)
    assert scale.colours() == style.SEQUENTIAL == scale.colours(dark=True)


def test_gate_outside_its_range_is_reported():
    assert style.scale("z", "gru", np.array([[0.5, 1.0001]])).clipped
    assert style.scale("z", "gru", np.array([[-1e-3, 0.5]])).clipped


def test_signed_signal_ends_at_its_largest_size():
    scale = style.scale("c", "lstm", np.array([[0.5, -0.8, 0.7]]))
    assert (scale.low, scale.high) == (-0.8, 0.8)
    assert (scale.diverging, scale.clipped) == (True, False)
    assert scale.colours() == style.DIVERGING["light"]
    assert scale.colours(dark=True) == style.DIVERGING["dark"]


def test_loud_value_does_not_bleach_the_rest():
    values = np.append(np.linspace(-1, 1, 99), -8.0)
    scale = style.scale("c", "lstm", values)
    assert scale.high == pytest.approx(np.percentile(np.abs(values), 97))
    assert scale.high < 1
    assert (scale.low, scale.clipped) == (-scale.high, True)


def test_a_few_counting_units_do_not_bleach_the_others():
    values = np.tile(np.linspace(-2, 2, 20), (50, 1))
    values[:, :2] = np.arange(50)[:, None]
    scale = style.scale("c", "lstm", values)
    assert scale.high == pytest.approx(np.percentile(np.abs(values), 90))
    assert scale.clipped


@pytest.mark.parametrize("key", ["z_f", "z_i", "h", "g"])
def test_pre_activation_and_state_of_an_lstm_are_signed(key):
    assert style.scale(key, "lstm", np.array([[0.5]])).diverging


def test_the_gru_s_z_is_a_gate_and_its_pre_activation_is_not():
    assert not style.scale("z", "gru", np.array([[0.5]])).diverging
    assert style.scale("z_z", "gru", np.array([[0.5]])).diverging


@pytest.mark.parametrize(
    ("values", "high"),
    [
        ([0.0, 0.0], 1.0),
        ([], 1.0),
        ([np.nan, np.inf, -np.inf], 1.0),
        ([np.nan, 2.0, 2.0], 2.0),
        ([0.0] * 99 + [5.0], 5.0),
        ([np.finfo(np.float32).max], np.finfo(np.float32).max),
    ],
)
def test_scale_of_a_signed_signal_is_never_empty(values, high):
    scale = style.scale("c", "lstm", np.array([values], dtype=np.float32))
    assert scale.high == pytest.approx(float(high))


def test_infinity_lies_beyond_every_scale_and_nan_does_not():
    assert style.scale("c", "lstm", np.array([[1.0, np.inf]])).clipped
    assert not style.scale("c", "lstm", np.array([[1.0, np.nan]])).clipped


def test_marks_name_what_a_colour_cannot_show():
    values = np.array([[0.5, 1.5, -0.5], [np.inf, -np.inf, np.nan]])
    found = style.marks(values, style.scale("f", "lstm", values))
    expected = [
        [Mark.NONE, Mark.ABOVE, Mark.BELOW],
        [Mark.INFINITE, Mark.NEGATIVE_INFINITE, Mark.NAN],
    ]
    assert found.tolist() == expected


def test_every_mark_has_a_character_of_its_own():
    assert set(style.MARKS) == set(Mark) - {Mark.NONE}
    assert len({character for character, _ in style.MARKS.values()}) == len(style.MARKS)


@pytest.mark.parametrize("name", ["Noto Sans SC", "PingFang SC", "Microsoft YaHei"])
def test_font_stack_has_chinese_on_every_system(name):
    assert name in style.FONT
