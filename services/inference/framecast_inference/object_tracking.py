"""The same id for the same object in all frames of a stream, also where the stream is taken up by another server."""

import dataclasses
import zlib

import numpy as np
import numpy.typing as npt

import framecast_core
from framecast.errors import InvalidArgumentError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.prediction import Prediction
from framecast_bundle.settings import Settings
from framecast_inference.pipeline import FrameOutcome

FloatArray = npt.NDArray[np.float32]

_REPORTED = np.float32(0.5)
"""Where a category's confidence threshold lies for the tracker: at ByteTrack's own border of high scores."""
_MOST_BYTES = 64 * 1024**2


class ObjectTracker:
    """Follows the objects of one stream, frame by frame, in the order in which the frames come.

    ByteTrack's rule: what scores enough to be reported may begin a track and goes to tracks first; what scores less,
    but more than `track_low_score`, keeps up tracks that would be lost, without being reported. Scores are stretched
    so that each category's own threshold is where ByteTrack's constants expect it.
    """

    def __init__(self, settings: Settings, manifest: ModelBundle, saved: bytes = b"") -> None:
        """`saved` is what `save` gave of a tracker with the same settings; InvalidArgumentError for other bytes."""
        own = dict(settings.category_confidence_thresholds)
        self._thresholds = np.array(
            [own.get(category.name, settings.confidence_threshold) for category in manifest.categories], np.float32
        )
        lowest = self._thresholds.min(keepdims=True)
        low, new = np.array([settings.track_low_score], np.float32), np.array([settings.track_new_score], np.float32)
        high = float(np.nextafter(_REPORTED, np.float32(0)))  # what is equal to the threshold is reported
        try:
            self._tracker = framecast_core.Tracker(
                high_score=high,
                low_score=min(float(_stretched(low, lowest)[0]), high),
                new_score=float(_stretched(new, lowest)[0]),
                max_cost=1 - settings.track_min_overlap,
                max_cost_new=1 - settings.track_min_overlap,
                lost_frames=settings.track_lost_frames,
                class_agnostic=settings.class_agnostic,
                saved=_decompressed(saved) if saved else None,
            )
        except (ValueError, zlib.error) as error:
            raise InvalidArgumentError(
                f"the objects that the stream followed cannot be taken up: {error}; start again without a token",
                reason="TRACKS_UNREADABLE",
            ) from error

    def follow(self, prediction: Prediction) -> Prediction:
        """The next frame's instances that are reported, each with the id of its object, 0 where it has none yet.

        `prediction` was made with the settings of `looking_lower`.
        """
        thresholds = self._thresholds[prediction.class_indices]
        ids = framecast_core.track(
            [self._tracker],
            prediction.boxes,
            _stretched(prediction.scores, thresholds),
            prediction.class_indices,
            np.array([0, len(prediction.scores)], dtype=np.int64),
        )
        reported = np.flatnonzero(prediction.scores >= thresholds)
        return dataclasses.replace(prediction.take(reported), track_ids=np.maximum(ids[reported], 0))

    def save(self) -> bytes:
        """All that the next frames depend on, but for the settings: some hundred bytes for each object."""
        return zlib.compress(self._tracker.save(), level=1)


class LiveTracker:
    """Follows objects while the settings may change from frame to frame: those that are known keep their ids."""

    def __init__(self, manifest: ModelBundle) -> None:
        self._manifest = manifest
        self._settings: Settings | None = None
        self._tracker: ObjectTracker | None = None

    def follow(self, outcome: FrameOutcome, settings: Settings) -> FrameOutcome:
        """The next frame's outcome; where its settings do not ask for tracks, as it is, and nothing is followed."""
        if not settings.track:
            return outcome
        if self._tracker is None or self._settings != settings:
            saved = b"" if self._tracker is None else self._tracker.save()
            self._tracker, self._settings = ObjectTracker(settings, self._manifest, saved), settings
        return followed(outcome, self._tracker)


def followed(outcome: FrameOutcome, tracker: ObjectTracker) -> FrameOutcome:
    """A frame's outcome with the ids of its objects; one with an error is as if it were not there."""
    if outcome.prediction is None:
        return outcome
    return dataclasses.replace(outcome, prediction=tracker.follow(outcome.prediction))


def looking_lower(settings: Settings) -> Settings:
    """The settings by which a frame is predicted: those asked for; if they track, with a threshold for tracks alone."""
    if not settings.track:
        return settings
    lowest = min(
        [settings.confidence_threshold, settings.track_low_score]
        + [threshold for _, threshold in settings.category_confidence_thresholds]
    )
    return dataclasses.replace(settings, confidence_threshold=lowest, category_confidence_thresholds=())


def _stretched(scores: FloatArray, thresholds: FloatArray) -> FloatArray:
    """Scores in [0, 1], so that each threshold becomes 0.5 and the order is kept."""
    above = _REPORTED + (scores - thresholds) / np.maximum(1 - thresholds, np.float32(1e-6)) * _REPORTED
    below = scores / np.maximum(thresholds, np.float32(1e-6)) * _REPORTED
    return np.asarray(np.where(scores >= thresholds, above, below), dtype=np.float32)


def _decompressed(saved: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    data = unpacker.decompress(saved, _MOST_BYTES)
    if not unpacker.eof:
        raise ValueError("saved: is cut off or too large")
    return data
