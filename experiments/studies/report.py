"""What an evaluation found: its episodes as evidence, and how its worlds rank the agents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
import pyarrow.parquet as pq

from experiments.statistics.episode import Episode, episode_of
from experiments.statistics.leaderboard import leaderboard
from experiments.statistics.scores import (
    TOLERANCE,
    Reference,
    episode_table,
    rank_correlation,
    references_of,
)
from experiments.studies.episodes import Task
from experiments.studies.plan import Campaign


@dataclass(frozen=True, slots=True)
class Findings:
    """All that was played, and what it is measured by.

    Attributes:
        episodes: of the roster.
        twins: of the roster in the simulator, where the episodes are of the pipeline.
        references: by cell; a cell without one is not compared.
    """

    episodes: Sequence[Episode]
    twins: Sequence[Episode]
    references: Mapping[str, Reference]

    @property
    def beyond(self) -> list[Episode]:
        """Simulated episodes that show that the best known is not the best: an agent did better by far."""
        return [
            episode
            for episode in self.twins or self.episodes
            if episode.figures["reward_mean"] > self.references[episode.cell].best(episode.seed) + TOLERANCE
        ]


def read(campaign: Campaign) -> Findings:
    """Every episode that has a file."""
    references = references_of(load(campaign.references))

    def comparable(tasks: Sequence[Task]) -> list[Episode]:
        return [episode for episode in load(tasks) if episode.cell in references]

    return Findings(comparable(campaign.tasks), comparable(campaign.twins), references)


def load(tasks: Sequence[Task]) -> list[Episode]:
    """What the files have; a task without one is left out."""
    return [
        episode_of(
            pq.read_table(task.path).to_pandas(),
            task.entrant.name,
            task.cell.name,
            task.cell.block,
            task.seed,
            task.cell.change_points(task.seed),
        )
        for task in tasks
        if task.path.exists()
    ]


def ranking(findings: Findings) -> tuple[pd.DataFrame, float]:
    """Scores on the pipeline beside those in the simulator, and Spearman's correlation of their ranks."""
    real, simulated = (
        leaderboard(episode_table(episodes, findings.references), findings.references).set_index("agent")[
            "score"
        ]
        for episodes in (findings.episodes, findings.twins)
    )
    both = pd.DataFrame({"pipeline": real, "simulator": simulated}).dropna()
    ranks = both.rank(ascending=False).add_suffix("_rank")
    frame = both.join(ranks).sort_values("pipeline", ascending=False)
    return frame.reset_index(), rank_correlation(both["pipeline"].to_numpy(), both["simulator"].to_numpy())
