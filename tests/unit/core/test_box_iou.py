"""Pairwise IoU against torchvision's, value by value; odd boxes by their rule."""

import numpy as np
import pytest
import torch
import torchvision

import framecast_core
from tests.unit.core.candidates import clustered_boxes, f32


@pytest.mark.parametrize(("rows", "columns"), [(0, 0), (0, 5), (5, 0), (1, 1), (7, 33), (300, 257)])
def test_equals_torchvision(rows: int, columns: int) -> None:
    rng = np.random.default_rng(rows)
    a, b = clustered_boxes(rng, rows), clustered_boxes(rng, columns)
    expected = torchvision.ops.box_iou(torch.from_numpy(a), torch.from_numpy(b)).numpy()
    iou = framecast_core.box_iou(a, b)
    assert iou.shape == (rows, columns)
    np.testing.assert_array_equal(iou, expected)
    np.testing.assert_array_equal(framecast_core.box_iou(a, b, pool=framecast_core.ThreadPool(2)), expected)


def test_boxes_without_area_and_with_nan_score_zero() -> None:
    a = f32(0, 0, 4, 4, 1, 1, 1, 3, 3, 3, 1, 1, 0, np.nan, 4, 4, 0, 0, np.inf, 4).reshape(5, 4)
    iou = framecast_core.box_iou(a, a)
    expected = np.zeros((5, 5), np.float32)
    expected[0, 0] = 1
    np.testing.assert_array_equal(iou, expected)


def test_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"^a: "):
        framecast_core.box_iou(np.zeros((2, 5), np.float32), np.zeros((2, 4), np.float32))
    with pytest.raises(ValueError, match=r"^b: "):
        framecast_core.box_iou(np.zeros((2, 4), np.float32), np.zeros((2, 3), np.float32))
    with pytest.raises(TypeError):
        framecast_core.box_iou(np.zeros((2, 4)), np.zeros((2, 4), np.float32))  # type: ignore[arg-type]
