"""What scripts save beside weights: read without its meaning, and nothing of it can be abused."""

import argparse
import collections
import datetime
import decimal
import io
import os
import pathlib
import pickle
import resource
import types
import uuid

import numpy as np
import pytest
import torch
from torch import nn

from lstm_core.convert import load_model
from lstm_core.model_files import inert
from lstm_core.stacks import ModelFileError
from tests.torch_layouts import loaded, only, saved

WEIGHTS = nn.LSTM(3, 4).state_dict()


class Ordered(collections.OrderedDict):
    """As scripts subclass it."""


class Open(dict):
    """A dictionary whose keys are attributes too, as EasyDict and AttributeDict."""

    def __init__(self, *items, **more):
        super().__init__(*items, **more)
        self.__dict__.update(self)


class Config:
    """A class that only its own program has."""

    def __init__(self):
        self.lr = 0.1


BESIDE = {
    "float64": np.float64(0.5),
    "float32": np.float32(0.5),
    "int64": np.int64(3),
    "bool": np.bool_(True),
    "arange": np.arange(5),
    "strings": np.array(["a", "b"]),
    "dtype": np.dtype("float32"),
    "scalar type": np.float32,
    "path": pathlib.PosixPath("a/b") if os.name == "posix" else pathlib.Path("a"),
    "pure path": pathlib.PureWindowsPath("a"),
    "lists by key": collections.defaultdict(list, {"loss": [np.float64(1.0)]}),
    "numbers by key": collections.defaultdict(float, a=1.0),
    "ordered": collections.OrderedDict(a=1),
    "own ordered": Ordered(a=1),
    "own dictionary": Open(lr=0.1, layers=2),
    "deque": collections.deque([1, 2], maxlen=5),
    "counter": collections.Counter("aab"),
    "time": datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC),
    "duration": datetime.timedelta(seconds=3),
    "size": torch.Size([2, 3]),
    "device": torch.device("cpu"),
    "torch type": torch.float16,
    "version": torch.torch_version.TorchVersion("2.1.0"),
    "options": argparse.Namespace(lr=0.1, path=pathlib.PurePosixPath("x")),
    "simple": types.SimpleNamespace(a=1),
    "exact": decimal.Decimal("1.5"),
    "id": uuid.UUID(int=3),
    "set": {1, 2},
    "frozen set": frozenset("ab"),
    "range": range(3),
    "type": int,
    "complex": 1 + 2j,
    "bytes": b"\x00\xff",
    "key": {np.int64(3): "three"},
}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("what", BESIDE)
def test_weights_beside_it_are_read(what, zipped):
    content = {"epoch": 1, "beside": BESIDE[what], "model": WEIGHTS, "again": [BESIDE[what]]}
    file = loaded(content, _use_new_zipfile_serialization=zipped)
    for key, tensor in WEIGHTS.items():
        assert torch.equal(only(file).module.get_parameter(key), tensor)


def test_all_of_it_together_is_read():
    assert only(loaded({**BESIDE, "model": WEIGHTS})).cell == "lstm"


@pytest.mark.parametrize("kind", [collections.defaultdict, Ordered, Open])
def test_state_dict_of_another_kind_of_mapping_is_read(kind):
    weights = Ordered(WEIGHTS) if kind is not collections.defaultdict else kind(list, WEIGHTS)
    assert only(loaded({"model": weights})).module.num_layers == 1
    assert only(loaded(weights)).module.num_layers == 1


def test_class_that_is_not_known_is_refused_still():
    with pytest.raises(ModelFileError) as caught:
        loaded({"model": WEIGHTS, "config": Config(), "lr": np.float64(0.1)})
    assert caught.value.code == "unsafe"
    assert "Config" in caught.value.fields["what"]
    assert "torch.save(model.state_dict(), path)" in str(caught.value)


def test_weights_as_numpy_arrays_are_refused_by_what_they_are():
    with pytest.raises(ModelFileError, match=r"torch\.as_tensor") as caught:
        loaded({key: tensor.numpy() for key, tensor in WEIGHTS.items()})
    assert caught.value.code == "not-plain"


def test_what_is_allowed_is_forgotten_afterwards():
    before = set(torch.serialization.get_safe_globals())
    loaded({**BESIDE, "model": WEIGHTS})
    assert set(torch.serialization.get_safe_globals()) == before


# Hostile: a pickle chooses what is called and with which arguments


class Called:
    """Pickled as a call of `function` with `arguments`, and then `state`."""

    def __init__(self, function, *arguments, state=None):
        self.parts = (function, arguments, state)

    def __reduce__(self):
        return self.parts


