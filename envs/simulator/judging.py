"""What an interval was worth: the catalogue, the SLOs, QoE and reward, compiled from their one definition."""

import math
from typing import Any

import numpy as np

from envs import reward, video, worth
from envs.simulator.compiling import compiled
from envs.simulator.facts import MS_PER_NS, facts_of
from envs.simulator.records import NEVER, NONE
from envs.simulator.verdicts import METRICS, N_KNOBS, QUALITIES, SIMULATED
from envs.simulator.walk import walk
from envs.spec import Quality
from envs.video import STREAMING_F1
from pipeline import metrics, slos
from pipeline.interval import HOPS
from pipeline.slos import RATIO_CAP

N_CATALOGUE = len(SIMULATED)
F1_METRIC = METRICS.index(STREAMING_F1)
BY_ACCURACY, BY_F1, BY_KNOBS, BY_LEVELS, BY_FRUGAL = map(QUALITIES.index, Quality)


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


measure = _each([metric.measure for metric in SIMULATED.values()])
scale = _each([metric.scale for metric in SIMULATED.values()])
slo_ratio = compiled(slos.slo_ratio)
slo_state = compiled(slos.slo_state)
attained = compiled(worth.attained)
step_reward = compiled(reward.step_reward)
mean_accuracy = compiled(video.mean_accuracy)
seen_accuracy = compiled(video.seen_accuracy)
delivered_fps = compiled(metrics.delivered_fps)


@compiled
def judge_metrics(e, facts, values):
    """Metrics in the order of METRICS."""
    measure(facts, values)
    for hop in range(len(HOPS)):
        known = e.i_delivered > 0
        values[N_CATALOGUE + hop] = e.hops[hop] * MS_PER_NS / e.i_delivered if known else math.nan
    base = N_CATALOGUE + len(HOPS)
    values[base], values[base + 1], values[base + 2] = e.i_offered, e.i_delivered, e.i_dropped
    values[base + 3], values[base + 4], values[base + 5] = e.i_thinned, e.i_lost, e.i_late


@compiled
def judge_quality(e, r, facts, v):
    """What was delivered of each knob, and what that is worth by every measure, as `envs.observe` has it."""
    delivered = v.delivered
    delivered[:] = math.nan
    if e.i_delivered > 0:
        delivered[0] = delivered_fps(facts)
        delivered[1] = e.i_heights / e.i_delivered
        delivered[2] = mean_accuracy(e.by_grade, r.accuracies)
    total, gained = 0.0, 0.0
    for knob in range(N_KNOBS):
        total += r.weights[knob]
        if not math.isnan(delivered[knob]):
            gained += r.weights[knob] * attained(delivered[knob], r.lowest[knob], r.highest[knob])
    f1 = v.metrics[F1_METRIC]
    if not math.isnan(f1):
        v.f1 = f1
    is_known = not math.isnan(v.f1)
    v.qoe_by[BY_ACCURACY] = seen_accuracy(v.f1, delivered[0]) if is_known else math.nan
    v.qoe_by[BY_F1] = v.f1
    v.qoe_by[BY_KNOBS] = gained / total
    v.qoe_by[BY_LEVELS] = mean_position(r, v)
    v.qoe_by[BY_FRUGAL] = spared(r, v)
    chosen = v.qoe_by[r.judged_by]
    v.qoe = 0.0 if math.isnan(chosen) else chosen


@compiled
def judge_slos(r, v, scales):
    """Ratio and state per SLO; returns how many are broken, and the worst ratio of those."""
    n_broken, worst = 0, 0.0
    for i in range(r.n_slos):
        metric = r.slo_metrics[i]
        value = v.metrics[metric]
        v.known[i] = not math.isnan(value)
        v.ratios[i], v.states[i] = 0.0, 0
        if not math.isnan(value):
            v.ratios[i] = slo_ratio(value, v.thresholds[i] * scales[metric], r.at_least[i] != 0)
            v.states[i] = slo_state(v.ratios[i], r.warn_at[i])
        if v.states[i] == 2:
            n_broken += 1
            worst = max(worst, v.ratios[i])
    return n_broken, worst


@compiled
def position(r, v, knob):
    """Level index / (levels - 1) of a knob; 1 if one level."""
    return v.levels[knob] / r.tops[knob] if r.tops[knob] > 0 else 1.0


@compiled
def mean_position(r, v):
    """The mean over the knobs."""
    total = 0.0
    for knob in range(N_KNOBS):
        total += position(r, v, knob)
    return total / N_KNOBS


@compiled
def spared(r, v):
    """As `envs.observe.spared`."""
    asked = 1.0
    for knob in range(N_KNOBS):
        asked *= r.asked[knob, v.levels[knob]]
    return 1.0 - asked


