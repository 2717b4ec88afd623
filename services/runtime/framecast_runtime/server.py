"""A gRPC server as every service runs it: health, reflection, channelz, metrics, errors as statuses, drain on
SIGTERM."""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from framecast.transport import MAX_MESSAGE_BYTES
from framecast_runtime.call_threads import CallThreads
from framecast_runtime.interceptors import CallInterceptor
from framecast_runtime.metric_names import CALLS_RUNNING, CALLS_WAITING
from framecast_runtime.metrics import Metrics
from framecast_runtime.metrics_endpoint import MetricsEndpoint
from framecast_runtime.stop_signal import StopSignal
from framecast_runtime.tracing import NoTracing, Tracing

log = logging.getLogger(__name__)

LIVENESS = "liveness"
"""What health calls the process itself: SERVING as soon as it accepts calls, however long it prepares to be ready."""

Register = Callable[[grpc.Server], str]
"""Adds a servicer to the server and returns the service's full name."""


class GrpcServer:
    """Serves on `address` (`host:port`; port 0 takes a free one) from `start` to `stop`.

    `max_workers` bounds the calls that run at the same time, streams among them; with `max_streams` those have threads
    of their own, so that streams of any number and length hold no request up. A connection that is silent for
    `keepalive_s` is asked whether it is there; without an answer within `keepalive_timeout_s` its calls end.
    `metrics` are served over HTTP at `metrics_address` (`host:port`) unless that is empty; `tracing` is closed with it.
    """

    def __init__(
        self,
        address: str,
        register: Sequence[Register],
        *,
        max_workers: int = 32,
        max_streams: int | None = None,
        metrics: Metrics | None = None,
        metrics_address: str = "",
        tracing: Tracing | None = None,
        keepalive_s: float = 30.0,
        keepalive_timeout_s: float = 10.0,
        prepare: Callable[[], bool] | None = None,
    ) -> None:
        """`prepare` runs in a thread of its own once calls are accepted; until it gives True, health is NOT_SERVING."""
        metrics = metrics or Metrics()
        self._tracing = tracing or NoTracing()
        self._threads = CallThreads(max_workers)
        self._streams = None if max_streams is None else CallThreads(max_streams, "grpc-stream")
        _watch(metrics, "call", self._threads)
        if self._streams is not None:
            _watch(metrics, "stream", self._streams)
        self._server = grpc.server(
            self._threads,
            interceptors=[CallInterceptor(metrics, self._tracing, self._streams)],
            options=[
                ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
                ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
                ("grpc.so_reuseport", 0),
                ("grpc.keepalive_time_ms", round(keepalive_s * 1000)),
                ("grpc.keepalive_timeout_ms", round(keepalive_timeout_s * 1000)),
                # gRPC 1.85 waits this long for the answer, a minute unless told, whatever the keepalive says
                ("grpc.http2.ping_timeout_ms", round(keepalive_timeout_s * 1000)),
                ("grpc.http2.max_pings_without_data", 0),  # no limit: a call may be silent for hours
                ("grpc.keepalive_permit_without_calls", 1),
                ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
            ],
        )
        names = [add(self._server) for add in register]
        self._health = _health_apart()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        described = [*names, health.SERVICE_NAME, reflection.SERVICE_NAME, *_add_channelz(self._server)]
        reflection.enable_server_reflection(described, self._server)
        self._names = ["", *names]
        self.port: int = self._server.add_insecure_port(address)
        self._endpoint = MetricsEndpoint(metrics, metrics_address) if metrics_address else None
        self.metrics_port: int | None = None if self._endpoint is None else self._endpoint.port
        self._prepare = prepare
        self._stopped = threading.Event()

    @property
    def running_streams(self) -> int:
        """Streams that hold a thread now, where they have threads of their own."""
        return 0 if self._streams is None else self._streams.running

    def start(self) -> None:
        """Begins to accept calls."""
        for name in self._names:
            self._health.set(name, health_pb2.HealthCheckResponse.NOT_SERVING)
        self._health.set(LIVENESS, health_pb2.HealthCheckResponse.SERVING)
        self._server.start()
        if self._prepare is None:
            self._say_ready()
        else:
            threading.Thread(target=self._make_ready, args=[self._prepare], name="prepare", daemon=True).start()
        log.info("serving", extra={"port": self.port})

    def _make_ready(self, prepare: Callable[[], bool]) -> None:
        if prepare():
            self._say_ready()

    def _say_ready(self) -> None:
        for name in self._names:
            self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        log.info("ready", extra={"port": self.port})

    def stop(self, grace_s: float = 10.0) -> None:
        """Refuses new calls, lets running ones finish for `grace_s` seconds, then cancels them."""
        self._health.enter_graceful_shutdown()
        self._server.stop(grace_s).wait()
        self._threads.shutdown(wait=False)
        if self._streams is not None:
            self._streams.shutdown(wait=False)
        if self._endpoint is not None:
            self._endpoint.stop()
        self._tracing.close()
        self._stopped.set()
        log.info("stopped")

    def __enter__(self) -> "GrpcServer":
        self.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop(grace_s=1.0)


def _watch(metrics: Metrics, kind: str, threads: CallThreads) -> None:
    metrics.gauge(CALLS_RUNNING, kind, read=lambda: threads.running)
    metrics.gauge(CALLS_WAITING, kind, read=lambda: threads.waiting)


def _add_channelz(server: grpc.Server) -> list[str]:
    """What gRPC itself knows of its connections and calls; the names of what was added, none where it is not installed.

    It comes with `framecast-services[observability]`.
    """
    try:
        from grpc_channelz.v1 import channelz, channelz_pb2
    except ImportError:
        return []
    channelz.add_channelz_servicer(server)
    return [channelz_pb2.DESCRIPTOR.services_by_name["Channelz"].full_name]


def _health_apart() -> health.HealthServicer:
    """Health in a thread of its own: a probe must not take a service that is merely busy for dead."""
    servicer = health.HealthServicer()

    def check(request: Any, context: grpc.ServicerContext) -> Any:
        return health.HealthServicer.Check(servicer, request, context)

    check.experimental_thread_pool = ThreadPoolExecutor(1, "health")  # type: ignore[attr-defined]  # gRPC looks for it
    servicer.Check = check  # type: ignore[method-assign]
    return servicer


def run_until_signalled(
    server: GrpcServer,
    *,
    before_stop: Callable[[], None] = lambda: None,
    on_stop: Callable[[], None] = lambda: None,
    grace_s: float = 10.0,
) -> None:
    """Serves until SIGTERM or SIGINT, then drains.

    `before_stop` runs while calls still are served, `on_stop` after the last one has ended.
    """
    asked = StopSignal()
    server.start()
    asked.wait()
    before_stop()
    server.stop(grace_s)
    on_stop()
