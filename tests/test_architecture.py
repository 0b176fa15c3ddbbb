"""Who may import whom, read from the imports themselves, and what lies at the top."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    [ROOT / "app.py", *(ROOT / "lstm_core").rglob("*.py"), *(ROOT / "viz").rglob("*.py")]
)
TOP = {"pyproject.toml", "README.md", "LICENSE", "app.py", "lstm_core", "viz", "tests"}

LEVELS = {
    "signals": 0,
    "uneven": 1,
    "vocabulary": 0,
    "tokenizing": 0,
    "tokenizer_steps": 0,
    "corpus": 0,
    "tasks": 0,
    "device": 0,
    "scan": 0,
    "npz": 0,
    "layout": 1,
    "cells": 1,
    "fields": 1,
    "intervene": 1,
    "model": 2,
    "record": 2,
    "difference": 3,
    "reading": 3,
    "hooks": 2,
    "fused": 3,
    "surgery": 3,
    "trace": 3,
    "counterfactual": 4,
    "memory": 4,
    "ledger": 4,
    "shares": 4,
    "chain": 4,
    "gradients": 4,
    "dynamics": 4,
    "probing": 4,
    "edit": 4,
    "answers": 4,
    "effect": 5,
    "ridge": 0,
    "checkpoint": 4,
    "train": 5,
    "convert": 5,
    "stacks": 1,
    "datafile": 2,
    "decoding": 2,
    "columns": 2,
    "delimited": 2,
    "number_signs": 2,
    "left_out": 2,
    "table_layout": 2,
    "arrays": 2,
    "nested": 2,
    "parquet": 2,
    "audio": 2,
    "sequences": 2,
    "data": 2,
    "assembly": 2,
    "refusals": 2,
    "inert": 2,
    "acting_weights": 2,
    "matching": 2,
    "surroundings": 2,
    "preceding": 2,
    "shards": 2,
    "not_models": 2,
    "checkpoint_parts": 2,
    "siblings": 2,
    "state_dicts": 2,
    "vocabulary_files": 2,
    "tokenizer_files": 1,
    "carried_vocabulary": 2,
    "text_ids": 2,
    "text_columns": 2,
    "padding": 2,
    "torch_files": 3,
    "safetensors_files": 3,
    "protobuf": 0,
    "hdf5": 0,
    "onnx_graph": 2,
    "onnx_constants": 2,
    "onnx_flow": 2,
    "foreign_remarks": 2,
    "foreign_layers": 3,
    "foreign_affine": 3,
    "foreign_before": 3,
    "onnx_layers": 3,
    "onnx_affine": 3,
    "onnx_before": 3,
    "onnx_walk": 3,
    "onnx_files": 4,
    "keras_archive": 4,
    "keras_config": 4,
    "keras_layers": 4,
    "keras_weights": 4,
    "keras_graph": 4,
    "keras_affine": 4,
    "keras_before": 4,
    "keras_heads": 4,
    "keras_files": 4,
    "zoo": 5,
    "build": 6,
    "commands": 6,
    "trace_command": 6,
    "trace_options": 6,
    "__main__": 7,
}
"""A file of the core imports files of its own level or of a lower one, never of a higher one."""


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def imports(source: str, *, inside_functions: bool = True) -> set[str]:
    """Every module that the source imports, in full; ``from a import b`` gives both names."""
    found: set[str] = set()
    todo: list[ast.AST] = [ast.parse(source)]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            found.add(str(node.module))
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        in_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if not is_for_types(node) and (inside_functions or not in_function):
            todo.extend(ast.iter_child_nodes(node))
    return found


def imports_of(path: Path, **options: bool) -> set[str]:
    return imports(path.read_text(encoding="utf-8"), **options)


def packages_of(path: Path, **options: bool) -> set[str]:
    return {name.partition(".")[0] for name in imports_of(path, **options)}


def graph() -> dict[str, set[str]]:
    """For each of our modules, those of ours that it imports."""
    ours = {module_name(path) for path in SOURCES}
    return {module_name(p): _ours(imports_of(p), ours) - {module_name(p)} for p in SOURCES}


def _ours(names: set[str], ours: set[str]) -> set[str]:
    """Those of our modules among `names`; ``from a import b`` of a module b is not about a."""
    inner = {name: {n for n in names if n.rpartition(".")[0] == name} for name in names & ours}
    return {name for name, parts in inner.items() if not parts or parts - ours}


def part(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_layers_are_app_then_viz_then_core(path):
    used = packages_of(path)
    if part(path) == "lstm_core":
        assert not used & {"viz", "app", "streamlit", "plotly"}
    if part(path) == "viz":
        assert "app" not in used
    assert "tests" not in used


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_streamlit_is_used_by_the_app_and_its_pages_only(path):
    may = path == ROOT / "app.py" or path.parent == ROOT / "viz" / "pages"
    assert may or "streamlit" not in packages_of(path)


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_keras_onnx_and_pandas_are_imported_inside_functions(path):
    rare = {"keras", "onnx", "onnxruntime", "tensorflow", "h5py", "pandas", "pyarrow"}
    assert not packages_of(path, inside_functions=False) & rare


def test_nothing_of_ours_outside_the_pages_needs_a_page():
    needs = {name for name, used in graph().items() if any("viz.pages" in u for u in used)}
    assert {name for name in needs if not name.startswith("viz.pages")} <= {"app"}


def test_imports_have_no_cycle():
    TopologicalSorter(graph()).prepare()


def test_a_cycle_would_be_found():
    with pytest.raises(CycleError):
        TopologicalSorter({"a": {"b"}, "b": {"a"}}).prepare()


CORE = [p for p in SOURCES if part(p) == "lstm_core" and p.stem != "__init__"]


@pytest.mark.parametrize("path", CORE, ids=module_name)
def test_core_imports_no_higher_level(path):
    assert path.stem in LEVELS, "give the new file a level"
    ours = (name.split(".")[1:3] for name in imports_of(path) if name.startswith("lstm_core."))
    used = {part for parts in ours for part in parts}
    higher = {name for name in used & set(LEVELS) if LEVELS[name] > LEVELS[path.stem]}
    assert not higher


def test_core_loads_neither_streamlit_nor_plotly():
    modules = ", ".join(module_name(p) for p in CORE if p.stem != "__main__")
    code = f"import sys, {modules}; print(sorted({{'streamlit', 'plotly'}} & set(sys.modules)))"
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_top_level_is_as_agreed():
    ignored = {"build", "dist", "runs", "shared", "__pycache__"}
    there = {p.name for p in ROOT.iterdir() if not p.name.startswith(".")}
    assert {n for n in there - ignored if not n.endswith(".egg-info")} == TOP


LONG_TABLE = ROOT / "viz" / "text.py"


@pytest.mark.parametrize("path", [p for p in SOURCES if p != LONG_TABLE], ids=module_name)
def test_file_is_short_enough_to_be_one_idea(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_module_taken_from_a_package_is_not_the_package():
    ours = {"a", "a.b"}
    assert _ours({"a", "a.b"}, ours) == {"a.b"}
    assert _ours({"a", "a.name"}, ours) == {"a"}


def test_imports_are_read_from_the_source():
    source = "import a.b\ndef f():\n    from c import d\nif TYPE_CHECKING:\n    import e\n"
    assert imports(source) == {"a.b", "c", "c.d"}
    assert imports(source, inside_functions=False) == {"a.b"}
