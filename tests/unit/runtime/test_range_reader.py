"""An object read by ranges behaves as the file would."""

import io
import random
from typing import Any

import pytest

from framecast_runtime.range_reader import RangeReader

DATA = random.Random(1).randbytes(2_500_000)


def open_reader(data: Any = DATA) -> Any:
    return RangeReader(lambda start, length: data[start : start + length], len(data))


def test_reads_and_seeks_agree_with_a_file():
    chooser = random.Random(2)
    reader, file = open_reader(), io.BytesIO(DATA)
    for _ in range(500):
        if chooser.random() < 0.5:
            whence = chooser.choice([0, 1, 2])
            offset = {0: chooser.randrange(len(DATA) + 9), 1: chooser.randrange(99), 2: -chooser.randrange(len(DATA))}
            assert reader.seek(offset[whence], whence) == file.seek(offset[whence], whence)
        length = chooser.choice([0, 1, 100, 70_000, 1_500_000, -1])
        assert reader.read(length) == file.read(length)
        assert reader.tell() == file.tell()


def test_small_reads_fetch_in_large_steps():
    fetched = []

    def fetch(start: Any, length: Any) -> Any:
        fetched.append(length)
        return DATA[start : start + length]

    reader = RangeReader(fetch, len(DATA))
    while reader.read(4096):
        pass
    assert len(fetched) == 3


def test_an_empty_object_is_at_its_end():
    assert open_reader(b"").read() == b""


def test_seeking_before_the_start_is_refused():
    with pytest.raises(ValueError, match="before the start"):
        open_reader().seek(-1)


def test_an_object_that_shrank_is_an_error_and_no_endless_loop():
    reader = RangeReader(lambda start, length: b"", 10)
    with pytest.raises(OSError, match="ended at 0"):
        reader.read()
