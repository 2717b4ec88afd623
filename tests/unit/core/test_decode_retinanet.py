"""RetinaNet boxes against torchvision's own RetinaNet.postprocess_detections."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torchvision.models.detection import _utils
from torchvision.models.detection.retinanet import RetinaNet

import framecast_core
from tests.unit.core import anchor_heads
from tests.unit.core.anchor_heads import BATCH, COUNT, IMAGE_SIZES, LEVEL_SIZES, ODD_DELTAS
from tests.unit.core.candidates import f32
from tests.unit.core.stored_types import STORED_TYPES, store

CLASSES = 11
ALL_TIMES = (1.0, 1.0, 1.0, 1.0)


def inputs(seed: int, odd: float = 0.0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "class_logits": anchor_heads.with_odd(rng, rng.normal(-4, 2, (BATCH, COUNT, CLASSES)), odd),
        "deltas": anchor_heads.with_odd(rng, rng.normal(0, 1, (BATCH, COUNT, 4)), odd, ODD_DELTAS),
        "anchors": anchor_heads.anchors(rng),
        "level_sizes": LEVEL_SIZES,
        "image_sizes": np.array(IMAGE_SIZES, np.float32),
    }


def options(threshold: float = 0.05, top_k: int = 300, **changes: Any) -> dict[str, Any]:
    return {
        "score_thresholds": np.full(BATCH, threshold, np.float32),
        "class_filter": None,
        "top_k": top_k,
        "box_weights": ALL_TIMES,
    } | changes


def expected(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], threshold: float, top_k: int
) -> list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]]:
    network: Any = SimpleNamespace(
        score_thresh=threshold,
        topk_candidates=top_k,
        nms_thresh=0.5,
        detections_per_img=100,
        box_coder=_utils.BoxCoder(ALL_TIMES),
    )
    outputs: Any = {
        "cls_logits": anchor_heads.by_level(given["class_logits"]),
        "bbox_regression": anchor_heads.by_level(given["deltas"]),
    }
    split = list(torch.split(torch.from_numpy(given["anchors"]), LEVEL_SIZES.tolist()))
    return anchor_heads.before_suppression(
        monkeypatch, lambda: RetinaNet.postprocess_detections(network, outputs, [split] * BATCH, IMAGE_SIZES)
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("odd", [0.0, 0.01])
@pytest.mark.parametrize(("threshold", "top_k"), [(0.05, 300), (0.05, 1000), (0.5, 40), (0.0, 100), (0.99, 1000)])
def test_equals_torchvision(
    seed: int, odd: float, threshold: float, top_k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = inputs(seed, odd)
    wanted = expected(monkeypatch, given, threshold, top_k)
    ours = framecast_core.decode_retinanet(**given, **options(threshold, top_k))
    assert anchor_heads.assert_same_candidates(ours, wanted, 0) > 5 or threshold > 0.9


def test_a_class_filter_leaves_room_for_the_other_classes() -> None:
    given = inputs(5)
    allowed = np.zeros((BATCH, CLASSES), bool)
    allowed[0, [2, 7]] = allowed[1, 3] = True
    boxes, scores, classes, sources, splits = framecast_core.decode_retinanet(
        **given, **options(top_k=10000, class_filter=allowed)
    )
    everything = framecast_core.decode_retinanet(**given, **options(top_k=100000))
    image = np.repeat(np.arange(BATCH), np.diff(everything[4]))
    chosen = allowed[image, everything[2]]
    ours: tuple[NDArray[Any], ...] = (boxes, scores, classes, sources)
    for position, array in enumerate(ours):
        wanted: NDArray[Any] = everything[position]
        np.testing.assert_array_equal(array, wanted[chosen])
    assert 10 < len(boxes) == splits[-1]
    few = framecast_core.decode_retinanet(**given, **options(top_k=5, class_filter=allowed))
    assert all(allowed[np.repeat(np.arange(BATCH), np.diff(few[4])), few[2]])
    assert len(few[0]) > 20


@pytest.mark.parametrize("kind", STORED_TYPES)
def test_a_stored_type_equals_the_float32_numbers_that_it_means(kind: str) -> None:
    given = inputs(6)
    (logits, logit_numbers), (deltas, delta_numbers) = store(given["class_logits"], kind), store(given["deltas"], kind)
    ours = framecast_core.decode_retinanet(
        **(given | {"class_logits": logits, "deltas": deltas}), **options(pool=framecast_core.ThreadPool(2))
    )
    wanted = framecast_core.decode_retinanet(
        **(given | {"class_logits": logit_numbers, "deltas": delta_numbers}), **options()
    )
    assert len(wanted[0]) > 100
    for a, b in zip(ours, wanted, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("class_logits", np.zeros((BATCH, COUNT, 0), np.float32)),
        ("class_logits", np.zeros((BATCH, COUNT - 1, CLASSES), np.float32)),
        ("deltas", np.zeros((BATCH, COUNT, 5), np.float32)),
        ("anchors", np.zeros((COUNT, 5), np.float32)),
        ("level_sizes", np.array([COUNT - 1])),
        ("level_sizes", np.array([COUNT + 1, -1])),
        ("image_sizes", np.zeros((BATCH, 2), np.float32)),
        ("score_thresholds", f32(0.5)),
        ("class_filter", np.ones((BATCH, CLASSES + 1), bool)),
        ("top_k", -1),
        ("box_weights", (1, 1, 0, 1)),
    ],
)
def test_refuses_values_that_do_not_fit_by_name(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        framecast_core.decode_retinanet(**(inputs(0) | options() | {name: value}))
