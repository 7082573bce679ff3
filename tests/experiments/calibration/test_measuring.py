"""A whole calibration of a pipeline that is made up: its frames are where they are said to be, when."""

import io
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from hydra import compose
from rich.console import Console

from envs.hardware import Device, Hardware
from experiments.calibration import measuring
from experiments.calibration.measuring import handling_ms, measure, n_parts
from experiments.calibration.profile import profile_of
from experiments.config.composing import checked
from experiments.config.programs import CalibrateConfig
from experiments.program.console import ProgressView
from pipeline.messages import WorkType
from pipeline.options import ProducerOptions
from pipeline.settings import Ladders

MS = 1_000_000
SERVICE_MS = {90: 2.0, 180: 4.0}
LADDERS = Ladders((500.0,), ((160, 90), (320, 180)), ("n",))
HARDWARE = Hardware((Device(count=1, native=True), Device(count=1, native=True)))


class MadeUp:
    """A cluster whose workers take turns, and whose frames all take what SERVICE_MS has; a control, too."""

    def __init__(self, producer: Any, collector: Any, workers: Any, logs: Path) -> None:
        self.rates, self.path = producer.fps_levels, Path(collector.frames)
        self.episode, self.n, self.streams = 0, 0, 1
        self.control = self
        self.path.write_bytes(b"")

    def wait_ready(self, timeout_s: float, say: Any) -> None:
        pass

    def close(self) -> None:
        pass

    def telemetry(self, close: bool) -> Any:
        return SimpleNamespace(interval=SimpleNamespace(host_bytes=8e9, host_used_bytes=2e9))

    def start(self, *args: Any) -> Any:
        if args:
            _, levels, streams = args
            self.episode, self.streams = self.episode + 1, streams
            self.set_levels(levels)
        return SimpleNamespace(episode=self.episode)

    def set_levels(self, levels: Any) -> None:
        self.every_ns = int(1e9 / self.rates[levels[0]] / self.streams)
        self.width, self.height = LADDERS.sizes[levels[1]]
        self.next_ns = time.monotonic_ns()

    def status(self) -> None:
        with self.path.open("ab") as file:
            while self.next_ns < time.monotonic_ns():
                file.write(msgspec.json.encode(self.frame()) + b"\n")
                self.next_ns, self.n = self.next_ns + self.every_ns, self.n + 1

    check = status

    def frame(self) -> dict[str, Any]:
        sent_ns, service_ns = self.next_ns + MS, int(SERVICE_MS[self.height] * MS)
        started_ns = sent_ns + 2 * MS
        done_ns = started_ns + service_ns
        received_ns = started_ns if self.streams == 1 else started_ns - 10 * MS  # it had to wait
        stamps = {"captured_ns": self.next_ns, "sent_ns": sent_ns, "received_ns": received_ns}
        stamps |= {"started_ns": started_ns, "done_ns": done_ns, "arrived_ns": done_ns + MS // 2}
        return {
            "episode": self.episode,
            "worker": f"worker-{self.n % 2}",
            **stamps,
            "service_ns": service_ns,
        }


def planned(tmp_path: Path) -> tuple[Any, CalibrateConfig]:
    words = ("grid.seconds=0.1", "grid.frames=5", "grid.probe_s=0.03", "grid.settle_s=0.02")
    config = checked(compose("calibrate", [*words, "grid.saturated_s=0.1"]), CalibrateConfig)
    producer = ProducerOptions(work_type=WorkType.EMULATED)
    return SimpleNamespace(producer=producer, hardware=HARDWARE, config=config), config


def test_what_frames_take_is_what_is_measured(tmp_path, hydra_here, monkeypatch):
    monkeypatch.setattr(measuring, "LocalCluster", MadeUp)
    monkeypatch.setattr(measuring, "PROBE_FPS", 100.0)
    plan, config = planned(tmp_path)
    with ProgressView(Console(file=io.StringIO()), False, "calibration", n_parts(LADDERS), "parts") as view:
        measured = measure(plan, LADDERS, config.grid, tmp_path, view)
    assert measured.frames.value_counts(["height", "device"]).tolist()[-1] >= 3
    assert measured.memory == {"memory_mb": 8000.0, "used_mb": 2000.0}
    for device in (profile := profile_of(HARDWARE, measured, "this test")).devices:
        assert device.times["n"].ms == pytest.approx({"160x90": 2.0, "320x180": 4.0})
        assert device.link.delay_ms == pytest.approx((2.0 + 0.5) / 2)
        assert device.handling_ms >= 0
    assert profile.host.capture_ms == pytest.approx(1.0)


def test_a_pipeline_that_is_silent_is_waited_for_for_a_while(tmp_path, hydra_here, monkeypatch):
    monkeypatch.setattr(measuring, "LocalCluster", MadeUp)
    monkeypatch.setattr(measuring, "FRAMES_TIMEOUT_S", 0.0)
    monkeypatch.setattr(MadeUp, "check", lambda self: None)
    with measuring.Rig(planned(tmp_path)[0].producer, LADDERS, HARDWARE, tmp_path, 0) as made:
        made.start(2.0, 0, 0)
        with pytest.raises(measuring.MeasuringError, match="waited 0 s for the first frames"):
            made.wait_for(lambda frames: len(frames) > 0, "the first frames")


def test_handling_is_the_gap_of_a_worker_that_had_the_next_frame():
    rows = [("a", 0, 0, 10), ("a", 5, 11, 20), ("a", 15, 23, 30), ("b", 0, 0, 10), ("b", 40, 40, 50)]
    table = pd.DataFrame(rows, columns=["worker", "received_ns", "started_ns", "done_ns"])
    table.iloc[:, 1:] = table.iloc[:, 1:] * MS
    assert handling_ms(table) == pytest.approx(2.0)  # of 1 and 3; b had to wait for its second frame
    assert np.isnan(handling_ms(table[table["worker"] == "b"]))
