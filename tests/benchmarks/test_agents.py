"""The agents' benchmark: what is measured, and what is said of it."""

import io
import json

from rich.console import Console

from benchmarks import __main__ as benchmarks
from benchmarks.agents.benchmark import (
    GOALS,
    NAMES,
    cases_of,
    figures_of,
    print_report,
)
from benchmarks.agents.case import SETTLING, SLOS, Case, busy_system, case_spec, episode, measure
from envs.simulator.env import SimulatorEnv
from tests.agents.episodes import make

ROUNDS = {
    "start_up_s": [2.0],
    "decision_ms_p50": [1.0, 3.0, 2.0],
    "decision_ms_p99": [4.0, 4.0, 9.0],
    "learning_ms_p50": [0.5, 0.5, 0.5],
    "learning_ms_p99": [0.5, 0.5, 0.5],
    "cpu_ms": [2.5, 2.5, 2.5],
}


def test_every_agent_is_measured_with_few_and_many_slos():
    assert {"aif", "rule", "ppo", "mpc"} <= {*NAMES}
    assert {"oracle", "custom"}.isdisjoint(NAMES)
    cases = {(case.agent, case.n_slos) for case in cases_of(NAMES)}
    assert cases == {(name, n) for name in NAMES for n in SLOS}


def test_specs_have_72_settings_and_as_many_slos_as_they_say():
    for n_slos in SLOS:
        spec = case_spec(n_slos)
        assert (spec.action_space.nvec.prod(), len(spec.slos)) == (72, n_slos)


def test_an_episode_is_timed_decision_by_decision_after_it_has_settled():
    spec = case_spec(2)
    timed = episode(make("rule", spec), SimulatorEnv(spec, [busy_system(SETTLING + 5)]), seed=0)
    assert [len(times) for times in (timed.decision_ms, timed.learning_ms, timed.cpu_s)] == [5, 5, 5]
    assert min(timed.decision_ms) > 0


def test_a_learned_agent_is_trained_briefly_and_then_measured(monkeypatch):
    monkeypatch.setattr(
        "benchmarks.agents.case.to_one_core", lambda: None
    )  # this process is not to stay there
    rounds = measure(Case("ppo", 2), rounds=2, decisions=4)
    assert rounds.keys() == ROUNDS.keys()
    assert len(rounds.pop("start_up_s")) == 1
    assert {len(values) for values in rounds.values()} == {2}


def test_the_benchmark_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(benchmarks.signal, "signal", lambda *_: None)
    assert benchmarks.main(["agents", "--agents", "rule", "--rounds", "2", "--decisions", "4"]) == 0
    figures = json.loads((tmp_path / "results/bench/agents.json").read_text())
    assert figures["rule.8.decision_ms_p50_lowest"] <= figures["rule.8.decision_ms_p50"]
    assert "rule" in capsys.readouterr().out


def test_figures_are_medians_with_their_range_and_the_share_of_a_core():
    figures = figures_of("rule.8", ROUNDS)
    parts = [figures[f"rule.8.decision_ms_p50{part}"] for part in ("", "_lowest", "_highest")]
    assert parts == [2.0, 1.0, 3.0]
    assert figures["rule.8.cpu_share"] == 0.0025


def test_the_report_has_a_row_per_case_and_names_the_limits_that_were_missed():
    figures = {"rounds": 3.0, "decisions": 60.0} | figures_of("rule.8", ROUNDS) | figures_of("aif.8", ROUNDS)
    console = Console(width=140, record=True, file=io.StringIO())
    print_report(figures, console)
    text = console.export_text()
    (row,) = [line for line in text.splitlines() if line.startswith("aif  ")]
    assert row.split() == ["aif", "8", "2.00", "(1.00", "to", "3.00)", "4.00", "0.500", "2.00", "0.25%"]
    assert "1 of 2 times are within their limits" in text
    assert "rule, 8 SLOs, decides: 2.00 (1.00 to 3.00) ms, at most 0.1 ms: missed" in text


def test_limits_are_on_agents_that_there_are():
    assert {goal.key.split(".")[0] for goal in GOALS} <= {*NAMES}
