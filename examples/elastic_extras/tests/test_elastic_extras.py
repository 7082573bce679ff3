"""What our agent and our stream promise; the agent's contract is elasticbench's own, see the README."""

import numpy as np
import pytest
from elastic_extras.agent import Proportional
from elastic_extras.stream import Panorama

from envs.spec import ElasticitySpec, Knob
from pipeline.slos import Slo
from pipeline.sources.custom import check_source

SPEC = ElasticitySpec(
    knobs=(
        Knob(
            "rate", "1/s", (1.0, 2.0, 3.0, 4.0, 5.0), (1.0, 2.0, 3.0, 4.0, 5.0), ((1.0, 2.0, 3.0, 4.0, 5.0),)
        ),
    ),
    slos=(Slo("load", 1.0), Slo("queue_size", 2.0, memory=True)),
)
LOAD, QUEUE = SPEC.slos


def decide(agent: Proportional, load: float, queue: float = 0.0) -> int:
    """The level that it sets if it sees these."""
    readings = {"load": LOAD.read(load), "queue_size": QUEUE.read(queue)}
    return int(agent.act(SPEC.encode(SPEC.highest, readings, {}), {})[0])


def test_it_moves_in_proportion_to_what_is_missing_from_the_target():
    agent = Proportional(SPEC, gain=0.5, target=0.7)
    assert decide(agent, load=1.2) == 3  # 1 + 0.5 x (0.7 - 1.2) = 0.75 of 4 levels
    assert agent.explain()["position"] == pytest.approx(0.75)


def test_a_queue_counts_while_it_is_broken_only():
    agent = Proportional(SPEC, gain=0.1, target=0.7)
    decide(agent, load=0.7, queue=1.9)
    assert agent.explain()["position"] == 1.0
    decide(agent, load=0.7, queue=4.0)  # 1 + 0.1 x (0.7 - 2)
    assert agent.explain()["position"] == pytest.approx(0.87)


def test_what_is_out_of_range_is_refused():
    with pytest.raises(ValueError, match="gain must be > 0, got 0"):
        Proportional(SPEC, gain=0, target=0.7)


def test_the_panorama_is_a_source():
    check_source(Panorama(), "Panorama")


def test_equal_seeds_give_equal_pictures_whichever_are_skipped():
    one, other = Panorama(64, 48, length_s=1.0), Panorama(64, 48, length_s=1.0)
    for source in (one, other):
        source.restart(7)
    one.read()
    other.skip()
    assert np.array_equal(one.read().image, other.read().image)


def test_it_ends_when_it_is_to():
    source = Panorama(64, 48, fps=10.0, length_s=0.3)
    due = []
    while (due_ns := source.peek()) is not None:
        due.append(due_ns)
        source.skip()
    assert due == [0, 100_000_000, 200_000_000]
