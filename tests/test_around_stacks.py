"""What lies around a stack in a PyTorch file: given to it where that is certain, else told."""

import pytest
import torch
from safetensors.torch import save as save_safetensors
from safetensors.torch import save_model
from torch import nn

from lstm_core.convert import load_model
from lstm_core.stacks import ModelFileError
from tests.torch_layouts import WordModel, loaded, only


def said(file, code):
    return [remark for remark in file.remarks if remark.code == code]


# Weights that are tied


@pytest.mark.parametrize("bias", [True, False])
def test_save_model_keeps_the_embedding_of_tied_weights(tmp_path, bias):
    model = WordModel()
    model.decoder = nn.Linear(6, 11, bias=bias)
    model.decoder.weight = model.encoder.weight
    path = tmp_path / "model.safetensors"
    save_model(model, str(path))
    stack = only(load_model(path))
    assert (stack.embedding_name, stack.head_name) == ("encoder", "decoder")
    assert torch.equal(stack.embedding, model.encoder.weight)
    assert torch.equal(stack.head[0], model.encoder.weight)


class Tied(nn.Module):
    def __init__(self, *, first, last, bias):
        super().__init__()
        setattr(self, first, nn.Embedding(11, 6))
        self.rnn = nn.LSTM(6, 6)
        setattr(self, last, nn.Linear(6, 11, bias=bias))
        getattr(self, last).weight = getattr(self, first).weight


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("first", "last"), [("enc", "dec"), ("a", "b"), ("table", "answer")])
def test_tied_weights_are_embedding_and_head_whatever_they_are_called(first, last, bias):
    model = Tied(first=first, last=last, bias=bias)
    stack = only(loaded(model.state_dict()))
    assert (stack.embedding_name, stack.head_name) == (first, last)


@pytest.mark.parametrize("bias", [True, False])
def test_tied_weights_in_safetensors_too(tmp_path, bias):
    model = Tied(first="enc", last="dec", bias=bias)
    path = tmp_path / "model.safetensors"
    save_model(model, str(path))
    stack = only(load_model(path))
    assert (stack.embedding_name, stack.head_name) == ("enc", "dec")


def test_copy_of_a_head_ties_nothing():
    weights = {f"rnn.{key}": tensor for key, tensor in nn.LSTM(6, 6).state_dict().items()}
    weights["fc.weight"] = torch.randn(11, 6)
    copies = {f"ema.{key}": tensor.clone() for key, tensor in weights.items()}
    assert [stack.embedding for stack in loaded(weights | copies).stacks] == [None, None]


def test_tied_weights_of_a_model_and_of_its_average():
    weights = Tied(first="enc", last="dec", bias=True).state_dict()
    averaged = {key: tensor * 0.9 for key, tensor in weights.items()}
    for stack in loaded({"model": weights, "ema": averaged}).stacks:
        start = stack.name.removesuffix("rnn")
        assert (stack.embedding_name, stack.head_name) == (f"{start}enc", f"{start}dec")


def test_equal_numbers_that_were_never_learnt_tie_nothing():
    parts = {"a": nn.Linear(6, 11, bias=False), "rnn": nn.LSTM(6, 6), "b": nn.Linear(6, 11)}
    for name in "ab":
        nn.init.zeros_(parts[name].weight)
    assert only(loaded(nn.ModuleDict(parts).state_dict())).embedding is None


@pytest.mark.parametrize(
    "metadata",
    [
        {"format": "pt", "note": "decoder.weight"},
        {"rnn.weight_hh_l0": "encoder.weight"},
        {"x.weight": "x.weight", "a.b": "a.c"},
    ],
)
def test_metadata_that_lie_change_no_weights(metadata):
    model = WordModel(tied=False)
    data = save_safetensors(model.state_dict(), metadata=metadata)
    stack = only(load_model(data))
    for key, tensor in model.rnn.state_dict().items():
        assert torch.equal(stack.module.get_parameter(key), tensor)


def test_metadata_that_invent_a_layer_are_refused():
    weights = WordModel(tied=False).state_dict()
    data = save_safetensors(weights, metadata={"rnn.weight_ih_l9": "encoder.weight"})
    with pytest.raises(ModelFileError, match="lacks"):
        load_model(data)


# What an optimizer keeps


