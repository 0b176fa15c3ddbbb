"""Which units matter: what the page says and keeps, in both languages."""

import json
from urllib.parse import parse_qs

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from lstm_core.signals import SIGNALS
from lstm_core.tasks import TASKS
from tests.pages import UNITS, query, small_model, told, visited, words
from viz import survey
from viz.pages import units
from viz.survey import Costs
from viz.text import LANGUAGES, say

APP_PAGE = """
import streamlit as st
from viz.pages import step, units
from viz.pages.header import offer

pages = [
    st.Page(step.show, title="step", url_path="step"),
    st.Page(units.show, title="units", url_path="units", default=True),
]
offer(pages)
st.navigation(pages, position="hidden").run()
"""


@pytest.fixture
def opened(shipped, monkeypatch):
    """Opens the page at an address."""
    monkeypatch.setattr(survey, "SEQUENCES", {"accuracy": 16, "loss": 2})
    monkeypatch.setattr(survey, "AT_EACH_DELAY", 4)

    def run(state: dict | None = None, **query: str) -> AppTest:
        page = AppTest.from_string(APP_PAGE, default_timeout=120)
        return visited(page, state, **query)

    run.folder = shipped
    return run


def drawn(page: AppTest) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]


def ranked(page: AppTest):
    return page.selectbox(key="units-ranked")


def link(page: AppTest) -> dict[str, list[str]]:
    """The address that the link to the stage leads to."""
    label = say("units.open", query(page).get("lang", "en"))
    (found,) = [each.proto for each in page.get("page_link") if each.proto.label == label]
    return parse_qs(found.query_string)


def measured(task: str, cell: str, clamp="mean", seed: int = 5) -> Costs:
    found = units._survey(task, cell, clamp, seed)
    return Costs.of(cell, "loss" if task == "python" else "accuracy", found)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("task", list(TASKS))
def test_page_shows_the_map_at_once_in_the_language_of_the_address(opened, language, task):
    page = opened(lang=language, preset=task)
    assert told(page) == []
    assert say("units.title", language) in words(page)
    chart, *others = drawn(page)
    costs = measured(task, "lstm")
    assert [int(unit) for unit in chart["data"][0]["y"]] == list(costs.units)
    assert len(others) == (task != "python")
    assert [button.key for button in page.button if "units" in button.key] == []


@pytest.mark.parametrize("cell", sorted(UNITS))
def test_chosen_model_is_the_one_that_is_drawn_and_listed(opened, cell):
    page = opened()
    page.button_group(key="units-model").set_value(cell).run()
    assert told(page) == []
    chart = drawn(page)[0]
    assert len(chart["data"][0]["x"]) == len(SIGNALS[cell])
    assert len(ranked(page).options) == len(SIGNALS[cell]) * UNITS[cell]


def test_model_of_the_address_comes_first(opened):
    assert opened(models="gru").button_group(key="units-model").value == "gru"


def test_dearest_clamp_is_shown_until_another_is_chosen(opened):
    page = opened(lang="en")
    costs = measured("recall", "lstm")
    assert ranked(page).value == (costs.dearest.signal, costs.dearest.unit)
    third = costs.ranked[2]
    ranked(page).set_value((third.signal, third.unit)).run()
    assert ranked(page).value == (third.signal, third.unit)
    (change,) = json.loads(link(page)["changes"][0])
    assert (change["signal"], change["units"]) == (third.signal, [third.unit])


@pytest.mark.parametrize("clamp", [0.0, 1.0])
def test_another_clamp_keeps_the_chosen_square_and_changes_its_value(opened, clamp):
    page = opened()
    ranked(page).set_value(("i", 1)).run()
    page.button_group(key="units-clamp").set_value(clamp).run()
    assert ranked(page).value == ("i", 1)
    (change,) = json.loads(link(page)["changes"][0])
    assert change == {"model": "lstm", "signal": "i", "op": "set", "value": clamp, "units": [1]}


