"""`/metrics` over HTTP, on a port of its own, as Prometheus scrapes it."""

import logging
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from framecast_runtime.metric_names import Family
from framecast_runtime.metrics import Counter, Histogram, Instrument, Labels, Metrics
from framecast_runtime.settings import SettingsError

log = logging.getLogger(__name__)


class MetricsEndpoint:
    """Serves from `start` to `stop`, in threads of its own; beside our metrics those of the process."""

    def __init__(self, metrics: Metrics, address: str) -> None:
        """Takes `host:port` at once; port 0 takes a free one. Raises SettingsError where that fails."""
        try:
            from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, start_http_server
        except ImportError:
            raise SettingsError(
                "FRAMECAST_METRICS_ADDRESS is set but prometheus_client is not installed;"
                " pip install 'framecast-services[observability]'"
            ) from None
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal():
            raise SettingsError(f"FRAMECAST_METRICS_ADDRESS: must be host:port, got {address!r}")
        registry = CollectorRegistry()
        registry.register(_Collector(metrics))
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        try:
            self._server, self._thread = start_http_server(int(port), host.strip("[]"), registry)
        except (OSError, OverflowError) as error:
            raise SettingsError(f"FRAMECAST_METRICS_ADDRESS: cannot listen on {address}: {error}") from None
        self.port: int = self._server.server_port
        log.info("serving_metrics", extra={"port": self.port})

    def stop(self) -> None:
        """Ends it and frees the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Collector:
    """Our series as prometheus_client's."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Any]:
        for family, series in self._metrics.read():
            if series:
                yield _family(family, series)


def _family(family: Family, series: list[tuple[Labels, Instrument]]) -> Any:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    made: Any
    match series[0][1]:
        case Histogram():
            made = HistogramMetricFamily(family.name, family.help, labels=family.labels)
        case Counter():
            made = CounterMetricFamily(family.name, family.help, labels=family.labels)
        case _:
            made = GaugeMetricFamily(family.name, family.help, labels=family.labels)
    for labels, instrument in series:
        match instrument:
            case Histogram():
                now = instrument.read()
                bounds = [*(str(float(bound)) for bound in now.buckets), "+Inf"]
                made.add_metric(labels, list(zip(bounds, accumulate(now.counts), strict=True)), now.total)
            case Counter():
                made.add_metric(labels, instrument.value)
            case read:
                made.add_metric(labels, read())
    return made
