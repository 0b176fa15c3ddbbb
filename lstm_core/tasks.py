"""Sequences with a known answer: vocabularies, generators and the corpus.

A task draws examples, batches them for training and reads what a person typed. It knows nothing
of models. Every draw comes from a NumPy generator that the caller seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Literal, Protocol

import numpy as np

from lstm_core import corpus
from lstm_core.corpus import Part
from lstm_core.vocabulary import InputError as InputError
from lstm_core.vocabulary import Vocabulary as Vocabulary

NO_TARGET = -1
"""The target of a step at which nothing is asked."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Example:
    """One sequence with its known answers.

    Attributes:
        tokens: the symbols, one per step.
        ids: int64 ``[time]``.
        targets: int64 ``[time]``, the class that is right at each step or `NO_TARGET`.
        seed: the seed that drew it; ``None`` when a person typed it.
    """

    tokens: tuple[str, ...]
    ids: np.ndarray
    targets: np.ndarray
    seed: int | None = None

    @property
    def text(self) -> str:
        """The sequence as a person would type it."""
        return "".join(self.tokens)


@dataclass(frozen=True, eq=False, kw_only=True)
class Batch:
    """Sequences side by side: `ids` and `targets`, both int64 ``[time, sequence]``."""

    ids: np.ndarray
    targets: np.ndarray


Metric = Literal["accuracy", "bits per character"]


class Task(Protocol):
    """What training, scoring and the page need of a task."""

    @property
    def name(self) -> str:
        """How commands and files call it."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The symbols that a model reads."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The answers that a model may give."""

    @property
    def metric(self) -> Metric:
        """What a score counts."""

    def example(self, seed: int) -> Example:
        """A held-out example that fits a screen; the same seed gives the same example."""

    def parse(self, text: str) -> Example:
        """The example that a person typed; raises `InputError`."""

    def replacements(self, ids: np.ndarray) -> np.ndarray:
        """What may stand at each step instead, int64 ``[time]``: always another token."""

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        """A training batch of `size` sequences."""

    def validation(self, rng: np.random.Generator, size: int) -> Batch:
        """A batch to stop training and to choose between runs by; training never sees it."""

    def held_out(self, rng: np.random.Generator, size: int) -> Batch:
        """A batch to report scores on; nothing before the report may see it."""


def _checked_tokens(vocabulary: Vocabulary, text: str) -> tuple[str, ...]:
    tokens = vocabulary.split(text)
    if not tokens:
        raise InputError("empty", "the sequence is empty; type at least one symbol")
    return tokens


SYMBOLS = tuple("ABCDEFGH")
STORE, RECALL = "!", "?"


