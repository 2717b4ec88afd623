"""Calls of the client within a program's own trace: one span each, ended once, its name sent along."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest

pytest.importorskip("opentelemetry.sdk", reason="OpenTelemetry is not installed")

import opentelemetry.trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from framecast.errors import CancelledError, DataLossError, NotFoundError
from framecast.transport import open_channel
from framecast_runtime.server import GrpcServer


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(opentelemetry.trace, "get_tracer", provider.get_tracer)
    return exporter


@pytest.fixture
def channel() -> Iterator[grpc.Channel]:
    with GrpcServer("127.0.0.1:0", [_register]) as server, open_channel(f"127.0.0.1:{server.port}") as channel:
        yield channel


def _register(server: grpc.Server) -> str:
    def parent(request: bytes, context: grpc.ServicerContext) -> bytes:
        if not request:
            raise NotFoundError("there is nothing", reason="NOTHING")
        return str(dict(context.invocation_metadata()).get("traceparent", "none")).encode()

    def count(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        yield from (parent(b"ask", context) for _ in range(3))
        if request == b"break":
            raise DataLossError("the rest is damaged", reason="DAMAGED")

    def endless(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        while True:
            yield request

    handlers: dict[str, Any] = {
        "Parent": grpc.unary_unary_rpc_method_handler(parent),
        "Count": grpc.unary_stream_rpc_method_handler(count),
        "Endless": grpc.unary_stream_rpc_method_handler(endless),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Spans", handlers),))
    return "test.Spans"


def call(channel: grpc.Channel, shape: str, name: str) -> Any:
    return getattr(channel, shape)(f"/test.Spans/{name}")


def test_the_service_is_told_the_calls_span(exporter: InMemorySpanExporter, channel: grpc.Channel) -> None:
    told = [call(channel, "unary_unary", "Parent")(b"ask"), next(call(channel, "unary_stream", "Count")(b"ask"))]
    (unary,) = exporter.get_finished_spans()  # the stream is still open
    context = unary.get_span_context()
    assert context is not None
    assert told[0].decode()[:-2] == f"00-{context.trace_id:032x}-{context.span_id:016x}-"
    assert int(told[0][-2:], 16) & 1  # it is sampled
    assert told[1].decode().startswith("00-")
    assert unary.name == "test.Spans/Parent"
    assert unary.kind is opentelemetry.trace.SpanKind.CLIENT


def test_a_span_ends_as_its_call_ends(exporter: InMemorySpanExporter, channel: grpc.Channel) -> None:
    with pytest.raises(NotFoundError):
        call(channel, "unary_unary", "Parent")(b"")
    assert len(list(call(channel, "unary_stream", "Count")(b"whole"))) == 3
    with pytest.raises(DataLossError):
        list(call(channel, "unary_stream", "Count")(b"break"))
    endless = call(channel, "unary_stream", "Endless")(b"more")
    next(endless)
    endless.cancel()
    with pytest.raises(CancelledError):
        list(endless)
    ended = [(span.name.rpartition("/")[2], span.status.status_code.name) for span in exporter.get_finished_spans()]
    assert ended == [("Parent", "ERROR"), ("Count", "UNSET"), ("Count", "ERROR"), ("Endless", "UNSET")]
    reasons = [(span.attributes or {}).get("error.type") for span in exporter.get_finished_spans()]
    assert reasons == ["NOTHING", None, "DAMAGED", None]
