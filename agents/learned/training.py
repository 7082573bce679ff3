"""Training with stable-baselines3; whoever imports this pays for torch."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from agents.learned.features import Eyes, Memory
from agents.learned.network import CLIP, EPSILON, Layers, Network, choose
from agents.learned.recipe import A2cRecipe, DqnRecipe, PpoRecipe, Recipe
from agents.learned.sb3_env import FromGymnasium
from agents.training import Progress, Worlds
from envs.spec import ElasticitySpec

MOST_REPORTS = 200  # of progress, evenly spread; an update may be very short

Keep = Callable[[Network, int], None]
OnProgress = Callable[[Progress], None]


def train(
    spec: ElasticitySpec, recipe: Recipe, worlds: Worlds, seed: int, keep: Keep, on_progress: OnProgress
) -> Progress:
    """Train a policy; `keep` gets every network that is better on the held-out seeds than all before.

    Args:
        spec: of every world.
        recipe: says how, and by its class which algorithm.
        worlds: where.
        seed: of the weights, the exploration, and the first training episodes.
        keep: is called at least once, at the end of the first evaluation, with the steps made by then.
        on_progress: is told after an update, at most `MOST_REPORTS` times besides evaluations.

    Raises:
        ValueError: a world that is of another spec.
    """
    training, held_out = worlds.training(recipe.n_envs), worlds.held_out(len(worlds.held_out_seeds))
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more only hinder networks so small
    try:
        for envs in (training, held_out):
            check_spaces(spec, envs)
        learnable = FromGymnasium(training, Eyes.of(spec), recipe.depth, isinstance(recipe, DqnRecipe))
        normalised = VecNormalize(learnable, gamma=recipe.gamma, clip_obs=CLIP, epsilon=EPSILON)
        model = model_of(recipe, normalised, seed)
        judge = HeldOut(spec, recipe, held_out, worlds.held_out_seeds, keep, on_progress)
        model.learn(recipe.total_steps, callback=judge)
        return judge.progress
    finally:
        torch.set_num_threads(n_threads)
        training.close()
        held_out.close()


def model_of(recipe: Recipe, envs: VecEnv, seed: int) -> BaseAlgorithm:
    """Return the algorithm that a recipe is for, yet to learn."""
    common: dict[str, Any] = {
        "policy": "MlpPolicy",
        "env": envs,
        "learning_rate": lambda share_left: recipe.learning_rate * share_left,
        "gamma": recipe.gamma,
        "policy_kwargs": {"net_arch": list(recipe.hidden), "activation_fn": torch.nn.Tanh},
        "seed": seed,
        "device": "cpu",  # networks this small are slower elsewhere
    }
    match recipe:
        case PpoRecipe():
            return PPO(
                **common,
                n_steps=recipe.n_steps,
                batch_size=recipe.batch_size,
                n_epochs=recipe.n_epochs,
                gae_lambda=recipe.gae_lambda,
                clip_range=recipe.clip_range,
                ent_coef=recipe.ent_coef,
            )
        case A2cRecipe():
            return A2C(
                **common, n_steps=recipe.n_steps, gae_lambda=recipe.gae_lambda, ent_coef=recipe.ent_coef
            )
        case DqnRecipe():
            return DQN(
                **common,
                train_freq=recipe.n_steps,
                batch_size=recipe.batch_size,
                gradient_steps=recipe.gradient_steps,
                buffer_size=recipe.buffer_size,
                learning_starts=recipe.learning_starts,
                target_update_interval=recipe.target_every,
                exploration_fraction=recipe.exploration_share,
                exploration_final_eps=recipe.exploration_end,
            )
        case _:
            raise TypeError(f"no algorithm has the recipe {type(recipe).__name__}")


class HeldOut(BaseCallback):
    """Evaluates the policy at even distances and at the end, and keeps the best."""

    def __init__(
        self,
        spec: ElasticitySpec,
        recipe: Recipe,
        envs: VectorEnv,
        seeds: Any,
        keep: Keep,
        on_progress: OnProgress,
    ) -> None:
        super().__init__()
        n_updates = -(-recipe.total_steps // recipe.rollout)
        self._spec, self._envs, self._seeds = spec, envs, seeds
        self._keep, self._on_progress = keep, on_progress
        self._due = {round(n_updates * (i + 1) / recipe.evaluations) for i in range(recipe.evaluations)}
        self._reports = max(1, n_updates // MOST_REPORTS)
        self._update = 0
        self.progress = Progress(0, n_updates * recipe.rollout)

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        """Report that an update has been made, unless this is the first rollout."""
        if self._update:
            self._after_update()
        self._update += 1

    def _on_training_end(self) -> None:
        self._after_update()

    def _after_update(self) -> None:
        after = replace(self.progress, steps=self.num_timesteps, is_evaluated=False)
        if self._update in self._due:
            network = network_of(self.model)
            reward = mean_reward(network, self._spec, self._envs, self._seeds)
            after = replace(after, is_evaluated=True, reward=reward)
            if after.best_reward is None or reward > after.best_reward:
                self._keep(network, self.num_timesteps)
                after = replace(after, best_reward=reward, best_steps=self.num_timesteps)
        self.progress = after
        if after.is_evaluated or self._update % self._reports == 0:
            self._on_progress(after)


def mean_reward(network: Network, spec: ElasticitySpec, envs: VectorEnv, seeds: Any) -> float:
    """Return the mean per step of each environment's first episode, under the levels that score best.

    Args:
        network: to be judged.
        spec: of the environments.
        envs: as many as seeds; with autoreset.
        seeds: of the episodes.
    """
    observations, _ = envs.reset(seed=list(seeds))  # pyright: ignore[reportArgumentType] - one each
    memory = Memory(Eyes.of(spec), envs.num_envs, network.depth)
    seen = memory.begin(observations)
    is_running = np.ones(envs.num_envs, dtype=bool)
    total, n_steps = 0.0, 0
    while is_running.any():
        actions = choose(network.scores(seen), spec.n_levels, network.is_joint)
        observations, rewards, terminated, truncated, _ = envs.step(actions)
        seen = memory.push(observations)
        total += float(np.sum(rewards, where=is_running))
        n_steps += int(is_running.sum())
        is_running &= ~(terminated | truncated)
    return total / n_steps


def network_of(model: BaseAlgorithm) -> Network:
    """Return the model's networks, and the normalisation of what it was trained to see."""
    normalised = model.get_vec_normalize_env()
    assert normalised is not None
    assert isinstance(normalised.obs_rms, RunningMeanStd)
    learnable = normalised.venv
    assert isinstance(learnable, FromGymnasium)
    state = {name: tensor.cpu().numpy().copy() for name, tensor in model.policy.state_dict().items()}
    if isinstance(model, DQN):
        policy, value = layers_of(state, "q_net.q_net"), ()
    else:
        policy = layers_of(state, "mlp_extractor.policy_net", "action_net")
        value = layers_of(state, "mlp_extractor.value_net", "value_net")
    return Network(
        depth=learnable.depth,
        mean=normalised.obs_rms.mean.astype(np.float32),
        variance=normalised.obs_rms.var.astype(np.float32),
        policy=policy,
        value=value,
        return_scale=float(np.sqrt(normalised.ret_rms.var + EPSILON)),
    )


def layers_of(state: dict[str, NDArray[Any]], hidden: str, *heads: str) -> Layers:
    """Return the layers of one network, from a torch state: Linear and Tanh alternate in the hidden part."""
    names = [name.removesuffix(".weight") for name in state if name.startswith(f"{hidden}.")]
    names = [name for name in names if not name.endswith(".bias")]
    return tuple((state[f"{name}.weight"], state[f"{name}.bias"]) for name in [*names, *heads])


def check_spaces(spec: ElasticitySpec, envs: VectorEnv) -> None:
    """Raise ValueError unless the environments have the spec's spaces."""
    found = (envs.single_observation_space, envs.single_action_space)
    if found != (spec.observation_space, spec.action_space):
        raise ValueError(
            f"expected environments with the spaces {spec.observation_space} and {spec.action_space}, "
            f"got {found[0]} and {found[1]}"
        )
