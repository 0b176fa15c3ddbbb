"""What a model file holds once it is read: recurrent stacks, and what was left out.

How each kind of file is read is in `torch_files`, `keras_files` and `onnx_files`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor, nn

from lstm_core.signals import Cell
from lstm_core.uneven import UnevenLayers, states_of, units_of
from lstm_core.vocabulary import Vocabulary

MAX_BYTES = 512 * 2**20
"""The largest model file that is read."""

LARGEST = {"hidden_size": 8192, "input_size": 65536, "num_layers": 32}
"""The largest sizes of a stack that is read."""

MOST_TOKENS = 1_000_000
"""The most symbols that an embedding or a vocabulary may have."""


class ModelFileError(ValueError):
    """A file is no model that can be read. `code` and `fields` let a page say it."""

    def __init__(self, code: str, message: str, **fields: object) -> None:
        """Keep a machine-readable `code` and `fields` beside the English `message`."""
        super().__init__(message)
        self.code = code
        self.fields = fields


@dataclass(frozen=True, kw_only=True)
class Remark:
    """Something to tell about a file: a code with its fields, and the English sentence."""

    code: str
    message: str
    fields: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class Stack:
    """One recurrent stack of a larger model, with what lies certainly before and after it.

    Attributes:
        name: how the file names it, e.g. ``"encoder.lstm"``; empty for a bare module.
        module: the layers in evaluation mode, as torch's own module where they are of one size.
        gate_order: the order in which the file packs the gates, e.g. ``"i f c o"``.
        embedding: vectors by token id, ``[token, feature]``, where the file names them.
        head: weight ``[output, feature]`` and bias ``[output]`` of the linear layer after it.
        vocabulary: the symbols that it reads, where the file itself names them.
        reads: the name of another stack whose ``h`` at every step it reads, where the file tells:
            layers of different kinds follow each other, and no module holds both.
    """

    name: str
    cell: Cell
    module: nn.LSTM | nn.GRU | nn.RNN | UnevenLayers
    gate_order: str
    embedding: Tensor | None = None
    embedding_name: str | None = None
    head: tuple[Tensor, Tensor | None] | None = None
    head_name: str | None = None
    vocabulary: Vocabulary | None = None
    reads: str | None = None

    @property
    def units(self) -> tuple[int, ...]:
        """How many units each layer has, in each direction."""
        return units_of(self.module)

    @property
    def width(self) -> int:
        """How many numbers it gives at a step, both directions side by side."""
        return states_of(self.module)[-1] * (2 if self.module.bidirectional else 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelFile:
    """Everything found in a model file.

    Attributes:
        kind: ``"checkpoint"`` (our own), ``"torch"``, ``"safetensors"``, ``"keras"`` or ``"onnx"``.
        stacks: in the file's order; at least one.
        remarks: what was ignored or assumed, and why.
    """

    kind: str
    stacks: tuple[Stack, ...]
    remarks: tuple[Remark, ...] = ()

    def stack(self, name: str | None = None) -> Stack:
        """The stack of this name, or the only one.

        Raises:
            ModelFileError: ``"no-such-stack"`` with the names that there are.
        """
        names = [stack.name for stack in self.stacks]
        if name is None and len(names) == 1:
            return self.stacks[0]
        if name not in names:
            asked = "say which stack" if name is None else f"there is no stack {name!r}"
            raise ModelFileError("no-such-stack", f"{asked}; the file has {', '.join(names)}")
        return self.stacks[names.index(name)]

    def below(self, stack: Stack) -> tuple[Stack, ...]:
        """The stacks that `stack` reads through, the lowest first; empty if it reads the data."""
        found: list[Stack] = []
        while stack.reads is not None and len(found) < len(self.stacks):
            stack = self.stack(stack.reads)
            found.insert(0, stack)
        return tuple(found)
