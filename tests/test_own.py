"""A person's own model without a page: what it reads, how it is told, what is measured of it."""

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest
import torch
from torch import nn

from lstm_core.data_files.datafile import MAX_STEPS, DataError
from lstm_core.ledger import ledger
from lstm_core.stacks import ModelFile, ModelFileError, Remark, Stack
from lstm_core.trace import trace
from lstm_core.vocabulary import InputError, Vocabulary
from viz import own, own_measures, own_plates, own_stage, own_words
from viz.excerpt import excerpt_of
from viz.own import Given, Own
from viz.sheet import Sheet, count
from viz.story import percent, proof
from viz.text import LANGUAGES, TEXT, say

KINDS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


def stack_of(cell: str = "lstm", embedding: int = 0, head: int = 0, **options) -> Stack:
    torch.manual_seed(1)
    module = KINDS[cell](**{"input_size": 3, "hidden_size": 5} | options).eval()
    width = 5 * (2 if options.get("bidirectional") else 1)
    return Stack(
        name="encoder.rnn",
        cell=cell,
        module=module,
        gate_order="i f g o",
        embedding=torch.randn(embedding, 3) if embedding else None,
        embedding_name="embed" if embedding else None,
        head=(torch.randn(head, width), torch.randn(head)) if head else None,
        head_name="fc" if head else None,
    )


def own_of(*stacks: Stack, name: str = "model.pt") -> Own:
    file = ModelFile(kind="torch", stacks=stacks or (stack_of(),))
    return Own.of(name, "digest", file)


def given_of(loaded: Own, steps: int = 15) -> Given:
    return Given(inputs=own.noise(loaded, steps, 3), key="noise", of=steps)


def run(loaded: Own, steps: int = 15):
    given = given_of(loaded, steps)
    return given, own.trace_of(loaded, given)


# ---- What it reads


def test_noise_is_the_same_for_the_same_seed_and_fits_the_model():
    loaded = own_of()
    assert own.noise(loaded, 9, 1).shape == (9, 3)
    np.testing.assert_array_equal(own.noise(loaded, 9, 1), own.noise(loaded, 9, 1))
    assert not np.array_equal(own.noise(loaded, 9, 1), own.noise(loaded, 9, 2))


def test_random_symbols_are_ids_of_the_model():
    ids = own.noise(own_of(stack_of(embedding=4)), 200, 0)
    assert sorted(set(ids.tolist())) == [0, 1, 2, 3]


@pytest.mark.parametrize("steps", [1, 2, 9, 100])
def test_impulse_is_zero_but_for_one_step(steps):
    values, at = own.impulse(own_of(), steps)
    assert values.shape == (steps, 3)
    assert (values[at] == 1).all()
    assert values.sum() == 3


def test_embedding_without_a_vocabulary_reads_typed_ids():
    loaded = own_of(stack_of(embedding=7))
    assert loaded.reads_ids
    assert own.read_text(loaded, " [0, 6; 3]\n2 ").tolist() == [0, 6, 3, 2]


@pytest.mark.parametrize("typed", ["7", "-1", "1.5", "x", "0 1_0", "٣", "9" * 30])
def test_id_that_the_model_does_not_have_is_named(typed):
    loaded = own_of(stack_of(embedding=7))
    with pytest.raises(InputError) as caught:
        own.read_text(loaded, typed)
    assert caught.value.code == "bad-ids"
    assert caught.value.fields["limit"] == 6


@pytest.mark.parametrize("typed", ["", "  ", "[]", "\n"])
def test_nothing_typed_is_said(typed):
    with pytest.raises(InputError) as caught:
        own.read_text(own_of(stack_of(embedding=7)), typed)
    assert caught.value.code == "empty"


def test_vocabulary_file_lets_words_be_typed():
    loaded = own_of(stack_of(embedding=3))
    named = loaded.reading(Vocabulary.of_tokens(["the", "cat", "sat"]), "words.txt")
    assert not named.reads_ids
    assert own.read_text(named, "cat  sat the").tolist() == [1, 2, 0]
    assert named.key != loaded.key


def test_vocabulary_of_another_size_is_refused():
    with pytest.raises(ModelFileError) as caught:
        own_of(stack_of(embedding=3)).reading(Vocabulary.of_tokens(["a", "b"]), "v.txt")
    assert caught.value.code == "vocabulary-size"


