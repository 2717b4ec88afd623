"""Stored pictures predicted as the frames of a sequence."""

from pathlib import Path
from typing import Any

import pytest

from framecast.errors import InvalidArgumentError, NotFoundError
from framecast.status import from_status
from framecast.v1.frame_range_pb2 import FrameRange
from framecast.v1.image_group_pb2 import ImageGroup
from framecast.v1.inference_service_pb2 import (
    PRIORITY_INTERACTIVE,
    ImageSource,
    PredictImagesRequest,
    PredictVideoRequest,
)
from tests.support.outside_yolox import store_asset

from .conftest import Services


@pytest.fixture(scope="module")
def pictures(services: Services, shared_data: Path) -> list[str]:
    files = sorted((shared_data / "images_odd").glob("chelsea*"))[:3]
    assert len(files) == 3
    return [store_asset(services.registry_channel, path).name for path in files]


def stream(services: Services, assets: list[str], **fields: Any) -> list[Any]:
    group = ImageGroup(assets=assets)
    return list(
        services.stub.PredictVideo(PredictVideoRequest(model_version=services.yolox, image_group=group, **fields))
    )


def test_a_group_gives_each_picture_by_its_frame_index(services: Services, pictures: list[str]) -> None:
    header, *answers = stream(services, pictures, priority=PRIORITY_INTERACTIVE)
    assert (header.header.total_frames, header.header.video_frames, header.header.width) == (3, 3, 0)
    assert [answer.result.frame_index for answer in answers] == [0, 1, 2]
    assert [answer.result.asset for answer in answers] == pictures
    alone = services.stub.PredictImages(
        PredictImagesRequest(model_version=services.yolox, images=[ImageSource(asset=name) for name in pictures])
    )
    assert [answer.result.prediction for answer in answers] == [result.prediction for result in alone.results]
    assert not answers[0].result.HasField("presentation_time")


def test_a_group_can_be_cut_turned_and_resumed(services: Services, pictures: list[str]) -> None:
    assets = [pictures[i % 3] for i in range(8)]
    backward = FrameRange(start_index=1, end_index=6, stride=2, direction=FrameRange.BACKWARD)
    _, *whole = stream(services, assets, frame_range=backward)
    assert [answer.result.frame_index for answer in whole] == [5, 3, 1]
    token = whole[0].progress.resume_token
    assert stream(services, assets, frame_range=backward, resume_token=token)[1:] == whole[1:]
    with pytest.raises(InvalidArgumentError, match="another request"):
        stream(services, assets[::-1], frame_range=backward, resume_token=token)


def test_what_is_wrong_with_a_picture_is_in_its_own_result(
    services: Services, pictures: list[str], shared_data: Path
) -> None:
    video = store_asset(services.registry_channel, shared_data / "videos/car_hevc.mp4").name
    gone = pictures[0][:-64] + "0" * 64
    _, *answers = stream(services, [pictures[0], video, gone, pictures[1]])
    assert [answer.result.HasField("prediction") for answer in answers] == [True, False, False, True]
    wrong, missing = (from_status(answers[i].result.error) for i in (1, 2))
    assert isinstance(wrong, InvalidArgumentError)
    assert (wrong.reason, wrong.field) == ("MEDIA_TYPE_UNSUPPORTED", "image_group.assets[1]")
    assert isinstance(missing, NotFoundError)


def test_exactly_one_source_must_be_named(services: Services, pictures: list[str]) -> None:
    for asset, group in ((pictures[0], ImageGroup(assets=pictures)), ("", None)):
        request = PredictVideoRequest(model_version=services.yolox, asset=asset, image_group=group)
        with pytest.raises(InvalidArgumentError) as refused:
            list(services.stub.PredictVideo(request))
        assert refused.value.reason == "SOURCE_COUNT"
    for assets in ([], [pictures[0]] * 10_001):
        with pytest.raises(InvalidArgumentError) as refused:
            stream(services, assets)
        assert refused.value.reason == "IMAGE_COUNT"
    with pytest.raises(InvalidArgumentError) as refused:
        stream(services, [pictures[0], "nonsense"])
    assert refused.value.field == "image_group.assets[1]"
