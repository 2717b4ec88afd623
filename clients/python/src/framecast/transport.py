"""Channels whose calls raise framecast's errors, never `grpc.RpcError`."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc

from framecast._call_span import CallSpan
from framecast.errors import FramecastError, UnavailableError
from framecast.status import from_rpc_error

# Pictures travel in messages; videos and weights in chunks.
MAX_MESSAGE_BYTES = 64 * 1024 * 1024

# Pauses before a call is repeated that ended with UNAVAILABLE, the only code worth it.
_PAUSES_S = (0.1, 0.3, 0.9, 2.0)


def open_channel(
    address: str, *, timeout_s: float = 60.0, retry: bool = True, unreachable: str | None = None
) -> grpc.Channel:
    """A channel to `host:port`. Unary calls get a deadline of `timeout_s` unless they bring their own.

    `unreachable` is the message of the UnavailableError that a call raises where nobody answers at the address.

    With `retry`, unary calls that fail with UNAVAILABLE are repeated, up to 4 times within the deadline: every `Create`
    carries a request id, so repeating is safe. Streams are not; who reads one knows where to go on.
    """
    options: list[tuple[str, Any]] = [
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.http2.ping_timeout_ms", 10_000),  # without it gRPC ignores the line above
        # A service that was restarted is found again within seconds.
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.max_reconnect_backoff_ms", 2_000),
        # gRPC's own retries (1.85) leave a stream waiting for ever whose attempts are used up.
        ("grpc.enable_retries", 0),
    ]
    interceptor = _Interceptor(timeout_s, unreachable, _PAUSES_S if retry else ())
    return grpc.intercept_channel(grpc.insecure_channel(address, options=options), interceptor)


class _Interceptor(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    def __init__(self, timeout_s: float, unreachable: str | None, pauses_s: tuple[float, ...]) -> None:
        self._timeout_s = timeout_s
        self._unreachable = unreachable
        self._pauses_s = pauses_s

    def intercept_unary_unary(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        with _spanned(details) as span:
            return self._retried(continuation, details, request, span)

    def _retried(self, continuation: Callable[..., Any], details: Any, request: Any, span: CallSpan) -> Any:
        timeout_s = self._timeout_s if details.timeout is None else details.timeout
        deadline = time.monotonic() + timeout_s
        for pause_s in self._pauses_s:
            try:
                return self._finished(continuation(_CallDetails(details, deadline - time.monotonic(), span), request))
            except UnavailableError:
                if time.monotonic() + pause_s >= deadline:
                    raise
                time.sleep(pause_s)
        return self._finished(continuation(_CallDetails(details, deadline - time.monotonic(), span), request))

    def intercept_stream_unary(self, continuation: Callable[..., Any], details: Any, requests: Any) -> Any:
        with _spanned(details) as span:
            return self._finished(continuation(_CallDetails(details, details.timeout, span), requests))

    def intercept_unary_stream(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        span = CallSpan(details.method, details.metadata)
        return ResponseStream(continuation(_CallDetails(details, details.timeout, span), request), self._error, span)

    def intercept_stream_stream(self, continuation: Callable[..., Any], details: Any, requests: Any) -> Any:
        span = CallSpan(details.method, details.metadata)
        return ResponseStream(continuation(_CallDetails(details, details.timeout, span), requests), self._error, span)

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


class _CallDetails(grpc.ClientCallDetails):
    def __init__(self, details: Any, timeout_s: float | None, span: CallSpan) -> None:
        self.method = details.method
        self.timeout = timeout_s
        self.metadata = span.metadata
        self.credentials = details.credentials
        self.wait_for_ready = details.wait_for_ready
        self.compression = details.compression


@contextmanager
def _spanned(details: Any) -> Iterator[CallSpan]:
    span = CallSpan(details.method, details.metadata)
    try:
        yield span
    except FramecastError as error:
        span.end(error)
        raise
    finally:
        span.end()


class ResponseStream(Iterator[Any]):
    """The answers of a streaming call; `cancel()` stops it on the server."""

    def __init__(self, call: Any, to_error: Callable[[grpc.RpcError], FramecastError], span: CallSpan) -> None:
        self._call = call
        self._to_error = to_error
        self._span = span

    def __next__(self) -> Any:
        try:
            return next(self._call)
        except grpc.RpcError as rpc_error:
            error = self._to_error(rpc_error)
            self._span.end(error)
            raise error from None
        except StopIteration:
            self._span.end()
            raise

    def cancel(self) -> None:
        """Gives the call up; the server stops working on it."""
        self._call.cancel()
        self._span.end()
