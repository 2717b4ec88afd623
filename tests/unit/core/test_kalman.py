"""The Kalman filters of boxes against the textbook's, with full 8 x 8 matrices in NumPy."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import framecast_core
from tests.unit.core.candidates import f32


class PlainFilter:
    """State (cx, cy, w, h, vx, vy, vw, vh); noise as in BoT-SORT's paper."""

    def __init__(self, box: NDArray[np.float32]) -> None:
        self.mean = np.concatenate([self.measured(box), np.zeros(4)])
        self.covariance = np.diag(np.concatenate([2 * self.sides() / 20, 10 * self.sides() / 160]) ** 2)

    @staticmethod
    def measured(box: NDArray[np.float32]) -> NDArray[np.float64]:
        at = box.astype(np.float64)
        return np.concatenate([(at[:2] + at[2:]) / 2, at[2:] - at[:2]])

    def sides(self) -> NDArray[np.float64]:
        return np.tile(self.mean[2:4], 2)

    def predict(self) -> None:
        move = np.eye(8) + np.eye(8, k=4)
        noise = np.diag(np.concatenate([self.sides() / 20, self.sides() / 160]) ** 2)
        self.mean = move @ self.mean
        self.covariance = move @ self.covariance @ move.T + noise

    def update(self, box: NDArray[np.float32]) -> None:
        see = np.eye(4, 8)
        whole = see @ self.covariance @ see.T + np.diag((self.sides() / 20) ** 2)
        gain = np.linalg.solve(whole, see @ self.covariance).T
        self.mean = self.mean + gain @ (self.measured(box) - see @ self.mean)
        self.covariance = self.covariance - gain @ whole @ gain.T

    def box(self) -> NDArray[np.float64]:
        half = np.maximum(self.mean[2:4], 0) / 2
        return np.concatenate([self.mean[:2] - half, self.mean[:2] + half])


def moving_boxes(rng: np.random.Generator, count: int, frame: int) -> NDArray[np.float32]:
    corners = np.arange(count)[:, None] * 100 + frame * np.array([3, -2]) + rng.normal(0, 1, (count, 2))
    return np.concatenate([corners, corners + rng.uniform(20, 60, (count, 2))], axis=1).astype(np.float32)


@pytest.mark.parametrize("seed", range(3))
def test_equals_the_filter_with_full_matrices(seed: int) -> None:
    rng = np.random.default_rng(seed)
    boxes = moving_boxes(rng, 7, 0)
    tracks = framecast_core.kalman_start(boxes)
    plain = [PlainFilter(box) for box in boxes]
    for frame in range(1, 50):
        before = tracks.copy()
        predicted = framecast_core.kalman_predict(tracks)
        np.testing.assert_array_equal(tracks, before)
        rows = rng.permutation(7)[: rng.integers(0, 8)]
        seen = moving_boxes(rng, 7, frame)[rows]
        tracks = framecast_core.kalman_update(predicted, rows, seen)
        for filter in plain:
            filter.predict()
        for row, box in zip(rows, seen, strict=True):
            plain[row].update(box)
        np.testing.assert_allclose(tracks[:, :2].reshape(7, 8), [f.mean for f in plain], rtol=1e-9, atol=1e-9)
        for track, filter in zip(tracks, plain, strict=True):
            blocks = [[np.diag(track[2]), np.diag(track[3])], [np.diag(track[3]), np.diag(track[4])]]
            np.testing.assert_allclose(np.block(blocks), filter.covariance, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(framecast_core.kalman_boxes(tracks), [f.box() for f in plain], rtol=1e-5)


def test_no_tracks_and_no_boxes() -> None:
    tracks = framecast_core.kalman_start(np.zeros((0, 4), np.float32))
    assert tracks.shape == (0, 5, 4)
    assert framecast_core.kalman_predict(tracks).shape == (0, 5, 4)
    assert framecast_core.kalman_boxes(tracks).shape == (0, 4)


def test_boxes_that_are_not_finite_change_nothing() -> None:
    tracks = framecast_core.kalman_start(f32(0, 0, 10, 20, 5, 5, 9, 9).reshape(2, 4))
    odd = f32(0, np.nan, 1, 1, 0, 0, np.inf, 1).reshape(2, 4)
    np.testing.assert_array_equal(framecast_core.kalman_update(tracks, np.array([0, 1]), odd), tracks)


def test_refuses_what_does_not_fit() -> None:
    tracks = framecast_core.kalman_start(np.zeros((2, 4), np.float32))
    box = np.zeros((1, 4), np.float32)
    for rows in ([2], [-1], [0, 1]):
        with pytest.raises(ValueError, match=r"^rows: "):
            framecast_core.kalman_update(tracks, np.array(rows), box)
    with pytest.raises(ValueError, match=r"^tracks: "):
        framecast_core.kalman_predict(np.zeros((2, 4, 5)))
    wrong: Any = tracks.astype(np.float32)
    with pytest.raises(TypeError):
        framecast_core.kalman_predict(wrong)
