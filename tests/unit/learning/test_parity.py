"""When two sides of an export agree: in their metrics, or, but for the last bits, in every answer."""

import numpy as np
import pytest

from framecast.errors import FailedPreconditionError
from framecast_bundle.polygons import Polygons
from framecast_bundle.prediction import Prediction
from framecast_trainer.learning import parity
from framecast_trainer.learning.evaluate import Measurement

BOX = (10.0, 10.0, 70.0, 60.0)


def found(*instances: tuple[tuple[float, float, float, float], float], mask_side: float | None = None) -> Prediction:
    """Instances of class 0; `mask_side`: with a square mask of that side each."""
    count = len(instances)
    polygons = None
    if mask_side is not None:
        ring = np.array([(10, 10), (10 + mask_side, 10), (10 + mask_side, 10 + mask_side), (10, 10 + mask_side)])
        splits = np.arange(count + 1, dtype=np.int64)
        areas = np.full(count, int(mask_side**2), np.int64)
        points = np.tile(ring, (count, 1)).astype(np.float32)
        polygons = Polygons(points, splits * 4, splits, splits, areas, np.zeros((count, 4), np.float32))
    return Prediction(
        width=100,
        height=100,
        boxes=np.array([box for box, _ in instances], np.float32).reshape(-1, 4),
        scores=np.array([score for _, score in instances], np.float32),
        class_indices=np.zeros(count, np.int32),
        polygons=polygons,
    )


def labelled(*scores: float) -> Prediction:
    return Prediction(width=100, height=100, label_scores=np.array(scores, np.float32))


def passes(a: Prediction, b: Prediction, metric_difference: float) -> bool:
    sides = Measurement({"mAP": 0.8}, [a]), Measurement({"mAP": 0.8 - metric_difference}, [b])
    return parity.compare(*sides, "mAP").passed


def moved(pixels: float) -> tuple[float, float, float, float]:
    return (BOX[0] + pixels, BOX[1], BOX[2], BOX[3])


def test_metrics_that_agree_are_enough():
    assert passes(found((BOX, 0.9)), found((moved(3), 0.8)), 0.0009)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (found((BOX, 0.9)), found((moved(0.4), 0.9005))),
        (found((BOX, 0.9), (BOX, 0.01)), found((BOX, 0.9))),  # a box of hardly any score comes and goes
        (found((BOX, 0.9), mask_side=50), found((BOX, 0.9), mask_side=50)),
        (found((BOX, 0.9), mask_side=4), found((BOX, 0.9), mask_side=4.4)),
        (labelled(0.5003, 0.4997), labelled(0.4999, 0.5001)),
    ],
    ids=["box", "unsure", "mask", "small mask", "label"],
)
def test_a_metric_may_flip_where_all_answers_are_the_same(a: Prediction, b: Prediction):
    assert passes(a, b, 0.2)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (found((BOX, 0.9)), found((moved(0.6), 0.9))),
        (found((BOX, 0.9)), found((BOX, 0.898))),
        (found((BOX, 0.9)), found()),
        (found((BOX, 0.9)), found((BOX, 0.9), ((80, 80, 95, 95), 0.3))),
        (found((BOX, 0.9), mask_side=50), found((BOX, 0.9), mask_side=48)),
        (found((BOX, 0.04)), found((moved(30), 0.04))),
        (found(), found()),
        (labelled(0.51, 0.49), labelled(0.49, 0.51)),
        (labelled(0.51, 0.49), labelled(float("nan"), 0.49)),
    ],
    ids=["box", "score", "missing", "more", "mask", "all unsure", "nothing", "label", "no number"],
)
def test_other_answers_do_not_excuse_a_metric(a: Prediction, b: Prediction):
    assert not passes(a, b, 0.002)


def test_the_metric_that_agrees_least_is_reported():
    report = parity.compare(
        Measurement({"box_mAP": 0.5, "box_mAP50": 0.8}, [found((BOX, 0.9))]),
        Measurement({"box_mAP": 0.5, "box_mAP50": 0.79}, [found()]),
        "box_mAP",
    )
    assert not report.passed
    assert report.metric == "box_mAP50"
    with pytest.raises(FailedPreconditionError, match=r"0\.7900 instead of 0\.8000"):
        parity.require(report)
