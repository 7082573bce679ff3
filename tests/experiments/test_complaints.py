"""Errors as one sentence."""

from hydra.errors import MissingConfigException

from experiments.complaints import sentence


def test_an_unknown_option_lists_the_others():
    error = MissingConfigException("four lines of text", "agent/aiff", ["aif", "rule"])
    assert sentence(error) == "agent has no option 'aiff'; there are aif, rule"


def test_any_other_error_is_its_text_on_one_line():
    assert sentence(ValueError("fps must be > 0,\n  got -1")) == "fps must be > 0, got -1"


def test_an_error_without_text_is_at_least_named():
    assert sentence(KeyError()) == "KeyError"
