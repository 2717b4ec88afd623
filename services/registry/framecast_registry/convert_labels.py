"""Annotations between the wire and the domain, and in the form in which items keep them.

An item keeps its annotations as the bytes of a `DatasetItem` message that has nothing else: reading a page of items
then costs one parse per item, and the database never looks inside.
"""

from collections.abc import Sequence

from framecast.v1 import annotation_pb2, dataset_pb2, geometry_pb2
from framecast_registry.annotation import Annotation, Box, Keypoint, Polygon, RunLength


def annotation_from_proto(message: annotation_pb2.Annotation) -> Annotation:
    mask = message.WhichOneof("mask")
    box = message.box
    return Annotation(
        category_id=message.category_id,
        box=Box(box.x_min, box.y_min, box.x_max, box.y_max) if message.HasField("box") else None,
        polygons=tuple(map(_polygon_from_proto, message.polygon_set.polygons)) if mask == "polygon_set" else (),
        run_length=_run_length_from_proto(message.run_length) if mask == "run_length" else None,
        keypoints=tuple(Keypoint(point.x, point.y, point.visibility) for point in message.keypoints),
        crowd=message.crowd,
        area=message.area if message.HasField("area") else None,
        source_id=message.source_id,
    )


def encode_labels(annotations: Sequence[Annotation]) -> bytes:
    """Equal annotations give equal bytes."""
    message = dataset_pb2.DatasetItem()
    for annotation in annotations:
        _fill(message.annotations.add(), annotation)
    return message.SerializeToString(deterministic=True)


def decode_labels(labels: bytes) -> dataset_pb2.DatasetItem:
    """A message that has the annotations; the caller fills in the rest."""
    return dataset_pb2.DatasetItem.FromString(labels)


def _polygon_from_proto(message: geometry_pb2.Polygon) -> Polygon:
    return Polygon(tuple(message.exterior.coordinates), tuple(tuple(hole.coordinates) for hole in message.holes))


def _run_length_from_proto(message: geometry_pb2.RunLengthMask) -> RunLength:
    return RunLength(message.height, message.width, tuple(message.counts))


def _fill(message: annotation_pb2.Annotation, annotation: Annotation) -> None:
    message.category_id = annotation.category_id
    if annotation.box is not None:
        box = annotation.box
        message.box.x_min, message.box.y_min, message.box.x_max, message.box.y_max = (
            box.x_min,
            box.y_min,
            box.x_max,
            box.y_max,
        )
    for polygon in annotation.polygons:
        added = message.polygon_set.polygons.add()
        added.exterior.coordinates.extend(polygon.exterior)
        for hole in polygon.holes:
            added.holes.add().coordinates.extend(hole)
    if annotation.run_length is not None:
        message.run_length.height = annotation.run_length.height
        message.run_length.width = annotation.run_length.width
        message.run_length.counts.extend(annotation.run_length.counts)
    for point in annotation.keypoints:
        visibility = geometry_pb2.Keypoint.Visibility.ValueType(point.visibility)
        message.keypoints.add(x=point.x, y=point.y, visibility=visibility)
    message.crowd = annotation.crowd
    if annotation.area is not None:
        message.area = annotation.area
    message.source_id = annotation.source_id
