"""The report as one HTML page that needs nothing else: no network, no script, no other file."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from experiments.report.figures import Drawn
from experiments.report.glossary import GLOSSARY

TEMPLATE = "report.html.j2"


@dataclass(frozen=True, slots=True)
class Part:
    """A table or a figure under a heading of its own.

    Attributes:
        title: plain text, as all of these.
        text: how to read it.
        table: if it is one; of text.
        image: an SVG in base64, if it is one.
    """

    title: str
    text: str
    table: pd.DataFrame | None = None
    image: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Parts that belong together; `anchor` is unique on the page."""

    anchor: str
    title: str
    text: str
    parts: Sequence[Part]


def figure_part(drawn: Drawn) -> Part:
    """Return a figure with its caption."""
    return Part(drawn.title, drawn.caption, image=base64.b64encode(drawn.svg).decode())


def page(title: str, facts: Mapping[str, str], notes: Sequence[str], sections: Sequence[Section]) -> str:
    """Return the whole page; all text is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template(TEMPLATE).render(
        title=title, facts=facts, notes=notes, sections=sections, glossary=GLOSSARY
    )
