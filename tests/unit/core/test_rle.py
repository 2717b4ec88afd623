"""COCO run lengths against pycocotools, byte for byte, and against the masks themselves."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

import framecast_core
from tests.unit.core.candidates import f32

SIZES = np.array([[2, 3]], np.int32)


def random_masks(rng: np.random.Generator) -> NDArray[np.uint8]:
    """[K, H, W] of noise, of rectangles, empty or full."""
    height, width = rng.integers(1, 60, 2)
    masks = np.zeros((rng.integers(1, 5), height, width), np.uint8)
    for mask in masks:
        kind = rng.integers(4)
        if kind == 0:
            mask[:] = rng.random((height, width)) < rng.random()
        elif kind == 1:
            for _ in range(rng.integers(1, 5)):
                x, y = rng.integers(width), rng.integers(height)
                mask[y : y + rng.integers(1, 40), x : x + rng.integers(1, 40)] ^= 1
        elif kind == 2:
            mask[:] = 1
    return masks


def encoded(masks: NDArray[np.uint8]) -> list[dict[str, Any]]:
    return list(coco_mask.encode(np.asfortranarray(masks.transpose(1, 2, 0))))


def sizes_of(masks: NDArray[np.uint8]) -> NDArray[np.int32]:
    return np.tile(np.array([masks.shape[1:]], np.int32), (len(masks), 1))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1))
def test_equals_pycocotools_byte_for_byte(seed: int) -> None:
    masks = random_masks(np.random.default_rng(seed))
    rles, sizes = encoded(masks), sizes_of(masks)
    counts, splits = framecast_core.masks_to_rle(masks)
    strings = framecast_core.compress_rle(counts, splits)
    assert strings == [rle["counts"] for rle in rles]
    np.testing.assert_array_equal(framecast_core.rle_to_masks(counts, splits, *masks.shape[1:]), masks)
    read, read_splits = framecast_core.decompress_rle(strings, sizes)
    np.testing.assert_array_equal(read, counts)
    np.testing.assert_array_equal(read_splits, splits)
    areas, boxes = framecast_core.measure_rle(counts, splits, sizes)
    assert areas.tolist() == coco_mask.area(rles).tolist()
    expected = coco_mask.toBbox(rles)
    np.testing.assert_array_equal(boxes, np.concatenate([expected[:, :2], expected[:, :2] + expected[:, 2:]], axis=1))
    # Uncompressed counts mean the same to pycocotools.
    for k, rle in enumerate(rles):
        mine = {"size": list(masks.shape[1:]), "counts": counts[splits[k] : splits[k + 1]].tolist()}
        assert coco_mask.frPyObjects(mine, *masks.shape[1:])["counts"] == rle["counts"]


def test_large_images_equal_pycocotools() -> None:
    y, x = np.mgrid[:1500, :2000]
    masks = np.stack([np.hypot(x - 900, y - 700) < 600, (x // 7 + y // 900) % 2 == 0]).astype(np.uint8)
    pool = framecast_core.ThreadPool(2)
    counts, splits = framecast_core.masks_to_rle(masks, pool=pool)
    assert framecast_core.compress_rle(counts, splits) == [rle["counts"] for rle in encoded(masks)]
    np.testing.assert_array_equal(framecast_core.rle_to_masks(counts, splits, 1500, 2000, pool=pool), masks)


def test_polygons_are_those_of_the_masks() -> None:
    masks = random_masks(np.random.default_rng(7))
    counts, splits = framecast_core.masks_to_rle(masks.astype(bool))
    rdp = np.full(len(masks), 0.01, np.float32)
    ours = framecast_core.rle_to_polygons(counts, splits, sizes_of(masks), rdp_thresholds=rdp)
    expected = framecast_core.binary_masks_to_polygons(masks, rdp_thresholds=rdp)
    for name in ("points", "ring_splits", "part_splits", "instance_splits", "areas", "boxes"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(expected, name))


@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.binary(max_size=30), st.integers(1, 300), st.integers(1, 300))
def test_any_bytes_are_read_or_refused(string: bytes, height: int, width: int) -> None:
    sizes = np.array([[height, width]], np.int32)
    try:
        counts, splits = framecast_core.decompress_rle([string], sizes)
    except ValueError:
        return
    assert counts.sum() == height * width
    mask = framecast_core.rle_to_masks(counts, splits, height, width)
    np.testing.assert_array_equal(mask[0], coco_mask.decode({"size": [height, width], "counts": string}))


@pytest.mark.parametrize("string", [b"", b"25", b"1P", b"1\x7f", b"1/", b"1O", b"P" * 16 + b"0", b"oooooo?"])
def test_refuses_strings_that_are_none(string: bytes) -> None:
    with pytest.raises(ValueError, match=r"^strings: "):
        framecast_core.decompress_rle([string], SIZES)


def test_nothing_gives_nothing() -> None:
    counts, splits = framecast_core.masks_to_rle(np.zeros((0, 4, 5), bool))
    assert (counts.tolist(), splits.tolist()) == ([], [0])
    assert framecast_core.rle_to_masks(counts, splits, 4, 5).shape == (0, 4, 5)
    assert framecast_core.compress_rle(counts, splits) == []
    assert framecast_core.decompress_rle([], np.zeros((0, 2), np.int32))[1].tolist() == [0]


def test_refuses_values_that_do_not_fit_by_name() -> None:
    counts, splits = np.array([1, 5], np.uint32), np.array([0, 2])
    with pytest.raises(ValueError, match=r"^counts: "):
        framecast_core.rle_to_masks(counts, splits, 2, 4)
    with pytest.raises(ValueError, match=r"^counts: "):
        framecast_core.rle_to_masks(counts, splits, 1 << 15, 1 << 15)  # Before there is a gigabyte of memory.
    with pytest.raises(ValueError, match=r"^splits: "):
        framecast_core.rle_to_masks(counts, np.array([0, 3]), 2, 3)
    with pytest.raises(ValueError, match=r"^splits: "):
        framecast_core.measure_rle(counts, np.zeros(0, np.int64), SIZES)
    with pytest.raises(ValueError, match=r"^height: "):
        framecast_core.rle_to_masks(counts, splits, -1, 3)
    with pytest.raises(ValueError, match=r"^image_sizes: "):
        framecast_core.measure_rle(counts, splits, np.tile(SIZES, (2, 1)))
    with pytest.raises(ValueError, match=r"^image_sizes: "):
        framecast_core.measure_rle(counts, splits, np.full((1, 2), 1 << 24, np.int32))
    with pytest.raises(ValueError, match=r"^rdp_thresholds: "):
        framecast_core.rle_to_polygons(counts, splits, SIZES, rdp_thresholds=f32())
    with pytest.raises(TypeError):
        framecast_core.rle_to_masks(counts.astype(np.int64), splits, 2, 3)
