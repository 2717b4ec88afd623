"""A video, or another sequence of frames, through a model, frame by frame."""

import math
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from framecast.v1.frame_range_pb2 import FrameRange
from framecast_bundle.settings import Settings
from framecast_inference.batching.batcher import Priority
from framecast_inference.frame_sources import FrameSource
from framecast_inference.loaded_model import LoadedModel
from framecast_inference.object_tracking import ObjectTracker, followed, looking_lower
from framecast_inference.pipeline import FrameOutcome, OnCancel, open_pipeline
from framecast_inference.resume_point import ResumePoint, from_token, request_fingerprint, to_token
from framecast_inference.sources.frame_range import select_frames
from framecast_inference.sources.frame_sequence import SequenceFacts


@dataclass(frozen=True, eq=False)
class StreamTerms:
    """What a stream is going to give; comes before the first frame."""

    facts: SequenceFacts
    total_frames: int
    """Frames that will be sent, unless some turn out to be damaged."""


@dataclass(frozen=True, eq=False)
class StreamedFrame:
    """A frame's outcome, and where the stream can go on behind it."""

    outcome: FrameOutcome
    frames_done: int
    """Of the whole request, this one among them."""
    resume_token: str


@contextmanager
def stream_frames(
    model: LoadedModel,
    source: FrameSource,
    frame_range: FrameRange,
    settings: Settings,
    on_cancel: OnCancel,
    *,
    priority: Priority = Priority.BULK,
    resume_token: str = "",
    deadline: float = math.inf,
) -> Iterator[tuple[StreamTerms, Iterator[StreamedFrame]]]:
    """The terms, and every frame asked for, in order; with a token, those behind its frame.

    Leaving the context stops all work at once.

    Raises InvalidArgumentError for a token that does not belong to this request, what opening the source and
    `select_frames` raise, and CancelledError where the caller gives up while a file is being indexed; the iterator
    raises DataLossError, after the frames that can be decoded, where some cannot, CancelledError where the caller gave
    up, and DeadlineExceededError past the deadline (a time of `time.monotonic`).
    """
    stopped = threading.Event()
    if not on_cancel(stopped.set):
        stopped.set()
    with source.open(lambda: not stopped.is_set()) as sequence:
        selected = select_frames(frame_range, sequence.facts.frame_count)
        fingerprint = request_fingerprint(
            [
                bytes.fromhex(model.bundle_sha256),
                source.identity(),
                frame_range.SerializeToString(deterministic=True),
                settings.to_proto().SerializeToString(deterministic=True),
            ]
        )
        start = from_token(resume_token, fingerprint)
        terms = StreamTerms(sequence.facts, len(sequence.readable(selected)))
        tracker = ObjectTracker(settings, model.manifest, start.tracks) if settings.track else None
        asked = looking_lower(settings)
        frames = sequence.frames(selected, start=start)
        with open_pipeline(frames, model, asked, on_cancel, priority=priority, deadline=deadline) as pipeline:
            yield terms, _with_tokens(pipeline, tracker, selected, start, fingerprint, _version_number(model.name))


def _with_tokens(
    outcomes: Iterable[FrameOutcome],
    tracker: ObjectTracker | None,
    selected: range,
    point: ResumePoint,
    fingerprint: bytes,
    model_version: int,
) -> Iterator[StreamedFrame]:
    for outcome in outcomes:
        point = point.after(selected, outcome.frame.index)
        if tracker is not None:
            outcome = followed(outcome, tracker)
            point = replace(point, tracks=tracker.save())
        yield StreamedFrame(outcome, point.frames_done, to_token(point, fingerprint, model_version=model_version))


def _version_number(version_name: str) -> int:
    """Versions count from 1; 0 for a name that does not say so."""
    version = version_name.rpartition("/")[2]
    return int(version) if version.isascii() and version.isdigit() and len(version) < 19 else 0
