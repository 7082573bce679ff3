"""How late telemetry is shows in the first report, and in which change of the settings a change follows."""

import numpy as np
import pytest

from agents.causal import lateness, metrics
from agents.causal.agent import Causal
from agents.causal.lateness import LATER
from tests.agents.episodes import make
from tests.agents.streams import ledger

SPEC = ledger().spec
SETTINGS = np.array(list(np.ndindex(*SPEC.n_levels)))
DESIGN = metrics.design(SPEC, SETTINGS, is_queue=False)
BELIEFS = [metrics.prior(SPEC, stage) for stage in range(len(SPEC.stages))]
LOW, HIGH = 0, len(SETTINGS) - 1


def told(rows, delay, longest=4):
    """What is known after a report per interval, all but the first of which are so late."""
    known = lateness.beginning(longest, len(SPEC.stages))
    for t in range(len(rows)):
        ln_pressures = np.array([DESIGN[rows[max(t - delay, 0)]] @ belief.mean for belief in BELIEFS])
        known = lateness.in_force(known, rows[t])
        known = lateness.reported(known, ln_pressures, BELIEFS, DESIGN)
    return known


@pytest.mark.parametrize("delay", (0, 1, 3))
def test_a_change_is_of_the_setting_that_was_in_force_before_the_delay(delay):
    known = told([LOW] * 6 + [HIGH] * 2 + [LOW] * 6 + [HIGH] * delay, delay)
    assert known.delay == delay
    assert known.reported == LOW
    assert known.pending.tolist() == [HIGH] * delay


def test_settings_that_are_held_tell_of_no_delay():
    known = told([HIGH] * 12, 2)
    assert np.diff(known.ln_p) == pytest.approx(-LATER)


def test_the_first_report_comes_once_the_delay_is_over():
    known = lateness.beginning(4, len(SPEC.stages))
    for _ in range(3):  # the first decision is before any interval
        known = lateness.waited(lateness.in_force(known, LOW))
    known = lateness.reported(lateness.in_force(known, LOW), np.zeros(len(SPEC.stages)), BELIEFS, DESIGN)
    assert known.delay == 2


def test_a_jump_of_the_price_while_settings_change_moves_no_delay_that_was_sure():
    known = told(([LOW] * 4 + [HIGH] * 4) * 2 + [LOW] * 4, 1)
    jumped = known.ln_pressures + 3.0
    known = lateness.reported(lateness.in_force(known, HIGH), jumped, BELIEFS, DESIGN)
    assert known.delay == 1


def test_a_delay_is_part_of_the_context_and_not_of_what_was_learned():
    agent = make("causal", SPEC)
    assert isinstance(agent, Causal)
    model = agent._model
    model.attribute(LOW, np.ones(len(SPEC.stages)))
    assert model.lateness.n_heard == 1
    model.forget_context()
    assert model.lateness.n_heard == 0
