"""How well what is shown agrees with what is there: each source frame by the age of what its stream shows.

F1 of every age is in the system's table, as running sums, so that all the source frames during which a stream
shows the same result are scored at once.
"""

import math

from envs.simulator.compiling import compiled
from envs.simulator.draws import content_normal
from envs.simulator.records import N_AGES, NONE
from envs.simulator.schedule import pts_ns
from pipeline import content
from pipeline.pacing import NS_PER_S

modulated = compiled(content.modulated)
swung = compiled(content.swung)


@compiled
def first_due(s, now_ns):
    """Index of the first source frame that is due at this time or later; that after the last one, at most."""
    index = int(now_ns * s.source_fps / NS_PER_S)
    while index > 0 and pts_ns(s.source_fps, index - 1) >= now_ns:
        index -= 1
    while pts_ns(s.source_fps, index) < now_ns:
        index += 1
    return min(index, s.n_source_frames)


@compiled
def score_stream(s, e, stream, until):
    """Score a stream's source frames below an index by what it shows."""
    state = e.streams[stream]
    n = until - state.scored
    if n <= 0:
        return
    if state.shown != NONE:
        sums = s.f1_sums[state.shown_grade, state.shown_size]
        first = state.scored - state.shown
        e.i_f1 += sum_below(sums, first + n) - sum_below(sums, first)
    e.i_scored += n
    state.scored = until


@compiled
def sum_below(sums, age):
    """Sum of F1 over the ages 0 ... age - 1; beyond the last it stays."""
    beyond = age - N_AGES
    return sums[age] if beyond <= 0 else sums[N_AGES] + beyond * (sums[N_AGES] - sums[N_AGES - 1])


@compiled
def show(s, e, j, now_ns):
    """A result is emitted: frames that were due before had what was shown until now."""
    job = e.jobs[j]
    if job.stream < e.n_streams:
        score_stream(s, e, job.stream, first_due(s, now_ns))
    state = e.streams[job.stream]
    state.shown, state.shown_grade, state.shown_size = job.index, job.grade, job.size


@compiled
def score_interval(s, e):
    """Score what was due until now; streams that are not carried show nobody anything."""
    until = first_due(s, e.now_ns)
    for stream in range(s.n_streams):
        if stream < e.n_streams:
            score_stream(s, e, stream, until)
        e.streams[stream].scored = until


@compiled
def change_content(s, e):
    """Let the content change from one interval to the next."""
    kept = s.second_correlation ** (s.interval_ns / NS_PER_S)
    drawn = math.sqrt(1.0 - kept * kept) * s.second_sd * content_normal(e.content_seed, e.step)
    e.content = kept * e.content + drawn


@compiled
def begin_scoring(s, e):
    """Nothing is shown yet; the scene and its first second are drawn."""
    e.scene = s.scene_sd * content_normal(e.content_seed, -1)
    e.content = s.second_sd * content_normal(e.content_seed, 0)
    for stream in range(s.n_streams):
        e.streams[stream].scored, e.streams[stream].shown = 0, NONE


@compiled
def streaming_f1(s, e):
    """Mean of the table over the interval's source frames, as the content has it; NaN if it is not known."""
    if not s.has_accuracy or e.i_scored == 0:
        return math.nan
    variance = s.scene_sd * s.scene_sd + s.second_sd * s.second_sd
    middle_s = (e.now_ns - s.interval_ns / 2) / NS_PER_S
    moved = swung(s.calm_offset, s.rush_offset, s.content_period_s, middle_s)
    return modulated(e.i_f1 / e.i_scored, e.scene + e.content + moved, variance)
