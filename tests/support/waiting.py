"""Waiting for something that happens elsewhere."""

import time
from collections.abc import Callable


def until(condition: Callable[[], bool], *, timeout_s: float = 15.0) -> None:
    """Returns once the condition holds; fails where it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"still not so after {timeout_s:g} seconds")
        time.sleep(0.05)
