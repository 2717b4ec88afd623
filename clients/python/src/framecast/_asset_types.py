"""Stored pictures and videos as users see them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Asset:
    """A stored picture or video; the same bytes are the same asset."""

    name: str
    display_name: str
    """Name of the file that it came from."""
    media_type: str
    """Read from the bytes: `image/jpeg`, `video/mp4`, …"""
    size_bytes: int
    width: int
    """Upright, in pixels."""
    height: int
    create_time: datetime
    frame_count: int | None = None
    """Of a video: frames that the container announces; 0 where it announces none. None for a picture."""
    duration_s: float | None = None
    """Of a video, in seconds; None for a picture."""

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes."""
        return self.name.rsplit("/", 1)[-1]

    @property
    def is_video(self) -> bool:
        """Whether it is a video."""
        return self.media_type.startswith("video/")