def test_longest_sequence_shrinks_with_the_model():
    small, large = own_of(), own_of(stack_of(hidden_size=1024, num_layers=2))
    assert small.most_steps == MAX_STEPS
    numbers = 2 * 1024 * 6 * large.most_steps
    assert numbers <= own.MOST_KEPT < 1.2 * numbers


def test_another_stack_of_the_file_is_another_model():
    loaded = own_of(stack_of(), stack_of("gru", hidden_size=4))
    other = loaded.at(1)
    assert isinstance(other.module, nn.GRU)
    assert other.key != loaded.key


# ---- On the stage


def test_every_layer_and_direction_is_a_part_with_a_name_of_its_own():
    _, whole = run(own_of(stack_of(num_layers=2, bidirectional=True)))
    parts, _ = own_stage.parts_of(whole, "en")
    assert [part.key for part in parts] == ["l0f", "l0b", "l1f", "l1b"]
    assert [part.name for part in parts] == [
        "LSTM layer 0 →",
        "LSTM layer 0 ←",
        "LSTM layer 1 →",
        "LSTM layer 1 ←",
    ]


def test_single_layer_has_no_number_and_no_arrow():
    _, whole = run(own_of(stack_of("gru")))
    parts, _ = own_stage.parts_of(whole, "en")
    assert [part.name for part in parts] == ["GRU"]
    assert parts[0].facts == "5 units · 150 parameters"


def test_lead_names_the_unit_that_holds_on_longest_and_the_one_that_lets_go_first():
    given, whole = run(own_of(stack_of(num_layers=2)))
    held = [np.abs(whole.select("c", layer)).mean(axis=0) for layer in range(2)]
    lives = {
        (layer, unit): np.log(0.5) / np.log(whole.select("f", layer)[:, unit]).mean()
        for layer in range(2)
        for unit in np.argsort(held[layer])[2:]  # the three of five that hold most
    }
    slow, fast = max(lives, key=lives.get), min(lives, key=lives.get)
    lead = own_stage.story_of(whole, given, excerpt_of(whole), "en").lead
    assert f"unit \x02{slow[1]}\x03 of LSTM layer {slow[0]}" in lead
    assert f"Unit {fast[1]} of LSTM layer {fast[0]} " in lead
    assert count(lives[slow]) in lead
    assert count(lives[fast]) in lead


def test_plain_rnn_is_told_by_the_unit_that_moves_most():
    given, whole = run(own_of(stack_of("rnn")))
    lead = own_stage.story_of(whole, given, excerpt_of(whole), "en").lead
    assert f"unit \x02{whole['h'].std(axis=0).argmax()}\x03 moves most" in lead


def test_stage_opens_at_the_impulse():
    loaded = own_of()
    values, at = own.impulse(loaded, 40)
    given = Given(inputs=values, key="impulse", look=at, of=40)
    whole = own.trace_of(loaded, given)
    assert own_stage.story_of(whole, given, excerpt_of(whole), "en").step == at


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_model_that_gives_no_numbers_is_told_so_and_proves_nothing(language):
    stack = stack_of("lstm")
    with torch.no_grad():
        stack.module.weight_ih_l0[0, 2] = torch.nan  # an input gate, when its input is not zero
    inputs = np.ones((12, 3), np.float32)
    whole = trace(stack.module, inputs)
    given = Given(inputs=inputs, key="ones", of=12)
    told = own_stage.story_of(whole, given, excerpt_of(whole), language)
    share = percent(1 - np.isfinite(whole["h"]).mean())
    assert share in told.lead
    assert told.step == 0
    badge = proof(whole.layer(), language)
    assert (badge["good"], share in badge["label"]) == (False, True)
    sound = own_stage.story_of(*run_of(own_of()), language)
    assert share not in sound.lead


def run_of(loaded: Own):
    given, whole = run(loaded)
    return whole, given, excerpt_of(whole)


