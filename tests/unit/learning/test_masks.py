"""Masks in the frame of their box, run lengths, targets near an instance."""

import numpy as np
import torch
from pycocotools import mask as coco_mask

from framecast_trainer.learning import masks
from framecast_trainer.learning.data import Annotation, RunLengths

OUTLINE = np.array([[10, 10], [50, 10], [50, 30], [10, 30]], np.float32)
HOLE = np.array([[20, 15], [40, 15], [40, 25], [20, 25]], np.float32)
BOX = (10.0, 10.0, 50.0, 30.0)


def runs_of(bitmap: np.ndarray) -> RunLengths:
    flat = bitmap.T.reshape(-1)
    edges = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff([0, *edges.tolist(), flat.size]).tolist()
    return RunLengths(bitmap.shape[0], bitmap.shape[1], counts if flat[0] == 0 else [0, *counts])


def test_a_hole_is_not_covered():
    covered = masks.in_box(Annotation(0, box=BOX, polygons=[[OUTLINE, HOLE]])).astype(float) / 255
    assert covered.shape == (masks.SIDE, masks.SIDE)
    assert abs(covered.mean() - 0.75) < 0.02
    assert covered[masks.SIDE // 2, masks.SIDE // 2] == 0


def test_a_part_inside_the_hole_of_another_stays():
    island = np.array([[28, 18], [32, 18], [32, 22], [28, 22]], np.float32)
    covered = masks.in_box(Annotation(0, box=BOX, polygons=[[island], [OUTLINE, HOLE]]))
    assert covered[masks.SIDE // 2, masks.SIDE // 2] == 255


def test_thin_gaps_keep_their_width():
    teeth = [[(10 * i, 0), (10 * i + 5, 0), (10 * i + 5, 90), (10 * i + 10, 90)] for i in range(10)]
    comb = np.array([*(point for tooth in teeth for point in tooth), (100, 100), (0, 100)], np.float32)
    covered = masks.in_box(Annotation(0, box=(0, 0, 100, 100), polygons=[[comb]])).astype(float) / 255
    assert abs(covered.mean() - 0.55) < 0.005


def test_run_lengths_agree_with_pycocotools():
    bitmap = np.zeros((40, 60), np.uint8)
    bitmap[10:30, 10:50] = 1
    bitmap[0, 0] = 1
    runs = runs_of(bitmap)
    np.testing.assert_array_equal(masks.to_bitmap(runs), bitmap)
    rle = masks.to_coco_rle(Annotation(0, box=BOX, run_lengths=runs), 40, 60)
    np.testing.assert_array_equal(coco_mask.decode(rle), bitmap)
    assert masks.rle_area(rle) == bitmap.sum()


def test_polygons_and_run_lengths_of_one_shape_give_one_mask():
    bitmap = np.zeros((40, 60), np.uint8)
    bitmap[10:30, 10:50] = 1
    bitmap[15:25, 20:40] = 0
    by_runs = masks.in_box(Annotation(0, box=BOX, run_lengths=runs_of(bitmap))).astype(float)
    by_polygons = masks.in_box(Annotation(0, box=BOX, polygons=[[OUTLINE, HOLE]])).astype(float)
    assert np.abs(by_runs - by_polygons).mean() < 12  # of 255: they differ along edges only
    np.testing.assert_array_equal(
        coco_mask.decode(masks.polygons_to_coco_rle([[OUTLINE, HOLE]], 40, 60)).sum(), bitmap.sum()
    )


def test_targets_follow_the_roi_and_are_zero_outside_the_instance():
    shape = torch.full((1, masks.SIDE, masks.SIDE), 255, dtype=torch.uint8)
    frame = torch.tensor([[10.0, 10.0, 30.0, 30.0]])
    same = masks.mask_targets(shape, frame, frame, 28)
    assert same.shape == (1, 28, 28)
    assert float(same.min()) > 0.99
    shifted = masks.mask_targets(shape, frame, frame + torch.tensor([10.0, 0.0, 10.0, 0.0]), 28)
    assert float(shifted[0, :, :13].min()) > 0.99
    assert float(shifted[0, :, 15:].max()) == 0
    assert masks.mask_targets(shape[:0], frame[:0], frame[:0], 28).shape == (0, 28, 28)


def test_an_instance_of_nothing_is_an_empty_mask():
    rle = masks.polygons_to_coco_rle([], 5, 7)
    assert coco_mask.decode(rle).shape == (5, 7)
    assert masks.rle_area(rle) == 0
