"""Who takes part in an evaluation: agents of conf/agent, some values changed, and trained if need be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hydra import compose
from hydra.errors import HydraException, MissingConfigException
from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console

from agents.base import Agent
from agents.clairvoyant import Clairvoyant
from envs.spec import ElasticitySpec
from experiments.config.agents import make_agent, typed_values
from experiments.program.errors import ConfigError, sentence
from experiments.runs.code_hash import source_hash
from experiments.runs.provenance import digest, file_hash
from experiments.studies.cells import Cell
from experiments.studies.schema import EntrantSchema
from experiments.training.first_use import ready


@dataclass(frozen=True)
class Entrant:
    """An agent under the name that it has in tables.

    Attributes:
        name: its own.
        agent: its file in conf/agent.
        values: what the agent is made of.
    """

    name: str
    agent: str
    values: DictConfig

    @property
    def is_clairvoyant(self) -> bool:
        """Whether it looks into the world, and has nothing else to prepare."""
        return issubclass(get_class(self.values["_target_"]), Clairvoyant)

    @cached_property
    def identity(self) -> str:
        """Changes with its values, its checkpoint and its code."""
        values = OmegaConf.to_container(self.values, resolve=True, enum_to_str=True)
        path = self.values.get("checkpoint")
        checkpoint = file_hash(Path(path)) if path and Path(path).is_file() else ""
        module = str(self.values["_target_"]).rpartition(".")[0]
        return digest({"values": values, "checkpoint": checkpoint, "sources": source_hash(module)})

    def make(self, spec: ElasticitySpec) -> Agent:
        """The agent. Raises ConfigError."""
        return make_agent(self.values, spec, f"agents.{self.name}")


def entrants_of(schemas: Mapping[str, EntrantSchema], results: str) -> list[Entrant]:
    """By the roster, in its order, inside a `hydra.main` or an initialised Hydra.

    Args:
        schemas: of the roster.
        results: the folder that checkpoints are in.

    Raises:
        ConfigError: an agent that there is not, or values that it does not have.
    """
    if not schemas:
        raise ConfigError("agents: an evaluation needs at least one agent, got none")
    return [
        entrant_of(name, schema.agent or name, schema.overrides, results) for name, schema in schemas.items()
    ]


def entrant_of(name: str, agent: str, overrides: Mapping[str, Any], results: str) -> Entrant:
    """The agent of conf/agent/AGENT.yaml with these values changed. Raises ConfigError."""
    try:
        whole = compose(f"agent/{agent}", overrides=[f"+results={results}"])
        OmegaConf.resolve(whole)
        values = OmegaConf.merge(whole["agent"], dict(overrides))
    except MissingConfigException as error:
        raise ConfigError(f"agents.{name}: there is no conf/agent/{agent}.yaml") from error
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(f"agents.{name}: {sentence(error)}") from error
    assert isinstance(values, DictConfig)
    return Entrant(name, agent, typed_values(values, f"agents.{name}"))


def trained(
    entrant: Entrant, cells: Sequence[Cell], training: str | None, console: Console, live: bool | None
) -> dict[str, Entrant]:
    """By the spec's hash of each cell: the entrant with a checkpoint for it, which may take a training.

    Raises:
        ConfigError, TrainingError, KeyboardInterrupt: as `first_use.ready`.
    """
    needs = {cell.spec.hash: (cell.twin, cell.training or training) for cell in cells}
    return {
        spec: Entrant(
            entrant.name,
            entrant.agent,
            ready(entrant.agent, entrant.values, plan, own_training, console, live),
        )
        for spec, (plan, own_training) in needs.items()
    }
