"""One colour, marker and line per agent, the same in every figure; kinds of agents share a hue."""

from collections.abc import Sequence
from typing import NamedTuple
from zlib import crc32

from matplotlib.colors import to_hex, to_rgb

from experiments.program.style import COLOURS, LINES

BLUE, VERMILION, GREEN, PINK, SKY, ORANGE, BLACK = COLOURS
GREY = "#999999"
# of agents that are not ours: Paul Tol's muted colours that are far from all the others
OTHERS = ("#882255", "#999933", "#332288", "#44AA99")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (BLUE, ("aif",)),
    (VERMILION, ("causal",)),
    (GREEN, ("ppo", "a2c", "dqn")),
    (ORANGE, ("rule", "hpa", "aimd", "pid")),
    (PINK, ("mpc", "bayes", "bandit")),
    (SKY, ("aif_thesis", "heuristic_thesis", "aci")),
    (BLACK, ("oracle", "best_static")),
    (GREY, ("static", "random")),
)
SHADES = (-0.25, -0.5, 0.25, -0.7)  # of variants: towards black, or a little towards white, where they fade


class AgentStyle(NamedTuple):
    """How an agent is drawn."""

    colour: str
    marker: str
    line: str


def agent_styles(names: Sequence[str]) -> dict[str, AgentStyle]:
    """Return styles by name: known agents look as always, and "agent-variant" has a shade of its agent's.

    A variant's style comes from its name too, so that it does not change with the company; only where two
    would be alike, is the later one of these names given the next style that is free.
    """
    styles: dict[str, AgentStyle] = {}
    for name in sorted(dict.fromkeys(names), key=lambda name: "-" in name):
        agent, _, variant = name.partition("-")
        colour, number = place_of(agent)
        shades = SHADES if variant else (0.0,)
        first = crc32(variant.encode()) if variant else number
        styles[name] = min(
            (style_of(first + i, colour, shades) for i in range(len(MARKERS) * len(LINES) * len(SHADES))),
            key=[*styles.values()].__contains__,  # the first that nobody has
        )
    return styles


def place_of(agent: str) -> tuple[str, int]:
    """Return its kind's colour, and its number among these; by its name if it is not ours."""
    for colour, members in KINDS:
        if agent in members:
            return colour, members.index(agent)
    number, colour = divmod(crc32(agent.encode()), len(OTHERS))
    return OTHERS[colour], number


def style_of(number: int, colour: str, shades: Sequence[float]) -> AgentStyle:
    """Return one of those that a colour has in some shades."""
    shade = shades[number // len(LINES) % len(shades)]
    return AgentStyle(shaded(colour, shade), MARKERS[number % len(MARKERS)], LINES[number % len(LINES)])


def shaded(colour: str, shade: float) -> str:
    """Mix a colour with white, or with black; `shade` is in (−1, 1), 0 = as it is."""
    end = 1.0 if shade > 0 else 0.0
    red, green, blue = (part + abs(shade) * (end - part) for part in to_rgb(colour))
    return to_hex((red, green, blue)).upper()
