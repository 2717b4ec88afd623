"""Run lengths of outlined masks against those of pycocotools."""

import numpy as np
import pytest
from pycocotools import mask as coco

import framecast_core
from framecast_bundle.mask_output import as_polygons, outline_together
from framecast_bundle.polygons import Polygons
from framecast_bundle.run_lengths import run_lengths_of


def outlined(masks: np.ndarray) -> Polygons:
    return as_polygons(framecast_core.binary_masks_to_polygons(masks, rdp_thresholds=np.zeros(len(masks), np.float32)))


def pictures(seed: int) -> np.ndarray:
    """Masks with holes and several parts, at the borders, of one pixel, full and empty."""
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 24, 2)
    masks = rng.random((8, height, width)) < rng.choice([0.05, 0.5, 0.95], (8, 1, 1))
    masks[0], masks[1] = False, True
    masks[2, :, 1:] = False
    masks[3, 1:] = False
    return masks


@pytest.mark.parametrize("seed", range(30))
def test_run_lengths_are_those_of_coco(seed: int) -> None:
    masks = pictures(seed)
    height, width = masks.shape[1:]
    runs = run_lengths_of(outlined(masks), width, height)
    assert runs.counts.dtype == np.uint32
    for row, mask in enumerate(masks):
        counts = runs.counts[runs.splits[row] : runs.splits[row + 1]]
        expected = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
        text = framecast_core.compress_rle(counts, np.array([0, len(counts)]))[0]
        assert text == expected["counts"]
        assert runs.areas[row] == mask.sum()


@pytest.mark.parametrize("seed", range(10))
def test_masks_outlined_together_have_the_pixels_of_all(seed: int) -> None:
    masks = pictures(seed)
    height, width = masks.shape[1:]
    for rows in ([0, 4, 5], [2, 3], [0], [0, 0], [1, 6]):
        together = outline_together(outlined(masks[rows]), width, height)
        assert len(together.areas) == 1
        points, splits = together.rings(0)
        pixels = framecast_core.polygons_to_mask(points, splits, height, width)
        np.testing.assert_array_equal(pixels, masks[rows].any(axis=0))
