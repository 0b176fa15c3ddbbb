"""What a model answers on a test set with interventions, many lists of them side by side."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from lstm_core.fused import Layer
from lstm_core.model import SequenceModel
from lstm_core.probing import check_fit, said
from lstm_core.reading import Source, initial_states, open_module
from lstm_core.surgery import Rounds, Variants, change_inputs, network_of, rounds_of, steps
from lstm_core.tasks import NO_TARGET, Batch, Task

_NUMBERS = 2**17  # of all gates of all variants at a step: what fits a processor's cache
_KEPT = 2**25  # of all `h` and all answers of a group: 128 MiB of float32


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What every variant scores in every sequence, each ``[variant, sequence]``."""

    right: np.ndarray
    loss: np.ndarray
    divergence: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """A model and the sequences that it answers.

    Attributes:
        x: what layer 0 reads, ``[time, sequence, feature]``.
        asked: the steps and the sequences of all answers, each ``[answer]``.
        targets: the right ones, ``[answer]``.
        alive: by step, how many of the sequences, which lie longest first, still matter.
    """

    source: Source
    model: SequenceModel
    layers: tuple[Layer, ...]
    x: Tensor
    asked: tuple[Tensor, Tensor]
    targets: Tensor
    alive: tuple[int, ...]

    @classmethod
    def of(
        cls, model: SequenceModel, task: Task, sequences: int, seed: int, batch: Batch | None
    ) -> "Run":
        """`batch`, or so many held-out `sequences`, ready to be answered.

        Raises:
            ValueError: if model and task do not fit, or fewer than two sequences ask.
        """
        source = open_module(model)
        _check_fit(model, task, sequences)
        batch = batch or task.held_out(np.random.default_rng([seed, 3]), sequences)
        ids, targets, alive = _longest_first(batch, cut=source.directions == 1)
        time, sequence = torch.nonzero(targets != NO_TARGET, as_tuple=True)
        device = source.like.device
        with torch.inference_mode():
            x = model.features(ids.to(device)).to(source.like)
        return cls(
            source=source,
            model=model,
            layers=_layers(source),
            x=x,
            asked=(time.to(device), sequence.to(device)),
            targets=targets[time, sequence].to(device),
            alive=alive,
        )

    @property
    def group(self) -> int:
        """How many variants run side by side."""
        time, sequences = self.x.shape[:2]
        gates = max(len(layer.weights["weight_ih"]) for layer in self.layers)
        kept = time * sequences * max(self.source.units) * self.source.directions
        answers = len(self.targets) * self.model.readout.out_features
        return max(1, min(_NUMBERS // (sequences * gates), _KEPT // (kept + answers)))

    def scores(self, variants: Variants) -> Iterator[Scores]:
        """The scores of group after group of variants."""
        for first in range(0, len(variants), self.group):
            with self._inference():
                found = self._scored(self._answers(variants[first : first + self.group]))
            yield found

    @cached_property
    def untouched(self) -> Scores:
        """The scores of the model left alone, as one variant."""
        with self._inference():
            return self._scored(self._untouched[None])

    @cached_property
    def _untouched(self) -> Tensor:
        """The log probabilities of the answers that are left alone, ``[answer, class]``."""
        return self._answers(())[0]

    def means(self, number: int) -> Mapping[str, np.ndarray]:
        """The mean over time and sequences of what one layer and direction computes."""
        with self._inference():
            below = number - number % self.source.directions
            x = self._through((), self.x[:, None], below)
            means = {"x": x.mean(dim=(0, 1, 2)).cpu().numpy()}
            x = x[:, 0].flip(0) if number % self.source.directions else x[:, 0]
            signals, _ = self.layers[number].signals(x)
            return means | {k: v.mean(dim=(0, 1)).cpu().numpy() for k, v in signals.items()}

    @contextmanager
    def _inference(self) -> Iterator[None]:
        """No gradients, and the module's own dtype where the caller computes in mixed precision."""
        device = self.source.like.device.type
        with torch.inference_mode(), torch.autocast(device, enabled=False):
            yield

    def _scored(self, answers: Tensor) -> Scores:
        """Log probabilities ``[variant, answer, class]`` as means over each sequence's answers."""
        right = (said(answers) == self.targets).to(answers)
        loss = -answers.gather(2, self.targets.expand(len(answers), -1)[..., None])[..., 0]
        # Rounding may bring a divergence of nothing just below zero.
        parts = (self._untouched.exp() * (self._untouched - answers)).sum(dim=2).clamp(min=0)
        return Scores(
            right=self._by_sequence(right),
            loss=self._by_sequence(loss),
            divergence=self._by_sequence(parts),
        )

    def _by_sequence(self, values: Tensor) -> np.ndarray:
        counts = torch.bincount(self.asked[1], minlength=self.x.shape[1])
        sums = values.new_zeros(len(values), len(counts), dtype=torch.float64)
        sums.index_add_(1, self.asked[1], values.double())
        return (sums[:, counts > 0] / counts[counts > 0]).cpu().numpy()

    def _answers(self, variants: Variants) -> Tensor:
        """Log probabilities, ``[variant, answer, class]``; no variants: the model left alone."""
        time, sequence = self.asked
        top = self._through(variants, self.x[:, None], len(self.layers))
        return self.model.readout(top.transpose(1, 2)[time, sequence]).log_softmax(2).movedim(1, 0)

    def _through(self, variants: Variants, x: Tensor, end: int) -> Tensor:
        """What the layers before number `end` give, ``[time, variant, sequence, unit]``."""
        lengths = [len(x)] * x.shape[2]
        network = network_of(self.source)
        rounds = rounds_of(variants, network, lengths, self.source.like)
        for first in range(0, end, network.directions):
            if "x" in rounds.get(first, {}):
                x = change_inputs(x.expand(-1, len(variants), -1, -1), rounds[first])
            h = [
                self._states(number, x, rounds.get(number, {}), len(variants))
                for number in range(first, first + network.directions)
            ]
            most = max(states.shape[1] for states in h)
            x = torch.cat([states.expand(-1, most, -1, -1) for states in h], dim=3)
        return x

    def _states(self, number: int, x: Tensor, rounds: Rounds, variants: int) -> Tensor:
        """Every `h` of one layer and direction; one variant where all of them share it."""
        layer, backwards = self.layers[number], number % self.source.directions
        x = x.flip(0) if backwards else x
        if rounds.keys() <= {"x"}:
            h = layer.signals(x.flatten(1, 2))[0]["h"].unflatten(1, x.shape[1:3])
        else:
            start = {k: s.expand(variants, x.shape[2], -1) for k, s in layer.start.items()}
            h = x.new_zeros(len(x), variants, x.shape[2], start["h"].shape[2])
            for place, step in zip(
                h, steps(layer, x, start, rounds, alive=self.alive), strict=True
            ):
                place[:, : step["h"].shape[1]] = step["h"]
        return h.flip(0) if backwards else h


def _check_fit(model: SequenceModel, task: Task, sequences: int) -> None:
    check_fit(model, task)
    if sequences < 2:
        raise ValueError(f"an effect needs at least two sequences, got {sequences}")


def _longest_first(batch: Batch, *, cut: bool) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    """Ids and targets ``[time, sequence]`` of the sequences that ask, and `Run.alive`.

    Nothing after the last question can change an answer, unless something reads backwards: then
    nothing is `cut`.
    """
    asks = batch.targets != NO_TARGET
    last = np.where(asks, np.arange(len(asks))[:, None], -1).max(axis=0)
    order = np.argsort(-last, kind="stable")[: int((last >= 0).sum())]
    if len(order) < 2:
        raise ValueError("an effect needs at least two sequences that ask for an answer")
    end = int(last.max()) + 1 if cut else len(asks)
    alive = [int((last >= time).sum()) if cut else len(order) for time in range(end)]
    ids, targets = (torch.from_numpy(part[:end, order]) for part in (batch.ids, batch.targets))
    return ids, targets, tuple(alive)


def _layers(source: Source) -> tuple[Layer, ...]:
    start = initial_states(source, None, None)
    return tuple(
        Layer(
            cell=source.cell,
            nonlinearity=source.nonlinearity,
            weights=source.weights(*divmod(number, source.directions)),
            start={name: state[number] for name, state in start.items()},
        )
        for number in range(len(start["h"]))
    )
