"""Changes on the stage: brush, set, compare with what was, undo; the address keeps them."""

import json
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from lstm_core import Intervention, trace
from lstm_core.tasks import TASKS
from lstm_core.zoo import load

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.browser

PANEL = ".surgery:not([hidden])"


def changes_of(page) -> list[dict]:
    """What the address says is changed, once the stage has written it."""
    quiet(page)
    page.wait_for_timeout(400)
    (text,) = parse_qs(urlsplit(page.url).query).get("changes", ["[]"])
    return json.loads(text)


def answered(page, number: int) -> None:
    """Wait until Python has answered the request `number`."""
    page.wait_for_function(
        "n => Number(document.querySelector('[data-testid=stage]').dataset.answered) >= n",
        arg=number,
        timeout=20_000,
    )


def quiet(page) -> None:
    """Wait until Python has answered everything that was asked."""
    page.wait_for_function(
        "() => { const { asked, answered } = document.querySelector('[data-testid=stage]').dataset;"
        " return !asked || asked === answered; }",
        timeout=20_000,
    )


def open_panel(page) -> None:
    page.keyboard.press("e")
    page.locator(PANEL).wait_for()


def brush(page, lane: str, units: tuple[int, int], steps: tuple[int, int], of: tuple[int, int]):
    """Drag over a heat map of so many units and steps, ends included."""
    box = page.locator(f'[data-lane="{lane}"] canvas').bounding_box()
    column, row = box["width"] / of[1], box["height"] / of[0]
    page.mouse.move(box["x"] + (steps[0] + 0.5) * column, box["y"] + (units[0] + 0.5) * row)
    page.mouse.down()
    page.mouse.move(
        box["x"] + (steps[1] + 0.5) * column, box["y"] + (units[1] + 0.5) * row, steps=6
    )
    page.mouse.up()


def answer_of(page) -> str:
    return page.locator(".surgery .outcome").inner_text()


def said(*interventions: Intervention) -> str:
    """The LSTM's answer and its probability, from the core."""
    example = TASKS["recall"].example(1)
    step = int(np.flatnonzero(example.targets >= 0)[0])
    model = load("recall", "lstm").model
    logits = trace(model, example.ids, interventions=interventions).outputs[step].astype(float)
    share = np.exp(logits) / np.exp(logits).sum()
    return f"{TASKS['recall'].classes[share.argmax()]} ({100 * share.max():.1f} %)"


@pytest.fixture
def stage(visit):
    """The page of a sequence whose symbol is lost where the forget gate shuts once."""
    return visit(seed="1", models="lstm,rnn").page


def test_brush_set_compare_undo_and_the_address(visit, stage):
    open_panel(stage)
    brush(stage, "lstm.f", (0, 31), (2, 2), (32, 62))
    answered(stage, 1)
    assert changes_of(stage) == [
        {"model": "lstm", "signal": "f", "op": "set", "value": 0, "times": [2]}
    ]
    assert (
        f"answers {said(Intervention(signal='f', op='set', value=0, times=2))} instead of {said()}"
        in (answer_of(stage))
    )
    shot = stage.locator('[data-lane="lstm.c"] canvas').screenshot()
    stage.get_by_role("button", name="Original").click()
    assert stage.locator('[data-lane="lstm.c"] canvas').screenshot() != shot
    stage.get_by_role("button", name="Difference").click()
    assert "−" in stage.locator('[data-lane="lstm.f"] .range').inner_text()
    address = stage.url

    stage.get_by_role("button", name="Undo").click()
    answered(stage, 2)
    assert changes_of(stage) == []
    assert answer_of(stage) == ""
    stage.get_by_role("button", name="Redo").click()
    answered(stage, 3)
    assert len(changes_of(stage)) == 1

    again = visit(**{key: value[0] for key, value in parse_qs(urlsplit(address).query).items()})
    again.page.locator(PANEL).wait_for()
    assert "answers A" in answer_of(again.page)
    assert changes_of(again.page) == changes_of(stage)


def test_a_change_is_edited_switched_off_and_removed(stage):
    open_panel(stage)
    brush(stage, "lstm.i", (3, 5), (10, 14), (32, 62))
    answered(stage, 1)
    editor = stage.locator(".editor")
    editor.locator("[data-field=value]").fill("0.25")
    editor.locator("[data-field=value]").press("Tab")
    answered(stage, 2)
    editor.locator("[data-field=units]").fill("3, 7-9")
    editor.locator("[data-field=units]").press("Tab")
    answered(stage, 3)
    (change,) = changes_of(stage)
    assert change["value"] == 0.25
    assert change["units"] == [3, 7, 8, 9]
    assert "4 units" in stage.locator(".changes .name").inner_text() or "units 3, 7, 8, 9" in (
        stage.locator(".changes .name").inner_text()
    )
    stage.locator(".changes input").click()
    answered(stage, 4)
    assert changes_of(stage)[0]["on"] is False
    assert stage.get_by_role("button", name="Difference").count() == 0
    stage.get_by_role("button", name="Remove", exact=True).click()
    answered(stage, 5)
    assert changes_of(stage) == []


