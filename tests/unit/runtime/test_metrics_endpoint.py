"""`/metrics` as Prometheus's own parser reads it, and a server that counts its calls."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.error import URLError

import grpc
import pytest

pytest.importorskip("prometheus_client", reason="framecast-services[observability] is not installed")

from framecast.errors import NotFoundError
from framecast_runtime.metric_names import REQUEST_SECONDS, Family
from framecast_runtime.metrics import Metrics
from framecast_runtime.metrics_endpoint import MetricsEndpoint
from framecast_runtime.server import GrpcServer
from framecast_runtime.settings import SettingsError
from tests.support.scrape import scrape, value
from tests.support.waiting import until

SIZES = Family("test_sizes", 'Sizes of \\ things\nin "lines".', ("model",), (1, 2.5))
COUNT = Family("test_total", "Things.")
DEPTH = Family("test_depth", "Of a queue.", ("model",))


def test_every_kind_of_series_is_read_as_it_was_counted() -> None:
    metrics = Metrics()
    metrics.counter(COUNT).add(3)
    metrics.gauge(DEPTH, 'a "quoted" \\ name', read=lambda: 7)
    for size in (1, 2, 2, 3):
        metrics.histogram(SIZES, "m").observe(size)
    metrics.histogram(SIZES, "n")
    endpoint = MetricsEndpoint(metrics, "127.0.0.1:0")
    try:
        samples = scrape(endpoint.port)
    finally:
        endpoint.stop()
    assert value(samples, "test_total") == 3
    assert value(samples, "test_depth", model='a "quoted" \\ name') == 7
    buckets = {bound: value(samples, "test_sizes_bucket", model="m", le=bound) for bound in ("1.0", "2.5", "+Inf")}
    assert buckets == {"1.0": 1, "2.5": 3, "+Inf": 4}
    assert (value(samples, "test_sizes_sum", model="m"), value(samples, "test_sizes_count", model="m")) == (8, 4)
    assert frozenset({("model", "n")}) in samples["test_sizes_count"]
    assert value(samples, "process_resident_memory_bytes") > 1e6


def test_a_stopped_endpoint_frees_its_port() -> None:
    endpoint = MetricsEndpoint(Metrics(), "127.0.0.1:0")
    endpoint.stop()
    with pytest.raises(URLError):
        scrape(endpoint.port)
    MetricsEndpoint(Metrics(), f"127.0.0.1:{endpoint.port}").stop()


@pytest.mark.parametrize("address", ["9464", "localhost:", "localhost:http", ":9464", "127.0.0.1:70000"])
def test_an_address_that_is_none_names_the_setting(address: str) -> None:
    with pytest.raises(SettingsError, match="FRAMECAST_METRICS_ADDRESS"):
        MetricsEndpoint(Metrics(), address)


def test_a_port_that_is_taken_names_the_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SettingsError, match="METRICS_ADDRESS"):
        MetricsEndpoint(Metrics(), f"127.0.0.1:{taken.getsockname()[1]}")


def test_calls_are_counted_by_method_and_code() -> None:
    with served() as (server, channel):
        method: Any = channel.unary_unary("/test.Counted/Do")
        stream: Any = channel.unary_stream("/test.Counted/Stream")
        missing: Any = channel.unary_unary("/test.Counted/NoSuchMethod")
        for _ in range(3):
            method(b"fine")
        with pytest.raises(grpc.RpcError):
            method(b"")
        assert len(list(stream(b"fine"))) == 2
        with pytest.raises(grpc.RpcError):
            missing(b"")
        assert server.metrics_port is not None

        def counted() -> dict[tuple[str, str], float]:
            samples = scrape(server.metrics_port or 0)
            return {
                (dict(labels)["method"], dict(labels)["code"]): count
                for labels, count in samples.get(f"{REQUEST_SECONDS.name}_count", {}).items()
            }

        # A call is counted when its handler is left, which the caller need not wait for.
        expected = {
            ("test.Counted/Do", "OK"): 3,
            ("test.Counted/Do", "NOT_FOUND"): 1,
            ("test.Counted/Stream", "OK"): 1,
        }
        until(lambda: counted() == expected)
        samples = scrape(server.metrics_port)
        until(lambda: value(scrape(server.metrics_port or 0), "framecast_calls_running", kind="call") == 0)
        assert value(samples, "framecast_calls_waiting", kind="call") == 0


def test_a_server_without_an_address_serves_no_metrics() -> None:
    with GrpcServer("127.0.0.1:0", []) as server:
        assert server.metrics_port is None


@contextmanager
def served() -> Iterator[tuple[GrpcServer, grpc.Channel]]:
    """A server with one method of each kind, with metrics, and a channel to it."""
    with (
        GrpcServer("127.0.0.1:0", [_register], metrics_address="127.0.0.1:0") as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        yield server, channel


def _register(server: grpc.Server) -> str:
    def do(request: bytes, context: Any) -> bytes:
        if not request:
            raise NotFoundError("nothing was asked for", reason="NOTHING")
        return request

    def stream(request: bytes, context: Any) -> Iterator[bytes]:
        yield request
        yield request

    handlers: dict[str, Any] = {
        "Do": grpc.unary_unary_rpc_method_handler(do),
        "Stream": grpc.unary_stream_rpc_method_handler(stream),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Counted", handlers),))
    return "test.Counted"
