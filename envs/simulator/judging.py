"""What an interval was worth: the catalogue, the SLOs, QoE and reward, compiled from their one definition."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs import hardware, reward, spec, video
from envs.simulator.compiling import compiled
from envs.simulator.producer import n_queued
from envs.simulator.records import NEVER, NONE
from envs.simulator.walk import walk
from envs.spec import ElasticitySpec
from pipeline import metrics, slos
from pipeline.metrics import CATALOGUE, HOPS, RECENT_TASKS
from pipeline.slos import Sense

FRAMES = ("offered", "delivered", "dropped", "lost", "late", "in_flight", "requeued")
COUNTS = FRAMES[:5]  # of the interval
METRICS = (*CATALOGUE, *(f"hop_{hop}_ms" for hop in HOPS), *COUNTS)
N_CATALOGUE = len(CATALOGUE)
MS_PER_NS = 1e-6  # as in the producer's meter


class Facts(NamedTuple):
    """The attributes of `pipeline.metrics.Interval` that its metrics use."""

    duration_s: float
    source_fps: float
    fps: float
    n_streams: int
    offered: int
    delivered: int
    gone: int
    queue_size: int
    held_bytes: int
    baseline_bytes: int
    budget_bytes: int
    host_used_bytes: int
    host_bytes: int
    latency_p50_ms: float
    latency_p95_ms: float
    latency_p99_ms: float
    n_workers: int
    processed: int
    busy_s: float
    slowest_service_s: float
    recent_service_s: float
    slowest_recent_service_s: float
    power_w: float


class Rules(NamedTuple):
    """An ElasticitySpec as arrays.

    Attributes:
        slo_metrics: index into the catalogue, shape (n_slos,).
        warn_at, at_least: per SLO.
        lowest, highest, weights, tops: per knob: value of the lowest and highest level, weight in the QoE,
            index of the highest level.
        accuracies: value of each grade, shape (n_grades,).
        observed: index into METRICS, and lows and highs: per further metric of the observation.
    """

    slo_metrics: NDArray[np.int64]
    warn_at: NDArray[np.float64]
    at_least: NDArray[np.bool_]
    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]
    weights: NDArray[np.float64]
    tops: NDArray[np.int64]
    accuracies: NDArray[np.float64]
    observed: NDArray[np.int64]
    lows: NDArray[np.float64]
    highs: NDArray[np.float64]


class Verdicts(NamedTuple):
    """What environments hand out, of n episodes; see `envs.observe.judge`.

    Attributes:
        metrics: in the order of METRICS, shape (n, n_metrics).
        ratios, states, known: per SLO, shape (n, n_slos).
        qoe, quality, rewards: shape (n,).
        delivered: per knob, shape (n, n_knobs).
        levels: per knob, in force, shape (n, n_knobs).
        frames: of the episode, in the order of FRAMES, shape (n, 7).
        worker_is_live: shape (n, n_workers); and of those that are:
        worker_utilisation, worker_service_ms, worker_processed, worker_in_hand.
        streams, steps, interval_s, is_over: shape (n,).
        observations: shape (n, n_observed).
    """

    metrics: NDArray[np.float64]
    ratios: NDArray[np.float64]
    states: NDArray[np.int64]
    known: NDArray[np.bool_]
    qoe: NDArray[np.float64]
    quality: NDArray[np.float64]
    rewards: NDArray[np.float64]
    delivered: NDArray[np.float64]
    levels: NDArray[np.int64]
    frames: NDArray[np.int64]
    worker_is_live: NDArray[np.bool_]
    worker_utilisation: NDArray[np.float64]
    worker_service_ms: NDArray[np.float64]
    worker_processed: NDArray[np.int64]
    worker_in_hand: NDArray[np.int64]
    streams: NDArray[np.int64]
    steps: NDArray[np.int64]
    interval_s: NDArray[np.float64]
    is_over: NDArray[np.bool_]
    observations: NDArray[np.float32]


def rules_of(spec: ElasticitySpec) -> Rules:
    """Of a `video_spec`."""
    names = list(CATALOGUE)
    return Rules(
        slo_metrics=np.array([names.index(slo.metric) for slo in spec.slos]),
        warn_at=np.array([slo.warn_at for slo in spec.slos]),
        at_least=np.array([slo.sense is Sense.AT_LEAST for slo in spec.slos]),
        lowest=np.array([knob.value[0] for knob in spec.knobs], float),
        highest=np.array([knob.value[-1] for knob in spec.knobs], float),
        weights=np.array([knob.weight for knob in spec.knobs], float),
        tops=np.array(spec.highest),
        accuracies=np.array(spec.knobs[2].value, float),
        observed=np.array([METRICS.index(metric.name) for metric in spec.metrics], np.int64),
        lows=np.array([metric.low for metric in spec.metrics], float),
        highs=np.array([metric.high for metric in spec.metrics], float),
    )


def verdicts_of(spec: ElasticitySpec, n: int, n_workers: int) -> Verdicts:
    """Arrays for n episodes."""
    n_slos, n_knobs = len(spec.slos), len(spec.knobs)
    return Verdicts(
        metrics=np.zeros((n, len(METRICS))),
        ratios=np.zeros((n, n_slos)),
        states=np.zeros((n, n_slos), np.int64),
        known=np.zeros((n, n_slos), np.bool_),
        qoe=np.zeros(n),
        quality=np.zeros(n),
        rewards=np.zeros(n),
        delivered=np.zeros((n, n_knobs)),
        levels=np.zeros((n, n_knobs), np.int64),
        frames=np.zeros((n, len(FRAMES)), np.int64),
        worker_is_live=np.zeros((n, n_workers), np.bool_),
        worker_utilisation=np.zeros((n, n_workers)),
        worker_service_ms=np.zeros((n, n_workers)),
        worker_processed=np.zeros((n, n_workers), np.int64),
        worker_in_hand=np.zeros((n, n_workers), np.int64),
        streams=np.zeros(n, np.int64),
        steps=np.zeros(n, np.int64),
        interval_s=np.zeros(n),
        is_over=np.zeros(n, np.bool_),
        observations=np.zeros((n, len(spec.observation_space.low)), np.float32),
    )


def _each(functions: list[Any]) -> Any:
    """A compiled function that writes the value of each of these, of the same facts, into an array."""
    last = compiled(functions[-1])
    place = len(functions) - 1
    if place == 0:

        def fill(facts, values):
            values[place] = last(facts)

    else:
        others = _each(functions[:-1])

        def fill(facts, values):
            others(facts, values)
            values[place] = last(facts)

    return compiled(fill)


measure = _each([metric.measure for metric in CATALOGUE.values()])
scale = _each([metric.scale for metric in CATALOGUE.values()])
slo_ratio = compiled(slos.slo_ratio)
slo_state = compiled(slos.slo_state)
worth = compiled(spec.worth)
step_reward = compiled(reward.step_reward)
mean_accuracy = compiled(video.mean_accuracy)
mean_power_w = compiled(hardware.mean_power_w)
delivered_fps = compiled(metrics.delivered_fps)


@compiled
def percentile_ms(ordered, n, share):
    """As numpy.percentile has it, linear between neighbours, of n >= 1 times in ns, in order."""
    place = share * (n - 1)
    left = int(place)
    a, weight = ordered[left] * MS_PER_NS, place - left
    b = ordered[min(left + 1, n - 1)] * MS_PER_NS
    return b - (b - a) * (1.0 - weight) if weight >= 0.5 else a + (b - a) * weight


@compiled
def latencies_ms(s, e):
    """(p50, p95, p99); if nothing was delivered the age of the oldest frame in flight, NaN without one."""
    n = e.i_delivered
    if n > 0:
        ordered = e.latencies_ns[:n]
        ordered.sort()
        return (
            percentile_ms(ordered, n, 0.5),
            percentile_ms(ordered, n, 0.95),
            percentile_ms(ordered, n, 0.99),
        )
    age_ms = math.nan
    if e.oldest != NONE:
        age_ms = (e.now_ns - e.frames[e.oldest].captured_ns) * MS_PER_NS
    return age_ms, age_ms, age_ms


@compiled
def mean_recent_s(recent, n_recent):
    """Mean of the last tasks' service times, NaN if there were none."""
    n = min(n_recent, RECENT_TASKS)
    if n == 0:
        return math.nan
    total = 0
    for i in range(n):
        total += recent[i]
    return total / n * 1e-9


