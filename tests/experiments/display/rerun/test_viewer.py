"""Rerun's own viewer, drawn by the processor, shows a recording as it is laid out."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from experiments.display.rerun import write_recording
from tests.experiments.display.rerun.left import run, trace, video

experimental = pytest.importorskip("rerun.experimental", reason="the extra rerun is not installed")

CHROMIUM = Path("/usr/lib/chromium")  # Debian's; it brings a Vulkan that needs no graphics card
VULKAN, DRIVER = CHROMIUM / "libvulkan.so.1", CHROMIUM / "vk_swiftshader_icd.json"
PROGRAMS = Path(experimental.__file__).parents[5] / "bin"
PATIENCE_S = 60.0
VIEWS = {
    *(
        "video",
        "facts",
        "events",
        "frames/s per stream",
        "SLOs",
        "settings",
        "level of each knob",
        "QoE, reward, streaming F1",
    ),
    *("metric ÷ threshold, broken above 1", "surprise", "P(fulfilled), as predicted"),
}


@pytest.fixture
def viewer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    if not (VULKAN.exists() and DRIVER.exists()):
        pytest.skip(f"no {DRIVER}: without a graphics card the viewer needs Debian's chromium")
    libraries = tmp_path / "libraries"  # chromium has others there, which the viewer must not find
    libraries.mkdir()
    (libraries / VULKAN.name).symlink_to(VULKAN)
    for name, value in (
        ("PATH", f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"),
        ("LD_LIBRARY_PATH", str(libraries)),
        ("VK_ICD_FILENAMES", str(DRIVER)),
        ("WGPU_BACKEND", "vulkan"),
    ):
        monkeypatch.setenv(name, value)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    client = experimental.ViewerClient.spawn(headless=True, port=port)
    try:
        yield client
    finally:
        client.quit()


@pytest.mark.nightly
def test_every_view_is_there_and_has_nothing_to_complain_of(viewer, tmp_path):
    directory = run(tmp_path / "r", trace(), {"kind": "LOSE_WORKER", "worker": 0, "at_s": 0.5})
    video(directory, seconds=1.0, hz=10)
    viewer.open(str(write_recording(directory)))
    deadline = time.monotonic() + PATIENCE_S
    while len(viewer.get_state().views) < len(VIEWS):
        assert time.monotonic() < deadline, viewer.get_state()
        time.sleep(0.1)
    viewer.set_time("stream_time", duration=0.5, play_state="paused")
    views = viewer.get_state().views
    assert {view.name for view in views} >= VIEWS
    assert [view.reports for view in views] == [[]] * len(views)
    assert [entry.message for entry in viewer.get_logs() if entry.level == "ERROR"] == []
    picture = next(view for view in views if view.name == "video")
    image = cv2.imdecode(np.frombuffer(viewer.take_screenshot(picture.view_id), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert len(np.unique(image)) > 1  # not an empty view
