"""The pipeline's benchmark: that it runs, and what it says about its figures."""

import io
import json
from functools import partial

import psutil
import pytest
from rich.console import Console

from benchmarks import __main__ as benchmarks
from benchmarks.pipeline import ray_actors
from benchmarks.pipeline.benchmark import EMULATED_ROWS, YOLO_ROWS, measure_emulated, print_report
from benchmarks.pipeline.peers import Pictures
from benchmarks.pipeline.streams import take_turn
from benchmarks.turns import alternate, spread


def test_pictures_are_frames_of_their_size():
    images = Pictures(128, 72, n=2).images()
    assert [image.shape for image in images] == [(72, 128, 3)] * 2
    assert (images[0] != images[1]).any()


@pytest.mark.real
def test_the_pipeline_and_its_peers_move_frames_and_leave_no_process(tmp_path, monkeypatch):
    def take(streams):
        turns = {stream.name: partial(take_turn, stream, 0.0, 0.1) for stream in streams}
        return alternate(turns, 1, "test", Console(file=io.StringIO()))

    monkeypatch.setattr(ray_actors, "is_installed", lambda: False)  # it is in the whole benchmark's test
    before = {child.pid for child in psutil.Process().children()}
    figures = measure_emulated(take, tmp_path)
    rates = {
        name: figures[f"emulated.{name}.frames_per_s"]
        for name in ("full", "locked", "bare", "mp_queue", "limit")
    }
    assert min(rates.values()) > 0
    left = {child.pid: child.cmdline() for child in psutil.Process().children() if child.pid not in before}
    assert all("resource_tracker" in " ".join(words) for words in left.values())


@pytest.mark.real
@pytest.mark.nightly
@pytest.mark.timeout(300)
def test_the_whole_benchmark_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(benchmarks.signal, "signal", lambda *_: None)
    assert benchmarks.main(["pipeline", "--rounds", "1", "--seconds", "0.1"]) == 0
    figures = json.loads((tmp_path / "results/bench/pipeline.json").read_text())
    assert {
        "emulated.ratio_full_to_bare",
        "yolo.ratio_full_to_bare",
        "yolo.limit.frames_per_s",
    } <= figures.keys()
    assert "YOLO11n" in capsys.readouterr().out


def figures_of(prefix: str, names: list[str]) -> dict[str, float]:
    figures = {f"{prefix}.limit.frames_per_s": 400.0}
    for name in names:
        figures |= {f"{prefix}.{name}.frames_per_s": 100.0, f"{prefix}.{name}.cpu_ms_per_frame": 2.0}
    figures |= spread(f"{prefix}.ratio_full_to_bare", [0.8, 0.7, 0.9])
    return figures | spread(f"{prefix}.ratio_locked_to_full", [0.9, 0.7, 1.0])


def said_of(figures: dict[str, float]) -> str:
    console = Console(width=120, record=True, file=io.StringIO())
    print_report({"rounds": 5.0, "seconds": 2.0, "emulated.limit.copy_ms": 0.1} | figures, console)
    return console.export_text()


def test_the_report_has_every_contender_and_a_verdict_on_both_goals():
    text = said_of(
        figures_of("emulated", ["full", "locked", "bare", "mp_queue", "ray"])
        | figures_of("yolo", ["full", "bare", "alone"])
    )
    for words in (*EMULATED_ROWS.values(), *YOLO_ROWS.values()):
        assert words in text
    (row,) = [line for line in text.splitlines() if line.startswith("this pipeline  ")]
    assert row.split() == ["this", "pipeline", "100", "2.00", "0.800", "(0.700", "to", "0.900)", "25%"]
    assert "this pipeline ÷ bare ZeroMQ sockets: 0.800 (0.700 to 0.900), at least 0.5: met" in text
    assert "with keys ÷ without: 0.900 (0.700 to 1.00), at least 0.8: met" in text
    assert "this pipeline ÷ predict loops: 0.800 (0.700 to 0.900), at least 0.9: missed" in text


def test_without_ray_the_report_says_how_to_have_it():
    text = said_of(
        figures_of("emulated", ["full", "locked", "bare"]) | figures_of("yolo", ["full", "bare", "alone"])
    )
    assert EMULATED_ROWS["ray"] not in text
    assert "pip install 'elasticbench[bench]'" in text
