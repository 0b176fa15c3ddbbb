"""Models that Keras saved, against what Keras itself computes with them.

Every number is compared with Keras' own at the layer it belongs to. Hostile and broken files are in
`test_keras_files_hostile`.
"""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lstm_core import trace
from lstm_core.convert import load_model, model_of
from tests.keras_models import (
    CLASSES,
    FEATURES,
    FORMATS,
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
    one,
    refusal,
    saved,
    sequence,
    shown_by,
)

pytestmark = RENAMED


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("both", [False, True], ids=["one way", "both ways"])
@pytest.mark.parametrize("kind", list(CLASSES))
def test_two_layers_are_one_stack_with_keras_states(kind, both, name, tmp_path):
    made = [CLASSES[kind](4, return_sequences=True) for _ in range(2)]
    model = sequence(*(L.Bidirectional(layer) if both else layer for layer in made))
    stack, inputs = one(model, tmp_path, name), numbers(TIME, FEATURES)
    assert stack.module.num_layers == 2
    expected = given_by(model, model.layers[-1].name, inputs)
    np.testing.assert_allclose(shown_by(stack, inputs), expected, rtol=0, atol=TOLERANCE)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    kind=st.sampled_from([*CLASSES, "relu"]),
    units=st.integers(1, 6),
    features=st.integers(1, 6),
    time=st.integers(1, 9),
    bias=st.booleans(),
    both=st.booleans(),
    seed=st.integers(0, 99),
)
def test_every_size_has_keras_states(kind, units, features, time, bias, both, seed, tmp_path):
    options = {"activation": "relu"} if kind == "relu" else {}
    made = CLASSES.get(kind, L.SimpleRNN)
    layer = made(units, return_sequences=True, use_bias=bias, **options)
    model = sequence(L.Bidirectional(layer) if both else layer, features=features)
    stack, inputs = one(model, tmp_path), numbers(time, features, seed=seed)
    expected = given_by(model, model.layers[-1].name, inputs)
    scale = max(1, np.abs(expected).max())  # a relu network may grow
    assert np.abs(shown_by(stack, inputs) - expected).max() <= TOLERANCE * scale


def test_cell_state_is_keras(tmp_path):
    model = sequence(L.LSTM(4, return_sequences=True))
    inputs, layer = numbers(TIME, FEATURES), L.LSTM(4, return_state=True)
    layer.build((1, TIME, FEATURES))
    layer.set_weights(model.get_weights())
    with torch.no_grad():
        c = [np.asarray(layer(torch.as_tensor(inputs[None, :n]))[2])[0] for n in range(1, TIME + 1)]
    tr = trace(one(model, tmp_path).module, inputs)
    np.testing.assert_allclose(tr["c"], np.stack(c), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_gates_follow_the_equations_that_keras_documents(kind, tmp_path):
    """Keras packs an LSTM as i f c o and a GRU as z r h; so does the file."""
    model = sequence(CLASSES[kind](4, return_sequences=True))
    stack, inputs = one(model, tmp_path), numbers(TIME, FEATURES)
    kernel, recurrent, bias = model.get_weights()
    tr = trace(stack.module, inputs)
    bias = bias if kind == "LSTM" else bias.sum(0)
    z = inputs @ kernel + tr.layer().previous("h") @ recurrent + bias
    order = {"LSTM": "ifgo", "GRU": "zr"}[kind]
    assert stack.gate_order == {"LSTM": "i f c o", "GRU": "z r h"}[kind]
    for place, gate in enumerate(order):
        mine = z[:, place * 4 : place * 4 + 4]
        expected = np.tanh(mine) if gate == "g" else 1 / (1 + np.exp(-mine))
        np.testing.assert_allclose(tr[gate], expected, rtol=0, atol=TOLERANCE)


def language_model(*, last=False, both=False, activation="softmax"):
    inputs = L.Input((None,), dtype="int32")
    x = L.SpatialDropout1D(0.2)(L.Embedding(11, 4, name="letters")(inputs))
    x = L.LSTM(5, return_sequences=True, name="lower")(x)
    upper = L.LSTM(5, return_sequences=not last, name="upper")
    x = (L.Bidirectional(upper, name="both") if both else upper)(L.Dropout(0.3)(x))
    x = L.Dense(11, activation=activation, name="answer")(L.Dropout(0.1)(x))
    return drawn(keras.Model(inputs, x))


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_embedding_and_head_give_keras_probabilities(name, tmp_path):
    model, ids = language_model(), [1, 7, 0, 10, 3]
    file = loaded(model, tmp_path, name)
    (stack,) = file.stacks
    assert (stack.embedding_name, stack.head_name) == ("letters", "answer")
    assert not file.remarks
    outputs = torch.tensor(trace(model_of(stack), ids).outputs).softmax(-1)
    expected = given_by(model, "answer", np.array(ids))
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=TOLERANCE)


