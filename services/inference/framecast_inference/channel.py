"""A bounded queue between two stages that carries its end, an error, and the wish to stop."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Cancelled(Exception):  # noqa: N818  # not an error: somebody asked for it
    """Nobody wants the items any more; raised in both stages."""


class Finished(Exception):  # noqa: N818  # not an error, like StopIteration
    """All items were taken and there will be no more."""


def _weightless(_: object) -> int:
    return 0


class Channel(Generic[T]):
    """At most `capacity` items, and at most `max_weight` of them unless it is a single one, at a time.

    One stage puts, one gets; anyone may cancel. An item's weight must not change.
    """

    def __init__(self, capacity: int, *, max_weight: int = 0, weigh: Callable[[T], int] = _weightless) -> None:
        self._capacity = capacity
        self._max_weight = max_weight
        self._weigh = weigh
        self._weight = 0
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._cancelled = False
        self._finished = False
        self._error: BaseException | None = None

    def put(self, item: T) -> None:
        """Adds an item, waiting for room. Raises Cancelled."""
        with self._changed:
            while not self._has_room(item) and not self._cancelled:
                self._changed.wait()
            if self._cancelled:
                raise Cancelled
            self._items.append(item)
            self._weight += self._weigh(item)
            self._changed.notify_all()

    def get(self) -> T:
        """The next item, waiting for it. Raises what the putting stage ended with, after the last item."""
        return self.get_some(1)[0]

    def get_some(self, limit: int) -> list[T]:
        """The next items: waits for one, then takes what else is there, `limit` at the most.

        Raises Cancelled, Finished, or the error that `finish` was given.
        """
        with self._changed:
            while not self._items and not self._finished and not self._cancelled:
                self._changed.wait()
            if self._cancelled:
                raise Cancelled
            if not self._items:
                raise self._error or Finished
            taken = [self._items.popleft() for _ in range(min(limit, len(self._items)))]
            self._weight -= sum(map(self._weigh, taken))
            self._changed.notify_all()
            return taken

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

    def _has_room(self, item: T) -> bool:
        if not self._items:
            return True
        return len(self._items) < self._capacity and self._weight + self._weigh(item) <= self._max_weight
