"""The stage in a real browser: stepping, scrubbing, hover, pins, arithmetic, models, long input."""

import re

import numpy as np
import pytest

from lstm_core import zoo
from lstm_core.counterfactual import counterfactual
from lstm_core.tasks import TASKS
from lstm_core.trace import trace
from viz.text import say

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.browser


def stage_of(page):
    return page.get_by_test_id("stage")


def step_of(page) -> int:
    return int(stage_of(page).get_attribute("data-step"))


def wait_for_step(page, step: int) -> None:
    page.wait_for_function(
        "step => document.querySelector('[data-testid=stage]').dataset.step === String(step)",
        arg=step,
        timeout=5_000,
    )


def press(page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def numbers(text: str) -> list[float]:
    return [float(n.replace("−", "-")) for n in re.findall(r"[−+]?\d+\.\d+(?:e[+-]\d+)?", text)]


def count_messages(page) -> list[int]:
    """A list of one number that counts the websocket's messages; reload to start it."""
    count = [0]

    def more(_: object) -> None:
        count[0] += 1

    page.on("websocket", lambda ws: (ws.on("framesent", more), ws.on("framereceived", more)))
    page.reload()
    stage_of(page).wait_for()
    page.wait_for_timeout(1_500)
    return count


def lane(page, name: str):
    return page.locator(f'[data-lane="{name}"] canvas')


def move_to_cell(page, name: str, t: int, unit: int, steps: int, units: int) -> None:
    box = lane(page, name).bounding_box()
    page.mouse.move(
        box["x"] + (t + 0.5) / steps * box["width"], box["y"] + (unit + 0.5) / units * box["height"]
    )


def test_twenty_fast_presses_are_twenty_steps_and_no_message(visit):
    page = visit(step="10").page
    count = count_messages(page)
    before = count[0]
    stage_of(page).focus()
    press(page, *["ArrowRight"] * 20)
    wait_for_step(page, 30)
    page.wait_for_timeout(700)
    assert count[0] == before
    assert "step=30" in page.url


def test_every_key_of_the_stage(visit):
    page = visit(step="10").page
    stage_of(page).focus()
    for key, step in [
        ("ArrowRight", 11), ("ArrowLeft", 10), ("Shift+ArrowRight", 15), ("Shift+ArrowLeft", 10),
        ("Home", 0), ("ArrowLeft", 0), ("End", 55), ("ArrowRight", 55),
    ]:  # fmt: skip
        press(page, key)
        page.wait_for_timeout(60)
        assert step_of(page) == step, key


def test_a_held_key_loses_nothing(visit):
    page = visit(step="0").page
    stage_of(page).focus()
    for _ in range(40):
        page.keyboard.down("ArrowRight")
    page.keyboard.up("ArrowRight")
    wait_for_step(page, 40)


def test_play_moves_pauses_and_stops_at_the_end(visit):
    page = visit(step="50").page
    stage_of(page).focus()
    press(page, " ")
    wait_for_step(page, 52)
    press(page, " ")
    page.wait_for_timeout(400)
    assert 52 <= step_of(page) <= 54
    paused = step_of(page)
    page.wait_for_timeout(500)
    assert step_of(page) == paused
    press(page, " ")
    wait_for_step(page, 55)
    page.get_by_role("button", name=say("stage.play", "en")).wait_for()


def test_clicking_a_token_and_dragging_over_the_tokens_scrub(visit):
    page = visit(step="5").page
    box = page.locator(".row.tokens canvas").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.click(box["x"] + 20.5 / 56 * box["width"], middle)
    wait_for_step(page, 20)
    page.mouse.move(box["x"] + 20.5 / 56 * box["width"], middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 40.5 / 56 * box["width"], middle, steps=6)
    wait_for_step(page, 40)
    page.mouse.move(box["x"] + 30.5 / 56 * box["width"], middle - 40, steps=6)
    wait_for_step(page, 30)  # above the row: a drag holds on
    page.mouse.up()


def test_a_touch_drag_scrubs(visit):
    page = visit({"viewport": {"width": 390, "height": 844}, "has_touch": True}, step="5").page
    box = lane(page, "lstm.f").bounding_box()
    y = box["y"] + 20
    session = page.context.new_cdp_session(page)

    def touch(kind: str, share: float | None) -> None:
        points = [] if share is None else [{"x": box["x"] + share * box["width"], "y": y}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 0.3)
    for share in (0.4, 0.5, 0.6):
        touch("touchMove", share)
    page.wait_for_timeout(100)
    touch("touchEnd", None)
    assert step_of(page) > 20


def test_hover_reads_the_cell_that_the_model_computed(visit):
    page = visit().page
    example = TASKS["recall"].example(5)
    traced = trace(zoo.load("recall", "lstm").model, example.ids)
    for key, t, unit in [("f", 3, 0), ("c", 30, 17), ("h", 55, 31)]:
        move_to_cell(page, f"lstm.{key}", t, unit, 56, 32)
        tip = page.locator(".tip").inner_text()
        assert f"unit {unit} " in tip
        assert f"t = {t} " in tip
        assert numbers(tip)[-1] == pytest.approx(traced[key][t, unit], abs=6e-5)


def test_a_click_pins_and_several_pins_compare(visit):
    page = visit(step="41").page
    for t in (10, 20):
        move_to_cell(page, "lstm.c", t, 4, 56, 32)
        page.mouse.down()
        page.mouse.up()
    pins = page.locator(".pins li")
    assert pins.count() == 2
    first, second = numbers(pins.nth(0).inner_text()), numbers(pins.nth(1).inner_text())
    assert second[1] == pytest.approx(second[0] - first[0], abs=2e-3)
    assert step_of(page) == 41
    stage_of(page).focus()
    press(page, "Escape")
    assert pins.count() == 0


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_the_equation_and_the_products_add_up_to_the_heat_map(visit, cell):
    page = visit(models=cell, step="30", unit="5").page
    example = TASKS["recall"].example(5)
    layer = trace(zoo.load("recall", cell).model, example.ids).layer()
    state = {"lstm": "c", "gru": "h", "rnn": "h"}[cell]
    line = {"lstm": 2, "gru": 2, "rnn": 2}[cell]
    equation = page.locator(".equation div").nth(line).inner_text()
    assert numbers(equation)[-1] == pytest.approx(layer.signals[state][30, 5], abs=6e-4)
    if cell != "rnn":
        *addends, total = numbers(equation)
        assert sum(addends) == pytest.approx(total, abs=2e-3)
    gates = {"lstm": "figo", "gru": "rzn", "rnn": "h"}[cell]
    if page.locator(".more").is_visible():
        page.locator(".more").click()
    for gate in gates:
        name = say(f"signal.{cell}.{gate}", "en")
        page.locator(".bars button", has_text=name).first.click()
        terms = [numbers(t)[0] for t in page.locator(".terms b").all_inner_texts()]
        total, value = numbers(page.locator(".result").inner_text())
        assert sum(terms) == pytest.approx(total, abs=0.06)
        assert total == pytest.approx(layer.select(f"z_{gate}")[30, 5], abs=6e-4)
        assert value == pytest.approx(layer.signals[gate][30, 5], abs=6e-4)
        assert terms == sorted(terms, key=abs, reverse=True)


def test_models_are_added_moved_and_removed(visit):
    page = visit().page
    stage = stage_of(page)
    assert stage.get_attribute("data-model") == "lstm rnn"
    page.get_by_role("button", name=say("stage.add", "en", model="GRU")).click()
    page.get_by_role("button", name=say("stage.moveUp", "en", model="GRU")).click()
    assert stage.get_attribute("data-model") == "lstm gru rnn"
    page.get_by_role("button", name=say("stage.remove", "en", model="LSTM")).click()
    assert stage.get_attribute("data-model") == "gru rnn"
    page.wait_for_url(re.compile("models=gru%2Crnn"))
    assert page.locator(".group h3").all_inner_texts() == ["GRU", say("cell.rnn", "en")]
    assert "LSTM" not in page.locator(".sentence").inner_text()


def test_lanes_fold_and_resize_by_keyboard_and_pointer(visit):
    page = visit().page
    label = page.locator('[data-lane="lstm.g"] .label')
    label.click()
    assert lane(page, "lstm.g").count() == 0
    assert label.get_attribute("aria-expanded") == "false"
    label.press("Enter")
    assert lane(page, "lstm.g").count() == 1
    before = lane(page, "lstm.c").bounding_box()["height"]
    page.locator('[data-lane="lstm.c"] .label').press("Shift+ArrowDown")
    assert lane(page, "lstm.c").bounding_box()["height"] == before + 8
    edge = page.locator('[data-lane="lstm.c"] .resizer').bounding_box()
    page.mouse.move(edge["x"] + 50, edge["y"] + 2)
    page.mouse.down()
    page.mouse.move(edge["x"] + 50, edge["y"] + 22)
    page.mouse.up()
    assert lane(page, "lstm.c").bounding_box()["height"] == before + 28


def test_units_sorted_by_time_constant_are_drawn_in_that_order(visit):
    page = visit().page
    layer = trace(zoo.load("recall", "lstm").model, TASKS["recall"].example(5).ids).layer()
    tau = -1 / np.log(layer.signals["f"].astype(float)).mean(axis=0)
    page.locator(".options summary").click()
    page.locator(".options select").select_option("tau")
    stage_of(page).press("Escape")
    move_to_cell(page, "lstm.f", 20, 0, 56, 32)
    assert f"unit {tau.argmax()} " in page.locator(".tip").inner_text()
    move_to_cell(page, "lstm.f", 20, 31, 56, 32)
    assert f"unit {tau.argmin()} " in page.locator(".tip").inner_text()


def test_up_and_down_change_the_unit_and_the_address(visit):
    page = visit(unit="5").page
    stage_of(page).focus()
    press(page, "ArrowDown", "ArrowDown", "ArrowUp")
    page.wait_for_url(re.compile("unit=6"))
    assert "unit 6" in page.locator(".cell-head").inner_text()


def test_a_copied_address_shows_the_same(visit):
    page = visit().page
    stage_of(page).focus()
    press(page, "Home", *["ArrowRight"] * 7, "ArrowDown")
    page.wait_for_url(re.compile("step=7"))
    query = dict(pair.split("=") for pair in page.url.partition("?")[2].split("&"))
    query["models"] = query["models"].replace("%2C", ",")
    other = visit(**query).page
    for part in (".sentence", ".equation", ".cell-head", ".transport output"):
        assert other.locator(part).inner_text() == page.locator(part).inner_text()
    assert step_of(other) == 7


def test_a_new_input_keeps_step_unit_models_and_pins(visit):
    page = visit(models="gru,lstm", step="9", unit="3").page
    move_to_cell(page, "gru.z", 12, 4, 56, 37)
    page.mouse.down()
    page.mouse.up()
    page.get_by_role("button", name=re.compile("^New example")).first.click()
    page.wait_for_url(re.compile("seed=6"))
    page.wait_for_timeout(800)
    assert step_of(page) == 9
    assert stage_of(page).get_attribute("data-model") == "gru lstm"
    assert page.locator(".pins li").count() == 1


def test_two_thousand_steps_have_a_window_and_keys_still_count(visit):
    page = visit(preset="python", step="1000").page
    page.locator(".st-key-header").get_by_role("button", name=say("page.edit", "en")).click()
    text = ("def f(x):\n    return x + 1\n" * 80)[:2000]
    page.get_by_role("textbox", name=say("page.sequence", "en")).fill(text)
    page.get_by_role("button", name=say("page.run", "en"), exact=True).click()
    page.locator(".time", has_text="/ 1999").wait_for()
    assert page.locator(".row.overview canvas").is_visible()
    page.keyboard.press("Escape")
    stage_of(page).focus()
    press(page, "End")
    wait_for_step(page, 1999)
    press(page, *["Shift+ArrowLeft"] * 20)
    wait_for_step(page, 1899)
    strip = page.locator(".row.overview canvas").bounding_box()
    page.mouse.click(strip["x"] + strip["width"] / 2, strip["y"] + 8)
    page.wait_for_timeout(200)
    assert abs(step_of(page) - 1000) <= 4


def test_the_drawn_colours_are_those_of_the_style(visit):
    page = visit(step="55").page
    from viz import style

    layer = trace(zoo.load("recall", "lstm").model, TASKS["recall"].example(5).ids).layer()
    pick = """([name, x, y]) => {
      const canvas = document.querySelector(`[data-lane="${name}"] canvas`);
      const at = [Math.floor(x * canvas.width), Math.floor(y * canvas.height)];
      return [...canvas.getContext("2d").getImageData(...at, 1, 1).data];
    }"""
    stops = np.array([[int(s[k : k + 2], 16) for k in (1, 3, 5)] for s in style.SEQUENTIAL])
    for t, unit in [(0, 0), (3, 11), (40, 31)]:
        red, green, blue, _ = page.evaluate(pick, ["lstm.f", (t + 0.5) / 56, (unit + 0.5) / 32])
        place = layer.signals["f"][t, unit] * (len(stops) - 1)
        grid = np.arange(len(stops))
        expected = [np.interp(place, grid, stops[:, k]) for k in range(3)]
        np.testing.assert_allclose([red, green, blue], expected, atol=3)


def test_the_live_region_says_the_step_and_text_gives_every_value(visit):
    page = visit(step="10").page
    stage_of(page).focus()
    press(page, "ArrowRight")
    page.wait_for_function(
        "document.querySelector('.unseen[aria-live]').textContent.includes('Step 11 (')"
    )
    page.locator(".cell details summary").click()
    rows = page.locator(".values tbody tr")
    assert rows.count() == 32
    traced = trace(zoo.load("recall", "lstm").model, TASKS["recall"].example(5).ids)
    values = [float(v.replace("−", "-")) for v in rows.nth(5).locator("td").all_inner_texts()]
    expected = [5, *(traced[key][11, 5] for key in "fiogch")]
    np.testing.assert_allclose(values, expected, atol=6e-5)


def test_the_badge_opens_recipe_and_the_score_of_every_seed(visit):
    page = visit().page
    badge = page.locator(".badge").first
    assert float(badge.inner_text().split("=")[1]) < 1e-5
    badge.click()
    check = zoo.load("recall", "lstm")
    assert page.locator(".about tbody tr").count() == len(check.scores)
    assert check.hash[:16] in page.locator(".about").first.inner_text()


def test_a_phone_shows_one_model_at_a_time(visit):
    page = visit({"viewport": {"width": 390, "height": 844}}).page
    assert page.locator(".group").count() == 1
    page.locator(".part-tabs button", has_text=say("cell.rnn", "en")).click()
    assert page.locator(".group h3").inner_text() == say("cell.rnn", "en")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_theme_follows_the_browser(visit):
    page = visit({"color_scheme": "dark"}).page
    assert "dark" in stage_of(page).get_attribute("class").split()
    page = visit({"color_scheme": "light"}).page
    assert "dark" not in stage_of(page).get_attribute("class").split()


def test_the_last_row_says_how_much_of_a_token_each_model_still_knows(visit):
    page = visit(step="30").page
    task = TASKS["recall"]
    ids = task.example(5).ids

    def expected(asked: int) -> list[float]:
        models = (zoo.load("recall", cell).model for cell in ("lstm", "rnn"))
        changed = task.replacements(ids)
        return [counterfactual(m, ids, changed, measure="scaled")[asked, 30] for m in models]

    legend = page.locator(".memory .legend")
    assert numbers(legend.inner_text()) == pytest.approx(expected(3), abs=0.006)
    stage_of(page).focus()
    press(page, "Home", *["ArrowRight"] * 12, "m", *["ArrowRight"] * 18)
    wait_for_step(page, 30)
    assert "12" in page.locator(".memory h3").inner_text()
    assert numbers(legend.inner_text()) == pytest.approx(expected(12), abs=0.006)


def test_a_cell_is_pinned_without_a_pointer_and_its_pin_brings_a_hidden_model_back(visit):
    page = visit(models="rnn,lstm", step="9", unit="3").page
    stage_of(page).focus()
    press(page, "p")
    assert page.locator(".pins li").count() == 1
    page.get_by_role("button", name=say("stage.remove", "en", model=say("cell.rnn", "en"))).click()
    assert stage_of(page).get_attribute("data-model") == "lstm"
    page.locator(".pins .pin").click()
    assert stage_of(page).get_attribute("data-model") == "lstm rnn"
    assert "unit 3" in page.locator(".cell-head").inner_text()
