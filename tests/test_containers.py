"""The image and the containers of compose.yaml start programs that there are, and these find one another."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from hydra import initialize_config_dir

from experiments.cli import COMMANDS
from experiments.config.composing import composed
from experiments.config.schemas import CONF
from pipeline.cli import parse_options
from pipeline.options import CollectorOptions, ProducerOptions, WorkerOptions

ROOT = Path(__file__).resolve().parents[1]
INSTRUCTION = re.compile(r"(FROM|RUN|ARG|WORKDIR|COPY|CMD) \S")
PROGRAMS = {"producer": ProducerOptions, "worker": WorkerOptions, "collector": CollectorOptions}
SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
COMMAND = {name: shlex.split(service["command"]) for name, service in SERVICES.items()}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_of_the_pipeline_takes_its_words(name):
    assert COMMAND[name][:4] == ["python", "-m", "pipeline", name]
    parse_options(PROGRAMS[name], name, COMMAND[name][4:])


def test_the_run_drives_as_many_workers_as_there_are():
    program, command, *overrides = COMMAND["run"]
    assert (program, command) == ("elasticbench", "run")
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg, _ = composed(overrides)
    assert cfg.env.n_workers == SERVICES["worker"]["deploy"]["replicas"]
    assert set(SERVICES["run"]["depends_on"]) == set(PROGRAMS)


def test_whoever_is_connected_to_listens_there():
    said = {name: re.findall(r"tcp://([^:\s]+):(\d+)", SERVICES[name]["command"]) for name in SERVICES}
    asked = [place for places in said.values() for place in places if place[0] != "*"]
    assert len(asked) == len(SERVICES) - 1
    assert all(("*", port) in said[host] for host, port in asked)


def test_the_image_is_made_of_instructions_and_starts_a_command_that_there_is():
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert all(INSTRUCTION.match(line) for line in lines) and lines[0].startswith("FROM ")
    program, command, *_ = yaml.safe_load(lines[-1].removeprefix("CMD "))
    assert program == "elasticbench" and command in COMMANDS
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert {".git", ".venv", "results"} <= set(ignored)