@compiled
def facts_of(s, e):
    """The facts of the interval that has just ended."""
    duration_s = s.interval_ns * 1e-9
    n_live, processed, busy_s, power_w = 0, 0, 0.0, 0.0
    slowest_s, slowest_recent_s = math.nan, math.nan
    for w in range(e.n_workers):
        worker = e.workers[w]
        if not (worker.known and worker.ready):
            continue
        worker_busy_s = worker.busy_ns * 1e-9
        n_live += 1
        processed += worker.processed
        busy_s += worker_busy_s
        if worker.processed > 0:
            mean_s = worker_busy_s / worker.processed
            slowest_s = mean_s if math.isnan(slowest_s) else max(slowest_s, mean_s)
        recent_s = mean_recent_s(worker.recent, worker.n_recent)
        if not math.isnan(recent_s):
            slowest_recent_s = recent_s if math.isnan(slowest_recent_s) else max(slowest_recent_s, recent_s)
        kind = s.kinds[worker.kind]
        if kind.has_power:
            power_w += mean_power_w(worker_busy_s / duration_s, kind.idle_w, kind.busy_w)
        else:
            power_w = math.nan
    if n_live == 0:
        power_w = math.nan
    p50_ms, p95_ms, p99_ms = latencies_ms(s, e)
    return Facts(
        duration_s,
        s.source_fps,
        s.rates[e.fps_level].fps,
        e.n_streams,
        e.i_offered,
        e.i_delivered,
        e.i_dropped + e.i_lost + e.i_late,
        n_queued(s, e),
        e.held_bytes,
        s.baseline_bytes,
        s.budget_bytes,
        s.host_used_bytes,
        s.host_bytes,
        p50_ms,
        p95_ms,
        p99_ms,
        n_live,
        processed,
        busy_s,
        slowest_s,
        mean_recent_s(e.recent, e.n_recent),
        slowest_recent_s,
        power_w,
    )


