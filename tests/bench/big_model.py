"""What a large model of one's own costs: to load, to trace, and to pack for the stage.

    python tests/bench/big_model.py

The model is an LSTM of two layers with 14.7 million parameters reading 200 steps, in PyTorch's own
file. Each stage is set beside what anybody pays with torch alone: loading beside ``torch.load``
into a new module, the trace beside the fused layer's forward pass, all of it beside both. One
thread, wall clock (the files are warm), medians. Targets: loading at most 1.5 times as long,
although it checks the file and its checksums, the trace at most 2.5 times the fused layer.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch
from torch import nn

from lstm_core import trace
from lstm_core.convert import load_model, model_of
from viz.own_stage import parts_of
from viz.payload import packed
from viz.state import ViewState

FEATURES, UNITS, LAYERS, STEPS = 512, 1024, 2, 200
MOST_LOADING, MOST_TRACING = 1.5, 2.5


def functions(path: Path) -> dict[str, Callable[[], object]]:
    """The contestants by name; each does all of its own work again."""
    fused = nn.LSTM(FEATURES, UNITS, LAYERS).eval()
    torch.save(fused.state_dict(), path)
    inputs = torch.randn(STEPS, FEATURES)
    content = path.read_bytes()
    module = model_of(load_model(path).stacks[0])
    whole = trace(module, inputs)

    @torch.inference_mode()
    def forward() -> object:
        return fused(inputs[:, None])[0]

    def plain_load() -> object:
        empty = nn.LSTM(FEATURES, UNITS, LAYERS)
        return empty.load_state_dict(torch.load(path, weights_only=True))

    return {
        "torch.load alone": lambda: torch.load(path, weights_only=True),
        "torch.load": plain_load,
        "load_model, a path": lambda: load_model(path),
        "load_model, bytes": lambda: load_model(content),
        "forward": forward,
        "trace": lambda: trace(module, inputs),
        "pack": lambda: packed(parts_of(whole, "en")[0], None, ViewState(), address=False),
    }


def medians(contestants: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median time of each in milliseconds, after one unmeasured turn."""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(rounds + 1):
        for name, function in contestants.items():
            start = time.perf_counter()
            function()
            if turn:
                times[name].append(time.perf_counter() - start)
    return {name: 1000 * statistics.median(values) for name, values in times.items()}


def main() -> int:
    """Print the table; 1 where a target is missed and ``--check`` was given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="of each contestant")
    parser.add_argument("--check", action="store_true", help="fail where a target is missed")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        took = medians(functions(Path(folder) / "model.pt"), options.rounds)
    beside = {"load_model, a path": "torch.load", "load_model, bytes": "torch.load"}
    beside |= {"trace": "forward", "pack": "forward"}
    for name, milliseconds in took.items():
        other = beside.get(name)
        ratio = f"{milliseconds / took[other]:6.2f} x {other}" if other else ""
        print(f"{name:20}{milliseconds:9.1f} ms {ratio}")
    loading = took["load_model, bytes"] / took["torch.load"]
    tracing = took["trace"] / took["forward"]
    parts = ("load_model, bytes", "trace", "pack")
    total = sum(took[name] for name in parts) / (took["torch.load"] + took["forward"])
    print(f"load, trace and pack: {total:.2f} x torch.load and forward")
    print(
        f"targets: loading <= {MOST_LOADING}: {loading:.2f}; trace <= {MOST_TRACING}: {tracing:.2f}"
    )
    return int(options.check and (loading > MOST_LOADING or tracing > MOST_TRACING))


if __name__ == "__main__":
    sys.exit(main())
