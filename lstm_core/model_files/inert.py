"""Stand-ins for what scripts save beside weights: they take anything and keep nothing.

``torch.load`` calls what a pickle names, with arguments that the pickle chooses. Here no name is
ever looked up: every name that is let through is answered with one of the classes below, none of
which calls, stores or allocates by its arguments. What the file meant by it is lost, as it should.
"""

import pickletools
from collections import OrderedDict
from collections.abc import Iterable
from io import BytesIO


class Nothing:
    """Takes any arguments and any state, and keeps none of them."""

    __slots__ = ()

    def __new__(cls, *_: object, **__: object) -> "Nothing":
        """Return one more of them."""
        return super().__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        """Forget what was given."""

    def __setstate__(self, _: object) -> None:
        """Forget this too; without it torch would set attributes."""


class _Mapping:
    """What is filled item by item: an ordered dict, the one that torch lets a file fill."""

    def __new__(cls, *_: object, **__: object) -> OrderedDict:  # type: ignore[misc]
        return OrderedDict()


class _List:
    """What is filled value by value: a plain list, the only one that torch lets a file fill."""

    def __new__(cls, *_: object, **__: object) -> list:  # type: ignore[misc]
        return []


_NAMES = {
    "argparse": "Namespace",
    "builtins": "bool bytes dict float frozenset int list object range slice str tuple type",
    "datetime": "date datetime time timedelta timezone",
    "decimal": "Decimal",
    "fractions": "Fraction",
    "numpy": "bool bool_ dtype float16 float32 float64 int8 int16 int32 int64 ndarray str_ uint8 "
    "uint16 uint32 uint64",
    "numpy._core.multiarray": "_reconstruct scalar",
    "numpy.core.multiarray": "_reconstruct scalar",
    "pathlib": "Path PosixPath PurePath PurePosixPath PureWindowsPath WindowsPath",
    "pathlib._local": "Path PosixPath PurePath PurePosixPath PureWindowsPath WindowsPath",
    "torch.torch_version": "TorchVersion",
    "types": "SimpleNamespace",
    "uuid": "UUID",
    "zoneinfo": "ZoneInfo",
}
_KNOWN: dict[str, type] = {
    f"{module}.{name}": Nothing for module, names in _NAMES.items() for name in names.split()
} | {"collections.defaultdict": _Mapping, "collections.deque": _List}

_MOST_STEPS, _MOST_CALLS, _MOST_CLASSES = 5_000_000, 500_000, 20
"""The longest pickle with stand-ins, its most calls, and the most classes that nobody knows.

Torch looks every call up among all stand-ins, so that these bound the time that a file can take.
"""

_OLD_NAMES = {"long": "int", "unicode": "str", "xrange": "range"}

_CALLS = ("REDUCE", "NEWOBJ", "BUILD")
_FILLED = [
    ("GLOBAL",),
    ("EMPTY_TUPLE",),
    ("REDUCE", "NEWOBJ"),
    ("MARK", "BINUNICODE", "BINGET", "LONG_BINGET"),
]
"""How a pickle makes a mapping of a class of its own: by name, of nothing, and then its items."""


def stand_ins(pickles: Iterable[bytes]) -> list[tuple[type, str]]:
    """For the names in some pickles, the stand-ins that ``torch.serialization.safe_globals`` takes.

    Known are the names of numbers, times, paths and containers of Python's and NumPy's. A class
    that nobody knows stands for a mapping where it is made of nothing and then filled with items,
    as a subclass of ``dict`` is. No other name gets any.

    >>> import pickle, pathlib
    >>> stand_ins([pickle.dumps(pathlib.PurePosixPath("a"), 2)])
    [(<class 'lstm_core.model_files.inert.Nothing'>, 'pathlib.PurePosixPath')]
    """
    known: dict[str, type] = {}
    unknown: dict[str, type] = {}
    for data in pickles:
        for name, is_filled in _globals(data):
            if name in _KNOWN:
                known[name] = _KNOWN[name]
            elif is_filled and len(unknown) < _MOST_CLASSES:
                unknown[name] = _Mapping
    return [(kind, name) for name, kind in (known | unknown).items()]


def _globals(data: bytes) -> list[tuple[str, bool]]:
    """Each name in a pickle, and whether what it makes is filled with items right away.

    Nothing of a pickle that is too long, calls too much or cannot be read.
    """
    found: list[tuple[str, bool]] = []
    stage = calls = 0
    try:
        for number, (step, argument, _) in enumerate(pickletools.genops(BytesIO(data))):
            calls += step.name in _CALLS
            if number >= _MOST_STEPS or calls > _MOST_CALLS:
                return []
            if step.name == "GLOBAL":
                found.append((_name(str(argument)), False))
                stage = 1
            elif stage and "PUT" not in step.name:  # remembering a value changes nothing
                stage = stage + 1 if step.name in _FILLED[stage] else 0
            if stage == len(_FILLED):
                found.append((found[-1][0], True))
                stage = 0
    except (ValueError, IndexError, OverflowError):
        return []  # torch says what is wrong with it
    return list(dict.fromkeys(found))


def _name(argument: str) -> str:
    """A dotted name; Python 3 writes old pickles with the names of Python 2."""
    module, _, name = argument.partition(" ")
    if module == "__builtin__":
        return f"builtins.{_OLD_NAMES.get(name, name)}"
    return f"{module}.{name}"
