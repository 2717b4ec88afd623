"""A video through a model, frame by frame."""

import hashlib
import math
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from framecast import names
from framecast.errors import InvalidArgumentError
from framecast.v1.inference_service_pb2 import FrameRange
from framecast_bundle.settings import Settings
from framecast_inference.loaded_model import LoadedModel
from framecast_inference.pipeline import FrameOutcome, OnCancel, open_pipeline
from framecast_inference.ports import Blobs, Registry, UploadSpool
from framecast_inference.resume_point import ResumePoint, from_token, request_fingerprint, to_token
from framecast_inference.sources.frame_range import select_frames
from framecast_inference.sources.video_index import VideoIndex
from framecast_inference.sources.video_reader import VideoReader


@dataclass(frozen=True, eq=False)
class VideoTerms:
    """What a stream is going to give; comes before the first frame."""

    width: int
    """Of an upright frame, in pixels."""
    height: int
    index: VideoIndex
    total_frames: int
    """Frames that will be sent, unless some turn out to be damaged."""


@dataclass(frozen=True)
class VideoFile:
    """A local file that exists only within a context, and how messages call it."""

    file: AbstractContextManager[Path]
    label: str
    identity: Callable[[], bytes]
    """Tells it from every other video; to be asked within the file's context."""


@dataclass(frozen=True, eq=False)
class StreamedFrame:
    """A frame's outcome, and where the stream can go on behind it."""

    outcome: FrameOutcome
    frames_done: int
    """Of the whole request, this one among them."""
    resume_token: str


class VideoPrediction:
    def __init__(self, registry: Registry, blobs: Blobs, spool: UploadSpool) -> None:
        self._registry = registry
        self._blobs = blobs
        self._spool = spool

    def stored(self, name: str) -> VideoFile:
        """A stored asset. Raises NotFoundError, and InvalidArgumentError for one that is no video."""
        sha256 = names.ASSET.parse(name, field="asset")["sha256"]
        asset = self._registry.asset(name)
        label = asset.display_name or name
        if not asset.media_type.startswith("video/"):
            raise InvalidArgumentError(
                f"{label} is {asset.media_type}, not a video",
                reason="MEDIA_TYPE_UNSUPPORTED",
                field="asset",
                asset=name,
            )
        return VideoFile(self._blobs.as_file(sha256), label, lambda: bytes.fromhex(sha256))

    def uploaded(self, chunks: Iterator[bytes]) -> VideoFile:
        """A video that the caller sends; received when the context is entered."""
        digest = hashlib.sha256()

        def hashed() -> Iterator[bytes]:
            for chunk in chunks:
                digest.update(chunk)
                yield chunk

        return VideoFile(self._spool.receive(hashed()), "the uploaded video", digest.digest)

    @contextmanager
    def stream(
        self,
        model: LoadedModel,
        video: VideoFile,
        frame_range: FrameRange,
        settings: Settings,
        on_cancel: OnCancel,
        *,
        resume_token: str = "",
        deadline: float = math.inf,
    ) -> Iterator[tuple[VideoTerms, Iterator[StreamedFrame]]]:
        """The terms, and every frame asked for, in order; with a token, those behind its frame.

        Leaving the context stops all work at once.

        Raises InvalidArgumentError for a token that does not belong to this request, what `VideoReader` and
        `select_frames` raise, and CancelledError where the caller gives up while the file is being indexed; the
        iterator raises DataLossError, after the frames that can be decoded, where some cannot, CancelledError where the
        caller gave up, and DeadlineExceededError past the deadline (a time of `time.monotonic`).
        """
        stopped = threading.Event()
        if not on_cancel(stopped.set):
            stopped.set()
        with video.file as path:
            reader = VideoReader(path, label=video.label, wanted=lambda: not stopped.is_set())
            selected = select_frames(frame_range, reader.index.frame_count)
            fingerprint = request_fingerprint(
                [
                    bytes.fromhex(model.bundle_sha256),
                    video.identity(),
                    frame_range.SerializeToString(deterministic=True),
                    settings.to_proto().SerializeToString(deterministic=True),
                ]
            )
            start = from_token(resume_token, fingerprint)
            terms = VideoTerms(reader.width, reader.height, reader.index, len(reader.readable(selected)))
            frames = reader.frames(selected, start=start)
            with open_pipeline(frames, model, settings, on_cancel, deadline=deadline) as pipeline:
                yield terms, _with_tokens(pipeline, selected, start, fingerprint)


def _with_tokens(
    outcomes: Iterable[FrameOutcome], selected: range, point: ResumePoint, fingerprint: bytes
) -> Iterator[StreamedFrame]:
    for outcome in outcomes:
        point = point.after(selected, outcome.frame.index)
        yield StreamedFrame(outcome, point.frames_done, to_token(point, fingerprint))
