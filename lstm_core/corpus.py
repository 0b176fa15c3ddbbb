"""The text of Python's own standard library, in three parts. No tasks, no vocabularies."""

import hashlib
import sysconfig
from functools import cache
from pathlib import Path
from typing import Literal

Part = Literal["training", "validation", "held out"]

_WRITTEN_AT_INSTALLATION = ("_sysconfigdata", "sitecustomize", "usercustomize")


def part_of(file_name: str) -> Part:
    """Where a module belongs, chosen by its name, so that the split never depends on the machine.

    One in ten is held out, one in ten is for validation.
    """
    tenth = hashlib.sha256(file_name.encode()).digest()[0] % 10
    return "held out" if tenth == 0 else "validation" if tenth == 1 else "training"


def files() -> list[Path]:
    """Top-level modules of the running Python's standard library, in a fixed order."""
    found = Path(sysconfig.get_paths()["stdlib"]).glob("*.py")
    return sorted(path for path in found if not path.name.startswith(_WRITTEN_AT_INSTALLATION))


@cache
def texts(characters: str) -> dict[Part, str]:
    """Every part of the corpus, with whatever is not one of `characters` dropped."""
    kept = set(characters)
    parts: dict[Part, list[str]] = {"training": [], "validation": [], "held out": []}
    for path in files():
        source = path.read_text(encoding="utf-8", errors="ignore")
        foreign = dict.fromkeys(map(ord, set(source) - kept))
        parts[part_of(path.name)].append(source.translate(foreign))
    return {part: "".join(sources) for part, sources in parts.items()}


def description(characters: str) -> dict[str, str]:
    """Which text this is: Python's version, the size of every part and a hash of it all."""
    parts = texts(characters)
    sizes = {f"{part.replace(' ', '_')}_characters": str(len(parts[part])) for part in parts}
    digest = hashlib.sha256("".join(parts.values()).encode()).hexdigest()
    return {"python": sysconfig.get_python_version(), **sizes, "sha256": digest}
