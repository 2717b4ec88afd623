"""The message of a prediction."""

import numpy as np
import pytest

from framecast_bundle.polygons import Polygons
from framecast_bundle.prediction import Prediction
from tests.support.result_messages import prediction_message
from tests.unit.bundle import tiny_bundles

MANIFEST = tiny_bundles.yolov5().manifest


def square(low: float, high: float) -> list[list[float]]:
    return [[low, low], [high, low], [high, high], [low, high]]


def test_instances_carry_categories_boxes_and_nested_polygons() -> None:
    rings = [square(0, 10), square(2, 4), square(5, 7), square(20, 30)]
    polygons = Polygons(
        points=np.array(rings, dtype=np.float32).reshape(-1, 2),
        ring_splits=np.array([0, 4, 8, 12, 16], dtype=np.int64),
        part_splits=np.array([0, 3, 4], dtype=np.int64),
        instance_splits=np.array([0, 2, 2], dtype=np.int64),
        areas=np.array([192, 0], dtype=np.int64),
        boxes=np.array([[0, 0, 30, 30], [0, 0, 0, 0]], dtype=np.float32),
    )
    prediction = Prediction(
        width=64,
        height=48,
        boxes=np.array([[0, 0, 30, 30], [1, 2, 3, 4]], dtype=np.float32),
        scores=np.array([0.75, 0.5], dtype=np.float32),
        class_indices=np.array([2, 0], dtype=np.int32),
        polygons=polygons,
    )
    message = prediction_message(prediction, MANIFEST)
    assert (message.width, message.height) == (64, 48)
    first, second = message.instances
    assert (first.category_id, first.category, first.score) == (30, "triangle", 0.75)
    assert (second.category_id, second.category, second.box.x_min, second.box.y_max) == (10, "circle", 1, 4)
    holed, plain = first.polygons
    assert list(holed.exterior.coordinates) == [0, 0, 10, 0, 10, 10, 0, 10]
    assert [len(hole.coordinates) for hole in holed.holes] == [8, 8]
    assert not plain.holes
    assert first.mask_area == 192
    assert not second.polygons
    assert not message.labels


def test_labels_come_best_first() -> None:
    scores = np.array([0.25, 0.625, 0.125], dtype=np.float32)
    prediction = Prediction(width=8, height=8, labels=np.array([1, 0], dtype=np.int32), label_scores=scores)
    message = prediction_message(prediction, MANIFEST)
    assert [(label.category, label.score) for label in message.labels] == [("square", 0.625), ("circle", 0.25)]
    assert not message.instances


def test_prediction_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Prediction(width=8, height=8).width = 9  # type: ignore[misc]
