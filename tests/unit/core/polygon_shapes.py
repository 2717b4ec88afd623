"""Polygons of framecast_core as Shapely geometries."""

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

import framecast_core


def rings_of(polygons: framecast_core.Polygons, instance: int) -> list[list[NDArray[np.float32]]]:
    """The parts of one instance, each a list of rings float32 [n, 2], exterior first."""
    parts = range(polygons.instance_splits[instance], polygons.instance_splits[instance + 1])
    return [
        [
            polygons.points[polygons.ring_splits[r] : polygons.ring_splits[r + 1]]
            for r in range(polygons.part_splits[p], polygons.part_splits[p + 1])
        ]
        for p in parts
    ]


def multipolygon(polygons: framecast_core.Polygons, instance: int) -> Any:
    """One instance as a shapely.MultiPolygon."""
    return shapely.MultiPolygon([(part[0], part[1:]) for part in rings_of(polygons, instance)])


def fill(polygons: framecast_core.Polygons, instance: int, height: int, width: int) -> NDArray[np.uint8]:
    """One instance filled by pixel centre, uint8 [height, width]."""
    rings = [ring for part in rings_of(polygons, instance) for ring in part]
    points = np.concatenate([np.zeros((0, 2), np.float32), *rings])
    splits = np.concatenate([[0], np.cumsum([len(ring) for ring in rings])]).astype(np.int64)
    return framecast_core.polygons_to_mask(points, splits, height, width)
