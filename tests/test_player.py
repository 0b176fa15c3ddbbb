"""The stage as one file: it holds the traces' own numbers, and nothing in it can come alive."""

import base64
import hashlib
import json
import re
import struct
import subprocess
import sys
import zlib
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import viz
from lstm_core import zoo
from lstm_core.signals import SIGNALS
from lstm_core.tasks import TASKS
from lstm_core.trace import Trace, trace
from viz import player, session
from viz.compact import rounded
from viz.payload import Part, packed
from viz.standalone import THEMES, player_html
from viz.state import ViewState
from viz.text import LANGUAGES, say

ROOT = Path(__file__).parents[1]
EMPTY = struct.pack("<I", 0)
HOSTILE = "</script><img src=x onerror=alert(1)>\"'&amp;<!--"


@dataclass
class Page(HTMLParser):
    """What a browser finds in a page: each element's attributes and what stands inside it."""

    found: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    inside: dict[int, str] = field(default_factory=dict)
    closed: bool = True

    def __post_init__(self):
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        self.closed = False

    def handle_endtag(self, tag):
        self.closed = True

    def handle_data(self, data):
        if self.closed:
            return
        place = len(self.found) - 1
        self.inside[place] = self.inside.get(place, "") + data

    def tags(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        return [
            (attributes, self.inside.get(place, ""))
            for place, (name, attributes) in enumerate(self.found)
            if name == tag
        ]


def opened(text: str) -> Page:
    page = Page()
    page.feed(text)
    page.close()
    return page


def carried(text: str) -> tuple[dict, np.ndarray]:
    """The header and the numbers that a page carries."""
    ((_, content),) = [s for s in opened(text).tags("script") if s[0].get("id") == "payload"]
    data = zlib.decompress(base64.b64decode(content, validate=True))
    (length,) = struct.unpack_from("<I", data)
    planes = np.frombuffer(data, np.uint8, offset=4 + length).reshape(4, -1)
    return json.loads(data[4 : 4 + length]), np.ascontiguousarray(planes.T).view("<f4")[:, 0]


def array(floats: np.ndarray, place: dict) -> np.ndarray:
    offset, *shape = place["$"]
    return floats[offset : offset + int(np.prod(shape))].reshape(shape)


def traced(kind=nn.LSTM, *, steps: int = 12, units: int = 5, **options) -> Trace:
    torch.manual_seed(1)
    return trace(kind(3, units, **options), np.ones((steps, 3), np.float32))


def named(result: Trace, *tokens: str) -> Trace:
    return replace(result, tokens=tokens)


# ---- What is shown


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_every_layer_and_direction_arrives_with_its_own_numbers(kind):
    result = traced(kind, num_layers=2, bidirectional=True)
    header, floats = carried(viz.stage(result).html)
    assert len(header["parts"]) == 4
    for part, layer in zip(header["parts"], result.layers, strict=True):
        assert part["reverse"] == bool(layer.direction)
        for lane in part["lanes"]:
            assert np.array_equal(array(floats, lane["values"]), layer.signals[lane["key"]])
        for name, weight in layer.weights.items():
            assert np.array_equal(array(floats, part["weights"][name]), weight)


def test_layers_and_directions_are_told_apart_by_name():
    header, _ = carried(viz.stage(traced(num_layers=2, bidirectional=True)).html)
    names = [part["name"] for part in header["parts"]]
    assert names == ["LSTM layer 0 →", "LSTM layer 0 ←", "LSTM layer 1 →", "LSTM layer 1 ←"]
    assert len({part["key"] for part in header["parts"]}) == 4


def test_a_plain_model_is_called_by_its_cell_in_the_language_of_the_page():
    header, _ = carried(viz.stage(traced(nn.RNN), language="zh").html)
    assert [part["name"] for part in header["parts"]] == ["普通 RNN"]


def test_several_traces_keep_their_order_and_their_names():
    traces = {"mine": traced(nn.GRU), "yours": traced()}
    assert names_of(viz.stage(traces)) == ["mine", "yours"]
    assert names_of(viz.stage(list(traces.values()), names=["a", "b"])) == ["a", "b"]
    assert names_of(viz.stage([traced(), traced(nn.GRU), traced()])) == ["LSTM 1", "GRU", "LSTM 2"]


def names_of(shown: viz.Player) -> list[str]:
    return [part["name"] for part in carried(shown.html)[0]["parts"]]


def test_at_most_four_layers_are_open_at_first():
    header, _ = carried(viz.stage(traced(num_layers=6)).html)
    assert header["view"]["models"] == [part["key"] for part in header["parts"][:4]]


def test_a_token_that_starts_with_an_exclamation_mark_keeps_it():
    header, _ = carried(viz.stage(named(traced(steps=2), "!=", "a b")).html)
    assert header["glyphs"] == ["!=", "a␣b"]
    assert header["marks"] == ["", ""]


def test_a_page_from_disk_changes_no_address_and_offers_no_surgery():
    header, _ = carried(viz.stage(traced()).html)
    assert header["address"] is False
    assert header["surgery"] is None


def test_what_is_too_large_to_carry_is_left_out_and_said(monkeypatch):
    monkeypatch.setattr(player, "MOST_NUMBERS", 20_000)
    result = traced(steps=400, units=64)
    header, floats = carried(viz.stage(result).html)
    (part,) = header["parts"]
    assert part["steps"] < 400
    assert part["units"] < 64
    assert len(floats) < 3 * 20_000
    steps = say("player.fewer-steps", "en", shown=part["steps"], steps=400)
    units = say("player.fewer-units", "en", model="LSTM", shown=part["units"], units=64)
    assert header["lead"] == f"{steps} {units}"
    lane = next(lane for lane in part["lanes"] if lane["key"] == "f")
    kept = result["f"][: part["steps"], : part["units"]]
    assert np.array_equal(array(floats, lane["values"]), kept)


def test_traces_that_are_cut_differently_are_shown_for_the_same_steps(monkeypatch):
    monkeypatch.setattr(player, "MOST_NUMBERS", 30_000)
    header, _ = carried(viz.stage([traced(steps=300, units=40), traced(nn.RNN, steps=300)]).html)
    assert len({part["steps"] for part in header["parts"]}) == 1
    assert header["parts"][0]["steps"] < 300


def test_nothing_is_left_out_of_a_usual_trace():
    assert carried(viz.stage(traced()).html)[0]["lead"] == ""


# ---- What is refused


@pytest.mark.parametrize(
    ("traces", "message"),
    [
        ([], "at least one trace, got none"),
        ({}, "at least one trace, got none"),
        ([traced(steps=3), traced(nn.GRU, steps=4)], "steps: LSTM 3, GRU 4"),
        ([named(traced(steps=1), "a"), named(traced(steps=1), "b")], "different tokens"),
    ],
)
def test_traces_that_cannot_stand_together_are_refused(traces, message):
    with pytest.raises(ValueError, match=message):
        viz.stage(traces)


def test_names_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="a name for each of 2 traces, got 1"):
        viz.stage([traced(), traced()], names=["one"])
    with pytest.raises(ValueError, match="different names, got one, one"):
        viz.stage([traced(), traced()], names=["one", "one"])


