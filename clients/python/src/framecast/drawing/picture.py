"""Predictions drawn on a picture."""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from framecast._dataset_types import Polygon
from framecast._prediction_types import Instance, Prediction, Segmentation
from framecast.drawing.labels import LabelPlacer
from framecast.drawing.palette import color_of

_FILL = 0.38
"""Opacity of a mask's inside."""
_CROWD = 40
"""From this many instances on, those that are smaller than their label go without."""
_OVERSAMPLING = 4
"""Outlines are drawn this many times larger and scaled down: soft edges, positions to a quarter of a pixel."""


def draw_prediction(
    image: Image.Image, prediction: Prediction, *, boxes: bool | None = None, labels: bool = True, scores: bool = True
) -> Image.Image:
    """A copy of an upright picture with a prediction on it, as RGB.

    Polygons are filled translucently with their holes left free; `boxes` None draws boxes only for instances
    without polygons. Line widths and text follow the picture's size. The picture must have the prediction's size.
    """
    canvas = image.convert("RGB")
    if canvas is image:
        canvas = image.copy()
    unit = line_width(canvas.size)
    if prediction.segmentation is not None:
        canvas = _with_label_map(canvas, prediction.segmentation)
    weakest_first = sorted(prediction.instances, key=lambda instance: instance.score)
    for instance in weakest_first:
        if instance.polygons:
            _draw_polygons(canvas, instance.polygons, _color(instance), unit)
        if boxes or (boxes is None and not instance.polygons):
            _draw_box(canvas, instance, unit)
        _draw_keypoints(canvas, instance, unit)
    if labels:
        placer = LabelPlacer(canvas, font_for(canvas.size))
        crowded = len(weakest_first) > _CROWD
        for instance in reversed(weakest_first):
            text = _text(instance.name, instance.score, scores)
            if instance.track_id:
                text = f"#{instance.track_id} {text}"
            if not crowded or placer.fits(text, instance.box):
                placer.place(text, instance.box, _color(instance))
        if prediction.segmentation is not None:
            for segment in sorted(prediction.segmentation.segments, key=lambda each: -each.area)[:8]:
                placer.corner(f"{segment.name} {segment.share:.0%}", color_of(segment.category_id))
        for label in prediction.labels[:5]:
            placer.corner(_text(label.name, label.score, scores), color_of(label.category_id))
    return canvas


def line_width(size: tuple[int, int]) -> float:
    """Pixels of an outline: about two on a picture of 640 pixels."""
    return max(1.25, math.sqrt(size[0] * size[1]) / 270)


def font_for(size: tuple[int, int]) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font, scaled to the picture."""
    return ImageFont.load_default(size=max(9.0, min(44.0, math.sqrt(size[0] * size[1]) / 36)))


def _text(name: str, score: float, with_score: bool) -> str:
    return f"{name} {score:.2f}" if with_score else name


def _color(instance: Instance) -> tuple[int, int, int]:
    """Of its category; of its track where it has one, so that an object keeps its colour."""
    return color_of(instance.track_id or instance.category_id)


def _with_label_map(canvas: Image.Image, segmentation: Segmentation) -> Image.Image:
    inks = np.array([(0, 0, 0), *(color_of(each.category_id) for each in segmentation.segments)], np.float32)
    opacity = np.array([0.0, *(_FILL for _ in segmentation.segments)], np.float32)
    shape = (segmentation.height, segmentation.width)
    labels = np.repeat(segmentation.run_segments, segmentation.run_lengths).reshape(shape)
    pixels = np.asarray(canvas, np.float32)
    mixed = pixels + (inks[labels] - pixels) * opacity[labels][..., None]
    return Image.fromarray(np.round(mixed).astype(np.uint8))


def _draw_keypoints(canvas: Image.Image, instance: Instance, width: float) -> None:
    draw = ImageDraw.Draw(canvas)
    radius = 1.6 * width
    for point in instance.keypoints:
        if math.isfinite(point.x) and math.isfinite(point.y):
            area = (point.x - radius, point.y - radius, point.x + radius, point.y + radius)
            draw.ellipse(area, fill=_color(instance), outline=(255, 255, 255))


def _draw_polygons(canvas: Image.Image, polygons: Sequence[Polygon], color: tuple[int, int, int], width: float) -> None:
    points = np.concatenate([polygon.exterior for polygon in polygons])
    margin = math.ceil(width) + 1
    left, top = (max(0, math.floor(value) - margin) for value in points.min(axis=0))
    right = min(canvas.width, math.ceil(float(points[:, 0].max())) + margin)
    bottom = min(canvas.height, math.ceil(float(points[:, 1].max())) + margin)
    if right <= left or bottom <= top:
        return
    scale = _OVERSAMPLING
    size = ((right - left) * scale, (bottom - top) * scale)
    inside, outline = Image.new("L", size), Image.new("L", size)
    fill, line = ImageDraw.Draw(inside), ImageDraw.Draw(outline)
    for polygon in polygons:
        rings = [polygon.exterior, *polygon.holes]
        scaled = [((ring - (left, top)) * scale).ravel().tolist() for ring in rings]
        fill.polygon(scaled[0], fill=255)
        for hole in scaled[1:]:
            fill.polygon(hole, fill=0)
        for ring in scaled:
            line.line([*ring, *ring[:4]], fill=255, width=round(width * scale), joint="curve")
    region = (left, top, right, bottom)
    patch = np.asarray(canvas.crop(region), np.float32)
    shrunk = (right - left, bottom - top)
    soft_inside = np.asarray(inside.resize(shrunk, Image.Resampling.BOX), np.float32)[..., None] / 255
    soft_outline = np.asarray(outline.resize(shrunk, Image.Resampling.BOX), np.float32)[..., None] / 255
    ink = np.asarray(color, np.float32)
    patch += (ink - patch) * soft_inside * _FILL
    patch += (ink - patch) * soft_outline
    canvas.paste(Image.fromarray(np.round(patch).astype(np.uint8)), region)


def _draw_box(canvas: Image.Image, instance: Instance, width: float) -> None:
    """The line lies inside the box, so that the picture's edge does not swallow it."""
    x_min, y_min, x_max, y_max = (float(value) for value in instance.box)
    draw = ImageDraw.Draw(canvas)
    corners = (round(x_min), round(y_min), max(round(x_min), round(x_max) - 1), max(round(y_min), round(y_max) - 1))
    draw.rectangle(corners, outline=_color(instance), width=max(1, round(width)))
