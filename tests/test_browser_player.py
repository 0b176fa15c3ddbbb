"""The stage as one file, opened from disk in Chromium with the network off, and in a frame."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import viz
from lstm_core import zoo
from lstm_core.tasks import TASKS
from lstm_core.trace import Trace, trace
from tests.test_player import HOSTILE, recall_page
from viz import style
from viz.snippet import preset_snippet
from viz.text import say

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.browser

WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


@pytest.fixture
def opened(chromium: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Opens a page from disk without a network; it must load nothing and complain of nothing."""
    from tests.browser import SETTLED, Visit

    visits: list[Visit] = []

    def open_file(text: str, *, stage: bool = True, **window: Any) -> Visit:
        path = tmp_path / f"page {len(visits)}.html"
        path.write_text(text, encoding="utf-8")
        context = chromium.new_context(**({"viewport": WIDE} | window))
        context.set_offline(True)
        one = Visit(page=context.new_page())
        one.listen()
        visits.append(one)
        one.page.goto(path.as_uri())
        if stage:
            one.page.wait_for_function(SETTLED, timeout=30_000, polling=100)
        return one

    yield open_file
    for one in visits:
        one.page.context.close()
    for one in visits:
        assert one.unexpected() == []
        assert [url for url in one.requests if not url.startswith("file:")] == []


def traced(*tokens: str, steps: int = 12) -> Trace:
    torch.manual_seed(5)
    steps = len(tokens) or steps
    inputs = np.random.default_rng(5).normal(size=(steps, 3)).astype(np.float32)
    result = trace(nn.LSTM(3, 6, num_layers=2), inputs)
    return replace(result, tokens=tokens) if tokens else result


def stage_of(page: Any) -> Any:
    return page.get_by_test_id("stage")


def background(page: Any) -> str:
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    parts = [int(part) for part in colour[4:-1].split(",")]
    return "#{:02x}{:02x}{:02x}".format(*parts)


def test_the_preset_steps_from_disk_without_a_network(opened):
    page = opened(recall_page()).page
    before = int(stage_of(page).get_attribute("data-step"))
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "step => document.querySelector('[data-testid=stage]').dataset.step === String(step)",
        arg=before + 5,
    )
    assert stage_of(page).get_attribute("data-model") == "lstm rnn"
    page.get_by_role("button", name=say("stage.add", "en", model="GRU")).click()
    assert page.locator('[data-part="gru"] h3').inner_text() == "GRU"


def test_the_cell_shows_the_numbers_of_the_trace(opened):
    result = traced()
    page = opened(viz.stage(result).html).page
    step = int(stage_of(page).get_attribute("data-step"))
    where = page.locator(".cell-head .facts").inner_text()
    unit = int(where.rsplit(" ", 1)[1])
    shown = page.locator(".bars .value").all_inner_texts()
    keys = page.locator(".bars b").all_inner_texts()
    for key, text in zip(keys, shown, strict=True):
        value = result.select(key, layer=0)[step, unit]
        assert float(text.replace("−", "-")) == pytest.approx(value, abs=5.1e-4)
    assert keys == list("fiogch")


def test_hostile_tokens_and_names_are_shown_as_text(opened):
    page = opened(viz.stage({HOSTILE: traced(HOSTILE, "a", "b")}, title=HOSTILE).html).page
    assert page.title() == HOSTILE
    assert page.locator("h1").inner_text() == HOSTILE
    assert HOSTILE in page.locator("h3").first.inner_text()
    page.keyboard.press("Home")
    page.wait_for_function("document.querySelector('.now').textContent.includes('onerror')")
    assert page.locator("img").count() == 0


# For each step, the leftmost and the rightmost column of ink in the row of tokens, in its own box.
INK = """canvas => {
  const [context, steps] = [canvas.getContext("2d"), 6];
  const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height);
  const rows = [...Array(height).keys()];
  const inked = (x) => rows.some((y) => data[4 * (y * width + x) + 3] > 60);
  return Array.from({ length: steps }, (_, t) => {
    const from = Math.ceil(t * width / steps);
    const whole = Math.floor(width / steps);
    const columns = [...Array(whole).keys()].filter((k) => inked(from + k));
    return [Math.min(...columns), Math.max(...columns), whole];
  });
}"""


def test_words_stay_in_their_columns_and_letters_keep_their_row(opened):
    words = ("internationalisation", "a", "of", "遗忘门和输入门", "representations", "the")
    page = opened(viz.stage(traced(*words)).html, viewport={"width": 700, "height": 800}).page
    row = page.locator(".row.tokens canvas")
    for left, right, width in row.evaluate(INK):
        assert 0 < left <= right < width - 1
        assert right - left <= 16  # one line of text on end
    letters = opened(viz.stage(traced(*"abcdef")).html).page.locator(".row.tokens canvas")
    assert letters.bounding_box()["height"] < row.bounding_box()["height"] / 2


