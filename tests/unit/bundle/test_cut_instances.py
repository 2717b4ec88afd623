"""Objects that the borders of windows cut."""

from collections.abc import Sequence

import numpy as np

from framecast_bundle.cut_instances import group_parts, hidden_parts
from tests.unit.core.candidates import f32, i32

LEFT, RIGHT, FAR = [0, 0, 100, 100], [80, 0, 180, 100], [160, 0, 260, 100]
ONE_CLASS = i32(0, 0, 0, 0)


def boxes(*rows: Sequence[float]) -> np.ndarray:
    return f32(*(value for row in rows for value in row)).reshape(-1, 4)


def test_a_part_of_an_intact_object_is_hidden() -> None:
    intact = boxes([85, 20, 130, 60])
    parts = boxes([85, 20, 100, 60], [85, 70, 100, 90], [50, 20, 100, 60])
    assert hidden_parts(parts, i32(0, 0, 0), intact, i32(0)).tolist() == [True, False, False]
    assert not hidden_parts(parts, i32(1, 1, 1), intact, i32(0)).any()
    assert not hidden_parts(parts, i32(0, 0, 0), boxes(), i32()).any()
    assert len(hidden_parts(boxes(), i32(), intact, i32(0))) == 0


def test_a_long_object_is_one_through_all_its_windows() -> None:
    parts = boxes([40, 10, 100, 30], [80, 10, 180, 30], [160, 10, 200, 30])
    groups = group_parts(parts, i32(0, 0, 0), boxes(LEFT, RIGHT, FAR))
    assert groups.tolist() == [0, 0, 0]


def test_neighbours_stay_apart() -> None:
    # Two objects one above the other, each seen by both windows; and one of another class.
    parts = boxes([40, 10, 100, 30], [40, 35, 100, 60], [80, 35, 140, 60], [80, 10, 140, 30])
    windows = boxes(LEFT, LEFT, RIGHT, RIGHT)
    assert group_parts(parts, ONE_CLASS, windows).tolist() == [0, 1, 1, 0]
    assert group_parts(parts, i32(0, 0, 1, 1), windows).tolist() == [0, 1, 2, 3]


def test_parts_of_one_window_are_not_joined() -> None:
    parts = boxes([40, 10, 100, 30], [42, 10, 100, 30])
    assert group_parts(parts, i32(0, 0), boxes(LEFT, LEFT)).tolist() == [0, 1]


def test_windows_that_only_touch_join_what_goes_on_behind_the_border() -> None:
    windows = boxes([0, 0, 100, 100], [100, 0, 200, 100], [100, 0, 200, 100])
    parts = boxes([40, 10, 100, 50], [100, 12, 150, 51], [100, 60, 150, 90])
    assert group_parts(parts, i32(0, 0, 0), windows).tolist() == [0, 0, 2]


def test_more_parts_than_are_compared_at_once() -> None:
    count = 700
    y = np.arange(count, dtype=np.float32) * 10
    left = np.column_stack([np.full(count, 40), y, np.full(count, 100), y + 8]).astype(np.float32)
    right = left + f32(40, 0, 40, 0)
    tall = f32(0, 0, 0, 10_000)
    windows = np.concatenate([np.tile(f32(*LEFT) + tall, (count, 1)), np.tile(f32(*RIGHT) + tall, (count, 1))])
    groups = group_parts(np.concatenate([left, right]), np.zeros(2 * count, np.int32), windows)
    assert groups.tolist() == list(range(count)) * 2
