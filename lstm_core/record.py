"""What a trace holds: every signal of every layer at every step of one sequence.

Values only. How they are found is in `trace`, how they lie in a file in `npz`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_core import layout
from lstm_core.npz import read_npz, write_npz
from lstm_core.signals import PACKED, SIGNALS

if TYPE_CHECKING:
    import pandas

Arrays = Mapping[str, np.ndarray]


def _read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" + "s" * (number != 1)


def _joined(sizes: tuple[int, ...]) -> str:
    """``"8"`` where all sizes are the same, else each of them: ``"16 → 8"``."""
    return " → ".join(map(str, sizes if len(set(sizes)) > 1 else sizes[:1]))


class _Immutable:
    """Makes the arrays and mappings of a frozen dataclass read-only, and keeps it picklable."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                vars(self)[name] = _read_only(value)
            elif isinstance(value, Mapping):
                frozen = {key: _read_only(array) for key, array in value.items()}
                vars(self)[name] = MappingProxyType(frozen)

    def __reduce__(self) -> tuple[Any, ...]:
        # A MappingProxyType cannot be pickled; a cache that pickles its values needs this.
        values = vars(self).items()
        plain = {k: dict(v) if isinstance(v, Mapping) else v for k, v in values}
        return partial(type(self), **plain), ()


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerTrace(_Immutable):
    """One layer in one direction. Time is the position in the input, in both directions.

    Any signal by its key, and the state before each step; here the equation of the cell state:

    >>> import numpy as np
    >>> from torch import nn, ones
    >>> from lstm_core import trace
    >>> one = trace(nn.LSTM(3, 4), ones(5, 3)).layer(0)
    >>> np.allclose(one["c"], one["f"] * one.previous("c") + one["i"] * one["g"], atol=1e-6)
    True

    Attributes:
        cell: ``"lstm"``, ``"gru"`` or ``"rnn"``.
        layer: counted from 0.
        direction: 0 reads forwards, 1 backwards.
        inputs: what this layer read, ``[time, feature]``.
        signals: by the keys of `signals.SIGNALS`, each ``[time, unit]``, in the module's own dtype.
        weights: torch's names without suffix: ``weight_ih`` ``[gate * unit, feature]``,
            ``weight_hh``, ``bias_ih`` and ``bias_hh`` unless the module has none, and
            ``weight_hr`` of a projected LSTM. Copies: training on does not change them.
        h_0: the hidden state before the first step that this direction takes, ``[unit]``.
        c_0: the cell state before it, ``[unit]``; ``None`` unless an LSTM.
        nonlinearity: ``"tanh"`` or ``"relu"``.
        residual: the largest ``|h - h recomputed from these signals|``.
        quantity: ``"value"``, or ``"difference"`` of two traces (`difference`).
    """

    cell: str
    layer: int
    direction: int
    inputs: np.ndarray
    signals: Arrays
    weights: Arrays
    h_0: np.ndarray
    c_0: np.ndarray | None = None
    nonlinearity: str = "tanh"
    residual: float
    quantity: str = "value"

    @property
    def hidden_size(self) -> int:
        """How many units every gate has; a projected LSTM's `h` has fewer."""
        return len(self.weights["weight_hh"]) // len(PACKED[self.cell])

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.inputs)

    def __getitem__(self, key: str) -> np.ndarray:
        """Return `select(key)`."""
        return self.select(key)

    def select(self, key: str) -> np.ndarray:
        """A signal or a pre-activation, ``[time, unit]``.

        Pre-activations are computed from the weights when asked for: ``z_i z_f z_g z_o`` of an
        LSTM, ``z_r z_z z_n`` of a GRU, ``z_h`` of a plain RNN, and ``u_n``, the term
        ``U_n h' + b_hn`` that a GRU's reset gate multiplies.

        Raises:
            KeyError: if this cell has no such signal; the message lists those it has.
        """
        if key in self.signals:
            return self.signals[key]
        if self.quantity != "value":
            raise KeyError(f"a {self.quantity} of traces has no {key!r}; it has signals only")
        if key == "u_n" and self.cell == "gru":
            return _read_only(self._term("n", "h"))
        gate = key.removeprefix("z_")
        if key == gate or len(gate) != 1 or gate not in PACKED[self.cell]:
            raise KeyError(self._no_such(key))
        with np.errstate(all="ignore"):  # a sequence with infinities is shown, not refused
            from_state = self._term(gate, "h")
            if key == "z_n":
                from_state *= self.signals["r"]
            return _read_only(self._term(gate, "x") + from_state)

    def require_values(self) -> "LayerTrace":
        """Return this layer.

        Raises:
            ValueError: if it holds differences, of which nothing more can be measured.
        """
        if self.quantity != "value":
            raise ValueError(f"this is a {self.quantity} of two traces; expected a trace of values")
        return self

    def previous(self, key: str) -> np.ndarray:
        """`h` or `c` one step earlier in this direction's own order, ``[time, unit]``.

        Raises:
            KeyError: if this cell has no such state.
        """
        start = {"h": self.h_0, "c": self.c_0}.get(key)
        if start is None:
            raise KeyError(f"this {self.cell.upper()} has no state {key!r}")
        values = self.signals[key]
        parts = (values[1:], start[None]) if self.direction else (start[None], values[:-1])
        return _read_only(np.concatenate(parts))

    def _term(self, gate: str, source: str) -> np.ndarray:
        """``W x + b_ih`` (source ``"x"``) or ``U h' + b_hh`` (``"h"``) of one gate."""
        name = "ih" if source == "x" else "hh"
        start = PACKED[self.cell].index(gate) * self.hidden_size
        rows = slice(start, start + self.hidden_size)
        read = self.inputs if source == "x" else self.previous("h")
        with np.errstate(all="ignore"):
            term = read @ self.weights[f"weight_{name}"][rows].T
            return term + self.weights[f"bias_{name}"][rows] if "bias_ih" in self.weights else term

    def _no_such(self, key: str) -> str:
        known = [*self.signals, *(f"z_{gate}" for gate in PACKED[self.cell])]
        known += ["u_n"] if self.cell == "gru" else []
        return f"this {self.cell.upper()} has no signal {key!r}; it has {', '.join(known)}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace(_Immutable):
    """Every signal of every layer at every step of one sequence.

    >>> from torch import nn, ones
    >>> from lstm_core import trace
    >>> traced = trace(nn.GRU(3, 4, num_layers=2, bidirectional=True), ones(5, 3))
    >>> len(traced), traced.num_layers, traced.num_directions, traced.select("z", 0, 1).shape
    (5, 2, 2, (5, 4))

    Attributes:
        cell: ``"lstm"``, ``"gru"`` or ``"rnn"``.
        layers: by layer, then by direction.
        tokens: the symbols read; ``None`` for a model without a vocabulary.
        input_names: what each number that layer 0 read means, where that is known.
        outputs: the readout, ``[time, output]``; ``None`` for a bare module.
        residual: the largest of the layers' residuals: proof that these are the model's numbers.
        device: where the model ran, e.g. ``"cpu"``.
        dtype: ``"float32"`` or ``"float64"``.
    """

    cell: str
    layers: tuple[LayerTrace, ...]
    tokens: tuple[str, ...] | None = None
    input_names: tuple[str, ...] | None = None
    outputs: np.ndarray | None = None
    residual: float
    device: str
    dtype: str

    @property
    def quantity(self) -> str:
        """``"value"``, or ``"difference"`` of two traces."""
        return self.layers[0].quantity

    @property
    def num_directions(self) -> int:
        """2 for a bidirectional module, else 1."""
        return self.layers[-1].direction + 1

    @property
    def num_layers(self) -> int:
        """How many layers are stacked."""
        return len(self.layers) // self.num_directions

    @property
    def units(self) -> tuple[int, ...]:
        """How many units each layer has, in each direction."""
        return tuple(layer.hidden_size for layer in self.layers[:: self.num_directions])

    @property
    def times(self) -> np.ndarray:
        """The positions ``0 ... len - 1``, int64 ``[time]``."""
        return np.arange(len(self))

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.layers[0])

    def __getitem__(self, key: str) -> np.ndarray:
        """Return `select(key)`: the last layer, forwards."""
        return self.select(key)

    def __repr__(self) -> str:
        """Return the kind, the sizes and the residual in one line."""
        sizes = f"{_count(self.num_layers, 'layer')} of {_joined(self.units)} " + (
            "unit" if self.units == (1,) * self.num_layers else "units"
        )
        what = "" if self.quantity == "value" else f" {self.quantity}"
        both = ", bidirectional" if self.num_directions == 2 else ""
        return (
            f"Trace({self.cell.upper()}{what}, {sizes}{both}, {_count(len(self), 'step')}, "
            f"{self.dtype} on {self.device}, residual {self.residual:.1e})"
        )

    def layer(self, layer: int = -1, direction: int = 0) -> LayerTrace:
        """One layer in one direction; negative layers count from the last.

        Raises:
            IndexError: if there is no such layer or direction.
        """
        if not -self.num_layers <= layer < self.num_layers:
            raise IndexError(f"layer {layer} of a model with {self.num_layers} (counted from 0)")
        if not 0 <= direction < self.num_directions:
            kind = "both directions" if self.num_directions == 2 else "one direction"
            raise IndexError(f"direction {direction} of a model with {kind} (0 is forwards)")
        return self.layers[layer % self.num_layers * self.num_directions + direction]

    def select(self, key: str, layer: int = -1, direction: int = 0) -> np.ndarray:
        """A signal or pre-activation of one layer, ``[time, unit]``; see `LayerTrace.select`.

        Raises:
            IndexError: if there is no such layer or direction.
            KeyError: if the cell has no such signal.
        """
        return self.layer(layer, direction).select(key)

    def save(self, path: str | Path) -> None:
        """Write an NPZ file that `load` and ``numpy.load`` read."""
        header, arrays = _packed(self)
        write_npz(Path(path), header, arrays)

    @classmethod
    def load(cls, path: str | Path) -> "Trace":
        """The trace that `save` wrote.

        Raises:
            ValueError: if the file is damaged or holds something else; one sentence says what.
            OSError: if it cannot be read.
        """
        header, arrays = read_npz(Path(path))
        try:
            layout.check(header, arrays)
        except ValueError as error:
            raise ValueError(f"{Path(path).name}: {error}") from error
        return _unpacked(header, arrays)

    def to_pandas(self) -> "pandas.DataFrame":
        """One row per number: layer, direction, time, unit, signal, value."""
        import pandas

        signals = [(layer, key, v) for layer in self.layers for key, v in layer.signals.items()]
        sizes = [values.size for _, _, values in signals]

        def column(values: list[Any]) -> np.ndarray:
            return np.repeat(np.array(values), sizes)

        keys = list(self.layers[0].signals)
        codes = column([keys.index(key) for _, key, _ in signals])
        return pandas.DataFrame(
            {
                "layer": column([layer.layer for layer, _, _ in signals]),
                "direction": column([layer.direction for layer, _, _ in signals]),
                "time": np.concatenate([np.indices(v.shape)[0].ravel() for _, _, v in signals]),
                "unit": np.concatenate([np.indices(v.shape)[1].ravel() for _, _, v in signals]),
                "signal": pandas.Categorical.from_codes(codes, keys),
                "value": np.concatenate([values.ravel() for _, _, values in signals]),
            }
        )


