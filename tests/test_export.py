"""Traces and figures as files: every number reads back, and the Python shown makes them again."""

import base64
import io
import json
import re
import struct
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pandas
import pytest
import torch
from torch import nn

from lstm_core import zoo
from lstm_core.tasks import TASKS
from lstm_core.trace import Trace, trace
from viz import export, player
from viz.gates import gate_figure, heat_map
from viz.snippet import preset_snippet

KEYS = ["layer", "direction", "time", "unit", "signal"]


def traced(kind=nn.LSTM, **options) -> Trace:
    torch.manual_seed(2)
    dtype = options.get("dtype", torch.float32)
    inputs = torch.randn(6, 3, dtype=dtype).numpy()
    return trace(kind(3, 4, num_layers=2, bidirectional=True, **options), inputs)


def assert_same(table: pandas.DataFrame, result: Trace) -> None:
    """Every number of the trace stands in the table, at its own place, and nothing else does."""
    places = table.set_index(KEYS)["value"]
    assert places.index.is_unique
    assert len(places) == sum(v.size for layer in result.layers for v in layer.signals.values())
    for layer in result.layers:
        for key, values in layer.signals.items():
            for (time, unit), value in np.ndenumerate(values):
                assert places[layer.layer, layer.direction, time, unit, key] == value


# ---- Traces


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_npz_is_the_file_that_a_trace_saves(tmp_path, kind):
    result = traced(kind)
    (tmp_path / "got.npz").write_bytes(export.trace_npz(result))
    loaded = Trace.load(tmp_path / "got.npz")
    for layer, expected in zip(loaded.layers, result.layers, strict=True):
        assert layer.signals.keys() == expected.signals.keys()
        for key, values in expected.signals.items():
            assert np.array_equal(layer.signals[key], values)


def test_npz_leaves_no_file_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert export.trace_npz(traced())[:2] == b"PK"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_csv_reads_back_to_the_same_numbers(dtype):
    result = traced(dtype=dtype)
    data = export.trace_csv(result)
    table = pandas.read_csv(io.BytesIO(data), dtype={"value": str})
    assert list(table) == [*KEYS, "value"]
    table["value"] = table["value"].map(float).astype(result.dtype)
    assert_same(table, result)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_parquet_reads_back_to_the_same_numbers_with_their_type(kind):
    result = traced(kind)
    table = pandas.read_parquet(io.BytesIO(export.trace_parquet(result)))
    assert table["value"].dtype == np.float32
    assert_same(table, result)


def test_numbers_that_are_not_finite_survive_every_table():
    result = trace(nn.RNN(1, 2), np.array([[0.0], [np.nan]], np.float32))
    assert np.isnan(result["h"][1]).all()
    for read, data in (
        (pandas.read_csv, export.trace_csv(result)),
        (pandas.read_parquet, export.trace_parquet(result)),
    ):
        values = read(io.BytesIO(data)).sort_values(["time", "unit"])["value"]
        assert np.isnan(values.to_numpy()).tolist() == [False, False, True, True]


# ---- Figures


def test_a_figure_as_a_page_carries_its_numbers_and_asks_nobody_for_plotly():
    result = traced()
    text = export.figure_html(heat_map(result, "f"))
    assert not re.search(r"<(script|link|img)[^>]*\s(src|href)=", text)
    assert len(text) > 1_000_000  # Plotly is inside
    drawn = text[text.rindex("Plotly.newPlot(") :]
    binary = re.search(r'"z":\{"dtype":"f4","bdata":"([^"]+)"', drawn)
    assert binary is not None
    values = np.frombuffer(_decoded(binary.group(1)), "<f4").reshape(result["f"].T.shape)
    assert np.array_equal(values, result["f"].T)


def _decoded(text: str) -> bytes:
    return base64.b64decode(json.loads(f'"{text}"'))


def test_hostile_tokens_in_a_figure_stay_text():
    hostile = "</script><script>alert(1)</script>"
    plain = replace(traced(), tokens=tuple("abcdef"))
    spoilt = replace(plain, tokens=(hostile, *"bcdef"))
    pages = [export.figure_html(heat_map(result, "f")) for result in (plain, spoilt)]
    assert pages[0].count("</script>") == pages[1].count("</script>")
    assert "alert(1)" in pages[1]


@pytest.mark.browser
def test_a_picture_is_drawn_at_twice_the_density_of_a_screen():
    from tests.browser import find_chromium

    if find_spec("kaleido") is None or find_chromium() is None:
        pytest.skip("needs the package kaleido and a Chromium (pip install '.[export]')")
    figure = gate_figure(traced())
    data = export.figure_picture(figure, "png", width=400)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (800, 2 * figure.layout.height)


def test_a_browser_that_is_missing_is_told_with_a_code(monkeypatch):
    def fail(*_: object, **__: object) -> bytes:
        raise RuntimeError("Kaleido requires Google Chrome to be installed.")

    figure = gate_figure(traced())
    monkeypatch.setattr(export, "find_spec", lambda name: object())
    monkeypatch.setattr(type(figure), "to_image", fail)
    with pytest.raises(export.PictureError, match="Google Chrome") as caught:
        export.figure_picture(figure, "svg")
    assert caught.value.code == "no-browser"


def test_a_picture_without_kaleido_is_refused_with_a_code(monkeypatch):
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    with pytest.raises(export.PictureError, match="kaleido") as caught:
        export.figure_picture(gate_figure(traced()), "png")
    assert caught.value.code == "no-kaleido"


# ---- Python


def run(code: str, names: dict[str, object]) -> dict[str, object]:
    scope = dict(names)
    exec(compile(code, "snippet", "exec"), scope)
    return scope


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("task", sorted(TASKS))
def test_the_snippet_of_a_preset_makes_the_traces_of_the_page(task, in_folder):
    example = TASKS[task].example(5)
    scope = run(preset_snippet(task, ["lstm", "rnn"], example.tokens), {})
    assert list(scope["traces"]) == ["lstm", "rnn"]
    for cell, result in scope["traces"].items():
        shown = trace(zoo.load(task, cell).model, example.ids)
        assert result.tokens == example.tokens
        assert np.array_equal(result["h"], shown["h"])
    assert (in_folder / "stage.html").stat().st_size > 100_000


def test_the_snippet_of_a_preset_takes_any_text(in_folder):
    tokens = tuple("'\"\\\n\t{}%s")
    scope = run(preset_snippet("python", ["gru"], tokens), {})
    assert scope["traces"]["gru"].tokens == tokens


def test_a_snippet_saves_a_stage_of_these_traces(in_folder, monkeypatch):
    seen = []
    monkeypatch.setattr(player, "player_html", lambda data, **_: seen.append(data) or "page")
    run(preset_snippet("recall", ["lstm"], ["A", "!B", "?"]), {})
    assert (in_folder / "stage.html").read_text() == "page"
    assert b'"name": "lstm"' in seen[0]
