"""Where so much must be found, by as little computing as possible, agents go by how hard that is."""

from dataclasses import replace

import numpy as np
import pytest

from agents.base import Transition
from envs.accuracy import GradeF1, StreamProfile
from envs.hardware import Origin
from envs.patterns import ContentPattern
from envs.scenario import Scenario
from envs.simulator.env import SimulatorEnv
from envs.spec import Quality, Sense
from envs.video import video_spec
from pipeline.slos import video_slo
from tests.agents.episodes import make
from tests.agents.simulated import LADDERS, World

SLOS = (
    video_slo("streaming_f1", 0.6, sense=Sense.AT_LEAST),
    video_slo("latency_p95_ms", 250.0),
    video_slo("load", 1.0),
)
SPEC = video_spec(LADDERS, SLOS, quality=Quality.FRUGAL)
PERIOD = 120  # steps: from an easy scene to a hard one and back
PROFILE = StreamProfile(
    ages_s=(0.0, 0.1, 0.5),
    grades={
        "n": GradeF1(
            {
                "90": (0.1, 0.1, 0.0),
                "180": (0.6, 0.6, 0.2),
                "270": (0.77, 0.77, 0.25),
                "360": (0.82, 0.82, 0.3),
            },
            Origin.ASSUMED,
            "this test",
        )
    },
)
CONTENT = ContentPattern(calm=0.0, rush=1.0, calm_offset=1.2, rush_offset=-1.2, period_s=float(PERIOD))
SYSTEM = replace(
    World(n_ms=40.0, steps=2 * PERIOD).system(), accuracy=PROFILE, scenario=Scenario(content=CONTENT)
)
HARD = slice(PERIOD + PERIOD // 2 - 15, PERIOD + PERIOD // 2 + 15)
EASY = slice(2 * PERIOD - 20, 2 * PERIOD)


@pytest.mark.parametrize("name", ["aif", "causal"])
def test_more_is_computed_while_less_is_found_and_less_again_once_there_is_some_to_spare(name):
    agent, env = make(name, SPEC), SimulatorEnv(SPEC, [SYSTEM])
    agent.reset(0)
    observation, info = env.reset(seed=0)
    computed, found = [], []
    for _ in range(SYSTEM.steps):
        action = agent.act(observation, info)
        seen, (observation, reward, *_, info) = observation, env.step(action)
        agent.learn(Transition(seen, action, float(reward), observation, terminated=False))
        computed.append(1.0 - info["qoe_by"]["frugal"])
        found.append(info["metrics"]["streaming_f1"])
    assert np.mean(computed[HARD]) > 1.5 * np.mean(computed[EASY])
    assert np.mean(found[HARD]) > 0.57, "as much as can be asked for there"
    assert np.mean(np.array(found[EASY]) >= 0.6) > 0.95
