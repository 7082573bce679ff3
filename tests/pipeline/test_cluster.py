"""Real processes: the real producer, with a collector and workers that only report for duty."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from pipeline import cluster as cluster_module
from pipeline.cluster import LocalCluster
from pipeline.conditions import Conditions
from pipeline.messages import State
from pipeline.options import CollectorOptions, ProducerOptions, WorkerOptions
from pipeline.program import ClusterError, Program
from pipeline.remote import RemoteCluster
from pipeline.restarts import NO_RESTARTS, RestartBudget
from tests.pipeline.stand_ins import Behaviour

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]
STAND_INS = ROOT / "tests" / "pipeline" / "stand_ins.py"
READY_S = 60.0
GONE_S = 20.0

OWNER = """
import json, sys
from tests.pipeline.test_cluster import Behaviour, cluster_in
cluster = cluster_in(sys.argv[1], Behaviour.GOOD, 1)
cluster.start()
cluster.wait_ready(60.0)
print(json.dumps(cluster.alive()), flush=True)
sys.stdin.read()
"""


def cluster_in(
    directory: Path | str, behaviour: Behaviour, n_workers: int, budget: RestartBudget = NO_RESTARTS
) -> LocalCluster:
    return LocalCluster(
        ProducerOptions(heartbeat_s=0.2, drain_s=1.0),
        CollectorOptions(),
        [WorkerOptions(threads=1 + i) for i in range(n_workers)],
        directory,
        (sys.executable, str(STAND_INS), behaviour),
        budget,
    )


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., LocalCluster]]:
    clusters: list[LocalCluster] = []

    def made(
        behaviour: Behaviour = Behaviour.GOOD, n_workers: int = 1, budget: RestartBudget = NO_RESTARTS
    ) -> LocalCluster:
        clusters.append(cluster_in(tmp_path / "logs", behaviour, n_workers, budget))
        return clusters[-1]

    yield made
    for cluster in clusters:
        cluster.close()


def processes(cluster: LocalCluster) -> list[psutil.Process]:
    return [psutil.Process(pid) for pid in cluster.alive().values()]


def all_gone(expected: Iterable[psutil.Process]) -> bool:
    return not psutil.wait_procs(list(expected), timeout=GONE_S)[1]


def test_a_cluster_becomes_ready_and_leaves_nothing_behind(make, tmp_path):
    cluster, told = make(n_workers=2), []
    cluster.start()
    status = cluster.wait_ready(READY_S, told.append)
    assert status.state is State.STANDBY and status.collector
    assert {worker.name for worker in status.workers} == {"worker-0", "worker-1"}
    assert list(cluster.alive()) == ["producer", "collector", "worker-0", "worker-1"]
    assert "waiting for" in told[0] and told[-1].endswith("ready")
    running = processes(cluster)
    cluster.close()
    assert all_gone(running) and cluster.alive() == {}
    cluster.close()
    assert {path.name for path in (tmp_path / "logs").iterdir()} == {
        "producer.log",
        "collector.log",
        "worker-0.log",
        "worker-1.log",
    }


def test_programs_are_out_of_reach_of_ctrl_c_and_use_the_threads_they_are_told(make):
    cluster = make(n_workers=2)
    cluster.start()
    for name, threads in (("producer", "1"), ("worker-0", "1"), ("worker-1", "2")):
        pid = cluster.alive()[name]
        assert os.getsid(pid) == pid
        assert psutil.Process(pid).environ()["OMP_NUM_THREADS"] == threads


def test_a_worker_that_dies_while_loading_is_named_with_its_last_words(make):
    cluster = make(Behaviour.WORKER_DIES)
    cluster.start()
    with pytest.raises(ClusterError, match=r"worker-0 ended with exit code 3\n(.*\n)*.*something is missing"):
        cluster.wait_ready(READY_S)


def test_a_producer_that_dies_is_named_with_its_last_words(make):
    cluster = make(Behaviour.PRODUCER_DIES)
    with pytest.raises(ClusterError, match=r"producer ended with exit code 3\n(.*\n)*.*something is missing"):
        cluster.start()
    assert cluster.alive() == {}


def test_a_producer_that_prints_something_else_is_refused(make):
    cluster = make(Behaviour.PRODUCER_BABBLES)
    with pytest.raises(ClusterError, match="must print its endpoints, got b'hello"):
        cluster.start()
    assert cluster.alive() == {}


def test_a_program_that_says_nothing_is_not_waited_for_without_end(tmp_path):
    mute = Program("mute", ("sleep", "60"), WorkerOptions(), tmp_path, piped=True)
    with pytest.raises(ClusterError, match=r"mute said nothing within 0.1 s"):
        mute.first_line(timeout_s=0.1)
    mute.kill()
    assert mute.exit_code == -signal.SIGKILL


def test_a_lost_worker_does_not_end_the_cluster_and_is_replaced(make):
    cluster = make(n_workers=2)
    cluster.start()
    cluster.wait_ready(READY_S)
    victim = psutil.Process(cluster.alive()["worker-0"])
    cluster.kill_worker(0)
    assert all_gone([victim])
    cluster.check()
    assert list(cluster.alive()) == ["producer", "collector", "worker-1"]
    cluster.restore()
    cluster.wait_ready(READY_S)
    assert set(cluster.alive()) == {"producer", "collector", "worker-1", "worker-2"}
    cluster.kill_worker(0)  # the slot has the new one
    assert set(cluster.alive()) == {"producer", "collector", "worker-1"}


def crash(cluster: LocalCluster, name: str) -> None:
    """kill -9, as nobody meant it; returns once it is gone, its exit code left for who started it."""
    pid = cluster.alive()[name]
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def test_who_dies_unplanned_is_started_again_within_the_budget(make):
    cluster = make(n_workers=2, budget=RestartBudget(1, 600.0))
    cluster.start()
    cluster.wait_ready(READY_S)
    cluster.kill_worker(1)  # that was planned
    crash(cluster, "worker-0")
    crash(cluster, "collector")
    cluster.control.status()  # neither stops the producer
    cluster.mend()
    assert list(cluster.alive()) == ["producer", "collector-2", "worker-2"]
    assert (cluster.restarts.n_deaths, cluster.restarts.n_restarts, cluster.slots["worker-2"]) == (2, 2, 0)
    cluster.wait_ready(READY_S)
    crash(cluster, "worker-2")
    with pytest.raises(ClusterError, match=r"no worker is left that could be started again: worker-2 ended"):
        cluster.mend()
    cluster.restore()  # an episode later all of them are there again
    cluster.mend()
    assert set(cluster.alive()) == {"producer", "collector-2", "worker-3", "worker-4"}
    crash(cluster, "collector-2")
    with pytest.raises(ClusterError, match=r"the collector is not started again: collector-2 ended"):
        cluster.mend()
    assert (cluster.restarts.n_deaths, cluster.restarts.n_restarts) == (4, 2)


def test_an_added_worker_joins_and_is_ended_by_restore(make):
    cluster = make()
    cluster.start()
    assert cluster.add_worker(cluster.workers[0]) == 1
    status = cluster.wait_ready(READY_S)
    assert {worker.name for worker in status.workers if worker.ready} == {"worker-0", "worker-1"}
    cluster.restore()
    assert set(cluster.alive()) == {"producer", "collector", "worker-0"}


def test_a_worker_like_a_lost_one_takes_its_place(make):
    cluster = make(n_workers=2)
    cluster.start()
    cluster.kill_worker(1)
    assert cluster.add_worker(cluster.workers[0]) == 2
    assert cluster.add_worker(cluster.workers[1]) == 1
    cluster.restore()
    assert set(cluster.alive()) == {"producer", "collector", "worker-0", "worker-3"}


def heard(cluster: LocalCluster, directory: Path, name: str, lines: str) -> None:
    """Wait until this worker has heard exactly these lines; pytest's own timeout ends a vain wait."""
    log = directory / "logs" / f"{name}.log"
    while log.read_text() != lines:
        assert lines.startswith(log.read_text())
        cluster.control.status()


