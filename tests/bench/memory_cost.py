"""What the measures of memory cost beside the plain way to the same numbers.

    python tests/bench/memory_cost.py

One thread, processor time, the two ways in turns, medians. The plain ways:

- `counterfactual`: torch's fused layer on all changed sequences, and the distances of its `h` (it
  returns no `c`, which ours compares too); on all of them side by side, which needs an array
  [time, time, unit], or one after the other, timed on every hundredth and scaled up;
- `sensitivity` of a class: autograd, one backward pass a step, timed on every hundredth step and
  scaled up; once with a network whose gradient vanishes, which is cheap, and once with one whose
  gradient stays;
- the ledger of all steps: the whole array [time, time, unit].

Targets at 1000 steps and 128 units: sensitivity 10 times; counterfactual 2.5 times (LSTM) and 8
times (GRU, RNN).
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch
from torch import Tensor, nn

from lstm_core import (
    ModelConfig,
    SequenceModel,
    Trace,
    counterfactual,
    ledger_over_time,
    lyapunov_exponents,
    sensitivity,
    trace,
)

FEATURES, CELLS = 16, ("lstm", "gru", "rnn")
TARGETS = {"sensitivity": {"lstm": 10, "gru": 10, "rnn": 10}}
TARGETS |= {"counterfactual": {"lstm": 2.5, "gru": 8, "rnn": 8}}
EVERY = 100  # autograd runs backwards from one step in so many


def model_of(cell: str, units: int, lasting: bool) -> SequenceModel:
    """A new model; a `lasting` one keeps its gradient: open gates, or a slightly long rotation."""
    torch.manual_seed(0)
    config = ModelConfig(cell=cell, input_size=FEATURES, hidden_size=units, output_size=8)
    model = SequenceModel(config).requires_grad_(False)
    if lasting:
        nn.init.orthogonal_(model.recurrent.weight_hh_l0[:units], gain=1.02)
        if cell != "rnn":
            model.recurrent.bias_hh_l0[units : 2 * units] = 6
        else:
            model.recurrent.weight_ih_l0.mul_(0.1)
    return model


def counterfactuals(model: SequenceModel, x: np.ndarray) -> tuple[Callable, Callable]:
    other = np.roll(x, 1, axis=1)
    places = torch.arange(len(x))
    variants = torch.tensor(x)[:, None].repeat(1, len(x), 1)
    variants[places, places] = torch.tensor(other)

    @torch.inference_mode()
    def plain() -> Tensor:
        base = model.recurrent(torch.tensor(x)[:, None])[0]
        return torch.linalg.vector_norm(model.recurrent(variants)[0] - base, dim=2).T

    return (lambda: counterfactual(model, x, other)), plain


def one_by_one(model: SequenceModel, x: np.ndarray) -> tuple[Callable, Callable]:
    other = np.roll(x, 1, axis=1)

    @torch.inference_mode()
    def plain() -> None:
        base = model.recurrent(torch.tensor(x)[:, None])[0]
        for k in range(EVERY // 2, len(x), EVERY):
            changed = torch.tensor(x)[:, None]
            changed[k] = torch.tensor(other[k])
            torch.linalg.vector_norm(model.recurrent(changed)[0] - base, dim=2)

    return (lambda: counterfactual(model, x, other)), plain


def sensitivities(model: SequenceModel, x: np.ndarray) -> tuple[Callable, Callable]:
    def plain() -> None:
        inputs = torch.tensor(x, requires_grad=True)
        logits = model(inputs[:, None])[:, 0, 1]
        for step in range(EVERY // 2, len(x), EVERY):
            torch.autograd.grad(logits[step], inputs, retain_graph=True)[0].norm(dim=1)

    return (lambda: sensitivity(model, x, 1)), plain


def ledgers(tr: Trace) -> tuple[Callable, Callable]:
    keep, gain = ("f", tr["i"] * tr["g"]) if tr.cell == "lstm" else ("z", (1 - tr["z"]) * tr["n"])
    gate = tr[keep]

    def plain() -> np.ndarray:
        alive = np.zeros((len(gate), *gate.shape), dtype=gate.dtype)
        for t in range(len(gate)):
            alive[t, :t] = gate[t] * alive[t - 1, :t] if t else 0
            alive[t, t] = gain[t]
        return alive.sum(axis=2)

    return (lambda: ledger_over_time(tr)), plain


def medians(functions: tuple[Callable, Callable], turns: int) -> list[float]:
    """Milliseconds of each, in turns."""
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(turns):
        for function, taken in zip(functions, times, strict=True):
            start = time.process_time()
            function()
            taken.append(1000 * (time.process_time() - start))
    return [statistics.median(taken) for taken in times]


def row(name: str, cell: str, functions: tuple[Callable, Callable], options: tuple) -> bool:
    """Print one comparison; whether its target is missed."""
    turns, has_target = options
    functions[0]()
    ours, plain = medians(functions, turns)
    plain *= EVERY if name.startswith(("sensitivity", "counterfactual, one")) else 1
    target = TARGETS.get(name.split(",")[0], {}).get(cell) if has_target else None
    missed = target is not None and plain < target * ours
    wanted = f"{target:9}" if target else "        -"
    print(
        f"{name:26} {cell:4} {ours:9.1f} {plain:10.0f} {plain / ours:8.1f} {wanted}"
        f"{'  missed' * missed}",
        flush=True,
    )
    return missed


def table(steps: int, units: int, turns: int, *, has_target: bool) -> int:
    """Print the comparisons at one size; how many targets are missed."""
    x = np.random.default_rng(0).normal(size=(steps, FEATURES)).astype(np.float32)
    print(f"\n{steps} steps, {units} units        cell   ours ms   plain ms    times    target")
    missed, options = 0, (turns, has_target)
    for cell in CELLS:
        vanishing, lasting = (model_of(cell, units, kind) for kind in (False, True))
        missed += row("counterfactual, at once", cell, counterfactuals(vanishing, x), options)
        missed += row("counterfactual, one by one", cell, one_by_one(vanishing, x), options)
        missed += row("sensitivity, vanishing", cell, sensitivities(vanishing, x), options)
        missed += row("sensitivity, lasting", cell, sensitivities(lasting, x), options)
        tr = trace(vanishing, x)
        if cell != "rnn":
            row("ledger of all steps", cell, ledgers(tr), options)
        start = time.process_time()
        lyapunov_exponents(tr)
        print(f"{'Lyapunov, all':26} {cell:4} {1000 * (time.process_time() - start):9.1f}")
    return missed


def main() -> int:
    """Print the tables; 1 where a target is missed and ``--check`` was given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--check", action="store_true", help="fail where a target is missed")
    options = parser.parse_args()
    torch.set_num_threads(1)
    table(200, 64, options.turns, has_target=False)
    missed = table(1000, 128, options.turns, has_target=True)
    return int(options.check and missed > 0)


if __name__ == "__main__":
    sys.exit(main())