@compiled
def observe(r, v):
    """As `ElasticitySpec.encode`."""
    s = r.n_slos
    for i in range(N_KNOBS):
        v.observation[i] = position(r, v, i)
    for i in range(s):
        v.observation[N_KNOBS + i] = v.ratios[i]
        v.observation[N_KNOBS + s + i] = float(v.known[i])
    first = N_KNOBS + 2 * s
    for i in range(r.n_stages):
        load = math.nan
        if r.stage_metrics[i] != NONE:
            load = v.metrics[r.stage_metrics[i]]
        is_known = not math.isnan(load)
        v.observation[first + i] = min(max(load, 0.0), RATIO_CAP) if is_known else 0.0
        v.observation[first + r.n_stages + i] = 1.0 if is_known else 0.0
    first += 2 * r.n_stages
    for i in range(r.n_observed):
        low, high = r.lows[i], r.highs[i]
        value = v.metrics[r.observed[i]]
        if math.isnan(value):
            value = low
        v.observation[first + i] = min(max((value - low) / (high - low), 0.0), 1.0)


@compiled
def judge_workers(e, v, duration_s):
    """The live workers' figures."""
    for w in range(e.n_workers):
        worker = e.workers[w]
        v.is_live[w] = worker.known != 0 and worker.ready != 0
        busy_s = worker.busy_ns * 1e-9
        v.utilisation[w] = busy_s / duration_s
        service_s = worker.service_ns * 1e-9
        v.service_ms[w] = 1e3 * service_s / worker.processed if worker.processed > 0 else math.nan
        v.processed[w], v.in_hand[w] = worker.processed, worker.n_leased
        v.expected_service_ms[w] = expected_ms(worker.service_est_ns)
        v.expected_transfer_ms[w] = expected_ms(worker.transfer_est_ns)


@compiled
def expected_ms(estimate_ns):
    """An estimate as it is told; NaN while nothing is known."""
    return 1e3 * (estimate_ns * 1e-9) if estimate_ns > 0 else math.nan


@compiled
def note_state(r, e, v):
    """Everything that is true whether or not there was an interval."""
    v.step, v.streams, v.n_workers = e.step, e.n_streams, e.n_workers
    v.levels[0], v.levels[1], v.levels[2] = e.fps_level, e.size_level, e.grade_level
    v.frames[0], v.frames[1], v.frames[2], v.frames[3] = e.offered, e.delivered, e.dropped, e.thinned
    v.frames[4], v.frames[5], v.frames[6], v.frames[7] = e.lost, e.late, e.n_flight, e.requeued
    v.out_of_room = e.out_of_room != 0
    for i in range(r.n_slos):
        v.thresholds[i] = e.thresholds[i]


@compiled
def judge(s, r, e, v):
    """Judge the interval of an episode that has just ended."""
    facts = facts_of(s, e)
    scales = np.empty(N_CATALOGUE)
    note_state(r, e, v)
    judge_metrics(e, facts, v.metrics)
    scale(facts, scales)
    n_broken, worst = judge_slos(r, v, scales)
    judge_quality(e, r, facts, v)
    changed = (
        (e.fps_level != e.previous_fps)
        + (e.size_level != e.previous_size)
        + (e.grade_level != e.previous_grade)
    )
    v.reward = step_reward(n_broken, r.n_slos, worst, v.qoe, changed, N_KNOBS)
    observe(r, v)
    judge_workers(e, v, facts.duration_s)
    v.interval_s = facts.duration_s
    has_ended = e.source_ended_ns != NEVER and e.n_flight == 0
    v.is_over = e.step >= s.n_steps or has_ended


@compiled
def judge_beginning(rules, episodes, verdicts, i):
    """Of an episode that has just begun nothing has been measured."""
    r, v = rules[0], verdicts[i]
    note_state(r, episodes[i], v)
    v.metrics[:] = math.nan
    v.delivered[:] = math.nan
    v.ratios[:] = 0.0
    v.states[:] = 0
    v.known[:] = 0
    v.is_live[:] = 0
    v.qoe = v.reward = v.interval_s = 0.0
    v.f1 = math.nan
    v.qoe_by[:] = math.nan
    v.qoe_by[BY_LEVELS] = mean_position(r, v)
    v.qoe_by[BY_FRUGAL] = spared(r, v)
    v.is_over = False
    observe(r, v)


@compiled
def step_some(systems, rules, episodes, verdicts, events, actions, first, last):
    """One interval of the episodes first ... last - 1, walked and judged; actions: levels, shape (n, 3)."""
    for i in range(first, last):
        s, e = systems[episodes[i].system], episodes[i]
        walk(s, e, events[i], actions[i, 0], actions[i, 1], actions[i, 2])
        judge(s, rules[0], e, verdicts[i])
