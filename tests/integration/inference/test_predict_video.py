"""Videos over the wire: every frame once, in order, with its exact index and time."""

import json
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from framecast import errors
from framecast.transport import open_channel
from framecast.v1 import inference_service_pb2_grpc
from framecast.v1.frame_range_pb2 import FrameRange
from framecast.v1.inference_service_pb2 import (
    LoadModelVersionRequest,
    PredictVideoRequest,
    PredictVideoResponse,
    PredictVideoUploadRequest,
)
from framecast.v1.inference_settings_pb2 import InferenceSettings
from framecast_inference.sources import video_reader
from framecast_inference.sources.video_picture import VideoPicture
from tests.support.inference_server import inference
from tests.support.outside_yolox import PROJECT, store_asset

from .conftest import Services

REASONS = {"no_video": "VIDEO_STREAM_MISSING", "unreadable": "VIDEO_UNREADABLE", "zero_frames": "VIDEO_EMPTY"}


def stored(services: Services, path: Path, **frame_range: Any) -> Any:
    """The responses for a stored video, as they come."""
    asset = store_asset(services.registry_channel, path)
    return services.stub.PredictVideo(
        PredictVideoRequest(model_version=services.yolox, asset=asset.name, frame_range=FrameRange(**frame_range))
    )


def upload(services: Services, path: Path, *, stub: Any = None, chunk_bytes: int = 65536, **frame_range: Any) -> Any:
    """The same for a video that is sent along."""

    def messages() -> Iterator[PredictVideoUploadRequest]:
        yield PredictVideoUploadRequest(
            request=PredictVideoRequest(model_version=services.yolox, frame_range=FrameRange(**frame_range))
        )
        data = path.read_bytes()
        for start in range(0, len(data), chunk_bytes):
            yield PredictVideoUploadRequest(chunk=data[start : start + chunk_bytes])

    return (stub or services.stub).PredictVideoUpload(messages())


def serialized(responses: list[PredictVideoResponse]) -> list[bytes]:
    return [response.SerializeToString(deterministic=True) for response in responses]


