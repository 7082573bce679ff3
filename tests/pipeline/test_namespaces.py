"""Three programs on hosts of their own, by what docs/hosts.md says: network namespaces, and keys."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from pipeline.keymaking import make_keys
from pipeline.options import KeysOptions

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0
PRODUCER, COLLECTOR, WORKER = "10.77.0.1", "10.77.0.2", "10.77.0.3"  # of these namespaces alone
DESK = PRODUCER  # whoever steers
TO_WORKER = "to2"  # the producer's end of the cable
COUNTS = re.compile(r"(\d+) (offered|delivered|dropped|thinned|lost|late|in flight)")
NETWORKS = {  # of Linux' traffic control
    "narrow": "tbf rate 20mbit burst 256kbit latency 400ms",
    "delayed": "netem delay 40ms 10ms",
    "lossy and reordered": "netem delay 10ms loss 1% reorder 10%",
}

pytestmark = [pytest.mark.real, pytest.mark.nightly]


class Hosts(NamedTuple):
    """Namespaces by the address that each has."""

    names: dict[str, str]
    logs: Path

    def argv(self, host: str, *words: str) -> list[str]:
        return ["ip", "netns", "exec", self.names[host], sys.executable, "-m", *words]

    @contextlib.contextmanager
    def program(self, host: str, name: str, *words: str) -> Iterator[subprocess.Popen]:
        """One of the pipeline's programs, whose log is NAME.log; killed at the end if it still runs."""
        with (self.logs / f"{name}.log").open("wb") as log:
            child = subprocess.Popen(self.argv(host, "pipeline", *words), cwd=ROOT, stdout=log, stderr=log)
        try:
            yield child
        finally:
            child.kill()
            child.wait()

    def ask(self, *words: str, keys: Path) -> subprocess.CompletedProcess:
        """`python -m pipeline control` at the desk."""
        argv = self.argv(DESK, "pipeline", "control", f"tcp://{PRODUCER}:5552", "--keys", str(keys), *words)
        return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)

    def until(self, is_so: Callable[[str], bool], keys: Path) -> str:
        """What the status is, once it is so."""
        deadline_s = time.monotonic() + PATIENCE_S
        while not is_so((answer := self.ask("status", keys=keys)).stdout):
            assert time.monotonic() < deadline_s, answer
        return answer.stdout


def ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode:
        raise PermissionError(f"ip {' '.join(words)}: {done.stderr.strip()}")


@pytest.fixture(scope="module")
def hosts(tmp_path_factory) -> Iterator[Hosts]:
    """Three hosts, two of which are wired to the first, whose bridge they meet at."""
    if shutil.which("ip") is None:
        pytest.skip("there is no `ip` here: apt-get install iproute2")
    names = {address: f"eb{os.getpid()}-{k}" for k, address in enumerate((PRODUCER, COLLECTOR, WORKER))}
    hub = names[PRODUCER]
    try:
        try:
            for name in names.values():
                ip("netns", "add", name)
                ip("-n", name, "link", "set", "lo", "up")
            ip("-n", hub, "link", "add", "bridge", "type", "bridge")
            ip("-n", hub, "addr", "add", f"{PRODUCER}/24", "dev", "bridge")
            ip("-n", hub, "link", "set", "bridge", "up")
            for port, address in (("to1", COLLECTOR), ("to2", WORKER)):
                far = names[address]
                ip("link", "add", port, "netns", hub, "type", "veth", "peer", "name", "net", "netns", far)
                ip("-n", hub, "link", "set", port, "master", "bridge", "up")
                ip("-n", far, "addr", "add", f"{address}/24", "dev", "net")
                ip("-n", far, "link", "set", "net", "up")
        except PermissionError as error:
            pytest.skip(f"no network namespaces can be made here: {error}")
        yield Hosts(names, tmp_path_factory.mktemp("logs"))
    finally:
        for name in names.values():
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


class Keys(NamedTuple):
    """Folders of keys: each host's own, as docs/hosts.md has it."""

    producer: Path
    collector: Path
    worker: Path
    desk: Path


