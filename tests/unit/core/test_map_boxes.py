"""The way back from the network's input to source pixels, against the same in NumPy."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import framecast_core
from tests.unit.core.candidates import splits_of


def by_numpy(
    boxes: NDArray[np.float32],
    rows: NDArray[np.int64],
    splits: NDArray[np.int64],
    placements: NDArray[np.float32],
    image_sizes: NDArray[np.int32],
    *,
    clip: bool,
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    found, found_rows = [np.empty((0, 4), np.float32)], [np.empty(0, np.int64)]
    for image, (x, y, scale_x, scale_y) in enumerate(placements):
        chosen = rows[splits[image] : splits[image + 1]]
        source = (boxes[chosen] - np.tile([x, y], 2)) / np.tile([scale_x, scale_y], 2)
        height, width = image_sizes[image]
        inside = np.clip(source, 0, np.array([width, height] * 2, np.float32))
        seen = (inside[:, 2] > inside[:, 0]) & (inside[:, 3] > inside[:, 1])
        found.append((inside if clip else source)[seen])
        found_rows.append(chosen[seen])
    counts = [len(each) for each in found_rows[1:]]
    return np.concatenate(found), np.concatenate(found_rows), splits_of(counts)


def random_arguments(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    images, count = int(rng.integers(0, 5)), int(rng.integers(1, 200))
    corners = rng.uniform(-60, 700, (count, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(-5, 100, (count, 2))], axis=1).astype(np.float32)
    boxes[rng.random((count, 4)) < 0.02] = np.nan
    splits = splits_of(rng.integers(0, 50, images).tolist())
    return {
        "boxes": boxes,
        "rows": rng.integers(0, count, splits[-1]),
        "splits": splits,
        "placements": rng.uniform((-50, -50, 0.1, 0.1), (50, 50, 3, 3), (images, 4)).astype(np.float32),
        "image_sizes": rng.integers(0, 900, (images, 2), dtype=np.int32),
    }


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("threads", [None, 2])
def test_boxes_are_those_of_numpy(clip: bool, threads: int | None) -> None:
    pool = None if threads is None else framecast_core.ThreadPool(threads)
    for seed in range(100):
        arguments = random_arguments(seed)
        boxes, rows, splits = framecast_core.map_boxes(**arguments, clip=clip, pool=pool)
        wanted_boxes, wanted_rows, wanted_splits = by_numpy(**arguments, clip=clip)
        np.testing.assert_array_equal(boxes, wanted_boxes)
        assert boxes.dtype == wanted_boxes.dtype == np.float32
        assert rows.tolist() == wanted_rows.tolist()
        assert splits.tolist() == wanted_splits.tolist()


def test_a_box_in_the_padding_is_dropped_and_one_across_the_border_cut() -> None:
    # A picture of 200 x 100, halved and set 25 rows down in a tensor of 100 x 100.
    boxes = np.array([[0, 0, 50, 20], [90, 20, 110, 40], [10, 30, 20, 40]], np.float32)
    found, rows, splits = framecast_core.map_boxes(
        boxes,
        np.array([2, 1, 0]),
        np.array([0, 3]),
        np.array([[0, 25, 0.5, 0.5]], np.float32),
        np.array([[100, 200]], np.int32),
    )
    assert found.tolist() == [[20, 10, 40, 30], [180, 0, 200, 30]]
    assert rows.tolist() == [2, 1]
    assert splits.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("boxes", np.zeros((3, 5), np.float32)),
        ("rows", np.array([3])),
        ("splits", np.array([0, 2])),
        ("placements", np.zeros((1, 4), np.float32)),
        ("placements", np.ones((2, 4), np.float32)),
        ("image_sizes", np.ones((1, 3), np.int32)),
        ("image_sizes", np.full((1, 2), -1, np.int32)),
    ],
)
def test_values_that_do_not_fit_are_refused_by_name(argument: str, value: object) -> None:
    arguments: dict[str, Any] = {
        "boxes": np.ones((3, 4), np.float32),
        "rows": np.array([0]),
        "splits": np.array([0, 1]),
        "placements": np.ones((1, 4), np.float32),
        "image_sizes": np.ones((1, 2), np.int32),
    }
    framecast_core.map_boxes(**arguments)
    with pytest.raises(ValueError, match=f"^{argument}: "):
        framecast_core.map_boxes(**{**arguments, argument: value})
