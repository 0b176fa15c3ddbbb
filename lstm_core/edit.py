"""Changes of weights, as data, and a copy of a module in which they are made."""

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from lstm_core.fields import checked_fields, choice, number, to_plain, unit_list, whole, wrong
from lstm_core.hooks import derived_weights
from lstm_core.reading import Source, open_module
from lstm_core.signals import PACKED

OPS = ("shift_bias", "scale_input", "scale_recurrent", "remove")
_CANDIDATE = {"lstm": "g", "gru": "n", "rnn": "h"}

Module = TypeVar("Module", bound=nn.Module)


@dataclass(frozen=True, kw_only=True)
class WeightEdit:
    """One change of the weights of some units.

    >>> from lstm_core import WeightEdit
    >>> WeightEdit(op="shift_bias", gate="f", value=2, units=3).to_json()
    {'op': 'shift_bias', 'gate': 'f', 'value': 2.0, 'units': [3]}

    Attributes:
        op: ``"shift_bias"`` adds `value` to the bias of `gate`; of an LSTM's forget gate, more
            means a longer memory. ``"scale_input"`` and ``"scale_recurrent"`` multiply by `value`
            what `gate` reads from the input or from ``h'``, without the bias. ``"remove"`` makes
            the candidate 0 for ever: from a zero start so are the unit's `c` and `h`, while every
            size stays.
        gate: a packed gate or candidate of the cell, ``"h"`` of a plain RNN; not for a removal.
        value: a number; not for a removal.
        units: ``None`` means all.
        layer: counted from 0, or from the end.
        direction: 1 reads backwards.

    Raises:
        InputError: if a field makes no sense; `fields["field"]` names it.
    """

    op: str
    gate: str | None = None
    value: float | None = None
    units: tuple[int, ...] | None = None
    layer: int = -1
    direction: int = 0

    def __post_init__(self) -> None:
        """Check every field and bring it to its plain form."""
        choice("op", self.op, OPS)
        if self.op == "remove":
            for name in ("gate", "value"):
                if getattr(self, name) is not None:
                    raise wrong(name, "a removal has none")
        else:
            choice("gate", self.gate, sorted(set("".join(PACKED.values()))))
            object.__setattr__(self, "value", number(self.value))
        units = None if self.units is None else unit_list(self.units)
        object.__setattr__(self, "units", units)
        object.__setattr__(self, "layer", whole("layer", self.layer))
        object.__setattr__(self, "direction", whole("direction", self.direction))

    def to_json(self) -> dict[str, Any]:
        """Plain data that `from_json` reads; what is left at its default is left out."""
        return to_plain(self)

    @classmethod
    def from_json(cls, data: Any) -> "WeightEdit":
        """The edit that `to_json` wrote.

        Raises:
            InputError: if a field is missing, unknown or makes no sense.
        """
        return cls(**checked_fields(cls, data, "edit", ["op"]))


def edited(module: Module, edits: Iterable[WeightEdit]) -> Module:
    """A copy of `module` in which `edits` are made in their order; the module stays as it was.

    Args:
        module: what `trace` accepts.

    Raises:
        TypeError: if the module cannot be traced.
        InputError: if an edit names a gate, bias, unit, layer or direction that is not there.

    Zeros, and 3 added to the forget gate's bias, which torch keeps between those of i and g:

    >>> from torch import nn
    >>> from lstm_core import WeightEdit, edited
    >>> lstm = nn.LSTM(1, 1)
    >>> for weight in lstm.parameters(): _ = nn.init.zeros_(weight)
    >>> longer = edited(lstm, [WeightEdit(op="shift_bias", gate="f", value=3)])
    >>> longer.bias_ih_l0.tolist(), lstm.bias_ih_l0.tolist()
    ([0.0, 3.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0])
    """
    if derived := derived_weights(open_module(module).recurrent):
        raise ValueError(
            f"the module makes {', '.join(derived)} anew from other tensors, so an edit would be "
            "lost; take that off first: remove_weight_norm, prune.remove or "
            "parametrize.remove_parametrizations"
        )
    changed = copy.deepcopy(module)
    source = open_module(changed)
    for edit in edits:
        _make(source, edit)
    return changed


def _make(source: Source, edit: WeightEdit) -> None:
    weights = source.weights(_layer(source, edit), edit.direction)
    with torch.no_grad():
        if edit.op == "remove":
            rows = _rows(source, edit, _CANDIDATE[source.cell])
            for name in weights.keys() - {"weight_hr"}:
                weights[name][rows] = 0
            return
        assert edit.gate is not None
        assert edit.value is not None
        rows = _rows(source, edit, edit.gate)
        if edit.op == "shift_bias":
            if "bias_ih" not in weights:
                raise wrong("op", "shift_bias needs a bias, and this module has none")
            weights["bias_ih"][rows] += edit.value
        else:
            name = {"scale_input": "weight_ih", "scale_recurrent": "weight_hh"}[edit.op]
            weights[name][rows] *= edit.value


def _layer(source: Source, edit: WeightEdit) -> int:
    layers = source.recurrent.num_layers
    if not -layers <= edit.layer < layers:
        raise wrong("layer", f"{edit.layer} of {layers} (counted from 0)")
    if edit.direction not in range(source.directions):
        raise wrong("direction", f"{edit.direction} of {source.directions} (counted from 0)")
    return edit.layer % layers


def _rows(source: Source, edit: WeightEdit, gate: str) -> Tensor:
    """The rows of the packed weights that belong to `gate` in the edit's units."""
    size = source.units[_layer(source, edit)]
    choice("gate", gate, tuple(PACKED[source.cell]))
    units = list(range(size)) if edit.units is None else list(edit.units)
    if max(units) >= size:
        raise wrong("units", f"{max(units)} is out of range; units go from 0 to {size - 1}")
    return torch.tensor(units, device=source.like.device) + PACKED[source.cell].index(gate) * size
