"""The memory lab in a real browser: reached by the menu, in both languages, wide and small."""

import csv
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from viz.text import say

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.browser

SECTIONS = ("recall", "change", "gradient", "ledger", "half")
TEXT = "AB!CDEFGHAB?CD"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


def go_to_lab(page, language: str = "en") -> None:
    page.locator(".st-key-menu").get_by_role("link", name=say("page.memory", language)).click()
    page.wait_for_url(re.compile("/memory"), timeout=30_000)
    wait_for_rest(page)


def wait_for_rest(page) -> None:
    """Until the page has drawn all of its figures and nothing runs."""
    page.locator("#forgetting").wait_for(timeout=60_000)
    page.locator(".st-key-saturation-lstm .js-plotly-plot").wait_for(timeout=60_000)
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')")


def plates(page) -> Iterator[str]:
    return iter(page.locator(".js-plotly-plot").all_inner_texts())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_menu_leads_to_the_lab_and_every_part_is_drawn(visit, language):
    page = visit(text=TEXT, lang=language).page
    go_to_lab(page, language)
    assert "text=AB%21CDEFGHAB%3FCD" in page.url
    assert f"lang={language}" in page.url
    for name in SECTIONS:
        page.get_by_role("heading", name=say(f"memory.{name}.title", language)).wait_for()
    assert page.locator(".js-plotly-plot").count() >= 14
    axis = say("memory.axis.time", language)
    assert sum(axis in text for text in plates(page)) >= 6
    assert page.get_by_role("alert").count() == 0
    page.get_by_text(say("memory.expert.title", language)).click()
    page.locator(".st-key-eigenvalues-lstm .js-plotly-plot").wait_for(timeout=60_000)
    page.locator(".st-key-menu").get_by_role("link", name=say("page.step", language)).click()
    page.get_by_test_id("stage").wait_for(timeout=60_000)
    assert f"lang={language}" in page.url


def test_clicked_token_is_the_one_that_is_changed(visit):
    page = visit(text=TEXT).page
    go_to_lab(page)
    lines = page.locator(".st-key-change-lines:not([data-stale=true])")
    expect(lines).to_contain_text("“C” at step 2 changed to “D”")
    page.locator(".st-key-tokens").get_by_text("F₅", exact=True).click()
    expect(lines).to_contain_text("“F” at step 5 changed to “G”", timeout=30_000)


def test_recall_is_measured_stopped_and_taken_up_again(visit):
    page = visit(text=TEXT).page
    go_to_lab(page)
    measure = page.get_by_role("button", name=say("memory.recall.measure", "en"))
    measure.click()
    page.get_by_role("button", name=say("memory.recall.stop", "en"), exact=True).click()
    wait_for_rest(page)
    if measure.count():  # the machine was not so fast that all was measured before the click
        measure.click()
    figure = page.locator(".st-key-recall:not([data-stale=true])")
    expect(figure).to_contain_text("LSTM, measured now", timeout=60_000)
    expect(measure).to_have_count(0, timeout=60_000)


def test_unit_that_matters_opens_on_the_stage(visit):
    page = visit(text=TEXT).page
    go_to_lab(page)
    link = page.get_by_role("link", name=re.compile(r"^Unit \d+ at step 10$")).first
    unit = re.search(r"Unit (\d+)", link.inner_text()).group(1)
    link.click()
    page.get_by_test_id("stage").wait_for(timeout=60_000)
    expect(page.get_by_test_id("stage")).to_contain_text(f"t = 10 · unit {unit}")
    assert f"unit={unit}" in page.url


def test_numbers_of_a_figure_can_be_taken_away(visit):
    page = visit(text=TEXT).page
    go_to_lab(page)
    with page.expect_download() as waiting:
        page.locator(".st-key-change-lines-csv").get_by_role("button").click()
    path = waiting.value.path()
    assert waiting.value.suggested_filename == "recall-change-lines.csv"
    with open(path, encoding="utf-8-sig", newline="") as file:
        head, *body = csv.reader(file)
    assert head[:2] == ["series", "time (step)"]
    assert {row[0] for row in body} == {"LSTM", "GRU", "Plain RNN"}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_address_of_the_lab_opens_it_on_a_telephone_in_the_dark(visit, app_url, language):
    one = visit(PHONE | {"color_scheme": "dark"}, stage=False)
    # Streamlit looks for its own service below the page's address first, and then above it.
    one.allowed = ("404",)
    one.page.goto(f"{app_url}/memory?lang={language}&preset=short-recall")
    wait_for_rest(one.page)
    assert one.page.evaluate("document.documentElement.scrollWidth") <= 390
    paper = one.page.locator(".js-plotly-plot .main-svg").first
    assert paper.evaluate("svg => getComputedStyle(svg).backgroundColor") == "rgb(14, 17, 23)"


def test_header_of_the_lab_fits_one_line_on_a_laptop(visit):
    page = visit(text=TEXT).page
    go_to_lab(page)
    header = page.locator(".st-key-header").bounding_box()
    assert header["y"] + header["height"] <= 64
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
