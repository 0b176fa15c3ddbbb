"""What Keras models do before and between recurrent layers, against what Keras computes.

Affine layers are folded into the weights, so that ``h`` and the gates are Keras' own from the data
on; the others are told. What is around layers otherwise is in `test_keras_files`.
"""

import numpy as np
import pytest
import torch

from lstm_core import trace
from lstm_core.convert import load_model, model_of
from lstm_core.model_files import foreign_affine
from tests.keras_models import (
    CLASSES,
    FEATURES,
    RENAMED,
    TIME,
    TOLERANCE,
    L,
    codes,
    drawn,
    given_by,
    keras,
    loaded,
    numbers,
    saved,
    sequence,
    shown_by,
)

pytestmark = RENAMED

AFFINE = {
    "normalization": lambda: L.Normalization(name="map"),
    "one normalization for all": lambda: L.Normalization(axis=None, name="map"),
    "given normalization": lambda: L.Normalization(
        mean=[1.0, -2.0, 0.5], variance=[4.0, 0.3, 0.0], name="map"
    ),
    "given numbers": lambda: L.Normalization(mean=1.0, variance=4.0, name="map"),
    "inverse": lambda: L.Normalization(invert=True, name="map"),
    "batch normalization": lambda: L.BatchNormalization(name="map"),
    "without scale": lambda: L.BatchNormalization(scale=False, epsilon=0.1, name="map"),
    "without centre": lambda: L.BatchNormalization(center=False, axis=2, name="map"),
    "without either": lambda: L.BatchNormalization(center=False, scale=False, name="map"),
    "frozen": lambda: L.BatchNormalization(trainable=False, name="map"),
    "dense": lambda: L.Dense(5, name="map"),
    "dense without bias": lambda: L.Dense(1, use_bias=False, name="map"),
    "at each step": lambda: L.TimeDistributed(L.Dense(5), name="map"),
    "normalized at each step": lambda: L.TimeDistributed(L.BatchNormalization(), name="map"),
    "rescaling": lambda: L.Rescaling(1 / 127.5, offset=-1.0, name="map"),
}


def layer_of(kind="LSTM", both=False, units=4, **options):
    made = CLASSES[kind](units, return_sequences=True, **options)
    return L.Bidirectional(made) if both else made


def assert_keras(stack, model, inputs, name=None):
    """The stack's ``h``, from the data on, is Keras' own."""
    expected = given_by(model, name or model.layers[-1].name, inputs)
    np.testing.assert_allclose(shown_by(stack, inputs), expected, rtol=0, atol=TOLERANCE)


def told(file, code):
    (found,) = [remark for remark in file.remarks if remark.code == code]
    return found.fields


@pytest.mark.parametrize("both", [False, True], ids=["one way", "both ways"])
@pytest.mark.parametrize("what", list(AFFINE))
def test_affine_layer_before_is_folded(what, both, tmp_path):
    model = sequence(AFFINE[what](), layer_of(both=both))
    file, inputs = loaded(model, tmp_path), numbers(TIME, FEATURES)
    (stack,) = file.stacks
    assert (codes(file), told(file, "folded")["name"]) == (["folded"], stack.name)
    assert told(file, "folded")["names"].startswith("map (")
    assert stack.module.input_size == FEATURES
    assert_keras(stack, model, inputs)


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
@pytest.mark.parametrize("bias", [True, False], ids=["biased", "without bias"])
@pytest.mark.parametrize("kind", list(CLASSES))
def test_every_cell_takes_in_what_comes_before_it(kind, bias, name, tmp_path):
    model = sequence(
        L.Normalization(), L.Dense(6), L.Dropout(0.5), L.BatchNormalization(),
        layer_of(kind, use_bias=bias), layer_of(kind, use_bias=bias),
    )  # fmt: skip
    file = loaded(model, tmp_path, name)
    (stack,) = file.stacks
    assert (codes(file), stack.module.num_layers) == (["folded"], 2)
    assert_keras(stack, model, numbers(TIME, FEATURES))


