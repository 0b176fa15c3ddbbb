"""PyTorch's files as people have them: what is found in each, and that traces agree with torch."""

from argparse import Namespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save as save_safetensors
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from lstm_core import trace, zoo
from lstm_core.convert import load_model, model_of
from lstm_core.stacks import ModelFileError
from tests.torch_layouts import MODULES, WordModel, loaded, only, saved

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}
CELLS = {"lstm": nn.LSTMCell, "gru": nn.GRUCell, "rnn": nn.RNNCell}


def codes(file):
    return [remark.code for remark in file.remarks]


def said(file, code):
    return next(remark.message for remark in file.remarks if remark.code == code)


def ids(count, steps=7):
    return torch.randint(count, (steps,))


def assert_same_outputs(model, stack, tokens):
    traced = trace(model_of(stack), tokens)
    with torch.no_grad():
        expected = model(tokens[:, None])[:, 0].numpy()
    np.testing.assert_allclose(traced.outputs, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("cell", MODULES)
def test_word_language_model_answers_as_torch_does(cell, tied):
    model = WordModel(cell=cell, tied=tied).eval()
    stack = only(loaded(model.state_dict()))
    assert (stack.name, stack.embedding_name, stack.head_name) == ("rnn", "encoder", "decoder")
    assert_same_outputs(model, stack, ids(11))


@pytest.mark.parametrize("zipped", [False, True])
def test_both_of_torchs_formats_are_read(zipped):
    model = WordModel().eval()
    file = loaded(model.state_dict(), _use_new_zipfile_serialization=zipped)
    assert file.kind == "torch"
    assert_same_outputs(model, only(file), ids(11))


@pytest.mark.parametrize("protocol", [2, 3])
def test_newer_pickles_are_read_where_torch_reads_them(protocol):
    assert only(loaded(nn.LSTM(2, 3).state_dict(), pickle_protocol=protocol)).cell == "lstm"


@pytest.mark.parametrize("part", ["state_dict", "model_state_dict", "model", "net"])
def test_checkpoint_of_a_training_script_gives_its_model(part):
    model = WordModel().eval()
    optimizer = torch.optim.Adam(model.parameters())
    model(ids(11)[:, None]).sum().backward()
    optimizer.step()
    content = {
        "epoch": 3,
        part: model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "args": Namespace(lr=0.1),
    }
    file = loaded(content)
    assert only(file).name == "rnn"
    assert "epoch, optimizer, args" in said(file, "checkpoint-parts")
    assert_same_outputs(model, only(file), ids(11))


def test_lightning_checkpoint_gives_the_model_under_its_own_name():
    model = WordModel()
    weights = {f"model.{key}": tensor for key, tensor in model.state_dict().items()}
    content = {
        "pytorch-lightning_version": "2.4.0",
        "state_dict": weights,
        "hyper_parameters": {"lr": 0.1, "layers": [1, 2]},
        "callbacks": {},
        "global_step": 100,
    }
    stack = only(loaded(content))
    names = (stack.name, stack.embedding_name, stack.head_name)
    assert names == ("model.rnn", "model.encoder", "model.decoder")


@pytest.mark.parametrize("start", ["module.", "_orig_mod.", "_orig_mod.module.", "net.module."])
def test_wrappers_leave_no_trace_in_names(start):
    weights = {f"{start}{key}": t for key, t in WordModel().state_dict().items()}
    stack = only(loaded(weights))
    assert stack.name == ("net.rnn" if start.startswith("net") else "rnn")
    assert stack.head_name == stack.name.replace("rnn", "decoder")


class Recogniser(nn.Module):
    """CRNN's layout: convolutions, then two bidirectional LSTMs, each with a linear layer."""

    def __init__(self):
        super().__init__()
        self.cnn = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))
        first, second = nn.Module(), nn.Module()
        first.rnn, first.embedding = nn.LSTM(8, 5, bidirectional=True), nn.Linear(10, 6)
        second.rnn, second.embedding = nn.LSTM(6, 5, bidirectional=True), nn.Linear(10, 7)
        self.rnn = nn.Sequential(first, second)


