"""One colour, marker and line per agent, the same in every picture; kinds of agents share a colour."""

from collections.abc import Sequence
from typing import NamedTuple

from experiments.plots import COLOURS

BLUE, VERMILION, GREEN, PINK, SKY, ORANGE, BLACK = COLOURS
GREY = "#999999"
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", "-.", ":")
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


class Look(NamedTuple):
    """How an agent is drawn."""

    colour: str
    marker: str
    line: str


def looks_of(names: Sequence[str]) -> dict[str, Look]:
    """By the entrants' names: known agents look as always, and "agent-variant" has its agent's colour."""
    looks: dict[str, Look] = {}
    for name in dict.fromkeys(names):
        colour, first = place_of(name.partition("-")[0])
        taken = {(look.marker, look.line) for look in looks.values() if look.colour == colour}
        styles = [(MARKERS[i % 7], LINES[i % 4]) for i in range(first, first + len(MARKERS) * len(LINES))]
        marker, line = next((style for style in styles if style not in taken), styles[0])
        looks[name] = Look(colour, marker, line)
    return looks


def place_of(agent: str) -> tuple[str, int]:
    """Its kind's colour, and which of its kind it is; an agent that is not ours is a kind of its own."""
    for colour, members in KINDS:
        if agent in members:
            return colour, members.index(agent)
    return "#7F3C8D", 0
