"""Training with stable-baselines3; whoever imports this pays for torch."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback

from agents.learned.features import Memory
from agents.learned.network import Network
from agents.learned.recipe import A2cRecipe, DqnRecipe, PpoRecipe, Recipe
from agents.learned.sb3_env import FromGymnasium
from agents.learned.scorer import ScoringDqnPolicy, ScoringPolicy
from agents.training import Progress, Side, Worlds

MOST_REPORTS = 200  # of progress, evenly spread; an update may be very short

Keep = Callable[[Network, int], None]
OnProgress = Callable[[Progress], None]


def train(recipe: Recipe, worlds: Worlds, seed: int, keep: Keep, on_progress: OnProgress) -> Progress:
    """Train a policy; `keep` gets every network that is better on the held-out seeds than all before.

    Args:
        recipe: says how, and by its class which algorithm.
        worlds: where.
        seed: of the weights, the exploration, and the first training episodes.
        keep: is called at least once, at the end of the first evaluation, with the steps made by then.
        on_progress: is told after an update, at most `MOST_REPORTS` times besides evaluations.

    Raises:
        ValueError: worlds that cannot be side by side.
    """
    training, held_out = worlds.training(recipe.n_envs), worlds.held_out(len(worlds.held_out_seeds))
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more only hinder networks so small
    try:
        model = model_of(recipe, FromGymnasium(training, recipe.depth, recipe.return_scale), seed)
        judge = HeldOut(recipe, held_out, worlds.held_out_seeds, keep, on_progress)
        model.learn(recipe.total_steps, callback=judge)
        return judge.progress
    finally:
        torch.set_num_threads(n_threads)
        training.envs.close()
        held_out.envs.close()


def model_of(recipe: Recipe, envs: FromGymnasium, seed: int) -> BaseAlgorithm:
    """Return the algorithm that a recipe is for, yet to learn."""
    common: dict[str, Any] = {
        "env": envs,
        "learning_rate": lambda share_left: recipe.learning_rate * share_left,
        "gamma": recipe.gamma,
        "policy_kwargs": {"net_arch": list(recipe.hidden), "depth": recipe.depth},
        "seed": seed,
        "device": "cpu",  # networks this small are slower elsewhere
    }
    match recipe:
        case PpoRecipe():
            return PPO(
                ScoringPolicy,
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
                ScoringPolicy,
                **common,
                n_steps=recipe.n_steps,
                gae_lambda=recipe.gae_lambda,
                ent_coef=recipe.ent_coef,
            )
        case DqnRecipe():
            return DQN(
                ScoringDqnPolicy,
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
        recipe: Recipe,
        held_out: Side,
        seeds: Sequence[int],
        keep: Keep,
        on_progress: OnProgress,
    ) -> None:
        super().__init__()
        n_updates = -(-recipe.total_steps // recipe.rollout)
        self._recipe, self._held_out, self._seeds = recipe, held_out, seeds
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
            network = network_of(self.model, self._recipe.return_scale)
            reward = mean_reward(network, self._held_out, self._seeds)
            after = replace(after, is_evaluated=True, reward=reward)
            if after.best_reward is None or reward > after.best_reward:
                self._keep(network, self.num_timesteps)
                after = replace(after, best_reward=reward, best_steps=self.num_timesteps)
        self.progress = after
        if after.is_evaluated or self._update % self._reports == 0:
            self._on_progress(after)


def mean_reward(network: Network, side: Side, seeds: Sequence[int]) -> float:
    """Return the mean per step of each environment's first episode, under the settings that score best.

    Args:
        network: to be judged.
        side: as many environments as seeds.
        seeds: of the episodes.
    """
    observations, _ = side.envs.reset(seed=list(seeds))  # pyright: ignore[reportArgumentType] - one each
    memory, everyone = Memory(side.specs, network.depth), np.arange(len(seeds))
    seen = memory.begin(observations)
    is_running = np.ones(len(seeds), dtype=bool)
    total, n_steps = 0.0, 0
    while is_running.any():
        best = network.judge(seen)[0].argmax(axis=-1)
        observations, rewards, terminated, truncated, _ = side.envs.step(
            memory.streams.settings[everyone, best]
        )
        seen = memory.push(observations)
        total += float(np.sum(rewards, where=is_running))
        n_steps += int(is_running.sum())
        is_running &= ~(terminated | truncated)
    return total / n_steps


def network_of(model: BaseAlgorithm, return_scale: float) -> Network:
    """Return what a model has learned by now."""
    policy = model.policy
    scorer = policy.q_net.scorer if isinstance(policy, ScoringDqnPolicy) else policy.mlp_extractor
    return scorer.network(return_scale)  # type: ignore[operator,union-attr] - a `Scorer`
