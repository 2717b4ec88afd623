"""Ring simplification: a plain recursive reference, the deviation by Shapely, and the bound on the worst case."""

import itertools
from typing import Any

import cv2
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import framecast_core
from tests.unit.core.candidates import f32

Points = NDArray[np.float32]


def simplify(ring: Points, epsilon: float) -> Points:
    points, splits = framecast_core.simplify_rings(ring, np.array([0, len(ring)]), f32(epsilon))
    assert splits.tolist() == [0, len(points)]
    return points


def segment_distances(points: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]) -> Any:
    along = b - a
    length = float(along @ along)
    t = np.clip((points - a) @ along / length, 0, 1) if length else np.zeros(len(points))
    return np.hypot(*(points - a - t[:, None] * along).T)


def line_distances(points: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]) -> Any:
    along = b - a
    length = float(np.hypot(*along))
    offsets = points - a
    return np.abs(offsets[:, 0] * along[1] - offsets[:, 1] * along[0]) / length if length else np.zeros(len(points))


def plain_chain(points: NDArray[np.float64], epsilon: float) -> list[int]:
    """The textbook recursion: indices kept strictly between the chain's ends."""
    if len(points) < 3:
        return []
    distances = line_distances(points[1:-1], points[0], points[-1])
    if distances.max() <= epsilon:  # Near the line, but maybe before or behind the segment.
        distances = segment_distances(points[1:-1], points[0], points[-1])
    at = int(distances.argmax()) + 1
    if distances[at - 1] <= epsilon:
        return []
    return [*plain_chain(points[: at + 1], epsilon), at, *(at + i for i in plain_chain(points[at:], epsilon))]


def plain_ring(ring: Points, epsilon: float) -> list[int]:
    points = ring.astype(np.float64)
    p = int(np.hypot(*(points - points[0]).T).argmax())
    q = int(np.hypot(*(points - points[p]).T).argmax())
    low, high = min(p, q), max(p, q)
    first = [low + i for i in plain_chain(points[low : high + 1], epsilon)]
    around = np.concatenate([points[high:], points[: low + 1]])
    second = [(high + i) % len(points) for i in plain_chain(around, epsilon)]
    return sorted({low, high, *first, *second})


def blob(rng: np.random.Generator, count: int) -> Points:
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    radius = 100 + sum(rng.normal(0, 15 / k) * np.cos(k * angle + rng.uniform(0, 6)) for k in range(1, 9))
    radius = radius + rng.normal(0, 0.6, count)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).astype(np.float32)


@pytest.mark.parametrize("count", [4, 5, 17, 50, 500])
@pytest.mark.parametrize("epsilon", [0.01, 0.5, 2.0, 20.0])
def test_equals_the_textbook_recursion(count: int, epsilon: float) -> None:
    for seed in range(10):
        ring = blob(np.random.default_rng(seed), count)
        expected = plain_ring(ring, epsilon)
        result = simplify(ring, epsilon)
        if len(expected) > 2:
            np.testing.assert_array_equal(result, ring[expected])
        else:
            assert len(result) >= 3  # Two points would be enough for epsilon, but are no ring.


def test_keeps_about_as_many_points_as_opencv() -> None:
    ours = theirs = 0
    for seed in range(40):
        ring = blob(np.random.default_rng(seed), 400)
        epsilon = 0.005 * shapely.LinearRing(ring).length
        ours += len(simplify(ring, epsilon))
        theirs += len(cv2.approxPolyDP(ring[:, None], epsilon, True))
    assert 0.8 * theirs < ours < 1.2 * theirs


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.integers(3, 60), st.floats(0, 40, width=32), st.booleans())
def test_deviation_is_never_above_epsilon(seed: int, count: int, epsilon: float, coarse: bool) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 8, (count, 2)).astype(np.float64) if coarse else rng.uniform(-1e4, 1e4, (count, 2))
    ring = values.astype(np.float32)
    result = simplify(ring, epsilon)
    assert len(result) >= 3
    closed = np.concatenate([result, result[:1]]).astype(np.float64)
    points = ring.astype(np.float64)
    distances = np.min([segment_distances(points, a, b) for a, b in itertools.pairwise(closed)], axis=0)
    assert distances.max() <= epsilon
    kept = {tuple(point) for point in ring.tolist()}
    assert all(tuple(point) in kept for point in result.tolist())


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.floats(0.125, 30, width=32))
def test_hausdorff_distance_by_shapely_is_within_epsilon(seed: int, epsilon: float) -> None:
    ring = blob(np.random.default_rng(seed), 120)
    before, after = shapely.LinearRing(ring), shapely.LinearRing(simplify(ring, epsilon))
    assert shapely.hausdorff_distance(before, after, densify=0.05) <= epsilon * (1 + 1e-6)


