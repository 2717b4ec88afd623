"""Encoded picture → upright RGB pixels, as serving decodes it."""

import numpy as np
from numpy.typing import NDArray

from framecast.errors import DataLossError, InvalidArgumentError
from framecast_bundle.image_decoder import decode_image
from framecast_trainer.learning.data import Sample


def decode(content: bytes, file_name: str) -> NDArray[np.uint8]:
    """Returns uint8 [H, W, 3] RGB, turned as EXIF says; see `decode_image`.

    Raises DataLossError, naming the file, with reason `IMAGE_TOO_LARGE`, or `IMAGE_UNREADABLE` for what is no picture
    or damaged.
    """
    try:
        return decode_image(content, label=file_name)
    except InvalidArgumentError as error:
        raise DataLossError(
            f"{error.message}, or leave it out",
            reason="IMAGE_TOO_LARGE" if error.reason == "IMAGE_TOO_LARGE" else "IMAGE_UNREADABLE",
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
