"""Agents take worth as the spec has it, whatever its shape, and relieve the stage that binds."""

import numpy as np
import pytest

from envs.spec import ElasticitySpec, Knob, Stage
from envs.worth import Worth
from pipeline.slos import Slo
from tests.agents.episodes import Episode, make, run
from tests.agents.line import Line
from tests.agents.roster import ELASTIC

SLOS = (Slo("backlog_s", 2.0, memory=True), Slo("load", 1.0))
WAYS = tuple(Stage(name, f"load_{name}") for name in ("first", "second", "third"))
STEPS = 60

# Where what is worth having needs two knobs at once, steps of one knob may end beside it; and who goes up by
# positions of a front may stop at one from which the next looks like too much.
ON_A_RIDGE = {("rule", "joint"): 0.45, ("hpa", "ageing"): 0.65, ("pid", "ageing"): 0.65}

elastic = pytest.mark.parametrize("name", ELASTIC)


def knob(name: str, *costs: tuple[float, ...]) -> Knob:
    """With a level per cost; what it is worth stands in a table."""
    levels = tuple(float(i) for i in range(len(costs[0])))
    return Knob(name, "", levels, levels, costs)


def falling() -> ElasticitySpec:
    """One stage; the higher the first knob, the dearer and the less worth."""
    knobs = (knob("blur", (1.0, 1.5, 2.0)), knob("size", (1.0, 2.0, 4.0, 8.0)))
    table = np.array([1.0, 0.6, 0.2])[:, None] * np.array([0.1, 0.4, 0.8, 1.0])
    return ElasticitySpec(knobs, SLOS, stages=WAYS[:1], joint_worth=Worth.ageless(table))


def ageing() -> ElasticitySpec:
    """Two stages; what is shown is worth half when it is one interval old, so that slow settings are poor."""
    rates = np.array([0.25, 0.5, 1.0, 2.0])
    knobs = (knob("rate", *[tuple(rates.tolist())] * 2), knob("size", (1.0, 2.0, 4.0), (1.0, 1.0, 1.2)))
    ages_s = (0.0, 1.0, 2.0, 4.0)
    table = np.array([0.5, 0.8, 1.0])[:, None] * 0.5 ** np.array(ages_s)
    sampling_s = np.repeat(0.5 / rates, 3).reshape(4, 3)
    worth = Worth.of(ages_s, np.broadcast_to(table, (4, 3, 4)), sampling_s)
    return ElasticitySpec(knobs, SLOS, stages=WAYS[:2], joint_worth=worth)


def joint() -> ElasticitySpec:
    """Three stages; two knobs are worth what the lower of them is, the third costs the last stage alone."""
    flat = (1.0, 1.0, 1.0, 1.0)
    knobs = (
        knob("rate", (1.0, 1.3, 1.7, 2.0), (1.0, 1.5, 2.0, 3.0), (1.0, 1.5, 2.0, 3.0)),
        knob("size", flat, (1.0, 2.0, 4.0, 8.0), (1.0, 1.5, 2.0, 3.0)),
        knob("grade", flat[:3], flat[:3], (1.0, 3.0, 9.0)),
    )
    step = np.arange(4)
    table = np.minimum.outer(step, step) / 3 + 0.1 * np.add.outer(step, step) / 6
    table = (table / table.max())[..., None] * np.array([0.4, 0.8, 1.0])
    return ElasticitySpec(knobs, SLOS, stages=WAYS, joint_worth=Worth.ageless(table))


SPECS = {"falling": falling(), "ageing": ageing(), "joint": joint()}
WORLDS = {  # capacities of the stages, in the spec's units: which of them binds
    ("falling", "only"): (7.0,),
    ("ageing", "first"): (3.0, 9.0),
    ("ageing", "second"): (9.0, 2.0),
    ("joint", "second"): (9.0, 14.0, 300.0),
    ("joint", "third"): (9.0, 90.0, 55.0),
}

every_world = pytest.mark.parametrize("world", WORLDS, ids="-".join)


@pytest.fixture(scope="module")
def agent_of():
    """An agent per name and spec, made once."""
    made = {}

    def get(name: str, spec: str):
        if (name, spec) not in made:
            made[name, spec] = make(name, SPECS[spec])
        return made[name, spec]

    return get


@pytest.fixture(scope="module")
def played(agent_of):
    """The episode of an agent in a world, each played once."""
    episodes: dict[tuple[str, ...], tuple[Line, Episode]] = {}

    def get(name: str, world: tuple[str, str]) -> tuple[Line, Episode]:
        if (name, *world) not in episodes:
            spec = SPECS[world[0]]
            line = Line(spec, WORLDS[world])
            episodes[name, *world] = line, run(agent_of(name, world[0]), line, spec.highest, [1.0] * STEPS)
        return episodes[name, *world]

    return get


@elastic
@every_world
def test_worth_is_had_of_what_every_stage_can_take(name, world, played):
    line, episode = played(name, world)
    assert episode.fulfilment(20) >= 0.9
    assert episode.qoe(20) >= ON_A_RIDGE.get((name, world[0]), 0.8) * line.best()


@elastic
def test_a_knob_that_the_binding_stage_does_not_feel_is_left_alone(name, played):
    _, episode = played(name, ("joint", "second"))
    assert {levels[2] for levels in episode.levels[20:]} == {2}
