"""What a run finds on this machine: what `hardware=local` was measured to take, and trained weights."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from experiments.config.composing import option
from experiments.config.schemas import HardwareSchema, PipelineSchema, RunConfig
from experiments.program.console import say
from experiments.program.errors import blaming
from experiments.runs.provenance import machine, machine_text, sha256
from experiments.worlds.builders import grades_and_weights, hardware_of
from pipeline.worker.weights import TASKS, WeightsFinder, are_at_hand, ultralytics_download, weights_path
from pipeline.worker.workloads import quiet_ultralytics

LOCAL, STAND_IN = "local", "epyc_2cores"  # options of hardware
CHOSEN = ("count", "native", "pinned", "threads", "capacity")  # of a device, which no measurement tells


def own_profile(results: Path) -> Path:
    """Return where the profile of a machine like this one lies, or is to lie."""
    name = re.sub(r"[^a-z0-9]+", "-", machine_text(machine()).lower()).strip("-")
    return results / "hardware" / f"{name}.yaml"


def with_own_hardware(
    cfg: DictConfig, choices: Mapping[str, str], console: Console
) -> tuple[DictConfig, dict[str, str]]:
    """Return a configuration with what its workers take on this machine, where it asks for `hardware=local`.

    Where nobody has measured that, workers that compute go without, and those that do not are the stand-in's:
    choices name it then, and the console is told. Raises OSError, OmegaConfBaseException: the profile cannot
    be read.
    """
    devices = cfg.hardware.devices
    if choices["hardware"] != LOCAL or len(devices) != 1 or devices[0].times:
        return cfg, dict(choices)
    path, chosen = own_profile(Path(cfg.results)), dict(choices)
    if path.is_file():
        found = OmegaConf.load(path)
    elif OmegaConf.get_type(cfg.env) is PipelineSchema and not cfg.env.emulate:
        return cfg, chosen
    else:
        measure = "python -m experiments.calibrate hardware=local"
        say(console, f"{STAND_IN} stands in for this machine, which nobody has measured ({measure})")
        found, chosen["hardware"] = option("hardware", STAND_IN), STAND_IN
    cfg, profile = cfg.copy(), OmegaConf.merge(OmegaConf.structured(HardwareSchema), found)
    (device,), (measured,) = cfg.hardware.devices, profile.devices
    device.update({name: measured[name] for name in measured if name not in CHOSEN})
    cfg.hardware.host = profile.host
    return cfg, chosen


def fetch_weights(
    config: RunConfig, fetch: Callable[[Path], object] = ultralytics_download
) -> dict[str, str]:
    """Return SHA-256, by grade, of the trained weights that workers which compute here will ask for.

    Those that are missing are downloaded first, by `fetch` to a path; what cannot be had is logged. Raises
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
    if missing := [grade for grade in grades if not are_at_hand(work_type, grade, given.get(grade))]:
        finder = WeightsFinder(fetch)  # one failure is enough for it
        with quiet_ultralytics():  # its folder
            for grade in missing:
                finder.find(work_type, grade, None)
    paths = {grade: weights_path(work_type, grade, given.get(grade)) for grade in grades}
    return {grade: sha256(path) for grade, path in paths.items() if path.exists()}
