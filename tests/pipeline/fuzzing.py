"""Fuzz the decoders, guided by coverage: `python -m tests.pipeline.fuzzing SECONDS`; needs atheris."""

import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

atheris: Any = import_module("atheris")  # an extra, of which type checkers need not know

with atheris.instrument_imports(include=["pipeline.messages", "pipeline.findings", "pipeline.interval"]):
    from hypothesis import HealthCheck, given, settings

    from pipeline.messages import ProtocolError, encode
    from tests.pipeline.test_wire import DECODERS
    from tests.pipeline.wire import messages

LONGEST = 4096  # bytes of all parts
N_VALID = 50  # of each decoder
PARTS_END = b"\x00\xff\x00"  # what a fuzzer finds out soon enough


def one_input(data: bytes) -> None:
    """Give bytes, cut into parts, to the decoder that the first one names. Raises what no decoder may."""
    if not data:
        return
    decoders = list(DECODERS)
    try:
        decoders[data[0] % len(decoders)](data[1:].split(PARTS_END))
    except ProtocolError as error:
        assert str(error)


def write_valid(folder: Path, number: int, kind: object) -> None:
    """Write messages that are valid, for the fuzzer to begin with: some of the decoder of this number."""

    @settings(
        max_examples=N_VALID, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
    )
    @given(messages(kind))
    def write(message: object) -> None:
        data = bytes([number]) + encode(message)
        (folder / f"{number}-{hash(data):x}").write_bytes(data)

    write()


def main() -> None:
    """Fuzz for so many seconds; the exit code is not 0 where an input is neither taken nor refused."""
    seconds = int(sys.argv[1])
    flags = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-print_final_stats=1"]
    with tempfile.TemporaryDirectory() as folder:
        for number, kind in enumerate(DECODERS.values()):
            write_valid(Path(folder), number, kind)
        atheris.Setup(["fuzzing", *flags, folder], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
