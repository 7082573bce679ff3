"""Moving along a stream's Pareto front, one position dearer or cheaper, without flapping.

`settle` stands between what a controller wishes and what is set, as stabilisation stands between the
Kubernetes HPA's recommendations and the replicas: down at once, up only as far as every wish within a
window, and what led to trouble is barred for longer each time.
"""

from bisect import bisect_right
from dataclasses import dataclass, field, replace

from agents.common.bottleneck import first_scales
from agents.common.pressure import SURE, Reading, Watch
from agents.common.settings import Levels, Scales, cost, pareto_front
from envs.spec import ElasticitySpec

SAME_COST = (
    1 + 1e-9
)  # products of the same costs may differ by less, for they were multiplied in another order


class Front:
    """The settings that no other beats in both cost and worth; a position is an index, the cheapest is 0.

    Args:
        spec: the stream.
        scales: of the stages, see agents.common.bottleneck; None = before anything was seen.

    Attributes:
        scales: those.
        levels: per position, level index per knob.
        costs: per position, ascending.
    """

    def __init__(self, spec: ElasticitySpec, scales: Scales | None = None):
        self._spec = spec
        self.scales = scales or first_scales(spec)
        front = pareto_front(spec, self.scales)
        self.levels = tuple(setting.levels for setting in front)
        self.costs = tuple(setting.cost for setting in front)

    @property
    def top(self) -> int:
        """Return the dearest position."""
        return len(self.costs) - 1

    def within(self, affordable: float) -> int:
        """Return the dearest position of at most that cost; 0 if there is none."""
        return max(bisect_right(self.costs, affordable * SAME_COST) - 1, 0)

    def position(self, levels: Levels) -> int:
        """Return where these levels stand by their cost, whether or not they are on the front."""
        return self.within(cost(self._spec, levels, self.scales))


@dataclass(frozen=True, slots=True)
class Patience:
    """How slow to change; the keys of conf/agent/{hpa,aimd,pid}.yaml that these agents share.

    Attributes:
        cool_down: readings after levels were lowered that may yet speak of the time before, >= 0.
        window: readings in a row that must wish for more before a raise, >= 1.
        probation: decisions in which trouble is blamed on the last raise, and readings for which a broken SLO
            with memory is left to drain while nothing else is, >= 1.
        first_bar: decisions after which what failed once is tried again, >= 1; twice as many the next time.
        longest_bar: decisions after which it is tried again at the latest, >= first_bar.
    """

    cool_down: int
    window: int
    probation: int
    first_bar: int
    longest_bar: int

    def __post_init__(self) -> None:
        if min(self.window, self.probation, self.first_bar) < 1 or self.cool_down < 0:
            raise ValueError(f"expected window, probation, first_bar >= 1 and cool_down >= 0, got {self}")
        if self.longest_bar < self.first_bar:
            raise ValueError(f"longest_bar must be >= first_bar, got {self.longest_bar} and {self.first_bar}")


@dataclass(frozen=True, slots=True)
class Course:
    """What is remembered of the way along the front.

    Attributes:
        since_change: decisions since the position last changed.
        wishes: the last readings' in a row that were for more, since then and after the cool-down.
        was_lowered: whether that change was a lowering.
        raised_from: the position before it, if it was a raise which trouble may yet be blamed on.
        proven: the dearest position that outlived a probation.
        stride: positions of the next raise where no pressure tells how many are safe.
        bar: this position and dearer ones are barred, None for none.
        bar_left: decisions for which they still are.
        bar_length: decisions the last bar was to last, 0 for none yet.
        bar_price: pressure per cost when it was set: half of it, and the bar has lost its reason.
        watch: whether a backlog drains, and which way a lower bound is mended.
    """

    since_change: int = 0
    wishes: tuple[int, ...] = ()
    was_lowered: bool = False
    raised_from: int | None = None
    proven: int = 0
    stride: int = 1
    bar: int | None = None
    bar_left: int = 0
    bar_length: int = 0
    bar_price: float = 0.0
    watch: Watch = field(default_factory=Watch)

    def after(self, spec: ElasticitySpec, reading: Reading) -> tuple["Course", Reading]:
        """Return the course one reading later, and that reading with what lower bounds say to it."""
        watch, reading = self.watch.after(spec, reading)
        course = replace(
            self, watch=watch, since_change=self.since_change + 1, bar_left=max(self.bar_left - 1, 0)
        )
        return course, reading

    def moved_to(self, before: Front, front: Front) -> "Course":
        """Return the course on another front: its positions are where their settings stand there."""

        def place(position: int) -> int:
            return front.position(before.levels[position])

        price = self.bar_price
        if self.bar is not None:
            price *= before.costs[self.bar] / front.costs[place(self.bar)]
        return replace(
            self,
            wishes=tuple(map(place, self.wishes)),
            raised_from=None if self.raised_from is None else place(self.raised_from),
            proven=place(self.proven),
            bar=None if self.bar is None else place(self.bar),
            bar_price=price,
        )

    def is_stuck(self, patience: Patience, reading: Reading) -> bool:
        """Return whether a broken backlog needs lower levels, and not just time."""
        return self.watch.drain.is_stuck(reading, patience.probation)


