"""Levels that never change, and what may be said of them."""

import pytest

from envs.spec import ElasticitySpec, Knob
from pipeline.slos import Slo
from tests.agents.episodes import make, run


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ("lowest", (0, 0)),
        ("middle", (1, 1)),
        ("highest", (3, 2)),
        ([1, 2], (1, 2)),
        ((3, 0), (3, 0)),
    ],
)
def test_it_keeps_the_levels_it_was_told(levels, expected, streams):
    agent = make("static", streams["ledger"].spec, levels=levels)
    assert set(run(agent, streams["ledger"].plant(1.0), (0, 0), [1.0] * 3).levels) == {expected}


def test_the_middle_is_the_lower_of_two():
    knobs = tuple(
        Knob(f"k{n}", "", tuple(range(n)), tuple(map(float, range(n))), ((1.0,) * n,)) for n in (1, 2, 3, 4)
    )
    spec = ElasticitySpec(knobs, (Slo("load", 1.0),))
    agent = make("static", spec, levels="middle")
    assert agent.act(spec.encode(spec.lowest, {}, {}), {}).tolist() == [0, 0, 1, 1]


def test_the_default_is_the_highest(streams, agent_for):
    assert run(agent_for("static", "video"), streams["video"].plant(1.0), (0, 0, 0), [1.0]).levels == [
        (5, 3, 2)
    ]


@pytest.mark.parametrize("levels", ["medium", [1], [4, 0], [0, -1], [0, 0, 0]])
def test_levels_that_the_spec_does_not_have_are_refused(levels, streams):
    with pytest.raises(Exception, match=r"levels must be .*static\.yaml"):
        make("static", streams["ledger"].spec, levels=levels)
