"""Cells that are reported together, and all tables of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from experiments.report.agent_styles import AgentStyle, agent_styles
from experiments.statistics.episode import EVERYWHERE, Episode, Episodes, References, episode_table
from experiments.statistics.leaderboard import fulfilment_by_slo, leaderboard
from experiments.statistics.pairs import comparisons, improvements

Frame = Any  # a DataFrame; type checkers do not know what selecting from one gives
MOST_LINES = 7  # agents in colour where nobody says which


class RankingMetric(NamedTuple):
    """A figure of an episode, and how it is written and drawn."""

    column: str  # of the leaderboard, a mean
    figure: str  # of an episode, a column of `episode_table`
    text: str  # for an axis
    lines: Sequence[tuple[float, str]]  # values that are marked, with their styles
    lowest: float  # where axes begin at the latest; who is below is named at their edge


SCORE = RankingMetric("score", "score", "score: 0 = random, 1 = best known", ((0.0, ":"), (1.0, "-")), -0.6)
REWARD = RankingMetric("reward", "reward_mean", "mean reward per step", ((0.0, ":"),), -0.2)


@dataclass(frozen=True)
class Evidence:
    """All that a report is made of."""

    title: str  # one line
    episodes: Sequence[Episode]  # at least one; what is compared pair by pair has the same cell and seed
    references: References  # by cell; where one is missing there are no scores, and all else is compared
    reference: str  # the agent whom everyone is compared with
    highlight: Sequence[str] = ()  # agents in colour where lines would be too many; empty = the best seven
    notes: Sequence[str] = ()  # what a reader must know first, one plain sentence each
    lacks: Mapping[str, str] = field(default_factory=dict)  # why a reference is missing, by cell
    facts: Mapping[str, str] = field(default_factory=dict)  # what was run, for the head, by what it is

    @cached_property
    def table(self) -> Episodes:
        """Its episodes as `episode_table` has them."""
        return episode_table(self.episodes, self.references)


@dataclass(frozen=True, slots=True)
class Block:
    """Cells that are reported together, with what they come to."""

    name: str
    title: str  # of its figures
    is_one_of_many: bool
    episodes: Episodes  # as `episode_table` has them
    metric: RankingMetric  # that its agents are ranked by
    leaderboard: Frame
    pairs: Frame
    slos: Frame
    improvements: Frame
    styles: Mapping[str, AgentStyle]  # of all agents of the report
    highlight: Sequence[str]  # agents in colour

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
        metric=SCORE if episodes["score"].notna().any() else REWARD,
        leaderboard=ranked,
        pairs=comparisons(rows, evidence.reference),
        slos=fulfilment_by_slo(episodes, agents),
        improvements=improvements(episodes, agents),
        styles=agent_styles([episode.agent for episode in evidence.episodes]),
        highlight=[agent for agent in evidence.highlight if agent in agents] or agents[:MOST_LINES],
    )