@compiled
def judge_metrics(s, e, facts, values, scales):
    """Metrics in the order of METRICS."""
    measure(facts, values)
    scale(facts, scales)
    for hop in range(len(HOPS)):
        known = e.i_delivered > 0
        values[N_CATALOGUE + hop] = e.hops[hop] * MS_PER_NS / e.i_delivered if known else math.nan
    base = N_CATALOGUE + len(HOPS)
    values[base], values[base + 1], values[base + 2] = e.i_offered, e.i_delivered, e.i_dropped
    values[base + 3], values[base + 4] = e.i_lost, e.i_late


@compiled
def judge_quality(s, e, facts, rules, delivered):
    """What was delivered of each knob, and the QoE of it."""
    delivered[:] = math.nan
    if e.i_delivered > 0:
        delivered[0] = delivered_fps(facts)
        delivered[1] = e.i_heights / e.i_delivered
        delivered[2] = mean_accuracy(e.by_grade, rules.accuracies)
    total, gained = 0.0, 0.0
    for knob in range(3):
        total += rules.weights[knob]
        if not math.isnan(delivered[knob]):
            part = worth(delivered[knob], rules.lowest[knob], rules.highest[knob])
            gained += rules.weights[knob] * part
    return gained / total


@compiled
def judge_slos(rules, thresholds, values, scales, ratios, states, known):
    """Ratio and state per SLO; returns how many are broken, and the worst ratio of those."""
    n_broken, worst = 0, 0.0
    for i in range(len(rules.slo_metrics)):
        value = values[rules.slo_metrics[i]]
        known[i] = not math.isnan(value)
        ratios[i], states[i] = 0.0, 0
        if known[i]:
            bound = thresholds[i] * scales[rules.slo_metrics[i]]
            ratios[i] = slo_ratio(value, bound, rules.at_least[i])
            states[i] = slo_state(ratios[i], rules.warn_at[i])
        if states[i] == 2:
            n_broken += 1
            worst = max(worst, ratios[i])
    return n_broken, worst


