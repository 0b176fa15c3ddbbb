"""Traces on a stage of their own: in a notebook, or saved as one file. Streamlit is not needed.

How the file is written is in `standalone`; how the stage's bytes are packed, in `payload`.
"""

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lstm_core.trace import LayerTrace, Trace
from viz.excerpt import Excerpt, cut, excerpt_of
from viz.payload import packed
from viz.standalone import ThemeName, player_html
from viz.state import ViewState
from viz.story import Part, Story
from viz.text import say

Traces = Trace | Sequence[Trace] | Mapping[str, Trace]

MOST_SHOWN = 4
"""The most layers that are open at first; buttons on the stage bring the others."""

MOST_NUMBERS = 8_000_000
"""The most numbers that a player carries, all traces together: about 43 MB of file."""

_HEAD, _GROUP, _LANE = 190, 60, 58
"""About how high the stage is, in CSS pixels: what stands above, a heading with its answers, and a
lane. A frame that is too low scrolls."""

_LOWEST, _HIGHEST = 700, 1000


@dataclass(frozen=True, kw_only=True)
class Player:
    """A stage that shows itself in a notebook.

    >>> import torch, lstm_core, viz
    >>> player = viz.stage(lstm_core.trace(torch.nn.GRU(3, 8), torch.ones(20, 3)), title="ones")
    >>> player.title, player.html.count("<html")
    ('ones', 1)

    Attributes:
        html: the whole page, which needs nothing else.
        title: what the page is called.
        height: of the frame in a notebook, in CSS pixels.
    """

    html: str = field(repr=False)
    title: str
    height: int

    def save(self, path: str | Path) -> None:
        """Write the page as one file; any browser opens it, without a network.

        Raises:
            OSError: if it cannot be written.
        """
        Path(path).write_text(self.html, encoding="utf-8", newline="\n")

    def _repr_html_(self) -> str:
        """The page in a frame that may run its own script and reach nothing around it."""
        return (
            f'<iframe title="{html.escape(self.title)}" sandbox="allow-scripts" loading="lazy" '
            f'style="width: 100%; height: {self.height}px; border: 0; resize: vertical" '
            f'srcdoc="{html.escape(self.html)}"></iframe>'
        )


