"""Trained weights are fetched before a run is planned: whether there are any decides how it can be judged."""

from collections.abc import Callable
from pathlib import Path

from experiments.config.schemas import RunConfig
from experiments.config.world_schemas import PipelineSchema
from experiments.program.errors import blaming
from experiments.runs.provenance import sha256
from experiments.worlds.builders import grades_and_weights, hardware_of
from pipeline.worker.weights import TASKS, WeightsFinder, are_at_hand, ultralytics_download, weights_path
from pipeline.worker.workloads import quiet_ultralytics


def fetch_weights(
    config: RunConfig, fetch: Callable[[Path], object] = ultralytics_download
) -> dict[str, str]:
    """Download what workers that compute here will ask for; what cannot be had is logged.

    Args:
        config: of the run.
        fetch: downloads to the path it is given.

    Returns:
        SHA-256 of the trained weights that they have, by grade.

    Raises:
        ConfigError: hardware or detector are wrong.
    """
    env, work_type = config.env, config.detector.work_type
    if not isinstance(env, PipelineSchema) or env.control or env.emulate or work_type not in TASKS:
        return {}
    with blaming("hardware"):
        if not hardware_of(config.hardware).is_native:
            return {}
    with blaming("detector"):
        grades, given = grades_and_weights(config.detector)
    missing = [grade for grade in grades if not are_at_hand(work_type, grade, given.get(grade))]
    if missing:
        finder = WeightsFinder(fetch)
        with quiet_ultralytics():  # its folder
            for grade in missing:
                finder.find(work_type, grade, None)
    paths = {grade: weights_path(work_type, grade, given.get(grade)) for grade in grades}
    return {grade: sha256(path) for grade, path in paths.items() if path.exists()}
