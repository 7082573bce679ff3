"""The policies of active inference: what they set, step by step."""

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.common.words import Word

MAX_POLICIES = 20_000  # 27 relative moves over 3 steps are 19,683


class Moves(Word, file="conf/agent/aif.yaml"):
    """What one step of a policy is."""

    ABSOLUTE = "ABSOLUTE"  # a level for every knob
    RELATIVE = "RELATIVE"  # one level down, none or one up, for every knob


def policies(n_levels: Sequence[int], moves: Moves, horizon: int) -> NDArray[np.int64]:
    """Return every policy: its steps for every knob, shape (n_policies, horizon, n_knobs).

    Absolute steps are level indices, relative ones -1, 0 and 1.

    Raises:
        ValueError: a horizon outside 1 to 3, or more than MAX_POLICIES; counted before anything is allocated.
    """
    if not 1 <= horizon <= 3:
        raise ValueError(f"horizon must be 1, 2 or 3, got {horizon} (conf/agent/aif.yaml)")
    steps = [range(n) if moves is Moves.ABSOLUTE else range(-1, 2) for n in n_levels]
    count = math.prod(map(len, steps)) ** horizon
    if count > MAX_POLICIES:
        raise ValueError(
            f"expected at most {MAX_POLICIES} policies, got {count} {moves} ones over {horizon} steps; "
            f"shorten the horizon (conf/agent/aif.yaml) or give the knobs fewer levels"
        )
    table = list(itertools.product(*steps * horizon))
    return np.array(table, dtype=np.int64).reshape(count, horizon, len(n_levels))
