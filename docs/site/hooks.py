"""Hooks of the site: sources that pages link to are pages of it, too, for nothing outside docs/ is there."""

import json
import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\((?P<path>(?:\.\./)+[^)\s#]+)(?P<part>#[^)\s]*)?\)")
LANGUAGES = {".py": "python", ".yaml": "yaml", ".md": "markdown"}


def outside(source: str, path: str) -> Path | None:
    """Return the file outside docs/ that a page links to, relative to the repository; None = it is inside."""
    target = posixpath.normpath(posixpath.join("docs", posixpath.dirname(source), path))
    is_outside = not target.startswith("docs/") and (ROOT / target).is_file()
    return Path(target) if is_outside else None


def shown(path: Path) -> str:
    """Return a source as a page shows it; of a notebook its cells, without what came of them."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return f"`````{LANGUAGES.get(path.suffix, '')}\n{text}\n`````"
    parts = []
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"`````python\n{source}\n`````")
    return "\n\n".join(parts)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each source that some page links to."""
    found = {
        target
        for page in files.documentation_pages()
        for link in LINK.finditer(page.content_string)
        if (target := outside(page.src_uri, link["path"])) is not None
    }
    for target in sorted(found):
        content = f"# `{target}`\n\n{shown(ROOT / target)}\n"
        files.append(File.generated(config, f"source/{target}.md", content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links to sources lead to their pages."""

    def led(link: re.Match[str]) -> str:
        target = outside(page.file.src_uri, link["path"])
        if target is None:
            return link[0]
        here = posixpath.dirname(page.file.src_uri) or "."
        return f"]({posixpath.relpath(f'source/{target}.md', here)})"

    return markdown if page.file.src_uri.startswith("source/") else LINK.sub(led, markdown)