def test_link_to_the_stage_carries_the_change_and_keeps_the_view(opened):
    page = opened(models="rnn", preset="short-recall", seed="9", lang="zh")
    page.button_group(key="units-model").set_value("gru").run()
    ranked(page).set_value(("z", 3)).run()
    found = link(page)
    one = measured("short-recall", "gru", seed=9).find("z", 3)
    (change,) = json.loads(found.pop("changes")[0])
    assert change["value"] == one.value
    assert found == {
        "models": ["rnn,gru"],
        "focus": ["gru"],
        "unit": ["3"],
        "preset": ["short-recall"],
        "seed": ["9"],
        "lang": ["zh"],
    }


def test_another_measure_ranks_by_it(opened):
    page = opened()
    page.button_group(key="units-measure-accuracy").set_value("loss").run()
    costs = Costs.of("lstm", "loss", units._survey("recall", "lstm", "mean", 5))
    assert [int(unit) for unit in drawn(page)[0]["data"][0]["y"]] == list(costs.units)
    assert say("units.bar-loss", "en") in page.table[0].value.columns


def test_new_example_measures_on_other_sequences(opened):
    page = opened(seed="9")
    page.button(key="new").click().run()
    assert query(page) == {"seed": "10"}
    assert units._survey("recall", "lstm", "mean", 10).complete


def test_stopped_survey_waits_and_goes_on_where_it_stood(opened):
    key = ("recall", "lstm", "mean", 5)
    st.cache_resource.clear()
    page = opened(state={"units-stopped": key})
    assert told(page) == []
    assert drawn(page) == []
    assert not units._survey(*key).found
    page.button(key="go-on-units").click().run()
    assert units._survey(*key).complete
    assert len(drawn(page)) == 2


def test_half_a_survey_is_shown_with_the_way_to_go_on(opened, monkeypatch):
    key = ("recall", "lstm", "mean", 5)
    whole = measured_parts(key)
    half = survey.Survey(iter(whole))
    half.advance()
    monkeypatch.setattr(units, "_survey", lambda *asked: half)
    page = opened(state={"units-stopped": key})
    assert told(page) == []
    assert say("units.stopped", "en", share="33 %") in words(page)
    assert "whatever is clamped" not in words(page)
    assert len(ranked(page).options) == len(half.found)


def measured_parts(key) -> list:
    """The parts of a survey, cut so that a third is measured first."""
    from lstm_core.effect import AblationProgress, ablation_map

    task, cell, clamp, seed = key
    parts = ablation_map(
        small_model(task, cell).model, TASKS[task], clamps=[clamp], sequences=16, seed=seed
    )
    found = tuple(one for part in parts for one in part.found)
    third = len(found) // 3
    return [
        AblationProgress(done=third, total=len(found), found=found[:third]),
        AblationProgress(done=len(found), total=len(found), found=found[third:]),
    ]


def test_more_units_than_fit_are_shown_on_request(opened, monkeypatch):
    monkeypatch.setattr("viz.ablation.MOST_ROWS", 2)
    page = opened()
    assert len(drawn(page)[0]["data"][0]["y"]) == 2
    page.toggle(key="units-all").set_value(True).run()
    assert len(drawn(page)[0]["data"][0]["y"]) == UNITS["lstm"]


def test_choice_made_for_one_model_is_not_taken_for_another(opened):
    page = opened(state={"units-chosen": (("recall", "rnn"), "h", 2)})
    dearest = measured("recall", "lstm").dearest
    assert ranked(page).value == (dearest.signal, dearest.unit)


def test_damaged_model_is_named_and_the_others_are_offered(opened):
    (opened.folder / "recall-lstm.safetensors").write_bytes(b"x")
    page = opened()
    assert len(told(page)) == 1
    assert page.button_group(key="units-model").value == "rnn"
    assert len(drawn(page)) == 2


def test_task_without_any_model_says_so(opened):
    for path in opened.folder.glob("recall-*"):
        path.write_bytes(b"")
    page = opened()
    assert say("page.no-models", "en") in told(page)
    assert not drawn(page)
