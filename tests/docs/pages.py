"""The pages of docs/ in parts: sections by heading, and the rows of their tables."""

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"


def page(name: str) -> str:
    """A page's text."""
    return (DOCS / name).read_text(encoding="utf-8")


def sections(text: str) -> dict[str, str]:
    """What stands below each heading, by its text, up to the next heading of any level."""
    parts = re.split(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def table_rows(section: str) -> list[list[str]]:
    """The cells of all lines of all tables in it, but for their headings."""
    lines = [line.strip() for line in section.splitlines() if line.startswith("|")]
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    ruled = [i for i, cells in enumerate(found) if set("".join(cells)) <= set("-: ")]
    skipped = {*ruled, *(i - 1 for i in ruled)}
    return [cells for i, cells in enumerate(found) if i not in skipped]


def codes(text: str) -> set[str]:
    """All that is set as code in running text or tables."""
    return {word.strip() for span in re.findall(r"`([^`\n]+)`", text) for word in (span, *span.split(","))}
