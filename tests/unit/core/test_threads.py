"""Calls from many threads at once, with and without a pool that they share, give what one thread gives."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import framecast_core
from tests.unit.core.warm_calls import CALLS


def arrays_of(result: object) -> Iterator[bytes]:
    """Every array of a result, and what else it holds, as bytes."""
    if isinstance(result, np.ndarray):
        yield f"{result.dtype}{result.shape}".encode() + result.tobytes()
    elif isinstance(result, bytes):
        yield result
    elif isinstance(result, (tuple, list)):
        for part in result:
            yield from arrays_of(part)
    elif isinstance(result, (int, float, str)) or result is None:
        yield repr(result).encode()
    else:
        public = [name for name in dir(type(result)) if not name.startswith("_")]
        assert public, f"nothing to compare in {type(result)}"
        for name in public:
            yield from arrays_of(getattr(result, name))


@pytest.mark.parametrize("name", sorted(CALLS))
def test_sixteen_threads_at_once_get_what_one_gets(name: str) -> None:
    alone = list(arrays_of(CALLS[name](None)()))
    assert any(len(part) > 16 for part in alone), "the call gives too little to compare"
    shared = framecast_core.ThreadPool(3)

    def work(thread: int) -> list[list[bytes]]:
        call = CALLS[name](shared if thread % 2 else None)
        return [list(arrays_of(call())) for _ in range(4)]

    with ThreadPoolExecutor(16) as executor:
        for results in executor.map(work, range(16)):
            assert all(result == alone for result in results)
