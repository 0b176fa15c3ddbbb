"""The page: what its address, its widgets and its mistakes lead to, in both languages."""

import json
import re
import struct
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lstm_core.tasks import TASKS
from tests.pages import query, stages, told, visited
from viz.state import MAX_STEPS, MAX_URL_TEXT, ViewState
from viz.text import LANGUAGES, say

APP = str(Path(__file__).parents[1] / "app.py")


@pytest.fixture
def opened(shipped):
    """Opens the page at an address."""

    def run(**query) -> AppTest:
        return visited(AppTest.from_file(APP, default_timeout=60), **query)

    return run


def header(page: AppTest) -> dict:
    """What the stage was told."""
    (component,) = stages(page)
    data = component.proto.bytes
    (length,) = struct.unpack_from("<I", data)
    return json.loads(data[4 : 4 + length])


def symbols(page: AppTest) -> str:
    """The sequence on the stage as a person would type it."""
    return page.text_area(key="typed").value


def run_typed(page: AppTest, text: str) -> AppTest:
    page.text_area(key="typed").input(text)
    (button,) = (b for b in page.button if b.label in (say("page.run", k) for k in LANGUAGES))
    return button.click().run()


# ---- What a visitor sees first


def test_first_visit_shows_flagged_recall_in_english(opened):
    page = opened()
    assert told(page) == []
    assert query(page) == {}
    assert page.title[0].value == say("title", "en")
    assert page.button(key="new").label == "New example · seed 5"
    shown = header(page)
    assert (shown["preset"], shown["language"]) == ("recall", "en")
    assert shown["view"]["models"] == ["lstm", "rnn"]
    assert [part["key"] for part in shown["parts"]] == ["lstm", "gru", "rnn"]
    assert [part["units"] for part in shown["parts"]] == [3, 4, 5]
    assert symbols(page) == TASKS["recall"].example(ViewState().seed).text


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_sentence_of_the_page_is_in_the_language_of_the_address(opened, language):
    page = opened(lang=language)
    assert page.title[0].value == say("title", language)
    assert page.selectbox(key="preset").options == [
        say(f"preset.{task}", language) for task in TASKS
    ]
    assert page.button(key="new").label == say("page.new", language, seed=5)
    assert [box.label for box in page.expander] == [
        say("page.plotly", language),
        say("take.title", language),
        say("page.models", language),
    ]
    assert header(page)["language"] == language


def test_language_switch_is_kept_in_the_address_and_nothing_else_changes(opened):
    page = opened(seed="9", step="4")
    before = symbols(page)
    page.button_group(key="language").set_value("zh").run()
    assert query(page) == {"seed": "9", "step": "4", "lang": "zh"}
    assert page.button(key="new").label == "新例子 · 种子 9"
    assert symbols(page) == before
    page.button_group(key="language").set_value("en").run()
    assert query(page)["lang"] == "en"


def test_address_wins_over_the_defaults(opened):
    page = opened(preset="short-recall", seed="12", models="gru,rnn", step="3", unit="2", lang="zh")
    assert told(page) == []
    shown = header(page)
    assert shown["preset"] == "short-recall"
    assert shown["view"] == {"models": ["gru", "rnn"], "step": 3, "unit": 2, "focus": None}
    assert symbols(page) == TASKS["short-recall"].example(12).text


# ---- Widgets write the address


def test_new_example_takes_the_next_seed_and_keeps_the_keys_of_the_stage(opened):
    page = opened(step="3", models="gru", unit="1")
    page.button(key="new").click().run()
    assert query(page) == {"seed": "6", "step": "3", "models": "gru", "unit": "1"}
    assert symbols(page) == TASKS["recall"].example(6).text


def test_new_example_after_the_last_seed_is_the_first(opened):
    page = opened(seed=str(2**31 - 1))
    page.button(key="new").click().run()
    assert query(page) == {"seed": "0"}


def test_seed_is_typed(opened):
    page = opened(text="AB!C?")
    page.number_input(key="seed").set_value(77).run()
    assert query(page) == {"seed": "77"}
    assert symbols(page) == TASKS["recall"].example(77).text


def test_another_task_keeps_the_seed_and_the_models_only(opened):
    page = opened(text="AB!C?", seed="8", step="2", unit="1", focus="rnn", models="rnn")
    page.selectbox(key="preset").set_value("python").run()
    assert told(page) == []
    assert query(page) == {"preset": "python", "seed": "8", "models": "rnn"}
    assert symbols(page) == TASKS["python"].example(8).text


