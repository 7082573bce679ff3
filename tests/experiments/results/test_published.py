"""The predecessor's logs become runs of ours: figures by hand, and every fault named by file and line."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import initialize_config_dir
from rich.console import Console

from experiments.config.programs import register
from experiments.config.schemas import CONF
from experiments.program.errors import ConfigError
from experiments.results.collection import collected, episodes_of
from experiments.results.published import COLUMNS, from_published
from experiments.runs.summary import summarise
from experiments.statistics.disturbances import ChangePoint

HEADING = "," + ",".join(COLUMNS)
# highest setting: 30 frames/s, 1080 px, grade m. 90 tasks waiting are 3 s of frames, 1.5 of 2 s; 0.45 of the
# memory is half of 0.9; 25 ms per task are 0.75 of the 33 ms between frames; the slowest worker at 0.5
BUSY = "1.0,1.0,1.0,90,0.45,0.025,1.5,0.5,0.75,0.5"
# 20 frames/s, 720 px, grade n: 10 tasks waiting are 0.5 s, a quarter of 2 s; 45 ms per task are 0.9 of 50 ms
CALM = "0.5,0.4,0.0,10,0.45,0.045,0.25,0.5,0.9,0.5"
HALF = 450  # steps, of the 900 of every simulation
WHOLE = [BUSY] * HALF + [CALM] * HALF


@pytest.fixture(autouse=True)
def hydra_here() -> Iterator[None]:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


def log(folder: Path, rows: list[str], simulation: str = "basic", agent: str = "heuristic") -> Path:
    path = folder / simulation / f"{agent}_slo_stats.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([HEADING, *(f"{i},{row}" for i, row in enumerate(rows))]) + "\n")
    return path


def trace_of(path: Path):
    (run,) = from_published(path)
    return run["trace"]()


def complaint(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        from_published(path)
    return str(caught.value)


# --- what a log says ---


def test_rows_become_levels_ratios_and_states_scored_by_our_definitions(tmp_path):
    around = trace_of(log(tmp_path, WHOLE)).iloc[HALF - 1 : HALF + 1]
    assert around[["action.fps", "action.resolution", "action.grade"]].to_numpy().tolist() == [
        [10, 5, 2],
        [5, 2, 0],
    ]
    assert around["ratios.queue_s"].tolist() == [1.5, 0.25]
    assert around["slos.queue_s"].tolist() == [2, 0]
    assert around["slos.host_memory"].tolist() == [0, 0]
    assert around["slos.task_time_share"].tolist() == [0, 1]  # 0.75 is below the warning at 0.8, 0.9 above
    assert around["slos.task_time_share_max_worker"].tolist() == [0, 0]
    quality = (5 / 10 + 2 / 5 + 0) / 3  # the sixth of eleven rates, the third of six sizes, the lowest grade
    assert around["qoe"].tolist() == pytest.approx([1.0, quality])
    by_knobs = (10 / 20 + (720 - 576) / (1080 - 576) + 0) / 3  # of 20 frames/s, 720 px
    assert around["qoe_by.knobs"].tolist() == pytest.approx([1.0, by_knobs])
    broken = -(1 / 4) * (0.5 + 0.5 * 0.5)  # one of four SLOs, by half of its threshold
    assert around["reward"].tolist() == pytest.approx([broken, quality - 0.02])  # all three knobs changed


def test_it_is_summarised_and_what_the_log_does_not_say_is_none(tmp_path):
    figures = summarise(trace_of(log(tmp_path, WHOLE)))
    assert (figures["steps"], figures["slo_fulfilment"], figures["longest_violation"]) == (900, 0.5, HALF)
    assert figures["slo_fulfilment_by_slo"]["queue_s"] == 0.5
    assert figures["slo_depth"] == pytest.approx(0.5)
    assert figures["switches_per_min"] == pytest.approx(1 / (900 * 0.5 / 60))
    unknown = ["latency_p50_ms", "decision_ms_p50", "learning_ms_p99", "overruns"]
    assert [figures[name] for name in unknown] == [None] * 4
    assert set(figures["frames"].values()) == {None}


def test_it_is_an_episode_in_the_cell_of_ours_under_its_own_name(tmp_path):
    log(tmp_path, [CALM] * 900, simulation="variable_computational_budget")
    found = collected(from_published(tmp_path), "")
    (cell,) = found.cells
    assert (cell.name, found.agents, cell.seeds) == ("thesis/thesis_c/thesis", ["heuristic_published"], [0])
    (one,), _ = episodes_of(found, None, False, Console(quiet=True))
    assert (one.interval_s, one.held.all(), found.notes) == (0.5, True, [])
    assert math.isnan(one.figures["cpu_share"])
    assert one.change_points == (ChangePoint(297, True), ChangePoint(594, False))  # 33 and 66 % of 450 s


def test_a_ratio_is_capped_as_ours_are(tmp_path):
    rows = log(tmp_path, ["1.0,1.0,1.0,900,0.45,0.025,15,0.5,0.75,0.5"] * 900)
    assert set(trace_of(rows)["ratios.queue_s"]) == {10.0}


def test_rows_are_spread_over_the_steps_of_our_run(tmp_path):
    twice = trace_of(log(tmp_path / "twice", [CALM, BUSY] * 900))  # two readings in each step: the later
    assert set(twice["ratios.queue_s"]) == {1.5}
    slow = trace_of(log(tmp_path / "slow", [BUSY, *[CALM] * 749]))  # five readings in six steps
    assert slow["ratios.queue_s"].tolist()[:3] == [1.5, 1.5, 0.25]


def test_a_log_that_cannot_be_of_a_whole_run_is_refused(tmp_path):
    short, long = log(tmp_path / "short", [CALM] * 700), log(tmp_path / "long", [CALM] * 3700)
    assert f"{short} has 700 rows: no whole run, which has 900 steps of ours" in complaint(short)
    assert f"{long} has 3700 rows: no whole run" in complaint(long)


def test_a_log_without_row_numbers_is_the_same(tmp_path):
    path = log(tmp_path, [])
    path.write_text("\n".join([HEADING.removeprefix(","), *WHOLE]) + "\n")
    assert trace_of(path)["ratios.queue_s"].iloc[0] == 1.5


# --- which run it is ---


def test_agent_and_cell_are_by_file_and_folder_and_repeated_runs_are_numbered_by_their_paths(tmp_path):
    log(tmp_path / "1", WHOLE, simulation="basic", agent="active_inference_relative_control")
    for repetition in ("1", "2"):
        log(tmp_path / repetition, WHOLE, simulation="variable_computational_demand")
    found = [
        (Path(run["place"]).parts[-3], run["agent"], run["scenario"], run["seed"])
        for run in from_published(tmp_path)
    ]
    assert found == [
        ("1", "aif_published", "thesis_a", 0),
        ("1", "heuristic_published", "thesis_b", 0),
        ("2", "heuristic_published", "thesis_b", 1),
    ]


# --- what is wrong with it ---


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (CALM.replace("0.045", "n/a"), "avg_global_processing_time must be a number >= 0, got 'n/a'"),
        (CALM.replace("0.045", "-1"), "avg_global_processing_time must be a number >= 0, got '-1'"),
        (CALM.replace("0.045", "nan"), "avg_global_processing_time must be a number >= 0, got 'nan'"),
        (CALM.removesuffix(",0.5"), "avg_worker_processing_time_slo_value must be a number >= 0, got "),
        (CALM.replace("0.4,", "0.41,", 1), "resolution_capacity must be level / 5 of a ladder with 6 levels"),
        (CALM.replace("0.4,", "1.2,", 1), "resolution_capacity must be level / 5 of a ladder with 6 levels"),
        (  # judged by 3 s of waiting tasks instead of 2
            BUSY.replace("1.5,", "1.0,", 1),
            "queue_size 90 and queue_size_slo_value 1 tell of another threshold than that of queue_s in our "
            "cell, 2",
        ),
    ],
)
def test_faults_of_a_row_are_named_by_file_and_line(tmp_path, row, expected):
    path = log(tmp_path, [BUSY, row, *WHOLE[2:]])
    assert f"{path} line 3: {expected}" in complaint(path)


def test_faults_of_a_file_are_one_sentence(tmp_path):
    path = log(tmp_path, [CALM, f"{CALM},1"])
    assert "cannot be read as CSV: " in complaint(path) and "line 3" in complaint(path)
    path.write_text("")
    assert f"{path} cannot be read as CSV: " in complaint(path)
    path.write_text(HEADING.replace("queue_size_slo_value", "queue"))
    assert f"{path} line 1: expected the columns fps_capacity, " in complaint(path)
    assert "published: expected a log, or a folder" in complaint(tmp_path / "nowhere")
    for names in ({"agent": "new"}, {"simulation": "x"}):
        assert "expected SIMULATION/AGENT_slo_stats.csv: one of basic, " in complaint(
            log(tmp_path / "a", [CALM], **names)
        )
