"""ZeroMQ as all three programs use it: bounded buffers, no lingering, errors that name the endpoint."""

from collections.abc import Collection, Iterator

import zmq

# fuses: the transport cuts off a peer that sends a larger part
MAX_MESSAGE_BYTES = 1 << 28
MAX_REQUEST_BYTES = 1 << 22  # where nothing but headers is taken; who sends too long a one is still answered
NOBLOCK, SNDMORE = int(zmq.NOBLOCK), int(zmq.SNDMORE)  # as flags they cost a microsecond per "|"
_READABLE = int(zmq.POLLIN)
PER_TURN = 64  # messages taken from one socket before the others get their turn


class EndpointError(Exception):
    """An endpoint cannot be bound or connected; the text names it."""


def open_socket(
    context: zmq.Context, kind: int, *, high_water_mark: int = 1000, max_bytes: int = MAX_MESSAGE_BYTES
) -> zmq.Socket:
    """Open a socket that never blocks its owner's exit and whose buffers are bounded.

    Args:
        high_water_mark: messages of one peer that wait, in either direction; 0 = any number.
        max_bytes: of a part that is taken, before it is.
    """
    socket = context.socket(kind)
    socket.linger = 0
    socket.set_hwm(high_water_mark)
    socket.setsockopt(zmq.MAXMSGSIZE, max_bytes)
    return socket


def poller(*files: zmq.Socket | int) -> zmq.Poller:
    """Make a poller that says which sockets and descriptors can be read."""
    made = zmq.Poller()
    for file in files:
        made.register(file, zmq.POLLIN)
    return made


def bind(socket: zmq.Socket, endpoint: str) -> str:
    """Bind, and return the endpoint with the port that was chosen for "*".

    Raises EndpointError: the address is not valid, not this host's, or in use.
    """
    try:
        _enable_ipv6(socket, endpoint)
        socket.bind(endpoint)
    except zmq.ZMQError as error:
        raise EndpointError(f"cannot bind {endpoint}: {error.strerror}; choose another endpoint") from None
    return socket.getsockopt_string(zmq.LAST_ENDPOINT)


def connect(socket: zmq.Socket, endpoint: str) -> None:
    """Connect; the peer need not be there yet. Raises EndpointError: not an endpoint."""
    try:
        _enable_ipv6(socket, endpoint)
        socket.connect(endpoint)
    except zmq.ZMQError as error:
        raise EndpointError(f"cannot connect to {endpoint}: {error.strerror}") from None


def reached_at(endpoint: str, said: zmq.Frame) -> str:
    """Return where to reach who said this endpoint: if it is every address, at the one it speaks from."""
    for wildcard in ("tcp://0.0.0.0:", "tcp://[::]:", "tcp://*:"):
        if endpoint.startswith(wildcard):
            host = str(said.get("Peer-Address"))
            place = f"[{host}]" if ":" in host else host
            return f"tcp://{place}:{endpoint[len(wildcard) :]}"
    return endpoint


def _enable_ipv6(socket: zmq.Socket, endpoint: str) -> None:
    """Let a socket have addresses of IPv6 if it is to; a name with both kinds would then mean these."""
    if "[" in endpoint:
        socket.setsockopt(zmq.IPV6, 1)


def pending(socket: zmq.Socket, *, copy: bool = True, revoked: Collection[str] = ()) -> Iterator[list]:
    """Take the messages that are there now, at most PER_TURN; `copy=False` gives zmq.Frame parts.

    Args:
        revoked: keys of clients whose messages are thrown away.
    """
    for _ in range(PER_TURN):
        try:
            frames = receive(socket)
        except zmq.Again:
            return
        if revoked and frames[-1].get("User-Id") in revoked:
            continue
        yield [frame.bytes for frame in frames] if copy else frames
        # cheaper than the exception of one try too many
        if not int(socket.getsockopt(zmq.EVENTS)) & _READABLE:
            return


def receive(socket: zmq.Socket) -> list[zmq.Frame]:
    """Take one message's parts; call where one is there. Asks no option per part, as recv_multipart does."""
    frames = [frame := socket.recv(NOBLOCK, copy=False)]
    while frame.more:
        frames.append(frame := socket.recv(NOBLOCK, copy=False))
    return frames
