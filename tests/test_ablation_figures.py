"""Which units matter: figures draw what was measured, sentences say it, costs are the core's."""

import csv
import io
import json
from dataclasses import replace
from itertools import product
from math import log
from threading import Thread

import numpy as np
import plotly.graph_objects as go
import pytest
import torch

from lstm_core import answers
from lstm_core.effect import Ablation, Effect, Estimate, ablation_map, effect
from lstm_core.intervene import Intervention
from lstm_core.signals import SIGNALS
from lstm_core.tasks import NO_TARGET, TASKS
from lstm_core.trace import trace_many
from tests.pages import UNITS, small_model
from viz import ablation, survey
from viz.export import to_csv
from viz.sheet import Sheet
from viz.survey import ByDelay, Costs, Survey
from viz.text import LANGUAGES, say

TASK = "recall"
SHEET = Sheet(source="here")


@pytest.fixture(autouse=True)
def _few(monkeypatch):
    monkeypatch.setitem(survey.SEQUENCES, "accuracy", 24)
    monkeypatch.setattr(survey, "AT_EACH_DELAY", 12)


def measured(cell: str, clamp="mean", seed: int = 0) -> Survey:
    found = survey.survey(small_model(TASK, cell), TASK, clamp, seed)
    while found.advance():
        pass
    return found


@pytest.fixture(scope="module")
def surveys():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(survey.SEQUENCES, "accuracy", 24)
        return {cell: measured(cell) for cell in UNITS}


def estimate(value: float, half: float = 0.03) -> Estimate:
    return Estimate(value=value, low=value - half, high=value + half)


def made(signal: str, unit: int, lost: float, bits: float = 0.0, base: float = 1.0) -> Ablation:
    """An ablation that costs so much."""
    nats = bits * log(2)
    found = Effect(
        accuracy=estimate(base - lost),
        accuracy_change=estimate(-lost),
        loss=estimate(1 + nats),
        loss_change=estimate(nats),
        divergence=estimate(0.5),
        sequences=400,
        answers=400,
    )
    return Ablation(signal=signal, unit=unit, clamp="mean", value=0.25, effect=found)


def costs_of(*ranked: Ablation, measure="accuracy", complete=True) -> Costs:
    return Costs(cell="lstm", measure=measure, ranked=ranked, complete=complete)


# ---- Measured


@pytest.mark.parametrize("cell", sorted(UNITS))
def test_survey_finds_every_signal_of_every_unit_once(surveys, cell):
    pairs = [(one.signal, one.unit) for one in surveys[cell].found]
    keys = [signal.key for signal in SIGNALS[cell]]
    assert sorted(pairs) == sorted(product(keys, range(UNITS[cell])))
    assert surveys[cell].complete


@pytest.fixture
def _small_parts(monkeypatch):
    """Lets a survey measure a few units at a time, as it does with models that ship."""
    monkeypatch.setattr(answers, "_NUMBERS", 1000)


@pytest.mark.usefixtures("_small_parts")
def test_survey_left_and_taken_up_again_finds_what_the_core_finds():
    model = small_model(TASK, "gru")
    parts = list(ablation_map(model.model, TASKS[TASK], clamps=["mean"], sequences=24, seed=0))
    assert len(parts) > 2
    found = survey.survey(model, TASK, "mean", 0)
    assert (found.done, found.complete, found.found) == (0, False, ())
    assert found.advance()
    assert found.found == parts[0].found
    assert found.done == parts[0].done / parts[0].total
    while found.advance():
        pass
    assert found.found == tuple(one for part in parts for one in part.found)
    assert (found.done, found.complete) == (1, True)
    assert not found.advance()


