"""A server whose calls are all taken."""

import threading
from typing import Any

import grpc

from framecast._up.health import is_serving
from framecast_runtime.server import GrpcServer
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
