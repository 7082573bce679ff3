"""Where supervised programs listen: the one line of JSON that each of them prints."""

from typing import TypeVar

import msgspec

from pipeline.program import ClusterError, Program


class Endpoints(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of the producer."""

    work: str
    link: str
    control: str


class ResultsEndpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of the collector."""

    results: str


Spoken = TypeVar("Spoken", Endpoints, ResultsEndpoint)


def spoken(program: Program, kind: type[Spoken], timeout_s: float) -> Spoken:
    """What a program says of itself.

    Raises:
        ClusterError: it ended first, said nothing in time, or something else.
    """
    line = program.first_line(timeout_s)
    try:
        return msgspec.json.decode(line, type=kind)
    except msgspec.DecodeError as error:
        raise ClusterError(f"the {program.name} must print its endpoints, got {line!r}: {error}") from error
