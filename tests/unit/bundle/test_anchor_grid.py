"""Anchors over their grids, and the traps of torchvision's order and strides."""

import numpy as np

from framecast_bundle.anchor_grid import anchor_grid

BASE = np.array([[-8, -4, 8, 4], [-4, -8, 4, 8]], dtype=np.float32)


def test_order_is_level_y_x_anchor() -> None:
    anchors = anchor_grid([BASE, BASE * 2], [(2, 3), (1, 1)], (32, 48))
    assert anchors.dtype == np.float32
    assert anchors.flags.c_contiguous
    assert anchors.shape == (2 * 3 * 2 + 2, 4)
    np.testing.assert_array_equal(anchors[0], BASE[0])
    np.testing.assert_array_equal(anchors[1], BASE[1])
    np.testing.assert_array_equal(anchors[2], BASE[0] + [16, 0, 16, 0])
    np.testing.assert_array_equal(anchors[6], BASE[0] + [0, 16, 0, 16])
    np.testing.assert_array_equal(anchors[12:], BASE * 2)


def test_stride_is_the_side_divided_by_the_grid() -> None:
    # 480 px under a nominal stride of 64 has 8 cells, 60 px apart; 416 px has 7, 59 px apart.
    anchors = anchor_grid([BASE[:1]], [(7, 8)], (416, 480))
    np.testing.assert_array_equal(anchors[1] - anchors[0], [60, 0, 60, 0])
    np.testing.assert_array_equal(anchors[8] - anchors[0], [0, 59, 0, 59])
