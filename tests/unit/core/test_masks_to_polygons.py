"""Masks to polygons: pixels against torchvision, outlines by refilling them, validity by Shapely, parts by OpenCV."""

import subprocess
import sys
from typing import Any

import cv2
import numpy as np
import pytest
import shapely
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from torchvision.models.detection.roi_heads import paste_masks_in_image

import framecast_core
from tests.unit.core.candidates import f32
from tests.unit.core.polygon_shapes import fill, multipolygon, rings_of


def outline(mask: NDArray[Any], rdp: float = 0.0) -> framecast_core.Polygons:
    """Polygons of one [H, W] or several [K, H, W] masks."""
    stack = np.ascontiguousarray(mask if mask.ndim == 3 else mask[None]).astype(bool)
    return framecast_core.binary_masks_to_polygons(stack, rdp_thresholds=np.full(len(stack), rdp, np.float32))


def picture(rows: str) -> NDArray[np.bool_]:
    """A mask from rows of `#` and `.`."""
    return np.array([[c == "#" for c in row] for row in rows.split()])


def noise(rng: np.random.Generator) -> NDArray[np.bool_]:
    """Salt and pepper, smooth blobs or stripes; many saddles, holes and islands."""
    height, width = rng.integers(1, 40, 2)
    values: NDArray[Any] = rng.random((height, width)).astype(np.float32)
    sigma = rng.choice([0.0, 0.7, 1.5, 3.0])
    if sigma:
        values = cv2.GaussianBlur(values, (0, 0), float(sigma)).reshape(height, width)
    return np.asarray(values > np.quantile(values, rng.uniform(0.05, 0.95)))


def assert_outlines(mask: NDArray[np.bool_], polygons: framecast_core.Polygons, instance: int = 0) -> None:
    """Everything promised of an outline that is not simplified."""
    height, width = mask.shape
    np.testing.assert_array_equal(fill(polygons, instance, height, width), mask)
    parts = rings_of(polygons, instance)
    count, _ = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    assert len(parts) == count - 1
    shape = multipolygon(polygons, instance)
    assert shape.is_valid, shapely.is_valid_reason(shape)
    assert shape.area == mask.sum() == polygons.areas[instance]
    for part in parts:
        assert shapely.Polygon(part[0]).exterior.is_ccw
        for hole in part[1:]:
            assert not shapely.LinearRing(hole).is_ccw
        for ring in part:
            assert len({tuple(point) for point in ring.tolist()}) == len(ring), "a ring touches itself"
            steps = np.roll(ring, -1, 0) - ring
            assert ((steps == 0).sum(1) == 1).all(), "an edge is not along an axis"
            assert ((steps[:, 0] == 0) != (np.roll(steps, -1, 0)[:, 0] == 0)).all(), "a point lies on a straight line"
    ys, xs = np.nonzero(mask)
    expected = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1] if len(xs) else [0, 0, 0, 0]
    assert polygons.boxes[instance].tolist() == expected


def test_one_pixel_is_a_square_on_its_corners() -> None:
    polygons = outline(picture("... .#. ..."))
    assert sorted(map(tuple, polygons.points.tolist())) == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert_outlines(picture("... .#. ..."), polygons)


@pytest.mark.parametrize(
    ("rows", "rings_per_part"),
    [
        ("#. .#", [1, 1]),  # Corners do not join parts,
        ("##### #.### ##.## #####", [3]),  # but they join holes, which are cut where they touch.
        ("### #.# ##.", [2]),  # A hole that opens to the outside at a corner is still a hole of its own.
        ("####### #.....# #.###.# #.#.#.# #.###.# #.....# #######", [2, 2]),  # An island in a hole.
        ("##### ##.## #.#.# ##.## #####", [2, 1]),  # A hole around a pixel that it touches only at corners.
        ("....", []),
        ("####", [1]),
    ],
)
def test_parts_and_holes(rows: str, rings_per_part: list[int]) -> None:
    mask = picture(rows)
    polygons = outline(mask)
    assert [len(part) for part in rings_of(polygons, 0)] == rings_per_part
    assert_outlines(mask, polygons)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1))
