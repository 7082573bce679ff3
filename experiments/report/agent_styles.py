"""One colour, marker and line per agent, the same in every picture; kinds of agents share a hue."""

from collections.abc import Sequence
from typing import NamedTuple
from zlib import crc32

from matplotlib.colors import to_hex, to_rgb

from experiments.display.plots import COLOURS, LINES

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
    (SKY, ("aif_thesis", "heuristic_thesis")),
    (BLACK, ("oracle", "best_static")),
    (GREY, ("static", "random")),
)
SHADES = (0.4, -0.45)  # of variants: towards white, or towards black
N_STYLES = 56  # numbers after which markers, lines and shades come round together


class Look(NamedTuple):
    """How an agent is drawn."""

    colour: str
    marker: str
    line: str


class Style(NamedTuple):
    """What tells agents of a kind apart; `shade` is in (−1, 1), 0 = the kind's own colour."""

    shade: float
    marker: str
    line: str


def looks_of(names: Sequence[str]) -> dict[str, Look]:
    """By the entrants' names: known agents look as always, and "agent-variant" has a shade of its agent's.

    A variant's style comes from its name too, so that it does not change with the company; only where two of
    a kind would be alike is the later one of these names given the next style.
    """
    looks: dict[str, Look] = {}
    taken: dict[str, list[Style]] = {}
    for name in sorted(dict.fromkeys(names), key=lambda name: "-" in name):
        agent, _, variant = name.partition("-")
        colour, own, kin = place_of(agent)
        first = crc32(variant.encode()) if variant else own
        # the agents themselves keep their styles, be they there or not
        others = taken.setdefault(colour, []) + [style_of(number, False) for number in kin if variant]
        style = free_style([style_of(first + i, bool(variant)) for i in range(N_STYLES)], others)
        taken[colour].append(style)
        looks[name] = Look(shaded(colour, style.shade), style.marker, style.line)
    return looks


def style_of(number: int, is_variant: bool) -> Style:
    """One of N_STYLES."""
    shade = SHADES[number // len(LINES) % len(SHADES)] if is_variant else 0.0
    return Style(shade, MARKERS[number % len(MARKERS)], LINES[number % len(LINES)])


def free_style(styles: Sequence[Style], taken: Sequence[Style]) -> Style:
    """The first that differs from all: in its marker too, for points have little else; then as a line."""

    def alike(style: Style) -> tuple[bool, bool, bool]:
        return (
            style in taken,
            any(style.marker == other.marker for other in taken),
            any(style._replace(marker="") == other._replace(marker="") for other in taken),
        )

    return min(styles, key=alike)


def shaded(colour: str, shade: float) -> str:
    """Mixed with white, or with black."""
    end = 1.0 if shade > 0 else 0.0
    red, green, blue = (part + abs(shade) * (end - part) for part in to_rgb(colour))
    return to_hex((red, green, blue)).upper()


def place_of(agent: str) -> tuple[str, int, Sequence[int]]:
    """Its kind's colour, its own style's number and those of its kind; by its name if it is not ours."""
    for colour, members in KINDS:
        if agent in members:
            return colour, members.index(agent), range(len(members))
    number = crc32(agent.encode())
    own = number // len(OTHERS)
    return OTHERS[number % len(OTHERS)], own, (own,)
