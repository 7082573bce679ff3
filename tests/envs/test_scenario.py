import pytest

from envs.scenario import Event, EventKind, Scenario

THIRD, TWO_THIRDS = 0.333333333, 0.666666667  # as conf/scenario writes them


class RecordingWorld:
    def __init__(self):
        self.told = []

    def set_streams(self, streams):
        self.told.append(("streams", streams))

    def lose_worker(self, worker):
        self.told.append(("lose", worker))

    def join_worker(self, worker):
        self.told.append(("join", worker))


def test_thirds_of_60_steps_begin_at_steps_20_and_40():
    burst = Scenario(
        events=(Event(EventKind.STREAMS, 3, at_share=THIRD), Event(EventKind.STREAMS, 1, at_share=TWO_THIRDS))
    )
    assert burst.events_by_step(60, 1.0) == {20: (burst.events[0],), 40: (burst.events[1],)}


def test_an_event_happens_at_the_first_step_that_begins_no_earlier():
    assert Event(EventKind.STREAMS, 2, at_s=2.0).step(100, 0.5) == 4
    assert Event(EventKind.STREAMS, 2, at_s=2.1).step(100, 0.5) == 5
    assert Event(EventKind.STREAMS, 2, at_share=THIRD).step(100, 1.0) == 34
    assert Event(EventKind.STREAMS, 2, at_share=0.0).step(100, 1.0) == 0


def test_decimal_times_meet_their_step_in_spite_of_rounding():
    # 0.3 / 0.1 is 2.9999999999999996
    assert Event(EventKind.STREAMS, 2, at_s=0.3).step(100, 0.1) == 3


def test_events_of_one_step_keep_their_order():
    lose, join = Event(EventKind.LOSE_WORKER, 0, at_s=1.0), Event(EventKind.JOIN_WORKER, 0, at_share=0.1)
    assert Scenario(events=(lose, join)).events_by_step(10, 1.0) == {1: (lose, join)}


def test_each_kind_reaches_the_world():
    world = RecordingWorld()
    for kind, value in ((EventKind.STREAMS, 3), (EventKind.LOSE_WORKER, 1), (EventKind.JOIN_WORKER, 0)):
        Event(kind, value, at_s=0.0).apply(world)
    assert world.told == [("streams", 3), ("lose", 1), ("join", 0)]


@pytest.mark.parametrize(
    ("event", "complaint"),
    [
        ({"value": 0, "at_s": 1.0}, "value must be >= 1, got 0"),
        ({"value": 1}, "either at_s or at_share"),
        ({"value": 1, "at_s": 1.0, "at_share": 0.5}, "either at_s or at_share"),
        ({"value": 1, "at_s": -1.0}, "at_s must be"),
        ({"value": 1, "at_s": float("nan")}, "at_s must be"),
        ({"value": 1, "at_share": 1.0}, r"at_share must be in \[0, 1\)"),
    ],
)
def test_an_impossible_event_is_refused(event, complaint):
    with pytest.raises(ValueError, match=complaint):
        Event(EventKind.STREAMS, **event)


def test_a_scenario_may_only_name_workers_that_exist():
    loss = Scenario(events=(Event(EventKind.LOSE_WORKER, 2, at_s=1.0),))
    loss.check_workers(3)
    with pytest.raises(ValueError, match="names worker 2, but there are 2"):
        loss.check_workers(2)


def test_a_scenario_begins_with_a_stream():
    with pytest.raises(ValueError, match="streams must be >= 1, got 0"):
        Scenario(streams=0)