def test_a_script_that_got_in_would_not_run_and_nothing_can_be_sent(opened):
    one = opened(viz.stage(traced()).html)
    one.allowed = ("Content Security Policy", "Failed to load resource", "Failed to fetch")
    ran = one.page.evaluate(
        """async () => {
          const script = document.createElement("script");
          script.textContent = "window.ran = true";
          document.body.append(script);
          document.body.insertAdjacentHTML("beforeend", "<button onclick='window.ran = true'>");
          document.body.lastElementChild.click();
          const sent = await fetch("https://example.org/").then(() => true, () => false);
          return [window.ran ?? false, sent];
        }"""
    )
    assert ran == [False, False]
    assert any("script-src" in error for error in one.errors)
    assert any("connect-src" in error or "default-src" in error for error in one.errors)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_fixed_theme_does_not_follow_the_system(opened, theme, scheme):
    page = opened(viz.stage(traced(), theme=theme).html, color_scheme=scheme).page
    assert background(page) == style.THEMES[theme].background
    assert page.locator(".lstm-stage.dark").count() == int(theme == "dark")


def test_the_automatic_theme_follows_the_system_and_keeps_the_step(opened):
    page = opened(viz.stage(traced()).html, color_scheme="light").page
    page.keyboard.press("End")
    page.wait_for_function("document.querySelector('.lstm-stage').dataset.step === '11'")
    assert page.locator(".lstm-stage.dark").count() == 0
    page.emulate_media(color_scheme="dark")
    page.locator(".lstm-stage.dark").wait_for()
    assert background(page) == style.THEMES["dark"].background
    assert stage_of(page).get_attribute("data-step") == "11"


def test_a_chinese_page_speaks_chinese(opened):
    page = opened(viz.stage(traced(), language="zh").html).page
    assert page.locator("html").get_attribute("lang") == "zh-Hans"
    assert stage_of(page).get_attribute("aria-label") == say("stage.stage", "zh")
    assert "遗忘门" in page.locator(".lane-label").first.inner_text()


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["laptop", "phone"])
def test_nothing_is_cut_off_at_the_side(opened, size):
    page = opened(recall_page(), viewport=size).page
    widths = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert widths[0] <= widths[1]


def test_without_scripts_the_page_says_what_it_needs(opened):
    page = opened(viz.stage(traced()).html, stage=False, java_script_enabled=False).page
    told = page.locator("noscript p")
    assert told.inner_text() == say("player.no-script", "en")
    assert told.is_visible()


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_a_frame_in_a_notebook_steps_and_is_as_high_as_the_stage(opened, kind):
    torch.manual_seed(6)
    result = trace(kind(3, 16), np.ones((20, 3), np.float32))
    frame = viz.stage([result, result])._repr_html_()
    one = opened(f'<!doctype html><div style="width: 1000px">{frame}</div>', stage=False)
    inner = one.page.frame_locator("iframe")
    stage = inner.get_by_test_id("stage")
    stage.focus()
    before = int(stage.get_attribute("data-step"))
    one.page.keyboard.press("ArrowRight")
    inner.locator(f'[data-step="{before + 1}"]').wait_for()
    content, shown = inner.locator("html").evaluate(
        "html => [document.body.getBoundingClientRect().height, window.innerHeight]"
    )
    assert 0.75 * shown <= content <= shown or shown == 1000  # beyond, it scrolls


def test_the_frame_of_a_notebook_cannot_reach_the_notebook(opened):
    one = opened(viz.stage(traced())._repr_html_(), stage=False)
    inner = one.page.frame_locator("iframe")
    inner.get_by_test_id("stage").wait_for()
    assert inner.locator("html").evaluate("() => window.origin") == "null"


# ---- Taken away from the app


def downloaded(page: Any, label: str) -> bytes:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=label).click()
    return Path(waiting.value.path()).read_bytes()


def test_the_app_gives_its_stage_as_a_file_that_steps_on_alone(visit, opened):
    page = visit(seed="7", step="4", lang="zh").page
    page.get_by_text(say("take.title", "zh")).click()
    text = downloaded(page, say("take.stage", "zh")).decode()
    alone = opened(text).page
    assert stage_of(alone).get_attribute("data-step") == "4"
    told = [each.locator(".sentence").inner_text() for each in (page, alone)]
    assert told[0] == told[1] != ""
    assert alone.locator("h1").inner_text() == say("preset.recall", "zh")


def test_the_app_gives_the_numbers_it_shows(visit, tmp_path):
    page = visit(seed="7").page
    page.get_by_text(say("take.title", "en")).click()
    (tmp_path / "got.npz").write_bytes(downloaded(page, "LSTM · NPZ"))
    example = TASKS["recall"].example(7)
    expected = trace(zoo.load("recall", "lstm").model, example.ids)
    assert np.array_equal(Trace.load(tmp_path / "got.npz")["c"], expected["c"])
    assert downloaded(page, "Plain RNN · Parquet")[:4] == b"PAR1"
    code = page.get_by_test_id("stCode").inner_text()
    assert code == preset_snippet("recall", ["lstm", "gru", "rnn"], example.tokens)
