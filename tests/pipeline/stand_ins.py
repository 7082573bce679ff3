"""Programs for the cluster's tests: `python stand_ins.py BEHAVIOUR producer|collector|worker OPTIONS`.

The producer is the real one; worker and collector report for duty and do none.
"""

import json
import os
import signal
import sys
import threading
import time
from enum import StrEnum

import zmq

from pipeline.__main__ import main as real
from pipeline.cli import parse_options
from pipeline.messages import (
    End,
    Error,
    GetWork,
    Register,
    Sync,
    decode_link_down,
    decode_work_reply,
    encode,
    random_identity,
)
from pipeline.options import CollectorOptions, WorkerOptions

EVERY_MS = 100
MADE_UP = "tcp://127.0.0.1:9"


class Behaviour(StrEnum):
    """What the programs do."""

    GOOD = "good"
    PRODUCER_DIES = "producer-dies"
    PRODUCER_BABBLES = "producer-babbles"
    WORKER_DIES = "worker-dies"
    WORKER_IS_STUBBORN = "worker-is-stubborn"  # neither END, nor the end of its input, nor SIGTERM ends it


def work(options: WorkerOptions, stubborn: bool) -> None:
    """Register, then say that it is ready until END."""
    if stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        _end_with_input(echo=True)
    with zmq.Context() as context, context.socket(zmq.REQ) as socket:
        socket.linger = 0
        socket.connect(options.producer)
        register = Register(worker=options.name)
        message: Register | GetWork = register
        while True:
            socket.send(encode(message))
            reply, _ = decode_work_reply(socket.recv_multipart())
            if isinstance(reply, End) and not stubborn:
                return
            # a producer that has a new collector forgets its workers
            message = register if isinstance(reply, Error) else GetWork(n=0, ready=True)
            socket.poll(EVERY_MS)  # a REQ that has its answer hears nothing more: this is a pause


def collect(options: CollectorOptions) -> None:
    """Say that it is there until END, at an endpoint that it makes up unless it is told one."""
    _end_with_input()
    results = MADE_UP if options.results.endswith("*") else options.results
    print(json.dumps({"results": results}), flush=True)
    identity = random_identity()
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.linger = 0
        socket.connect(options.producer)
        while True:
            sync = Sync(time.monotonic_ns(), collector=identity, results=results, return_frames=False)
            socket.send(encode(sync))
            while socket.poll(EVERY_MS):
                if isinstance(decode_link_down(socket.recv_multipart()), End):
                    return


def _end_with_input(echo: bool = False) -> None:
    def watch() -> None:
        while heard := os.read(sys.stdin.fileno(), 1024):
            os.write(sys.stderr.fileno(), heard if echo else b"")
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def main() -> int:
    """Behave as told."""
    behaviour, program, *options = sys.argv[1:]
    if behaviour == f"{program}-dies":
        print(f"{program}: something is missing", file=sys.stderr)
        return 3
    if behaviour == f"{program}-babbles":
        print("hello", flush=True)
    match program:
        case "worker":
            stubborn = behaviour == Behaviour.WORKER_IS_STUBBORN
            work(parse_options(WorkerOptions, program, options), stubborn)
        case "collector":
            collect(parse_options(CollectorOptions, program, options))
        case _:
            return real([program, *options])
    return 0


if __name__ == "__main__":
    sys.exit(main())
