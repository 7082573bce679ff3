"""What a reader must know of the evidence before believing its figures."""

from collections.abc import Sequence

from experiments.program.formatting import counted
from experiments.statistics.episode import Episode
from experiments.statistics.leaderboard import Yardsticks, by_agent

NAMED = 5  # of what is listed; more are counted
UNKNOWN_BOUND = 0.01  # share of a run's steps; what more lacks, could turn a comparison


def caveats_of(episodes: Sequence[Episode], yardsticks: Yardsticks) -> list[str]:
    """One plain sentence each, none if all is well."""
    return [*unmeasured(episodes), *unscored(episodes, yardsticks), *uneven(episodes), *lonely(episodes)]


def unmeasured(episodes: Sequence[Episode]) -> list[str]:
    """Runs of which more than UNKNOWN_BOUND is not known; the worst first."""
    shares = {
        f"{episode.agent} in {episode.cell} under {episode.seed}": episode.figures["slo_unknown"]
        for episode in episodes
    }
    worst = sorted((share, name) for name, share in shares.items() if share > UNKNOWN_BOUND)[::-1]
    if not worst:
        return []
    return [
        f"Not all steps could be measured, and fulfilment is of the others: {len(worst)} of "
        f"{counted(len(episodes), 'run')} lack more than {100 * UNKNOWN_BOUND:g} %: "
        f"{listed([f'{name} ({100 * share:.1f} %)' for share, name in worst])}."
    ]


def unscored(episodes: Sequence[Episode], yardsticks: Yardsticks) -> list[str]:
    """Cells that no score is of."""
    cells = dict.fromkeys(episode.cell for episode in episodes)
    missing = [cell for cell in cells if cell not in yardsticks]
    alike = [cell for cell in cells if cell in yardsticks and not yardsticks[cell].is_normal]
    found = []
    if len(missing) == len(cells):
        found.append(
            "There are no scores, for random and oracle were not played; agents are ranked by reward."
        )
    elif missing:
        found.append(f"Not scored, for random or oracle is missing there: {listed(missing)}.")
    if alike:
        found.append(f"Not scored, for the best known is hardly better than random there: {listed(alike)}.")
    return found


def uneven(episodes: Sequence[Episode]) -> list[str]:
    """Agents that lack episodes which others have."""
    places = {(episode.cell, episode.seed) for episode in episodes}
    lacking = {
        agent: len(places) - len({(episode.cell, episode.seed) for episode in own})
        for agent, own in by_agent(episodes).items()
    }
    short = [f"{agent} lacks {n} of {len(places)}" for agent, n in lacking.items() if n]
    if not short:
        return []
    return [
        f"Not all have the same episodes, so that only differences are of the same worlds: {listed(short)}."
    ]


def lonely(episodes: Sequence[Episode]) -> list[str]:
    """Cells that were played under one seed: intervals know nothing of luck there."""
    seeds: dict[str, set[int]] = {}
    for episode in episodes:
        seeds.setdefault(episode.cell, set()).add(episode.seed)
    single = [cell for cell, own in seeds.items() if len(own) == 1]
    if not single:
        return []
    where = "every cell" if len(single) == len(seeds) else listed(single)
    return [f"Intervals are too narrow, for there is one seed only in {where}."]


def listed(names: Sequence[str]) -> str:
    """ "a, b and 3 others"."""
    if len(names) <= NAMED + 1:
        return ", ".join(names)
    return f"{', '.join(names[:NAMED])} and {counted(len(names) - NAMED, 'other')}"
