"""The pages are built into a site without a warning."""

import re
import subprocess
import sys

import pytest

from tests.docs.pages import DOCS

PAGE = re.compile(r"[\w/]+\.md")


def test_every_page_is_in_the_sites_navigation():
    _, nav = (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:\n")
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert set(PAGE.findall(nav)) == pages


@pytest.mark.nightly
def test_the_site_is_built_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=DOCS.parent, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "gallery" / "index.html").is_file()
    assert "arrange" in (tmp_path / "api" / "index.html").read_text(encoding="utf-8")
    assert (tmp_path / "source" / "agents" / "rule.py" / "index.html").is_file()
