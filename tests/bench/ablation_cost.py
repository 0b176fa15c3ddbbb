"""What a map of ablations costs beside one trace per intervention, on the models that ship.

    python tests/bench/ablation_cost.py

One thread, processor time, medians. Every unit of every signal clamped to 0, to 1 and to its mean
in 256 held-out sequences of the task `recall`, beside two loops over the interventions, timed on
some of them and scaled up:

- `trace_many`, all sequences side by side;
- `trace`, one sequence after the other.

Both give every signal at every step, the map only the answers. Last: one trace of one sequence of
60 steps, alone and with a gate closed from step 20 on. Targets: 10 times faster than a loop of
`trace`; a changed trace in 150 ms.
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

from lstm_core import Intervention, ablation_map, trace, trace_many, zoo
from lstm_core.tasks import TASKS

SEQUENCES, SAMPLED = 256, 8
TARGET, LIMIT = 10, 150  # times faster, milliseconds


def milliseconds(function: Callable[[], object], turns: int) -> float:
    """The median over turns, after one that warms up."""
    taken = []
    for _ in range(turns + 1):
        start = time.process_time()
        function()
        taken.append(1000 * (time.process_time() - start))
    return statistics.median(taken[1:])


def row(cell: str, turns: int) -> bool:
    """Print one model's costs; whether a target is missed."""
    task, model = TASKS["recall"], zoo.load("recall", cell).model
    ids = task.held_out(np.random.default_rng(0), SEQUENCES).ids.T
    edits = [Intervention(signal="h", op="set", value=0, units=[1])]
    whole = milliseconds(lambda: list(ablation_map(model, task, sequences=SEQUENCES)), turns)
    *_, last = ablation_map(model, task, sequences=SEQUENCES)
    many = last.total * milliseconds(lambda: trace_many(model, ids, interventions=edits), turns)
    each = milliseconds(
        lambda: [trace(model, one, interventions=edits) for one in ids[:SAMPLED]], turns
    )
    each *= last.total * SEQUENCES / SAMPLED
    shut = [Intervention(signal=last.found[0].signal, op="set", value=0, times=[(20, None)])]
    plain = milliseconds(lambda: trace(model, ids[0][:60]), 5 * turns)
    changed = milliseconds(lambda: trace(model, ids[0][:60], interventions=shut), 5 * turns)
    missed = each < TARGET * whole or changed > LIMIT
    print(
        f"{cell:4} {last.total:8} {whole / 1000:8.2f} {many / 1000:10.1f} {many / whole:6.1f} "
        f"{each / 1000:12.0f} {each / whole:6.0f} {plain:9.2f} {changed:9.2f}"
        f"{'  missed' * missed}",
        flush=True,
    )
    return missed


def main() -> int:
    """Print the table; 1 where a target is missed and ``--check`` was given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--check", action="store_true", help="fail where a target is missed")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("cell  changes    map s  side by s  times  one by one s  times  trace ms  with gate")
    missed = sum([row(cell, options.turns) for cell in zoo.CELLS_SHIPPED])
    return int(options.check and missed > 0)


if __name__ == "__main__":
    sys.exit(main())
