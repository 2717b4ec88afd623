"""The evaluator against numbers that pycocotools computed."""

import json
from pathlib import Path

import pytest

from framecast_trainer.learning.coco_metrics import NAMES, GroundTruth

CASES = ["coco100_bbox", "coco100_segm", "coco100_bbox_class_agnostic", "bccd_val_bbox", "fruits_val_segm"]


@pytest.mark.parametrize("case", CASES)
def test_numbers_equal_the_reference(case: str, shared_data: Path):
    reference = json.loads((shared_data / "coco_eval/REFERENCE.json").read_text())["cases"][case]
    truth = GroundTruth(json.loads((shared_data / reference["gt"]).read_text()))
    detections = json.loads((shared_data / reference["dt"]).read_text())
    measured = truth.measure(detections, reference["iou_type"], class_agnostic=reference.get("agnostic", False))
    assert {name: measured[name] for name in NAMES} == pytest.approx(
        {name: reference["metrics"][name] for name in NAMES}, abs=1e-6
    )


def test_no_detections_score_zero():
    truth = GroundTruth({"images": [{"id": 1, "width": 4, "height": 4}], "annotations": [], "categories": []})
    assert truth.measure([], "bbox")["AP"] == 0
