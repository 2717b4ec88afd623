"""An iterator drawn by another thread gives what the first one gives."""

import threading
from typing import Any

import pytest

from framecast_runtime.read_ahead import ReadAhead


def test_everything_comes_in_order():
    chunks = [b"%d" % number for number in range(100)]
    with ReadAhead(iter(chunks)) as ahead:
        assert list(ahead) == chunks
        assert list(ahead) == []


def test_an_error_comes_after_what_went_before():
    def broken() -> Any:
        yield b"1"
        raise KeyError("broken")

    with ReadAhead(broken()) as ahead:
        assert next(ahead) == b"1"
        with pytest.raises(KeyError):
            next(ahead)
    assert isinstance(ahead.error, KeyError)


def test_leaving_early_ends_the_thread():
    def endless() -> Any:
        while True:
            yield b"x"

    with ReadAhead(endless()) as ahead:
        assert next(ahead) == b"x"
    assert "read-ahead" not in [thread.name for thread in threading.enumerate()]
