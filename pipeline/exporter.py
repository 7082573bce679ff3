"""A producer's figures for Prometheus, asked for anew whenever they are scraped."""

from collections.abc import Callable, Iterator

from msgspec.structs import asdict
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from pipeline.catalogue import CATALOGUE
from pipeline.control import ControlError
from pipeline.messages import Telemetry

PREFIX = "elasticbench"


class Exporter:
    """A collector of `prometheus_client`; names end in the unit, as they do everywhere here.

    Args:
        ask: returns what is so now, or raises ControlError; from whichever thread serves.
    """

    def __init__(self, ask: Callable[[], Telemetry]) -> None:
        self._ask = ask

    def collect(self) -> Iterator[Metric]:
        """Ask; of a producer that does not answer there is nothing but `elasticbench_up 0`."""
        up = f"{PREFIX}_up", "Whether the producer answers."
        try:
            telemetry = self._ask()
        except ControlError:
            yield GaugeMetricFamily(*up, value=0)
            return
        yield GaugeMetricFamily(*up, value=1)
        for name, value in telemetry.metrics.items():
            if value is not None:
                says = (CATALOGUE[name].measure.__doc__ or name).splitlines()[0]
                yield GaugeMetricFamily(f"{PREFIX}_{name}", says, value=value)
        frames = CounterMetricFamily(f"{PREFIX}_frames", "Frames of the episode so far.", labels=["fate"])
        totals = telemetry.totals
        for fate in ("offered", "delivered", "thinned", "lost", "late"):
            frames.add_metric([fate], getattr(totals, fate))
        frames.add_metric(["dropped"], sum(totals.dropped.values()))
        yield frames
        yield GaugeMetricFamily(
            f"{PREFIX}_frames_in_flight", "Frames without a fate.", value=totals.in_flight
        )
        incidents = CounterMetricFamily(f"{PREFIX}_incidents", "What went wrong so far.", labels=["kind"])
        for kind, count in asdict(telemetry.incidents).items():
            incidents.add_metric([kind], count)
        incidents.add_metric(["rejected_messages"], telemetry.rejected)
        yield incidents


def serve(exporter: Exporter, address: str, port: int) -> None:
    """Answer scrapes at http://ADDRESS:PORT/metrics until interrupted. Raises OSError: it cannot be had."""
    registry = CollectorRegistry()
    registry.register(exporter)
    server, thread = start_http_server(port, address, registry)
    try:
        thread.join()
    finally:
        server.shutdown()
        server.server_close()
