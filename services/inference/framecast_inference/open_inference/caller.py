"""Who waits for an answer."""

from collections.abc import Callable
from typing import Protocol


class Caller(Protocol):
    def on_cancel(self, cancel: Callable[[], None]) -> bool:
        """Registers what is to happen when the caller gives up; false where that has already happened."""

    def remaining_s(self) -> float:
        """For how long the caller still waits; infinite without a deadline."""
