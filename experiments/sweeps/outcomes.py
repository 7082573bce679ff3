"""What jobs, wherever they are, tell the sweep: a file for each run that has ended."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from experiments.program.files import write_whole

FIGURES = ("slo_fulfilment", "qoe_mean", "reward_mean")  # of a run's summary, for the sweep's own table


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a run of a sweep.

    Attributes:
        number: the run's.
        title: for people.
        agent: by whom.
        directory: the run's own, by its name in the folder of all runs; "" = it did not begin.
        status: FINISHED, DEGRADED, FAILED or KILLED; whatever is not FINISHED is played again the next time.
        error: one sentence, "" if it is FINISHED.
        figures: of the summary.
    """

    number: int
    title: str
    agent: str = ""
    directory: str = ""
    status: str
    error: str = ""
    figures: dict[str, float] = {}


def tell(folder: Path, outcome: Outcome) -> None:
    """Leave word; it is there as a whole or not at all."""
    write_whole(folder / f"{outcome.number}.json", msgspec.json.encode(outcome))


def heard(folder: Path, known: set[int]) -> Iterator[Outcome]:
    """What is new; its number is added to those that are known."""
    for path in sorted(folder.glob("*.json")):
        if int(path.stem) not in known:
            known.add(int(path.stem))
            yield msgspec.json.decode(path.read_bytes(), type=Outcome)
