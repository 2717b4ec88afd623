"""A call as a span of the caller's own OpenTelemetry trace; nothing where the program does not use OpenTelemetry."""

import sys
from collections.abc import Iterable
from typing import Any

from framecast.errors import FramecastError

Metadata = tuple[tuple[str, str | bytes], ...]


class CallSpan:
    """Begun with the call. `metadata` carries W3C's `traceparent`, by which the service's own span joins the trace."""

    def __init__(self, method: str, metadata: Iterable[tuple[str, str | bytes]] | None) -> None:
        self.metadata: Metadata = tuple(metadata or ())
        self._span: Any = None
        # Who has not imported it has no trace that a call could belong to, and need not have it installed.
        trace = sys.modules.get("opentelemetry.trace")
        if trace is None:
            return
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        service, _, name = method.removeprefix("/").partition("/")
        self._span = trace.get_tracer("framecast").start_span(
            method.removeprefix("/"),
            kind=trace.SpanKind.CLIENT,
            attributes={"rpc.system": "grpc", "rpc.service": service, "rpc.method": name},
        )
        headers: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(headers, context=trace.set_span_in_context(self._span))
        self.metadata = (*self.metadata, *headers.items())

    def end(self, error: FramecastError | None = None) -> None:
        """The call is over. A second time does nothing."""
        if self._span is None:
            return
        span, self._span = self._span, None
        if error is not None:
            span.set_attribute("error.type", error.reason or type(error).__name__)
            span.set_status(sys.modules["opentelemetry.trace"].StatusCode.ERROR, error.message)
        span.end()
