"""Layers of different sizes: the same numbers as torch's own modules, one above the other."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lstm_core import Intervention, Trace, WeightEdit, counterfactual, edited, sensitivity, trace
from lstm_core.uneven import UnevenLayers
from lstm_core.vocabulary import InputError
from tests.torch_layouts import MODULES

TIME = 9


def modules(cell="lstm", sizes=(5, 2, 4), *, features=3, both=False, bias=True, **options):
    """torch's modules that read each other, in float64."""
    torch.manual_seed(0)
    widths = (features, *(size * (1 + both) for size in sizes))
    kind = MODULES[cell]
    return [
        kind(read, size, bidirectional=both, bias=bias, dtype=torch.float64, **options)
        for read, size in zip(widths, sizes, strict=False)
    ]


def weights_of(layers):
    return {
        name.replace("_l0", f"_l{number}"): weight.detach()
        for number, layer in enumerate(layers)
        for name, weight in layer.named_parameters()
    }


def uneven(cell="lstm", sizes=(5, 2, 4), **options):
    nonlinearity = options.get("nonlinearity", "tanh")
    weights = weights_of(modules(cell, sizes, **options))
    return UnevenLayers(cell, weights, nonlinearity=nonlinearity)


def through(layers, x):
    """``h`` of every layer, both directions side by side."""
    found = []
    for layer in layers:
        x = layer(x)[0].detach()
        found.append(x.numpy())
    return found


@settings(max_examples=40, deadline=None)
@given(
    cell=st.sampled_from(list(MODULES)),
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple),
    both=st.booleans(),
    bias=st.booleans(),
)
def test_every_layer_is_torchs(cell, sizes, both, bias):
    layers = modules(cell, sizes, both=both, bias=bias)
    module = UnevenLayers(cell, weights_of(layers))
    x = torch.randn(TIME, 3, dtype=torch.float64)
    traced, expected = trace(module, x), through(layers, x)
    assert (traced.units, traced.num_layers) == (sizes, len(sizes))
    assert traced.residual < 1e-12
    for number, h in enumerate(expected):
        found = [traced.select("h", number, way) for way in range(1 + both)]
        np.testing.assert_allclose(np.concatenate(found, axis=1), h, rtol=0, atol=1e-12)
    np.testing.assert_allclose(module(x[:, None])[0][:, 0], expected[-1], rtol=0, atol=1e-12)


def test_relu_and_projection_are_torchs():
    relu = modules("rnn", nonlinearity="relu")
    projected = [
        nn.LSTM(3, 6, proj_size=2, dtype=torch.float64),
        nn.LSTM(2, 5, proj_size=3, dtype=torch.float64),
    ]
    x = torch.randn(TIME, 3, dtype=torch.float64)
    for cell, layers, nonlinearity in (("rnn", relu, "relu"), ("lstm", projected, "tanh")):
        module = UnevenLayers(cell, weights_of(layers), nonlinearity=nonlinearity)
        expected = through(layers, x)[-1]
        np.testing.assert_allclose(trace(module, x)["h"], expected, rtol=0, atol=1e-12)
        np.testing.assert_allclose(module(x[:, None])[0][:, 0], expected, rtol=0, atol=1e-12)


def test_it_starts_from_a_vector_for_each_layer_and_direction():
    layers = modules(sizes=(5, 2), both=True)
    h_0 = [torch.randn(size, dtype=torch.float64) for size in (5, 5, 2, 2)]
    c_0 = [torch.randn(size, dtype=torch.float64) for size in (5, 5, 2, 2)]
    x = torch.randn(TIME, 3, dtype=torch.float64)
    traced = trace(UnevenLayers("lstm", weights_of(layers)), x, h_0=h_0, c_0=c_0)
    below, _ = layers[0](x, (torch.stack(h_0[:2]), torch.stack(c_0[:2])))
    above, _ = layers[1](below, (torch.stack(h_0[2:]), torch.stack(c_0[2:])))
    found = np.concatenate([traced.select("h", 1, way) for way in (0, 1)], axis=1)
    np.testing.assert_allclose(found, above.detach(), rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match=r"sizes \[5, 5, 2, 2\]"):
        trace(UnevenLayers("lstm", weights_of(layers)), x, h_0=np.zeros((4, 5)))


@pytest.mark.parametrize("both", [False, True])
def test_counterfactual_is_the_distance_to_a_run_of_its_own(both):
    module = uneven(sizes=(5, 2), both=both)
    x = torch.randn(TIME, 3, dtype=torch.float64)
    found = counterfactual(module, x, torch.zeros_like(x), layer=0)
    base = trace(module, x).layer(0)
    changed = x.clone()
    changed[4] = 0
    other = trace(module, changed).layer(0)
    expected = np.sqrt(sum(((other[k] - base[k]) ** 2).sum(axis=1) for k in "hc"))
    np.testing.assert_allclose(found[4], expected, rtol=0, atol=1e-12)


def test_sensitivity_is_autograds():
    module = uneven("gru", (5, 2))
    x = torch.randn(TIME, 3, dtype=torch.float64, requires_grad=True)
    jacobian = torch.autograd.functional.jacobian(lambda y: module(y[:, None])[0][:, 0], x)
    expected = jacobian.square().sum(dim=(1, 3)).sqrt()
    np.testing.assert_allclose(sensitivity(module, x.detach()), expected, rtol=0, atol=1e-12)


def test_surgery_fits_the_sizes_of_each_layer():
    module, x = uneven(sizes=(5, 2)), torch.randn(TIME, 3, dtype=torch.float64)
    last = Intervention(signal="x", op="set", value=0, units=4, layer=1)  # reads five numbers
    assert not trace(module, x, interventions=[last]).layer(1).inputs[:, 4].any()
    shut = trace(module, x, interventions=[Intervention(signal="o", op="set", value=0, layer=0)])
    assert not shut.layer(1).inputs.any()
    with pytest.raises(InputError, match="goes from 0 to 1"):
        trace(module, x, interventions=[Intervention(signal="o", op="set", value=0, units=2)])
    biased = edited(module, [WeightEdit(op="shift_bias", gate="f", value=3, units=1)])
    assert (biased.bias_ih_l1 - module.bias_ih_l1).tolist() == [0, 0, 0, 3, 0, 0, 0, 0]
    assert torch.equal(biased.bias_ih_l0, module.bias_ih_l0)


def test_trace_is_written_and_read(tmp_path):
    traced = trace(uneven(), torch.randn(TIME, 3, dtype=torch.float64))
    traced.save(tmp_path / "trace.npz")
    again = Trace.load(tmp_path / "trace.npz")
    assert "3 layers of 5 → 2 → 4 units" in repr(again)
    for one, other in zip(traced.layers, again.layers, strict=True):
        assert all(np.array_equal(one[key], other[key]) for key in one.signals)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.pop("bias_hh_l1"), "bias_hh_l1"),
        (lambda w: w.update(weight_ih_l1=torch.zeros(8, 4)), "weight_ih_l1"),
        (lambda w: w.update(weight_hh_l2=torch.zeros(16, 3)), "weight_hh_l2"),
        (lambda w: w.update(bias_ih_l0=torch.zeros(5)), "bias_ih_l0"),
        (lambda w: w.update(weight_ih_l4=torch.zeros(8, 4)), "weight_ih_l4"),
    ],
)
def test_weights_that_do_not_fit_are_refused(change, message):
    weights = weights_of(modules())
    change(weights)
    with pytest.raises(ValueError, match=message):
        UnevenLayers("lstm", weights)
