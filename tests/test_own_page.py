"""The page "Your model": uploads become a stage or a sentence, and stay with their session."""

import io
import pickle
import re
import tempfile
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import nn

from lstm_core import zoo
from lstm_core.convert import load_model
from lstm_core.tasks import TASKS
from lstm_core.trace import trace
from tests.onnx_graphs import upon, weights
from tests.pages import stages
from tests.test_payload import array, decode
from viz.pages.own import MODEL_MB
from viz.text import LANGUAGES, say

PAGE = "from viz.pages import own\n\nown.show()\n"
ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch):
    monkeypatch.setenv("LSTM_DEVICE", "cpu")


def opened(**query: str) -> AppTest:
    page = AppTest.from_string(PAGE, default_timeout=60)
    for key, value in query.items():
        page.query_params[key] = value
    return page.run()


def saved(module: nn.Module) -> bytes:
    buffer = io.BytesIO()
    torch.save(module.state_dict(), buffer)
    return buffer.getvalue()


def lstm(**options) -> nn.LSTM:
    torch.manual_seed(2)
    return nn.LSTM(**{"input_size": 3, "hidden_size": 4} | options).eval()


class Speller(nn.Module):
    """A word-level model as people write them: an embedding, a stack, a readout."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(2)
        self.encoder = nn.Embedding(5, 6)
        self.rnn = nn.GRU(6, 7)
        self.decoder = nn.Linear(7, 5)


def uploader(page: AppTest, key: str):
    return next(field for field in page.file_uploader if field.key.startswith(key))


def drop(page: AppTest, content: bytes, name: str = "model.pt", key: str = "own-model") -> AppTest:
    uploader(page, key).set_value((name, content, "application/octet-stream"))
    return page.run()


def words(page: AppTest) -> str:
    assert not page.exception
    return "\n".join(element.value for element in (*page.markdown, *page.caption))


def alive(told: str) -> str:
    """A sentence without what is quoted in it, which stands there as code."""
    return re.sub("\u2068.*?\u2069", "", told)


def errors(page: AppTest) -> list[str]:
    assert not page.exception
    return [element.value for element in page.error]


def payload(page: AppTest):
    (stage,) = stages(page)
    return decode(stage.proto.bytes)


def source(page: AppTest):
    return next(group for group in page.button_group if group.key == "own-source")


def read_ids(page: AppTest) -> list[str]:
    header, _ = payload(page)
    return header["glyphs"]


# ---- What a visitor finds


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_visitor_is_told_what_to_do_and_what_becomes_of_the_file(language):
    page = opened(lang=language)
    told = words(page)
    for key in ("own.lead-page", "own.private", "own.example-help"):
        assert say(key, language) in told
    assert stages(page) == []


def test_example_is_a_real_file_with_text_on_the_stage():
    page = opened()
    page.button(key="own-example").click().run()
    assert errors(page) == []
    assert "python-lstm.safetensors" in words(page)
    header, floats = payload(page)
    text = TASKS["python"].example(1).text
    assert len(header["glyphs"]) == len(text)

    whole = trace(zoo.load("python", "lstm").model, text)
    (part,) = header["parts"]
    for lane in part["lanes"]:
        np.testing.assert_array_equal(array(floats, lane["values"]), whole[lane["key"]])


def test_upload_limit_of_the_server_is_the_one_the_page_states():

    config = tomllib.loads((ROOT / ".streamlit/config.toml").read_text(encoding="utf-8"))
    assert config["server"]["maxUploadSize"] == MODEL_MB
    assert f"{MODEL_MB} MB" in uploader(opened(), "own-model").help


# ---- A model file


def test_dropped_model_is_on_the_stage_at_once():
    module = lstm(num_layers=2, bidirectional=True)
    page = drop(opened(), saved(module))
    assert errors(page) == []
    header, floats = payload(page)
    assert [part["key"] for part in header["parts"]] == ["l0f", "l0b", "l1f", "l1b"]
    inputs = array(floats, header["values"])
    whole = trace(module, inputs)
    for part, layer in zip(header["parts"], whole.layers, strict=True):
        for lane in part["lanes"]:
            np.testing.assert_array_equal(array(floats, lane["values"]), layer[lane["key"]])


def test_report_names_file_sizes_and_parameters():
    told = words(drop(opened(), saved(lstm())))
    assert "`model.pt`" in told
    assert "LSTM, 1 layer of 4 units · reads 3 numbers a step · 144 parameters" in told
    assert "`i f g o`" in told


def test_several_stacks_can_be_chosen_from():
    both = nn.ModuleDict({"encoder": lstm(), "decoder": nn.GRU(5, 6)})
    page = drop(opened(), saved(both))
    choice = page.selectbox(key="own-stack")
    assert len(choice.options) == 2
    first = [part["cell"] for part in payload(page)[0]["parts"]]
    choice.select_index(1).run()
    second = [part["cell"] for part in payload(page)[0]["parts"]]
    assert {first[0], second[0]} == {"lstm", "gru"}
    assert errors(page) == []


def test_another_model_takes_the_place_of_the_first():
    page = drop(opened(), saved(lstm()))
    page = drop(page, saved(lstm(hidden_size=9)), "other.pt")
    assert payload(page)[0]["parts"][0]["units"] == 9
    assert "`other.pt`" in words(page)


def test_forgetting_lets_go_of_everything():
    page = drop(opened(), saved(lstm()))
    page.button(key="own-forget").click().run()
    assert stages(page) == []
    assert "own" not in page.session_state
    assert "own_traced" not in page.session_state


# ---- Files that are none


class Bomb:
    def __reduce__(self):
        return (open, ("canary.txt", "w"))


HOSTILE = {
    "noise": bytes(range(256)) * 9,
    "empty": b"",
    "text": b"hello, world\n" * 99,
    "pickle": pickle.dumps(Bomb()),
    "html": b"<script>alert(1)</script>",
    "cut off": saved(lstm())[:600],
    "no layer": saved(nn.Linear(3, 4)),
}


def bomb_inside_a_checkpoint() -> bytes:
    buffer = io.BytesIO()
    torch.save({"state_dict": lstm().state_dict(), "extra": Bomb()}, buffer)
    return buffer.getvalue()


HOSTILE["bomb inside"] = bomb_inside_a_checkpoint()


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("kind", sorted(HOSTILE))
def test_file_that_is_no_model_gives_one_sentence(kind, language, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = drop(opened(lang=language), HOSTILE[kind])
    (told,) = errors(page)
    assert "Traceback" not in told
    assert "<script>" not in alive(told)
    assert stages(page) == []
    assert list(tmp_path.iterdir()) == []


def test_bad_file_leaves_what_was_there():
    page = drop(opened(), saved(lstm()))
    before = payload(page)[0]["parts"][0]["units"]
    page = drop(page, HOSTILE["noise"], "bad.pt")
    (told,) = errors(page)
    assert say("own.stays", "en") in told
    assert payload(page)[0]["parts"][0]["units"] == before
    assert errors(page.run()) == []  # said once


def test_name_of_a_file_is_text():
    page = drop(opened(), saved(lstm()), "<img src=x onerror=alert(1)>.pt")
    assert "`<img src=x onerror=alert(1)>.pt`" in words(page)
    assert all(not element.proto.allow_html for element in page.markdown)


def test_weights_that_are_nan_are_shown_and_marked():
    module = lstm()
    with torch.no_grad():
        module.weight_hh_l0[0, 0] = torch.nan
    page = drop(opened(), saved(module))
    assert errors(page) == []
    header, _ = payload(page)
    assert sum(lane["missing"] for lane in header["parts"][0]["lanes"])


# ---- What it reads


def test_noise_has_as_many_steps_as_asked_for():
    page = drop(opened(), saved(lstm()))
    page.number_input(key="own-steps").set_value(17).run()
    assert payload(page)[0]["parts"][0]["steps"] == 17


def test_impulse_is_what_the_stage_shows():
    page = drop(opened(), saved(lstm()))
    source(page).set_value("impulse").run()
    header, floats = payload(page)
    values = array(floats, header["values"])
    assert values.sum() == 3
    assert (values[header["step"]] == 1).all()


def test_embedding_reads_typed_ids():
    page = drop(opened(), saved(Speller()))
    source(page).set_value("typed").run()
    page.text_area(key="own-typed").set_value("4 0 2")
    run = next(b for b in page.button if b.label == say("page.run", "en"))
    run.click().run()
    assert errors(page) == []
    assert read_ids(page) == ["4", "0", "2"]


def test_unknown_id_is_named_and_what_was_read_stays():
    page = drop(opened(), saved(Speller()))
    source(page).set_value("typed").run()
    for typed in ("4 0 2", "1 77"):
        page.text_area(key="own-typed").set_value(typed)
        next(b for b in page.button if b.label == say("page.run", "en")).click().run()
    (told,) = errors(page)
    assert "`77`" in told
    assert read_ids(page) == ["4", "0", "2"]


def test_vocabulary_names_the_symbols():
    page = drop(opened(), saved(Speller()))
    page = drop(page, b'["the", "cat", "sat", "on", "mat"]', "words.json", "own-vocabulary")
    assert errors(page) == []
    assert set(read_ids(page)) <= {"the", "cat", "sat", "on", "mat"}
    assert "`words.json`" in words(page)


@pytest.mark.parametrize("content", [b'["a", "b"]', b"\xff\xfe\x00", b"[" * 9999, b""])
def test_vocabulary_that_does_not_fit_gives_a_sentence(content):
    page = drop(opened(), saved(Speller()))
    page = drop(page, content, "words.json", "own-vocabulary")
    assert len(errors(page)) == 1
    assert read_ids(page)


# ---- Figures


ROOMS = ("gates", "forgetting", "ledger", "change", "gradient", "answer")


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_figure_opens(language):
    page = drop(opened(lang=language), saved(Speller()))
    assert page.get("plotly_chart") == []
    for room in ROOMS:
        page.session_state[f"own-{room}"] = True
    page.run()
    assert not page.exception
    assert [e.value for e in page.info] == []
    assert len(page.get("plotly_chart")) >= len(ROOMS)


@pytest.mark.parametrize("module", [nn.RNN(2, 3), lstm(bidirectional=True, num_layers=2)])
def test_figures_say_what_does_not_apply(module):
    page = drop(opened(), saved(module))
    for room in ROOMS[:-1]:
        page.session_state[f"own-{room}"] = True
    page.run()
    assert not page.exception
    assert say("memory.failed", "en") not in [e.value for e in page.info]


# ---- Whose files these are


def test_two_sessions_see_their_own_models_only():
    one = drop(opened(), saved(lstm()))
    two = opened()
    assert stages(two) == []
    drop(two, saved(lstm(hidden_size=8)), "theirs.pt")
    one.run()
    assert payload(one)[0]["parts"][0]["units"] == 4
    assert "theirs.pt" not in words(one)


def test_nothing_of_the_page_is_kept_for_all_sessions():
    for path in (ROOT / "viz" / "pages").glob("own*.py"):
        assert "st.cache" not in path.read_text(encoding="utf-8")


def test_nothing_is_left_on_the_disk(tmp_path, monkeypatch):

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    page = drop(opened(), saved(lstm()))
    page = drop(page, HOSTILE["pickle"], "bad.pt")
    assert len(errors(page)) == 1
    assert list(tmp_path.iterdir()) == []


# ---- Data files


def with_data(model: bytes, content: bytes, name: str = "data.csv", **query: str) -> AppTest:
    page = drop(opened(**query), model)
    source(page).set_value("file").run()
    return drop(page, content, name, "own-data")


def table(rows: int = 30, columns: str = "time,a,b,c") -> bytes:
    values = np.random.default_rng(1).standard_normal((rows, columns.count(",")))
    lines = [",".join([str(k), *(f"{v:.6f}" for v in row)]) for k, row in enumerate(values)]
    return "\n".join([columns, *lines]).encode()


def test_table_is_read_and_its_columns_are_named_on_the_stage():
    page = with_data(saved(lstm()), table())
    assert errors(page) == []
    header, floats = payload(page)
    assert header["parts"][0]["input_names"] == ["a", "b", "c"]
    expected = np.loadtxt(io.BytesIO(table()), delimiter=",", skiprows=1)[:, 1:]
    np.testing.assert_allclose(array(floats, header["values"]), expected, atol=1e-6)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_what_was_recognised_is_said_for_confirmation(language):
    text = table().replace(b",", b";").replace(b".", b",")
    page = with_data(saved(lstm()), text, lang=language)
    assert errors(page) == []
    told = words(page)
    for key in ("delimiter.semicolon", "decimal.comma", "header.yes", "scale.none"):
        assert say(f"own.option.{key}", language) in told
    assert "`a`" in told


def test_columns_that_were_recognised_can_be_changed():
    page = with_data(saved(lstm()), table(columns="time,a,b,c,d"))
    (told,) = errors(page)
    assert "reads 3 numbers" in told
    assert "`d`" in told
    assert stages(page) == []
    page.multiselect(key="own-option-channels").set_value(["d", "a", "b"]).run()
    assert errors(page) == []
    assert payload(page)[0]["parts"][0]["input_names"] == ["d", "a", "b"]


def test_numbers_can_be_standardised():
    page = with_data(saved(lstm()), table())
    page.selectbox(key="own-option-scale").set_value("all").run()
    header, floats = payload(page)
    values = array(floats, header["values"])
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(values.std(axis=0), 1, atol=1e-6)


def test_large_numbers_are_pointed_out_and_can_be_standardised_at_once():
    text = b"a,b,c\n" + b"\n".join(b"%d,%d,%d" % (k, 900 + k, -k) for k in range(20))
    page = with_data(saved(lstm()), text)
    (warning,) = [element.value for element in page.warning]
    assert "919" in warning
    page.button(key="own-standardise").click().run()
    assert [element.value for element in page.warning] == []
    header, floats = payload(page)
    assert np.abs(array(floats, header["values"])).max() < 2


def test_sequence_can_be_chosen_by_its_name():
    lines = ["id,a,b,c", *(f"{who},{k},{k},{k}" for who in "xy" for k in range(9))]
    page = with_data(saved(lstm()), "\n".join(lines).encode())
    choice = next(box for box in page.selectbox if box.key.startswith("own-sequence"))
    assert [option.split(" ")[0] for option in choice.options] == ["x", "y"]
    choice.select_index(1).run()
    assert payload(page)[0]["parts"][0]["steps"] == 9


def test_long_file_is_read_from_where_one_likes():
    page = with_data(saved(lstm()), table(rows=900))
    assert payload(page)[0]["parts"][0]["steps"] == 200
    start = next(box for box in page.number_input if box.key.startswith("own-start"))
    start.set_value(850).run()
    header, floats = payload(page)
    expected = np.loadtxt(io.BytesIO(table(900)), delimiter=",", skiprows=1)[850:, 1:]
    np.testing.assert_allclose(array(floats, header["values"]), expected, atol=1e-6)
    assert say("own.window", "en", first="850", last="899", steps="900") in words(page)


def test_text_file_is_read_by_a_model_that_spells():
    page = with_data(saved(Speller()), b"cat sat the mat\n", "words.txt")
    assert len(errors(page)) == 1  # its symbols have no names yet
    page = drop(page, b'["the", "cat", "sat", "on", "mat"]', "words.json", "own-vocabulary")
    source(page).set_value("file").run()
    assert errors(page) == []
    assert read_ids(page) == ["cat", "sat", "the", "mat"]


def test_column_of_ids_is_read_by_a_model_that_reads_ids():
    page = with_data(saved(Speller()), b"id\n4\n0\n3\n2\n", "ids.csv")
    page_errors = errors(page)
    assert page_errors == []
    assert read_ids(page) == ["4", "0", "3", "2"]


BAD_DATA = {
    "noise": bytes(range(256)) * 9,
    "empty": b"",
    "blank": b"\n \n",
    "pickle": pickle.dumps(Bomb()),
    "ragged": b"a,b,c\n1,2,3\n1,2\n1,2,3\n" * 5,
    "deep": b"[" * 99_999,
    "archive": b"PK\x03\x04" + bytes(99),
    "html": b"<script>alert(1)</script>",
    "missing": b"a,b,c\n1,2,3\n1,,3\n",
}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("kind", sorted(BAD_DATA))
def test_file_that_is_no_data_gives_one_sentence(kind, language, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = with_data(saved(lstm()), BAD_DATA[kind], "data.csv", lang=language)
    (told,) = errors(page)
    assert "Traceback" not in told
    assert "<script>" not in alive(told)
    assert list(tmp_path.iterdir()) == []


def test_bad_data_leaves_the_file_that_was_there():
    page = with_data(saved(lstm()), table())
    page = drop(page, BAD_DATA["noise"], "bad.csv", "own-data")
    assert len(errors(page)) == 1
    assert "`data.csv`" in words(page)
    assert payload(page)[0]["parts"][0]["steps"] == 30


def test_missing_values_can_be_filled():
    page = with_data(saved(lstm()), BAD_DATA["missing"])
    assert len(errors(page)) == 1
    page.selectbox(key="own-option-fill").set_value("zero").run()
    assert errors(page) == []
    header, floats = payload(page)
    assert array(floats, header["values"]).tolist() == [[1, 2, 3], [1, 0, 3]]


# ---- Several stacks


def test_stack_above_another_reads_your_data_through_it():
    data = upon(weights("LSTM", 3, 2, tag="1"), "GRU")
    page = drop(opened(), data, "model.onnx")
    page.selectbox(key="own-stack").set_value(1).run()
    assert errors(page) == []
    low, high = load_model(data).stacks
    below = trace(low.module, np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32))
    expected = trace(high.module, below["h"])
    header, floats = payload(page)
    (part,) = header["parts"]
    assert part["cell"] == "gru"
    for lane in part["lanes"]:
        np.testing.assert_array_equal(array(floats, lane["values"]), expected[lane["key"]])


def test_page_warns_in_the_open_of_what_comes_before_the_stack():
    torch.manual_seed(2)
    model = nn.ModuleDict({"norm": nn.LayerNorm(3), "rnn": nn.LSTM(3, 4), "fc": nn.Linear(4, 2)})
    page = drop(opened(), saved(model))
    (warning,) = page.warning
    assert "norm" in warning.value
    assert "rnn" in warning.value
    assert not drop(opened(), saved(lstm())).warning


def test_stack_is_switched_without_losing_the_data():
    data = upon(weights("LSTM", 3, 2, tag="1"), "GRU")
    page = drop(opened(), data, "model.onnx")
    source(page).set_value("impulse").run()
    page.selectbox(key="own-stack").set_value(1).run()
    assert source(page).value == "impulse"
    assert say("own.through", "en", name="x").split("x")[0] in alive(words(page))


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_symbols_that_a_checkpoint_carries_are_told_and_typed(language):
    page = opened(lang=language)
    content = io.BytesIO()
    model = Speller()
    symbols = {"stoi": {letter: place for place, letter in enumerate("abcde")}}
    torch.save({"state_dict": model.state_dict(), **symbols}, content)
    page = drop(page, content.getvalue())
    assert "stoi" in words(page)
    source(page).set_value("typed").run()
    page.text_area(key="own-typed").set_value("abba")
    next(b for b in page.button if b.label == say("page.run", language)).click().run()
    assert errors(page) == []
    assert read_ids(page) == list("abba")
