"""Search: figures are drawn, tried in the worlds for training, and left in a file; conf/ stays as it is."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from rich.console import Console

from experiments.config.composing import register
from experiments.config.programs import RangeSchema, TrainConfig
from experiments.config.schemas import CONF
from experiments.program.errors import ConfigError
from experiments.training.search import check_range, check_search, drawn, figure_at, search, tried_of
from tests.experiments.programs import call

COMPILING_S = 300  # at worst: the whole simulator, on a busy machine


def config(**changes) -> TrainConfig:
    """Only what the figures of an outcome are made of."""
    made = TrainConfig()
    made.ranges = {"a": RangeSchema(1.0, 3.0), "b": RangeSchema(1.0, 9.0, integer=True)}
    made.episodes, made.trials, made.processes = 2, 3, None
    for key, value in changes.items():
        setattr(made, key, value)
    return made


# --- what is drawn ---


def test_a_figure_is_as_far_from_low_to_high_as_its_share():
    assert figure_at(RangeSchema(1.0, 3.0), 0.25) == 1.5
    assert figure_at(RangeSchema(0.01, 1.0, log=True), 0.5) == 0.1
    assert figure_at(RangeSchema(1.0, 3.0), 0.0) == 1.0


def test_integers_have_equal_parts_of_a_range():
    schema = RangeSchema(1.0, 4.0, integer=True)
    counts = Counter(figure_at(schema, share) for share in np.arange(0.0005, 1, 0.001))
    assert counts == {1: 250, 2: 250, 3: 250, 4: 250}
    assert all(type(figure) is int for figure in counts)


def test_integers_from_zero_can_be_drawn_and_logarithmic_ones_stay_in_range():
    assert {figure_at(RangeSchema(0.0, 2.0, integer=True), share) for share in (0.0, 0.5, 0.999)} == {0, 1, 2}
    schema = RangeSchema(3.0, 20.0, log=True, integer=True)
    figures = [figure_at(schema, share) for share in np.arange(0, 1, 0.01)]
    assert (min(figures), max(figures)) == (3, 20)


def test_draws_are_spread_over_every_range_and_equal_for_equal_seeds():
    ranges = {"a": RangeSchema(0.0, 1.0), "b": RangeSchema(0.0, 1.0)}
    trials = drawn(ranges, 64, seed=3)
    assert trials == drawn(ranges, 64, seed=3)
    assert trials != drawn(ranges, 64, seed=4)
    for name in ranges:
        quarters = Counter(int(trial[name] * 4) for trial in trials)
        assert all(quarters[i] >= 13 for i in range(4))  # of 16


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (RangeSchema(2.0, 1.0), "a: low must be below high, both finite, got 2.0 and 1.0"),
        (RangeSchema(0.0, 1.0, log=True), "a: low must be > 0 in a logarithmic range"),
        (RangeSchema(0.5, 2.0, integer=True), "a: low and high must be integers"),
    ],
)
def test_a_bad_range_is_refused(schema, message):
    with pytest.raises(ValueError, match=message):
        check_range("a", schema)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trials": 1}, "search: trials must be >= 2, got 1"),
        ({"episodes": 0}, "search: episodes must be >= 2, got 0"),
        ({"ranges": {"c": RangeSchema(1.0, 2.0)}}, "ranges: agent hpa has no figure 'c'; it has a, b"),
        ({"ranges": {"a": RangeSchema(2.0, 1.0)}}, "ranges: a: low must be below high"),
    ],
)
def test_a_search_that_cannot_be_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        check_search(config(**changes), "hpa", {"a": 1.5, "b": 4})


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (10**9, "world 1000000000 is one to judge by: nothing is trained, searched or tuned on it"),
        (999_999, "world 1000000 is for validation: nothing is trained or searched on it"),
    ],
)
def test_no_search_is_made_in_worlds_to_judge_by_or_to_validate_on(first, message):
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        found = OmegaConf.to_object(compose("train", ["agent=hpa", "episodes=2", f"training.first={first}"]))
        assert isinstance(found, TrainConfig)
        with pytest.raises(ConfigError, match=message):
            search(found, "hpa", OmegaConf.to_container(compose("agent/hpa").agent), "", Console())  # type: ignore[arg-type]


# --- what comes of it ---

TRIALS = [{"a": 1.5, "b": 4}, {"a": 2.0, "b": 1}, {"a": 3.0, "b": 9}]


def test_trials_are_told_with_their_gain_over_the_present_figures():
    tried = tried_of(TRIALS, np.array([[0.2, 0.4], [0.1, 0.1], [0.4, 0.8]]))
    assert tried["reward"].tolist() == pytest.approx([0.3, 0.1, 0.6])
    assert tried["gain"].tolist() == pytest.approx([0.0, -0.2, 0.3])  # the last of 0.2 and 0.4 per episode
    assert tried["standard_error"].tolist() == pytest.approx([0.0, 0.1, 0.1])


# --- as the user sees it ---


@pytest.mark.parametrize("path", sorted((CONF / "ranges").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_range_is_of_a_figure_that_the_agent_has(path):
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("train", overrides=[f"agent={path.stem}"])
    assert set(cfg.ranges) <= set(cfg.agent)
    for name, schema in cfg.ranges.items():
        check_range(str(name), RangeSchema(**schema))


def test_a_mistake_is_one_sentence_and_no_traceback():
    done = call("experiments.train", "agent=random")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(
        "experiments.train: agent random has nothing to train: it does not learn, and none of"
    )
    assert done.err.count("\n") == 1


@pytest.mark.timeout(2 * COMPILING_S)
def test_a_search_leaves_the_best_figures_and_changes_no_configuration(tmp_path):
    before = (CONF / "agent" / "hpa.yaml").read_text()
    small = ["training=small", "training.variants=2", "env.steps=6", "trials=3", "episodes=4", "processes=2"]
    done = call("experiments.train", "agent=hpa", *small, f"results={tmp_path}")
    assert done.code == 0, done.err
    assert "3 trials x 4 episodes x 6 steps; the best figures: " in done.out
    assert "per step, +" in done.out and " more than as it is" in done.out
    (directory,) = (tmp_path / "train").iterdir()
    best = yaml.safe_load((directory / "best.yaml").read_text())
    present = yaml.safe_load(before)
    assert set(best["figures"]) <= set(present)
    assert best["gain"] >= 0
    trials = pd.read_csv(directory / "trials.csv")
    assert trials.loc[0, [*best["figures"]]].to_dict() == {name: present[name] for name in best["figures"]}
    assert len(trials) == 3
    assert Path(CONF / "agent" / "hpa.yaml").read_text() == before
