"""What pages keep between runs, within bounds: models and what was measured of them."""

import numpy as np
import streamlit as st
import torch

from lstm_core.checkpoint import Checkpoint
from lstm_core.dynamics import lyapunov_exponents
from lstm_core.probing import RecallAtDelay, recall_by_delay
from lstm_core.tasks import TASKS
from lstm_core.trace import Trace
from viz import lab, session
from viz.memory import Changes
from viz.state import Problem


@st.cache_resource(show_spinner=False)
def _model(task: str, cell: str, device: str) -> Checkpoint:
    return session.load_model(task, cell, torch.device(device))


def model(task: str, cell: str) -> Checkpoint:
    """The shipped model of a task and a kind of cell, where models run."""
    device, _ = session.device()
    return _model(task, cell, str(device))


def models(task: str) -> tuple[dict[str, Checkpoint], tuple[Problem, ...]]:
    """Every model of the task that loads, and what to say about the others."""
    _, problems = session.device()
    found: dict[str, Checkpoint] = {}
    for cell in session.cells():
        try:
            found[cell] = model(task, cell)
        except (KeyError, ValueError, OSError) as error:
            problems += (session.checkpoint_problem(cell, error),)
    return found, problems


@st.cache_resource(show_spinner=False, max_entries=12)
def traced(task: str, cell: str, tokens: tuple[str, ...]) -> Trace:
    """Every signal of a model that reads `tokens`."""
    return session.run(model(task, cell), tokens)


@st.cache_resource(show_spinner=False, max_entries=12)
def memory(task: str, cell: str, tokens: tuple[str, ...]) -> np.ndarray | None:
    """How long a model still knows each of `tokens`, as `session.memory_of` says."""
    return session.memory_of(model(task, cell), task, tokens)


# ---- The memory lab

SEQUENCES = 1000
"""New sequences on which recall is measured, for each delay."""


@st.cache_resource(show_spinner=False, max_entries=12)
def changes(task: str, cell: str, tokens: tuple[str, ...]) -> Changes:
    """What another token at each step does, as `lab.changes` says."""
    return lab.changes(model(task, cell), task, tokens)


@st.cache_resource(show_spinner=False, max_entries=12)
def gradients(task: str, cell: str, tokens: tuple[str, ...], class_index: int) -> np.ndarray:
    """The sensitivity of a class's logit, as `lab.gradients` says."""
    return lab.gradients(model(task, cell), task, tokens, class_index)


@st.cache_resource(show_spinner=False, max_entries=256)
def recalled(task: str, cell: str, delay: int) -> RecallAtDelay:
    """How often a model recalls across `delay`, on new sequences."""
    (found,) = recall_by_delay(model(task, cell).model, TASKS[task], [delay], examples=SEQUENCES)
    return found


@st.cache_resource(show_spinner=False, max_entries=12)
def exponents(task: str, cell: str, tokens: tuple[str, ...]) -> np.ndarray:
    """The Lyapunov exponents of a model along `tokens`."""
    return lyapunov_exponents(traced(task, cell, tokens))
