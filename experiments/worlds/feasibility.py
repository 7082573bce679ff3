"""Whether the SLOs can be held at all: what every setting comes to where a run begins, in its twin.

And whether workers that compute here have a core each.
"""

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.simulator.verdicts import SIMULATED
from envs.spec import ElasticitySpec
from experiments.config.world_schemas import PipelineSchema, SimulatorSchema
from experiments.program.formatting import counted, setting_text
from experiments.worlds.builders import hardware_of
from experiments.worlds.plan import Plan, twin_of
from experiments.worlds.simulator import SimulatorPlan
from pipeline.allowance import usable_cores

SETTLING, JUDGED = 6, 4  # control intervals that a setting is held for, and the next ones that are looked at


class Ratios(NamedTuple):
    """What settings come to that are held still.

    Attributes:
        settings: level per knob, shape (n_settings, n_knobs).
        ratios: metric / threshold of each SLO, mean over the intervals judged, shape (n_settings, n_slos).
    """

    settings: NDArray[np.int64]
    ratios: NDArray[np.float64]


def warning(plan: Plan) -> str:
    """Say which SLOs no setting holds where a run begins; "" if all can be held, or nobody can tell.

    That is known where service times are: of simulated and emulated workers.
    """
    env = plan.config.env
    if isinstance(env, PipelineSchema):
        is_known = not env.control and (env.emulate or not hardware_of(plan.config.hardware).is_native)
    else:
        is_known = isinstance(env, SimulatorSchema)
    if not is_known or any(slo.metric not in SIMULATED for slo in plan.spec.slos):
        return ""
    twin = twin_of(plan)
    assert isinstance(twin, SimulatorPlan)
    return unattainable(twin.spec, held_still(twin))


def crowding(plan: Plan) -> str:
    """Say whether workers that compute here share cores, and measure each other; "" if they do not."""
    env = plan.config.env
    if not isinstance(env, PipelineSchema) or env.control or env.emulate:
        return ""
    hardware = hardware_of(plan.config.hardware)
    n_threads, n_cores = sum(worker.threads for worker in hardware.workers), len(usable_cores())
    if not hardware.is_native or n_threads <= n_cores:
        return ""
    return (
        f"workers compute in {counted(n_threads, 'thread')}, and may use {counted(n_cores, 'core')} here (of "
        "the host's, what affinity and a container's quota leave): they wait for each other"
    )


def held_still(plan: SimulatorPlan) -> Ratios:
    """Hold every setting from the beginning of a run, with the load and the workers that it begins with."""
    from envs.simulator.fleet import Fleet  # compiles

    settings = np.array(list(product(*map(range, plan.spec.n_levels))), np.int64)
    fleet = Fleet(plan.spec, [plan.system], len(settings))
    for i in range(len(settings)):
        fleet.begin(i, np.random.default_rng(plan.config.seed), plan.config.seed)
    n_slos, total = len(plan.spec.slos), np.zeros((len(settings), len(plan.spec.slos)))
    for step in range(SETTLING + JUDGED):
        fleet.step(settings)
        if step >= SETTLING:
            total += fleet.verdicts["ratios"][:, :n_slos]
    return Ratios(settings, total / JUDGED)


def unattainable(spec: ElasticitySpec, found: Ratios) -> str:
    """Say what no setting holds, with the least that any comes to; "" if one holds everything."""
    if (found.ratios <= 1).all(axis=1).any():
        return ""
    never = [i for i in range(len(spec.slos)) if (found.ratios[:, i] > 1).all()]
    if not never:
        best = int(found.ratios.max(axis=1).argmin())
        worst, ratio = spec.slos[int(found.ratios[best].argmax())].metric, found.ratios[best].max()
        return (
            "no setting holds all SLOs where this run begins, though each of them can be held: at best "
            f"{worst} comes to {ratio:.2f} × its threshold ({setting_text(spec, found.settings[best])})"
        )
    told = []
    for i in never:
        best = int(found.ratios[:, i].argmin())
        told.append(
            f"{spec.slos[i].metric} (at best {found.ratios[best, i]:.2f} × its threshold, "
            f"{setting_text(spec, found.settings[best])})"
        )
    return f"no setting holds {' nor '.join(told)} where this run begins: every agent will break it"
