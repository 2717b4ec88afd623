"""Anchors over their grids, and the traps of torchvision's order and strides."""

import numpy as np

from framecast_bundle.anchor_grid import AnchorLevel, anchor_grid

BASE = np.array([[-8, -4, 8, 4], [-4, -8, 4, 8]], dtype=np.float32)


def test_order_is_level_y_x_anchor() -> None:
    anchors, counts = anchor_grid([AnchorLevel(BASE), AnchorLevel(BASE * 2)], (32, 48), [(2, 3), (1, 1)])
    assert counts.tolist() == [12, 2]
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
    anchors, _ = anchor_grid([AnchorLevel(BASE[:1])], (416, 480), [(7, 8)])
    np.testing.assert_array_equal(anchors[1] - anchors[0], [60, 0, 60, 0])
    np.testing.assert_array_equal(anchors[8] - anchors[0], [0, 59, 0, 59])


def test_grid_and_steps_follow_the_stride() -> None:
    # SSDLite: 320 px in 3 cells, whose stride as a float32 is a little less than a third.
    level = AnchorLevel(BASE[:1], stride=float(np.float32(320 / 3)), whole_steps=False)
    assert level.grid((320, 320)) == (3, 3)
    anchors, counts = anchor_grid([level], (320, 320))
    assert counts.tolist() == [9]
    np.testing.assert_allclose(anchors[2] - anchors[1], [320 / 3, 0, 320 / 3, 0], rtol=1e-6)
    assert AnchorLevel(BASE, stride=8).grid((300, 296)) == (38, 37)
