"""Every signal of a trace against torch's own modules and cells, in float64."""

import copy
import importlib

import numpy as np
import oracle
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from lstm_core import trace, trace_many
from lstm_core.fused import distance
from lstm_core.reading import open_module

EXACT = 1e-12
MODULES = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


def build(kind, features=3, units=4, **options):
    return MODULES[kind](features, units, **({"dtype": torch.float64} | options))


def walk(time=6, features=3, seed=0):
    return np.random.default_rng(seed).normal(size=(time, features))


def outputs(module, inputs, **start):
    """The module's own output for one sequence, ``[time, unit]``."""
    axis = 0 if module.batch_first else 1
    batch = torch.as_tensor(inputs, dtype=module.weight_ih_l0.dtype).unsqueeze(axis)
    states = tuple(torch.as_tensor(s).unsqueeze(1) for s in start.values()) or None
    states = states[0] if states and len(states) == 1 else states
    copied = copy.deepcopy(module).eval()
    with torch.no_grad():
        return copied(batch, states)[0].squeeze(axis).numpy()


def last_states(tr):
    return np.concatenate([tr.select("h", -1, d) for d in range(tr.num_directions)], axis=1)


@st.composite
def setups(draw):
    kind = draw(st.sampled_from(["lstm", "gru", "rnn"]))
    units = draw(st.integers(1, 5))
    options = {
        "num_layers": draw(st.integers(1, 3)),
        "bidirectional": draw(st.booleans()),
        "bias": draw(st.booleans()),
        "batch_first": draw(st.booleans()),
    }
    if kind == "lstm" and units > 1:
        options["proj_size"] = draw(st.integers(0, units - 1))
    if kind == "rnn":
        options["nonlinearity"] = draw(st.sampled_from(["tanh", "relu"]))
    if options["num_layers"] > 1:
        options["dropout"] = 0.5
    module = build(kind, draw(st.integers(1, 4)), units, **options)
    module.train(draw(st.booleans()))
    start = {}
    if draw(st.booleans()):
        rows = module.num_layers * (1 + module.bidirectional)
        rng = np.random.default_rng(draw(st.integers(0, 99)))
        start["h_0"] = rng.uniform(-0.9, 0.9, size=(rows, module.proj_size or units))
        if kind == "lstm":
            start["c_0"] = rng.normal(size=(rows, units))
    inputs = walk(draw(st.integers(1, 40)), module.input_size, draw(st.integers(0, 99)))
    return kind, module, inputs, start


@given(setups())
def test_hidden_states_are_the_modules_own_output(setup):
    _, module, inputs, start = setup
    tr = trace(module, inputs, **start)
    assert np.abs(last_states(tr) - outputs(module, inputs, **start)).max() <= EXACT
    assert tr.residual <= EXACT
    assert len(tr) == len(inputs)


@given(setups())
def test_every_signal_of_every_layer_equals_torchs_cells_probed_step_by_step(setup):
    kind, module, inputs, start = setup
    if module.proj_size:
        start = {}
    tr = trace(module, inputs, **start)
    assert len(tr.layers) == module.num_layers * (1 + module.bidirectional)
    for number, layer in enumerate(tr.layers):
        states = {name: state[number] for name, state in start.items()}
        place = (layer.layer, layer.direction)
        expected = oracle.signals(module, kind, *place, layer.inputs, **states)
        assert layer.signals.keys() == expected.keys()
        for key, values in expected.items():
            assert np.abs(layer.signals[key] - values).max() <= EXACT, (place, key)


@given(setups())
def test_identities_hold_at_every_step(setup):
    kind, module, inputs, start = setup
    for layer in trace(module, inputs, **start).layers:
        s = layer.signals
        if kind == "lstm":
            c = s["f"] * layer.previous("c") + s["i"] * s["g"]
            assert np.abs(s["c"] - c).max() <= EXACT
            assert np.abs(s["g"]).max() <= 1
        if kind == "gru":
            h = (1 - s["z"]) * s["n"] + s["z"] * layer.previous("h")
            assert np.abs(s["h"] - h).max() <= EXACT
            assert np.abs(s["n"]).max() <= 1
        for gate in set(s) & set("iforz"):
            assert s[gate].min() >= 0
            assert s[gate].max() <= 1


