"""The real cores in a virtual network: whatever goes wrong, every offered frame has exactly one fate."""

import random
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import pytest

from pipeline.messages import Binding, HandOut, Outcome, SetKnobs, Start
from pipeline.options import QueuePolicy
from tests.pipeline.faults import Faults
from tests.pipeline.producer.conversation import MS, S
from tests.pipeline.world import World

QUICK, NIGHTLY = 500, 10_000
BATCH = 50
LINES = 60  # of a conversation that went wrong
MOST_PER_S = 200  # messages on a link; two workers of one identity once came to 4,800


def seeds(quick: int, nightly: int) -> list:
    """First seeds of batches; those beyond the quick ones are for the night."""
    late = pytest.mark.nightly
    return [n if n < quick else pytest.param(n, marks=late) for n in range(0, nightly, BATCH)]


def history_of(
    seed: int,
    is_upheaval: bool = False,
    without: frozenset[str] = frozenset(),
    spared: frozenset[int] = frozenset(),
) -> World:
    """One history: workers, streams, frames, policy and faults are all the seed's choice.

    Args:
        is_upheaval: whether collector and producer may die, too.
        without: names of faults that are left out.
        spared: numbers of mishaps that are left out.
    """
    draw = random.Random(seed)
    upheaval = {"replace": (4, 8), "restart": (0, 10)} if is_upheaval else {}
    faults = Faults(
        share={
            "drop": draw.choice((0.0, 0.02, 0.2)),
            "duplicate": draw.choice((0.0, 0.1)),
            "fail": draw.choice((0.0, 0.1)),
            "unable": draw.choice((0.0, 0.0, 0.3)),
            "foreign": draw.choice((0.0, 0.0, 0.3)),
        },
        every_ns={
            "crash": draw.choice((0, 2 * S, 8 * S)),
            "break": draw.choice((0, 0, 5 * S)),
            "hang": draw.choice((0, 2 * S)),
            "double": draw.choice((0, 0, 4 * S)),
            "revoke": draw.choice((0, 0, 6 * S)),
            "cut": draw.choice((0, 0, 5 * S)),
            "stall": draw.choice((0, 0, 8 * S)),
            "jump": draw.choice((0, 0, 6 * S)),
            **{name: draw.choice(every_s) * S for name, every_s in upheaval.items()},
        },
        delay_ns=draw.choice((MS, 50 * MS, 800 * MS)),
        until_ns=draw.choice((0, 6 * S, 20 * S)),
        spared=spared,
    )
    for name in without:
        faults = faults.without(name)
    world = World(
        seed,
        faults,
        n_workers=draw.randint(1, 4),
        n_frames=draw.choice((5, 60)),
        queue_policy=draw.choice((QueuePolicy.DROP_OLDEST, QueuePolicy.DROP_NEWEST)),
        queue_bound_s=draw.choice((0.5, 2.0)),
        binding=draw.choice((Binding.CAPTURE, Binding.HAND_OUT)),
        hand_out=draw.choice((HandOut.FIRST_ASKS, HandOut.EARLIEST_DONE, HandOut.EARLIEST_DONE)),
        lease_ns=draw.choice((1, 3)) * S,
        drain_ns=60 * S,
    )
    # the collector is there before the first frame, as in every cluster
    n_streams = draw.randint(1, 3)
    world.at(S, lambda: world.start(n_streams))
    for _ in range(draw.randint(0, 4)):
        knobs = SetKnobs(levels=(draw.randint(0, 1), 0, draw.randint(0, 2)), streams=draw.randint(1, 3))
        world.at(S + draw.randrange(6 * S), lambda knobs=knobs: world.control(knobs))
    world.run(until_ns=300 * S)
    return world


