"""From decoded RGB pictures to the network's input tensor, by a bundle's input rule."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

import framecast_core
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.picture import Image, Picture, rgb_of, source_of
from framecast_bundle.placement import Placement

FloatArray = npt.NDArray[np.float32]

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
        self._antialias = rule.antialias

    def fill(self, images: Sequence[Picture], placements: Sequence[Placement]) -> FloatArray:
        """Prepares pictures, placed in tensors of one size, as float32 [B, 3, height, width]."""
        height, width = placements[0].tensor_height, placements[0].tensor_width
        out = np.empty((len(images), 3, height, width), dtype=np.float32)
        self.fill_into(images, placements, out)
        return out

    def fill_into(self, images: Sequence[Picture], placements: Sequence[Placement], out: FloatArray) -> None:
        """The same into float32 [B, 3, height, width] of the caller, whose every value is written."""
        if any(placement.cropped for placement in placements):
            for image, placement, target in zip(images, placements, out, strict=True):
                self._fill_cropped(rgb_of(image), placement, target)
        else:
            self._fill_whole(images, placements, out)

    def to_picture(self, tensor: FloatArray) -> Image:
        """What a tensor [3, height, width] shows, as RGB uint8 [height, width, 3]; the inverse of what `fill` does."""
        pixels = (tensor - self._bias[:, None, None]) / self._gain[:, None, None]
        if self._reverse_channels:
            pixels = pixels[::-1]
        return np.ascontiguousarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8).transpose(1, 2, 0))

    def _fill_cropped(self, image: Image, placement: Placement, target: FloatArray) -> None:
        # The core resizes whole pictures; cropping its result keeps the neighbours of the crop's border in the sums.
        image, placement = middle(image, placement)
        size = {"tensor_width": placement.width, "tensor_height": placement.height}
        resized = np.empty((1, 3, placement.height, placement.width), dtype=np.float32)
        self._fill_whole([image], [dataclasses.replace(placement, x=0, y=0, **size)], resized)
        height, width = target.shape[1:]
        target[...] = resized[0, :, -placement.y : height - placement.y, -placement.x : width - placement.x]

    def _fill_whole(self, images: Sequence[Picture], placements: Sequence[Placement], out: FloatArray) -> None:
        if self._antialias:
            images = [_resize_antialiased(rgb_of(image), at) for image, at in zip(images, placements, strict=True)]
        sources, orientations = zip(*map(source_of, images), strict=True)
        framecast_core.prepare(
            sources,
            np.array([placement.region for placement in placements], dtype=np.int32),
            out,
            gain=self._gain,
            bias=self._bias,
            pad=self._pad,
            reverse_channels=self._reverse_channels,
            round_to_uint8=self._round_to_uint8,
            orientations=np.array(orientations, dtype=np.int32),
        )


def _resize_antialiased(image: Image, placement: Placement) -> Image:
    """Bilinear over all pixels that an output pixel covers, rounded to 8 bits: what Pillow's resize does."""
    size = (placement.width, placement.height)
    if (image.shape[1], image.shape[0]) == size:
        return image
    return np.asarray(PillowImage.fromarray(image).resize(size, PillowImage.Resampling.BILINEAR))


def middle(image: Image, placement: Placement) -> tuple[Image, Placement]:
    """The middle of a very long strip, placed at the strip's scale; other pictures as they are."""
    height, width = image.shape[:2]
    longest = _MAX_CROPPED_ASPECT * max(
        min(placement.width, placement.height), placement.tensor_width, placement.tensor_height
    )
    if placement.width > longest:
        wanted = max(1, width * longest // placement.width)
        start, new_width = (width - wanted) // 2, max(placement.tensor_width, placement.width * wanted // width)
        x = -round((new_width - placement.tensor_width) / 2)
        strip = dataclasses.replace(placement, image_width=wanted, width=new_width, x=x)
        return image[:, start : start + wanted], strip
    if placement.height > longest:
        wanted = max(1, height * longest // placement.height)
        start, new_height = (height - wanted) // 2, max(placement.tensor_height, placement.height * wanted // height)
        y = -round((new_height - placement.tensor_height) / 2)
        strip = dataclasses.replace(placement, image_height=wanted, height=new_height, y=y)
        return image[start : start + wanted], strip
    return image, placement
