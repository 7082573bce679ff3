"""Which setting is best on each hardware profile by a sum over knobs, and which by what is found.

Every setting is held still in the simulator, on streams of the procedural traffic scene, and the best is the
one of the highest mean reward. Streaming F1 of both is shown: what a sum over knobs prizes where hardware is
weak is a picture in which little is found. F1 of grade n is measured (conf/accuracy/traffic.yaml), what s and m
miss is scaled.
"""

import argparse
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from hydra import initialize_config_dir
from rich.console import Console

from benchmarks.options import positive
from benchmarks.report import table
from benchmarks.system import CONF
from envs.simulator.fleet import Fleet
from envs.simulator.verdicts import QUALITIES
from envs.spec import Quality
from experiments.config.composing import composed
from experiments.execution.resolve import resolve
from experiments.program.formatting import setting_text
from experiments.worlds.simulator import SimulatorPlan

HELP = "the best setting by the knobs and by what is found, on each hardware profile"
PROFILES = (
    *("single_rpi5", "rpi5", "edge_mixed_2", "edge_mixed_4", "edge_mixed_8", "laptop_cpu"),
    *("jetson_orin_nano_super_pytorch", "jetson_orin_nano_super", "jetson_orin_nx"),
)
LADDERS = {"n": "n (measured)", "n,s,m": "n, s, m (misses scaled)"}
SETTLED = 10  # intervals that a setting is held for before it counts


class Best(NamedTuple):
    """The best setting by a measure, in words, and its streaming F1."""

    setting: str
    f1: float


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the benchmark's own flags."""
    help_steps = "intervals that each setting is held for (default: %(default)s)"
    parser.add_argument("--steps", type=positive(int), default=60, metavar="N", help=help_steps)
    help_streams = "that all workers share (default: %(default)s)"
    parser.add_argument("--streams", type=positive(int), default=3, metavar="N", help=help_streams)
    parser.add_argument("--slo", default="default", help="of conf/slo (default: %(default)s)")


def run(options: argparse.Namespace, console: Console) -> Mapping[str, float]:
    """Print a table per ladder of grades; returns the F1 of every best setting."""
    figures: dict[str, float] = {}
    for grades, words in LADDERS.items():
        rows = []
        for profile in PROFILES:
            found = {by: best(profile, grades, by, options) for by in ("knobs", "accuracy")}
            cells = [cell for one in found.values() for cell in (one.setting, f"{one.f1:.2f}")]
            rows.append([profile, *cells])
            figures |= {f"{profile}.{grades}.{by}.f1": one.f1 for by, one in found.items()}
        columns = ("best by the knobs", "F1", "best by what is found", "F1")
        console.print(table(f"grades {words}", columns, rows))
    return figures


def best(profile: str, grades: str, by: str, options: argparse.Namespace) -> Best:
    """Hold every setting of a profile still."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        words = ["env=simulator", f"hardware={profile}", f"qoe={by}", f"slo={options.slo}", "agent=random"]
        words += [f"detector.grades=[{grades}]", f"env.steps={options.steps}"]
        cfg, choices = composed([*words, f"scenario.streams={options.streams}"])
        plan = resolve(cfg, choices, Console(quiet=True)).plan
    assert isinstance(plan, SimulatorPlan)
    settings = np.array(list(np.ndindex(*plan.spec.n_levels)), np.int64)
    fleet = Fleet(plan.spec, [plan.system], len(settings))
    for i in range(len(settings)):
        fleet.begin(i, np.random.default_rng(0), 0)
    rewards, f1 = np.zeros(len(settings)), np.zeros(len(settings))
    for step in range(options.steps):
        fleet.step(settings)
        if step >= SETTLED:
            rewards += fleet.verdicts["reward"]
            f1 += fleet.verdicts["qoe_by"][:, QUALITIES.index(Quality.F1)]
    chosen, n = int(rewards.argmax()), max(options.steps - SETTLED, 1)
    return Best(setting_text(plan.spec, settings[chosen].tolist()), float(f1[chosen] / n))