def test_recogniser_of_text_in_pictures_shows_both_of_its_stacks():
    file = loaded(Recogniser().state_dict())
    assert [s.name for s in file.stacks] == ["rnn.0.rnn", "rnn.1.rnn"]
    assert [s.head_name for s in file.stacks] == ["rnn.0.embedding", "rnn.1.embedding"]
    assert [s.embedding for s in file.stacks] == [None, None]
    assert said(file, "left-out").endswith("cnn.0, cnn.1")


def test_second_stack_reads_what_the_first_ones_layer_gives():
    model = Recogniser().eval()
    file = loaded(model.state_dict())
    x = torch.randn(6, 8)
    between = trace(model_of(file.stacks[0]), x).outputs
    outputs = trace(model_of(file.stacks[1]), between).outputs
    with torch.no_grad():
        for part in model.rnn:
            x = part.embedding(part.rnn(x)[0])
    np.testing.assert_allclose(outputs, x.numpy(), rtol=0, atol=1e-5)


class Translator(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = nn.Module(), nn.Module()
        self.encoder.embedding, self.encoder.gru = nn.Embedding(9, 6), nn.GRU(6, 6)
        self.decoder.embedding, self.decoder.gru = nn.Embedding(8, 6), nn.GRU(6, 6)
        self.decoder.out = nn.Linear(6, 8)


@pytest.mark.parametrize("apart", [False, True])
def test_encoder_and_decoder_keep_what_is_theirs(apart):
    model = Translator()
    content = model.state_dict()
    if apart:
        content = {name: getattr(model, name).state_dict() for name in ("encoder", "decoder")}
    encoder, decoder = loaded(content).stacks
    assert (encoder.name, decoder.name) == ("encoder.gru", "decoder.gru")
    assert (encoder.embedding_name, decoder.embedding_name) == (
        "encoder.embedding",
        "decoder.embedding",
    )
    assert (encoder.head_name, decoder.head_name) == (None, "decoder.out")


def test_weight_drop_shows_the_raw_weights():
    lstm = nn.LSTM(4, 5)
    weights = {f"rnns.0.module.{key}": t for key, t in lstm.state_dict().items()}
    weights["rnns.0.weight_hh_l0_raw"] = lstm.weight_hh_l0.detach()
    weights["rnns.0.module.weight_hh_l0"] = torch.zeros(20, 5)
    for content in (weights, dict(reversed(weights.items()))):
        file = loaded(content)
        assert only(file).name == "rnns.0"
        assert torch.equal(only(file).module.weight_hh_l0, lstm.weight_hh_l0)
        assert "weight-drop" in codes(file)


def test_awd_lstm_of_three_sizes_is_one_stack():
    layers = [nn.LSTM(*size) for size in ((4, 6), (6, 6), (6, 4))]
    weights = {
        f"0.rnns.{n}.module.{key}": tensor
        for n, layer in enumerate(layers)
        for key, tensor in layer.state_dict().items()
    }
    table = torch.randn(10, 4)
    around = {
        "0.encoder.weight": table,
        "1.decoder.weight": table,
        "1.decoder.bias": torch.ones(10),
    }
    file = loaded({**around, **weights})
    stack = only(file)
    assert (stack.name, stack.units) == ("0.rnns.0", (6, 6, 4))
    assert (stack.embedding_name, stack.head_name) == ("0.encoder", "1.decoder")
    assert "joined" in codes(file)
    x = table[[3, 1, 4, 1, 5]]
    for layer in layers:
        x, _ = layer(x)
    found = trace(model_of(stack), [3, 1, 4, 1, 5]).outputs
    np.testing.assert_allclose(found, (x @ table.T + 1).detach(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("old", [False, True])
def test_weight_norm_is_applied(old):
    lstm = nn.LSTM(3, 4)
    if old:
        g = lstm.weight_hh_l0.detach().norm(dim=1, keepdim=True)
        weights = dict(lstm.state_dict())
        v = 3 * weights.pop("weight_hh_l0")
        weights |= {"weight_hh_l0_g": g, "weight_hh_l0_v": v}
    else:
        weights = weight_norm(nn.LSTM(3, 4), "weight_hh_l0").state_dict()
        lstm = weight_norm(nn.LSTM(3, 4), "weight_hh_l0")
        lstm.load_state_dict(weights)
    file = loaded(weights)
    expected = lstm.weight_hh_l0.detach()
    torch.testing.assert_close(only(file).module.weight_hh_l0.data, expected)
    assert "weight-norm" in codes(file)


@settings(max_examples=40)
@given(
    cell=st.sampled_from(list(MODULES)),
    sizes=st.tuples(st.integers(1, 6), st.integers(2, 7), st.integers(1, 3)),
    bidirectional=st.booleans(),
    bias=st.booleans(),
    projected=st.booleans(),
    dtype=st.sampled_from(list(TOLERANCE)),
    zipped=st.booleans(),
)
def test_any_module_comes_back_and_agrees_with_torch(
    cell, sizes, bidirectional, bias, projected, dtype, zipped
):
    options = {"proj_size": sizes[1] - 1} if cell == "lstm" and projected else {}
    module = MODULES[cell](*sizes, bidirectional=bidirectional, bias=bias, **options).to(dtype)
    file = loaded(module.state_dict(), _use_new_zipfile_serialization=zipped)
    stack = only(file)
    assert (stack.cell, stack.gate_order.split()) == (cell, list(ORDERS[cell]))
    x = torch.randn(5, sizes[0], dtype=dtype)
    traced = trace(model_of(stack), x)
    with torch.no_grad():
        expected = module(x)[0].numpy()
    directions = range(traced.num_directions)
    mine = np.concatenate([traced.select("h", -1, d) for d in directions], axis=1)
    np.testing.assert_allclose(mine, expected, rtol=0, atol=TOLERANCE[dtype])


ORDERS = {"lstm": "ifgo", "gru": "rzn", "rnn": "h"}


@pytest.mark.parametrize("cell", CELLS)
def test_single_cells_are_stacks_of_one_layer(cell):
    module = CELLS[cell](3, 4)
    stack = only(loaded({f"cells.0.{key}": t for key, t in module.state_dict().items()}))
    assert (stack.name, stack.cell) == ("cells.0", cell)
    x, state, states = torch.randn(5, 3), None, []
    with torch.no_grad():
        for step in x:
            state = module(step[None], state)
            states.append(state[0][0] if cell == "lstm" else state[0])
    mine = trace(model_of(stack), x)["h"]
    np.testing.assert_allclose(mine, torch.stack(states).numpy(), rtol=0, atol=1e-6)


def test_gates_are_those_of_the_equations_in_torchs_documentation():
    module = nn.LSTM(3, 4).double()
    x = torch.randn(1, 3, dtype=torch.float64)
    traced = trace(model_of(only(loaded(module.state_dict()))), x)
    with torch.no_grad():
        z = (module.weight_ih_l0 @ x[0] + module.bias_ih_l0 + module.bias_hh_l0).split(4)
    gates = {"i": z[0].sigmoid(), "f": z[1].sigmoid(), "g": z[2].tanh(), "o": z[3].sigmoid()}
    for name, expected in gates.items():
        np.testing.assert_allclose(traced[name][0], expected.numpy(), rtol=0, atol=1e-12)


def test_plain_rnn_is_said_to_be_taken_for_tanh():
    file = loaded(
        {f"net.{k}": t for k, t in nn.RNN(2, 3, nonlinearity="relu").state_dict().items()}
    )
    assert codes(file) == ["assumed-tanh"]
    assert only(file).module.nonlinearity == "tanh"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_short_floats_are_widened_and_it_is_said(dtype):
    file = loaded(nn.GRU(2, 3).to(dtype).state_dict())
    assert only(file).module.weight_hh_l0.dtype == torch.float32
    assert codes(file) == ["widened"]


def test_nan_is_read_and_named():
    weights = {f"a.{k}": t for k, t in nn.LSTM(2, 3).state_dict().items()}
    weights["a.weight_hh_l0"][0, 0] = float("nan")
    file = loaded(weights)
    assert "a.weight_hh_l0" in said(file, "not-finite")
    traced = trace(model_of(only(file)), torch.ones(4, 2))
    assert np.isnan(traced["i"][:, 0]).all()
    assert np.isfinite(traced["i"][0, 1:]).all()


def test_more_weights_than_torchs_module_has_are_a_warning():
    weights = {f"rnn.cell.{k}": t for k, t in nn.LSTMCell(2, 3).state_dict().items()}
    weights["rnn.cell.norm.weight"] = torch.ones(3)
    assert "rnn.cell.norm.weight" in said(loaded(weights), "more-weights")


def test_head_of_two_layers_is_left_out():
    lstm = {f"lstm.{k}": t for k, t in nn.LSTM(2, 3).state_dict().items()}
    head = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 5)).state_dict()
    file = loaded({**lstm, **{f"head.{k}": t for k, t in head.items()}})
    assert only(file).head is None
    assert "head.0, head.2" in said(file, "left-out")


def test_layer_of_the_same_shape_before_the_stack_is_not_its_head():
    before = {f"inward.{k}": t for k, t in nn.Linear(3, 2).state_dict().items()}
    lstm = {f"lstm.{k}": t for k, t in nn.LSTM(2, 3).state_dict().items()}
    after = {f"out.{k}": t for k, t in nn.Linear(3, 2).state_dict().items()}
    assert only(loaded({**before, **lstm})).head is None
    assert only(loaded({**lstm, **after})).head_name == "out"


def test_two_heads_are_not_guessed_between():
    lstm = {f"lstm.{k}": t for k, t in nn.LSTM(2, 3).state_dict().items()}
    heads = {f"{n}.{k}": t for n in "ab" for k, t in nn.Linear(3, 4).state_dict().items()}
    file = loaded({**lstm, **heads})
    assert only(file).head is None
    assert "a.weight, b.weight" in said(file, "unclear-head")


def test_head_without_a_bias_is_not_taken_for_an_embedding():
    lstm = {f"lstm.{k}": t for k, t in nn.LSTM(3, 3).state_dict().items()}
    file = loaded({**lstm, "out.weight": torch.randn(5, 3)})
    assert only(file).embedding is None
    assert only(file).head_name == "out"
    assert only(file).head[1] is None


def test_safetensors_give_the_same_model(tmp_path):
    model = WordModel(tied=False).eval()
    path = tmp_path / "named.anything"
    path.write_bytes(save_safetensors(model.state_dict()))
    file = load_model(path)
    assert file.kind == "safetensors"
    assert_same_outputs(model, only(file), ids(11))


def test_forecaster_in_safetensors_keeps_its_head():
    weights = {f"lstm.{k}": t for k, t in nn.LSTM(1, 8).state_dict().items()}
    weights |= {f"fc.{k}": t for k, t in nn.Linear(8, 1).state_dict().items()}
    assert only(load_model(save_safetensors(weights))).head_name == "fc"


@pytest.mark.parametrize(("task", "cell"), zoo.shipped())
def test_own_checkpoints_answer_as_they_did(task, cell):
    checkpoint = zoo.load(task, cell)
    file = load_model(zoo.path_of(task, cell).read_bytes())
    text = "".join(checkpoint.model.vocabulary.tokens[:6])
    expected = trace(checkpoint.model, text)
    traced = trace(model_of(only(file)), text)
    assert file.kind == "checkpoint"
    assert traced.tokens == expected.tokens
    np.testing.assert_array_equal(traced.outputs, expected.outputs)


def test_bytes_leave_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    loaded(WordModel().state_dict())
    with pytest.raises(ModelFileError):
        load_model(b"PK\x03\x04archive/data.pkl")
    assert not list(tmp_path.iterdir())


def test_weights_do_not_change_with_the_file(tmp_path):
    path = tmp_path / "model.pt"
    lstm = nn.LSTM(2, 3)
    torch.save({"lstm." + k: t for k, t in lstm.state_dict().items()}, path)
    stack = only(load_model(path))
    data = bytearray(path.read_bytes())
    path.write_bytes(bytes(len(data)))
    assert torch.equal(stack.module.weight_hh_l0, lstm.weight_hh_l0)


def test_reading_a_file_draws_no_random_numbers():
    data = saved(WordModel().state_dict())
    before = torch.get_rng_state()
    model_of(only(load_model(data)))
    assert torch.equal(torch.get_rng_state(), before)
