"""One agent with one number of SLOs, measured in a process of its own that is pinned to one core.

Its world is the simulator's benchmark with a load that trebles for the middle third of an episode, so that
there is something to decide; 72 joint settings.
"""

import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from hydra.utils import get_class, instantiate
from omegaconf import DictConfig, OmegaConf

from agents.base import Agent, Transition
from agents.training import Side, Trainable, Worlds
from benchmarks.system import CONF, bench_system
from envs.scenario import Event, EventKind, Scenario
from envs.simulator.env import SimulatorEnv
from envs.simulator.system import System
from envs.spec import ElasticitySpec
from envs.video import video_spec
from pipeline.slos import Sense, Slo, video_slo

SLOS: Mapping[int, tuple[Slo, ...]] = {  # by how many there are; the default five are among the eight
    2: (video_slo("latency_p95_ms", 1000.0), video_slo("load", 1.0)),
    8: (
        video_slo("queue_size", 2.0),
        video_slo("memory_usage", 0.8),
        video_slo("latency_p95_ms", 1000.0),
        video_slo("drop_rate", 0.05),
        video_slo("load", 1.0),
        video_slo("latency_p50_ms", 500.0),
        video_slo("latency_p99_ms", 2000.0),
        video_slo("delivered_fps", 3.0, sense=Sense.AT_LEAST),
    ),
}
SETTLING = 10  # decisions that are not counted at an episode's beginning: caches are cold
BUSIEST = 3  # streams at once
BRIEF = {
    "total_steps": 64,
    "evaluations": 1,
    "n_envs": 4,
    "n_steps": 8,
    "batch_size": 16,
}  # a recipe's figures


@dataclass(frozen=True, slots=True)
class Case:
    """Which agent is measured.

    Attributes:
        agent: name of its file in conf/agent.
        n_slos: of the spec, a key of `SLOS`.
    """

    agent: str
    n_slos: int

    @property
    def key(self) -> str:
        """Of its figures."""
        return f"{self.agent}.{self.n_slos}"


@dataclass(frozen=True, slots=True)
class Timed:
    """An episode's times, one entry per counted decision; ms, and s of processor time of all threads."""

    decision_ms: list[float]
    learning_ms: list[float]
    cpu_s: list[float]


def case_spec(n_slos: int) -> ElasticitySpec:
    """The benchmark's knobs under so many SLOs."""
    return video_spec(bench_system().ladders, SLOS[n_slos])


def busy_system(decisions: int) -> System:
    """The benchmark's system with more streams for the middle third of an episode of so many."""
    events = (
        Event(kind=EventKind.STREAMS, value=BUSIEST, at_share=1 / 3),
        Event(kind=EventKind.STREAMS, value=1, at_share=2 / 3),
    )
    return replace(bench_system(), steps=decisions, scenario=Scenario(events=events))


def values_of(case: Case) -> DictConfig:
    """What conf/ says of the agent."""
    values = OmegaConf.load(CONF / "agent" / f"{case.agent}.yaml")
    assert isinstance(values, DictConfig)
    return values


def changed(values: DictConfig, changes: Mapping[str, Any]) -> DictConfig:
    """The same values but for these."""
    merged = OmegaConf.merge(values, dict(changes))
    assert isinstance(merged, DictConfig)
    return merged


def trained(values: DictConfig, spec: ElasticitySpec, system: System, path: Path) -> DictConfig:
    """The values with a checkpoint, if the agent needs one; what it has learned changes none of its times."""
    if not issubclass(get_class(values["_target_"]), Trainable):
        return values
    from envs.simulator.vector import SimulatorVectorEnv  # compiles

    def make(n: int) -> Side:
        return Side(SimulatorVectorEnv(spec, [system], n), [spec] * n)

    recipe = {name: figure for name, figure in BRIEF.items() if name in values["recipe"]}
    brief = changed(values, {"recipe": recipe, "checkpoint": None})
    pupil = instantiate(brief, _partial_=True)(spec=spec)
    pupil.train(Worlds(make, make, range(4)), 0, path, lambda _: None)
    return changed(values, {"checkpoint": str(path)})


def measure(case: Case, rounds: int, decisions: int) -> dict[str, list[float]]:
    """Return a case's times in ms, its start-up's in s; each a list with one entry per round."""
    to_one_core()
    values, spec = values_of(case), case_spec(case.n_slos)
    system = busy_system(SETTLING + decisions)
    env = SimulatorEnv(spec, [system])
    with tempfile.TemporaryDirectory(prefix="elasticbench-") as folder:
        values = trained(values, spec, system, Path(folder) / "checkpoint.npz")
        began_s = time.perf_counter()
        agent = instantiate(values, _partial_=True)(spec=spec)  # imports it
        agent.warm_up()
        start_up_s = time.perf_counter() - began_s
    turns = [episode(agent, env, seed) for seed in range(rounds)]
    figures = {"start_up_s": [start_up_s], "cpu_ms": [1e3 * float(np.mean(turn.cpu_s)) for turn in turns]}
    for part in ("decision_ms", "learning_ms"):
        for share in (50, 99):
            figures[f"{part}_p{share}"] = [float(np.percentile(getattr(t, part), share)) for t in turns]
    return figures


def to_one_core() -> None:
    """Pin this process to the first core that it may use."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def episode(agent: Agent, env: SimulatorEnv, seed: int) -> Timed:
    """Decisions and what is learned of them, each timed."""
    timed, index, is_over = Timed([], [], []), 0, False
    agent.reset(seed)
    observation, info = env.reset(seed=seed)
    while not is_over:
        cpu_s, asked_s = time.process_time(), time.perf_counter()
        levels = agent.act(observation, info)
        decided_s = time.perf_counter()
        agent.explain()
        deciding_s = time.process_time() - cpu_s
        seen, (observation, reward, _, is_over, info) = observation, env.step(levels)
        cpu_s, ended_s = time.process_time(), time.perf_counter()
        agent.learn(Transition(seen, levels, float(reward), observation, terminated=False))
        learned_s = time.perf_counter()
        if (index := index + 1) > SETTLING:
            timed.decision_ms.append(1e3 * (decided_s - asked_s))
            timed.learning_ms.append(1e3 * (learned_s - ended_s))
            timed.cpu_s.append(deciding_s + time.process_time() - cpu_s)
    return timed
