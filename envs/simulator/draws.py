"""Repeatable noise: the pipeline's own draws, compiled."""

import numpy as np

from envs.simulator.compiling import compiled
from pipeline import content, service_times
from pipeline.service_times import MOMENT, PURPOSE_SERVICE_TIME

PURPOSE = np.uint64(PURPOSE_SERVICE_TIME)
PURPOSE_CONTENT = np.uint64(content.PURPOSE_CONTENT)

mix64 = compiled(service_times.mix64)
normal_quantile = compiled(service_times.normal_quantile)
lognormal_factor = compiled(service_times.lognormal_factor)
together = compiled(service_times.together)
shape_factor = compiled(service_times.shape_factor)
occupied_ns = compiled(service_times.occupied_ns)


@compiled
def stream_seed(seed, stream):
    """Return what `pipeline.service_times.uniform` makes of these two and the purpose between them."""
    return mix64(mix64(mix64(np.uint64(seed)) ^ PURPOSE) ^ np.uint64(stream))


@compiled
def content_seed(seed):
    """Return what the content of an episode is drawn by."""
    return mix64(np.uint64(seed) ^ PURPOSE_CONTENT)


@compiled
def content_normal(seed, moment):
    """Do the rest of `pipeline.scoring.moments.content_normal` with a content's seed."""
    return normal_quantile(uniform(seed, moment))


@compiled
def uniform(seed, frame_index):
    """Do the rest of it with a stream's seed: a frame takes one scrambling instead of four."""
    key = mix64(np.uint64(seed) ^ np.uint64(frame_index))
    return (np.float64(key >> np.uint64(11)) + 0.5) * 2.0**-53


@compiled
def service_ns(s, e, worker, grade, size, stream, frame_index):
    """How long this worker is occupied by this frame, slowed down as it is now."""
    kind = e.workers[worker].kind
    p = uniform(e.streams[stream].seed, frame_index)
    if s.kinds[kind].correlation > 0.0:
        shared = uniform(e.streams[stream].seed, ~(frame_index // MOMENT))
        p = together(p, shared, s.kinds[kind].correlation)
    n = s.kinds[kind].n_quantiles[grade, size]
    ms = s.kinds[kind].mean_ms[grade, size]
    if n > 0:
        ms *= shape_factor(p, s.kinds[kind].quantiles[grade, size], n)
    elif s.kinds[kind].sigma > 0.0:
        ms *= lognormal_factor(normal_quantile(p), s.kinds[kind].sigma)
    return occupied_ns(ms, e.workers[worker].slowdown, s.kinds[kind].capacity)
