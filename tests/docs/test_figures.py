"""docs/figures.md explains every figure that files of runs, comparisons and forecasts have."""

import pandas as pd
import pytest

from agents.aif.explaining import FIGURES
from agents.causal.choice import Terms
from experiments.interactive import play
from experiments.runs.provenance import Identity
from experiments.runs.summary import summarise
from experiments.statistics.disturbances import ChangePoint
from experiments.statistics.episode import Episode, Reference, episode_of, episode_table
from experiments.statistics.forecasts import Brier
from experiments.statistics.leaderboard import fulfilment_by_slo, leaderboard
from experiments.statistics.pairs import by_cell, comparisons, improvements
from pipeline.catalogue import CATALOGUE
from pipeline.interval import HOPS
from tests.docs.pages import codes, page
from tests.experiments.world import SPEC, Script, World

EXPLAINED = codes(page("figures.md"))
STEPS = 60
POINTS = (ChangePoint(20, True), ChangePoint(40, False))
PLACEHOLDERS = {
    "NAME": ["worker-0"],
    "KNOB": [knob.name for knob in SPEC.knobs],
    "SLO": [slo.metric for slo in SPEC.slos],
}
BESIDE = (
    "command",
    "sweep",
    "weights",
    "status",
    "error",
)  # what a run's record adds to its identity and its figures


def explained(name: str) -> bool:
    """Whether a name is on the page, a whole group of it, or the name with a placeholder."""
    spelt = [name, *(name.replace(one, place) for place, names in PLACEHOLDERS.items() for one in names)]
    return any({one, f"{one.rpartition('.')[0]}.*"} & EXPLAINED for one in spelt)


@pytest.fixture(scope="module")
def trace() -> pd.DataFrame:
    """Of a stand-in world."""
    return play(Script(SPEC), World(STEPS), seed=0)


@pytest.fixture(scope="module")
def episodes(trace) -> list[Episode]:
    """Of two agents in two seeds, with a disturbance."""
    return [
        episode_of(trace, agent, "cell", "block", seed, POINTS)
        for agent in ("aif", "rule")
        for seed in (0, 1)
    ]


def test_every_key_of_a_summary_is_explained(trace):
    identity = Identity(
        choices=dict.fromkeys(
            ("agent", "video", "detector", "env", "hardware", "scenario", "slo"), "simulator"
        ),
        config={"seed": 0, "agent": {"_target_": "agents.static.Static"}, "video": {}},
        texts={},
        spec_hash="",
    )
    keys = [*identity.metadata, *BESIDE, *summarise(trace)]
    assert [key for key in keys if not explained(key)] == []


def test_every_column_of_a_trace_is_explained(trace):
    columns = [name.replace("metrics.", "") for name in trace.columns if not name.startswith("explain.")]
    assert [name for name in columns if not explained(name)] == []


def test_every_metric_of_the_catalogue_is_explained():
    assert [name for name in [*CATALOGUE, *(f"hop_{hop}_ms" for hop in HOPS)] if not explained(name)] == []


def test_the_figures_of_the_agents_with_a_model_are_explained():
    names = [name for name in (*FIGURES, *Terms._fields) if name != "p_fulfilled"]
    assert [name for name in [*names, "p_fulfilled_load"] if not explained(name)] == []


def test_every_column_of_a_comparison_is_explained(episodes):
    references = {"cell": Reference(0.0, {0: 1.0, 1: 1.0})}
    table = episode_table(episodes, references)
    frames = (
        leaderboard(table, references),
        by_cell(table, "aif", references),
        table.drop(columns="episode"),
        comparisons(table, "aif"),
        improvements(table, ["aif", "rule"]),
        fulfilment_by_slo(table, ["aif", "rule"]),
    )
    columns = dict.fromkeys(str(name) for frame in frames for name in frame.columns)
    bare = [name.removesuffix("_low").removesuffix("_high") for name in columns]
    assert [name for name in bare if not explained(name)] == []


def test_every_figure_of_a_forecasts_score_is_explained():
    assert [name for name in (*Brier._fields, "skill") if not explained(name)] == []
