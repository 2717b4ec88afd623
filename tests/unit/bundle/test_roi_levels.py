"""Which level a region is pooled from, and that no region loses its place."""

import numpy as np
import torch
from torchvision.ops.poolers import LevelMapper

from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.roi_levels import roi_inputs, roi_levels

HEAD = ModelBundle.RcnnHead(pooled_levels=4, canonical_level=4, canonical_scale=224, finest_level=2)


def boxes_of(count: int) -> np.ndarray:
    rng = np.random.default_rng(count)
    corners = rng.uniform(0, 500, (count, 2))
    sides = np.exp(rng.uniform(0, 7, (count, 2)))
    return np.concatenate([corners, corners + sides], axis=1).astype(np.float32)


def test_levels_equal_torchvisions() -> None:
    sides = np.array([1, 55.99, 56, 111.99, 112, 223.99, 224, 447.9, 448, 5000], dtype=np.float32)
    squares = np.stack([np.zeros_like(sides), np.zeros_like(sides), sides, sides], axis=1)
    boxes = np.concatenate([boxes_of(1000), squares])
    expected = LevelMapper(2, 5, 224, 4)([torch.from_numpy(boxes)])
    np.testing.assert_array_equal(roi_levels(boxes, HEAD), expected.numpy())


def test_empty_box_goes_to_the_finest_level() -> None:
    assert roi_levels(np.array([[5, 5, 5, 9]], dtype=np.float32), HEAD).tolist() == [0]


def test_one_pooled_level_takes_all() -> None:
    head = ModelBundle.RcnnHead(pooled_levels=1)
    assert roi_levels(boxes_of(9), head).tolist() == [0] * 9


def test_rows_find_their_way_back() -> None:
    boxes = boxes_of(50)
    inputs, order = roi_inputs(boxes, HEAD)
    assert list(inputs) == ["rois_0", "rois_1", "rois_2", "rois_3"]
    rows = np.concatenate(list(inputs.values()))
    assert all(rois.flags.c_contiguous and rois.dtype == np.float32 for rois in inputs.values())
    restored = np.empty_like(boxes)
    restored[order] = rows[:, 1:]
    np.testing.assert_array_equal(restored, boxes)
    assert not rows[:, 0].any()
    for level, rois in enumerate(inputs.values()):
        assert (roi_levels(np.ascontiguousarray(rois[:, 1:]), HEAD) == level).all()


def test_no_boxes_give_empty_inputs() -> None:
    inputs, order = roi_inputs(np.empty((0, 4), np.float32), HEAD)
    assert [rois.shape for rois in inputs.values()] == [(0, 5)] * 4
    assert len(order) == 0
