"""Sentences: both languages say the same, what a person typed is harmless, none lives elsewhere."""

import ast
import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_core.signals import SIGNALS
from lstm_core.tasks import TASKS
from viz.quoting import is_control, quoted, quoted_list
from viz.text import LANGUAGES, TEXT, say, section, signal_name

ROOT = Path(__file__).parents[1]
CHINESE = re.compile(r"[\u3400-\u9fff]")

SAME_IN_CHINESE = re.compile(r"(cell|inline)\.(lstm|gru)|part\.proof_\w+")
"""Keys of names and formulas, which are the same in both languages."""


def has_words(template: str) -> bool:
    """Whether anything is left to translate without the fields."""
    return bool(re.search(r"[A-Za-z]{2}", re.sub(r"\{\w+\}", "", template)))


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


@pytest.mark.parametrize("key", sorted(TEXT))
def test_sentence_exists_in_both_languages_with_the_same_fields(key):
    assert set(TEXT[key]) == set(LANGUAGES)
    assert fields(TEXT[key]["en"]) == fields(TEXT[key]["zh"])
    assert not CHINESE.search(TEXT[key]["en"])
    if has_words(TEXT[key]["en"]) and not SAME_IN_CHINESE.fullmatch(key):
        assert CHINESE.search(TEXT[key]["zh"])


def test_only_what_joins_chinese_words_is_empty():
    assert {k for k, s in TEXT.items() if not all(t.strip() for t in s.values())} == {"stage.gap"}


def test_fields_are_named_and_carry_no_format():
    for sentences in TEXT.values():
        for template in sentences.values():
            for _, name, spec, conversion in string.Formatter().parse(template):
                assert name is None or (name.isidentifier() and not spec and not conversion)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_signal_cell_and_task_has_a_name(language):
    for cell, signals in SIGNALS.items():
        assert say(f"cell.{cell}", language)
        for signal in signals:
            assert signal_name(cell, signal.key, language) != say("signal.other", language)
    for task in TASKS:
        assert say(f"preset.{task}", language)
        assert say(f"about.{task}", language)
        assert say(f"symbols.{task}", language)


def test_english_names_of_signals_are_the_field_s_terms():
    for cell, signals in SIGNALS.items():
        for signal in signals:
            assert signal_name(cell, signal.key, "en") == signal.name


def test_chinese_names_of_signals_are_the_field_s_terms():
    names = [signal_name("lstm", key, "zh") for key in "ifgoch"]
    assert names == ["输入门", "遗忘门", "候选记忆", "输出门", "细胞状态", "隐状态"]
    assert signal_name("lstm", "z_f", "zh") == "激活前的值"


def test_say_fills_the_fields():
    assert say("page.new", "en", seed=7) == "New example · seed 7"
    assert say("page.new", "zh", seed=7) == "新例子 · 种子 7"


def test_missing_field_or_key_is_an_error():
    with pytest.raises(KeyError, match="seed"):
        say("page.new", "en")
    with pytest.raises(KeyError, match=r"no\.such"):
        say("no.such", "en")


def test_section_takes_the_part_before_the_dot_away():
    assert section("metric", "zh") == {"accuracy": "准确率", "bits per character": "每字符比特数"}


# ---- What a person typed

ISOLATE, POP = "\u2068", "\u2069"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x", "`x`"),
        ("", '`""`'),
        (" ", "`⟨U+0020 SPACE⟩`"),
        ("a b", "`a b`"),
        ("\x07", "`⟨U+0007⟩`"),
        ("a\nb", "`a⟨U+000A⟩b`"),
        ("\u202eabc", "`⟨U+202E RIGHT-TO-LEFT OVERRIDE⟩abc`"),
        ("\u200b", "`⟨U+200B ZERO WIDTH SPACE⟩`"),
        ("\u0301", "`⟨U+0301 COMBINING ACUTE ACCENT⟩`"),
        ("שלום", "`שלום`"),
        ("`", "`` ` ``"),
        ("a``b", "``` a``b ```"),
        ("<b>![x](http://x)", "`<b>![x](http://x)`"),
        ("x" * 41, "`" + "x" * 40 + "…`"),
    ],
)
def test_value_is_quoted_as_isolated_code_that_shows_every_character(value, shown):
    assert quoted(value) == ISOLATE + shown + POP


