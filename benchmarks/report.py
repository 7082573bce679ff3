"""Where figures go: a flat JSON file, and tables and verdicts for people."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from pipeline.slos import Sense


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure should be.

    Attributes:
        key: of the figure, which has a range over the rounds (`turns.spread`).
        bound: in `unit`.
        words: what the figure is.
        sense: whether the bound is its least or its highest.
        unit: "" = a ratio.
    """

    key: str
    bound: float
    words: str
    sense: Sense = Sense.AT_LEAST
    unit: str = ""

    def is_met(self, figures: Mapping[str, float]) -> bool:
        """Whether the median over the rounds is on the right side."""
        value = figures[self.key]
        return value >= self.bound if self.sense is Sense.AT_LEAST else value <= self.bound

    def verdict(self, figures: Mapping[str, float]) -> str:
        """Return a line: what was measured with its range, the bound, whether it is met."""
        unit = self.unit and f" {self.unit}"
        bound = f"{self.sense.replace('_', ' ')} {self.bound:g}{unit}"
        met = "[green]met[/green]" if self.is_met(figures) else "[red]missed[/red]"
        return f"{self.words}: {with_range(figures, self.key)}{unit}, {bound}: {met}"


def with_range(figures: Mapping[str, float], key: str) -> str:
    """Return the rounds' median and range: "0.62 (0.60 to 0.70)"; "" where there are none."""
    if key not in figures:
        return ""
    lowest, highest = (number(figures[f"{key}_{end}"]) for end in ("lowest", "highest"))
    return f"{number(figures[key])} ({lowest} to {highest})"


def number(value: float) -> str:
    """Return three digits of a number >= 0, or all that are before the point: "0.047", "12.3", "1,234"."""
    if value >= 100:
        return f"{value:,.0f}"
    decimals = 2 - math.floor(math.log10(value)) if value > 0 else 0
    return f"{value:.{min(decimals, 3)}f}"


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Return a table whose first column says what a row is; the others are numbers."""
    made = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    made.add_column("", no_wrap=True)
    for column in columns:
        made.add_column(column, justify="right", vertical="bottom")
    for row in rows:
        made.add_row(*row)
    return made


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
