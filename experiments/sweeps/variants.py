"""Who takes part in a study: agents of conf/agent, some of their values changed."""

from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from experiments.config.composing import agent_values
from experiments.config.programs import StudySchema, VariantSchema
from experiments.program.errors import ConfigError, sentence
from experiments.statistics.scores import ORACLE, RANDOM


@dataclass(frozen=True)
class AgentVariant:
    """An agent under the name that it has in tables.

    Attributes:
        name: its own.
        agent: its file in conf/agent.
        values: what the agent is made of.
    """

    name: str
    agent: str
    values: DictConfig


def variants_of(schema: StudySchema, results: str) -> dict[str, AgentVariant]:
    """Return the agents of a study by name, random and oracle among them, which scores are measured by.

    Inside a `hydra.main` or an initialised Hydra.

    Args:
        schema: of the study.
        results: the folder that checkpoints are in.

    Raises:
        ConfigError: an entry is not as VariantSchema says, names an agent or a value that there is not, or
            takes the name of random or oracle for another; or nobody is the reference.
    """
    entries = {name: entry_of(name, entry) for name, entry in schema.agents.items()}
    if not entries:
        raise ConfigError("agents: a study needs at least one agent, got none")
    for name in (RANDOM, ORACLE):
        entry = entries.setdefault(name, VariantSchema())
        if entry.agent not in ("", name) or entry.overrides:
            raise ConfigError(f"agents.{name} is what scores are measured by: give a variant another name")
    if schema.reference not in schema.agents:
        raise ConfigError(
            f"reference must be one of the agents, {', '.join(schema.agents)}, got {schema.reference!r}"
        )
    return {
        name: AgentVariant(
            name,
            entry.agent or name,
            agent_values(entry.agent or name, results, f"agents.{name}", entry.overrides),
        )
        for name, entry in entries.items()
    }


def entry_of(name: str, entry: Any) -> VariantSchema:
    """Return an entry of a roster with its types. Raises ConfigError."""
    try:
        found = OmegaConf.to_object(OmegaConf.merge(VariantSchema, entry or {}))
    except (OmegaConfBaseException, ValueError) as error:
        raise ConfigError(f"agents.{name}: {sentence(error)}") from error
    assert isinstance(found, VariantSchema)
    return found
