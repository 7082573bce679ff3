"""The three worlds of one configuration and one profile: native, emulated, simulated."""

import dataclasses
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from envs.hardware import Hardware
from envs.spec import ElasticitySpec
from experiments.calibration.profile import scaled
from experiments.calibration.schema import CalibrateConfig
from experiments.config.world_schemas import HardwareSchema, PipelineSchema, SimulatorSchema
from experiments.worlds.pipeline import PipelinePlan, plan_pipeline
from experiments.worlds.simulator import SimulatorPlan, plan_simulator
from pipeline.settings import Ladders


class World(StrEnum):
    """Where a pipeline runs."""

    NATIVE = "native"  # workers compute
    EMULATED = "emulated"  # workers sleep the profile's service times
    SIMULATED = "simulated"  # nothing runs at all


@dataclasses.dataclass(frozen=True, slots=True)
class Worlds:
    """Plans of one stream in its worlds.

    Attributes:
        ladders: of the stream.
        profile: of the hardware.
        plans: the real pipeline's, by world.
        simulator: the simulator's.
    """

    ladders: Ladders
    profile: Hardware
    plans: dict[World, PipelinePlan]
    simulator: SimulatorPlan

    @property
    def spec(self) -> ElasticitySpec:
        """What agents see; the same in every world."""
        return self.simulator.spec

    def make_env(
        self,
        world: World,
        directory: Path,
        say: Callable[[str], None],
        speed_factor: float = 1.0,
        decision_ms: float = 0.0,
    ) -> Any:
        """The environment of a world.

        Args:
            directory: for the programs' logs.
            say: told what start-up waits for.
            speed_factor: of the service times, where they are the profile's and not this machine's own.
            decision_ms: that the simulated agent takes; elsewhere it takes its own time.
        """
        if world is World.NATIVE:
            return self.plans[world].make_env(directory, say)
        if world is World.EMULATED:
            plan = self.plans[world]
            return dataclasses.replace(plan, hardware=scaled(plan.hardware, speed_factor)).make_env(
                directory, say
            )
        system = dataclasses.replace(
            self.simulator.system,
            hardware=scaled(self.simulator.system.hardware, speed_factor),
            decision_ms=decision_ms,
        )
        return dataclasses.replace(self.simulator, system=system).make_env(directory, say)


def with_profile(config: CalibrateConfig, path: Path) -> CalibrateConfig:
    """The configuration with the hardware that a file describes. Raises OSError, or what OmegaConf raises."""
    schema = OmegaConf.merge(OmegaConf.structured(HardwareSchema), OmegaConf.load(path))
    hardware = OmegaConf.to_object(schema)
    assert isinstance(hardware, HardwareSchema), "it was merged into one"
    return dataclasses.replace(config, hardware=hardware)


def worlds_of(
    config: CalibrateConfig,
    names: Sequence[World],
    steps: int,
    initial_levels: Sequence[int] | None = None,
    fps_levels: Sequence[float] = (),
) -> Worlds:
    """Plans of these worlds, for episodes of so many steps.

    Args:
        config: its env must be that of the pipeline; the simulator takes from it what it needs.
        fps_levels: ladder instead of the configured one; empty = that.

    Raises:
        ConfigError: something cannot be carried out; hardware that no world can compute with, for one.
        ValueError: the configured world is not the pipeline.
    """
    env = config.env
    if not isinstance(env, PipelineSchema):
        raise ValueError("calibration compares the worlds by itself: leave env=pipeline")
    initial = None if initial_levels is None else list(initial_levels)
    env = dataclasses.replace(env, steps=steps, initial_levels=initial)
    if fps_levels:
        config = dataclasses.replace(
            config, video=dataclasses.replace(config.video, fps_levels=list(fps_levels))
        )
    plans = {
        world: plan_pipeline(config, dataclasses.replace(env, emulate=world is World.EMULATED))
        for world in names
        if world is not World.SIMULATED
    }
    shared = {
        field.name: getattr(env, field.name)
        for field in dataclasses.fields(SimulatorSchema)
        if hasattr(env, field.name)
    }
    simulator = plan_simulator(config, SimulatorSchema(**shared, decision_ms=0.0))
    system = simulator.system
    return Worlds(system.ladders, system.hardware, plans, simulator)
