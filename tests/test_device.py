"""Which device is picked, and that a GPU gives the numbers that the CPU gives."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from lstm_core import pick_device, trace, trace_many

MODULES = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch):
    monkeypatch.delenv("LSTM_DEVICE", raising=False)


@pytest.mark.parametrize(("available", "expected"), [(True, "cuda"), (False, "cpu")])
def test_without_a_wish_cuda_where_available(monkeypatch, available, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert pick_device() == torch.device(expected)


@pytest.mark.parametrize("value", ["cpu", " cpu "])
def test_the_variable_decides(monkeypatch, value):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("LSTM_DEVICE", value)
    assert pick_device() == torch.device("cpu")


def test_an_empty_variable_is_no_wish(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("LSTM_DEVICE", "")
    assert pick_device() == torch.device("cpu")


def test_a_numbered_gpu_is_checked_against_those_present(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LSTM_DEVICE", "cuda:1")
    assert pick_device() == torch.device("cuda", 1)
    monkeypatch.setenv("LSTM_DEVICE", "cuda:2")
    with pytest.raises(ValueError, match="'cuda:2', but this computer has 2 CUDA devices"):
        pick_device()


def test_cuda_without_a_gpu_is_an_error_and_no_silent_fall_back(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setenv("LSTM_DEVICE", "cuda")
    with pytest.raises(ValueError, match="'cuda', but this computer has 0 CUDA devices"):
        pick_device()


def test_mps_where_there_is_none(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setenv("LSTM_DEVICE", "mps")
    with pytest.raises(ValueError, match="MPS is not available"):
        pick_device()


@pytest.mark.parametrize("value", ["gpu", "cuda:x", "cuda:-1", "meta", "1", "cpu,cuda"])
def test_a_wrong_name_is_refused_with_the_names_that_serve(monkeypatch, value):
    monkeypatch.setenv("LSTM_DEVICE", value)
    with pytest.raises(ValueError, match=f"LSTM_DEVICE='{value}'.*expected 'cpu', 'cuda'"):
        pick_device()


@pytest.fixture
def _no_tf32(monkeypatch):
    # cuDNN rounds float32 products to 10 bits by default; parity is judged without that.
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)


@pytest.mark.gpu
@pytest.mark.usefixtures("_no_tf32")
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", MODULES)
def test_gpu_gives_the_cpus_signals(kind, bidirectional, dtype, tolerance):
    exact = MODULES[kind](5, 16, num_layers=2, bidirectional=bidirectional, dtype=torch.float64)
    inputs = np.random.default_rng(0).normal(size=(200, 5))
    module = copy.deepcopy(exact).to("cuda", getattr(torch, dtype))
    parameters = [p.clone() for p in module.parameters()]
    tr, expected = trace(module, inputs), trace(exact, inputs)
    assert (tr.device, tr.dtype) == ("cuda:0", dtype)
    assert tr.residual <= tolerance
    for found, layer in zip(tr.layers, expected.layers, strict=True):
        for key, values in layer.signals.items():
            assert np.abs(found.signals[key] - values).max() <= tolerance, key
    for now, before in zip(module.parameters(), parameters, strict=True):
        assert now.is_cuda
        assert torch.equal(now, before)


@pytest.mark.gpu
@pytest.mark.usefixtures("_no_tf32")
@pytest.mark.parametrize("kind", MODULES)
def test_gpu_traces_many_sequences_as_it_traces_one(kind):
    module = MODULES[kind](5, 16, bidirectional=True, dtype=torch.float64, device="cuda")
    rng = np.random.default_rng(0)
    sequences = [rng.normal(size=(time, 5)) for time in (3, 50, 1, 20)]
    for tr, sequence in zip(trace_many(module, sequences), sequences, strict=True):
        single = trace(module, sequence)
        for direction in (0, 1):
            for key, values in single.layer(0, direction).signals.items():
                found = tr.select(key, 0, direction)
                np.testing.assert_allclose(found, values, rtol=0, atol=1e-12)


@pytest.mark.gpu
@pytest.mark.usefixtures("_no_tf32")
def test_gpu_traces_a_projected_lstm():
    exact = nn.LSTM(5, 16, num_layers=2, proj_size=4, dtype=torch.float64)
    inputs = np.random.default_rng(0).normal(size=(50, 5))
    tr, expected = trace(copy.deepcopy(exact).cuda(), inputs), trace(exact, inputs)
    for key in "fiogch":
        np.testing.assert_allclose(tr[key], expected[key], rtol=0, atol=1e-12)