@pytest.mark.usefixtures("_small_parts")
def test_survey_shared_by_threads_finds_everything_once(surveys):
    model = small_model(TASK, "lstm")
    parts = ablation_map(model.model, TASKS[TASK], clamps=["mean"], sequences=24, seed=0)
    whole = [one for part in parts for one in part.found]
    shared = survey.survey(model, TASK, "mean", 0)

    def finish() -> None:
        while shared.advance():
            pass

    threads = [Thread(target=finish) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(shared.found) == whole


def test_another_seed_draws_other_sequences(surveys):
    assert measured("lstm", seed=1).found != surveys["lstm"].found


@pytest.mark.parametrize("clamp", [0.0, 1.0])
def test_clamp_is_the_number_asked_for(clamp):
    assert {one.value for one in measured("rnn", clamp).found} == {clamp}


def test_cost_is_what_the_answers_of_an_independent_run_lose(surveys):
    one = next(a for a in surveys["lstm"].found if (a.signal, a.unit) == ("h", 1))
    model = small_model(TASK, "lstm").model
    batch = TASKS[TASK].held_out(np.random.default_rng([0, 3]), 24)
    time, sequence = np.nonzero(batch.targets != NO_TARGET)
    classes = batch.targets[time, sequence]

    def scores(edits):
        traces = trace_many(model, batch.ids.T, interventions=edits)
        logits = np.stack([traces[s].outputs[t] for t, s in zip(time, sequence, strict=True)])
        loss = torch.nn.functional.cross_entropy(
            torch.from_numpy(logits), torch.from_numpy(classes), reduction="mean"
        )
        return (logits.argmax(axis=1) == classes).mean(), float(loss) / log(2)

    right, bits = scores([])
    right_clamped, bits_clamped = scores([survey.intervention(one)])
    assert survey.cost(one, "accuracy").value == pytest.approx(right - right_clamped, abs=1e-9)
    assert survey.cost(one, "loss").value == pytest.approx(bits_clamped - bits, abs=1e-5)


def test_interval_of_a_cost_is_turned_with_its_sign():
    one = made("f", 0, 0.41, bits=2)
    lost, bits = survey.cost(one, "accuracy"), survey.cost(one, "loss")
    assert (lost.low, lost.value, lost.high) == pytest.approx((0.38, 0.41, 0.44))
    assert bits.value == pytest.approx(2)
    assert bits.low < bits.value < bits.high


def test_nothing_changed_is_no_proof_of_nothing():
    one = made("f", 0, 0.0)
    still = replace(one.effect, accuracy_change=Estimate(value=-0.0, low=-0.0, high=0.0))
    found = survey.cost(replace(one, effect=still), "accuracy")
    assert str(found.value) == "0.0"
    # A change in 0.92 % of the sequences is missed by 400 of them once in 40 times.
    assert (1 - found.high) ** 400 == pytest.approx(0.025)
    assert found.low == -found.high


def test_costs_are_ranked_and_units_follow_their_dearest_signal():
    costs = costs_of(made("c", 3, 0.5), made("f", 1, 0.2), made("f", 3, 0.1), made("i", 2, 0.004))
    assert costs.units == (3, 1, 2)
    assert costs.signals == ("f", "i", "c")
    assert costs.idle == 1
    assert costs.find("f", 3) is costs.ranked[2]
    assert costs.find("o", 3) is None


@pytest.mark.parametrize("measure", ["accuracy", "loss"])
def test_ranking_falls(surveys, measure):
    costs = Costs.of("lstm", measure, surveys["lstm"])
    values = [costs.cost(one).value for one in costs.ranked]
    assert values == sorted(values, reverse=True)
    assert len(values) == len(surveys["lstm"].found)


def test_costs_of_nothing_are_refused():
    with pytest.raises(ValueError, match="nothing yet"):
        Costs.of("rnn", "accuracy", survey.survey(small_model(TASK, "rnn"), TASK, 0.0, 0))


def test_csv_holds_every_number(surveys):
    ranked = Costs.of("gru", "accuracy", surveys["gru"]).ranked
    rows = list(csv.DictReader(io.StringIO(survey.table(ranked))))
    assert len(rows) == len(ranked)
    for row, one in zip(rows, ranked, strict=True):
        assert (row["signal"], int(row["unit"])) == (one.signal, one.unit)
        lost = survey.cost(one, "accuracy")
        told = [float(row[f"right_lost{end}"]) for end in ("", "_low", "_high")]
        assert told == pytest.approx([lost.value, lost.low, lost.high], rel=1e-8, abs=1e-12)
        extra = float(row["bits_extra"]) * log(2)
        assert extra == pytest.approx(one.effect.loss_change.value, rel=1e-8)
        assert int(row["sequences"]) == one.effect.sequences


# ---- By delay


def test_recall_by_delay_is_the_effect_at_every_delay(surveys):
    model, one = small_model("short-recall", "lstm"), surveys["lstm"].found[0]
    task = TASKS["short-recall"]
    found = survey.by_delay(model, task, one, 7)
    assert [point.delay for point in found.clamped] == [1, 2, 5, 10, 20, 50]
    for before, after in zip(found.untouched, found.clamped, strict=True):
        rng = np.random.default_rng([7, after.delay, 1])
        batch = task.at_delays(rng, np.full(12, after.delay))
        edit = Intervention(signal=one.signal, op="set", value=one.value, units=[one.unit])
        for point, edits in ((before, []), (after, [edit])):
            share = effect(model.model, task, edits, batch=batch).accuracy
            assert (point.accuracy, point.low, point.high) == (share.value, share.low, share.high)


# ---- Drawn


def squares(figure: go.Figure) -> go.Heatmap:
    (found,) = [trace for trace in figure.data if trace.type == "heatmap"]
    return found


@pytest.mark.parametrize(("measure", "factor"), [("accuracy", 100), ("loss", 1)])
@pytest.mark.parametrize("cell", sorted(UNITS))
def test_map_draws_the_measured_costs(surveys, cell, measure, factor):
    costs = Costs.of(cell, measure, surveys[cell])
    lane = squares(ablation.costs_map(SHEET, costs))
    assert [int(unit) for unit in lane.y] == list(costs.units)
    assert lane.zmin == -lane.zmax
    for row, unit in enumerate(costs.units):
        for column, signal in enumerate(costs.signals):
            one = costs.find(signal, unit)
            assert lane.z[row, column] == pytest.approx(factor * survey.cost(one, measure).value)
            assert f"<b>{signal}</b>" in lane.x[column]


def test_target_of_a_square_carries_its_signal_and_unit_and_tells_both_costs(surveys):
    costs = Costs.of("lstm", "accuracy", surveys["lstm"])
    figure = ablation.costs_map(SHEET, costs)
    lane, targets = squares(figure), figure.data[1]
    assert len(targets.x) == lane.z.size
    for x, y, (signal, unit), told in zip(
        targets.x, targets.y, targets.customdata, targets.hovertext, strict=True
    ):
        assert y == str(unit)
        assert f"<b>{signal}</b>" in x
        one = costs.find(signal, int(unit))
        assert f"unit {unit} held at its mean" in told
        assert ablation.amount(survey.cost(one, "accuracy").low, "accuracy") in told
        assert ablation.amount(survey.cost(one, "loss").value, "loss") in told


def test_frame_stands_around_the_chosen_square(surveys):
    costs = Costs.of("lstm", "accuracy", surveys["lstm"])
    one = costs.find("i", costs.units[1])
    (frame,) = ablation.costs_map(SHEET, costs, chosen=one).layout.shapes
    assert (frame.x0 + 0.5, frame.y0 + 0.5) == (costs.signals.index("i"), 1)
    assert not ablation.costs_map(SHEET, costs).layout.shapes


def test_map_shows_the_dearest_units_and_leaves_out_the_rest(surveys):
    costs = Costs.of("lstm", "accuracy", surveys["lstm"])
    lane = squares(ablation.costs_map(SHEET, costs, rows=2, chosen=costs.ranked[-1]))
    assert [int(unit) for unit in lane.y] == list(costs.units[:2])


def test_square_that_was_not_measured_stays_empty():
    costs = costs_of(made("c", 3, 0.5), made("f", 1, 0.2), complete=False)
    figure = ablation.costs_map(SHEET, costs)
    np.testing.assert_array_equal(squares(figure).z, [[np.nan, 50], [20, np.nan]])
    assert len(figure.data[1].x) == 2
    (source,) = [n for n in figure.layout.annotations if n.name == "source"]
    assert source.text.startswith("2 of the 2 units measured so far")


def test_number_stands_in_every_square_that_matters():
    costs = costs_of(made("c", 3, 0.5), made("f", 3, 0.004), made("i", 3, -0.02))
    assert list(squares(ablation.costs_map(SHEET, costs)).text[0]) == ["", "−2", "50"]


def test_figures_survive_the_way_to_the_browser(surveys):
    costs = Costs.of("lstm", "accuracy", surveys["lstm"])
    figure = ablation.costs_map(SHEET, costs, chosen=costs.dearest)
    again = json.loads(figure.to_json())["data"][1]["customdata"]
    assert {type(unit) for _, unit in again} == {int}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_delay_figure_draws_both_curves_and_its_csv_gives_them(surveys, language):
    task, sheet = TASKS[TASK], Sheet(language=language)
    one = surveys["lstm"].found[0]
    found = survey.by_delay(small_model(TASK, "lstm"), task, one, 0)
    figure = ablation.delay_figure(sheet, "lstm", one, task, found)
    rows = list(csv.reader(io.StringIO(to_csv(figure))))[1:]
    for key, points in (("untouched", found.untouched), ("clamped", found.clamped)):
        (line,) = [t for t in figure.data if t.name == say(f"units.{key}", language)]
        assert list(line.x) == [point.delay for point in points]
        np.testing.assert_array_equal(line.y, [point.accuracy for point in points])
        ends = np.add(line.y, line.error_y.array)
        np.testing.assert_allclose(ends, [point.high for point in points])
        drawn = [float(row[2]) for row in rows if row[0] == line.name]
        assert drawn == pytest.approx([point.accuracy for point in points])


# ---- Said


def test_sentence_tells_the_dearest_clamp_and_how_many_units_do_not_matter_alone():
    costs = costs_of(made("o", 12, 0.41), made("c", 3, 0.2), made("f", 5, 0.0), made("i", 6, -0.3))
    assert ablation.sentence(costs, 1 / 8, "en") == (
        "Clamping the output gate of unit 12 to its mean (0.25) costs the LSTM 41.0 points of its "
        "right answers (95 % interval 38.0 to 44.0). 2 of 4 units cost less than one point "
        "whatever is clamped: they do not matter alone."
    )
    chinese = ablation.sentence(costs, 1 / 8, "zh")
    assert "单元 12 的输出门" in chinese
    assert "41.0" in chinese
    assert "4 个单元中有 2 个" in chinese


def test_unfinished_survey_says_nothing_of_units_that_do_not_matter():
    costs = costs_of(made("o", 12, 0.41), made("f", 5, 0.0))
    assert "whatever is clamped" in ablation.sentence(costs, 1 / 8, "en")
    part = replace(costs, complete=False)
    assert "whatever is clamped" not in ablation.sentence(part, 1 / 8, "en")


def test_sentence_says_where_nothing_matters_and_where_little_was_there_to_lose():
    one = made("h", 0, 0.004, base=0.2)
    said = ablation.sentence(costs_of(one), 1 / 8, "en")
    assert "1 of 1 units costs less than one point" in said
    assert said.startswith("No single clamp costs the LSTM one point")
    assert "only 20 % right (guessing gives 12.5 %)" in said
    assert "little to lose" not in ablation.sentence(costs_of(made("h", 0, 0.5)), 1 / 8, "en")


def test_sentence_of_bits_is_about_bits():
    said = ablation.sentence(costs_of(made("g", 2, 0.1, bits=0.671), measure="loss"), None, "en")
    assert "costs the LSTM 0.67 more bits an answer" in said
    assert said.endswith("Each of the 1 units costs at least a hundredth of a bit.")


def test_sentence_of_the_chosen_one_tells_before_and_after():
    one = made("o", 12, 0.41, bits=2)
    said = ablation.chosen_sentence(costs_of(one), one, "en")
    assert "right answers go from 100 % to 59 %, 41.0 points lost (95 %: 38.0 to 44.0)" in said
    assert "from 1.44 to 3.44 bits an answer, 2.00 extra bits" in said


def test_sentence_about_delays_names_the_worst_and_the_shortest(surveys):
    task = TASKS[TASK]
    found = survey.by_delay(small_model(TASK, "lstm"), task, surveys["lstm"].found[0], 0)
    first, second, *_ = found.clamped
    before = tuple(replace(point, accuracy=1.0) for point in found.untouched[:2])
    after = (replace(first, accuracy=0.9), replace(second, accuracy=0.25, low=0.2, high=0.31))
    said = ablation.delay_sentence(ByDelay(untouched=before, clamped=after), "en")
    assert "at a delay of 2: 25 % right (20 % to 31 %) instead of 100 %" in said
    assert "At delay 1, 10.0 points" in said
    same = ablation.delay_sentence(ByDelay(untouched=before, clamped=before), "en")
    assert same == say("units.delay-nothing", "en")


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_rows_and_labels_tell_rank_cost_and_interval(language):
    costs = costs_of(made("o", 12, 0.41), made("c", 3, 0.2))
    rows = ablation.ranked_rows(costs, 1, language)
    assert [list(row.values())[1:3] for row in rows] == [["12", "41.0"]]
    label = ablation.label(costs, costs.ranked[1], 2, language)
    assert label.startswith("2. ")
    assert "20.0" in label
    assert "17.0" in label
