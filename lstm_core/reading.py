"""What `trace` accepts: modules, inputs and initial states, checked and put on one device."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from lstm_core.cells import Weights
from lstm_core.hooks import is_known, made_before_calls
from lstm_core.model import SequenceModel
from lstm_core.signals import Cell
from lstm_core.uneven import UnevenLayers, states_of, units_of

Recurrent = nn.LSTM | nn.GRU | nn.RNN | UnevenLayers

_CELLS: dict[type[nn.Module], Cell] = {nn.LSTM: "lstm", nn.GRU: "gru", nn.RNN: "rnn"}
_FORWARDS = {nn.LSTM.forward, nn.GRU.forward, nn.RNN.forward, UnevenLayers.forward}


@dataclass(frozen=True, kw_only=True)
class Source:
    """A module that can be traced; `model` is ``None`` for a bare recurrent module."""

    recurrent: Recurrent
    cell: Cell
    model: SequenceModel | None

    @cached_property
    def like(self) -> Tensor:
        """A tensor of the device and dtype in which the module computes."""
        weight: Tensor = self.recurrent.weight_hh_l0  # type: ignore[assignment]
        return weight.detach()

    @property
    def directions(self) -> int:
        """2 for a bidirectional module, else 1."""
        return 2 if self.recurrent.bidirectional else 1

    @cached_property
    def units(self) -> tuple[int, ...]:
        """How many units the gates of each layer have."""
        return units_of(self.recurrent)

    @cached_property
    def states(self) -> tuple[int, ...]:
        """How many numbers `h` of each layer has, in each direction."""
        return states_of(self.recurrent)

    @property
    def nonlinearity(self) -> str:
        """``"tanh"`` or ``"relu"``."""
        return getattr(self.recurrent, "nonlinearity", "tanh")

    @property
    def input_names(self) -> tuple[str, ...] | None:
        """What each number that layer 0 reads means, where a vocabulary says so."""
        if self.model is None or self.model.vocabulary is None or self.model.config.embed:
            return None
        return self.model.vocabulary.feature_names

    def weights(self, layer: int, direction: int) -> Weights:
        """The module's own tensors of one layer and direction, named without suffix; no copies."""
        suffix = f"_l{layer}" + ("_reverse" if direction else "")
        return {name: self._weight(name + suffix).detach() for name in self._names}

    def _weight(self, name: str) -> Tensor:
        return self._made[name] if name in self._made else getattr(self.recurrent, name)

    @cached_property
    def _made(self) -> Weights:
        """The weights that torch makes anew before each call of the module, as it would now."""
        return made_before_calls(self.recurrent)

    @property
    def hooked(self) -> bool:
        """Whether hooks may change what the module reads or gives, nobody knows how."""
        before = self.recurrent._forward_pre_hooks.values()
        return not all(map(is_known, before)) or bool(self.recurrent._forward_hooks)

    @property
    def _names(self) -> list[str]:
        biases = ["bias_ih", "bias_hh"] if self.recurrent.bias else []
        projection = ["weight_hr"] if self.recurrent.proj_size else []
        return ["weight_ih", "weight_hh", *biases, *projection]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One sequence as layer 0 reads it: `features` is ``[time, feature]``."""

    features: Tensor
    tokens: tuple[str, ...] | None = None

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.features)


def open_module(module: nn.Module) -> Source:
    """The recurrent stack of `module` and what surrounds it.

    Raises:
        TypeError: if it is neither a `SequenceModel` nor a ``torch.nn.LSTM``, ``GRU`` or ``RNN``.
        ValueError: if its weights are neither float32 nor float64, or have no values.
    """
    model = module if isinstance(module, SequenceModel) else None
    recurrent = module if model is None else model.recurrent
    cell = next((cell for kind, cell in _CELLS.items() if isinstance(recurrent, kind)), None)
    if isinstance(recurrent, UnevenLayers):
        cell = recurrent.cell
    if cell is None or not isinstance(recurrent, Recurrent):
        raise TypeError(_unsupported(module))
    if type(recurrent).forward not in _FORWARDS:
        raise TypeError(
            f"{type(recurrent).__name__} has a forward of its own, so its gates are not those of "
            f"torch's {cell.upper()}; pass the module that it wraps"
        )
    source = Source(recurrent=recurrent, cell=cell, model=model)
    if source.like.dtype not in (torch.float32, torch.float64):
        raise ValueError(
            f"a trace needs float32 or float64 weights, got {source.like.dtype}; convert a copy"
        )
    if source.like.is_meta:
        raise ValueError("the module is on the meta device, where weights have no values")
    return source


def _unsupported(module: object) -> str:
    message = (
        "expected a SequenceModel or a torch.nn.LSTM, GRU or RNN, "
        f"got {type(module).__module__}.{type(module).__qualname__}"
    )
    if hasattr(module, "stacks"):
        return f"{message}; lstm_core.model_of makes one of a model file"
    if not isinstance(module, nn.Module):
        return message
    inside = [name for name, part in module.named_modules() if isinstance(part, Recurrent)]
    return f"{message}; pass what is inside it: {', '.join(inside)}" if inside else message


def read(source: Source, inputs: Any) -> Reading:
    """`inputs` as floats ``[time, feature]`` on the module's device, in its dtype; a copy.

    Raises:
        TypeError: if text or ids are expected and it is neither, or numbers and it is none.
        ValueError: if it is empty, has another shape, or holds an id that does not exist.
    """
    vocabulary = None if source.model is None else source.model.vocabulary
    if source.model is None or vocabulary is None:
        return Reading(features=_numbers(source, inputs))
    ids = vocabulary.encode(inputs) if isinstance(inputs, str) else _ids(inputs, len(vocabulary))
    if not len(ids):
        raise ValueError("the sequence is empty; it needs at least one step")
    features = source.model.features(torch.tensor(ids, device=source.like.device))
    return Reading(
        features=features.detach().to(source.like.dtype),
        tokens=tuple(vocabulary.tokens[i] for i in ids),
    )


def _numbers(source: Source, inputs: Any) -> Tensor:
    if isinstance(inputs, str):
        raise TypeError("got text, but this model has no vocabulary; pass floats [time, feature]")
    if isinstance(inputs, PackedSequence):
        raise TypeError(
            "got a PackedSequence; pass one sequence [time, feature], or the list of "
            "torch.nn.utils.rnn.unpack_sequence to trace_many"
        )
    values = _tensor(inputs)
    width = source.recurrent.input_size
    if values.ndim != 2 or values.shape[1] != width:
        batch = "; pass one of the batch, or all of them to trace_many" if values.ndim == 3 else ""
        raise ValueError(
            f"expected one sequence of shape [time, {width}], got shape {list(values.shape)}{batch}"
        )
    if not len(values):
        raise ValueError("the sequence is empty; it needs at least one step")
    return values.to(source.like, copy=True)


def _tensor(values: Any) -> Tensor:
    """A tensor of real numbers from anything that NumPy understands."""
    if isinstance(values, Tensor):
        tensor = values.detach()
    else:
        array = _array(values)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"expected numbers, got {type(values).__name__} of {array.dtype}")
        # A copy where needed: torch warns about memory that must not be written.
        tensor = torch.from_numpy(np.require(array, requirements=["C", "W"]))
    if tensor.is_complex():
        raise TypeError(f"expected real numbers, got {tensor.dtype}")
    return tensor


def _array(values: Any) -> np.ndarray:
    try:
        return np.asarray(values)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"expected a rectangle of numbers: {error}") from None


def _ids(inputs: Any, count: int) -> np.ndarray:
    array = inputs.detach().cpu().numpy() if isinstance(inputs, Tensor) else _array(inputs)
    if array.ndim != 1:
        raise ValueError(f"expected token ids of shape [time], got shape {list(array.shape)}")
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"expected text or integer token ids, got {array.dtype}")
    wrong = np.unique(array[(array < 0) | (array >= count)])
    if wrong.size:
        shown = ", ".join(map(str, wrong[:5])) + ", ..." * (wrong.size > 5)
        raise ValueError(f"token ids go from 0 to {count - 1}, got {shown}")
    return array.astype(np.int64)


def initial_states(source: Source, h_0: Any, c_0: Any) -> dict[str, list[Tensor]]:
    """The states before the first step by name, for each layer and direction; zeros for ``None``.

    Raises:
        TypeError: if a state is not made of numbers.
        ValueError: if its shape does not fit, or a cell without a `c` is given one.
    """
    given = {"h": (h_0, source.states), "c": (c_0, source.units)}
    if source.cell != "lstm":
        if c_0 is not None:
            raise ValueError(f"only an LSTM has a cell state; c_0 was given to {source.cell!r}")
        del given["c"]
    return {
        name: _states(
            source, f"{name}_0", value, [n for n in sizes for _ in range(source.directions)]
        )
        for name, (value, sizes) in given.items()
    }


def _states(source: Source, name: str, value: Any, sizes: list[int]) -> list[Tensor]:
    if value is None:
        return [source.like.new_zeros(size) for size in sizes]
    if len(set(sizes)) > 1:
        return _uneven_states(source, name, value, sizes)
    state = _tensor(value)
    if state.shape != (len(sizes), sizes[0]):
        raise ValueError(
            f"{name} needs the shape [layer * direction, unit] = [{len(sizes)}, {sizes[0]}], "
            f"got {list(state.shape)}"
        )
    return list(state.to(source.like, copy=True))


def _uneven_states(source: Source, name: str, value: Any, sizes: list[int]) -> list[Tensor]:
    states = [_tensor(one) for one in value] if isinstance(value, Iterable) else []
    if [state.shape for state in states] != [(size,) for size in sizes]:
        raise ValueError(
            f"{name} needs a vector for each layer and direction, of the sizes {sizes}, "
            f"got {[list(state.shape) for state in states]}"
        )
    return [state.to(source.like, copy=True) for state in states]
