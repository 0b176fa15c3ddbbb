"""What pages of figures share: their top, figures with their numbers, and what they say."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from lstm_core.checkpoint import Checkpoint
from lstm_core.tasks import Example
from lstm_core.trace import Trace
from viz import session
from viz.export import figure_html, to_csv
from viz.pages import address, cached
from viz.pages.header import FOLDER, header, notices, style_sheet
from viz.sheet import Sheet
from viz.state import ViewState
from viz.text import say


@dataclass(frozen=True, kw_only=True, eq=False)
class Room:
    """What all parts of the page look at.

    Attributes:
        tokens: those of the example that are read.
        sheet: how figures speak and look.
    """

    view: ViewState
    example: Example
    tokens: tuple[str, ...]
    models: dict[str, Checkpoint]
    sheet: Sheet

    @property
    def task(self) -> str:
        """The task's name."""
        return self.view.preset

    def say(self, key: str, **fields: object) -> str:
        """A sentence in the page's language."""
        return say(key, self.view.language, **fields)

    def traces(self) -> dict[str, Trace]:
        """Every signal of every model."""
        return {cell: cached.traced(self.task, cell, self.tokens) for cell in self.models}

    def plate(self, figure: go.Figure, key: str) -> None:
        """Draw a figure with its picture and its numbers to take away."""
        plate(figure, key, f"{self.task}-{key}", self.view.language)

    def explain(self, key: str) -> None:
        """What a figure says and what it does not."""
        explain(key, self.view.language)

    def choose_cell(self, cells: list[str], key: str) -> str:
        """The model that a person chose among `cells`."""
        first = next((cell for cell in self.view.models if cell in cells), cells[0])
        chosen = st.segmented_control(
            self.say("memory.model"),
            cells,
            default=first,
            format_func=self.sheet.cell,
            key=key,
            required=True,
            label_visibility="collapsed",
        )
        return chosen or first


def opened() -> tuple[ViewState, Example, dict[str, Checkpoint]]:
    """The top of a page of figures: its header and its notices, and what they are about.

    Without a model that loads, the page says so and has nothing more to draw.
    """
    style_sheet()
    view, problems = address.view()
    example, unread = session.example_of(view)
    header(view, example, partial(say, language=view.language))
    told = st.container()
    models, unloaded = cached.models(view.preset)
    with told:
        notices(view, (*problems, *unread, *unloaded))
    if not models:
        st.error(say("page.no-models", view.language))
    return view, example, models


def on_telephone() -> bool:
    """Whether a finger scrolls here: a figure that takes clicks would hold the page fast."""
    return "Mobi" in (st.context.headers.get("User-Agent") or "")


def bar() -> str | bool:
    """When a figure shows its buttons: on a telephone they would lie on its title for ever."""
    return False if on_telephone() else "hover"


def plate(figure: go.Figure, key: str, name: str, language: str) -> None:
    """Draw a figure with its picture and its numbers to take away as files called `name`."""
    buttons = [["zoom2d", "pan2d", "resetScale2d", "toImage"]]
    config: dict[str, Any] = {"displaylogo": False, "modeBarButtons": buttons}
    config["displayModeBar"] = bar()
    config["toImageButtonOptions"] = {"filename": name, "scale": 2}
    st.plotly_chart(figure, theme=None, key=key, config=config)
    ways: dict[str, Callable[[], bytes | str]] = {
        "csv": partial(_table, figure),
        "html": partial(figure_html, figure),
    }
    with st.container(horizontal=True, gap="small"):
        for kind, make in ways.items():
            st.download_button(
                say(f"memory.{kind}", language),
                data=make,
                file_name=f"{name}.{kind}",
                mime=f"text/{kind}",
                key=f"{key}-{kind}",
                on_click="ignore",
                type="tertiary",
                icon=":material/download:",
                help=say(f"memory.{kind}-help", language),
            )
        picture(key, name, language)


def picture(key: str, name: str, language: str) -> None:
    """Draw the button that saves the figure drawn before it as an SVG file called `name`."""
    words = {"label": say("memory.svg", language), "help": say("memory.svg-help", language)}
    data = words | {"file": f"{name}.svg"}
    _picture_button()(key=f"{key}-svg", data=data, width="content", height="content")


@st.cache_resource(show_spinner=False)
def _picture_button() -> Callable[..., Any]:
    """The button that saves the figure before it as an SVG; the browser makes the file."""
    js, css = (FOLDER / f"picture.{kind}" for kind in ("js", "css"))
    return st.components.v2.component(
        "lstm_picture",
        html='<button type="button"><i aria-hidden="true">download</i><b></b></button>',
        css=css.read_text(encoding="utf-8"),
        js=js.read_text(encoding="utf-8"),
    )


def explain(key: str, language: str) -> None:
    """What a figure says and what it does not."""
    means, warns = say(f"{key}.means", language), say(f"{key}.not", language)
    does, does_not = say("memory.means", language), say("memory.not", language)
    st.caption(f"**{does}** {means} **{does_not}** {warns}")


def _table(figure: go.Figure) -> bytes:
    # Spreadsheet programs take a file for UTF-8 by its mark only.
    return to_csv(figure).encode("utf-8-sig")
