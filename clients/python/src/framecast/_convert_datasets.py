"""Datasets between the wire and what users see."""

from datetime import UTC, datetime

import numpy as np
from google.protobuf import timestamp_pb2
from numpy.typing import NDArray

from framecast._asset_types import Asset
from framecast._dataset_types import (
    Annotation,
    Category,
    Dataset,
    DatasetItem,
    DatasetVersion,
    Keypoint,
    Polygon,
    RunLengthMask,
    Subset,
    SubsetSummary,
    Visibility,
)
from framecast.v1 import annotation_pb2, asset_pb2, dataset_pb2, geometry_pb2

SUBSETS = {
    Subset.TRAIN: dataset_pb2.SUBSET_TRAIN,
    Subset.VALIDATION: dataset_pb2.SUBSET_VALIDATION,
    Subset.TEST: dataset_pb2.SUBSET_TEST,
}
SUBSETS_BACK = {value: subset for subset, value in SUBSETS.items()}
_VISIBILITY = {
    Visibility.NOT_LABELLED: geometry_pb2.Keypoint.NOT_LABELLED,
    Visibility.OCCLUDED: geometry_pb2.Keypoint.OCCLUDED,
    Visibility.VISIBLE: geometry_pb2.Keypoint.VISIBLE,
}
_VISIBILITY_BACK = {value: visibility for visibility, value in _VISIBILITY.items()}


def time_from_proto(stamp: timestamp_pb2.Timestamp) -> datetime:
    """An aware time in UTC."""
    return stamp.ToDatetime(tzinfo=UTC)


def category_to_proto(category: Category) -> annotation_pb2.Category:
    """A category as it travels."""
    return annotation_pb2.Category(
        id=category.id, name=category.name, supercategory=category.supercategory, keypoints=category.keypoints
    )


def category_from_proto(category: annotation_pb2.Category) -> Category:
    """A category as users see it."""
    return Category(category.id, category.name, category.supercategory, tuple(category.keypoints))


def annotation_to_proto(annotation: Annotation) -> annotation_pb2.Annotation:
    """An annotation as it travels."""
    message = annotation_pb2.Annotation(
        category_id=annotation.category_id, crowd=annotation.crowd, source_id=annotation.source_id
    )
    if annotation.box is not None:
        x_min, y_min, x_max, y_max = annotation.box
        message.box.CopyFrom(geometry_pb2.BoundingBox(x_min=x_min, y_min=y_min, x_max=x_max, y_max=y_max))
    if annotation.polygons:
        message.polygon_set.polygons.extend(_polygon_to_proto(polygon) for polygon in annotation.polygons)
    elif annotation.mask is not None:
        message.run_length.height = annotation.mask.height
        message.run_length.width = annotation.mask.width
        message.run_length.counts.extend(annotation.mask.counts)
    for point in annotation.keypoints:
        message.keypoints.append(geometry_pb2.Keypoint(x=point.x, y=point.y, visibility=_VISIBILITY[point.visibility]))
    if annotation.area is not None:
        message.area = annotation.area
    return message


def annotation_from_proto(message: annotation_pb2.Annotation) -> Annotation:
    """An annotation as users see it."""
    box = message.box
    mask = message.run_length
    return Annotation(
        category_id=message.category_id,
        box=(box.x_min, box.y_min, box.x_max, box.y_max) if message.HasField("box") else None,
        polygons=tuple(polygon_from_proto(polygon) for polygon in message.polygon_set.polygons),
        mask=RunLengthMask(mask.width, mask.height, tuple(mask.counts)) if message.HasField("run_length") else None,
        keypoints=tuple(keypoint_from_proto(point) for point in message.keypoints),
        crowd=message.crowd,
        area=message.area if message.HasField("area") else None,
        source_id=message.source_id,
    )


def keypoint_from_proto(point: geometry_pb2.Keypoint) -> Keypoint:
    """A keypoint as users see it."""
    visibility = _VISIBILITY_BACK.get(point.visibility, Visibility.VISIBLE)
    return Keypoint(point.x, point.y, visibility, point.score if point.HasField("score") else None)


def polygon_from_proto(polygon: geometry_pb2.Polygon) -> Polygon:
    """A polygon as users see it."""
    return Polygon(_ring(polygon.exterior), tuple(_ring(hole) for hole in polygon.holes))


def _ring(ring: geometry_pb2.Ring) -> NDArray[np.float32]:
    return np.array(ring.coordinates, np.float32).reshape(-1, 2)


def _polygon_to_proto(polygon: Polygon) -> geometry_pb2.Polygon:
    return geometry_pb2.Polygon(
        exterior=geometry_pb2.Ring(coordinates=polygon.exterior.ravel().tolist()),
        holes=[geometry_pb2.Ring(coordinates=hole.ravel().tolist()) for hole in polygon.holes],
    )


def dataset_from_proto(message: dataset_pb2.Dataset) -> Dataset:
    """A dataset as users see it."""
    return Dataset(
        message.name,
        message.display_name,
        message.description,
        time_from_proto(message.create_time),
        message.latest_version,
    )


def dataset_version_from_proto(message: dataset_pb2.DatasetVersion) -> DatasetVersion:
    """A dataset version as users see it."""
    return DatasetVersion(
        name=message.name,
        description=message.description,
        categories=tuple(category_from_proto(category) for category in message.categories),
        subsets=tuple(
            SubsetSummary(SUBSETS_BACK[row.subset], row.item_count, row.annotation_count) for row in message.subsets
        ),
        digest=message.digest,
        create_time=time_from_proto(message.create_time),
    )


def dataset_item_from_proto(message: dataset_pb2.DatasetItem) -> DatasetItem:
    """A dataset item as users see it."""
    return DatasetItem(
        asset=message.asset,
        file_name=message.file_name,
        subset=SUBSETS_BACK[message.subset],
        annotations=tuple(annotation_from_proto(annotation) for annotation in message.annotations),
        source_id=message.source_id,
    )


def asset_from_proto(message: asset_pb2.Asset) -> Asset:
    """An asset as users see it."""
    is_video = message.HasField("video")
    properties = message.video if is_video else message.image
    return Asset(
        name=message.name,
        display_name=message.display_name,
        media_type=message.media_type,
        size_bytes=message.size_bytes,
        width=properties.width,
        height=properties.height,
        create_time=time_from_proto(message.create_time),
        frame_count=message.video.frame_count if is_video else None,
        duration_s=message.video.duration.ToNanoseconds() / 1e9 if is_video else None,
    )