def test_head_that_answers_once_answers_the_same_at_the_last_step(tmp_path):
    model, ids = language_model(last=True, activation="linear"), [1, 7, 0, 10, 3]
    file = loaded(model, tmp_path)
    assert codes(file) == ["head-last"]
    outputs = trace(model_of(file.stacks[0]), ids).outputs
    expected = given_by(model, "answer", np.array(ids))
    np.testing.assert_allclose(outputs[-1], expected, rtol=0, atol=TOLERANCE)


def test_head_on_the_two_ends_of_a_sequence_is_left_out(tmp_path):
    inputs = L.Input((None, 3))
    x = L.Bidirectional(L.LSTM(4), name="both")(inputs)
    file = loaded(drawn(keras.Model(inputs, L.Dense(2)(x))), tmp_path)
    assert file.stacks[0].head is None
    assert codes(file) == ["head-ends", "left-out"]


def test_other_activation_of_the_head_is_told(tmp_path):
    file = loaded(language_model(activation="sigmoid"), tmp_path)
    (remark,) = file.remarks
    assert (remark.code, remark.fields["activation"]) == ("head-activation", "sigmoid")


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("both", [False, True], ids=["one way", "both ways"])
@pytest.mark.parametrize("kind", list(CLASSES))
def test_layers_of_different_sizes_are_one_stack(kind, both, name, tmp_path):
    layers = [CLASSES[kind](size, return_sequences=True) for size in (5, 2, 3)]
    model = sequence(*(L.Bidirectional(layer) if both else layer for layer in layers))
    stack, inputs = one(model, tmp_path, name), numbers(TIME, FEATURES)
    assert stack.units == (5, 2, 3)
    expected = given_by(model, model.layers[-1].name, inputs)
    np.testing.assert_allclose(shown_by(stack, inputs), expected, rtol=0, atol=TOLERANCE)


def test_layer_of_another_kind_is_a_stack_that_reads_the_other(tmp_path):
    model = sequence(L.LSTM(5, return_sequences=True), L.GRU(2, return_sequences=True))
    file, inputs = loaded(model, tmp_path), numbers(TIME, FEATURES)
    first, second = file.stacks
    assert (second.reads, first.reads) == (first.name, None)
    assert codes(file) == ["separate"]
    expected = given_by(model, model.layers[-1].name, inputs)
    below = shown_by(first, inputs)
    np.testing.assert_allclose(shown_by(second, below), expected, rtol=0, atol=TOLERANCE)


def test_models_inside_models_are_opened(tmp_path):
    inner = keras.Sequential(
        [L.GRU(4, return_sequences=True, name=name) for name in ("low", "high")], name="inner"
    )
    inputs = L.Input((None, 3))
    outer = drawn(keras.Model(inputs, L.TimeDistributed(L.Dense(2), name="each")(inner(inputs))))
    stack, x = one(outer, tmp_path), numbers(TIME, 3)
    assert (stack.name, stack.head_name) == ("inner/low", "each")
    outputs = trace(model_of(stack), x).outputs
    np.testing.assert_allclose(outputs, given_by(outer, "each", x), rtol=0, atol=TOLERANCE)


def test_functional_model_inside_another_is_joined_through_its_ends(tmp_path):
    a = L.Input((None, 3))
    inner = keras.Model(a, L.LSTM(4, return_sequences=True)(L.Dropout(0.1)(a)), name="inner")
    b = L.Input((None, 3))
    top = L.LSTM(4, return_sequences=True, name="top")(inner(b))
    model, x = drawn(keras.Model(b, top)), numbers(TIME, 3)
    stack = one(model, tmp_path)
    assert stack.module.num_layers == 2
    np.testing.assert_allclose(
        shown_by(stack, x), given_by(model, "top", x), rtol=0, atol=TOLERANCE
    )


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_cells_one_upon_another_are_layers(name, tmp_path):
    model = sequence(L.RNN([L.GRUCell(4), L.GRUCell(4)], return_sequences=True))
    stack, x = one(model, tmp_path, name), numbers(TIME, FEATURES)
    assert stack.module.num_layers == 2
    expected = given_by(model, model.layers[-1].name, x)
    np.testing.assert_allclose(shown_by(stack, x), expected, rtol=0, atol=TOLERANCE)


