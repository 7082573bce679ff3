"""A tracking server that takes a sweep, and what its page shows of it in a real browser."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from experiments.tracking.following import Follower, TrackingError
from experiments.tracking.importing import MlflowImporter
from experiments.tracking.store import SETTINGS, VIEW, Store, run_name
from tests.experiments.recorded import record
from tests.experiments.tracking.stored import GoingOn

UP_WITHIN_S = 90.0
SEEN_WITHIN_S = 60.0
BROWSER, DRIVER = "chromium", "chromedriver"
FLAGS = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1600,1200")


@dataclass(frozen=True)
class Server:
    """`mlflow server`, and where it is."""

    process: subprocess.Popen[bytes]
    uri: str

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.uri}/{path}", timeout=SEEN_WITHIN_S) as answer:
            return json.load(answer) if path.startswith("api") else answer.read().decode()

    def run(self, directory: Path) -> dict[str, Any]:
        """What it has of a directory's run."""
        known = self.known(directory)
        assert known is not None
        return self.get(f"api/2.0/mlflow/runs/get?run_id={known.info.run_id}")["run"]

    def known(self, directory: Path) -> Any:
        return Store(self.uri, directory.parent.parent, "main").run_of(directory)

    def is_up(self) -> bool:
        with contextlib.suppress(OSError):
            return self.get("health") == "OK"
        return False

    def stop(self) -> None:
        """With every process that it started."""
        everything = psutil.Process(self.process.pid).children(recursive=True) if self.runs else []
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(timeout=30)
        _, alive = psutil.wait_procs(everything, timeout=30)
        assert not alive

    @property
    def runs(self) -> bool:
        return self.process.poll() is None


def until(holds: Callable[[], Any], within_s: float, what: str) -> Any:
    """What `holds` returns as soon as that is true."""
    deadline_s = time.monotonic() + within_s
    while not (found := holds()):
        assert time.monotonic() < deadline_s, what
        time.sleep(0.1)
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def runs(place) -> list[Path]:
    """Three directories of real runs."""
    words = (("agent=rule", "seed=0"), ("agent=rule", "seed=1"), ("agent=static", "seed=0"))
    return [record(place / "results", *run, "env.steps=60", "scenario=worker_loss") for run in words]


@pytest.fixture(scope="module")
def server(place, runs) -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    where = ("--host", "127.0.0.1", "--port", str(port), "--workers", "1")
    store = ("--backend-store-uri", f"sqlite:///{place}/mlflow.db")
    kept = ("--artifacts-destination", str(place / "kept"))
    mlflow = str(Path(sys.executable).parent / "mlflow")
    with (place / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [mlflow, "server", *where, *store, *kept],
            stdout=log,
            stderr=log,
            env=os.environ | SETTINGS | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            start_new_session=True,
        )
    server = Server(process, f"http://127.0.0.1:{port}")
    try:
        until(lambda: server.is_up() or not server.runs, UP_WITHIN_S, "the server did not come up")
        assert server.runs, (place / "server.log").read_text()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def sweep(place, runs, server) -> Path:
    """The directory of a sweep that the server has taken."""
    directory = place / "results" / "main" / "sweeps" / "agents"
    directory.mkdir(parents=True)
    words = ["agent=rule,static"]
    about = {"started": "2026-01-01 00:00:00", "overrides": words, "status": "FINISHED"}
    about["command"] = "python -m experiments.run -m agent=rule,static"
    (directory / "sweep.json").write_text(json.dumps(about))
    (directory / "runs.json").write_text(json.dumps([run.name for run in runs]))
    assert [became for _, became in MlflowImporter(server.uri).take(directory)] == ["imported"] * len(runs)
    return directory


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program, driver = shutil.which(BROWSER), shutil.which(DRIVER)
    if program is None or driver is None:
        pytest.skip(f"there is no {BROWSER if program is None else DRIVER} here: install Debian's chromium")
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in FLAGS:
        options.add_argument(flag)
    found = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield found
    finally:
        found.quit()


class Page:
    """A page of the server's, as someone sees it who waits for it."""

    def __init__(self, browser: Any, server: Server, path: str) -> None:
        self._browser = browser
        browser.get(f"{server.uri}/#/{path}")

    @property
    def text(self) -> str:
        return self._browser.find_element("css selector", "body").text

    def shows(self, *words: str) -> None:
        for word in words:
            until(lambda word=word: word in self.text, SEEN_WITHIN_S, f"{word} is not in: {self.text}")

    def element(self, selector: str) -> Any:
        found = until(
            lambda: self._browser.find_elements("css selector", selector), SEEN_WITHIN_S, f"no {selector}"
        )
        return found[0]


def test_a_tracking_server_takes_a_sweep_and_keeps_its_files(server, sweep, runs, place):
    parent = server.run(sweep)
    assert parent["info"]["status"] == "FINISHED"
    for directory in runs:
        run = server.run(directory)
        tags = {tag["key"]: tag["value"] for tag in run["data"]["tags"]}
        assert run["info"]["status"] == "FINISHED"
        assert (tags["mlflow.parentRunId"], tags["sweep"]) == (parent["info"]["run_id"], "agents")
    assert len(list((place / "kept").rglob("trace.parquet"))) == len(runs)


@pytest.mark.nightly
def test_the_page_shows_a_sweep_and_below_it_its_children(server, sweep, runs, browser):
    parent = server.run(sweep)["info"]
    page = Page(browser, server, f"experiments/{parent['experiment_id']}/runs")
    page.shows("agents")
    names = [run_name(run) for run in runs]
    assert not any(name in page.text for name in names)
    page.element(f"[role=row][row-id='{parent['run_id']}'] button").click()
    page.shows(*names)


@pytest.mark.nightly
def test_the_page_leads_to_the_runs_with_their_figures_as_columns(server, sweep, browser):
    experiment = server.run(sweep)["info"]["experiment_id"]
    page = Page(browser, server, f"experiments/{experiment}")
    page.shows("The runs with their figures")
    browser.get(page.element(f"a[href*='viewStateShareKey={VIEW}']").get_attribute("href"))
    page.shows("agents", "summary.qoe_mean", "summary.reward_mean")


@pytest.mark.nightly
def test_a_childs_page_shows_its_trace_and_its_files(server, sweep, runs, browser):
    info = server.run(runs[0])["info"]
    path = f"experiments/{info['experiment_id']}/runs/{info['run_id']}"
    page = Page(browser, server, path)
    page.shows(
        "rule on traffic (simulator)",
        "experiments.run -m",
        "worker_loss",
        "summary.qoe_mean",
        "ratios.queue_size",
        "qoe",
    )
    page = Page(browser, server, f"{path}/model-metrics")
    page.element("input[placeholder='Search metric charts']").send_keys("queue_size")
    page.shows("ratios.queue_size", "Step")
    page.element(".js-plotly-plot .scatterlayer .trace")
    page = Page(browser, server, f"{path}/artifacts")
    page.shows("config.yaml", "summary.json", "trace.parquet")


def test_a_run_outlives_its_server_and_says_what_to_do(server, sweep, runs, place):
    """The last one here: nobody serves after it."""
    long = GoingOn(runs[0], place / "results" / "main" / "long")
    follower = Follower(long.directory, server.uri, place / "mlflow.log")
    until(lambda: server.known(long.directory), SEEN_WITHIN_S, "the server does not hear of it")
    server.stop()
    long.write(0, 1)
    long.end()
    with pytest.raises(TrackingError, match=r"did not take all: .*Connection"):
        follower.finish()
    long.die()
