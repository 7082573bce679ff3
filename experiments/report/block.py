"""Cells that are reported together, and all tables of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from experiments.report.agent_styles import AgentStyle, agent_styles
from experiments.statistics.episode import EVERYWHERE, Episode, Episodes, References, episode_table
from experiments.statistics.leaderboard import fulfilment_by_slo, leaderboard
from experiments.statistics.pairs import comparisons, improvements

Frame = Any  # a DataFrame; type checkers do not know what selecting from one gives
MOST_LINES = 7  # agents in colour where nobody says which


class RankingMetric(NamedTuple):
    """A figure of an episode, and how it is written and drawn.

    Attributes:
        column: of the leaderboard, a mean.
        figure: of an episode, a column of `episode_table`.
        text: for an axis.
        lines: values that are marked, with their styles.
        lowest: where axes begin at the latest; who is below is named at their edge.
    """

    column: str
    figure: str
    text: str
    lines: Sequence[tuple[float, str]]
    lowest: float


SCORE = RankingMetric(
    column="score",
    figure="score",
    text="score: 0 = random, 1 = best known",
    lines=((0.0, ":"), (1.0, "-")),
    lowest=-0.6,
)
REWARD = RankingMetric(
    column="reward",
    figure="reward_mean",
    text="mean reward per step",
    lines=((0.0, ":"),),
    lowest=-1.0,
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a report is made of.

    Attributes:
        title: one line.
        episodes: of all agents, at least one; what is compared pair by pair has the same cell and seed.
        references: by cell; where one is missing there are no scores, and all else is compared all the same.
        lacks: why one is missing, by cell, where that is known.
        reference: the agent whom everyone is compared with.
        highlight: agents drawn in colour where lines would be too many; empty = the best seven.
        notes: what a reader must know first, one plain sentence each.
        facts: what was run, for the head of the report; by what it is.
    """

    title: str
    episodes: Sequence[Episode]
    references: References
    reference: str
    highlight: Sequence[str] = ()
    notes: Sequence[str] = ()
    lacks: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.episodes:
            raise ValueError("episodes: a report needs at least one, got none")

    @property
    def table(self) -> Episodes:
        """Its episodes as `episode_table` has them."""
        return episode_table(self.episodes, self.references)


@dataclass(frozen=True, slots=True)
class Block:
    """Cells that are reported together, with what they come to.

    Attributes:
        name: its own.
        title: of its figures.
        is_one_of_many: whether the report has other blocks.
        episodes: of it, as `episode_table` has them.
        references: what scores are measured by.
        metric: what its agents are ranked by.
        leaderboard, pairs, slos, improvements: tables.
        styles: of all agents of the report.
        highlight: agents in colour.
    """

    name: str
    title: str
    is_one_of_many: bool
    episodes: Episodes
    references: References
    metric: RankingMetric
    leaderboard: Frame
    pairs: Frame
    slos: Frame
    improvements: Frame
    styles: Mapping[str, AgentStyle]
    highlight: Sequence[str]

    @property
    def agents(self) -> list[str]:
        """In the order of the leaderboard."""
        return [str(agent) for agent in self.leaderboard["agent"]]


def blocks_of(evidence: Evidence) -> list[Block]:
    """Return the report's blocks; if there are several, all cells together are the first."""
    episodes = evidence.table
    parts = {str(name): own for name, own in episodes.groupby("block", sort=False)}
    are_many = len(parts) > 1
    if are_many:
        parts = {EVERYWHERE: episodes, **parts}
    return [_block_of(evidence, name, own, are_many) for name, own in parts.items()]


def _block_of(evidence: Evidence, name: str, episodes: Episodes, is_one_of_many: bool) -> Block:
    ranked = leaderboard(episodes, evidence.references)
    agents = [str(agent) for agent in ranked["agent"]]
    rows = episodes.sort_values("agent", key=lambda names: names.map(agents.index), kind="stable")
    return Block(
        name=name,
        title=f"{evidence.title}: {name}" if name != EVERYWHERE and is_one_of_many else evidence.title,
        is_one_of_many=is_one_of_many,
        episodes=episodes,
        references=evidence.references,
        metric=SCORE if episodes["score"].notna().any() else REWARD,
        leaderboard=ranked,
        pairs=comparisons(rows, evidence.reference),
        slos=fulfilment_by_slo(episodes, agents),
        improvements=improvements(episodes, agents),
        styles=agent_styles([episode.agent for episode in evidence.episodes]),
        highlight=[agent for agent in evidence.highlight if agent in agents] or agents[:MOST_LINES],
    )
