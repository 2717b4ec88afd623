"""Tracking against the same steps in plain Python, and on scenes whose truth is known."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import framecast_core
from tests.unit.core.candidates import f32, i32, splits_of
from tests.unit.core.test_fuse_boxes import plain_iou
from tests.unit.core.test_kalman import PlainFilter


@dataclass(frozen=True)
class Frame:
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int32]
    objects: NDArray[np.int64]
    """Which object each row shows; -1 for none."""


def scene(seed: int, objects: int, frames: int) -> list[Frame]:
    """Objects on straight ways through each other; some rows are missing or of low score, and some show nothing."""
    rng = np.random.default_rng(seed)
    middle = rng.uniform(0, 800, (objects, 2))
    speed = rng.uniform(-4, 4, (objects, 2))
    extent = rng.uniform(30, 120, (objects, 2))
    result = []
    for _ in range(frames):
        middle += speed
        shown = np.flatnonzero(rng.random(objects) > 0.08)
        shown = rng.permutation(shown)
        noisy = middle[shown] + rng.normal(0, 1.5, (len(shown), 2))
        sides = extent[shown] * rng.normal(1, 0.02, (len(shown), 2))
        false = rng.uniform(0, 800, (rng.poisson(1), 2))
        boxes = np.concatenate([np.concatenate([noisy - sides / 2, noisy + sides / 2], axis=1), np.tile(false, 2)])
        boxes[len(shown) :, 2:] += 40
        scores = rng.uniform(0.65, 0.95, len(boxes))
        scores[rng.random(len(boxes)) < 0.15] = 0.3
        objects_of = np.concatenate([shown, np.full(len(false), -1)])
        result.append(
            Frame(
                boxes.astype(np.float32),
                scores.astype(np.float32),
                (objects_of % 3).astype(np.int32),
                objects_of,
            )
        )
    return result


@dataclass
class PlainTrack:
    filter: PlainFilter
    label: int
    seen: int
    id: int = 0
    stage: str = "tentative"


class PlainTracker:
    """The steps of the stub's docstring, one track and one pair at a time."""

    def __init__(self) -> None:
        self.frame, self.last_id = 0, 0
        self.tracks: list[PlainTrack] = []

    def match(
        self, tracks: list[PlainTrack], frame: Frame, rows: list[int], most: float, by_score: bool
    ) -> dict[int, PlainTrack]:
        costs = np.full((len(tracks), len(rows)), np.inf, np.float32)
        for i, track in enumerate(tracks):
            for j, row in enumerate(rows):
                overlap = plain_iou(track.filter.box(), frame.boxes[row])
                if overlap > 0 and track.label == frame.classes[row]:
                    costs[i, j] = 1 - overlap * (frame.scores[row] if by_score else 1)
        # Checked by a test of its own.
        columns, _ = framecast_core.assign(costs, max_cost=most)
        return {rows[column]: tracks[i] for i, column in enumerate(columns) if column >= 0}

    def step(self, frame: Frame) -> list[int]:
        self.frame += 1
        for track in self.tracks:
            if track.stage == "lost":
                track.filter.mean[6:8] = 0
            track.filter.predict()
        high = [row for row in range(len(frame.boxes)) if frame.scores[row] > 0.5]
        low = [row for row in range(len(frame.boxes)) if 0.1 < frame.scores[row] <= 0.5]
        known = [track for track in self.tracks if track.stage != "tentative"]
        found = self.match(known, frame, high, 0.8, True)
        left = [row for row in high if row not in found]
        done = {id(track) for track in found.values()}
        found |= self.match([t for t in known if t.stage == "tracked" and id(t) not in done], frame, low, 0.5, False)
        found |= self.match([t for t in self.tracks if t.stage == "tentative"], frame, left, 0.7, True)
        ids = [-1] * len(frame.boxes)
        row_of = {id(track): row for row, track in found.items()}
        for track in self.tracks:
            if id(track) not in row_of:
                track.stage = "lost" if track.stage == "tracked" else track.stage
                continue
            row = row_of[id(track)]
            track.filter.update(frame.boxes[row])
            if track.id == 0:
                self.last_id += 1
                track.id = self.last_id
            track.stage, track.seen, ids[row] = "tracked", self.frame, track.id
        for row in left:
            if row in found or not frame.scores[row] > np.float32(0.6):
                continue
            new = PlainTrack(PlainFilter(frame.boxes[row]), int(frame.classes[row]), self.frame)
            if self.frame == 1:
                self.last_id += 1
                new.id, new.stage, ids[row] = self.last_id, "tracked", self.last_id
            self.tracks.append(new)
        self.tracks = [track for track in self.tracks if self.stays(track)]
        return ids

    def stays(self, track: PlainTrack) -> bool:
        if track.stage == "tentative":
            return track.seen == self.frame
        if track.stage == "tracked":
            return True
        covered = any(
            other.stage == "tracked"
            and other.label == track.label
            and plain_iou(other.filter.box(), track.filter.box()) > 0.85
            for other in self.tracks
        )
        return self.frame - track.seen <= 30 and not covered