def test_typed_sequence_goes_into_the_address(opened):
    page = run_typed(opened(), "ab!C de?".upper())
    assert told(page) == []
    assert query(page) == {"text": "AB!CDE?"}
    assert header(page)["parts"][0]["steps"] == 6
    assert page.button(key="new").label == say("page.typed", "en")


def test_long_text_stays_out_of_the_address_and_the_page_says_so(opened):
    text = "A!B" + "C" * MAX_URL_TEXT + "?"
    page = run_typed(opened(), text)
    assert "text" not in query(page)
    assert told(page) == [
        say("page.text-not-in-url", "en", length=f"{len(text):,}", limit=f"{MAX_URL_TEXT:,}")
    ]
    assert header(page)["parts"][0]["steps"] == len(text) - 1
    page.button_group(key="language").set_value("zh").run()
    assert symbols(page) == text
    page.button(key="new").click().run()
    assert told(page) == []
    assert symbols(page) == TASKS["recall"].example(6).text


def test_key_of_somebody_else_stays_in_the_address(opened):
    page = opened(utm_source="blog")
    page.button(key="new").click().run()
    assert query(page) == {"utm_source": "blog", "seed": "6"}


def test_rerun_without_an_action_changes_nothing(opened):
    page = opened(seed="9", models="gru", step="4")
    before = header(page)
    page.run()
    assert header(page) == before
    assert query(page) == {"seed": "9", "models": "gru", "step": "4"}


# ---- Mistakes

BAD_TEXT = [
    ("", "empty"),
    ("  \n", "whitespace"),
    ("ABx", "unknown-symbols"),
    ("A!", "lone-flag"),
    ("A\x07B", "control-characters"),
    ("A\u202eB", "control-characters"),
    ("Ax\u202e", "unknown-symbols"),
    ("אA", "unknown-symbols"),
    ("<script>alert(1)</script>", "unknown-symbols"),
    ("A" * (MAX_STEPS + 1), "too-long"),
    ("A" * (5 * MAX_STEPS), "too-long"),
]


def first_words(key: str, language: str) -> str:
    """The sentence up to its first field."""
    return say(key, language, **dict.fromkeys(_FIELDS, "\0")).partition("\0")[0]


_FIELDS = ("symbols", "allowed", "example", "length", "limit", "value", "cell", "code", "reason")


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize(("text", "code"), BAD_TEXT)
def test_unreadable_text_gets_a_sentence_and_the_old_view_stays(opened, language, text, code):
    page = opened(lang=language, seed="9")
    before = header(page)
    run_typed(page, text)
    (sentence,) = told(page)
    assert sentence.startswith(first_words(f"input.{code}", language))
    assert sentence.endswith(say("kept", language))
    assert header(page) == before
    assert query(page) == {"lang": language, "seed": "9"}
    assert symbols(page) == text


def test_sentence_names_what_was_wrong_as_code(opened):
    page = run_typed(opened(), "Ax<b>\u202e")
    (sentence,) = told(page)
    assert "`⟨U+202E RIGHT-TO-LEFT OVERRIDE⟩`" in sentence
    page = run_typed(page, "Ax<`")
    (sentence,) = told(page)
    for shown in ("`x`", "`<`", "`` ` ``"):
        assert f"\u2068{shown}\u2069" in sentence


def test_too_long_text_is_told_its_length_and_the_limit(opened):
    (sentence,) = told(run_typed(opened(), "A" * 10_001))
    assert "10,001 symbols" in sentence
    assert "at most 10,000" in sentence


def test_longest_text_is_shown(opened):
    page = run_typed(opened(), "A" * MAX_STEPS)
    assert header(page)["parts"][0]["steps"] == MAX_STEPS


