"""The model: its sizes, its initialisations and what it refuses."""

import pytest
import torch

from lstm_core.model import INITS, ModelConfig, SequenceModel, initialised
from lstm_core.tasks import TASKS

CELLS = ("lstm", "gru", "rnn")
VOCABULARY = TASKS["recall"].vocabulary


def config(cell="lstm", **changes):
    sizes = {"input_size": 10, "hidden_size": 6, "output_size": 8}
    return ModelConfig(cell=cell, **{**sizes, **changes})


def make(cell="lstm", init="torch", seed=0, **changes):
    return initialised(config(cell, **changes), VOCABULARY, init, seed)


def recurrent_weights(model):
    return dict(model.recurrent.named_parameters())


@pytest.mark.parametrize(
    ("cell", "size", "count"),
    [
        ("lstm", 32, 4 * (32 * 42 + 64) + 33 * 8),
        ("gru", 37, 3 * (37 * 47 + 74) + 38 * 8),
        ("rnn", 64, 64 * 74 + 128 + 65 * 8),
    ],
)
def test_parameters_are_counted_without_the_fixed_features(cell, size, count):
    model = make(cell, hidden_size=size)
    assert model.parameter_count == count
    assert model.requires_grad_(False).parameter_count == count


def test_learnt_embedding_counts_as_parameters():
    model = SequenceModel(config(embed=True, input_size=3), VOCABULARY)
    plain = SequenceModel(config(input_size=3))
    assert model.parameter_count == plain.parameter_count + 3 * len(VOCABULARY)


def test_tokens_are_read_as_their_features():
    model = make()
    ids = torch.arange(len(VOCABULARY))[:, None]
    features = torch.from_numpy(VOCABULARY.features)[:, None]
    assert torch.equal(model.features(ids), features)
    bare = SequenceModel(config())
    bare.load_state_dict({k: v for k, v in model.state_dict().items() if "embedding" not in k})
    assert torch.equal(model(ids), bare(features))


@pytest.mark.parametrize("cell", CELLS)
def test_readout_is_the_linear_map_of_the_hidden_states(cell):
    model = make(cell).double()
    states, _ = model.recurrent(model.features(torch.tensor([[1], [9], [16]])))
    expected = states @ model.readout.weight.T + model.readout.bias
    assert torch.allclose(model(torch.tensor([[1], [9], [16]])), expected, atol=1e-12)


@pytest.mark.parametrize("cell", CELLS)
def test_seed_alone_fixes_the_weights(cell):
    torch.manual_seed(1)
    first = make(cell, seed=3).state_dict()
    torch.manual_seed(2)
    second, other = make(cell, seed=3).state_dict(), make(cell, seed=4).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["recurrent.weight_hh_l0"], other["recurrent.weight_hh_l0"])


def test_initialising_leaves_the_global_generator_as_it_was():
    torch.manual_seed(7)
    before = torch.get_rng_state()
    make("rnn", "orthogonal")
    assert torch.equal(torch.get_rng_state(), before)


def test_forget_bias_is_raised_by_one_and_nothing_else_changes():
    plain, raised = recurrent_weights(make()), recurrent_weights(make(init="forget-bias-1"))
    for name, weight in plain.items():
        expected = weight.detach().clone()
        if name == "bias_ih_l0":
            expected[6:12] += 1  # torch packs i, f, g, o
        assert torch.equal(raised[name], expected), name


@pytest.mark.parametrize(("cell", "gates"), [("lstm", 4), ("gru", 3), ("rnn", 1)])
def test_orthogonal_recurrent_matrices_keep_lengths(cell, gates):
    weight = recurrent_weights(make(cell, "orthogonal"))["weight_hh_l0"].detach().double()
    assert len(weight) == gates * 6
    for gate in weight.split(6):
        assert torch.allclose(gate @ gate.T, torch.eye(6, dtype=torch.float64), atol=1e-6)


def test_every_initialisation_is_described():
    assert all(len(words.split()) > 3 for words in INITS.values())


def test_unknown_initialisation_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"torch, forget-bias-1, orthogonal; got 'xavier'"):
        make(init="xavier")


def test_forget_bias_is_for_an_lstm_only():
    with pytest.raises(ValueError, match="only an LSTM has a forget gate"):
        make("gru", "forget-bias-1")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cell": "elman"}, "'lstm', 'gru' or 'rnn', got 'elman'"),
        ({"cell": "gru", "proj_size": 2}, "proj_size is for an LSTM; got 2"),
        ({"input_size": 9}, "10 features a token, but input_size is 9"),
    ],
)
def test_configuration_that_does_not_fit_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        SequenceModel(config(**changes), VOCABULARY)


def test_embedding_without_a_vocabulary_is_refused():
    with pytest.raises(ValueError, match="embed=True needs a vocabulary"):
        SequenceModel(config(embed=True))


def test_configuration_survives_json():
    before = config("rnn", num_layers=2, nonlinearity="relu")
    assert ModelConfig(**before.to_json()) == before
