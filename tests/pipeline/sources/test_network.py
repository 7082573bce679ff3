import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from pipeline.sources.base import SourceError, SourceFrame
from pipeline.sources.live import LiveSource
from pipeline.sources.network import SILENCE_S, NetworkFeed, network_source, public_address
from tests.pipeline.sources.clips import gray, number_of, write_clip
from tests.pipeline.sources.rtsp_server import FPS, HEIGHT, WIDTH, RtspServer

SHORT_S, PLENTY_S = 0.3, 20.0


@contextmanager
def tcp_server(*answers: bytes) -> Iterator[int]:
    """Gives each of the first connections one of these and ends it, later ones nothing; yields the port."""
    todo = iter(answers)
    connections: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
                connections.append(connection)
                if answer := next(todo, b""):
                    connection.sendall(answer)
                    connection.close()
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    for connection in connections:
        connection.close()
    thread.join(5)


def next_frames(source: LiveSource, n: int) -> list[SourceFrame]:
    frames = []
    for _ in range(n):
        assert source.peek() is not None
        frames.append(source.read())
    return frames


@pytest.mark.parametrize("scheme", ["rtsp", "http", "tcp"])
def test_a_server_that_accepts_and_stays_silent_is_given_up(scheme: str):
    with tcp_server() as port, pytest.raises(SourceError, match="no data within the time allowed"):
        NetworkFeed(f"{scheme}://127.0.0.1:{port}/video", "stream", silence_s=SHORT_S)


def test_the_time_allowed_is_below_five_seconds():
    assert SILENCE_S < 5


def test_an_rtsp_server_that_answers_but_never_plays_is_given_up():
    with (
        RtspServer(plays=False) as server,
        pytest.raises(SourceError, match="announces a video but sends none"),
    ):
        NetworkFeed(server.address, "stream", silence_s=SHORT_S)


def test_attempts_at_a_server_fallen_silent_are_counted_and_bounded(tmp_path: Path):
    clip = write_clip(tmp_path / "clip.ts", range(0, 500, 20), [gray(k, 64, 48) for k in range(25)])
    with tcp_server(clip.read_bytes()) as port:
        address, allowed_s = f"tcp://127.0.0.1:{port}", iter((PLENTY_S, SHORT_S, SHORT_S))
        source = LiveSource(
            "stream", lambda: NetworkFeed(address, "stream", next(allowed_s)), backoff_s=(0.0, 0.0)
        )
        with pytest.raises(SourceError, match=r"stream is gone, 2 attempts to reconnect failed: .* no data"):
            while source.peek() is not None:
                source.skip()
        assert source.n_retries == 2
        source.close()


def test_rtsp_pictures_arrive_in_order_and_a_cut_connection_comes_back():
    with RtspServer() as server:
        source = LiveSource("stream", partial(NetworkFeed, server.address, "stream"), backoff_s=(0.05,) * 3)
        assert (source.width, source.height, source.fps) == (WIDTH, HEIGHT, FPS)
        source.restart(seed=0)
        before = next_frames(source, 10)
        server.cut()
        while server.n_clients < 2:
            next_frames(source, 1)
        after = next_frames(source, 10)
        source.close()
    frames = before + after
    times_ns, indices = [frame.pts_ns for frame in frames], [frame.index for frame in frames]
    assert times_ns == sorted(times_ns)
    assert indices == sorted(set(indices))
    assert {frame.image.shape for frame in frames} == {(HEIGHT, WIDTH, 3)}
    assert {number_of(frame.image) for frame in after} <= set(range(12))
    assert source.n_retries == 1


def test_a_stream_over_http_is_read(tmp_path: Path):
    clip = write_clip(tmp_path / "clip.ts", range(0, 500, 20), [gray(k, 64, 48) for k in range(25)])
    head = b"HTTP/1.0 200 OK\r\nContent-Type: video/mp2t\r\n\r\n"
    with tcp_server(head + clip.read_bytes()) as port:
        feed = NetworkFeed(f"http://127.0.0.1:{port}/clip.ts", "stream", silence_s=PLENTY_S)
        assert (feed.width, feed.height) == (64, 48)
        assert [number_of(feed.read()(64, 48)) for _ in range(10)] == list(range(10))
        feed.close()


def test_what_is_no_address_is_refused():
    for address in ("", "/dev/video0", "ftp://host/x"):
        with pytest.raises(SourceError, match="expected an address such as rtsp://host/path"):
            network_source(address)


def test_messages_name_the_address_without_its_secrets():
    assert public_address("rtsp://user:secret@host:554/path?token=1") == "rtsp://host:554/path"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(SourceError, match=rf"stream rtsp://127\.0\.0\.1:{port}/x cannot be opened") as caught:
        network_source(f"rtsp://user:secret@127.0.0.1:{port}/x")
    assert "secret" not in str(caught.value)
