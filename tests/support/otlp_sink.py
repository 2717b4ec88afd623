"""A collector of spans, as a real OTLP receiver over gRPC."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc


@dataclass
class Sink:
    """Spans in the order in which they came, with the name of the service that sent them."""

    endpoint: str
    spans: list[tuple[str, Any]] = field(default_factory=list)

    def named(self, name: str) -> list[Any]:
        """All spans of a name."""
        return [span for _, span in self.spans if span.name == name]


class _Servicer(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self) -> None:
        self.sink = Sink("")

    def Export(self, request: Any, context: Any) -> Any:
        for resource in request.resource_spans:
            service = {each.key: each.value.string_value for each in resource.resource.attributes}["service.name"]
            self.sink.spans.extend((service, span) for scope in resource.scope_spans for span in scope.spans)
        return trace_service_pb2.ExportTraceServiceResponse()


@contextmanager
def otlp_sink() -> Iterator[Sink]:
    """Collects until the block ends."""
    servicer = _Servicer()
    server = grpc.server(ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(servicer, server)  # type: ignore[no-untyped-call]
    servicer.sink.endpoint = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield servicer.sink
    finally:
        server.stop(0).wait()
