"""Whether the pipeline lasts: real programs with keys, emulated workers, and whatever goes wrong.

Workers and their inference are killed and hang, so does the collector; strangers and garbage knock, and
somebody steers. What goes wrong, and when, is the seed's choice. At the end: is every frame accounted for,
did each come out once and in order, do memory and descriptors stay flat, is anything left behind?
A picture, the samples, the frames and the programs' logs are in results/bench/soak/.
"""

import argparse
import shutil
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.options import positive
from benchmarks.report import number
from benchmarks.soak.emitted import Emitted, pauses_s, read
from benchmarks.soak.hurting import Hurting
from benchmarks.soak.mishaps import Fault, Mishap, drawn
from benchmarks.soak.picture import draw
from benchmarks.soak.watching import Slope, Watch, longest_lived, slope, write_samples
from pipeline.cluster import LocalCluster
from pipeline.control import ControlError, UnansweredError
from pipeline.keymaking import make_keys
from pipeline.keys import SERVER
from pipeline.messages import Telemetry, Totals, WorkType
from pipeline.options import CollectorOptions, KeysOptions, ProducerOptions, SourceKind, WorkerOptions
from pipeline.program import ClusterError
from pipeline.restarts import RestartBudget
from pipeline.service_times import ServiceTimes

HELP = "whether the pipeline lasts, whatever goes wrong"
FOLDER = Path("results/bench/soak")
N_WORKERS = 4
READY_S = 120.0
LOOK_EVERY_S = 5.0
TICK_S = 0.1
GRADES = ("n", "s")
FPS_LEVELS, HEIGHTS_PX = (10.0, 20.0, 30.0), (180, 360)
HIGHEST = (2, 1, 1)
MEAN_MS = {"n": 12.5, "s": 33.0}  # at 640x360 px: four keep up with one stream at most settings, not all
SIGMA = 0.15
AS_OFTEN_AS_IT_TAKES = RestartBudget(1_000_000, 60.0)
PROGRAMS = ("producer", "collector", "worker", "inference")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the benchmark's own flags."""
    parser.add_argument(
        "--minutes", type=positive(float), default=30.0, metavar="M", help="how long (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of what goes wrong (default: %(default)s)"
    )


def run(options: argparse.Namespace, console: Console) -> dict[str, float]:
    """Run it, print what came of it, return the figures.

    Raises:
        ClusterError: the pipeline did not begin, or its producer died, which nobody killed.
    """
    seconds, rng = 60.0 * options.minutes, np.random.default_rng(options.seed)
    mishaps = drawn(rng, seconds, N_WORKERS, (len(FPS_LEVELS), len(HEIGHTS_PX), len(GRADES)))
    shutil.rmtree(FOLDER, ignore_errors=True)
    soak = Soak(FOLDER, mishaps, rng)
    try:
        soak.last(seconds)
    finally:
        emitted = soak.emitted()
        out_s = [(at_ns - soak.began_ns) / 1e9 for at_ns in emitted.at_ns]
        write_samples(FOLDER / "samples.csv", soak.watch.samples)
        draw(FOLDER / "soak.png", soak.watch.samples, mishaps, out_s)
    figures = {"minutes": options.minutes, "seed": float(options.seed)} | soak.figures(emitted)
    print_report(figures, soak.broken(figures), console)
    return figures