def demand(patience: Patience, course: Course, reading: Reading) -> float | None:
    """Return what the levels ask for, as a share of where WARNING begins; None where that is not known.

    Of several metrics the most demanding one. The pressure, where there can be one; SLOs with memory join in
    while they are stuck above their threshold, or near it where they are all there is.
    """
    if reading.pressure is not None:
        is_stuck = course.is_stuck(patience, reading)
        return max(reading.pressure, reading.backlog or 0.0) if is_stuck else reading.pressure
    if reading.backlog is None or (reading.backlog_broken and course.watch.drain.strikes == 0):
        return None
    return reading.backlog if reading.all_ok or reading.backlog > 1 else None


def settle(
    patience: Patience, course: Course, front: Front, reading: Reading, now: int, wish: int
) -> tuple[int, Course]:
    """Return the position to take.

    Args:
        patience: how slow to change.
        course: after this reading.
        front: of the stream.
        reading: what is known of the interval at `now`.
        now: the position in force.
        wish: where the controller would go.
    """
    course = proved(patience, course, reading, now)
    if has_overrun(course, reading):
        wish = min(wish, course.raised_from or 0)
    is_cooling = course.was_lowered and course.since_change <= patience.cool_down
    is_rising = reading.pressure is None and course.watch.drain.rises > 0
    if is_cooling or wish == now or (wish > now and (is_rising or not reading.all_ok)):
        return now, replace(course, wishes=())
    if wish < now:
        return wish, moved(blamed(patience, course, front, reading, now), lowered=True)
    course = replace(course, wishes=(*course.wishes, wish)[-patience.window :])
    target = min(min(course.wishes), highest_open(course, front, reading, now))
    if len(course.wishes) < patience.window or target <= now:
        return now, course
    return target, moved(course, raised_from=now)


def has_overrun(course: Course, reading: Reading) -> bool:
    """Return whether a backlog that goes on growing, with no pressure to tell, accuses the last raise."""
    is_accused = course.raised_from is not None and reading.pressure is None
    return is_accused and course.watch.drain.rises >= SURE


def proved(patience: Patience, course: Course, reading: Reading, now: int) -> Course:
    """Prove a position where all is well after its probation, and lift a bar below it."""
    if course.since_change <= patience.probation or not reading.all_ok or course.watch.drain.strikes >= 1:
        return course
    course = replace(course, raised_from=None, proven=max(course.proven, now))
    if course.bar is not None and now >= course.bar:
        course = replace(course, bar=None, bar_length=0)
    return course


def blamed(patience: Patience, course: Course, front: Front, reading: Reading, now: int) -> Course:
    """Bar a raise that led to trouble, and what broke an SLO in spite of a low pressure.

    Where no pressure will ever say that a bar has lost its reason, the first one is as short as a probation.
    """
    is_misled = reading.pressure is not None and reading.pressure <= 1
    if course.raised_from is None and not is_misled:
        return course
    first = patience.first_bar if reading.pressure is not None else patience.probation
    length = min(max(2 * course.bar_length, first), patience.longest_bar)
    price = (reading.pressure or 0.0) / front.costs[now]
    return replace(course, bar=now, bar_left=length, bar_length=length, bar_price=price)


def highest_open(course: Course, front: Front, reading: Reading, now: int) -> int:
    """Return the dearest position that a raise may go to: short of a bar.

    Where no pressure tells how far is safe, strides double on known ground and until the first failure, as in
    TCP's slow start (Jacobson 1988); else they are of one position.
    """
    limit = front.top
    if reading.pressure is None:
        limit = now + (course.stride if now < course.proven or course.bar is None else 1)
    if course.bar is None or not course.bar_left:
        return limit
    is_roomier = reading.pressure is not None and reading.pressure <= course.bar_price * front.costs[now] / 2
    return limit if is_roomier else min(limit, course.bar - 1)


def moved(course: Course, lowered: bool = False, raised_from: int | None = None) -> Course:
    """Return the course after a change of position."""
    return replace(
        course,
        since_change=0,
        wishes=(),
        was_lowered=lowered,
        raised_from=raised_from,
        stride=1 if lowered else 2 * course.stride,
        watch=course.watch.restarted(),
    )
