"""Producer and collector as they are, and a stranger for a worker who finds everything at once."""

import time

import numpy as np
import pytest
import zmq

from pipeline.class_names import COCO
from pipeline.messages import Result, decode_work_reply, encode
from pipeline.scoring.truth import objects_of
from pipeline.sources.traffic.truth import TrafficTruth
from tests.pipeline.running import PATIENCE_MS, Peer, producer, program

pytestmark = pytest.mark.real

WIDTH, HEIGHT, FPS, SEED = 320, 180, 10.0, 5
SCENE = ("--width", f"{WIDTH}", "--height", f"{HEIGHT}", "--source-fps", f"{FPS}", "--grades", "n")
HALF = (WIDTH // 2, HEIGHT // 2)
ENOUGH = 40  # objects


def perfect(truth: TrafficTruth, index: int) -> np.ndarray:
    """All that counts in a picture of the source, in px of a frame of half its size."""
    objects = objects_of(truth.at(index), COCO)
    numbers = [COCO.index(label) for label in objects.labels]
    rows = np.column_stack((objects.boxes / 2, np.ones(len(numbers)), numbers))
    return rows[~objects.ignored].astype(np.float32)


def test_who_finds_everything_at_once_is_right_nearly_always():
    truth = TrafficTruth(SEED, WIDTH, HEIGHT, FPS)
    with (
        producer(*SCENE) as (_, endpoints),
        program("collector", "--producer", endpoints["link"], "--results", "tcp://127.0.0.1:*"),
        Peer(zmq.REQ, endpoints["control"]) as control,
        Peer(zmq.REQ, endpoints["work"]) as stranger,
        zmq.Context() as context,
        context.socket(zmq.PUSH) as results,
    ):
        results.linger = 0
        confirmation = stranger.ask_map({"type": "REGISTER"})
        while not confirmation["results"]:
            confirmation = stranger.ask_map({"type": "REGISTER"})
        results.connect(confirmation["results"])
        top, size = len(control.ask_map({"type": "STATUS"})["fps_levels"]) - 1, 0
        control.ask_map({"type": "START", "seed": SEED, "levels": [top, size, 0], "streams": 1})
        deadline_s, telemetry = time.monotonic() + PATIENCE_MS / 1000, {}
        while telemetry.get("metrics", {}).get("streaming_f1") is None or present(telemetry) < ENOUGH:
            assert time.monotonic() < deadline_s, telemetry
            _, tasks = decode_work_reply(stranger.ask({"type": "GET_WORK", "weights": "trained"}))
            for task, _ in tasks:
                boxes = perfect(truth, task.source_index)
                header = Result(
                    id=task.id,
                    dtype="uint8",
                    shape=(0,),
                    boxes=boxes.shape,
                    incarnation=task.incarnation,
                    episode=task.episode,
                    source_index=task.source_index,
                    size=HALF,
                )
                results.send_multipart((encode(header), boxes.tobytes(), b""))
            telemetry = control.ask_map({"type": "TELEMETRY"})
        assert telemetry["metrics"]["streaming_f1"] > 0.7, "but for what is new, and the first frames"


def present(telemetry: dict) -> int:
    return sum(counts[2] for counts in telemetry["interval"]["matches"].values())
