"""The stepper: everything the browser needs for one input, packed once.

The payload is a JSON header and one float32 buffer; the files of ``viz/stage/`` draw it. From then
on stepping, hovering and drilling happen in the browser. Streamlit is not imported here.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from lstm_core.signals import PACKED, SIGNALS
from lstm_core.tasks import TASKS, Example
from lstm_core.trace import LayerTrace
from viz import style
from viz.state import ViewState
from viz.story import (
    Part,
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
    "address.js", "stage.js",
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
    js = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS)
    css = (FOLDER / "stage.css").read_text(encoding="utf-8")
    return Assets(html='<div class="lstm-stage-host"></div>', css=css, js=js)


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
    parts: Sequence[Part], example: Example | None, view: ViewState, *, address: bool = True
) -> bytes:
    """The bytes that show `parts` reading one sequence, in the language and place of `view`.

    Args:
        parts: at least one; all of them read the same sequence.
        example: that sequence with its answers; ``None`` where nothing is known but the traces.
        address: whether the browser keeps models, step and unit in the page's address.
    """
    buffer = _Buffer()
    told = tell(parts, example, view.preset, view.language)
    tokens = parts[0].trace.tokens
    header = {
        "preset": view.preset,
        "language": view.language,
        "address": address,
        "text": section("stage", view.language),
        "colours": _colours(),
        "glyphs": None if tokens is None else glyphs(tokens),
        "marks": marks(tokens or (), view.preset),
        "values": None if tokens else buffer.add(parts[0].trace.layer(0).inputs),
        "lead": told.lead,
        "step": told.step,
        "asked": told.asked,
        "replacements": _replacements(example, view.preset),
        "view": {
            "models": list(view.models),
            "step": view.step,
            "unit": view.unit,
            "focus": view.focus,
        },
        "parts": [
            _part(buffer, part, example, view.language)
            | {
                "sentence": told.parts.get(part.key, ""),
                "unit": first_unit(part, told.step),
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
        "cell": layer.cell,
        "name": say(f"cell.{layer.cell}", language),
        "steps": len(layer),
        "units": layer.hidden_size,
        "reverse": bool(layer.direction),
        "packed": list(PACKED[layer.cell]),
        "nonlinearity": layer.nonlinearity,
        "lanes": [_lane(buffer, layer, s.key, language) for s in SIGNALS[layer.cell]],
        "weights": {name: buffer.add(array) for name, array in layer.weights.items()},
        "initial": {"h": buffer.add(layer.h_0)} | _initial_cell(buffer, layer),
        "input_names": [glyph(n) for n in part.trace.input_names or ()] if first else None,
        **_inputs(buffer, layer, example if first else None),
        **_units(buffer, layer),
        **_answers(buffer, part, example),
        "memory": None if part.memory is None else buffer.add(part.memory),
        "facts": facts(part, layer, language),
        "score": score_line(part, language),
        "proof": proof(layer, language),
        "about": about(part, language),
        "seeds": dict(zip(("head", "rows"), seed_table(part.checkpoint, language), strict=True)),
    }


def _lane(buffer: _Buffer, layer: LayerTrace, key: str, language: str) -> dict[str, Any]:
    values = layer.signals[key]
    scale = style.scale(key, layer.cell, values)
    finite = np.isfinite(values)
    return {
        "key": key,
        "symbol": key,
        "name": signal_name(layer.cell, key, language),
        "equation": next(s.equation for s in SIGNALS[layer.cell] if s.key == key),
        "kind": "signed" if scale.diverging else "gate",
        "low": scale.low,
        "high": scale.high,
        "beyond": int(np.count_nonzero(finite & ((values < scale.low) | (values > scale.high)))),
        "missing": int(np.count_nonzero(~finite)),
        "units": values.shape[1],
        "values": buffer.add(values),
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
        return int(h.std(axis=0).argmax())
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
    says = np.nan_to_num(share).argmax(axis=1)
    asked = example.targets >= 0
    return {
        "classes": [glyph(name) for name in part.classes],
        "says": buffer.add(says),
        "top": buffer.add(share[steps, says]),
        "target": buffer.add(example.targets),
        "correct": buffer.add(np.where(asked, share[steps, np.maximum(example.targets, 0)], 0)),
        "asksEveryStep": bool(asked.mean() > 0.5),
    }
