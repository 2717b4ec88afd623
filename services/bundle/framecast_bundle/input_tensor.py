"""From decoded RGB pictures to the network's input tensor, by a bundle's input rule."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

import framecast_core
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.placement import Placement

FloatArray = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]

# A cropped picture is resized as a whole first; of a longer strip only the middle, so that memory stays bounded.
_MAX_CROPPED_ASPECT = 8


class InputTensor:
    """Fills input tensors: resize, pad, channel order and normalisation in one pass of the core."""

    def __init__(self, rule: ModelBundle.Input) -> None:
        std = np.array(rule.std, dtype=np.float64)
        mean = np.array(rule.mean, dtype=np.float64)
        pad = (rule.pad_value * rule.scale - mean) / std if rule.HasField("pad_value") else np.zeros(3)
        self._gain = (rule.scale / std).astype(np.float32)
        self._bias = (-mean / std).astype(np.float32)
        self._pad = pad.astype(np.float32)
        self._reverse_channels = rule.color_order == ModelBundle.Input.BGR
        self._round_to_uint8 = rule.round_to_uint8

    def fill(self, images: Sequence[Image], placements: Sequence[Placement]) -> FloatArray:
        """Prepares pictures uint8 [H, W, 3], placed in tensors of one size, as float32 [B, 3, height, width]."""
        height, width = placements[0].tensor_height, placements[0].tensor_width
        out = np.empty((len(images), 3, height, width), dtype=np.float32)
        if any(placement.cropped for placement in placements):
            for image, placement, target in zip(images, placements, out, strict=True):
                self._fill_cropped(image, placement, target)
        else:
            self._prepare(images, [placement.region for placement in placements], out)
        return out

    def _fill_cropped(self, image: Image, placement: Placement, target: FloatArray) -> None:
        # The core resizes whole pictures; cropping its result keeps the neighbours of the crop's border in the sums.
        image, new_width, new_height = _middle(image, placement)
        resized = np.empty((1, 3, new_height, new_width), dtype=np.float32)
        self._prepare([image], [(0, 0, new_width, new_height)], resized)
        x = round((new_width - placement.tensor_width) / 2)
        y = round((new_height - placement.tensor_height) / 2)
        target[...] = resized[0, :, y : y + placement.tensor_height, x : x + placement.tensor_width]

    def _prepare(self, images: Sequence[Image], regions: Sequence[tuple[int, int, int, int]], out: FloatArray) -> None:
        framecast_core.prepare(
            [np.ascontiguousarray(image) for image in images],
            np.array(regions, dtype=np.int32),
            out,
            gain=self._gain,
            bias=self._bias,
            pad=self._pad,
            reverse_channels=self._reverse_channels,
            round_to_uint8=self._round_to_uint8,
        )


def _middle(image: Image, placement: Placement) -> tuple[Image, int, int]:
    """The middle of a very long strip, at the strip's scale, with the size that it is resized to."""
    height, width = image.shape[:2]
    new_width, new_height = placement.width, placement.height
    if new_width > _MAX_CROPPED_ASPECT * max(new_height, placement.tensor_width):
        wanted = max(1, round(width * _MAX_CROPPED_ASPECT * max(new_height, placement.tensor_width) / new_width))
        start = (width - wanted) // 2
        return image[:, start : start + wanted], max(placement.tensor_width, new_width * wanted // width), new_height
    if new_height > _MAX_CROPPED_ASPECT * max(new_width, placement.tensor_height):
        wanted = max(1, round(height * _MAX_CROPPED_ASPECT * max(new_width, placement.tensor_height) / new_height))
        start = (height - wanted) // 2
        return image[start : start + wanted], new_width, max(placement.tensor_height, new_height * wanted // height)
    return image, new_width, new_height
