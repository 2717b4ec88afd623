"""Instance masks: in the frame of their own box for learning, as COCO run lengths for evaluation.

A mask in its box's frame survives scaling, shifting and mirroring of the picture unchanged (mirroring flips it), so
that augmentation never touches pixels of masks, and a target costs one sampling of a small square.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask
from torch import Tensor
from torch.nn import functional

import framecast_core
from framecast_trainer.learning.data import Annotation, RunLengths

SIDE = 64
"""Of a mask in its box's frame."""
_SUPERSAMPLE = 4


def in_box(annotation: Annotation) -> NDArray[np.uint8]:
    """Returns [SIDE, SIDE]: how much of each cell of the annotation's box the mask covers, 0..255."""
    assert annotation.box is not None
    if annotation.polygons is not None:
        return _polygons_in_box(annotation)
    if annotation.run_lengths is not None:
        return _bitmap_in_box(to_bitmap(annotation.run_lengths), annotation.box)
    return np.full((SIDE, SIDE), 255, np.uint8)


def _polygons_in_box(annotation: Annotation) -> NDArray[np.uint8]:
    assert annotation.box is not None
    assert annotation.polygons is not None
    x0, y0, x1, y1 = annotation.box
    fine = SIDE * _SUPERSAMPLE
    scale = np.array([fine / max(x1 - x0, 1e-6), fine / max(y1 - y0, 1e-6)])
    covered = np.zeros((fine, fine), np.uint8)
    for part in annotation.polygons:
        rings = [(np.asarray(ring, np.float64).reshape(-1, 2) - (x0, y0)) * scale for ring in part]
        splits = np.cumsum([0, *map(len, rings)], dtype=np.int64)
        covered |= framecast_core.polygons_to_mask(np.concatenate(rings).astype(np.float32), splits, fine, fine)
    rows = covered.reshape(SIDE, _SUPERSAMPLE, fine).sum(axis=1, dtype=np.uint8)
    cells = rows.reshape(SIDE, SIDE, _SUPERSAMPLE).sum(axis=2, dtype=np.uint8)
    return np.asarray(np.rint(cells * np.float32(255 / _SUPERSAMPLE**2)), np.uint8)


def _bitmap_in_box(bitmap: NDArray[np.uint8], box: tuple[float, float, float, float]) -> NDArray[np.uint8]:
    image = Image.fromarray(bitmap * np.uint8(255))
    return np.asarray(image.transform((SIDE, SIDE), Image.Transform.EXTENT, box, Image.Resampling.BILINEAR))


def to_bitmap(mask: RunLengths) -> NDArray[np.uint8]:
    """Returns uint8 [height, width] of zeros and ones."""
    ones = np.zeros(len(mask.counts), np.uint8)
    ones[1::2] = 1
    return np.ascontiguousarray(np.repeat(ones, mask.counts).reshape(mask.width, mask.height).T)


def to_coco_rle(annotation: Annotation, height: int, width: int) -> dict[str, Any]:
    """COCO's compressed run lengths of an annotation's mask; of its box where it has none."""
    if annotation.run_lengths is not None:
        runs = annotation.run_lengths
        raw = {"size": [runs.height, runs.width], "counts": list(runs.counts)}
        return dict(coco_mask.frPyObjects(raw, runs.height, runs.width))
    if annotation.polygons is None:
        assert annotation.box is not None
        x0, y0, x1, y1 = annotation.box
        outline = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
        return polygons_to_coco_rle([[outline]], height, width)
    return polygons_to_coco_rle(annotation.polygons, height, width)


def polygons_to_coco_rle(parts: Any, height: int, width: int) -> dict[str, Any]:
    """The union of parts (outline, then holes), rasterised as pycocotools does."""
    merged: list[dict[str, Any]] = []
    for outline, *holes in parts:
        shape = _ring_rle(outline, height, width)
        if shape is None:
            continue
        cut = [rle for hole in holes if (rle := _ring_rle(hole, height, width)) is not None]
        if cut:
            bitmap = coco_mask.decode(shape) & ~(coco_mask.decode(coco_mask.merge(cut)).astype(bool))
            shape = coco_mask.encode(np.asfortranarray(bitmap.astype(np.uint8)))
        merged.append(shape)
    if not merged:
        return dict(coco_mask.encode(np.zeros((height, width), np.uint8, order="F")))
    return dict(coco_mask.merge(merged))


def _ring_rle(ring: Any, height: int, width: int) -> dict[str, Any] | None:
    flat = np.asarray(ring, np.float64).reshape(-1)
    if len(flat) < 6:
        return None
    rle: dict[str, Any] = coco_mask.frPyObjects([flat.tolist()], height, width)[0]
    return rle


def rle_area(rle: dict[str, Any]) -> float:
    """Pixels of a compressed run-length mask."""
    return float(coco_mask.area(rle))


def rle_difference(a: dict[str, Any], b: dict[str, Any]) -> float:
    """Pixels that only one of two compressed run-length masks has."""
    both = coco_mask.merge([a, b], intersect=True)
    return rle_area(a) + rle_area(b) - 2 * rle_area(both)


def mask_targets(masks: Tensor, mask_boxes: Tensor, rois: Tensor, side: int) -> Tensor:
    """What a mask head should answer for boxes near their instance.

    masks: uint8 [R, SIDE, SIDE] in the frame of mask_boxes; mask_boxes, rois: float32 [R, 4] xyxy in one frame.
    Returns float32 [R, side, side] in [0, 1]; 0 outside the mask's box.
    """
    if len(rois) == 0:
        return rois.new_zeros((0, side, side))
    centres = (torch.arange(side, device=rois.device, dtype=rois.dtype) + 0.5) / side
    x = rois[:, 0:1] + centres * (rois[:, 2:3] - rois[:, 0:1])
    y = rois[:, 1:2] + centres * (rois[:, 3:4] - rois[:, 1:2])
    u = (x - mask_boxes[:, 0:1]) / (mask_boxes[:, 2:3] - mask_boxes[:, 0:1]).clamp(min=1e-3) * 2 - 1
    v = (y - mask_boxes[:, 1:2]) / (mask_boxes[:, 3:4] - mask_boxes[:, 1:2]).clamp(min=1e-3) * 2 - 1
    grid = torch.stack((u[:, None, :].expand(-1, side, -1), v[:, :, None].expand(-1, -1, side)), dim=-1)
    sampled = functional.grid_sample(masks[:, None].to(rois.dtype) / 255, grid, align_corners=False)
    return sampled[:, 0]