def test_gates_are_those_inside_the_model(tmp_path):
    model = sequence(L.Normalization(name="map"), L.Dense(5, name="dense"), layer_of())
    file, inputs = loaded(model, tmp_path), numbers(TIME, FEATURES)
    tr = trace(file.stacks[0].module, inputs)
    kernel, recurrent, bias = model.layers[-1].get_weights()
    read = given_by(model, "dense", inputs)
    z = read @ kernel + tr.layer().previous("h") @ recurrent + bias
    for place, gate in enumerate("ifgo"):
        mine = z[:, place * 4 : place * 4 + 4]
        expected = np.tanh(mine) if gate == "g" else 1 / (1 + np.exp(-mine))
        np.testing.assert_allclose(tr[gate], expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize(("mean", "deviation"), [(989.2, 8.3), (1.6e9, 1e5), (5.0, 0.0)])
def test_data_far_from_zero_lose_nothing_by_folding(mean, deviation, tmp_path):
    """Pressures and times of day one: what a shift takes away again is not rounded away."""
    norm = L.Normalization(mean=[mean] * 3, variance=[deviation**2] * 3)
    model = sequence(norm, layer_of())
    inputs = (mean + deviation * numbers(TIME, FEATURES)).astype(np.float32)
    (stack,) = loaded(model, tmp_path).stacks
    assert stack.module.weight_ih_l0.dtype == torch.float64
    assert_keras(stack, model, inputs)


def test_weights_that_need_no_more_stay_in_float32(tmp_path):
    (stack,) = loaded(sequence(L.BatchNormalization(), layer_of()), tmp_path).stacks
    assert stack.module.weight_ih_l0.dtype == torch.float32


def test_map_after_an_embedding_is_folded_and_the_embedding_kept(tmp_path):
    inputs = L.Input((None,), dtype="int32")
    x = L.BatchNormalization(name="norm")(L.Embedding(9, 3, name="letters")(inputs))
    x = layer_of()(L.Dense(6, name="dense")(x))
    model, ids = drawn(keras.Model(inputs, x)), [1, 7, 0, 8]
    file = loaded(model, tmp_path)
    (stack,) = file.stacks
    assert (codes(file), stack.embedding_name) == (["folded"], "letters")
    expected = given_by(model, model.layers[-1].name, np.array(ids))
    np.testing.assert_allclose(trace(model_of(stack), ids)["h"], expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("both", [False, True], ids=["one way", "both ways"])
@pytest.mark.parametrize("between", ["batch normalization", "dense", "rescaling"])
def test_layers_with_a_map_between_are_one_stack(between, both, tmp_path):
    model = sequence(
        layer_of(both=both), L.Dropout(0.2), AFFINE[between](), layer_of(both=both, units=3)
    )
    file = loaded(model, tmp_path)
    (stack,) = file.stacks
    assert (codes(file), stack.units) == (["folded"], (4, 3))
    assert told(file, "folded")["name"] == model.layers[-1].name
    assert_keras(stack, model, numbers(TIME, FEATURES))


def test_map_between_layers_of_different_kinds_is_folded_too(tmp_path):
    model = sequence(layer_of(), L.BatchNormalization(), layer_of("GRU"))
    file, inputs = loaded(model, tmp_path), numbers(TIME, FEATURES)
    below, above = file.stacks
    assert (codes(file), above.reads) == (["folded", "separate"], below.name)
    expected = given_by(model, model.layers[-1].name, inputs)
    found = shown_by(above, shown_by(below, inputs))
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize(
    ("layers", "names"),
    [
        (lambda: [L.LayerNormalization(name="norm")], "norm (LayerNormalization)"),
        (lambda: [L.Conv1D(4, 3, name="conv", activation="relu")], "conv (Conv1D, relu)"),
        (lambda: [L.Dense(4, activation="relu", name="d")], "d (Dense, relu)"),
        (
            lambda: [L.Dense(4, name="d"), L.Activation("tanh", name="a"), L.Dropout(0.1)],
            "d (Dense), a (Activation, tanh)",
        ),
        (lambda: [L.Normalization(axis=1, name="time")], "time (Normalization)"),
        (lambda: [L.BatchNormalization(axis=1, name="time")], "time (BatchNormalization)"),
        (lambda: [L.TimeDistributed(L.LayerNormalization(), name="n")], "n (LayerNormalization)"),
        (lambda: [L.Permute((2, 1), name="turn")], "turn (Permute)"),
    ],
)  # fmt: skip
def test_what_is_no_map_is_told_and_not_folded(layers, names, tmp_path):
    model = drawn(keras.Sequential([L.Input((3, 3)), *layers(), layer_of()]))
    file = loaded(model, tmp_path)
    assert codes(file) == ["before-stack"]
    assert told(file, "before-stack") == {"name": file.stacks[0].name, "names": names}
    kernel = model.layers[-1].get_weights()[0]
    np.testing.assert_array_equal(file.stacks[0].module.weight_ih_l0, kernel.T)


def test_map_after_what_is_none_is_folded_and_the_rest_told(tmp_path):
    model = sequence(L.Conv1D(5, 3, name="conv"), L.BatchNormalization(name="norm"), layer_of())
    file, inputs = loaded(model, tmp_path), numbers(TIME, FEATURES)
    assert codes(file) == ["folded", "before-stack"]
    assert told(file, "before-stack")["names"] == "conv (Conv1D)"
    read = given_by(model, "conv", inputs)
    expected = given_by(model, model.layers[-1].name, inputs)
    np.testing.assert_allclose(shown_by(file.stacks[0], read), expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [],
        lambda: [L.Dropout(0.1), L.SpatialDropout1D(0.1), L.GaussianNoise(0.1), L.Identity()],
        lambda: [L.Activation("linear")],
    ],
)
def test_what_changes_nothing_is_not_told(layers, tmp_path):
    assert not codes(loaded(sequence(*layers(), layer_of()), tmp_path))


def test_masking_is_told_as_before(tmp_path):
    model = sequence(L.Masking(), L.BatchNormalization(), layer_of())
    assert codes(loaded(model, tmp_path)) == ["masking", "folded"]


def test_everything_that_goes_in_is_named_in_order(tmp_path):
    words, extra = L.Input((None,), dtype="int32"), L.Input((None, 2))
    x = L.Concatenate(name="join")(
        [L.Embedding(9, 3, name="letters")(words), L.Dense(2, name="dense")(extra)]
    )
    file = loaded(drawn(keras.Model([words, extra], layer_of()(x))), tmp_path)
    assert codes(file) == ["before-stack"]
    expected = "letters (Embedding), dense (Dense), join (Concatenate)"
    assert told(file, "before-stack")["names"] == expected
    assert file.stacks[0].embedding is None


def test_what_lies_between_two_stacks_is_told_with_both(tmp_path):
    norm = L.LayerNormalization(name="norm")
    file = loaded(sequence(layer_of(), norm, layer_of()), tmp_path)
    below, above = file.stacks
    assert codes(file) == ["between-stacks"]
    expected = {"name": above.name, "before": below.name, "names": "norm (LayerNormalization)"}
    assert told(file, "between-stacks") == expected


def test_autoencoder_tells_what_its_second_half_reads(tmp_path):
    model = sequence(L.LSTM(4, name="in"), L.RepeatVector(5, name="again"), layer_of())
    file = loaded(model, tmp_path)
    assert told(file, "between-stacks")["before"] == "in"
    assert told(file, "between-stacks")["names"] == "again (RepeatVector)"


def test_half_of_an_autoencoder_that_reads_backwards_is_named_with_a_way_out(tmp_path):
    model = sequence(
        L.LSTM(4, name="in"), L.RepeatVector(5), layer_of(go_backwards=True), L.Dense(3)
    )
    file = loaded(model, tmp_path)
    assert [stack.name for stack in file.stacks] == ["in"]
    assert file.remarks[0].fields == {"what": "backwards", "name": model.layers[2].name}
    assert "last step first" in file.remarks[0].message


def test_first_half_that_is_refused_is_named_as_what_comes_before(tmp_path):
    model = sequence(
        L.LSTM(4, go_backwards=True, name="in"), L.RepeatVector(5, name="again"), layer_of()
    )
    file = loaded(model, tmp_path)
    assert codes(file) == ["unsupported", "before-stack"]
    assert told(file, "before-stack")["names"] == "in (LSTM), again (RepeatVector)"


def test_layer_that_reads_backwards_is_a_forward_one_that_reads_the_data_turned(tmp_path):
    """What the refusal says can be done: Keras gives the states in the order of reading."""
    backward = sequence(layer_of(go_backwards=True))
    forward = sequence(layer_of())
    forward.set_weights(backward.get_weights())
    (stack,), inputs = loaded(forward, tmp_path).stacks, numbers(TIME, FEATURES)
    expected = given_by(backward, backward.layers[-1].name, inputs)
    np.testing.assert_allclose(shown_by(stack, inputs[::-1]), expected, rtol=0, atol=TOLERANCE)


def test_directions_that_are_added_are_told_as_what_lies_between(tmp_path):
    below = L.Bidirectional(L.LSTM(4, return_sequences=True), merge_mode="sum", name="below")
    file = loaded(sequence(below, layer_of()), tmp_path)
    assert told(file, "between-stacks")["names"] == "below (Bidirectional) sum"


def test_states_that_another_layer_gives_are_told(tmp_path):
    source, target = L.Input((None, 3)), L.Input((None, 2))
    _, h, c = L.LSTM(4, return_state=True, name="encoder")(source)
    x = L.BatchNormalization()(target)
    x = L.LSTM(4, return_sequences=True, name="decoder")(x, initial_state=[h, c])
    file = loaded(drawn(keras.Model([source, target], x)), tmp_path)
    assert codes(file) == ["initial-state", "folded"]
    assert told(file, "initial-state")["name"] == "decoder"


def test_shared_map_is_not_folded(tmp_path):
    a, b, shared = L.Input((None, 3)), L.Input((None, 3)), L.Dense(4, name="shared")
    model = keras.Model([a, b], [layer_of()(shared(a)), layer_of()(shared(b))])
    assert codes(loaded(model, tmp_path)) == ["before-stack"] * 2


def test_map_that_others_read_too_is_folded_all_the_same(tmp_path):
    inputs = L.Input((None, 3))
    x = L.Dense(4, name="map")(inputs)
    model = drawn(keras.Model(inputs, [layer_of("LSTM")(x), layer_of("GRU")(x)]))
    file, data = loaded(model, tmp_path), numbers(TIME, 3)
    assert codes(file) == ["folded"] * 2
    for stack in file.stacks:
        assert_keras(stack, model, data, stack.name)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_map_that_holds_no_numbers_is_told(value, tmp_path):
    model = sequence(L.Dense(3, name="map"), layer_of())
    kernel, bias = model.layers[0].get_weights()
    kernel[0, 0] = value
    model.layers[0].set_weights([kernel, bias])
    assert codes(loaded(model, tmp_path)) == ["folded", "not-finite"]


def test_product_that_is_too_large_is_told_and_not_made(tmp_path, monkeypatch):
    monkeypatch.setattr(foreign_affine.Room, "takes", lambda *_: False)
    assert codes(loaded(sequence(L.Dense(3), layer_of()), tmp_path)) == ["before-stack"]


def test_weights_alone_name_all_that_may_lie_around(tmp_path):
    model = sequence(L.Normalization(), L.Conv1D(5, 3), L.BatchNormalization(), layer_of())
    file = load_model(saved(model, tmp_path / "model.weights.h5"))
    names = told(file, "left-out")["names"]
    assert all(f"layers.{kind}" in names for kind in ("normalization", "conv1d", "batch_n"))
