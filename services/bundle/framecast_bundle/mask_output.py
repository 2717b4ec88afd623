"""Masks in the form that a request asks for."""

import dataclasses

import numpy as np

import framecast_core
from framecast_bundle.polygons import Polygons
from framecast_bundle.prediction import Prediction
from framecast_bundle.run_lengths import crop_of, run_lengths_of
from framecast_bundle.settings import MaskFormat, Settings


def shape_masks(prediction: Prediction, settings: Settings) -> Prediction:
    """A prediction with lossless polygons, if any, with masks as the settings ask for them."""
    polygons = prediction.polygons
    if polygons is None:
        return prediction
    match settings.mask_format:
        case MaskFormat.NONE:
            return dataclasses.replace(prediction, polygons=None)
        case MaskFormat.RUN_LENGTHS:
            runs = run_lengths_of(polygons, prediction.width, prediction.height)
            return dataclasses.replace(prediction, polygons=None, run_lengths=runs)
    return dataclasses.replace(prediction, polygons=_simplified(polygons, settings.rdp_threshold))


def outline_together(polygons: Polygons, width: int, height: int) -> Polygons:
    """One instance that has all the pixels of several in a picture of that size; lossless polygons in and out."""
    seen = polygons.areas > 0
    if len(polygons.areas) == 1 or not seen.any():
        return polygons.take(np.array([0]))
    boxes = polygons.boxes[seen]
    box = np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)]).astype(np.int64)
    box = np.clip(box, 0, [width, height, width, height])
    pixels = np.zeros((box[3] - box[1], box[2] - box[0]), dtype=np.uint8)
    for row in np.flatnonzero(seen):
        pixels |= crop_of(polygons, int(row), box)
    outline = framecast_core.binary_masks_to_polygons(pixels[None], rdp_thresholds=np.zeros(1, np.float32))
    return as_polygons(outline).moved(float(box[0]), float(box[1]))


def as_polygons(outlines: framecast_core.Polygons) -> Polygons:
    """The core's result as a prediction holds it."""
    return Polygons(
        points=outlines.points,
        ring_splits=outlines.ring_splits,
        part_splits=outlines.part_splits,
        instance_splits=outlines.instance_splits,
        areas=outlines.areas,
        boxes=outlines.boxes,
    )


def _simplified(polygons: Polygons, rdp_threshold: float) -> Polygons:
    """Rings whose perimeter times the threshold is what they may deviate by."""
    if rdp_threshold == 0 or len(polygons.points) == 0:
        return polygons
    ends = np.arange(1, len(polygons.points) + 1)
    ends[polygons.ring_splits[1:] - 1] = polygons.ring_splits[:-1]  # a ring's last point is joined to its first
    lengths = np.hypot(*(polygons.points[ends] - polygons.points).T)
    perimeters = np.add.reduceat(lengths, polygons.ring_splits[:-1])
    points, ring_splits = framecast_core.simplify_polygons(
        polygons.points,
        polygons.ring_splits,
        polygons.part_splits[polygons.instance_splits],
        (perimeters * rdp_threshold).astype(np.float32),
    )
    return dataclasses.replace(polygons, points=points, ring_splits=ring_splits)
