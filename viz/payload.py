"""The stepper: everything the browser needs for one input, packed once.

The payload is a JSON header and one float32 buffer; the files of ``viz/stage/`` draw it. From then
on stepping, hovering and drilling happen in the browser. Streamlit is not imported here.
"""

import json
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from lstm_core.difference import difference
from lstm_core.signals import PACKED, SIGNALS
from lstm_core.tasks import TASKS, Example
from lstm_core.trace import LayerTrace
from viz import style
from viz.operation import Operation
from viz.state import MAX_URL_TEXT, ViewState
from viz.story import (
    Part,
    Story,
    about,
    facts,
    glyph,
    glyphs,
    marks,
    probabilities,
    proof,
    score_line,
    seed_table,
    tell,
)
from viz.text import say, section, signal_name

__all__ = ["Assets", "Part", "assets", "packed"]

FOLDER = Path(__file__).with_name("stage")
SCRIPTS = (
    "payload.js", "colours.js", "arithmetic.js", "dom.js", "lanes.js", "tracks.js", "words.js",
    "pointer.js", "memory.js", "score.js", "heading.js", "cell.js", "transport.js", "window.js",
    "address.js", "versions.js", "surgery.js", "editor.js", "brush.js", "stage.js",
)  # fmt: skip
"""In the order in which they are joined: one module without imports, so nothing is built."""

_KEPT = {"lstm": "f", "gru": "z"}


@dataclass(frozen=True, kw_only=True)
class Assets:
    """The three texts that make a Streamlit component."""

    html: str
    css: str
    js: str


@cache
def assets() -> Assets:
    """The stage's HTML, CSS and JavaScript, read once."""
    js = "\n".join(_tight(line) for name in SCRIPTS for line in _code(FOLDER / name))
    css = re.sub(r"([;:,{]) ", r"\1", "\n".join(_code(FOLDER / "stage.css")))
    return Assets(html='<div class="lstm-stage-host"></div>', css=css, js=js)


NOTHING = -1
"""The class that stands where a model gives no number."""

_COMMENTS = ("//", "/*", "* ", "*/")


