"""Keras files that are old, broken or made to do harm; made by hand, without Keras.

A file that cannot be read is refused in a sentence, at little cost, and leaves nothing behind.
"""

import json
import tempfile
import tracemalloc
import zipfile
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_core.convert import load_model
from lstm_core.model_files import hdf5
from lstm_core.stacks import ModelFileError

h5py = pytest.importorskip("h5py", reason="runs where h5py is installed")

LITTLE = 16 * 2**20
ARRAYS = [np.ones((2, 12), np.float32), np.ones((3, 12), np.float32), np.ones(12, np.float32)]
"""Kernel, recurrent kernel and bias of an LSTM of three units."""


def lstm(name="lstm", **options):
    return {"class_name": "LSTM", "config": {"name": name, "units": 3, **options}}


def config(*layers):
    return {"class_name": "Sequential", "config": {"name": "model", "layers": list(layers)}}


def h5(fill):
    """The bytes of an HDF5 file that `fill` writes."""
    target = BytesIO()
    with h5py.File(target, "w") as file:
        fill(file)
    return target.getvalue()


def modern(place="layers/lstm", arrays=ARRAYS):
    def fill(file):
        for number, array in enumerate(arrays):
            file[f"{place}/cell/vars/{number}"] = array

    return h5(fill)


def archive(weights=None, settings=None, **extra):
    """A ``.keras`` archive."""
    target = BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        file.writestr("config.json", settings or json.dumps(config(lstm())))
        file.writestr("model.weights.h5", modern() if weights is None else weights)
        for name, data in extra.items():
            file.writestr(name, data)
    return target.getvalue()


def refusal(data):
    with pytest.raises(ModelFileError) as caught:
        load_model(data)
    return caught.value


def cost(data):
    """The error, and how much memory it took to find."""
    tracemalloc.start()
    try:
        return refusal(data), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def outcome(data):
    """What becomes of a file: ``"read"``, or the code of the refusal; anything else is raised."""
    try:
        return "read" if load_model(data).stacks else "nothing"
    except ModelFileError as error:
        return error.code if str(error) else "silent"


def older(layers, *, settings=None):
    """The format before Keras 3: for each layer its arrays by their names."""

    def fill(file):
        root = file.create_group("model_weights")
        root.attrs["layer_names"] = [name.encode() for name in layers]
        for name, arrays in layers.items():
            group = root.create_group(name)
            group.attrs["weight_names"] = [weight.encode() for weight in arrays]
            for weight, array in arrays.items():
                group[weight] = array
        if settings is not None:
            file.attrs["model_config"] = json.dumps(settings)

    return h5(fill)


def named(prefix, arrays=ARRAYS):
    names = ("kernel:0", "recurrent_kernel:0", "bias:0")
    return {f"{prefix}/{name}": array for name, array in zip(names, arrays, strict=True)}


def test_archive_made_by_hand_is_read():
    (stack,) = load_model(archive()).stacks
    assert (stack.name, stack.module.hidden_size) == ("lstm", 3)


def test_container_of_the_first_keras_archives_is_read():
    data = archive(modern("_layer_checkpoint_dependencies/lstm"))
    assert load_model(data).stacks[0].module.hidden_size == 3


def test_model_of_keras_2_is_read():
    """Inputs are lists, arrays have names with ``:0``, and the cell may be missing in them."""
    layers = [
        {"class_name": "InputLayer", "config": {"name": "in"}, "name": "in", "inbound_nodes": []},
        {
            "class_name": "Embedding",
            "name": "words",
            "config": {"name": "words"},
            "inbound_nodes": [[["in", 0, 0, {}]]],
        },
        {**lstm(return_sequences=True), "name": "lstm", "inbound_nodes": [[["words", 0, 0, {}]]]},
        {
            "class_name": "Dense",
            "name": "out",
            "config": {"name": "out", "activation": "softmax"},
            "inbound_nodes": [[["lstm", 0, 0, {}]]],
        },
    ]
    model = {"layers": layers, "input_layers": [["in", 0, 0]], "output_layers": [["out", 0, 0]]}
    arrays = {
        "words": {"words/embeddings:0": np.ones((9, 2), np.float32)},
        "lstm": named("lstm"),
        "out": {
            "out/kernel:0": np.ones((3, 4), np.float32),
            "out/bias:0": np.ones(4, np.float32),
        },
    }
    file = load_model(older(arrays, settings={"class_name": "Model", "config": model}))
    (stack,) = file.stacks
    assert (stack.embedding_name, stack.head_name) == ("words", "out")
    assert not file.remarks


