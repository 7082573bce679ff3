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
PLACES = {agent: (colour, i) for colour, members in KINDS for i, agent in enumerate(members)}
SHADES = (-0.25, -0.5, 0.25, -0.7)  # of variants: towards black, or a little towards white, where they fade
N_STYLES = 112  # numbers after which markers, lines and shades come round together


class AgentStyle(NamedTuple):
    """How an agent is drawn."""

    colour: str
    marker: str
    line: str


def agent_styles(names: Sequence[str]) -> dict[str, AgentStyle]:
    """Return styles by name: known agents look as always, and "agent-variant" has a shade of its agent's.

    Others' and variants' styles come from their names, so that they do not change with the company; only
    where two would be alike, is the later one of these names given the next style that is free.
    """
    styles: dict[str, AgentStyle] = {}
    for name in sorted(dict.fromkeys(names), key=lambda name: "-" in name):
        agent, _, variant = name.partition("-")
        number, other = divmod(crc32(agent.encode()), len(OTHERS))
        colour, number = PLACES.get(agent, (OTHERS[other], number))
        first, shades = (crc32(variant.encode()), SHADES) if variant else (number, (0.0,))
        looks = []
        for i in range(first, first + N_STYLES):
            shade = shades[i // len(LINES) % len(shades)]
            looks.append(AgentStyle(shaded(colour, shade), MARKERS[i % len(MARKERS)], LINES[i % len(LINES)]))
        styles[name] = next((look for look in looks if look not in styles.values()), looks[0])
    return styles


def shaded(colour: str, shade: float) -> str:
    """Mix a colour with white, or with black; `shade` is in (−1, 1), 0 = as it is."""
    end = 1.0 if shade > 0 else 0.0
    red, green, blue = (part + abs(shade) * (end - part) for part in to_rgb(colour))
    return to_hex((red, green, blue)).upper()