def run(tracker: framecast_core.Tracker, frame: Frame) -> list[int]:
    ids: list[int] = framecast_core.track(
        [tracker], frame.boxes, frame.scores, frame.classes, splits_of([len(frame.boxes)])
    ).tolist()
    return ids


@pytest.mark.parametrize("seed", range(8))
def test_equals_the_plain_steps(seed: int) -> None:
    tracker, plain = framecast_core.Tracker(), PlainTracker()
    for frame in scene(seed, 12, 60):
        assert run(tracker, frame) == plain.step(frame)
    ids, boxes, _, classes, unseen = tracker.tracks()
    known = [track for track in plain.tracks if track.stage != "tentative"]
    assert ids.tolist() == [track.id for track in known]
    assert classes.tolist() == [track.label for track in known]
    assert unseen.tolist() == [plain.frame - track.seen for track in known]
    np.testing.assert_allclose(boxes, [track.filter.box() for track in known], rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_objects_keep_their_ids_through_crossings_and_gaps(seed: int) -> None:
    tracker = framecast_core.Tracker()
    ids_of: dict[int, list[int]] = {}
    for frame in scene(100 + seed, 10, 150):
        for thing, number in zip(frame.objects.tolist(), run(tracker, frame), strict=True):
            if thing >= 0 and number >= 0:
                ids_of.setdefault(thing, []).append(number)
    changes = sum(int((np.diff(numbers) != 0).sum()) for numbers in ids_of.values())
    rows = sum(map(len, ids_of.values()))
    assert rows > 0.85 * 10 * 150 * 0.92
    # Two of one class that cross while a row is missing may be taken for each other.
    assert changes <= 4


def test_a_batch_gives_each_stream_what_it_gets_alone() -> None:
    scenes = [scene(seed, objects, 30) for seed, objects in enumerate((3, 0, 25, 8))]
    alone = [framecast_core.Tracker() for _ in scenes]
    together = [framecast_core.Tracker() for _ in scenes]
    pool = framecast_core.ThreadPool(2)
    for frames in zip(*scenes, strict=True):
        expected = [run(tracker, frame) for tracker, frame in zip(alone, frames, strict=True)]
        ids = framecast_core.track(
            together,
            np.concatenate([frame.boxes for frame in frames]),
            np.concatenate([frame.scores for frame in frames]),
            np.concatenate([frame.classes for frame in frames]),
            splits_of([len(frame.boxes) for frame in frames]),
            pool=pool,
        )
        assert ids.tolist() == [number for part in expected for number in part]


def test_streams_of_several_threads_do_not_disturb_each_other() -> None:
    def ids(seed: int) -> list[list[int]]:
        tracker = framecast_core.Tracker()
        return [run(tracker, frame) for frame in scene(seed, 15, 40)]

    expected = [ids(seed) for seed in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ids, range(8))) == expected


