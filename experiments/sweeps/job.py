"""What a launcher's job does, in whatever process on whatever host: it plays some runs of a sweep."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console

from agents.base import Agent
from experiments.config.composing import composed
from experiments.config.world_schemas import PipelineSchema
from experiments.display.views import View
from experiments.execution.execute import Ended, execute
from experiments.execution.resolve import ResolvedRun, resolve
from experiments.program.errors import ConfigError, ExecutionError, sentence
from experiments.runs.provenance import digest
from experiments.sweeps.combinations import Run, by_point
from experiments.sweeps.place import Outcome, tell
from experiments.worlds.plan import show_world

logger = logging.getLogger(__name__)

CANNOT_BEGIN = (ConfigError, ExecutionError, HydraException, OmegaConfBaseException)


@dataclass(frozen=True, slots=True)
class Jobs:
    """The task that launchers carry out; it can be sent to other processes.

    Attributes:
        runs: of each job, by its number.
        outcomes: the folder that hears what came of them.
        sweep: id of the sweep, which follows them all into MLflow.
    """

    runs: Sequence[Sequence[Run]]
    outcomes: Path
    sweep: str

    def __call__(self, cfg: DictConfig) -> None:
        """Play the runs of the job that this is; one that fails is told, and takes no other with it."""
        for runs in by_point(self.runs[HydraConfig.get().job.num]).values():
            try:
                resolved = resolve(*composed(runs[0].overrides), Console(quiet=True))
            except CANNOT_BEGIN as error:
                tell_not_begun(self.outcomes, runs, error)
                continue
            for run in runs:
                try:
                    self._play(run, resolved if run.seed is None else resolved.under_seed(run.seed))
                except Exception as error:  # whatever it is, it is the end of this run only
                    logger.info("%s", run.title, exc_info=error)
                    tell_not_begun(self.outcomes, [run], error)

    def _play(self, run: Run, resolved: ResolvedRun) -> None:
        config, identity = resolved.plan.config, replace(resolved.identity, origin={"sweep": self.sweep})
        is_real, wanted = isinstance(config.env, PipelineSchema), config.output.picture
        ended = play_run(replace(resolved, identity=identity), is_real if wanted is None else wanted)
        tell(self.outcomes, Outcome(run.number, identity.name, ended.directory.name, ended.error))
        if ended.interruption is not None:
            raise ended.interruption


def play_run(resolved: ResolvedRun, draws: bool = False) -> Ended:
    """Play one of many runs, and show nothing. Raises ConfigError, OSError.

    The last agent is kept: to make one and to compile it takes far longer than to reset it.
    """
    values = OmegaConf.to_container(resolved.agent, resolve=True, enum_to_str=True)
    made_of = {"values": values, "spec": resolved.plan.spec.hash, "code": resolved.identity.code_hash}
    agents, known_by = kept(), digest(made_of)
    if (agent := agents.get(known_by)) is None:
        agents.clear()
        agent = agents[known_by] = resolved.make_agent()
    else:
        show_world(agent, resolved.plan)
    ended = execute(resolved.plan, agent, resolved.identity, None, draws, View(), Console(quiet=True))
    if ended.cause is not None:
        agents.clear()  # who knows what state it is in
    return ended


@cache
def kept() -> dict[str, Agent]:
    """Return the last agent of this process, which may be given many jobs, by what it is made of."""
    return {}


def tell_not_begun(outcomes: Path, runs: Sequence[Run], error: BaseException) -> None:
    """Leave word of runs that could not begin."""
    for run in runs:
        tell(outcomes, Outcome(run.number, run.title, error=sentence(error)))
