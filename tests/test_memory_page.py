"""The memory lab: what it says of the chosen sequence and token, in both languages."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lstm_core.tasks import TASKS
from tests.pages import query, told, visited, words
from viz.lab import MOST_STEPS
from viz.pages import cached
from viz.text import LANGUAGES, say

APP = str(Path(__file__).parents[1] / "app.py")
PAGE = "from viz.pages import memory\n\nmemory.show()\n"
SECTIONS = ("recall", "change", "gradient", "ledger", "half")


@pytest.fixture
def opened(shipped, monkeypatch):
    """Opens the memory lab at an address."""
    monkeypatch.setattr(cached, "SEQUENCES", 4)

    def run(**query: str) -> AppTest:
        page = AppTest.from_string(PAGE, default_timeout=120)
        return visited(page, **query)

    run.folder = shipped
    return run


def charts(page: AppTest) -> list[str]:
    return [chart.proto.id for chart in page.get("plotly_chart")]


def tokens(page: AppTest):
    (found,) = [group for group in page.button_group if group.key.startswith("token-")]
    return found


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("task", list(TASKS))
def test_every_section_speaks_the_language_of_the_address(opened, language, task):
    page = opened(lang=language, preset=task)
    assert told(page) == []
    assert [head.value for head in page.subheader] == [
        say(f"memory.{name}.title", language) for name in SECTIONS
    ]
    assert [box.label for box in page.expander] == [say("memory.expert.title", language)]
    recall = say("memory.recall.none", language) in words(page)
    assert recall == (task == "python")
    assert len(charts(page)) >= 12


def test_flagged_token_is_chosen_first(opened):
    page = opened(text="AB!CDE?F")
    assert tokens(page).value == 2
    assert "“C” at step 2" not in words(page)
    assert tokens(page).options[2] == "\\!C₂"


def test_another_token_changes_the_sentences_and_keeps_the_address(opened):
    page = opened(text="AB!CDE?F", lang="en")
    before = words(page)
    tokens(page).set_value(4).run()
    assert words(page) != before
    assert query(page) == {"text": "AB!CDE?F", "lang": "en"}


def test_step_of_the_address_is_the_one_whose_memory_is_shown(opened):
    page = opened(text="AB!CDE?F", step="5")
    assert page.slider[0].value == 5
    assert "memory at step 5" in words(page)
    assert opened(text="AB!CDE?F").slider[0].value == 5


def test_step_before_the_change_says_why_there_is_no_bar(opened):
    page = opened(text="AB!CDE?F", step="1")
    assert told(page) == [say("memory.path.later", "en", at=1, step=2)]


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_plain_rnn_has_no_ledger_and_says_so(opened, language):
    page = opened(text="AB!CDE?F", lang=language)
    page.button_group(key="ledger-model").set_value("rnn").run()
    assert say("memory.ledger.rnn", language, at=5) in words(page)


def test_gru_shows_the_age_of_its_memory(opened):
    page = opened(text="AB!CDE?F")
    assert "steps old on average" not in words(page)
    page.button_group(key="ledger-model").set_value("gru").run()
    assert "steps old on average" in words(page)


def test_recall_is_measured_when_asked_and_kept(opened):
    page = opened()
    before = words(page)
    assert say("memory.recall.nothing", "en") in before
    page.button(key="measure-recall").click().run()
    assert "measured now" in words(page)
    assert "measure-recall" not in [button.key for button in page.button]


def test_expert_part_is_computed_when_opened(opened, monkeypatch):
    asked = []
    monkeypatch.setattr(cached, "lyapunov_exponents", lambda trace: asked.append(trace) or 1 / 0)
    assert told(opened(text="AB!CDE?F")) == []
    assert asked == []


def test_expert_part_shows_its_figures(opened):
    page = opened(text="AB!CDE?F")
    before = len(charts(page))
    page.session_state["expert"] = True
    page.run()
    assert not page.exception
    assert len(charts(page)) == before + 3
    assert "participation ratio" in words(page)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_long_sequence_is_cut_and_the_page_says_so(opened, language):
    length = MOST_STEPS + 20
    page = opened(text="A!B" + "C" * (length - 2), lang=language)
    assert told(page) == [say("memory.cut", language, length=length, limit=MOST_STEPS)]
    assert page.number_input[-1].max == MOST_STEPS - 1


def test_one_step_has_nothing_to_remember(opened):
    assert told(opened(text="A")) == [say("memory.too-short", "en")]


@pytest.mark.parametrize("text", ["AB", "?", "!A?", "AAAA", "!A!B??", "AB?"])
def test_odd_sequences_lead_to_no_error(opened, text):
    assert len(told(opened(text=text))) <= 1


def test_damaged_models_are_named_and_the_rest_is_shown(opened):
    for cell in ("lstm", "gru"):
        (opened.folder / f"recall-{cell}.safetensors").write_bytes(b"x")
    (opened.folder / "short-recall-rnn.safetensors").unlink()
    page = opened(text="AB!CDE?F")
    assert len(told(page)) == 2
    assert say("memory.ledger.rnn", "en", at=5) in words(page)


def test_task_without_any_model_says_so(opened):
    for path in opened.folder.glob("recall-*"):
        path.write_bytes(b"")
    page = opened()
    assert say("page.no-models", "en") in told(page)
    assert not charts(page)


def test_new_example_is_drawn_here_too(opened):
    page = opened(seed="9", step="3")
    page.button(key="new").click().run()
    assert not page.exception
    assert query(page) == {"seed": "10", "step": "3"}


def test_menu_keeps_the_address_on_the_way_to_every_page(opened):
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params["seed"] = "7"
    page.query_params["lang"] = "zh"
    page.run()
    links = [link.proto for link in page.get("page_link")]
    names = [say(f"page.{page}", "zh") for page in ("step", "memory", "units")]
    assert [link.label for link in links][:3] == names
    assert all("seed=7" in link.query_string for link in links)
