"""Keys: who may speak with whom, as files in a folder.

    server.key, server.key_secret       of producer and collector: what the others connect to
    worker/NAME.key, NAME.key_secret    of who may ask for work and send results
    collector/NAME.key, …               of who may put results in order
    control/NAME.key, …                 of who may steer

They are certificates of `zmq.auth`. The public files in a role's folder are the list of who is let in as
that: put one there, or take it away, and that holds from the next second on. A host needs no secret file but
its own.
"""

import logging
import stat
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import zmq
from zmq.auth import load_certificate
from zmq.utils import z85

from pipeline.sockets import EndpointError

logger = logging.getLogger(__name__)

PUBLIC, SECRET = ".key", ".key_secret"  # as zmq.auth calls them
SERVER = "server"
KEY_CHARACTERS = 40
HOW = "`python -m pipeline keys` makes such files"


class Role(StrEnum):
    """What a client is let in as; also its folder, and the domain that ZeroMQ asks in."""

    WORKER = "worker"
    COLLECTOR = "collector"
    CONTROL = "control"


class KeysError(EndpointError):
    """A key is missing, not safe or refused; the text says which, and what to do."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client shows: its own key pair, and the public key that its server must have.

    Attributes:
        path: of its secret file.
    """

    server: bytes
    public: bytes
    secret: bytes
    path: Path

    def give_to(self, socket: zmq.Socket) -> None:
        """Have a socket that is not yet connected use them."""
        socket.setsockopt(zmq.CURVE_SERVERKEY, self.server)
        socket.setsockopt(zmq.CURVE_PUBLICKEY, self.public)
        socket.setsockopt(zmq.CURVE_SECRETKEY, self.secret)


def credentials(keys: str, role: Role) -> Credentials | None:
    """Read this host's key of a role from a folder; None if there is no folder ("").

    Raises KeysError: there is not exactly one, it is not safe, or the server's public key is missing.
    """
    if not keys:
        return None
    folder = Path(keys)
    found = sorted((folder / role).glob(f"*{SECRET}"))
    if len(found) != 1:
        raise KeysError(
            f"{folder / role} must have one file NAME{SECRET}, this host's own, got {len(found)}; {HOW}"
        )
    public, secret = key_pair(found[0])
    return Credentials(_read(folder / f"{SERVER}{PUBLIC}")[0], public, secret, found[0])


def key_pair(path: Path) -> tuple[bytes, bytes]:
    """Read the public and the secret key of a file. Raises KeysError: it has none, or others can read it."""
    public, secret = _read(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeysError(f"others can read the secret in {path} (mode {mode:o}): say chmod 600 {path}")
    try:
        is_pair = secret is not None and zmq.curve_public(secret) == public
    except (ValueError, zmq.ZMQError):
        is_pair = False
    if secret is None or not is_pair:
        raise KeysError(f"{path} must have a public key and the secret that belongs to it; {HOW}")
    return public, secret


class AllowList:
    """The public keys in a role's folder, as it is now.

    Args:
        folder: that only its owner may write to.

    Attributes:
        revoked: keys that were there and are no more: who has one may still be connected.

    Raises:
        KeysError: there is no such folder, or others may write to it.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise KeysError(f"{folder} must be a folder with the public keys of who is let in; {HOW}")
        if folder.stat().st_mode & stat.S_IWOTH:
            raise KeysError(f"others can let anybody in through {folder}: say chmod o-w {folder}")
        self.revoked: frozenset[str] = frozenset()
        self._folder = folder
        self._seen: list[tuple[Path, int, int]] = []  # files, as they were when they were read
        self._keys: frozenset[str] = frozenset()
        self.read()

    def callback(self, domain: str, key: bytes) -> bool:
        """Tell whether a client with this key is let in: asked by `zmq.auth`, in its own thread."""
        self.read()
        return key.decode() in self._keys

    def read(self) -> None:
        """Read the folder again if it has changed; from any thread."""
        try:
            files = [(path, path.stat()) for path in sorted(self._folder.glob(f"*{PUBLIC}"))]
        except FileNotFoundError:  # one was taken away just now: there will be a next time
            return
        seen = [(path, status.st_mtime_ns, status.st_ino) for path, status in files]
        if seen == self._seen:
            return
        keys = frozenset(key for path, _ in files if (key := _listed(path)))
        self.revoked, self._keys, self._seen = (self.revoked | self._keys) - keys, keys, seen
        logger.info("%s lets %d keys in, %d are revoked", self._folder, len(keys), len(self.revoked))


def _listed(path: Path) -> str:
    """Read a public key; "" if there is none, for one bad file shuts nobody else out."""
    try:
        return _read(path)[0].decode()
    except KeysError as error:
        logger.warning("%s", error)
        return ""


def _read(path: Path) -> tuple[bytes, bytes | None]:
    try:
        public, secret = load_certificate(path)
        if len(public) != KEY_CHARACTERS or not set(public) <= set(z85.Z85CHARS):
            raise ValueError(f"a public key has {KEY_CHARACTERS} characters of Z85")
        return public, secret
    except (OSError, ValueError) as error:
        raise KeysError(f"{path} is no file with a key ({error}); {HOW}") from None