def test_sentence_about_a_mistake_follows_the_language_and_leaves_with_it(opened):
    page = run_typed(opened(), "x")
    page.button_group(key="language").set_value("zh").run()
    (sentence,) = told(page)
    assert sentence.endswith(say("kept", "zh"))
    run_typed(page, "A!B?")
    assert told(page) == []
    assert query(page) == {"lang": "zh", "text": "A!B?"}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("preset", "<script>"),
        ("seed", "-1"),
        ("step", "1e9"),
        ("unit", "x"),
        ("models", "foo,foo"),
        ("focus", "lstm,rnn"),
    ],
)
def test_unusable_value_in_the_address_is_named_and_the_default_shown(opened, language, key, value):
    page = opened(lang=language, **{key: value})
    (sentence,) = told(page)
    assert sentence.startswith(first_words(f"url.{key}", language))
    assert f"`{value}`" in sentence
    assert sentence.endswith(say("fell-back", language))
    assert symbols(page) == TASKS["recall"].example(5).text


def test_unknown_language_falls_back_to_english(opened):
    page = opened(lang="xx")
    assert page.title[0].value == say("title", "en")
    assert "`xx`" in told(page)[0]


def test_repeated_key_in_the_address_is_named(opened):
    page = opened(seed=["1", "2"])
    (sentence,) = told(page)
    assert "`seed`" in sentence
    assert symbols(page) == TASKS["recall"].example(5).text


def test_unreadable_text_in_the_address_is_told_and_the_example_of_the_seed_shown(opened):
    page = opened(text="xyz", seed="9")
    about, why = told(page)
    assert "`xyz`" in about
    assert "`x`" in why
    assert symbols(page) == TASKS["recall"].example(9).text


def test_unusable_values_leave_the_address_with_the_next_action(opened):
    page = opened(step="abc", models="lstm,gru", seed="x")
    assert len(told(page)) == 2
    page.button(key="new").click().run()
    assert told(page) == []
    assert query(page) == {"models": "lstm,gru", "seed": "6"}


# ---- Models that cannot be shown


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("damage", ["cut", "foreign", "missing"])
def test_damaged_model_is_named_and_the_others_are_shown(shipped, opened, language, damage):
    path = shipped / "recall-gru.safetensors"
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    elif damage == "foreign":
        path.write_bytes(b"PK\x03\x04" + bytes(100))
    else:
        path.unlink()
    page = opened(lang=language)
    (sentence,) = told(page)
    assert say("cell.gru", language) in sentence
    assert [part["key"] for part in header(page)["parts"]] == ["lstm", "rnn"]


def test_task_without_any_model_says_so(shipped, opened):
    for path in shipped.glob("python-*"):
        path.write_bytes(b"")
    page = opened(preset="python")
    missing, together = told(page)
    assert missing == say("page.no-models", "en")
    assert [cell in together for cell in ("LSTM", "GRU", "Plain RNN")] == [True] * 3
    assert together.count("\n") == 2
    assert say("page.no-models", "en") in told(page)
    assert not stages(page)


def test_unusable_device_is_named_and_the_cpu_serves(opened, monkeypatch):
    monkeypatch.setenv("LSTM_DEVICE", "toaster")
    page = opened()
    (sentence,) = told(page)
    assert "toaster" in sentence
    assert header(page)["parts"]


@pytest.mark.parametrize(
    ("query", "value", "limit"),
    [
        ({"step": "99", "text": "AB!CDE?"}, "99", 5),
        ({"unit": "500", "models": "lstm"}, "500", None),
    ],
)
def test_a_place_that_the_models_do_not_have_is_named_once(opened, query, value, limit):
    page = opened(**query)
    (sentence,) = told(page)
    assert value in sentence
    assert limit is None or f"step {limit}" in sentence
    assert told(page.run()) == []


# ---- Below the stage


def test_scores_list_every_seed_and_failures_in_words(opened):
    table = opened().table[0].value
    assert len(table) == 6
    assert list(table[say("score.seed", "en")]) == ["3", "4"] * 3
    assert list(table[say("score.metric", "en")]) == ["99.5 % accuracy", "13.5 % accuracy"] * 3
    assert list(table[say("score.learned", "en")]) == ["yes", "did not learn in 7 s"] * 3
    assert list(table[say("score.shown", "en")]) == ["shown", ""] * 3


def test_figures_are_not_built_before_they_are_opened(opened, monkeypatch):
    from viz.pages import step

    monkeypatch.setattr(step, "gate_figure", lambda *_, **__: pytest.fail("built too early"))
    assert told(opened()) == []


def test_config_shows_no_traceback_and_sends_no_statistics():
    config = (Path(APP).parent / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    assert re.search(r'^showErrorDetails = "none"$', config, re.M)
    assert re.search(r"^gatherUsageStats = false$", config, re.M)
    assert "headless" not in config
