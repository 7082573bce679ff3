"""Faults of real programs: what is promised in docs/reliability.md, and that the account stays right."""

import os
import resource
import signal
import socket
import time
from collections.abc import Callable, Iterator

import psutil
import pytest
import zmq

from pipeline.cluster import LocalCluster
from pipeline.messages import Status, Telemetry, WorkType
from pipeline.options import CollectorOptions, ProducerOptions, SourceKind, WorkerOptions
from pipeline.program import ClusterError
from tests.pipeline.proxy import Proxy
from tests.pipeline.running import Peer, program

pytestmark = pytest.mark.real

READY_S = 60.0
PATIENCE_S = 20.0
PRODUCER = ProducerOptions(
    source=SourceKind.MEMORY,
    width=128,
    height=72,
    grades=("n",),
    work_type=WorkType.EMULATED,
    heartbeat_s=0.2,
    drain_s=1.0,
)


def started(directory, collector: CollectorOptions | None = None) -> Iterator[LocalCluster]:
    """A stream of 30 small frames a second, two workers who have them done at once."""
    workers = [WorkerOptions()] * 2
    with LocalCluster(PRODUCER, collector or CollectorOptions(), workers, directory / "logs") as cluster:
        cluster.wait_ready(READY_S)
        cluster.control.start(seed=0, levels=(5, 0, 0))
        yield cluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    yield from started(tmp_path_factory.mktemp("cluster"))


def once(cluster: LocalCluster, is_so: Callable[[Status], bool]) -> None:
    """Return when it is so."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not is_so(status := cluster.control.status()):
        assert time.monotonic() < deadline_s, status
        time.sleep(0.02)


def delivers_more(cluster: LocalCluster, n: int = 10) -> Telemetry:
    """Telemetry, once so many more frames have arrived; every frame that was offered is accounted for."""
    n_before = cluster.control.telemetry(close=False).totals.delivered
    deadline_s = time.monotonic() + PATIENCE_S
    while (telemetry := cluster.control.telemetry(close=False)).totals.delivered < n_before + n:
        assert time.monotonic() < deadline_s, telemetry.totals
        time.sleep(0.02)
    totals = telemetry.totals
    gone = sum(totals.dropped.values()) + totals.thinned + totals.lost + totals.late
    assert totals.offered == totals.delivered + gone + totals.in_flight
    return telemetry


def names(status: Status) -> set[str]:
    return {worker.name for worker in status.workers if worker.ready}


def test_a_worker_that_stands_still_loses_its_tasks_to_the_other_and_is_back_when_it_goes_on(cluster):
    delivers_more(cluster)
    pid = cluster.alive()["worker-0"]
    os.killpg(pid, signal.SIGSTOP)
    try:
        once(cluster, lambda status: names(status) == {"worker-1"})
        telemetry = delivers_more(cluster)
    finally:
        os.killpg(pid, signal.SIGCONT)
    assert telemetry.incidents.silent_workers == 1
    once(cluster, lambda status: names(status) == {"worker-0", "worker-1"})
    assert delivers_more(cluster).totals.lost == 0


def test_a_worker_whose_network_is_cut_is_given_up_and_comes_back(cluster):
    with (
        Proxy(cluster.endpoints.work) as network,
        program("worker", "--producer", network.endpoint, "--name", "far"),
    ):
        once(cluster, lambda status: "far" in names(status))
        network.cut()
        once(cluster, lambda status: "far" not in names(status))
        delivers_more(cluster)
        network.mend()
        once(cluster, lambda status: "far" in names(status))
        assert delivers_more(cluster).totals.lost == 0


def test_who_is_there_is_served_while_the_producer_has_no_descriptor_left_for_others(cluster):
    process = psutil.Process(cluster.alive()["producer"])
    soft, hard = process.rlimit(psutil.RLIMIT_NOFILE)
    host, _, port = cluster.endpoints.work.removeprefix("tcp://").rpartition(":")
    process.rlimit(psutil.RLIMIT_NOFILE, (process.num_fds(), hard))
    try:
        with socket.create_connection((host, int(port))):
            delivers_more(cluster)
    finally:
        process.rlimit(psutil.RLIMIT_NOFILE, (soft, hard))
    with Peer(zmq.REQ, cluster.endpoints.work) as late:
        assert late.ask_map({"type": "REGISTER"})["type"] == "REGISTRATION_CONFIRMATION"


@pytest.mark.nightly
def test_a_collector_that_stands_still_is_put_out_of_charge_and_back(cluster):
    pid = cluster.alive()["collector"]
    os.killpg(pid, signal.SIGSTOP)
    try:
        once(cluster, lambda status: not status.collector)
    finally:
        os.killpg(pid, signal.SIGCONT)
    once(cluster, lambda status: status.collector)
    delivers_more(cluster)


@pytest.mark.nightly
def test_a_collector_whose_disk_is_full_ends_with_a_sentence_and_the_producer_goes_on(tmp_path):
    file = tmp_path / "detections.jsonl"
    for cluster in started(tmp_path, CollectorOptions(detections=str(file))):
        delivers_more(cluster)
        pid = cluster.alive()["collector"]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, 4096))
        deadline_s = time.monotonic() + PATIENCE_S
        while "collector" in cluster.alive():
            assert time.monotonic() < deadline_s, "it goes on though it cannot write"
            time.sleep(0.02)
        with pytest.raises(ClusterError, match=r"exit code 1\n(.*\n)*.*collector: .*detections\.jsonl"):
            cluster.check()
        assert cluster.control.status().state == "RUNNING"
