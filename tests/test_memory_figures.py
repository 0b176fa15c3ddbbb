"""Figures of the memory lab: what they draw is what the core computed; sentences tell the same."""

import csv
import io

import numpy as np
import plotly.graph_objects as go
import pytest

from lstm_core.dynamics import FixedPoints, fixed_points, lyapunov_exponents, spectral_radius
from lstm_core.ledger import age_of_memory, ledger
from lstm_core.memory import gate_saturation, passive_half_life, retention
from lstm_core.probing import RecallAtDelay
from lstm_core.shares import CounterfactualLedger, logit_ledger
from lstm_core.tasks import TASKS
from lstm_core.trace import trace
from tests.pages import small_model
from viz import (
    dynamics,
    gradients,
    lab,
    ledgers,
    memory,
    recall,
    style,
)
from viz import (
    retention as fading,
)
from viz.export import to_csv
from viz.sheet import Sheet, count, share, steps, wrapped
from viz.text import LANGUAGES, say

TASK = "recall"
TOKENS = TASKS[TASK].parse("AB!CDEFGHAB?CD").tokens
SHEET = Sheet(source="here")


@pytest.fixture(scope="module")
def models():
    return {cell: small_model(TASK, cell) for cell in ("lstm", "gru", "rnn")}


@pytest.fixture(scope="module")
def changes(models):
    return {cell: lab.changes(model, TASK, TOKENS) for cell, model in models.items()}


@pytest.fixture(scope="module")
def traces(models):
    ids = lab.ids_of(TASK, TOKENS)
    return {cell: trace(model.model, ids) for cell, model in models.items()}


def asked(step: int = 2) -> memory.Asked:
    return lab.asked_about(TASKS[TASK].parse("".join(TOKENS)), TASK, TOKENS, step)


def drawn(figure: go.Figure, name: str):
    (found,) = [t for t in figure.data if t.name == name]
    return found


def note(figure: go.Figure, name: str) -> str:
    (found,) = [n for n in figure.layout.annotations if n.name == name]
    return found.text.replace("<br>", " ")


def made(**outputs) -> dict[str, memory.Changes]:
    """Changes whose chosen row 0 is given."""
    found = {}
    for cell, row in outputs.items():
        values = np.zeros((len(row), len(row)))
        values[0] = row
        found[cell] = memory.Changes(scaled=values, output=values)
    return found


ABC = memory.Asked(tokens=tuple("ABCDE"), step=0, token="A", other="B")

# ---- Words and numbers


def test_numbers_are_written_for_people():
    assert [count(n) for n in (0, 1234.5, 12.34, -0.5, 2.1e-4, np.inf)] == [
        "0", "1,234", "12.3", "−0.5", "2.1 × 10⁻⁴", "∞",
    ]  # fmt: skip
    assert [share(s) for s in (1, 0.975, -0.0001, -0.021)] == ["100 %", "97.5 %", "0 %", "−2.1 %"]
    assert (steps(1, "en"), steps(2, "en"), steps(1, "zh")) == ("1 step", "2 steps", "1 步")


def test_long_lines_are_broken_between_words_and_chinese_characters():
    assert wrapped("one two three", 7) == "one two<br>three"
    assert wrapped("记住这个符号，然后说出。", 14) == "记住这个符号，<br>然后说出。"
    assert wrapped("a（短）", 3) == "a<br>（短）"


# ---- 2: change one token


@pytest.mark.parametrize("measure", ["scaled", "output"])
def test_change_map_draws_the_core_s_values_from_the_change_on(changes, measure):
    lane = drawn(memory.change_map(SHEET, "gru", changes, measure, asked()), "GRU")
    values = changes["gru"].of(measure)
    upper = np.triu(np.ones_like(values, dtype=bool))
    np.testing.assert_array_equal(lane.z[upper], values[upper])
    assert np.isnan(lane.z[~upper]).all()
    assert lane.customdata[2][0] == "C"