@given(setups())
def test_preactivations_are_what_the_activation_was_applied_to(setup):
    kind, module, inputs, start = setup
    curves = {"sigmoid": lambda z: 1 / (1 + np.exp(-z)), "tanh": np.tanh}
    for layer in trace(module, inputs, **start).layers:
        for gate in oracle.GATES[kind]:
            curve = curves["tanh" if gate in "gnh" else "sigmoid"]
            if layer.nonlinearity == "relu":
                curve = lambda z: np.maximum(z, 0)  # noqa: E731
            activation = curve(layer.select(f"z_{gate}"))
            assert np.abs(activation - layer.signals[gate]).max() <= EXACT, gate


def test_reset_term_of_a_gru_is_the_product_with_the_previous_state_and_its_own_bias():
    module = build("gru")
    layer = trace(module, walk()).layer()
    n = 2 * 4
    u_n = layer.previous("h") @ module.weight_hh_l0.detach().numpy()[n:].T
    u_n += module.bias_hh_l0.detach().numpy()[n:]
    np.testing.assert_allclose(layer.select("u_n"), u_n, rtol=0, atol=EXACT)


@pytest.mark.parametrize("kind", MODULES)
def test_each_layer_reads_what_the_layer_below_wrote(kind):
    tr = trace(build(kind, num_layers=3, bidirectional=True), walk())
    np.testing.assert_array_equal(tr.layer(0).inputs, walk())
    for layer in (1, 2):
        below = [tr.select("h", layer - 1, d) for d in (0, 1)]
        for direction in (0, 1):
            read = tr.layer(layer, direction).inputs
            np.testing.assert_array_equal(read, np.concatenate(below, axis=1))


@pytest.mark.parametrize("kind", MODULES)
def test_backward_direction_is_a_forward_trace_of_the_turned_sequence(kind):
    both = build(kind, bidirectional=True)
    forward = build(kind)
    names = [name for name, _ in forward.named_parameters()]
    forward.load_state_dict({name: getattr(both, f"{name}_reverse") for name in names})
    turned = trace(forward, walk()[::-1])
    for key, values in trace(both, walk()).layer(0, 1).signals.items():
        np.testing.assert_allclose(values, turned[key][::-1], rtol=0, atol=EXACT)


@pytest.mark.parametrize("kind", MODULES)
def test_dropout_between_layers_is_not_applied_in_training_mode(kind):
    module = build(kind, num_layers=2, dropout=0.9)
    training, evaluating = trace(module.train(), walk()), trace(module.eval(), walk())
    np.testing.assert_array_equal(training["h"], evaluating["h"])


@pytest.mark.parametrize("kind", MODULES)
@pytest.mark.parametrize("training", [False, True])
def test_module_comes_back_exactly_as_it_was(kind, training):
    module = build(kind, num_layers=2, bidirectional=True, dropout=0.3).train(training)
    module(torch.as_tensor(walk())[:, None])[0].sum().backward()
    module.weight_hh_l0.requires_grad_(False)
    before = oracle.untouched(module)
    trace(module, walk())
    trace_many(module, [walk(3), walk(5)])
    assert oracle.untouched(module) == before


def test_a_module_can_be_trained_on_after_a_trace_and_the_trace_stays():
    module = build("lstm")
    tr = trace(module, walk())
    before = {k: v.copy() for layer in tr.layers for k, v in layer.weights.items()}
    module(torch.as_tensor(walk())[:, None])[0].sum().backward()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter -= parameter.grad
    for name, values in tr.layer().weights.items():
        np.testing.assert_array_equal(values, before[name])
        assert not np.array_equal(values, getattr(module, f"{name}_l0").detach().numpy())


def test_changing_the_inputs_afterwards_does_not_change_the_trace():
    for inputs in (walk(), torch.as_tensor(walk())):
        tr = trace(build("rnn"), inputs)
        inputs[:] = 7
        np.testing.assert_array_equal(tr.layer().inputs, walk())


