"""Which frames a request selects."""

from typing import Any

import pytest

from framecast.errors import InvalidArgumentError, OutOfRangeError
from framecast.v1.frame_range_pb2 import FrameRange
from framecast_inference.sources.frame_range import select_frames


@pytest.mark.parametrize(
    ("wanted", "selected"),
    [
        ({}, range(10)),
        ({"start_index": 4}, range(4, 10)),
        ({"start_index": 9}, range(9, 10)),
        ({"end_index": 3}, range(4)),
        ({"start_index": 2, "end_index": 2}, range(2, 3)),
        ({"end_index": 99}, range(10)),
        ({"stride": 4}, range(0, 10, 4)),
        ({"stride": 4, "count": 2}, range(0, 8, 4)),
        ({"start_index": 1, "end_index": 8, "stride": 3, "count": 99}, range(1, 9, 3)),
        ({"count": 1}, range(1)),
        ({"direction": FrameRange.FORWARD, "start_index": 7}, range(7, 10)),
        ({"direction": FrameRange.BACKWARD}, range(10)[::-1]),
        ({"direction": FrameRange.BACKWARD, "start_index": 1, "stride": 3, "count": 2}, range(4, 0, -3)),
    ],
)
def test_ranges_are_inclusive_and_count_after_stride(wanted: dict[str, Any], selected: range) -> None:
    assert list(select_frames(FrameRange(**wanted), 10)) == list(selected)


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"start_index": -1}, "start_index"),
        ({"stride": -2}, "stride"),
        ({"count": 0}, "count"),
        ({"count": -1}, "count"),
        ({"start_index": 5, "end_index": 4}, "end_index"),
        ({"direction": 7}, "direction"),
    ],
)
def test_a_range_that_makes_no_sense_names_its_field(wanted: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        select_frames(FrameRange(**wanted), 10)
    assert caught.value.field == f"frame_range.{field}"


def test_a_start_beyond_the_end_tells_how_many_frames_there_are() -> None:
    with pytest.raises(OutOfRangeError, match="10 frames") as caught:
        select_frames(FrameRange(start_index=10), 10)
    assert caught.value.metadata["frame_count"] == "10"