def _code(path: Path) -> list[str]:
    """The lines of a file without comments and indentation: they travel with every message."""
    text = re.sub(r" // .*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if not line.startswith(_COMMENTS) and line.strip("*")]


def _tight(line: str) -> str:
    """A line of JavaScript without spaces that mean nothing; one with text in it stays."""
    if re.search(r"[\"'`/\\]", line):
        return line
    return re.sub(r" ?([=*<>?:,;{}()&|\[\]]) ?", r"\1", line)


class _Buffer:
    """Collects arrays; each is named in the header by its place in the buffer."""

    def __init__(self) -> None:
        self._arrays: list[np.ndarray] = []
        self._size = 0

    def add(self, array: np.ndarray) -> dict[str, list[int]]:
        """Append `array` as float32 and return its place: ``{"$": [offset, *shape]}``."""
        place = {"$": [self._size, *array.shape]}
        self._arrays.append(np.ascontiguousarray(array, dtype="<f4"))
        self._size += array.size
        return place

    def pack(self, header: Mapping[str, Any]) -> bytes:
        """The header's length, the header padded to whole floats, the floats."""
        text = json.dumps(header, ensure_ascii=False, allow_nan=False).encode()
        text += b" " * (-len(text) % 4)
        return b"".join([struct.pack("<I", len(text)), text, *(a.tobytes() for a in self._arrays)])


def packed(
    parts: Sequence[Part],
    example: Example | None,
    view: ViewState,
    *,
    address: bool = True,
    story: Story | None = None,
    operation: Operation | None = None,
) -> bytes:
    """The bytes that show `parts` reading one sequence, in the language and place of `view`.

    Args:
        parts: at least one; all of them read the same sequence.
        example: that sequence with its answers; ``None`` where nothing is known but the traces.
        address: whether the browser keeps models, step and unit in the page's address.
        story: what is said of the sequence; that of the task's `example` when not given.
        operation: what was changed; ``None`` where nothing can be changed, as in a file.
    """
    buffer = _Buffer()
    told = story or tell(parts, example, view.preset, view.language)
    tokens, known = parts[0].trace.tokens, view.preset in TASKS
    header = {
        "preset": view.preset,
        "language": view.language,
        "address": address,
        "text": section("stage", view.language),
        "colours": _colours(),
        "glyphs": None if tokens is None else glyphs(tokens, flags=known),
        "marks": marks(tokens or (), view.preset),
        "values": None if tokens else buffer.add(parts[0].trace.layer(0).inputs),
        "lead": told.lead,
        "step": told.step,
        "asked": told.asked,
        "replacements": _replacements(example, view.preset),
        "surgery": None
        if operation is None
        else _surgery(operation, tokens, view.language, flags=known),
        "view": {
            "models": list(view.models),
            "step": view.step,
            "unit": view.unit,
            "focus": view.focus,
        },
        "parts": [
            _part(buffer, part, example, view.language)
            | {"input_names": _input_names(part, flags=known)}
            | {
                "sentence": told.parts.get(part.key, ""),
                "unit": first_unit(part, told.step),
                "changed": _changed(buffer, part, operation, view.language),
            }
            for part in parts
        ],
    }
    return buffer.pack(header)


def _replacements(example: Example | None, preset: str) -> list[str]:
    """What `Part.memory` put at each step instead, as glyphs."""
    if example is None or preset not in TASKS:
        return []
    task = TASKS[preset]
    return [glyph(task.vocabulary.tokens[i]) for i in task.replacements(example.ids)]


def _colours() -> dict[str, Any]:
    themes = {}
    for name, theme in style.THEMES.items():
        themes[name] = {
            "accent": style.ACCENT[name],
            "ink": theme.ink,
            "muted": theme.muted,
            "grid": theme.grid,
            "faint": theme.grid,
            "right": theme.right,
            "wrong": theme.wrong,
            "panel": theme.panel,
            "gru": theme.cells["gru"],
            "cells": theme.cells,
            "curves": [theme.cells["lstm"], theme.right],
            "diverging": style.DIVERGING[name],
            "beyond": style.BEYOND[name],
        }
    return {"sequential": style.SEQUENTIAL, "missing": style.MISSING, **themes}


def _part(buffer: _Buffer, part: Part, example: Example | None, language: str) -> dict[str, Any]:
    layer = part.trace.layer(part.layer, part.direction)
    first = layer.layer == 0
    return {
        "key": part.key,
        "model": part.of,
        "layer": layer.layer,
        "layers": part.trace.num_layers,
        "cell": layer.cell,
        "name": part.name or say(f"cell.{layer.cell}", language),
        "steps": len(layer),
        "units": layer.hidden_size,
        "reverse": bool(layer.direction),
        "packed": list(PACKED[layer.cell]),
        "nonlinearity": layer.nonlinearity,
        "lanes": [_lane(buffer, layer, s.key, language) for s in SIGNALS[layer.cell]],
        "weights": {name: buffer.add(array) for name, array in layer.weights.items()},
        "initial": {"h": buffer.add(layer.h_0)} | _initial_cell(buffer, layer),
        **_inputs(buffer, layer, example if first else None),
        **_units(buffer, layer),
        **_answers(buffer, part, example),
        "memory": None if part.memory is None else buffer.add(part.memory),
        "facts": part.facts or facts(part, layer, language),
        "score": score_line(part, language),
        "proof": proof(layer, language),
        "about": about(part, language),
        "seeds": dict(zip(("head", "rows"), seed_table(part.checkpoint, language), strict=True)),
    }


def _input_names(part: Part, *, flags: bool) -> list[str] | None:
    names = part.trace.input_names
    first = part.trace.layer(part.layer).layer == 0
    return glyphs(names, flags=flags) if names and first else None


def _lane(buffer: _Buffer, layer: LayerTrace, key: str, language: str) -> dict[str, Any]:
    return _shape(layer, key, language) | {"values": buffer.add(layer.signals[key])}


def _shape(layer: LayerTrace, key: str, language: str) -> dict[str, Any]:
    """All that is drawn of a signal but its values."""
    values = layer.signals[key]
    scale = style.scale(key, layer.cell, values, layer.quantity)
    return {
        "key": key,
        "symbol": key,
        "name": signal_name(layer.cell, key, language),
        "equation": next(s.equation for s in SIGNALS[layer.cell] if s.key == key),
        "kind": "signed" if scale.diverging else "gate",
        "low": scale.low,
        "high": scale.high,
        "units": min(values.shape[1], layer.hidden_size),
        **_odd(values, scale),
    }


def _odd(values: np.ndarray, scale: style.Scale) -> dict[str, int]:
    """How many values lie beyond the scale, and how many are none."""
    finite = np.isfinite(values)
    return {
        "beyond": int(np.count_nonzero(finite & ((values < scale.low) | (values > scale.high)))),
        "missing": int(np.count_nonzero(~finite)),
    }


def _proof_of_changed(layer: LayerTrace, language: str) -> dict[str, object]:
    """The badge of a changed layer: that of its twin which read the same and was left alone."""
    told = proof(layer, language)
    return told | {"label": say("surgery.proof", language, label=told["label"])}


def _weights(buffer: _Buffer, was: LayerTrace, now: LayerTrace) -> dict[str, Any]:
    """The weights where they were edited."""
    if all(np.array_equal(array, was.weights[name]) for name, array in now.weights.items()):
        return {}
    return {"weights": {name: buffer.add(array) for name, array in now.weights.items()}}


def _surgery(
    operation: Operation, read: Sequence[str] | None, language: str, *, flags: bool
) -> dict[str, Any]:
    tokens = operation.tokens
    return {
        "text": section("change", language),
        "number": operation.request.number,
        "items": list(operation.items),
        "rejected": operation.rejected,
        "outcome": operation.outcome,
        "guides": list(operation.guides),
        "read": list(read or ()),
        "tokens": [list(pair) for pair in zip(tokens, glyphs(tokens, flags=flags), strict=True)],
        "replaced": {
            str(t): glyphs([token], flags=flags)[0] for t, token in operation.replaced.items()
        },
        "asked": operation.asked,
        "other": glyphs([operation.other], flags=flags)[0] if operation.other else "",
        "most": MAX_URL_TEXT,
    }


def _changed(
    buffer: _Buffer, part: Part, operation: Operation | None, language: str
) -> dict[str, Any] | None:
    """What is other than in `part` after the changes; lanes stay on the scales they had.

    The browser subtracts; what it gets of the difference is its scale.
    """
    if operation is None or part.key not in operation.followed:
        return None
    followed = operation.followed[part.key]
    was = part.trace.layer(part.layer, part.direction)
    now = followed.changed.layer(part.layer, part.direction)
    gap = difference(followed.changed, part.trace).layer(part.layer, part.direction)
    keys = [signal.key for signal in SIGNALS[was.cell]]
    scales = {key: style.scale(key, was.cell, was.signals[key]) for key in keys}
    return {
        "lanes": [
            {"values": buffer.add(now.signals[key]), **_odd(now.signals[key], scales[key])}
            for key in keys
        ],
        "difference": [_shape(gap, key, language) for key in keys],
        "proof": _proof_of_changed(now, language),
        **_weights(buffer, was, now),
        **({} if np.array_equal(now.inputs, was.inputs) else _inputs(buffer, now, None)),
        **_answers(buffer, replace(part, trace=followed.changed), followed.example),
        "memory": None if followed.memory is None else buffer.add(followed.memory),
    }


def _initial_cell(buffer: _Buffer, layer: LayerTrace) -> dict[str, Any]:
    return {} if layer.c_0 is None else {"c": buffer.add(layer.c_0)}


def _inputs(buffer: _Buffer, layer: LayerTrace, example: Example | None) -> dict[str, Any]:
    """What the layer reads: a row a step, or a row a token where tokens repeat."""
    if example is None:
        return {"inputs": buffer.add(layer.inputs), "rows": None}
    _, first, rows = np.unique(example.ids, return_index=True, return_inverse=True)
    return {"inputs": buffer.add(layer.inputs[first]), "rows": buffer.add(rows)}


def _units(buffer: _Buffer, layer: LayerTrace) -> dict[str, Any]:
    """What units may be sorted by: how much h moves, and the passive time constant in steps.

    The time constant is -1 / mean(ln f), as in Mahto et al. 2020; a GRU keeps with z.
    """
    kept = layer.signals.get(_KEPT.get(layer.cell, ""))
    with np.errstate(all="ignore"):
        activity = np.nan_to_num(layer.signals["h"].std(axis=0))
        tau = None if kept is None else -1 / np.log(np.maximum(kept, 1e-30)).mean(axis=0)
    return {
        "activity": buffer.add(activity),
        "tau": None if tau is None else buffer.add(np.nan_to_num(tau)),
    }


def first_unit(part: Part, step: int) -> int:
    """The unit to open at: the one whose state adds most to the answer at `step`.

    Added is its hidden state times its readout weight, measured against the mean of all classes.
    Without a readout it is the unit whose hidden state moves most.
    """
    layer = part.trace.layer(part.layer, part.direction)
    h = np.nan_to_num(layer.signals["h"])
    last = layer.layer == part.trace.num_layers - 1
    if part.checkpoint is None or part.trace.outputs is None or not last:
        return int(h[:, : layer.hidden_size].std(axis=0).argmax())
    weight = part.checkpoint.model.readout.weight.detach().cpu().numpy()
    weight = weight[:, layer.direction * h.shape[1] :][:, : h.shape[1]]
    said = int(np.nan_to_num(part.trace.outputs[step]).argmax())
    return int((h[step] * (weight[said] - weight.mean(axis=0))).argmax())


def _answers(buffer: _Buffer, part: Part, example: Example | None) -> dict[str, Any]:
    """At each step: what the model says, what is right, and the probabilities of both."""
    if part.trace.outputs is None or not part.classes or example is None:
        return {"says": None, "classes": []}
    share = probabilities(part.trace.outputs)
    steps = np.arange(len(share))
    says = np.where(np.isfinite(share).all(axis=1), np.nan_to_num(share).argmax(axis=1), NOTHING)
    asked = example.targets >= 0
    return {
        "classes": [glyph(name) for name in part.classes],
        "says": buffer.add(says),
        "top": buffer.add(share[steps, says]),
        "target": buffer.add(example.targets),
        "correct": buffer.add(np.where(asked, share[steps, np.maximum(example.targets, 0)], 0)),
        "asksEveryStep": bool(asked.mean() > 0.5),
    }
