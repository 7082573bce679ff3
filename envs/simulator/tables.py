"""From systems, as people describe them, to the records that the walk reads."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.accuracy import StreamProfile
from envs.scenario import Event, EventKind
from envs.simulator import records
from envs.simulator.system import System
from envs.spec import ElasticitySpec
from pipeline.messages import Binding, HandOut, LoadingMode
from pipeline.options import QueuePolicy
from pipeline.pacing import exact_rate
from pipeline.producer.config import HELD_SHARE, SILENT_HEARTBEATS, gap_deadline_s, memory_budget_bytes
from pipeline.producer.outlook import grade_costs
from pipeline.service_times import ServiceTimes
from pipeline.settings import Ladders
from pipeline.worker.timing import HEARTBEAT_SHARE, REPLY_HEARTBEATS

EVENT_CODES: Mapping[EventKind, int] = {
    EventKind.STREAMS: records.SET_STREAMS,
    EventKind.LOSE_WORKER: records.LOSE_WORKER,
    EventKind.JOIN_WORKER: records.JOIN_WORKER,
    EventKind.SLOW_WORKER: records.SLOW_WORKER,
    EventKind.LINKS: records.SET_LINKS,
    EventKind.THRESHOLD: records.SET_THRESHOLD,
}


def _ns(ms: float) -> int:
    return round(ms * 1e6)


def systems_of(systems: Sequence[System], spec: ElasticitySpec) -> NDArray[Any]:
    """A SYSTEM record of each, shape (n_systems,).

    Raises:
        ValueError: one is larger than there is room for.
    """
    found = np.zeros(len(systems), records.SYSTEM)
    for record, system in zip(found, systems, strict=True):
        _check_room(system, spec)
        _fill_system(record, system)
        record["n_slos"] = len(spec.slos)
        _fill_ladders(record, system)
        _fill_kinds(record["kinds"], system)
        if system.accuracy is not None:
            _fill_accuracy(record, system, system.accuracy)
    return found


def _check_room(system: System, spec: ElasticitySpec) -> None:
    n_fps, n_sizes, n_grades = system.ladders.n_levels
    shapes = [shape for d in system.cluster.devices for times in d.times.values() for shape in times.shapes]
    for what, n, most in (
        ("workers, those that join included", system.most_workers, records.N_WORKERS),
        ("concurrent streams", system.most_streams, records.N_STREAMS),
        ("SLOs", len(spec.slos), records.N_SLOS),
        ("fps levels", n_fps, records.N_FPS),
        ("frame sizes", n_sizes, records.N_SIZES),
        ("grades", n_grades, records.N_GRADES),
        ("quantiles", max(map(len, shapes)), records.N_QUANTILES),
    ):
        if n > most:
            raise ValueError(f"the simulator has room for {most} {what}, got {n}")


def _fill_ladders(record: np.void, system: System) -> None:
    ladders = system.ladders
    for rate, fps in zip(record["rates"], ladders.fps, strict=False):
        exact = exact_rate(fps)
        rate["fps"], rate["takes_all"] = fps, fps >= system.source_fps
        rate["numerator"], rate["denominator"] = exact.numerator, exact.denominator
    for i, (width, height) in enumerate(ladders.sizes):
        record["frame_bytes"][i], record["heights_px"][i] = 3 * width * height, height
    costs = grade_costs(ladders.grades)
    record["grade_costs"][: len(costs)] = costs


def _fill_accuracy(record: np.void, system: System, profile: StreamProfile) -> None:
    record["has_accuracy"] = True
    for name in ("scene_sd", "second_sd", "second_correlation"):
        record[name] = getattr(profile, name)
    moved = system.scenario.content
    if moved is not None:
        swing = moved.offset
        record["calm_offset"], record["rush_offset"] = swing.low, swing.high
        record["content_period_s"] = swing.period_s
    ages_s = np.arange(records.N_AGES) / system.source_fps
    for grade, letter in enumerate(system.ladders.grades):
        for size, (_, height) in enumerate(system.ladders.sizes):
            record["f1_sums"][grade, size, 1:] = np.cumsum(profile.f1_by_age(letter, height, ages_s))


def _fill_system(record: np.void, system: System) -> None:
    s, host = system, system.cluster.host
    fps_level, size_level, grade_level = s.first_levels
    heartbeat_ns = int(s.heartbeat_s * 1e9)
    lease_ns = int(s.lease_s * 1e9)
    n_frames = max(1, round(s.source_length_s * s.source_fps)) if s.source_length_s else records.NEVER
    thermal = s.scenario.thermal
    values = {
        "n_steps": s.steps,
        "n_workers": s.cluster.n_workers,
        "n_streams": s.most_streams,
        "n_sizes": len(s.ladders.sizes),
        "n_grades": len(s.ladders.grades),
        "n_slots": s.prefetch + 1,
        "batch": s.batch,
        "interval_ns": s.interval_ns,
        "decision_ns": _ns(s.decision_ms),
        "heartbeat_send_ns": int(HEARTBEAT_SHARE * heartbeat_ns),
        "silent_ns": SILENT_HEARTBEATS * heartbeat_ns,
        "held_ns": math.ceil(HELD_SHARE * heartbeat_ns),
        "reply_ns": REPLY_HEARTBEATS * heartbeat_ns,
        "lease_ns": lease_ns,
        "retries": s.retries,
        "gap_deadline_ns": int(gap_deadline_s(lease_ns, s.retries) * 1e9),
        "message_ns": _ns(host.message_ms),
        "capture_ns": _ns(host.capture_ms),
        "drops_newest": s.queue_policy is QueuePolicy.DROP_NEWEST,
        "binds_at_hand_out": s.binding is Binding.HAND_OUT,
        "plans_turns": s.hand_out is HandOut.EARLIEST_DONE,
        "is_lazy": s.loading_mode == LoadingMode.LAZY,
        "returns_frames": s.return_frames,
        "n_source_frames": n_frames,
        "budget_bytes": memory_budget_bytes(s.memory_budget_mb, s.queue_bound_s, s.source_fps, s.source_size),
        "host_used_bytes": int(host.used_mb * 1e6),
        "host_bytes": int(host.memory_mb * 1e6),
        "streams": s.scenario.streams,
        "fps_level": fps_level,
        "size_level": size_level,
        "grade_level": grade_level,
        "is_thermal": thermal is not None,
        "source_fps": s.source_fps,
        "queue_bound_s": s.queue_bound_s,
        "tau_s": thermal.tau_s if thermal else 1.0,
        "throttles_from": thermal.throttles_from if thermal else 0.0,
        "slowdown": thermal.slowdown if thermal else 1.0,
    }
    for name, value in values.items():
        record[name] = value


def _fill_kinds(kinds: NDArray[Any], system: System) -> None:
    numbers = [i for i, device in enumerate(system.cluster.devices) for _ in range(device.count)]
    media = sorted({device.link.shared for device in system.cluster.devices} - {""})
    for w, device in enumerate(system.cluster.workers):
        kind = kinds[w]
        kind["medium"] = media.index(device.link.shared) if device.link.shared else records.NONE
        kind["device"], kind["capacity"] = numbers[w], device.capacity
        kind["sigma"], kind["correlation"] = device.sigma, device.correlation
        kind["delay_ns"], kind["ns_per_byte"] = _ns(device.link.delay_ms), 8e3 / device.link.mbit_s
        kind["handling_ns"], kind["start_ns"] = _ns(device.handling_ms), _ns(device.start_ms)
        kind["load_ns"], kind["shape_ns"] = _ns(device.load_ms), _ns(device.new_shape_ms)
        if device.idle_w is not None and device.busy_w is not None:
            kind["has_power"], kind["idle_w"], kind["busy_w"] = 1, device.idle_w, device.busy_w
        _fill_times(kind, device.service_times(), system.ladders)


def _fill_times(kind: np.void, times: ServiceTimes, ladders: Ladders) -> None:
    for g, grade in enumerate(ladders.grades):
        for i, (width, height) in enumerate(ladders.sizes):
            shape = times.shape(grade, width, height)
            kind["mean_ms"][g, i] = times.mean_ms(grade, width, height)
            kind["n_quantiles"][g, i] = len(shape)
            kind["quantiles"][g, i, : len(shape)] = shape


def fill_events(events: np.ndarray, timeline: Mapping[int, Sequence[Event]], spec: ElasticitySpec) -> int:
    """Write a scenario's events of one episode in their order; returns how many there are."""
    metrics = [slo.metric for slo in spec.slos]
    n = 0
    for step in sorted(timeline):
        for event in timeline[step]:
            events[n]["step"], events[n]["kind"] = step, EVENT_CODES[event.kind]
            events[n]["worker"], events[n]["value"] = event.worker or 0, event.value or 0.0
            events[n]["slo"] = metrics.index(event.metric) if event.metric else 0
            n += 1
    return n
