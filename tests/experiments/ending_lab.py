"""Runs that end at every write, at every instruction and on full disks: hundreds of them, forked and cheap.

`python -m tests.experiments.ending_lab` reads lines with a `Case` from standard input and answers each with a
line that has a `Finding`. It is a process of its own, for only one without threads can be forked safely. Each
case is played by a child; what that left is then completed by another, as the next start does it.
"""

import errno
import fcntl
import io
import json
import os
import random
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console

import experiments.execution.execute
from experiments.config.schemas import (
    DetectorSchema,
    OutputSchema,
    PipelineSchema,
    RunConfig,
    ScenarioSchema,
    SimulatorSchema,
)
from experiments.display.views import View
from experiments.execution.execute import execute
from experiments.program.interruption import ENDING, Interrupted, handled_by, interrupt
from experiments.runs.record import CONFIG, SUMMARY, finish_killed, what_broke
from experiments.runs.trace import JOURNAL, read_journal, read_trace
from pipeline.program import ClusterError
from tests.experiments.test_run import IDENTITY, Plan
from tests.experiments.world import SPEC, Script, World

STEPS = 4
ROOT = Path(__file__).resolve().parents[2]
OURS, OTHERS = (f"{ROOT}/experiments/", f"{ROOT}/tests/"), ("contextlib.py", "tempfile.py")


class Story(StrEnum):
    """How a run ends if nothing comes between."""

    FINISHES = "finishes"
    STUMBLES = "the agent has a bug"
    DIES = "the world dies"
    STOPPED = "it is sent SIGTERM"


class Fate(StrEnum):
    """What comes between."""

    NOTHING = "nothing"
    KILL = "kill -9 at a write"
    KILL_AGAIN = "kill -9 at a write, and at one while the run is completed"
    FULL = "the disk is full from a write on"
    FULL_ONCE = "a write finds the disk full"
    SIGNALS = "signals"


@dataclass(frozen=True)
class Case:
    """One end.

    Attributes:
        story: of the run.
        fate: what comes between.
        at: the write, from 1, or the seed that signals are drawn by.
        of: how many writes or instructions there are, as a case of fate NOTHING has them.
        is_real: whether its time is; else the journal gets the steps of a second together.
    """

    story: Story
    fate: Fate
    at: int = 0
    of: int = 0
    is_real: bool = True


@dataclass
class Finding:
    """What became of it.

    Attributes:
        writes, instructions: that the run took.
        sent: names of the signals that came, in their order.
        raised: what the run raised, "" = nothing, None = its process was killed.
        is_heard: whether the program would end for a signal.
        is_closed: whether the world was.
        told: steps that had been recorded before the end.
        noted: status that the journal had before the run was completed, "" = none yet; None = no journal.
        at_once, later: of the directory, when the process ended and after the next start; None = there is
            none.
    """

    writes: int = 0
    instructions: int = 0
    sent: list[str] = field(default_factory=list)
    raised: str | None = None
    is_heard: bool = False
    is_closed: bool = False
    told: int = 0
    noted: str | None = None
    at_once: dict[str, Any] | None = None
    later: dict[str, Any] | None = None


class Draining(World):
    """A world that takes its time to close, and notes that it is closed."""

    is_closed = False

    def close(self) -> None:
        """In some steps, which may be broken off."""
        try:
            for _ in range(20):
                ""
        finally:
            self.is_closed = True


class Acting(Script):
    """An agent to which the story happens in its third decision."""

    def __init__(self, story: Story) -> None:
        super().__init__(SPEC)
        self._story = story

    def act(self, observation, info):
        """The lowest levels."""
        if self.n_decisions == 2 and self._story is Story.STUMBLES:
            raise ClusterError("a bug in the agent")  # an error that is told as it is
        if self.n_decisions == 2 and self._story is Story.STOPPED:
            signal.raise_signal(signal.SIGTERM)
        return super().act(observation, info)


