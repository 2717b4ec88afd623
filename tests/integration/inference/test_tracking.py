"""Objects of a real video keep their ids, also where the stream breaks off."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framecast.errors import InvalidArgumentError
from framecast.v1.frame_range_pb2 import FrameRange
from framecast.v1.inference_service_pb2 import (
    ImageSource,
    PredictImagesRequest,
    PredictVideoRequest,
    PredictVideoResponse,
)
from framecast.v1.inference_settings_pb2 import InferenceSettings
from tests.support.outside_yolox import store_asset

from .conftest import Services

# Seen from above, the network takes cars for this and that; what an object is called may change on its way.
TRACKED = InferenceSettings(confidence_threshold=0.3, iou_threshold=0.5, class_agnostic=True, track=True)


def answers(services: Services, request: PredictVideoRequest) -> list[PredictVideoResponse]:
    return list(services.stub.PredictVideo(request))[1:]


def request_for(services: Services, video: Path, settings: InferenceSettings, **frames: Any) -> PredictVideoRequest:
    asset = store_asset(services.registry_channel, video)
    return PredictVideoRequest(
        model_version=services.yolox, asset=asset.name, settings=settings, frame_range=FrameRange(**frames)
    )


def without_ids(messages: list[PredictVideoResponse]) -> list[bytes]:
    plain = []
    for message in messages:
        message = PredictVideoResponse(result=message.result)
        for instance in message.result.prediction.instances:
            instance.track_id = 0
        plain.append(message.SerializeToString(deterministic=True))
    return plain


def ways(frames: list[PredictVideoResponse]) -> dict[int, list[tuple[int, float]]]:
    """Where each object was: frame and height of its middle, by id; 0 has what had none yet."""
    found: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for frame in frames:
        for instance in frame.result.prediction.instances:
            middle = (instance.box.y_min + instance.box.y_max) / 2
            found[instance.track_id].append((frame.result.frame_index, middle))
    return found


def test_a_car_keeps_its_id_on_its_way(services: Services, shared_data: Path) -> None:
    request = request_for(services, shared_data / "videos/car_h264_cfr.mp4", TRACKED, start_index=62, end_index=102)
    frames = answers(services, request)
    found = ways(frames)
    longest = max(found.values(), key=len)
    assert len(longest) >= 30
    assert len(longest) > 0.8 * sum(map(len, found.values()))
    heights = [height for _, height in longest]
    assert heights[0] - heights[-1] > 200
    assert (np.diff(heights) < 25).all(), "it never jumps back"

    request.settings.track = False
    assert without_ids(answers(services, request)) == without_ids(frames), "tracking changes nothing but the ids"


def test_things_that_stand_keep_their_ids(services: Services, shared_data: Path) -> None:
    request = request_for(services, shared_data / "videos/bottle_mjpeg.avi", TRACKED, stride=5)
    frames = answers(services, request)
    assert len(frames) == 18
    for frame in frames:
        bottles = sorted(frame.result.prediction.instances, key=lambda instance: instance.box.x_min)
        assert sorted(each.track_id for each in bottles) == [1, 2, 3]
        assert [each.track_id for each in bottles] == [
            each.track_id for each in sorted(frames[0].result.prediction.instances, key=lambda one: one.box.x_min)
        ]


@pytest.mark.parametrize("frames", [{"stride": 2}, {"direction": FrameRange.BACKWARD}])
def test_stream_that_breaks_off_goes_on_with_the_same_ids(
    services: Services, shared_data: Path, frames: dict[str, Any]
) -> None:
    video = shared_data / "videos/car_h264_cfr.mp4"
    request = request_for(services, video, TRACKED, start_index=60, end_index=84, **frames)
    whole = answers(services, request)
    assert {each.track_id for one in whole for each in one.result.prediction.instances} - {0}
    for stop in (3, len(whole) - 4):
        request.resume_token = whole[stop].progress.resume_token
        assert answers(services, request) == whole[stop + 1 :]


def test_tracking_is_refused_where_there_is_nothing_to_follow(services: Services, shared_data: Path) -> None:
    picture = next(iter(sorted((shared_data / "coco_ccby/images").iterdir())))
    request = PredictImagesRequest(
        model_version=services.yolox, images=[ImageSource(data=picture.read_bytes())], settings=TRACKED
    )
    with pytest.raises(InvalidArgumentError) as refused:
        services.stub.PredictImages(request)
    assert refused.value.reason == "TRACKING_NEEDS_FRAMES"
