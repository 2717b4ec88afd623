"""What surrounds every call: errors become statuses; a log line, a metric and a span say how it went."""

import functools
import logging
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import grpc
from grpc_status import rpc_status

from framecast.errors import CancelledError, FramecastError, InternalError
from framecast.status import code_of
from framecast_runtime.fitting_status import fitting_status
from framecast_runtime.metric_names import REQUEST_SECONDS
from framecast_runtime.metrics import Histogram, Metrics
from framecast_runtime.tracing import TracedCall, Tracing

log = logging.getLogger("framecast.request")

_RpcHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"  # generic only in its type stubs
_RESOURCE_FIELDS = (
    "name",
    "parent",
    "model_name",
    "model_version",
    "model",
)  # the first that is set names what a call is about
Handler = Callable[[Any, grpc.ServicerContext], Any]


class CallInterceptor(grpc.ServerInterceptor):
    """Turns FramecastError into `google.rpc.Status`, hides every other exception, logs, counts and traces each call.

    Handlers contain no `try`: what they raise reaches the caller as the same class.
    """

    def __init__(self, metrics: Metrics, tracing: Tracing, streams: ThreadPoolExecutor | None = None) -> None:
        """`streams` are the threads of calls that stream in either direction; open: they share those of the others."""
        self._metrics = metrics
        self._tracing = tracing
        self._streams = streams
        # A method has one handler for as long as its server lives; to wrap it anew for each call is not for free.
        self._wrapped: dict[str, _RpcHandler] = {}

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], "_RpcHandler | None"],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "_RpcHandler | None":
        method: str = handler_call_details.method
        wrapped = self._wrapped.get(method)
        if wrapped is not None:
            return wrapped
        handler: Any = continuation(handler_call_details)
        if handler is None or method.startswith("/grpc."):
            return handler  # type: ignore[no-any-return]  # the class gains its fields by grpc's own subclass
        self._wrapped[method] = wrapped = _wrap(handler, _Method(method, self._metrics, self._tracing), self._streams)
        return wrapped


class _Method:
    """What the calls of one method share."""

    __slots__ = ("_metrics", "_seconds", "name", "tracing")

    def __init__(self, name: str, metrics: Metrics, tracing: Tracing) -> None:
        self.name = name
        self.tracing = tracing
        self._metrics = metrics
        self._seconds: dict[str, Histogram] = {}

    def ended(self, code: str, seconds: float) -> None:
        """Counts a call."""
        histogram = self._seconds.get(code)
        if histogram is None:
            histogram = self._metrics.histogram(REQUEST_SECONDS, self.name.removeprefix("/"), code)
            self._seconds[code] = histogram
        histogram.observe(seconds)


def _wrap(handler: Any, method: _Method, streams: ThreadPoolExecutor | None) -> _RpcHandler:
    wrapped: Any
    if handler.response_streaming:
        inner = handler.stream_stream if handler.request_streaming else handler.unary_stream
        make: Callable[..., Any] = (
            grpc.stream_stream_rpc_method_handler if handler.request_streaming else grpc.unary_stream_rpc_method_handler
        )
        wrapped = _streaming(inner, method)
    else:
        inner = handler.stream_unary if handler.request_streaming else handler.unary_unary
        make = (
            grpc.stream_unary_rpc_method_handler if handler.request_streaming else grpc.unary_unary_rpc_method_handler
        )
        wrapped = _unary(inner, method)
    if streams is not None and (handler.request_streaming or handler.response_streaming):
        wrapped.experimental_thread_pool = streams  # gRPC looks for it
    made: _RpcHandler = make(wrapped, handler.request_deserializer, handler.response_serializer)
    return made


def _unary(inner: Handler, method: _Method) -> Handler:
    def handle(request: Any, context: grpc.ServicerContext) -> Any:
        with _Call(method, request, context) as call:
            return inner(request, context)
        return call.abort()

    return handle


def _streaming(inner: Handler, method: _Method) -> Handler:
    def handle(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        with _Call(method, request, context) as call:
            yield from inner(request, context)
            return
        call.abort()

    return handle


@functools.cache
def _resource_fields(descriptor: Any) -> tuple[str, ...]:
    """Those of `_RESOURCE_FIELDS` that a type of messages has; to ask a message for others is slow."""
    return () if descriptor is None else tuple(name for name in _RESOURCE_FIELDS if name in descriptor.fields_by_name)


class _Call:
    __slots__ = ("_context", "_error", "_method", "_request_id", "_resource", "_span", "_start")

    def __init__(self, method: _Method, request: Any, context: grpc.ServicerContext) -> None:
        self._method = method
        self._context = context
        self._resource: str | None = None
        for field in _resource_fields(getattr(request, "DESCRIPTOR", None)):  # a stream of requests has none
            name = getattr(request, field)
            if isinstance(name, str) and name:
                self._resource = name
                break
        # Not of the system's random source: asking it lets go of the interpreter, for which every thread then queues.
        self._request_id = f"{random.getrandbits(128):032x}"
        self._start = time.monotonic()
        self._error: FramecastError | None = None
        self._span: TracedCall | None = None

    def __enter__(self) -> "_Call":
        self._span = self._method.tracing.begin(self._method.name, self._context, self._start)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, FramecastError):
            self._error = error
            self._ended(code_of(error).name, reason=error.reason, message_text=error.message)
            return True
        if error is None:
            self._ended("OK")
            return False
        if isinstance(error, (GeneratorExit, KeyboardInterrupt, SystemExit)):
            self._ended("CANCELLED")
            return False
        if not self._context.is_active():  # the caller has gone: nobody is left to answer
            self._error = CancelledError("the caller gave the call up")
            self._ended("CANCELLED")
            return True
        # BaseException too: a panic of a Rust extension would leave the caller waiting for ever
        log.error("call_failed", exc_info=error, extra={"method": self._method.name, "request_id": self._request_id})
        self._error = InternalError("internal error", request_id=self._request_id)
        self._ended("INTERNAL", reason="INTERNAL")
        return True

    def abort(self) -> Any:
        """Ends the call with the error that was caught; never returns."""
        assert self._error is not None
        self._context.abort_with_status(rpc_status.to_status(fitting_status(self._error)))

    def _ended(self, code: str, **fields: object) -> None:
        seconds = time.monotonic() - self._start
        self._method.ended(code, seconds)
        if self._span is not None:
            self._span.end(code)
        log.info(
            "request",
            extra={
                "method": self._method.name,
                "code": code,
                "duration_ms": round(seconds * 1000, 1),
                "request_id": self._request_id,
                "resource": self._resource,
                **fields,
            },
        )
