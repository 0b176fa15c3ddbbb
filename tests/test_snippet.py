"""The Python below a person's own model, executed as it stands: the page's trace to the bit."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import nn

from lstm_core.trace import Trace
from tests.onnx_graphs import upon, weights
from tests.test_own_data_page import sound
from tests.test_own_page import Speller, drop, errors, lstm, opened, saved, source
from viz import player
from viz.text import say


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch):
    monkeypatch.setenv("LSTM_DEVICE", "cpu")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to run in; stages are not packed, which takes long and is tested elsewhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(player, "player_html", lambda data, **_: "page")
    return tmp_path


class TwoStacks(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(5)
        self.encoder = nn.LSTM(4, 6)
        self.decoder = nn.LSTM(3, 5, bidirectional=True)


def with_model(here: Path, module: nn.Module, name: str = "model.pt") -> AppTest:
    content = saved(module)
    (here / name).write_bytes(content)
    return drop(opened(), content, name)


def with_data(here: Path, page: AppTest, content: bytes, name: str) -> AppTest:
    (here / name).write_bytes(content)
    source(page).set_value("file").run()
    drop(page, content, name, "own-data")
    assert errors(page) == []
    return page


def code_of(page: AppTest) -> str:
    assert errors(page) == []
    return page.code[-1].value


def assert_runs(page: AppTest) -> str:
    """Run the Python that the page shows, and compare every number of its trace."""
    code = code_of(page)
    scope: dict[str, object] = {}
    exec(compile(code, "snippet", "exec"), scope)
    made, shown = scope["traced"], page.session_state["own_traced"][1]
    assert isinstance(made, Trace)
    assert (made.tokens, made.input_names) == (shown.tokens, shown.input_names)
    assert len(made.layers) == len(shown.layers)
    for one, other in zip(made.layers, shown.layers, strict=True):
        assert one.signals.keys() == other.signals.keys()
        for key, values in one.signals.items():
            assert np.array_equal(values, other.signals[key], equal_nan=True), key
    if shown.outputs is not None:
        assert np.array_equal(made.outputs, shown.outputs)
    assert Path("stage.html").read_text() == "page"
    return code


def type_in(page: AppTest, text: str) -> AppTest:
    source(page).set_value("typed").run()
    page.text_area(key="own-typed").set_value(text)
    page.button[-1].click()
    next(b for b in page.button if b.label == say("page.run", "en")).click().run()
    return page


def table(rows: int = 30, gap: bool = True) -> str:
    values = np.random.default_rng(1).normal(5, 3, (rows, 4)).round(3).astype(str)
    if gap:
        values[7, 1] = ""
    return "\n".join(["a;b;c;d", *(";".join(row).replace(".", ",") for row in values)])


# ---- Made up and typed


@pytest.mark.parametrize("module", [lstm(num_layers=2), Speller()], ids=["numbers", "ids"])
def test_noise_has_its_length_and_seed(here, module):
    page = with_model(here, module)
    page.number_input(key="own-steps").set_value(37)
    page.number_input(key="own-seed").set_value(11).run()
    code = assert_runs(page)
    assert "default_rng(11)" in code
    assert "37" in code


def test_impulse(here):
    page = with_model(here, lstm(bidirectional=True))
    source(page).set_value("impulse").run()
    assert_runs(page)


def test_typed_ids(here):
    page = type_in(with_model(here, Speller()), "[0, 1, 4]; 2 3 " * 60)
    assert_runs(page)


def test_typed_words_with_a_vocabulary(here):
    page = with_model(here, Speller())
    content = json.dumps(["the", "cat's", '"sat"', "on", "mat"]).encode()
    (here / "words.json").write_bytes(content)
    drop(page, content, "words.json", "own-vocabulary")
    code = assert_runs(type_in(page, 'the cat\'s\n"sat" on the mat'))
    assert "read_vocabulary('words.json')" in code


def test_typed_symbols_that_the_model_does_not_know(here):
    page = with_model(here, Speller())
    content = json.dumps(["<unk>", "the", "cat", "sat", "mat"]).encode()
    (here / "words.json").write_bytes(content)
    drop(page, content, "words.json", "own-vocabulary")
    page = type_in(page, "the dog sat")
    page.selectbox(key="own-typed-unknown").set_value("skip").run()
    assert "unknown='skip'" in assert_runs(page)


def test_text_that_is_cut_is_cut_in_python_too(here, monkeypatch):
    monkeypatch.setattr("viz.own.MAX_STEPS", 5)
    page = type_in(with_model(here, Speller()), "0 1 2 3 4 3 2 1")
    assert_runs(page)


def test_shipped_example_is_read_from_where_it_lies(here):
    page = opened()
    page.button(key="own-example").click().run()
    assert "path_of('python', 'lstm')" in assert_runs(page)


def test_shipped_example_is_cut_where_the_page_cuts_it(here, monkeypatch):
    monkeypatch.setattr("viz.own.MAX_STEPS", 25)
    page = opened()
    page.button(key="own-example").click().run()
    assert "[:25]" in assert_runs(page)


# ---- Stacks


def test_second_stack_is_named(here):
    page = with_model(here, TwoStacks())
    page.selectbox(key="own-stack").set_value(1).run()
    assert "stack='decoder'" in assert_runs(page)


# ---- Data files


def test_table_that_is_recognised_needs_no_options(here):
    page = with_data(here, with_model(here, lstm(input_size=4)), table(gap=False).encode(), "t.csv")
    code = assert_runs(page)
    assert "DataOptions" not in code
    assert "width" not in code


def test_table_with_gaps_chosen_columns_and_scale(here):
    content = table().encode("utf-16")
    page = with_model(here, lstm())
    (here / "it's a table.csv").write_bytes(content)
    source(page).set_value("file").run()
    drop(page, content, "it's a table.csv", "own-data")
    page.multiselect(key="own-option-channels").set_value(["d", "a", "b"]).run()
    page.selectbox(key="own-option-fill").set_value("previous").run()
    page.selectbox(key="own-option-scale").set_value("all").run()
    code = assert_runs(page)
    assert "channels=('d', 'a', 'b')" in code
    assert "fill='previous'" in code
    assert "standardise(" in code


def test_table_read_otherwise_than_recognised(here):
    page = with_model(here, lstm(input_size=4))
    page = with_data(here, page, table(gap=False).encode(), "t.csv")
    page.selectbox(key="own-option-header").set_value(False).run()
    options = {"own-option-header": True, "own-option-encoding": "latin-1"}
    for key, value in options.items():
        page.selectbox(key=key).set_value(value).run()
    assert "encoding='latin-1'" in assert_runs(page)


def test_long_table_is_read_from_the_step_that_was_chosen(here):
    content = table(900, gap=False).encode()
    page = with_data(here, with_model(here, lstm(input_size=4)), content, "t.csv")
    start = next(n for n in page.number_input if n.key.startswith("own-start"))
    start.set_value(300).run()
    steps = next(n for n in page.number_input if n.key.startswith("own-steps"))
    steps.set_value(120).run()
    assert "one.values[300:420]" in assert_runs(page)


def test_sequence_by_a_column_each_on_its_own_scale(here):
    lines = ["who,x,y,z", *(f"{'ab'[k // 20]},{k % 7},{k % 5},{k % 3}" for k in range(40))]
    page = with_data(here, with_model(here, lstm()), "\n".join(lines).encode(), "t.csv")
    if page.selectbox(key="own-option-group").value != "who":
        page.selectbox(key="own-option-group").set_value("who").run()
    page.selectbox(key="own-option-scale").set_value("each").run()
    page.selectbox(key="own-sequence-2").set_value(1).run()
    code = assert_runs(page)
    assert ".sequences[1]" in code
    assert "'each'" in code


def test_array_of_three_axes_in_another_order(here):
    out = io.BytesIO()
    np.save(out, np.random.default_rng(0).normal(size=(4, 25, 3)))
    page = with_data(here, with_model(here, lstm()), out.getvalue(), "cube.npy")
    page.selectbox(key="own-sequence-4").set_value(2).run()
    assert "[2]" in assert_runs(page)
    page.selectbox(key="own-option-axes").set_value("time sequence channel").run()
    page.selectbox(key="own-sequence-25").set_value(9).run()
    code = assert_runs(page)
    assert "axes='time sequence channel'" in code
    assert "[9]" in code


def test_one_array_of_an_archive(here):
    out = io.BytesIO()
    values = np.random.default_rng(0).normal(size=(2, 20, 3))
    np.savez(out, left=values[0], right=values[1])
    page = with_data(here, with_model(here, lstm()), out.getvalue(), "two.npz")
    assert_runs(page)


def test_json_of_records(here):
    rows = [{"x": k / 7, "y": k % 4, "z": -k} for k in range(25)]
    page = with_data(here, with_model(here, lstm()), json.dumps(rows).encode(), "rows.json")
    assert_runs(page)


def test_parquet(here):
    out = io.BytesIO()
    values = np.random.default_rng(0).normal(size=(30, 3))
    pd.DataFrame(values, columns=["x", "y", "z"]).to_parquet(out, index=False)
    page = with_data(here, with_model(here, lstm()), out.getvalue(), "table.parquet")
    assert "one.values" in assert_runs(page)


def test_sound_in_as_many_bands_as_the_model_reads(here):
    page = with_data(here, with_model(here, lstm(input_size=12)), sound(), "hum.wav")
    assert "width=12" in assert_runs(page)


def test_ids_in_a_table(here):
    content = "\n".join(["id", *(str(k * k % 5) for k in range(300))]).encode()
    page = with_data(here, with_model(here, Speller()), content, "ids.csv")
    assert_runs(page)


def test_ids_in_a_text(here):
    content = b"4 3 2 1\n\n\n0 1\n1, 1 2\n2\n"
    page = with_data(here, with_model(here, Speller()), content, "ids.txt")
    assert_runs(page)


def test_padding_of_ids_is_cut_where_the_page_cuts_it(here):
    rows = np.array([[1, 2, 3, 4, 0], [4, 3, 0, 0, 0], [2, 2, 2, 0, 0]])
    out = io.BytesIO()
    np.save(out, rows)
    page = with_data(here, with_model(here, Speller()), out.getvalue(), "ids.npy")
    page.selectbox(key="own-option-padding").set_value("cut").run()
    page.selectbox(key="own-sequence-3").set_value(1).run()
    assert "without_padding(" in assert_runs(page)


def test_column_of_text_with_symbols_that_the_model_does_not_know(here):
    page = with_model(here, Speller())
    words = json.dumps(["<unk>", "the", "cat", "sat", "mat"]).encode()
    (here / "words.json").write_bytes(words)
    drop(page, words, "words.json", "own-vocabulary")
    content = b"score,review\n1,the cat sat\n2,The dog sat\n"
    (here / "reviews.csv").write_bytes(content)
    source(page).set_value("file").run()
    drop(page, content, "reviews.csv", "own-data")
    page.selectbox(key="own-sequence-2").set_value(1).run()
    page.selectbox(key="own-option-unknown").set_value("token").run()
    code = assert_runs(page)
    assert "unknown='token'" in code


def test_line_of_a_text_with_a_vocabulary(here):
    page = with_model(here, Speller())
    content = b"the\ncat\nsat\non\nmat\n"
    (here / "words.txt").write_bytes(content)
    drop(page, content, "words.txt", "own-vocabulary")
    page = with_data(here, page, b"the cat sat\non the mat\nsat on mat\n", "lines.txt")
    page.selectbox(key="own-option-split").set_value("lines").run()
    page.selectbox(key="own-sequence-3").set_value(1).run()
    code = assert_runs(page)
    assert "split='lines'" in code
    assert "sequences(data, options)[1]" in code


# ---- A stack above another


def two_kinds() -> bytes:
    return upon(weights("LSTM", 3, 2, tag="1"), "GRU")


def above(here: Path) -> AppTest:
    (here / "both.onnx").write_bytes(two_kinds())
    page = drop(opened(), two_kinds(), "both.onnx")
    return page.selectbox(key="own-stack").set_value(1).run()


def test_stack_above_another_reads_through_it(here):
    assert "read_through(" in assert_runs(above(here))


def test_stack_above_another_reads_a_file_through_it(here):
    values = np.random.default_rng(3).normal(size=(40, 2)).astype(np.float32)
    file = io.BytesIO()
    np.save(file, values)
    assert_runs(with_data(here, above(here), file.getvalue(), "x.npy"))


def test_keras_tokenizer_is_cut_as_the_model_reads_it(here):
    page = with_model(here, Speller())
    words = {
        word: place
        for place, word in enumerate(["the", "cat", "sat", "on", "mat", "and", "ran"], 1)
    }
    config = {"word_index": json.dumps(words), "num_words": 5, "char_level": False, "split": " "}
    config |= {"filters": "", "lower": True, "oov_token": None, "word_counts": "{}"}
    content = json.dumps({"class_name": "Tokenizer", "config": config}).encode()
    (here / "tokenizer.json").write_bytes(content)
    drop(page, content, "tokenizer.json", "own-vocabulary")
    code = assert_runs(type_in(page, "The cat sat on"))
    assert "read_vocabulary('tokenizer.json', 5)" in code
