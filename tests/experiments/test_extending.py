"""Somebody else's agent, hardware, scenario, stream and SLOs, as a user adds them: nothing of ours is edited.

The template of examples/ lies in a folder of its own and is not installed; programs find it by PYTHONPATH.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console

from experiments.config.composing import register
from experiments.config.programs import StudyConfig
from experiments.config.schemas import CONF
from experiments.execution.resolve import resolve
from experiments.program.errors import ConfigError, sentence
from experiments.runs.provenance import GROUPS, imports_of, source_hash, source_of
from experiments.runs.trace import read_trace
from experiments.sweeps.pool import play_run
from experiments.sweeps.study import Resolver, cells_of, variants_of

ROOT = CONF.parent
TEMPLATE = ROOT / "examples" / "elastic_extras"
THEIRS = ("hardware=pocket_pair", "scenario=rush_hour", "video=panorama", "slo=fresh")
SIMULATED = ("env=simulator", "env.steps=12")
CUSTOM = ("agent=custom", "agent._target_=elastic_extras.agent.Proportional")
ERRORS = (ConfigError, HydraException, OmegaConfBaseException)  # that our programs end with one sentence


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    """A user's copy of the template, outside of our tree."""
    folder = tmp_path_factory.mktemp("theirs") / "elastic_extras"
    shutil.copytree(TEMPLATE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture
def run(package, tmp_path) -> Callable[..., tuple[int, str]]:
    """`experiments.run` in the user's folder, leaving nothing but files: its exit code, and what it said."""

    def run(*words: str) -> tuple[int, str]:
        quiet = ("live=false", "output.mlflow=false", "output.picture=false", f"results={tmp_path}")
        done = subprocess.run(
            [sys.executable, "-m", "experiments.run", "--config-dir", "elastic_extras/conf", *words, *quiet],
            cwd=package,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(package), str(ROOT)])},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=100,
        )
        return done.returncode, done.stdout

    return run


@pytest.fixture
def theirs(package, monkeypatch) -> str:
    """The override that adds the user's configuration in this process, where their package is found too."""
    monkeypatch.syspath_prepend(str(package))
    return f"hydra.searchpath=[file://{package / 'elastic_extras' / 'conf'}]"


@pytest.fixture
def arranged(theirs) -> Callable[..., Any]:
    """A simulated run that could begin; in this process, for that is quicker."""
    register()
    choices = dict.fromkeys(GROUPS, "x") | {"env": "simulator"}

    def arranged(*words: str) -> Any:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            cfg = compose("config", [theirs, *SIMULATED, "agent=rule", "hardware=rpi5", *words])
            return resolve(cfg, choices, Console(quiet=True))

    return arranged


def runs(tmp_path: Path) -> dict[str, pd.DataFrame]:
    """The traces that are there, by the names of their runs' directories without the time."""
    found = sorted((tmp_path / "main").glob("*/trace.parquet"))
    return {path.parent.name.split("-", 2)[2]: read_trace(path.parent) for path in found}


# --- runs ---


@pytest.mark.real
def test_a_sweep_takes_agent_hardware_scenario_stream_and_slos_of_their_own(run, tmp_path):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    sweep = ("-m", "hydra/launcher=joblib", "agent=proportional,random", "hardware=glob(pocket*)")
    code, said = run(*sweep, *THEIRS[1:], *SIMULATED)
    assert code == 0, said
    found = runs(tmp_path)
    assert set(found) == {f"{agent}-pocket_pair-rush_hour-s0" for agent in ("proportional", "random")}
    trace = found["proportional-pocket_pair-rush_hour-s0"]
    assert len(trace) == 12
    assert "explain.position" in trace
    assert 2 in set(trace["streams"])
    assert "ratios.latency_p95_ms" in trace and "ratios.memory_usage" not in trace


@pytest.mark.real
def test_the_real_pipeline_shows_their_stream(run, tmp_path):
    code, said = run("agent=proportional", *THEIRS, "env.steps=10", "env.control_interval_s=0.3")
    assert code == 0, said
    summary = json.loads(next(tmp_path.rglob("summary.json")).read_text())
    assert (summary["status"], summary["steps"], summary["weights"]) == ("FINISHED", 10, "emulated")
    assert (summary["agent"], summary["video"]) == ("proportional", "panorama")
    assert summary["frames"]["delivered"] > 0
    assert next(tmp_path.rglob("output.mp4")).stat().st_size > 1000


def test_a_class_without_a_file_is_said_on_the_command_line(arranged):
    stream = ("video=custom", "video.factory=elastic_extras.stream.Panorama", "+video.arguments.fps=12.0")
    run = arranged(*CUSTOM, "+agent.gain=0.1", "+agent.target=0.7", *stream)
    assert type(run.make_agent()).__name__ == "Proportional"
    assert run.plan.system.source_fps == 12.0


@pytest.mark.parametrize(
    ("length_s", "known_s"),
    [(4.5, 4.5), (12.5, 0.0)],  # of 12 s: what lasts longer than the run may be endless
)
def test_the_simulator_knows_how_long_their_stream_lasts(length_s, known_s, arranged):
    system = arranged("video=panorama", f"+video.arguments.length_s={length_s}").plan.system
    assert system.source_length_s == pytest.approx(known_s, abs=1 / 30)
    assert (system.source_size, system.source_fps) == ((640, 360), 30.0)


# --- studies ---