def seq2seq():
    source, target = L.Input((None, 3), name="source"), L.Input((None, 2), name="target")
    _, h, c = L.LSTM(4, return_state=True, name="encoder")(source)
    states = L.LSTM(4, return_sequences=True, name="decoder")(target, initial_state=[h, c])
    return drawn(keras.Model([source, target], L.Dense(5, name="answer")(states)))


def test_encoder_and_decoder_are_two_stacks(tmp_path):
    file = loaded(seq2seq(), tmp_path)
    assert {s.name: s.head_name for s in file.stacks} == {"encoder": None, "decoder": "answer"}
    assert codes(file) == ["initial-state"]


def test_decoder_given_the_states_of_the_encoder_answers_as_keras(tmp_path):
    model, source, target = seq2seq(), numbers(4, 3), numbers(TIME, 2, seed=1)
    stacks = {stack.name: stack for stack in loaded(model, tmp_path).stacks}
    last = trace(stacks["encoder"].module, source).layer()
    start = {"h_0": last["h"][-1:], "c_0": last["c"][-1:]}
    outputs = trace(model_of(stacks["decoder"]), target, **start).outputs
    with torch.no_grad():
        expected = np.asarray(model([torch.as_tensor(x[None]) for x in (source, target)]))[0]
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=TOLERANCE)


def test_layer_that_is_called_twice_is_told(tmp_path):
    a, b = L.Input((None, 3)), L.Input((None, 3))
    shared = L.LSTM(4, name="shared")
    model = keras.Model([a, b], L.Concatenate()([shared(a), shared(b)]))
    assert codes(loaded(model, tmp_path)) == ["shared"]


def test_masked_steps_are_told(tmp_path):
    model = sequence(L.Masking(), L.LSTM(4))
    assert codes(loaded(model, tmp_path)) == ["masking"]


def test_directions_that_are_added_are_not_taken_for_a_stack_below(tmp_path):
    model = sequence(
        L.Bidirectional(L.LSTM(4, return_sequences=True), merge_mode="sum", name="below"),
        L.LSTM(4, return_sequences=True),
    )
    file = loaded(model, tmp_path)
    assert [stack.reads for stack in file.stacks] == [None, None]
    assert "merge-mode" in codes(file)


def test_two_heads_are_none(tmp_path):
    inputs = L.Input((None, 3))
    x = L.LSTM(4, return_sequences=True)(inputs)
    file = loaded(keras.Model(inputs, [L.Dense(2)(x), L.Dense(3)(x)]), tmp_path)
    assert file.stacks[0].head is None
    assert codes(file) == ["unclear-head", "left-out"]


def test_linear_layer_that_others_read_is_no_head(tmp_path):
    model = sequence(L.LSTM(4), L.Dense(3, activation="relu"), L.Dense(2))
    file = loaded(model, tmp_path)
    assert file.stacks[0].head is None
    assert codes(file) == ["left-out"]


def test_convolution_before_the_layers_is_named_as_left_out(tmp_path):
    file = loaded(sequence(L.Conv1D(4, 3, name="conv"), L.LSTM(4)), tmp_path)
    assert file.remarks[0].fields["names"] == "conv (Conv1D)"


def both_ways(backward):
    return L.Bidirectional(L.LSTM(4), backward_layer=backward)


@pytest.mark.parametrize(
    ("layer", "what"),
    [
        (lambda: L.LSTM(4, recurrent_activation="hard_sigmoid"), "activation"),
        (lambda: L.LSTM(4, activation="relu"), "activation"),
        (lambda: L.SimpleRNN(4, activation="sigmoid"), "activation"),
        (lambda: L.GRU(4, reset_after=False), "reset-before"),
        (lambda: L.LSTM(4, go_backwards=True), "backwards"),
        (lambda: both_ways(L.LSTM(4, go_backwards=True, activation="relu")), "activation"),
        (lambda: both_ways(L.GRU(4, go_backwards=True)), "two-sides"),
        (lambda: L.RNN(L.StackedRNNCells([L.LSTMCell(4, activation="relu")])), "activation"),
    ],
)  # fmt: skip
def test_layer_that_torch_has_not_is_refused_with_the_reason(layer, what, tmp_path):
    error = refusal(sequence(layer()), tmp_path)
    assert (error.code, error.fields["what"]) == ("unsupported", what)


