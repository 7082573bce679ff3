"""Whatever ends a run, at any instruction: its directory says what and why, and has every step that was made.

At once where the process lives, at the next start where it does not. `ending_lab` plays the cases.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict

import pytest

from experiments.runs.provenance import ROOT
from experiments.runs.record import KILLED_OUTRIGHT
from experiments.runs.trace import JOURNAL
from tests.experiments.ending_lab import STEPS, Case, Fate, Finding, Story

ENDS = {
    Story.FINISHES: ("FINISHED", ""),
    Story.STUMBLES: ("FAILED", "a bug in the agent"),
    Story.DIES: ("FAILED", "the producer is gone"),
    Story.STOPPED: ("KILLED", "interrupted by SIGTERM"),
}
N_SEEDS = 200
Examine = Callable[[Case], Finding]

some_and_all = pytest.mark.parametrize(
    "every", [10, pytest.param(1, marks=[pytest.mark.nightly, pytest.mark.timeout(900)])]
)


@pytest.fixture(scope="module")
def examine() -> Iterator[Examine]:
    """The laboratory, warm."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.experiments.ending_lab"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as lab:
        assert lab.stdin is not None
        assert lab.stdout is not None
        ask, answer = lab.stdin, lab.stdout

        def examine(case: Case) -> Finding:
            ask.write(json.dumps(asdict(case)) + "\n")
            ask.flush()
            return Finding(**json.loads(answer.readline()))

        yield examine
        ask.close()


@pytest.fixture(scope="module")
def undisturbed(examine) -> dict[Story, Finding]:
    """Each story as it goes if nothing comes between."""
    return {story: examine(Case(story, Fate.NOTHING)) for story in Story}


def check_complete(left: dict, told: int) -> None:
    """A run's directory as it must be in the end."""
    assert left["status"] in ("FINISHED", "FAILED", "KILLED")
    assert bool(left["error"]) == (left["status"] != "FINISHED")
    assert left["steps"] == list(range(len(left["steps"])))
    assert told <= len(left["steps"]) <= told + 1  # a step may be recorded that nobody was told of
    assert (left["counted"] or 0) == len(left["steps"])
    assert left["config"] == "seed: 7\n"
    assert JOURNAL not in left["files"]
    assert not [name for name in left["files"] if name.endswith(".partial")]


def test_undisturbed_stories_end_as_they_should(undisturbed):
    for story, finding in undisturbed.items():
        assert finding.at_once == finding.later
        assert finding.at_once is not None
        check_complete(finding.at_once, finding.told)
        assert (finding.at_once["status"], finding.at_once["error"]) == ENDS[story]
        assert finding.writes > 25
        assert finding.is_closed


def check_killed(case: Case, finding: Finding) -> None:
    assert finding.raised is None  # its process was killed
    if finding.later is None:
        assert finding.told == 0
        return
    check_complete(finding.later, finding.told)
    was_noted = finding.noted is None or bool(finding.noted)
    expected = ENDS[case.story] if was_noted else ("KILLED", KILLED_OUTRIGHT)
    assert (finding.later["status"], finding.later["error"]) == expected


@some_and_all
@pytest.mark.parametrize("story", Story)
def test_a_run_killed_at_any_write_is_complete_after_the_next_start(examine, undisturbed, story, every):
    n_writes = undisturbed[story].writes
    for at in range(1, n_writes + 1, every):
        check_killed(case := Case(story, Fate.KILL, at), examine(case))


@some_and_all
@pytest.mark.parametrize("fate", [Fate.KILL, Fate.FULL])
def test_a_simulated_run_is_whole_or_says_what_ended_it(examine, fate, every):
    n_writes = examine(Case(Story.FINISHES, Fate.NOTHING, is_real=False)).writes
    for at in range(1, n_writes + 1, max(1, every // 3)):
        later = examine(Case(Story.FINISHES, fate, at, is_real=False)).later
        if later is None:
            continue
        check_complete(later, len(later["steps"]))
        if later["status"] == "FINISHED":
            assert len(later["steps"]) == STEPS
        elif fate is Fate.KILL:
            assert (later["status"], later["error"]) == ("KILLED", KILLED_OUTRIGHT)
        else:
            assert later["error"].startswith("the disk is full (")


@some_and_all
def test_so_is_one_whose_completion_is_killed_at_any_write(examine, undisturbed, every):
    n_writes = undisturbed[Story.FINISHES].writes
    for at in range(8, n_writes + 1, 2 * every):
        check_killed(case := Case(Story.FINISHES, Fate.KILL_AGAIN, at, of=15), examine(case))


def check_signalled(case: Case, finding: Finding) -> None:
    assert finding.sent
    assert finding.is_heard  # the program would end
    assert finding.raised == ""
    assert finding.later == finding.at_once  # nothing is left to the next start
    if finding.at_once is None:
        assert finding.told == 0
        return
    check_complete(finding.at_once, finding.told)
    assert finding.is_closed or not finding.told
    assert finding.at_once["unborn"] == []
    end = finding.at_once["status"], finding.at_once["error"]
    if end == ENDS[Story.FINISHES]:
        assert len(finding.at_once["steps"]) == STEPS
    assert end in (ENDS[case.story], ("KILLED", f"interrupted by {finding.sent[0]}"))


@some_and_all
def test_signals_at_random_instants_leave_a_complete_run(examine, undisturbed, every):
    for seed in range(0, N_SEEDS, every):
        story = list(Story)[seed // every % len(Story)]
        case = Case(story, Fate.SIGNALS, seed, undisturbed[story].instructions)
        check_signalled(case, examine(case))


@some_and_all
@pytest.mark.parametrize("story", Story)
@pytest.mark.parametrize("fate", [Fate.FULL, Fate.FULL_ONCE])
def test_a_disk_that_is_full_at_any_write_is_named(examine, undisturbed, fate, story, every):
    for at in range(1 + list(Story).index(story), undisturbed[story].writes + 1, every):
        finding = examine(Case(story, fate, at))
        if finding.at_once is None:
            assert finding.raised is not None
            assert finding.raised.startswith("the disk is full (")
            assert finding.told == 0
            continue
        assert finding.raised == ""
        end = finding.at_once["status"], finding.at_once["error"]
        if end != ENDS[story]:
            assert end[0] == "FAILED"
            assert end[1].startswith("the disk is full (")
            assert "/runs/" in end[1]  # the directory
        assert finding.later is not None
        check_complete(finding.later, finding.told)
        assert (finding.later["status"], finding.later["error"]) == end
        assert finding.later["steps"] == finding.at_once["steps"]
