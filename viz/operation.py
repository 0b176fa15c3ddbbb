"""One operation on the models of a page: from the text of its changes to what the stage is told."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import nn

from lstm_core.reading import open_module
from lstm_core.surgery import network_of
from lstm_core.tasks import TASKS, Example
from lstm_core.trace import Trace
from lstm_core.vocabulary import InputError
from viz.session import read_example
from viz.story import Part, Story, glyph, strong, tell
from viz.surgery import Change, Outcome, operate, read_changes
from viz.text import say
from viz.whatif import Followed, describe, guides, memory_under, outcome, spread_of

MOST_TOKENS = 500
"""Of larger vocabularies the stage offers no list; changes of their tokens can be loaded."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the browser asked for.

    Attributes:
        text: the changes, JSON as `viz.surgery.read_changes` reads it.
        number: counts the requests, so that the browser knows which one an answer is to.
        asked: the step whose memory is shown; ``None`` leaves it to the story.
        rejected: what was asked for instead and cannot be read, if anything.
    """

    text: str = ""
    number: int = 0
    asked: int | None = None
    rejected: InputError | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Operation:
    """What the stage is told of the changes.

    Attributes:
        items: each change with its words and, where it was not made, why.
        outcome: one sentence on what followed.
        guides: changes to begin with.
        tokens: what may be read instead at a step.
        asked: the step whose memory was computed, and the token that stood there instead.
        followed: by part, what was changed.
    """

    request: Request
    items: tuple[Mapping[str, Any], ...] = ()
    rejected: str = ""
    outcome: str = ""
    guides: tuple[Mapping[str, Any], ...] = ()
    tokens: tuple[str, ...] = ()
    asked: int = 0
    other: str = ""
    replaced: Mapping[int, str] = field(default_factory=dict)
    followed: Mapping[str, Followed] = field(default_factory=dict)


def accepted(old: Request, new: Request, models: Sequence[str]) -> Request:
    """What the browser asked for; where that cannot be read, the changes stay as they were."""
    try:
        read_changes(new.text, models)
    except InputError as error:
        return replace(new, text=old.text, rejected=error)
    return new


def perform(
    parts: Sequence[Part],
    modules: Mapping[str, nn.Module],
    example: Example | None,
    request: Request,
    *,
    inputs: Any,
    preset: str,
    language: str,
    shown: Callable[[Trace], Trace] | None = None,
) -> Operation:
    """Make the changes that `request` asks for and compare every model with what it was.

    Args:
        parts: the models as they are; `Part.of` names the module of each.
        modules: by their names.
        example: what is read, with its answers; ``None`` where nothing is known but `inputs`.
        inputs: token ids ``[time]``, or floats ``[time, feature]``.
        shown: what of a trace the parts hold, where that is not all of it.
    """
    rejected = _why_rejected(request.rejected, language)
    try:
        changes = read_changes(request.text, modules)
    except InputError as error:  # a link that somebody else wrote
        changes, rejected = (), _why_rejected(error, language, kept=False)
    done = operate(modules, inputs, changes)
    if shown:
        done = replace(done, traces={key: shown(each) for key, each in done.traces.items()})
    read = _reread(example, preset, done)
    story = tell(parts, example, preset, language)
    asked = min(story.asked if request.asked is None else request.asked, len(inputs) - 1)
    followed = {
        part.key: _followed(part, modules, done, read, preset, asked)
        for part in parts
        if part.of in done.traces
    }
    firsts = {part.of: followed[part.key] for part in reversed(parts) if part.key in followed}
    ordered = {part.of: firsts[part.of] for part in parts if part.of in firsts}
    vocabulary = getattr(next(iter(modules.values()), None), "vocabulary", None)
    return Operation(
        request=request,
        items=_items(changes, done, modules, language),
        rejected=rejected,
        outcome=outcome(
            ordered, _lead(changes, done, modules, language), story.step, asked, language
        ),
        guides=_guides(parts, example, story, language),
        tokens=() if vocabulary is None or len(vocabulary) > MOST_TOKENS else vocabulary.tokens,
        asked=asked,
        other="" if read is None or preset not in TASKS else _other(read, preset, asked),
        replaced=done.replaced,
        followed=followed,
    )


def _reread(example: Example | None, preset: str, done: Outcome) -> Example | None:
    """The example as it is read now, with the answers that are right for it."""
    if example is None or not done.replaced:
        return example
    tokens = [done.replaced.get(t, token) for t, token in enumerate(example.tokens)]
    return read_example(preset, "".join(tokens))


def _followed(
    part: Part,
    modules: Mapping[str, nn.Module],
    done: Outcome,
    read: Example | None,
    preset: str,
    asked: int,
) -> Followed:
    memory = None
    if part.memory is not None and read is not None and asked < len(read.ids) and preset in TASKS:
        other = TASKS[preset].vocabulary.tokens.index(_other(read, preset, asked))
        acts = done.made[part.of]
        memory = memory_under(modules[part.of], read.ids, asked, other, acts, spread_of(part.trace))
    return Followed(part=part, changed=done.traces[part.of], example=read, memory=memory)


def _other(read: Example, preset: str, asked: int) -> str:
    task = TASKS[preset]
    return task.vocabulary.tokens[int(task.replacements(read.ids)[asked])]


def _layers(modules: Mapping[str, nn.Module], model: str) -> int:
    return network_of(open_module(modules[model])).layers if model else 1


def _items(
    changes: Sequence[Change], done: Outcome, modules: Mapping[str, nn.Module], language: str
) -> tuple[Mapping[str, Any], ...]:
    return tuple(
        {
            "change": change.to_json(),
            "words": describe(change.act, language, _layers(modules, change.model)),
            "model": change.model,
            "problem": _why_not(done.problems[place], language) if place in done.problems else "",
        }
        for place, change in enumerate(changes)
    )


def _lead(
    changes: Sequence[Change], done: Outcome, modules: Mapping[str, nn.Module], language: str
) -> str:
    made = [c for place, c in enumerate(changes) if c.on and place not in done.problems]
    if len(made) == 1:
        return describe(made[0].act, language, _layers(modules, made[0].model))
    return say("surgery.lead-many", language, count=len(made))


def _why_not(error: InputError, language: str) -> str:
    return say("surgery.problem", language, **_fields(error))


def _why_rejected(error: InputError | None, language: str, *, kept: bool = True) -> str:
    if error is None:
        return ""
    key = "surgery.rejected" if "number" in error.fields else "surgery.rejected-whole"
    told = say(key, language, **_fields(error))
    return told + say("surgery.kept", language) if kept else told


def _fields(error: InputError) -> dict[str, str]:
    found = {"field": "?", "problem": str(error)} | error.fields
    told = {name: str(value) for name, value in found.items()}
    return told | {"field": strong(told["field"]), "problem": told["problem"].rstrip(".") + "."}


def _guides(
    parts: Sequence[Part], example: Example | None, story: Story, language: str
) -> tuple[Mapping[str, Any], ...]:
    if example is None:
        return ()
    names = {part.trace.cell: part.of for part in parts}
    fields: dict[str, Any] = {"until": story.step, "token": glyph(example.tokens[story.asked])}
    return tuple(
        {
            "name": say(f"guide.{guide.key}", language),
            "asks": say(f"guide.{guide.key}.asks", language, **fields),
            "changes": [change.to_json() for change in guide.changes],
        }
        for guide in guides(list(names), story.asked, story.step, len(example.tokens))
    )
