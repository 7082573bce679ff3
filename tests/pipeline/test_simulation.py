"""The real cores in a virtual network: whatever goes wrong, every offered frame has exactly one fate."""

import random
from collections.abc import Callable

import pytest

from pipeline.messages import Binding, HandOut, Outcome, SetKnobs, Start
from pipeline.options import QueuePolicy
from tests.pipeline.faults import Faults
from tests.pipeline.producer.conversation import MS, S
from tests.pipeline.world import World

QUICK, NIGHTLY = 500, 10_000
BATCH = 50
LINES = 60  # of a conversation that went wrong


def seeds(quick: int, nightly: int) -> list:
    """First seeds of batches; those beyond the quick ones are for the night."""
    late = pytest.mark.nightly
    return [n if n < quick else pytest.param(n, marks=late) for n in range(0, nightly, BATCH)]


def history_of(seed: int, n_collectors: int = 1, without: frozenset[str] = frozenset()) -> World:
    """One history: workers, streams, frames, policy and faults are all the seed's choice.

    Args:
        n_collectors: that there are, one after the other, at the same endpoint.
        without: names of faults that are left out.
    """
    draw = random.Random(seed)
    faults = Faults(
        drop=draw.choice((0.0, 0.02, 0.2)),
        duplicate=draw.choice((0.0, 0.1)),
        fail=draw.choice((0.0, 0.1)),
        delay_ns=draw.choice((MS, 50 * MS, 800 * MS)),
        crash_every_ns=draw.choice((0, 4 * S, 15 * S)),
        hang_every_ns=draw.choice((0, 4 * S)),
        until_ns=draw.choice((0, 6 * S, 20 * S)),
        cut_every_ns=draw.choice((0, 0, 5 * S)),
        stall_every_ns=draw.choice((0, 0, 8 * S)),
        jump_every_ns=draw.choice((0, 0, 6 * S)),
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
    world.at(S, lambda: world.start(draw.randint(1, 3)))
    for _ in range(draw.randint(0, 4)):
        knobs = SetKnobs(levels=(draw.randint(0, 1), 0, draw.randint(0, 2)), streams=draw.randint(1, 3))
        world.at(S + draw.randrange(6 * S), lambda knobs=knobs: world.control(knobs))
    for _ in range(n_collectors - 1):
        world.at(S + draw.randrange(8 * S), world.replace_collector)
    world.run(until_ns=200 * S)
    return world


def check_account(world: World) -> None:
    """Every offered frame is delivered once, in order, or counted under one reason."""
    history = world.history
    assert history.finished_ns, "it never ended"
    totals, (in_order,) = world.totals, history.emitted
    assert not history.contradictions
    emitted = set(in_order)
    assert len(emitted) == len(in_order), "a frame came out twice"
    for stream in {stream for stream, _ in emitted}:
        ids = [i for s, i in in_order if s == stream]
        assert ids == sorted(ids), "out of order"
    assert len(history.offered) == totals.offered
    counted = totals.delivered + totals.thinned + totals.lost + totals.late + sum(totals.dropped.values())
    assert (totals.in_flight, counted) == (0, totals.offered) and totals.lost == sum(totals.lost_by.values())
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


def fails(seed: int, check: Callable[[World], None], without: frozenset[str]) -> str:
    """Why a history does not pass; "" if it does."""
    try:
        world = history_of(seed, without=without)
    except Exception as error:
        error.add_note(f"seed {seed}")
        raise
    try:
        check(world)
    except AssertionError as error:
        faults, said = world.faults.present, world.history.conversation(LINES)
        return f"seed {seed}, with {', '.join(faults) or 'no fault'}: {error}\n{said}"
    return ""


def failure(seed: int, check: Callable[[World], None]) -> str:
    """Why a history does not pass, with as few kinds of faults as it takes; "" if it does."""
    without: frozenset[str] = frozenset()
    why = fails(seed, check, without)
    for name in history_of(seed).faults.present if why else ():
        if less := fails(seed, check, without | {name}):
            why, without = less, without | {name}
    return why


@pytest.mark.parametrize("first", seeds(QUICK, NIGHTLY))
def test_every_offered_frame_is_delivered_once_in_order_or_counted_under_one_reason(first):
    for seed in range(first, first + BATCH):
        if why := failure(seed, check_account):
            pytest.fail(why, pytrace=False)


def test_what_went_wrong_is_told_with_the_faults_that_it_takes():
    def nobody_crashes(world: World) -> None:
        assert not any(what == "crashes" for _, _, what in world.history.said)

    whys = (
        failure(seed, nobody_crashes) for seed in range(QUICK) if "drop" in history_of(seed).faults.present
    )
    first, *said = next(filter(None, whys)).splitlines()
    assert ", with crash_every_ns: " in first and len(said) >= LINES
    assert any("GetWork(" in line for line in said)


@pytest.mark.parametrize("first", range(0, 100, BATCH))
def test_replaced_collectors_leave_no_frame_without_a_fate(first):
    for seed in range(first, first + BATCH):
        world = history_of(seed, n_collectors=3)
        history, totals = world.history, world.totals
        assert history.finished_ns, f"seed {seed}: it never ended"
        for in_order in history.emitted:
            for stream in range(3):
                ids = [i for s, i in in_order if s == stream]
                assert ids == sorted(set(ids)), f"seed {seed}: twice, or out of order"
        judged = totals.delivered + totals.late + totals.lost + totals.thinned + sum(totals.dropped.values())
        assert (totals.offered, totals.in_flight) == (judged, 0), f"seed {seed}"
        assert totals.delivered <= len({key for emitted in history.emitted for key in emitted})


@pytest.mark.parametrize("seed", range(20))
def test_a_restarted_producer_delivers_everything_while_its_predecessors_last_words_arrive(seed):
    faults = Faults(delay_ns=3 * S, duplicate=0.1, until_ns=4 * S)
    world = World(seed, faults, n_workers=3, n_frames=40, lease_ns=30 * S, drain_ns=60 * S)
    # an empty episode before the one that is cut off, so that the successor's number is the lower one
    world.at(S // 2, lambda: world.control(Start(seed=0, levels=(1, 0, 2), streams=1)))
    world.at(S, lambda: world.start(1))
    world.at(4 * S, lambda: world.replace_producer(incarnation=2))
    world.at(5 * S, lambda: world.start(1))
    world.run(until_ns=200 * S)
    assert (world.totals.offered, world.totals.delivered) == (40, 40)
    assert world.history.emitted[0][-40:] == [(0, i) for i in range(40)]
