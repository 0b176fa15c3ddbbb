"""From a view to what a page shows: the example, the models that read it and their scores.

No widget and no cache: a page brings these.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace

import numpy as np
import torch

from lstm_core.checkpoint import Checkpoint, CheckpointError
from lstm_core.counterfactual import counterfactual
from lstm_core.device import pick_device
from lstm_core.tasks import STORE, TASKS, Example, InputError
from lstm_core.trace import Trace, trace
from lstm_core.zoo import CELLS_SHIPPED, load
from viz.quoting import is_control
from viz.state import MAX_STEPS, Problem, ViewState
from viz.story import seed_table
from viz.text import TEXT, say


def read_example(preset: str, text: str) -> Example:
    """The example that a person typed for a task.

    Raises:
        InputError: if it cannot be read, or is longer than `MAX_STEPS` symbols.
    """
    # No symbol has more than two characters; a paste of a million is refused before it is read.
    if len(text) > 4 * MAX_STEPS:
        raise _too_long(len(text))
    if text and not text.strip() and preset != "python":
        raise InputError("whitespace", "the sequence holds only white space")
    example = TASKS[preset].parse(text)
    if len(example.tokens) > MAX_STEPS:
        raise _too_long(len(example.tokens))
    return example


def _too_long(length: int) -> InputError:
    message = f"the sequence has {length} symbols; at most {MAX_STEPS} are taken"
    return InputError("too-long", message, length=length, limit=MAX_STEPS)


def example_of(view: ViewState) -> tuple[Example, tuple[Problem, ...]]:
    """The example that a view names; where its text cannot be read, the one of its seed."""
    if view.text is not None:
        try:
            return read_example(view.preset, view.text), ()
        except InputError as error:
            about = Problem(key="url.text", fields={"value": view.text})
            return TASKS[view.preset].example(view.seed), (about, input_problem(error, view.preset))
    return TASKS[view.preset].example(view.seed), ()


def input_problem(error: InputError, preset: str) -> Problem:
    """What to say about an input that could not be read."""
    code, fields = error.code, {"preset": preset, **error.fields}
    fields.pop("allowed", None)  # said in words: a list of 97 characters helps nobody
    symbols = error.fields.get("symbols", ())
    if isinstance(symbols, tuple) and len(symbols) > 1 and STORE in symbols and preset != "python":
        # The flag itself is fine; what follows it is not.
        symbols = tuple(symbol for symbol in symbols if symbol != STORE)
        fields["symbols"] = symbols
    if isinstance(symbols, tuple) and symbols:
        if all(map(is_control, symbols)):
            code = "control-characters"
        elif symbols == (STORE,):
            code, fields = "lone-flag", {"example": "AB!CDE?"}
    key = f"input.{code}"
    return Problem(key=key if key in TEXT else "input.other", fields=fields)


PLACES = ("url.step-beyond", "url.unit-beyond")
"""Problems of a place that the stage moves to the nearest one there is."""


def place_problems(view: ViewState, traces: Mapping[str, Trace]) -> tuple[Problem, ...]:
    """What to say of a step or a unit of the address that these traces do not have."""
    if not traces:
        return ()
    one = traces.get(view.focus or view.models[0], next(iter(traces.values())))
    beyond = (("step", view.step, len(one)), ("unit", view.unit, one.layer().hidden_size))
    return tuple(
        Problem(key=f"url.{name}-beyond", fields={"value": str(value), "limit": count - 1})
        for name, value, count in beyond
        if value is not None and value >= count
    )


def device() -> tuple[torch.device, tuple[Problem, ...]]:
    """Where the models run; the CPU, with the reason, where the wanted device is not there."""
    try:
        return pick_device(), ()
    except ValueError as error:
        return torch.device("cpu"), (Problem(key="device.invalid", fields={"reason": str(error)}),)


def checkpoint_problem(cell: str, error: Exception) -> Problem:
    """What to say about a model that could not be loaded."""
    if isinstance(error, KeyError):
        return Problem(key="checkpoint.missing", fields={"cell": cell})
    code = error.code if isinstance(error, CheckpointError) else type(error).__name__
    return Problem(key="checkpoint.other", fields={"cell": cell, "code": code})


def cells() -> tuple[str, ...]:
    """The kinds of cell that a task has models of, in the order of the page."""
    return tuple(CELLS_SHIPPED)


def load_model(task: str, cell: str, where: torch.device) -> Checkpoint:
    """The shipped model of a task and a kind of cell, on the device `where`.

    Raises:
        CheckpointError: if its file is damaged or foreign.
        KeyError: if there is none.
    """
    checkpoint = load(task, cell)
    if where.type == "cpu":
        return checkpoint
    # The zoo hands every caller the same model; moving that one would move it for all.
    return replace(checkpoint, model=deepcopy(checkpoint.model).to(where))


def run(checkpoint: Checkpoint, tokens: tuple[str, ...]) -> Trace:
    """Every signal of a model that reads `tokens`."""
    vocabulary = checkpoint.model.vocabulary
    if vocabulary is None:
        raise ValueError("this model reads numbers; expected one with a vocabulary")
    return trace(checkpoint.model, vocabulary.ids(tokens))


MOST_REMEMBERED = 400
"""Steps up to which the memory of every token is computed; it grows with their square."""


def memory_of(checkpoint: Checkpoint, task: str, tokens: tuple[str, ...]) -> np.ndarray | None:
    """How long the model still knows each token, ``[changed, time]``, in spreads of its state.

    ``None`` where the sequence is too long, or too short for the state to have a spread.
    """
    vocabulary = checkpoint.model.vocabulary
    if vocabulary is None or not 2 <= len(tokens) <= MOST_REMEMBERED:
        return None
    ids = vocabulary.ids(tokens)
    return counterfactual(checkpoint.model, ids, TASKS[task].replacements(ids), measure="scaled")


def score_rows(checkpoints: Mapping[str, Checkpoint], language: str) -> list[dict[str, str]]:
    """One row for every seed of every model, failures included, with the columns' names."""
    tables = ((cell, each, *seed_table(each, language)) for cell, each in checkpoints.items())
    return [
        {
            say("score.model", language): say(f"cell.{cell}", language),
            say("score.parameters", language): f"{checkpoint.model.parameter_count:,}",
            **dict(zip(head, row, strict=True)),
        }
        for cell, checkpoint, head, rows in tables
        for row in rows
    ]