def test_activation_is_named(tmp_path):
    error = refusal(sequence(L.GRU(4, recurrent_activation="hard_sigmoid")), tmp_path)
    assert "hard_sigmoid" in str(error)
    assert error.fields["found"] == "hard_sigmoid"


def test_readable_layer_beside_one_that_is_not_is_read(tmp_path):
    model = sequence(L.LSTM(4, return_sequences=True), L.LSTM(4, activation="relu", name="odd"))
    file = loaded(model, tmp_path)
    assert len(file.stacks) == 1
    assert file.remarks[0].fields["name"] == "odd"


def test_gru_of_one_unit_that_resets_first_is_the_same(tmp_path):
    """With one unit ``U (r h')`` and ``r (U h')`` are one number."""
    model = sequence(L.GRU(1, reset_after=False, return_sequences=True))
    stack, inputs = one(model, tmp_path), numbers(TIME, FEATURES)
    expected = given_by(model, model.layers[-1].name, inputs)
    np.testing.assert_allclose(shown_by(stack, inputs), expected, rtol=0, atol=TOLERANCE)


def test_weights_alone_tell_what_is_assumed(tmp_path):
    model = sequence(L.LSTM(4, return_sequences=True), L.LSTM(4, return_sequences=True))
    file = loaded(model, tmp_path, "model.weights.h5")
    assert codes(file) == ["no-config", "assumed-order"]


def test_weights_alone_do_not_join_what_may_be_apart(tmp_path):
    a, b = L.Input((None, 4)), L.Input((None, 4))
    model = keras.Model([a, b], [L.LSTM(4)(a), L.LSTM(4)(b)])
    file = loaded(model, tmp_path, "model.weights.h5")
    assert len(file.stacks) == 2
    assert "order-unknown" in codes(file)


def test_weights_alone_find_embedding_and_head_by_their_sizes(tmp_path):
    file = loaded(language_model(), tmp_path, "model.weights.h5")
    (stack,) = file.stacks
    assert (stack.embedding_name, stack.head_name) == ("layers.embedding", "layers.dense")


def test_model_of_a_class_of_its_own_is_read_by_its_shapes(tmp_path):
    @keras.saving.register_keras_serializable()
    class Own(keras.Model):
        def __init__(self, **options):
            super().__init__(**options)
            self.reader = L.LSTM(4, return_sequences=True)

        def call(self, inputs):
            return self.reader(inputs)

    model, x = Own(), numbers(TIME, FEATURES)
    with torch.no_grad():
        model(torch.as_tensor(x[None]))
        expected = np.asarray(drawn(model)(torch.as_tensor(x[None])))[0]
    file = loaded(model, tmp_path)
    assert codes(file)[0] == "no-config"
    np.testing.assert_allclose(shown_by(file.stacks[0], x), expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize(
    ("dtype", "read_as", "told"),
    [
        ("float64", torch.float64, []),
        ("float16", torch.float32, ["widened"]),
        ("bfloat16", torch.float32, ["widened"]),
    ],
)
def test_dtype_is_kept_or_widened(dtype, read_as, told, tmp_path):
    layer = L.LSTM(4, dtype=dtype, recurrent_initializer="zeros")  # no other serves short numbers
    model = sequence(layer)
    file = loaded(model, tmp_path)
    module = file.stacks[0].module
    assert module.weight_ih_l0.dtype == read_as
    expected = keras.ops.convert_to_numpy(keras.ops.cast(model.weights[0], "float64")).T
    np.testing.assert_array_equal(module.weight_ih_l0.double().numpy(), expected)
    assert codes(file) == told


def test_numbers_that_are_none_are_told(tmp_path):
    model = sequence(L.LSTM(4))
    weights = model.get_weights()
    weights[0][0, 0] = np.nan
    model.set_weights(weights)
    assert codes(loaded(model, tmp_path)) == ["not-finite"]


def test_model_without_recurrent_layers_says_so(tmp_path):
    assert refusal(sequence(L.Dense(4)), tmp_path).code == "no-stack"


def test_bytes_are_read_as_a_file_is(tmp_path):
    path = saved(sequence(L.LSTM(4)), tmp_path / "model.keras")
    assert load_model(path.read_bytes()).kind == "keras"
