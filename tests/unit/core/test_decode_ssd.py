"""SSD boxes against torchvision's own SSD.postprocess_detections."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torchvision.models.detection import _utils
from torchvision.models.detection.ssd import SSD

import framecast_core
from tests.unit.core import anchor_heads
from tests.unit.core.anchor_heads import BATCH, COUNT, IMAGE_SIZES, ODD_DELTAS

CLASSES = 9
WEIGHTS = (10.0, 10.0, 5.0, 5.0)


def inputs(seed: int, odd: float = 0.0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (BATCH, COUNT, CLASSES + 1))
    logits[..., 0] += rng.choice([0.0, 6.0], (BATCH, COUNT), p=[0.2, 0.8])
    return {
        "class_logits": anchor_heads.with_odd(rng, logits, odd),
        "deltas": anchor_heads.with_odd(rng, rng.normal(0, 3, (BATCH, COUNT, 4)), odd, ODD_DELTAS),
        "anchors": anchor_heads.anchors(rng),
        "image_sizes": np.array(IMAGE_SIZES, np.float32),
    }


def options(threshold: float = 0.01, top_k: int = 400, **changes: Any) -> dict[str, Any]:
    return {
        "score_thresholds": np.full(BATCH, threshold, np.float32),
        "class_filter": None,
        "top_k": top_k,
        "box_weights": WEIGHTS,
    } | changes


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("odd", [0.0, 0.002])
@pytest.mark.parametrize(("threshold", "top_k"), [(0.01, 400), (0.2, 50), (0.0, 30)])
def test_equals_torchvision(
    seed: int, odd: float, threshold: float, top_k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = inputs(seed, odd)
    network: Any = SimpleNamespace(
        score_thresh=threshold,
        topk_candidates=top_k,
        nms_thresh=0.5,
        detections_per_img=100,
        box_coder=_utils.BoxCoder(WEIGHTS),
    )
    outputs = {
        "cls_logits": torch.from_numpy(given["class_logits"]),
        "bbox_regression": torch.from_numpy(given["deltas"]),
    }
    priors = [torch.from_numpy(given["anchors"])] * BATCH
    wanted = anchor_heads.before_suppression(
        monkeypatch, lambda: SSD.postprocess_detections(network, outputs, priors, IMAGE_SIZES)
    )
    ours = framecast_core.decode_ssd(**given, **options(threshold, top_k))
    assert anchor_heads.assert_same_candidates(ours, wanted, 1) > 100
    pooled = framecast_core.decode_ssd(**given, **options(threshold, top_k, pool=framecast_core.ThreadPool(2)))
    for a, b in zip(ours, pooled, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("class_logits", np.zeros((BATCH, COUNT, 1), np.float32)),
        ("class_logits", np.zeros((1, COUNT, CLASSES + 1), np.float32)),
        ("deltas", np.zeros((BATCH, COUNT, 3), np.float32)),
        ("image_sizes", np.full((BATCH, 2), np.nan, np.float32)),
        ("class_filter", np.ones((BATCH, CLASSES + 1), bool)),
        ("top_k", -1),
        ("box_weights", (1, 1, float("nan"), 1)),
    ],
)
def test_refuses_values_that_do_not_fit_by_name(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        framecast_core.decode_ssd(**(inputs(0) | options() | {name: value}))
