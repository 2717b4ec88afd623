"""Tells threads that something has changed, so that they need not ask the database all the time."""

import threading


class Changes:
    """A counter that threads can wait for."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0
        self._closed = False

    @property
    def count(self) -> int:
        """How many changes there have been."""
        return self._count

    @property
    def closed(self) -> bool:
        """Whether the service is about to end."""
        return self._closed

    def notify(self) -> None:
        """Wakes all who wait."""
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def close(self) -> None:
        """Wakes all who wait, for the last time."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def wait(self, seen: int, timeout_s: float) -> int:
        """Returns the count as soon as it differs from `seen`, or after `timeout_s`."""
        with self._condition:
            self._condition.wait_for(lambda: self._count != seen or self._closed, timeout_s)
            return self._count
