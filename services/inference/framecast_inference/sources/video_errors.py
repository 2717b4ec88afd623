"""What can be wrong with a video, in one place and with one wording."""

from framecast.errors import DataLossError, InvalidArgumentError


def unreadable(label: str, detail: str) -> InvalidArgumentError:
    """Nothing that we know to be a video."""
    return InvalidArgumentError(
        f"{label} cannot be read as a video: {detail}; send a whole MP4, WebM, MKV or AVI file",
        reason="VIDEO_UNREADABLE",
        field="asset",
        video=label,
    )


def stream_missing(label: str) -> InvalidArgumentError:
    """A container without pictures, such as a sound recording."""
    return InvalidArgumentError(
        f"{label} has no video stream", reason="VIDEO_STREAM_MISSING", field="asset", video=label
    )


def empty(label: str) -> InvalidArgumentError:
    """A video stream without a frame."""
    return InvalidArgumentError(f"{label} has no frames", reason="VIDEO_EMPTY", field="asset", video=label)


def too_large(label: str, width: int, height: int, max_pixels: int) -> InvalidArgumentError:
    """Frames above the pixel limit."""
    return InvalidArgumentError(
        f"{label}: frames of {width} x {height} pixels, the limit is {max_pixels} pixels; scale it down first",
        reason="VIDEO_TOO_LARGE",
        field="asset",
        video=label,
        width=width,
        height=height,
        max_pixels=max_pixels,
    )


def damaged(label: str, first: int, missing: int, frame_count: int) -> DataLossError:
    """Frames that cannot be decoded; every other one has been delivered."""
    return DataLossError(
        f"{label} is damaged: {missing} of the frames asked for cannot be decoded, the first is frame {first} "
        f"of {frame_count}; every other frame was delivered",
        reason="VIDEO_DAMAGED",
        video=label,
        frame_index=first,
        missing_frames=missing,
        frame_count=frame_count,
    )


def frame_lost(index: int) -> DataLossError:
    """A single frame that cannot be decoded; others of its video can."""
    return DataLossError(f"frame {index} is damaged and cannot be decoded", reason="FRAME_DAMAGED", frame_index=index)
