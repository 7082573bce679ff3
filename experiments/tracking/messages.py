"""What runs and sweeps say to the processes that write to MLflow, and what those answer: lines of JSON."""

from collections.abc import Mapping

import msgspec


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to open for one run: where, under which names, and the journal of its directory."""

    uri: str
    artifacts: str  # where artifacts of a new experiment go; "" = the server's choice
    experiment: str
    run: str
    tags: dict[str, str]
    params: dict[str, str]
    journal: str
    parent: str = ""  # id of the run in MLflow that this one belongs to; "" = none
    live: bool = True  # followed step by step; False: the directory is imported when the run is over


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """How the run ended, a `RunStatus`, its figures, the files to keep, the tags known now."""

    status: str
    error: str
    figures: Mapping[str, float | None]
    files: tuple[str, ...]
    tags: Mapping[str, str] = {}


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """What to open for a sweep; `parent` is its run where it has one already, "" = open one."""

    uri: str
    artifacts: str  # as in `Request`
    experiment: str
    name: str
    tags: dict[str, str]
    parent: str
    directory: str  # the sweep's own; "" = none


class Add(msgspec.Struct, frozen=True, tag=True):
    """A run's directory that is complete."""

    directory: str


class Finish(msgspec.Struct, frozen=True, tag=True):
    """No more directories; how the sweep ended."""

    status: str


SweepMessage = Add | Finish


class Opened(msgspec.Struct, frozen=True):
    """The run exists in MLflow, or `error` says why not."""

    run_id: str = ""
    error: str = ""


class Closed(msgspec.Struct, frozen=True):
    """All of it is in MLflow but `rejected` values that were not finite; or `error` says why not."""

    rejected: int = 0
    error: str = ""


class Progress(msgspec.Struct, frozen=True, tag=True):
    """Of a sweep that was told to finish: so many directories are left."""

    left: int


class Finished(msgspec.Struct, frozen=True, tag=True):
    """The sweep is closed: `imported` directories went in; `missing` did not, and `error` says why."""

    imported: int
    missing: tuple[str, ...] = ()
    error: str = ""


SweepAnswer = Progress | Finished
