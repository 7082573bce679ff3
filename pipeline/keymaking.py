"""`python -m pipeline keys`: makes the files that `pipeline.keys` reads."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import zmq
from zmq.auth import create_certificates

from pipeline.cli import parse_options
from pipeline.keys import SECRET, SERVER, Role
from pipeline.options import KeysOptions

PRIVATE = 0o077  # umask: what is made is its owner's alone


def make_keys(options: KeysOptions) -> list[Path]:
    """Make the key pairs that are not there yet; returns their secret files.

    Raises OSError: they cannot be written.
    """
    folder = Path(options.folder)
    names = {Role.WORKER: options.worker, Role.COLLECTOR: options.collector, Role.CONTROL: options.control}
    wanted = [folder / SERVER, *(folder / role / name for role in names for name in names[role])]
    missing = [path for path in wanted if not path.with_name(path.name + SECRET).exists()]
    before = os.umask(PRIVATE)
    try:
        for path in missing:
            path.parent.mkdir(parents=True, exist_ok=True)
            create_certificates(path.parent, path.name)
    finally:
        os.umask(before)
    return [path.with_name(path.name + SECRET) for path in missing]


def main(argv: Sequence[str]) -> int:
    """Make keys and say which; returns the exit code."""
    options = parse_options(KeysOptions, "python -m pipeline keys", argv)
    try:
        for path in make_keys(options):
            print(f"made {path}, which nobody else may read, and {path.with_suffix('.key')}")
    except (OSError, zmq.ZMQError) as error:
        print(f"keys: {error}", file=sys.stderr)
        return 1
    return 0
