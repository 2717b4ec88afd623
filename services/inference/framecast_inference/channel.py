"""A bounded queue between two stages that carries its end, an error, and the wish to stop."""

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Cancelled(Exception):  # noqa: N818  # not an error: somebody asked for it
    """Nobody wants the items any more; raised in both stages."""


class Finished(Exception):  # noqa: N818  # not an error, like StopIteration
    """All items were taken and there will be no more."""


class Channel(Generic[T]):
    """At most `capacity` items at a time. One stage puts, one gets; anyone may cancel."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._cancelled = False
        self._finished = False
        self._error: BaseException | None = None

    def put(self, item: T) -> None:
        """Adds an item, waiting for room. Raises Cancelled."""
        with self._changed:
            while len(self._items) >= self._capacity and not self._cancelled:
                self._changed.wait()
            if self._cancelled:
                raise Cancelled
            self._items.append(item)
            self._changed.notify_all()

    def get(self) -> T:
        """The next item, waiting for it.

        Raises Cancelled, and after the last item Finished or the error that `finish` was given.
        """
        with self._changed:
            while not self._items and not self._finished and not self._cancelled:
                self._changed.wait()
            if self._cancelled:
                raise Cancelled
            if not self._items:
                raise self._error or Finished
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    def finish(self, error: BaseException | None = None) -> None:
        """Says that the last item was put; with an error, that more were meant to come."""
        with self._changed:
            self._finished = True
            self._error = error
            self._changed.notify_all()

    def cancel(self) -> None:
        """Drops the items and wakes whoever waits."""
        with self._changed:
            self._cancelled = True
            self._items.clear()
            self._changed.notify_all()
