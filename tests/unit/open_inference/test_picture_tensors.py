"""Predictions as tensors."""

from typing import Any

import numpy as np
import pytest

from framecast.v1.annotation_pb2 import Category
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast.v1.model_pb2 import Task
from framecast_bundle.polygons import Polygons
from framecast_bundle.prediction import Keypoints, Prediction, Segmentation
from framecast_inference.open_inference.bytes_tensor import unpack
from framecast_inference.open_inference.picture_tensors import PictureTensors, output_specs
from framecast_inference.open_inference.tensor_spec import ANY

CATEGORIES = [Category(id=10, name="car"), Category(id=20, name="größe"), Category(id=7, name="bus")]


def manifest(task: Any) -> ModelBundle:
    return ModelBundle(task=task, categories=CATEGORIES)


def outputs(task: Any, predictions: list[Prediction]) -> dict[str, Any]:
    """Every output, decoded; each fits its description."""
    described = manifest(task)
    maker = PictureTensors(described)
    found: dict[str, Any] = {}
    for spec in output_specs(described):
        shape, raw = maker.make(spec, predictions)
        assert len(shape) == len(spec.shape)
        assert all(wanted in (ANY, length) for length, wanted in zip(shape, spec.shape, strict=True))
        if spec.datatype.name == "BYTES":
            found[spec.name] = [name.decode() for name in unpack(raw, shape[0], tensor=spec.name)]
        else:
            found[spec.name] = np.frombuffer(raw, spec.datatype.dtype).reshape(shape)
    return found


def detection(classes: list[int], **fields: Any) -> Prediction:
    count = len(classes)
    return Prediction(
        width=640,
        height=480,
        boxes=np.arange(4 * count, dtype=np.float32).reshape(count, 4),
        scores=np.linspace(0.9, 0.5, count, dtype=np.float32),
        class_indices=np.array(classes, np.int32),
        **fields,
    )


def test_detections_of_several_pictures_stand_behind_each_other() -> None:
    found = outputs(Task.TASK_OBJECT_DETECTION, [detection([0, 2]), detection([]), detection([1])])
    assert found["splits"].tolist() == [0, 2, 2, 3]
    assert found["class_ids"].tolist() == [10, 7, 20]
    assert found["labels"] == ["car", "bus", "größe"]
    assert found["boxes"].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [0, 1, 2, 3]]
    assert found["scores"].tolist() == pytest.approx([0.9, 0.5, 0.9])
    assert found["image_sizes"].tolist() == [[640, 480]] * 3


def test_nothing_found_is_empty_and_has_its_columns() -> None:
    found = outputs(Task.TASK_OBJECT_DETECTION, [detection([])])
    assert found["boxes"].shape == (0, 4)
    assert found["splits"].tolist() == [0, 0]
    assert found["labels"] == []


def test_labels_of_a_classifier_have_no_boxes() -> None:
    scores = np.array([0.1, 0.7, 0.2], np.float32)
    prediction = Prediction(width=2, height=1, labels=np.array([1, 2], np.int32), label_scores=scores)
    found = outputs(Task.TASK_CLASSIFICATION, [prediction, prediction])
    assert "boxes" not in found
    assert found["class_ids"].tolist() == [20, 7, 20, 7]
    assert found["scores"].tolist() == pytest.approx([0.7, 0.2] * 2)
    assert found["splits"].tolist() == [0, 2, 4]


def square(offset: float) -> Polygons:
    """Two instances: a square with a hole, and one without any part."""
    return Polygons(
        points=np.arange(14, dtype=np.float32).reshape(7, 2) + np.float32(offset),
        ring_splits=np.array([0, 4, 7]),
        part_splits=np.array([0, 2]),
        instance_splits=np.array([0, 1, 1]),
        areas=np.array([16, 0]),
        boxes=np.zeros((2, 4), np.float32),
    )


def test_offsets_of_polygons_lead_into_what_all_pictures_have_together() -> None:
    found = outputs(
        Task.TASK_INSTANCE_SEGMENTATION,
        [detection([0, 1], polygons=square(0)), detection([2, 0], polygons=square(100))],
    )
    assert found["ring_splits"].tolist() == [0, 4, 7, 11, 14]
    assert found["part_splits"].tolist() == [0, 2, 4]
    assert found["instance_splits"].tolist() == [0, 1, 1, 2, 2]
    assert found["mask_areas"].tolist() == [16, 0, 16, 0]
    third = found["polygon_points"][found["ring_splits"][2] : found["ring_splits"][3]]
    assert third.tolist() == square(100).points[:4].tolist()


def test_keypoints_stand_beside_their_boxes() -> None:
    def points(count: int) -> Keypoints:
        return Keypoints(np.full((count, 2, 2), 3, np.float32), np.full((count, 2), 0.5, np.float32))

    pictures = [detection([0, 1], keypoints=points(2)), detection([], keypoints=points(0))]
    found = outputs(Task.TASK_KEYPOINT_DETECTION, pictures)
    assert found["splits"].tolist() == [0, 2, 2]
    assert found["keypoints"].tolist() == [[[3, 3, 0.5]] * 2] * 2


def test_label_maps_are_runs_of_category_ids() -> None:
    def label_map(lengths: list[int], classes: list[int]) -> Prediction:
        segmentation = Segmentation(np.array(lengths, np.uint32), np.array(classes, np.int32), np.zeros(3, np.int64))
        return Prediction(width=3, height=2, segmentation=segmentation)

    found = outputs(Task.TASK_SEMANTIC_SEGMENTATION, [label_map([4, 2], [2, -1]), label_map([6], [0])])
    assert found["run_lengths"].tolist() == [4, 2, 6]
    assert found["run_class_ids"].tolist() == [7, -1, 10]
    assert found["splits"].tolist() == [0, 2, 3]
    assert found["image_sizes"].tolist() == [[3, 2]] * 2
