"""What the tests of pages share: small models like the shipped ones, and what is on a page."""

import torch
from streamlit.testing.v1 import AppTest

from lstm_core.checkpoint import Checkpoint, SeedScore
from lstm_core.model import ModelConfig, SequenceModel
from lstm_core.tasks import TASKS

UNITS = {"lstm": 3, "gru": 4, "rnn": 5}


def small_model(task: str, cell: str) -> Checkpoint:
    """An untrained model: the page shows it like any other."""
    vocabulary, classes = TASKS[task].vocabulary, TASKS[task].classes
    config = ModelConfig(
        cell=cell,
        input_size=vocabulary.features.shape[1],
        hidden_size=UNITS[cell],
        output_size=len(classes),
    )
    torch.manual_seed(0)
    scores = tuple(
        SeedScore(
            seed=seed,
            lr=0.001,
            metric="accuracy",
            value=value,
            examples=400,
            validation=value,
            steps=1200,
            seconds=7.4,
            learned=value > 0.9,
        )
        for seed, value in ((3, 0.995), (4, 0.135))
    )
    return Checkpoint(
        model=SequenceModel(config, vocabulary).eval(),
        task=task,
        seed=3,
        recipe={"optimiser": "Adam", "lr": 0.001},
        scores=scores,
    )


def visited(page: AppTest, state: dict | None = None, **query: str) -> AppTest:
    """The page at an address, run once."""
    for key, value in query.items():
        page.query_params[key] = value
    for key, value in (state or {}).items():
        page.session_state[key] = value
    return page.run()


def stages(page: AppTest) -> list:
    found = [e for e in page.main if e.type == "bidi_component"]
    return [e for e in found if e.proto.component_name == "lstm_stage"]


def query(page: AppTest) -> dict[str, str]:
    return {
        key: value[0] if isinstance(value, list) else value
        for key, value in page.query_params.items()
    }


def told(page: AppTest) -> list[str]:
    assert not page.exception
    return [element.value for element in (*page.error, *page.warning, *page.info)]


def words(page: AppTest) -> str:
    assert not page.exception
    return "\n".join(element.value for element in page.markdown)
