"""The models that are shipped, as files in the folder `zoo` beside this module."""

from functools import cache
from pathlib import Path

from lstm_core.checkpoint import Checkpoint, load_checkpoint
from lstm_core.tasks import TASKS

CELLS_SHIPPED = ("lstm", "gru", "rnn")
FOLDER = Path(__file__).with_suffix("")


def path_of(task: str, cell: str, folder: Path = FOLDER) -> Path:
    """Where the model of `task` and `cell` lies."""
    return folder / f"{task}-{cell}.safetensors"


def shipped() -> tuple[tuple[str, str], ...]:
    """The pairs of task and cell for which there is a model."""
    pairs = ((task, cell) for task in TASKS for cell in CELLS_SHIPPED)
    return tuple(pair for pair in pairs if path_of(*pair).exists())


@cache
def load(task: str, cell: str) -> Checkpoint:
    """The shipped model of `task` and `cell`; read once, so leave its weights as they are.

    Raises:
        KeyError: if none is shipped; the message lists those that are.
        CheckpointError: if its file is damaged.
    """
    if (task, cell) not in shipped():
        known = ", ".join(f"{task} {cell}" for task, cell in shipped())
        raise KeyError(f"no model is shipped for {task!r} and {cell!r}; there are {known}")
    return load_checkpoint(path_of(task, cell))
