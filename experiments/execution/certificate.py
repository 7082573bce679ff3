"""How far the simulator was from a run of the real pipeline: the run's own actions, played on its twin.

A machine is not always as fast as when it was measured, so two things are told apart: by how much its devices
were slower now (a factor per device, fitted on the first intervals alone), and what is wrong beside that.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agents.base import Agent
from envs.simulator.system import System
from envs.spec import ElasticitySpec
from experiments.program.errors import ConfigError
from experiments.runs.provenance import machine, machine_text
from experiments.runs.summary import column
from experiments.runs.trace import traced
from experiments.statistics.agreement import twin_agreement
from experiments.worlds.pipeline import PipelinePlan
from experiments.worlds.plan import Plan, SimulatorPlan, plan_twin

FITTED_ON = 20  # control intervals from the run's beginning
LEAST_FRAMES = 20  # of a device, to tell of its speed
DRIFT = 1.25  # times as slow, or as fast, as in the profile: more is said


def certify(plan: Plan, real: pd.DataFrame) -> tuple[dict[str, Any], pd.DataFrame]:
    """Play a run's actions on its simulated twin and compare, interval by interval.

    Args:
        plan: of the run, which is one of the pipeline.
        real: its trace, at least one row.

    Returns:
        Figures as `twin_agreement` returns them, of the twin with the machine's speed of now; `drift`,
        service times over the profile's, per device, None where it was idle or nearly; and `as_profiled`,
        those of the twin with the profile's speed. `poor` tells of the drift, too. And the twin's trace.

    Raises:
        ConfigError: its twin would be another pipeline's, or of other workers, or there is none.
    """
    assert isinstance(plan, PipelinePlan)
    twin = plan_twin(plan.config)
    assert isinstance(twin, SimulatorPlan)
    check_certifiable(plan, real)
    as_profiled = played(twin, real)
    factors = drift(real, as_profiled, devices_of(twin.system))
    now = twin.system.hardware.slowed([factor or 1.0 for factor in factors])
    slower = replace(twin, system=replace(twin.system, hardware=now))
    own = played(slower, real)
    redrawn = played(slower, real, Redrawn) if plan.hardware.is_native else None
    figures = twin_agreement(real, own, redrawn)
    figures |= {"drift": factors, "as_profiled": twin_agreement(real, as_profiled)}
    figures["poor"] = "; ".join(filter(None, (figures["poor"], drifted(factors))))
    return figures, own


def check_certifiable(plan: PipelinePlan, trace: pd.DataFrame) -> None:
    """Raise ConfigError if a run's twin would be another pipeline's, or of other workers."""
    if column(trace, "deaths")[-1]:
        raise ConfigError("a worker or collector died unplanned, which the twin knows nothing of")
    sources = [times.source for device in plan.hardware.devices for times in device.times.values()]
    is_of_here = bool(sources) and all(machine_text(machine()) in source for source in sources)
    if plan.hardware.is_native and not is_of_here:
        raise ConfigError(
            "the service times of this machine are not known; measure them: "
            "python -m experiments.calibrate hardware=local"
        )


class Repeating(Agent):
    """Does what was done: level index per knob, shape (n_steps, n_knobs); the last is kept up."""

    def __init__(self, spec: ElasticitySpec, actions: NDArray[np.int64]) -> None:
        super().__init__(spec)
        self._actions = actions

    def reset(self, seed: int) -> None:
        """Begin with the first action again."""
        self._left, self._chosen = iter(self._actions), self._actions[0]

    def act(self, observation: NDArray[np.float32], info: Mapping[str, Any]) -> NDArray[np.int64]:
        """Return the next action."""
        self._chosen = next(self._left, self._chosen)
        return self._chosen


class Redrawn(gym.Wrapper[Any, Any, Any, Any]):
    """A simulated pipeline whose frames take other times, as likely: what chance makes of an episode."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        """Begin an episode; all but the frames' times is the seed's."""
        begun = super().reset(seed=seed, options=options)
        self.unwrapped.fleet.draw_from([(seed or 0) + 1])  # type: ignore[attr-defined] - it is a simulator
        return begun


def played(
    twin: SimulatorPlan, real: pd.DataFrame, wrapped: Callable[[Any], Any] = lambda env: env
) -> pd.DataFrame:
    """Return the trace of a twin, `wrapped`, that does what was done in the real run, under its seed."""
    names = [f"levels.{knob.name}" for knob in twin.spec.knobs]  # what guards have let through of actions
    agent = Repeating(twin.spec, real[names].to_numpy(dtype=np.int64))
    return traced(agent, wrapped(twin.make_env(Path(), lambda _: None)), twin.config.seed)


def devices_of(system: System) -> list[int]:
    """Return the number of each worker's device."""
    if system.scenario.capacities:  # workers of the first device, with shares of its speed
        return [0] * len(system.scenario.capacities)
    return [number for number, device in enumerate(system.hardware.devices) for _ in range(device.count)]


def drift(real: pd.DataFrame, twin: pd.DataFrame, devices: Sequence[int]) -> list[float | None]:
    """Return how many times the twin's service times each device took; None without LEAST_FRAMES.

    It is the median over the frames that a device's workers processed in those of the first FITTED_ON
    intervals in which nothing was changed: there, both worked under the same settings. What takes long once,
    as a first frame does, is not the machine's speed.

    Args:
        real, twin: traces of the same actions.
        devices: number of each worker's device.
    """
    n = min(len(real), len(twin), FITTED_ON)
    real, twin = real.head(n), twin.head(n)
    levels = real.filter(regex=r"^levels\.")
    is_same = levels.eq(levels.shift()).all(axis=1).to_numpy()
    ratios = [[np.empty(0)] for _ in range(max(devices) + 1)]
    for worker, device in enumerate(devices):
        service, processed = f"workers.worker-{worker}.service_ms", f"workers.worker-{worker}.processed"
        if service not in real or service not in twin:
            continue  # it never came
        ratio = column(real, service) / column(twin, service)
        both = is_same & np.isfinite(ratio)
        ratios[device].append(np.repeat(ratio[both], column(real, processed)[both].astype(np.int64)))
    frames = map(np.concatenate, ratios)
    return [float(np.median(own)) if own.size >= LEAST_FRAMES else None for own in frames]


def drifted(factors: Sequence[float | None]) -> str:
    """Say which devices were not as fast as in their profile; "" if all were."""
    return "; ".join(
        f"device {number} took {factor:.2f} × its profile's service times"
        for number, factor in enumerate(factors)
        if factor is not None and not 1 / DRIFT <= factor <= DRIFT
    )
