"""Visvalingam-Whyatt on rings against its definition in NumPy, which looks at every triangle again for each point."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import framecast_core
from tests.unit.core.candidates import f32, i32

Points = NDArray[np.float32]


def simplify(ring: Points, min_area: float, most: int = 0) -> Points:
    points, splits = framecast_core.simplify_visvalingam(
        ring, np.array([0, len(ring)]), f32(min_area), max_points=i32(most)
    )
    assert splits.tolist() == [0, len(points)]
    return points


def triangle_areas(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each point with its two neighbours."""
    (bx, by), (cx, cy) = (ring - np.roll(ring, 1, 0)).T, (np.roll(ring, -1, 0) - np.roll(ring, 1, 0)).T
    areas: NDArray[np.float64] = np.abs(bx * cy - by * cx) / 2
    return areas


def plain(ring: Points, min_area: float, most: int = 0) -> list[int]:
    """Rows that stay."""
    left, last = np.arange(len(ring)), 0.0
    while len(left) > 3:
        areas = np.maximum(triangle_areas(ring[left].astype(np.float64)), last)
        least = int(areas.argmin())
        if areas[least] >= np.float32(min_area) and (most == 0 or len(left) <= most):
            break
        last = float(areas[least])
        left = np.delete(left, least)
    return left.tolist()


def blob(rng: np.random.Generator, count: int) -> Points:
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    radius = 100 + sum(rng.normal(0, 15 / k) * np.cos(k * angle + rng.uniform(0, 6)) for k in range(1, 9))
    radius = radius + rng.normal(0, 0.6, count)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).astype(np.float32)


@pytest.mark.parametrize("count", [4, 5, 17, 50, 300])
@pytest.mark.parametrize(("min_area", "most"), [(0.05, 0), (3, 0), (1e9, 0), (0, 9), (3, 9), (0.5, 200)])
def test_equals_the_definition(count: int, min_area: float, most: int) -> None:
    for seed in range(5):
        ring = blob(np.random.default_rng(seed), count)
        np.testing.assert_array_equal(simplify(ring, min_area, most), ring[plain(ring, min_area, most)])


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.integers(0, 60), st.floats(0, 40, width=32), st.sampled_from([0, 3, 7, 30]))
def test_equals_the_definition_where_many_areas_are_equal(seed: int, count: int, min_area: float, most: int) -> None:
    ring = np.random.default_rng(seed).integers(0, 6, (count, 2)).astype(np.float32)
    np.testing.assert_array_equal(simplify(ring, min_area, most), ring[plain(ring, min_area, most)])


def test_fewer_points_are_a_subset_of_more() -> None:
    ring = blob(np.random.default_rng(1), 200)
    kept = [{tuple(point) for point in simplify(ring, 0, most).tolist()} for most in (3, 10, 50, 150)]
    assert [len(points) for points in kept] == [3, 10, 50, 150]
    assert kept[0] < kept[1] < kept[2] < kept[3]


def test_no_triangle_below_the_area_is_left() -> None:
    ring = blob(np.random.default_rng(2), 500)
    result = simplify(ring, 2.5)
    assert 3 < len(result) < 500
    assert triangle_areas(result.astype(np.float64)).min() >= 2.5


def test_a_point_is_worth_no_less_than_what_went_before_it() -> None:
    ring = f32(6, -2, 8, 0, 8, 100, 4, 101.0625, 0, 100, 0, 0, 4, 0.25).reshape(7, 2)
    assert triangle_areas(ring.astype(np.float64))[[0, 3]].tolist() == [4.25, 4.25]
    # Without point 0, point 6 makes a triangle of 1. It counts as 4.25 then, so point 3 is as small and comes first.
    np.testing.assert_array_equal(simplify(ring, 0, 6), ring[1:])
    np.testing.assert_array_equal(simplify(ring, 0, 5), ring[[1, 2, 4, 5, 6]])
    np.testing.assert_array_equal(simplify(ring, 0, 4), ring[[1, 2, 4, 5]])


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_rings_of_three_points_or_fewer_are_returned_as_they_are(count: int) -> None:
    ring = np.arange(2 * count, dtype=np.float32).reshape(count, 2)
    np.testing.assert_array_equal(simplify(ring, 100, 3), ring)


def test_of_flat_rings_the_last_three_points_stay() -> None:
    line = np.stack([np.arange(10), 3 * np.arange(10)], 1).astype(np.float32)
    np.testing.assert_array_equal(simplify(line, 1e-9), line[-3:])
    np.testing.assert_array_equal(simplify(line, 0), line)
    same = np.ones((6, 2), np.float32)
    np.testing.assert_array_equal(simplify(same, 1e-9), same[:3])
    np.testing.assert_array_equal(simplify(same, 0), same)


def test_each_ring_has_its_own_settings_and_a_pool_changes_nothing() -> None:
    rings = [blob(np.random.default_rng(seed), count) for seed, count in enumerate([60, 0, 3, 200, 4000, 900] * 5)]
    points, splits = np.concatenate(rings), np.cumsum([0, *map(len, rings)])
    min_areas, most = np.linspace(0, 9, len(rings), dtype=np.float32), np.tile(i32(0, 3, 50), 10)
    pool = framecast_core.ThreadPool(2)
    for given_pool in (None, pool):
        out, out_splits = framecast_core.simplify_visvalingam(
            points, splits, min_areas, max_points=most, pool=given_pool
        )
        for i, ring in enumerate(rings):
            expected = simplify(ring, float(min_areas[i]), int(most[i]))
            np.testing.assert_array_equal(out[out_splits[i] : out_splits[i + 1]], expected)


def test_without_limits_the_areas_decide() -> None:
    ring = blob(np.random.default_rng(3), 80)
    out, splits = framecast_core.simplify_visvalingam(ring, np.array([0, 80]), f32(4))
    np.testing.assert_array_equal(out, simplify(ring, 4))
    none, splits = framecast_core.simplify_visvalingam(np.zeros((0, 2), np.float32), np.array([0]), f32())
    assert none.shape == (0, 2)
    assert splits.tolist() == [0]


def test_refuses_values_that_do_not_fit_by_name() -> None:
    ring, splits = blob(np.random.default_rng(0), 5), np.array([0, 5])
    bad = ring.copy()
    bad[2, 1] = np.nan
    for name, points, offsets, min_areas, most in [
        ("points", bad, splits, f32(1), None),
        ("points", np.zeros((5, 3), np.float32), splits, f32(1), None),
        ("ring_splits", ring, np.array([0, 4]), f32(1), None),
        ("ring_splits", ring, np.array([0, 6, 5]), f32(1, 1), None),
        ("min_areas", ring, splits, f32(1, 1), None),
        ("min_areas", ring, splits, f32(-1), None),
        ("min_areas", ring, splits, f32(np.nan), None),
        ("max_points", ring, splits, f32(1), i32()),
        ("max_points", ring, splits, f32(1), i32(2)),
        ("max_points", ring, splits, f32(1), i32(-3)),
    ]:
        with pytest.raises(ValueError, match=f"^{name}: "):
            framecast_core.simplify_visvalingam(points, offsets, min_areas, max_points=most)
    with pytest.raises(TypeError):
        framecast_core.simplify_visvalingam(ring.astype(np.float64), splits, f32(1))
    with pytest.raises(TypeError):
        framecast_core.simplify_visvalingam(ring, splits, f32(1), max_points=np.array([3]))
