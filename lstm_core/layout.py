"""How a trace lies in a file: the names of its arrays, and which shapes fit each other.

It knows the file's side only: plain mappings in, plain mappings out.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lstm_core.signals import PACKED, SIGNALS

FORMAT, VERSION = "lstm-trace", 1

Shapes = dict[str, tuple[int, ...]]


def prefix(layer: int, direction: int) -> str:
    """What the names of a layer's arrays start with, after torch's own suffix.

    >>> prefix(1, 1)
    'l1_reverse/'
    """
    return f"l{layer}" + ("_reverse" if direction else "") + "/"


def places(header: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Layer and direction, by layer and then by direction."""
    layers, directions = header["num_layers"], header["num_directions"]
    return [(layer, direction) for layer in range(layers) for direction in range(directions)]


def check(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Raise unless `header` and `arrays` make one whole trace.

    Raises:
        ValueError: if a part is missing, unknown, or does not fit the others.
    """
    _check_header(header, len(arrays))
    shapes = _shapes(header, arrays)
    for problem, names in (
        ("lacks", shapes.keys() - arrays.keys()),
        ("holds the unknown", arrays.keys() - shapes.keys()),
    ):
        if names:
            raise ValueError(f"it {problem} {', '.join(sorted(names)[:5])}")
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise ValueError(f"{name} has shape {arrays[name].shape}, but {shape} fits the rest")
        dtype = "float64" if name == "residuals" else header["dtype"]
        if arrays[name].dtype != dtype:
            raise ValueError(f"{name} is {arrays[name].dtype}, but the header says {dtype}")


def _check_header(header: Mapping[str, Any], most_layers: int) -> None:
    if header.get("format") != FORMAT:
        raise ValueError(f"it is {header.get('format')!r}, not a trace")
    if header.get("version") != VERSION:
        raise ValueError(
            f"it is of version {header.get('version')!r}; this program reads {VERSION}"
        )
    choices: dict[str, Any] = {
        "cell": tuple(SIGNALS),
        "nonlinearity": ("tanh", "relu"),
        "dtype": ("float32", "float64"),
        "num_layers": range(1, most_layers + 1),
        "num_directions": (1, 2),
    }
    for name, allowed in choices.items():
        value = header.get(name)
        if isinstance(value, (bool, float)) or not isinstance(value, (str, int)):
            raise ValueError(f"its header has no usable {name!r}")
        if value not in allowed:
            raise ValueError(f"its header says {name} = {value!r}")
    if header.get("quantity", "value") not in ("value", "difference"):
        raise ValueError(f"its header says quantity = {header['quantity']!r}")
    if not isinstance(header.get("device"), str):
        raise ValueError("its header has no usable 'device'")
    for name in ("tokens", "input_names"):
        value = header.get(name)
        if value is not None and not (
            isinstance(value, list) and all(isinstance(item, str) for item in value)
        ):
            raise ValueError(f"its header's {name!r} is no list of text")


def _shapes(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Shapes:
    """The shape that each array must have, from the header and the sizes of each layer."""
    time, read = _sizes(arrays, "l0/inputs")
    for name, length in (("tokens", time), ("input_names", read)):
        if header.get(name) is not None and len(header[name]) != length:
            raise ValueError(f"it has {len(header[name])} {name}, but {length} fit the rest")
    shapes: Shapes = {"residuals": (len(places(header)),)}
    if "outputs" in arrays:
        shapes["outputs"] = (time, _sizes(arrays, "outputs")[1])
    for layer in range(header["num_layers"]):
        _, states = _sizes(arrays, prefix(layer, 0) + "weight_hh")
        shapes[prefix(layer, 0) + "inputs"] = (time, read)
        one = _layer_shapes(header["cell"], arrays, layer, time=time, read=read)
        for direction in range(header["num_directions"]):
            shapes |= {prefix(layer, direction) + name: shape for name, shape in one.items()}
        read = states * header["num_directions"]
    return shapes


def _layer_shapes(
    cell: str, arrays: Mapping[str, np.ndarray], layer: int, *, time: int, read: int
) -> Shapes:
    name = prefix(layer, 0) + "weight_hh"
    found, states = _sizes(arrays, name)
    units = found // len(PACKED[cell])
    rows = units * len(PACKED[cell])
    shapes: Shapes = {signal.key: (time, units) for signal in SIGNALS[cell]}
    shapes |= {"h": (time, states)}
    shapes |= {"weight_ih": (rows, read), "weight_hh": (rows, states), "h_0": (states,)}
    if "l0/bias_ih" in arrays:
        shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
    if cell == "lstm":
        shapes["c_0"] = (units,)
        if "l0/weight_hr" in arrays:
            return shapes | {"weight_hr": (states, units)}
    if states != units:
        raise ValueError(f"{name} has {found} rows and {states} columns, which do not fit")
    return shapes


def _sizes(arrays: Mapping[str, np.ndarray], name: str) -> tuple[int, int]:
    """The two sizes of the array called `name`, which has at least one row."""
    if name not in arrays:
        raise ValueError(f"it lacks {name}")
    shape = arrays[name].shape
    if len(shape) != 2 or not shape[0]:
        raise ValueError(f"it holds no usable {name}")
    return shape
