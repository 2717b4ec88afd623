"""Even-odd fill by pixel centre against Shapely's containment of centres."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import framecast_core


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.integers(3, 12))
def test_equals_even_odd_containment_of_the_centres(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    ring = rng.uniform(-5, 25, (count, 2)).astype(np.float32)
    second = rng.uniform(0, 20, (3, 2)).astype(np.float32)
    mask = framecast_core.polygons_to_mask(np.concatenate([ring, second]), np.array([0, count, count + 3]), 18, 22)
    # Even-odd fill of any rings: the parity of how many boundaries a far ray crosses, taken face by face.
    lines = shapely.union_all([shapely.LinearRing(ring), shapely.LinearRing(second)])
    assert mask.shape == (18, 22)
    for y in range(18):
        for x in range(0, 22, 3):
            ray = shapely.LineString([(x + 0.5, y + 0.5), (1000.0, y + 0.5)])
            crossings = shapely.get_num_geometries(shapely.intersection(ray, lines))
            if shapely.is_empty(shapely.intersection(ray, lines)):
                crossings = 0
            assert mask[y, x] == crossings % 2


def test_a_hole_cuts_out_and_the_outside_is_cut_off() -> None:
    outer = [[-3, -3], [9, -3], [9, 5], [-3, 5]]
    hole = [[1, 1], [1, 3], [4, 3], [4, 1]]
    mask = framecast_core.polygons_to_mask(np.array(outer + hole, np.float32), np.array([0, 4, 8]), 6, 7)
    expected = np.zeros((6, 7), np.uint8)
    expected[:5] = 1
    expected[1:3, 1:4] = 0
    np.testing.assert_array_equal(mask, expected)


def test_a_centre_on_an_edge_belongs_to_the_left_and_upper_side() -> None:
    square = np.array([[0.5, 0.5], [2.5, 0.5], [2.5, 2.5], [0.5, 2.5]], np.float32)
    mask = framecast_core.polygons_to_mask(square, np.array([0, 4]), 4, 4)
    assert np.argwhere(mask).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_neighbours_that_share_an_edge_share_no_pixel() -> None:
    rng = np.random.default_rng(4)
    cut = rng.uniform(0, 30, (2, 2))
    left = np.array([[0, 0], cut[0], cut[1], [0, 30]], np.float32)
    right = np.array([[30, 0], cut[0], cut[1], [30, 30]], np.float32)
    both = framecast_core.polygons_to_mask(np.concatenate([left, right]), np.array([0, 4, 8]), 30, 30)
    one = framecast_core.polygons_to_mask(left, np.array([0, 4]), 30, 30)
    other = framecast_core.polygons_to_mask(right, np.array([0, 4]), 30, 30)
    np.testing.assert_array_equal(both, one ^ other)


def test_nothing_and_degenerate_rings_fill_nothing() -> None:
    assert not framecast_core.polygons_to_mask(np.zeros((0, 2), np.float32), np.array([0]), 3, 4).any()
    assert framecast_core.polygons_to_mask(np.zeros((0, 2), np.float32), np.array([0]), 0, 4).shape == (0, 4)
    points = np.array([[0, 0], [3, 3], [1, 0]], np.float32)
    assert not framecast_core.polygons_to_mask(points, np.array([0, 2, 2, 3]), 3, 4).any()


def test_far_away_points_are_harmless() -> None:
    big = np.array([[-1e30, -1e30], [1e30, -1e30], [1e30, 1e30], [-1e30, 1e30]], np.float32)
    assert framecast_core.polygons_to_mask(big, np.array([0, 4]), 5, 5).all()


def test_refuses_values_that_do_not_fit_by_name() -> None:
    points = np.zeros((3, 2), np.float32)
    with pytest.raises(ValueError, match=r"^ring_splits: "):
        framecast_core.polygons_to_mask(points, np.array([0, 2]), 3, 3)
    with pytest.raises(ValueError, match=r"^points: "):
        framecast_core.polygons_to_mask(points * np.float32(np.nan), np.array([0, 3]), 3, 3)
    with pytest.raises(ValueError, match=r"^height: "):
        framecast_core.polygons_to_mask(points, np.array([0, 3]), -1, 3)
    with pytest.raises(ValueError, match=r"^width: "):
        framecast_core.polygons_to_mask(points, np.array([0, 3]), 3, 2**40)
    with pytest.raises(TypeError):
        framecast_core.polygons_to_mask(points.astype(np.float64), np.array([0, 3]), 3, 3)
