"""One integer, one world: drawn, kept if it is a question, and of the kind that its number asks for."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from typing import Any

import numpy as np

from envs.accuracy import StreamProfile
from envs.hardware import Hardware
from envs.procedural.ranges import (
    Stratum,
    Stream,
    draw_hardware,
    draw_memory_mb,
    draw_scenario,
    draw_scene,
    draw_slos,
    draw_stream,
)
from envs.procedural.screening import Screened, screen
from envs.processes import shared_among
from envs.scenario import Scenario
from envs.simulator.system import Cell, System
from envs.spec import ElasticitySpec, Quality
from envs.video import video_spec
from pipeline.slos import Slo

STEPS = 120  # control intervals of an episode, 1 s each
SCREENED_STEPS = 40  # of one that only says whether the world is a question
# of twelve worlds in a row; "fixed shares by what binds"
SHARES = (
    *(Stratum.COMPUTE, Stratum.LINK, Stratum.MIXED, Stratum.LATENCY, Stratum.COMPUTE, Stratum.LINK),
    *(Stratum.COMPUTE, Stratum.LINK, Stratum.MIXED, Stratum.LATENCY, Stratum.MEMORY, Stratum.LATENCY),
)
FIRST_VALIDATION, FIRST_EVALUATION = 10**6, 10**9
LAST = 2**62


class Split(StrEnum):
    """What a world may be used for, by its number."""

    TRAINING = "training"  # below 1,000,000: to train, search and tune on
    VALIDATION = "validation"  # below 2,000,000: to look at as often as one likes
    EVALUATION = "evaluation"  # from 1,000,000,000 on: to judge by, once


def split_of(number: int) -> Split:
    """Return what a world may be used for. Raises ValueError: no world has this number."""
    if 0 <= number < FIRST_VALIDATION:
        return Split.TRAINING
    if FIRST_VALIDATION <= number < 2 * FIRST_VALIDATION:
        return Split.VALIDATION
    if FIRST_EVALUATION <= number <= LAST:
        return Split.EVALUATION
    raise ValueError(
        f"there is no world {number}: below 1,000,000 they are to train on, below 2,000,000 to validate, "
        "from 1,000,000,000 on to evaluate"
    )


def numbers(split: Split, n: int, commit: str) -> range:
    """Return the worlds that a comparison is of; all shares are whole where n is a multiple of len(SHARES).

    Args:
        split: what they are for.
        n: how many, >= 1.
        commit: hexadecimal, of the code that is judged: it chooses those of EVALUATION, so that nobody who
            changes an agent knows them.

    Raises:
        ValueError: n is below 1, or there is no commit to choose by.
    """
    if n < 1:
        raise ValueError(f"expected at least one world, got {n}")
    if split is not Split.EVALUATION:
        first = 0 if split is Split.TRAINING else FIRST_VALIDATION
        return range(first, first + n)
    try:
        drawn = int(commit[:12], 16)
    except ValueError:
        raise ValueError(
            f"worlds to judge by are chosen by the commit that is judged, and there is none here ({commit})"
        ) from None
    first = FIRST_EVALUATION + drawn // len(SHARES) * len(SHARES) + (-FIRST_EVALUATION) % len(SHARES)
    return range(first, first + n)


def refuse_evaluation(number: int) -> None:
    """Raise ValueError if a world that is judged by is about to be trained, searched or tuned on."""
    if split_of(number) is Split.EVALUATION:
        raise ValueError(f"world {number} is one to judge by: nothing is trained, searched or tuned on it")


def stratum_of(number: int) -> Stratum:
    """Return what binds in the world of a number, without drawing it. Raises ValueError as `split_of`."""
    split_of(number)
    return SHARES[number % len(SHARES)]


@dataclass(frozen=True, slots=True)
class World:
    """A drawn world.

    Attributes:
        number: the integer that it is drawn by; also the seed of its episode.
        stratum: what binds in it.
        n_drawn: how many were drawn until one was a question of this stratum, >= 1.
        stream, scene, hardware, scenario, slos, memory_budget_mb: what it consists of.
        screened: what its settings come to.
    """

    number: int
    stratum: Stratum
    n_drawn: int
    stream: Stream
    scene: StreamProfile
    hardware: Hardware
    scenario: Scenario
    slos: tuple[Slo, ...]
    memory_budget_mb: float
    screened: Screened

    @property
    def spec(self) -> ElasticitySpec:
        """What an agent sees of it."""
        return spec_of(self.stream, self.scene, self.slos)

    @property
    def fingerprint(self) -> str:
        """12 hexadecimal digits that change with what an agent sees of it, or what its settings come to."""
        came_to = np.round(np.stack([self.screened.held, self.screened.rewards]), 6)
        return hashlib.sha256(self.spec.hash.encode() + came_to.tobytes()).hexdigest()[:12]

    @property
    def cell(self) -> Cell:
        """Where whole episodes of it are played."""
        parts = self.stream, self.scene, self.hardware, self.scenario, self.memory_budget_mb
        return Cell(str(self.number), self.spec, [system_of(*parts, STEPS)])


_known: dict[int, World] = {}


def world(number: int) -> World:
    """Return the world of a number, drawn once in a process. Raises ValueError as `split_of`."""
    if number not in _known:
        _known[number] = draw(number)
    return _known[number]


def is_known(number: int) -> bool:
    """Return whether this process has drawn a world already."""
    return number in _known


def draw_all(numbers: Sequence[int], n_processes: int) -> Iterator[World]:
    """Draw worlds that are not known yet, several at a time; yields them as they come.

    Args:
        numbers: which.
        n_processes: at the same time, >= 1.

    Raises:
        ValueError: as `split_of`.
    """
    left = [(draw, number) for number in numbers if number not in _known]
    if left:
        yield from _as_drawn(left, n_processes)


def draw_again(n_drawn: Mapping[int, int], n_processes: int) -> Iterator[World]:
    """Draw worlds of which it is known how often they were drawn; yields them as they come.

    Args:
        n_drawn: by number, `World.n_drawn` of each.
        n_processes: at the same time, >= 1.

    Raises:
        ValueError: as `split_of`.
    """
    calls = [(candidate, number, n, stratum_of(number)) for number, n in n_drawn.items()]
    yield from _as_drawn(calls, n_processes)


def _as_drawn(calls: Sequence[tuple[Any, ...]], n_processes: int) -> Iterator[World]:
    """Yield what functions return that draw a world, as they come; it is known from then on.

    Args:
        calls: a function and its arguments each.
        n_processes: at the same time, >= 1.
    """
    with shared_among(n_processes, "forkserver") as pool:
        for future in as_completed([pool.submit(*call) for call in calls]):
            drawn = future.result()
            _known[drawn.number] = drawn
            yield drawn


def draw(number: int) -> World:
    """Draw the world of a number; equal numbers give equal worlds.

    Its stratum follows from the number, SHARES in turn. Draws that are no question, or of another stratum,
    are thrown away: about seven of eight, each of which takes a quarter of a second.

    Raises:
        ValueError: as `split_of`.
    """
    wanted = stratum_of(number)
    for n_drawn in count(1):
        drawn = candidate(number, n_drawn, wanted)
        if drawn.screened.is_question and drawn.screened.binds(drawn.spec.n_levels) is wanted:
            return drawn
    raise AssertionError("count has no end")


def candidate(number: int, n_drawn: int, wanted: Stratum) -> World:
    """Draw the n-th candidate for a number, and screen it."""
    rng = np.random.default_rng((number, n_drawn))
    stream = draw_stream(rng)
    scene = draw_scene(rng, stream)
    hardware = draw_hardware(rng, stream, wanted)
    scenario = draw_scenario(rng, hardware, float(STEPS))
    slos = draw_slos(rng, wanted)
    memory_mb = draw_memory_mb(rng, stream, wanted)
    system = system_of(stream, scene, hardware, scenario, memory_mb, SCREENED_STEPS)
    found = screen(spec_of(stream, scene, slos), system, number)
    return World(number, wanted, n_drawn, stream, scene, hardware, scenario, slos, memory_mb, found)


def spec_of(stream: Stream, scene: StreamProfile, slos: Sequence[Slo]) -> ElasticitySpec:
    """Return what an agent sees; quality is what is found."""
    return video_spec(stream.ladders, slos, quality=Quality.ACCURACY, profile=scene)


def system_of(
    stream: Stream,
    scene: StreamProfile,
    hardware: Hardware,
    scenario: Scenario,
    memory_budget_mb: float,
    steps: int,
) -> System:
    """Return what is simulated."""
    return System(
        ladders=stream.ladders,
        source_size=(stream.width, stream.height),
        source_fps=stream.fps,
        hardware=hardware,
        scenario=scenario,
        memory_budget_mb=memory_budget_mb,
        accuracy=scene,
        steps=steps,
    )
