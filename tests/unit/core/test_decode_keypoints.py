"""Keypoints of heat maps against torchvision's own heatmaps_to_keypoints."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional
from torchvision.models.detection.roi_heads import heatmaps_to_keypoints

import framecast_core
from tests.unit.core.candidates import f32

F32 = NDArray[np.float32]


def hills(rng: np.random.Generator, instances: int, keypoints: int, size: int) -> F32:
    """A peak somewhere in each map, over noise: what a trained head gives."""
    y, x = np.mgrid[:size, :size].astype(np.float32)
    center = rng.uniform(-1, size, (2, instances, keypoints, 1, 1))
    spread = rng.uniform(1, 6, (instances, keypoints, 1, 1))
    distance = ((x - center[0]) ** 2 + (y - center[1]) ** 2) / (2 * spread**2)
    maps: F32 = (12 * np.exp(-distance) - 6 + rng.normal(0, 0.5, distance.shape)).astype(np.float32)
    return maps


def random_boxes(rng: np.random.Generator, count: int) -> F32:
    corners = rng.uniform(-20, 600, (count, 2))
    sides = np.exp(rng.uniform(np.log(0.3), np.log(400), (count, 2)))
    return np.concatenate([corners, corners + sides], axis=1).astype(np.float32)


def assert_equal_to_torchvision(maps: F32, boxes: F32) -> None:
    keypoints, scores = framecast_core.decode_keypoints(maps, boxes)
    wanted, wanted_scores = heatmaps_to_keypoints(torch.from_numpy(maps), torch.from_numpy(boxes))
    np.testing.assert_allclose(scores, wanted_scores, rtol=1e-5, atol=1e-5)
    close = np.isclose(keypoints, wanted[..., :2], rtol=1e-5, atol=1e-3).all(-1)
    for k, j in np.argwhere(~close):
        # Another pixel may be taken only where it is as high up to rounding.
        sides = np.maximum(boxes[k, 2:] - boxes[k, :2], np.float32(1))
        width, height = np.ceil(sides).astype(int)
        column, row = np.round((keypoints[k, j] - boxes[k, :2]) / sides * (width, height) - 0.5).astype(int)
        stretched = functional.interpolate(torch.from_numpy(maps[k, j])[None, None], (height, width), mode="bicubic")
        assert stretched[0, 0, row, column] > wanted_scores[k, j] - 1e-5 * max(1, np.abs(maps[k, j]).max())
    # A map of one value is level, so rounding alone makes its peak.
    assert maps.shape[-1] == 1 or close.mean() > 0.98


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("size", [56, 28, 7, 1])
def test_equals_torchvision(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    assert_equal_to_torchvision(hills(rng, 12, 17, size), random_boxes(rng, 12))


@pytest.mark.parametrize("seed", range(3))
def test_equals_torchvision_on_noise(seed: int) -> None:
    rng = np.random.default_rng(seed)
    assert_equal_to_torchvision(rng.normal(0, 3, (6, 5, 20, 20)).astype(np.float32), random_boxes(rng, 6))


def test_boxes_without_extent_are_a_pixel_as_in_torchvision() -> None:
    maps = hills(np.random.default_rng(3), 3, 4, 56)
    assert_equal_to_torchvision(maps, np.array([[5, 6, 5, 6], [9, 9, 2, 40], [0, 0, 1, 1e-3]], np.float32))


@pytest.mark.parametrize("stored", [np.float16, np.int8, np.uint8])
def test_stored_types_give_what_their_numbers_give(stored: type) -> None:
    rng = np.random.default_rng(8)
    maps, boxes = hills(rng, 5, 17, 56), random_boxes(rng, 5)
    given: Any
    if stored is np.float16:
        given = maps.astype(np.float16)
        numbers = given.astype(np.float32)
    else:
        zero_point = 3 if stored is np.int8 else 120
        whole = np.clip(np.round(maps / 0.07) + zero_point, np.iinfo(stored).min, np.iinfo(stored).max)
        given = (whole.astype(stored), 0.07, zero_point)
        numbers = (whole.astype(np.float32) - np.float32(zero_point)) * np.float32(0.07)
    expected = framecast_core.decode_keypoints(numbers, boxes)
    for found, wanted in zip(framecast_core.decode_keypoints(given, boxes), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_what_cannot_be_stretched_gives_nan_alone() -> None:
    rng = np.random.default_rng(4)
    maps, boxes = hills(rng, 6, 3, 14), random_boxes(rng, 6)
    expected = framecast_core.decode_keypoints(maps, boxes)
    maps[0, 1, 3, 3] = np.nan
    maps[1, 0, 0, 0] = -np.inf
    boxes[2, 3] = np.nan
    boxes[3, 2] = boxes[3, 0] + 8200
    keypoints, scores = framecast_core.decode_keypoints(maps, boxes)
    bad = np.zeros((6, 3), bool)
    bad[0, 1] = bad[1, 0] = bad[2] = bad[3] = True
    assert np.isnan(scores[bad]).all()
    assert np.isnan(keypoints[bad]).all()
    np.testing.assert_array_equal(keypoints[~bad], expected[0][~bad])
    np.testing.assert_array_equal(scores[~bad], expected[1][~bad])


def test_a_pool_changes_nothing() -> None:
    rng = np.random.default_rng(6)
    maps, boxes = hills(rng, 20, 17, 56), random_boxes(rng, 20)
    alone = framecast_core.decode_keypoints(maps, boxes)
    together = framecast_core.decode_keypoints(maps, boxes, pool=framecast_core.ThreadPool(3))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("instances", "keypoints"), [(0, 17), (3, 0), (0, 0)])
def test_no_instances_or_keypoints(instances: int, keypoints: int) -> None:
    found, scores = framecast_core.decode_keypoints(
        np.zeros((instances, keypoints, 56, 56), np.float32), np.zeros((instances, 4), np.float32)
    )
    assert found.shape == (instances, keypoints, 2)
    assert scores.shape == (instances, keypoints)


@pytest.mark.parametrize(
    ("name", "maps", "boxes"),
    [
        ("heatmaps", (2, 3, 8, 8), (3, 4)),
        ("heatmaps", (2, 3, 0, 8), (2, 4)),
        ("heatmaps", (1, 1, 1, 4097), (1, 4)),
        ("boxes", (2, 3, 8, 8), (2, 5)),
    ],
)
def test_refuses_values_that_do_not_fit_by_name(name: str, maps: tuple[int, ...], boxes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        framecast_core.decode_keypoints(np.zeros(maps, np.float32), np.zeros(boxes, np.float32))


def test_refuses_float64_instead_of_copying() -> None:
    with pytest.raises(TypeError):
        framecast_core.decode_keypoints(np.zeros((1, 1, 4, 4), np.float32), f32(0, 0, 4, 4)[None].astype(np.float64))
