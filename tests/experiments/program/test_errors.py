"""Errors as one sentence."""

import errno
import shlex
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import InstantiationException, MissingConfigException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, MissingMandatoryValue
from yaml import MarkedYAMLError

from experiments.config.schemas import EnvSchema
from experiments.program.errors import sentence
from experiments.runs.episode import Step


@pytest.mark.parametrize(
    ("said", "hint"), [("aiff", "did you mean aif?"), ("mine", "there are aif, rule")], ids=["near", "far"]
)
def test_an_unknown_option_names_what_was_meant_or_lists_the_others(said, hint):
    error = MissingConfigException("four lines of text", f"agent/{said}", ["aif", "rule"])
    assert sentence(error) == f"agent has no option '{said}'; {hint}"


def test_any_other_error_is_its_text_on_one_line():
    assert sentence(ValueError("fps must be > 0,\n  got -1")) == "fps must be > 0, got -1"


def test_an_error_without_text_is_at_least_named():
    assert sentence(KeyError()) == "KeyError"


def no_key(key: str) -> ConfigKeyError:
    """As OmegaConf raises it of a key that `env` does not have."""
    error = ConfigKeyError("no such key")
    error.key, error.full_key, error.object_type = key, f"env.{key}", EnvSchema
    return error


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("gian", "agent has no key 'gian'; did you mean gain?"),
        ("patience", "agent has no key 'patience'; to add it, say +agent.patience=..."),
    ],
)
def test_where_no_schema_says_which_keys_there_are_the_present_ones_do(key, said):
    cfg = OmegaConf.create({"agent": {"_target_": "my.Agent", "gain": 1.0}})
    OmegaConf.set_struct(cfg, True)
    with pytest.raises(ConfigAttributeError) as caught:
        OmegaConf.update(cfg, f"agent.{key}", 2.0)
    assert sentence(caught.value) == said


def test_a_cause_that_is_its_own_is_looked_at_once():
    error = no_key("stepz")
    error.__cause__ = error
    assert sentence(error) == "env has no key 'stepz'; did you mean steps?"


def test_what_omegaconf_adds_under_oc_cause_is_not_what_is_said():
    """It then keeps the error that it had inside, before key and type were filled in."""
    error = no_key("stepz")
    error.__cause__ = ConfigKeyError("$KEY")
    assert sentence(error) == "env has no key 'stepz'; did you mean steps?"


def test_causes_that_go_round_in_a_circle_come_to_an_end():
    outer, inner = InstantiationException("outer"), InstantiationException("inner")
    outer.__cause__, inner.__cause__ = inner, outer
    assert sentence(outer) == "configuration: inner"


# --- command lines that Hydra cannot read ---


def refused(word: str) -> str:
    """What is said of it."""
    with pytest.raises(OverrideParseException) as caught:
        OverridesParser.create().parse_overrides([word])
    return sentence(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        "café.mp4",
        "my clip, take=2 (1).mp4",
        "it's (mine).mp4",
        'the "best" (of all).mp4',
        r"C:\clips\(1)\ ".strip(),
        "[1] clip.mp4",
        "{draft}.mp4",
        "a=b.mp4",
        "rtsp://[fd00::1]:554/stream",
    ],
)
def test_what_cannot_be_read_is_shown_as_a_shell_and_hydra_take_it(value):
    said = refused(f"video.path={value}")
    (word,) = shlex.split(said.partition("if it is a text, say ")[2])
    (found,) = OverridesParser.create().parse_overrides([word])
    assert (found.key_or_group, found.value()) == ("video.path", value)


def test_quotes_of_ones_own_are_no_part_of_a_text():
    assert refused("video.path='it's mine.mp4'").endswith("""say 'video.path="it'"'"'s mine.mp4"'""")


def test_a_place_in_a_list_is_behind_a_dot():
    said = refused("hardware.devices[0].count=2")
    assert said == "cannot read hardware.devices[0].count=2: say hardware.devices.0.count=2"
    error = MissingMandatoryValue("no value")
    error.full_key = "hardware.devices[0].times.n.origin"
    key = "hardware.devices.0.times.n.origin"
    assert sentence(error) == f"{key} has no value yet: say {key}=..."


def test_a_word_that_sets_nothing_is_told_how():
    assert refused("simulator") == "cannot read simulator: expected KEY=VALUE"


# --- what nobody meant to raise ---


def raised(source: str, path: Path) -> Exception:
    """What code of somebody else's raises."""
    path.write_text(source, encoding="utf-8")
    try:
        exec(compile(source, str(path), "exec"), {})
    except Exception as error:
        return error
    raise AssertionError("it raised nothing")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{}['foo']", "KeyError: 'foo'"),
        ("raise KeyError()", "KeyError"),
        ("int('many')", "ValueError: invalid literal for int() with base 10: 'many'"),
        (
            "import json; json.loads('{')",
            "JSONDecodeError: Expecting property",
        ),
    ],
)
def test_an_error_in_somebodys_code_is_named_with_its_line(line, said, tmp_path):
    path = tmp_path / "mine.py"
    text = sentence(raised(f"\n{line}\n", path))
    assert text.startswith(said)
    assert (
        text.endswith(f"({path}, line 2)") or "json" in line
    )  # which has an error of its own, meant for people


def test_what_we_raise_on_purpose_is_its_text():
    try:
        Step(0, 1.0, (), 0.0, 0.0, 0.0, {}, {"pressure": float("nan")})
    except ValueError as error:
        assert sentence(error) == "the agent's explain() must give finite numbers, got pressure=nan"


def test_yaml_that_is_none_is_named_with_its_line(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("devices:\n  - count: 2\n   native: true\n")
    with pytest.raises(MarkedYAMLError) as caught:
        OmegaConf.load(path)
    assert sentence(caught.value).startswith(f"{path}, line 3: this is no YAML, ")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(errno.EACCES, "Refused", "/r/main"), "/r/main cannot be used (Refused)"),
        (OSError(errno.EROFS, "Read-only file system", "/r"), "/r cannot be used (Read-only file system)"),
    ],
)
def test_a_place_that_cannot_be_written_to_is_named(error, said):
    assert sentence(error) == f"{said}; results=FOLDER says where results go"
