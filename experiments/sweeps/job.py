"""The runs of a sweep, every combination of what is listed; and what a launcher's job does with some.

A job is done in whatever process on whatever host.
"""

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console

from agents.base import Agent
from experiments.config.composing import composed
from experiments.config.schemas import PipelineSchema
from experiments.display.views import View
from experiments.execution.execute import Ended, execute
from experiments.execution.resolve import ResolvedRun, resolve
from experiments.program.errors import ConfigError, ExecutionError, sentence
from experiments.runs.provenance import digest
from experiments.sweeps.place import Outcome, tell
from experiments.worlds.plan import show_world

logger = logging.getLogger(__name__)

LONG_NUMBER = re.compile(r"-?\d+\.\d{12,}(e-?\d+)?")  # range(0.1,0.4,0.1) yields 0.30000000000000004
SEED = "seed"
CANNOT_BEGIN = (ConfigError, ExecutionError, HydraException, OmegaConfBaseException)


@dataclass(frozen=True, slots=True)
class Run:
    """One of a sweep's.

    Attributes:
        number: from 0, in the sweep's order.
        point: overrides that make it, without the seed.
        seed: 0 or more; None = the configuration's own.
    """

    number: int
    point: tuple[str, ...]
    seed: int | None

    @property
    def overrides(self) -> list[str]:
        """All."""
        return [*self.point] if self.seed is None else [*self.point, f"{SEED}={self.seed}"]

    @property
    def title(self) -> str:
        """For people."""
        return " ".join(self.overrides)


def combinations(arguments: Sequence[str], loader: ConfigLoader | None) -> list[Run]:
    """All runs of `agent=aif,rule seed=range(3)` and the like; the last varies fastest.

    Args:
        arguments: as they were typed.
        loader: Hydra's, which knows what `hardware=glob(*)` stands for.

    Raises:
        ConfigError: a seed that is none.
        HydraException: what cannot be read.
    """
    parsed = OverridesParser.create(config_loader=loader).parse_overrides(list(arguments))
    (all_,) = BasicSweeper.split_arguments(parsed, None)
    return [run_of(number, overrides) for number, overrides in enumerate(all_)]


def run_of(number: int, overrides: Sequence[str]) -> Run:
    """Return a run with its seed apart, and numbers as they were meant. Raises ConfigError."""
    overrides = [LONG_NUMBER.sub(lambda found: f"{float(found[0]):.12g}", text) for text in overrides]
    seeds = [text.partition("=")[2] for text in overrides if text.startswith(f"{SEED}=")]
    point = tuple(text for text in overrides if not text.startswith(f"{SEED}="))
    if seeds and not seeds[-1].isdecimal():
        raise ConfigError(f"seed: expected whole numbers >= 0, got {seeds[-1]!r}")
    return Run(number, point, int(seeds[-1]) if seeds else None)


def by_point(runs: Iterable[Run]) -> dict[tuple[str, ...], list[Run]]:
    """Runs that differ only in their seed together."""
    points: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        points.setdefault(run.point, []).append(run)
    return points


# --- what plays them ---


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
