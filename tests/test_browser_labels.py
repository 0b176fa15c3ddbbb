"""The labels of the steps on the stage: as many as can be read, none over another, at any width."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

import viz
from lstm_core.trace import trace

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.browser

# Keeps every text that is drawn in the row of tokens since that was last cleared, as a box.
RECORD = """
const { prototype } = CanvasRenderingContext2D;
const [clear, write] = [prototype.clearRect, prototype.fillText];
const tokens = (canvas) => canvas.parentElement?.classList.contains("tokens");
window.labels = [];
prototype.clearRect = function (...place) {
  if (tokens(this.canvas)) window.labels = [];
  return clear.apply(this, place);
};
prototype.fillText = function (text, x, y, room = Infinity) {
  if (tokens(this.canvas)) {
    const size = parseFloat(this.font);
    const wide = Math.min(this.measureText(text).width, room);
    const left = this.textAlign === "center" ? x - wide / 2 : x;
    const here = this.getTransform();
    const ends = [[left, y - size / 2], [left + wide, y + size / 2]];
    const [a, b] = ends.map(([u, v]) => new DOMPoint(u, v).matrixTransform(here));
    const scale = devicePixelRatio;
    const [xs, ys] = [[a.x, b.x], [a.y, b.y]].map((p) => p.sort((u, v) => u - v));
    window.labels.push({ text, size, left: xs[0] / scale, right: xs[1] / scale,
      top: ys[0] / scale, bottom: ys[1] / scale });
  }
  return write.call(this, text, x, y, ...(room === Infinity ? [] : [room]));
};
"""

CANVAS = """() => {
  const canvas = document.querySelector(".row.tokens > canvas");
  return [canvas.clientWidth, canvas.clientHeight];
}"""

# What is wider or higher than the room that it has.
CUT = """() => [...document.querySelectorAll(".lane-label, .bars .name, .tabs button, h3")]
  .filter((e) => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 2)
  .filter((e) => e.clientWidth).map((e) => e.textContent)"""

LETTERS = "abcdefghijklmnopqrstuvwxyz"
KINDS = {
    "letters": [*LETTERS],
    "chinese": [*"天地玄黄宇宙洪荒日月盈昃辰宿列张"],
    "words": ["the", "a", "of", "cat", "sat", "remembering", "understands", "considerable"],
    "chinese-words": ["天", "记忆", "遗忘门", "细胞状态", "长短期记忆"],
    "ids-1": [str(k) for k in range(10)],
    "ids-2": [str(k) for k in range(100)],
    "ids-3": [str(k) for k in range(100, 400)],
    "ids-5": [str(k) for k in range(10000, 10300)],
}
STEPS = (3, 100, 400)
WIDTHS = (390, 600, 768, 1024, 1280, 1800)


@pytest.fixture
def shown(chromium, tmp_path):
    """Opens the stage of a model that reads symbols of a kind, in a file of its own."""
    contexts = []

    def show(kind: str, steps: int, cell=nn.LSTM, language: str = "en", **window):
        from tests.browser import SETTLED  # pytest wants to load that module itself

        source = np.random.default_rng(0)
        tokens = tuple(source.choice(KINDS[kind], size=steps).tolist())
        torch.manual_seed(0)
        result = trace(cell(2, 3, bidirectional=True), source.normal(size=(steps, 2)).astype("f4"))
        path = tmp_path / f"{kind}-{steps}.html"
        viz.stage(replace(result, tokens=tokens), language=language).save(path)
        options = {"viewport": {"width": 1280, "height": 800}} | window
        contexts.append(chromium.new_context(**options))
        page = contexts[-1].new_page()
        page.add_init_script(RECORD)
        page.goto(path.as_uri())
        page.wait_for_function(SETTLED, timeout=60_000, polling=100)
        return page, tokens

    yield show
    for context in contexts:
        context.close()


DRAWN = "() => new Promise((go) => requestAnimationFrame(() => setTimeout(go, 60, true)))"


AT = "step => Number(document.querySelector('.lstm-stage').dataset.step) === step"


def resize(page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.wait_for_function(DRAWN)


def labels(page) -> list[dict]:
    return page.evaluate("window.labels")


def assert_readable(page) -> list[dict]:
    found = labels(page)
    wide, high = page.evaluate(CANVAS)
    assert found
    for one in found:
        assert one["size"] >= 8
        assert min(one["left"], one["top"]) >= -0.6, one
        assert max(one["right"] - wide, one["bottom"] - high) <= 0.6, one
    rows = sorted(found, key=lambda one: one["left"])
    for one, other in pairwise(rows):
        assert one["right"] <= other["left"] + 0.1, (one, other)
    return found


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_label_lies_over_another_at_any_width(shown, kind, steps):
    page, _ = shown(kind, steps)
    for width in WIDTHS:
        resize(page, width)
        assert_readable(page)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_label_of_the_step_is_always_there(shown, kind):
    page, symbols = shown(kind, 100)
    page.keyboard.press("Home")
    for place in range(12):
        page.wait_for_function(AT, arg=place)
        first = assert_readable(page)[0]["text"].rstrip("…")
        assert symbols[place].startswith(first)
        page.keyboard.press("ArrowRight")


def test_numbers_of_three_digits_stand_upright_where_there_is_room(shown):
    page, symbols = shown("ids-3", 30)
    found = labels(page)
    assert len(found) == len(symbols)
    assert all(one["right"] - one["left"] > one["bottom"] - one["top"] for one in found)


def test_words_stand_on_end_where_that_shows_more_of_them(shown):
    page, symbols = shown("words", 70)
    found = labels(page)
    assert sorted(one["text"] for one in found) == sorted(symbols)


def test_every_letter_has_room_on_a_telephone(shown):
    page, _ = shown("letters", 40, viewport={"width": 390, "height": 844})
    assert len(labels(page)) == 40


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU])
def test_no_name_of_a_signal_or_a_model_is_cut(shown, cell, language):
    page, _ = shown("letters", 40, cell, language)
    for width in WIDTHS:
        resize(page, width)
        assert page.evaluate(CUT) == []
