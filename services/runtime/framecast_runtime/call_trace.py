"""The trace of the call that a thread works on, for whoever has something to tell; nothing of OpenTelemetry is here."""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Protocol

Attributes = Mapping[str, str | int | float]


class CallTrace(Protocol):
    """A span of a trace that others can be hung below. May be told from several threads at once."""

    @property
    def wanted(self) -> bool:
        """Whether anyone records it; what is only gathered for the trace can be spared otherwise."""

    def span(self, name: str, start: float, end: float, attributes: Attributes) -> "CallTrace":
        """Tells of something that is over, between two times of `time.monotonic`; returns its own place."""


class NoTrace:
    """Where nobody records."""

    wanted = False

    def span(self, name: str, start: float, end: float, attributes: Attributes) -> "CallTrace":
        return self


NO_TRACE = NoTrace()
_current: ContextVar[CallTrace] = ContextVar("framecast_call_trace", default=NO_TRACE)


def current_trace() -> CallTrace:
    """Of the call that this thread works on; a thread that works for a call is given it by who starts it."""
    return _current.get()


def set_current_trace(trace: CallTrace) -> None:
    """Said by the interceptor at a call's start and end."""
    _current.set(trace)
