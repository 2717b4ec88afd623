"""Streams and calls that outlast the restart of their service."""

import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from framecast.errors import UnavailableError

T = TypeVar("T")

# How long a service may be away before those who watch give up.
_RECONNECT_S = 60.0


def steadily(open_stream: Callable[[], Iterator[Any]], *, more: Callable[[], bool] = lambda: True) -> Iterator[Any]:
    """The messages of a stream that is opened again where it breaks, from where it broke."""
    broken_since: float | None = None
    while True:
        stream = open_stream()
        try:
            for message in stream:
                broken_since = None
                yield message
            return
        except UnavailableError:
            if not more():
                return
            broken_since = broken_since or time.monotonic()
            if time.monotonic() - broken_since > _RECONNECT_S:
                raise
            time.sleep(0.5)
        finally:
            cancel = getattr(stream, "cancel", None)
            if cancel is not None:
                cancel()


def patiently(call: Callable[[], T]) -> T:
    """The answer of a call that is safe to repeat, repeated while its service is away."""
    deadline = time.monotonic() + _RECONNECT_S
    while True:
        try:
            return call()
        except UnavailableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