def test_a_worker_hears_its_conditions_and_so_does_the_one_that_takes_its_place(make, tmp_path):
    cluster = make(n_workers=2)
    cluster.start()
    cluster.wait_ready(READY_S)
    assert cluster.slots == {"worker-0": 0, "worker-1": 1}
    cluster.set_conditions(1, Conditions(slowdown=3.0))
    heard(cluster, tmp_path, "worker-1", '{"slowdown":3.0}\n')
    cluster.kill_worker(1)
    cluster.set_conditions(1, Conditions(slowdown=2.0))  # of a slot whose worker is dead
    assert cluster.add_worker(cluster.workers[1]) == 1
    heard(cluster, tmp_path, "worker-2", '{"slowdown":2.0}\n')
    assert cluster.slots == {"worker-0": 0, "worker-2": 1}
    heard(cluster, tmp_path, "worker-0", "")


def test_restore_ends_what_was_done_to_workers(make, tmp_path):
    cluster = make(n_workers=2)
    cluster.start()
    cluster.wait_ready(READY_S)
    cluster.set_conditions(0, Conditions(slowdown=3.0))
    cluster.set_conditions(1, Conditions(slowdown=3.0))
    cluster.kill_worker(1)
    cluster.restore()
    heard(cluster, tmp_path, "worker-0", '{"slowdown":3.0}\n{}\n')
    cluster.wait_ready(READY_S)
    cluster.set_conditions(1, Conditions(mbit_s=9.0))
    heard(cluster, tmp_path, "worker-2", '{"mbit_s":9.0}\n')


