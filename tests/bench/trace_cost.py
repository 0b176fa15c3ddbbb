"""What a trace costs beside the fused layer alone and beside a loop over torch's own cell.

    python tests/bench/trace_cost.py

One thread, and the time that the processor spends on it: what a clock shows where nothing else
runs. The three take turns, and their medians are compared. Targets: a trace takes at most 2.5 times
the fused layer, and that of an LSTM is at least 4 times as fast as the loop where units <= 128. The
loop returns the states alone, not the gates. On a CPU torch's fused GRU and RNN are loops
themselves, some 2 to 4 times as fast as the loop here, so that nothing built on them can reach 4;
their last column is for information.
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

import torch
from torch import Tensor, nn

from lstm_core import trace

FEATURES = 32
SIZES = ((200, 64), (1000, 128), (2000, 512), (10_000, 64))
LAYERS = {nn.LSTM: nn.LSTMCell, nn.GRU: nn.GRUCell, nn.RNN: nn.RNNCell}
MOST, LEAST = 2.5, 4.0


def contestants(layer: type, steps: int, units: int) -> dict[str, Callable[[], object]]:
    module, cell = layer(FEATURES, units), LAYERS[layer](FEATURES, units)
    inputs = torch.randn(steps, FEATURES)

    @torch.inference_mode()
    def fused() -> Tensor:
        return module(inputs[:, None])[0]

    @torch.inference_mode()
    def loop() -> list:
        state, states = None, []
        for x in inputs[:, None]:
            state = cell(x, state)
            states.append(state)
        return states

    return {"fused": fused, "trace": lambda: trace(module, inputs), "loop": loop}


def medians(functions: dict[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    """The median time of each in milliseconds, after one unmeasured turn."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for function in functions.values():
        function()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times["loop"]) < 5:
        for name, function in functions.items():
            start = time.process_time()
            function()
            times[name].append(time.process_time() - start)
    return {name: 1000 * statistics.median(values) for name, values in times.items()}


def main() -> int:
    """Print the table; 1 where a target is missed and ``--check`` was given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each row")
    parser.add_argument("--check", action="store_true", help="fail where a target is missed")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    missed = 0
    print("cell  steps units  fused ms  trace ms  trace/fused   loop ms  loop/trace")
    for layer in LAYERS:
        for steps, units in SIZES:
            took = medians(contestants(layer, steps, units), options.seconds)
            cost, gain = took["trace"] / took["fused"], took["loop"] / took["trace"]
            over = cost > MOST or (layer is nn.LSTM and units <= 128 and gain < LEAST)
            missed += over
            print(
                f"{layer.__name__:4} {steps:6} {units:5} {took['fused']:9.2f} {took['trace']:9.2f}"
                f" {cost:12.2f} {took['loop']:9.1f} {gain:11.1f}{'  missed' * over}"
            )
    print(f"targets: trace/fused <= {MOST}; LSTM loop/trace >= {LEAST} where units <= 128")
    return int(options.check and missed > 0)


if __name__ == "__main__":
    sys.exit(main())
