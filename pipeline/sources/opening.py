"""From the producer's options to the source they name.

Each kind is imported where it is opened: a file needs no OpenCV, the traffic scene no FFmpeg.
"""

from typing import assert_never

from pipeline.content import Swing
from pipeline.options import ProducerOptions, SourceKind
from pipeline.sources.base import Source
from pipeline.sources.memory import MemorySource


def open_source(options: ProducerOptions) -> Source:
    """Open the source that the options name.

    Raises SourceError: it cannot be opened; the message says what was expected.
    """
    match options.source:
        case SourceKind.TRAFFIC:
            return _traffic(options, options.length_s or None)
        case SourceKind.MEMORY:
            return _recorded(_traffic(options, 1.0))
        case SourceKind.FILE:
            from pipeline.sources.file import FileSource

            return FileSource(options.path, options.loop)
        case SourceKind.CAMERA:
            from pipeline.sources.camera import camera_source

            return camera_source(options.path)
        case SourceKind.RTSP:
            from pipeline.sources.network import network_source

            return network_source(options.path)
        case SourceKind.CUSTOM:
            from pipeline.sources.custom import custom_source

            return custom_source(options.factory, options.arguments)
        case _:
            assert_never(options.source)


def _traffic(options: ProducerOptions, length_s: float | None) -> Source:
    from pipeline.sources.traffic import TrafficSource

    density, fog = (Swing(*swing) if swing else None for swing in (options.density, options.fog))
    size = options.width, options.height
    return TrafficSource(options.seed, *size, options.source_fps, length_s, density, fog, options.pace)


def _recorded(source: Source) -> MemorySource:
    """Keep all pictures of a source that ends, to be repeated from memory."""
    images = []
    while source.peek() is not None:
        images.append(source.read().image)
    source.close()
    return MemorySource(images, source.fps)
