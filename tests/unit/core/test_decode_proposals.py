"""Proposals against torchvision's own RegionProposalNetwork.filter_proposals."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torchvision.models.detection import _utils, rpn
from torchvision.ops import boxes as box_ops

import framecast_core
from tests.unit.core.candidates import f32

LEVEL_SIZES = np.array([900, 300, 75, 0, 12])
IMAGE_SIZES = [(200, 300), (180, 260)]
COUNT = int(LEVEL_SIZES.sum())


def inputs(seed: int) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(seed)
    centers = rng.uniform(0, 300, (COUNT, 2))
    halves = np.repeat([8, 16, 32, 64, 128], LEVEL_SIZES)[:, None] * rng.uniform(0.5, 1.5, (COUNT, 2))
    deltas = rng.normal(0, 0.4, (2, COUNT, 4))
    deltas[:, ::50, 2:] = 20  # Above the clamp of log(1000 / 16).
    deltas[:, ::37, 0] = 1e4  # Outside the image, so without extent once clipped.
    return {
        "objectness": rng.normal(-2, 3, (2, COUNT)).astype(np.float32),
        "deltas": deltas.astype(np.float32),
        "anchors": np.concatenate([centers - halves, centers + halves], 1).astype(np.float32),
        "level_sizes": LEVEL_SIZES,
        "image_sizes": np.array(IMAGE_SIZES, np.float32),
    }


SETTINGS: dict[str, Any] = {
    "pre_nms_top_n": 200,
    "post_nms_top_n": 120,
    "nms_threshold": 0.7,
    "score_threshold": 0.0,
    "min_size": 1e-3,
    "box_weights": (1, 1, 1, 1),
}


def torchvision_proposals(given: dict[str, NDArray[Any]], **options: Any) -> tuple[list[Any], list[Any]]:
    network = rpn.RegionProposalNetwork(
        None,
        None,
        0.7,
        0.3,
        256,
        0.5,
        {"training": 0, "testing": options["pre_nms_top_n"]},
        {"training": 0, "testing": options["post_nms_top_n"]},
        options["nms_threshold"],
        options["score_threshold"],
    ).eval()
    network.min_size = options["min_size"]
    network.box_coder = _utils.BoxCoder(options["box_weights"])
    anchors = torch.from_numpy(given["anchors"])
    deltas = torch.from_numpy(given["deltas"])
    decoded = network.box_coder.decode(deltas.reshape(-1, 4), [anchors, anchors]).view(2, COUNT, 4)
    boxes, scores = network.filter_proposals(
        decoded, torch.from_numpy(given["objectness"]), IMAGE_SIZES, LEVEL_SIZES.tolist()
    )
    return boxes, scores


@pytest.fixture(autouse=True)
def _exact_torchvision_nms(monkeypatch: pytest.MonkeyPatch) -> None:
    """torchvision takes the inexact class-offset trick for few boxes; its other, exact path is the oracle."""
    monkeypatch.setattr(box_ops, "_batched_nms_coordinate_trick", box_ops._batched_nms_vanilla)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"pre_nms_top_n": 2000, "post_nms_top_n": 2000},
        {"pre_nms_top_n": 40, "post_nms_top_n": 1000},
        {"nms_threshold": 0.3, "score_threshold": 0.2},
        {"min_size": 30.0},
        {"box_weights": (10.0, 10.0, 5.0, 5.0)},
    ],
)
@pytest.mark.parametrize("seed", range(4))
def test_equals_torchvision(seed: int, changes: dict[str, Any]) -> None:
    given, options = inputs(seed), SETTINGS | changes
    boxes, scores, splits = framecast_core.decode_proposals(*given.values(), **options)
    expected_boxes, expected_scores = torchvision_proposals(given, **options)
    assert splits.tolist() == [0, len(expected_boxes[0]), len(expected_boxes[0]) + len(expected_boxes[1])]
    assert len(boxes) > 20
    np.testing.assert_allclose(boxes, torch.cat(expected_boxes), rtol=0, atol=1e-4)
    np.testing.assert_allclose(scores, torch.cat(expected_scores), rtol=1e-5)


def test_saturated_scores_suppress_in_the_order_of_levels_and_logits() -> None:
    given, options = inputs(0), SETTINGS | {"post_nms_top_n": 2000}
    given["objectness"] = (given["objectness"] + np.float32(30)).astype(np.float32)  # Most sigmoids are exactly 1.
    boxes, scores, _ = framecast_core.decode_proposals(*given.values(), **options)
    expected = torch.cat(torchvision_proposals(given, **options)[0]).numpy()
    assert (scores == 1).mean() > 0.5
    # torchvision keeps the same proposals but sorts equal scores as it likes.
    np.testing.assert_allclose(boxes[np.lexsort(boxes.T)], expected[np.lexsort(expected.T)], rtol=0, atol=1e-4)


def test_nan_drops_its_anchor_without_taking_a_place() -> None:
    given = inputs(1)
    best = given["objectness"][0].argmax()
    given["objectness"][0, best] = np.nan
    worst = given["objectness"][1].argmax()
    given["deltas"][1, worst, 2] = np.nan
    boxes, scores, splits = framecast_core.decode_proposals(*given.values(), **SETTINGS)
    assert np.isfinite(boxes).all()
    assert np.isfinite(scores).all()
    given["objectness"][0, best] = -1e9
    expected = framecast_core.decode_proposals(*given.values(), **SETTINGS)
    np.testing.assert_array_equal(boxes[: splits[1]], expected[0][: splits[1]])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("objectness", np.zeros((2, 5), np.float32)),
        ("objectness", np.zeros((1, COUNT), np.float32)),
        ("deltas", np.zeros((2, COUNT, 5), np.float32)),
        ("anchors", np.zeros((COUNT, 5), np.float32)),
        ("level_sizes", np.array([COUNT - 1])),
        ("level_sizes", np.array([COUNT + 1, -1])),
        ("image_sizes", np.zeros((2, 2), np.float32)),
        ("image_sizes", np.ones((2, 3), np.float32)),
        ("pre_nms_top_n", -1),
        ("post_nms_top_n", -1),
        ("nms_threshold", 1.5),
        ("score_threshold", float("nan")),
        ("min_size", float("nan")),
        ("box_weights", (1, 1, 0, 1)),
    ],
)
def test_refuses_values_that_do_not_fit_by_name(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        framecast_core.decode_proposals(**(inputs(0) | SETTINGS | {name: value}))


def test_refuses_float64_instead_of_copying() -> None:
    given = inputs(0) | SETTINGS
    with pytest.raises(TypeError):
        framecast_core.decode_proposals(**(given | {"deltas": given["deltas"].astype(np.float64)}))


def test_no_anchors_give_no_proposals() -> None:
    boxes, scores, splits = framecast_core.decode_proposals(
        np.zeros((1, 0), np.float32),
        np.zeros((1, 0, 4), np.float32),
        np.zeros((0, 4), np.float32),
        np.array([0, 0]),
        np.array([f32(10, 10)]),
        **SETTINGS,
    )
    assert (boxes.shape, scores.shape, splits.tolist()) == ((0, 4), (0,), [0, 0])