def test_a_program_that_does_not_listen_stops_nobody(tmp_path, caplog):
    deaf = Program("deaf", ("sleep", "60"), WorkerOptions(), tmp_path)
    for _ in range(20_000):
        deaf.tell(b'{"slowdown":2.0}\n')
        if caplog.records:
            break
    assert "deaf does not listen" in caplog.text
    deaf.kill()


def test_the_end_of_the_producer_is_noticed(make):
    cluster = make()
    cluster.start()
    cluster.wait_ready(READY_S)
    os.kill(cluster.alive()["producer"], signal.SIGKILL)
    with pytest.raises(ClusterError, match="producer ended with exit code -9"):
        cluster.control.status()  # at once, not after the request's deadline
    for look in (cluster.check, cluster.mend):  # nobody could take its place: the frames were with it
        with pytest.raises(ClusterError, match="producer ended with exit code -9"):
            look()
    running = processes(cluster)
    cluster.close()
    assert all_gone(running)


def test_a_program_that_will_not_end_is_killed(make, monkeypatch):
    monkeypatch.setattr(cluster_module, "END_MARGIN_S", 0.1)
    monkeypatch.setattr(cluster_module, "INPUT_TIMEOUT_S", 0.1)
    cluster = make(Behaviour.WORKER_IS_STUBBORN)
    cluster.start()
    cluster.wait_ready(READY_S)
    running = processes(cluster)
    cluster.close()
    assert all_gone(running)


def test_an_exception_in_a_with_block_leaves_nothing_behind(make):
    with pytest.raises(KeyboardInterrupt), make() as cluster:
        running = processes(cluster)
        raise KeyboardInterrupt
    assert all_gone(running)


def test_kill_9_of_the_owner_leaves_nothing_behind(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        running = [psutil.Process(pid) for pid in json.loads(owner.stdout.readline()).values()]
        owner.kill()
    assert len(running) == 3 and all_gone(running)


def test_a_running_pipeline_can_be_steered_from_elsewhere_and_outlives_it(make):
    cluster = make()
    cluster.start()
    remote = RemoteCluster(cluster.control.endpoint, n_workers=1)
    remote.start()
    assert remote.wait_ready(READY_S).collector
    with pytest.raises(ClusterError, match="not ours to kill"):
        remote.kill_worker(0)
    with pytest.raises(ClusterError, match="not ours to slow down"):
        remote.set_conditions(0, Conditions(2.0))
    remote.close()
    remote.close()
    cluster.wait_ready(READY_S)


def test_eight_clusters_at_once_do_not_race_for_ports(tmp_path):
    together = threading.Barrier(8)

    def run(number: int) -> str:
        try:
            with cluster_in(tmp_path / str(number), Behaviour.GOOD, 1) as cluster:
                cluster.wait_ready(READY_S)
                together.wait(READY_S)  # all eight are up
                return cluster.control.endpoint
        except Exception:
            together.abort()
            raise

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(run, range(8)))) == 8
