"""Servers whose calls are all taken, or whose callers are gone without a word."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from framecast._up.health import is_serving
from framecast_runtime.server import LIVENESS, GrpcServer
from tests.support.waiting import until


def test_a_busy_server_is_healthy() -> None:
    begun, done = threading.Semaphore(0), threading.Event()

    def hold(request: Any, context: Any) -> bytes:
        begun.release()
        done.wait()
        return b""

    def register(server: grpc.Server) -> str:
        handlers: dict[str, Any] = {"Hold": grpc.unary_unary_rpc_method_handler(hold)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Busy", handlers),))
        return "test.Busy"

    with GrpcServer("127.0.0.1:0", [register], max_workers=1) as server:
        address = f"127.0.0.1:{server.port}"
        with grpc.insecure_channel(address) as channel:
            method: Any = channel.unary_unary("/test.Busy/Hold")
            call = method.future(b"")
            try:
                until(lambda: begun.acquire(blocking=False))
                assert is_serving(address, timeout_s=5.0)
            finally:
                done.set()
            assert call.result() == b""
    assert not is_serving(address)


def test_a_server_that_prepares_takes_calls_and_lives_but_is_not_ready() -> None:
    prepared = threading.Event()

    def prepare() -> bool:
        return prepared.wait(60)

    def status(service: str) -> int:
        return int(health.Check(health_pb2.HealthCheckRequest(service=service)).status)

    def register(server: grpc.Server) -> str:
        return "test.Slow"

    with (
        GrpcServer("127.0.0.1:0", [register], prepare=prepare) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        health: Any = health_pb2_grpc.HealthStub(channel)
        answers = health_pb2.HealthCheckResponse
        assert [status(""), status("test.Slow")] == [answers.NOT_SERVING] * 2
        assert status(LIVENESS) == answers.SERVING
        prepared.set()
        until(lambda: [status(""), status("test.Slow")] == [answers.SERVING] * 2)


def test_a_server_that_is_stopped_before_it_is_ready_never_says_so() -> None:
    stopped = threading.Event()

    def prepare() -> bool:
        assert stopped.wait(60)
        return False

    server = GrpcServer("127.0.0.1:0", [], prepare=prepare)
    server.start()
    stopped.set()
    assert not is_serving(f"127.0.0.1:{server.port}", timeout_s=5.0)
    server.stop(grace_s=0)


def test_streams_hold_no_request_up_and_requests_no_stream() -> None:
    begun, done = threading.Semaphore(0), threading.Event()

    def hold(request: Any, context: Any) -> bytes:
        begun.release()
        done.wait()
        return b""

    def hold_stream(request: Any, context: Any) -> Iterator[bytes]:
        yield b""
        begun.release()
        done.wait()

    def echo(requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        yield from requests

    def register(server: grpc.Server) -> str:
        handlers: dict[str, Any] = {
            "Hold": grpc.unary_unary_rpc_method_handler(hold),
            "Answer": grpc.unary_unary_rpc_method_handler(lambda request, context: request),
            "HoldStream": grpc.unary_stream_rpc_method_handler(hold_stream),
            "Echo": grpc.stream_stream_rpc_method_handler(echo),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Mixed", handlers),))
        return "test.Mixed"

    def call(channel: grpc.Channel, shape: str, name: str) -> Any:
        return getattr(channel, shape)(f"/test.Mixed/{name}")

    with (
        GrpcServer("127.0.0.1:0", [register], max_workers=2, max_streams=2) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        try:
            streams = [call(channel, "unary_stream", "HoldStream")(b"") for _ in range(2)]
            assert begun.acquire(timeout=10)
            assert begun.acquire(timeout=10)  # every stream's thread is taken
            assert call(channel, "unary_unary", "Answer")(b"still there", timeout=10) == b"still there"
            waiting = call(channel, "stream_stream", "Echo")(iter([b"in time"]))
        finally:
            done.set()
        assert [list(each) for each in streams] == [[b""], [b""]]
        assert list(waiting) == [b"in time"]
        done.clear()
        try:
            requests = [call(channel, "unary_unary", "Hold").future(b"") for _ in range(2)]
            assert begun.acquire(timeout=10)
            assert begun.acquire(timeout=10)
            assert list(call(channel, "stream_stream", "Echo")(iter([b"a", b"b"]), timeout=10)) == [b"a", b"b"]
        finally:
            done.set()
        assert [each.result() for each in requests] == [b"", b""]


def test_a_call_ends_whose_caller_is_gone_without_a_word() -> None:
    begun, ended = threading.Event(), threading.Event()

    def take(requests: Iterator[Any], context: grpc.ServicerContext) -> bytes:
        context.add_callback(ended.set)
        begun.set()
        for _ in requests:
            pass
        return b""

    def register(server: grpc.Server) -> str:
        handlers: dict[str, Any] = {"Take": grpc.stream_unary_rpc_method_handler(take)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Half", handlers),))
        return "test.Half"

    with (
        GrpcServer("127.0.0.1:0", [register], keepalive_s=1.0, keepalive_timeout_s=0.5) as server,
        socket.create_connection(("127.0.0.1", server.port)) as half_open,
    ):
        half_open.sendall(_OPENING)  # and never a word again, not even an answer to a ping
        assert begun.wait(5.0)
        assert not ended.wait(0.5)
        assert ended.wait(5.0)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def _field(name: bytes, value: bytes) -> bytes:
    """A header as HPACK writes it without a table and without Huffman."""
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


_HEADERS = {
    b":method": b"POST",
    b":scheme": b"http",
    b":path": b"/test.Half/Take",
    b":authority": b"localhost",
    b"te": b"trailers",
    b"content-type": b"application/grpc",
}
# HTTP/2 by hand: the preface, empty SETTINGS, and the headers of a call whose requests never come.
_OPENING = (
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    + _frame(4, 0, 0, b"")
    + _frame(1, 4, 1, b"".join(_field(name, value) for name, value in _HEADERS.items()))
)