def _flagged_vocabulary() -> Vocabulary:
    """Eight symbols, the same eight flagged, and the question: ten features."""
    symbols = np.eye(len(SYMBOLS), dtype=np.float32)
    plain = np.pad(symbols, ((0, 0), (0, 2)))
    flagged = plain.copy()
    flagged[:, -2] = 1
    question = np.zeros((1, len(SYMBOLS) + 2), dtype=np.float32)
    question[0, -1] = 1
    return Vocabulary(
        tokens=(*SYMBOLS, *(STORE + s for s in SYMBOLS), RECALL),
        feature_names=(*SYMBOLS, STORE, RECALL),
        features=np.concatenate([plain, flagged, question]),
        ignore=" \n\t,",
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class FlaggedRecall:
    """Remember the symbol that carries the store flag; say it at the question mark.

    Eight symbols; distractors come from the same alphabet, so only the flag tells what to keep.
    The delay is the number of steps from the flag to the question. Chance is 1/8.

    Attributes:
        delays: the shortest and the longest delay in training, inclusive.
        shown: the delays of the examples drawn for a screen.
    """

    name: str
    delays: tuple[int, int]
    shown: tuple[int, int]
    vocabulary: Vocabulary = field(default_factory=_flagged_vocabulary)
    classes: tuple[str, ...] = SYMBOLS
    metric: Metric = "accuracy"

    _LEAD = 8  # most distractors before the flag
    _TAIL = 14  # distractors after the question, on a screen

    def example(self, seed: int) -> Example:
        """A sequence whose delay is drawn from `shown`."""
        rng = np.random.default_rng([seed, 1])
        delay = int(rng.integers(*self.shown, endpoint=True))
        lead = int(rng.integers(1, 4))
        ids = self._sequence(rng, lead, delay, self._TAIL)
        return self._example(tuple(self.vocabulary.tokens[i] for i in ids), seed)

    def parse(self, text: str) -> Example:
        """The sequence that a person typed, e.g. ``"AB!CDE?"``.

        Raises:
            InputError: ``"empty"`` or ``"unknown-symbols"``.
        """
        return self._example(_checked_tokens(self.vocabulary, text), None)

    def replacements(self, ids: np.ndarray) -> np.ndarray:
        """The next symbol in the same role, flagged or not; ``A`` for a question."""
        count = len(SYMBOLS)
        return np.where(ids == 2 * count, 0, ids - ids % count + (ids + 1) % count)

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        """Sequences with delays drawn uniformly from `delays`."""
        return self.at_delays(rng, rng.integers(*self.delays, endpoint=True, size=size))

    def validation(self, rng: np.random.Generator, size: int) -> Batch:
        """The same draw: there are so many sequences that a fresh seed shares none."""
        return self.batch(rng, size)

    def held_out(self, rng: np.random.Generator, size: int) -> Batch:
        """The same draw, see `validation`."""
        return self.batch(rng, size)

    def at_delays(self, rng: np.random.Generator, delays: np.ndarray) -> Batch:
        """One sequence per delay, int ``[sequence]``, padded with distractors to one length."""
        flags = rng.integers(0, self._LEAD, endpoint=True, size=len(delays))
        questions, column = flags + delays, np.arange(len(delays))
        ids = rng.integers(len(SYMBOLS), size=(int(questions.max()) + 1, len(delays)))
        targets = np.full_like(ids, NO_TARGET)
        targets[questions, column] = ids[flags, column]
        ids[flags, column] += len(SYMBOLS)
        ids[questions, column] = 2 * len(SYMBOLS)
        return Batch(ids=ids, targets=targets)

    def _sequence(self, rng: np.random.Generator, lead: int, delay: int, tail: int) -> np.ndarray:
        """Token ids: `lead` distractors, the flag, ``delay - 1`` more, the question, `tail`."""
        ids = rng.integers(len(SYMBOLS), size=lead + 1 + delay + tail)
        ids[lead] += len(SYMBOLS)
        ids[lead + delay] = 2 * len(SYMBOLS)
        return ids

    def _targets(self, ids: np.ndarray) -> np.ndarray:
        """At every question, the symbol flagged last before it."""
        targets = np.full(len(ids), NO_TARGET, dtype=np.int64)
        kept = NO_TARGET
        for step, token in enumerate(ids):
            if token == 2 * len(SYMBOLS):
                targets[step] = kept
            elif token >= len(SYMBOLS):
                kept = int(token) - len(SYMBOLS)
        return targets

    def _example(self, tokens: tuple[str, ...], seed: int | None) -> Example:
        ids = self.vocabulary.ids(tokens)
        return Example(tokens=tokens, ids=ids, targets=self._targets(ids), seed=seed)


_PRINTABLE = "\t\n" + "".join(map(chr, range(32, 127)))


def _another(character: str) -> str:
    """Another character of the same kind."""
    for kind in (ascii_lowercase, ascii_uppercase, digits):
        if character in kind:
            return kind[(kind.index(character) + 1) % len(kind)]
    return "x"


@dataclass(frozen=True, eq=False, kw_only=True)
class PythonCharacters:
    """Say the next character of Python source code; the corpus is Python's standard library.

    Top-level modules of the running interpreter; one in ten, chosen by its name, is held out, and
    one in ten is for validation. Characters outside printable ASCII are dropped. Chance is 1/97.

    Attributes:
        window: the length of a sequence, in characters.
        warm_up: the characters at the start of a scored sequence that are read and not scored.
    """

    name: str = "python"
    window: int = 128
    warm_up: int = 64
    vocabulary: Vocabulary = field(default_factory=lambda: Vocabulary.one_hot(_PRINTABLE))
    classes: tuple[str, ...] = tuple(_PRINTABLE)
    metric: Metric = "bits per character"

    _SHOWN = 64  # at least so many characters make an example for a screen
    _FITS = 118  # more would not fit it

    def example(self, seed: int) -> Example:
        """A few lines of a held-out module, cut at the start of a line."""
        rng = np.random.default_rng([seed, 1])
        text = corpus.texts(_PRINTABLE)["held out"]
        start = text.index("\ndef ", int(rng.integers(len(text) * 9 // 10))) + 1
        return self._example(self._cut(text[start:]), seed)

    def parse(self, text: str) -> Example:
        """The source code that a person typed.

        Raises:
            InputError: ``"empty"`` or ``"unknown-symbols"``.
        """
        return self._example(
            _checked_tokens(self.vocabulary, text.replace("\r\n", "\n").replace("\r", "\n")), None
        )

    def replacements(self, ids: np.ndarray) -> np.ndarray:
        """The next letter of the same case, the next digit, an ``x`` for anything else."""
        return self.vocabulary.ids([_another(_PRINTABLE[token]) for token in ids])

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        """Windows of the training modules."""
        return self._windows("training", rng, size)

    def validation(self, rng: np.random.Generator, size: int) -> Batch:
        """Windows of the validation modules, asked from `warm_up` on."""
        return self._after_warm_up(self._windows("validation", rng, size))

    def held_out(self, rng: np.random.Generator, size: int) -> Batch:
        """Windows of the held-out modules, asked from `warm_up` on."""
        return self._after_warm_up(self._windows("held out", rng, size))

    @property
    def corpus(self) -> dict[str, str]:
        """Which text this is: Python's version, sizes in characters and a hash of it all."""
        return corpus.description(_PRINTABLE)

    @cached_property
    def _ids(self) -> dict[Part, np.ndarray]:
        """The token ids of every part of the corpus, one token a character."""
        table = np.zeros(128, dtype=np.int64)
        table[[ord(token) for token in self.vocabulary.tokens]] = np.arange(len(self.vocabulary))
        return {
            part: table[np.frombuffer(text.encode("ascii"), dtype=np.uint8)]
            for part, text in corpus.texts(_PRINTABLE).items()
        }

    def _cut(self, text: str) -> str:
        """At least `_SHOWN` characters, up to the end of a line where that fits a screen."""
        end = text.find("\n", self._SHOWN)
        return text[: end + 1] if 0 < end < self._FITS else text[: self._FITS]

    def _windows(self, part: Part, rng: np.random.Generator, size: int) -> Batch:
        ids = self._ids[part]
        starts = rng.integers(len(ids) - self.window, size=size)
        places = starts[None, :] + np.arange(self.window)[:, None]
        return Batch(ids=ids[places], targets=ids[places + 1])

    def _after_warm_up(self, batch: Batch) -> Batch:
        """The batch with nothing asked while the state still fills."""
        targets = batch.targets.copy()
        targets[: self.warm_up] = NO_TARGET
        return Batch(ids=batch.ids, targets=targets)

    def _example(self, tokens: Sequence[str], seed: int | None) -> Example:
        ids = self.vocabulary.ids(tokens)
        targets = np.append(ids[1:], NO_TARGET)
        return Example(tokens=tuple(tokens), ids=ids, targets=targets, seed=seed)


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        FlaggedRecall(name="recall", delays=(1, 100), shown=(36, 56)),
        FlaggedRecall(name="short-recall", delays=(1, 20), shown=(12, 20)),
        PythonCharacters(),
    )
}
"""Every task by its name."""
