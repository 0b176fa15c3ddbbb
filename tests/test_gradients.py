"""Closed-form Jacobians and sweeps against autograd, in float64."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lstm_core import ModelConfig, SequenceModel, highway_share, sensitivity, trace
from lstm_core.cells import gru_jacobian, lstm_jacobian, rnn_jacobian
from lstm_core.chain import Chain

EXACT = 1e-10
MODULES = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
CELLS = {"lstm": nn.LSTMCell, "gru": nn.GRUCell, "rnn": nn.RNNCell}


def build(kind, features=3, units=4, **options):
    return MODULES[kind](features, units, **({"dtype": torch.float64} | options))


def walk(time=6, features=3, seed=0):
    return np.random.default_rng(seed).normal(size=(time, features))


def suffixless(cell):
    return {name: value.detach() for name, value in cell.named_parameters()}


@given(st.integers(1, 5), st.integers(1, 4), st.booleans(), st.integers(0, 99))
@settings(max_examples=30)
def test_jacobian_of_a_gru_step_is_autograds(units, features, bias, seed):
    torch.manual_seed(seed)
    cell = nn.GRUCell(features, units, bias=bias, dtype=torch.float64)
    x, h = torch.randn(features).double(), torch.randn(units).double()
    expected = torch.cat(torch.autograd.functional.jacobian(lambda x, h: cell(x, h), (x, h)), 1)
    gates = trace_of(cell, "gru", x, h)
    found = gru_jacobian(gates, h, suffixless(cell))
    torch.testing.assert_close(found.direct, expected, rtol=0, atol=1e-14)


@given(st.sampled_from(["tanh", "relu"]), st.integers(0, 99))
@settings(max_examples=30)
def test_jacobian_of_a_plain_step_is_autograds(nonlinearity, seed):
    torch.manual_seed(seed)
    cell = nn.RNNCell(3, 4, nonlinearity=nonlinearity, dtype=torch.float64)
    x, h = torch.randn(3).double(), torch.randn(4).double()
    expected = torch.cat(torch.autograd.functional.jacobian(lambda x, h: cell(x, h), (x, h)), 1)
    found = rnn_jacobian(cell(x, h).detach(), suffixless(cell), nonlinearity)
    torch.testing.assert_close(found.direct, expected, rtol=0, atol=1e-14)


@given(st.integers(1, 5), st.booleans(), st.integers(0, 99))
@settings(max_examples=30)
def test_jacobian_of_an_lstm_step_is_autograds_forwards_and_backwards(units, bias, seed):
    torch.manual_seed(seed)
    cell = nn.LSTMCell(3, units, bias=bias, dtype=torch.float64)
    x, h, c = (torch.randn(n).double() for n in (3, units, units))

    def step(x, h, c):
        return torch.cat(cell(x, (h, c)))

    expected = torch.cat(torch.autograd.functional.jacobian(step, (x, h, c)), 1)
    found = lstm_jacobian(trace_of(cell, "lstm", x, h, c), c, suffixless(cell))
    change = torch.eye(3 + 2 * units).double()
    forward = torch.cat(found.forward(*change.split([3, units, units], dim=1)), dim=1).T
    torch.testing.assert_close(forward, expected, rtol=0, atol=1e-14)
    rows = torch.eye(2 * units).double()
    backward = torch.cat(found.backward(*rows.split(units, dim=1)), dim=1)
    torch.testing.assert_close(backward, expected, rtol=0, atol=1e-14)


def trace_of(cell, kind, x, h, c=None):
    module = MODULES[kind](len(x), len(h), bias=cell.bias, dtype=torch.float64)
    module.load_state_dict({f"{name}_l0": value for name, value in cell.state_dict().items()})
    start = {"h_0": h[None]} | ({} if c is None else {"c_0": c[None]})
    signals = trace(module, x[None], **start).layer().signals
    return {key: torch.tensor(values[0]) for key, values in signals.items()}


@st.composite
def setups(draw):
    kind = draw(st.sampled_from(["lstm", "gru", "rnn"]))
    options = {"num_layers": draw(st.integers(1, 3)), "bias": draw(st.booleans())}
    if kind == "lstm":
        options["proj_size"] = draw(st.sampled_from([0, 2]))
    if kind == "rnn":
        options["nonlinearity"] = draw(st.sampled_from(["tanh", "relu"]))
    config = ModelConfig(cell=kind, input_size=2, hidden_size=4, output_size=3, **options)
    torch.manual_seed(draw(st.integers(0, 99)))
    model = SequenceModel(config).double()
    with torch.no_grad():
        for weight in model.recurrent.parameters():
            weight *= 2
    return model, walk(draw(st.integers(1, 7)), 2)


@given(setups())
@settings(max_examples=40)
def test_sensitivity_of_a_class_is_autograds(setup):
    model, inputs = setup
    x = torch.tensor(inputs, requires_grad=True)
    logits = model(x[:, None])[:, 0, 1]
    rows = [torch.autograd.grad(logit, x, retain_graph=True)[0] for logit in logits]
    expected = torch.stack(rows).norm(dim=2).numpy()
    np.testing.assert_allclose(
        sensitivity(model, inputs, np.int64(1)), expected, rtol=0, atol=EXACT
    )


@given(setups())
@settings(max_examples=40)
def test_sensitivity_of_the_state_is_autograds(setup):
    """An LSTM's c is read from torch's own step-by-step cells, which the fused module hides."""
    model, inputs = setup
    if model.config.proj_size:
        return
    x = torch.tensor(inputs)
    jacobian = torch.autograd.functional.jacobian(lambda x: stepped(model, x), x)
    expected = jacobian.square().sum(dim=(1, 3)).sqrt().numpy()
    np.testing.assert_allclose(sensitivity(model, inputs), expected, rtol=0, atol=EXACT)


def stepped(model, x):
    """The state of the last layer at every step, ``[time, state]``, by torch's cells."""
    kind = model.config.cell
    for layer in range(model.config.num_layers):
        options = {"nonlinearity": model.config.nonlinearity} if kind == "rnn" else {}
        cell = CELLS[kind](x.shape[1], 4, bias=model.config.bias, dtype=x.dtype, **options)
        end = f"_l{layer}"
        given = model.recurrent.state_dict()
        cell.load_state_dict({n.removesuffix(end): v for n, v in given.items() if end in n})
        state = (x.new_zeros(4), x.new_zeros(4)) if kind == "lstm" else x.new_zeros(4)
        states = []
        for x_t in x:
            state = cell(x_t, state)
            states.append(state if kind == "lstm" else (state,))
        x = torch.stack([one[0] for one in states])
    return torch.stack([torch.cat(one) for one in states])


