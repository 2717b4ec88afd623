"""Calls as OpenTelemetry spans, joined with the caller's by the W3C `traceparent` in the metadata.

OpenTelemetry is imported where a service is told to trace, and nowhere else.
"""

from typing import Protocol

import grpc

from framecast_runtime.settings import SettingsError


class TracedCall(Protocol):
    """A call's span; begun and ended in the same thread."""

    def end(self, code: str) -> None:
        """The call is over, with this code."""


class Tracing(Protocol):
    """What the interceptor asks for a span."""

    def begin(self, method: str, context: grpc.ServicerContext, started: float) -> TracedCall | None:
        """A call has begun, at a time of `time.monotonic`; until it ends, `current_trace` is its trace."""

    def close(self) -> None:
        """Sends what is left."""


class NoTracing:
    """Costs nothing."""

    def begin(self, method: str, context: grpc.ServicerContext, started: float) -> TracedCall | None:
        return None

    def close(self) -> None:
        pass


def open_tracing(service: str, endpoint: str) -> Tracing:
    """Sends spans to an OTLP collector (gRPC) at `http://host:port` or `https://host:port`; nothing for an empty one.

    What OpenTelemetry reads from `OTEL_*` holds as well, the sampler among it. Raises SettingsError where OpenTelemetry
    is not installed or the address is none.
    """
    if not endpoint:
        return NoTracing()
    if not endpoint.startswith(("http://", "https://")):
        raise SettingsError(f"FRAMECAST_TRACE_ENDPOINT: must start with http:// or https://, got {endpoint!r}")
    try:
        from framecast_runtime.otel_tracing import OtelTracing
    except ImportError as error:
        raise SettingsError(
            f"FRAMECAST_TRACE_ENDPOINT is set but {error.name} is not installed;"
            " pip install 'framecast-services[observability]'"
        ) from error
    return OtelTracing(service, endpoint)
