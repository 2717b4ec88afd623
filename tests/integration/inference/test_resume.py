"""Streams that go on where an earlier one broke off."""

from pathlib import Path
from typing import Any

import pytest

from framecast.errors import DataLossError, InvalidArgumentError
from framecast.v1.frame_range_pb2 import FrameRange
from framecast.v1.inference_service_pb2 import (
    PredictVideoRequest,
    PredictVideoResponse,
    PredictVideoUploadRequest,
)
from framecast.v1.inference_settings_pb2 import InferenceSettings
from tests.support.outside_yolox import store_asset

from .conftest import Services

Received = tuple[list[PredictVideoResponse], DataLossError | None]


def stream(services: Services, request: PredictVideoRequest, *, most: int | None = None) -> Received:
    """A stream's messages behind the header, `most` of them, and how it ended."""
    responses = services.stub.PredictVideo(request)
    assert next(responses).HasField("header")
    received: list[PredictVideoResponse] = []
    try:
        while most is None or len(received) < most:
            received.append(next(responses))
    except StopIteration:
        return received, None
    except DataLossError as error:
        return received, error
    responses.cancel()
    return received, None


def request_for(services: Services, path: Path, **frame_range: Any) -> PredictVideoRequest:
    asset = store_asset(services.registry_channel, path)
    return PredictVideoRequest(model_version=services.yolox, asset=asset.name, frame_range=FrameRange(**frame_range))


@pytest.mark.parametrize(
    ("video", "frame_range"),
    [
        ("bottle_h264_bframes.mp4", {"start_index": 3, "stride": 7, "count": 20}),
        ("corrupt_middle.mp4", {"start_index": 150, "end_index": 175}),
        ("corrupt_middle.mp4", {"start_index": 150, "end_index": 175, "direction": FrameRange.BACKWARD}),
        ("truncated_faststart.mp4", {"start_index": 720}),
    ],
)
def test_broken_off_anywhere_each_frame_comes_once_and_the_end_is_the_same(
    services: Services, shared_data: Path, video: str, frame_range: dict[str, Any]
) -> None:
    request = request_for(services, shared_data / "videos" / video, **frame_range)
    whole, end = stream(services, request)
    assert len(whole) > 8
    for step in (1, 3, len(whole)):
        pieces: list[PredictVideoResponse] = []
        while len(pieces) < len(whole):
            request.resume_token = pieces[-1].progress.resume_token if pieces else ""
            received, _ = stream(services, request, most=step)
            assert received
            pieces += received
        assert pieces == whole
        request.resume_token = pieces[-1].progress.resume_token
        nothing, again = stream(services, request)
        assert nothing == []
        assert (again and (again.message, again.metadata)) == (end and (end.message, end.metadata))


def test_an_upload_goes_on_with_a_token_of_the_same_bytes_only(services: Services, shared_data: Path) -> None:
    folder = shared_data / "videos"
    request = PredictVideoRequest(model_version=services.yolox, frame_range=FrameRange(count=6))

    def upload(path: Path) -> Any:
        messages = [PredictVideoUploadRequest(request=request), PredictVideoUploadRequest(chunk=path.read_bytes())]
        return list(services.stub.PredictVideoUpload(iter(messages)))[1:]

    whole = upload(folder / "car_hevc.mp4")
    request.resume_token = whole[3].progress.resume_token
    assert upload(folder / "car_hevc.mp4") == whole[4:]
    with pytest.raises(InvalidArgumentError, match="another request"):
        upload(folder / "car_rotated_ccw90.mp4")


@pytest.mark.parametrize(
    "change",
    [
        {"frame_range": FrameRange(count=5)},
        {"settings": InferenceSettings(confidence_threshold=0.4)},
        {"resume_token": "nonsense"},
    ],
)
def test_a_token_that_does_not_fit_is_refused(services: Services, shared_data: Path, change: dict[str, Any]) -> None:
    request = request_for(services, shared_data / "videos/car_hevc.mp4", count=4)
    received, _ = stream(services, request, most=2)
    request.resume_token = received[-1].progress.resume_token
    request.MergeFrom(PredictVideoRequest(**change))
    with pytest.raises(InvalidArgumentError) as refused:
        list(services.stub.PredictVideo(request))
    assert refused.value.reason == "RESUME_TOKEN_INVALID"
