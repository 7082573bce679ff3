"""Pages that need no network, no script and no other style: all begin with page.html.j2."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def rendered(template: Path, **values: Any) -> str:
    """Return the text of a page; all that is filled in is escaped."""
    loader = FileSystemLoader([template.parent, Path(__file__).parent])
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    return environment.get_template(template.name).render(values)
