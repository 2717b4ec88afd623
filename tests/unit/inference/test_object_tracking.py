"""Ids of objects over the frames of a stream."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from framecast.errors import InvalidArgumentError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.prediction import Prediction
from framecast_bundle.settings import Settings
from framecast_inference.jobs.source_tracks import SourceTracks
from framecast_inference.object_tracking import LiveTracker, ObjectTracker, looking_lower
from framecast_inference.pipeline import FrameOutcome
from framecast_inference.sources.source_frame import SourceFrame
from tests.unit.bundle import tiny_bundles

MANIFEST = ModelBundle(categories=tiny_bundles.categories())
SETTINGS = Settings(confidence_threshold=0.25, track=True)

Seen = tuple[float, float, int]
"""Left edge of a box of 40 x 30 pixels, its score, its class."""


def frame(*seen: Seen) -> Prediction:
    ordered = sorted(seen, key=lambda each: -each[1])
    return Prediction(
        width=640,
        height=480,
        boxes=np.array([[x, 100, x + 40, 130] for x, _, _ in ordered], np.float32).reshape(-1, 4),
        scores=np.array([score for _, score, _ in ordered], np.float32),
        class_indices=np.array([kind for _, _, kind in ordered], np.int32),
    )


def ids(tracker: ObjectTracker, *seen: Seen) -> list[int]:
    """Of the instances that are reported, by their left edge. New ones are numbered by falling score."""
    found = tracker.follow(frame(*seen))
    assert found.track_ids is not None
    by_place: list[int] = found.track_ids[np.argsort(found.boxes[:, 0])].tolist()
    return by_place


def tracker(settings: Settings = SETTINGS) -> ObjectTracker:
    return ObjectTracker(settings, MANIFEST)


@pytest.mark.parametrize("confidence", [0.05, 0.25, 0.6, 0.9])
def test_moving_objects_keep_their_ids_whatever_the_threshold(confidence: float) -> None:
    following = tracker(dataclasses.replace(SETTINGS, confidence_threshold=confidence))
    just_enough, sure = float(np.float32(confidence)), 0.95
    for step in range(10):
        assert ids(following, (10 + 4 * step, just_enough, 0), (300 - 4 * step, sure, 0)) == [2, 1]


def test_what_scores_too_little_to_be_reported_keeps_its_track() -> None:
    following = tracker()
    assert ids(following, (10, 0.9, 0)) == [1]
    for step in range(40):  # longer than a lost track is remembered
        assert ids(following, (10 + step, 0.15, 0)) == []
    assert ids(following, (50, 0.9, 0)) == [1]
    for step in range(40):
        assert ids(following, (50 + step, 0.05, 0)) == []  # below track_low_score
    assert ids(following, (90, 0.9, 0)) == [0]
    assert ids(following, (90, 0.9, 0)) == [2]


@pytest.mark.parametrize(("lost_frames", "expected"), [(2, 1), (1, 0)])
def test_object_that_is_hidden_is_remembered_for_as_long_as_asked(lost_frames: int, expected: int) -> None:
    following = tracker(dataclasses.replace(SETTINGS, track_lost_frames=lost_frames))
    assert ids(following, (10, 0.9, 0)) == [1]
    assert [ids(following) for _ in range(2)] == [[], []]
    assert ids(following, (10, 0.9, 0)) == [expected]


def test_objects_of_two_categories_are_two_unless_told_otherwise() -> None:
    for class_agnostic, expected in ((False, [0]), (True, [1])):
        following = tracker(dataclasses.replace(SETTINGS, class_agnostic=class_agnostic))
        assert ids(following, (10, 0.9, 0)) == [1]
        assert ids(following, (12, 0.9, 1)) == expected


def test_new_track_wants_its_score() -> None:
    following = tracker(dataclasses.replace(SETTINGS, track_new_score=0.5))
    for _ in range(3):
        assert ids(following, (10, 0.45, 0), (200, 0.55, 0)) == [0, 1]


def test_overlap_decides_what_is_the_same() -> None:
    # 12 of 40 pixels further, less than half of both boxes is shared by both.
    for least, expected in ((0.2, [1]), (0.6, [0])):
        following = tracker(dataclasses.replace(SETTINGS, track_min_overlap=least))
        assert ids(following, (10, 0.99, 0)) == [1]
        assert ids(following, (22, 0.99, 0)) == expected


def test_each_category_is_reported_from_its_own_threshold_on() -> None:
    settings = dataclasses.replace(SETTINGS, category_confidence_thresholds=(("square", 0.7),))
    following = tracker(settings)
    for _ in range(2):
        assert ids(following, (10, 0.6, 0), (100, 0.6, 1), (200, 0.75, 1)) == [2, 1]
    assert looking_lower(settings) == dataclasses.replace(
        settings, confidence_threshold=0.1, category_confidence_thresholds=()
    )
    assert looking_lower(dataclasses.replace(settings, track=False)).confidence_threshold == 0.25
    assert looking_lower(dataclasses.replace(settings, confidence_threshold=0.05)).confidence_threshold == 0.05


def scene(seed: int, frames: int) -> list[Prediction]:
    rng = np.random.default_rng(seed)
    start, speed, kind = rng.uniform(0, 600, 12), rng.uniform(-5, 5, 12), rng.integers(0, 3, 12)
    return [
        frame(
            *(
                (float(start[i] + speed[i] * t), float(rng.uniform(0.12, 1)), int(kind[i]))
                for i in np.flatnonzero(rng.random(12) > 0.2)
            )
        )
        for t in range(frames)
    ]


def found_by(follow: ObjectTracker, frames: Sequence[Prediction]) -> list[list[int]]:
    answers = [follow.follow(each) for each in frames]
    return [answer.track_ids.tolist() for answer in answers if answer.track_ids is not None]


def test_tracker_that_is_taken_up_anywhere_goes_on_as_if_nothing_had_been() -> None:
    frames = scene(1, 60)
    whole = found_by(tracker(), frames)
    assert max(max(each, default=0) for each in whole) > 12
    for stop in range(0, 60, 7):
        first = tracker()
        begun = found_by(first, frames[:stop])
        assert begun + found_by(ObjectTracker(SETTINGS, MANIFEST, first.save()), frames[stop:]) == whole


def test_objects_keep_their_ids_when_settings_change_on_the_way() -> None:
    following = LiveTracker(MANIFEST)

    def ids_by(settings: Settings, index: int, x: float) -> list[int] | None:
        outcome = FrameOutcome(SourceFrame(index=index), frame((x, 0.9, 0), (x + 200, 0.5, 0)))
        found = following.follow(outcome, settings).prediction
        assert found is not None
        return None if found.track_ids is None else found.track_ids.tolist()

    assert ids_by(SETTINGS, 0, 10) == [1, 2]
    assert ids_by(dataclasses.replace(SETTINGS, confidence_threshold=0.7), 1, 12) == [1]
    assert ids_by(dataclasses.replace(SETTINGS, track=False), 2, 14) is None
    assert ids_by(dataclasses.replace(SETTINGS, track_lost_frames=5), 3, 16) == [1, 2]


def test_sources_of_a_job_are_streams_of_their_own() -> None:
    outcomes = [
        FrameOutcome(SourceFrame(index=index, source_index=source), each)
        for source in range(3)
        for index, each in enumerate(scene(source, 12))
    ]

    def run(tracks: SourceTracks, part: Sequence[FrameOutcome]) -> list[list[int]]:
        answers = [tracks.follow(each).prediction for each in part]
        return [each.track_ids.tolist() for each in answers if each is not None and each.track_ids is not None]

    whole = run(SourceTracks(SETTINGS, MANIFEST), outcomes)
    alone = [found_by(tracker(), scene(source, 12)) for source in range(3)]
    assert whole == [each for source in alone for each in source]
    for stop in (0, 5, 12, 24, 30, 36):
        first = SourceTracks(SETTINGS, MANIFEST)
        begun = run(first, outcomes[:stop])
        assert begun + run(SourceTracks(SETTINGS, MANIFEST, first.save()), outcomes[stop:]) == whole


@pytest.mark.parametrize("saved", [b"nonsense", tracker().save()[:-3], tracker().save()[:4]])
def test_bytes_that_no_tracker_saved_are_refused(saved: bytes) -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        ObjectTracker(SETTINGS, MANIFEST, saved)
    assert refused.value.reason == "TRACKS_UNREADABLE"
