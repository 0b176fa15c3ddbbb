"""The page "Your model" in Chromium: drop a file, read the report, step through every layer."""

import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from playwright.sync_api import expect
from torch import nn

from viz.text import say

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 844}}


def model() -> bytes:
    torch.manual_seed(0)
    buffer = io.BytesIO()
    module = nn.ModuleDict({"rnn": nn.LSTM(3, 12, num_layers=2, bidirectional=True)})
    torch.save({"epoch": 3, "state_dict": module.state_dict()}, buffer)
    return buffer.getvalue()


def table() -> bytes:
    values = np.random.default_rng(0).standard_normal((40, 3))
    rows = [f"{k},{a:.4f},{b:.4f},{c:.4f}" for k, (a, b, c) in enumerate(values)]
    return "\n".join(["time,heat,flow,load", *rows]).encode()


@pytest.fixture
def own_page(visit, app_url):
    """Opens the page in a window of its own."""

    def open_page(window=None, language: str = "en"):
        one = visit(window, stage=False)
        # Streamlit looks for its own service below the page's address first, and then above it.
        one.allowed = ("404",)
        one.page.goto(f"{app_url}/own?lang={language}")
        one.page.get_by_test_id("stFileUploader").first.wait_for(timeout=60_000)
        return one

    return open_page


def drop(page, content: bytes, name: str, inside: str = "") -> None:
    file = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    page.locator(f"{inside} input[type=file]").first.set_input_files(file)


def settle(page) -> None:
    from tests.browser import SETTLED  # pytest wants to load that module itself

    page.get_by_test_id("stage").wait_for(timeout=60_000)
    page.wait_for_function(SETTLED, timeout=60_000, polling=100)


def step(page) -> int:
    return int(page.get_by_test_id("stage").get_attribute("data-step"))


def test_dropped_model_is_reported_and_steps(own_page):
    page = own_page().page
    drop(page, model(), "sensor.ckpt")
    settle(page)
    card = page.locator(".st-key-own-model")
    expect(card).to_contain_text("sensor.ckpt")
    expect(card).to_contain_text("LSTM, 2 layers of 12 units · both directions")
    stage = page.get_by_test_id("stage")
    assert stage.locator("section.group").count() == 4
    expect(stage.get_by_role("heading", name="LSTM layer 1 ←", exact=True)).to_be_visible()
    before = step(page)
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "step => Number(document.querySelector('[data-testid=stage]').dataset.step) === step",
        arg=before + 5,
    )


def test_layer_leaves_the_stage_and_comes_back(own_page):
    page = own_page().page
    drop(page, model(), "sensor.ckpt")
    settle(page)
    stage = page.get_by_test_id("stage")
    remove = say("stage.remove", "en", model="LSTM layer 0 ←")
    stage.get_by_role("button", name=remove, exact=True).click()
    expect(stage.locator("section.group")).to_have_count(3)
    add = say("stage.add", "en", model="LSTM layer 0 ←")
    stage.get_by_title(add, exact=True).click()
    expect(stage.locator("section.group")).to_have_count(4)


def test_data_file_is_read_and_named_in_the_arithmetic(own_page):
    page = own_page().page
    drop(page, model(), "sensor.ckpt")
    settle(page)
    page.locator(".st-key-own-source").get_by_text(say("own.source.file", "en")).click()
    field = page.locator(".st-key-own-input").get_by_test_id("stFileUploader")
    field.wait_for(timeout=30_000)
    drop(page, table(), "plant.csv", ".st-key-own-input")
    expect(page.locator(".st-key-own-input")).to_contain_text("plant.csv", timeout=30_000)
    expect(page.locator(".st-key-own-input")).to_contain_text("heat")
    settle(page)
    stage = page.get_by_test_id("stage")
    stage.get_by_role("button", name="LSTM layer 0 →", exact=True).first.click()
    expect(stage.locator("aside .terms")).to_contain_text(re.compile("heat|flow|load"))


def test_figures_below_open_and_their_numbers_can_be_taken(own_page):
    page = own_page().page
    drop(page, model(), "sensor.ckpt")
    settle(page)
    page.get_by_text(say("own.ledger.title", "en"), exact=True).click()
    chart = page.locator(".st-key-own-ledger .js-plotly-plot")
    expect(chart).to_have_count(1, timeout=30_000)
    with page.expect_download() as waiting:
        page.locator(".st-key-own-ledger").get_by_role(
            "button", name=say("memory.csv", "en")
        ).click()
    assert waiting.value.suggested_filename.endswith(".csv")


