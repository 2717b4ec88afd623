"""Which frames of a video a request asks for."""

from framecast.errors import InvalidArgumentError, OutOfRangeError
from framecast.v1.frame_range_pb2 import FrameRange


def select_frames(wanted: FrameRange, frame_count: int) -> range:
    """The indexes asked for, of a video with `frame_count` frames, in the order asked for; never empty.

    An end beyond the video means its end. Raises OutOfRangeError for a start beyond it, InvalidArgumentError with the
    field for anything else.
    """
    start, stride = wanted.start_index, wanted.stride or 1
    if start < 0:
        raise _refused("start_index", start, "at least 0")
    if stride < 0:
        raise _refused("stride", stride, "at least 0")
    if wanted.direction not in FrameRange.Direction.values():
        raise _refused("direction", wanted.direction, "FORWARD or BACKWARD")
    if wanted.HasField("count") and wanted.count < 1:
        raise _refused("count", wanted.count, "at least 1")
    if wanted.HasField("end_index") and wanted.end_index < start:
        raise _refused("end_index", wanted.end_index, f"at least start_index, {start}")
    if start >= frame_count:
        raise OutOfRangeError(
            f"frame_range.start_index is {start} but the video has {frame_count} frames, 0 to {frame_count - 1}",
            reason="FRAME_OUT_OF_RANGE",
            start_index=start,
            frame_count=frame_count,
        )
    stop = min(frame_count, wanted.end_index + 1) if wanted.HasField("end_index") else frame_count
    selected = range(start, stop, stride)
    if wanted.HasField("count"):
        selected = selected[: wanted.count]
    return selected[::-1] if wanted.direction == FrameRange.BACKWARD else selected


def _refused(field: str, value: int, rule: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"frame_range.{field} is {value}; it must be {rule}",
        reason="FRAME_RANGE_INVALID",
        field=f"frame_range.{field}",
        value=value,
    )