def test_all_models_share_one_colour_scale(changes):
    maps = [memory.change_map(SHEET, c, changes, "output", asked()).data[0] for c in changes]
    most = max(each.output.max() for each in changes.values())
    assert {(lane.zmin, lane.zmax) for lane in maps} == {(0, float(most))}


def test_lines_are_the_chosen_row_of_every_model(changes):
    figure = memory.change_lines(SHEET, changes, asked())
    for cell, each in changes.items():
        above, below = [t for t in figure.data if t.name == say(f"cell.{cell}", "en")]
        np.testing.assert_array_equal(above.y, each.scaled[2, 2:])
        np.testing.assert_array_equal(below.y, each.output[2, 2:])
        np.testing.assert_array_equal(above.x, np.arange(2, len(TOKENS)))
    assert note(figure, "title") == "<b>“C” at step 2 changed to “D”</b>"
    assert "step 10" in note(figure, "source")


@pytest.mark.parametrize(
    ("row", "expected"),
    [([1, 1, 0.2, 0.05, 0], 2), ([0.5, 0, 0, 0, 0.1], 4), ([0, 0.09, 0, 0, 0], None)],
)
def test_memory_lasts_to_the_last_step_that_reaches_the_threshold(row, expected):
    assert memory.lasts(np.array(row), 0, 0.1) == expected


def test_sentence_says_how_long_each_answer_depends_on_the_token():
    found = made(lstm=[1, 1, 1, 1, 1], gru=[1, 0.2, 0, 0, 0], rnn=[0, 0, 0, 0, 0])
    assert memory.change_sentence(found, ABC, "en") == (
        "The LSTM's answer still depends on it 4 steps later, at the end of the sequence; the "
        "GRU's answer still depends on it after 1 step and not later; the plain RNN's answer never "
        "depends on it (it moves by less than 0.1 nats)."
    )
    chinese = memory.change_sentence(found, ABC, "zh")
    assert "4 步之后仍依赖它" in chinese
    assert "从不依赖" in chinese


def test_sentence_about_the_question_gives_the_nats_there(changes):
    said = memory.asked_sentence(changes, asked(), "en")
    assert "at step 10" in said
    assert f"moves by {count(float(changes['rnn'].output[2, 10]))} nats" in said
    assert memory.asked_sentence(changes, asked(12), "en") == ""


def test_token_of_markup_stays_text_in_a_figure():
    tokens = TASKS["python"].parse("<b>x").tokens
    about = memory.Asked(tokens=tokens, step=0, token="<", other="<i>")
    found = made(lstm=[1.0, 1, 1, 1])
    assert "“&lt;”" in note(memory.change_lines(SHEET, found, about), "title")
    assert memory.change_map(SHEET, "lstm", found, "output", about).data[0].customdata[0][0] == (
        "&lt;"
    )


# ---- 3: local sensitivity


def test_sensitivity_map_draws_powers_of_ten_of_the_ratio(models):
    found = lab.gradients(models["lstm"], TASK, TOKENS, 2)
    lane = drawn(gradients.sensitivity_map(SHEET, "lstm", found, asked(), "C"), "LSTM")
    np.testing.assert_allclose(lane.z[2, 5], np.log10(found[5, 2] / found[2, 2]))
    np.testing.assert_allclose(np.diagonal(lane.z), 0, atol=1e-7)
    assert np.isnan(lane.z[5, 2])
    assert list(lane.colorscale[0])[1] == style.SEQUENTIAL[0]


def sensitivity(ratios: list[float]) -> np.ndarray:
    values = np.tril(np.ones((len(ratios), len(ratios))))
    values[:, 0] = ratios
    return values