def test_epsilon_zero_returns_the_ring_as_it_is() -> None:
    ring = f32(0, 0, 1, 0, 2, 0, 2, 2, 1, 2, 0, 2).reshape(6, 2)
    np.testing.assert_array_equal(simplify(ring, 0), ring)
    np.testing.assert_array_equal(simplify(ring, 0.5), ring[[0, 2, 3, 5]])


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_rings_of_three_points_or_fewer_are_returned_as_they_are(count: int) -> None:
    ring = np.arange(2 * count, dtype=np.float32).reshape(count, 2)
    np.testing.assert_array_equal(simplify(ring, 100), ring)


def test_three_points_remain_of_a_flat_or_tiny_ring() -> None:
    flat = np.stack([np.arange(10), np.zeros(10)], 1).astype(np.float32)
    assert len(simplify(flat, 100)) == 3
    assert len(simplify(blob(np.random.default_rng(0), 30), 1e6)) == 3
    same = np.ones((6, 2), np.float32)
    np.testing.assert_array_equal(simplify(same, 5), same)


def test_each_ring_has_its_own_epsilon() -> None:
    rings = [blob(np.random.default_rng(seed), count) for seed, count in enumerate([60, 0, 3, 200])]
    epsilons = f32(5, 1, 1, 0.25)
    splits = np.cumsum([0, *map(len, rings)])
    points, out = framecast_core.simplify_rings(np.concatenate(rings), splits, epsilons)
    for i, ring in enumerate(rings):
        np.testing.assert_array_equal(points[out[i] : out[i + 1]], simplify(ring, float(epsilons[i])))


def zigzag(count: int, growth: float) -> Points:
    """A chain whose farthest point is always the last but one, which makes the textbook recursion quadratic."""
    x = np.arange(count)
    y = np.where(x % 2 == 0, 1, -1) * (10 + growth * x)
    return np.stack([x, y], 1).astype(np.float32)


@pytest.mark.parametrize("growth", [0.0, 0.01, 1.0, -0.0001])
@pytest.mark.parametrize("epsilon", [0.1, 5.0])
def test_a_zigzag_of_50000_points_is_simplified(growth: float, epsilon: float) -> None:
    assert len(simplify(zigzag(50_000, growth), epsilon)) > 10_000  # How much work that is, the C++ test counts.


def test_a_pool_changes_nothing() -> None:
    rings = [blob(np.random.default_rng(seed), 20 + seed) for seed in range(200)]
    points, splits = np.concatenate(rings), np.cumsum([0, *map(len, rings)])
    epsilons = np.linspace(0, 5, len(rings), dtype=np.float32)
    alone = framecast_core.simplify_rings(points, splits, epsilons)
    together = framecast_core.simplify_rings(points, splits, epsilons, pool=framecast_core.ThreadPool(2))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_long_spiral_keeps_the_deviation_where_the_work_limit_is_reached() -> None:
    angle = np.linspace(0, 60 * np.pi, 3000)
    ring = (np.stack([np.cos(angle), np.sin(angle)], 1) * (200 - angle)[:, None]).astype(np.float32)
    for points in [ring, zigzag(3000, 1.0)]:
        result = simplify(points, 2.0)
        before, after = shapely.LinearRing(points), shapely.LinearRing(result)
        assert shapely.hausdorff_distance(before, after) <= 2.0


def test_refuses_values_that_do_not_fit_by_name() -> None:
    ring, splits = blob(np.random.default_rng(0), 5), np.array([0, 5])
    bad = ring.copy()
    bad[2, 1] = np.inf
    for name, points, offsets, epsilons in [
        ("points", bad, splits, f32(1)),
        ("points", np.zeros((5, 3), np.float32), splits, f32(1)),
        ("ring_splits", ring, np.array([0, 4]), f32(1)),
        ("ring_splits", ring, np.array([0, 6, 5]), f32(1, 1)),
        ("epsilons", ring, splits, f32(1, 1)),
        ("epsilons", ring, splits, f32(-1)),
        ("epsilons", ring, splits, f32(np.nan)),
    ]:
        with pytest.raises(ValueError, match=f"^{name}: "):
            framecast_core.simplify_rings(points, offsets, epsilons)
    with pytest.raises(TypeError):
        framecast_core.simplify_rings(ring.astype(np.float64), splits, f32(1))