def _packed(trace: Trace) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The header and the arrays of `trace`, named as `layout` says."""
    header = {
        "format": layout.FORMAT,
        "version": layout.VERSION,
        "num_layers": trace.num_layers,
        "num_directions": trace.num_directions,
        "nonlinearity": trace.layers[0].nonlinearity,
        "cell": trace.cell,
        "device": trace.device,
        "dtype": trace.dtype,
        "tokens": trace.tokens,
        "input_names": trace.input_names,
    }
    if trace.quantity != "value":
        header["quantity"] = trace.quantity
    arrays = {"residuals": np.array([layer.residual for layer in trace.layers])}
    if trace.outputs is not None:
        arrays["outputs"] = trace.outputs
    for layer in trace.layers:
        start = layout.prefix(layer.layer, layer.direction)
        parts = (layer.signals, layer.weights)
        # Both directions read the same, so it is stored once.
        arrays[layout.prefix(layer.layer, 0) + "inputs"] = layer.inputs
        arrays |= {start + name: array for part in parts for name, array in part.items()}
        arrays |= {start + "h_0": layer.h_0}
        arrays |= {} if layer.c_0 is None else {start + "c_0": layer.c_0}
    return header, arrays


def _unpacked(header: Mapping[str, Any], arrays: Arrays) -> Trace:
    """The trace of a header and arrays that `layout.check` let pass."""
    layers = tuple(
        _unpacked_layer(header, arrays, *place, float(residual))
        for place, residual in zip(layout.places(header), arrays["residuals"], strict=True)
    )
    tokens, input_names = header.get("tokens"), header.get("input_names")
    return Trace(
        cell=header["cell"],
        device=header["device"],
        dtype=header["dtype"],
        tokens=None if tokens is None else tuple(tokens),
        input_names=None if input_names is None else tuple(input_names),
        layers=layers,
        outputs=arrays.get("outputs"),
        residual=max(layer.residual for layer in layers),
    )


def _unpacked_layer(
    header: Mapping[str, Any], arrays: Arrays, layer: int, direction: int, residual: float
) -> LayerTrace:
    start = layout.prefix(layer, direction)
    keys = [signal.key for signal in SIGNALS[header["cell"]]]
    weights = [name for name in _WEIGHTS if start + name in arrays]
    return LayerTrace(
        cell=header["cell"],
        layer=layer,
        direction=direction,
        inputs=arrays[layout.prefix(layer, 0) + "inputs"],
        signals={key: arrays[start + key] for key in keys},
        weights={name: arrays[start + name] for name in weights},
        h_0=arrays[start + "h_0"],
        c_0=arrays.get(start + "c_0"),
        nonlinearity=header["nonlinearity"],
        residual=residual,
        quantity=header.get("quantity", "value"),
    )


_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
