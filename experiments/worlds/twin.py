"""The simulated twin of a run: where the future can be calculated, for those agents that look into it."""

from collections.abc import Callable
from pathlib import Path

from agents.base import Agent
from agents.clairvoyant import Clairvoyant
from experiments.config.world_schemas import PipelineSchema, SimulatorSchema
from experiments.program.errors import ConfigError, blaming
from experiments.worlds.run_spec import Plan


def twin_of(plan: Plan) -> Plan:
    """The same run in the simulator, where thinking takes no time; what is not of the pipeline is its own.

    Raises:
        ConfigError: the pipeline runs elsewhere, or the simulator cannot have its like.
    """
    env = plan.config.env
    if not isinstance(env, PipelineSchema):
        return plan
    if env.control:
        raise ConfigError("env.control: a pipeline that runs already has no simulated twin")
    from experiments.worlds.simulator import plan_simulator

    return plan_simulator(plan.config, simulated(env))


def simulated(env: PipelineSchema) -> SimulatorSchema:
    """The simulator's options where the pipeline has these."""
    return SimulatorSchema(
        steps=env.steps,
        control_interval_s=env.control_interval_s,
        initial_levels=env.initial_levels,
        queue_policy=env.queue_policy,
        queue_bound_s=env.queue_bound_s,
        memory_budget_mb=env.memory_budget_mb,
        decision_ms=0.0,
    )


def show_world(agent: Agent, plan: Plan, say: Callable[[str], None]) -> None:
    """Show the run's world, or its twin, to an agent that must see it before its first episode.

    Raises:
        ConfigError: there is none that can be calculated in advance.
    """
    if isinstance(agent, Clairvoyant):
        with blaming("agent"):
            agent.look(twin_of(plan).make_env(Path(), say))