@pytest.mark.parametrize("kind", ["gru", "rnn"])
@pytest.mark.parametrize("direction", [0, 1])
def test_sensitivity_of_either_direction_is_autograds(kind, direction):
    module = build(kind, 2, 4, bidirectional=True)
    x = torch.tensor(walk(6, 2))
    half = slice(4 * direction, 4 * direction + 4)
    jacobian = torch.autograd.functional.jacobian(lambda x: module(x[:, None])[0][:, 0, half], x)
    expected = jacobian.square().sum(dim=(1, 3)).sqrt().numpy()
    found = sensitivity(module, walk(6, 2), direction=direction)
    np.testing.assert_allclose(found, expected, rtol=0, atol=EXACT)
    assert (np.triu(found, 1) == 0).all() == (direction == 0)


def test_sensitivity_of_a_lower_layer_is_that_of_the_module_cut_there():
    module = build("gru", 2, 4, num_layers=2)
    lower = build("gru", 2, 4)
    lower.load_state_dict({n: v for n, v in module.state_dict().items() if n.endswith("l0")})
    expected = sensitivity(lower, walk(6, 2))
    found = sensitivity(module, walk(6, 2), layer=0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)


def scaled_rotation(rho, units=4):
    """A tanh RNN whose recurrent matrix is `rho` times an orthogonal one, and that reads all."""
    module = build("rnn", units, units, bias=False)
    with torch.no_grad():
        nn.init.orthogonal_(module.weight_hh_l0).mul_(rho)
        nn.init.eye_(module.weight_ih_l0)
    return module