def test_dragging_a_bar_sets_the_gate_of_the_chosen_unit_at_this_step(stage):
    track = stage.locator(".cell .bars button .track").first
    box = track.bounding_box()
    stage.mouse.move(box["x"] + box["width"] - 2, box["y"] + 4)
    stage.mouse.down()
    stage.mouse.move(box["x"] + box["width"] / 4, box["y"] + 4, steps=5)
    stage.mouse.up()
    stage.locator(PANEL).wait_for()
    (change,) = changes_of(stage)
    assert change["signal"] == "f"
    assert change["value"] == pytest.approx(0.25, abs=0.02)
    assert change["times"] == [47]
    assert len(change["units"]) == 1
    assert stage.locator(".cell .bars button .value").first.inner_text() == f"{change['value']:.3f}"
    assert "changed to" in stage.locator(".cell .result").inner_text()
    stage.get_by_role("button", name="Undo").click()
    assert changes_of(stage) == []  # one drag is one change


def test_the_chosen_unit_is_changed_from_this_step_on_by_a_button(stage):
    stage.locator(".change-here").click()
    answered(stage, 1)
    (change,) = changes_of(stage)
    assert change["signal"] == "f"
    assert change["times"] == [[47, 62]] or change["times"] == [[47, None]]
    assert len(change["units"]) == 1
    stage.get_by_test_id("stage").focus()
    stage.keyboard.press("Control+z")
    answered(stage, 2)
    assert changes_of(stage) == []


def test_a_token_is_replaced_and_the_answer_follows(stage):
    open_panel(stage)
    stage.keyboard.press("Home")
    stage.locator(".transport .time").click()
    stage.keyboard.press("ArrowRight")
    stage.locator("[data-role=token]").select_option("!C")
    answered(stage, 1)
    assert changes_of(stage) == [{"token": "!C", "time": 1}]
    assert "the LSTM answers C" in answer_of(stage)


def test_the_bias_of_the_gate_that_keeps_is_one_slider(stage):
    open_panel(stage)
    slider = stage.locator("[data-role=bias]")
    slider.fill("-4")
    answered(stage, 1)
    assert changes_of(stage) == [{"model": "lstm", "op": "shift_bias", "gate": "f", "value": -4}]
    assert "instead of E" in answer_of(stage)
    assert "bias of f −4" in stage.locator(".changes .name").inner_text()
    stage.locator("[data-role=bias]").fill("0")
    answered(stage, 2)
    assert changes_of(stage) == []


def test_a_slider_follows_the_mouse_and_the_keyboard(stage):
    open_panel(stage)
    box = stage.locator("[data-role=bias]").bounding_box()
    middle = box["y"] + box["height"] / 2
    stage.mouse.move(box["x"] + box["width"] / 2, middle)
    stage.mouse.down()
    for part in range(10):
        stage.mouse.move(box["x"] + box["width"] * (0.5 - 0.04 * part), middle)
        stage.wait_for_timeout(40)
    stage.mouse.up()
    (change,) = changes_of(stage)
    assert change["value"] == pytest.approx(-6.75, abs=0.5)  # the thumb is 16 pixels wide
    stage.keyboard.press("ArrowRight")
    assert changes_of(stage)[0]["value"] == change["value"] + 0.25
    assert stage.get_by_test_id("stage").get_attribute("data-step") == "47"
    for _ in range(2):
        stage.get_by_role("button", name="Undo").click()
    assert changes_of(stage) == []  # a drag is one change, a key press another


def test_fields_are_typed_one_after_the_other(stage):
    open_panel(stage)
    stage.locator(".change-here").click()
    answered(stage, 1)
    stage.locator("[data-field=from]").click()
    stage.keyboard.press("Control+a")
    stage.keyboard.type("5")
    stage.keyboard.press("Tab")
    stage.keyboard.press("Control+a")
    stage.keyboard.type("20")
    stage.keyboard.press("Tab")
    assert changes_of(stage)[0]["times"] == [[5, 21]]


def test_units_that_are_not_there_are_marked_and_change_nothing(stage):
    open_panel(stage)
    stage.locator(".change-here").click()
    answered(stage, 1)
    kept = changes_of(stage)
    for text in ("5-3", "32", "x", "0-99999"):
        stage.locator("[data-field=units]").fill(text)
        stage.locator("[data-field=units]").press("Tab")
        assert stage.locator("[data-field=units]").get_attribute("aria-invalid") == "true"
    assert changes_of(stage) == kept


