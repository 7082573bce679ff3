"""The policies an agent chooses from, and the joint settings they lead to."""

import itertools
import math
from collections.abc import Sequence
from enum import StrEnum
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

MAX_SETTINGS = 4096  # joint settings of all knobs: each has its own row in every likelihood
MAX_LEARNED = 1024  # joint settings whose costs are learned: their covariances are updated in every step
MAX_POLICIES = 20_000  # 27 relative moves over 3 steps are 19,683


class Choice(StrEnum):
    """A value of conf/agent/aif.yaml that is one of a few words."""

    @classmethod
    def _missing_(cls, value: object) -> NoReturn:
        raise ValueError(
            f"{cls.__name__.lower()} must be {' or '.join(cls)}, got {value!r} (conf/agent/aif.yaml)"
        )


class Moves(Choice):
    """What one step of a policy is."""

    ABSOLUTE = "ABSOLUTE"  # a level for every knob
    RELATIVE = "RELATIVE"  # one level down, none or one up, for every knob


class Selection(Choice):
    """How one policy is chosen."""

    DETERMINISTIC = "DETERMINISTIC"  # the most probable
    STOCHASTIC = "STOCHASTIC"  # a draw from their posterior


def joint_settings(n_levels: Sequence[int]) -> NDArray[np.int64]:
    """Every joint setting, the last knob fastest, shape (n_settings, n_knobs).

    Raises:
        ValueError: more than MAX_SETTINGS; counted before anything is allocated.
    """
    count = math.prod(n_levels)
    if count > MAX_SETTINGS:
        raise ValueError(
            f"expected at most {MAX_SETTINGS} joint settings, got {count} from knobs of {tuple(n_levels)} "
            "levels; give the knobs fewer levels"
        )
    return np.array(list(itertools.product(*map(range, n_levels))), dtype=np.int64)


def policies(n_levels: Sequence[int], moves: Moves, horizon: int) -> NDArray[np.int64]:
    """Every policy: its steps for every knob, shape (n_policies, horizon, n_knobs).

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
