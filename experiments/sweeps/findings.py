"""What a study found: its episodes as evidence, and how its worlds rank the agents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from experiments.runs.logged import read_run
from experiments.statistics.disturbances import change_points_of
from experiments.statistics.episode import (
    GOLDEN,
    TOLERANCE,
    TRAINED,
    Episode,
    Reference,
    episode_of,
    episode_table,
    references_of,
)
from experiments.statistics.leaderboard import leaderboard
from experiments.sweeps.pool import Played
from experiments.sweeps.study import Study, StudyRun


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


def read(study: Study, played: Played) -> Findings:
    """Return what has been played of a study."""
    references = references_of(episodes_of(study.references, played))

    def comparable(runs: Sequence[StudyRun]) -> list[Episode]:
        return [episode for episode in episodes_of(runs, played) if episode.cell in references]

    return Findings(comparable(study.runs), comparable(study.twins), references)


def episodes_of(runs: Sequence[StudyRun], played: Played) -> list[Episode]:
    """Return the episodes of those runs that are finished."""
    found = []
    for run in runs:
        if run.hash in played.finished:
            logged = read_run(played.folder / played.finished[run.hash])
            facts = {TRAINED: logged.summary["trained_steps"], GOLDEN: logged.summary.get(GOLDEN)}
            trace = logged.trace().assign(**facts)
            points = change_points_of(run.resolved.plan, run.seed)
            found.append(episode_of(trace, run.agent, run.cell, run.block, run.seed, points, run.stratum))
    return found


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
    return frame.reset_index(), float(both.corr("spearman").iloc[0, 1])