def test_something_else_than_a_trace_is_refused_by_name():
    with pytest.raises(TypeError, match="got ndarray"):
        viz.stage([traced()["f"]])


@pytest.mark.parametrize("option", [{"language": "fr"}, {"theme": "blue"}])
def test_unknown_language_or_theme_is_refused(option):
    with pytest.raises(ValueError, match=r"expected a (language|theme) of .*, got '(fr|blue)'"):
        player_html(EMPTY, **option)


# ---- The file


def preset_payload(preset: str = "recall", seed: int = 1) -> bytes:
    """The preset as the app gives it: three models, answers, the row of what is remembered."""
    view = ViewState(preset=preset, seed=seed)
    example, _ = session.example_of(view)
    parts = []
    for cell in ("lstm", "gru", "rnn"):
        checkpoint = zoo.load(preset, cell)
        parts.append(
            Part(
                key=cell,
                trace=session.run(checkpoint, example.tokens),
                classes=TASKS[preset].classes,
                checkpoint=checkpoint,
                memory=session.memory_of(checkpoint, preset, example.tokens),
            )
        )
    return packed(parts, example, view, address=False)


def recall_page() -> str:
    return player_html(rounded(preset_payload()), title="Recall", note="rounded")


@pytest.mark.parametrize("preset", TASKS)
def test_three_models_with_their_memory_fit_in_500_kb(preset):
    assert len(player_html(rounded(preset_payload(preset))).encode()) < 500_000


