"""The shape of one COCO annotation: its box, polygons or run-length mask, cut at the edges of the picture."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framecast._dataset_types import Polygon, RunLengthMask
from framecast.errors import InvalidArgumentError
from framecast.importers.run_length import bounding_box, check_counts, decode_counts

Box = tuple[float, float, float, float]

# Rounding of coordinates in files; less than this over the edge is not worth a word.
_ROUNDING = 0.01


class CocoShapeError(InvalidArgumentError):
    """What is wrong with a shape; the caller adds the file and the annotation."""


@dataclass(frozen=True, eq=False)
class Shape:
    """Polygons or a mask, or neither."""

    polygons: tuple[Polygon, ...] = ()
    mask: RunLengthMask | None = None


def read_shape(segmentation: Any, size: tuple[int, int]) -> Shape:
    """Reads `segmentation`: a list of polygons, each one part without holes, or a run-length mask; may be empty.

    Parts are cut at the edges of the picture of `size` (width, height); parts wholly outside vanish.
    """
    if not segmentation:
        return Shape()
    if isinstance(segmentation, dict):
        return Shape(mask=_read_mask(segmentation, size))
    if not isinstance(segmentation, list):
        raise CocoShapeError(
            "segmentation must be a list of polygons or a run-length mask", reason="COCO_SEGMENTATION_INVALID"
        )
    polygons = []
    for part in segmentation:
        ring = _clip_ring(_read_ring(part), size)
        if len(ring) >= 3:
            polygons.append(Polygon(ring.astype(np.float32)))
    return Shape(polygons=tuple(polygons))


def clip_box(bbox: Any, shape: Shape, size: tuple[int, int]) -> tuple[Box, bool]:
    """`bbox` (x, y, width, height), else the shape's extent, as a box within the picture; and whether it was cut."""
    width, height = size
    if not bbox:
        extent = _extent(shape)
        if extent is None:
            raise CocoShapeError("there is neither a bbox nor a segmentation", reason="COCO_BOX_MISSING")
        return extent, False
    if not isinstance(bbox, list) or len(bbox) != 4 or not all(_finite(value) for value in bbox):
        raise CocoShapeError("bbox must be four numbers: x, y, width, height", reason="COCO_BOX_INVALID")
    x, y, w, h = (float(value) for value in bbox)
    if w <= 0 or h <= 0:
        raise CocoShapeError(f"the box {bbox} is empty: width and height must be above 0", reason="COCO_BOX_EMPTY")
    cut = max(0.0, x), max(0.0, y), min(float(width), x + w), min(float(height), y + h)
    if cut[0] >= cut[2] or cut[1] >= cut[3]:
        raise CocoShapeError(
            f"the box {bbox} lies outside the picture of {width} x {height}", reason="COCO_BOX_OUTSIDE"
        )
    over = max(-x, -y, x + w - width, y + h - height)
    return cut, over > _ROUNDING


def _read_mask(segmentation: dict[str, Any], size: tuple[int, int]) -> RunLengthMask:
    width, height = size
    counts, mask_size = segmentation.get("counts"), segmentation.get("size")
    if mask_size != [height, width]:
        raise CocoShapeError(
            f"the mask's size {mask_size} must be [height, width] of its picture, [{height}, {width}]",
            reason="COCO_MASK_SIZE_MISMATCH",
        )
    try:
        if isinstance(counts, str):
            counts = decode_counts(counts)
        if not isinstance(counts, list):
            raise CocoShapeError("the mask's counts must be a list or a string", reason="COCO_MASK_INVALID")
        return RunLengthMask(width, height, check_counts(counts, width=width, height=height))
    except CocoShapeError:
        raise
    except InvalidArgumentError as error:
        raise CocoShapeError(error.message, reason="COCO_MASK_INVALID") from None


def _read_ring(part: Any) -> NDArray[np.float64]:
    if not isinstance(part, list) or len(part) < 6 or len(part) % 2 or not all(_finite(value) for value in part):
        raise CocoShapeError(
            "a polygon must be an even number of coordinates, at least 6: x0, y0, x1, y1, …",
            reason="COCO_POLYGON_INVALID",
        )
    return np.asarray(part, np.float64).reshape(-1, 2)


def _clip_ring(ring: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
    """Sutherland and Hodgman, "Reentrant polygon clipping" (1974), against the four edges."""
    limits = np.asarray(size, np.float64)
    if (ring >= 0).all() and (ring <= limits).all():
        return ring
    for axis in (0, 1):
        for limit, sign in ((0.0, 1.0), (limits[axis], -1.0)):
            points: list[NDArray[np.float64]] = []
            for start, end in zip(np.roll(ring, 1, axis=0), ring, strict=True):
                inside_start, inside_end = sign * (start[axis] - limit) >= 0, sign * (end[axis] - limit) >= 0
                if inside_start != inside_end:
                    points.append(start + (end - start) * (limit - start[axis]) / (end[axis] - start[axis]))
                if inside_end:
                    points.append(end)
            ring = np.asarray(points, np.float64).reshape(-1, 2)
            if len(ring) == 0:
                return ring
    return ring


def _extent(shape: Shape) -> Box | None:
    if shape.mask is not None:
        return bounding_box(shape.mask.counts, height=shape.mask.height)
    if not shape.polygons:
        return None
    points = np.concatenate([polygon.exterior for polygon in shape.polygons])
    (x_min, y_min), (x_max, y_max) = points.min(axis=0), points.max(axis=0)
    return float(x_min), float(y_min), float(x_max), float(y_max)


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
