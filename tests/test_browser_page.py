"""The page in a real browser: first sight, address, languages and mistakes."""

import re

import pytest
from playwright.sync_api import expect

from lstm_core.tasks import TASKS
from viz.state import ViewState
from viz.text import say

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.browser


def told(page):
    """Where the stage says what to look at: it names the example."""
    return page.get_by_test_id("stage").locator(".sentence")


def sentence(page) -> str:
    return told(page).inner_text()


def header_button(page, words: str):
    return page.locator(".st-key-header").get_by_role("button", name=words)


def address(page, pattern: str) -> None:
    page.wait_for_url(re.compile(pattern), timeout=15_000)


def type_sequence(page, text: str) -> None:
    header_button(page, say("page.edit", "en")).click()
    page.get_by_role("textbox", name=say("page.sequence", "en")).fill(text)
    page.get_by_role("button", name=say("page.run", "en"), exact=True).click()


def test_first_visit_fits_a_small_laptop_and_tells_what_to_look_at(visit):
    one = visit()
    page = one.page
    assert page.title() == say("title", "en")
    assert page.get_by_role("heading", level=1).inner_text() == say("title", "en")
    stage = page.get_by_test_id("stage").bounding_box()
    assert stage["y"] <= 110
    assert stage["y"] + stage["height"] <= 800
    assert re.search("LSTM", sentence(page))
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    assert one.requests, "nothing was recorded, so nothing was checked"


@pytest.mark.parametrize("width", [360, 768, 1920])
def test_page_never_scrolls_sideways(visit, width):
    page = visit({"viewport": {"width": width, "height": 800}}).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_chinese_browser_gets_chinese_and_english_ones_english(visit):
    chinese = visit({"locale": "zh-CN"}).page
    assert chinese.get_by_role("heading", level=1).inner_text() == say("title", "zh")
    assert "步" in sentence(chinese)
    named = visit({"locale": "zh-CN"}, lang="en").page
    assert named.get_by_role("heading", level=1).inner_text() == say("title", "en")


def test_language_switch_changes_page_stage_and_address(visit):
    page = visit().page
    page.locator(".st-key-header").get_by_text("中文").click()
    address(page, "lang=zh")
    page.get_by_role("heading", name=say("title", "zh")).wait_for()
    page.get_by_test_id("stage").get_by_text("遗忘门").first.wait_for()
    expect(told(page)).to_contain_text("步")
    assert page.evaluate("document.documentElement.lang") == "zh"


def test_seed_goes_into_the_address_and_another_browser_sees_the_same(visit):
    page = visit().page
    before = sentence(page)
    header_button(page, say("page.new", "en", seed=ViewState().seed)).click()
    address(page, r"seed=6\b")
    header_button(page, say("page.new", "en", seed=6)).wait_for()
    expect(told(page)).not_to_have_text(before)
    other = visit(seed="6").page
    assert sentence(other) == sentence(page) != before


def test_back_button_returns_to_the_example_before(visit):
    page = visit(seed="8").page
    before = sentence(page)
    header_button(page, say("page.new", "en", seed=8)).click()
    header_button(page, say("page.new", "en", seed=9)).wait_for()
    expect(told(page)).not_to_have_text(before)
    page.go_back()
    header_button(page, say("page.new", "en", seed=8)).wait_for()
    expect(told(page)).to_have_text(before)


def test_step_of_the_stage_is_in_the_address_and_outlives_a_new_example(visit):
    page = visit(step="3").page
    page.get_by_test_id("stage").focus()
    page.keyboard.press("ArrowRight")
    address(page, r"step=4\b")
    header_button(page, say("page.new", "en", seed=ViewState().seed)).click()
    address(page, r"seed=6\b")
    header_button(page, say("page.new", "en", seed=6)).wait_for()
    address(page, r"step=4\b")


def test_share_copies_the_address_with_the_step_the_stage_is_at(visit):
    page = visit({"permissions": ["clipboard-read", "clipboard-write"]}, step="3", seed="8").page
    page.get_by_test_id("stage").focus()
    page.keyboard.press("ArrowRight")
    address(page, r"step=4\b")
    header_button(page, say("page.share", "en")).click()
    header_button(page, say("page.copied", "en")).wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "seed=8" in copied
    assert re.search(r"step=4\b", copied)
    assert copied == page.url


def test_share_shows_the_address_where_there_is_no_clipboard(visit):
    page = visit({"permissions": []}, seed="8").page
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    header_button(page, say("page.share", "en")).click()
    shown = page.get_by_role("textbox", name=say("page.address", "en"))
    assert shown.input_value() == page.url


def test_typed_sequence_is_shown_and_can_be_opened_again(visit):
    page = visit().page
    type_sequence(page, "AB!CDEFG?")
    address(page, r"text=AB%21CDEFG%3F|text=AB!CDEFG%3F")
    header_button(page, say("page.typed", "en")).wait_for()
    expect(told(page)).to_contain_text("C is flagged at step 2")
    expect(page.get_by_role("textbox", name=say("page.sequence", "en"))).to_be_hidden()
    other = visit(text="AB!CDEFG?").page
    assert sentence(other) == sentence(page)


def test_unreadable_sequence_gets_a_sentence_and_the_old_stage_stays(visit):
    page = visit().page
    before = sentence(page)
    type_sequence(page, "AB<b>bold</b>\u202e")
    alert = page.get_by_role("alert")
    alert.wait_for()
    assert say("kept", "en") in alert.inner_text()
    assert "⟨U+202E RIGHT-TO-LEFT OVERRIDE⟩" in alert.inner_text()
    assert alert.locator("b").count() == 0
    assert sentence(page) == before
    assert "text=" not in page.url


HOSTILE = "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>"


@pytest.mark.parametrize("query", [{"preset": "python", "text": HOSTILE}, {"preset": HOSTILE}])
def test_html_in_the_address_is_text_and_never_runs(visit, query):
    page = visit(**query).page
    assert page.evaluate("window.hacked") is None
    assert page.locator("img[src=x]").count() == 0


def test_hostile_value_is_shown_as_it_is(visit):
    page = visit(preset="<b>![x](http://example.invalid/x.png)").page
    shown = page.get_by_role("alert").locator("code").first.inner_text()
    assert shown == "<b>![x](http://example.invalid/x.png)"[:40]


def test_unusable_values_are_named_and_the_stage_still_opens(visit):
    page = visit(step="abc", models="foo,foo", seed="-1").page
    assert page.get_by_role("alert").get_by_role("listitem").count() == 3
    first = TASKS["recall"].example(ViewState().seed)
    flagged = next(t for t in first.tokens if t.startswith("!"))
    assert flagged[1] in sentence(page)


def test_figures_open_below_the_stage_without_touching_it(visit):
    page = visit().page
    page.get_by_test_id("stage").focus()
    page.keyboard.press("Home")
    page.get_by_text(say("page.plotly", "en")).click()
    page.locator(".js-plotly-plot .heatmaplayer").first.wait_for()
    assert page.locator(".js-plotly-plot").count() == 1
    assert "step=0" in page.url