def test_outlines_of_any_mask_refill_to_it(seed: int) -> None:
    mask = noise(np.random.default_rng(seed))
    assert_outlines(mask, outline(mask))


def test_every_mask_of_4_by_4_pixels_is_outlined_exactly() -> None:
    masks = (np.arange(1 << 16)[:, None] >> np.arange(16) & 1).astype(np.uint8).reshape(-1, 4, 4)
    polygons = framecast_core.binary_masks_to_polygons(masks, rdp_thresholds=np.zeros(len(masks), np.float32))
    assert polygons.areas.tolist() == masks.sum((1, 2)).tolist()
    for k in range(0, len(masks), 17):
        assert_outlines(masks[k].astype(bool), polygons, k)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.003, 0.01, 0.03, 0.1, 0.3, 2.0]))
def test_simplified_polygons_are_valid_and_near(seed: int, rdp: float) -> None:
    mask = noise(np.random.default_rng(seed))
    exact, simple = outline(mask), outline(mask, rdp)
    before, after = multipolygon(exact, 0), multipolygon(simple, 0)
    assert after.is_valid, shapely.is_valid_reason(after)
    assert simple.part_splits.tolist() == exact.part_splits.tolist()
    assert simple.areas.tolist() == exact.areas.tolist()
    assert simple.boxes.tolist() == exact.boxes.tolist()
    for rings_before, rings_after in zip(rings_of(exact, 0), rings_of(simple, 0), strict=True):
        for ring, kept in zip(rings_before, rings_after, strict=True):
            epsilon = float(np.float32(rdp)) * shapely.LinearRing(ring).length
            distance = shapely.hausdorff_distance(shapely.LinearRing(ring), shapely.LinearRing(kept), densify=0.1)
            assert distance <= epsilon * (1 + 1e-9)
            assert len(kept) >= 3
    # Holes stay in their part and islands in their hole: everything inside stays where it was, part by part.
    assert len(after.geoms) == len(before.geoms)


def test_simplification_leaves_few_points_of_a_disc() -> None:
    y, x = np.mgrid[:200, :200]
    mask = (x - 100) ** 2 + (y - 90) ** 2 < 70**2
    exact, simple = outline(mask), outline(mask, 0.005)
    assert len(exact.points) > 300
    assert 8 <= len(simple.points) < 40
    before, after = multipolygon(exact, 0), multipolygon(simple, 0)
    assert after.intersection(before).area / after.union(before).area > 0.95


def test_an_island_in_a_hole_is_simplified_where_it_lies() -> None:
    y, x = np.mgrid[:200, :200]
    distance = np.hypot(x - 100, y - 100)
    mask = (distance < 90) & ((distance > 60) | (distance < 40))
    simple = outline(mask, 0.01)
    assert multipolygon(simple, 0).is_valid
    assert [len(part) for part in rings_of(simple, 0)] == [2, 1]
    assert len(simple.points) < 60 < len(outline(mask).points) / 4


def test_a_ring_that_would_leave_its_place_keeps_more_points() -> None:
    # A thin frame: at this epsilon alone, both rings would collapse onto each other.
    mask = np.zeros((60, 60), bool)
    mask[5:55, 5:55] = True
    mask[6:54, 6:54] = False
    mask[5:8, 20:24] = False  # A gap, so that the frame is one ring folded onto itself.
    mask[30:33, 30:33] = True
    for rdp in [0.01, 0.05, 0.2]:
        simple = outline(mask, rdp)
        assert multipolygon(simple, 0).is_valid
        assert len(rings_of(simple, 0)) == 2


