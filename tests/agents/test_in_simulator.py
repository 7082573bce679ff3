"""Elastic agents go where capacity is in the simulator too, and are back when it is."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from tests.agents.episodes import make
from tests.agents.roster import ELASTIC, PREDECESSORS
from tests.agents.simulated import BEGINS, ENDS, WORLDS, Simulated, simulate, simulated_spec, since

SPEC = simulated_spec()


@dataclass(frozen=True, slots=True)
class Bounds:
    """Steps within which an agent must have got there; None = it never does, which is tested as well.

    Attributes:
        lowest: with too little capacity for any levels, at the lowest ones for good.
        highest: with plenty, at nine tenths of the QoE or more for good.
        loss, load: after seven of eight workers were lost, or at six times the load, all SLOs hold again.
        loss_over, load_over: after it has ended, nine tenths of the QoE that was lost are back.
        late: no steps, but changes of the levels after the 50th in a steady world.
        fulfilment: likewise, the least share of steps after the 20th in which its SLOs hold.
    """

    lowest: int | None = 25
    highest: int | None = 25
    loss: int | None = 10
    load: int | None = 10
    loss_over: int | None = 12
    load_over: int | None = 12
    late: int = 0
    fulfilment: float = 0.9


HOUSE = Bounds()
BOUNDS = {
    "rule": HOUSE,
    "hpa": Bounds(loss_over=15),  # six readings in a row must wish for more
    "aimd": HOUSE,
    "pid": Bounds(loss_over=15),
    "aif": Bounds(late=1),  # a belief that has sharpened may allow one level more
    "causal": Bounds(late=1),
    "mpc": Bounds(lowest=80, loss=15, load=15),  # load known of some settings misleads it about the others
    "bayes": Bounds(
        lowest=60
    ),  # 4 to 48 by the seed: where all is hopeless, draws of its model tell settings apart
    "heuristic_thesis": Bounds(
        lowest=70, loss=None, load=None, loss_over=None, load_over=None, late=2, fulfilment=0.55
    ),
    "aif_thesis": Bounds(lowest=None, loss=None, load=None, fulfilment=0.7),
}


@pytest.fixture(scope="session")
def simulated() -> Callable[[str, str], Simulated]:
    """The episode of an agent in a world of `WORLDS`, each simulated once."""
    agents = {}
    episodes: dict[tuple[str, str], Simulated] = {}

    def get(name: str, world: str) -> Simulated:
        if name not in agents:
            agents[name] = make(name, SPEC)
        if (name, world) not in episodes:
            episodes[name, world] = simulate(agents[name], WORLDS[world])
        return episodes[name, world]

    return get


elastic = pytest.mark.parametrize("name", BOUNDS)
disturbed = pytest.mark.parametrize("world", ("loss", "load"))


def is_within(steps: int | None, bound: int | None) -> bool:
    """Whether it took at most so many steps; without a bound: whether it never got there."""
    return steps is None if bound is None else steps is not None and steps <= bound


def test_every_elastic_agent_has_its_bounds():
    assert set(BOUNDS) == {*ELASTIC, *PREDECESSORS}


@elastic
def test_too_little_capacity_for_any_levels_leads_to_the_lowest(name, simulated):
    episode = simulated(name, "starved")
    assert not any(episode.fulfilled[20:])
    assert is_within(episode.settled(SPEC.lowest), BOUNDS[name].lowest)


@elastic
def test_plenty_leads_to_the_highest_or_near_it(name, simulated):
    episode = simulated(name, "plenty")
    assert is_within(since(qoe >= 0.9 for qoe in episode.qoe), BOUNDS[name].highest)
    assert all(episode.fulfilled[20:])


@elastic
@disturbed
def test_after_a_disturbance_all_slos_hold_again(name, world, simulated):
    episode = simulated(name, world)
    assert any(episode.breaks_if_held)  # it had to do something
    assert is_within(episode.recovered(), getattr(BOUNDS[name], world))


@elastic
@disturbed
def test_when_a_disturbance_has_gone_so_has_its_cost(name, world, simulated):
    episode = simulated(name, world)
    assert np.mean(episode.qoe[ENDS - 10 : ENDS]) < 0.9 * np.mean(episode.qoe[BEGINS - 10 : BEGINS])
    assert is_within(episode.restored(), getattr(BOUNDS[name], f"{world}_over"))


@elastic
def test_a_steady_world_is_settled_in(name, simulated):
    episode = simulated(name, "steady")
    assert episode.switches(50) <= BOUNDS[name].late
    assert np.mean(episode.fulfilled[20:]) >= BOUNDS[name].fulfilment
