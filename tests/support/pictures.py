"""Small pictures made in memory."""

import io

import numpy as np
from PIL import Image


def picture(seed: int = 0, *, width: int = 32, height: int = 24, kind: str = "PNG", **options: object) -> bytes:
    """Noise that differs by seed, encoded."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()
