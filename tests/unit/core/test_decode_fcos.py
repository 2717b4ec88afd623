"""FCOS boxes against torchvision's own FCOS.postprocess_detections."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torchvision.models.detection import _utils
from torchvision.models.detection.fcos import FCOS

import framecast_core
from tests.unit.core import anchor_heads
from tests.unit.core.anchor_heads import BATCH, COUNT, IMAGE_SIZES, LEVEL_SIZES, ODD_DELTAS

CLASSES = 10


def inputs(seed: int, odd: float = 0.0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "class_logits": anchor_heads.with_odd(rng, rng.normal(-4, 2, (BATCH, COUNT, CLASSES)), odd),
        "centerness": anchor_heads.with_odd(rng, rng.normal(0, 2, (BATCH, COUNT)), odd),
        "deltas": anchor_heads.with_odd(rng, np.maximum(rng.normal(1, 1, (BATCH, COUNT, 4)), 0), odd, ODD_DELTAS),
        "anchors": anchor_heads.anchors(rng),
        "level_sizes": LEVEL_SIZES,
        "image_sizes": np.array(IMAGE_SIZES, np.float32),
    }


def options(threshold: float = 0.2, top_k: int = 1000, **changes: Any) -> dict[str, Any]:
    return {
        "score_thresholds": np.full(BATCH, threshold, np.float32),
        "class_filter": None,
        "top_k": top_k,
    } | changes


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("odd", [0.0, 0.01])
@pytest.mark.parametrize(("threshold", "top_k"), [(0.2, 1000), (0.2, 60), (0.05, 500), (0.0, 50), (0.8, 1000)])
def test_equals_torchvision(
    seed: int, odd: float, threshold: float, top_k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = inputs(seed, odd)
    network: Any = SimpleNamespace(
        score_thresh=threshold,
        topk_candidates=top_k,
        nms_thresh=0.5,
        detections_per_img=100,
        box_coder=_utils.BoxLinearCoder(normalize_by_size=True),
    )
    outputs: Any = {
        "cls_logits": anchor_heads.by_level(given["class_logits"]),
        "bbox_regression": anchor_heads.by_level(given["deltas"]),
        "bbox_ctrness": anchor_heads.by_level(given["centerness"][..., None]),
    }
    split = list(torch.split(torch.from_numpy(given["anchors"]), LEVEL_SIZES.tolist()))
    wanted = anchor_heads.before_suppression(
        monkeypatch, lambda: FCOS.postprocess_detections(network, outputs, [split] * BATCH, IMAGE_SIZES)
    )
    ours = framecast_core.decode_fcos(**given, **options(threshold, top_k))
    assert anchor_heads.assert_same_candidates(ours, wanted, 0) > 5
    pooled = framecast_core.decode_fcos(**given, **options(threshold, top_k, pool=framecast_core.ThreadPool(2)))
    for a, b in zip(ours, pooled, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("class_logits", np.zeros((BATCH, COUNT, 0), np.float32)),
        ("centerness", np.zeros((BATCH, COUNT - 1), np.float32)),
        ("deltas", np.zeros((BATCH, COUNT, 3), np.float32)),
        ("level_sizes", np.array([COUNT - 1])),
        ("score_thresholds", np.full(BATCH, np.nan, np.float32)),
        ("top_k", -1),
    ],
)
def test_refuses_values_that_do_not_fit_by_name(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        framecast_core.decode_fcos(**(inputs(0) | options() | {name: value}))
