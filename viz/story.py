"""What the stage says in words of a sequence and of its models. Every number in it is computed.

Text between \\x02 and \\x03 is emphasised by the stage.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from lstm_core.checkpoint import Checkpoint, SeedScore
from lstm_core.tasks import NO_TARGET, RECALL, STORE, Example
from lstm_core.trace import LayerTrace, Trace
from viz.text import TEXT, say

_GLYPHS = {" ": "␣", "\n": "⏎", "\t": "⇥"}
_DOUBTFUL = {"float32": 1e-4, "float64": 1e-10}
"""A residual above this is no rounding error."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """One model on the stage: its trace of the example, and where it comes from.

    Attributes:
        key: how the address names it, e.g. ``"lstm"``.
        classes: the answers it can give; empty for a bare module.
        checkpoint: the recipe and the scores; ``None`` for a person's own module.
        layer, direction: which layer of the trace is drawn.
        memory: ``[changed, time]``, how far another token at `changed` moves the state at `time`,
            in units of the state's spread.
        model: the key of the model where a model has several parts; see `of`.
        name: what the stage calls it; the name of its kind of cell where it is empty.
        facts: how large it is, in words; computed from what is drawn where it is empty.
    """

    key: str
    trace: Trace
    classes: tuple[str, ...] = ()
    checkpoint: Checkpoint | None = None
    layer: int = -1
    direction: int = 0
    memory: np.ndarray | None = None
    name: str = ""
    facts: str = ""
    model: str = ""

    @property
    def of(self) -> str:
        """The model that this is a part of; a model of one part has the part's name."""
        return self.model or self.key


@dataclass(frozen=True, kw_only=True)
class Story:
    """One sentence on the sequence, one on each model, and where to look first.

    Attributes:
        step: the step to open at.
        asked: the step whose memory to show.
    """

    lead: str
    step: int
    asked: int = 0
    parts: Mapping[str, str] = field(default_factory=dict)


def glyph(token: str) -> str:
    """One token as it stands in a row of tokens: visible, and without its flag."""
    return _GLYPHS.get(token, token[len(STORE) :] if _is_flagged(token) else token)


def glyphs(tokens: Sequence[str], *, flags: bool = True) -> list[str]:
    """Every token as it stands in the row of tokens; without `flags`, a ! is a symbol like any."""
    if flags:
        return [glyph(token) for token in tokens]
    return ["".join(_GLYPHS.get(c, c) for c in token) for token in tokens]


def marks(tokens: Sequence[str], task: str) -> list[str]:
    """For each token ``"flag"``, ``"ask"`` or nothing."""
    if not task.endswith("recall"):
        return [""] * len(tokens)
    return ["flag" if _is_flagged(t) else "ask" if t == RECALL else "" for t in tokens]


def _is_flagged(token: str) -> bool:
    return len(token) > 1 and token.startswith(STORE)


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Softmax over the last axis, ``[time, class]``, in float64."""
    logits = logits.astype(np.float64)
    with np.errstate(all="ignore"):
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return powers / powers.sum(axis=-1, keepdims=True)


def tell(parts: Sequence[Part], example: Example | None, preset: str, language: str) -> Story:
    """The story of a sequence that a task gave; without one, the first step and no words."""
    if example is None:
        return Story(lead="", step=0)
    answering = [part for part in parts if part.trace.outputs is not None and part.classes]
    if preset == "python":
        return _next_character(answering, example, language)
    if preset.endswith("recall"):
        return _recall(answering, example, language)
    return Story(lead="", step=0)


def strong(text: str) -> str:
    """Text that the stage emphasises."""
    return f"\x02{text}\x03"


def percent(share: float) -> str:
    """A share as a percentage that never rounds up to certainty."""
    percent = 100 * share
    if 99.9 < percent < 100:
        return "> 99.9 %"
    return f"{percent:.1f}".removesuffix(".0") + " %"


def _recall(parts: Sequence[Part], example: Example, language: str) -> Story:
    asked = np.flatnonzero(example.targets != NO_TARGET)
    if not len(asked):
        key = "recall_unflagged" if RECALL in example.tokens else "recall_none"
        return Story(lead=say(f"sentence.{key}", language), step=len(example.tokens) - 1)
    step = int(asked[0])
    store = max(t for t in range(step) if _is_flagged(example.tokens[t]))
    symbol = strong(glyph(example.tokens[store]))
    key = "recall_one" if step == store + 1 else "recall"
    lead = say(f"sentence.{key}", language, symbol=symbol, store=store, delay=step - store)
    said = {part.key: _says(part, example, step, language) for part in parts}
    return Story(lead=lead, step=step, asked=store, parts=said)


def _says(part: Part, example: Example, step: int, language: str) -> str:
    """What `part` answers at `step`; below one half it is a guess, told beside chance."""
    share = probabilities(part.trace.outputs[step])  # type: ignore[index]
    best = int(np.nan_to_num(share).argmax())
    right = "right" if best == example.targets[step] else "wrong"
    return say(
        f"sentence.{'says' if share[best] >= 0.5 else 'guesses'}_{right}",
        language,
        model=say(f"inline.{part.trace.cell}", language),
        says=strong(glyph(part.classes[best])),
        share=percent(share[best]),
        chance=percent(1 / len(part.classes)),
    )


def _next_character(parts: Sequence[Part], example: Example, language: str) -> Story:
    """Where the models' probabilities of the right character lie furthest apart."""
    asked = np.flatnonzero(example.targets != NO_TARGET)
    if not len(asked) or not parts:
        return Story(lead=say("sentence.python_none", language), step=0)
    classes = example.targets[asked]
    shares = {p.key: probabilities(p.trace.outputs)[asked, classes] for p in parts}  # type: ignore[arg-type]
    table = np.nan_to_num(np.stack(list(shares.values())))
    place = int((table.max(axis=0) - table.min(axis=0)).argmax())
    step = int(asked[place])
    target = parts[0].classes[classes[place]]
    before = "".join(glyphs(example.tokens[max(0, step - 7) : step + 1]))
    lead = say(
        "sentence.python", language, step=step, before=f"“{before}”", target=strong(glyph(target))
    )
    said = {
        part.key: say(
            "sentence.python_share",
            language,
            model=say(f"inline.{part.trace.cell}", language),
            share=percent(shares[part.key][place]),
        )
        for part in parts
    }
    bracket = example.tokens.index("(") if "(" in example.tokens else 0
    return Story(lead=lead, step=step, asked=bracket, parts=said)