def until(condition: Any) -> None:
    for _ in range(400):
        if condition():
            return
        time.sleep(0.025)
    raise AssertionError("it did not come to pass")


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with each frame that is decoded for a model."""
    seen: list[int] = []

    def counting(frame: Any, orientation: Any) -> VideoPicture:
        seen.append(frame.pts)
        return VideoPicture(frame, orientation)

    monkeypatch.setattr(video_reader, "VideoPicture", counting)
    return seen


def test_a_stream_has_its_terms_first_and_then_each_frame_once(services: Services, shared_data: Path) -> None:
    first, *rest = stored(services, shared_data / "videos/bottle_h264_bframes.mp4", end_index=60)
    header = first.header
    assert (header.width, header.height, header.total_frames, header.video_frames) == (640, 360, 61, 1189)
    assert header.average_frame_rate == pytest.approx(179 / 6)
    assert Fraction(header.time_base_numerator, header.time_base_denominator) == Fraction(1, 11456)
    loaded = services.stub.LoadModelVersion(LoadModelVersionRequest(model_version=services.yolox))
    assert header.model.bundle_sha256
    # What changes while a model is in memory, and what can be set, is said where models are asked for.
    assert all(getattr(loaded, field.name) == value for field, value in header.model.ListFields())
    assert header.settings.confidence_threshold == pytest.approx(0.3)
    assert not any(response.HasField("header") for response in rest)
    assert [response.result.frame_index for response in rest] == list(range(61))
    assert [response.result.pts for response in rest] == [384 * index for index in range(61)]
    assert [(each.progress.frames_done, each.progress.total_frames) for each in rest] == [
        (done, 61) for done in range(1, 62)
    ]
    for response in rest:
        duration = response.result.presentation_time
        exact = Fraction(384 * response.result.frame_index, 11456)
        assert abs(duration.seconds + Fraction(duration.nanos, 10**9) - exact) <= Fraction(1, 2 * 10**9)
        instances = response.result.prediction.instances
        assert sum(instance.category == "bottle" for instance in instances) >= 2


def test_uneven_times_are_exact_and_in_step_with_the_list(services: Services, shared_data: Path) -> None:
    listed = json.loads((shared_data / "videos/frames_bottle_h264_vfr_bframes_s0.json").read_text())["frames"]
    path = shared_data / "videos/bottle_h264_vfr_bframes.mp4"
    header, *rest = stored(services, path, start_index=25, stride=40, count=12)
    assert (header.header.total_frames, header.header.video_frames) == (12, 586)
    wanted = listed[25::40][:12]
    assert [(each.result.frame_index, each.result.pts) for each in rest] == [(row[0], row[1]) for row in wanted]


def test_an_uploaded_video_gives_the_same_bytes_as_a_stored_one(services: Services, shared_data: Path) -> None:
    path = shared_data / "videos/car_rotated_ccw90.mp4"
    from_store = serialized(list(stored(services, path, start_index=10, count=15)))
    assert len(from_store) == 16
    for chunk_bytes in (1 << 20, 10_007):
        sent = serialized(list(upload(services, path, chunk_bytes=chunk_bytes, start_index=10, count=15)))
        assert sent == from_store
    assert PredictVideoResponse.FromString(from_store[0]).header.height == 768
    assert services.spooled == []


@pytest.mark.parametrize(
    ("frame_range", "error", "field"),
    [
        ({"start_index": 100}, errors.OutOfRangeError, None),
        ({"start_index": 9, "end_index": 8}, errors.InvalidArgumentError, "frame_range.end_index"),
        ({"count": 0}, errors.InvalidArgumentError, "frame_range.count"),
        ({"stride": -1}, errors.InvalidArgumentError, "frame_range.stride"),
        ({"start_index": -5}, errors.InvalidArgumentError, "frame_range.start_index"),
    ],
)
def test_ranges_that_cannot_be_are_refused(
    services: Services, shared_data: Path, frame_range: dict[str, int], error: type[Exception], field: str | None
) -> None:
    with pytest.raises(error) as caught:
        list(upload(services, shared_data / "videos/car_hevc.mp4", **frame_range))
    assert getattr(caught.value, "field", None) == field
    if error is errors.OutOfRangeError:
        assert "100 frames" in str(caught.value)


def test_every_video_gives_frames_or_its_reason_and_the_service_lives_on(services: Services, shared_data: Path) -> None:
    for video in json.loads((shared_data / "videos.json").read_text())["videos"]:
        path = shared_data / video["file"]
        if video["expect"] in REASONS:
            with pytest.raises(errors.InvalidArgumentError) as caught:
                list(upload(services, path))
            assert caught.value.reason == REASONS[video["expect"]], path.name
        else:
            header, *rest = upload(services, path, start_index=1, stride=20, count=2)
            assert [response.result.frame_index for response in rest] == [1, 21], path.name
            assert header.header.total_frames == 2
    assert services.spooled == []


@pytest.mark.parametrize(
    ("name", "start", "end", "given", "first_missing"),
    [
        ("truncated_faststart.mp4", 729, 1188, [729, 730, 731], 732),
        ("truncated_faststart.mp4", 1000, 1001, [], 1000),
        ("corrupt_middle.mp4", 158, 165, [158, 159, 164, 165], 160),
    ],
)
def test_a_damaged_video_gives_its_whole_frames_and_then_data_loss(
    services: Services, shared_data: Path, name: str, start: int, end: int, given: list[int], first_missing: int
) -> None:
    responses = upload(services, shared_data / "videos" / name, start_index=start, end_index=end)
    next(responses)
    seen: list[int] = []
    with pytest.raises(errors.DataLossError) as caught:
        seen.extend(response.result.frame_index for response in responses)
    assert seen == given
    assert caught.value.reason == "VIDEO_DAMAGED"
    assert caught.value.metadata["frame_index"] == str(first_missing)


def test_cancelling_stops_the_work(services: Services, shared_data: Path, decoded: list[int]) -> None:
    threads = threading.active_count()
    responses = upload(services, shared_data / "videos/bottle_h264_bframes.mp4")
    for _ in range(6):
        next(responses)
    responses.cancel()
    with pytest.raises(errors.CancelledError):
        list(responses)
    until(lambda: threading.active_count() <= threads and services.spooled == [])
    count = len(decoded)
    assert count < 300
    time.sleep(0.2)
    assert len(decoded) == count


def test_a_deadline_stops_the_work(services: Services, shared_data: Path, decoded: list[int]) -> None:
    asset = store_asset(services.registry_channel, shared_data / "videos/bottle_h264_bframes.mp4")
    with pytest.raises(errors.DeadlineExceededError):
        list(
            services.stub.PredictVideo(PredictVideoRequest(model_version=services.yolox, asset=asset.name), timeout=0.5)
        )
    time.sleep(0.3)
    count = len(decoded)
    assert count < 300
    time.sleep(0.2)
    assert len(decoded) == count


def test_an_upload_that_breaks_off_leaves_nothing(services: Services, shared_data: Path) -> None:
    started = threading.Event()

    def messages() -> Iterator[PredictVideoUploadRequest]:
        yield PredictVideoUploadRequest(request=PredictVideoRequest(model_version=services.yolox))
        yield PredictVideoUploadRequest(chunk=b"\0" * 100_000)
        started.set()
        time.sleep(60)

    with open_channel(services.inference.address) as channel:
        call = inference_service_pb2_grpc.InferenceServiceStub(channel).PredictVideoUpload(messages())
        assert started.wait(10)
        until(lambda: len(services.spooled) == 1)
        call.cancel()
        until(lambda: services.spooled == [])


def test_an_upload_above_the_limit_is_refused(services: Services, shared_data: Path, tmp_path: Path) -> None:
    with (
        inference(
            tmp_path,
            registry_address=services.registry.address,
            object_store_url=services.registry.object_store_url,
            max_upload_bytes=100_000,
        ) as small,
        open_channel(small.address) as channel,
    ):
        stub = inference_service_pb2_grpc.InferenceServiceStub(channel)
        with pytest.raises(errors.ResourceExhaustedError) as caught:
            list(upload(services, shared_data / "videos/bottle_h264_bframes.mp4", stub=stub))
        assert caught.value.reason == "UPLOAD_TOO_LARGE"
        assert len(list(upload(services, shared_data / "videos/car_hevc.mp4", stub=stub, count=2))) == 3


def test_an_unknown_asset_and_a_picture_are_no_videos(services: Services, shared_data: Path) -> None:
    with pytest.raises(errors.NotFoundError):
        list(
            services.stub.PredictVideo(
                PredictVideoRequest(model_version=services.yolox, asset=f"{PROJECT}/assets/{'0' * 64}")
            )
        )
    with pytest.raises(errors.InvalidArgumentError, match=r"chelsea_rgb\.png is image/png"):
        list(stored(services, shared_data / "images_odd/chelsea_rgb.png"))


def test_wrong_settings_are_told_before_the_upload_is_read(services: Services) -> None:
    asked = []

    def messages() -> Iterator[PredictVideoUploadRequest]:
        yield PredictVideoUploadRequest(
            request=PredictVideoRequest(
                model_version=services.yolox, settings=InferenceSettings(confidence_threshold=2.0)
            )
        )
        asked.append(1)
        time.sleep(20)

    with pytest.raises(errors.InvalidArgumentError) as caught:
        list(services.stub.PredictVideoUpload(messages()))
    assert caught.value.field == "settings.confidence_threshold"


def test_streams_beside_each_other_do_not_mix(services: Services, shared_data: Path) -> None:
    path = shared_data / "videos/bottle_h264_bframes.mp4"
    alone = serialized(list(stored(services, path, start_index=100, count=8)))
    results: list[list[bytes]] = []

    def stream(start: int) -> None:
        results.append(serialized(list(stored(services, path, start_index=start, count=8))))

    threads = [threading.Thread(target=stream, args=(start,)) for start in (100, 300, 100, 500)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(result == alone for result in results) == 2
    assert {PredictVideoResponse.FromString(result[1]).result.frame_index for result in results} == {100, 300, 500}
