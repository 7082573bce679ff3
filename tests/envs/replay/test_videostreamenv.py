"""The published data set, and files that are not it."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from envs.replay.videostreamenv import DataSet, network_costs, read_data_set
from pipeline.slos import Sense

HEADER = (
    "cpu_usage,memory_usage,network_usage,avg_actual_fps,avg_render_scale_factor,thermal_state,"
    "p_resolution,p_n_streams,p_fps"
)
GRID = [(height, streams, fps) for height in (180, 360) for streams in (1, 5) for fps in (10, 20)]


def row(height: float, streams: float, fps: float) -> str:
    """Network = height · streams · fps; the rest plausible."""
    return f"0.1,0.2,{height * streams * fps},{fps},{720 / height},0,{height},{streams},{fps}"


def lines(*changed: str) -> list[str]:
    return [HEADER, *(row(*setting) for setting in GRID), *changed]


def written(directory: Path, content: list[str]) -> Path:
    path = directory / "metrics.csv"
    path.write_text("\n".join(content) + "\n")
    return path


@pytest.fixture(scope="session")
def published(data) -> DataSet:
    """The real file."""
    path = data / "videostreamenv" / "metrics.csv.gz"
    if not path.is_file():
        pytest.skip(f"no data set at {path}: this test needs it")
    return read_data_set(path)


# --- the real file ---


def test_the_published_settings_are_all_there(published):
    assert [knob.name for knob in published.spec.knobs] == ["resolution", "streams", "fps"]
    assert published.spec.knobs[0].levels == (180.0, 360.0, 720.0)
    assert published.spec.knobs[1].levels == (1.0, 2.0, 5.0, 10.0, 15.0, 20.0)
    assert published.spec.knobs[2].levels == (5.0, 10.0, 15.0, 20.0, 25.0, 30.0)
    sizes = [len(rows) for rows in published.table.rows]
    assert (len(sizes), sum(sizes), min(sizes)) == (108, 64_319, 512)


def test_rows_keep_their_setting_through_sorting(published):
    column = published.table.metrics.index("streams")
    for setting, rows in enumerate(published.table.rows):
        level = np.unravel_index(setting, published.table.n_levels)[1]
        assert (rows[:, column] == published.spec.knobs[1].levels[level]).all()


def test_the_published_outliers_are_kept(published):
    column = published.table.metrics.index("delivered_fps")
    assert max(rows[:, column].max() for rows in published.table.rows) == pytest.approx(3142.07, abs=0.01)


def test_an_outlier_delivers_no_more_than_was_asked(published):
    env = published.world(steps=50)
    env.reset(seed=0)
    infos = [env.step((2, 5, 5))[4] for _ in range(50)]
    assert max(info["metrics"]["delivered_fps"] for info in infos) > 30
    assert all(info["delivered"]["fps"] <= 30 for info in infos)


def test_costs_rise_with_every_level_and_are_those_of_the_traffic(published):
    for knob in published.spec.knobs:
        assert list(knob.costs[0]) == sorted(set(knob.costs[0]))
    resolution = published.spec.knobs[0]
    assert 2.0 < resolution.costs[0][1] < 4.5  # four times the pixels, compressed


def test_three_of_the_authors_objectives_are_lower_bounds(published):
    lower = [slo.metric for slo in published.spec.slos if slo.sense is Sense.AT_LEAST]
    assert lower == ["delivered_fps", "streams", "sharpness"]


def test_sharpness_breaks_exactly_where_the_render_scale_factor_does(published):
    env = published.world(steps=108)
    env.reset(seed=1)
    for levels in np.ndindex(*published.spec.n_levels):
        info = env.step(levels)[4]
        scale = info["metrics"]["render_scale_factor"]
        assert info["ratios"]["sharpness"] == pytest.approx(min(scale / 1.6, 10.0))


def test_a_middle_setting_fulfils_what_neither_end_can(published):
    def fulfilled(levels: tuple[int, int, int]) -> float:
        env = published.world(steps=200)
        env.reset(seed=2)
        return float(np.mean([max(env.step(levels)[4]["slos"].values()) < 2 for _ in range(200)]))

    assert fulfilled((1, 3, 3)) > 0.95  # 360 px, ten streams, 20 fps
    assert fulfilled((0, 0, 0)) == fulfilled((2, 5, 5)) == 0.0


def test_it_passes_gymnasiums_own_check(published):
    check_env(published.world(steps=20), skip_render_check=True)


# --- other files ---


def test_costs_of_a_product_are_found_exactly(tmp_path):
    table = read_data_set(written(tmp_path, lines())).table
    assert network_costs(table) == ((1.0, 2.0), (1.0, 5.0), (1.0, 2.0))


def test_columns_are_found_by_name_in_any_order(tmp_path):
    shuffled = [",".join(reversed(line.split(","))) for line in lines()]
    backwards = read_data_set(written(tmp_path, shuffled))
    assert backwards.spec == read_data_set(written(tmp_path, lines())).spec


def test_a_missing_file_says_what_was_expected_where(tmp_path):
    with pytest.raises(ValueError, match=r"no data set at .*nowhere\.csv: expected metrics\.csv"):
        read_data_set(tmp_path / "nowhere.csv")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "expected a column"),
        ([HEADER.replace("p_fps", "fps")], "expected a column p_fps, got cpu_usage"),
        ([HEADER], "expected at least one row, got none"),
        ([HEADER, "1,2", "3,4"], "expected 9 columns, got 2"),
        (lines("0.1,0.2,5,10,0,0,180,1,10"), "avg_render_scale_factor must be > 0"),
        (lines("0.1,0.2,many,10,2,0,180,1,10"), "could not convert string 'many'"),
        (lines("0.1,0.2"), "columns"),
        (lines("0.1,0.2,inf,10,2,0,180,1,10"), "finite numbers"),
        (lines("0.1,0.2,5,10,2,0,nan,1,10"), "settings must be finite"),
        (lines()[:-1], r"setting \(1, 1, 1\): expected at least one row"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_a_malformed_file_is_one_clear_error(tmp_path, content, message):
    path = written(tmp_path, content)
    with pytest.raises(ValueError, match=message) as caught:
        read_data_set(path)
    assert str(path) in str(caught.value)


def test_a_truncated_archive_is_one_clear_error(tmp_path):
    path = tmp_path / "metrics.csv.gz"
    path.write_bytes(gzip.compress("\n".join(lines()).encode())[:-20])
    with pytest.raises(ValueError, match=r"data set .*metrics\.csv\.gz"):
        read_data_set(path)


def test_what_is_no_archive_at_all_is_one_clear_error(tmp_path):
    path = tmp_path / "metrics.csv.gz"
    path.write_text(HEADER)
    with pytest.raises(ValueError, match=r"data set .*metrics\.csv\.gz"):
        read_data_set(path)
