"""Which units matter, in a real browser: map, click, recall by delay, the way to the stage."""

import csv
import json
import re
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
from playwright.sync_api import expect

from viz.text import say, signal_name

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.browser

TASK = "short-recall"
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "user_agent": "Mozilla/5.0 (Linux; Android 14) Chrome/140.0 Mobile",
}
MAP = "[class*=st-key-units-map] .js-plotly-plot"
DELAY = ".st-key-units-delay .js-plotly-plot"


def go_to_units(page, language: str = "en") -> None:
    name = say("page.units", language)
    page.locator(".st-key-menu").get_by_role("link", name=name, exact=True).click()
    page.wait_for_url(re.compile("/units"), timeout=30_000)
    wait_for_rest(page)


def wait_for_rest(page) -> None:
    page.locator(MAP).wait_for(timeout=90_000)
    page.locator(DELAY).wait_for(timeout=60_000)
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')")


def square(page, row: int, column: int) -> tuple[float, float]:
    """A place in a square of the map, off its middle, in pixels of the window."""
    plot = page.locator(f"{MAP} .heatmaplayer image").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    rows, columns = page.locator(MAP).evaluate(
        "plot => [plot.data[0].y.length, plot.data[0].x.length]"
    )
    x = box["x"] + (column + 0.2) * box["width"] / columns
    return x, box["y"] + (row + 0.6) * box["height"] / rows


def unit_of(page, row: int) -> int:
    return int(page.locator(MAP).evaluate(f"plot => plot.data[0].y[{row}]"))


def change_of(link) -> dict:
    """The one change that a link carries."""
    query = parse_qs(urlsplit(link.get_attribute("href")).query)
    (one,) = json.loads(query["changes"][0])
    assert query["focus"] == [one["model"]]
    assert query["unit"] == [str(one["units"][0])]
    assert one["model"] in query["models"][0].split(",")
    return one


@pytest.mark.parametrize("language", ["en", "zh"])
def test_clicked_square_shows_recall_by_delay_and_opens_on_the_stage(visit, language):
    page = visit(preset=TASK, lang=language).page
    go_to_units(page, language)
    assert page.get_by_role("alert").count() == 0
    unit = unit_of(page, 3)
    page.mouse.click(*square(page, 3, 1))
    signal = signal_name("lstm", "i", language)
    figure = page.locator(".st-key-units-delay:not([data-stale=true])")
    title = say(
        "units.delay-figure",
        language,
        cell="LSTM",
        signal=signal,
        unit=unit,
        clamp=say("units.clamp-mean", language),
    )
    plain = re.sub(r"\s", "", title)
    page.wait_for_function(
        """([selector, title]) =>
          document.querySelector(selector)?.textContent.replace(/\\s/g, "").includes(title)""",
        arg=[DELAY, plain],
        timeout=30_000,
    )
    expect(figure).to_have_count(1)
    link = page.get_by_role("link", name=say("units.open", language))
    one = change_of(link)
    assert (one["model"], one["signal"], one["op"], one["units"]) == ("lstm", "i", "set", [unit])
    link.click()
    page.get_by_test_id("stage").wait_for(timeout=60_000)
    query = parse_qs(urlsplit(page.url).query)
    assert query["preset"] == [TASK]
    assert json.loads(query["changes"][0]) == [one]


def test_listed_clamp_is_chosen_by_keyboard(visit):
    page = visit(preset=TASK).page
    go_to_units(page)
    before = change_of(page.get_by_role("link", name=say("units.open", "en")))
    ranked = page.locator(".st-key-units-ranked input")
    ranked.focus()
    page.keyboard.press("ArrowDown")
    page.get_by_role("option").first.wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    wait_for_rest(page)
    page.wait_for_function(
        "href => [...document.querySelectorAll('a')].every(a => !a.href.includes(href))",
        arg=f"unit={before['units'][0]}&",
    )
    after = change_of(page.get_by_role("link", name=say("units.open", "en")))
    assert (after["signal"], after["units"]) != (before["signal"], before["units"])


def test_map_is_seen_without_scrolling_on_a_laptop_and_its_numbers_can_be_taken_away(visit):
    page = visit(preset=TASK).page
    go_to_units(page)
    box = page.locator(f"{MAP} .heatmaplayer image").bounding_box()
    assert box["y"] + box["height"] <= 800
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    with page.expect_download() as waiting:
        page.locator(".st-key-units-csv").get_by_role("button").click()
    assert waiting.value.suggested_filename == f"{TASK}-units-lstm.csv"
    with open(waiting.value.path(), encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6 * 32
    assert {row["clamp"] for row in rows} == {"mean"}


def test_measurement_is_stopped_and_taken_up_again(visit):
    page = visit(preset="python").page
    page.locator(".st-key-menu").get_by_role("link", name=say("page.units", "en")).click()
    shown = page.locator("[data-testid=stProgress]")
    expect(shown).to_contain_text(re.compile("[1-9]"), timeout=60_000)
    page.get_by_role("button", name=say("units.stop", "en"), exact=True).click()
    go_on = page.get_by_role("button", name=say("units.go-on", "en"))
    go_on.wait_for(timeout=30_000)
    page.locator(MAP).wait_for(timeout=30_000)  # what was measured is shown
    go_on.click()
    # While the page is drawn anew, the map of before may still stand above.
    expect(page.locator(MAP).last).to_contain_text("32 of 64 units", timeout=120_000)
    expect(go_on).to_have_count(0)


def drag_up(page, x: float, y: float, distance: int) -> None:
    """Put a finger down, move it up and lift it."""
    session = page.context.new_cdp_session(page)
    for kind, up in [("Start", 0), *(("Move", step) for step in range(10, distance + 1, 10))]:
        points = {"type": f"touch{kind}", "touchPoints": [{"x": x, "y": y - up}]}
        session.send("Input.dispatchTouchEvent", points)
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


@pytest.mark.parametrize("language", ["en", "zh"])
def test_page_fits_a_telephone_in_the_dark_and_a_finger_on_the_map_scrolls_it(
    visit, app_url, language
):
    one = visit(PHONE | {"color_scheme": "dark"}, stage=False)
    # Streamlit looks for its own service below the page's address first, and then above it.
    one.allowed = ("404",)
    one.page.goto(f"{app_url}/units?lang={language}&preset={TASK}")
    wait_for_rest(one.page)
    assert one.page.evaluate("document.documentElement.scrollWidth") <= 390
    paper = one.page.locator(f"{MAP} .main-svg").first
    assert paper.evaluate("svg => getComputedStyle(svg).backgroundColor") == "rgb(14, 17, 23)"
    x, y = square(one.page, 12, 2)
    scrolled = one.page.locator("[data-testid=stMain]")
    before = scrolled.evaluate("main => main.scrollTop")
    drag_up(one.page, x, y, 150)
    one.page.wait_for_function(
        "least => document.querySelector('[data-testid=stMain]').scrollTop > least",
        arg=before + 100,
    )


def test_map_is_saved_as_an_svg(visit):
    page = visit(preset=TASK).page
    go_to_units(page)
    with page.expect_download() as waiting:
        page.get_by_role("button", name=say("memory.svg", "en")).first.click()
    assert waiting.value.suggested_filename == f"{TASK}-units-lstm.svg"
    picture = ElementTree.parse(waiting.value.path()).getroot()
    assert "points lost" in "".join(picture.itertext())
