"""Pictures and videos looked into: Pillow decodes the one, PyAV the other."""

import threading
from pathlib import Path
from typing import BinaryIO

from framecast_registry.domain import ImageProperties, VideoProperties
from framecast_registry.image_probe import probe_image
from framecast_registry.video_probe import probe_video


class DecodingProbe:
    """Refuses what has more than `max_pixels` pixels; decodes at most `parallel` files at the same time."""

    def __init__(self, *, max_pixels: int, parallel: int = 4) -> None:
        self._max_pixels = max_pixels
        self._slots = threading.BoundedSemaphore(parallel)

    def image(self, file: Path | BinaryIO, media_type: str, display_name: str) -> ImageProperties:
        """Decodes the whole picture (of an animation: its first one). Raises InvalidArgumentError naming it."""
        with self._slots:
            return probe_image(file, media_type, display_name, max_pixels=self._max_pixels)

    def video(self, file: Path | BinaryIO, display_name: str) -> VideoProperties:
        """Reads the container and decodes the first frame. Raises InvalidArgumentError naming it."""
        with self._slots:
            return probe_video(file, display_name, max_pixels=self._max_pixels)
