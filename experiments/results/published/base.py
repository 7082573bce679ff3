"""What an importer of other people's logs is, and what it makes of them: runs in the cells ours would be in.

An importer is a class with a `read`; `conf/published/NAME.yaml` names it by `_target_`. `ThesisCsv` is one.
"""

import math
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from hydra import compose
from hydra.errors import HydraException
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from envs.observe import qoe_by
from envs.reward import reward
from envs.spec import ElasticitySpec
from experiments.config.schemas import RunConfig, check_keys
from experiments.config.world_schemas import SimulatorSchema
from experiments.program.errors import ConfigError, blaming, sentence
from experiments.results.run_row import Row, made_row, stamp
from experiments.runs.identity import GROUPS
from experiments.runs.provenance import digest
from experiments.runs.record import RunStatus
from experiments.worlds.simulator import SimulatorPlan, plan_simulator
from pipeline.slos import RATIO_CAP, SloReading

PUBLISHED = "published"  # where ours say a commit
UNKNOWN = ("decision_ms", "learning_ms")  # no log of settings and SLOs tells how long an agent thought


class Importer(Protocol):
    """Reads logs of one format."""

    def read(self, path: Path) -> list[Row]:
        """Return every run of a log, or of a folder of logs, inside a `hydra.main` or an initialised Hydra.

        Raises:
            ConfigError: there is none, or it is not what it should be; the sentence names file and line.
        """
        ...


def from_published(published: DictConfig) -> list[Row]:
    """Return the runs that a configuration of the group `published` points to, inside a `hydra.main`.

    Args:
        published: `_target_`, `path`, and what the importer is made of.

    Raises:
        ConfigError: something in it is wrong, or the logs are.
    """
    with blaming("configuration"):
        check_keys(published, "published")
    values: dict[str, Any] = {str(name): value for name, value in published.items() if name != "path"}
    with blaming("published"):
        importer: Importer = instantiate(values)
    return importer.read(Path(published.path))


def published_row(agent: str, cell: tuple[str, ...], seed: int, trace: pd.DataFrame, source: Path) -> Row:
    """Return somebody else's run, of which nothing else is known, as one of ours.

    Args:
        agent: its name in our tables.
        cell: overrides of conf/config.yaml; with them our own run takes place in the same cell.
        seed: number of the run among those of its agent in its cell, from 0; logs seldom know their seed.
        trace: one row per step of that run. Columns as `experiments.runs.trace` has them, as far as
            `summarise` and `episode_of` ask for them; NaN where the log does not say.
        source: the log.
    """
    plan = plan_of(cell)
    config: Any = OmegaConf.to_container(OmegaConf.structured(plan.config), enum_to_str=True)
    facts = {
        **choices_of(cell),
        "agent": agent,
        "seed": seed,
        "spec_hash": plan.spec.hash,
        "config_hash": digest(config),
        "git_commit": PUBLISHED,
        "status": RunStatus.FINISHED,
    }
    return made_row(
        place=f"{source} (run {seed})",
        begun=stamp(source, str(source)),
        facts=facts,
        config={**config, "agent": {}},
        typed=lambda: plan.config,
        trace=lambda: trace,
    )


@cache
def choices_of(overrides: tuple[str, ...]) -> dict[str, str]:
    """Return the option of each group that a run of ours has with these overrides."""
    composed = compose("config", overrides=list(overrides), return_hydra_config=True)
    return {group: str(composed.hydra.runtime.choices[group]) for group in GROUPS}


@cache
def plan_of(overrides: tuple[str, ...]) -> SimulatorPlan:
    """Return our run in the cell that these overrides of conf/config.yaml name.

    Raises:
        ConfigError: there is no such cell, or it is not of the simulator.
    """
    named = " ".join(overrides)
    try:
        config = OmegaConf.to_object(compose("config", overrides=list(overrides)))
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(f"published: {named}: {sentence(error)}") from error
    assert isinstance(config, RunConfig)
    if not isinstance(config.env, SimulatorSchema):
        raise ConfigError(f"published: {named} must be a run of the simulator: say env=simulator too")
    try:
        return plan_simulator(config, config.env)
    except ConfigError as error:
        raise ConfigError(f"published: {named}: {error}") from error


# --- from settings and SLO ratios to a trace ---


def rescored(
    spec: ElasticitySpec, levels: NDArray[np.int64], ratios: NDArray[np.float64], interval_s: float
) -> pd.DataFrame:
    """Return the trace of a run that only its settings and SLO ratios are known of.

    What was delivered of a setting is not: it is taken as asked for, so that the QoE is the most that it can
    have been. Nor is the setting before the first step: it is taken to have been the same.

    Args:
        spec: names knobs and SLOs, and says what a level is worth and when an SLO is broken.
        levels: in force in each step, one index per knob, shape (n_steps, n_knobs), n_steps >= 1.
        ratios: at the end of each step, metric / threshold per SLO, >= 0, shape (n_steps, n_slos).
        interval_s: length of a step.

    Returns:
        Columns as `experiments.runs.trace.row_of` has them.
    """
    n_changed = np.count_nonzero(np.diff(levels, axis=0, prepend=levels[:1]), axis=1).tolist()
    capped, rows = np.minimum(ratios, RATIO_CAP).tolist(), []
    for step, (setting, found) in enumerate(zip(levels.tolist(), capped, strict=True)):
        readings = {
            slo.metric: SloReading(ratio=ratio, state=slo.classify(ratio), known=True)
            for slo, ratio in zip(spec.slos, found, strict=True)
        }
        delivered = [knob.value[level] for knob, level in zip(spec.knobs, setting, strict=True)]
        by = qoe_by(spec, setting, delivered, math.nan)
        quality = by[spec.quality]
        rows.append(
            {
                "step": step,
                "ended_s": (step + 1) * interval_s,
                "interval_s": interval_s,
                "qoe": quality,
                **{f"qoe_by.{measure}": value for measure, value in by.items()},
                "reward": reward(readings.values(), quality, n_changed[step], len(spec.knobs)),
                **dict.fromkeys(UNKNOWN, math.nan),
                **{f"action.{knob.name}": level for knob, level in zip(spec.knobs, setting, strict=True)},
                **{f"ratios.{name}": reading.ratio for name, reading in readings.items()},
                **{f"slos.{name}": int(reading.state) for name, reading in readings.items()},
            }
        )
    return pd.DataFrame(rows)


def rows_of_steps(n_rows: int, n_steps: int) -> NDArray[np.int64]:
    """Return which row of a log, from 0, was the latest one at the end of each step, shape (n_steps,).

    A log whose rows do not keep to our control intervals: they are taken to be spread evenly over the run.
    """
    ends = np.arange(1, n_steps + 1)
    return np.maximum(ends * n_rows // n_steps - 1, 0)
