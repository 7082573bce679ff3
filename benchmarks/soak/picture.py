"""The picture of a soak: memory, descriptors and frames/s over time, and every mishap."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.soak.mishaps import Fault, Mishap
from benchmarks.soak.watching import Sample, by_name

SIZE_IN = 9.0, 8.0
COLOURS = {"producer": "C0", "collector": "C1", "worker": "C2", "inference": "C3"}
EVERY_S = 5.0  # frames are counted in


def draw(path: Path, samples: Sequence[Sample], mishaps: Sequence[Mishap], out_s: Sequence[float]) -> None:
    """Draw it to a file.

    Args:
        path: ends in .png.
        samples: of all processes.
        mishaps: that happened.
        out_s: when frames came out, in s since the beginning.
    """
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=SIZE_IN, layout="constrained", dpi=120)
        memory, descriptors, frames, events = figure.subplots(4, 1, sharex=True)
        for own in by_name(samples).values():
            colour = COLOURS[own[0].role]
            minutes = [sample.at_s / 60 for sample in own]
            memory.plot(minutes, [sample.memory_mb for sample in own], color=colour, lw=0.9)
            descriptors.plot(minutes, [sample.descriptors for sample in own], color=colour, lw=0.9)
        for role, colour in COLOURS.items():
            memory.plot([], [], color=colour, label=role)
        memory.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
        _frames(frames, out_s)
        _events(events, mishaps)
        for axes, title in ((memory, "memory, MB"), (descriptors, "descriptors"), (frames, "frames/s")):
            axes.set_title(title, loc="left", fontweight="bold")
            axes.set_ylim(bottom=0)
        events.set_xlabel("minutes")
        figure.savefig(path)


def _frames(axes: Axes, out_s: Sequence[float]) -> None:
    if len(out_s):
        edges = np.arange(0.0, max(out_s) + EVERY_S, EVERY_S)
        counts, _ = np.histogram(out_s, edges)
        axes.step(edges[:-1] / 60, counts / EVERY_S, where="post", color="C4", lw=0.9)


def _events(axes: Axes, mishaps: Sequence[Mishap]) -> None:
    names = [fault.value for fault in Fault]
    for mishap in mishaps:
        axes.plot(mishap.at_s / 60, names.index(mishap.fault), "|", color="black", ms=9)
    axes.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
    axes.set_title("what went wrong", loc="left", fontweight="bold")