class Soak:
    """A pipeline, what happens to it, and what is seen of it.

    Args:
        folder: for all that it leaves; it must not be there.
        mishaps: in order of time.
        rng: of garbage.

    Attributes:
        began_ns: when the stream did.
        watch: what was seen of its processes.
    """

    def __init__(self, folder: Path, mishaps: list[Mishap], rng: np.random.Generator) -> None:
        self.began_ns = 0
        self.watch = Watch()
        self._folder, self._mishaps, self._rng = folder, mishaps, rng
        keys, self._stranger = folder / "keys", folder / "stranger"
        for own in (keys, self._stranger):
            make_keys(KeysOptions(folder=str(own)))
        shutil.copy(keys / f"{SERVER}.key", self._stranger / f"{SERVER}.key")
        times = folder / "service_times.json"
        ServiceTimes({grade: ((640, 360, ms),) for grade, ms in MEAN_MS.items()}, SIGMA).save(times)
        producer = ProducerOptions(
            source=SourceKind.MEMORY,
            fps_levels=FPS_LEVELS,
            heights_px=HEIGHTS_PX,
            grades=GRADES,
            work_type=WorkType.EMULATED,
            keys=str(keys),
        )
        collector = CollectorOptions(frames=str(folder / "frames.jsonl"))
        workers = [WorkerOptions(service_times=str(times), seed=slot) for slot in range(N_WORKERS)]
        self._cluster = LocalCluster(
            producer, collector, workers, folder / "logs", budget=AS_OFTEN_AS_IT_TAKES
        )
        self._hurting: Hurting | None = None
        self._totals: Totals | None = None  # the latest
        self._telemetry: Telemetry | None = None
        self._counts: Counter[str] = Counter()

    def last(self, seconds: float) -> None:
        """Let it run for so long, end it in order, and look for what is left."""
        with self._cluster as cluster:
            cluster.wait_ready(READY_S)
            cluster.control.start(seed=0, levels=HIGHEST)
            self.began_ns = time.monotonic_ns()
            self._hurting = Hurting(cluster, self._mishaps, self._stranger, self._rng)
            looked_s = -LOOK_EVERY_S
            while (now_s := (time.monotonic_ns() - self.began_ns) / 1e9) < seconds:
                self._hurting.go_on(now_s)
                cluster.mend()
                if now_s - looked_s >= LOOK_EVERY_S:
                    looked_s = now_s
                    self.watch.look(now_s, cluster.alive())
                    self._ask()
                time.sleep(TICK_S)
            self._hurting.release()
            self._drain()
        self._counts["left_processes"], self._counts["left_segments"] = map(len, self.watch.left())

    def _drain(self) -> None:
        """End the stream, and hear of what became of its last frames for as long as the producer speaks."""
        self._cluster.control.stop()
        try:
            while True:
                self._ask()
                time.sleep(TICK_S)
        except (ControlError, ClusterError):
            return  # it has ended

    def _ask(self) -> None:
        """Hear of the frames' fates: each has one."""
        try:
            self._telemetry = telemetry = self._cluster.control.telemetry(close=True)
        except UnansweredError:
            self._counts["unanswered"] += 1
            return
        self._totals = totals = telemetry.totals
        fates = sum(totals.dropped.values()) + totals.thinned + totals.lost + totals.late + totals.in_flight
        self._counts["wrong_accounts"] += totals.offered != totals.delivered + fates

    def emitted(self) -> Emitted:
        """Read what its collectors have written."""
        return read(sorted(self._folder.glob("frames*.jsonl"), key=lambda path: path.stat().st_mtime))

    def figures(self, emitted: Emitted) -> dict[str, float]:
        """Return all that can be said in numbers; it has ended."""
        assert self._totals is not None and self._telemetry is not None and self._hurting is not None
        totals, hurting, incidents = self._totals, self._hurting, self._telemetry.incidents
        deaths = (Fault.KILL_WORKER, Fault.KILL_INFERENCE)
        deaths_ns = [self.began_ns + int(m.at_s * 1e9) for m in self._mishaps if m.fault in deaths]
        pauses = pauses_s(emitted.at_ns, deaths_ns)
        fates = ("offered", "delivered", "thinned", "lost", "late", "in_flight", "requeued")
        counts = {f"frames.{fate}": getattr(totals, fate) for fate in fates}
        counts["frames.dropped"] = sum(totals.dropped.values())
        gone = counts["frames.dropped"] + totals.thinned + totals.lost + totals.late
        counts["missing"] = max(0, totals.offered - gone - (emitted.n - emitted.again))
        counts |= {"emitted": emitted.n, "disordered": emitted.disordered, "emitted_again": emitted.again}
        counts |= {f"mishaps.{fault}": hurting.counts[fault] for fault in Fault}
        counts |= {"restarts": self._cluster.restarts.n_restarts, "let_in": hurting.let_in}
        counts |= {"refused_clients": incidents.refused_clients, "duplicates": self._telemetry.duplicates}
        names = ("wrong_accounts", "left_processes", "left_segments")
        counts |= {name: self._counts[name] for name in names}
        counts["unanswered"] = self._counts["unanswered"] + hurting.unanswered
        figures = {name: float(count) for name, count in counts.items()}
        if pauses:
            figures |= {
                "pause_s_median": float(np.median(pauses)),
                "pause_s_p95": float(np.quantile(pauses, 0.95)),
            }
        return figures | self._slopes()

    def _slopes(self) -> dict[str, float]:
        figures = {}
        for program in PROGRAMS:
            own = longest_lived(self.watch.samples, program)
            of = {"memory_mb": [s.memory_mb for s in own], "descriptors": [float(s.descriptors) for s in own]}
            for what, values in of.items():
                if values:
                    figures[f"{program}.{what}"] = values[-1]
                if (found := slope(own, values)) is not None:
                    figures |= {f"{program}.{what}_{k}": v for k, v in found._asdict().items()}
        return figures

    @staticmethod
    def broken(figures: Mapping[str, float]) -> list[str]:
        """List the promises that were not kept."""
        must_be_none = {
            "wrong_accounts": "answers in which offered was not the sum of all fates",
            "missing": "frames that were offered and came to nothing",
            "disordered": "frames out of order, or twice from one collector",
            "let_in": "strangers that were let in",
            "left_processes": "processes left behind",
            "left_segments": "segments of shared memory left behind",
        }
        return [f"{figures[name]:.0f} {words}" for name, words in must_be_none.items() if figures[name]]


def print_report(figures: Mapping[str, float], broken: list[str], console: Console) -> None:
    """Print what happened, what grew, and which promises were broken."""
    fates = ("offered", "delivered", "dropped", "thinned", "lost", "late", "in_flight")
    console.print(", ".join(f"{figures[f'frames.{fate}']:,.0f} {fate.replace('_', ' ')}" for fate in fates))
    happened = (f"{figures[f'mishaps.{fault}']:.0f} × {fault.replace('_', ' ')}" for fault in Fault)
    console.print(", ".join(happened), f"\n{figures['restarts']:.0f} restarts", sep="")
    for program in PROGRAMS:
        for what, unit in (("memory_mb", "MB"), ("descriptors", "descriptors")):
            key = f"{program}.{what}"
            if f"{key}_per_h" in figures:
                found = Slope(*(figures[f"{key}_{name}"] for name in Slope._fields))
                grows = f"{found.per_h:+.1f} [{found.lowest:+.1f}, {found.highest:+.1f}] an hour"
                console.print(f"{program}: {number(figures[key])} {unit} at the end, {grows}", markup=False)
    if "pause_s_p95" in figures:
        median, p95 = figures["pause_s_median"], figures["pause_s_p95"]
        console.print(f"longest pause after a worker's death: median {median:.2f} s, p95 {p95:.2f} s")
    for words in broken:
        console.print(f"[red]broken[/red]: {words}")
    if not broken:
        console.print("[green]every promise was kept[/green]")