@pytest.mark.parametrize("rho", [0.9, 1.0, 1.02])
def test_a_scaled_rotation_at_rest_shrinks_every_change_by_its_scale(rho):
    chain = Chain.of(trace(scaled_rotation(rho), np.zeros((60, 4))).layer())
    change = torch.eye(4).double()
    for step in range(5, 55):
        change, _ = chain.jacobian(step).forward(None, change, None)
    assert torch.linalg.matrix_norm(change, 2) == pytest.approx(rho**50, rel=1e-10)
    found = sensitivity(scaled_rotation(rho), np.zeros((60, 4)))
    np.testing.assert_allclose(found[55, 5], 2 * rho**50, rtol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_vanishes_ends_at_zero_and_what_does_not_is_kept(dtype):
    config = ModelConfig(cell="rnn", input_size=4, hidden_size=4, output_size=1, bias=False)
    model = SequenceModel(config).to(dtype)
    model.recurrent.load_state_dict(scaled_rotation(0.5).state_dict())
    for of in ("state", 0):
        found = sensitivity(model, np.zeros((1200, 4)), of)
        lags = np.arange(60)
        expected = found[700, 700] * 0.5**lags
        np.testing.assert_allclose(found[700, 700 - lags], expected, rtol=1e-5)
        assert found[1199, 0] == 0
    assert np.isnan(sensitivity(model, np.full((40, 4), np.nan), 0)).any()


def test_blocks_of_inputs_change_nothing(monkeypatch):
    import lstm_core.gradients as room

    whole = sensitivity(build("lstm", num_layers=2), walk(20))
    monkeypatch.setattr(room, "_ROWS", 7)
    torch.manual_seed(0)
    np.testing.assert_allclose(
        sensitivity(build("lstm", num_layers=2), walk(20)), whole, rtol=0, atol=1e-14
    )


@pytest.mark.parametrize("kind", MODULES)
def test_float32_is_close_to_float64(kind):
    config = ModelConfig(cell=kind, input_size=3, hidden_size=16, output_size=2)
    model = SequenceModel(config).double()
    double = [sensitivity(model, walk(40), of) for of in ("state", 1)]
    single = [sensitivity(model.float(), walk(40), of) for of in ("state", 1)]
    for one, other in zip(single, double, strict=True):
        assert one.dtype == np.float32
        assert np.abs(one - other).max() < 1e-5


def detached(module, inputs, since):
    """``dc_t / dc_since`` by autograd with every h' detached: the gates alone."""
    cell = nn.LSTMCell(3, 4, dtype=torch.float64)
    cell.load_state_dict({n.removesuffix("_l0"): v for n, v in module.state_dict().items()})
    h, c = torch.zeros(4).double(), torch.zeros(4).double()
    found = []
    for time, x in enumerate(torch.tensor(inputs)):
        h, c = cell(x, (h.detach(), c))
        if time == since:
            start = c = c.detach().requires_grad_()
        if time >= since:
            rows = [torch.autograd.grad(u, start, retain_graph=True)[0] for u in c]
            found.append(torch.stack(rows))
    return torch.stack(found)


def test_with_h_detached_the_gradient_is_the_product_of_the_forget_gates():
    module = build("lstm")
    f = trace(module, walk(9))["f"]
    for ahead, jacobian in enumerate(detached(module, walk(9), 2)):
        expected = np.diag(f[3 : 3 + ahead].prod(axis=0))
        np.testing.assert_allclose(jacobian.numpy(), expected, rtol=0, atol=EXACT)


@pytest.mark.parametrize("proj_size", [0, 2])
def test_highway_share_is_that_of_autograds_matrix(proj_size):
    module = build("lstm", proj_size=proj_size)
    tr = trace(module, walk(9))
    found = highway_share(tr, 2)
    assert np.isnan(found[:2]).all()
    assert found[2] == 1
    o, c = (torch.tensor(tr[key][2]) for key in "oc")

    def last_cell(c_2):
        h = o * c_2.tanh()
        h = h @ module.weight_hr_l0.T if proj_size else h
        rest = torch.tensor(walk(9)[3:, None])
        return module(rest, (h[None, None], c_2[None, None]))[1][1][0, 0]

    full = torch.autograd.functional.jacobian(last_cell, c)
    highway = torch.tensor(tr["f"][3:].prod(axis=0)).diag()
    expected = highway.norm() / (highway.norm() + (full - highway).norm())
    assert found[8] == pytest.approx(float(expected), abs=EXACT)


def test_highway_share_of_a_gru_is_that_of_autograds_matrix():
    module = build("gru", bidirectional=True)
    tr = trace(module, walk(9))
    found = highway_share(tr, 6, direction=1)
    assert np.isnan(found[7:]).all()
    weights = {n.removesuffix("_l0_reverse"): v for n, v in module.state_dict().items()}
    cell = nn.GRUCell(3, 4, dtype=torch.float64)
    cell.load_state_dict({n: v for n, v in weights.items() if "_l0" not in n})

    def last(h):
        for x in torch.tensor(walk(9)[5::-1].copy()):
            h = cell(x, h)
        return h

    full = torch.autograd.functional.jacobian(last, torch.tensor(tr.select("h", direction=1)[6]))
    highway = torch.tensor(tr.select("z", direction=1)[:6].prod(axis=0)).diag()
    expected = highway.norm() / (highway.norm() + (full - highway).norm())
    assert found[0] == pytest.approx(float(expected), abs=EXACT)


def test_a_cell_that_reads_no_state_is_all_highway():
    module = build("lstm")
    with torch.no_grad():
        module.weight_hh_l0.zero_()
    np.testing.assert_allclose(highway_share(trace(module, walk()), 0), 1, rtol=0, atol=EXACT)


def test_errors_say_what_was_wrong():
    with pytest.raises(ValueError, match="a bare module has no classes"):
        sensitivity(build("rnn"), walk(), 0)
    model = SequenceModel(ModelConfig(cell="rnn", input_size=3, hidden_size=4, output_size=2))
    with pytest.raises(IndexError, match="class from 0 to 1, got 2"):
        sensitivity(model, walk(), 2)
    with pytest.raises(ValueError, match="only layer 0 reads in one direction"):
        sensitivity(build("rnn", num_layers=2, bidirectional=True), walk())
    with pytest.raises(ValueError, match="plain RNN has no multiplicative carry"):
        highway_share(trace(build("rnn"), walk()), 0)
    with pytest.raises(IndexError, match="step 9 of a sequence with 6"):
        highway_share(trace(build("lstm"), walk()), 9)


@pytest.mark.gpu
@pytest.mark.parametrize("kind", MODULES)
@pytest.mark.parametrize("of", ["state", 1])
def test_on_a_gpu_the_same(kind, of):
    config = ModelConfig(cell=kind, input_size=3, hidden_size=8, output_size=2, num_layers=2)
    model = SequenceModel(config).double()
    expected = sensitivity(model, walk(30), of)
    np.testing.assert_allclose(sensitivity(model.cuda(), walk(30), of), expected, atol=1e-10)