@compiled
def observe(rules, levels, ratios, known, values, observation):
    """As `ElasticitySpec.encode`; returns the mean position of the knobs."""
    k, s = len(levels), len(ratios)
    total = 0.0
    for i in range(k):
        position = levels[i] / rules.tops[i] if rules.tops[i] > 0 else 1.0
        total += position
        observation[i] = position
    for i in range(s):
        observation[k + i] = ratios[i]
        observation[k + s + i] = 1.0 if known[i] else 0.0
    for i in range(len(rules.observed)):
        low, high = rules.lows[i], rules.highs[i]
        value = values[rules.observed[i]]
        if math.isnan(value):
            value = low
        observation[k + 2 * s + i] = min(max((value - low) / (high - low), 0.0), 1.0)
    return total / k


@compiled
def judge_workers(s, e, verdicts, i, duration_s):
    """The live workers' figures."""
    verdicts.worker_is_live[i] = False
    for w in range(e.n_workers):
        worker = e.workers[w]
        if worker.known and worker.ready:
            busy_s = worker.busy_ns * 1e-9
            verdicts.worker_is_live[i, w] = True
            verdicts.worker_utilisation[i, w] = busy_s / duration_s
            mean_ms = 1e3 * busy_s / worker.processed if worker.processed > 0 else math.nan
            verdicts.worker_service_ms[i, w] = mean_ms
            verdicts.worker_processed[i, w] = worker.processed
            verdicts.worker_in_hand[i, w] = worker.n_leased


@compiled
def note_state(s, e, verdicts, i):
    """Everything that is true whether or not there was an interval."""
    levels, frames = verdicts.levels[i], verdicts.frames[i]
    levels[0], levels[1], levels[2] = e.fps_level, e.size_level, e.grade_level
    frames[0], frames[1], frames[2], frames[3] = e.offered, e.delivered, e.dropped, e.lost
    frames[4], frames[5], frames[6] = e.late, e.n_flight, e.requeued
    verdicts.streams[i], verdicts.steps[i] = e.n_streams, e.step


@compiled
def judge(systems, rules, episodes, i, verdicts):
    """Judge the interval of episode i that has just ended."""
    s, e = systems[episodes[i].system], episodes[i]
    facts = facts_of(s, e)
    scales = np.empty(N_CATALOGUE)
    values, ratios, known = verdicts.metrics[i], verdicts.ratios[i], verdicts.known[i]
    note_state(s, e, verdicts, i)
    judge_metrics(s, e, facts, values, scales)
    n_broken, worst = judge_slos(rules, e.thresholds, values, scales, ratios, verdicts.states[i], known)
    verdicts.qoe[i] = judge_quality(s, e, facts, rules, verdicts.delivered[i])
    levels = verdicts.levels[i]
    changed = (
        (e.fps_level != e.previous_fps)
        + (e.size_level != e.previous_size)
        + (e.grade_level != e.previous_grade)
    )
    verdicts.rewards[i] = step_reward(n_broken, len(ratios), worst, verdicts.qoe[i], changed, len(levels))
    verdicts.quality[i] = observe(rules, levels, ratios, known, values, verdicts.observations[i])
    judge_workers(s, e, verdicts, i, facts.duration_s)
    verdicts.interval_s[i] = facts.duration_s
    has_ended = e.source_ended_ns != NEVER and e.n_flight == 0
    verdicts.is_over[i] = e.step >= s.n_steps or has_ended


@compiled
def judge_beginning(systems, rules, episodes, i, verdicts):
    """Of an episode that has just begun nothing has been measured."""
    s, e = systems[episodes[i].system], episodes[i]
    note_state(s, e, verdicts, i)
    verdicts.metrics[i] = math.nan
    verdicts.ratios[i], verdicts.states[i], verdicts.known[i] = 0.0, 0, False
    verdicts.qoe[i], verdicts.rewards[i] = 0.0, 0.0
    verdicts.delivered[i] = math.nan
    verdicts.worker_is_live[i] = False
    verdicts.interval_s[i], verdicts.is_over[i] = 0.0, False
    verdicts.quality[i] = observe(
        rules,
        verdicts.levels[i],
        verdicts.ratios[i],
        verdicts.known[i],
        verdicts.metrics[i],
        verdicts.observations[i],
    )


@compiled
def step_all(systems, rules, episodes, events, actions, verdicts):
    """One interval of every episode, walked and judged; actions: levels, shape (n, 3)."""
    for i in range(len(episodes)):
        walk(systems, episodes, events, i, actions[i, 0], actions[i, 1], actions[i, 2])
        judge(systems, rules, episodes, i, verdicts)