def check_each_has_a_fate(world: World) -> None:
    """Every offered frame is counted under one reason; none is emitted twice or out of order; no storm."""
    history = world.history
    assert history.finished_ns, "it never ended"
    totals = world.totals
    for in_order in history.emitted.values():
        for stream in {stream for stream, _ in in_order}:
            ids = [i for s, i in in_order if s == stream]
            assert ids == sorted(set(ids)), "twice, or out of order"
    assert len(history.offered) == totals.offered
    counted = totals.delivered + totals.thinned + totals.lost + totals.late + sum(totals.dropped.values())
    assert (totals.in_flight, counted) == (0, totals.offered) and totals.lost == sum(totals.lost_by.values())
    emitted = [keys for (_, whose), keys in history.emitted.items() if whose == world.incarnation]
    assert totals.delivered <= len(set().union(*emitted))
    counted, seen = world.refused
    assert counted == seen, "a client that was turned away is not counted, or one that was not is"
    said = Counter((ns // S, link) for ns, link, what in history.said if not isinstance(what, str))
    assert max(said.values()) <= MOST_PER_S, f"a storm of messages: {said.most_common(1)}"


def check_account(world: World) -> None:
    """Every offered frame is delivered once, in order, or counted under one reason."""
    check_each_has_a_fate(world)
    history, totals = world.history, world.totals
    emitted = set(history.emitted[1, 1])
    assert not history.contradictions
    if not world.hears_collector:  # for longer than it is waited for: of what it emitted some is counted lost
        assert totals.delivered <= len(emitted) <= totals.delivered + totals.lost
        return
    fates = {outcome: {k for k, o in history.judged.items() if o is outcome} for outcome in Outcome}
    assert fates[Outcome.DELIVERED] == emitted
    # what was overtaken in the queue may be dropped there while the collector's word on it is under way
    late = fates[Outcome.LATE] - history.dropped - history.thinned
    parts = (emitted, history.dropped, late, fates[Outcome.LOST], history.thinned)
    assert sum(map(len, parts)) == len(set().union(*parts)), "two fates"
    seen = set().union(*parts)
    assert seen <= history.offered
    # likewise of one that was dropped while the collector could not be told
    overtaken = len(late) - totals.late
    assert totals.delivered == len(emitted) and overtaken >= 0
    # the rest was dropped or given up while no collector was to be heard, so that only totals tell
    rest = sum(totals.dropped.values()) - len(parts[1]) + totals.lost - len(parts[3])
    rest += totals.thinned - len(parts[4])
    assert rest - overtaken == len(history.offered - seen)
    if not world.faults.until_ns:
        assert totals.lost == totals.late == 0, "lost without a fault"


class Case(NamedTuple):
    """A history that may not pass, and what was left out of it."""

    seed: int
    check: Callable[[World], None]
    is_upheaval: bool = False
    without: frozenset[str] = frozenset()
    spared: frozenset[int] = frozenset()

    def play(self) -> tuple[World, str]:
        """The history, and why it does not pass; "" if it does."""
        try:
            world = history_of(self.seed, self.is_upheaval, self.without, self.spared)
        except Exception as error:
            error.add_note(f"seed {self.seed}")
            raise
        try:
            self.check(world)
        except AssertionError as error:
            faults, history = ", ".join(world.faults.present) or "no fault", world.history
            n, said = len(history.mishaps), history.conversation(LINES)
            return world, f"seed {self.seed}, with {faults}; {n} mishaps: {error}\n{said}"
        return world, ""

    def fewest(self) -> str:
        """Why it does not pass, with as few kinds of faults and as few mishaps as it takes; "" if it does."""
        case, (world, why) = self, self.play()
        for name in world.faults.present if why else ():
            less = case._replace(without=case.without | {name})
            if less_why := less.play()[1]:
                case, why = less, less_why
        world = case.play()[0] if why else world
        n_left_out = len(world.history.mishaps) if why else 0  # at a time: first all, then half of them, ...
        while n_left_out:
            mishaps = world.history.mishaps
            for first in range(0, len(mishaps), n_left_out):
                less = case._replace(spared=case.spared.union(mishaps[first : first + n_left_out]))
                less_world, less_why = less.play()
                if less_why and len(less_world.history.mishaps) < len(mishaps):
                    case, world, why = less, less_world, less_why
                    break
            else:
                n_left_out //= 2
        return why


@pytest.mark.parametrize("first", seeds(QUICK, NIGHTLY))
def test_every_offered_frame_is_delivered_once_in_order_or_counted_under_one_reason(first):
    for seed in range(first, first + BATCH):
        if why := Case(seed, check_account).fewest():
            pytest.fail(why, pytrace=False)


@pytest.mark.parametrize("first", seeds(100, 2_000))
def test_producers_and_collectors_that_die_leave_no_frame_of_the_last_without_a_fate(first):
    for seed in range(first, first + BATCH):
        if why := Case(seed, check_each_has_a_fate, is_upheaval=True).fewest():
            pytest.fail(why, pytrace=False)


@pytest.mark.parametrize("seed", range(4))
def test_workers_that_share_an_identity_cost_no_frame_and_make_no_storm(seed):
    faults = Faults(every_ns={"double": 2 * S}, until_ns=8 * S)
    world = World(seed, faults, n_workers=2, n_frames=60, lease_ns=3 * S, drain_ns=60 * S)
    world.at(S, lambda: world.start(2))
    world.run(until_ns=200 * S)
    assert world.history.mishaps, "some came"
    check_each_has_a_fate(world)
    assert (world.totals.lost, world.totals.requeued) == (0, 0)


def test_what_went_wrong_is_told_with_the_mishaps_that_it_takes():
    def nobody_crashes(world: World) -> None:
        assert not any("crashes" in str(what) for _, _, what in world.history.said)

    cases = (Case(seed, nobody_crashes) for seed in range(QUICK))
    first, *said = next(filter(None, (case.fewest() for case in cases))).splitlines()
    mishaps = [line for line in said if "***" in line]
    assert ", with crash; 1 mishaps: " in first and len(mishaps) == 1 and mishaps[0].endswith("*** crashes")
    assert len(said) >= LINES and any("GetWork" in line for line in said)


@pytest.mark.parametrize("seed", range(20))
def test_a_restarted_producer_delivers_everything_while_its_predecessors_last_words_arrive(seed):
    faults = Faults({"duplicate": 0.1}, delay_ns=3 * S, until_ns=4 * S)
    world = World(seed, faults, n_workers=3, n_frames=40, lease_ns=30 * S, drain_ns=60 * S)
    # an empty episode before the one that is cut off, so that the successor's number is the lower one
    world.at(S // 2, lambda: world.control(Start(seed=0, levels=(1, 0, 2), streams=1)))
    world.at(S, lambda: world.start(1))
    world.at(4 * S, world.restart_producer)
    world.at(5 * S, lambda: world.start(1))
    world.run(until_ns=200 * S)
    assert (world.totals.offered, world.totals.delivered) == (40, 40)
    assert world.history.emitted[1, 2] == [(0, i) for i in range(40)]
