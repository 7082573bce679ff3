"""What an interval was worth: the catalogue, the SLOs, QoE and reward, compiled from their one definition."""

import math
from typing import Any

import numpy as np

from envs import reward, spec, video
from envs.simulator.compiling import compiled
from envs.simulator.facts import MS_PER_NS, facts_of
from envs.simulator.records import NEVER
from envs.simulator.walk import walk
from pipeline import metrics, slos
from pipeline.metrics import CATALOGUE, HOPS

N_CATALOGUE = len(CATALOGUE)


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
delivered_fps = compiled(metrics.delivered_fps)


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
