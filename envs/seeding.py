"""The seed of an episode, chosen the same way in every world."""

import numpy as np

MAX_SEED = 2**31  # of an episode that was not given one


def episode_seed(seed: int | None, rng: np.random.Generator) -> int:
    """The seed that was given, else one drawn from [0, MAX_SEED)."""
    return int(rng.integers(MAX_SEED)) if seed is None else seed