def test_pair_is_the_model_that_knows_while_its_gradient_has_vanished_most():
    found = made(lstm=[1, 2, 2, 2, 2], gru=[1, 2, 2, 2, 3], rnn=[1, 0, 0, 0, 0])
    slopes = {
        "lstm": sensitivity([1, 1, 0.1, 0.01, 1e-3]),
        "gru": sensitivity([1, 1, 0.1, 0.01, 1e-2]),
        "rnn": sensitivity([1, 0.1, 1e-3, 1e-4, 1e-9]),
    }
    assert gradients.clearest_pair(found, slopes, ABC) == "lstm"
    said = gradients.pair_sentence("lstm", found["lstm"], slopes["lstm"], ABC, "en")
    assert "4 steps later the LSTM's answer still moves by 2 nats" in said
    assert "1.0 × 10⁻³ times" in said
    assert gradients.clearest_pair({"rnn": found["rnn"]}, slopes, ABC) is None


def test_pair_figure_draws_both_rows():
    found, slope = made(lstm=[1, 2, 3, 4, 5])["lstm"], sensitivity([2, 1, 0.5, 0, 0.002])
    figure = gradients.pair_figure(SHEET, "lstm", found, slope, ABC)
    np.testing.assert_array_equal(figure.data[0].y, [1, 2, 3, 4, 5])
    np.testing.assert_array_equal(figure.data[1].y, [1, 0.5, 0.25, np.nan, 0.001])


def test_gradient_is_told_where_an_answer_last_depends_on_the_token():
    found = made(lstm=[1, 1, 0.5, 0, 0], rnn=[1, 0, 0, 0, 0])
    slopes = dict.fromkeys(found, sensitivity([1, 0.5, 0.25, 0, 0]))
    said = gradients.gradient_sentence(found, slopes, ABC, "en")
    assert said.startswith("At step 2, 2 steps after the chosen token: the LSTM's answer would")
    assert "by 0.5 nats, its gradient is 0.25 times" in said


# ---- 4: ledgers


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_ledger_map_sums_to_the_state(traces, cell):
    lane = ledgers.ledger_map(SHEET, cell, ledger(traces[cell], 11), TOKENS).data[0]
    state = traces[cell]["c" if cell == "lstm" else "h"][11]
    np.testing.assert_allclose(lane.z.sum(axis=1), state, atol=1e-6)
    assert lane.zmin == -lane.zmax
    assert lane.z.shape[1] == 12


def test_ledger_sentence_names_the_step_that_wrote_most(traces):
    entries = ledger(traces["lstm"], 11)
    sizes = np.abs(entries.writes).sum(axis=1)
    said = ledgers.ledger_sentence("lstm", entries, 2, TOKENS, "en")
    assert f"written most by step {sizes.argmax()}" in said
    assert said.endswith(f"step 2 wrote itself makes up {share(sizes[2] / sizes.sum())}.")


def test_age_strip_is_the_mean_distribution_and_sums_to_1(traces):
    age = age_of_memory(traces["gru"], 11)
    (bars,) = ledgers.age_figure(SHEET, age).data
    assert list(bars.x) == list(range(11, -1, -1))
    assert bars.y.sum() == pytest.approx(1 - age.initial.mean())
    mean = count(float((bars.x * bars.y).sum()))
    assert f"is {mean} steps old on average" in ledgers.age_sentence(age, "en")


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_waterfall_adds_up_to_the_logit(models, traces, cell):
    entries = logit_ledger(traces[cell], models[cell].model, 11, 2)
    (bars,) = ledgers.waterfall(SHEET, cell, entries, TOKENS, "C").data
    *terms, total = bars.x
    assert sum(terms) == pytest.approx(traces[cell].outputs[11, 2], abs=1e-5)
    assert total == pytest.approx(sum(terms))
    assert len(terms) == 10
    assert bars.measure[-1] == "total"


def test_bars_of_a_change_are_its_three_shares():
    one = CounterfactualLedger(
        at=3,
        changed_at=1,
        shares=np.array([0.25, 0.05, 0.6, 0.1]),
        initial=0.0,
        difference=2.0,
        direction=0,
    )
    figure = ledgers.paths_figure(SHEET, {"lstm": one}, 1, 3)
    assert [bar.x[0] for bar in figure.data] == pytest.approx([0.25, 0.05, 0.7])
    said = ledgers.paths_sentence({"lstm": one}, 1, 3, "en")
    assert "5 % was written then and carried here, 70 % was relayed" in said


