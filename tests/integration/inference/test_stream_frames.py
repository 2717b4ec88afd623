"""Live streams through a real service."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from framecast import Client, FrameResult, LiveFrame
from framecast.errors import InvalidArgumentError
from framecast.v1.inference_service_pb2 import StreamFramesRequest
from framecast.v1.live_frame_pb2 import LiveFrame as WireFrame

from .conftest import Services

CAR = "videos/car_h264_cfr.mp4"


@pytest.fixture(scope="module")
def client(services: Services) -> Iterator[Client]:
    with Client(services.registry.address, inference_address=services.inference.address) as made:
        yield made


def plain(result: FrameResult) -> tuple[object, ...]:
    found = result.unwrap().instances
    return found.boxes.tolist(), found.scores.tolist(), found.names


def test_frames_are_answered_as_pictures_and_videos_are(client: Client, services: Services, shared_data: Path) -> None:
    path = shared_data / "images_odd/chelsea_rgb.png"
    rgb = np.asarray(Image.open(path).convert("RGB"))
    frames: list[Any] = [path, rgb, path.read_bytes(), LiveFrame(rgb, 77, 1.5)]
    with client.stream_frames(services.yolox, frames, confidence=0.2) as stream:
        assert stream.settings.confidence == 0.2
        results = list(stream)
    assert [each.id for each in results] == [0, 1, 2, 77]
    assert [each.result.frame_index for each in results] == [0, 1, 2, 3]
    assert [each.result.time for each in results] == [None, None, None, 1.5]
    (alone,) = client.predict(services.yolox, path, confidence=0.2)
    assert [plain(each.result) for each in results] == [plain(alone)] * 4


@pytest.mark.parametrize("layout", ["i420", "nv12"])
def test_a_videos_planes_give_what_the_video_gives(
    client: Client, services: Services, shared_data: Path, layout: str
) -> None:
    def frames() -> Iterator[LiveFrame]:
        with av.open(str(shared_data / CAR)) as container:
            for number, frame in enumerate(container.decode(video=0)):
                if number == 4:
                    return
                name = {"i420": "yuv420p", "nv12": "nv12"}[layout]
                pixels: Any = frame.to_ndarray(format=name)
                yield LiveFrame(pixels, yuv=layout)

    with client.stream_frames(services.yolox, frames(), confidence=0.05) as stream:
        live = [plain(each.result) for each in stream]
    with client.predict_video(services.yolox, shared_data / CAR, count=4, confidence=0.05) as video:
        whole = [plain(result) for result in video]
    assert any(names for _, _, names in whole)
    assert live == whole


def test_results_come_while_frames_are_still_sent_and_settings_change_on_the_way(
    client: Client, services: Services, shared_data: Path
) -> None:
    picture = (shared_data / "images_odd/chelsea_rgb.png").read_bytes()
    answered_once = threading.Event()

    def frames() -> Iterator[bytes]:
        yield picture
        assert answered_once.wait(30)
        stream.update_settings(confidence=0.01)
        yield picture

    with client.stream_frames(services.yolox, frames(), confidence=0.9) as stream:
        first = next(stream)
        answered_once.set()
        second = next(stream)
        assert list(stream) == []
    assert first.settings is None
    assert second.settings is not None
    assert second.settings.confidence == pytest.approx(0.01)
    assert stream.settings == second.settings
    assert len(second.result.unwrap().instances) > len(first.result.unwrap().instances)


def test_what_goes_wrong_in_the_callers_own_frames_is_the_callers_error(client: Client, services: Services) -> None:
    def frames() -> Iterator[np.ndarray]:
        yield np.zeros((32, 32, 3), np.uint8)
        raise ZeroDivisionError("the camera broke")

    with pytest.raises(ZeroDivisionError), client.stream_frames(services.yolox, frames()) as stream:
        list(stream)


def test_a_bad_frame_fails_alone_and_bad_settings_end_the_stream(client: Client, services: Services) -> None:
    picture = np.zeros((32, 32, 3), np.uint8)
    with client.stream_frames(services.yolox, [b"nonsense", picture]) as stream:
        bad, good = stream
    assert isinstance(bad.result.error, InvalidArgumentError)
    assert good.result.error is None

    def frames() -> Iterator[np.ndarray]:
        yield picture
        assert answered_once.wait(30)
        live.update_settings(classes=("unicorn",))
        yield picture

    answered_once = threading.Event()
    with client.stream_frames(services.yolox, frames()) as live:
        next(live)
        answered_once.set()
        with pytest.raises(InvalidArgumentError, match="unicorn"):
            next(live)


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([], "STREAM_ORDER"),
        ([StreamFramesRequest(frame=WireFrame())], "STREAM_ORDER"),
        ([StreamFramesRequest(start=StreamFramesRequest.Start(max_in_flight=257))], "IN_FLIGHT_OUT_OF_RANGE"),
        ([StreamFramesRequest(start=StreamFramesRequest.Start(max_in_flight=-1))], "IN_FLIGHT_OUT_OF_RANGE"),
    ],
)
def test_messages_out_of_order_are_refused(
    services: Services, messages: list[StreamFramesRequest], reason: str
) -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        list(services.stub.StreamFrames(iter(messages)))
    assert refused.value.reason == reason
