"""The arithmetic that the stage shows, run in Chromium, against the trace that torch made."""

import base64

import numpy as np
import pytest
import torch
from torch import nn

from lstm_core.signals import PACKED
from lstm_core.trace import trace
from tests.test_payload import parts_of
from viz import payload
from viz.state import ViewState

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.browser

PURE = ("payload.js", "arithmetic.js")

EVERY_SUM = """(encoded) => {
  const bytes = Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0));
  const header = decodePayload(bytes);
  return header.parts.map((part) => {
    part.signals = Object.fromEntries(part.lanes.map((lane) => [lane.key, lane.values]));
    return Object.fromEntries(part.packed.map((gate) => [gate,
      Array.from({ length: part.steps }, (_, t) =>
        Array.from({ length: part.units }, (_, unit) => preactivation(part, gate, unit, t).sum))]));
  });
}"""


@pytest.fixture(scope="module")
def sums(chromium):
    """Gives, for a payload, the sum of the shown products of every gate, step and unit."""
    page = chromium.new_page()
    for name in PURE:
        page.add_script_tag(content=(payload.FOLDER / name).read_text(encoding="utf-8"))
    yield lambda data: page.evaluate(EVERY_SUM, base64.b64encode(data).decode())
    page.close()


def assert_sums(found, traced, layer=-1, direction=0):
    part = traced.layer(layer, direction)
    for gate in PACKED[part.cell]:
        expected = part.select(f"z_{gate}")
        np.testing.assert_allclose(np.array(found[gate]), expected, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize(("task", "text"), [("recall", "AB!CDE?FG"), ("python", "x = [1]\n")])
def test_the_products_of_every_gate_add_up_to_its_preactivation(sums, task, text):
    parts, example = parts_of(text, task)
    found = sums(payload.packed(parts, example, ViewState(preset=task)))
    for part, one in zip(parts, found, strict=True):
        assert_sums(one, part.trace)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("direction", [0, 1])
@pytest.mark.parametrize("bias", [True, False])
def test_layers_directions_and_initial_states_add_up_too(sums, kind, direction, bias):
    torch.manual_seed(1)
    module = kind(3, 4, num_layers=2, bidirectional=True, bias=bias)
    start = {"h_0": np.random.default_rng(2).normal(size=(4, 4))}
    if kind is nn.LSTM:
        start["c_0"] = np.random.default_rng(3).normal(size=(4, 4))
    traced = trace(module, np.random.default_rng(1).normal(size=(5, 3)), **start)
    for layer in (0, 1):
        part = payload.Part(key=traced.cell, trace=traced, layer=layer, direction=direction)
        (found,) = sums(payload.packed([part], None, ViewState(preset="own")))
        assert_sums(found, traced, layer, direction)


def test_numbers_are_written_for_people(chromium):
    page = chromium.new_page()
    page.add_script_tag(content=(payload.FOLDER / "payload.js").read_text(encoding="utf-8"))
    written = page.evaluate(
        "[formatNumber(-0.5), formatNumber(-0.0001), formatNumber(NaN), formatNumber(-Infinity),"
        " formatNumber(123456), formatPercent(0.99999), formatPercent(1), formatPercent(0.125)]"
    )
    page.close()
    assert written == [
        "−0.500", "0.000", "NaN", "−∞", "1.23e+5", "> 99.9 %", "100 %", "12.5 %",
    ]  # fmt: skip


def test_the_joined_script_is_one_module_that_parses(chromium):
    page = chromium.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_script_tag(content=payload.assets().js, type="module")
    assert page.evaluate("document.querySelectorAll('script').length") == 1
    page.close()
    assert errors == []
