"""Measures a model, through whichever engine runs it, on labelled pictures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from framecast.errors import FailedPreconditionError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast.v1.model_pb2 import Task
from framecast_bundle.engine import Engine
from framecast_bundle.prediction import Prediction
from framecast_bundle.predictor import Predictor, PreparedBatch
from framecast_bundle.settings import Settings
from framecast_trainer.learning import masks
from framecast_trainer.learning.cache_budget import cache_budget
from framecast_trainer.learning.coco_metrics import GroundTruth
from framecast_trainer.learning.data import Sample
from framecast_trainer.learning.decode import decode_sample

_BATCH = 8
_LARGEST_CACHE_BYTES = 512 * 1024**2
PRIMARY = {
    Task.TASK_CLASSIFICATION: "accuracy_top1",
    Task.TASK_OBJECT_DETECTION: "box_mAP",
    Task.TASK_INSTANCE_SEGMENTATION: "mask_mAP",
}
"""The metric by which the best checkpoint is chosen."""


@dataclass(frozen=True)
class Measurement:
    """Metrics in [0, 1] by name, and what they were computed from, picture by picture."""

    metrics: dict[str, float]
    predictions: list[Prediction]


class Evaluator:
    """Holds the ground truth and, as far as memory allows, the prepared pictures."""

    def __init__(self, samples: Sequence[Sample], task: "Task.ValueType", category_count: int) -> None:
        if not samples:
            raise FailedPreconditionError("there are no pictures to measure on", reason="NO_VALIDATION_DATA")
        self._samples = samples
        self._task = task
        self._prepared: dict[int, list[PreparedBatch]] = {}
        self._free = cache_budget(_LARGEST_CACHE_BYTES)
        self._truth = None
        if task != Task.TASK_CLASSIFICATION:
            self._truth = GroundTruth(_coco_document(samples, category_count, task))

    @property
    def primary(self) -> str:
        return PRIMARY[self._task]

    def measure(
        self, manifest: ModelBundle, engine: Engine, should_stop: Callable[[], None] | None = None
    ) -> Measurement:
        """`manifest` must keep its input rule between calls. `should_stop` is called between batches and may raise."""
        settings = evaluation_settings(manifest)
        predictor = Predictor(manifest, engine, max_batch=_BATCH)
        predictions: list[Prediction] = []
        for start in range(0, len(self._samples), _BATCH):
            if should_stop is not None:
                should_stop()
            batches = self._prepare(predictor, start)
            count = sum(len(batch.positions) for batch in batches)
            predictions.extend(predictor.run(batches, [settings] * count))
        return Measurement(self.score(predictions), predictions)

    def _prepare(self, predictor: Predictor, start: int) -> list[PreparedBatch]:
        cached = self._prepared.get(start)
        if cached is not None:
            return cached
        images = [decode_sample(sample) for sample in self._samples[start : start + _BATCH]]
        batches = predictor.prepare(images)
        size = sum(batch.tensors.nbytes for batch in batches)
        if size <= self._free:
            self._free -= size
            self._prepared[start] = batches
        return batches

    def score(self, predictions: Sequence[Prediction]) -> dict[str, float]:
        """The metrics of predictions in the order of the samples, in [0, 1]."""
        if self._truth is None:
            return _accuracy(self._samples, predictions)
        boxes = self._truth.measure(box_results(predictions), "bbox")
        metrics = {"box_mAP": boxes["AP"], "box_mAP50": boxes["AP50"]}
        if self._task == Task.TASK_INSTANCE_SEGMENTATION:
            shapes = self._truth.measure(mask_results(predictions), "segm")
            metrics |= {"mask_mAP": shapes["AP"], "mask_mAP50": shapes["AP50"]}
        # COCO says -1 where nothing is labelled: nothing was there to be found.
        return {name: max(0.0, value) for name, value in metrics.items()}


def evaluation_settings(manifest: ModelBundle) -> Settings:
    """Low thresholds, as COCO's protocol wants the whole curve; outlines unsimplified.

    All else is as served, for that is what users get: a box is reported under its best class alone unless the manifest
    says otherwise. YOLOv5's own validation reports it under every class, so its published numbers are not comparable.
    """
    yolo = manifest.WhichOneof("head") == "yolov5"
    return Settings(
        confidence_threshold=0.001 if yolo else 0.05,
        iou_threshold=0.6 if yolo else 0.5,
        rdp_threshold=0.0,
        max_detections=300 if yolo else 100,
    )


def box_results(predictions: Sequence[Prediction]) -> list[dict[str, Any]]:
    """COCO results of boxes; pictures count from 1, categories are class indices + 1."""
    results = []
    for image_id, prediction in enumerate(predictions, start=1):
        boxes = prediction.boxes.astype(np.float64)
        boxes[:, 2:] -= boxes[:, :2]
        for box, score, index in zip(boxes.tolist(), prediction.scores, prediction.class_indices, strict=True):
            results.append({"image_id": image_id, "category_id": int(index) + 1, "bbox": box, "score": float(score)})
    return results


def mask_results(predictions: Sequence[Prediction]) -> list[dict[str, Any]]:
    """COCO results of masks, from the polygons that a caller would get."""
    results = []
    for image_id, prediction in enumerate(predictions, start=1):
        assert prediction.polygons is not None
        for i, (score, index) in enumerate(zip(prediction.scores, prediction.class_indices, strict=True)):
            rle = masks.polygons_to_coco_rle(prediction.polygons.parts(i), prediction.height, prediction.width)
            results.append(
                {"image_id": image_id, "category_id": int(index) + 1, "segmentation": rle, "score": float(score)}
            )
    return results


def _coco_document(samples: Sequence[Sample], category_count: int, task: "Task.ValueType") -> dict[str, Any]:
    images = [{"id": i, "width": s.width, "height": s.height} for i, s in enumerate(samples, start=1)]
    annotations: list[dict[str, Any]] = []
    for image_id, sample in enumerate(samples, start=1):
        for annotation in sample.annotations:
            if annotation.box is None:
                continue
            x0, y0, x1, y1 = annotation.box
            area = annotation.area
            entry: dict[str, Any] = {
                "id": len(annotations) + 1,
                "image_id": image_id,
                "category_id": annotation.category_index + 1,
                "bbox": [x0, y0, x1 - x0, y1 - y0],
                "iscrowd": int(annotation.crowd),
            }
            if task == Task.TASK_INSTANCE_SEGMENTATION:
                entry["segmentation"] = masks.to_coco_rle(annotation, sample.height, sample.width)
                if area is None and annotation.has_mask:
                    area = masks.rle_area(entry["segmentation"])
            entry["area"] = (x1 - x0) * (y1 - y0) if area is None else area
            annotations.append(entry)
    categories = [{"id": i + 1, "name": str(i)} for i in range(category_count)]
    return {"images": images, "annotations": annotations, "categories": categories}


def _accuracy(samples: Sequence[Sample], predictions: Sequence[Prediction]) -> dict[str, float]:
    top1 = top5 = known = 0
    for sample, prediction in zip(samples, predictions, strict=True):
        labels = {a.category_index for a in sample.annotations if a.box is None}
        if not labels or prediction.label_scores is None:
            continue
        best = np.argsort(-prediction.label_scores, kind="stable")[:5].tolist()
        known += 1
        top1 += best[0] in labels
        top5 += not labels.isdisjoint(best)
    return {"accuracy_top1": top1 / max(1, known), "accuracy_top5": top5 / max(1, known)}
