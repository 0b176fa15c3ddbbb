"""Traces of a `SequenceModel`, and finding one's way in a trace."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from lstm_core import LayerTrace, ModelConfig, SequenceModel, Trace, trace, trace_many
from lstm_core.signals import SIGNALS
from lstm_core.tasks import TASKS

VOCABULARY = TASKS["recall"].vocabulary
TEXT = "AB!CDDE?"
TOKENS = ("A", "B", "!C", "D", "D", "E", "?")


def model(cell="lstm", vocabulary=VOCABULARY, **options):
    shape = {"input_size": 10 if vocabulary else 3, "hidden_size": 4, "output_size": 8}
    return SequenceModel(ModelConfig(cell=cell, **(shape | options)), vocabulary).double()


@pytest.mark.parametrize("cell", SIGNALS)
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}])
def test_outputs_are_the_models_own_answers(cell, options):
    net = model(cell, **options)
    tr = trace(net, TEXT)
    with torch.no_grad():
        answers = net(torch.as_tensor(VOCABULARY.encode(TEXT))[:, None])[:, 0].numpy()
    np.testing.assert_allclose(tr.outputs, answers, rtol=0, atol=1e-12)
    assert tr.tokens == TOKENS
    assert tr.input_names == VOCABULARY.feature_names
    features = VOCABULARY.features[VOCABULARY.encode(TEXT)]
    np.testing.assert_array_equal(tr.layer(0).inputs, features)


def test_text_ids_and_tensors_of_ids_are_one_sequence():
    net = model()
    ids = VOCABULARY.encode(TEXT)
    for inputs in (ids, ids.tolist(), ids.astype(np.uint8), torch.as_tensor(ids)):
        tr = trace(net, inputs)
        assert tr.tokens == TOKENS
        np.testing.assert_array_equal(tr["c"], trace(net, TEXT)["c"])


def test_learnt_vectors_have_no_names():
    net = model(embed=True, input_size=5)
    tr = trace(net, TEXT)
    assert tr.input_names is None
    vectors = net.embedding.weight.detach().numpy()[VOCABULARY.encode(TEXT)]
    np.testing.assert_array_equal(tr.layer().inputs, vectors)


def test_a_model_that_reads_numbers_has_no_tokens():
    inputs = np.random.default_rng(0).normal(size=(6, 3))
    net = model("gru", None)
    tr = trace(net, inputs)
    assert (tr.tokens, tr.input_names) == (None, None)
    with torch.no_grad():
        answers = net(torch.as_tensor(inputs)[:, None])[:, 0].numpy()
    np.testing.assert_allclose(tr.outputs, answers, rtol=0, atol=1e-12)


def test_a_bare_module_has_no_outputs():
    tr = trace(nn.LSTM(3, 4), np.zeros((2, 3)))
    assert (tr.outputs, tr.tokens, tr.input_names) == (None, None, None)


def test_many_texts_of_different_lengths():
    net = model("gru", bidirectional=True, num_layers=2)
    texts = [TEXT, "A", "!H?", TEXT * 5]
    for tr, text in zip(trace_many(net, texts), texts, strict=True):
        single = trace(net, text)
        assert tr.tokens == single.tokens
        np.testing.assert_allclose(tr.outputs, single.outputs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("training", [False, True])
def test_the_model_comes_back_as_it_was(training):
    net = model().train(training)
    before = copy.deepcopy(net.state_dict())
    random = torch.get_rng_state()
    trace(net, TEXT)
    assert net.training is training
    assert net.recurrent.training is training
    assert torch.equal(torch.get_rng_state(), random)
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name]), name


def two_by_two(cell="lstm"):
    module = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[cell]
    return trace(module(3, 4, 2, bidirectional=True), np.random.default_rng(0).normal(size=(5, 3)))


def test_layers_are_found_by_number_from_either_end():
    tr = two_by_two()
    assert [(one.layer, one.direction) for one in tr.layers] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert (tr.num_layers, tr.num_directions, len(tr)) == (2, 2, 5)
    assert tr.layer() is tr.layers[2]
    assert tr.layer(-2, 1) is tr.layer(0, 1) is tr.layers[1]
    assert tr["f"] is tr.select("f") is tr.layers[2].signals["f"]
    np.testing.assert_array_equal(tr.select("f", 0, 1), tr.layers[1]["f"])
    np.testing.assert_array_equal(tr.times, [0, 1, 2, 3, 4])


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ((2, 0), r"layer 2 of a model with 2 \(counted from 0\)"),
        ((-3, 0), "layer -3 of a model with 2"),
        ((0, 2), "direction 2 of a model with both directions"),
        ((0, -1), "direction -1"),
    ],
)
def test_layers_that_do_not_exist(place, words):
    with pytest.raises(IndexError, match=words):
        two_by_two().layer(*place)


@pytest.mark.parametrize(
    ("cell", "known"),
    [
        ("lstm", "f, i, o, g, c, h, z_i, z_f, z_g, z_o"),
        ("gru", "r, z, n, h, z_r, z_z, z_n, u_n"),
        ("rnn", "h, z_h"),
    ],
)
@pytest.mark.parametrize("key", ["q", "", "z_", "z_q", "z_c", "ifgo", "u_n "])
def test_signals_that_do_not_exist_are_answered_with_those_that_do(cell, known, key):
    tr = two_by_two(cell)
    with pytest.raises(
        KeyError, match=f"this {cell.upper()} has no signal '{key}'; it has {known}"
    ):
        tr[key]
    for name in known.split(", "):
        assert tr[name].shape == (5, 4)


def test_states_that_a_cell_does_not_have():
    with pytest.raises(KeyError, match="this GRU has no state 'c'"):
        two_by_two("gru").layer().previous("c")
    with pytest.raises(KeyError, match="this LSTM has no state 'f'"):
        two_by_two("lstm").layer().previous("f")


def test_previous_starts_from_the_initial_state_in_each_direction():
    start = np.arange(8.0).reshape(2, 4)
    module = nn.GRU(3, 4, bidirectional=True, dtype=torch.float64)
    tr = trace(module, np.ones((5, 3)), h_0=start)
    forward, backward = tr.layers
    np.testing.assert_array_equal(forward.previous("h")[0], start[0])
    np.testing.assert_array_equal(forward.previous("h")[1:], forward["h"][:-1])
    np.testing.assert_array_equal(backward.previous("h")[-1], start[1])
    np.testing.assert_array_equal(backward.previous("h")[:-1], backward["h"][1:])


def test_a_trace_says_what_it_is():
    tr = trace(nn.LSTM(3, 7, 2, bidirectional=True, dtype=torch.float64), np.zeros((5, 3)))
    assert repr(tr).startswith(
        "Trace(LSTM, 2 layers of 7 units, bidirectional, 5 steps, float64 on cpu, residual "
    )
    tr = trace(nn.RNN(3, 1), np.zeros((1, 3)))
    assert repr(tr).startswith("Trace(RNN, 1 layer of 1 unit, 1 step, float32 on cpu, residual ")


def test_hidden_size_counts_gates_and_not_the_projection():
    layer = trace(nn.LSTM(3, 6, proj_size=2), np.zeros((5, 3))).layer()
    assert layer.hidden_size == 6
    assert (layer["f"].shape, layer["c"].shape, layer["h"].shape) == ((5, 6), (5, 6), (5, 2))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda tr: pickle.loads(pickle.dumps(tr))])
def test_a_trace_survives_being_copied(copied):
    tr = trace(model(), TEXT)
    other = copied(tr)
    assert isinstance(other, Trace)
    assert (other.tokens, other.residual) == (tr.tokens, tr.residual)
    for one, before in zip(other.layers, tr.layers, strict=True):
        assert isinstance(one, LayerTrace)
        for key, values in before.signals.items():
            np.testing.assert_array_equal(one.signals[key], values)
        with pytest.raises(ValueError, match="read-only"):
            one["f"][0] = 1
        with pytest.raises(TypeError):
            one.signals["f"] = one["f"]


def test_a_table_has_one_row_for_each_number():
    tr = trace(nn.LSTM(3, 4, 2, bidirectional=True, proj_size=2), np.ones((5, 3)))
    table = tr.to_pandas()
    assert list(table.columns) == ["layer", "direction", "time", "unit", "signal", "value"]
    assert len(table) == 4 * (5 * 5 * 4 + 5 * 2)
    assert not table.duplicated(["layer", "direction", "time", "unit", "signal"]).any()
    for row in table.iloc[::17].itertuples():
        expected = tr.select(row.signal, row.layer, row.direction)[row.time, row.unit]
        assert row.value == expected


@pytest.mark.parametrize("cell", ["gru", "rnn"])
def test_a_table_names_the_cells_own_signals(cell):
    tr = two_by_two(cell)
    table = tr.to_pandas()
    assert set(table["signal"]) == {signal.key for signal in SIGNALS[cell]}
    one = table.query("layer == 1 and direction == 1 and signal == 'h'")
    values = one.pivot(index="time", columns="unit", values="value").to_numpy()
    np.testing.assert_array_equal(values, tr.select("h", 1, 1))