def test_a_unit_that_holds_next_to_nothing_is_not_told_of():
    stack = stack_of("lstm")
    with torch.no_grad():
        stack.module.weight_hh_l0.zero_()
        for name in ("weight_ih_l0", "bias_ih_l0", "bias_hh_l0"):
            weight = getattr(stack.module, name)
            weight[10:13] = 0  # three units of five write nothing
        stack.module.bias_ih_l0[5:8] = 30  # and never forget it
    _, whole = run(own_of(stack), 200)
    slow, fast = own_stage.extremes(whole)
    assert {slow.unit, fast.unit} == {3, 4}


def test_stage_shows_the_layer_of_the_slowest_unit_among_the_first():
    loaded = own_of(stack_of(num_layers=7))
    with torch.no_grad():
        loaded.stack.module.bias_hh_l6[5:10] += 20  # the forget gates of the last layer
    _, whole = run(loaded)
    parts, _ = own_stage.parts_of(whole, "en")
    view = own_stage.view_of(loaded, parts, whole, "en")
    assert view.models == ("l0f", "l1f", "l2f", "l6f")
    assert view.focus == "l6f"


# ---- In words


def test_summary_gives_every_size():
    stack = stack_of(num_layers=2, bidirectional=True)
    told = own_words.summary(stack, "en")
    weights = sum(weight.numel() for weight in stack.module.parameters())
    assert told == (
        f"LSTM, 2 layers of 5 units · both directions · reads 3 numbers a step · "
        f"{weights:,} parameters"
    )


def test_surroundings_say_what_is_used_and_how_gates_are_packed():
    told = "\n".join(own_words.surroundings(stack_of(embedding=7, head=4), "en"))
    for part in ("i f g o", "embed", "7 rows", "fc", "4 outputs"):
        assert part in told


HOSTILE = "<script>alert(1)</script>[x](javascript:y)`\u202e"


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_text_from_a_file_is_quoted_in_every_sentence(language):
    errors = [
        ModelFileError("damaged", "x", reason=HOSTILE),
        ModelFileError("unknown-kind", "x", name=HOSTILE),
        ModelFileError("no-such-code", HOSTILE),
        DataError("no-such-code", HOSTILE),
        InputError("unknown-symbols", "x", symbols=(HOSTILE,)),
    ]
    for error in errors:
        told = own_words.told(own_words.problem_of(error), language)
        outside = "".join(told.split("\u2068")[::2]) if "\u2068" in told else told
        outside = "".join(part.rpartition("\u2069")[2] for part in told.split("\u2068"))
        assert "<script>" not in outside
        assert "\u202e" not in told


def test_code_without_a_sentence_gives_the_core_s_own_message():
    told = own_words.told(own_words.problem_of(ModelFileError("brand-new", "it is odd", n=3)), "en")
    assert "it is odd" in told


def test_sentence_that_lacks_a_field_is_not_tried():
    told = own_words.told(own_words.problem_of(ModelFileError("shapes", "they differ")), "en")
    assert "they differ" in told


def test_size_is_told_for_what_it_is_a_size_of():
    error = ModelFileError("too-large", "x", what="tokens", size=5_000_000, limit=1_000_000)
    told = own_words.told(own_words.problem_of(error), "en")
    assert "5,000,000 symbols" in told


def test_unexpected_error_tells_no_more_than_its_kind():
    told = own_words.told(own_words.problem_of(OSError("/secret/path")), "en")
    assert "OSError" in told
    assert "secret" not in told


@pytest.mark.parametrize("value", [None, True, [1], {"a": 1}, 3.5, b"x"])
def test_field_of_any_kind_can_be_told(value):
    error = ModelFileError("damaged", "x", reason=value)
    for language in LANGUAGES:
        assert own_words.told(own_words.problem_of(error), language)


def test_remarks_are_told_in_the_page_s_language():
    remark = Remark(code="assumed-tanh", message="assumed", fields={"name": "rnn"})
    loaded = Own.of("m", "d", ModelFile(kind="torch", stacks=(stack_of(),), remarks=(remark,)))
    (told,) = own_words.remarks(loaded, "zh")
    assert "假定为 tanh" in told


@pytest.mark.parametrize("kind", own_words.KINDS)
def test_every_kind_of_file_has_a_name(kind):
    assert f"own.kind.{kind}" in TEXT


# ---- Measured


