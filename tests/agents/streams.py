"""Three streams with nothing in common, for agents that must not care: specs, and plants to match."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from envs.spec import ElasticitySpec, Knob
from pipeline.slos import Sense, Slo
from tests.agents.plant import Plant, Work


@dataclass(frozen=True, slots=True)
class Stream:
    """A spec and what it is like in truth.

    Attributes:
        spec: what the agent is told.
        work: what the levels really cost.
        meaning: the plant's method behind each metric of the spec.
    """

    spec: ElasticitySpec
    work: Work
    meaning: dict[str, str]

    def plant(self, capacity: float, seed: int = 0) -> Plant:
        """A plant whose capacity is this multiple of what the highest setting uses up."""
        demand = self.work.per_second(self.spec.highest)
        return Plant(self.spec, self.work, self.meaning, capacity * demand, seed)

    def distorted(self, overhead: float, noise: float, costs: Callable[[int, float], float]) -> "Stream":
        """The same stream where `costs(knob, cost)` is what a level of a cost really costs."""
        true = tuple(tuple(costs(i, c) for c in knob) for i, knob in enumerate(self.work.costs))
        return replace(self, work=replace(self.work, costs=true, overhead=overhead, noise=noise))


def ratios(first: float, *others: float) -> tuple[float, ...]:
    """Costs relative to the first."""
    return (1.0, *(other / first for other in others))


def video() -> Stream:
    """6 x 4 x 3 levels; four SLOs with memory and one without."""
    rates, heights = (5.0, 10.0, 15.0, 20.0, 25.0, 30.0), (90, 180, 270, 360)
    pixels, flops = ratios(90**2, 180**2, 270**2, 360**2), ratios(6.5, 21.5, 68.0)
    spec = ElasticitySpec(
        knobs=(
            Knob("fps", "1/s", rates, rates, (ratios(*rates),)),
            Knob("height", "px", heights, heights, (pixels,)),
            Knob("grade", "", ("n", "s", "m"), (39.5, 47.0, 51.5), (flops,)),
        ),
        slos=(
            Slo("queue_size", 2.0, memory=True),
            Slo("memory_usage", 0.8, memory=True),
            Slo("latency_p95_ms", 1000.0, memory=True),
            Slo("drop_rate", 0.05, memory=True),
            Slo("load", 1.0),
        ),
    )
    meaning = {
        "queue_size": "queue_size",
        "memory_usage": "memory_share",
        "latency_p95_ms": "latency_ms",
        "drop_rate": "drop_rate",
        "load": "load",
    }
    return Stream(spec, Work(rates, (pixels, flops), rate_knob=0), meaning)


def ledger() -> Stream:
    """4 x 3 levels that set what one record costs, and a single SLO, which has memory."""
    spec = ElasticitySpec(
        knobs=(
            Knob("depth", "", (1, 2, 3, 4), (1.0, 2.0, 3.0, 4.0), ((1.0, 2.0, 3.0, 4.0),)),
            Knob("checks", "", ("few", "some", "all"), (0.5, 0.8, 1.0), ((1.0, 2.0, 3.5),)),
        ),
        slos=(Slo("backlog_s", 2.0, memory=True),),
    )
    costs = tuple(knob.costs[0] for knob in spec.knobs)
    return Stream(spec, Work((20.0,), costs, rate_knob=None), {"backlog_s": "queue_size"})


def lidar() -> Stream:
    """4 knobs and 5 SLOs of other names, a lower bound and other margins among them."""
    sweeps = (4.0, 8.0, 16.0)
    spec = ElasticitySpec(
        knobs=(
            Knob("points", "", (1, 2, 4, 8, 16), (0.0, 1.0, 2.0, 3.0, 4.0), ((1.0, 1.6, 2.6, 4.0, 6.5),)),
            Knob("sweeps", "1/s", sweeps, sweeps, (ratios(*sweeps),), weight=2.0),
            Knob("map", "", ("coarse", "fine"), (0.6, 1.0), ((1.0, 3.0),)),
            Knob("range", "m", (20, 40, 60), (0.2, 0.7, 1.0), ((1.0, 1.5, 2.5),), weight=0.5),
        ),
        slos=(
            Slo("wait_ms", 1000.0, warn_at=0.8, memory=True),
            Slo("busy", 0.95),
            Slo("sweeps_done", 3.0, sense=Sense.AT_LEAST),
            Slo("lost", 0.1, memory=True),
            Slo("pending_s", 2.0, warn_at=1.0, memory=True),
        ),
    )
    costs = tuple(spec.knobs[i].costs[0] for i in (0, 2, 3))
    meaning = {
        "wait_ms": "latency_ms",
        "busy": "load",
        "sweeps_done": "delivered_rate",
        "lost": "drop_rate",
        "pending_s": "queue_size",
    }
    return Stream(spec, Work(sweeps, costs, rate_knob=1), meaning)


STREAMS = {"video": video, "ledger": ledger, "lidar": lidar}
