"""The Python on our pages runs as it stands: a page's snippets one after the other, in one namespace."""

import re

import pytest

from tests.docs.pages import DOCS

ROOT = DOCS.parent
SNIPPET = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = {
    str(path.relative_to(ROOT)): found
    for path in sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("examples/**/*.md")])
    if (found := SNIPPET.findall(path.read_text(encoding="utf-8")))
}


@pytest.mark.parametrize("name", PAGES)
def test_a_pages_snippets_run_as_they_stand(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "snippet"}
    for i, snippet in enumerate(PAGES[name]):
        exec(compile(snippet, f"{name}, snippet {i + 1}", "exec"), namespace)