@pytest.mark.parametrize("window", [None, PHONE], ids=["laptop", "telephone"])
def test_figure_is_saved_as_an_svg(own_page, window):
    page = own_page(window).page
    drop(page, model(), "sensor.ckpt")
    settle(page)
    room = page.locator(".st-key-own-forgetting")
    room.locator("summary").click()
    expect(room.locator(".js-plotly-plot")).to_have_count(2, timeout=30_000)
    buttons = room.get_by_role("button", name=say("memory.svg", "en"))
    expect(buttons).to_have_count(2)
    for place, title in enumerate(("Passive half-life of every unit", "how often gates are open")):
        with page.expect_download() as waiting:
            buttons.nth(place).click()
        assert waiting.value.suggested_filename.endswith(".svg")
        picture = ElementTree.parse(waiting.value.path()).getroot()
        assert picture.tag == "{http://www.w3.org/2000/svg}svg"
        assert title in "".join(picture.itertext())
        assert float(picture.get("width")) > 200
        assert picture[0].get("fill") == "rgb(255, 255, 255)"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_field_for_a_file_speaks_the_page_s_language(own_page, language):
    page = own_page(language=language).page
    field = page.get_by_test_id("stFileUploader").first
    expect(
        field.get_by_role("button", name=say("own.upload", language), exact=True)
    ).to_be_visible()
    for english in ("Upload", "200MB per file"):
        expect(field.get_by_text(english, exact=True)).to_be_hidden()
    told = field.get_by_test_id("stFileUploaderDropzoneInstructions")
    shown = told.evaluate("node => getComputedStyle(node, '::after').content")
    assert shown == f'"{say("own.upload-limit", language, limit=200)}"'


def test_file_that_is_too_large_is_told_on_a_telephone(own_page, tmp_path):
    page = own_page(PHONE, "zh").page
    drop(page, model(), "sensor.ckpt")
    settle(page)
    page.locator(".st-key-own-source").get_by_text(say("own.source.file", "zh")).click()
    field = page.locator(".st-key-own-input").get_by_test_id("stFileUploader")
    field.wait_for(timeout=30_000)
    with (tmp_path / "large.csv").open("wb") as file:
        file.truncate(65 * 2**20)
    before = field.bounding_box()["height"]
    page.locator(".st-key-own-input input[type=file]").set_input_files(tmp_path / "large.csv")
    expect(field.get_by_test_id("stFileChip")).to_be_visible()
    shown = field.evaluate("node => getComputedStyle(node, '::after').content")
    assert shown == f'"{say("own.upload-large", "zh", limit=64)}"'
    assert field.bounding_box()["height"] > before


def test_file_that_is_no_model_is_told_and_the_page_lives_on(own_page):
    page = own_page().page
    drop(page, b"\x80\x04cposix\nsystem\n(S'echo <b>x</b>'\ntR.", "<b>bad</b>.pt")
    alert = page.get_by_test_id("stAlert")
    expect(alert).to_have_count(1, timeout=30_000)
    assert "Traceback" not in alert.inner_text()
    page.locator(".st-key-own-example button").first.click()
    settle(page)
    assert page.locator("b", has_text="bad").count() == 0


def test_another_person_sees_nothing_of_it(own_page):
    one, two = own_page().page, own_page().page
    drop(one, model(), "secret.ckpt")
    settle(one)
    two.reload()
    two.get_by_test_id("stFileUploader").first.wait_for(timeout=60_000)
    assert "secret.ckpt" not in two.inner_text("body")
    assert two.get_by_test_id("stage").count() == 0


@pytest.mark.parametrize("language", ["en", "zh"])
def test_page_fits_a_telephone_in_the_dark(own_page, language):
    page = own_page(PHONE | {"color_scheme": "dark"}, language).page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator(".st-key-own-example button").first.click()
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    stage = page.get_by_test_id("stage").bounding_box()
    assert stage["width"] <= 390


def test_stage_begins_in_the_upper_half_of_a_laptop_s_screen(own_page):
    page = own_page().page
    page.locator(".st-key-own-example button").first.click()
    settle(page)
    assert page.get_by_test_id("stage").bounding_box()["y"] < 400


def test_gate_of_an_own_model_is_changed_beside_what_it_was(own_page):
    page = own_page().page
    drop(page, model(), "sensor.ckpt")
    settle(page)
    page.locator(".cell .tabs button", has_text="LSTM layer 0 ←").click()
    at = step(page)
    page.locator(".change-here").click()
    outcome = page.locator(".surgery .outcome")
    expect(outcome).to_contain_text("← layer 0: f of unit")
    # Direction 1 reads from the end: what lies before in time comes later.
    expect(outcome).to_contain_text("the state of the LSTM differs from step 0 on")
    expect(page.locator(".cell .result")).to_contain_text("changed to")
    page.get_by_role("button", name="Difference").click()
    assert page.locator("section.group").count() == 4
    page.get_by_role("button", name="Undo").click()
    expect(outcome).to_be_hidden()
    assert step(page) == at