@given(st.text(alphabet=st.characters() | st.sampled_from("`\u202e\u2069 \n<"), max_size=60))
def test_quoted_value_cannot_leave_its_code_or_its_isolate(value):
    whole = quoted(value)
    inner = whole.removeprefix(ISOLATE).removesuffix(POP)
    fence = re.match(r"`+", inner).group()
    body = inner[len(fence) : -len(fence)]
    assert inner.endswith(fence)
    assert fence not in re.findall(r"`+", body)
    assert not any(is_control(c) or c in "\n\r\u2028\u2029" for c in body)


def test_list_of_values_is_cut_and_says_how_many_are_missing():
    assert quoted_list("ab", "en") == f"{quoted('a')}, {quoted('b')}"
    assert quoted_list("abc", "zh", most=1) == f"{quoted('a')}、另有 2 个"


# ---- No sentence anywhere else

WORDS = re.compile(r"[A-Za-z][a-z']+ +[a-z][a-z']+|[A-Za-z][a-z']+ +[a-z]+ +[a-z][a-z']+")


def is_sentence(literal: str) -> bool:
    """Whether a person would read it: Chinese, or two words with a space in between."""
    # Styles, formats and code in a literal have braces, colons or brackets beside their words.
    looks_like_code = re.search(r"[{};=#]|\w\(|--|^\s*<", literal)
    return bool(CHINESE.search(literal) or (WORDS.search(literal) and not looks_like_code))


def python_literals(source: str) -> list[tuple[int, str]]:
    """Text literals with their lines, without docstrings and without messages of exceptions."""
    tree = ast.parse(source)
    spared: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            spared.add(id(node.value))  # a docstring, also of an attribute
        if isinstance(node, ast.Raise) or _makes_an_error(node):
            spared.update(map(id, ast.walk(node)))
    return [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in spared
    ]


def _makes_an_error(node: ast.AST) -> bool:
    if isinstance(node, ast.Assign):
        return [t.id for t in node.targets if isinstance(t, ast.Name)] == ["message"]
    return isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Error")


JS_TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`""", re.S
)


def js_literals(source: str) -> list[tuple[int, str]]:
    """Text literals with their lines; what a template computes is left out."""
    literals = []
    for found in JS_TOKEN.finditer(source):
        line = source.count("\n", 0, found.start()) + 1
        names_a_style = re.search(
            r"(class(Name|List\.\w+)?(: |\()|\b(span|div)\()$", source[: found.start()]
        )
        if not found.group().startswith("/") and not names_a_style:
            text = re.sub(r"\$\{[^}]*\}", "·", found.group()[1:-1])
            literals.append((line, text))
    return literals


def sentences_outside(files: list[Path]) -> list[str]:
    found = []
    for path in files:
        literals = js_literals if path.suffix == ".js" else python_literals
        for line, literal in literals(path.read_text(encoding="utf-8")):
            if is_sentence(literal):
                found.append(f"{path.name}:{line}: {literal}")
    return found


def shown_files() -> list[Path]:
    viz = sorted((ROOT / "viz").rglob("*.py")) + sorted((ROOT / "viz").rglob("*.js"))
    return [ROOT / "app.py", *(path for path in viz if path.name != "text.py")]


def test_no_sentence_lives_outside_the_text():
    assert sentences_outside(shown_files()) == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("a.py", 'st.error("Something went wrong")'),
        ("a.py", 'st.error(f"Please try {n} again now")'),
        ("a.py", 'label = "步进"'),
        ("a.js", 'root.append("Press the button");'),
        ("a.js", "root.append(`Step ${t} of the sequence`);"),
        ("a.js", "title = '遗忘门';"),
    ],
)
def test_planted_sentence_is_found(tmp_path, name, source):
    path = tmp_path / name
    path.write_text(source, encoding="utf-8")
    assert sentences_outside([path])


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("a.py", '"""A docstring says what it likes."""'),
        ("a.py", 'raise ValueError("the file is not ours")'),
        ("a.py", 'st.container(key="header")'),
        ("a.js", "// a comment says why\nconst x = 1;"),
        ("a.js", 'element("p", { class: "sentence" });'),
    ],
)
def test_code_is_not_taken_for_a_sentence(tmp_path, name, source):
    path = tmp_path / name
    path.write_text(source, encoding="utf-8")
    assert sentences_outside([path]) == []
