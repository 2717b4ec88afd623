"""Where a picture lies in the network's input tensor, and the way back to its own pixels.

Sizes are whole numbers, so the pixels' scale differs a little from the wanted one. Boxes follow the pixels, axis by
axis, unless the rule says `uniform_scale`: then they are scaled by the one wanted ratio, as YOLO's published code does.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from framecast.v1.model_bundle_pb2 import ModelBundle

FloatArray = npt.NDArray[np.float32]
Input = ModelBundle.Input


@dataclass(frozen=True)
class Placement:
    """A resized picture within a tensor, all in pixels."""

    image_width: int
    image_height: int
    tensor_width: int
    tensor_height: int
    x: int
    """Left edge of the resized picture in the tensor; negative where the picture is cropped."""
    y: int
    width: int
    """Of the whole resized picture, at least 1."""
    height: int
    scale_x: float
    """Tensor pixels per source pixel, for coordinates."""
    scale_y: float

    @property
    def region(self) -> tuple[int, int, int, int]:
        """The resized picture in the tensor: x, y, width, height."""
        return self.x, self.y, self.width, self.height

    @property
    def cropped(self) -> bool:
        """Whether a part of the resized picture lies outside the tensor."""
        return (
            self.x < 0
            or self.y < 0
            or self.x + self.width > self.tensor_width
            or self.y + self.height > self.tensor_height
        )

    def to_source(self, boxes: FloatArray, *, clip: bool = True) -> FloatArray:
        """Maps boxes float32 [N, 4] (x0, y0, x1, y1) from tensor to source pixels, clipped to the picture."""
        source = (boxes - self._offset) / self.scale
        if clip:
            limit = np.array([self.image_width, self.image_height] * 2, dtype=np.float32)
            source = np.clip(source, np.float32(0.0), limit)
        return np.asarray(source, dtype=np.float32)

    def points_to_source(self, points: FloatArray) -> FloatArray:
        """Maps points float32 [..., 2] (x, y) from tensor to source pixels; they may lie beyond the picture."""
        return np.asarray((points - self._offset[:2]) / self.scale[:2], dtype=np.float32)

    def to_tensor(self, boxes: FloatArray) -> FloatArray:
        """Maps boxes float32 [N, 4] from source to tensor pixels."""
        return np.asarray(boxes * self.scale + self._offset, dtype=np.float32)

    @property
    def _offset(self) -> FloatArray:
        return np.array([self.x, self.y] * 2, dtype=np.float32)

    @property
    def scale(self) -> FloatArray:
        """float32 [4]: tensor pixels per source pixel, for the coordinates of a box."""
        return np.array([self.scale_x, self.scale_y] * 2, dtype=np.float32)


def place(rule: ModelBundle.Input, *, width: int, height: int) -> Placement:
    """Applies a bundle's input rule to a picture of `width` x `height` pixels (each at least 1)."""
    return _RULES[rule.resize](rule, width, height)


def _letterbox_center(rule: ModelBundle.Input, width: int, height: int) -> Placement:
    # YOLOv5: sides rounded, odd padding goes to the right and the bottom (its -0.1 / +0.1 convention).
    ratio = min(rule.height / height, rule.width / width)
    new_width, new_height = max(1, round(width * ratio)), max(1, round(height * ratio))
    x = round((rule.width - new_width) / 2 - 0.1)
    y = round((rule.height - new_height) / 2 - 0.1)
    return _letterbox(rule, ratio, width, height, x, y, new_width, new_height)


def _letterbox_top_left(rule: ModelBundle.Input, width: int, height: int) -> Placement:
    # YOLOX: sides truncated.
    ratio = min(rule.height / height, rule.width / width)
    new_width, new_height = max(1, int(width * ratio)), max(1, int(height * ratio))
    return _letterbox(rule, ratio, width, height, 0, 0, new_width, new_height)


def _letterbox(
    rule: ModelBundle.Input, ratio: float, width: int, height: int, x: int, y: int, new_width: int, new_height: int
) -> Placement:
    if rule.uniform_scale:
        return Placement(width, height, rule.width, rule.height, x, y, new_width, new_height, ratio, ratio)
    return _by_axis(width, height, rule.width, rule.height, x, y, new_width, new_height)


def _stretch(rule: ModelBundle.Input, width: int, height: int) -> Placement:
    return _by_axis(width, height, rule.width, rule.height, 0, 0, rule.width, rule.height)


def _shortest_side(rule: ModelBundle.Input, width: int, height: int) -> Placement:
    if rule.round_sides:
        new_width, new_height = _nearest_sides(rule, width, height)
    else:
        # torchvision's GeneralizedRCNNTransform: sides truncated, then padded at the right and the bottom.
        ratio = min(rule.height / min(width, height), rule.width / max(width, height))
        new_width, new_height = max(1, int(width * ratio)), max(1, int(height * ratio))
    tensor_width, tensor_height = (-(-side // rule.stride) * rule.stride for side in (new_width, new_height))
    return _by_axis(width, height, tensor_width, tensor_height, 0, 0, new_width, new_height)


def _nearest_sides(rule: ModelBundle.Input, width: int, height: int) -> tuple[int, int]:
    # Detectron2's ResizeShortestEdge, step by step, so that halves fall as they do there.
    ratio = rule.height / min(width, height)
    wide, high = (rule.height, height * ratio) if width <= height else (width * ratio, rule.height)
    if max(wide, high) > rule.width:
        ratio = rule.width / max(wide, high)
        wide, high = wide * ratio, high * ratio
    return max(1, int(wide + 0.5)), max(1, int(high + 0.5))


def _center_crop(rule: ModelBundle.Input, width: int, height: int) -> Placement:
    # torchvision's Resize (the longer side truncated) and CenterCrop.
    if rule.width * height >= rule.height * width:
        new_width = round(rule.width / rule.crop_fraction)
        new_height = max(rule.height, new_width * height // width)
    else:
        new_height = round(rule.height / rule.crop_fraction)
        new_width = max(rule.width, new_height * width // height)
    x, y = -round((new_width - rule.width) / 2), -round((new_height - rule.height) / 2)
    return _by_axis(width, height, rule.width, rule.height, x, y, new_width, new_height)


def _by_axis(
    image_width: int, image_height: int, tensor_width: int, tensor_height: int, x: int, y: int, width: int, height: int
) -> Placement:
    scale_x, scale_y = width / image_width, height / image_height
    return Placement(image_width, image_height, tensor_width, tensor_height, x, y, width, height, scale_x, scale_y)


_RULES: dict[int, Callable[[ModelBundle.Input, int, int], Placement]] = {
    Input.LETTERBOX_CENTER: _letterbox_center,
    Input.LETTERBOX_TOP_LEFT: _letterbox_top_left,
    Input.STRETCH: _stretch,
    Input.SHORTEST_SIDE: _shortest_side,
    Input.CENTER_CROP: _center_crop,
}
