"""Data files of other kinds than CSV on the page "Your model", in Chromium, up to the stage."""

import io
import re
import wave

import numpy as np
import pandas as pd
import pytest
import torch
from playwright.sync_api import expect
from torch import nn

from viz.text import say

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.browser

CARD = ".st-key-own-input"
STEPS = 40


def model(width: int) -> bytes:
    torch.manual_seed(0)
    buffer = io.BytesIO()
    torch.save(nn.LSTM(width, 8).state_dict(), buffer)
    return buffer.getvalue()


def parquet() -> bytes:
    rng = np.random.default_rng(0)
    columns = {name: rng.standard_normal(STEPS) for name in ("heat", "flow", "load")}
    frame = pd.DataFrame({"when": pd.date_range("2026-01-01", periods=STEPS), **columns})
    frame.insert(2, "site", "north")
    out = io.BytesIO()
    frame.to_parquet(out, index=False)
    return out.getvalue()


def sound(rate: int = 8000) -> bytes:
    """Silence, then a tone: the bands of the tone rise in the middle."""
    time = np.arange(rate) / rate
    samples = np.where(time < 0.5, 0, 12_000 * np.sin(2 * np.pi * 600 * time))
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())
    return out.getvalue()


@pytest.fixture
def reading(visit, app_url):
    """The page with a model that reads so many numbers a step, and a data file, at the stage."""

    def open_page(width: int, content: bytes, name: str):
        one = visit(stage=False)
        # Streamlit looks for its own service below the page's address first, and then above it.
        one.allowed = ("404",)
        page = one.page
        page.goto(f"{app_url}/own?lang=en")
        page.get_by_test_id("stFileUploader").first.wait_for(timeout=60_000)
        drop(page, model(width), "sensor.pt")
        settle(page)
        page.locator(".st-key-own-source").get_by_text(say("own.source.file", "en")).click()
        page.locator(CARD).get_by_test_id("stFileUploader").wait_for(timeout=30_000)
        drop(page, content, name, CARD)
        expect(page.locator(CARD)).to_contain_text(name, timeout=30_000)
        settle(page)
        return page

    return open_page


def drop(page, content: bytes, name: str, inside: str = "") -> None:
    file = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    page.locator(f"{inside} input[type=file]").first.set_input_files(file)


def settle(page) -> None:
    from tests.browser import SETTLED  # pytest wants to load that module itself

    page.get_by_test_id("stage").wait_for(timeout=60_000)
    page.wait_for_function(SETTLED, timeout=60_000, polling=100)


def goes_to_step(page, last: int) -> None:
    """The stage has the new sequence, and its last step is this one."""
    slider = page.get_by_test_id("stage").locator("input[type=range]").first
    expect(slider).to_have_attribute("max", str(last), timeout=30_000)
    settle(page)
    page.get_by_test_id("stage").press("End")
    expect(page.get_by_test_id("stage")).to_have_attribute("data-step", str(last))


def test_parquet_reaches_the_stage_and_its_other_columns_are_named(reading):
    page = reading(3, parquet(), "plant.parquet")
    card = page.locator(CARD)
    expect(card).to_contain_text(f"rows: {STEPS}, columns: 5")
    expect(card).to_contain_text("PARQUET")
    expect(card).to_contain_text(re.compile(r"Not read: .*when.*\(text\).*site.*\(text\)"))
    goes_to_step(page, STEPS - 1)
    stage = page.get_by_test_id("stage")
    expect(stage.locator("aside .terms")).to_contain_text(re.compile("heat|flow|load"))
    assert page.get_by_test_id("stAlert").count() == 0


def test_sound_reaches_the_stage_and_its_frames_can_be_changed(reading):
    page = reading(6, sound(), "word.wav")
    card = page.locator(CARD)
    expect(card).to_contain_text("mel bands: 6")
    expect(card).to_contain_text("frame, ms: 25")
    goes_to_step(page, (8000 - 200) // 80)
    stage = page.get_by_test_id("stage")
    expect(stage.locator("aside .terms")).to_contain_text("Hz")

    card.get_by_role("button", name=say("own.data-how", "en")).click()
    field = page.get_by_label(say("own.option.hop_ms", "en"))
    field.fill("20")
    field.press("Enter")
    expect(card).to_contain_text("from frame to frame, ms: 20", timeout=30_000)
    page.keyboard.press("Escape")
    goes_to_step(page, (8000 - 200) // 160)
