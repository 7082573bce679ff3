"""Names that misled are gone from code and pages; each says what to write instead."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("agents", "benchmarks", "conf", "docs", "envs", "examples", "experiments", "notebooks", "pipeline")
PAGES = ("README.md", "CONTRIBUTING.md", "docs")
PREDECESSOR = "JohnnyElaine/bsc_aif_parallel_pipeline"
KINDS = (".py", ".md", ".yaml", ".svg", ".ipynb")

ANYWHERE = {
    "luck": "seed, noise or draws",
    "lucky": "the seed, the noise or the draw that it is",
    "befores": "previous_bins",
    "carry_out": "execute",
    "complaints": "errors, or error messages",
    "entrants?": "agents, or AgentVariant",
    "foreign": "published, of another's runs",
    "happenings?": "events",
    "salvage": "recover",
    "scribe": "writer",
    "standings": "leaderboard",
    "training_ground": "training_setup",
    "venues?": "cell",
    "wording": "words, or console",
    "yardsticks?": "reference",
}
ON_PAGES = {
    "floors?": "layer, of the architecture",
    "tower": "layers",
    "in what world": "in which environment",
}


def texts(*places: str) -> dict[str, str]:
    """Return what stands in files and in folders, by path; of notebooks, their cells without outputs."""
    found: dict[str, str] = {}
    for place in places:
        path = ROOT / place
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.suffix in KINDS:
                text = file.read_text(encoding="utf-8")
                if file.suffix == ".ipynb":
                    text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
                found[str(file.relative_to(ROOT))] = text
    return found


@pytest.mark.parametrize(
    ("places", "names"), [((*FOLDERS, *PAGES), ANYWHERE), (PAGES, ON_PAGES)], ids=["anywhere", "pages"]
)
def test_names_that_mislead_are_gone(places, names):
    misleading = re.compile(rf"\b({'|'.join(names)})\b", re.IGNORECASE)
    found = []
    for path, text in texts(*places).items():
        for hit in misleading.finditer(text):
            better = next(instead for name, instead in names.items() if re.fullmatch(name, hit[0], re.I))
            found.append(f"{path}: {hit[0]!r}: write {better}")
    assert not found, "\n".join(found)


def test_the_predecessor_is_cited_where_its_scenarios_and_agents_are():
    naming = re.compile(r"\b(predecessor|aif_thesis|heuristic_thesis)\b")
    pages = {
        path: text for path, text in texts(*PAGES).items() if path.endswith(".md") and naming.search(text)
    }
    assert [path for path, text in pages.items() if PREDECESSOR not in text] == []
