"""Predictions of pictures and videos."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from framecast._asset_types import Asset
from framecast._blobs import CHUNK_BYTES
from framecast._connection import Connection
from framecast._convert_predictions import frame_result_from_proto, loaded_model_from_proto
from framecast._convert_settings import settings_to_proto
from framecast._files import missing_file
from framecast._frame_iterator import FrameIterator
from framecast._image_sources import ImageLike, image_source
from framecast._live_stream import LiveStream, Sendable
from framecast._models import ModelReference, Models
from framecast._prediction_types import FrameResult, LoadedModel
from framecast._setting_types import InferenceSettings
from framecast.errors import InvalidArgumentError
from framecast.v1 import frame_range_pb2, image_group_pb2, inference_service_pb2

_IMAGES_PER_CALL = 32
_MOST_FRAMES, _MOST_STRIDE = 2**63 - 1, 2**31 - 1
_BYTES_PER_CALL = 32 * 1024 * 1024


VideoLike = str | Path | Asset | Sequence[Asset]
"""A file, a stored video, or stored pictures that are taken for the frames of one."""


class Inference:
    """What `Client.predict`, `detect` and `predict_video` do."""

    def __init__(self, connection: Connection, models: Models) -> None:
        self._connection = connection
        self._models = models

    def load(self, model: ModelReference, *, timeout: float) -> LoadedModel:
        """Loads a model version, unless it is."""
        request = inference_service_pb2.LoadModelVersionRequest(model_version=self._models.served_name(model))
        return loaded_model_from_proto(self._connection.inference.LoadModelVersion(request, timeout=timeout))

    def predict(
        self, model: ModelReference, images: Sequence[ImageLike], settings: InferenceSettings, *, timeout: float
    ) -> Iterator[FrameResult]:
        """Results in order, asked for in portions that fit into a message."""
        version = self._models.served_name(model)
        message = settings_to_proto(settings)
        start = 0
        for portion in image_portions(images):
            request = inference_service_pb2.PredictImagesRequest(
                model_version=version, images=portion, settings=message
            )
            response = self._connection.inference.PredictImages(request, timeout=timeout)
            for result in response.results:
                result.frame_index += start
                yield frame_result_from_proto(result)
            start += len(portion)

    def predict_video(
        self,
        model: ModelReference,
        video: "VideoLike",
        settings: InferenceSettings,
        frames: frame_range_pb2.FrameRange,
        *,
        interactive: bool,
        timeout: float | None,
        resume_token: str,
    ) -> FrameIterator:
        """A running stream."""
        request = inference_service_pb2.PredictVideoRequest(
            model_version=self._models.served_name(model),
            settings=settings_to_proto(settings),
            frame_range=frames,
            priority=inference_service_pb2.PRIORITY_INTERACTIVE if interactive else inference_service_pb2.PRIORITY_BULK,
        )
        if isinstance(video, Asset):
            request.asset = video.name
            source = video.display_name or video.name
        elif not isinstance(video, str | Path):
            request.image_group.CopyFrom(image_group(video))
            source = f"the group of {len(video)} pictures"
        else:
            path = Path(video)
            if not path.is_file():
                raise missing_file(path)
            source = str(path)

        def open_stream(token: str, seconds: float | None) -> Any:
            request.resume_token = token
            if request.asset or request.HasField("image_group"):
                return self._connection.inference.PredictVideo(request, timeout=seconds)
            return self._connection.inference.PredictVideoUpload(_chunks(request, path), timeout=seconds)

        return FrameIterator(open_stream, source=source, timeout=timeout, resume_token=resume_token)

    def stream_frames(
        self,
        model: ModelReference,
        frames: Iterable[Sendable],
        settings: InferenceSettings,
        *,
        max_in_flight: int,
        drop_oldest: bool,
        interactive: bool,
        timeout: float | None,
    ) -> LiveStream:
        """A running live stream."""
        overflow = inference_service_pb2.StreamFramesRequest.Start
        start = inference_service_pb2.StreamFramesRequest.Start(
            model_version=self._models.served_name(model),
            settings=settings_to_proto(settings),
            max_in_flight=max_in_flight,
            overflow=overflow.OVERFLOW_DROP_OLDEST if drop_oldest else overflow.OVERFLOW_WAIT,
            priority=inference_service_pb2.PRIORITY_INTERACTIVE if interactive else inference_service_pb2.PRIORITY_BULK,
        )
        return LiveStream(
            lambda requests: self._connection.inference.StreamFrames(requests, timeout=timeout), start, frames
        )


def image_group(pictures: Sequence[Asset]) -> image_group_pb2.ImageGroup:
    """Stored pictures as they travel. Raises InvalidArgumentError for what is none."""
    for position, picture in enumerate(pictures):
        if not isinstance(picture, Asset):
            raise InvalidArgumentError(
                f"picture {position} of the group must be a stored asset (client.assets.upload), got {picture!r}",
                field="video",
                reason="ASSET_EXPECTED",
            )
    return image_group_pb2.ImageGroup(assets=[picture.name for picture in pictures])


def frame_range(
    start: int | None, end: int | None, count: int | None, stride: int | None, *, backward: bool = False
) -> frame_range_pb2.FrameRange:
    """Which frames of a video. Raises InvalidArgumentError where that cannot be."""
    for name, value, least in (
        ("start", start, 0),
        ("end", end, start or 0),
        ("count", count, 1),
        ("stride", stride, 1),
    ):
        if value is not None and not isinstance(value, int):
            raise InvalidArgumentError(
                f"{name} must be a whole number, got {value!r}", field=name, reason="FRAME_RANGE_INVALID", value=value
            )
        if value is not None and value < least:
            raise InvalidArgumentError(
                f"{name} must be at least {least}, got {value}", field=name, reason="FRAME_RANGE_INVALID", value=value
            )
    # Beyond what a message can hold nothing changes any more.
    end, count = (None if value is None else min(value, _MOST_FRAMES) for value in (end, count))
    return frame_range_pb2.FrameRange(
        start_index=min(start or 0, _MOST_FRAMES),
        end_index=end,
        count=count,
        stride=min(stride or 1, _MOST_STRIDE),
        direction=frame_range_pb2.FrameRange.BACKWARD if backward else frame_range_pb2.FrameRange.FORWARD,
    )


def image_portions(images: Sequence[ImageLike]) -> Iterator[list[inference_service_pb2.ImageSource]]:
    """Pictures as they travel, in portions that fit into a message."""
    portion: list[inference_service_pb2.ImageSource] = []
    size = 0
    for position, image in enumerate(images):
        source = image_source(image, position=position)
        if portion and (len(portion) >= _IMAGES_PER_CALL or size + len(source.data) > _BYTES_PER_CALL):
            yield portion
            portion, size = [], 0
        portion.append(source)
        size += len(source.data)
    if portion:
        yield portion


def _chunks(
    request: inference_service_pb2.PredictVideoRequest, path: Path
) -> Iterator[inference_service_pb2.PredictVideoUploadRequest]:
    yield inference_service_pb2.PredictVideoUploadRequest(request=request)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield inference_service_pb2.PredictVideoUploadRequest(chunk=chunk)
