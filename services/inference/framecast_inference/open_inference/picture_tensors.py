"""Predictions of some pictures as tensors: the rows of all pictures behind each other, and where each one's begin."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast.v1.model_pb2 import Task
from framecast_bundle.polygons import Polygons
from framecast_bundle.prediction import Prediction, Segmentation
from framecast_inference.open_inference.bytes_tensor import pack_element
from framecast_inference.open_inference.datatypes import BYTES, FP32, INT32, INT64
from framecast_inference.open_inference.tensor_spec import ANY, TensorSpec

IMAGE = TensorSpec("image", BYTES, (ANY,))
"""Picture files: JPEG, PNG, WebP, BMP, GIF, TIFF."""

_EVERY = (
    TensorSpec("scores", FP32, (ANY,)),
    TensorSpec("class_ids", INT32, (ANY,)),
    TensorSpec("labels", BYTES, (ANY,)),
    TensorSpec("splits", INT64, (ANY,)),
    TensorSpec("image_sizes", INT32, (ANY, 2)),
)
_BOXES = (TensorSpec("boxes", FP32, (ANY, 4)),)
_POLYGONS = (
    TensorSpec("mask_areas", INT64, (ANY,)),
    TensorSpec("polygon_points", FP32, (ANY, 2)),
    TensorSpec("ring_splits", INT64, (ANY,)),
    TensorSpec("part_splits", INT64, (ANY,)),
    TensorSpec("instance_splits", INT64, (ANY,)),
)

_KEYPOINTS = (TensorSpec("keypoints", FP32, (ANY, ANY, 3)),)
_RUNS = (
    TensorSpec("run_lengths", INT64, (ANY,)),
    TensorSpec("run_class_ids", INT32, (ANY,)),
    TensorSpec("splits", INT64, (ANY,)),
    TensorSpec("image_sizes", INT32, (ANY, 2)),
)
"""A label map as runs of one category, row after row; the id of a run without a category is -1."""

Raw = tuple[tuple[int, ...], bytes]
"""A tensor's shape and its raw contents."""
_Array = np.ndarray[Any, Any]


def output_specs(manifest: ModelBundle) -> tuple[TensorSpec, ...]:
    """What a model gives for pictures: labels with scores; boxes, polygons and keypoints, where its task has them; or
    label maps."""
    if manifest.task == Task.TASK_CLASSIFICATION:
        return _EVERY
    if manifest.task == Task.TASK_INSTANCE_SEGMENTATION:
        return (*_BOXES, *_EVERY, *_POLYGONS)
    if manifest.task == Task.TASK_KEYPOINT_DETECTION:
        return (*_BOXES, *_EVERY, *_KEYPOINTS)
    if manifest.task == Task.TASK_SEMANTIC_SEGMENTATION:
        return _RUNS
    return (*_BOXES, *_EVERY)


class PictureTensors:
    """Makes the outputs of one model; knows the ids and names of its categories."""

    def __init__(self, manifest: ModelBundle) -> None:
        self._ids = np.array([category.id for category in manifest.categories], INT32.dtype)
        self._names = [pack_element(category.name.encode()) for category in manifest.categories]
        self._classifies = manifest.task == Task.TASK_CLASSIFICATION
        self._makers: dict[str, Callable[[Sequence[Prediction]], _Array]] = {
            "boxes": lambda all_: _joined([each.boxes for each in all_], FP32.dtype, 4),
            "scores": lambda all_: _joined([self._scores(each) for each in all_], FP32.dtype),
            "class_ids": lambda all_: self._ids[self._classes(all_)],
            "splits": lambda all_: _splits([self._rows(each) for each in all_]),
            "image_sizes": lambda all_: np.array([(each.width, each.height) for each in all_], INT32.dtype),
            "keypoints": lambda all_: np.concatenate([_points(each) for each in all_]),
            "run_lengths": lambda all_: _joined([each.lengths for each in _maps(all_)], INT64.dtype),
            "run_class_ids": lambda all_: _joined([self._ids_of_runs(each) for each in _maps(all_)], INT32.dtype),
            "mask_areas": lambda all_: _joined([each.areas for each in _polygons(all_)], INT64.dtype),
            "polygon_points": lambda all_: _joined([each.points for each in _polygons(all_)], FP32.dtype, 2),
            "ring_splits": lambda all_: _nested([each.ring_splits for each in _polygons(all_)]),
            "part_splits": lambda all_: _nested([each.part_splits for each in _polygons(all_)]),
            "instance_splits": lambda all_: _nested([each.instance_splits for each in _polygons(all_)]),
        }

    def make(self, spec: TensorSpec, predictions: Sequence[Prediction]) -> Raw:
        """One output for some pictures; K rows in all of them, of picture i those from splits[i] to splits[i + 1]."""
        if spec.name == "labels":
            classes = self._classes(predictions).tolist()
            return (len(classes),), b"".join([self._names[index] for index in classes])
        array = self._makers[spec.name](predictions)
        return array.shape, array.tobytes()

    def _rows(self, prediction: Prediction) -> int:
        return len(self._indices(prediction) if prediction.segmentation is None else prediction.segmentation.lengths)

    def _ids_of_runs(self, segmentation: Segmentation) -> _Array:
        return np.append(self._ids, INT32.dtype.type(-1))[segmentation.classes]

    def _indices(self, prediction: Prediction) -> _Array:
        return prediction.labels if self._classifies else prediction.class_indices

    def _classes(self, predictions: Sequence[Prediction]) -> _Array:
        return _joined([self._indices(each) for each in predictions], INT32.dtype)

    def _scores(self, prediction: Prediction) -> _Array:
        if prediction.label_scores is None:
            return prediction.scores
        return prediction.label_scores[prediction.labels]


def _maps(predictions: Sequence[Prediction]) -> list[Segmentation]:
    return [each.segmentation for each in predictions if each.segmentation is not None]


def _points(prediction: Prediction) -> _Array:
    """[N, J, 3]: x, y, score."""
    assert prediction.keypoints is not None
    return np.concatenate([prediction.keypoints.points, prediction.keypoints.scores[..., None]], axis=2)


def _polygons(predictions: Sequence[Prediction]) -> list[Polygons]:
    return [each.polygons for each in predictions if each.polygons is not None]


def _joined(parts: Sequence[_Array], dtype: "np.dtype[Any]", columns: int = 0) -> _Array:
    if not parts:
        return np.empty((0, columns) if columns else 0, dtype)
    return np.concatenate(parts).astype(dtype, copy=False)


def _splits(counts: Sequence[int]) -> _Array:
    return np.concatenate([[0], np.cumsum(counts)]).astype(INT64.dtype)


def _nested(splits: Sequence[_Array]) -> _Array:
    """Offsets of several pictures as offsets into what they have together."""
    return _splits(np.concatenate([np.diff(each) for each in splits]).tolist() if splits else [])
