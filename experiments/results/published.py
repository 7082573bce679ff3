"""Results that others published: their logs become runs of ours, scored by our definitions.

An importer of logs of one format is a class with a `read(path)`, which returns a row for each run of a log,
or of a folder of logs, and raises ConfigError by file and line; `conf/published/NAME.yaml` names it.
"""

import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hydra.errors import HydraException
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from envs.observe import qoe_by
from envs.reward import reward
from envs.spec import ElasticitySpec
from experiments.config.composing import composed
from experiments.config.schemas import RunConfig, check_keys
from experiments.config.world_schemas import SimulatorSchema
from experiments.program.errors import ConfigError, blaming, sentence
from experiments.results.run_row import Row, made_row, stamp
from experiments.runs.provenance import digest
from experiments.runs.record import RunStatus
from experiments.worlds.simulator import SimulatorPlan, plan_simulator
from pipeline.slos import RATIO_CAP, SloReading

PUBLISHED = "published"  # where ours say a commit


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
        importer = instantiate(values)
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
    plan, choices = our_run(cell)
    config: Any = OmegaConf.to_container(OmegaConf.structured(plan.config), enum_to_str=True)
    own = {"agent": agent, "seed": seed, "spec_hash": plan.spec.hash, "config_hash": digest(config)}
    return made_row(
        place=f"{source} (run {seed})",
        begun=stamp(source, str(source)),
        facts={**choices, **own, "git_commit": PUBLISHED, "status": RunStatus.FINISHED},
        config={**config, "agent": {}},
        typed=lambda: plan.config,
        trace=lambda: trace,
    )


@cache
def our_run(overrides: tuple[str, ...]) -> tuple[SimulatorPlan, Mapping[str, str]]:
    """Plan our run in the cell that these overrides of conf/config.yaml name; return also its options.

    Raises:
        ConfigError: there is no such cell, or it is not of the simulator.
    """
    try:
        cfg, choices = composed(overrides)
        config = OmegaConf.to_object(cfg)
        assert isinstance(config, RunConfig)
        if not isinstance(config.env, SimulatorSchema):
            raise ConfigError("must be a run of the simulator: say env=simulator too")
        return plan_simulator(config, config.env), choices
    except (HydraException, OmegaConfBaseException, ConfigError) as error:
        raise ConfigError(f"published: {' '.join(overrides)}: {sentence(error)}") from error


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
                **dict.fromkeys(("decision_ms", "learning_ms"), math.nan),  # no log tells them
                **{f"action.{knob.name}": level for knob, level in zip(spec.knobs, setting, strict=True)},
                **{f"ratios.{name}": reading.ratio for name, reading in readings.items()},
                **{f"slos.{name}": int(reading.state) for name, reading in readings.items()},
            }
        )
    return pd.DataFrame(rows)
