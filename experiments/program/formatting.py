"""How knobs, SLOs and figures read in a line of text; shared by every view."""

import math
from collections.abc import Iterable, Sequence

from envs.spec import ElasticitySpec, Knob
from pipeline.slos import SloState

BLOCKS = "▁▂▃▄▅▆▇█"
NAMED = 5  # of what is listed; more are counted


def figure(value: float | None, digits: int = 3) -> str:
    """A number with about `digits` significant digits; an en dash where there is none."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞"
    if 0 < abs(value) < 0.1:
        return f"{value:.{digits - 1}g}"
    whole = len(str(int(abs(value))))
    return f"{value:,.{max(0, digits - whole)}f}"


def counted(n: int, what: str) -> str:
    """ "1 worker", "2 workers"."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def listed(names: Sequence[str]) -> str:
    """Return "a, b and 3 others"."""
    if len(names) <= NAMED + 1:
        return ", ".join(names)
    return f"{', '.join(names[:NAMED])} and {counted(len(names) - NAMED, 'other')}"


def level_text(knob: Knob, level: int) -> str:
    """What a level stands for, with its unit: "20 /s", "360 px", "n"."""
    value = knob.levels[level]
    shown = value if isinstance(value, str) else f"{value:g}"
    return f"{shown} {knob.unit.removeprefix('1')}".strip()


def setting_text(spec: ElasticitySpec, levels: Sequence[int]) -> str:
    """Every knob's level: "20 /s · 360 px · n"."""
    return " · ".join(level_text(knob, level) for knob, level in zip(spec.knobs, levels, strict=True))


def state_name(code: int) -> str:
    """OK, WARNING or CRITICAL."""
    return SloState(code).name


def sparkline(values: Iterable[float | None], top: float) -> str:
    """One block per value, full at `top` and above; a space where there is none."""
    return "".join(_block(value, top) for value in values)


def _block(value: float | None, top: float) -> str:
    if value is None or math.isnan(value):
        return " "
    share = min(max(value / top, 0.0), 1.0)
    return BLOCKS[min(int(share * len(BLOCKS)), len(BLOCKS) - 1)]
