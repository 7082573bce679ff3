"""A pipeline of real programs that has keys: it works, can be steered, and lets nobody else in."""

import time

import pytest

from pipeline.cluster import LocalCluster
from pipeline.control import ControlClient, RefusedError
from pipeline.messages import Telemetry, WorkType
from pipeline.options import CollectorOptions, ProducerOptions, SourceKind, WorkerOptions
from pipeline.steering import main as control
from tests.pipeline.keyrings import keyring, stranger
from tests.pipeline.running import program

pytestmark = pytest.mark.real

READY_S = 60.0
PATIENCE_S = 20.0


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return keyring(tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="module")
def foreign(tmp_path_factory, keys):
    return stranger(tmp_path_factory.mktemp("foreign"), keys)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, keys):
    """A stream of small frames, which one worker has done at once."""
    producer = ProducerOptions(
        source=SourceKind.MEMORY,
        width=128,
        height=72,
        grades=("n", "s"),
        work_type=WorkType.EMULATED,
        heartbeat_s=0.2,
        drain_s=1.0,
        keys=str(keys),
    )
    logs = tmp_path_factory.mktemp("logs")
    with LocalCluster(producer, CollectorOptions(), [WorkerOptions()], logs) as cluster:
        cluster.wait_ready(READY_S)
        cluster.control.start(seed=0, levels=(0, 0, 0))
        yield cluster


def delivers_more(cluster: LocalCluster) -> Telemetry:
    """Telemetry, once more frames have arrived than had at first."""
    n_before = cluster.control.telemetry(close=False).totals.delivered
    deadline_s = time.monotonic() + PATIENCE_S
    while (telemetry := cluster.control.telemetry(close=False)).totals.delivered <= n_before:
        assert time.monotonic() < deadline_s, "nothing is delivered"
        time.sleep(0.05)
    return telemetry


def test_frames_come_through_and_nobody_is_turned_away(cluster):
    telemetry = delivers_more(cluster)
    assert telemetry.incidents.refused_clients == 0 and telemetry.rejected == 0


def test_a_worker_or_collector_that_is_not_listed_ends_with_a_sentence_and_is_counted(cluster, foreign):
    where = cluster.endpoints
    before = delivers_more(cluster).incidents.refused_clients
    argv = ("--keys", str(foreign))
    with (
        program("worker", "--producer", where.work, *argv) as worker,
        program("collector", "--producer", where.link, "--results", "tcp://127.0.0.1:*", *argv) as collector,
    ):
        for name, child in (("worker", worker), ("collector", collector)):
            code, err = child.finish()
            assert code == 1 and "Traceback" not in err
            assert f"{name}.key_secret: it is not on the list there" in err
    assert delivers_more(cluster).incidents.refused_clients == before + 2


def test_who_steers_without_a_key_or_with_a_workers_is_refused(cluster, keys, foreign):
    endpoint = cluster.control.endpoint
    with (
        ControlClient(endpoint) as client,
        pytest.raises(RefusedError, match="a client without a key"),
    ):
        client.set_levels((0, 0, 0))
    for folder in (foreign, foreign / "nowhere"):
        with ControlClient(endpoint, keys=str(folder)) as client, pytest.raises(RefusedError):
            client.set_levels((0, 0, 0))
    assert delivers_more(cluster).incidents.refused_clients >= 2


def test_knobs_are_set_by_their_values_from_the_command_line(cluster, keys, capsys):
    ask = [cluster.control.endpoint, "--keys", str(keys)]
    assert control([*ask, "set", "fps=10", "grade=s"]) == 0
    assert capsys.readouterr().out == "fps=10 height=72 grade=s streams=1\n"
    assert control([*ask, "status"]) == 0
    said = capsys.readouterr().out
    assert "RUNNING, episode 1: fps=10" in said and "worker-0: ready" in said
    assert control([*ask, "set", "fps=11"]) == 1
    assert capsys.readouterr().err == "control: fps must be one of 5, 10, 15, 20, 25, 30, got 11\n"