class Named:
    """Pickled as the name alone."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class _Pickler(pickle._Pickler):
    def save(self, obj, save_persistent_id=True):
        if isinstance(obj, Named):
            self.write(f"c{obj.module}\n{obj.name}\n".encode())
        elif isinstance(obj, Called):
            function, arguments, state = obj.parts
            self.save(function)
            self.save(tuple(arguments))
            self.write(pickle.REDUCE)
            if state is not None:
                self.save(state)
                self.write(pickle.BUILD)
        else:
            super().save(obj, save_persistent_id)


def forged(extra, **options):
    """A good file that holds `extra` beside the weights."""
    by_hand = types.SimpleNamespace(__name__="by_hand", Pickler=_Pickler, dump=pickle.dump)
    return saved({"extra": extra, "model": WEIGHTS}, pickle_module=by_hand, **options)


def test_forged_file_does_call_what_it_names():
    """So that the refusals and the silence below are for what was changed."""
    data = forged(Called(Named("collections", "OrderedDict"), [("a", 1)]))
    content = torch.load(io.BytesIO(data), weights_only=True)
    assert content["extra"] == {"a": 1}


RECONSTRUCT = Named("numpy._core.multiarray", "_reconstruct")
ARRAY = Named("numpy", "ndarray")
HUGE = 10**10
HOSTILE = {
    "huge array": Called(RECONSTRUCT, ARRAY, (HUGE,), b"d"),
    "huge state": Called(
        RECONSTRUCT, ARRAY, (0,), b"b", state=(1, (HUGE, HUGE), Named("numpy", "dtype"), False, b"")
    ),
    "huge scalar": Called(Named("numpy.core.multiarray", "scalar"), HUGE, b""),
    "array by its class": Called(ARRAY, (HUGE,)),
    "huge bytes": Called(Named("builtins", "bytes"), HUGE),
    "huge range": Called(Named("builtins", "list"), Called(Named("builtins", "range"), HUGE)),
    "factory": Called(Named("collections", "defaultdict"), Named("builtins", "list")),
    "factory that is an array": Called(Named("collections", "defaultdict"), ARRAY, [(1, HUGE)]),
    "deque": Called(Named("collections", "deque"), Called(Named("builtins", "range"), HUGE)),
    "type that makes types": Called(Named("builtins", "type"), "X", (), {"__reduce__": 1}),
    "path": Called(Named("pathlib", "PosixPath"), "/etc/passwd", state={"write_text": 1}),
    "options": Called(Named("argparse", "Namespace"), state={"__class__": 1, "__dict__": {}}),
    "slots": Called(Named("argparse", "Namespace"), state=(None, {"__class__": ARRAY})),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("what", HOSTILE)
def test_call_that_is_let_through_does_nothing(what):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert only(load_model(forged(HOSTILE[what]))).cell == "lstm"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**15  # KiB


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("posix", "system"),
        ("subprocess", "Popen"),
        ("builtins", "eval"),
        ("builtins", "exec"),
        ("builtins", "getattr"),
        ("builtins", "__import__"),
        ("functools", "partial"),
        ("operator", "attrgetter"),
        ("numpy", "fromfile"),
        ("numpy", "load"),
        ("numpy.f2py.capi_maps", "eval"),
        ("torch.serialization", "load"),
        ("torch.hub", "load"),
        ("pathlib", "os.system"),
        ("argparse", "FileType"),
    ],
)
def test_name_that_could_do_harm_is_refused(module, name, tmp_path):
    canary = tmp_path / "canary"
    data = forged(
        [Called(Named("argparse", "Namespace")), Called(Named(module, name), f"{canary}")]
    )
    with pytest.raises(ModelFileError) as caught:
        load_model(data)
    assert caught.value.code == "unsafe"
    assert not canary.exists()


def test_name_that_is_taken_for_a_mapping_is_never_looked_up(tmp_path, monkeypatch):
    """Filled right after it is made, any class is read as a mapping; its module stays unknown."""
    (tmp_path / "harmful.py").write_text(f"open({str(tmp_path / 'canary')!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    out = b"\x80\x02charmful\nMapping\n)R(X\x01\x00\x00\x00aK\x01u."
    assert inert.stand_ins([out]) == [(inert._Mapping, "harmful.Mapping")]
    assert not (tmp_path / "canary").exists()


class Dressed:
    """A weight or a mapping with attributes that hide its methods."""

    def __init__(self, content):
        self.content = content

    def __reduce__(self):
        if isinstance(self.content, dict):
            hidden = dict.fromkeys(("items", "keys", "values", "__iter__"), 3)
            return collections.OrderedDict, (), hidden, None, iter(self.content.items())
        hidden = dict.fromkeys(("detach", "numel", "element_size", "untyped_storage", "to"), 3)
        arguments = (self.content, False, collections.OrderedDict(), hidden)
        return torch._utils._rebuild_parameter_with_state, arguments


def test_attributes_that_a_file_gives_its_mappings_and_tensors_are_not_called():
    """A file may set them on what torch makes, where they would hide the methods."""
    weights = Dressed({key: Dressed(tensor) for key, tensor in WEIGHTS.items()})
    for content in (weights, Dressed({"model": weights, "lr": np.float64(1.0)})):
        assert only(loaded(content)).cell == "lstm"


def test_stand_ins_know_the_known_only():
    data = pickle.dumps([pathlib.PurePosixPath("a"), Config()], 2)
    assert [name for _, name in inert.stand_ins([data])] == ["pathlib.PurePosixPath"]
    assert inert.stand_ins([b"\x80\x02cbroken", b"", b"\xff" * 100]) == []


@pytest.mark.parametrize("call", [b")R", b")\x81"])
def test_pickle_that_calls_too_much_gets_no_stand_ins(call):
    """Torch would look every call up among all of them, hours long."""
    data = (
        b"\x80\x02" + b"cuuid\nUUID\nq\x00" + b"h\x00" * 3 + call.replace(b"0", b"h\x00") * 600_000
    )
    assert inert.stand_ins([data + b"."]) == []


def test_number_of_classes_that_nobody_knows_has_a_limit():
    names = b"".join(b"cprogram\nC%d\n)R(X\x01\x00\x00\x00aK\x01u" % n for n in range(1000))
    assert len(inert.stand_ins([b"\x80\x02" + names + b"."])) == inert._MOST_CLASSES


def test_long_list_of_numbers_takes_no_long_time():
    losses = [np.float64(n) for n in range(3000)]
    assert only(loaded({"model": WEIGHTS, "losses": losses})).cell == "lstm"