def test_a_hole_near_the_edge_stays_inside() -> None:
    y, x = np.mgrid[:80, :80]
    mask = (x - 40) ** 2 + (y - 40) ** 2 < 38**2
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    for angle in angles:
        mask[int(40 + 35 * np.sin(angle)), int(40 + 35 * np.cos(angle))] = False
    before = [len(part) for part in rings_of(outline(mask), 0)]
    for rdp in [0.005, 0.02, 0.08]:
        simple = outline(mask, rdp)
        assert multipolygon(simple, 0).is_valid
        assert [len(part) for part in rings_of(simple, 0)] == before


def soft_masks(seed: int, count: int, size: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return np.stack([cv2.GaussianBlur(rng.random((size, size)), (0, 0), size / 10) for _ in range(count)]).astype(
        np.float32
    )


@pytest.mark.parametrize("size", [1, 14, 28])
@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.52])
def test_pixels_equal_torchvision(size: int, threshold: float) -> None:
    height, width, count = 120, 160, 60
    rng = np.random.default_rng(size)
    masks = soft_masks(1, count, size)
    corners = rng.uniform(-20, 115, (count, 2))
    boxes = np.concatenate([corners, corners + 25 + rng.exponential(40, (count, 2))], 1).astype(np.float32)
    boxes[0] = [-20, -30, 200, 150]
    boxes[1] = [10.2, 10.9, 10.3, 10.95]
    boxes[2] = [0, 0, 160, 120]
    pasted = paste_masks_in_image(torch.from_numpy(masks)[:, None], torch.from_numpy(boxes), (height, width))[:, 0]
    polygons = framecast_core.masks_to_polygons(
        masks,
        boxes,
        np.tile(np.array([[height, width]], np.int32), (count, 1)),
        threshold=threshold,
        rdp_thresholds=np.zeros(count, np.float32),
    )
    assert (polygons.areas > 0).sum() > count / 3 or threshold > 0.5
    for k in range(count):
        mask = fill(polygons, k, height, width).astype(bool)
        clear = ((pasted[k] - threshold).abs() > 1e-5).numpy() | (pasted[k] == 0).numpy()
        np.testing.assert_array_equal(mask[clear], (pasted[k] > threshold).numpy()[clear])
        assert clear.mean() > 0.99
        assert_outlines(mask, polygons, k)


@pytest.mark.parametrize("size", [1, 14, 28])
def test_exact_boxes_are_sampled_at_the_pixels_centres(size: int) -> None:
    """As Detectron2 pastes masks: the mask fills the box itself, and fades out half a value beyond it."""
    height, width, count, threshold = 120, 160, 60, 0.5
    rng = np.random.default_rng(size)
    masks = soft_masks(1, count, size)
    corners = rng.uniform(-20, 115, (count, 2))
    boxes = np.concatenate([corners, corners + 3 + rng.exponential(40, (count, 2))], 1).astype(np.float32)
    boxes[0] = [-20, -30, 200, 150]
    boxes[1] = [10.2, 10.9, 10.3, 10.95]
    low, sides = torch.from_numpy(boxes[:, :2]), torch.from_numpy(boxes[:, 2:] - boxes[:, :2])
    x = (torch.arange(width) + 0.5 - low[:, :1]) / sides[:, :1] * 2 - 1
    y = (torch.arange(height) + 0.5 - low[:, 1:]) / sides[:, 1:] * 2 - 1
    grid = torch.stack((x[:, None].expand(-1, height, -1), y[:, :, None].expand(-1, -1, width)), dim=3)
    pasted = torch.nn.functional.grid_sample(torch.from_numpy(masks)[:, None], grid, align_corners=False)[:, 0]
    polygons = framecast_core.masks_to_polygons(
        masks,
        boxes,
        np.tile(np.array([[height, width]], np.int32), (count, 1)),
        threshold=threshold,
        rdp_thresholds=np.zeros(count, np.float32),
        exact_boxes=True,
    )
    assert (polygons.areas > 0).sum() > count / 3
    for k in range(count):
        mask = fill(polygons, k, height, width).astype(bool)
        clear = ((pasted[k] - threshold).abs() > 1e-4).numpy()
        np.testing.assert_array_equal(mask[clear], (pasted[k] > threshold).numpy()[clear])
        assert clear.mean() > 0.99


