"""Runs that others published, in the cells in which ours would be."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

from hydra import compose
from omegaconf import DictConfig, OmegaConf

from experiments.results.published.base import PublishedRun, read_published
from experiments.results.run_row import Candidate
from experiments.runs.identity import GROUPS
from experiments.runs.provenance import digest
from experiments.runs.record import RunStatus

PUBLISHED = "published"  # where ours say a commit


def from_published(published: DictConfig) -> list[Candidate]:
    """Every run that an importer's configuration points to, inside a `hydra.main`. Raises ConfigError."""
    return [candidate_of(run) for run in read_published(published)]


def candidate_of(run: PublishedRun) -> Candidate:
    """A published run, under its own name for its agent, of which nothing else is known."""
    config: dict[str, Any] = OmegaConf.to_container(  # type: ignore[assignment]
        OmegaConf.structured(run.config), enum_to_str=True
    )
    choices = choices_of(run.cell_overrides)
    written = datetime.fromtimestamp(run.source.stat().st_mtime, UTC).astimezone()
    return Candidate(
        place=f"{run.source} (run {run.seed})",
        begun=f"{written:%Y%m%d-%H%M%S}-{run.source}",
        facts={
            **choices,
            "agent": run.agent,
            "seed": run.seed,
            "spec_hash": run.plan.spec.hash,
            "config_hash": digest(config),
            "git_commit": PUBLISHED,
            "status": RunStatus.FINISHED,
            "error": "",
        },
        config={**config, "agent": {}},
        typed=lambda: run.config,
        trace=lambda: run.trace,
    )


@cache
def choices_of(overrides: tuple[str, ...]) -> dict[str, str]:
    """The option of each group that a run of ours has with these overrides."""
    composed = compose("config", overrides=list(overrides), return_hydra_config=True)
    return {group: str(composed.hydra.runtime.choices[group]) for group in GROUPS}
