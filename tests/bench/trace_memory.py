"""How much memory a long trace needs at its peak, beside the arrays that it returns.

    python tests/bench/trace_memory.py

Each number comes from a process of its own. The peak is what the operating system saw above the
level after a short warm-up. Target: at most 3 times the arrays. Beside it stands the peak of the
fused layer alone, which no trace can undercut: on a CPU torch's plain RNN and GRU keep one tensor
for every step.
"""

import argparse
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

STEPS, FEATURES, UNITS = 10_000, 32, 64
CELLS = ("LSTM", "GRU", "RNN")
MOST = 3.0


def peak() -> int:
    """The most memory that this process ever held, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def measure(cell: str, units: int, what: str) -> None:
    """Print the bytes of the arrays of one trace and the growth of the peak."""
    import torch

    from lstm_core import trace

    torch.set_num_threads(1)
    module = getattr(torch.nn, cell)(FEATURES, units)
    inputs = torch.randn(STEPS, FEATURES)
    run = torch.inference_mode()(module) if what == "fused" else lambda x: trace(module, x)
    run(inputs[:50])
    before = peak()
    result = run(inputs)
    grown = peak() - before
    layer = trace(module, inputs).layer() if what == "fused" else result.layer()
    arrays = [layer.inputs, *layer.signals.values(), *layer.weights.values()]
    print(sum(array.nbytes for array in arrays), grown)


def measured(cell: str, units: int, what: str) -> tuple[int, int]:
    """What `measure` prints in a fresh process."""
    command = [sys.executable, __file__, "--one", cell, str(units), what]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    arrays, grown = map(int, done.stdout.split())
    return arrays, grown


def main() -> int:
    """Print the table; 1 where the target is missed and ``--check`` was given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail where the target is missed")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measure(options.one[0], int(options.one[1]), options.one[2])
        return 0
    missed = 0
    print("cell  steps units  arrays MiB  trace MiB  trace/arrays  fused alone MiB")
    for cell in CELLS:
        for units in (UNITS, 4 * UNITS):
            arrays, grown = measured(cell, units, "trace")
            _, alone = measured(cell, units, "fused")
            over = grown > max(MOST * arrays, 1.1 * alone)
            missed += over
            print(
                f"{cell:4} {STEPS:6} {units:5} {arrays / 2**20:11.1f} {grown / 2**20:10.1f}"
                f" {grown / arrays:13.2f} {alone / 2**20:16.1f}{'  missed' * over}"
            )
    print(f"target: trace/arrays <= {MOST}")
    return int(options.check and missed > 0)


if __name__ == "__main__":
    sys.exit(main())