def test_area_and_box_equal_pycocotools() -> None:
    mask = noise(np.random.default_rng(5))
    polygons = outline(mask)
    rle = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    x1, y1, x2, y2 = polygons.boxes[0].tolist()
    assert polygons.areas[0] == coco_mask.area(rle)
    assert [x1, y1, x2 - x1, y2 - y1] == coco_mask.toBbox(rle).tolist()


def test_each_instance_has_its_own_image_and_threshold() -> None:
    masks = soft_masks(2, 6, 28)
    rng = np.random.default_rng(9)
    corners = rng.uniform(0, 50, (6, 2))
    boxes = np.concatenate([corners, corners + 60], 1).astype(np.float32)
    sizes = np.array([[100, 90], [60, 200], [1, 1], [300, 30], [80, 80], [100, 90]], np.int32)
    rdp = f32(0, 0.01, 0, 0.02, 0.005, 0)
    together = framecast_core.masks_to_polygons(masks, boxes, sizes, threshold=0.5, rdp_thresholds=rdp)
    assert len(together) == 6
    for k in range(6):
        one = slice(k, k + 1)
        alone = framecast_core.masks_to_polygons(
            masks[one], boxes[one], sizes[one], threshold=0.5, rdp_thresholds=rdp[one]
        )
        for part, expected in zip(rings_of(together, k), rings_of(alone, 0), strict=True):
            for ring, other in zip(part, expected, strict=True):
                np.testing.assert_array_equal(ring, other)
        assert together.areas[k] == alone.areas[0]


