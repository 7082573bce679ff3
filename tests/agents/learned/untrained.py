"""Learned agents that have learned nothing: random weights of the right shapes, for any spec, in no time.

`tests.agents.episodes.make("ppo", spec)` (likewise "a2c", "dqn") gives one; it may be reset, saved and loaded
like any other.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from agents.learned.agent import Learned
from agents.learned.features import N_FEATURES, VERSION, n_context
from agents.learned.network import Layers, Network
from agents.learned.recipe import Algorithm


def untrained(agent: Learned, seed: int = 0) -> Learned:
    """The same agent, with a network of random weights."""
    network = network_for(agent.algorithm, agent.recipe.depth, seed)
    with TemporaryDirectory() as directory:
        path = Path(directory) / "untrained.npz"
        np.savez(
            path,
            agent=np.array("Learned"),
            features=np.array(VERSION),
            algorithm=np.array(agent.algorithm.value),
            trained_steps=np.array(0),
            **network.arrays(),  # pyright: ignore[reportArgumentType]
        )
        agent.load(path)
    return agent


def network_for(algorithm: Algorithm, depth: int, seed: int) -> Network:
    """Random weights."""
    rng, n_shared = np.random.default_rng(seed), n_context(depth)
    scorer = layers(rng, (n_shared + N_FEATURES, 16, 1))
    value = () if algorithm is Algorithm.DQN else layers(rng, (2 * 16 + n_shared, 16, 1))
    return Network(depth, scorer, value, return_scale=10.0)


def layers(rng: np.random.Generator, widths: Sequence[int]) -> Layers:
    """Of these widths, the inputs' first."""
    return tuple(
        (rng.normal(0, n_in**-0.5, (n_out, n_in)).astype(np.float32), np.zeros(n_out, np.float32))
        for n_in, n_out in pairwise(widths)
    )
