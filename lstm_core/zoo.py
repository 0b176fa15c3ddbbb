"""The models that are shipped, as files in the folder `zoo` beside this module."""

from functools import cache
from pathlib import Path

from lstm_core.checkpoint import Checkpoint, CheckpointError, load_checkpoint
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
        CheckpointError: if its file is damaged, or is another model under this name.
    """
    if (task, cell) not in shipped():
        known = ", ".join(f"{task} {cell}" for task, cell in shipped())
        raise KeyError(f"no model is shipped for {task!r} and {cell!r}; there are {known}")
    return checked(load_checkpoint(path_of(task, cell)), task, cell)


def checked(checkpoint: Checkpoint, task: str, cell: str) -> Checkpoint:
    """`checkpoint`, once it is sure that it is a model of `task` and `cell`.

    Raises:
        CheckpointError: ``"other-model"`` if it is for another task or another kind of cell, or
            reads or answers with other symbols than the task has.
    """
    config, vocabulary = checkpoint.model.config, checkpoint.model.vocabulary
    own = TASKS[task].vocabulary
    same = (
        (checkpoint.task, config.cell) == (task, cell)
        and vocabulary is not None
        and vocabulary.tokens == own.tokens
        and config.output_size == len(TASKS[task].classes)
    )
    if not same:
        found = f"{config.cell} for {checkpoint.task!r}"
        raise CheckpointError(
            "other-model",
            f"expected the {cell} for {task!r}, found the {found}",
            expected=f"{cell} {task}",
            found=f"{config.cell} {checkpoint.task}",
        )
    return checkpoint
