"""The program as a user calls it, and its figures computed once more from the raw traces."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from rich.console import Console

from experiments.compare import perform, texts_quoted
from experiments.config.composing import register
from experiments.config.schemas import CONF
from experiments.program.errors import ConfigError
from tests.experiments.programs import Done, call
from tests.experiments.recorded import record, record_under

pytestmark = pytest.mark.timeout(300)
AGENTS, SCENARIOS, SEEDS = ("rule", "static"), ("steady", "worker_loss"), (0, 1)
WORDS = ("env.steps=40",)


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """Two agents in two cells under two seeds, with what scores need, and a run that failed."""
    results = tmp_path_factory.mktemp("results")
    for scenario in SCENARIOS:
        for agent, seeds in {**dict.fromkeys(AGENTS, SEEDS), "oracle": SEEDS, "random": (0,)}.items():
            record_under(seeds, results, f"agent={agent}", f"scenario={scenario}", *WORDS)
    failed = results / "main" / "20261126-000000-rule-failed"
    shutil.copytree(next((results / "main").glob("*-rule-*")), failed)
    path = failed / "summary.json"
    summary = json.loads(path.read_text(encoding="utf-8"))
    failure = {"status": "FAILED", "error": "worker 2 is gone", "seed": 9}  # and was not played again
    path.write_text(json.dumps(summary | failure), encoding="utf-8")
    return results


@pytest.fixture(scope="module")
def strict(tmp_path_factory) -> Path:
    """A run under another threshold."""
    words = ("agent=rule", "scenario=steady", "slo.slos.2.threshold=500")
    return record(tmp_path_factory.mktemp("strict"), *words, *WORDS)


@pytest.fixture(scope="module")
def compared(results) -> tuple[Path, Done]:
    """All of it compared, as it comes."""
    done = call("experiments.compare", f"runs={results / 'main'}", f"results={results}", "reference=rule")
    return results / "comparisons" / "main", done


def complaint(*overrides: str) -> str:
    """What is wrong with these words."""
    with pytest.raises(ConfigError) as caught:
        perform(compose("compare", overrides=list(overrides)), Console(quiet=True))
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- figures, from the raw traces by hand ---


def raw(results: Path, agent: str) -> dict[tuple[str, int], pd.DataFrame]:
    """An agent's traces by scenario and seed, found by what the summaries say."""
    found = {}
    for directory in (results / "main").iterdir():
        if not (directory / "summary.json").exists():
            continue
        summary = json.loads((directory / "summary.json").read_text(encoding="utf-8"))
        if summary["agent"] == agent and summary["status"] == "FINISHED":
            trace = pd.read_parquet(directory / "trace.parquet")
            found[summary["scenario"], summary["seed"]] = trace
    return found


def mean(trace: pd.DataFrame, name: str) -> float:
    """Of a column."""
    return float(trace[name].to_numpy().mean())


def held(trace: pd.DataFrame) -> float:
    """Share of the steps in which no SLO was CRITICAL, which is 2."""
    return float((trace.filter(regex=r"^slos\.").to_numpy() != 2).all(axis=1).mean())


def iqm_of_four(values: list[float]) -> float:
    """Without the lowest and the highest quarter, which of four is one value each."""
    assert len(values) == 4
    return sum(sorted(values)[1:3]) / 2


def test_qoe_fulfilment_and_reward_are_those_of_the_raw_traces(results, compared):
    directory, done = compared
    assert done.code == 0, done.err
    table = pd.read_csv(directory / "table.csv").set_index("agent")
    for agent in AGENTS:
        traces = list(raw(results, agent).values())
        row = table.loc[agent]
        assert row["episodes"] == 4
        assert row["qoe"] == pytest.approx(np.mean([mean(trace, "qoe") for trace in traces]))
        assert row["fulfilment"] == pytest.approx(np.mean([held(trace) for trace in traces]))
        rewards = [mean(trace, "reward") for trace in traces]
        assert row["reward"] == pytest.approx(np.mean(rewards))
        assert row["reward_iqm"] == pytest.approx(iqm_of_four(rewards))
        assert row["reward_worst_tenth"] == pytest.approx(min(rewards))


