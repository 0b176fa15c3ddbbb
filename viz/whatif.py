"""What the stage says of changes: each in a few words, what followed from them, some to begin with.

Every number in a sentence is computed. How changes are made is in `surgery`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from torch import nn

from lstm_core.edit import WeightEdit
from lstm_core.intervene import Intervention, Span
from lstm_core.tasks import NO_TARGET, Example
from lstm_core.trace import Trace, trace_many
from viz.story import Part, glyph, glyphs, percent, probabilities, strong
from viz.surgery import Act, Change, Replacement, interventions_of, operated
from viz.text import say

_LOST = 0.1
"""Memory below this share of what it was counts as lost."""

_NAMED = 4
"""Units that are named one by one."""

_SIGNS = {"set": "=", "scale": "×", "add": "+"}


def describe(act: Act, language: str, layers: int = 1) -> str:
    """A change in a few words, e.g. "f of unit 12 = 0 · steps 20–59"."""
    words = partial(say, language=language)
    if isinstance(act, Replacement):
        (token,) = glyphs([act.token], flags=False)
        return words("surgery.token", t=act.time, token=token)
    if isinstance(act, WeightEdit):
        made = say(f"surgery.{act.op}", language, **_edit_fields(act, language))
        return _layered(act, layers, made, language)
    value = words("surgery.values") if isinstance(act.value, tuple) else _number(act.value)
    what = words("surgery.of", signal=act.signal, units=_units(act.units, language))
    made = f"{what} {_SIGNS[act.op]} {value} · {_times(act.times, language)}"
    return _layered(act, layers, made, language)


def _edit_fields(act: WeightEdit, language: str) -> dict[str, str]:
    value = 0.0 if act.value is None else act.value
    return {
        "gate": act.gate or "",
        "value": _number(value),
        "signed": ("−" if value < 0 else "+") + _number(abs(value)),
        "units": _units(act.units, language),
    }


def _layered(act: Intervention | WeightEdit, layers: int, text: str, language: str) -> str:
    if layers > 1:
        text = say("surgery.layer", language, layer=act.layer % layers, text=text)
    return f"← {text}" if act.direction else text


def _number(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")


def _units(units: tuple[int, ...] | None, language: str) -> str:
    if units is None:
        return say("surgery.every-unit", language)
    if len(units) == 1:
        return say("surgery.unit", language, unit=units[0])
    if len(units) <= _NAMED:
        return say("surgery.units", language, units=", ".join(map(str, units)))
    return say("surgery.many-units", language, count=len(units))


def _times(times: tuple[Span, ...] | None, language: str) -> str:
    if times is None:
        return say("surgery.every-step", language)
    if len(times) > 1:
        return say("surgery.many-spans", language, count=len(times), first=times[0][0])
    start, stop = times[0]
    if stop is None:
        return say("surgery.from-step", language, start=start)
    if stop == start + 1:
        return say("surgery.step", language, start=start)
    return say("surgery.steps", language, start=start, last=stop - 1)


# ---- What followed


def memory_under(
    module: nn.Module, ids: np.ndarray, asked: int, other: int, acts: Sequence[Act], spread: float
) -> np.ndarray:
    """How far the token `other` at step `asked` still moves a changed network, ``[time]``.

    In units of `spread`, that of the unchanged network's state, so that both can be compared. As a
    row of `lstm_core.counterfactual`, with the changes made in both runs.
    """
    variants = np.stack([ids, ids])
    variants[0, asked] = other
    traces = trace_many(
        operated(module, acts), list(variants), interventions=interventions_of(acts)
    )
    changed, base = map(state_of, traces)
    with np.errstate(all="ignore"):
        return np.linalg.norm(changed - base, axis=1) / spread


def state_of(trace: Trace) -> np.ndarray:
    """What the last layer carries from step to step, ``[time, unit]``: `h`, and `c` of an LSTM."""
    keys = ("h", "c") if trace.cell == "lstm" else ("h",)
    return np.concatenate([trace[key] for key in keys], axis=1)


def spread_of(trace: Trace) -> float:
    """The root of the sum of the variances of the state over time."""
    with np.errstate(all="ignore"):
        spread = float(np.sqrt(state_of(trace).var(axis=0, dtype=np.float64).sum()))
    return spread if np.isfinite(spread) else 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Followed:
    """A model before and after, to be told.

    Attributes:
        part: the model as it was, with its memory.
        changed: the trace after the changes.
        example: what the changed model read, with the answers that are right for it.
        memory: the row `asked` of `Part.memory`, after the changes, ``[time]``.
    """

    part: Part
    changed: Trace
    example: Example | None = None
    memory: np.ndarray | None = None


def outcome(
    followed: Mapping[str, Followed], lead: str, step: int, asked: int, language: str
) -> str:
    """What the changes did to each model, in one sentence; empty where nothing was changed.

    Args:
        followed: those models that were changed, by key.
        lead: what was done, e.g. of `describe`; emphasised.
        step: where the answer is asked for.
        asked: the token whose memory is told.
    """
    if not followed:
        return ""
    told = [_outcome_of(one, step, asked, language) for one in followed.values()]
    joined = say("stage.join", language).join(told)
    return say("surgery.outcome", language, lead=strong(lead), told=joined)


def _outcome_of(one: Followed, step: int, asked: int, language: str) -> str:
    before, after = one.part.trace.outputs, one.changed.outputs
    if before is None or after is None or one.example is None or not one.part.classes:
        return _moved(one, language)
    answers = one.example.targets != NO_TARGET
    if answers.mean() > 0.5:
        return _many_answers(one, answers, language)
    if not answers[min(step, len(answers) - 1)]:
        return _moved(one, language)
    return _one_answer(one, step, language) + _memory(one, step, asked, language)


def _one_answer(one: Followed, step: int, language: str) -> str:
    was, now = (share[step] for share in _shares(one))
    model = say(f"inline.{one.changed.cell}", language)
    if not np.isfinite(now).all():
        return say("surgery.no-number", language, model=model)
    before, after = int(np.nan_to_num(was).argmax()), int(np.nan_to_num(now).argmax())
    return say(
        "surgery.stays" if before == after else "surgery.flips",
        language,
        model=model,
        was=strong(glyph(one.part.classes[before])),
        now=strong(glyph(one.part.classes[after])),
        was_share=percent(was[before]),
        now_share=percent(now[after]),
    )


def _shares(one: Followed) -> tuple[np.ndarray, np.ndarray]:
    """The probabilities of the answers before and after, ``[time, class]`` each."""
    before, after = one.part.trace.outputs, one.changed.outputs
    assert before is not None
    assert after is not None
    return probabilities(before), probabilities(after)


def _many_answers(one: Followed, answers: np.ndarray, language: str) -> str:
    assert one.example is not None
    steps = np.flatnonzero(answers)
    was, now = (share[steps] for share in _shares(one))
    flips = int(np.count_nonzero(was.argmax(axis=1) != now.argmax(axis=1)))
    rows, right = np.arange(len(steps)), one.example.targets[steps]
    with np.errstate(all="ignore"):
        bits = [float(-np.log2(share[rows, right]).mean()) for share in (was, now)]
    model = say(f"inline.{one.changed.cell}", language)
    if np.isnan(bits[1]):
        return say("surgery.no-number", language, model=model)
    told = [f"{each:.2f}" if np.isfinite(each) else "∞" for each in bits]
    fields = {"flips": flips, "count": len(steps), "was": told[0], "now": told[1]}
    return say("surgery.many", language, model=model, **fields)


def _moved(one: Followed, language: str) -> str:
    before, after = state_of(one.part.trace), state_of(one.changed)
    with np.errstate(all="ignore"):
        gap = np.nan_to_num(np.linalg.norm(after - before, axis=1), nan=np.inf)
    model = say(f"inline.{one.changed.cell}", language)
    differs = np.flatnonzero(gap > 0)
    if not len(differs):
        return say("surgery.no-effect", language, model=model)
    places = {"first": int(differs[0]), "most": int(gap.argmax())}
    return say("surgery.moved", language, model=model, **places)


def _memory(one: Followed, step: int, asked: int, language: str) -> str:
    """When the model lost the token at `asked`, if it held it before the change."""
    if one.part.memory is None or one.memory is None or asked >= step:
        return ""
    before, after = one.part.memory[asked, : step + 1], one.memory[: step + 1]
    if not np.isfinite(after).all():
        return ""
    with np.errstate(all="ignore"):
        share = np.nan_to_num(after / before)
    if before[step] < _LOST or share[step] >= _LOST:
        return ""
    kept = np.flatnonzero(share[asked:] >= _LOST)
    lost = asked + (int(kept[-1]) + 1 if len(kept) else 0)
    return say("surgery.lost", language, t=asked, step=lost)


# ---- Where to begin


@dataclass(frozen=True, kw_only=True)
class Guide:
    """A change worth trying: its name, the question that it asks, and what it does."""

    key: str
    changes: tuple[Change, ...]


def guides(cells: Sequence[str], since: int, until: int, length: int) -> tuple[Guide, ...]:
    """Changes to begin with, for models named by their cells.

    Args:
        since: the step at which what is to be remembered is read.
        until: the step at which it is asked for.
        length: of the sequence.
    """
    until = until if until > since + 1 else length
    after = min(since + 1, length - 1)
    wait = ((after, max(until, after + 1)),)
    once = {"lstm": "f", "gru": "z", "rnn": "h"}
    table: dict[str, dict[str, list[Act]]] = {
        "erase": {
            "lstm": [_set("c", 0, ((after, after + 1),))],
            "gru": [_set("h", 0, ((after, after + 1),))],
            "rnn": [_set("h", 0, ((after, after + 1),))],
        },
        "forget-once": {cell: [_set(key, 0, ((after, after + 1),))] for cell, key in once.items()},
        "never-forget": {"lstm": [_set("f", 1, None)]},
        "silence": {
            "lstm": [_set("o", 0, wait)],
            "gru": [_set("h", 0, wait)],
            "rnn": [_set("h", 0, wait)],
        },
        "hold": {"lstm": [_set("f", 1, wait), _set("i", 0, wait)], "gru": [_set("z", 1, wait)]},
    }
    found = []
    for key, by_cell in table.items():
        changes = tuple(Change(model=c, act=act) for c in cells for act in by_cell.get(c, ()))
        if changes:
            found.append(Guide(key=key, changes=changes))
    return tuple(found)


def _set(signal: str, value: float, times: tuple[Span, ...] | None) -> Intervention:
    return Intervention(signal=signal, op="set", value=value, times=times)