class Telling(View):
    """Tells the parent of each step that has been recorded."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell

    def step(self, step) -> None:
        """One more."""
        self._tell("step")


class Writes:
    """Calls `act` before each operation that changes something below a folder: its number, and what it is.

    Args:
        folder: to be watched.
        act: gets the number, from 1, and whether the operation asks for room; may raise, or end the process.
    """

    def __init__(self, folder: Path, act: Callable[[int, bool], None]) -> None:
        self.n, self._folder, self._act = 0, f"{folder}{os.sep}", act
        self._write = os.write
        os.write = self._written
        sys.addaudithook(self._audited)

    def _count(self, asks_for_room: bool) -> None:
        self.n += 1
        self._act(self.n, asks_for_room)

    def _audited(self, event: str, args: tuple[Any, ...]) -> None:
        if event not in ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate"):
            return
        path = self._path(args[0])
        if not path.startswith(self._folder):
            return
        if event == "open":
            changes = bool(args[2] & (os.O_WRONLY | os.O_RDWR)) and not args[2] & os.O_DIRECTORY
            if changes:
                self._count(asks_for_room=not os.path.exists(path))
        else:
            self._count(asks_for_room=event == "os.mkdir")

    @staticmethod
    def _path(given: Any) -> str:
        return os.readlink(f"/proc/self/fd/{given}") if isinstance(given, int) else os.fsdecode(given)

    def _written(self, descriptor: int, content: Any) -> int:
        if not self._path(descriptor).startswith(self._folder):
            return self._write(descriptor, content)
        content = memoryview(content)
        size = os.fstat(descriptor).st_size
        appends = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_APPEND
        begins = size if appends else os.lseek(descriptor, 0, os.SEEK_CUR)
        room = begins + len(content) > size
        self._count(room)
        half = self._write(descriptor, content[: len(content) // 2]) if len(content) > 1 else 0
        if half:
            self._count(room)
        return half + self._write(descriptor, content[half:])


class Instructions:
    """Delivers signals at chosen instructions: to whoever handles them then, in the frame that is at it.

    Those of our own modules count, and of those that close what we open.
    """

    def __init__(self, at: dict[int, int]) -> None:
        self.n, self._at = 0, dict(at)
        self.sent: list[str] = []

    def follow(self, work: Callable[[], Any]) -> Any:
        """Do something meanwhile."""
        sys.settrace(self._called)
        try:
            return work()
        finally:
            sys.settrace(None)
            sys.setprofile(None)

    def _called(self, frame: FrameType, event: str, arg: Any) -> Any:
        where = frame.f_code.co_filename
        if where == __file__ or not (where.startswith(OURS) or where.endswith(OTHERS)):
            return None
        frame.f_trace_opcodes = True
        return self._stepped

    def _stepped(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event == "opcode":
            self.n += 1
            signum = self._at.pop(self.n, None)
            if signum is not None:
                self.sent.append(signal.Signals(signum).name)
                handler = signal.getsignal(signum)
                assert callable(handler)
                sys.setprofile(self._go_on)  # for the interpreter stops tracing when a tracer raises
                handler(signum, frame)
                sys.setprofile(None)
        return self._stepped

    def _go_on(self, frame: FrameType, event: str, arg: Any) -> None:
        if sys.gettrace() is None and frame.f_code is not Instructions.follow.__code__:
            sys.setprofile(None)
            sys.settrace(self._called)
            at: FrameType | None = frame
            while at is not None:
                if self._called(at, "call", None) is not None:
                    at.f_trace = self._stepped
                at = at.f_back


def signals_of(case: Case) -> dict[int, int]:
    """Which signal at which instruction: one to four, half of them in the last third, where a run ends."""
    if case.fate is not Fate.SIGNALS:
        return {}
    rng = random.Random(case.at)
    found = {}
    for _ in range(rng.randint(1, 4)):
        first = 1 if rng.random() < 0.5 else case.of * 2 // 3
        found[rng.randint(first, case.of)] = int(rng.choice(ENDING))
    return found


def fate_of(fate: Fate, at: int) -> Callable[[int, bool], None]:
    """What happens before the writes of a run."""

    def act(n: int, asks_for_room: bool) -> None:
        if fate in (Fate.KILL, Fate.KILL_AGAIN) and n == at:
            os.kill(os.getpid(), signal.SIGKILL)
        is_full = n == at if fate is Fate.FULL_ONCE else n >= at
        if fate in (Fate.FULL, Fate.FULL_ONCE) and is_full and asks_for_room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return act


def play(case: Case, results: Path, tell: Callable[[str], None]) -> dict[str, Any]:
    """One run, to whatever end; returns what is known of it in its own process."""
    world = Draining(STEPS, dies_at=3 if case.story is Story.DIES else None)
    config = RunConfig(name="runs", seed=7, live=False, results=str(results))
    config.output = OutputSchema(video=False, mlflow=False, picture=True)
    elsewhere = PipelineSchema(steps=STEPS, control_interval_s=1.0, control="tcp://elsewhere:1")
    config.env = elsewhere if case.is_real else SimulatorSchema(steps=STEPS, control_interval_s=1.0)
    config.scenario, config.detector = ScenarioSchema(), DetectorSchema(grades=["n", "s"])
    writes, instructions = Writes(results, fate_of(case.fate, case.at)), Instructions(signals_of(case))
    raised, is_heard = "", False

    def run() -> Any:
        return execute(
            Plan(config, world),  # type: ignore[arg-type]
            Acting(case.story),
            IDENTITY,
            Console(file=io.StringIO()),
            Telling(tell),
        )

    with handled_by(interrupt):
        try:
            counts = case.fate in (Fate.NOTHING, Fate.SIGNALS)
            ended = instructions.follow(run) if counts else run()
            is_heard = ended.interruption is not None
        except Interrupted:
            is_heard = True
        except OSError as error:
            raised = what_broke(error, results)
    return {
        "writes": writes.n,
        "instructions": instructions.n,
        "sent": instructions.sent,
        "raised": raised,
        "is_heard": is_heard,
        "is_closed": world.is_closed,
    }


def sketch(courses, title: str, path: Path, events) -> None:
    """Instead of a picture of the trace, which takes half a second."""
    path.write_text(f"{title}, {len(courses[0].trace)} steps")


def state(results: Path) -> dict[str, Any] | None:
    """What a reader finds of the run; None = there is none."""
    folder = results / "runs"
    found = [path for path in folder.glob("[!.]*") if path.is_dir()] if folder.is_dir() else []
    if not found:
        return None
    (directory,) = found
    summary, trace = json.loads((directory / SUMMARY).read_text()), read_trace(directory)
    return {
        "status": summary["status"],
        "error": summary["error"],
        "counted": summary.get("steps"),
        "steps": trace["step"].tolist() if "step" in trace else [],
        "config": (directory / CONFIG).read_text(),
        "files": sorted(path.name for path in directory.iterdir()),
        "unborn": sorted(path.name for path in folder.glob(".*")),
    }


def noted_in(results: Path) -> str | None:
    """The status that a journal has, "" = none yet; None = there is no journal."""
    found = [
        str(read_journal(path.parent)[1].get("status", "")) for path in results.glob(f"runs/*/{JOURNAL}")
    ]
    return found[0] if found else None


def forked(work: Callable[[Callable[[str], None]], Any]) -> tuple[Any, int]:
    """What a child returned, None if it was killed, and how many steps it told of."""
    reads, writes = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reads)
        pipe = os.fdopen(writes, "w", buffering=1)
        try:
            pipe.write(json.dumps(work(lambda line: print(line, file=pipe, flush=True))) + "\n")
        except BaseException as error:
            pipe.write(json.dumps({"crashed": repr(error)}) + "\n")
        finally:
            pipe.flush()
            os._exit(0)
    os.close(writes)
    with os.fdopen(reads) as pipe:
        lines = pipe.read().splitlines()
    os.waitpid(pid, 0)
    answer = json.loads(lines[-1]) if lines and lines[-1] != "step" else None
    if isinstance(answer, dict) and "crashed" in answer:
        raise RuntimeError(answer["crashed"])
    return answer, lines.count("step")


def complete(results: Path, killed_at: int = 0) -> None:
    """As the next start does; it may be killed, too."""
    if killed_at:
        Writes(results, fate_of(Fate.KILL, killed_at))
    finish_killed(results / "runs", Console(quiet=True))


def examine(case: Case, results: Path) -> Finding:
    """Play a case, look, complete, look again."""
    known, told = forked(lambda tell: play(case, results, tell))
    finding = Finding(**(known or {}), told=told)
    if known is not None:
        finding.at_once = forked(lambda tell: state(results))[0]
    finding.noted = noted_in(results)
    if case.fate is Fate.KILL_AGAIN:
        for at in range(1, 1 + case.of):
            forked(lambda tell, at=at: complete(results, at))
    forked(lambda tell: complete(results))
    finding.later = forked(lambda tell: state(results))[0]
    return finding


def main() -> None:
    """Answer case by case."""
    experiments.execution.execute.plot_runs = sketch
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever started this may have been told to ignore it
    for line in sys.stdin:
        said = json.loads(line)
        case = Case(Story(said["story"]), Fate(said["fate"]), said["at"], said["of"])
        with tempfile.TemporaryDirectory(prefix="ending-") as results:
            print(json.dumps(asdict(examine(case, Path(results)))), flush=True)


if __name__ == "__main__":
    main()
