"""Whether a drawn world is a question, and what binds in it: found by playing every setting, held still.

A world is one if the lowest setting holds the SLOs most of the time and the highest does not, if neither
nearly all settings hold nor nearly none, and if the best of them earns less than all.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.procedural.ranges import Stratum
from envs.simulator.system import System
from envs.spec import ElasticitySpec
from pipeline.slos import SloState

HELD = 0.8  # share of the steps in which all SLOs hold, for a setting to count as one that holds
HELD_BY = (0.05, 0.8)  # share of the settings
BEST = 0.95  # mean reward of the best of them, at most
BINDING = 0.9  # load of a stage that is at its limit
MOST_LOAD = 3.0  # that counts: beyond it a queue only grows faster
MOST = 0.7  # share of the settings that break for one reason, for it to be what binds
STAGES = ("load_capture", "load_link", "load_compute")
MEMORY = "memory_usage"


class Screened(NamedTuple):
    """What settings that are held still come to, in the order of `np.ndindex(spec.n_levels)`.

    Attributes:
        held: share of the steps in which all SLOs hold, shape (n_settings,).
        rewards: mean per step, likewise.
        qoe: likewise, whether or not SLOs hold.
        reasons: what is at its limit, by setting.
    """

    held: NDArray[np.float64]
    rewards: NDArray[np.float64]
    qoe: NDArray[np.float64]
    reasons: Sequence[Stratum]

    @property
    def is_question(self) -> bool:
        """Tell whether there is something to decide."""
        share = float((self.held >= HELD).mean())
        is_between = HELD_BY[0] <= share <= HELD_BY[1]
        return bool(self.held[0] >= HELD > self.held[-1] and is_between and self.rewards.max() < BEST)

    @property
    def is_tense(self) -> bool:
        """Tell whether whoever only sought quality would break an SLO."""
        return bool(self.held[self.qoe.argmax()] < HELD)

    def binds(self, n_levels: Sequence[int]) -> Stratum:
        """Say what stops whoever raises quality: why most settings one level above a held one break."""
        holds = (self.held >= HELD).reshape(n_levels)
        reasons = Counter[Stratum]()
        for place, setting in enumerate(np.ndindex(*n_levels)):
            lower = [
                (*setting[:i], setting[i] - 1, *setting[i + 1 :]) for i in range(len(setting)) if setting[i]
            ]
            if not holds[setting] and any(holds[below] for below in lower):
                reasons[self.reasons[place]] += 1
        reason, n = reasons.most_common(1)[0] if reasons else (Stratum.MIXED, 0)
        return reason if n >= MOST * reasons.total() else Stratum.MIXED


def screen(spec: ElasticitySpec, system: System, seed: int) -> Screened:
    """Play every setting in a world, each held still for one episode of its seed."""
    from envs.simulator.fleet import Fleet  # brings the compiler, which whoever draws no world does not need

    settings = np.array(list(np.ndindex(*spec.n_levels)), np.int64)
    n = len(settings)
    fleet = Fleet(spec, [system], n)
    rng = np.random.default_rng(seed)
    for i in range(n):
        fleet.begin(i, rng, seed)
    held, rewards, quality, everyone = np.zeros(n), np.zeros(n), np.zeros(n), np.ones(n, np.bool_)
    names, at_limit = [slo.metric for slo in spec.slos], {name: np.zeros(n) for name in (*STAGES, MEMORY)}
    for _ in range(system.steps):
        fleet.step(settings)
        info = fleet.info.of_all(everyone)
        broken = np.any([np.asarray(info["slos"][name]) == SloState.CRITICAL for name in names], axis=0)
        held += ~broken
        rewards += fleet.verdicts["reward"]
        quality += fleet.verdicts["qoe"]
        for name in STAGES:
            loads = np.asarray(info["metrics"][name], dtype=float)
            at_limit[name] += np.where(
                broken, np.clip(np.nan_to_num(loads, posinf=MOST_LOAD), 0.0, MOST_LOAD), 0.0
            )
        if MEMORY in names:
            at_limit[MEMORY] += np.asarray(info["slos"][MEMORY]) == SloState.CRITICAL
    n_broken = np.maximum(system.steps - held, 1.0)
    means = {name: total / n_broken for name, total in at_limit.items()}
    reasons = [reason(means, i) for i in range(n)]
    return Screened(held / system.steps, rewards / system.steps, quality / system.steps, reasons)


def reason(means: Mapping[str, NDArray[np.float64]], i: int) -> Stratum:
    """Say what is at its limit under a setting, of the means over the steps in which it breaks an SLO."""
    capture, link, compute = (means[name][i] for name in STAGES)
    if max(link, compute, capture) >= BINDING:
        return Stratum.LINK if link > max(compute, capture) else Stratum.COMPUTE
    return Stratum.MEMORY if means[MEMORY][i] > 0.5 else Stratum.LATENCY
