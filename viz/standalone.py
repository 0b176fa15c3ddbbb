"""The stage as one HTML file that needs no server, no network and no second file.

The payload comes from `payload`; which traces are shown is chosen in `player`.
"""

import base64
import hashlib
import html
import zlib
from functools import cache
from typing import Literal, get_args

from viz import style
from viz.compact import squeezed
from viz.payload import FOLDER, assets
from viz.text import LANGUAGES, say

ThemeName = Literal["auto", "light", "dark"]
THEMES: tuple[str, ...] = get_args(ThemeName)

_TAGS = {"en": "en", "zh": "zh-Hans"}
_ENTRY = "export default function({"


def player_html(
    payload: bytes,
    *,
    title: str = "",
    note: str = "",
    language: str = "en",
    theme: ThemeName = "auto",
) -> str:
    """A whole page that shows a payload of `viz.payload.packed`.

    It may run its own scripts and nothing else, and it may load nothing: the page itself tells the
    browser so. Numbers and the stage's script travel deflated, as text of base 64, so whatever a
    token holds stays inert.

    Args:
        payload: packed with ``address=False``; a page from disk has no address to keep.
        title: the heading and the name of the browser's tab; the app's name where it is empty.
        note: a sentence below the stage.
        language: of the page; the payload's own words have theirs.
        theme: ``"auto"`` follows the reader's system.

    Raises:
        ValueError: if the language or the theme is none of those there are.
    """
    _check(language, theme)
    css, js, loader = _styles(theme), _script(), _loader()
    return _PAGE.format(
        language=_TAGS[language],
        policy=_policy(css, js, loader),
        title=html.escape(title or say("title", language)),
        heading=f"<h1>{html.escape(title)}</h1>\n" if title else "",
        without_script=html.escape(say("player.no-script", language)),
        too_old=html.escape(say("player.old-browser", language)),
        note=f"<footer>{html.escape(note)}</footer>\n" if note else "",
        css=css,
        host=assets().html,
        payload=_text(squeezed(payload)),
        js=_text(zlib.compress(js.encode(), 9)),
        loader=loader,
    )


_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{css}</style>
</head>
<body>
{heading}<noscript><p>{without_script}</p></noscript>
<p id="too-old" hidden>{too_old}</p>
<main id="stage">{host}</main>
{note}<script type="text/plain" id="payload">{payload}</script>
<script type="text/plain" id="code">{js}</script>
<script>{loader}</script>
</body>
</html>
"""


def _check(language: str, theme: str) -> None:
    if language not in LANGUAGES:
        raise ValueError(f"expected a language of {', '.join(LANGUAGES)}, got {language!r}")
    if theme not in THEMES:
        raise ValueError(f"expected a theme of {', '.join(THEMES)}, got {theme!r}")


@cache
def _script() -> str:
    """The stage's module with its entry under a name, and the call of it."""
    js = assets().js
    if js.count(_ENTRY) != 1:
        raise ValueError(f"expected one {_ENTRY!r} in the stage's scripts, got {js.count(_ENTRY)}")
    entry = js.replace(_ENTRY, "const showStage = function ({")
    return f"\n{entry}\n{(FOLDER / 'offline.js').read_text(encoding='utf-8')}"


@cache
def _loader() -> str:
    """What unpacks the numbers and the script; all that the page holds in plain."""
    return "\n" + (FOLDER / "unpack.js").read_text(encoding="utf-8")


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


@cache
def _styles(theme: str) -> str:
    own = (FOLDER / "offline.css").read_text(encoding="utf-8")
    return f"\n{_variables(theme)}\n{own}\n{assets().css}\n"


def _variables(theme: str) -> str:
    """The custom properties that Streamlit's theme sets on its own pages."""
    if theme != "auto":
        return _root(theme)
    dark = _root("dark")
    return f"{_root('light')}\n@media (prefers-color-scheme: dark) {{ {dark} }}"


def _root(theme: str) -> str:
    colours = style.THEMES[theme]
    values = {
        "color-scheme": theme,
        "--st-background-color": colours.background,
        "--st-secondary-background-color": colours.panel,
        "--st-font": style.FONT,
        "--text": colours.ink,
        "--muted-text": colours.muted,
    }
    lines = "; ".join(f"{name}: {value}" for name, value in values.items())
    return f":root {{ {lines} }}"


def _policy(css: str, *scripts: str) -> str:
    """What the browser may do on this page: draw it, and run these scripts."""
    allowed = " ".join(f"'{_hash(script)}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src '{_hash(css)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
