"""Who gets through to a socket: a server's door, and a client's handshake with it."""

import ipaddress
import logging
from pathlib import Path

import zmq
from zmq.auth.thread import ThreadAuthenticator
from zmq.utils.monitor import recv_monitor_message

from pipeline.keys import PUBLIC, SECRET, SERVER, AllowList, Credentials, KeysError, Role, key_pair
from pipeline.once import Once
from pipeline.sockets import EndpointError, bind, connect

logger = logging.getLogger(__name__)

WITHOUT = "whoever reaches it can then watch the stream, send results and set the knobs"
READ_EVERY_NS = 1_000_000_000
CUT_OFF = 3  # handshakes in a row, until it is said that there will be none
_once = Once(logger)  # for all handshakes of this process: sockets are opened again and again
_HANDSHAKES = (
    zmq.EVENT_HANDSHAKE_SUCCEEDED
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
)


class Door:
    """Lets clients in to the sockets that are bound through it: those with a listed key, or all of this host.

    Args:
        context: of the sockets; it has one door.
        keys: the folder of keys; "" = none.
        insecure: whether a socket may be bound beyond this host all the same.
        roles: of the clients to come.

    Raises:
        KeysError: the keys are not there, or not safe.
    """

    def __init__(self, context: zmq.Context, keys: str, insecure: bool, *roles: Role) -> None:
        self._insecure = insecure
        self._lists: dict[Role, AllowList] = {}
        self._authenticator: ThreadAuthenticator | None = None
        self._next_read_ns = 0
        if not keys:
            return
        folder = Path(keys)
        _, self._secret = key_pair(folder / f"{SERVER}{SECRET}")
        self._lists = {role: AllowList(folder / role) for role in roles}
        self._authenticator = ThreadAuthenticator(context)
        for role, allowed in self._lists.items():
            self._authenticator.configure_curve_callback(role, allowed)
        self._authenticator.start()

    def bind(self, socket: zmq.Socket, endpoint: str, role: Role) -> str:
        """Bind a socket for clients of a role; returns the endpoint with the port that was chosen for "*".

        Raises EndpointError: it cannot be bound, or would be open to other hosts without keys.
        """
        if self._authenticator is not None:
            socket.setsockopt(zmq.CURVE_SERVER, 1)
            socket.setsockopt(zmq.CURVE_SECRETKEY, self._secret)
            socket.setsockopt(zmq.ZAP_DOMAIN, role.encode())
        elif not is_local(endpoint):
            if not self._insecure:
                raise EndpointError(
                    f"cannot bind {endpoint}: other hosts can reach it, and there are no keys; "
                    f"give --keys FOLDER (python -m pipeline keys), or --insecure: {WITHOUT}"
                )
            logger.warning("%s is open without keys: %s", endpoint, WITHOUT)
        return bind(socket, endpoint)

    def read(self, now_ns: int) -> None:
        """Read the lists again where they have changed, unless that was done just now."""
        if now_ns < self._next_read_ns:
            return
        self._next_read_ns = now_ns + READ_EVERY_NS
        for allowed in self._lists.values():
            allowed.read()

    def revoked(self, role: Role) -> frozenset[str]:
        """Keys of clients that were let in and would not be now: what they say is not to be taken."""
        return self._lists[role].revoked if self._lists else frozenset()

    def close(self) -> None:
        """Let nobody in any more; call before the context ends."""
        if self._authenticator is not None:
            self._authenticator.stop()
            self._authenticator = None


class Handshake:
    """Connects a client's socket, and watches whether it is let in; close it before the socket.

    Args:
        socket: not yet connected.
        credentials: None = none.
        patient: whether a server that breaks off handshakes without a word, as one does that asks for a key,
            is only warned of and tried again: a proxy does so, too, while no server is behind it. Who has a
            key does not wait for that.

    Attributes:
        news: readable when it is worth while to `check`.

    Raises:
        EndpointError: not an endpoint.
    """

    def __init__(
        self, socket: zmq.Socket, endpoint: str, credentials: Credentials | None, patient: bool = False
    ) -> None:
        self.news = socket.get_monitor_socket(_HANDSHAKES)
        self._socket = socket
        self._endpoint = endpoint
        self._credentials = credentials
        self._patient = patient and credentials is None
        self._n_cut_off = 0
        try:
            if credentials is not None:
                credentials.give_to(socket)
            connect(socket, endpoint)
        except EndpointError:
            self.close()
            raise

    def check(self) -> None:
        """Raise KeysError if the server has refused us, or will for ever; waits for nothing."""
        while self.news.poll(0):
            event = recv_monitor_message(self.news)
            kind, is_mismatch = event["event"], event["value"] == zmq.PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH
            if kind == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self._n_cut_off = 0
            elif kind == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                raise KeysError(f"{self._endpoint} refuses {self._ours}: it is not on the list there")
            elif kind == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL and is_mismatch:
                both = "give keys to both ends, or to neither"
                raise KeysError(f"{self._endpoint} does not take {self._ours}: {both} (--keys)")
            else:
                self._n_cut_off += 1
        if self._n_cut_off >= CUT_OFF:
            self._cut_off()

    def close(self) -> None:
        """Watch no longer; call once."""
        self._socket.disable_monitor()
        self.news.close(linger=0)

    def _cut_off(self) -> None:
        why = "it asks for one (--keys), or no pipeline is there"
        if self._credentials is not None:
            public = self._credentials.path.parents[1] / f"{SERVER}{PUBLIC}"
            why = f"its server has another than in {public}, or no pipeline is there"
        words = f"{self._endpoint} breaks off every handshake with {self._ours}: {why}"
        if not self._patient:
            raise KeysError(words)
        _once.warn(words)

    @property
    def _ours(self) -> str:
        return "a client without a key" if self._credentials is None else f"the key {self._credentials.path}"


def is_local(endpoint: str) -> bool:
    """Tell whether only this host's programs can reach an endpoint."""
    transport, _, address = endpoint.partition("://")
    if transport != "tcp":
        return transport in ("ipc", "inproc")
    host = address.rpartition(":")[0].strip("[]")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
