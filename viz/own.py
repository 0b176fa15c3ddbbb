"""A person's own model: what it is, what it is given to read, and the trace of that.

How a model file is read is in `lstm_core.convert`, how the trace comes on the stage in `own_stage`,
what is said of a file in `own_words`.
"""

from dataclasses import dataclass, replace

import numpy as np
from torch import nn

from lstm_core.convert import model_of, read_through, tokens_of
from lstm_core.data_files.datafile import MAX_STEPS
from lstm_core.signals import SIGNALS
from lstm_core.stacks import ModelFile, Stack
from lstm_core.text_ids import SymbolsRead, read_symbols, reads_ids
from lstm_core.trace import Trace, trace
from lstm_core.vocabulary import Vocabulary

MOST_KEPT = 50_000_000
"""The most numbers of one trace: 200 MB of float32."""

LOUD = 10.0
"""Numbers larger than this drive gates shut or open, unless the model was trained on such."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Own:
    """A model file that a person brought, and which stack of it is looked at.

    Attributes:
        name: the file's own name, written by somebody else.
        digest: tells one file and its vocabulary from another.
        module: what is traced.
        vocabulary_name: the name of the file that the vocabulary came from, if it did.
    """

    name: str
    digest: str
    file: ModelFile
    place: int
    module: nn.Module
    vocabulary: Vocabulary | None = None
    vocabulary_name: str = ""

    @classmethod
    def of(cls, name: str, digest: str, file: ModelFile) -> "Own":
        """The first stack of `file`.

        Raises:
            ModelFileError: if it cannot be shown.
        """
        return cls(name=name, digest=digest, file=file, place=0, module=model_of(file.stacks[0]))

    @property
    def stack(self) -> Stack:
        """The stack that is looked at."""
        return self.file.stacks[self.place]

    @property
    def key(self) -> str:
        """Tells one module from another."""
        return f"{self.digest} {self.place} {self.vocabulary_name}"

    @property
    def reads(self) -> Vocabulary | None:
        """The symbols that the model reads; ``None`` if it reads numbers."""
        return getattr(self.module, "vocabulary", None)

    @property
    def reads_ids(self) -> bool:
        """Whether ids are typed: its symbols have no names, or no text can be split into them."""
        return self.reads is not None and reads_ids(self.reads)

    @property
    def width(self) -> int:
        """How many numbers it reads at a step."""
        return self.stack.module.input_size

    @property
    def most_steps(self) -> int:
        """The longest sequence that is run."""
        module, signals = self.stack.module, len(SIGNALS[self.stack.cell])
        a_layer = [units * signals + module.input_size for units in self.stack.units]
        a_step = sum(a_layer) * (2 if module.bidirectional else 1)
        return max(1, min(MAX_STEPS, MOST_KEPT // a_step))

    @property
    def first(self) -> "Own":
        """The stack that reads the data: this one, or the lowest of those that it reads through."""
        below = self.file.below(self.stack)
        if not below:
            return self
        lowest = self.at(self.file.stacks.index(below[0]))
        if self.vocabulary is None:
            return lowest
        return lowest.reading(self.vocabulary, self.vocabulary_name)

    def at(self, place: int) -> "Own":
        """Another stack of the same file.

        Raises:
            ModelFileError: if it cannot be shown.
        """
        module = model_of(self.file.stacks[place])
        return replace(self, place=place, module=module, vocabulary=None, vocabulary_name="")

    def reading(self, vocabulary: Vocabulary, name: str) -> "Own":
        """The same stack with the symbols of a vocabulary file, which the lowest stack reads.

        Raises:
            ModelFileError: if they do not fit.
        """
        below = self.file.below(self.stack)
        read = model_of(below[0] if below else self.stack, vocabulary)
        module = self.module if below else read
        return replace(self, module=module, vocabulary=vocabulary, vocabulary_name=name)


@dataclass(frozen=True, kw_only=True, eq=False)
class Given:
    """What a model is given to read.

    Attributes:
        inputs: token ids ``[time]``, or floats ``[time, feature]``.
        key: the way it came, ``"noise"``, ``"impulse"``, ``"typed"`` or ``"file"``, and what tells
            one from another; of noise the steps and the seed.
        channels: what each number means, where a file says so.
        look: the step at which to open; the middle where nothing stands out.
        start: the place of the first step in the file or text that it was taken from.
        of: how many steps there are in all.
        tokens: the symbols behind the inputs, where these are what a stack below made of them.
    """

    inputs: np.ndarray
    key: str
    channels: tuple[str, ...] = ()
    look: int | None = None
    start: int = 0
    of: int
    tokens: tuple[str, ...] | None = None


def noise(own: Own, steps: int, seed: int) -> np.ndarray:
    """Random symbols, all equally likely, or numbers of a normal distribution, as `own` reads."""
    source = np.random.default_rng(seed)
    if own.reads is not None:
        return source.integers(len(own.reads), size=steps)
    return source.standard_normal((steps, own.width)).astype(np.float32)


def impulse(own: Own, steps: int) -> tuple[np.ndarray, int]:
    """Zeros but for one step at which every number is 1, and that step."""
    values = np.zeros((steps, own.width), dtype=np.float32)
    at = min(steps // 10, steps - 1)
    values[at] = 1
    return values, at


def read_text(own: Own, text: str) -> np.ndarray:
    """The ids of what a person typed, int64 ``[time]``.

    Raises:
        InputError: as `symbols_of`.
    """
    return symbols_of(own, text).ids


def symbols_of(own: Own, text: str, *, unknown: str = "refuse", lower: bool = False) -> SymbolsRead:
    """The ids of a text, and what of it was read as another symbol or left out.

    Raises:
        InputError: as `lstm_core.text_ids.read_symbols`.
    """
    if own.reads is None:
        raise ValueError("this model reads numbers, not text")
    return read_symbols(own.reads, text, unknown=unknown, lower=lower)


def given_to(own: Own, given: Given) -> Given:
    """What a stack reads when the first stack of its model is given `given`.

    Raises:
        ValueError: if the input does not fit.
    """
    first = own.first
    if first is own:
        return given
    inputs = read_through(own.file, own.stack, given.inputs, own.vocabulary)
    return replace(given, inputs=inputs, channels=(), tokens=tokens_of(first.module, given.inputs))


def trace_of(own: Own, given: Given) -> Trace:
    """Every signal of the model that reads what it is given: all traces of this page.

    Raises:
        ValueError: if the input does not fit.
    """
    whole = trace(own.module, given.inputs)
    if given.tokens is not None:
        whole = replace(whole, tokens=given.tokens)
    return replace(whole, input_names=given.channels) if given.channels else whole
