"""The published leaderboard: what agents came to in drawn worlds, for others to be placed among.

It ships as one small Parquet file, which knows each world by what its settings come to: figures of another
simulator, of other worlds or another protocol are refused, not mixed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from envs.procedural.world import World, draw_all
from experiments.config.schemas import CONF
from experiments.program.errors import ConfigError
from experiments.program.files import whole
from experiments.runs.logged import SWEEPS, runs_in
from experiments.statistics.episode import ORACLE, RANDOM, Episode, Episodes, Reference
from experiments.statistics.pairs import COMPARED, PLACE
from experiments.sweeps.study import STUDIES
from experiments.worlds.drawn import PREFIX
from pipeline.allowance import usable_cores

FILE = CONF / "published" / "leaderboard.parquet"
REFERENCES = ["random_reward", "oracle_reward"]  # between which scores of a world lie
COMMIT = b"commit"  # key of the file's own facts
INSTEAD = "play the protocol yourself: elasticbench study study=protocol '+study.agents.mine={agent: mine}'"


@dataclass(frozen=True, slots=True)
class PublishedLeaderboard:
    """What agents came to, an episode each per world.

    `episodes` have PLACE, agent, the figures of COMPARED, REFERENCES, how often the world was drawn
    (`n_drawn`), and its `fingerprint`; `commit` is of the code that was played.
    """

    episodes: Episodes
    commit: str

    @property
    def worlds(self) -> dict[int, int]:
        """Return how often each world was drawn until it was kept, by its number."""
        each = self.episodes.drop_duplicates("cell")
        return dict(zip(map(number_of, each["cell"]), each["n_drawn"].astype(int), strict=True))

    def check(self, drawn: World) -> None:
        """Raise ConfigError unless a world is what it was when the others were played in it."""
        there = self.episodes["cell"] == f"{PREFIX}{drawn.number}"
        if (self.episodes.loc[there, "fingerprint"] != drawn.fingerprint).any():
            raise ConfigError(
                f"the published leaderboard is of commit {self.commit}, whose simulator or worlds are others "
                f"than these, so no agent can be placed among them; {INSTEAD}"
            )

    def among(self, name: str, episodes: Sequence[Episode]) -> Episodes:
        """Return a frame of all agents in the worlds of these episodes, those of `name` among them."""
        places = self.episodes.drop_duplicates("cell").set_index("cell")
        own = []
        for episode in episodes:
            place = places.loc[episode.cell]
            measured = Reference(float(place["random_reward"]), {episode.seed: float(place["oracle_reward"])})
            score = measured.score(episode.figures["reward_mean"], episode.seed)
            figures = {**{key: getattr(episode, key) for key in PLACE}, **episode.figures, "score": score}
            own.append({"agent": name, **{key: figures[key] for key in (*PLACE, *COMPARED)}})
        there = self.episodes["cell"].isin([episode.cell for episode in episodes])
        return pd.concat([self.episodes[there], pd.DataFrame(own)], ignore_index=True)


def read(path: Path = FILE) -> PublishedLeaderboard:
    """Return what was published. Raises ConfigError: nothing is there."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise ConfigError(f"there is no published leaderboard ({error}); {INSTEAD}") from error
    return PublishedLeaderboard(table.to_pandas(), (table.schema.metadata or {})[COMMIT].decode())


def commit_of(folder: Path) -> str:
    """Return the commit of the code that played a study, by its comparison, RESULTS/comparisons/NAME.

    Raises ConfigError: its runs are gone, or of several commits, which are no leaderboard of one code.
    """
    runs = runs_in(folder.absolute().parents[1] / STUDIES / SWEEPS / folder.name)
    commits = sorted({str(run.summary["git_commit"]) for run in runs})
    if len(commits) > 1:
        raise ConfigError(
            f"{folder} has runs of commits {', '.join(commits)}: play the study in a clone of one commit"
        )
    return commits[0]


def publish(folder: Path, commit: str, path: Path = FILE) -> int:
    """Write what a study of drawn worlds left as the published leaderboard; returns the number of its worlds.

    `folder` is its comparison, with `episodes.csv` and `cells.csv`; `commit` of the code that was played.

    Raises ConfigError: there is no such comparison, or it is not of drawn worlds.
    """
    try:
        episodes, cells = pd.read_csv(folder / "episodes.csv"), pd.read_csv(folder / "cells.csv")
    except OSError as error:
        raise ConfigError(f"{folder} is no comparison: {error.strerror}: {error.filename}") from error
    if not episodes["cell"].str.fullmatch(rf"{PREFIX}\d+").all():
        raise ConfigError(f"{folder} is no comparison of drawn worlds alone")
    references = cells.drop_duplicates("cell")[["cell", *REFERENCES]]
    kept = episodes[["agent", *PLACE, *COMPARED]].merge(references, on="cell")
    kept = kept[~kept["agent"].isin([RANDOM, ORACLE])]
    drawn = [
        {"cell": f"{PREFIX}{one.number}", "n_drawn": one.n_drawn, "fingerprint": one.fingerprint}
        for one in draw_all([number_of(cell) for cell in references["cell"]], len(usable_cores()))
    ]
    frame = kept.merge(pd.DataFrame(drawn), on="cell").sort_values([*PLACE, "agent"])
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with whole(path) as partial:
        pq.write_table(table.replace_schema_metadata({COMMIT: commit}), partial, compression="zstd")
    return len(drawn)


def number_of(cell: str) -> int:
    """Return the number of the drawn world that a cell is."""
    return int(cell.removeprefix(PREFIX))
