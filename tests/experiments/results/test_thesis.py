"""The predecessor's logs become runs of ours: figures by hand, and every fault named by file and line."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig
from rich.console import Console

from experiments.config.programs import register
from experiments.config.schemas import CONF
from experiments.program.errors import ConfigError
from experiments.results.collection import collected
from experiments.results.episodes import episodes_of
from experiments.results.published import from_published
from experiments.results.run_row import Row
from experiments.results.thesis import COLUMNS
from experiments.runs.summary import summarise
from experiments.statistics.disturbances import ChangePoint, change_points_of
from experiments.statistics.episode import episode_of
from experiments.worlds.plan import plan_run

HEADING = "," + ",".join(COLUMNS)
# highest setting: 30 frames/s, 1080 px, grade m. 90 tasks waiting are 3 s of frames, 1.5 of 2 s; 0.45 of the
# memory is half of 0.9; 25 ms per task are 0.75 of the 33 ms between frames; the slowest worker at 0.5
BUSY = "1.0,1.0,1.0,90,0.45,0.025,1.5,0.5,0.75,0.5"
# 20 frames/s, 720 px, grade n: 10 tasks waiting are 0.5 s, a quarter of 2 s; 45 ms per task are 0.9 of 50 ms
CALM = "0.5,0.4,0.0,10,0.45,0.045,0.25,0.5,0.9,0.5"


@pytest.fixture(autouse=True)
def hydra_here() -> Iterator[None]:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


def log(folder: Path, *rows: str, simulation: str = "basic", agent: str = "heuristic") -> Path:
    path = folder / simulation / f"{agent}_slo_stats.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([HEADING, *(f"{i},{row}" for i, row in enumerate(rows))]) + "\n")
    return path


def published(path: Path, *overrides: str) -> DictConfig:
    return compose("published/thesis", overrides=[f"published.path={path}", *overrides]).published


def read(path: Path, *overrides: str, steps: int | None = None) -> list[Row]:
    """Of runs with this many steps; as many as a single log has rows unless it is said."""
    cfg = published(path, *overrides)
    if steps is None:
        steps = len(path.read_text().splitlines()) - 1 if path.is_file() else 1
    for simulation in cfg.cells:
        cfg.cells[simulation].append(f"env.steps={max(steps, 1)}")
    return from_published(cfg)


def complaint(path: Path, *overrides: str, steps: int | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        read(path, *overrides, steps=steps)
    return str(caught.value)


# --- what a log says ---


def test_a_row_becomes_levels_ratios_and_states(tmp_path):
    (run,) = read(log(tmp_path, BUSY, CALM))
    trace = run["trace"]()
    assert trace[["action.fps", "action.resolution", "action.grade"]].to_numpy().tolist() == [
        [10, 5, 2],
        [5, 2, 0],
    ]
    assert trace["ratios.queue_s"].tolist() == [1.5, 0.25]
    assert trace["slos.queue_s"].tolist() == [2, 0]
    assert trace["slos.host_memory"].tolist() == [0, 0]
    assert trace["slos.task_time_share"].tolist() == [0, 1]  # 0.75 is below the warning at 0.8, and 0.9 above
    assert trace["slos.task_time_share_max_worker"].tolist() == [0, 0]


def test_qoe_and_reward_are_by_our_definitions(tmp_path):
    (run,) = read(log(tmp_path, BUSY, CALM))
    quality = (5 / 10 + 2 / 5 + 0) / 3  # the sixth of eleven rates, the third of six sizes, the lowest grade
    trace = run["trace"]()
    assert trace["qoe"].tolist() == pytest.approx([1.0, quality])
    by_knobs = (10 / 20 + (720 - 576) / (1080 - 576) + 0) / 3  # of 20 frames/s, 720 px
    assert trace["qoe_by.knobs"].tolist() == pytest.approx([1.0, by_knobs])
    broken = -(1 / 4) * (0.5 + 0.5 * 0.5)  # one of four SLOs, by half of its threshold
    assert trace["reward"].tolist() == pytest.approx([broken, quality - 0.02])  # all three knobs changed


def test_it_is_summarised_and_what_the_log_does_not_say_is_none(tmp_path):
    (run,) = read(log(tmp_path, BUSY, BUSY, CALM, CALM))
    figures = summarise(run["trace"]())
    assert (figures["steps"], figures["slo_fulfilment"], figures["longest_violation"]) == (4, 0.5, 2)
    assert figures["slo_fulfilment_by_slo"]["queue_s"] == 0.5
    assert figures["slo_depth"] == pytest.approx(0.5)
    assert figures["switches_per_min"] == pytest.approx(1 / (4 * 0.5 / 60))
    unknown = ["latency_p50_ms", "decision_ms_p50", "learning_ms_p99", "overruns"]
    assert [figures[name] for name in unknown] == [None] * 4
    assert set(figures["frames"].values()) == {None}


def test_it_is_an_episode_beside_ours(tmp_path):
    (run,) = read(log(tmp_path, *[CALM] * 50, simulation="variable_computational_budget"))
    points = change_points_of(plan_run(run["typed"]()), run["seed"])
    episode = episode_of(run["trace"](), run["agent"], "cell", "block", run["seed"], points)
    assert episode.interval_s == 0.5
    assert episode.held.all()
    assert math.isnan(episode.figures["cpu_share"])
    assert points == (
        ChangePoint(17, True),
        ChangePoint(33, False),
    )  # 33 and 66 % of the log's own 25 s: 8.25 and 16.5 s
    assert run["steps"] == 50


def test_it_is_in_the_cell_of_ours_under_its_own_name(tmp_path):
    log(tmp_path, *[CALM] * 12)
    cells = "published.cells.basic=['experiment=thesis_a','env.steps=12']"
    cfg = compose("compare", overrides=["published=thesis", f"published.path={tmp_path}", cells])
    found = collected(from_published(cfg.published), "")
    (cell,) = found.cells
    assert (cell.name, found.agents, cell.seeds) == ("thesis/thesis_a/thesis", ["heuristic_published"], [0])
    (one,), _ = episodes_of(found, None, False, Console(quiet=True))
    assert one.held.all()
    assert found.notes == []


def test_a_ratio_is_capped_as_ours_are(tmp_path):
    (run,) = read(log(tmp_path, "1.0,1.0,1.0,900,0.45,0.025,15,0.5,0.75,0.5"))
    assert run["trace"]()["ratios.queue_s"].tolist() == [10.0]


def test_rows_are_spread_over_the_steps_of_our_run(tmp_path):
    twice = log(
        tmp_path / "twice", CALM, BUSY, BUSY, CALM
    )  # two readings in each of two steps: the later counts
    assert read(twice, steps=2)[0]["trace"]()["ratios.queue_s"].tolist() == [1.5, 0.25]
    slow = log(tmp_path / "slow", BUSY, CALM, CALM, CALM)  # four readings in five steps
    assert read(slow, steps=5)[0]["trace"]()["ratios.queue_s"].tolist() == [1.5, 1.5, 0.25, 0.25, 0.25]


def test_a_log_that_cannot_be_of_a_whole_run_is_refused(tmp_path):
    short, long = log(tmp_path / "short", *[CALM] * 3), log(tmp_path / "long", *[CALM] * 5)
    assert f"{short} has 3 rows, which cannot be a whole run of 4 steps" in complaint(short, steps=4)
    assert f"{long} has 5 rows, which cannot be a whole run of 1 steps" in complaint(long, steps=1)


def test_a_log_without_row_numbers_is_the_same(tmp_path):
    path = log(tmp_path, BUSY)
    path.write_text(f"{HEADING.removeprefix(',')}\n{BUSY}\n")
    assert read(path)[0]["trace"]()["ratios.queue_s"].tolist() == [1.5]


# --- which run it is ---


def test_agent_and_cell_are_by_file_and_folder(tmp_path):
    log(tmp_path, CALM, simulation="basic", agent="active_inference_relative_control")
    log(tmp_path, CALM, simulation="variable_computational_demand", agent="heuristic")
    assert [(run["agent"], run["scenario"], run["seed"]) for run in read(tmp_path)] == [
        ("aif_published", "thesis_a", 0),
        ("heuristic_published", "thesis_b", 0),
    ]


def test_repeated_runs_are_numbered_by_their_paths(tmp_path):
    for repetition in ("1", "2"):
        log(tmp_path / repetition, CALM)
    assert [(Path(run["place"]).parts[-3], run["seed"]) for run in read(tmp_path)] == [("1", 0), ("2", 1)]


def test_a_cell_can_be_another_of_ours(tmp_path):
    rows = log(tmp_path, CALM)
    (run,) = read(rows, 'published.cells.basic=["experiment=thesis_a","qoe=knobs","qoe.weights.fps=0"]')
    assert run["trace"]()["qoe"].tolist() == pytest.approx([(720 - 576) / (1080 - 576) / 2])


# --- what is wrong with it ---


def test_faults_of_a_row_are_named_by_file_and_line(tmp_path):
    for row, expected in [
        (CALM.removesuffix(",0.5"), "avg_worker_processing_time_slo_value must be a number >= 0, got ''"),
        (CALM.replace("0.045", "n/a"), "avg_global_processing_time must be a number >= 0, got 'n/a'"),
        (CALM.replace("0.045", "-1"), "avg_global_processing_time must be a number >= 0, got '-1'"),
        (CALM.replace("0.045", "nan"), "avg_global_processing_time must be a number >= 0, got 'nan'"),
        (CALM.replace("0.4,", "0.41,", 1), "resolution_capacity must be level / 5 of a ladder with 6 levels"),
        (CALM.replace("0.4,", "1.2,", 1), "resolution_capacity must be level / 5 of a ladder with 6 levels"),
    ]:
        path = log(tmp_path, BUSY, row)
        assert f"{path} line 3: {expected}" in complaint(path)
    assert "line 3" in complaint(log(tmp_path, BUSY, f"{CALM},1"))  # too many values


def test_another_threshold_is_refused(tmp_path):
    path = log(tmp_path, CALM, BUSY.replace("1.5,", "1.0,", 1))  # judged by 3 s of waiting tasks instead of 2
    assert complaint(path) == (
        f"{path} line 3: queue_size 90 and queue_size_slo_value 1 tell of the threshold 3, "
        "but queue_s has 2 in our cell"
    )


def test_faults_of_a_file_are_one_sentence(tmp_path):
    path = log(tmp_path, CALM)
    whole = path.read_text()
    path.write_text("")
    assert f"{path} line 1: expected the columns fps_capacity, " in complaint(path)
    path.write_text(whole.replace("queue_size_slo_value", "queue"))
    assert f"{path} line 1: expected the columns fps_capacity, " in complaint(path)
    path.write_text(f"{HEADING}\n")
    assert complaint(path) == f"{path} has a heading and no rows"
    path.write_text(whole.replace("\n0,", "\n7,"))
    assert complaint(path) == f"{path} line 2: expected row number 0, got '7'"


def test_an_unknown_agent_simulation_or_folder_is_named(tmp_path):
    assert "published.path: expected a file, or a folder" in complaint(tmp_path / "nowhere")
    assert "name other agents in published.agents" in complaint(log(tmp_path / "a", CALM, agent="new"))
    assert "name other simulations in published.cells" in complaint(log(tmp_path / "b", CALM, simulation="x"))


def test_a_cell_that_cannot_be_is_named(tmp_path):
    path = log(tmp_path, CALM)
    for cell, expected in [
        ("experiment=nothing", "has no option 'nothing'"),
        ("env=pipeline", "must be a run of the simulator"),
        ('env=simulator","hardware=rpi5', "must have the SLOs queue_s, host_memory,"),
    ]:
        assert expected in complaint(path, f'published.cells.basic=["{cell}"]')


def test_an_unknown_key_is_an_error(tmp_path):
    assert "nobody reads published.other" in complaint(log(tmp_path, CALM), "+published.other=1")
