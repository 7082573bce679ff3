"""A logged run is carried out once more from its directory alone, and held against what it was."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from experiments.config.schemas import CONF
from experiments.program.errors import ConfigError, ExecutionError
from experiments.repeat import main
from experiments.runs.logged import changes_since, first_difference
from experiments.runs.record import SUMMARY
from experiments.runs.trace import TRACE, WALL_CLOCK, read_trace
from tests.experiments.recorded import record

SHORT = ("scenario=worker_loss", "env.steps=12", "seed=3", "live=false", "output.picture=false")
DATA_SET = CONF.parent.parent / "shared" / "data" / "videostreamenv" / "metrics.csv.gz"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> dict[str, Path]:
    """A run's directory, by its agent."""
    results = tmp_path_factory.mktemp("results")
    return {agent: record(results, *SHORT, f"agent={agent}") for agent in ("rule", "aif")}


@pytest.fixture
def copied(recorded, tmp_path) -> Path:
    """A run of `rule` that a test may change, alone in its folder."""
    return Path(shutil.copytree(recorded["rule"], tmp_path / "results" / "main" / "run"))


def repeated(folder: Path, but: Path) -> Path:
    """The directory in a folder of runs that was not there before."""
    (found,) = [path for path in folder.iterdir() if path != but]
    return found


def with_cell(directory: Path, step: int, column: str, value: float) -> None:
    """Change one value of a trace."""
    trace = read_trace(directory)
    trace.loc[step, column] = value
    trace.to_parquet(directory / TRACE)


def with_summary(directory: Path, **changes: object) -> None:
    """Change a run's summary."""
    path = directory / SUMMARY
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


# --- repeating ---


@pytest.mark.parametrize("agent", ["rule", "aif"])
def test_a_simulated_run_is_the_same_bit_for_bit(agent, recorded, tmp_path, capsys):
    main([str(recorded[agent]), "--results", str(tmp_path)])
    assert "identical, all 12 steps" in capsys.readouterr().out
    again = repeated(tmp_path / "main", recorded[agent])
    one, other = read_trace(recorded[agent]), read_trace(again)
    exact = [name for name in one if name not in WALL_CLOCK]
    assert len(exact) > 40
    assert one[exact].equals(other[exact])
    hashes = [json.loads((run / SUMMARY).read_text())["run_hash"] for run in (recorded[agent], again)]
    assert hashes[0] == hashes[1]


def test_a_replayed_run_is_too(tmp_path, capsys):
    if not DATA_SET.is_file():
        pytest.skip(f"no data set at {DATA_SET}: this test needs it")
    replay = ("env=replay", f"env.path={DATA_SET}", "env.steps=12", "agent=rule", "output.picture=false")
    main([str(record(tmp_path, *replay))])
    assert "identical, all 12 steps" in capsys.readouterr().out


def test_the_new_run_lies_beside_the_old_one(copied, capsys):
    main([str(copied)])
    assert repeated(copied.parent, copied).name in capsys.readouterr().out


def test_a_trace_that_was_tampered_with_is_found_out(copied, capsys):
    with_cell(copied, 7, "reward", 0.25)
    with_cell(copied, 9, "qoe", 0.5)
    with pytest.raises(ExecutionError, match=r"^1 run of 1 did not come to the same: run$"):
        main([str(copied)])
    assert "not the same: step 7, reward: 0.25 then, " in capsys.readouterr().out


def test_other_code_may_come_to_something_else_and_is_named(copied, capsys):
    with_cell(copied, 7, "reward", 0.25)
    with_summary(copied, code_hash="0123456789ab", git_commit="an older one")
    main([str(copied)])
    said = capsys.readouterr().out
    assert "code_hash: 0123456789ab then, " in said
    assert "git_commit: an older one then, " in said
    assert "the code is another one, and so may be what it comes to" in said


def test_a_run_that_was_killed_is_compared_as_far_as_it_came(copied, capsys):
    read_trace(copied).head(5).to_parquet(copied / TRACE)
    with_summary(copied, status="KILLED")
    main([str(copied)])
    assert "identical, all 5 steps" in capsys.readouterr().out


def test_what_is_no_run_is_said_before_any_begins(copied, tmp_path):
    with pytest.raises(ConfigError, match=r"has no summary\.json$"):
        main([str(copied), str(tmp_path)])
    assert list(copied.parent.iterdir()) == [copied]


# --- comparing ---


def trace(**columns: list) -> pd.DataFrame:
    return pd.DataFrame({"step": range(3), **columns})


def test_traces_part_at_the_first_step_and_there_at_the_first_column():
    before = trace(a=[1.0, 2.0, 3.0], b=[1.0, 2.0, 3.0], c=["x", "y", "z"])
    now = trace(a=[1.0, 2.0, 9.0], b=[1.0, 2.5, 3.0], c=["x", "w", "z"])
    assert first_difference(before, now) == "step 1, b: 2.0 then, 2.5 now"


def test_wall_clock_columns_and_what_is_not_a_number_make_no_difference():
    before = trace(decision_ms=[1.0, 2.0, 3.0], a=[None, 1.0, float("nan")])
    now = trace(decision_ms=[3.0, 2.0, 1.0], a=[None, 1.0, float("nan")])
    assert first_difference(before, now) == ""


def test_one_bit_is_a_difference():
    found = first_difference(trace(a=[0.1, 0.2, 0.3]), trace(a=[0.1, 0.2, 0.1 + 0.2]))
    assert found == "step 2, a: 0.3 then, 0.30000000000000004 now"


def test_a_column_or_a_step_that_only_one_trace_has_is_a_difference():
    whole = trace(a=[1, 2, 3])
    assert first_difference(whole, trace()) == "step 0, a: 1 then, nothing now"
    assert first_difference(whole.head(2), whole) == "step 2, step: nothing then, 2 now"


def test_releases_machine_and_weights_that_are_others_are_named():
    before = {
        "code_hash": "c",
        "git_commit": "g",
        "releases": {"numpy": "1", "jax": "2"},
        "machine": {"cpu": "x"},
        "weights_sha256": {"n": "ab", "s": "cd"},
    }
    now = before | {
        "releases": {"numpy": "1", "jax": "3"},
        "machine": {"cpu": "y"},
        "weights_sha256": {"n": "ab", "s": "ef"},
    }
    assert changes_since(before, now) == [
        "releases.jax: 2 then, 3 now",
        "machine.cpu: x then, y now",
        "weights_sha256.s: cd then, ef now",
    ]
    assert changes_since({}, now)[0] == "code_hash: not recorded then, c now"
