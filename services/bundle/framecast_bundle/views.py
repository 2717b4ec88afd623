"""What the network is shown of one picture: the whole of it, windows that slide over it, mirrored copies."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from framecast.errors import InvalidArgumentError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast.v1.model_pb2 import Task
from framecast_bundle.picture import Picture, rgb_of
from framecast_bundle.placement import Placement
from framecast_bundle.prediction import FloatArray, Prediction
from framecast_bundle.settings import MaskFormat, Settings

MAX_WINDOWS = 1024
"""Of one picture."""

_Input = ModelBundle.Input
# Sizes and mirroring as in Ultralytics' YOLOv5 (`_forward_augment`).
_SMALLER = ((0.83, True), (0.67, False))


@dataclass(frozen=True)
class View:
    """A part of a picture, in its pixels, and how it is shown."""

    x: int
    y: int
    width: int
    height: int
    mirrored: bool = False
    """Left and right are exchanged."""
    scale: float = 1.0
    """Of what the input rule makes of it; the rest is padding."""

    def picture_of(self, image: Picture) -> Picture:
        """The part, as a picture of its own."""
        if not self.mirrored and (self.height, self.width) == image.shape[:2]:
            return image
        part = rgb_of(image)[self.y : self.y + self.height, self.x : self.x + self.width]
        return np.ascontiguousarray(part[:, ::-1]) if self.mirrored else part

    def shrink(self, placement: Placement, rule: ModelBundle.Input) -> Placement:
        """Where the part goes in its tensor, given where the input rule puts it."""
        if self.scale == 1.0:
            return placement
        width, height = (max(1, round(side * self.scale)) for side in (placement.width, placement.height))
        centred = rule.resize == _Input.LETTERBOX_CENTER
        if rule.uniform_scale:
            scale_x, scale_y = placement.scale_x * self.scale, placement.scale_y * self.scale
        else:
            scale_x, scale_y = width / placement.image_width, height / placement.image_height
        return dataclasses.replace(
            placement,
            x=placement.x + (placement.width - width) // 2 if centred else placement.x,
            y=placement.y + (placement.height - height) // 2 if centred else placement.y,
            width=width,
            height=height,
            scale_x=scale_x,
            scale_y=scale_y,
        )

    def boxes_to_picture(self, boxes: FloatArray) -> FloatArray:
        """Boxes [N, 4] of the part as boxes of the whole picture."""
        moved = boxes.copy()
        if self.mirrored:
            moved[:, [0, 2]] = self.width - boxes[:, [2, 0]]
        return moved + np.array([self.x, self.y] * 2, dtype=np.float32)

    def to_picture(self, seen: Prediction, width: int, height: int) -> Prediction:
        """What was seen in the part as a prediction of the whole picture."""
        if self == View(0, 0, width, height):
            return seen
        polygons = seen.polygons
        if polygons is not None:
            if self.mirrored:
                polygons = polygons.mirrored(self.width)
            polygons = polygons.moved(self.x, self.y)
        return dataclasses.replace(
            seen, width=width, height=height, boxes=self.boxes_to_picture(seen.boxes), polygons=polygons
        )


def views_of(width: int, height: int, settings: Settings, manifest: ModelBundle) -> tuple[View, ...]:
    """What a picture of `width` x `height` pixels is looked at as; the whole of it is always the first.

    Raises InvalidArgumentError where that are more than `MAX_WINDOWS` windows.
    """
    whole = View(0, 0, width, height)
    views = [whole]
    if settings.augment:
        views += _augmented(whole, manifest)
    if settings.window_width:
        views += _windows(whole, settings)
    return tuple(views)


def view_settings(settings: Settings, views: Sequence[View]) -> Settings:
    """The settings that each view is predicted with; what is merged keeps every pixel of its masks."""
    if len(views) == 1 or settings.mask_format == MaskFormat.NONE:
        return settings
    return dataclasses.replace(settings, rdp_threshold=0.0, mask_format=MaskFormat.POLYGONS)


def _augmented(whole: View, manifest: ModelBundle) -> list[View]:
    # Without padding, the network has never seen anything around a picture.
    pads = manifest.input.resize in (_Input.LETTERBOX_CENTER, _Input.LETTERBOX_TOP_LEFT, _Input.SHORTEST_SIDE)
    if manifest.task == Task.TASK_CLASSIFICATION or not pads:
        return [dataclasses.replace(whole, mirrored=True)]
    return [dataclasses.replace(whole, mirrored=mirrored, scale=scale) for scale, mirrored in _SMALLER]


def _windows(whole: View, settings: Settings) -> list[View]:
    width, height = settings.window_width, settings.window_height or settings.window_width
    columns = _starts(whole.width, width, settings.window_overlap)
    rows = _starts(whole.height, height, settings.window_overlap)
    if len(columns) * len(rows) > MAX_WINDOWS:
        raise InvalidArgumentError(
            f"a picture of {whole.width} x {whole.height} pixels takes {len(columns) * len(rows)} windows of {width} x "
            f"{height}; at most {MAX_WINDOWS} are looked at, so set a larger window_width or a smaller window_overlap",
            reason="TOO_MANY_WINDOWS",
            field="settings.window_width",
            windows=len(columns) * len(rows),
        )
    if len(columns) * len(rows) == 1:
        return []
    width, height = min(width, whole.width), min(height, whole.height)
    return [View(x, y, width, height) for y in rows for x in columns]


def _starts(length: int, side: int, overlap: float) -> list[int]:
    """Where windows begin along an axis: from one end to the other, at equal distances, with `overlap` at least."""
    if length <= side:
        return [0]
    step = max(1, int(side * (1 - overlap)))
    count = -(-(length - side) // step) + 1
    return [round(position * (length - side) / (count - 1)) for position in range(count)]