def test_scores_lie_between_the_raw_traces_of_random_and_oracle(results, compared):
    directory, _ = compared
    random, oracle = (
        {key: mean(trace, "reward") for key, trace in raw(results, agent).items()}
        for agent in ("random", "oracle")
    )
    table = pd.read_csv(directory / "table.csv").set_index("agent")
    for agent in AGENTS:
        scores = [
            (mean(trace, "reward") - random[scenario, 0]) / (oracle[scenario, seed] - random[scenario, 0])
            for (scenario, seed), trace in raw(results, agent).items()
        ]
        assert table.loc[agent]["score"] == pytest.approx(np.mean(scores))
    assert table.loc["oracle"]["score"] == pytest.approx(1.0)


def test_a_difference_is_the_mean_over_pairs_of_episodes(results, compared):
    directory, _ = compared
    pairs = pd.read_csv(directory / "pairs.csv").set_index(["reference", "agent"])
    row = pairs.loc[("rule", "static")]
    ours, theirs = raw(results, "rule"), raw(results, "static")
    assert row["pairs"] == 4
    for name, figure in (
        ("reward_mean", lambda trace: mean(trace, "reward")),
        ("qoe_mean", lambda trace: mean(trace, "qoe")),
        ("slo_fulfilment", held),
    ):
        difference = np.mean([figure(ours[key]) - figure(theirs[key]) for key in ours])
        assert row[f"{name}_difference"] == pytest.approx(difference)
        assert row[f"{name}_difference_low"] <= difference + 1e-9
        assert row[f"{name}_difference_high"] >= difference - 1e-9


def test_every_episode_is_in_its_cell(results, compared):
    directory, _ = compared
    episodes = pd.read_csv(directory / "episodes.csv").set_index(["agent", "cell", "seed"])
    assert len(episodes) == 2 * (2 * 2 + 2 + 1)
    for agent in AGENTS:
        for (scenario, seed), trace in raw(results, agent).items():
            row = episodes.loc[(agent, f"rpi5/{scenario}", seed)]
            assert row["reward_mean"] == pytest.approx(mean(trace, "reward"))


# --- what a reader is told ---


def test_the_program_says_where_the_report_is(compared):
    directory, done = compared
    assert done.out.splitlines()[-1].split() == ["report", str(directory / "report.html")]
    left = ("report.html", "table.csv", "table.tex", "pairs.csv", "cells.csv", "episodes.csv", "config.yaml")
    assert all((directory / name).stat().st_size > 0 for name in left)


