"""Changes that a person makes on the stage: data, text, and the traces that follow from them.

What is said of them is in `whatif`.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import nn

from lstm_core.edit import WeightEdit, edited
from lstm_core.fields import checked_fields, json_items, numbered, shown, whole, wrong
from lstm_core.intervene import MAX_CHARACTERS, MAX_INTERVENTIONS, Intervention
from lstm_core.reading import open_module
from lstm_core.record import Trace
from lstm_core.surgery import network_of
from lstm_core.trace import trace
from lstm_core.vocabulary import InputError


@dataclass(frozen=True, kw_only=True)
class Replacement:
    """Another token at one step of the sequence.

    Raises:
        InputError: if a field makes no sense.
    """

    time: int
    token: str

    def __post_init__(self) -> None:
        """Check both fields."""
        if whole("time", self.time) < 0:
            raise wrong("time", f"{self.time} is below 0")
        if not isinstance(self.token, str) or not 0 < len(self.token) <= 64:
            raise wrong("token", f"must be one symbol, got {shown(self.token)}")

    def to_json(self) -> dict[str, Any]:
        """Plain data that `from_json` reads."""
        return {"token": self.token, "time": self.time}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Replacement":
        """The replacement that `to_json` wrote.

        Raises:
            InputError: if a field is missing, unknown or makes no sense.
        """
        return cls(**checked_fields(cls, data, "change", ["token", "time"]))


Act = Intervention | WeightEdit | Replacement


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change and whether it is on.

    Attributes:
        model: the key of the model that is changed; empty where all read something else.
    """

    act: Act
    model: str = ""
    on: bool = True

    def to_json(self) -> dict[str, Any]:
        """Plain data that `from_json` reads."""
        named = {"model": self.model} if self.model else {}
        return named | ({} if self.on else {"on": False}) | self.act.to_json()

    @classmethod
    def from_json(cls, data: Any, models: Collection[str]) -> "Change":
        """The change that `to_json` wrote, of one of `models`.

        Raises:
            InputError: if a field is missing, unknown or makes no sense.
        """
        if not isinstance(data, Mapping):
            raise wrong("change", f"must be an object, got {shown(data)}")
        about = {name: value for name, value in data.items() if name not in ("model", "on")}
        on = data.get("on", True)
        if not isinstance(on, bool):
            raise wrong("on", f"must be true or false, got {shown(on)}")
        if "token" in about:
            if "model" in data:
                raise wrong("model", "all models read the same sequence; leave it out")
            return cls(act=Replacement.from_json(about), on=on)
        model = data.get("model")
        if not isinstance(model, str) or model not in models:
            raise wrong("model", f"must be one of {', '.join(models)}; got {shown(model)}")
        kind = Intervention if "signal" in about else WeightEdit
        return cls(act=kind.from_json(about), model=model, on=on)


def write_changes(changes: Iterable[Change]) -> str:
    """JSON that `read_changes` reads, on one line.

    >>> close = Intervention(signal="f", op="set", value=0, units=3, times=range(5, 9))
    >>> write_changes([Change(act=close, model="lstm")])
    '[{"model":"lstm","signal":"f","op":"set","value":0.0,"units":[3],"times":[[5,9]]}]'
    """
    items = [change.to_json() for change in changes]
    return json.dumps(items, separators=(",", ":"), ensure_ascii=False)


def read_changes(text: str, models: Collection[str]) -> tuple[Change, ...]:
    """The changes of a JSON list, in their order; no text is no change.

    Raises:
        InputError: if it is too long, no JSON, contradicts itself or holds what makes no sense;
            ``fields["field"]`` names the field, ``fields["number"]`` the change, counted from 1.
    """
    if not text:
        return ()
    items = json_items(text, characters=MAX_CHARACTERS, most=MAX_INTERVENTIONS)

    def read(item: Any) -> Change:
        return Change.from_json(item, models)

    return tuple(numbered(place, read, item) for place, item in enumerate(items))


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """What became of a list of changes.

    Attributes:
        traces: of the models that something was done to.
        made: by model, the changes that were made.
        problems: by place in the list, why a change was not made.
        replaced: the tokens that were read instead, by step.
    """

    traces: Mapping[str, Trace] = field(default_factory=dict)
    made: Mapping[str, tuple[Act, ...]] = field(default_factory=dict)
    problems: Mapping[int, InputError] = field(default_factory=dict)
    replaced: Mapping[int, str] = field(default_factory=dict)


Run = Callable[[nn.Module, Any, Sequence[Intervention]], Trace]


def operate(
    models: Mapping[str, nn.Module],
    inputs: Any,
    changes: Sequence[Change],
    *,
    run: Run | None = None,
) -> Outcome:
    """Make those `changes` that are on and possible, and trace every model that they concern.

    A change that is not possible, say of a unit that is not there, is left out and reported; the
    others are made: in the order of the list, those of weights before those of signals.

    Args:
        models: by their keys; all of them read `inputs`.
        inputs: token ids ``[time]``, or floats ``[time, feature]``.
        run: makes a trace; by default `lstm_core.trace.trace`.
    """
    problems: dict[int, InputError] = {}
    made: dict[str, list[Act]] = {key: [] for key in models}
    replaced: dict[int, str] = {}
    changed = np.array(inputs)
    for place, change in enumerate(changes):
        if not change.on:
            continue
        try:
            if isinstance(change.act, Replacement):
                _replace(models, changed, change.act)
                replaced[change.act.time] = change.act.token
                concerned = list(models)
            else:
                _try(models[change.model], change.act, len(changed))
                concerned = [change.model]
        except InputError as error:
            problems[place] = error
            continue
        for key in concerned:
            made[key].append(change.act)
    traces = {
        key: _run(models[key], changed, acts, run or _trace) for key, acts in made.items() if acts
    }
    return Outcome(
        traces=traces,
        made={key: tuple(made[key]) for key in traces},
        problems=problems,
        replaced=replaced,
    )


def _trace(module: nn.Module, inputs: Any, interventions: Sequence[Intervention]) -> Trace:
    return trace(module, inputs, interventions=interventions)


def _run(module: nn.Module, inputs: Any, acts: Sequence[Act], run: Run) -> Trace:
    return run(operated(module, acts), inputs, interventions_of(acts))


def operated(module: nn.Module, acts: Sequence[Act]) -> nn.Module:
    """`module` with the edits of its weights that `acts` hold; itself where there are none."""
    edits = [act for act in acts if isinstance(act, WeightEdit)]
    return edited(module, edits) if edits else module


def interventions_of(acts: Sequence[Act]) -> list[Intervention]:
    """Those of `acts` that change a signal."""
    return [act for act in acts if isinstance(act, Intervention)]


def _try(module: nn.Module, act: Intervention | WeightEdit, length: int) -> None:
    """Raise where `act` does not fit."""
    if isinstance(act, WeightEdit):
        edited(module, [act])
    else:
        act.placed(network_of(open_module(module)), length)


def _replace(models: Mapping[str, nn.Module], ids: np.ndarray, act: Replacement) -> None:
    vocabulary = getattr(next(iter(models.values())), "vocabulary", None)
    if vocabulary is None:
        raise wrong("token", "these models read numbers; there is no token to replace")
    if act.time >= len(ids):
        raise wrong("time", f"step {act.time} is out of range; there are {len(ids)} steps")
    if act.token not in vocabulary.tokens:
        known = ", ".join(vocabulary.tokens[:40])
        raise wrong("token", f"{shown(act.token)} is no symbol of this task; there are {known}")
    ids[act.time] = vocabulary.tokens.index(act.token)
