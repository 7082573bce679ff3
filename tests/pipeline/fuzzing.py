"""Fuzz the decoders, guided by coverage: `python -m tests.pipeline.fuzzing SECONDS`; needs atheris."""

import sys

import atheris  # pyright: ignore[reportMissingImports] - an extra

with atheris.instrument_imports(include=["pipeline.messages", "pipeline.findings", "pipeline.interval"]):
    from pipeline.messages import ProtocolError
    from tests.pipeline.test_wire import DECODERS

LONGEST = 4096  # bytes of all parts
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


def main() -> None:
    """Fuzz for so many seconds; the exit code is not 0 where an input is neither taken nor refused."""
    seconds = int(sys.argv[1])
    flags = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-print_final_stats=1"]
    atheris.Setup(["fuzzing", *flags], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