@pytest.mark.parametrize("embedding", [0, 6])
def test_replacement_changes_every_step(embedding):
    loaded = own_of(stack_of(embedding=embedding))
    inputs = own.noise(loaded, 30, 0)
    changed = own_measures.replacements(loaded, inputs)
    same = changed == inputs
    assert not (same.all(axis=1) if same.ndim > 1 else same).any()
    assert changed.shape == inputs.shape


def test_numbers_are_replaced_by_their_mean():
    loaded = own_of()
    inputs = own.noise(loaded, 30, 0)
    np.testing.assert_allclose(
        own_measures.replacements(loaded, inputs), np.tile(inputs.mean(axis=0), (30, 1)), atol=1e-6
    )


def test_change_of_a_step_is_what_running_again_gives():
    loaded = own_of(stack_of("gru"))
    given, whole = run(loaded, 12)
    values = own_measures.changes(loaded, given, whole.layer())
    other = np.array(given.inputs)
    other[4] = own_measures.replacements(loaded, given.inputs)[4]
    with torch.no_grad():
        was, now = (loaded.module(torch.tensor(x))[0].numpy() for x in (given.inputs, other))
    spread = np.sqrt(was.var(axis=0).sum())
    expected = np.linalg.norm(now - was, axis=1) / spread
    np.testing.assert_allclose(values[4], expected, atol=1e-5)


def test_gradient_is_autograd_s():
    loaded = own_of(stack_of("gru"))
    given, whole = run(loaded, 6)
    ratios = own_measures.gradients(loaded, given, whole.layer())
    x = torch.tensor(given.inputs)
    jacobian = torch.autograd.functional.jacobian(lambda v: loaded.module(v)[0], x)
    norms = jacobian.square().sum(dim=(1, 3)).sqrt().numpy()  # [time, input_time]
    expected = (norms / np.diagonal(norms)).T
    upper = np.triu_indices(6)
    np.testing.assert_allclose(ratios[upper], expected[upper], rtol=1e-3)
    assert np.isnan(ratios[np.tril_indices(6, -1)]).all()


def test_cost_of_a_measurement_is_bounded():
    small, large = own_of(), own_of(stack_of(input_size=512, hidden_size=1024))
    assert own_measures.steps_to_change(small, 10_000) == 400
    weights = sum(weight.numel() for weight in large.stack.module.parameters())
    steps = own_measures.steps_to_change(large, 10_000)
    assert 100 < steps < 400
    assert steps**2 / 2 * weights <= own_measures.AFFORDABLE
    assert own_measures.steps_to_derive(large, 10_000) == 0


@pytest.mark.parametrize(("direction", "at"), [(0, 9), (1, 3)])
def test_recent_writing_is_counted_in_the_order_of_reading(direction, at):
    loaded = own_of(stack_of(bidirectional=True))
    _, whole = run(loaded, 14)
    layer = whole.layer(0, direction)
    entries = ledger(whole, at, direction=direction)
    share = own_measures.written_within(entries.writes, layer, at, 2)
    sizes = np.abs(entries.writes).sum(axis=1)
    steps = [at, at + 1] if direction else [at - 1, at]
    assert share == pytest.approx(sizes[steps].sum() / sizes.sum())


def test_last_effect_is_found_on_either_side():
    row = np.array([0.5, 0, 0.2, 9, 0.2, 0, 0])
    assert own_measures.lasts(row, 3, 0.1) == 3
    assert own_measures.lasts(row, 3, 10) is None


# ---- Figures


def heat(figure: go.Figure) -> go.Heatmap:
    (found,) = [each for each in figure.data if each.type == "heatmap"]
    return found


@pytest.mark.parametrize("direction", [0, 1])
def test_ledger_shows_what_was_read_so_far_under_its_own_steps(direction):
    loaded = own_of(stack_of(bidirectional=True))
    _, whole = run(loaded, 14)
    entries = ledger(whole, 5, direction=direction)
    layer = whole.layer(0, direction)
    drawn = heat(own_plates.ledger_map(Sheet(), "LSTM", layer, entries))
    steps = list(range(5, 14)) if direction else list(range(6))
    assert list(drawn.x) == steps
    np.testing.assert_array_equal(np.asarray(drawn.z), entries.writes[steps].T)