# ---- 5: forgetting


def test_half_lives_are_drawn_sorted_with_their_units(traces):
    found = lab.half_lives(traces)
    assert list(found) == ["lstm", "gru"]
    line = drawn(fading.half_life_figure(SHEET, found), "LSTM")
    expected = passive_half_life(traces["lstm"])
    np.testing.assert_allclose(line.y, np.sort(expected)[::-1])
    np.testing.assert_array_equal(line.customdata, np.argsort(-expected))


def test_retention_draws_every_unit_and_names_those_chosen(traces):
    left = retention(traces["lstm"], 2)
    figure = fading.retention_figure(SHEET, "lstm", left, 2, [1])
    for unit in range(left.shape[1]):
        np.testing.assert_array_equal(drawn(figure, f"unit {unit}").y, left[2:, unit])
    assert [t.name for t in figure.data if t.showlegend] == ["unit 1"]
    said = fading.retention_sentence("lstm", left, 2, 5, "en")
    assert f"at least half in {(left[5] >= 0.5).sum()} of 3 units" in said


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_saturation_draws_a_dot_for_every_unit_and_gate(traces, cell):
    found = gate_saturation(traces[cell])
    figure = fading.saturation_figure(SHEET, cell, found)
    for gate, dots in zip(found.shut, figure.data, strict=True):
        np.testing.assert_array_equal(dots.x, found.shut[gate])
        np.testing.assert_array_equal(dots.y, found.open[gate])


def test_units_of_the_answer_are_those_that_add_most(models, traces):
    units = lab.units_of_answer(models["rnn"], traces["rnn"], 11, 2)
    weight = models["rnn"].model.readout.weight.detach().numpy()
    added = traces["rnn"]["h"][11] * (weight[2] - weight.mean(axis=0))
    assert [unit.index for unit in units] == list(np.argsort(-added)[:3])
    assert units[0].amount == pytest.approx(added.max())


# ---- 1: recall


def test_recall_draws_every_seed_chance_and_the_end_of_training(models):
    task = TASKS[TASK]
    scores = tuple(
        score.__class__(**{**vars(score), "by_delay": ((10, 1.0), (100, value))})
        for score, value in zip(models["lstm"].scores, (1.0, 0.5), strict=True)
    )
    checkpoint = models["lstm"].__class__(**{**vars(models["lstm"]), "scores": scores})
    point = RecallAtDelay(delay=200, accuracy=0.25, low=0.2, high=0.3, examples=100, chance=0.125)
    figure = recall.recall_figure(SHEET, task, {"lstm": checkpoint}, {"lstm": [point]})
    assert list(drawn(figure, "LSTM, seed 4").y) == [1.0, 0.5]
    live = drawn(figure, "LSTM, measured now")
    assert (live.x[0], live.y[0]) == (200, 0.25)
    assert live.error_y.array[0] == pytest.approx(0.05)
    lines = {(shape.y0, shape.x0) for shape in figure.layout.shapes}
    assert (0.125, 0) in lines
    assert any(x == 100 for _, x in lines)
    said = recall.recall_sentence(task, {"lstm": checkpoint}, {"lstm": [point]}, "en")
    assert said == (
        "At 100 steps, the longest delay of training, the LSTM answers 50 % to 100 % right "
        "(2 seeds). At 200 steps the LSTM answers 25 % right (measured now). Guessing gives "
        "12.5 %."
    )


def test_without_scores_by_delay_the_sentence_says_so(models):
    said = recall.recall_sentence(TASKS[TASK], models, {}, "zh")
    assert said == say("memory.recall.nothing", "zh")


# ---- 6: dynamics


