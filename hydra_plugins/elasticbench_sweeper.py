"""Hydra's door to `experiments.sweeps`: Hydra finds sweepers in packages of this name only."""

from collections.abc import Sequence
from typing import Any

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class ResumingSweeper(Sweeper):
    """Every combination of what is listed, but what has been finished before.

    Args:
        runs_per_job: how many runs a launcher's job plays one after the other, >= 1; they share what it takes
            to start a process, to import and to compile.
    """

    def __init__(self, runs_per_job: int) -> None:
        self._runs_per_job = runs_per_job

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Called by Hydra; its task function is left alone, for launchers could not send it elsewhere."""
        self.hydra_context, self.config = hydra_context, config

    def sweep(self, arguments: list[str]) -> Any:
        """Called by Hydra with what is listed."""
        from experiments.sweeps.conduct import conduct  # not at Hydra's every start

        assert self.config is not None and self.hydra_context is not None
        conduct(self.config, arguments, self.hydra_context.config_loader, self._runs_per_job, self._launch)

    def _launch(self, task: TaskFunction, jobs: Sequence[Sequence[str]]) -> list[Exception | None]:
        assert self.config is not None and self.hydra_context is not None
        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=self.hydra_context, task_function=task, config=self.config
        )
        return [raised_in(job) for job in launcher.launch(jobs, initial_job_idx=0)]


def raised_in(job: JobReturn) -> Exception | None:
    """Return what a job raised, if it did."""
    try:
        _ = job.return_value
    except Exception as error:
        return error
    return None