def test_arrays_and_mappings_are_read_only():
    layer = trace(build("lstm"), walk(), h_0=np.zeros((1, 4))).layer()
    arrays = [layer.inputs, layer.h_0, layer.c_0, layer["f"], layer["z_f"], layer.previous("h")]
    for array in (*arrays, *layer.signals.values(), *layer.weights.values()):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(TypeError):
        layer.signals["f"] = layer["f"]
    with pytest.raises(AttributeError):
        layer.residual = 0.0


@pytest.mark.parametrize("kind", MODULES)
def test_float32_gives_float32_close_to_float64(kind):
    exact = build(kind, 5, 7, num_layers=2, bidirectional=True)
    tr = trace(copy.deepcopy(exact).float(), walk(50, 5))
    assert (tr.dtype, tr["h"].dtype) == ("float32", np.float32)
    assert 0 < tr.residual < 1e-6
    for single, double in zip(tr.layers, trace(exact, walk(50, 5)).layers, strict=True):
        for key, values in double.signals.items():
            assert np.abs(single.signals[key] - values).max() < 1e-5, key


def test_mixed_precision_around_the_call_does_not_blur_the_trace():
    module = build("lstm", dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = trace(module, walk())
    np.testing.assert_array_equal(inside["f"], trace(module, walk())["f"])


class CountOperations(TorchDispatchMode):
    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += 1
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("kind", MODULES)
def test_operations_grow_with_the_root_of_time(kind):
    """A loop over 2500 steps is at least 2500 operations; the blocked scan is some 4 roots."""
    module = build(kind, dtype=torch.float32)
    counts = []
    for time in (1, 2500):
        with CountOperations() as counter:
            trace(module, walk(time))
        counts.append(counter.count)
    assert counts[1] - counts[0] < 6 * 50


def biased(gate, value):
    """An LSTM in which one gate's pre-activation is far from all others."""
    module = build("lstm")
    rows = slice("ifgo".index(gate) * 4, "ifgo".index(gate) * 4 + 4)
    with torch.no_grad():
        module.bias_hh_l0[rows] += value
    return module


@pytest.mark.parametrize("gate", "ifgo")
def test_gates_are_read_in_torchs_packed_order(gate):
    """Read in Keras' or ONNX's order, another gate than the biased one would stand out."""
    layer = trace(biased(gate, 30), walk()).layer()
    for key in "ifgo":
        saturated = np.abs(layer[key]).min() > 1 - 1e-6
        assert saturated == (key == gate), key


def test_a_gate_is_not_its_preactivation():
    layer = trace(biased("f", 30), walk()).layer()
    assert layer["z_f"].min() > 20
    assert layer["f"].max() <= 1


def test_a_saturated_gate_shows_one_and_is_not_squashed_a_second_time():
    f = trace(biased("f", 50), walk())["f"]
    np.testing.assert_array_equal(f, np.ones((6, 4)))  # tanh(1) would be 0.76


def test_the_second_bias_belongs_to_the_gate():
    module = build("lstm")
    layer = trace(module, walk()).layer()
    z = layer.inputs @ layer.weights["weight_ih"][4:8].T
    z += layer.previous("h") @ layer.weights["weight_hh"][4:8].T + layer.weights["bias_ih"][4:8]
    missing = layer["z_f"] - z
    np.testing.assert_allclose(
        missing, np.tile(layer.weights["bias_hh"][4:8], (6, 1)), rtol=0, atol=EXACT
    )
    assert np.abs(missing).max() > 0.1


def test_keep_gate_of_a_gru_keeps():
    """torch's z keeps the old state; in some papers z is the share that is replaced."""
    module = build("gru")
    with torch.no_grad():
        module.bias_hh_l0[4:8] = 800
    tr = trace(module, walk(), h_0=np.full((1, 4), 0.5))
    np.testing.assert_array_equal(tr["z"], np.ones((6, 4)))
    np.testing.assert_allclose(tr["h"], np.full((6, 4), 0.5), rtol=0, atol=EXACT)


@pytest.mark.parametrize("kind", MODULES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_values_that_are_not_finite_flow_through(kind, bad, bidirectional):
    inputs = walk(30)
    inputs[12, 1] = bad
    module = build(kind, bidirectional=bidirectional)
    tr = trace(module, inputs)
    clean = trace(module, walk(30))
    np.testing.assert_array_equal(tr["h"][:12], clean["h"][:12])
    np.testing.assert_allclose(last_states(tr), outputs(module, inputs), rtol=0, atol=EXACT)
    assert tr.residual <= EXACT
    if np.isnan(bad):
        assert np.isnan(tr["h"][12:]).all()
    for gate in oracle.GATES[kind]:
        assert tr[f"z_{gate}"].shape == (30, 4)
    assert "residual" in repr(tr)


def test_residual_is_infinite_where_only_one_of_two_is_a_number():
    h = torch.tensor([[1.0, torch.nan], [torch.inf, 2.0]])
    assert distance(h, h.clone()).tolist() == [0, 0]
    other = torch.tensor([[1.5, torch.nan], [torch.inf, 2.0]])
    assert distance(h, other).tolist() == [0.5, 0]
    other = torch.tensor([[1.0, 3.0], [-torch.inf, 2.0]])
    assert distance(h, other).tolist() == [np.inf, np.inf]
    other = torch.tensor([[torch.nan, torch.nan], [4.0, 2.5]])
    assert distance(h, other).tolist() == [np.inf, np.inf]


def test_residual_notices_a_kernel_that_computes_something_else(monkeypatch):
    kernel = torch.lstm
    monkeypatch.setattr(torch, "lstm", lambda *a: (kernel(*a)[0] + 1e-3, None, None))
    assert 2e-4 < trace(build("lstm"), walk()).residual < 2e-3


def padded_lengths():
    return st.lists(st.integers(1, 30), min_size=1, max_size=6)


@given(setups(), padded_lengths())
def test_many_traces_are_the_single_traces(setup, lengths):
    _, module, _, start = setup
    sequences = [walk(time, module.input_size, n) for n, time in enumerate(lengths)]
    many = trace_many(module, sequences, **start)
    for sequence, tr in zip(sequences, many, strict=True):
        single = trace(module, sequence, **start)
        assert tr.residual <= EXACT
        for one, other in zip(tr.layers, single.layers, strict=True):
            np.testing.assert_allclose(one.inputs, other.inputs, rtol=0, atol=EXACT)
            np.testing.assert_array_equal(one.h_0, other.h_0)
            for key, values in other.signals.items():
                np.testing.assert_allclose(one.signals[key], values, rtol=0, atol=EXACT)


@pytest.mark.parametrize("kind", MODULES)
def test_many_traces_in_chunks_keep_their_order(kind, monkeypatch):
    trace_module = importlib.import_module("lstm_core.trace")
    module = build(kind, dtype=torch.float32)
    sequences = [walk(time, seed=time) for time in (5, 40, 1, 17, 40, 3)]
    whole = trace_many(module, sequences)
    monkeypatch.setattr(trace_module, "_CHUNK", 2 * 40 * (12 * 4 + 3))
    for tr, other, sequence in zip(
        trace_many(module, iter(sequences)), whole, sequences, strict=True
    ):
        assert len(tr) == len(sequence)
        np.testing.assert_allclose(tr["h"], other["h"], rtol=0, atol=1e-6)
        np.testing.assert_allclose(tr["h"], trace(module, sequence)["h"], rtol=0, atol=1e-6)


def test_many_traces_work_on_no_more_numbers_than_a_chunk_holds():
    trace_module = importlib.import_module("lstm_core.trace")
    source = open_module(build("lstm", 3, 64))
    lengths = [1000] * 100 + [10]
    a_step = 12 * 64 + 3
    chunks = list(trace_module._chunks(source, lengths))
    assert sorted(place for chunk in chunks for place in chunk) == list(range(101))
    for chunk in chunks:
        padded = len(chunk) * max(lengths[place] for place in chunk)
        assert padded * a_step <= trace_module._CHUNK
    assert len(chunks) < 10