def test_the_arithmetic_says_what_was_computed_and_what_it_was_changed_to(visit):
    small = '[{"model":"lstm","signal":"c","op":"add","value":0.02,"units":[4],"times":[47]}]'
    page = visit(seed="1", step="47", unit="4", focus="lstm", changes=small).page
    equation = page.locator(".equation").inner_text()
    example = TASKS["recall"].example(1)
    model = load("recall", "lstm").model
    was, now = (
        trace(model, example.ids, interventions=each)["c"][47, 4]
        for each in ((), (Intervention(signal="c", op="add", value=0.02, units=4, times=47),))
    )
    assert f"= {was:.3f} · changed to {now:.3f}" in equation
    page.get_by_role("button", name="Original").click()
    assert "changed to" not in page.locator(".equation").inner_text()


def test_another_page_and_back_keeps_the_changes_and_the_address(stage):
    open_panel(stage)
    stage.get_by_role("button", name="Never forget").click()
    answered(stage, 1)
    kept = changes_of(stage)
    stage.get_by_role("link", name="Memory lab").click()
    stage.get_by_test_id("stage").wait_for(state="detached")
    stage.get_by_role("link", name="Step", exact=True).click()
    stage.locator(".changes .name").wait_for()
    assert changes_of(stage) == kept


def test_an_example_of_no_shown_model_cannot_be_chosen(visit):
    page = visit(models="rnn").page
    open_panel(page)
    assert page.get_by_role("button", name="Never forget").is_disabled()
    assert page.get_by_role("button", name="Forget, once").is_enabled()


@pytest.mark.parametrize(
    "text",
    [
        '[{"model":[],"signal":"f","op":"set","value":0}]',
        '[{"model":"lstm","signal":"\\ud800","op":"set","value":0}]',
        '[{"token":"\\ud800","time":1}]',
        '[{"model":"lstm","signal":"f","op":"set","value":0,"times":[' + "9" * 4000 + "]}]",
        '[{"model":"lstm","signal":"f","op":"set","value":1e999}]',
    ],
)
def test_a_hostile_link_shows_the_stage_and_says_what_is_wrong(visit, text):
    page = visit(changes=text).page
    page.locator(".surgery .problem p").wait_for()
    assert "cannot be read" in page.locator(".surgery .problem").inner_text()
    assert page.locator(".changes li").count() == 0


def test_examples_ask_a_question_and_the_models_answer(stage):
    open_panel(stage)
    stage.get_by_role("button", name="Say nothing while waiting").click()
    answered(stage, 1)
    assert {change["model"] for change in changes_of(stage)} == {"lstm", "rnn"}
    assert "its memory of token 1 is lost" in answer_of(stage)
    assert "Is c enough to remember E?" in stage.locator(".begin").inner_text()


def test_changes_are_downloaded_and_loaded(stage, tmp_path):
    open_panel(stage)
    stage.get_by_role("button", name="Erase the memory, once").click()
    answered(stage, 1)
    with stage.expect_download() as download:
        stage.get_by_role("button", name="Download the changes").click()
    file = tmp_path / "changes.json"
    download.value.save_as(file)
    kept = changes_of(stage)
    assert json.loads(file.read_text()) == kept
    stage.get_by_role("button", name="Remove all changes").click()
    answered(stage, 2)
    stage.locator(".tools input[type=file]").set_input_files(file)
    answered(stage, 3)
    assert changes_of(stage) == kept


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "text"),
        ('[{"model": "lstm", "signal": "q", "op": "set", "value": 0}]', "signal"),
        ('[{"model": "<b>no</b>", "signal": "f", "op": "set", "value": 0}]', "model"),
        ('[{"model": "lstm", "signal": "f", "op": "set", "value": NaN}]', "value"),
    ],
)
def test_a_bad_file_is_refused_by_its_field_and_nothing_is_lost(stage, tmp_path, text, said):
    open_panel(stage)
    stage.get_by_role("button", name="Never forget").click()
    answered(stage, 1)
    file = tmp_path / "bad.json"
    file.write_text(text)
    stage.locator(".tools input[type=file]").set_input_files(file)
    answered(stage, 2)
    problem = stage.locator(".surgery .problem")
    assert problem.locator("strong").inner_text() == said
    assert "What you had is kept" in problem.inner_text()
    assert len(changes_of(stage)) == 1


def test_an_address_with_impossible_changes_says_which_field(visit):
    beyond = '[{"model":"lstm","signal":"f","op":"set","value":0,"units":[99]}]'
    page = visit(changes=beyond).page
    page.locator(PANEL).wait_for()
    assert page.locator(".changes .broken").count() == 1
    assert "The field units cannot be used" in page.locator(".surgery .problem").inner_text()
    broken = visit(changes='[{"model":"lstm"', lang="zh").page
    broken.locator(PANEL).wait_for()
    assert "读不懂这些改动" in broken.locator(".surgery .problem").inner_text()


def test_changes_stay_with_another_language_and_leave_with_another_task(stage):
    open_panel(stage)
    stage.get_by_role("button", name="Never forget").click()
    answered(stage, 1)
    stage.get_by_text("中文").click()
    stage.locator(".changes", has_text="所有单元的 f").wait_for()
    assert len(changes_of(stage)) == 1
