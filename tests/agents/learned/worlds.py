"""Plants of tests.agents as Gymnasium environments, for a learner to be tried on."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from agents.learned.agent import Learned
from agents.learned.recipe import A2cRecipe, Algorithm, DqnRecipe, PpoRecipe, Recipe
from agents.training import Side, Worlds
from envs.spec import ElasticitySpec, Knob
from pipeline.slos import Slo
from tests.agents.streams import Stream, ledger

STEPS = 12
COMMON: dict[str, Any] = {
    "seed": 0,
    "total_steps": 256,
    "n_envs": 4,
    "learning_rate": 0.003,
    "gamma": 0.9,
    "hidden": (16,),
    "depth": 2,
    "evaluations": 2,
}
PPO = PpoRecipe(**COMMON, n_steps=16, batch_size=32, n_epochs=4, gae_lambda=0.9, clip_range=0.2, ent_coef=0.0)
RECIPES: dict[Algorithm, Recipe] = {
    Algorithm.PPO: PPO,
    Algorithm.A2C: A2cRecipe(**COMMON, n_steps=16, gae_lambda=0.9, ent_coef=0.0),
    Algorithm.DQN: DqnRecipe(
        **COMMON,
        n_steps=16,
        batch_size=32,
        gradient_steps=4,
        buffer_size=256,
        learning_starts=32,
        target_every=64,
        exploration_share=0.5,
        exploration_end=0.1,
    ),
}


def learner(
    spec: ElasticitySpec,
    checkpoint: object = None,
    algorithm: Algorithm = Algorithm.PPO,
    recipe: Recipe | None = None,
) -> Learned:
    """An agent with a tiny recipe, read from a checkpoint if there is one."""
    path = None if checkpoint is None else str(checkpoint)
    return Learned(spec, algorithm, path, recipe or RECIPES[algorithm])


class PlantEnv(gym.Env[Any, Any]):
    """A plant for STEPS steps from the highest levels; its capacity is drawn from `capacities`."""

    def __init__(self, stream: Stream, capacities: tuple[float, ...] = (0.3, 1.2)) -> None:
        self._stream, self._capacities = stream, capacities
        self.observation_space = self._stream.spec.observation_space
        self.action_space = self._stream.spec.action_space

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._plant = self._stream.plant(float(self.np_random.choice(self._capacities)))
        self._step = 0
        return self._plant.reset(self._stream.spec.highest), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        observation, outcome = self._plant.step(action)
        self._step += 1
        return observation, outcome.reward, False, self._step >= STEPS, {}


def side(n: int, *streams: Stream) -> Side:
    """Environments side by side, each stream's in turn."""
    chosen = [streams[i % len(streams)] for i in range(n)]
    makers = [lambda stream=stream: PlantEnv(stream) for stream in chosen]
    envs = SyncVectorEnv(makers, autoreset_mode=AutoresetMode.SAME_STEP)
    return Side(envs, [stream.spec for stream in chosen])


def worlds(*streams: Stream) -> Worlds:
    """Likewise, for a training; by default of ledgers."""
    made = streams or (ledger(),)
    return Worlds(lambda n: side(n, *made), lambda n: side(n, *made), held_out_seeds=range(1000, 1006))


SPEC = ElasticitySpec(
    knobs=(
        Knob("a", "", (1, 2), (1.0, 2.0), ((1.0, 2.0),)),
        Knob("b", "", (1, 2, 3), (1.0, 2.0, 3.0), ((1.0, 2.0, 4.0),)),
    ),
    slos=(Slo("steps", 1.0, memory=True),),
)


class Counting(gym.Env[Any, Any]):
    """Observes one step more than it has made, of an SLO; ends after `length`, as `terminates` says."""

    observation_space = SPEC.observation_space
    action_space = SPEC.action_space

    def __init__(self, length: int, terminates: bool) -> None:
        self._length, self._terminates, self._step = length, terminates, 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._step = 0
        return self._observation(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._step += 1
        self.action = np.asarray(action)
        over = self._step >= self._length
        return (
            self._observation(),
            float(self._step),
            over and self._terminates,
            over and not self._terminates,
            {},
        )

    def _observation(self) -> Any:
        return SPEC.encode(SPEC.lowest, {"steps": SPEC.slos[0].read(self._step + 1.0)}, {})
