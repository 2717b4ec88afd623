"""Calls as spans, sent to a real collector: whose child each is, how it ended, and what a thread knows of its call."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

pytest.importorskip("opentelemetry.sdk", reason="framecast-services[observability] is not installed")

from framecast.errors import NotFoundError
from framecast_runtime.call_trace import NO_TRACE, current_trace
from framecast_runtime.server import GrpcServer
from framecast_runtime.settings import SettingsError
from framecast_runtime.tracing import NoTracing, open_tracing
from tests.support.otlp_sink import Sink, otlp_sink
from tests.support.waiting import until

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"  # of W3C's own example
STATUS, ERROR = "rpc.grpc.status_code", 2


class Spans:
    """What a server told, once it has stopped; and what its threads saw meanwhile."""

    def __init__(self) -> None:
        self.within: list[bool] = []

    def register(self, server: grpc.Server) -> str:
        handlers: dict[str, Any] = {
            "Do": grpc.unary_unary_rpc_method_handler(self._do),
            "Stream": grpc.unary_stream_rpc_method_handler(self._stream),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Traced", handlers),))
        return "test.Traced"

    def _do(self, request: bytes, context: Any) -> bytes:
        trace = current_trace()
        self.within.append(trace.wanted)
        if request == b"missing":
            raise NotFoundError("nothing of that name", reason="NOTHING")
        if request == b"broken":
            raise RuntimeError("a bug")
        trace.span("outer", 1.0, 3.0, {"size": 2}).span("inner", 1.5, 2.5, {})
        return request

    def _stream(self, request: bytes, context: Any) -> Iterator[bytes]:
        while True:
            yield request


def call(channel: grpc.Channel, request: bytes, *, traceparent: str = "") -> grpc.StatusCode:
    method: Any = channel.unary_unary("/test.Traced/Do")
    try:
        method(request, metadata=[("traceparent", traceparent)] if traceparent else [], timeout=30)
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        return code
    return grpc.StatusCode.OK


def attributes(span: Any) -> dict[str, Any]:
    return {each.key: each.value.int_value or each.value.string_value for each in span.attributes}


@pytest.fixture(scope="module")
def told() -> Iterator[tuple[Sink, Spans]]:
    """One of each: joined, joined but not sampled, with a broken header, alone, missing, broken, cancelled."""
    spans = Spans()
    with otlp_sink() as sink:
        tracing = open_tracing("test", sink.endpoint)
        with (
            GrpcServer("127.0.0.1:0", [spans.register], max_workers=1, tracing=tracing) as server,
            grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
        ):
            assert call(channel, b"joined", traceparent=f"00-{TRACE}-{PARENT}-01") == grpc.StatusCode.OK
            assert call(channel, b"unsampled", traceparent=f"00-{TRACE}-{PARENT}-00") == grpc.StatusCode.OK
            assert call(channel, b"unreadable", traceparent="00-not-a-trace-01") == grpc.StatusCode.OK
            assert call(channel, b"missing") == grpc.StatusCode.NOT_FOUND
            assert call(channel, b"broken") == grpc.StatusCode.INTERNAL
            stream: Any = channel.unary_stream("/test.Traced/Stream")
            running = stream(b"more")
            next(running)
            running.cancel()
            assert call(channel, b"after all") == grpc.StatusCode.OK  # in the same thread, as there is but one
        until(lambda: len(sink.named("test.Traced/Stream")) == 1)
        yield sink, spans


def test_a_span_is_the_callers_child_or_begins_a_trace(told: tuple[Sink, Spans]) -> None:
    calls = told[0].named("test.Traced/Do")
    joined = [span for span in calls if span.trace_id.hex() == TRACE]
    assert [span.parent_span_id.hex() for span in joined] == [PARENT]
    others = [span for span in calls if span.trace_id.hex() != TRACE]
    assert len(others) == 4
    assert len({span.trace_id for span in others}) == 4
    assert {span.parent_span_id for span in others} == {b""}


def test_what_the_caller_does_not_sample_is_not_recorded(told: tuple[Sink, Spans]) -> None:
    sink, spans = told
    assert len(sink.named("test.Traced/Do")) == len(spans.within) - 1
    assert spans.within == [True, False, True, True, True, True]


def test_a_span_says_how_the_call_ended_and_only_a_servers_failure_is_an_error(told: tuple[Sink, Spans]) -> None:
    sink = told[0]
    ended = [(attributes(span).get(STATUS) or 0, span.status.code) for span in sink.named("test.Traced/Do")]
    assert sorted(ended) == [(0, 0), (0, 0), (0, 0), (grpc.StatusCode.NOT_FOUND.value[0], 0), (13, ERROR)]
    (stream,) = sink.named("test.Traced/Stream")
    assert (attributes(stream)[STATUS], stream.status.code) == (grpc.StatusCode.CANCELLED.value[0], 0)


def test_spans_below_a_call_hang_where_they_were_told(told: tuple[Sink, Spans]) -> None:
    sink = told[0]
    (call,) = (span for span in sink.named("test.Traced/Do") if span.trace_id.hex() == TRACE)
    (outer,) = (span for span in sink.named("outer") if span.trace_id.hex() == TRACE)
    (inner,) = (span for span in sink.named("inner") if span.trace_id.hex() == TRACE)
    assert (outer.parent_span_id, inner.parent_span_id) == (call.span_id, outer.span_id)
    assert attributes(outer) == {"size": 2}
    assert outer.end_time_unix_nano - outer.start_time_unix_nano == pytest.approx(2e9, abs=1000)
    assert inner.start_time_unix_nano - outer.start_time_unix_nano == pytest.approx(5e8, abs=1000)


def test_outside_a_call_there_is_no_trace(told: tuple[Sink, Spans]) -> None:
    assert current_trace() is NO_TRACE
    assert NO_TRACE.span("nothing", 0.0, 1.0, {}) is NO_TRACE


def test_without_an_endpoint_there_is_no_tracing_and_a_wrong_one_names_the_setting() -> None:
    assert isinstance(open_tracing("test", ""), NoTracing)
    with pytest.raises(SettingsError, match="FRAMECAST_TRACE_ENDPOINT"):
        open_tracing("test", "localhost:4317")


def test_what_is_not_installed_is_named() -> None:
    script = (
        "import sys; sys.modules['opentelemetry.sdk'] = None\n"
        "from framecast_runtime.tracing import open_tracing\n"
        "open_tracing('test', 'http://localhost:4317')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert "SettingsError: FRAMECAST_TRACE_ENDPOINT is set but opentelemetry" in done.stderr
    assert "framecast-services[observability]" in done.stderr