@pytest.mark.usefixtures("hydra_here")
def test_a_report_that_is_replaced_is_spoken_of(results, tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.compare.write_report", lambda *_: [tmp_path])
    words = [f"runs={results / 'main'}", "references=false", f"output={tmp_path}"]
    for left, said in ((False, 0), (True, 1)):
        console = Console(file=io.StringIO())
        if left:
            (tmp_path / "report.html").touch()
        perform(compose("compare", overrides=words), console)
        assert console.file.getvalue().count("replaced   the report that was there") == said  # type: ignore[attr-defined]


def test_a_run_that_failed_is_left_out_and_said_so(compared):
    directory, _ = compared
    text = (directory / "table.md").read_text(encoding="utf-8")
    assert "1 run did not finish as planned (1 FAILED)" in text
    assert "rule-failed (FAILED: worker 2 is gone)" in text


def test_nothing_is_played_where_the_collection_has_random_and_oracle(results, compared):
    assert not (results / "evaluation").exists()
    assert "not scored" not in (compared[0] / "table.md").read_text(encoding="utf-8").lower()


# --- what is missing is played ---


def test_random_and_oracle_are_played_where_the_runs_lack_them(results, compared, tmp_path, monkeypatch):
    given: list = []
    monkeypatch.setattr("experiments.compare.write_report", lambda *args: given.append(args[1]) or [tmp_path])
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        where = "where=\"agent in ('rule', 'random') and seed == 0 and scenario == 'worker_loss'\""
        words = [f"runs={results / 'main'}", where, f"results={tmp_path}", "processes=1", "blocks=scenario"]
        perform(compose("compare", overrides=words), Console(quiet=True))
        perform(compose("compare", overrides=[*words, "references=false"]), Console(quiet=True))
    evidence, without = given
    assert list(tmp_path.rglob("*.parquet"))
    logged = mean(raw(results, "oracle")["worker_loss", 0], "reward")
    reference = evidence.references["rpi5/worker_loss"]
    assert reference.oracle == {0: pytest.approx(logged)}  # the simulator's are the same to the last digit
    assert reference.random == pytest.approx(mean(raw(results, "random")["worker_loss", 0], "reward"))
    assert {episode.block for episode in evidence.episodes} == {"worker_loss"}
    assert without.references == {}
    assert without.lacks == {"rpi5/worker_loss": "oracle is not among its runs under 0"}


# --- words ---


@pytest.mark.usefixtures("hydra_here")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "say which runs: runs=FOLDER or mlflow=SEARCH"),
        (("runs=/nowhere",), "there is no folder /nowhere"),
        (("runs=3",), "runs must be a folder or a list of folders, got 3"),
        (
            ("runs={RUNS}", "reference=ppo"),
            "reference: there is no agent ppo; there are oracle, random, rule, static",
        ),
        (("runs={RUNS}", "highlight=[rule,mpc]"), "highlight: there is no agent mpc"),
        (
            ("runs={RUNS}", "blocks=weather"),
            "blocks must be null or one of hardware, scenario, slo, video, env",
        ),
        (("runs={RUNS}", "processes=0"), "processes must be >= 1, got 0"),
        (("runs={RUNS}", "where=agnt"), "'agnt' is not defined"),
        (("runs={RUNS}", "+colour=red"), "there is no key 'colour'; known are "),
        (("mlflow=x", "results=/nowhere"), "mlflow: there is no store at sqlite:////nowhere/mlflow.db yet"),
    ],
)
def test_what_is_wrong_is_one_sentence(results, words, expected):
    assert expected in complaint(*(word.replace("{RUNS}", str(results / "main")) for word in words))


def test_a_wrong_word_ends_the_program_with_2_and_a_sentence(tmp_path):
    done = call("experiments.compare", f"runs={tmp_path}")
    assert done.code == 2
    assert done.err == (
        f"experiments.compare: {tmp_path} has no run that ended: expected folders with a summary.json\n"
    )


def test_sentences_need_no_further_quotes():
    words = [
        "where=agent in ('aif','rule') and slo == \"a\"",
        "mlflow=tags.agent = 'aif'",
        "runs=[a,b]",
        "--help",
    ]
    assert texts_quoted(words) == [
        "where=\"agent in ('aif','rule') and slo == \\\"a\\\"\"",
        "mlflow=\"tags.agent = 'aif'\"",
        "runs=[a,b]",
        "--help",
    ]
    assert texts_quoted([r"where=agent.str.match('\w+_\d')"]) == ["where=\"agent.str.match('\\w+_\\d')\""]


# --- refusals ---


@pytest.mark.usefixtures("hydra_here")
def test_runs_under_other_thresholds_are_refused_by_field_and_name(results, strict):
    text = complaint(f"runs=[{results / 'main'},{strict}]")
    assert "slo.latency_p95_ms.threshold is 250 in 14 runs (" in text
    assert f", 500 in 1 run ({strict})" in text
    assert "choose, for example with where=" in text