def test_answers_are_shares_of_the_readout_largest_first():
    loaded = own_of(stack_of(head=4))
    _, whole = run(loaded)
    powers = np.exp(whole.outputs.astype(float))
    shares = powers / powers.sum(axis=1, keepdims=True)
    order = np.argsort(-shares.max(axis=0))
    figure = own_plates.answer_map(Sheet(), whole, (), as_shares=True)
    np.testing.assert_allclose(np.asarray(heat(figure).z), shares[:, order].T)
    assert [name.strip() for name in heat(figure).y] == [str(k) for k in order]


def test_names_of_classes_are_harmless_in_a_figure():
    loaded = own_of(stack_of(head=2))
    _, whole = run(loaded)
    names = ("<a href='x'>", "b")
    figure = own_plates.answer_map(Sheet(), whole, names, as_shares=False)
    assert not any("<" in name for name in heat(figure).y)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_maps_leave_out_what_a_change_cannot_reach(language):
    loaded = own_of(stack_of("gru"))
    given, whole = run(loaded, 10)
    values = own_measures.changes(loaded, given, whole.layer())
    felt = own_measures.reached(whole.layer(), whole, 10)
    sheet = Sheet(language=language)
    drawn = np.asarray(heat(own_plates.change_map(sheet, "GRU", values, felt)).z)
    assert np.isnan(drawn[np.tril_indices(10, -1)]).all()
    np.testing.assert_array_equal(drawn[3, 3:], values[3, 3:])


def test_own_trace_is_the_module_s():
    loaded = own_of(stack_of(num_layers=2, bidirectional=True))
    given, whole = run(loaded)
    expected = trace(loaded.stack.module, given.inputs)
    for layer, same in zip(whole.layers, expected.layers, strict=True):
        np.testing.assert_array_equal(layer["c"], same["c"])


def test_facts_of_a_layer_cut_short_say_so():
    _, whole = run(own_of(stack_of(hidden_size=40)), 60)
    own_facts = own_stage._facts(whole.layer(), 8, "en")
    assert own_facts.startswith("first 8 of 40 units")
    assert say("part.facts", "en", units=8, parameters=1) not in own_facts


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_makes_the_gates_differ_from_the_models_is_said_of_its_own_stack(language):
    remarks = [
        Remark(code="before-stack", message="", fields={"name": name, "names": "norm"})
        for name in ("encoder.rnn", "decoder")
    ]
    remarks += [Remark(code="left-out", message="", fields={"names": "fc"})]
    stacks = (stack_of(), replace(stack_of(), name="decoder"))
    file = ModelFile(kind="torch", stacks=stacks, remarks=tuple(remarks))
    (told,) = own_words.cautions(Own.of("model.pt", "digest", file), language)
    assert "encoder" in told
    assert "decoder" not in told
    (other,) = own_words.cautions(Own.of("model.pt", "digest", file).at(1), language)
    assert "decoder" in other


def word_stacks() -> tuple[Stack, Stack]:
    low = stack_of("lstm", embedding=6, bidirectional=True)
    high = replace(stack_of("gru", input_size=10, hidden_size=4), name="top", reads=low.name)
    return low, high


def test_a_stack_above_another_is_given_what_that_makes_of_the_symbols():
    low, high = word_stacks()
    loaded = own_of(low, high).at(1)
    assert (loaded.width, loaded.first.reads is None) == (10, False)
    known = Vocabulary.of_tokens(list("abcdef"))
    named = loaded.reading(known, "chars.json")
    ids = own.read_text(named.first, "fade")
    given = own.given_to(named, Given(inputs=ids, key="typed", of=4))
    whole = own.trace_of(named, given)
    assert whole.tokens == tuple("fade")
    expected = high.module(low.module(low.embedding[ids])[0])[0].detach()
    np.testing.assert_allclose(whole["h"], expected, rtol=0, atol=1e-6)
    with pytest.raises(ModelFileError):
        loaded.reading(Vocabulary.of_tokens(list("abc")), "short.json")


def test_a_stack_that_reads_the_data_is_the_first():
    loaded = own_of(*word_stacks())
    given = given_of(loaded)
    assert loaded.first is loaded
    assert own.given_to(loaded, given) is given