@pytest.mark.parametrize(
    "kept",
    [
        lambda sd: {"optimizer": {"exp_avg": sd, "exp_avg_sq": sd}},
        lambda sd: {"optimizer": {"state": {k: {"exp_avg": v} for k, v in sd.items()}}},
        lambda sd: {"optim_state": {f"state.{k}.exp_avg": v for k, v in sd.items()}},
        lambda sd: {"optimizer_states": {"0": {"momentum_buffer": sd}}},
        lambda sd: {"exp_avg": sd},
    ],
)
def test_moments_of_an_optimizer_are_no_stacks(kept):
    weights = WordModel().state_dict()
    moments = {key: torch.zeros_like(tensor) for key, tensor in weights.items()}
    file = loaded({"epoch": 1, "model": weights, **kept(moments)})
    stack = only(file)
    assert (stack.name, stack.embedding_name, stack.head_name) == ("rnn", "encoder", "decoder")
    assert torch.equal(stack.module.weight_hh_l0, weights["rnn.weight_hh_l0"])
    assert said(file, "checkpoint-parts")


@pytest.mark.parametrize("start", ["optimizer.exp_avg.", "optimizer.state.", "exp_avg_sq."])
def test_moments_in_a_flat_file_are_no_stacks(start):
    weights = dict(WordModel(tied=False).state_dict())
    moments = {f"{start}{key}": tensor + 1 for key, tensor in weights.items()}
    for file in (loaded(moments | weights), load_model(save_safetensors(moments | weights))):
        stack = only(file)
        assert (stack.name, stack.embedding_name, stack.head_name) == ("rnn", "encoder", "decoder")
        assert start.partition(".")[0] in said(file, "left-out")[0].fields["names"]


def test_averaged_copies_are_listed_by_their_name():
    weights = WordModel().state_dict()
    averaged, moments = dict(weights), dict(weights)
    file = loaded({"model": weights, "ema": averaged, "optimizer": {"exp_avg": moments}})
    assert [stack.name for stack in file.stacks] == ["model.rnn", "ema.rnn"]


# Encoder and decoder


class Translator(nn.Module):
    def __init__(self, names, *, size=6, out=9, bridge=None):
        super().__init__()
        source, first, target, second, head = names
        setattr(self, source, nn.Embedding(9, size))
        setattr(self, target, nn.Embedding(9, size))
        setattr(self, first, nn.GRU(size, 6))
        if bridge:
            setattr(self, bridge, nn.Linear(6, out))
        setattr(self, second, nn.GRU(size, 6))
        setattr(self, head, nn.Linear(6, 9))


@pytest.mark.parametrize("kind", ["torch", "safetensors"])
@pytest.mark.parametrize(
    "names",
    [
        ("enc_emb", "encoder", "dec_emb", "decoder", "dec_out"),
        ("src_embedding", "encoder_rnn", "tgt_embedding", "decoder_rnn", "decoder_out"),
        ("encEmb", "encRnn", "decEmb", "decRnn", "decOut"),
    ],
)
def test_names_give_the_halves_of_a_translator_what_is_theirs(names, kind):
    state = Translator(names).state_dict()
    file = loaded(state) if kind == "torch" else load_model(save_safetensors(state))
    stacks = {stack.name: stack for stack in file.stacks}
    source, first, target, second, head = names
    assert stacks[first].embedding_name == source
    assert stacks[second].embedding_name == target
    assert (stacks[first].head_name, stacks[second].head_name) == (None, head)


def test_head_behind_the_decoder_is_the_decoders():
    names = ("enc_emb", "encoder", "dec_emb", "decoder", "fc")
    encoder, decoder = loaded(Translator(names).state_dict()).stacks
    assert (encoder.head_name, decoder.head_name) == (None, "fc")


def test_scores_of_an_attention_are_no_head():
    parts = {"rnn": nn.GRU(5, 6), "attention": nn.ModuleDict({"v": nn.Linear(6, 1, bias=False)})}
    assert only(loaded(nn.ModuleDict(parts).state_dict())).head is None


def test_head_that_fits_the_encoder_only_is_the_encoders():
    parts = {"encoder": nn.LSTM(5, 16), "decoder": nn.LSTM(16, 5), "classes": nn.Linear(16, 3)}
    encoder, decoder = loaded(nn.ModuleDict(parts).state_dict()).stacks
    assert (encoder.head_name, decoder.head_name) == ("classes", None)


def test_one_embedding_for_both_stays_unclear():
    parts = {"embedding": nn.Embedding(9, 6), "encoder": nn.GRU(6, 5), "decoder": nn.GRU(6, 5)}
    file = loaded(nn.ModuleDict(parts).state_dict())
    assert [stack.embedding for stack in file.stacks] == [None, None]


@pytest.mark.parametrize(
    ("bridge", "out"),
    [("bridge", 6), ("bridge", 12), ("between", 6), ("enc_to_dec", 6), ("encoder_fc", 6)],
)
def test_layer_between_the_halves_is_no_head_of_the_encoder(bridge, out):
    names = ("enc_emb", "encoder", "dec_emb", "decoder", "out")
    state = Translator(names, bridge=bridge, out=out).state_dict()
    for file in (loaded(state), load_model(save_safetensors(state))):
        stacks = {stack.name: stack for stack in file.stacks}
        assert stacks["encoder"].head is None
    assert loaded(state).stacks[1].head_name == "out"