@pytest.mark.parametrize("box", [(300, 300, 310, 310), (-50, 2, -40, 8), (50, 50, 30, 45), (0, 70, 9, 60)])
def test_boxes_outside_the_image_or_inverted_have_no_parts(box: tuple[float, ...]) -> None:
    polygons = framecast_core.masks_to_polygons(
        np.ones((1, 28, 28), np.float32),
        f32(*box)[None],
        np.array([[100, 100]], np.int32),
        threshold=0.5,
        rdp_thresholds=f32(0),
    )
    assert polygons.instance_splits.tolist() == [0, 0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_boxes_that_are_not_finite_or_far_away_have_no_parts(value: float) -> None:
    for column in range(4):
        box = f32(2, 2, 8, 8)
        box[column] = value
        polygons = framecast_core.masks_to_polygons(
            np.ones((1, 4, 4), np.float32),
            box[None],
            np.array([[10, 10]], np.int32),
            threshold=0.5,
            rdp_thresholds=f32(0.01),
        )
        assert (len(polygons), len(polygons.points)) == (1, 0)
        assert polygons.instance_splits.tolist() == [0, 0]
        assert (polygons.areas.tolist(), polygons.boxes.tolist()) == ([0], [[0, 0, 0, 0]])


def test_nan_probabilities_are_not_mask() -> None:
    masks = np.ones((1, 8, 8), np.float32)
    masks[0, 3:5, 3:5] = np.nan
    polygons = framecast_core.masks_to_polygons(
        masks, f32(0, 0, 40, 40)[None], np.array([[50, 50]], np.int32), threshold=0.5, rdp_thresholds=f32(0.01)
    )
    assert multipolygon(polygons, 0).is_valid
    assert [len(part) for part in rings_of(polygons, 0)] == [2]


def test_a_huge_box_around_a_small_image_costs_only_the_image() -> None:
    polygons = framecast_core.masks_to_polygons(
        np.ones((1, 28, 28), np.float32),
        f32(-5e8, -5e8, 5e8, 5e8)[None],
        np.array([[7, 9]], np.int32),
        threshold=0.5,
        rdp_thresholds=f32(0),
    )
    assert polygons.areas.tolist() == [63]


def test_nothing_gives_nothing() -> None:
    polygons = framecast_core.masks_to_polygons(
        np.zeros((0, 28, 28), np.float32),
        np.zeros((0, 4), np.float32),
        np.zeros((0, 2), np.int32),
        threshold=0.5,
        rdp_thresholds=f32(),
    )
    assert len(polygons) == 0
    assert polygons.points.shape == (0, 2)
    assert polygons.boxes.shape == (0, 4)
    for splits in [polygons.ring_splits, polygons.part_splits, polygons.instance_splits]:
        assert splits.tolist() == [0]
    assert len(framecast_core.binary_masks_to_polygons(np.zeros((1, 0, 5), bool), rdp_thresholds=f32(0.1))) == 1


def test_salt_and_pepper_of_many_thousand_rings_is_simplified_within_seconds() -> None:
    mask = np.random.default_rng(0).random((1, 500, 500)) > 0.5
    polygons = framecast_core.binary_masks_to_polygons(mask, rdp_thresholds=f32(0.02))
    assert polygons.areas[0] == mask.sum()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("masks", np.zeros((2, 3, 4), np.float32)),
        ("masks", np.zeros((2, 0, 0), np.float32)),
        ("boxes", np.zeros((3, 4), np.float32)),
        ("boxes", np.zeros((2, 5), np.float32)),
        ("image_sizes", np.ones((1, 2), np.int32)),
        ("image_sizes", np.zeros((2, 2), np.int32)),
        ("threshold", float("nan")),
        ("rdp_thresholds", f32(0)),
        ("rdp_thresholds", f32(0, -1)),
        ("rdp_thresholds", f32(0, np.inf)),
    ],
)
def test_refuses_values_that_do_not_fit_by_name(name: str, value: Any) -> None:
    given: dict[str, Any] = {
        "masks": np.zeros((2, 4, 4), np.float32),
        "boxes": np.zeros((2, 4), np.float32),
        "image_sizes": np.ones((2, 2), np.int32),
        "threshold": 0.5,
        "rdp_thresholds": f32(0, 0),
    }
    with pytest.raises(ValueError, match=f"^{name}: "):
        framecast_core.masks_to_polygons(**(given | {name: value}))


def test_refuses_other_dtypes_instead_of_copying() -> None:
    with pytest.raises(TypeError):
        framecast_core.binary_masks_to_polygons(np.zeros((1, 2, 2), np.int64), rdp_thresholds=f32(0))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^rdp_thresholds: "):
        framecast_core.binary_masks_to_polygons(np.zeros((1, 2, 2), bool), rdp_thresholds=f32(0, 0))


def test_a_pool_changes_nothing() -> None:
    masks, rng = soft_masks(3, 41, 28), np.random.default_rng(3)
    corners = rng.uniform(-10, 150, (41, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(0, 90, (41, 2))], axis=1).astype(np.float32)
    sizes, rdp = np.tile(np.array([[160, 170]], np.int32), (41, 1)), np.full(41, 0.01, np.float32)
    pool = framecast_core.ThreadPool(2)
    alone = framecast_core.masks_to_polygons(masks, boxes, sizes, threshold=0.5, rdp_thresholds=rdp)
    shared = framecast_core.masks_to_polygons(masks, boxes, sizes, threshold=0.5, rdp_thresholds=rdp, pool=pool)
    for name in ("points", "ring_splits", "part_splits", "instance_splits", "areas", "boxes"):
        np.testing.assert_array_equal(getattr(alone, name), getattr(shared, name))


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_300_instances_on_12_megapixels_take_less_than_64_mebibytes() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.core_masks_memory"], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 64 * 1024
