"""What the trainer exports, the service serves: one network of each kind, with random weights."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from framecast import Client, FailedPreconditionError, InvalidArgumentError  # needs torch first
from framecast.v1.frame_range_pb2 import FrameRange
from framecast.v1.inference_service_pb2 import (
    ImageSource,
    PredictImagesRequest,
    PredictVideoRequest,
)
from framecast.v1.inference_settings_pb2 import InferenceSettings
from framecast_trainer.learning.architectures import ARCHITECTURES, SERVED_ONLY
from tests.support.exported_models import NAMES, register_export, smallest
from tests.support.outside_yolox import PROJECT, store_asset

from .conftest import Services

EVERYTHING = InferenceSettings(confidence_threshold=0.0, max_detections=5)


def register(services: Services, architecture: str, folder: Path, picture: Path) -> str:
    entry = (ARCHITECTURES | SERVED_ONLY)[architecture]
    backbone = smallest(entry.backbones)
    channel, store = services.registry_channel, services.registry.object_store_url
    return register_export(entry, channel, store, folder, picture, backbone=backbone)


def client_of(services: Services) -> Client:
    return Client(
        services.registry.address,
        inference_address=services.inference.address,
        project=PROJECT.removeprefix("projects/"),
    )


def check_what_users_see(services: Services, version: str, picture: Path) -> None:
    with client_of(services) as client:
        found = client.detect(version, picture, confidence=0.0, max_detections=3)
    if found.segmentation is None:
        scores = [point.score for instance in found.instances for point in instance.keypoints]
        assert all(score is not None and 0 <= score <= 1 for score in scores)
        assert len(found.instances[0].keypoints) == 2
        return
    label_map = found.segmentation.to_array()
    assert label_map.shape == (found.height, found.width)
    for segment in found.segmentation.segments:
        assert (label_map == segment.category_id).sum() == segment.area
        assert segment.share == pytest.approx(segment.area / label_map.size)


def test_embeddings_come_as_arrays(services: Services, shared_data: Path, tmp_path: Path) -> None:
    pictures = sorted((shared_data / "coco_ccby/images").iterdir())
    version = register(services, "resnet18", tmp_path, pictures[0])
    with client_of(services) as client:
        assert client.load(version).embedding_size == 512
        assert client.load(services.yolox).embedding_size == 0
        vectors = client.embed(version, pictures, normalize=True)
        assert vectors.shape == (len(pictures), 512)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
        np.testing.assert_array_equal(client.embed(version, pictures[1], normalize=True), vectors[1:2])
        boxes: list[list[list[float]]] = [[], [[0, 0, 90, 50], [30, 40, 200, 300]], [[5, 5, 60, 60]]]
        parts = client.embed_patches(version, pictures[:3], boxes, force_square=True, alpha=0.1)
        assert [each.shape for each in parts] == [(0, 512), (2, 512), (1, 512)]
        whole = client.embed_patches(version, pictures[:3], [[]] * 3, handle_missing="image", normalize=True)
        np.testing.assert_array_equal(np.concatenate(whole), vectors[:3])
        with pytest.raises(FailedPreconditionError) as refused:
            client.embed(services.yolox, pictures[0])
        assert refused.value.reason == "NO_EMBEDDINGS"
        with pytest.raises(InvalidArgumentError):
            client.embed_patches(version, pictures[:1], [[]], handle_missing="error")


@pytest.mark.parametrize(
    "architecture",
    ["resnet18", "yolov5n", "faster_rcnn", "mask_rcnn", "keypoint_rcnn", "lraspp_mobilenet_v3_large"],
)
def test_a_fresh_export_streams_and_answers_for_pictures(
    services: Services, shared_data: Path, tmp_path: Path, architecture: str
) -> None:
    picture = next(iter(sorted((shared_data / "coco_ccby/images").iterdir())))
    version = register(services, architecture, tmp_path, picture)
    response = services.stub.PredictImages(
        PredictImagesRequest(
            model_version=version, images=[ImageSource(data=picture.read_bytes())] * 2, settings=EVERYTHING
        )
    )
    assert response.model.architecture == architecture
    assert [category.id for category in response.model.categories] == [10, 11, 12]
    first, second = (result.prediction for result in response.results)
    assert first == second
    if architecture == "resnet18":
        assert sum(label.score for label in first.labels) == pytest.approx(1, abs=1e-4)
        assert {label.category for label in first.labels} == set(NAMES)
    elif architecture == "lraspp_mobilenet_v3_large":
        assert sum(first.segmentation.run_lengths) == first.width * first.height
        assert {segment.category for segment in first.segmentation.segments} <= set(NAMES)
        assert first.segmentation.segments
    else:
        assert 0 < len(first.instances) <= 5
        assert all(len(each.keypoints) == 2 * (architecture == "keypoint_rcnn") for each in first.instances)
        scores = [instance.score for instance in first.instances]
        assert scores == sorted(scores, reverse=True)
    for instance in first.instances:
        for polygon in instance.polygons:
            xs, ys = polygon.exterior.coordinates[::2], polygon.exterior.coordinates[1::2]
            assert len(xs) >= 3
            assert 0 <= min(xs) <= max(xs) <= first.width
            assert 0 <= min(ys) <= max(ys) <= first.height
    if architecture in ("keypoint_rcnn", "lraspp_mobilenet_v3_large"):
        check_what_users_see(services, version, picture)
    asset = store_asset(services.registry_channel, shared_data / "videos/car_rotated_ccw90.mp4")
    header, *frames = services.stub.PredictVideo(
        PredictVideoRequest(
            model_version=version,
            asset=asset.name,
            frame_range=FrameRange(start_index=50, stride=3, count=3),
            settings=EVERYTHING,
        )
    )
    assert header.header.model.model_version == version
    assert [frame.result.frame_index for frame in frames] == [50, 53, 56]
    assert {(frame.result.prediction.width, frame.result.prediction.height) for frame in frames} == {(432, 768)}
