"""The trace of a person's own model on the stage: its layers as parts, where to look, in words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lstm_core.memory import passive_half_life
from lstm_core.trace import LayerTrace, Trace
from viz.excerpt import Excerpt, cut, excerpt_of
from viz.own import Given, Own
from viz.sheet import count
from viz.state import ViewState
from viz.story import Part, Story, percent, strong
from viz.text import say

MODEL = "own"
"""How changes name the model of all parts."""

TOGETHER = 4
"""Layers and directions that stand on the stage at first; the others can be added there."""

_LITTLE = 0.01
"""A unit that holds less than this share of what the fullest of its layer holds, holds nothing."""

FOREVER = 1_000_000
"""Half-lives beyond this are not told in figures: the gate is all but always open."""


def key_of(layer: LayerTrace) -> str:
    """How a part of the stage is called: ``"l0f"`` is the first layer, read forwards."""
    return f"l{layer.layer}{'b' if layer.direction else 'f'}"


def name_of(layer: LayerTrace, whole: Trace, language: str) -> str:
    """What a layer and direction is called where a model has several, counted as torch does."""
    name = say(f"cell.{layer.cell}", language)
    if whole.num_layers > 1:
        name = say("own.layer", language, cell=name, layer=layer.layer)
    if whole.num_directions > 1:
        name += " ←" if layer.direction else " →"
    return name


def parts_of(whole: Trace, language: str) -> tuple[list[Part], Excerpt]:
    """Every layer and direction as a part of the stage, and how much of them is sent."""
    excerpt = excerpt_of(whole)
    shown = cut(whole, excerpt)
    parts = [
        Part(
            key=key_of(layer),
            trace=shown,
            layer=layer.layer,
            direction=layer.direction,
            name=name_of(layer, whole, language),
            facts=_facts(layer, units, language),
            model=MODEL,
        )
        for layer, units in zip(whole.layers, excerpt.units, strict=True)
    ]
    return parts, excerpt


def _facts(layer: LayerTrace, units: int, language: str) -> str:
    parameters = f"{sum(weight.size for weight in layer.weights.values()):,}"
    if units == layer.hidden_size:
        return say("part.facts", language, units=units, parameters=parameters)
    fields = {"shown": units, "units": f"{layer.hidden_size:,}", "parameters": parameters}
    return say("own.facts-cut", language, **fields)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A unit of a layer and direction, and how long its gates keep half of what it holds."""

    layer: LayerTrace
    unit: int
    half_life: float


def extremes(whole: Trace) -> tuple[Place, Place] | None:
    """The unit that holds on longest and the one that lets go first; ``None`` without gates.

    Of each layer only the half of the units counts that holds most, and of these none that holds
    next to nothing: a unit that nothing is written into keeps nothing, however open its gate.
    """
    if whole.cell == "rnn":
        return None
    found: list[Place] = []
    for layer in whole.layers:
        lives = passive_half_life(whole, layer=layer.layer, direction=layer.direction)
        held = np.abs(np.nan_to_num(layer["c" if whole.cell == "lstm" else "h"])).mean(axis=0)
        full = np.flatnonzero(held >= max(np.median(held), _LITTLE * held.max()))
        lives = np.nan_to_num(lives, nan=0.0, posinf=np.inf)[full]
        found += [
            Place(layer=layer, unit=int(full[place]), half_life=float(lives[place]))
            for place in (lives.argmax(), lives.argmin())
        ]
    return max(found, key=lambda p: p.half_life), min(found, key=lambda p: p.half_life)


def liveliest(layer: LayerTrace) -> int:
    """The unit whose hidden state moves most."""
    return int(np.nan_to_num(layer["h"]).std(axis=0).argmax())


def story_of(whole: Trace, given: Given, excerpt: Excerpt, language: str) -> Story:
    """What to look at, computed: who holds on longest and who lets go first."""
    look = len(whole) // 2 if given.look is None else given.look
    step = min(look, excerpt.steps - 1)
    missing = first_missing(whole)
    if missing is not None:
        return Story(lead=_lead_missing(whole, *missing, language), step=min(missing[1], step))
    ends = extremes(whole)
    if ends is None:
        unit = liveliest(whole.layer())
        lead = say("own.lead-rnn", language, steps=f"{len(whole):,}", unit=strong(str(unit)))
        return Story(lead=lead, step=step)
    slow, fast = ends
    lead = say(
        "own.lead-open" if fast.half_life > FOREVER else "own.lead",
        language,
        steps=f"{len(whole):,}",
        unit=strong(str(slow.unit)),
        part=name_of(slow.layer, whole, language),
        slow=_steps(slow.half_life, language),
        other=fast.unit,
        where=name_of(fast.layer, whole, language),
        fast=_steps(fast.half_life, language),
    )
    return Story(lead=lead, step=step)


def first_missing(whole: Trace) -> tuple[LayerTrace, int] | None:
    """The first layer whose state is somewhere no number, and the first such step that it reads."""
    for layer in whole.layers:
        missing = np.flatnonzero(~np.isfinite(layer["h"]).all(axis=1))
        if len(missing):
            return layer, int(missing[-1 if layer.direction else 0])
    return None


def _lead_missing(whole: Trace, layer: LayerTrace, step: int, language: str) -> str:
    share = 1 - float(np.isfinite(layer["h"]).mean())
    part = name_of(layer, whole, language)
    return say("own.lead-missing", language, share=percent(share), part=part, step=step)


def _steps(number: float, language: str) -> str:
    if number > FOREVER:
        return say("own.more-steps", language, number=count(FOREVER))
    return say("memory.steps", language, number=count(number))


def view_of(own: Own, parts: Sequence[Part], whole: Trace, language: str) -> ViewState:
    """Where the stage opens: the unit that holds on longest, in a layer that is shown."""
    keys = [part.key for part in parts]
    ends = extremes(whole)
    layer = whole.layer() if ends is None else ends[0].layer
    unit = liveliest(layer) if ends is None else ends[0].unit
    focus = key_of(layer)
    models = keys[:TOGETHER] if focus in keys[:TOGETHER] else [*keys[: TOGETHER - 1], focus]
    shown = parts[keys.index(focus)].trace.layer(layer.layer, layer.direction).hidden_size
    return ViewState(
        preset=f"own {own.key}",
        models=tuple(models),
        focus=focus,
        unit=unit if unit < shown else None,
        language=language,
    )
