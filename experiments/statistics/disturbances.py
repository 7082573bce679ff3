"""What a scenario does to an agent, and how long it takes to answer: recovery and restoration."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.scenario import Event, EventKind, Scenario
from experiments.statistics.aggregates import Values
from pipeline.slos import Sense, Slo

LASTING = 5  # steps that must be good for good to have come back
SETTLED = 10  # last steps of a phase that say what it was like
SHORTEST_PHASE = 10  # steps; what changes sooner leaves no time to answer
REGAINED = 0.9  # of the lost QoE, for it to be restored
LEAST_LOSS = 0.02  # of QoE; less is not worth regaining

Truths = NDArray[np.bool_]


class ChangePoint(NamedTuple):
    """A step (from 0) at whose beginning the world gets worse, or better."""

    step: int
    is_worse: bool


class Answer(NamedTuple):
    """Steps that an agent took; where it did not manage, the steps it had."""

    steps: int
    is_censored: bool


# --- what happens ---


def change_points(
    scenario: Scenario, slos: Sequence[Slo], steps: int, interval_s: float, seed: int
) -> tuple[ChangePoint, ...]:
    """Return where an episode changes after its beginning, ascending; what gets both is worse."""
    burdens: dict[object, float] = {EventKind.STREAMS: float(scenario.streams)}
    found = []
    for step, events in sorted(scenario.timeline(steps, interval_s, seed).items()):
        changes = []
        for event in events:
            what, before, after = burden(event, burdens, slos)
            changes.append(after - before)
            burdens[what] = after
        if step > 0 and any(changes):
            found.append(ChangePoint(step, max(changes) > 0))
    return tuple(found)


def burden(event: Event, burdens: Mapping[object, float], slos: Sequence[Slo]) -> tuple[object, float, float]:
    """Return what an event is a burden by, and how large that was and will be; more is worse.

    `burdens` are so far: streams, workers lost of each kind, each worker's slowdown, bandwidths, thresholds.
    """
    value = event.value or 0.0
    match event.kind:
        case EventKind.STREAMS:
            what, normal, after = EventKind.STREAMS, 1.0, value
        case EventKind.LOSE_WORKER | EventKind.JOIN_WORKER:
            what, normal = ("lost", event.worker), 0.0
            after = burdens.get(what, normal) + (1.0 if event.kind is EventKind.LOSE_WORKER else -1.0)
        case EventKind.SLOW_WORKER:
            what, normal, after = ("slow", event.worker), 1.0, value
        case EventKind.LINKS:
            what, normal, after = EventKind.LINKS, -np.inf, -value
        case EventKind.THRESHOLD:
            slo = next(slo for slo in slos if slo.metric == event.metric)
            sign = -1.0 if slo.sense is Sense.AT_MOST else 1.0
            what, normal, after = ("threshold", event.metric), sign * slo.threshold, sign * value
    return what, burdens.get(what, normal), after


# --- how it is answered ---


def phases(points: Sequence[ChangePoint], n_steps: int) -> list[tuple[ChangePoint, int]]:
    """Return each change point with the step at which its phase ends."""
    ends = [*(point.step for point in points[1:]), n_steps]
    return list(zip(points, ends[: len(points)], strict=True))


def borders(points: Sequence[ChangePoint], n_steps: int) -> dict[int, int]:
    """Return, by the step of each change for the worse, the end of its phase."""
    return {point.step: end for point, end in phases(points, n_steps) if point.is_worse}


class Disturbances(NamedTuple):
    """The changes of an episode that count, by their steps; the same for all who are compared.

    So nobody wins by making no disturbance of a change.
    """

    worse: frozenset[int]  # for the worse, and holding still would have broken an SLO
    better: frozenset[int]  # for the better, and undoing one for the worse that had cost QoE


def disturbances_of(
    broken: Truths, qoe: Values, points: Sequence[ChangePoint], needed: Mapping[int, bool]
) -> Disturbances:
    """Return those changes that leave time for an answer, SHORTEST_PHASE, and that count.

    `broken` and `qoe` say per step whether any SLO was broken, and the quality, shapes (n_steps,); `needed`
    by a change's step whether holding still would have broken an SLO: where that is not known, it counts if
    one was broken.
    """
    long = [(point, end) for point, end in phases(points, len(broken)) if end - point.step >= SHORTEST_PHASE]
    worse = [p.step for p, end in long if p.is_worse and needed.get(p.step, bool(broken[p.step : end].any()))]
    better = [step for step, _, _, lost in undone(qoe, points) if lost >= LEAST_LOSS]
    return Disturbances(frozenset(worse), frozenset(better) & {point.step for point, _ in long})


def recoveries(held: Truths, points: Sequence[ChangePoint], counted: Disturbances) -> list[Answer]:
    """Find, after each change for the worse that counts, from where on all SLOs hold for LASTING steps.

    `held` has, per step, whether all SLOs held, shape (n_steps,).
    """
    ends = phases(points, len(held))
    return [first_lasting(held[point.step : end]) for point, end in ends if point.step in counted.worse]


def first_lasting(truths: Truths) -> Answer:
    """Find the first step from which LASTING steps in a row are true."""
    return _first(np.convolve(truths, np.ones(LASTING), mode="valid") == LASTING, len(truths))


def undone(qoe: Values, points: Sequence[ChangePoint]) -> list[tuple[int, int, float, float]]:
    """Return each change for the better that undoes one for the worse: (step, end of its phase, QoE, lost).

    Lost is the QoE before the disturbance less that at its end, each the mean of up to SETTLED steps.
    Disturbances end in the reverse order of their beginning.
    """
    starts = [0, *(point.step for point in points)]
    before: list[float] = []  # of disturbances that have not gone
    found = []
    for start, (point, end) in zip(starts, phases(points, len(qoe)), strict=False):
        settled = float(qoe[max(start, point.step - SETTLED) : point.step].mean())
        if point.is_worse:
            before.append(settled)
        elif before:
            found.append((point.step, end, settled, before.pop() - settled))
    return found


def restorations(qoe: Values, points: Sequence[ChangePoint], counted: Disturbances) -> list[Answer]:
    """Find, after each disturbance that has gone and counts, when the lost QoE is regained.

    That is at the first step from which the mean of LASTING steps is at least what was left and REGAINED of
    what was lost; who had lost nothing has it as soon as it is where it was before. `qoe` is per step.
    """
    found = []
    for step, end, settled, lost in undone(qoe, points):
        if step in counted.better:
            target = settled + (REGAINED * lost if lost > 0 else lost)
            means = np.convolve(qoe[step:end], np.full(LASTING, 1 / LASTING), mode="valid")
            found.append(_first(means >= target - 1e-12, end - step))
    return found


def _first(reached: Truths, n_steps: int) -> Answer:
    return Answer(int(reached.argmax()), False) if reached.any() else Answer(n_steps, True)
