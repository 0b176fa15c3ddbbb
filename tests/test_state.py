"""The view and its query string: what goes out comes back, and garbage is named, not obeyed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_core.signals import SIGNALS
from lstm_core.tasks import TASKS
from viz.state import (
    MAX_SEED,
    MAX_STEPS,
    MAX_UNIT,
    MAX_URL_TEXT,
    PYTHON_KEYS,
    STAGE_KEYS,
    Problem,
    ViewState,
    parse,
    tell,
    to_query,
)
from viz.text import LANGUAGES

views = st.builds(
    ViewState,
    preset=st.sampled_from(list(TASKS)),
    seed=st.integers(0, MAX_SEED),
    text=st.none() | st.text(max_size=50),
    models=st.lists(st.sampled_from(list(SIGNALS)), min_size=1, unique=True).map(tuple),
    focus=st.none() | st.sampled_from(list(SIGNALS)),
    step=st.none() | st.integers(0, MAX_STEPS - 1),
    unit=st.none() | st.integers(0, MAX_UNIT),
    language=st.sampled_from(list(LANGUAGES)),
)


@given(views)
def test_view_comes_back_from_its_query_string(view):
    assert parse(to_query(view)) == (view, ())


@given(st.dictionaries(st.sampled_from([*PYTHON_KEYS, *STAGE_KEYS, "utm_source"]), st.text()))
def test_no_query_string_raises_and_what_it_means_can_be_written_again(query):
    view, problems = parse(query)
    assert parse(to_query(view)) == (view, ()) or len(query.get("text", "")) > MAX_URL_TEXT
    for problem in problems:
        for language in LANGUAGES:
            assert tell(problem, language)


def test_default_view_has_an_empty_query_string():
    assert to_query(ViewState()) == {}
    assert parse({}) == (ViewState(), ())


def test_every_field_is_written_under_its_key():
    view = ViewState(
        preset="python",
        seed=0,
        text="a=1\n",
        models=("gru", "lstm"),
        focus="gru",
        step=0,
        unit=3,
        changes="[]",
        language="zh",
    )
    expected = {
        "preset": "python",
        "seed": "0",
        "text": "a=1\n",
        "models": "gru,lstm",
        "focus": "gru",
        "step": "0",
        "unit": "3",
        "changes": "[]",
        "lang": "zh",
    }
    assert to_query(view) == expected
    assert set(expected) == {*PYTHON_KEYS, *STAGE_KEYS}


GARBAGE = [
    ("step", "abc"),
    ("step", "-1"),
    ("step", "1e9"),
    ("step", str(MAX_STEPS)),
    ("step", "٣"),
    ("step", " 3"),
    ("step", "1_0"),
    ("step", ""),
    ("seed", str(MAX_SEED + 1)),
    ("seed", "-0"),
    ("seed", "9" * 400),
    ("unit", "NaN"),
    ("unit", str(MAX_UNIT + 1)),
    ("models", "foo,foo"),
    ("models", "lstm,lstm"),
    ("models", "lstm,"),
    ("models", ""),
    ("focus", "LSTM"),
    ("lang", "xx"),
    ("lang", "EN"),
    ("preset", "<script>alert(1)</script>"),
    ("preset", ""),
]


@pytest.mark.parametrize(("key", "value"), GARBAGE)
def test_unusable_value_falls_back_and_is_named(key, value):
    view, problems = parse({key: value})
    assert view == ViewState()
    assert [(p.key, p.fields["value"]) for p in problems] == [(f"url.{key}", value)]


@pytest.mark.parametrize("key", [*PYTHON_KEYS, *STAGE_KEYS])
def test_repeated_key_falls_back_and_is_named(key):
    view, problems = parse({key: ["1", "2"]})
    assert view == ViewState()
    assert problems == (Problem(key="url.repeated", fields={"field": key, "count": 2}),)


def test_one_bad_value_does_not_cost_the_good_ones():
    view, problems = parse({"seed": "7", "step": "x", "models": "gru"})
    assert view == ViewState(seed=7, models=("gru",))
    assert [problem.key for problem in problems] == ["url.step"]


def test_key_of_somebody_else_is_no_problem():
    assert parse({"from": "singlemessage", "utm_source": "x"}) == (ViewState(), ())


def test_language_of_the_browser_holds_where_the_address_names_none():
    assert parse({}, language="zh")[0].language == "zh"
    assert parse({"lang": "en"}, language="zh")[0].language == "en"
    assert parse({"lang": "xx"}, language="zh")[0].language == "zh"


def test_text_too_long_for_an_address_stays_out_of_it():
    longest = "A" * MAX_URL_TEXT
    assert to_query(ViewState(text=longest)) == {"text": longest}
    assert to_query(ViewState(text=longest + "A", seed=7)) == {"seed": "7"}


def test_problem_is_told_with_the_value_quoted_and_what_was_expected():
    (problem,) = parse({"step": "1e9"})[1]
    assert tell(problem, "en") == (
        "The address gives the step \u2068`1e9`\u2069; it must be a whole number from 0 to 9,999."
    )
    assert "\u2068`1e9`\u2069" in tell(problem, "zh")


def test_hostile_value_is_told_as_code():
    (problem,) = parse({"preset": "<img src=x onerror=alert(1)>"})[1]
    assert "`<img src=x onerror=alert(1)>`" in tell(problem, "en")
