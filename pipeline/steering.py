"""`python -m pipeline control`: asks a producer how it is, sets its knobs, or ends it."""

import argparse
import sys
import time
from collections.abc import Sequence

import msgspec

from pipeline.control import ControlClient, ControlError
from pipeline.messages import Status, Telemetry
from pipeline.options import KEYS

WATCH_EVERY_S = 1.0
STREAMS = "streams"  # what can be set beside the knobs


def main(argv: Sequence[str]) -> int:
    """Ask or tell a producer what the command line says; returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        with ControlClient(arguments.endpoint, keys=arguments.keys) as client:
            match arguments.what:
                case "status":
                    print(described(client.status(), client.telemetry(close=False)))
                case "set":
                    set_knobs(client, arguments.values)
                    print(setting(client.status()))
                case "watch":
                    _watch(client)
                case "prometheus":
                    _export(arguments)
                case "drain":
                    client.stop()
                    print("it offers nothing more, and ends when what is under way has arrived")
    except (ControlError, OSError, ValueError) as error:
        print(f"control: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def set_knobs(client: ControlClient, pairs: Sequence[str]) -> None:
    """Set knobs by their values, as fps=10 height=360 grade=s, and streams=2.

    Raises:
        ValueError: no pair, no knob, or a value that is not on its ladder.
        ControlError: the producer does not answer, or refuses.
    """
    status = client.status()
    ladders = ladders_of(status)
    wanted = dict(_pair(pair) for pair in pairs)
    for name in wanted:
        if name not in (*ladders, STREAMS):
            raise ValueError(f"what can be set is {', '.join([*ladders, STREAMS])}, got {name}")
    if STREAMS in wanted and not wanted[STREAMS].isdecimal():
        raise ValueError(f"{STREAMS} must be a whole number, got {wanted[STREAMS]}")
    levels = list(status.levels)
    for knob, (name, ladder) in enumerate(ladders.items()):
        if name in wanted:
            if wanted[name] not in ladder:
                raise ValueError(f"{name} must be one of {', '.join(ladder)}, got {wanted[name]}")
            levels[knob] = ladder.index(wanted[name])
    if levels != list(status.levels):
        client.set_levels(levels)
    if STREAMS in wanted:
        client.set_streams(int(wanted[STREAMS]))


def ladders_of(status: Status) -> dict[str, list[str]]:
    """List the values of each knob as they are written, by the knob's name, in the order of levels."""
    return {
        "fps": [f"{fps:g}" for fps in status.fps_levels],
        "height": [str(height) for _, height in status.sizes],
        "grade": list(status.grades),
    }


def setting(status: Status) -> str:
    """Say what the knobs are set to."""
    chosen = zip(ladders_of(status).items(), status.levels, strict=True)
    return " ".join(
        [*(f"{name}={ladder[level]}" for (name, ladder), level in chosen), f"{STREAMS}={status.streams}"]
    )


def described(status: Status, telemetry: Telemetry) -> str:
    """Say in some lines how a pipeline is."""
    incidents = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in _incidents(telemetry).items() if n)
    return "\n".join(
        [
            f"{status.state}, episode {status.episode}: {setting(status)}",
            f"collector: {'there' if status.collector else 'none'}; workers: {len(status.workers)}",
            *(
                f"  {worker.name}: {'ready' if worker.ready else 'loading'}, {worker.weights} weights, "
                f"{worker.in_hand} in hand"
                for worker in status.workers
            ),
            f"frames: {counts(telemetry)}",
            f"incidents: {incidents or 'none'}; messages rejected: {telemetry.rejected}",
        ]
    )


def counts(telemetry: Telemetry) -> str:
    """Say what became of the episode's frames so far."""
    totals = telemetry.totals
    dropped = sum(totals.dropped.values())
    return (
        f"{totals.offered} offered, {totals.delivered} delivered, {dropped} dropped, "
        f"{totals.thinned} thinned, {totals.lost} lost, {totals.late} late, {totals.in_flight} in flight"
    )


def _watch(client: ControlClient) -> None:
    """Print a line a second, until Ctrl-C; it closes no interval, which are those of who steers."""
    while True:
        status, telemetry = client.status(), client.telemetry(close=False)
        slos = " ".join(
            f"{name} {reading.ratio:.2f}" for name, reading in telemetry.slos.items() if reading.known
        )
        ready = sum(worker.ready for worker in status.workers)
        print(f"{status.state} {setting(status)} | {ready} ready | {slos} | {counts(telemetry)}", flush=True)
        time.sleep(WATCH_EVERY_S)


def _export(arguments: argparse.Namespace) -> None:
    try:
        from pipeline.exporter import Exporter, serve  # an extra
    except ModuleNotFoundError as error:
        raise ValueError(f"{error}: pip install 'elasticbench[prometheus]'") from None

    def ask() -> Telemetry:
        with ControlClient(arguments.endpoint, keys=arguments.keys) as client:  # a scrape, a thread, a client
            return client.telemetry(close=False)

    serve(Exporter(ask), arguments.address, arguments.port)


def _incidents(telemetry: Telemetry) -> dict[str, int]:
    return msgspec.structs.asdict(telemetry.incidents)


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise ValueError(f"expected NAME=VALUE, got {text}")
    return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipeline control", description=__doc__)
    parser.add_argument("endpoint", help="the producer's control endpoint, e.g. tcp://hostA:5552")
    parser.add_argument("--keys", default="", help=KEYS)
    what = parser.add_subparsers(dest="what", required=True)
    what.add_parser("status", help="who is there, what the knobs are, what became of the frames")
    values = what.add_parser("set", help="set knobs, e.g. fps=10 height=360 grade=s streams=1").add_argument
    values("values", nargs="+", metavar="NAME=VALUE", help="what is not named stays as it is")
    what.add_parser("watch", help="a line a second, until Ctrl-C")
    what.add_parser("drain", help="offer nothing more, wait for what is under way, end")
    prometheus = what.add_parser("prometheus", help="serve its figures at http://ADDRESS:PORT/metrics")
    prometheus.add_argument("--address", default="127.0.0.1", help="to listen at (default: %(default)s)")
    prometheus.add_argument("--port", type=int, default=9109, help="likewise (default: %(default)s)")
    return parser
