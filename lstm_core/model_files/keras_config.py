"""A Keras configuration as a list of layers: which there are, where they lie, which reads which.

Models inside models are opened out. What a recurrent layer's numbers mean is in `keras_files`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lstm_core.model_files.foreign_remarks import shown
from lstm_core.model_files.torch_files import damaged

Source = tuple[str, int]
"""Which of its outputs a layer gives: the layer's key and the place of the output."""

MOST_LAYERS = 10_000
_DEEPEST = 16
_CONTAINERS = ("layers", "_layer_checkpoint_dependencies")
"""What Keras calls the list of a model's layers in its file of weights; the second is older."""

_ABOUT_MASKS = ("mask", "training")


@dataclass(frozen=True, kw_only=True, eq=False)
class Piece:
    """One layer of a configuration.

    Attributes:
        key: its path of names through models in models; what `Source` speaks of.
        kind: its class, e.g. ``"LSTM"``.
        config: its own configuration.
        places: where its arrays may lie in a file of Keras 3.
        older_place: the group of the older format, that of the outermost model's layer.
        reads: what it is called with, the sequence first; ``None`` if it is called more than once.
    """

    key: str
    name: str
    kind: str
    config: Mapping[str, Any]
    places: tuple[str, ...]
    older_place: str
    reads: tuple[Source, ...] | None


def pieces_of(config: Mapping[str, Any]) -> list[Piece]:
    """Every layer of a model, inner models opened out, in the order of the configuration.

    A model of a class of its own says nothing about its layers: the list is empty then.

    Raises:
        ModelFileError: ``"damaged"`` if it is no configuration of Keras.
    """
    opened = _Opened()
    opened.model(config, _Within(), ())
    return opened.pieces


@dataclass(frozen=True, kw_only=True)
class _Within:
    """Where an inner model lies."""

    key: str = ""
    places: tuple[str, ...] = ("",) * len(_CONTAINERS)
    older_place: str = ""
    depth: int = 0


@dataclass(kw_only=True)
class _Opened:
    pieces: list[Piece] = field(default_factory=list)

    def model(
        self, entry: Mapping[str, Any], within: _Within, given: tuple[Source, ...]
    ) -> tuple[Source, ...]:
        """Add a model's layers; what they give, if the model is called with `given`."""
        if within.depth > _DEEPEST:
            raise damaged(f"its models lie more than {_DEEPEST} deep")
        inner, counts = _inner(entry), dict[str, int]()
        known: dict[str, tuple[Source, ...]] = {}
        last = given
        for layer in _layers(inner):
            kind, config = _kind(layer), _object(layer.get("config"))
            name = str(layer.get("name") or config.get("name") or kind)
            calls = _calls(layer) if "inbound_nodes" in layer else [[(None, 0)]]
            reads = _reads(calls, known, last)
            place = _place(kind, counts)
            inside = _inside(within, name, place)
            if kind == "InputLayer":
                known[name] = last = given[:1] or ((inside.key, 0),)
                given = given[1:] if "inbound_nodes" in layer else given
            elif _is_model(layer):
                known[name] = last = self.model(layer, inside, reads or ())
            else:
                self._add(inside, name, kind, config, reads)
                known[name] = last = ((inside.key, 0),)
        return _outputs(inner, known) or last

    def _add(
        self,
        inside: _Within,
        name: str,
        kind: str,
        config: Mapping[str, Any],
        reads: tuple[Source, ...] | None,
    ) -> None:
        if len(self.pieces) >= MOST_LAYERS:
            raise damaged(f"it has more than {MOST_LAYERS} layers")
        self.pieces.append(
            Piece(
                key=inside.key,
                name=name,
                kind=kind,
                config=config,
                places=inside.places,
                older_place=inside.older_place,
                reads=reads,
            )
        )


def _inside(within: _Within, name: str, place: str) -> _Within:
    return replace(
        within,
        key=shown(f"{within.key}/{name}" if within.key else name),
        places=tuple(
            f"{outer}/{container}/{place}".lstrip("/")
            for outer, container in zip(within.places, _CONTAINERS, strict=True)
        ),
        older_place=within.older_place or name,
        depth=within.depth + 1,
    )


def _reads(
    calls: Sequence[Sequence[tuple[str | None, int]]],
    known: Mapping[str, tuple[Source, ...]],
    last: tuple[Source, ...],
) -> tuple[Source, ...] | None:
    """What a layer is called with; `last` is what came before it in a sequence of layers."""
    if len(calls) != 1:
        return None
    found: list[Source] = []
    for name, index in calls[0]:
        sources = last if name is None else known.get(name, ((f"?{name}", 0),))
        if len(sources) > 1 and name is not None:
            found.append(sources[index] if index < len(sources) else ("?", 0))
        elif sources:
            key, first = sources[0]
            found.append((key, first + index))
    return tuple(found)


def _calls(layer: Mapping[str, Any]) -> list[list[tuple[str | None, int]]]:
    """For each call of a layer, the names and outputs that it is given."""
    nodes = layer["inbound_nodes"]
    return [_tensors(node) for node in nodes] if isinstance(nodes, list) else []


def _tensors(node: Any) -> list[tuple[str | None, int]]:
    """All tensors of a call, in order: of Keras 3, or a list of lists as before."""
    found: list[tuple[str | None, int]] = []
    todo = [node]
    while todo:
        one = todo.pop()
        if isinstance(one, dict):
            history = _history(one)
            if history is not None:
                found.append(history)
            else:
                todo += [v for k, v in reversed(one.items()) if k not in _ABOUT_MASKS]
        elif _is_older(one):
            found.append((one[0], one[2]))
            todo += [part for part in one[3:] if isinstance(part, dict)]
        elif isinstance(one, list):
            todo += reversed(one)
    return found


def _history(one: Mapping[str, Any]) -> tuple[str, int] | None:
    config = one.get("config")
    if one.get("class_name") != "__keras_tensor__" or not isinstance(config, dict):
        return None
    name, _, index = config["keras_history"]
    return str(name), _index(index)


def _is_older(one: Any) -> bool:
    return (
        isinstance(one, list)
        and len(one) >= 3
        and isinstance(one[0], str)
        and type(one[1]) is int
        and type(one[2]) is int
    )


def _outputs(
    inner: Mapping[str, Any], known: Mapping[str, tuple[Source, ...]]
) -> tuple[Source, ...]:
    """What a model gives, in its order; empty where it does not say, as in a sequence."""
    listed = inner.get("output_layers")
    return _reads([_tensors(listed)], known, ()) or () if listed else ()


def _index(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1000:
        raise damaged("a layer reads an output that has no number")
    return value


def _layers(inner: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    layers = inner.get("layers")
    return [_object(layer) for layer in layers] if isinstance(layers, list) else []


def _inner(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """A model's own configuration; that of the first sequences was a bare list."""
    config = entry.get("config")
    return {"layers": config} if isinstance(config, list) else _object(config)


def _is_model(layer: Mapping[str, Any]) -> bool:
    config = layer.get("config")
    return isinstance(config, dict) and isinstance(config.get("layers"), list)


def _kind(layer: Mapping[str, Any]) -> str:
    return str(layer.get("class_name", ""))[:200]


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise damaged("its configuration is not that of a Keras model")
    return value


def _place(kind: str, counts: dict[str, int]) -> str:
    """What Keras calls a layer's group: its class in lower case, numbered from the second on."""
    word = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", kind))
    word = re.sub(r"([a-z])([A-Z])", r"\1_\2", word).lower()
    number = counts.get(word, 0)
    counts[word] = number + 1
    return f"{word}_{number}" if number else word