def facts(part: Part, layer: LayerTrace, language: str) -> str:
    """How large the model is."""
    if part.checkpoint is None:
        return say("part.facts_bare", language, units=layer.hidden_size)
    count = part.checkpoint.model.parameter_count
    return say("part.facts", language, units=layer.hidden_size, parameters=f"{count:,}")


def score_line(part: Part, language: str) -> str:
    """The mean held-out score over every seed of the shipped recipe, failures said."""
    scores = part.checkpoint.seed_scores if part.checkpoint else ()
    if not scores:
        return ""
    mean = float(np.mean([score.value for score in scores]))
    seeds = len(scores)
    if scores[0].metric != "accuracy":
        return say("part.bits", language, value=f"{mean:.2f}", seeds=seeds)
    learned = sum(score.learned for score in scores)
    key = "" if learned == seeds else "_mixed" if learned else "_failed"
    steps = f"{max(score.steps for score in scores):,}"
    fields = {"value": percent(mean), "seeds": seeds, "learned": learned, "steps": steps}
    return say(f"part.accuracy{key}", language, **fields)


def proof(layer: LayerTrace, language: str) -> dict[str, object]:
    """The badge: how far the shown gates reproduce what torch's fused layer returned."""
    residual = f"{layer.residual:.0e}".replace("e-0", "e-")
    limit = _DOUBTFUL[str(layer.signals["h"].dtype)]
    label = say(f"part.proof_{layer.cell}", language, residual=residual, squash=layer.nonlinearity)
    finite = np.isfinite(layer.signals["h"])
    if finite.all():
        note = say("part.proof_note", language, residual=residual)
        return {"good": bool(layer.residual <= limit), "label": label, "note": note}
    missing = percent(1 - float(finite.mean()))
    label = say("part.proof_missing", language, share=missing)
    note = say("part.proof_missing-note", language, share=missing, residual=residual)
    return {"good": False, "label": label, "note": note}


def about(part: Part, language: str) -> list[list[str]]:
    """Where it ran and how it was trained, as label and value."""
    device = f"{part.trace.device}, {part.trace.dtype}"
    rows = [[say("about.device", language), device]]
    if part.checkpoint is None:
        return rows
    check = part.checkpoint
    rows += [
        [say("about.task", language), check.task],
        [say("about.seed", language), str(check.seed)],
        [say("about.hash", language), check.hash[:16]],
    ]
    told = [key for key in TEXT if key.startswith("made.")]
    recipe = {f"made.{key}": value for key, value in check.recipe.items()}
    return rows + [[say(key, language), _plain(recipe[key])] for key in told if key in recipe]


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(each)}" for key, each in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def seed_table(checkpoint: Checkpoint | None, language: str) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the table of every seed that was trained, failures included."""
    names = ("seed", "lr", "metric", "examples", "steps", "seconds", "learned", "shown")
    head = [say(f"score.{name}", language) for name in names]
    if checkpoint is None:
        return head, []
    own = checkpoint.seed, checkpoint.recipe.get("lr")
    return head, [
        _seed_row(score, (score.seed, score.lr) == own, language) for score in checkpoint.scores
    ]


def _seed_row(score: SeedScore, shown: bool, language: str) -> list[str]:
    accuracy = score.metric == "accuracy"
    value = percent(score.value) if accuracy else f"{score.value:.3f}"
    seconds = f"{score.seconds:.0f}"
    return [
        str(score.seed),
        f"{score.lr:g}",
        f"{value} {say(f'metric.{score.metric}', language)}",
        f"{score.examples:,}",
        f"{score.steps:,}",
        seconds,
        say("score.yes" if score.learned else "score.no", language, seconds=seconds),
        say("score.is-shown", language) if shown else "",
    ]