def numbers_of(payload: bytes) -> tuple[dict, np.ndarray]:
    (length,) = struct.unpack_from("<I", payload)
    return json.loads(payload[4 : 4 + length]), np.frombuffer(payload, "<f4", offset=4 + length)


@pytest.mark.parametrize("preset", ["recall", "python"])
def test_a_rounded_payload_has_four_digits_and_the_weights_that_matter(preset):
    given = preset_payload(preset)
    whole, exact = numbers_of(given)
    less, floats = numbers_of(rounded(given))
    for part, other in zip(less["parts"], whole["parts"], strict=True):
        heard = [whole_name in part["input_names"] for whole_name in other["input_names"]]
        inputs = array(exact, other["inputs"])
        assert (inputs.any(axis=0) == heard).all()
        pairs = [
            (part["inputs"], inputs[:, heard]),
            (part["weights"]["weight_ih"], array(exact, other["weights"]["weight_ih"])[:, heard]),
            (part["weights"]["weight_hh"], array(exact, other["weights"]["weight_hh"])),
            (part["memory"], array(exact, other["memory"])),
            *(
                (lane["values"], array(exact, was["values"]))
                for lane, was in zip(part["lanes"], other["lanes"], strict=True)
            ),
        ]
        for place, expected in pairs:
            np.testing.assert_allclose(array(floats, place), expected, rtol=2**-14, atol=0)
    said = [{k: v for k, v in header.items() if k != "parts"} for header in (whole, less)]
    assert said[0] == said[1]


@given(
    st.lists(st.floats(width=32), min_size=1, max_size=30),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5)),
)
def test_any_payload_is_read_back_from_the_page(numbers, words):
    text = json.dumps(words, ensure_ascii=False).encode("utf-8", "replace")
    text += b" " * (-len(text) % 4)
    data = np.array(numbers, "<f4").tobytes()
    header, floats = carried(player_html(struct.pack("<I", len(text)) + text + data))
    assert (header, floats.tobytes()) == (json.loads(text), data)


def test_what_is_no_number_stays_so_when_rounded():
    layer = traced().layer()
    odd = [np.nan, np.inf, -np.inf, 0.0, -0.0, 3.4028234e38, 1e-45]
    signals = {key: v.copy() for key, v in layer.signals.items()}
    signals["f"][0:7, 0] = odd
    shown = replace(traced(), layers=(replace(layer, signals=signals),))
    view = ViewState(preset="", models=("a",))
    header, floats = numbers_of(rounded(packed([Part(key="a", trace=shown)], None, view)))
    (lane,) = [lane for lane in header["parts"][0]["lanes"] if lane["key"] == "f"]
    found = array(floats, lane["values"])[0:7, 0]
    assert np.array_equal(found[:6], np.array(odd[:6], "<f4"), equal_nan=True)
    assert 0 <= found[6] < 1e-40


