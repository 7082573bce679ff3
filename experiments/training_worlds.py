"""The worlds that a training needs: those it learns in, and those that are kept from it."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from hydra import compose
from omegaconf import OmegaConf

from agents.training import Worlds
from envs.simulator.system import System
from envs.spec import ElasticitySpec
from experiments.complaints import ConfigError
from experiments.config import DetectionsFile, OutputSchema, RunConfig
from experiments.simulator_plan import SimulatorPlan, plan_simulator
from experiments.training_config import PairsSchema, TrainConfig, TrainingSchema

HELD_OUT_SEED = 1_000_000  # the first; training begins its episodes with seeds from the run's own on
NO_OUTPUT = OutputSchema(video=False, detections=DetectionsFile.NONE, mlflow=False)


class Pair(NamedTuple):
    """Names of files in conf/hardware and conf/scenario."""

    hardware: str
    scenario: str

    def __str__(self) -> str:
        return f"{self.hardware}/{self.scenario}"


def pairs_of(schema: PairsSchema) -> list[Pair]:
    """Every hardware with every scenario, each once."""
    return [Pair(*names) for names in dict.fromkeys(product(schema.hardware, schema.scenarios))]


def check_training(schema: TrainingSchema) -> None:
    """Raise ValueError if something is out of range, or trained on though it is for evaluation."""
    training, evaluation = pairs_of(schema.pairs), pairs_of(schema.evaluation)
    if not training:
        raise ValueError("pairs must name at least one hardware and one scenario, got none")
    if both := [str(pair) for pair in training if pair in evaluation]:
        raise ValueError(f"{', '.join(both)} would be trained on and evaluated: take it out of one")
    for name in ("variants", "held_out_episodes", "evaluation_seeds"):
        if getattr(schema, name) < 1:
            raise ValueError(f"{name} must be >= 1, got {getattr(schema, name)}")
    if not 0 < schema.lowest_capacity <= 1:
        raise ValueError(f"lowest_capacity must be in (0, 1], got {schema.lowest_capacity}")


def plans_of(config: TrainConfig, pairs: Sequence[Pair]) -> dict[Pair, SimulatorPlan]:
    """Each pair as a run of the simulator, inside a `hydra.main` or an initialised Hydra.

    Raises:
        ConfigError: a pair is not possible, or is of another spec than the first; it is named.
    """
    hardware = {name: option("hardware", name) for name in {pair.hardware for pair in pairs}}
    scenarios = {name: option("scenario", name) for name in {pair.scenario for pair in pairs}}
    plans: dict[Pair, SimulatorPlan] = {}
    for pair in pairs:
        run = RunConfig(
            name=config.name,
            seed=config.seed,
            live=config.live,
            results=config.results,
            agent=config.agent,
            video=config.video,
            detector=config.detector,
            env=config.env,
            hardware=hardware[pair.hardware],
            scenario=scenarios[pair.scenario],
            slo=config.slo,
            output=NO_OUTPUT,
        )
        try:
            plans[pair] = plan_simulator(run, config.env)
        except ConfigError as error:
            raise ConfigError(f"{pair}: {error}") from error
    check_one_spec(plans)
    return plans


def option(group: str, name: str) -> Any:
    """The values of conf/GROUP/NAME.yaml."""
    return OmegaConf.to_object(compose("config", overrides=[f"{group}={name}"])[group])


def check_one_spec(plans: dict[Pair, SimulatorPlan]) -> None:
    """Raise ConfigError unless all are of one spec: measured accuracies make their own."""
    (first, plan), *others = plans.items()
    for pair, other in others:
        if other.spec.hash != plan.spec.hash:
            raise ConfigError(
                f"{pair} has another spec than {first} ({other.spec.hash}, {plan.spec.hash}): an agent is "
                "trained for one; they differ where the hardware has accuracies of its own"
            )


def variants_of(system: System, n: int, lowest_capacity: float, rng: np.random.Generator) -> list[System]:
    """The system as it is, and n - 1 weaker ones: all capacities times one share, log-uniform up to 1."""
    shares = np.exp(rng.uniform(math.log(lowest_capacity), 0.0, size=n - 1))
    return [system, *(weakened(system, float(share)) for share in shares)]


def weakened(system: System, share: float) -> System:
    """With this share of every worker's capacity."""
    devices = tuple(replace(device, capacity=device.capacity * share) for device in system.hardware.devices)
    capacities = tuple(capacity * share for capacity in system.scenario.capacities)
    return replace(
        system,
        hardware=replace(system.hardware, devices=devices),
        scenario=replace(system.scenario, capacities=capacities),
    )


def worlds_of(
    spec: ElasticitySpec, plans: Sequence[SimulatorPlan], schema: TrainingSchema, seed: int
) -> Worlds:
    """Where to learn, and where to choose the checkpoint: the same systems under other seeds."""
    rng = np.random.default_rng(seed)
    systems = [
        system
        for plan in plans
        for system in variants_of(plan.system, schema.variants, schema.lowest_capacity, rng)
    ]

    def make(n: int) -> Any:
        from envs.simulator.vector import SimulatorVectorEnv  # compiles

        return SimulatorVectorEnv(spec, systems, n)

    return Worlds(make, make, range(HELD_OUT_SEED, HELD_OUT_SEED + schema.held_out_episodes))
