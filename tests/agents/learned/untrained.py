"""Learned agents that have learned nothing: random weights of the right shapes, for any spec, in no time.

`tests.agents.episodes.make("ppo", spec)` (likewise "a2c", "dqn") gives one; it may be reset, saved and loaded
like any other.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from agents.learned.agent import Learned
from agents.learned.features import n_seen
from agents.learned.network import Layers, Network
from agents.learned.recipe import Algorithm
from envs.spec import ElasticitySpec


def untrained(agent: Learned, seed: int = 0) -> Learned:
    """The same agent, with a network of random weights."""
    network = network_for(agent.spec, agent.algorithm, agent.recipe.depth, seed)
    with TemporaryDirectory() as directory:
        path = Path(directory) / "untrained.npz"
        np.savez(
            path,
            agent=np.array("Learned"),
            spec=np.array(agent.spec.hash),
            algorithm=np.array(agent.algorithm.value),
            trained_steps=np.array(0),
            **network.arrays(),  # pyright: ignore[reportArgumentType]
        )
        agent.load(path)
    return agent


def network_for(spec: ElasticitySpec, algorithm: Algorithm, depth: int, seed: int) -> Network:
    """Random weights, and a normalisation that changes nothing."""
    rng, n_figures = np.random.default_rng(seed), n_seen(spec, depth)
    ones = np.ones(n_figures, np.float32)
    if algorithm is Algorithm.DQN:
        policy, value = layers(rng, (n_figures, 16, math.prod(spec.n_levels))), ()
    else:
        policy, value = layers(rng, (n_figures, 16, sum(spec.n_levels))), layers(rng, (n_figures, 16, 1))
    return Network(depth, 0 * ones, ones, policy, value, return_scale=1.0)


def layers(rng: np.random.Generator, widths: Sequence[int]) -> Layers:
    """Of these widths, the inputs' first."""
    return tuple(
        (rng.normal(0, n_in**-0.5, (n_out, n_in)).astype(np.float32), np.zeros(n_out, np.float32))
        for n_in, n_out in pairwise(widths)
    )