def test_the_page_loads_nothing_and_may_run_its_own_script_only():
    page = opened(recall_page())
    assert not {tag for tag, _ in page.found} & {"link", "img", "iframe", "object", "base", "form"}
    assert not [a for _, a in page.found if {"src", "href", "style", "onload"} & a.keys()]
    (policy,) = [a["content"] for a, _ in page.tags("meta") if "http-equiv" in a]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    scripts = {a.get("id"): text for a, text in page.tags("script")}
    code = zlib.decompress(base64.b64decode(scripts["code"])).decode()
    assert "showStage(" in code
    assert rules["script-src"].split() == [hashed(code), hashed(scripts[None])]
    assert rules["style-src"] == hashed(page.tags("style")[0][1])


def hashed(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@pytest.mark.parametrize("token", [HOSTILE, "</title>", "\u2028", "\ud7ff", "]]>"])
def test_hostile_tokens_and_names_stay_text(token):
    result = named(traced(steps=2), token, "a")
    shown = viz.stage({token: result}, title=token)
    page, plain = opened(shown.html), opened(viz.stage(named(traced(steps=2), "x", "a")).html)
    assert [tag for tag, _ in page.found] == [tag for tag, _ in plain.found]
    assert page.tags("h1")[0][1] == token
    header, _ = carried(shown.html)
    assert header["glyphs"][0] == token.replace(" ", "␣")
    assert header["parts"][0]["name"] == token


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40))
def test_any_title_is_read_back_from_the_page(title):
    page = opened(player_html(EMPTY, title=title))
    assert page.tags("title")[0][1] == title
    assert page.tags("h1")[0][1] == title


@pytest.mark.parametrize(("language", "tag"), [("en", "en"), ("zh", "zh-Hans")])
def test_the_page_says_its_language_and_what_to_do_without_scripts(language, tag):
    page = opened(player_html(EMPTY, language=language))
    assert page.tags("html")[0][0]["lang"] == tag
    assert say("player.no-script", language) in page.tags("p")[0][1]
    assert page.tags("title")[0][1] == say("title", language)


@pytest.mark.parametrize("theme", THEMES)
def test_a_theme_is_fixed_or_follows_the_reader(theme):
    page = opened(player_html(EMPTY, theme=theme))
    css = page.tags("style")[0][1]
    assert ("prefers-color-scheme" in css) == (theme == "auto")
    schemes = re.findall(r"[{ ]color-scheme: (\w+);", css)
    assert schemes == {"auto": ["light", "dark"]}.get(theme, [theme])


def test_the_frame_of_a_notebook_holds_the_whole_page_and_lets_it_reach_nothing():
    shown = viz.stage(traced(), title=HOSTILE, height=444)
    ((frame, _),) = opened(shown._repr_html_()).tags("iframe")
    assert frame["srcdoc"] == shown.html
    assert frame["sandbox"] == "allow-scripts"
    assert frame["title"] == HOSTILE
    assert "height: 444px" in frame["style"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_saved_page_is_the_page(tmp_path, language):
    shown = viz.stage(traced(), language=language)
    shown.save(tmp_path / "stage.html")
    assert (tmp_path / "stage.html").read_bytes() == shown.html.encode()


def test_a_player_is_short_to_read():
    assert repr(viz.stage(traced(), height=500)) == "Player(title='LSTM', height=500)"


def test_the_same_traces_give_the_same_file():
    assert viz.stage(traced()).html == viz.stage(traced()).html


def test_every_signal_of_every_cell_has_room_in_the_frame():
    for kind, cell in ((nn.LSTM, "lstm"), (nn.GRU, "gru"), (nn.RNN, "rnn")):
        assert viz.stage([traced(kind)] * 2).height > 2 * 54 * len(SIGNALS[cell])


def test_streamlit_is_not_loaded():
    code = (
        "import sys, numpy, torch, lstm_core, viz\n"
        "traced = lstm_core.trace(torch.nn.GRU(2, 3), numpy.ones((4, 2), numpy.float32))\n"
        "viz.stage(traced)._repr_html_()\n"
        "print('streamlit' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_a_module_is_refused_by_name():
    with pytest.raises(TypeError, match=r"expected traces of lstm_core.trace, got LSTM"):
        viz.stage(nn.LSTM(3, 4))
