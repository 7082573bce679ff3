"""What Prometheus scrapes of a producer."""

from prometheus_client import CollectorRegistry, generate_latest

from pipeline.control import UnansweredError
from pipeline.exporter import Exporter
from pipeline.messages import Telemetry
from tests.pipeline.producer.conversation import Conversation


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
