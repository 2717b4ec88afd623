"""From predictions and labels to metrics: crowds, empty pictures, classes, masks."""

import numpy as np
import pytest

from framecast.errors import FailedPreconditionError
from framecast.v1.model_pb2 import Task
from framecast_bundle.polygons import Polygons
from framecast_bundle.prediction import Prediction
from framecast_trainer.learning.data import Annotation, Sample
from framecast_trainer.learning.evaluate import Evaluator

DETECTION, SEGMENTATION = Task.TASK_OBJECT_DETECTION, Task.TASK_INSTANCE_SEGMENTATION
SQUARE = (10.0, 10.0, 50.0, 50.0)


def picture(*annotations: Annotation) -> Sample:
    return Sample(lambda: b"", "picture.png", 100, 100, annotations)


def ring(box: tuple[float, float, float, float]) -> np.ndarray:
    x0, y0, x1, y1 = box
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)


def found(*instances: tuple[tuple[float, float, float, float], int, float], masks: bool = False) -> Prediction:
    boxes = np.array([box for box, _, _ in instances], np.float32).reshape(-1, 4)
    polygons = None
    if masks:
        count = np.arange(len(instances) + 1, dtype=np.int64)
        points = np.concatenate([ring(box) for box, _, _ in instances]) if instances else np.zeros((0, 2), np.float32)
        polygons = Polygons(points, count * 4, count, count, np.zeros(len(instances), np.int64), boxes)
    return Prediction(
        width=100,
        height=100,
        boxes=boxes,
        scores=np.array([score for _, _, score in instances], np.float32),
        class_indices=np.array([index for _, index, _ in instances], np.int32),
        polygons=polygons,
    )


def test_a_perfect_answer_scores_one():
    evaluator = Evaluator([picture(Annotation(1, box=SQUARE)), picture()], DETECTION, 2)
    metrics = evaluator.score([found((SQUARE, 1, 0.9)), found()])
    assert metrics == pytest.approx({"box_mAP": 1.0, "box_mAP50": 1.0})


def test_another_class_is_a_miss():
    evaluator = Evaluator([picture(Annotation(1, box=SQUARE))], DETECTION, 2)
    assert evaluator.score([found((SQUARE, 0, 0.9))])["box_mAP50"] == 0


def test_what_lies_in_a_crowd_is_no_false_alarm():
    crowd = Annotation(0, box=(55, 55, 100, 100), crowd=True)
    inside = ((60.0, 60.0, 80.0, 80.0), 0, 0.95)
    real = Annotation(0, box=SQUARE)
    with_crowd = Evaluator([picture(real, crowd)], DETECTION, 1).score([found(inside, (SQUARE, 0, 0.5))])
    without = Evaluator([picture(real)], DETECTION, 1).score([found(inside, (SQUARE, 0, 0.5))])
    assert with_crowd["box_mAP"] == pytest.approx(1.0)
    assert without["box_mAP"] == pytest.approx(0.5)


def test_masks_are_measured_as_masks():
    truth = Annotation(0, box=SQUARE, polygons=[[ring(SQUARE)]])
    evaluator = Evaluator([picture(truth)], SEGMENTATION, 1)
    good = evaluator.score([found((SQUARE, 0, 0.9), masks=True)])
    assert good == pytest.approx({"box_mAP": 1.0, "box_mAP50": 1.0, "mask_mAP": 1.0, "mask_mAP50": 1.0})
    half = found((SQUARE, 0, 0.9), masks=True)
    assert half.polygons is not None
    half.polygons.points[:, 0] = half.polygons.points[:, 0].clip(max=28)
    assert evaluator.score([half])["mask_mAP50"] == 0
    assert evaluator.score([half])["box_mAP50"] == pytest.approx(1.0)


def test_accuracy_counts_the_best_and_the_best_five():
    samples = [picture(Annotation(i)) for i in (0, 5, 6)]
    scores = np.array([0.4, 0.3, 0.1, 0.09, 0.06, 0.05, 0.0], np.float32)
    answers = [Prediction(width=100, height=100, label_scores=scores) for _ in samples]
    metrics = Evaluator(samples, Task.TASK_CLASSIFICATION, 7).score(answers)
    assert metrics == pytest.approx({"accuracy_top1": 1 / 3, "accuracy_top5": 1 / 3})


def test_nothing_to_measure_on_is_refused():
    with pytest.raises(FailedPreconditionError):
        Evaluator([], DETECTION, 1)
