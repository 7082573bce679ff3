"""After a raise that broke an SLO nothing is tried for a while, for twice as long each time it happens.

A habit, in the sense of active inference: a prior over policies that does not follow from what is believed of
the world now. It keeps an agent from trying in every lull of a load that flaps.
"""

from typing import NamedTuple

SEEN_WITHIN = 3  # intervals after a raise, beyond the delay of telemetry, in which what breaks is its doing
PROVEN_AFTER = 10  # intervals after which a raise has not failed
MOST_DOUBLINGS = 6
NEVER = -1


class Habit(NamedTuple):
    """What became of raises.

    Attributes:
        raised: when the last one was made that is not judged yet, else NEVER.
        barred_until: when there may be trials again.
        n_failed: raises that failed, less those that did not.
    """

    raised: int = NEVER
    barred_until: int = 0
    n_failed: int = 0


def judged(habit: Habit, time: int, is_broken: bool, delay: int, first_bar: int) -> Habit:
    """Return the habit at a decision.

    Args:
        habit: before.
        time: number of the decision.
        is_broken: whether any SLO is.
        delay: of telemetry, in intervals.
        first_bar: intervals without trials after the first failure, >= 0.
    """
    since = time - habit.raised
    if habit.raised == NEVER:
        return habit
    if is_broken and since <= SEEN_WITHIN + delay:
        until = time + first_bar * 2 ** min(habit.n_failed, MOST_DOUBLINGS)
        return Habit(NEVER, until, habit.n_failed + 1)
    if since > PROVEN_AFTER:
        return Habit(NEVER, habit.barred_until, max(habit.n_failed - 1, 0))
    return habit
