"""An RTSP server that is just enough of one: H.264 over RTP, interleaved in the TCP connection."""

import contextlib
import re
import socket
import struct
import threading
from collections.abc import Iterator
from fractions import Fraction
from typing import Self

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from tests.pipeline.sources.clips import gray

WIDTH, HEIGHT, FPS = 160, 90, 50
CLOCK_HZ = 90_000  # of RTP timestamps for video
SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
    f"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/{CLOCK_HZ}\r\na=fmtp:96 packetization-mode=1\r\n"
    "a=control:track0\r\n"
)


def encoded_pictures(n: int) -> list[list[bytes]]:
    """The NAL units of n pictures, a key frame every twelfth."""
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.time_base, encoder.framerate, encoder.gop_size = Fraction(1, FPS), Fraction(FPS), 12
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency"}
    pictures = []
    for k in range(n):
        frame = VideoFrame.from_ndarray(gray(k, WIDTH, HEIGHT), format="bgr24")
        frame.pts, frame.time_base = k, Fraction(1, FPS)
        packets = encoder.encode(frame)
        pictures.append([nal for packet in packets for nal in re.split(b"\0\0\0?\1", bytes(packet)) if nal])
    return pictures


class RtspServer:
    """Serves the same moving picture to whoever asks, one client at a time.

    Args:
        plays: False answers every request but sends no picture.
    """

    def __init__(self, plays: bool = True) -> None:
        self._plays = plays
        self._pictures = encoded_pictures(24)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._client: socket.socket | None = None
        self._stopped = threading.Event()
        self.n_clients = 0
        self.address = f"rtsp://127.0.0.1:{self._listener.getsockname()[1]}/test"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Cut the client's connection off without a word."""
        if self._client is not None:
            self._client.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with contextlib.suppress(OSError):  # the client may have been faster
            self.cut()
        self._thread.join(5)

    def _serve(self) -> None:
        while not self._stopped.is_set():
            try:
                self._client, _ = self._listener.accept()
            except OSError:
                return
            self.n_clients += 1
            try:
                self._converse(self._client)
            except OSError:
                pass  # the client has left, or was cut off
            finally:
                self._client.close()

    def _converse(self, client: socket.socket) -> None:
        with client.makefile("rb") as requests:
            while (line := requests.readline().decode()) != "":
                method, headers = line.split(" ")[0], {}
                while (line := requests.readline().decode().strip()) != "":
                    name, _, value = line.partition(":")
                    headers[name.lower()] = value.strip()
                client.sendall(self._answer(method, headers).encode())
                if method == "PLAY" and self._plays:
                    for packet in self._rtp():
                        client.sendall(packet)

    def _answer(self, method: str, headers: dict[str, str]) -> str:
        extra, body = "", ""
        if method == "OPTIONS":
            extra = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
        elif method == "DESCRIBE":
            extra, body = f"Content-Type: application/sdp\r\nContent-Length: {len(SDP)}\r\n", SDP
        elif method == "SETUP":
            extra = f"Transport: {headers['transport']}\r\nSession: 1\r\n"
        return f"RTSP/1.0 200 OK\r\nCSeq: {headers['cseq']}\r\n{extra}\r\n{body}"

    def _rtp(self) -> Iterator[bytes]:
        """Interleaved packets, one per NAL unit, in real time."""
        sequence, k = 0, 0
        while not self._stopped.wait(1 / FPS):
            nals = self._pictures[k % len(self._pictures)]
            for nal in nals:
                marker = 0x80 if nal is nals[-1] else 0
                header = struct.pack(">BBHII", 0x80, marker | 96, sequence, k * CLOCK_HZ // FPS, 1)
                yield b"$\0" + struct.pack(">H", len(header) + len(nal)) + header + nal
                sequence = (sequence + 1) & 0xFFFF
            k += 1
