"""Folders of keys for tests, as `python -m pipeline keys` makes them."""

import shutil
from pathlib import Path

from pipeline.keymaking import make_keys
from pipeline.keys import Role
from pipeline.options import KeysOptions


def keyring(folder: Path) -> Path:
    """A server's key, and one client's of each role, all in one folder."""
    make_keys(KeysOptions(folder=str(folder)))
    return folder


def stranger(folder: Path, server: Path) -> Path:
    """A host whose keys nobody has listed; it knows the server."""
    keyring(folder)
    shutil.copy(server / "server.key", folder / "server.key")
    return folder


def introduce(host: Path, role: Role, server: Path, name: str = "new") -> Path:
    """Have a host's key of a role listed at the server; returns the file that lists it."""
    listed = server / role / f"{name}.key"
    shutil.copy(host / role / f"{role}.key", listed)
    return listed
