"""Service times of a device: interpolation, spread, repeatable draws, files."""

import json
import math
import statistics
import subprocess
import sys

import pytest

from pipeline.service_times import MOMENT, ServiceTimes, uniform

NANO = ((160, 90, 2.0), (640, 360, 18.0))  # 16 times the pixels, 9 times the time


def test_measured_sizes_are_returned_as_measured():
    times = ServiceTimes({"n": NANO})
    assert times.mean_ms("n", 160, 90) == pytest.approx(2.0)
    assert times.mean_ms("n", 640, 360) == pytest.approx(18.0)


def test_between_and_beyond_two_points_time_is_a_power_of_the_pixels():
    times = ServiceTimes({"n": NANO})  # exponent log 9 / log 16: four times the pixels, three times the time
    assert times.mean_ms("n", 320, 180) == pytest.approx(6.0)
    assert times.mean_ms("n", 1280, 720) == pytest.approx(54.0)
    assert times.mean_ms("n", 80, 45) == pytest.approx(2.0 / 3.0)


def test_only_the_number_of_pixels_matters():
    times = ServiceTimes({"n": NANO})
    assert times.mean_ms("n", 180, 320) == pytest.approx(times.mean_ms("n", 320, 180))


def test_end_slopes_are_those_of_the_end_segments():
    times = ServiceTimes({"s": ((10, 10, 1.0), (20, 10, 2.0), (40, 10, 8.0))})
    assert times.mean_ms("s", 5, 10) == pytest.approx(0.5)
    assert times.mean_ms("s", 80, 10) == pytest.approx(32.0)


def test_one_point_extrapolates_with_side_to_the_1_8():
    times = ServiceTimes({"m": ((640, 360, 100.0),)})
    assert times.mean_ms("m", 320, 180) == pytest.approx(100.0 * 0.5**1.8)


def test_an_unknown_grade_or_size_is_named():
    times = ServiceTimes({"n": NANO})
    with pytest.raises(ValueError, match="one of n, got 'x'"):
        times.mean_ms("x", 640, 360)
    with pytest.raises(ValueError, match="0x360"):
        times.mean_ms("n", 0, 360)


def test_without_spread_every_draw_is_the_mean():
    times = ServiceTimes({"n": NANO})
    assert times.draw_ms("n", 640, 360, seed=3, stream=1, frame_index=7) == times.mean_ms("n", 640, 360)


def test_draws_are_log_normal_about_the_mean():
    times = ServiceTimes({"n": NANO}, sigma=0.3)
    draws = [times.draw_ms("n", 640, 360, seed=1, stream=0, frame_index=i) for i in range(20_000)]
    assert statistics.fmean(draws) == pytest.approx(18.0, rel=0.01)
    assert statistics.stdev(math.log(draw) for draw in draws) == pytest.approx(0.3, rel=0.03)


def test_frames_of_a_moment_have_part_of_their_luck_in_common_and_the_spread_stays():
    times = ServiceTimes({"n": NANO}, sigma=0.3, correlation=0.5)
    draws = [math.log(times.draw_ms("n", 640, 360, seed=1, stream=0, frame_index=i)) for i in range(20_000)]
    assert statistics.stdev(draws) == pytest.approx(0.3, rel=0.05)
    near = [statistics.correlation(draws[:-lag], draws[lag:]) for lag in (1, MOMENT // 2, 2 * MOMENT)]
    assert near == pytest.approx([0.5 * (1 - 1 / MOMENT), 0.25, 0.0], abs=0.05)


def test_a_draw_belongs_to_the_frame_not_to_the_setting():
    times = ServiceTimes({"n": NANO, "m": ((640, 360, 100.0),)}, sigma=0.3)
    small = times.draw_ms("n", 160, 90, seed=5, stream=2, frame_index=11) / times.mean_ms("n", 160, 90)
    large = times.draw_ms("m", 640, 360, seed=5, stream=2, frame_index=11) / times.mean_ms("m", 640, 360)
    assert small == pytest.approx(large)


def test_each_part_of_the_key_changes_the_draw():
    keys = [(0, 1, 0, 0), (1, 1, 0, 0), (0, 2, 0, 0), (0, 1, 1, 0), (0, 1, 0, 1), (1, 0, 0, 0), (-1, 1, 0, 0)]
    draws = [uniform(*key) for key in keys]
    assert len(set(draws)) == len(keys)
    assert all(0 < draw < 1 for draw in draws)
    assert draws == [uniform(*key) for key in keys]


def test_a_saved_table_loads_as_it_was(tmp_path):
    times = ServiceTimes({"n": NANO, "s": ((640, 360, 60.0),)}, sigma=0.15)
    times.save(tmp_path / "device.json")
    assert ServiceTimes.load(tmp_path / "device.json") == times


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "expected an object"),
        ({"grades": {}}, "at least one grade"),
        ({"grades": {"q": {"1x1": 1}}}, "one of n, s, m, l, x, got 'q'"),
        ({"grades": {"n": {}}}, "at least one size"),
        ({"grades": {"n": [1]}}, "grades.n must map"),
        ({"grades": {"n": {"640": 1}}}, "grades.n.640: a size is WIDTHxHEIGHT"),
        ({"grades": {"n": {"640x360": 0}}}, "640x360: expected a finite time > 0"),
        ({"grades": {"n": {"0x360": 1}}}, "0x360"),
        ({"grades": {"n": {"640x360": "fast"}}}, "grades.n.640x360: expected a time in ms, got 'fast'"),
        ({"grades": {"n": {"640x360": 1, "360x640": 1}}}, "none twice"),
        ({"grades": {"n": {"640x360": 1}}, "sigma": -1}, "sigma must be a finite number"),
        ({"grades": {"n": {"640x360": 1}}, "sigma": "big"}, "sigma must be a number"),
        ({"grades": {"n": {"640x360": 1}}, "correlation": 1}, "correlation must be in"),
        ({"grades": {"n": {"640x360": 1}}, "correlation": "high"}, "correlation must be a number"),
        ({"grades": {"n": {"640x360": 1}}, "spread": 1}, "got also spread"),
    ],
)
def test_a_wrong_file_is_refused_with_its_name_and_the_place(tmp_path, data, message):
    path = tmp_path / "device.json"
    path.write_text(json.dumps(data))
    with pytest.raises(ValueError, match=message) as error:
        ServiceTimes.load(path)
    assert str(path) in str(error.value)


def test_what_is_no_json_is_refused_with_its_name(tmp_path):
    path = tmp_path / "device.json"
    path.write_text("{")
    with pytest.raises(ValueError, match=r"device\.json"):
        ServiceTimes.load(path)


def test_importing_it_loads_neither_zmq_nor_torch():
    code = "import sys, pipeline.service_times; print({'zmq', 'torch', 'ultralytics'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "set()"
