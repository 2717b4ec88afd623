"""What counts as an array of a type, told by `box_iou`, whose inputs are read as all functions read theirs."""

import sys

import numpy as np
import pytest
import torch

import framecast_core

BOXES = np.array([[0, 0, 10, 10], [0, 0, 5, 10]], np.float32)
EXPECTED = [[1, 0.5], [0.5, 1]]


class Subclass(np.ndarray):
    pass


def test_any_array_of_the_type_is_read() -> None:
    read_only = BOXES.copy()
    read_only.flags.writeable = False
    for boxes in (BOXES, read_only, BOXES.view(Subclass), torch.from_numpy(BOXES), BOXES[:, :], np.asarray(BOXES)):
        assert framecast_core.box_iou(boxes, boxes).tolist() == EXPECTED  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "boxes",
    [
        BOXES.astype(np.float64),
        BOXES.astype(np.int32),
        BOXES.astype(">f4"),
        np.asfortranarray(BOXES),
        np.repeat(BOXES, 2, axis=0)[::2],
        BOXES[0],
        BOXES[None],
        np.frombuffer(b"\0" + BOXES.tobytes(), np.uint8)[1:].view(np.float32).reshape(2, 4).T,
        BOXES.tolist(),
        None,
    ],
    ids=["float64", "int32", "big-endian", "Fortran order", "steps", "1-D", "3-D", "transposed", "list", "None"],
)
def test_others_are_refused(boxes: object) -> None:
    with pytest.raises(TypeError):
        framecast_core.box_iou(boxes, BOXES)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        framecast_core.box_iou(BOXES, boxes)  # type: ignore[arg-type]


def test_results_are_arrays_that_own_their_memory_and_can_be_written() -> None:
    splits = np.array([0, 2])
    keep, keep_splits = framecast_core.nms(
        BOXES,
        np.array([0.9, 0.8], np.float32),
        np.zeros(2, np.int32),
        splits,
        iou_thresholds=np.array([0.6], np.float32),
        score_thresholds=np.zeros(1, np.float32),
        max_detections=np.array([2], np.int32),
        class_agnostic=np.array([False]),
    )
    for array in (keep, keep_splits):
        assert type(array) is np.ndarray
        assert array.dtype == np.int64
        assert array.flags.writeable
        assert array.flags.c_contiguous
        assert array.flags.aligned
    keep[:] = [5, 6]
    del keep_splits
    assert keep.tolist() == [5, 6]


def test_an_argument_lives_no_longer_than_its_call() -> None:
    boxes = BOXES.copy()
    before = sys.getrefcount(boxes)
    result = framecast_core.box_iou(boxes, boxes)
    assert sys.getrefcount(boxes) == before
    assert sys.getrefcount(result.base) < 4


def test_empty_results_are_arrays_too() -> None:
    empty = framecast_core.box_iou(np.zeros((0, 4), np.float32), BOXES)
    assert empty.shape == (0, 2)
    assert empty.dtype == np.float32
