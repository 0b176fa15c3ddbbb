"""What a person is looking at, and the query string that says so.

Every value of a query string is somebody else's text: what cannot be used falls back to the
default and is reported.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lstm_core.signals import SIGNALS
from lstm_core.tasks import TASKS
from viz.quoting import quoted, quoted_list
from viz.text import LANGUAGES, say

MAX_STEPS = 10_000
"""The longest sequence the page takes, in symbols."""

MAX_SEED = 2**31 - 1
MAX_UNIT = 65_535
MAX_URL_TEXT = 1_500
"""The longest text that goes into an address, in characters; beyond, servers cut addresses."""

PYTHON_KEYS = ("preset", "seed", "text", "lang")
"""The keys of the query string that Python writes. The stage writes the others."""

STAGE_KEYS = ("models", "focus", "step", "unit", "changes")


@dataclass(frozen=True, kw_only=True)
class ViewState:
    """Everything that defines a view.

    Attributes:
        preset: a name in `lstm_core.tasks.TASKS`.
        seed: draws the example where `text` is ``None``.
        text: the sequence that a person typed.
        models: kinds of cell, in the order in which they are stacked.
        focus: the kind of cell whose arithmetic is shown; ``None`` is the first of `models`.
        step, unit: the chosen ones; ``None`` leaves the choice to the stage.
        changes: what is changed in the models, as `viz.surgery.read_changes` reads it.
        language: a key of `viz.text.LANGUAGES`.
    """

    preset: str = "recall"
    seed: int = 5
    text: str | None = None
    models: tuple[str, ...] = ("lstm", "rnn")
    focus: str | None = None
    step: int | None = None
    unit: int | None = None
    changes: str = ""
    language: str = "en"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A value that could not be used: the key of its sentence in `viz.text` and its fields."""

    key: str
    fields: Mapping[str, object]


def tell(problem: Problem, language: str) -> str:
    """The sentence of a problem, as Markdown; what somebody else wrote in it is quoted.

    >>> tell(Problem(key="url.seed", fields={"value": "abc", "limit": 9}), "en")[22:34]
    'seed \\u2068`abc`\\u2069'
    """
    fields: dict[str, object] = {}
    for name, value in problem.fields.items():
        if name == "preset":
            fields["allowed"] = say(f"symbols.{value}", language)
        elif name == "cell":
            fields[name] = say(f"cell.{value}", language)
        elif isinstance(value, tuple):
            fields[name] = quoted_list(value, language)
        elif isinstance(value, str):
            fields[name] = quoted(value, 160 if name == "reason" else 40)
        else:
            fields[name] = f"{value:,}"
    return say(problem.key, language, **fields)


class _Unusable(ValueError):
    """The value is no good; `fields` say what would have been."""

    def __init__(self, **fields: object) -> None:
        super().__init__(fields)
        self.fields = fields


def _one_of(*allowed: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in allowed:
            raise _Unusable(allowed=allowed)
        return value

    return read


def _whole_number(limit: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        # int() also takes "1_0", " 7" and other scripts' digits; an address needs none of these.
        if not re.fullmatch(r"[0-9]{1,10}", value) or int(value) > limit:
            raise _Unusable(limit=limit)
        return int(value)

    return read


def _cells(value: str) -> tuple[str, ...]:
    names = tuple(value.split(","))
    if len(set(names)) != len(names) or not set(names) <= set(SIGNALS):
        raise _Unusable(allowed=tuple(SIGNALS))
    return names


# For each key of the query string: the field of ViewState and the reader of its value.
_READERS: dict[str, tuple[str, Callable[[str], object]]] = {
    "preset": ("preset", _one_of(*TASKS)),
    "seed": ("seed", _whole_number(MAX_SEED)),
    "text": ("text", str),
    "models": ("models", _cells),
    "focus": ("focus", _one_of(*SIGNALS)),
    "step": ("step", _whole_number(MAX_STEPS - 1)),
    "unit": ("unit", _whole_number(MAX_UNIT)),
    "changes": ("changes", str),
    "lang": ("language", _one_of(*LANGUAGES)),
}


def parse(
    query: Mapping[str, str | Sequence[str]], language: str = "en"
) -> tuple[ViewState, tuple[Problem, ...]]:
    """The view that a query string describes, and what of it could not be used.

    Args:
        query: for each key its value, or all its values. Unknown keys are somebody else's.
        language: the language where the query string names none.
    """
    fields: dict[str, Any] = {"language": language}
    problems: list[Problem] = []
    about: dict[str, object]
    for key, (name, read) in _READERS.items():
        given = query.get(key, ())
        values = [given] if isinstance(given, str) else list(given)
        if len(values) > 1:
            about = {"field": key, "count": len(values)}
            problems.append(Problem(key="url.repeated", fields=about))
        elif values:
            try:
                fields[name] = read(values[0])
            except _Unusable as unusable:
                about = {"value": values[0], **unusable.fields}
                problems.append(Problem(key=f"url.{key}", fields=about))
    return replace(ViewState(), **fields), tuple(problems)


def to_query(view: ViewState) -> dict[str, str]:
    """The query string of a view: only what differs from the default.

    Text and changes longer than `MAX_URL_TEXT` are left out.

    >>> to_query(ViewState(seed=7, models=("gru",)))
    {'seed': '7', 'models': 'gru'}
    """
    default = ViewState()
    query: dict[str, str] = {}
    for key, (name, _) in _READERS.items():
        value = getattr(view, name)
        if value != getattr(default, name):
            query[key] = ",".join(value) if isinstance(value, tuple) else str(value)
    return {key: value for key, value in query.items() if len(value) <= MAX_URL_TEXT}
