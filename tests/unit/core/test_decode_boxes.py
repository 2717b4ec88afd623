"""R-CNN boxes, followed by NMS, against torchvision's own RoIHeads.postprocess_detections."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torchvision.models.detection import roi_heads
from torchvision.ops import boxes as box_ops

import framecast_core
from tests.unit.core.candidates import clustered_boxes, f32, splits_of

CLASSES = 6
COUNTS = [150, 0, 90]
IMAGE_SIZES = [(400, 500), (100, 100), (300, 640)]
WEIGHTS = (10.0, 10.0, 5.0, 5.0)


def inputs(seed: int) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(seed)
    rows = sum(COUNTS)
    deltas = rng.normal(0, 1, (rows, 4 * (CLASSES + 1)))
    deltas[::31, 2::4] = 40  # Above the clamp of log(1000 / 16) once divided by the weight.
    deltas[::29, 0::4] = 1e4  # Outside the image, so without extent once clipped.
    return {
        "class_logits": rng.normal(0, 2, (rows, CLASSES + 1)).astype(np.float32),
        "deltas": deltas.astype(np.float32),
        "proposals": clustered_boxes(rng, rows, size=400),
        "splits": splits_of(COUNTS),
        "image_sizes": np.array(IMAGE_SIZES, np.float32),
    }


def options(threshold: float = 0.05) -> dict[str, Any]:
    return {
        "score_thresholds": np.full(len(COUNTS), threshold, np.float32),
        "class_filter": None,
        "min_size": 1e-2,
        "box_weights": WEIGHTS,
    }


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("threshold", [0.0, 0.05, 0.5])
def test_followed_by_nms_it_equals_torchvision(seed: int, threshold: float, monkeypatch: pytest.MonkeyPatch) -> None:
    # For few boxes torchvision takes the inexact class-offset trick; its other, exact path is the oracle.
    monkeypatch.setattr(box_ops, "_batched_nms_coordinate_trick", box_ops._batched_nms_vanilla)
    given = inputs(seed)
    heads = roi_heads.RoIHeads(None, None, None, 0.5, 0.5, 512, 0.25, WEIGHTS, threshold, 0.5, 100)
    proposals = list(torch.split(torch.from_numpy(given["proposals"]), COUNTS))
    expected = heads.postprocess_detections(
        torch.from_numpy(given["class_logits"]), torch.from_numpy(given["deltas"]), proposals, IMAGE_SIZES
    )
    boxes, scores, classes, sources, splits = framecast_core.decode_boxes(*given.values(), **options(threshold))
    images = len(COUNTS)
    keep, keep_splits = framecast_core.nms(
        boxes,
        scores,
        classes,
        splits,
        iou_thresholds=np.full(images, 0.5, np.float32),
        score_thresholds=np.full(images, threshold, np.float32),
        max_detections=np.full(images, 100, np.int32),
        class_agnostic=np.zeros(images, bool),
    )
    for b, (wanted_boxes, wanted_scores, wanted_labels) in enumerate(zip(*expected, strict=True)):
        rows = keep[keep_splits[b] : keep_splits[b + 1]]
        assert classes[rows].tolist() == (wanted_labels - 1).tolist()
        np.testing.assert_allclose(boxes[rows], wanted_boxes, rtol=0, atol=1e-4)
        np.testing.assert_allclose(scores[rows], wanted_scores, rtol=1e-5)
        assert ((given["splits"][b] <= sources[rows]) & (sources[rows] < given["splits"][b + 1])).all()
    assert len(keep) > 20
    softmax = torch.from_numpy(given["class_logits"]).softmax(1).numpy()
    np.testing.assert_allclose(softmax[sources, classes + 1], scores, rtol=1e-5)


def test_class_filter_and_threshold_belong_to_an_image() -> None:
    given = inputs(7)
    allowed = np.zeros((3, CLASSES), bool)
    allowed[0, [1, 4]] = allowed[2, 0] = True
    everything = framecast_core.decode_boxes(*given.values(), **options())
    chosen = framecast_core.decode_boxes(
        *given.values(), **(options() | {"class_filter": allowed, "score_thresholds": f32(0.05, 0.05, 0.3)})
    )
    image = np.repeat(np.arange(3), np.diff(everything[4]))
    mask = allowed[image, everything[2]] & (everything[1] > f32(0.05, 0.05, 0.3)[image])
    for part in range(4):
        np.testing.assert_array_equal(chosen[part], everything[part][mask])
    assert 0 < mask.sum() < len(mask)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_row_with_a_bad_logit_has_no_results(value: float) -> None:
    given = inputs(2)
    given["class_logits"][3, 0] = value
    given["class_logits"][5, 4] = value
    scores, sources = framecast_core.decode_boxes(*given.values(), **options(0.0))[1:4:2]
    assert not np.isin([3, 5], sources).any()
    assert np.isin([2, 4, 6], sources).all()
    assert np.isfinite(scores).all()


def test_a_nan_delta_drops_its_box_alone() -> None:
    given = inputs(2)
    given["deltas"][4, 4 * 3 + 2] = np.nan
    boxes, _, classes, sources, _ = framecast_core.decode_boxes(*given.values(), **options(0.0))
    assert np.isfinite(boxes).all()
    assert 2 not in classes[sources == 4]
    assert len(classes[sources == 4]) == CLASSES - 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("class_logits", np.zeros((240, 1), np.float32)),
        ("class_logits", np.zeros((239, 7), np.float32)),
        ("deltas", np.zeros((240, 24), np.float32)),
        ("proposals", np.zeros((240, 3), np.float32)),
        ("splits", np.array([0, 150, 150, 239])),
        ("splits", np.zeros(0, np.int64)),
        ("image_sizes", np.ones((2, 2), np.float32)),
        ("image_sizes", np.full((3, 2), np.nan, np.float32)),
        ("score_thresholds", f32(0, 0)),
        ("class_filter", np.ones((3, 7), bool)),
        ("min_size", float("inf")),
        ("box_weights", (1.0, 1.0, 1.0, -1.0)),
    ],
)
def test_refuses_values_that_do_not_fit_by_name(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        framecast_core.decode_boxes(**(inputs(0) | options() | {name: value}))


def test_refuses_float64_instead_of_copying() -> None:
    given = inputs(0)
    with pytest.raises(TypeError):
        framecast_core.decode_boxes(**(given | options() | {"proposals": given["proposals"].astype(np.float64)}))
