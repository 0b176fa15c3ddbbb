"""One LSTM, GRU or RNN node of ONNX as a layer in torch's order, or the reason why it is none.

Where a node's numbers come from and where they go is in `onnx_files`.

Source: https://onnx.ai/onnx/operators/onnx__LSTM.html, onnx__GRU.html, onnx__RNN.html
"""

from collections.abc import Mapping

from torch import Tensor

from lstm_core.model_files.assembly import wrong_shape
from lstm_core.model_files.foreign_layers import Layer, direction, unsupported
from lstm_core.model_files.onnx_constants import Constants
from lstm_core.model_files.onnx_graph import Node
from lstm_core.signals import Cell

CELLS: dict[str, Cell] = {"LSTM": "lstm", "GRU": "gru", "RNN": "rnn"}
"""For each of ONNX's operations, the cell."""

ORDER: dict[Cell, str] = {"lstm": "iofg", "gru": "zrn", "rnn": "h"}
"""ONNX's order of gates in the letters of torch."""

SHOWN: dict[Cell, str] = {"lstm": "i o f c", "gru": "z r h", "rnn": "i"}
"""ONNX's order of gates in its own letters."""

_ACTIVATIONS = {"lstm": ("sigmoid", "tanh", "tanh"), "gru": ("sigmoid", "tanh"), "rnn": ("tanh",)}
_NO_CLIP = 1e30
_BOTH = "bidirectional"
_W, _R, _B, _INITIAL_H, _INITIAL_C, _P = 1, 2, 3, 5, 6, 7


def layer_of(node: Node, name: str, constants: Constants) -> Layer:
    """The layer that `node` is; one that reads backwards alone comes as one direction.

    Raises:
        ModelFileError: ``"unsupported"`` if torch has no such layer; as `direction`.
    """
    cell = CELLS[node.op]
    nonlinearity = _activation(node, cell, name)
    _check_attributes(node, name, constants)
    count = 2 if node.attributes.get("direction", "forward") == _BOTH else 1
    parts = {"weight_ih": _weights(node, _W, name, constants, count)}
    parts["weight_hh"] = _weights(node, _R, name, constants, count)
    if node.input(_B):
        biases = _weights(node, _B, name, constants, count)
        if biases.ndim != 2 or biases.shape[1] % 2:
            raise wrong_shape(name, "B", biases, [count, 2 * parts["weight_hh"].shape[1]])
        parts["bias_ih"], parts["bias_hh"] = biases.chunk(2, 1)
    after = cell != "gru" or node.attributes.get("linear_before_reset", 0) == 1
    return Layer(
        name=name,
        cell=cell,
        nonlinearity=nonlinearity,
        directions=tuple(
            direction(cell, ORDER[cell], _side(parts, place), name=name, reset_after=after)
            for place in range(count)
        ),
    )


def starts_from_zero(node: Node, constants: Constants) -> bool:
    """Whether the layer's first states are zeros, as the trace's are."""
    states = (_INITIAL_H, _INITIAL_C) if node.op == "LSTM" else (_INITIAL_H,)
    return all(constants.is_zero(node.input(place)) for place in states)


def _side(parts: Mapping[str, Tensor], place: int) -> dict[str, Tensor]:
    return {key: tensor[place] for key, tensor in parts.items()}


def _weights(node: Node, place: int, name: str, constants: Constants, count: int) -> Tensor:
    found = constants.value(node.input(place))
    if found is None:
        raise unsupported(
            "computed",
            f"the weights of {name} are not in the file: they are computed when the model runs",
            name=name,
        )
    if found.ndim < 2 or len(found) != count:
        raise wrong_shape(name, "WRB"[place - 1], found, f"{count} directions")
    return found


def _activation(node: Node, cell: Cell, name: str) -> str:
    """The nonlinearity of an RNN; ``"tanh"`` for the others, which have no choice."""
    given = [str(one).lower() for one in node.attributes.get("activations", ())]
    expected = _ACTIVATIONS[cell]
    count = 2 if node.attributes.get("direction") == _BOTH else 1
    allowed = [list(expected) * count] + [["relu"] * count] * (cell == "rnn")
    if given and given not in allowed:
        raise unsupported(
            "activation",
            f"{name} uses {', '.join(given)[:100]}; torch's {node.op} has {', '.join(expected)}",
            name=name,
            found=", ".join(given)[:100],
            expected=", ".join(expected),
        )
    return "relu" if given[:1] == ["relu"] else "tanh"


def _check_attributes(node: Node, name: str, constants: Constants) -> None:
    if node.attributes.get("clip", _NO_CLIP) < _NO_CLIP:
        raise unsupported(
            "clip", f"{name} clips what its gates read; torch's {node.op} does not", name=name
        )
    if node.attributes.get("input_forget", 0):
        raise unsupported(
            "input-forget",
            f"{name} has one gate for input and forgetting; torch's LSTM has two",
            name=name,
        )
    if node.op == "LSTM" and not constants.is_zero(node.input(_P)):
        raise unsupported(
            "peepholes",
            f"{name} has peepholes: its gates read the cell state; torch's LSTM has none",
            name=name,
        )
