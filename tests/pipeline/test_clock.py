"""The offset of another host's clock from round trips; hand-computed."""

from pipeline.clock import FRESH_NS, ClockOffset


def test_the_peer_is_taken_to_speak_in_the_middle_of_the_round_trip():
    clock = ClockOffset()
    clock.sample(sent_ns=100, received_ns=120, peer_ns=5110)
    assert (clock.offset_ns, clock.error_ns) == (5000, 10)


def test_the_shortest_round_trip_wins():
    clock = ClockOffset()
    clock.sample(100, 120, 5110)
    clock.sample(200, 300, 5290)  # would say 5040
    assert clock.offset_ns == 5000
    clock.sample(400, 410, 5407)
    assert clock.offset_ns == 5002


def test_one_host_has_one_clock():
    clock = ClockOffset()
    clock.sample(sent_ns=100, received_ns=900, peer_ns=880)
    assert (clock.offset_ns, clock.error_ns) == (0, 0)


def test_half_of_the_shortest_round_trip_is_the_way_to_the_peer():
    clock = ClockOffset()
    assert clock.delay_ns == 0
    clock.sample(sent_ns=100, received_ns=900, peer_ns=880)
    clock.sample(sent_ns=1000, received_ns=2000, peer_ns=1800)
    assert clock.delay_ns == 400, "on one host too, though its clock needs no way to be known"


def test_clocks_drift_so_an_old_sample_gives_way():
    clock = ClockOffset()
    clock.sample(100, 120, 5110)
    assert clock.is_fresh(119 + FRESH_NS) and not clock.is_fresh(120 + FRESH_NS)
    clock.sample(FRESH_NS + 200, FRESH_NS + 300, FRESH_NS + 9250)
    assert clock.offset_ns == 9000


def test_before_a_sample_nothing_is_known():
    clock = ClockOffset()
    assert clock.offset_ns == 0 and clock.error_ns is None and not clock.is_fresh(0)
    clock.sample(100, 120, 5110)
    clock.reset()
    assert clock.offset_ns == 0 and not clock.is_fresh(120)