def test_odd_rows_have_no_id() -> None:
    boxes = f32(0, 0, 9, 9, 0, np.nan, 9, 9, 0, 0, np.inf, 9, 5, 5, 5, 9, 0, 0, 9, 9).reshape(5, 4)
    tracker = framecast_core.Tracker()
    for _ in range(3):
        ids = framecast_core.track(
            [tracker], boxes, f32(np.nan, 0.9, 0.9, 0.9, 0.8), i32(0, 0, 0, 0, 0), splits_of([5])
        )
        assert ids.tolist() == [-1, -1, -1, -1, 1]


def arguments() -> dict[str, Any]:
    return {
        "trackers": [framecast_core.Tracker(), framecast_core.Tracker()],
        "boxes": np.zeros((3, 4), np.float32),
        "scores": np.zeros(3, np.float32),
        "classes": np.zeros(3, np.int32),
        "splits": splits_of([1, 2]),
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trackers", []),
        ("boxes", np.zeros((3, 5), np.float32)),
        ("scores", np.zeros(2, np.float32)),
        ("classes", np.zeros(2, np.int32)),
        ("splits", np.array([0, 2, 1])),
    ],
)
def test_refuses_values_that_do_not_fit_by_name(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        framecast_core.track(**(arguments() | {name: value}))


def test_refuses_a_tracker_that_comes_twice_and_leaves_it_usable() -> None:
    tracker = framecast_core.Tracker()
    with pytest.raises(ValueError, match=r"^trackers: "):
        framecast_core.track(**(arguments() | {"trackers": [tracker, tracker]}))
    assert framecast_core.track(**(arguments() | {"trackers": (tracker, framecast_core.Tracker())})).shape == (3,)


@pytest.mark.parametrize(("name", "value"), [("trackers", [None, None]), ("boxes", np.zeros((3, 4)))])
def test_refuses_other_types(name: str, value: Any) -> None:
    with pytest.raises(TypeError):
        framecast_core.track(**(arguments() | {name: value}))


@pytest.mark.parametrize(
    ("name", "value"),
    [("high_score", np.nan), ("low_score", 0.6), ("max_cost", 1.5), ("max_cost_low", -1.0), ("lost_frames", -1)],
)
def test_refuses_settings_that_do_not_fit(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        framecast_core.Tracker(**{name: value})


@pytest.mark.parametrize("seed", range(3))
def test_saved_tracker_goes_on_where_it_stood(seed: int) -> None:
    settings: dict[str, Any] = {"high_score": 0.45, "lost_frames": 4}
    frames = scene(seed, objects=12, frames=40)
    tracker = framecast_core.Tracker(**settings)
    restored = framecast_core.Tracker(**settings)
    for frame in frames:
        restored = framecast_core.Tracker(**settings, saved=restored.save())
        arrays = (frame.boxes, frame.scores, frame.classes, splits_of([len(frame.boxes)]))
        np.testing.assert_array_equal(
            framecast_core.track([restored], *arrays), framecast_core.track([tracker], *arrays)
        )
    assert restored.save() == tracker.save()


def test_what_no_tracker_saved_is_refused() -> None:
    tracker = framecast_core.Tracker()
    framecast_core.track([tracker], np.array([[0, 0, 9, 9]], np.float32), f32(0.9), i32(0), splits_of([1]))
    saved = tracker.save()
    not_finite = saved[:-8] + np.float64(np.nan).tobytes()
    unknown_stage = saved[:48] + b"\x07" + saved[49:]
    for bad in (
        b"",
        saved[:-1],
        saved + b"\0",
        b"\2" + saved[1:],
        not_finite,
        unknown_stage,
        saved[:24] + saved[24:] * 2,
    ):
        with pytest.raises(ValueError, match=r"^saved"):
            framecast_core.Tracker(saved=bad)
