"""Models made by Keras, the files that it writes of them, and what it computes with them."""

import os
import warnings

import numpy as np
import pytest
import torch

from lstm_core import trace
from lstm_core.convert import load_model
from lstm_core.stacks import ModelFileError

os.environ["KERAS_BACKEND"] = "torch"
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what the framework says of itself while it loads
    keras = pytest.importorskip("keras", reason="runs where keras is installed")
    h5py = pytest.importorskip("h5py", reason="runs where h5py is installed")

RENAMED = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
"""Keras hands NumPy tensors of torch in a way that NumPy 2 has renamed."""

L = keras.layers
TIME, FEATURES, TOLERANCE = 7, 3, 1e-5
CLASSES = {"LSTM": L.LSTM, "GRU": L.GRU, "SimpleRNN": L.SimpleRNN}
FORMATS = ("model.keras", "model.weights.h5", "model.h5")


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def drawn(model, seed=0):
    """The model with every weight drawn wide, biases too: a wrong order shows above rounding."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        values = rng.normal(scale=0.6, size=weight.shape)
        if weight.name != "count":  # of the numbers that a normalisation was fitted to
            weight.assign(abs(values) + 0.1 if weight.name.endswith("variance") else values)
    for layer in model.layers:
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()
    return model


def sequence(*layers, features=FEATURES):
    return drawn(keras.Sequential([L.Input((None, features)), *layers]))


def saved(model, path):
    if path.name.endswith(".weights.h5"):
        model.save_weights(path)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the older format is discouraged
            model.save(path)
    return path


def loaded(model, tmp_path, name="model.keras"):
    return load_model(saved(model, tmp_path / name))


def one(model, tmp_path, name="model.keras"):
    (stack,) = loaded(model, tmp_path, name).stacks
    return stack


def given_by(model, layer, inputs):
    """What Keras computes at a layer, ``[time, unit]`` or ``[unit]``, for one sequence."""
    part = keras.Model(model.inputs, model.get_layer(layer).output)
    with torch.no_grad():
        return np.asarray(part(torch.as_tensor(inputs[None])))[0]


def shown_by(stack, inputs):
    """Our ``h`` of the last layer, both directions side by side."""
    tr = trace(stack.module, inputs)
    last = tr.layers[-tr.num_directions :]
    return np.concatenate([layer["h"] for layer in last], axis=1)


def codes(file):
    return [remark.code for remark in file.remarks]


def refusal(model, tmp_path):
    with pytest.raises(ModelFileError) as caught:
        loaded(model, tmp_path)
    return caught.value
