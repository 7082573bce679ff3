"""`bench agents`: what is measured, and what is said of it."""

import io
import json

import pytest
from rich.console import Console

from agents.aif.agent import ActiveInference
from agents.aif.policies import Moves, policies
from envs.simulator.env import SimulatorEnv
from envs.spec import ElasticitySpec, Knob
from experiments.agent_config import AGENTS
from experiments.bench import __main__ as bench
from experiments.bench import agents
from experiments.bench.agent_turns import (
    SETTLING,
    SLOS,
    Case,
    busy_system,
    case_spec,
    episode,
    measure,
    values_of,
)
from experiments.bench.agents import AIF_729, CLAIRVOYANT, LIMITS, cases_of, figures_of, print_report
from experiments.bench.plain_pymdp import PlainAgent
from pipeline.slos import Slo
from tests.agents.episodes import make

TURNS = {
    "start_up_s": [2.0],
    "decision_ms_p50": [1.0, 3.0, 2.0],
    "decision_ms_p99": [4.0, 4.0, 9.0],
    "learning_ms_p50": [0.5, 0.5, 0.5],
    "learning_ms_p99": [0.5, 0.5, 0.5],
    "cpu_ms": [2.5, 2.5, 2.5],
}
SETTINGS = {"rounds": 3.0, "decisions": 60.0, "cores": 2.0, "load_average": 0.5}


@pytest.fixture
def unpinned(monkeypatch):
    """Measured in this process, which is not to stay on one core."""
    monkeypatch.setattr("experiments.bench.agent_turns.os.sched_setaffinity", lambda *_: None)


def test_every_agent_that_decides_is_measured_with_few_and_many_slos():
    cases = {
        (case.label or case.agent, case.n_slos) for case in cases_of(sorted(set(AGENTS) - set(CLAIRVOYANT)))
    }
    assert cases == {(name, n) for name in ({*AGENTS} - {*CLAIRVOYANT} | {AIF_729}) for n in SLOS}


def test_specs_have_72_settings_and_as_many_slos_as_they_say():
    for n_slos in SLOS:
        spec = case_spec(n_slos)
        assert (spec.action_space.nvec.prod(), len(spec.slos)) == (72, n_slos)


def test_what_is_called_729_policies_has_them():
    case = next(case for case in cases_of(["aif"]) if case.label == AIF_729)
    table = policies(case_spec(2).n_levels, Moves(case.changes["moves"]), case.changes["horizon"])
    assert table.shape == (729, 2, 3)


def test_an_episode_is_timed_decision_by_decision_after_it_has_settled():
    spec = case_spec(2)
    timed = episode(make("rule", spec), SimulatorEnv(spec, [busy_system(SETTLING + 5)]), seed=0)
    assert [len(times) for times in (timed.decision_ms, timed.learning_ms, timed.cpu_s)] == [5, 5, 5]
    assert min(timed.decision_ms) > 0


@pytest.mark.parametrize("name", ("rule", "ppo"))
def test_a_case_leaves_its_figures_one_per_round(name, tmp_path, unpinned):
    path = tmp_path / "figures.json"
    measure(Case(name, 2), rounds=2, decisions=4, path=path)
    figures = json.loads(path.read_text())
    assert figures.keys() == TURNS.keys()
    assert len(figures.pop("start_up_s")) == 1
    assert {len(values) for values in figures.values()} == {2}


def test_a_case_may_change_what_conf_says():
    assert values_of(Case("aif", 2, {"horizon": 2}))["horizon"] == 2


def test_figures_are_medians_with_their_range_and_the_share_of_a_core():
    figures = figures_of("rule.8", TURNS)
    parts = [figures[f"rule.8.decision_ms_p50{part}"] for part in ("", "_lowest", "_highest")]
    assert parts == [2.0, 1.0, 3.0]
    assert figures["rule.8.cpu_share"] == 0.0025


def test_the_report_has_a_row_per_case_and_a_verdict_per_limit_that_was_measured():
    figures = SETTINGS | figures_of("rule.8", TURNS) | figures_of("aif.8", TURNS)
    figures |= {"pymdp.2.decision_ms_p50": 1500.0, "ratio_pymdp_to_aif": 750.0}
    console = Console(width=140, record=True, file=io.StringIO())
    print_report(figures, console)
    text = console.export_text()
    assert "rule decides: 2 ms (1 to 3), below 0.1 ms: missed" in text
    assert "aif, 8 SLOs, 72 policies: 2 ms (1 to 3), below 4 ms: met" in text
    assert "1,500 ms a decision, 750 times as long as aif's" in text
    assert "0.25%" in text
    assert "causal" not in text


def test_limits_are_on_agents_that_there_are():
    names = {limit.key.split(".")[0] for limit in LIMITS} - {AIF_729}
    assert names <= {*AGENTS}


def test_pymdps_own_agent_decides_on_the_same_model():
    """A small one, since nothing is compiled."""
    spec = ElasticitySpec(
        knobs=tuple(Knob(name, "", (1, 2), (1.0, 2.0), (1.0, 3.0)) for name in "ab"),
        slos=(Slo("carried", 1.0, memory=True), Slo("instant", 1.0)),
    )
    ours = make("aif", spec, n_capacities=24, n_pressures=10)
    assert isinstance(ours, ActiveInference)
    assert PlainAgent(ours)() in spec.action_space


def test_its_flags_are_checked_before_anything_starts(monkeypatch, capsys):
    monkeypatch.setattr(agents, "run", lambda *_: pytest.fail("it has started"))
    for flags, complaint in (
        (["--rounds", "0"], "expected a number > 0"),
        (["--agents", "oracle"], "invalid choice"),
    ):
        with pytest.raises(SystemExit):
            bench.main(["agents", *flags])
        assert complaint in capsys.readouterr().err