def test_lyapunov_lines_are_the_core_s_exponents(traces):
    spectra = {cell: lyapunov_exponents(one) for cell, one in traces.items()}
    figure = dynamics.lyapunov_figure(SHEET, spectra)
    for cell, values in spectra.items():
        np.testing.assert_array_equal(drawn(figure, say(f"cell.{cell}", "en")).y, values)
    said = dynamics.lyapunov_sentence({"rnn": np.array([-np.log(2) / 5])}, "en")
    assert said.endswith("so they halve in 5 steps.")


def test_plane_holds_the_path_and_the_fixed_points(traces):
    states = traces["rnn"]["h"].astype(np.float64)
    points = fixed_points(traces["rnn"], traces["rnn"].layer().inputs.mean(axis=0))
    found = dynamics.plane(states, points.states)
    centred = states - states.mean(axis=0)
    sizes = np.linalg.svd(centred, compute_uv=False) ** 2
    assert found.shown == pytest.approx(sizes[:2].sum() / sizes.sum())
    figure = dynamics.plane_figure(SHEET, "rnn", found, points)
    np.testing.assert_array_equal(figure.data[0].x, found.path[:, 0])
    assert len(figure.data[1].x) == points.stable.sum() == 1


def test_far_fixed_point_is_counted_and_does_not_shrink_the_path():
    path = np.random.default_rng(0).normal(size=(20, 3))
    found = dynamics.plane(path, np.array([[100.0, 100, 100], [0, 0, 0]]))
    assert found.outside == 1
    assert np.abs(found.window).max() < 10
    points = FixedPoints(
        states=np.zeros((2, 3)),
        residuals=np.zeros(2),
        eigenvalues=np.array([[0.5 + 0j], [2 + 0j]]),
        found_from=np.array([1, 1]),
        starts=4,
    )
    said = dynamics.plane_sentence("gru", found, points, 1.5, "en")
    assert "from 4 starts: 2, of which stable: 1, outside the picture: 1." in said


def test_eigenvalues_are_drawn_for_every_gate(traces):
    found = spectral_radius(traces["gru"])
    figure = dynamics.eigenvalue_figure(SHEET, "gru", found)
    np.testing.assert_array_equal(figure.data[2].x, found["z"].eigenvalues.real)
    said = dynamics.eigenvalue_sentence("gru", found, "en")
    assert f"spectral radius {count(found['z'].radius)}, norm {count(found['z'].norm)}" in said


# ---- All of them


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("dark", [False, True])
def test_figure_is_readable_alone_in_its_language_and_theme(changes, language, dark):
    sheet = Sheet(language=language, dark=dark, source="seed 5")
    figure = memory.change_map(sheet, "lstm", changes, "output", asked())
    theme = style.THEMES["dark" if dark else "light"]
    assert figure.layout.paper_bgcolor == theme.background
    assert figure.layout.font.color == theme.ink
    assert figure.layout.xaxis.title.text == say("memory.axis.time", language)
    assert figure.layout.yaxis.title.text == say("memory.axis.changed", language)
    assert "seed 5" in note(figure, "source")


# ---- Numbers to take away


def rows(figure: go.Figure) -> list[list[str]]:
    return list(csv.reader(io.StringIO(to_csv(figure))))


def test_table_of_a_heat_map_has_a_row_for_every_cell_that_is_drawn(changes):
    head, *body = rows(memory.change_map(SHEET, "rnn", changes, "output", asked()))
    assert head == ["series", "time (step)", "changed at (step)", "nats"]
    size = len(TOKENS)
    assert len(body) == size * (size + 1) // 2
    values = {(int(x), int(y)): float(v) for _, x, y, v in body}
    assert values[11, 2] == pytest.approx(changes["rnn"].output[2, 11], rel=1e-6)


def test_table_of_lines_names_every_series_and_leaves_decoration_out(models):
    point = RecallAtDelay(delay=20, accuracy=0.25, low=0.2, high=0.3, examples=100, chance=0.125)
    figure = recall.recall_figure(SHEET, TASKS[TASK], models, {"gru": [point]})
    head, *body = rows(figure)
    assert head == ["series", "delay (steps, log)", "right answers"]
    assert body == [["GRU, measured now", "20", "0.25"]]