def stage(
    traces: Traces,
    *,
    names: Sequence[str] | None = None,
    title: str | None = None,
    language: str = "en",
    theme: ThemeName = "auto",
    height: int | None = None,
) -> Player:
    """A player of one or more traces of the same sequence, one below the other.

    Every layer and direction of a trace is a group of lanes. It steps, plays and shows the
    arithmetic behind every gate as the app does; nothing is computed by a server.

    Args:
        traces: a trace, several, or several by name; with the first one's tokens, if it has any.
        names: what the traces are called, in their order; by their kind of cell when not given.
        title: the page's heading; the names of the traces when not given.
        language: ``"en"`` or ``"zh"``.
        theme: ``"light"``, ``"dark"``, or ``"auto"``, which follows the reader's system.
        height: of the frame in a notebook, in CSS pixels; as much as the stage needs when not
            given.

    Raises:
        TypeError: if something other than traces is given.
        ValueError: if there are no traces, they did not read the same sequence, or `names` does
            not fit them.

    >>> import numpy as np, torch, lstm_core, viz
    >>> traced = lstm_core.trace(torch.nn.LSTM(3, 8), np.ones((20, 3), np.float32))
    >>> viz.stage(traced, height=600)
    Player(title='LSTM', height=600)
    """
    named = _named(traces, names, language)
    _check(named)
    parts, kept = _parts(named, language)
    data = packed(
        parts,
        None,
        ViewState(preset="", models=tuple(p.key for p in parts[:MOST_SHOWN]), language=language),
        address=False,
        story=Story(lead=_left_out(named, kept, language), step=len(kept[0]) // 2),
    )
    heading = " · ".join(named) if title is None else title
    return Player(
        html=player_html(data, title=heading, language=language, theme=theme),
        title=heading,
        height=height or _height(parts[:MOST_SHOWN]),
    )


def _named(traces: Traces, names: Sequence[str] | None, language: str) -> dict[str, Trace]:
    """The traces by the names that they go by, all different."""
    if isinstance(traces, Mapping):
        given, values = [str(name) for name in traces], list(traces.values())
    else:
        if isinstance(traces, Trace):
            traces = [traces]
        if not isinstance(traces, Iterable):
            raise TypeError(f"expected traces of lstm_core.trace, got {type(traces).__name__}")
        values, given = list(traces), []
    for trace in values:
        if not isinstance(trace, Trace):
            raise TypeError(f"expected traces of lstm_core.trace, got {type(trace).__name__}")
    if not values:
        raise ValueError("expected at least one trace, got none")
    if names is not None:
        given = list(names)
        if len(given) != len(values):
            raise ValueError(f"expected a name for each of {len(values)} traces, got {len(given)}")
    given = given or _by_cell(values, language)
    if len(set(given)) != len(given):
        raise ValueError(f"expected different names, got {', '.join(given)}")
    return dict(zip(given, values, strict=True))


def _by_cell(traces: Sequence[Trace], language: str) -> list[str]:
    """The name of each trace's kind of cell, numbered where a kind comes several times."""
    names = [say(f"cell.{trace.cell}", language) for trace in traces]
    return [
        f"{name} {names[: place + 1].count(name)}" if names.count(name) > 1 else name
        for place, name in enumerate(names)
    ]


def _check(named: Mapping[str, Trace]) -> None:
    """Raise unless all traces can have read the same sequence."""
    lengths = {name: len(trace) for name, trace in named.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {steps}" for name, steps in lengths.items())
        raise ValueError(
            f"expected traces of the same sequence, got these numbers of steps: {told}"
        )
    if not min(lengths.values()):
        raise ValueError("expected a sequence of at least one step, got an empty one")
    read = {trace.tokens for trace in named.values() if trace.tokens is not None}
    if len(read) > 1:
        raise ValueError("expected traces of the same sequence, got different tokens")


def _parts(named: Mapping[str, Trace], language: str) -> tuple[list[Part], list[Trace]]:
    """Every layer and direction of every trace, and the traces as far as they are carried."""
    most = MOST_NUMBERS // len(named)
    kept = [cut(trace, excerpt_of(trace, most)) for trace in named.values()]
    shortest = min(map(len, kept))
    kept = [_shortened(trace, shortest) for trace in kept]
    parts = [
        Part(
            key=f"m{number}l{layer.layer}{'fb'[layer.direction]}",
            model=f"m{number}",
            trace=trace,
            layer=layer.layer,
            direction=layer.direction,
            name=_name_of(name, trace, layer, language),
        )
        for number, (name, trace) in enumerate(zip(named, kept, strict=True))
        for layer in trace.layers
    ]
    return parts, kept


def _shortened(trace: Trace, steps: int) -> Trace:
    whole = tuple(layer.hidden_size for layer in trace.layers)
    return cut(trace, Excerpt(steps=steps, units=whole))


def _name_of(name: str, trace: Trace, layer: LayerTrace, language: str) -> str:
    """What a part is called: layer and direction are said where there are several."""
    if trace.num_layers > 1:
        name = say("player.layer", language, model=name, layer=layer.layer)
    arrow = " ←" if layer.direction else " →"
    return name + arrow * (trace.num_directions > 1)


def _left_out(named: Mapping[str, Trace], kept: Sequence[Trace], language: str) -> str:
    """What a reader has to know of a trace that is too large to be carried whole."""
    told = []
    (steps,) = {len(trace) for trace in named.values()}
    if len(kept[0]) < steps:
        fields = {"shown": f"{len(kept[0]):,}", "steps": f"{steps:,}"}
        told.append(say("player.fewer-steps", language, **fields))
    for (name, whole), trace in zip(named.items(), kept, strict=True):
        shown = min(layer.hidden_size for layer in trace.layers)
        units = max(layer.hidden_size for layer in whole.layers)
        if shown < units:
            fields = {"model": name, "shown": f"{shown:,}", "units": f"{units:,}"}
            told.append(say("player.fewer-units", language, **fields))
    return (" " * (language == "en")).join(told)


def _height(parts: Sequence[Part]) -> int:
    """About how high the stage is that shows `parts`."""
    lanes = sum(len(part.trace.layer(part.layer, part.direction).signals) for part in parts)
    return min(max(_LOWEST, _HEAD + _GROUP * len(parts) + _LANE * lanes), _HIGHEST)