def test_a_study_has_their_agent_in_its_roster_and_their_world_in_its_cells(package, theirs, tmp_path):
    short = [f"study.cells.extras.{words}" for words in ("steps=12", "seeds=1", "slos=[fresh]")]
    both = tmp_path / "conf"  # what `--config-dir` puts side by side, for every file that is named later
    for folder in (CONF, package / "elastic_extras" / "conf"):
        shutil.copytree(folder, both, dirs_exist_ok=True)
    register()
    with initialize_config_dir(str(both), version_base="1.3"):
        config = OmegaConf.to_object(compose("study", ["study=extras", *short, f"results={tmp_path}"]))
        assert isinstance(config, StudyConfig) and config.study is not None
        eager = variants_of(config.study, config.results)["proportional-eager"]
        cells = {cell.name: cell for cell in cells_of(config.study, config.env)}
        rush_hour = cells["pocket_pair/rush_hour/fresh"]
        resolved = Resolver(config, Console(quiet=True)).resolve(eager, rush_hour)
        assert len(read_trace(play_run(resolved).directory)) == 12
        with (package / "elastic_extras" / "stream.py").open("a") as source:
            source.write("# changed\n")
        for cached in (source_hash, source_of, imports_of):
            cached.cache_clear()
        changed = Resolver(config, Console(quiet=True)).resolve(eager, rush_hour)
    assert changed.identity.run_hash != resolved.identity.run_hash


# --- what a user gets wrong ---


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("agent=proportional", "agent.gian=1"), "agent has no key 'gian'; did you mean gain?"),
        (
            ("agent=proportional", "+agent.gian=1"),
            "agent has no key 'gian'; did you mean gain?",
        ),
        (
            (*CUSTOM, "+agent.gain=1"),
            "agent has no key 'target', which elastic_extras.agent.Proportional needs: say +agent.target=...",
        ),
        (("agent=proportional", "agent.gain=0"), "agent: gain must be > 0, got 0.0"),
        (
            ("agent=proportional", "agent.gain=much"),
            "agent.gain: Value 'much' of type 'str' could not be converted to Float",
        ),
        (("agent=custom",), "agent._target_ has no value yet: say agent._target_=..."),
        (
            ("agent=rule", "agent._target_=elastic_extras.agent.Proportional"),
            "agent has no key 'oks'; for a class of "
            "your own say agent=custom agent._target_=my_package.MyAgent +agent.KEY=VALUE",
        ),
        (
            ("agent=custom", "agent._target_=nowhere.MyAgent"),
            "agent._target_: nowhere.MyAgent is not there: no module nowhere is installed or on PYTHONPATH",
        ),
        (
            ("agent=custom", "agent._target_=elastic_extras.stream.Panorama"),
            "agent._target_: elastic_extras.stream.Panorama must be a subclass of agents.base.Agent, "
            "and is not",
        ),
        (
            ("video=custom", "video.factory=elastic_extras.stream.Panorma"),
            "video custom: factory: elastic_extras.stream.Panorma is not there: elastic_extras.stream has no "
            "Panorma",
        ),
        (
            ("video=panorama", "+video.arguments.widht=3"),
            "video custom: arguments: elastic_extras.stream.Panorama cannot be called with {'width': 640, "
            "'height': 360, 'fps': 30.0, 'widht': 3}: got an unexpected keyword argument 'widht'",
        ),
        (
            ("hardware=pocket_pair", "hardware.devices.0.times.n.origin=HEARSAY"),
            "hardware.devices.0.times.n.origin: Invalid value 'HEARSAY', expected one of [MEASURED, "
            "PUBLISHED, SCALED, ASSUMED]",
        ),
    ],
)
def test_a_mistake_is_one_sentence_before_anything_starts(words, said, arranged):
    with pytest.raises(ERRORS) as caught:
        arranged(*words).make_agent()
    assert sentence(caught.value) == said


def test_a_constructor_that_fails_is_named_with_its_line(arranged, tmp_path, monkeypatch):
    source = (
        "import agents.static\nclass Mine(agents.static.Static):\n    def __init__(self, spec): {}['gain']\n"
    )
    (tmp_path / "hasty.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError) as caught:
        arranged("agent=custom", "agent._target_=hasty.Mine").make_agent()
    assert str(caught.value) == f"agent: KeyError: 'gain' ({tmp_path / 'hasty.py'}, line 3)"


# --- the template's own ---


def test_the_templates_own_tests_pass_and_its_agent_keeps_our_contract(package):
    """As docs/extending.md says it is to be asked."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            "tests/agents/test_contract.py",
            str(package / "tests"),
            f"--agent={package / 'elastic_extras' / 'conf' / 'agent' / 'proportional.yaml'}",
        ],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(package)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout
    assert int(done.stdout.rpartition(" passed")[0].split()[-1]) > 40


STATEFUL = """
from agents.static import Static

class Mine(Static):
    def __init__(self, spec):
        super().__init__(spec, "lowest")

    def reset(self, seed):
        self._n = 0

    def act(self, observation, info):
        self._n += 1
        levels = super().act(observation, info)
        levels[0] = self._n % 2
        return levels
"""


@pytest.mark.nightly
def test_an_agent_that_keeps_no_checkpoint_keeps_our_contract_too(tmp_path):
    """As documented: all but `reset` and `act` is optional."""
    (tmp_path / "counting.py").write_text(STATEFUL)
    (tmp_path / "mine.yaml").write_text("_target_: counting.Mine\n")
    words = ("-q", "-p", "no:cacheprovider", "tests/agents/test_contract.py", "-k", "loaded")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, f"--agent={tmp_path / 'mine.yaml'}"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout
    assert "it keeps no checkpoint" in done.stdout
