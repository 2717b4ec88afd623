"""A published YOLOX, described in a few lines, against the detections that its own code made of the same pictures."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from framecast_bundle.engines.onnxruntime_engine import OnnxRuntimeEngine
from framecast_bundle.outside_model import build_outside_bundle
from framecast_bundle.predictor import Predictor
from framecast_bundle.settings import Settings
from tests.support.result_messages import prediction_message

AS_PUBLISHED = Settings(confidence_threshold=0.01, iou_threshold=0.65, max_detections=100)
STATISTICS = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")


@pytest.fixture(scope="module")
def truth(shared_data: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((shared_data / "coco_ccby/instances.json").read_text())
    return content


@pytest.fixture(scope="module")
def pictures(shared_data: Path, truth: dict[str, Any]) -> list[np.ndarray]:
    folder = shared_data / "coco_ccby/images"
    return [np.asarray(Image.open(folder / image["file_name"]).convert("RGB")) for image in truth["images"]]


def load(shared_data: Path, truth: dict[str, Any], *, antialias: bool) -> Predictor:
    descriptor: dict[str, Any] = {
        "task": "object_detection",
        "architecture": "yolox_nano",
        "classes": [{"id": category["id"], "name": category["name"]} for category in truth["categories"]],
        "input": {
            "size": 416,
            "resize": "letterbox_top_left",
            "color_order": "bgr",
            "scale": 1.0,
            "pad_value": 114,
            "antialias": antialias,
        },
        "head": {"kind": "yolox", "strides": [8, 16, 32], "multi_label": True},
        "license": "Apache-2.0",
    }
    onnx = (shared_data / "weights/yolox_nano/yolox_nano.onnx").read_bytes()
    manifest = build_outside_bundle(json.dumps(descriptor).encode(), onnx)
    return Predictor(manifest, OnnxRuntimeEngine(manifest, lambda _: onnx, device="cpu", threads=1))


def detect(predictor: Predictor, pictures: list[np.ndarray], truth: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    answers = predictor.predict(pictures, [AS_PUBLISHED] * len(pictures))
    for image, answer in zip(truth["images"], answers, strict=True):
        for instance in prediction_message(answer, predictor.manifest).instances:
            box = instance.box
            found.append(
                {
                    "image_id": image["id"],
                    "category_id": instance.category_id,
                    "bbox": [box.x_min, box.y_min, box.x_max - box.x_min, box.y_max - box.y_min],
                    "score": instance.score,
                }
            )
    return found


def iou(one: list[float], other: list[float]) -> float:
    sides = [min(one[i] + one[i + 2], other[i] + other[i + 2]) - max(one[i], other[i]) for i in (0, 1)]
    overlap = max(0.0, sides[0]) * max(0.0, sides[1])
    return overlap / (one[2] * one[3] + other[2] * other[3] - overlap)


def statistics(truth_path: Path, found: list[dict[str, Any]]) -> dict[str, float]:
    truth = COCO(str(truth_path))
    evaluation = COCOeval(truth, truth.loadRes(found), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return dict(zip(STATISTICS, evaluation.stats.tolist(), strict=True))


def test_detections_equal_the_published_ones(
    shared_data: Path, truth: dict[str, Any], pictures: list[np.ndarray]
) -> None:
    with load(shared_data, truth, antialias=True) as predictor:
        found = detect(predictor, pictures, truth)
    published = json.loads((shared_data / "coco_ccby/yolox_nano_dets.json").read_text())
    assert len(found) == len(published)
    remaining = list(found)
    for expected in published:
        same = [one for one in remaining if all(one[key] == expected[key] for key in ("image_id", "category_id"))]
        nearest = max(same, key=lambda one: iou(one["bbox"], expected["bbox"]))
        remaining.remove(nearest)
        # The published file has two decimals of a box and five of a score.
        assert nearest["bbox"] == pytest.approx(expected["bbox"], abs=0.02)
        assert nearest["score"] == pytest.approx(expected["score"], abs=1e-4)
    expected_statistics = json.loads((shared_data / "coco_ccby/yolox_nano_reference.json").read_text())["stats"]
    assert statistics(shared_data / "coco_ccby/instances.json", found) == pytest.approx(expected_statistics, abs=0.005)


def test_resize_without_antialias_detects_nearly_as_well(
    shared_data: Path, truth: dict[str, Any], pictures: list[np.ndarray]
) -> None:
    with load(shared_data, truth, antialias=False) as predictor:
        found = detect(predictor, pictures, truth)
    measured = statistics(shared_data / "coco_ccby/instances.json", found)
    assert measured["AP50"] > 0.9
    assert measured["AP"] > 0.6


def test_fixed_batch_of_one_serves_many_pictures_alike(
    shared_data: Path, truth: dict[str, Any], pictures: list[np.ndarray]
) -> None:
    with load(shared_data, truth, antialias=False) as predictor:
        together = predictor.predict(pictures, [AS_PUBLISHED] * len(pictures))
        for picture, expected in zip(pictures, together, strict=True):
            (alone,) = predictor.predict([picture], [AS_PUBLISHED])
            assert alone.boxes.tobytes() == expected.boxes.tobytes()
            assert alone.scores.tobytes() == expected.scores.tobytes()
