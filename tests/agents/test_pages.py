"""docs/agents leads from every agent to its equations, from these to the code, and from there to a test."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs" / "agents").glob("*.md"))
LINK = re.compile(r"\[([^]]+)\]\(([^)\s]+)\)")
AGENTS = sorted({path.stem for path in (ROOT / "conf" / "agent").glob("*.yaml")} - {"custom"})


def links(page: Path) -> list[tuple[str, Path]]:
    """Text and target of every link that stays in the repository."""
    found = LINK.findall(page.read_text(encoding="utf-8"))
    return [
        (text, (page.parent / target.partition("#")[0]).resolve())
        for text, target in found
        if not target.startswith("http")
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_to_a_file_in_which_what_it_names_is_defined(page):
    for text, target in links(page):
        assert target.is_file(), f"{page.name} links to {target}"
        if target.suffix == ".py" and not text.strip("`").endswith(".py"):
            name = text.strip("`").split(".")[-1]
            source = target.read_text(encoding="utf-8")
            assert re.search(rf"^ *(def|class) {name}\b", source, re.MULTILINE), (
                f"{page.name}: no {name} there"
            )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_row_leads_to_code_and_to_a_test(page):
    rows = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| ")][1:]
    assert rows
    for row in rows:
        assert "](../../agents/" in row and "[`test_" in row, row


@pytest.mark.parametrize("agent", AGENTS)
def test_every_agent_has_its_page_which_the_readme_leads_to(agent):
    own = [page for page in PAGES if f"`{agent}`" in page.read_text(encoding="utf-8").partition("\n")[0]]
    assert len(own) == 1
    (page,) = own
    readme = {
        target.partition("#")[0]
        for _, target in LINK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    }
    assert f"docs/agents/{page.name}" in readme
