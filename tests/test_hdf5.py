"""HDF5 in Python alone, against the library for HDF5 through h5py."""

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lstm_core.model_files import hdf5
from lstm_core.model_files.hdf5 import Hdf5Error, OtherHdf5Error, objects_of

h5py = pytest.importorskip("h5py", reason="runs where h5py is installed")

NAMES = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=12
).filter(lambda name: set(name) != {"."})
NUMBERS = arrays.arrays(
    st.sampled_from(["<f2", "<f4", "<f8", ">f4"]),
    arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
)


def written(fill, **options):
    target = BytesIO()
    with h5py.File(target, "w", **options) as file:
        fill(file)
    return target.getvalue()


def read(fill, **options):
    return objects_of(memoryview(written(fill, **options)))


@settings(deadline=None)
@given(st.dictionaries(NAMES, NUMBERS, max_size=6))
def test_arrays_are_those_that_were_written(tree):
    found = read(lambda file: [file.create_dataset(f"in/{k}", data=v) for k, v in tree.items()])
    for name, array in tree.items():
        values = found[f"in/{name}"].array.values()
        assert values.shape == array.shape
        np.testing.assert_array_equal(values, array)
    assert len(found) == len(tree) + (2 if tree else 1)


@settings(deadline=None)
@given(st.dictionaries(NAMES, st.lists(st.text(st.characters(exclude_characters="\0",
       exclude_categories=["Cs"]), max_size=30), max_size=5), max_size=5))  # fmt: skip
def test_texts_are_those_that_were_written(attributes):
    def fill(file):
        for name, texts in attributes.items():
            file.attrs.create(name, texts, shape=len(texts), dtype=h5py.string_dtype())

    found = read(fill)[""].attributes
    assert {name: found[name] for name in attributes} == attributes


def test_text_of_a_fixed_length_and_a_single_one_are_read():
    def fill(file):
        file.attrs["fixed"] = np.array([b"kernel", b"bias"])
        file.attrs["single"] = "x" * 100_000

    found = read(fill)[""].attributes
    assert (found["fixed"], found["single"]) == (["kernel", "bias"], ["x" * 100_000])


@pytest.mark.parametrize("count", [1, 9, 300, 3000])
def test_every_member_of_a_large_group_is_found(count):
    def fill(file):
        for number in range(count):
            file[f"g/{number}"] = np.float32(number)

    found = read(fill)
    assert {k: float(o.array.values()) for k, o in found.items() if o.array} == {
        f"g/{number}": number for number in range(count)
    }


def test_array_in_the_header_is_read():
    def fill(file):
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_layout(h5py.h5d.COMPACT)
        space, kind = h5py.h5s.create_simple((3,)), h5py.h5t.IEEE_F32LE
        made = h5py.h5d.create(file.id, b"small", kind, space, plist)
        h5py.Dataset(made)[:] = [1, 2, 3]

    assert read(fill)["small"].array.values().tolist() == [1, 2, 3]


def test_whole_numbers_are_named_and_not_read():
    array = read(lambda file: file.create_dataset("n", data=np.arange(3, dtype="i8")))["n"].array
    assert array.kind == "integers of 8 bytes"
    with pytest.raises(Hdf5Error, match="integers"):
        array.values()


@pytest.mark.parametrize("options", [{"chunks": (2, 2)}, {"compression": "gzip"}])
def test_array_in_pieces_is_refused_as_another_kind(options):
    found = read(lambda file: file.create_dataset("a", data=np.ones((4, 4)), **options))
    with pytest.raises(OtherHdf5Error):
        found["a"].array.values()


@pytest.mark.parametrize("options", [{"libver": "latest"}, {"track_order": True}])
def test_newer_layouts_are_refused_as_another_kind(options):
    with pytest.raises(OtherHdf5Error):
        read(lambda file: file.create_dataset("a", data=np.ones(3)), **options)


def test_file_behind_something_else_is_refused_as_another_kind():
    with pytest.raises(Hdf5Error):
        read(lambda file: file.create_dataset("a", data=np.ones(3)), userblock_size=512)


def test_more_objects_than_allowed_are_refused(monkeypatch):
    monkeypatch.setattr(hdf5, "MOST_OBJECTS", 10)
    with pytest.raises(Hdf5Error, match="more than 10"):
        read(lambda file: [file.create_group(str(number)) for number in range(10)])


def test_object_of_several_paths_is_found_once():
    def fill(file):
        file["a/x"] = np.ones(3)
        file["b"] = file["a"]
        file["a/again"] = file["a"]

    assert len(read(fill)) == 3


WHOLE = written(
    lambda file: [
        file.create_dataset(f"g{k}/a", data=np.ones(3)).attrs.create("name", "text")
        for k in range(3)
    ]
)


def outcome(data):
    """Everything that is read of a file, or its refusal; any other error is raised."""
    try:
        return sum(one.array is not None for one in objects_of(memoryview(data)).values())
    except Hdf5Error as error:
        return str(error)


@settings(max_examples=1000, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=4))
def test_changed_bytes_give_objects_or_a_sentence(changes):
    data = bytearray(WHOLE)
    for place, byte in changes:
        data[place] = byte
    assert outcome(bytes(data)) not in (None, "")


@given(st.integers(0, len(WHOLE) - 1))
def test_file_that_is_cut_off_holds_no_more_than_before(length):
    assert outcome(WHOLE[:length]) in (3, *REASONS)


REASONS = ("it ends before something that it speaks of",)


def test_path_longer_than_any_layers_is_refused():
    with pytest.raises(Hdf5Error, match="path"):
        read(lambda file: file.create_group("/".join(["x" * 100] * 11)))


def test_texts_that_are_the_same_bytes_again_and_again_are_refused():
    """Every element of a list of texts points to the first one's place."""
    texts = ["y" * 4000, *(f"{number:04}" for number in range(1000))]
    data = written(lambda file: file.attrs.create("many", texts, dtype=h5py.string_dtype()))
    first = data.index(len(texts[0]).to_bytes(4, "little"))
    pointer = data[first : first + 16]
    bomb = data[:first] + pointer * len(texts) + data[first + 16 * len(texts) :]
    assert len(bomb) == len(data)
    with pytest.raises(Hdf5Error, match="texts"):
        objects_of(memoryview(bomb))