def test_usual_activation_of_keras_2_is_refused_by_its_name():
    settings = config(lstm(recurrent_activation="hard_sigmoid"))
    error = refusal(older({"lstm": named("lstm/lstm_cell")}, settings=settings))
    assert error.fields["found"] == "hard_sigmoid"


def test_weights_of_keras_2_alone_are_read():
    (stack,) = load_model(older({"lstm_4": named("lstm_4/lstm_cell")})).stacks
    assert (stack.name, stack.cell) == ("lstm_4", "lstm")


def test_both_directions_of_keras_2_are_one_layer():
    arrays = {
        **named("both/forward_lstm/lstm_cell"),
        **named("both/backward_lstm/lstm_cell", [2 * array for array in ARRAYS]),
    }
    (stack,) = load_model(older({"both": arrays})).stacks
    assert stack.module.weight_ih_l0_reverse[0, 0] == 2 * stack.module.weight_ih_l0[0, 0]


@pytest.mark.parametrize(
    "name", ["../../evil", "/etc/evil", "a/../../evil", "C:\\evil", "..\\evil"]
)
def test_archive_that_names_files_outside_itself_is_refused(name):
    assert refusal(archive(**{name: "x"})).code == "unsafe-name"


def test_archive_that_unfolds_is_refused_at_no_cost():
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("config.json", json.dumps(config(lstm())))
        file.writestr("model.weights.h5", b"\0" * 2**26)
    error, peak = cost(target.getvalue())
    assert error.code == "damaged"
    assert peak < LITTLE


def test_archive_with_two_configurations_is_refused():
    target = BytesIO(archive())
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(target, "a") as file:
        file.writestr("config.json", "{}")
    assert refusal(target.getvalue()).code == "damaged"


def test_array_that_claims_more_than_it_holds_is_refused_at_no_cost():
    def fill(file):
        group = file.create_group("layers/lstm/cell/vars")
        for number, shape in enumerate([(2**12, 2**14), (2**12, 2**14), (2**14,)]):
            group.create_dataset(str(number), shape, np.float32, chunks=True)

    error, peak = cost(h5(fill))
    assert error.code == "hdf5-kind"
    assert peak < LITTLE


def test_arrays_that_unfold_are_refused():
    def fill(file):
        group = file.create_group("layers/lstm/cell/vars")
        for number, shape in enumerate([(2**10, 2**12), (2**10, 2**12), (2**12,)]):
            group.create_dataset(str(number), data=np.zeros(shape, "f4"), compression="gzip")

    error, peak = cost(h5(fill))
    assert error.code == "hdf5-kind"
    assert peak < LITTLE


