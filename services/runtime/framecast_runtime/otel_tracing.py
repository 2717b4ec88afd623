"""`Tracing` by OpenTelemetry's SDK. Imported by `open_tracing` alone."""

import time
from typing import Any

import grpc
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from framecast_runtime.call_trace import NO_TRACE, Attributes, CallTrace, set_current_trace

_PROPAGATOR = TraceContextTextMapPropagator()
_HEADERS = ("traceparent", "tracestate")
# Codes that are the server's own failure, by OpenTelemetry's conventions for RPC spans.
_FAILURES = {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}


class OtelTracing:
    """See `Tracing`. Sets the process's tracer provider, so that calls to other services join the same trace."""

    def __init__(self, service: str, endpoint: str) -> None:
        self._provider = TracerProvider(resource=Resource.create({"service.name": f"framecast-{service}"}))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
        trace.set_tracer_provider(self._provider)
        self._tracer = self._provider.get_tracer("framecast")
        self._epoch_s = time.time() - time.monotonic()

    def begin(self, method: str, context: grpc.ServicerContext, started: float) -> "_Call":
        """Opens the call's span below the caller's."""
        metadata: Any = context.invocation_metadata()
        carrier = {key: value for key, value in metadata if key in _HEADERS}
        service, _, name = method.removeprefix("/").partition("/")
        span = self._tracer.start_span(
            method.removeprefix("/"),
            context=_PROPAGATOR.extract(carrier),
            kind=trace.SpanKind.SERVER,
            start_time=self.nanoseconds(started),
            attributes={"rpc.system": "grpc", "rpc.service": service, "rpc.method": name},
        )
        return _Call(self, span)

    def below(self, parent: trace.Span, name: str, start: float, end: float, attributes: Attributes) -> trace.Span:
        """A span that is over."""
        span = self._tracer.start_span(
            name,
            context=trace.set_span_in_context(parent),
            start_time=self.nanoseconds(start),
            attributes=dict(attributes),
        )
        span.end(self.nanoseconds(end))
        return span

    def nanoseconds(self, monotonic: float) -> int:
        """Since 1970."""
        return int((monotonic + self._epoch_s) * 1e9)

    def close(self) -> None:
        """Sends what is left, and waits some seconds for it."""
        self._provider.shutdown()


class _Call:
    def __init__(self, tracing: OtelTracing, span: trace.Span) -> None:
        self._span = span
        self._token = otel_context.attach(trace.set_span_in_context(span))
        set_current_trace(_Place(tracing, span) if span.is_recording() else NO_TRACE)

    def end(self, code: str) -> None:
        """Closes the span."""
        set_current_trace(NO_TRACE)
        otel_context.detach(self._token)
        self._span.set_attribute("rpc.grpc.status_code", grpc.StatusCode[code].value[0])
        if code in _FAILURES:
            self._span.set_status(trace.StatusCode.ERROR, code)
        self._span.end()


class _Place:
    """See `CallTrace`."""

    wanted = True

    def __init__(self, tracing: OtelTracing, span: trace.Span) -> None:
        self._tracing = tracing
        self._span = span

    def span(self, name: str, start: float, end: float, attributes: Attributes) -> CallTrace:
        return _Place(self._tracing, self._tracing.below(self._span, name, start, end, attributes))