# What comes before, and where a stack starts


@pytest.mark.parametrize(
    "part",
    [
        nn.Linear(3, 8),
        nn.Linear(3, 8, bias=False),
        nn.LayerNorm(8),
        nn.BatchNorm1d(8, affine=False),
        nn.Conv1d(3, 8, 5),
        nn.Sequential(nn.Conv1d(1, 4, 3), nn.ReLU(), nn.Conv1d(4, 8, 3)),
    ],
    ids=lambda part: type(part).__name__,
)
def test_layer_before_the_stack_is_told(part):
    file = loaded(nn.ModuleDict({"first": part, "rnn": nn.LSTM(8, 5)}).state_dict())
    (remark,) = said(file, "before-stack")
    assert remark.fields["name"] == "rnn"
    assert remark.fields["names"].startswith("first")
    assert not [each for each in said(file, "left-out") if remark.fields["names"] in each.message]


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"rnn": nn.LSTM(8, 5), "last": nn.Linear(5, 8)}, None),
        ({"first": nn.Linear(3, 7), "rnn": nn.LSTM(8, 5)}, None),
        ({"answer": nn.Linear(5, 8), "rnn": nn.LSTM(8, 5)}, None),
        ({"in_proj": nn.Linear(5, 8), "rnn": nn.LSTM(8, 5)}, "in_proj"),
        ({"first": nn.PReLU(), "rnn": nn.LSTM(1, 5)}, None),
        ({"emb": nn.Embedding(9, 8), "rnn": nn.LSTM(8, 5), "norm": nn.LayerNorm(8)}, None),
        ({"emb": nn.Embedding(9, 8), "norm": nn.LayerNorm(8), "rnn": nn.LSTM(8, 5)}, "norm"),
        ({"emb": nn.Embedding(9, 8), "pos_emb": nn.Embedding(50, 8), "rnn": nn.GRU(8, 5)}, None),
    ],
)
def test_only_what_comes_before_and_fits_is_told(parts, told):
    found = said(loaded(nn.ModuleDict(parts).state_dict()), "before-stack")
    assert [remark.fields["names"] for remark in found] == ([told] if told else [])


def test_each_layer_is_told_for_the_stack_that_comes_next():
    parts = {
        "a": nn.ModuleDict({"norm": nn.LayerNorm(8), "rnn": nn.LSTM(8, 8)}),
        "b": nn.ModuleDict({"rnn": nn.LSTM(8, 4), "norm": nn.LayerNorm(8)}),
    }
    found = said(loaded(nn.ModuleDict(parts).state_dict()), "before-stack")
    assert [(each.fields["name"], each.fields["names"]) for each in found] == [("a.rnn", "a.norm")]


def test_file_without_an_order_tells_by_names():
    for name, told in (("input_norm", ["input_norm"]), ("norm", [])):
        parts = {name: nn.LayerNorm(8), "rnn": nn.LSTM(8, 5)}
        file = load_model(save_safetensors(nn.ModuleDict(parts).state_dict()))
        assert [each.fields["names"] for each in said(file, "before-stack")] == told


class Started(nn.Module):
    def __init__(self, shape, names=("h0", "c0")):
        super().__init__()
        for name in names:
            setattr(self, name, nn.Parameter(torch.randn(shape)))
        self.lstm = nn.LSTM(3, 5, num_layers=2, bidirectional=True)
        self.fc = nn.Linear(10, 2)


@pytest.mark.parametrize(
    ("shape", "names"),
    [
        ((4, 1, 5), ("h0", "c0")),
        ((4, 1, 5), ("begin", "memory")),
        ((4, 5), ("h_0", "c_0")),
        ((1, 5), ("hidden_init", "cell_init")),
        ((5,), ("init_h", "init_c")),
        ((4, 1, 5), ("initial_state",)),
    ],
)
def test_learnt_first_states_are_told(shape, names):
    state = Started(shape, names).state_dict()
    for file in (loaded(state), load_model(save_safetensors(state))):
        (remark,) = said(file, "own-start")
        assert remark.fields["name"] == "lstm"
        assert set(remark.fields["names"].split(", ")) == set(names)
        assert only(file).head_name == "fc"
        assert not said(file, "left-out")


@pytest.mark.parametrize(
    ("shape", "names"), [((7,), ("h0",)), ((5,), ("scale",)), ((2, 3, 5), ("h0",))]
)
def test_other_parameters_are_no_first_states(shape, names):
    file = loaded(Started(shape, names).state_dict())
    assert not said(file, "own-start")
    assert said(file, "left-out")
