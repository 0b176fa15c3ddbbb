"""What a layer's input has been through before the layer reads it, and how that is told.

How a file tells it is in `keras_before` and `onnx_before`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from lstm_core.model_files.foreign_remarks import before_stack, between_stacks, folded
from lstm_core.stacks import Remark

_MOST_NAMES = 8


@dataclass(frozen=True, kw_only=True)
class Way:
    """From the data, or from other layers, to a recurrent layer.

    Attributes:
        folded: names and kinds of what was folded into its weights, in order.
        changes: names and kinds of what changes the numbers and was not folded, in order.
        sources: the recurrent layers whose states go in there.
    """

    folded: Sequence[str] = ()
    changes: Sequence[str] = ()
    sources: Sequence[str] = ()

    def told(self, name: str, shown: Collection[str]) -> list[Remark]:
        """The remarks of the layer `name`; `shown` are the layers that are in some stack."""
        remarks = [folded(name, listed(self.folded))] if self.folded else []
        if not self.changes:
            return remarks
        before = [one for one in self.sources if one in shown]
        names = listed([*(one for one in self.sources if one not in shown), *self.changes])
        if before:
            return [*remarks, between_stacks(name, listed(before), names)]
        return [*remarks, before_stack(name, names)]


def listed(names: Sequence[str]) -> str:
    """The first names and the count of the others."""
    rest = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" (+{rest})" if rest > 0 else "")
