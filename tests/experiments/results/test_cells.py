"""Each cell is one world, under the shortest name that tells it from the others."""

from experiments.results.cells import named_worlds
from tests.experiments.results.candidates import candidate


def names(*candidates):
    return named_worlds(candidates)[0]


def test_a_cell_is_called_as_evaluations_call_it():
    others = candidate("b", scenario="worker_loss"), candidate("c", slo="thesis", scenario="worker_loss")
    assert names(candidate("a"), *others) == ["rpi5/steady", "rpi5/worker_loss", "rpi5/worker_loss/thesis"]


def test_agents_and_seeds_make_no_cell():
    assert names(candidate("a"), candidate("b", {"agent.target": 0.8}, seed=3)) == [
        "rpi5/steady",
        "rpi5/steady",
    ]


def test_another_option_is_appended():
    real = candidate("b", {"env.emulate": True}, env="pipeline")
    assert names(candidate("a"), real) == ["rpi5/steady/env=simulator", "rpi5/steady/env=pipeline"]


def test_another_value_is_appended():
    long, counted = (
        candidate("b", {"env.steps": 300}),
        candidate("c", {"hardware.devices.0.count": 2}, hardware="x"),
    )
    assert names(candidate("a"), long, counted) == [
        "rpi5/steady/env.steps=60",
        "rpi5/steady/env.steps=300",
        "x/steady",
    ]


def test_options_come_before_values():
    clips = [candidate(path, {"video.path": path}, video="file") for path in ("/clips/a.mp4", "/clips/b.mp4")]
    assert names(candidate("a"), *clips) == [
        "rpi5/steady/video=traffic",
        "rpi5/steady/video=file,video.path=a.mp4",
        "rpi5/steady/video=file,video.path=b.mp4",
    ]


def test_frames_that_are_carried_back_make_another_world():
    assert names(candidate("a"), candidate("b", {"output.video": True})) == [
        "rpi5/steady/output.video=false",
        "rpi5/steady/output.video=true",
    ]


def test_weights_that_were_stood_in_for_make_another_world_on_the_real_pipeline():
    found = names(
        *(candidate(weights, env="pipeline", weights=weights) for weights in ("given", "stood in for"))
    )
    assert found == ["rpi5/steady/weights=given", "rpi5/steady/weights=stood in for"]


def test_a_replay_is_named_by_what_it_has_a_say_in():
    replay = dict.fromkeys(("video", "detector", "hardware", "slo"), "replay")
    runs = [
        candidate("a", env="replay", **replay),
        candidate("b", {"hardware.devices": []}, env="replay", **replay),
    ]
    assert names(*runs) == ["replay/steady", "replay/steady"]
