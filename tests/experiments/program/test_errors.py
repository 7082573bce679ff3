"""Errors as one sentence."""

import pytest
from hydra.errors import InstantiationException, MissingConfigException
from omegaconf import OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError

from experiments.config.world_schemas import EnvSchema
from experiments.program.errors import sentence


def test_an_unknown_option_lists_the_others():
    error = MissingConfigException("four lines of text", "agent/aiff", ["aif", "rule"])
    assert sentence(error) == "agent has no option 'aiff'; there are aif, rule"


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