def dealt(folder: Path) -> Keys:
    """Make keys, and give each host what it needs."""
    made = folder / "keys"
    make_keys(KeysOptions(folder=str(made), worker=("cam-1",), control=("desk",)))
    public = ["server.key"]
    server = [*public, "server.key_secret", "worker/cam-1.key", "collector/collector.key", "control/desk.key"]
    needs = {
        "producer": server,
        "collector": [*public, "server.key_secret", "worker/cam-1.key", "collector/collector.key_secret"],
        "worker": [*public, "worker/cam-1.key_secret"],
        "desk": [*public, "control/desk.key_secret"],
    }
    for host, files in needs.items():
        for file in files:
            target = folder / host / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(made / file, target)
    return Keys(*(folder / host for host in Keys._fields))


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> Keys:
    return dealt(tmp_path_factory.mktemp("dealt"))


@pytest.fixture(scope="module")
def pipeline(hosts, keys) -> Iterator[Hosts]:
    """Producer, worker and collector, each on its host, once all are ready."""
    stream = ("--source", "memory", "--width", "128", "--height", "72", "--work-type", "EMULATED")
    ports = ("--work", "tcp://*:5550", "--link", "tcp://*:5551", "--control", "tcp://*:5552")
    work, link, results = f"tcp://{PRODUCER}:5550", f"tcp://{PRODUCER}:5551", "tcp://*:5553"
    with contextlib.ExitStack() as stack:
        start = stack.enter_context
        given = {host: ("--keys", str(folder)) for host, folder in keys._asdict().items()}
        start(hosts.program(PRODUCER, "producer", "producer", *stream, *ports, *given["producer"]))
        start(hosts.program(WORKER, "worker", "worker", "--producer", work, *given["worker"]))
        taking = ("--producer", link, "--results", results)
        start(hosts.program(COLLECTOR, "collector", "collector", *taking, *given["collector"]))
        hosts.until(lambda said: ": ready" in said and "collector: there" in said, keys.desk)
        yield hosts


def test_an_agent_steers_three_programs_on_three_hosts(pipeline, keys, tmp_path):
    words = [
        *("agent=rule", "env=pipeline", f"env.control=tcp://{PRODUCER}:5552", f"env.keys={keys.desk}"),
        *("env.n_workers=1", "env.steps=5", "output.video=false", "output.mlflow=false", "live=false"),
        f"results={tmp_path}",
    ]
    argv = pipeline.argv(DESK, "experiments.run", *words)
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=240.0)
    assert done.returncode == 0, done.stdout + done.stderr
    (summary,) = tmp_path.rglob("summary.json")
    frames = json.loads(summary.read_text())["frames"]
    assert frames["delivered"] > 0 and frames["lost"] == 0


@pytest.mark.parametrize("network", NETWORKS)
def test_frames_come_through_a_bad_network_and_are_accounted_for(pipeline, keys, network):
    shaped = ("tc", "-n", pipeline.names[PRODUCER], "qdisc")
    way = ("dev", TO_WORKER, "root")
    made = subprocess.run([*shaped, "add", *way, *NETWORKS[network].split()], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"this kernel has no {NETWORKS[network].split()[0]}: {made.stderr.strip()}")
    try:
        before = counts(pipeline.until(lambda said: "delivered" in said, keys.desk))["delivered"]
        said = pipeline.until(lambda said: counts(said).get("delivered", 0) > before + 30, keys.desk)
    finally:
        subprocess.run([*shaped, "del", *way], check=True)
    found = counts(said)
    assert found.pop("offered") == sum(found.values())


def counts(status: str) -> dict[str, int]:
    """Read what became of frames in a status."""
    return {fate: int(n) for n, fate in COUNTS.findall(status)}


def test_a_wrong_key_is_named_at_both_ends(pipeline, keys, tmp_path):
    wrong = dealt(tmp_path)
    shutil.copy(keys.worker / "server.key", wrong.worker / "server.key")
    work = f"tcp://{PRODUCER}:5550"
    with pipeline.program(
        WORKER, "wrong", "worker", "--producer", work, "--keys", str(wrong.worker)
    ) as worker:
        assert worker.wait(PATIENCE_S) == 1  # of which it takes most to start
    assert "cam-1.key_secret: it is not on the list there" in (pipeline.logs / "wrong.log").read_text()
    said = pipeline.until(lambda said: "refused clients" in said, keys.desk)
    assert "1 refused clients" in said
    assert "a client was turned away" in (pipeline.logs / "producer.log").read_text()
