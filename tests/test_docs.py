"""What the documentation shows runs, in docstrings and the README; no public name is without it."""

import doctest
import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

import lstm_core
import viz

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for package in ("lstm_core", "viz")
    for path in (ROOT / package).rglob("*.py")
    if ">>>" in path.read_text(encoding="utf-8")
)
PUBLIC = [(package, name) for package in (lstm_core, viz) for name in package.__all__]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings_give_what_they_say(name):
    failed, tried = doctest.testmod(import_module(name))
    assert tried
    assert not failed


@pytest.mark.parametrize(("package", "name"), PUBLIC, ids=[name for _, name in PUBLIC])
def test_every_public_name_has_an_example_that_can_be_pasted(package, name):
    thing = getattr(package, name)
    if not callable(thing):
        pytest.skip("a constant; a function or class in its place is checked")
    nothing_imported: dict[str, object] = {}
    found = doctest.DocTestFinder(recurse=False).find(thing, name, globs=nothing_imported)
    examples = [example for docstring in found for example in docstring.examples]
    assert examples, "write >>> and what it gives into the docstring"
    assert examples[-1].want, "the last line of the example gives nothing to compare"
    assert not sum(doctest.DocTestRunner().run(docstring).failed for docstring in found)


@pytest.mark.parametrize(("package", "name"), PUBLIC, ids=[name for _, name in PUBLIC])
def test_docstring_of_the_package_is_a_map_of_its_names(package, name):
    assert f"`{name}`" in package.__doc__


def test_python_of_the_readme_runs_from_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    inputs = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    scope = {"my_lstm": torch.nn.LSTM(3, 8), "inputs": inputs, "others": -inputs}
    torch.save(scope["my_lstm"].state_dict(), "model.pt")
    blocks = re.findall(r"```python\n(.*?)```", README, re.S)
    assert len(blocks) >= 4
    for block in blocks:
        exec(compile(block, "README.md", "exec"), scope)
    assert (tmp_path / "stage.html").stat().st_size > 40_000
    assert np.array_equal(scope["again"]["c"], scope["traced"]["c"])
    assert not np.array_equal(scope["what_if"]["c"], scope["traced"]["c"])


def test_files_and_commands_of_the_readme_exist():
    for path in re.findall(r"(?:tests|viz|lstm_core)/[\w/]+\.\w+", README):
        assert (ROOT / path).exists(), path
    for module in re.findall(r"python -m (\w+)", README):
        assert (ROOT / module / "__main__.py").exists() or module in {"venv"}, module
