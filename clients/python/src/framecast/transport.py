"""Channels whose calls raise framecast's errors, never `grpc.RpcError`."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import grpc

from framecast.errors import FramecastError, UnavailableError
from framecast.status import from_rpc_error

# Pictures travel in messages; videos and weights in chunks.
MAX_MESSAGE_BYTES = 64 * 1024 * 1024

# gRPC itself repeats calls that never reached a server; UNAVAILABLE is the only code worth more.
_RETRY = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.1s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}


def open_channel(
    address: str, *, timeout_s: float = 60.0, retry: bool = True, unreachable: str | None = None
) -> grpc.Channel:
    """A channel to `host:port`. Unary calls get a deadline of `timeout_s` unless they bring their own.

    `unreachable` is the message of the UnavailableError that a call raises where nobody answers at the address.

    With `retry`, calls that fail with UNAVAILABLE before any answer are repeated, up to 5 times within the deadline:
    every `Create` carries a request id, so repeating is safe.
    """
    options: list[tuple[str, Any]] = [
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        # A service that was restarted is found again within seconds.
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.max_reconnect_backoff_ms", 2_000),
    ]
    if retry:
        options.append(("grpc.service_config", json.dumps(_RETRY)))
    return grpc.intercept_channel(grpc.insecure_channel(address, options=options), _Interceptor(timeout_s, unreachable))


class _Interceptor(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    def __init__(self, timeout_s: float, unreachable: str | None) -> None:
        self._timeout_s = timeout_s
        self._unreachable = unreachable

    def intercept_unary_unary(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        return self._finished(continuation(self._with_deadline(details), request))

    def intercept_stream_unary(self, continuation: Callable[..., Any], details: Any, requests: Any) -> Any:
        return self._finished(continuation(details, requests))

    def intercept_unary_stream(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        return ResponseStream(continuation(details, request), self._error)

    def intercept_stream_stream(self, continuation: Callable[..., Any], details: Any, requests: Any) -> Any:
        return ResponseStream(continuation(details, requests), self._error)

    def _finished(self, call: Any) -> Any:
        try:
            call.result()
        except grpc.RpcError as error:
            raise self._error(error) from None
        return call

    def _error(self, rpc_error: grpc.RpcError) -> FramecastError:
        error = from_rpc_error(rpc_error)
        if self._unreachable and isinstance(error, UnavailableError) and error.reason == "UNAVAILABLE":
            return UnavailableError(self._unreachable, reason="SERVICE_UNREACHABLE", cause=error.message)
        return error

    def _with_deadline(self, details: Any) -> Any:
        if details.timeout is not None:
            return details
        return _CallDetails(details, self._timeout_s)


class _CallDetails(grpc.ClientCallDetails):
    def __init__(self, details: Any, timeout_s: float) -> None:
        self.method = details.method
        self.timeout = timeout_s
        self.metadata = details.metadata
        self.credentials = details.credentials
        self.wait_for_ready = details.wait_for_ready
        self.compression = details.compression


class ResponseStream(Iterator[Any]):
    """The answers of a streaming call; `cancel()` stops it on the server."""

    def __init__(self, call: Any, to_error: Callable[[grpc.RpcError], FramecastError]) -> None:
        self._call = call
        self._to_error = to_error

    def __next__(self) -> Any:
        try:
            return next(self._call)
        except grpc.RpcError as error:
            raise self._to_error(error) from None

    def cancel(self) -> None:
        """Gives the call up; the server stops working on it."""
        self._call.cancel()
