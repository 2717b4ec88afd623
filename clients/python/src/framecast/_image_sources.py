"""Pictures in whichever form a caller has them."""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from framecast._asset_types import Asset
from framecast._files import missing_file
from framecast.errors import InvalidArgumentError
from framecast.v1 import inference_service_pb2

ImageLike = str | Path | bytes | Image.Image | NDArray[np.uint8] | Asset
"""A path, the bytes of a file, a Pillow image, uint8 [H, W, 3] RGB, or a stored asset."""


def image_source(image: ImageLike, *, position: int = 0) -> inference_service_pb2.ImageSource:
    """A picture as it travels. Raises NotFoundError for a missing file, InvalidArgumentError for a wrong array."""
    if isinstance(image, Asset):
        return inference_service_pb2.ImageSource(asset=image.name, display_name=image.display_name)
    if isinstance(image, str | Path):
        path = Path(image)
        try:
            return inference_service_pb2.ImageSource(data=path.read_bytes(), display_name=str(path))
        except (FileNotFoundError, IsADirectoryError):
            raise missing_file(path) from None
    if isinstance(image, bytes):
        return inference_service_pb2.ImageSource(data=image, display_name=f"image {position}")
    if isinstance(image, np.ndarray):
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise InvalidArgumentError(
                f"an array must be uint8 [height, width, 3] in RGB order, got {image.dtype} {list(image.shape)}",
                field="images",
                reason="IMAGE_ARRAY_INVALID",
            )
        image = Image.fromarray(image)
    if isinstance(image, Image.Image):
        buffer = io.BytesIO()
        image.convert("RGB").save(buffer, "PNG", compress_level=1)
        return inference_service_pb2.ImageSource(data=buffer.getvalue(), display_name=f"image {position}")
    raise InvalidArgumentError(
        f"a picture must be a path, bytes, a Pillow image, an array or an asset, got {type(image).__name__}",
        field="images",
        reason="IMAGE_TYPE_INVALID",
    )
