"""Names say what is different, and nothing else: of agents' variants, and of cells."""

import pytest

from experiments.results.naming import named_agents, named_cells
from tests.experiments.results.rows import row, runs


def variants(*values):
    """Return the names of an agent that had these values in turn, and what is said of them."""
    made = [row(str(i)) for i in range(len(values))]
    rows = [one | {"config": {**one["config"], "agent": own}} for one, own in zip(made, values, strict=True)]
    return named_agents(runs(*rows))


def texts(*values):
    return [name.removeprefix("rule").removeprefix("-") for name in variants(*values)[0]]


def agents(*rows):
    return named_agents(runs(*rows))[0]


def cells(*rows):
    return named_cells(runs(*rows))[0]


def test_a_variant_that_is_alone_needs_no_addition():
    assert texts({"target": 0.7}) == [""]


def test_only_what_differs_is_in_a_name():
    assert texts({"target": 0.7, "oks": 3}, {"target": 0.8, "oks": 3}) == ["target=0.7", "target=0.8"]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"path": "/data/a.mp4"}, {"path": "/data/b.mp4"}, ["path=a.mp4", "path=b.mp4"]),
        ({"levels": [1, 2]}, {"levels": [0, 2]}, ["levels=[1 2]", "levels=[0 2]"]),
        ({"bold": True}, {"bold": False}, ["bold=true", "bold=false"]),
        ({"prior": None}, {"prior": 1.0}, ["prior=none", "prior=1"]),
        ({"_target_": "my.pkg.Mine"}, {"_target_": "x.Theirs"}, ["Mine", "Theirs"]),
    ],
)
def test_values_are_told_in_short(one, other, expected):
    assert texts(one, other) == expected


def test_what_would_be_long_or_ambiguous_becomes_a_hash_and_is_told_in_full():
    names, notes = variants(*({f"figure_{i}": 10 * i + shift for i in range(9)} for shift in (0, 1)))
    assert len(set(names)) == len(notes) == 2
    assert all(len(name) == len("rule-") + 6 for name in names)
    assert notes[0].startswith(f"{names[0]} is rule with figure_0=0,figure_1=10,")
    same_file = texts({"path": "/a/clip.mp4"}, {"path": "/b/clip.mp4"})
    assert len(set(same_file)) == 2
    assert all(len(text) == 6 for text in same_file)


def test_a_key_that_only_one_has_is_a_difference():
    first, second = texts({"a": 1}, {"a": 1, "b": 2})
    assert second == "b=2"
    assert len(first) == 6


# --- agents ---


def test_an_agent_with_one_configuration_has_its_own_name():
    assert named_agents(runs(row("a"), row("b", seed=1))) == (["rule", "rule"], [])


def test_an_agent_with_several_is_named_by_what_differs():
    found = agents(row("a"), row("b", {"agent.target": 0.8}), row("c", agent="aimd"))
    assert found == ["rule-target=0.7", "rule-target=0.8", "aimd"]


def learned(place, spec, checkpoint):
    return row(place, {"agent.checkpoint": f"/somewhere/{checkpoint}"}, agent="ppo", spec_hash=spec)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (("one", "ppo-1.npz"), ("two", "ppo-2.npz"), ["ppo", "ppo"]),  # one for each spec
        (
            ("one", "ppo-1.npz"),
            ("one", "ppo-3.npz"),
            [f"ppo-checkpoint=ppo-{i}.npz" for i in (1, 3)],
        ),
        (("one", "x/ppo-1.npz"), ("one", "y/ppo-1.npz"), ["ppo", "ppo"]),  # where it lies is no difference
    ],
)
def test_two_checkpoints_for_one_spec_make_variants(one, other, expected):
    assert agents(learned("a", *one), learned("b", *other)) == expected


# --- cells ---


def test_a_cell_is_called_as_evaluations_call_it():
    others = row("b", scenario="worker_loss"), row("c", slo="thesis", scenario="worker_loss")
    assert cells(row("a"), *others) == ["rpi5/steady", "rpi5/worker_loss", "rpi5/worker_loss/thesis"]


def test_agents_and_seeds_make_no_cell():
    assert cells(row("a"), row("b", {"agent.target": 0.8}, seed=3)) == ["rpi5/steady", "rpi5/steady"]


def test_another_option_is_appended():
    real = row("b", {"env.emulate": True}, env="pipeline")
    assert cells(row("a"), real) == ["rpi5/steady/env=simulator", "rpi5/steady/env=pipeline"]


def test_another_value_is_appended():
    others = row("b", {"env.steps": 300}), row("c", {"hardware.devices.0.count": 2}, hardware="x")
    assert cells(row("a"), *others) == ["rpi5/steady/env.steps=60", "rpi5/steady/env.steps=300", "x/steady"]


def test_options_come_before_values():
    clips = [row(path, {"video.path": path}, video="file") for path in ("/clips/a.mp4", "/clips/b.mp4")]
    assert cells(row("a"), *clips) == [
        "rpi5/steady/video=traffic",
        "rpi5/steady/video=file,video.path=a.mp4",
        "rpi5/steady/video=file,video.path=b.mp4",
    ]


def test_frames_that_are_carried_back_make_another_world():
    assert cells(row("a"), row("b", {"output.video": True})) == [
        "rpi5/steady/output.video=false",
        "rpi5/steady/output.video=true",
    ]


def test_weights_that_were_stood_in_for_make_another_world_on_the_real_pipeline():
    found = cells(*(row(weights, env="pipeline", weights=weights) for weights in ("given", "stood in for")))
    assert found == ["rpi5/steady/weights=given", "rpi5/steady/weights=stood in for"]


def test_a_replay_is_named_by_what_it_has_a_say_in():
    replay = dict.fromkeys(("video", "detector", "hardware", "slo"), "replay")
    other = row("b", {"hardware.devices": []}, env="replay", **replay)
    assert cells(row("a", env="replay", **replay), other) == ["replay/steady", "replay/steady"]
