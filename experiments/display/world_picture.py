"""A drawn world as a picture: what happens in it, and which of its settings hold the SLOs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from envs.procedural.screening import HELD
from envs.procedural.world import STEPS, World
from envs.scenario import EventKind
from experiments.program.style import COLOURS, drawn_to

WIDE_IN, HIGH_IN = 3.6, 2.2  # of one world
PER_ROW = 4


def draw_worlds(worlds: Sequence[World], path: Path) -> None:
    """Draw worlds side by side; of each, what happens on top, and below it, how often each setting holds.

    Raises:
        ConfigError: as `experiments.program.style.drawn_to`.
    """
    n_rows = -(-len(worlds) // PER_ROW)
    n_columns = min(len(worlds), PER_ROW)
    scale = 2.0 if len(worlds) == 1 else 1.0
    with drawn_to(path, scale * WIDE_IN * n_columns, scale * HIGH_IN * n_rows) as figure:
        cells = figure.subfigures(n_rows, n_columns, squeeze=False).ravel()
        for cell, drawn in zip(cells, worlds, strict=False):
            events, settings = cell.subplots(2, 1, height_ratios=(2, 3))
            events.set_title(f"world {drawn.number}: {drawn.stratum}", fontsize=8)
            timeline(events, drawn)
            held(settings, drawn)


def timeline(axes: Axes, drawn: World) -> None:
    """Draw the number of streams, and where something happens to workers or links."""
    streams = [drawn.scenario.streams]
    events = drawn.scenario.timeline(STEPS, 1.0, drawn.number)
    for step in range(STEPS):
        streams.append(streams[-1])
        for event in events.get(step, ()):
            if event.kind is EventKind.STREAMS:
                streams[-1] = int(event.value or 1)
            elif event.kind is not EventKind.LINKS:
                is_worse = event.kind is EventKind.LOSE_WORKER or (event.value or 0) > 1
                axes.axvline(step, color=COLOURS[1], linewidth=0.8, linestyle="-" if is_worse else ":")
    axes.step(range(STEPS), streams[1:], where="post", color=COLOURS[0], linewidth=1.2)
    axes.set(xlim=(0, STEPS), ylim=(0, max(streams) + 0.5))
    axes.set_ylabel("streams", fontsize=7)
    axes.tick_params(labelsize=6)
    axes.grid(visible=False)


def held(axes: Axes, drawn: World) -> None:
    """Draw the share of the steps in which each setting, held still, keeps all SLOs; a block per grade."""
    shares = drawn.screened.held.reshape(drawn.spec.n_levels)
    n_fps, n_sizes, n_grades = shares.shape
    blocks = np.full((n_sizes, n_grades * (n_fps + 1) - 1), np.nan)
    for grade in range(n_grades):
        first = grade * (n_fps + 1)
        blocks[:, first : first + n_fps] = shares[:, ::-1, grade].T
    axes.imshow(blocks, cmap="PuOr", vmin=0.0, vmax=2 * HELD, aspect="auto")
    middles = [grade * (n_fps + 1) + (n_fps - 1) / 2 for grade in range(n_grades)]
    axes.set_xticks(middles, [f"{grade}: {n_fps} rates" for grade in drawn.stream.ladders.grades], fontsize=6)
    sizes = [height for _, height in drawn.stream.ladders.sizes][::-1]
    axes.set_yticks(range(n_sizes), [f"{height} px" for height in sizes], fontsize=6)
    axes.grid(visible=False)
