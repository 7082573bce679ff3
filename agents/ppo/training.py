"""Training with stable-baselines3's PPO; whoever imports this pays for torch."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import VecNormalize

from agents.ppo.network import CLIP, EPSILON, Layers, Network, choose, features, ratio_entries
from agents.ppo.recipe import Recipe
from agents.ppo.sb3_env import FromGymnasium
from agents.training import Progress, Worlds
from envs.spec import ElasticitySpec


def train(
    spec: ElasticitySpec,
    recipe: Recipe,
    worlds: Worlds,
    seed: int,
    keep: Callable[[Network], None],
    on_progress: Callable[[Progress], None],
) -> Progress:
    """Train a policy; `keep` gets every network that is better on the held-out seeds than all before.

    Args:
        spec: of every world.
        recipe: how.
        worlds: where.
        seed: of the weights, the exploration, and the first training episodes.
        keep: is called at least once, at the end of the first evaluation.
        on_progress: is told after every update.

    Raises:
        ValueError: a world that is of another spec.
    """
    training, held_out = worlds.training(recipe.n_envs), worlds.held_out(len(worlds.held_out_seeds))
    try:
        for envs in (training, held_out):
            check_spaces(spec, envs)
        is_ratio = ratio_entries(spec)
        learnable = FromGymnasium(training, lambda seen: features(seen, is_ratio))
        normalised = VecNormalize(learnable, gamma=recipe.gamma, clip_obs=CLIP, epsilon=EPSILON)
        model = PPO(
            "MlpPolicy",
            normalised,
            learning_rate=lambda share_left: recipe.learning_rate * share_left,
            n_steps=recipe.n_steps,
            batch_size=recipe.batch_size,
            n_epochs=recipe.n_epochs,
            gamma=recipe.gamma,
            gae_lambda=recipe.gae_lambda,
            clip_range=recipe.clip_range,
            ent_coef=recipe.ent_coef,
            policy_kwargs={"net_arch": list(recipe.hidden)},
            seed=seed,
            device="cpu",  # networks this small are slower elsewhere
        )
        judge = HeldOut(spec, recipe, held_out, worlds.held_out_seeds, keep, on_progress)
        model.learn(recipe.total_steps, callback=judge)
        return judge.progress
    finally:
        training.close()
        held_out.close()


class HeldOut(BaseCallback):
    """Evaluates the policy at even distances and at the end, and keeps the best."""

    def __init__(
        self,
        spec: ElasticitySpec,
        recipe: Recipe,
        envs: VectorEnv,
        seeds: Any,
        keep: Callable[[Network], None],
        on_progress: Callable[[Progress], None],
    ) -> None:
        super().__init__()
        n_updates = -(-recipe.total_steps // recipe.rollout)
        self._spec, self._envs, self._seeds = spec, envs, seeds
        self._keep, self._on_progress = keep, on_progress
        self._due = {round(n_updates * (i + 1) / recipe.evaluations) for i in range(recipe.evaluations)}
        self._update = 0
        self.progress = Progress(0, n_updates * recipe.rollout)

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        """An update has been made, unless this is the first rollout."""
        if self._update:
            self._after_update()
        self._update += 1

    def _on_training_end(self) -> None:
        self._after_update()

    def _after_update(self) -> None:
        after = replace(self.progress, steps=self.num_timesteps, is_evaluated=False)
        if self._update in self._due:
            assert isinstance(self.model, PPO)
            network = network_of(self.model, ratio_entries(self._spec))
            reward = mean_reward(network, self._spec, self._envs, self._seeds)
            after = replace(after, is_evaluated=True, reward=reward)
            if after.best_reward is None or reward > after.best_reward:
                self._keep(network)
                after = replace(after, best_reward=reward, best_steps=self.num_timesteps)
        self.progress = after
        self._on_progress(after)


def mean_reward(network: Network, spec: ElasticitySpec, envs: VectorEnv, seeds: Any) -> float:
    """Per step of each environment's first episode, under the likeliest levels.

    Args:
        network: to be judged.
        spec: gives the numbers of levels.
        envs: as many as seeds; with autoreset.
        seeds: of the episodes.
    """
    observations, _ = envs.reset(seed=list(seeds))  # pyright: ignore[reportArgumentType] - one each
    is_running = np.ones(envs.num_envs, dtype=bool)
    total, n_steps = 0.0, 0
    while is_running.any():
        actions = choose(network.logits(np.asarray(observations, dtype=np.float32)), spec.n_levels)
        observations, rewards, terminated, truncated, _ = envs.step(actions)
        total += float(np.sum(rewards, where=is_running))
        n_steps += int(is_running.sum())
        is_running &= ~(terminated | truncated)
    return total / n_steps


def network_of(model: PPO, is_ratio: NDArray[np.bool_]) -> Network:
    """The model's networks, and what it was trained to see: features of these ratios, normalised."""
    normalised = model.get_vec_normalize_env()
    assert normalised is not None
    assert isinstance(normalised.obs_rms, RunningMeanStd)
    state = {name: tensor.cpu().numpy().copy() for name, tensor in model.policy.state_dict().items()}
    return Network(
        is_ratio=is_ratio,
        mean=normalised.obs_rms.mean.astype(np.float32),
        variance=normalised.obs_rms.var.astype(np.float32),
        policy=layers_of(state, "mlp_extractor.policy_net", "action_net"),
        value=layers_of(state, "mlp_extractor.value_net", "value_net"),
        return_scale=float(np.sqrt(normalised.ret_rms.var + EPSILON)),
    )


def layers_of(state: dict[str, Any], hidden: str, head: str) -> Layers:
    """The layers of one network, from a torch state: Linear and Tanh alternate in the hidden part."""
    names = [name.removesuffix(".weight") for name in state if name.startswith(f"{hidden}.")]
    names = [name for name in names if not name.endswith(".bias")]
    return tuple((state[f"{name}.weight"], state[f"{name}.bias"]) for name in [*names, head])


def check_spaces(spec: ElasticitySpec, envs: VectorEnv) -> None:
    """Raise ValueError unless the environments have the spec's spaces."""
    found = (envs.single_observation_space, envs.single_action_space)
    if found != (spec.observation_space, spec.action_space):
        raise ValueError(
            f"expected environments with the spaces {spec.observation_space} and {spec.action_space}, "
            f"got {found[0]} and {found[1]}"
        )
