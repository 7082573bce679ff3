"""What a scenario does to an agent, and how long it takes to answer: recovery and restoration."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.scenario import Event, EventKind, Scenario
from pipeline.slos import Sense, Slo

LASTING = 5  # steps that must be good for good to have come back
SETTLED = 10  # last steps of a phase that say what it was like
SHORTEST_PHASE = 10  # steps; what changes sooner leaves no time to answer
REGAINED = 0.9  # of the lost QoE, for it to be restored
LEAST_LOSS = 0.02  # of QoE; less is not worth regaining

Truths = NDArray[np.bool_]
Values = NDArray[np.float64]


class Turn(NamedTuple):
    """A step (from 0) at whose beginning the world gets worse, or better."""

    step: int
    is_worse: bool


class Answer(NamedTuple):
    """Steps that an agent took; where it did not manage, the steps it had."""

    steps: int
    is_censored: bool


# --- what happens ---


def turns_of(
    scenario: Scenario, slos: Sequence[Slo], steps: int, interval_s: float, seed: int
) -> tuple[Turn, ...]:
    """Turns of an episode after its beginning, ascending; a step with changes of both kinds is worse."""
    state: dict[object, float] = {EventKind.STREAMS: float(scenario.streams)}
    found = []
    for step, events in sorted(scenario.timeline(steps, interval_s, seed).items()):
        changes = [burden(event, state, slos) for event in events]
        if step > 0 and any(changes):
            found.append(Turn(step, max(changes) > 0))
    return tuple(found)


def burden(event: Event, state: dict[object, float], slos: Sequence[Slo]) -> float:
    """How much worse an event makes the world, < 0 for better; `state` is brought up to date.

    `state` has the streams, the workers lost of each kind, each worker's slowdown, bandwidths and thresholds,
    such that more is worse.
    """
    value = event.value or 0.0
    match event.kind:
        case EventKind.STREAMS:
            key, before, after = EventKind.STREAMS, 1.0, value
        case EventKind.LOSE_WORKER | EventKind.JOIN_WORKER:
            key, before = ("lost", event.worker), 0.0
            lost = 1.0 if event.kind is EventKind.LOSE_WORKER else -1.0
            after = state.get(key, before) + lost
        case EventKind.SLOW_WORKER:
            key, before, after = ("slow", event.worker), 1.0, value
        case EventKind.LINKS:
            key, before, after = EventKind.LINKS, -np.inf, -value
        case EventKind.THRESHOLD:
            slo = next(slo for slo in slos if slo.metric == event.metric)
            sign = -1.0 if slo.sense is Sense.AT_MOST else 1.0
            key, before, after = ("threshold", event.metric), sign * slo.threshold, sign * value
    change = after - state.get(key, before)
    state[key] = after
    return change


# --- how it is answered ---


def phases(turns: Sequence[Turn], n_steps: int) -> list[tuple[Turn, int]]:
    """Each turn that leaves time to answer, with the step at which its phase ends."""
    ends = [turn.step for turn in turns] + [n_steps]
    return [
        (turn, end) for turn, end in zip(turns, ends[1:], strict=True) if end - turn.step >= SHORTEST_PHASE
    ]


def recoveries(
    held: Truths, broken: Truths, turns: Sequence[Turn], needed: Mapping[int, bool]
) -> list[Answer]:
    """After each turn for the worse: the first step from which all SLOs hold for LASTING steps.

    Args:
        held, broken: per step, whether all SLOs held, and whether any was broken; shape (n_steps,) each.
        turns: of the episode.
        needed: by a turn's step, whether holding still would have broken an SLO; otherwise it does not count.
            Where that is not known, it counts if one was broken.
    """
    found = []
    for turn, end in phases(turns, len(held)):
        phase = slice(turn.step, end)
        if turn.is_worse and needed.get(turn.step, bool(broken[phase].any())):
            found.append(first_lasting(held[phase]))
    return found


def first_lasting(truths: Truths) -> Answer:
    """The first step from which LASTING steps in a row are true."""
    runs = np.convolve(truths, np.ones(LASTING), mode="valid") == LASTING
    return Answer(int(runs.argmax()), False) if runs.any() else Answer(len(truths), True)


def restorations(qoe: Values, turns: Sequence[Turn]) -> list[Answer]:
    """After each turn for the better that undoes one for the worse: how long until the lost QoE is regained.

    Lost is the QoE before the disturbance less that at its end, each the mean of up to SETTLED steps. It is
    regained at the first step from which the mean of LASTING steps is at least what was left and REGAINED of
    what was lost. Disturbances end in the reverse order of their beginning; losses below LEAST_LOSS do not
    count.

    Args:
        qoe: per step, shape (n_steps,).
        turns: of the episode.
    """
    ends = {turn.step: end for turn, end in phases(turns, len(qoe))}
    starts = [0, *(turn.step for turn in turns)]
    before: list[float] = []  # of disturbances that have not gone
    found = []
    for start, turn in zip(starts, turns, strict=False):
        settled = float(qoe[max(start, turn.step - SETTLED) : turn.step].mean())
        if turn.is_worse:
            before.append(settled)
        elif before:
            lost = before.pop() - settled
            if lost >= LEAST_LOSS and turn.step in ends:
                phase = qoe[turn.step : ends[turn.step]]
                found.append(first_regained(phase, settled + REGAINED * lost))
    return found


def first_regained(qoe: Values, target: float) -> Answer:
    """The first step from which the mean of LASTING steps is at least the target."""
    means = np.convolve(qoe, np.full(LASTING, 1 / LASTING), mode="valid")
    reached = means >= target - 1e-12
    return Answer(int(reached.argmax()), False) if reached.any() else Answer(len(qoe), True)


def borders(turns: Sequence[Turn], n_steps: int) -> dict[int, int]:
    """By the step of each turn for the worse, the end of its phase."""
    ends = [*(turn.step for turn in turns), n_steps]
    return {turn.step: end for turn, (_, end) in zip(turns, pairwise(ends), strict=True) if turn.is_worse}
