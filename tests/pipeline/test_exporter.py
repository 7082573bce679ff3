"""What Prometheus scrapes of a producer, and the dashboard that shows it."""

import json
import re
from pathlib import Path

from msgspec.structs import fields
from prometheus_client import CollectorRegistry, generate_latest

from pipeline.catalogue import CATALOGUE
from pipeline.control import UnansweredError
from pipeline.exporter import Exporter
from pipeline.messages import Incidents, Telemetry
from tests.pipeline.producer.conversation import Conversation

ROOT = Path(__file__).parents[2]


def scraped(exporter: Exporter) -> list[str]:
    registry = CollectorRegistry()
    registry.register(exporter)
    return generate_latest(registry).decode().splitlines()


def test_every_known_metric_and_every_fate_is_there():
    talk = Conversation()
    talk.wait(0.05)
    talk.frame(3)
    lines = scraped(Exporter(talk.telemetry))
    assert "elasticbench_up 1.0" in lines and "elasticbench_queue_size 3.0" in lines
    assert 'elasticbench_frames_total{fate="offered"} 3.0' in lines
    assert "elasticbench_frames_in_flight 3.0" in lines
    assert 'elasticbench_incidents_total{kind="refused_clients"} 0.0' in lines
    assert not any("latency_p95_ms " in line and "NaN" in line for line in lines)


def test_of_a_producer_that_does_not_answer_nothing_old_is_told():
    def ask() -> Telemetry:
        raise UnansweredError("no answer")

    assert [line for line in scraped(Exporter(ask)) if not line.startswith("#")] == ["elasticbench_up 0.0"]


def test_the_dashboard_asks_for_nothing_but_what_is_there():
    dashboard = json.loads((ROOT / "examples/grafana.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked += [variable["query"] for variable in dashboard["templating"]["list"]]
    talk = Conversation()
    talk.wait(0.05)
    scrape = "\n".join(scraped(Exporter(talk.telemetry)))
    there = set(re.findall(r"^(elasticbench_\w+)[ {]", scrape, re.MULTILINE))
    there |= {
        f"elasticbench_{name}" for name in CATALOGUE
    }  # of those that are unknown as yet, there is no line
    named = set(re.findall(r"elasticbench_\w+", " ".join(asked)))
    assert len(named) > 15 and named <= there, named - there
    labels = set(re.findall(r'(\w+)[!=]~?="', " ".join(asked)))
    assert labels <= {"instance", "fate"}, "instance is Prometheus' own"


def test_every_kind_of_incident_is_exported_under_its_name():
    talk = Conversation()
    talk.wait(0.05)
    kinds = set(re.findall(r'incidents_total{kind="(\w+)"}', "\n".join(scraped(Exporter(talk.telemetry)))))
    assert kinds == {field.name for field in fields(Incidents)} | {"rejected_messages"}
