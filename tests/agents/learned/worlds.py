"""Plants of tests.agents as Gymnasium environments, for a learner to be tried on."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from agents.learned.agent import Learned
from agents.learned.recipe import A2cRecipe, Algorithm, DqnRecipe, PpoRecipe, Recipe
from agents.training import Worlds
from envs.spec import ElasticitySpec
from tests.agents.streams import STREAMS

STEPS = 12
COMMON: dict[str, Any] = {
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

    def __init__(self, stream: str = "ledger", capacities: tuple[float, ...] = (0.3, 1.2)) -> None:
        self._stream, self._capacities = STREAMS[stream](), capacities
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


def plants(n: int, stream: str = "ledger") -> SyncVectorEnv:
    return SyncVectorEnv([lambda: PlantEnv(stream)] * n, autoreset_mode=AutoresetMode.SAME_STEP)


def worlds(stream: str = "ledger") -> Worlds:
    return Worlds(lambda n: plants(n, stream), lambda n: plants(n, stream), held_out_seeds=range(1000, 1006))


class Counting(gym.Env[Any, Any]):
    """Observes how many steps it has made; ends after `length`, in the way that `terminates` says."""

    observation_space = gym.spaces.Box(0.0, 100.0, (1,), np.float32)
    action_space = gym.spaces.MultiDiscrete([2, 3])

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
        return np.array([self._step], dtype=np.float32)
