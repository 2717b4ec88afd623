"""Encoded picture → upright RGB pixels."""

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from framecast.errors import DataLossError
from framecast_trainer.learning.data import Sample

MAX_PIXELS = 128_000_000
"""A header that claims more is refused before a pixel is decoded."""


def decode(content: bytes, file_name: str) -> NDArray[np.uint8]:
    """Returns uint8 [H, W, 3] RGB, turned as EXIF says; 16-bit gray is scaled to 8 bits.

    Raises DataLossError, naming the file, for what is no picture, damaged or larger than `MAX_PIXELS`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content)) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise DataLossError(
                        f"{file_name} has {image.width} x {image.height} pixels, more than {MAX_PIXELS}; scale it down",
                        reason="IMAGE_TOO_LARGE",
                        file=file_name,
                    )
                return np.array(_rgb(ImageOps.exif_transpose(image)))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataLossError(
            f"{file_name} cannot be decoded ({error}); replace it or leave it out",
            reason="IMAGE_UNREADABLE",
            file=file_name,
        ) from error


def decode_sample(sample: Sample) -> NDArray[np.uint8]:
    """`decode` of a sample's bytes; raises DataLossError if its size is not the one that the labels refer to."""
    pixels = decode(sample.read(), sample.file_name)
    height, width = pixels.shape[:2]
    if sample.width and sample.height and (width, height) != (sample.width, sample.height):
        raise DataLossError(
            f"{sample.file_name} is {width} x {height}, but its labels are for {sample.width} x {sample.height}",
            reason="IMAGE_SIZE_MISMATCH",
            file=sample.file_name,
        )
    return pixels


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        levels = np.asarray(image, dtype=np.float32)
        if image.mode != "F" or levels.max(initial=0) > 255:
            levels = levels / 257.0
        image = Image.fromarray(np.clip(np.rint(levels), 0, 255).astype(np.uint8))
    return image.convert("RGB")