def test_arrays_in_another_file_are_refused(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(np.ones(24, np.float32).tobytes())

    def fill(file):
        group = file.create_group("layers/lstm/cell/vars")
        group.create_dataset("0", (2, 12), np.float32, external=[(str(secret), 0, 96)])
        group["1"], group["2"] = ARRAYS[1:]

    assert "another file" in str(refusal(h5(fill)))


def test_link_to_another_file_is_refused(tmp_path):
    path = tmp_path / "other.h5"
    path.write_bytes(modern())

    def fill(file):
        file["layers"] = h5py.ExternalLink(str(path), "/layers")

    assert refusal(h5(fill)).code == "hdf5-kind"


def test_link_inside_the_file_is_not_followed():
    def fill(file):
        file["more/layers"] = np.ones(3, np.float32)
        file["layers"] = h5py.SoftLink("/more/layers")

    assert refusal(h5(fill)).fields["names"] == ""


def test_group_that_holds_itself_ends():
    def fill(file):
        file["layers/lstm/cell/vars/0"] = ARRAYS[0]
        file["layers/again"] = file["layers"]

    assert outcome(h5(fill)) in ("no-stack", "damaged", "incomplete")


def test_more_groups_than_a_model_has_are_refused(monkeypatch):
    monkeypatch.setattr(hdf5, "MOST_OBJECTS", 50)

    def fill(file):
        for number in range(51):
            file.create_group(str(number))

    assert "groups" in str(refusal(h5(fill)))


@pytest.mark.parametrize(
    ("arrays", "code"),
    [
        ([np.ones((2, 16), "f4"), *ARRAYS[1:]], "shapes"),
        ([*ARRAYS[:2], np.ones(16, "f4")], "shapes"),
        ([np.ones(12, "f4"), *ARRAYS[1:]], "shapes"),
        ([ARRAYS[0], np.ones((0, 12), "f4"), ARRAYS[2]], "shapes"),
        (ARRAYS[:2], "incomplete"),
        ([*ARRAYS, ARRAYS[2]], "incomplete"),
        ([array.astype("i4") for array in ARRAYS], "dtype"),
        ([array.astype("S4") for array in ARRAYS], "dtype"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(arrays, code):
    assert refusal(archive(modern(arrays=arrays))).code == code


def test_layer_of_other_units_than_its_configuration_says_is_refused():
    settings = json.dumps(config(lstm(units=4)))
    assert refusal(archive(settings=settings)).code == "shapes"


def test_layer_without_arrays_is_refused():
    assert refusal(archive(modern("layers/other"))).code == "incomplete"


@pytest.mark.parametrize(
    "settings",
    [
        "[" * 100_000,
        '{"config": ' * 50_000 + "1" + "}" * 50_000,
        "[]",
        "{}".encode("utf-16"),
        b"\xff\xfe",
        '{"class_name": "Sequential", "config": 3}',
        json.dumps(config(3)),
        json.dumps(config({"class_name": "LSTM", "config": None})),
        json.dumps(config({"class_name": "LSTM", "config": {}, "inbound_nodes": {"a": 1}})),
    ],
    ids=range(9),
)
def test_configuration_that_is_none_is_refused(settings):
    assert outcome(archive(settings=settings)) in ("damaged", "read")


def test_models_too_deep_inside_each_other_are_refused():
    inner = lstm()
    for number in range(40):
        inner = {**config(inner), "name": str(number)}
    assert "deep" in str(refusal(archive(settings=json.dumps(inner))))


def test_layers_that_read_each_other_are_read_one_by_one():
    def reader(name, other):
        history = {"class_name": "__keras_tensor__", "config": {"keras_history": [other, 0, 0]}}
        layer = lstm(name, return_sequences=True)
        return {**layer, "name": name, "inbound_nodes": [{"args": [history], "kwargs": {}}]}

    model = config(reader("a", "b"), reader("b", "a"))

    def fill(file):
        for place in ("lstm", "lstm_1"):
            for number, array in enumerate([np.ones((3, 12), "f4"), *ARRAYS[1:]]):
                file[f"layers/{place}/cell/vars/{number}"] = array

    file = load_model(archive(h5(fill), settings=json.dumps(model)))
    assert sum(stack.module.num_layers for stack in file.stacks) == 2


def test_half_a_character_in_a_name_becomes_a_mark():
    data = archive(settings=json.dumps(config(lstm("a\ud800b<b>"))))
    assert load_model(data).stacks[0].name == "a?b<b>"


def test_archive_without_weights_is_refused():
    target = BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        file.writestr("config.json", json.dumps(config(lstm())))
        file.writestr("model.weights.npz", b"")
    assert refusal(target.getvalue()).code == "damaged"


WHOLE = {"archive": archive(), "weights": modern()}


@settings(max_examples=150, deadline=None)
@given(kind=st.sampled_from(list(WHOLE)), share=st.floats(0.01, 0.99))
def test_file_that_is_cut_off_is_refused(kind, share):
    whole = WHOLE[kind]
    assert outcome(whole[: int(len(whole) * share)]) in ("damaged", "unknown-kind")


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(list(WHOLE)),
    place=st.floats(0, 1, exclude_max=True),
    byte=st.integers(0, 255),
)
def test_changed_byte_gives_a_model_or_a_sentence(kind, place, byte):
    whole = bytearray(WHOLE[kind])
    whole[int(place * len(whole))] = byte
    assert outcome(bytes(whole)) not in ("nothing", "silent")


def test_nothing_is_left_behind(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for data in (archive(), archive()[:-40], modern()[:-1000], archive(**{"../evil": "x"})):
        outcome(data)
    assert not list(tmp_path.iterdir())
