"""Where a bench's figures go: a flat JSON file, and a table for people."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table


@dataclass(frozen=True, slots=True)
class Target:
    """A ratio that must reach a value: `figures[key] >= at_least`, said in words."""

    key: str
    at_least: float
    words: str

    def verdict(self, figures: Mapping[str, float]) -> str:
        """One line: the target, what was measured (and its range over the rounds), whether it is met."""
        value = figures[self.key]
        lowest, highest = figures[f"{self.key}_lowest"], figures[f"{self.key}_highest"]
        met = "[green]met[/green]" if value >= self.at_least else "[red]missed[/red]"
        return f"{self.words}: {value:.2f} ({lowest:.2f} to {highest:.2f}), at least {self.at_least:g}: {met}"


@dataclass(frozen=True, slots=True)
class Limit:
    """A time in ms that must stay below a value: `figures[key] < below`, said in words."""

    key: str
    below: float
    words: str

    def verdict(self, figures: Mapping[str, float]) -> str:
        """As a target's."""
        value = figures[self.key]
        lowest, highest = figures[f"{self.key}_lowest"], figures[f"{self.key}_highest"]
        met = "[green]met[/green]" if value < self.below else "[red]missed[/red]"
        return f"{self.words}: {value:.3g} ms ({lowest:.3g} to {highest:.3g}), below {self.below:g} ms: {met}"


def write_figures(figures: Mapping[str, float], path: Path) -> None:
    """Write a flat map from figure to number.

    Raises:
        ValueError: a figure that is not a finite number.
    """
    for name, value in figures.items():
        if not math.isfinite(value):
            raise ValueError(f"figure {name} must be a finite number, got {value} ({path})")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dict(figures), indent=2) + "\n")


def contenders_table(
    title: str, prefix: str, rows: Sequence[tuple[str, str]], figures: Mapping[str, float]
) -> Table:
    """One row per contender: rate, processor time per frame, ratio to the bare one, share of the limit.

    Args:
        title: of the table.
        prefix: of the figures' names.
        rows: (name in the figures, what it is in words); those without figures are left out.
        figures: as written to the file.
    """
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for column in ("frames/s", "CPU ms/frame", "× bare", "of the limit"):
        table.add_column(column, justify="right")
    limit = figures[f"{prefix}.limit.frames_per_s"]
    for name, words in rows:
        rate = figures.get(f"{prefix}.{name}.frames_per_s")
        if rate is None:
            continue
        ratio = figures.get(f"{prefix}.ratio_{name}_to_bare")
        table.add_row(
            words,
            f"{rate:,.0f}" if rate >= 100 else f"{rate:.1f}",
            f"{figures[f'{prefix}.{name}.cpu_ms_per_frame']:.2f}",
            "" if ratio is None else f"{ratio:.2f}",
            f"{rate / limit:.0%}",
        )
    table.add_section()
    table.add_row("physical limit", f"{limit:,.0f}" if limit >= 100 else f"{limit:.1f}", "", "", "100%")
    return table
