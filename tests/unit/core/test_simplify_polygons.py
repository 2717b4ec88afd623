"""Simplification that keeps polygons valid: validity, nesting and deviation by Shapely, on floats of any kind."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

import framecast_core
from tests.unit.core.candidates import f32

Points = NDArray[np.float32]


def simplify(polygons: list[list[Points]], epsilon: float) -> list[list[Points]]:
    """Each polygon is a list of open rings."""
    rings = [ring for polygon in polygons for ring in polygon]
    points, splits = framecast_core.simplify_polygons(
        np.concatenate([*rings, np.zeros((0, 2), np.float32)]),
        np.cumsum([0, *map(len, rings)]),
        np.cumsum([0, *map(len, polygons)]),
        np.full(len(rings), epsilon, np.float32),
    )
    out = iter([points[a:b] for a, b in itertools.pairwise(splits)])
    return [[next(out) for _ in polygon] for polygon in polygons]


def rings_of(shape: shapely.MultiPolygon) -> list[Points]:
    parts = shape.geoms
    return [
        np.asarray(ring.coords)[:-1].astype(np.float32) for part in parts for ring in (part.exterior, *part.interiors)
    ]


def shape_of(rings: list[Points], like: shapely.MultiPolygon) -> shapely.MultiPolygon:
    left = iter(rings)
    return shapely.MultiPolygon([(next(left), [next(left) for _ in part.interiors]) for part in like.geoms])


def landscapes(seed: int, scale: float) -> Iterator[shapely.MultiPolygon]:
    """Islands with lakes with islands, and narrow straits between them: unions of discs less unions of discs."""
    rng = np.random.default_rng(seed)
    for _ in range(6):
        land = shapely.union_all(
            [shapely.Point(*rng.uniform(0, 100, 2)).buffer(rng.uniform(3, 25)) for _ in range(int(rng.integers(1, 12)))]
        )
        lakes = shapely.union_all(
            [shapely.Point(*rng.uniform(0, 100, 2)).buffer(rng.uniform(1, 12)) for _ in range(int(rng.integers(1, 14)))]
        )
        islands = shapely.union_all(
            [shapely.Point(*rng.uniform(0, 100, 2)).buffer(rng.uniform(1, 5)) for _ in range(6)]
        )
        shape = land.difference(lakes).union(islands.buffer(-0.4))
        shape = shapely.MultiPolygon(shape.geoms if isinstance(shape, shapely.MultiPolygon) else [shape])
        scaled = shapely.transform(shape, lambda xy: (xy * scale).astype(np.float32).astype(np.float64))
        if scaled.is_valid and not scaled.is_empty:
            yield scaled


@pytest.mark.parametrize("scale", [1.0, 1e-3, 3.7e5])
@pytest.mark.parametrize("seed", range(12))
def test_the_result_is_valid_near_and_nested_as_before(seed: int, scale: float) -> None:
    for shape in landscapes(seed, scale):
        before = rings_of(shape)
        for epsilon in (0.05 * scale, 0.7 * scale, 4 * scale, 60 * scale):
            [after] = simplify([before], epsilon)
            result = shape_of(after, shape)
            assert result.is_valid, shapely.is_valid_reason(result)
            for old, new in zip(before, after, strict=True):
                assert len(new) >= 3
                distance = shapely.hausdorff_distance(shapely.LinearRing(old), shapely.LinearRing(new), densify=0.1)
                assert distance <= epsilon * (1 + 1e-6)
                assert shapely.LinearRing(old).is_ccw == shapely.LinearRing(new).is_ccw


def test_far_fewer_points_stay_and_a_ring_alone_keeps_what_simplify_rings_keeps() -> None:
    before = after = 0
    for shape in landscapes(5, 1.0):
        rings = rings_of(shape)
        [simpler] = simplify([rings], 0.7)
        before += sum(map(len, rings))
        after += sum(map(len, simpler))
    assert after < before / 4
    round_ring = rings_of(shapely.MultiPolygon([shapely.Point(0, 0).buffer(50, 64)]))[0]
    [[alone]] = simplify([[round_ring]], 1)
    points, _ = framecast_core.simplify_rings(round_ring, np.array([0, len(round_ring)]), f32(1))
    np.testing.assert_array_equal(alone, points)


def test_polygons_of_a_call_do_not_see_each_other_and_a_pool_changes_nothing() -> None:
    polygons = [rings_of(shape) for seed in range(4) for shape in landscapes(seed, 1.0)]
    together = simplify(polygons, 2)
    for polygon, result in zip(polygons, together, strict=True):
        [alone] = simplify([polygon], 2)
        for one, other in zip(alone, result, strict=True):
            np.testing.assert_array_equal(one, other)
    rings = [ring for polygon in polygons for ring in polygon]
    arguments = (
        np.concatenate(rings),
        np.cumsum([0, *map(len, rings)]),
        np.cumsum([0, *map(len, polygons)]),
        np.full(len(rings), 2, np.float32),
    )
    pooled = framecast_core.simplify_polygons(*arguments, pool=framecast_core.ThreadPool(2))
    unpooled = framecast_core.simplify_polygons(*arguments)
    for position in range(2):
        np.testing.assert_array_equal(unpooled[position], pooled[position])


def test_no_polygons_and_empty_rings() -> None:
    assert simplify([], 1) == []
    empty = np.zeros((0, 2), np.float32)
    [[one], []] = simplify([[empty], []], 1)
    assert one.shape == (0, 2)


def test_refuses_values_that_do_not_fit_by_name() -> None:
    ring, splits, polygons = np.zeros((4, 2), np.float32), np.array([0, 4]), np.array([0, 1])
    bad = ring.copy()
    bad[1, 0] = np.nan
    for name, points, offsets, owners, epsilons in [
        ("points", bad, splits, polygons, f32(1)),
        ("ring_splits", ring, np.array([0, 5]), polygons, f32(1)),
        ("polygon_splits", ring, splits, np.array([0, 2]), f32(1)),
        ("epsilons", ring, splits, polygons, f32(1, 1)),
        ("epsilons", ring, splits, polygons, f32(-1)),
    ]:
        with pytest.raises(ValueError, match=f"^{name}: "):
            framecast_core.simplify_polygons(points, offsets, owners, epsilons)
    with pytest.raises(TypeError):
        framecast_core.simplify_polygons(ring.astype(np.float64), splits, polygons, f32(1))
