"""Pages can be found, lead to what is there, and say whose they are."""

import re
import tomllib

import pytest
import yaml

from experiments.report.report import KINDS
from tests.docs.pages import DOCS, page, sections

ROOT = DOCS.parent
PAGES = sorted(path.name for path in DOCS.glob("*.md"))
LINK = re.compile(r"\]\(([^)\s]+)\)")
IMAGE = re.compile(r"images/([\w.]+)\)")


def anchor(heading: str) -> str:
    """Of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("name", PAGES)
def test_every_link_of_a_page_leads_to_something(name):
    for link in LINK.findall(page(name)):
        path, _, part = link.partition("#")
        if path.startswith("http"):
            continue
        target = (DOCS / path) if path else DOCS / name
        assert target.exists(), f"{name} links to {link}"
        if part:
            assert part in map(anchor, sections(target.read_text(encoding="utf-8"))), (
                f"{name} links to {link}"
            )


def test_the_index_has_every_page_and_every_notebook():
    links = set(LINK.findall(page("README.md")))
    notebooks = {f"../notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert ({*PAGES} - {"README.md"}) | notebooks <= links


def test_what_is_to_be_cited_is_this_release():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (cited["version"], cited["license"]) == (project["version"], project["license"])
    assert cited["keywords"] == project["keywords"]


def test_the_gallery_explains_every_figure_of_a_report():
    assert [title for title, *_ in KINDS.values() if f"**{title}**" not in page("gallery.md")] == []


def test_every_image_is_on_a_page():
    shown = {
        image
        for path in [ROOT / "README.md", *DOCS.rglob("*.md")]
        for image in IMAGE.findall(path.read_text())
    }
    assert {path.name for path in (DOCS / "images").iterdir()} == shown
