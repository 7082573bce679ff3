"""The one word before all programs, and what they say when they are asked for help."""

import importlib.util
import subprocess
import sys
from importlib.metadata import version

import pytest
from omegaconf import OmegaConf

from experiments.cli import BROWSE, COMMANDS, HELP, main
from experiments.config.composing import register
from experiments.config.schemas import CONF

A_SCREEN = 45  # lines
CONFIGURED = {"run": "config", "forecast": "forecasts"}  # conf/NAME.yaml, where it is not the command's own


def called(monkeypatch, *words: str) -> list[str]:
    """The command line that it becomes."""
    became: list[str] = []
    monkeypatch.setattr(sys, "argv", ["elasticbench", *words])
    monkeypatch.setattr("os.execv", lambda program, argv: became.extend(argv))
    main()
    return became


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_a_program_and_keeps_its_words(monkeypatch, command):
    became = called(monkeypatch, command, "agent=aif", "-m")
    module, words = ("browse" if command in BROWSE else command), BROWSE.get(command, [])
    assert became[1:] == ["-m", f"experiments.{module}", *words, "agent=aif", "-m"]
    assert importlib.util.find_spec(became[2]) is not None


def test_without_a_word_it_says_what_there_is(monkeypatch, capsys):
    assert called(monkeypatch) == []
    said = capsys.readouterr().out
    assert said.strip() == HELP
    assert all(f"    {command}" in said for command in COMMANDS)
    assert said.index("Find out") == 0 and len(said.splitlines()) <= A_SCREEN


def test_the_version_is_ours(monkeypatch, capsys):
    called(monkeypatch, "--version")
    assert capsys.readouterr().out == f"elasticbench {version('elasticbench')}\n"


def test_a_command_that_there_is_not_is_one_sentence(monkeypatch, capsys):
    with pytest.raises(SystemExit) as ended:
        called(monkeypatch, "rum")
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("elasticbench: there is no command 'rum'; there are run, ")


def test_it_imports_nothing_to_say_so():
    program = "import sys, experiments.cli; print(sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"hydra", "numpy", "rich", "omegaconf", "agents", "zmq"} & set(eval(done.stdout))


@pytest.mark.parametrize(
    "command", [name for name in COMMANDS if name not in ("runs", "show", "repeat", "export", "world")]
)
def test_help_is_a_screen_that_begins_with_a_purpose(command):
    register()
    text = OmegaConf.load(CONF / f"{CONFIGURED.get(command, command)}.yaml").hydra.help.template
    first, *_ = text.splitlines()
    assert first[0].isupper() and len(first.split()) > 5
    assert f"python -m experiments.{command}" in text
    assert len(text.splitlines()) <= A_SCREEN
