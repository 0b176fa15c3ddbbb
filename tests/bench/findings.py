"""Four findings about memory, measured on the shipped models.

    python tests/bench/findings.py

A. A gradient is not memory. B. The exact ledger is bookkeeping, not causality. C. A half-life from
the gates alone understates memory. D. Raw echo memory is not where LSTMs win. Every number is
measured when this runs; where a model says otherwise than the title, the table shows it.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch
from torch import nn

from lstm_core import (
    SequenceModel,
    counterfactual,
    counterfactual_ledger,
    fixed_points,
    highway_share,
    memory_capacity,
    passive_half_life,
    probe,
    recall_by_delay,
    sensitivity,
    trace,
    zoo,
)
from lstm_core.tasks import SYMBOLS, TASKS, FlaggedRecall

CELLS = zoo.CELLS_SHIPPED


@dataclass(frozen=True, kw_only=True)
class Question:
    """A sequence, the same with another symbol flagged, and where the flag and the question are."""

    ids: np.ndarray
    changed: np.ndarray
    flag: int
    asked: int


def questions(task: FlaggedRecall, delay: int, count: int) -> Iterator[Question]:
    """Random sequences whose question comes `delay` steps after the flag."""
    for seed in range(count):
        rng = np.random.default_rng([7, seed])
        batch = task.at_delays(rng, np.array([delay]))
        asked = int(np.flatnonzero(batch.targets[:, 0] >= 0)[0])
        ids, flag = batch.ids[: asked + 1, 0], asked - delay
        changed = ids.copy()
        symbols = len(SYMBOLS)
        changed[flag] = symbols + (ids[flag] - symbols + rng.integers(1, symbols)) % symbols
        yield Question(ids=ids, changed=changed, flag=flag, asked=asked)


def shipped(name: str) -> Iterator[tuple[str, SequenceModel, FlaggedRecall]]:
    task = TASKS[name]
    assert isinstance(task, FlaggedRecall)
    for cell in CELLS:
        yield cell, zoo.load(name, cell).model, task


def accuracy(model: SequenceModel, task: FlaggedRecall, delay: int) -> float:
    return next(recall_by_delay(model, task, [delay], examples=400)).accuracy


def finding_a(count: int) -> None:
    print("\nA. A gradient is not memory: medians over sequences, one step before the question")
    print("   gradient: ||ds_t/dx_k|| over its value at t = k; highway: share of it by the gates")
    print("   change: how far the state is moved by another flagged symbol, over its own spread,")
    print("   and over its value at t = k; answer: what that does to the answer, in nats")
    print("task         cell delay recall   gradient  highway   change  (ratio)   answer")
    for name, delays in (("short-recall", (5, 20, 50, 100)), ("recall", (20, 50, 100))):
        for cell, model, task in shipped(name):
            for delay in delays:
                values = np.median(
                    [_one_change(model, q) for q in questions(task, delay, count)], 0
                )
                gradient, highway, change, ratio, answer = values
                share = "       -" if np.isnan(highway) else f"{highway:8.3f}"
                print(
                    f"{name:12} {cell:4} {delay:5} {accuracy(model, task, delay):6.3f} "
                    f"{gradient:10.1e} {share} {change:8.2f} {ratio:8.2f} {answer:8.3f}",
                    flush=True,
                )


def _one_change(model: SequenceModel, q: Question) -> tuple[float, ...]:
    before = q.asked - 1  # the last step that has not read the question
    local = sensitivity(model, q.ids[:-1])
    scaled = counterfactual(model, q.ids, q.changed, measure="scaled")[q.flag]
    answer = counterfactual(model, q.ids, q.changed, measure="output")[q.flag]
    highway = np.nan
    if model.config.cell != "rnn":
        highway = highway_share(trace(model, q.ids), q.flag)[before]
    return (
        local[before, q.flag] / local[q.flag, q.flag],
        highway,
        scaled[before],
        scaled[before] / scaled[q.flag],
        answer[q.asked],
    )


def resting_points(count: int) -> None:
    print("\n   Where the networks come to rest when they read the same plain symbol for ever,")
    print("   from states on the way to the question; the kept symbols that the rests tell apart")
    print("task         cell  starts  rested  points  stable  answers told apart")
    for name, delay in (("short-recall", 15), ("recall", 50)):
        for cell, model, task in shipped(name):
            starts = np.stack([_waiting(model, q) for q in questions(task, delay, count)])
            x = task.vocabulary.features[0]
            rests = fixed_points(trace(model, [0, 0]), x, starts=starts, settle=200)
            told = _answers(model, rests.states[rests.stable])
            print(
                f"{name:12} {cell:4} {len(starts):7} "
                f"{rests.found_from.sum():7} {len(rests.states):7} "
                f"{int(rests.stable.sum()):7}  {told}",
                flush=True,
            )


def _waiting(model: SequenceModel, q: Question) -> np.ndarray:
    tr = trace(model, q.ids)
    keys = ("h", "c") if tr.cell == "lstm" else ("h",)
    return np.concatenate([tr[key][q.asked - 1] for key in keys])


def _answers(model: SequenceModel, states: np.ndarray) -> int:
    """How many different answers the model gives when it is asked at these states."""
    units = model.config.hidden_size
    found = set()
    for state in states:
        starts = {"h_0": state[None, :units]}
        starts |= {"c_0": state[None, units:]} if model.config.cell == "lstm" else {}
        asked = trace(model, [2 * len(SYMBOLS)], **starts).outputs
        found.add(int(asked[0].argmax()))
    return len(found)


def finding_b(count: int) -> None:
    print("\nB. The exact ledger is bookkeeping: by which way another flagged symbol reaches the")
    print("   state at the question; means over sequences, shares sum to 1")
    print("task         cell delay   erased  written  relayed   written, 10th to 90th percentile")
    for name, delays in (("short-recall", (10, 20)), ("recall", (20, 50, 100))):
        for cell, model, task in shipped(name):
            if cell == "rnn":
                continue
            for delay in delays:
                ways = np.array([_ways(model, q) for q in questions(task, delay, count)])
                low, high = np.percentile(ways[:, 1], [10, 90])
                parts = " ".join(f"{value:8.3f}" for value in ways.mean(axis=0))
                print(f"{name:12} {cell:4} {delay:5} {parts}   {low:.3f} to {high:.3f}", flush=True)
    print("   a plain RNN has no such ledger: all of its state is rewritten at each step")


def _ways(model: SequenceModel, q: Question) -> tuple[float, float, float]:
    found = counterfactual_ledger(trace(model, q.ids), trace(model, q.changed), q.flag, q.asked)
    return found.erased, found.written, found.relayed


def finding_c(count: int) -> None:
    print("\nC. Half-life from the gates alone, in steps, over units (long sequences), and recall")
    print("task         cell  median      max   at 20   at 50  at 100  at 200")
    for name in ("short-recall", "recall"):
        for cell, model, task in shipped(name):
            recalled = " ".join(f"{accuracy(model, task, d):7.3f}" for d in (20, 50, 100, 200))
            if cell == "rnn":
                print(f"{name:12} {cell:4}       -        - {recalled}")
                continue
            lives = np.median(
                [passive_half_life(trace(model, q.ids)) for q in questions(task, 100, count)], 0
            )
            print(f"{name:12} {cell:4} {np.median(lives):7.1f} {lives.max():8.1f} {recalled}")


def finding_d(seeds: int) -> None:
    print("\nD. Linear memory capacity of untrained networks of 64 units (one random input), and")
    print("   the bits that a linear reader finds in trained ones of the token some steps ago")
    print("network                    numbers read   capacity, each seed")
    for title, build, state in (
        ("plain RNN, orthogonal", _orthogonal, "h"),
        ("plain RNN, default", lambda: nn.RNN(1, 64), "h"),
        ("GRU, default", lambda: nn.GRU(1, 64), "h"),
        ("LSTM, default: h", lambda: nn.LSTM(1, 64), "h"),
        ("LSTM, default: h and c", lambda: nn.LSTM(1, 64), "hc"),
    ):
        totals = []
        for seed in range(seeds):
            torch.manual_seed(seed)
            totals.append(memory_capacity(build().double(), max_lag=130, steps=8000, state=state))
        shown = "  ".join(f"{one.total:5.1f}" for one in totals)
        print(f"{title:24} {totals[0].state_size:12}      {shown}", flush=True)
    lags = (0, 1, 2, 5, 10)
    print("model                  " + "".join(f"   lag {lag:2}" for lag in lags) + "   (bits)")
    for name in ("short-recall", "recall"):
        for cell, model, task in shipped(name):
            scores = probe(model, task, lags, state="hc" if cell == "lstm" else "h")
            shown = "".join(f"{score.bits:9.2f}" for score in scores)
            print(f"{name:12} {cell:4} of {scores[0].entropy:4.2f}{shown}", flush=True)


def _orthogonal() -> nn.RNN:
    module = nn.RNN(1, 64, bias=False)
    nn.init.orthogonal_(module.weight_hh_l0)
    return module


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=24, help="sequences for each row")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    finding_a(options.count)
    resting_points(3 * options.count)
    finding_b(options.count)
    finding_c(options.count)
    finding_d(options.seeds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
