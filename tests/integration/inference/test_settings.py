"""What a request can set, through a real service: it takes effect, is echoed, and no neighbour notices."""

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import framecast_core
from framecast.errors import InvalidArgumentError, UnimplementedError
from framecast.transport import open_channel
from framecast.v1 import inference_service_pb2_grpc, registry_service_pb2, registry_service_pb2_grpc
from framecast.v1.frame_result_pb2 import Prediction
from framecast.v1.inference_service_pb2 import (
    ImageSource,
    LoadModelVersionRequest,
    PredictImagesRequest,
    PredictImagesResponse,
)
from framecast.v1.inference_settings_pb2 import InferenceSettings
from framecast.v1.model_pb2 import ModelVersion
from framecast_bundle import manifest as bundle_manifest
from framecast_runtime.object_store import open_object_store
from tests.support.inference_server import inference
from tests.support.outside_yolox import PROJECT
from tests.unit.bundle import tiny_bundles

from .conftest import Services

LOW = {"confidence_threshold": 0.05, "iou_threshold": 0.5}


def register(services: Services, bundle: tiny_bundles.TinyBundle, model: str) -> str:
    """A bundle as a trained version; returns its name."""
    store = open_object_store(services.registry.object_store_url)
    for file in bundle.manifest.files:
        assert store.put_blob(bundle.files[file.path]) == file.sha256
    digest = store.put_blob(bundle_manifest.to_json(bundle.manifest))
    registry = registry_service_pb2_grpc.RegistryServiceStub(services.registry_channel)
    version = registry.CreateModelVersion(
        registry_service_pb2.CreateModelVersionRequest(
            parent=f"{PROJECT}/models/{model}",
            model_version=ModelVersion(architecture=bundle.manifest.architecture),
            allow_missing=True,
        )
    )
    completed = registry.CompleteModelVersion(
        registry_service_pb2.CompleteModelVersionRequest(name=version.name, bundle=f"{PROJECT}/blobs/{digest}")
    )
    return str(completed.name)


@pytest.fixture(scope="module")
def masks(services: Services) -> str:
    return register(services, tiny_bundles.mask_rcnn(), "tiny-masks")


@pytest.fixture(scope="module")
def classifier(services: Services) -> str:
    return register(services, tiny_bundles.classifier(), "tiny-classes")


@pytest.fixture(scope="module")
def picture() -> bytes:
    file = io.BytesIO()
    Image.fromarray(tiny_bundles.images((120, 160))[0]).save(file, "png")
    return file.getvalue()


def predict(services: Services, model: str, picture: bytes, **settings: Any) -> PredictImagesResponse:
    response: PredictImagesResponse = services.stub.PredictImages(
        PredictImagesRequest(
            model_version=model, images=[ImageSource(data=picture)], settings=InferenceSettings(**settings)
        )
    )
    return response


def only(response: PredictImagesResponse) -> Prediction:
    (result,) = response.results
    assert result.WhichOneof("outcome") == "prediction", result
    return result.prediction


def test_run_lengths_are_what_lossless_polygons_outline(services: Services, masks: str, picture: bytes) -> None:
    for views in ({}, {"window_width": 64}, {"augment": True}):
        outlined = only(predict(services, masks, picture, rdp_threshold=0, **LOW, **views))
        encoded = only(predict(services, masks, picture, mask_format="RUN_LENGTHS", **LOW, **views))
        assert len(outlined.instances) == len(encoded.instances) > 0
        seen = 0
        for polygons, mask in zip(outlined.instances, encoded.instances, strict=True):
            assert not mask.polygons
            assert (mask.mask.width, mask.mask.height) == (160, 120)
            counts = np.array(mask.mask.counts, np.uint32)
            (pixels,) = framecast_core.rle_to_masks(counts, np.array([0, len(counts)]), 120, 160)
            assert pixels.sum() == mask.mask_area == polygons.mask_area
            rings = [
                np.array(ring.coordinates, np.float32).reshape(-1, 2)
                for polygon in polygons.polygons
                for ring in (polygon.exterior, *polygon.holes)
            ]
            splits = np.concatenate([[0], np.cumsum([len(ring) for ring in rings])]).astype(np.int64)
            points = np.concatenate([np.empty((0, 2), np.float32), *rings])
            np.testing.assert_array_equal(framecast_core.polygons_to_mask(points, splits, 120, 160), pixels)
            seen += int(pixels.sum())
        assert seen > 0
        boxes = only(predict(services, masks, picture, mask_format="NONE", **LOW, **views))
        assert [each.box for each in boxes.instances] == [each.box for each in outlined.instances]
        assert not any(each.polygons or each.mask.counts or each.mask_area for each in boxes.instances)


def test_logits_are_what_scores_are_made_of(services: Services, masks: str, classifier: str, picture: bytes) -> None:
    assert not only(predict(services, masks, picture, **LOW)).instances[0].logits
    found = only(predict(services, masks, picture, logits=True, **LOW))
    for instance in found.instances:
        logits = np.array(instance.logits, np.float64)  # The background first.
        score = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        assert len(score) == 1 + len(tiny_bundles.NAMES)
        assert np.abs(score[1:] - instance.score).min() < 1e-5
    for augment in (False, True):
        labelled = only(predict(services, classifier, picture, logits=True, augment=augment, confidence_threshold=0))
        assert len(labelled.logits) == len(tiny_bundles.NAMES)
        if not augment:
            logits = np.array(labelled.logits, np.float64)
            score = np.exp(logits) / np.exp(logits).sum()
            np.testing.assert_allclose(sorted(score)[::-1], [label.score for label in labelled.labels], atol=1e-6)


def test_a_debug_picture_shows_what_the_network_saw(services: Services, masks: str, picture: bytes) -> None:
    assert not only(predict(services, masks, picture)).HasField("debug_picture")
    nothing = only(predict(services, masks, picture, debug_picture=True, confidence_threshold=1)).debug_picture
    drawn = only(predict(services, masks, picture, debug_picture=True, **LOW)).debug_picture
    assert nothing.media_type == drawn.media_type == "image/png"
    bare, marked = (np.asarray(Image.open(io.BytesIO(each.data))).astype(int) for each in (nothing, drawn))
    assert bare.shape == marked.shape
    assert (bare != marked).any()
    original = np.asarray(Image.open(io.BytesIO(picture)))
    scale = bare.shape[1] / original.shape[1]
    resized = Image.fromarray(original).resize((bare.shape[1], round(original.shape[0] * scale)))
    assert np.abs(np.asarray(resized).astype(int).mean() - bare[: resized.height].mean()) < 3


def test_thresholds_by_category_take_effect(services: Services, masks: str, picture: bytes) -> None:
    everything = only(predict(services, masks, picture, **LOW)).instances
    name = everything[0].category
    without = only(predict(services, masks, picture, category_confidence_thresholds={name: 1.0}, **LOW)).instances
    assert {each.category for each in everything} - {each.category for each in without} == {name}
    alone = {"confidence_threshold": 1.0, "iou_threshold": 0.5, "category_confidence_thresholds": {name: 0.05}}
    assert {each.category for each in only(predict(services, masks, picture, **alone)).instances} == {name}


def test_settings_in_force_come_back(services: Services, masks: str, picture: bytes) -> None:
    given = InferenceSettings(
        confidence_threshold=0.25,
        iou_threshold=0.75,
        rdp_threshold=0.0,
        max_detections=7,
        class_agnostic=True,
        category_confidence_thresholds={"circle": 0.5},
        mask_format=InferenceSettings.RUN_LENGTHS,
        augment=True,
        window_width=100,
        window_height=50,
        window_overlap=0.5,
        logits=True,
        debug_picture=True,
        track=False,
        track_low_score=0.25,
        track_new_score=0.5,
        track_lost_frames=7,
        track_min_overlap=0.125,
    )
    response = services.stub.PredictImages(
        PredictImagesRequest(model_version=masks, images=[ImageSource(data=picture)], settings=given)
    )
    assert response.settings == given


def test_a_model_says_what_can_be_set(services: Services, masks: str, classifier: str, picture: bytes) -> None:
    described = {
        model: {
            schema.name: schema
            for schema in services.stub.LoadModelVersion(LoadModelVersionRequest(model_version=model)).settings
        }
        for model in (masks, classifier, services.yolox)
    }
    # Not with every answer: 80 categories by name make kilobytes of it.
    assert not predict(services, masks, picture).model.settings
    assert "mask_format" in described[masks]
    assert "mask_format" not in described[services.yolox]
    assert "window_width" not in described[classifier]
    assert "logits" not in described[services.yolox]
    assert described[services.yolox]["confidence_threshold"].default_json == "0.3"


def test_what_a_model_does_not_have_is_refused(services: Services, classifier: str, picture: bytes) -> None:
    with pytest.raises(UnimplementedError, match=r"does not support settings\.logits; it has confidence_threshold"):
        predict(services, services.yolox, picture, logits=True)
    with pytest.raises(UnimplementedError, match=r"settings\.window_width"):
        predict(services, classifier, picture, window_width=64)
    with pytest.raises(InvalidArgumentError, match=r"0 or in \[32, 8192\]"):
        predict(services, services.yolox, picture, window_width=31)


def test_a_picture_of_too_many_windows_fails_alone(services: Services, masks: str) -> None:
    files = []
    for size in ((1100, 1000), (40, 40)):
        file = io.BytesIO()
        Image.new("RGB", size).save(file, "png")
        files.append(file.getvalue())
    settings = InferenceSettings(window_width=32, window_overlap=0)
    response = services.stub.PredictImages(
        PredictImagesRequest(model_version=masks, images=[ImageSource(data=file) for file in files], settings=settings)
    )
    large, small = response.results
    assert "1120 windows" in large.error.message
    assert small.HasField("prediction")


@pytest.fixture(scope="module")
def sharing(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with (
        inference(
            tmp_path_factory.mktemp("sharing"),
            registry_address=services.registry.address,
            object_store_url=services.registry.object_store_url,
            max_batch=4,
            batch_wait_ms=20,
        ) as handle,
        open_channel(handle.address) as channel,
    ):
        yield inference_service_pb2_grpc.InferenceServiceStub(channel)


def test_requests_with_other_settings_share_batches_and_answer_as_alone(
    services: Services, sharing: Any, masks: str, picture: bytes
) -> None:
    formats = list(InferenceSettings.MaskFormat.values())
    asked = [
        PredictImagesRequest(
            model_version=masks,
            images=[ImageSource(data=picture)],
            settings=InferenceSettings(
                confidence_threshold=0.05 + number / 100,
                category_confidence_thresholds={"square": 0.1 + number / 50} if number % 2 else {},
                mask_format=formats[number % 4],
                augment=number % 3 == 0,
                window_width=(0, 64, 100)[number % 3],
                logits=number % 5 == 0,
                debug_picture=number % 7 == 0,
            ),
        )
        for number in range(16)
    ]
    alone = [services.stub.PredictImages(request).SerializeToString(deterministic=True) for request in asked]
    with ThreadPoolExecutor(len(asked)) as pool:
        together = list(pool.map(sharing.PredictImages, asked))
    assert [each.SerializeToString(deterministic=True) for each in together] == alone


def test_windows_find_what_is_too_small_for_the_whole(services: Services, shared_data: Path) -> None:
    """Six photos side by side: what each shows alone is found in their windows, once."""
    photos = [Image.open(path).convert("RGB") for path in sorted((shared_data / "coco_ccby/images").glob("*.jpg"))]
    sheet = Image.new("RGB", (640 * 3, 640 * 2), (114, 114, 114))
    expected: list[tuple[str, list[float]]] = []
    asked = {"confidence_threshold": 0.5, "iou_threshold": 0.5}
    for position in range(6):
        photo, at = photos[position % 3], (640 * (position % 3), 640 * (position // 3))
        sheet.paste(photo, at)
        file = io.BytesIO()
        photo.save(file, "png")
        for instance in only(
            predict(services, services.yolox, file.getvalue(), **LOW | {"confidence_threshold": 0.5})
        ).instances:
            box = instance.box
            corners = [box.x_min + at[0], box.y_min + at[1], box.x_max + at[0], box.y_max + at[1]]
            expected.append((instance.category, corners))
    file = io.BytesIO()
    sheet.save(file, "png")
    whole, windows = (
        only(predict(services, services.yolox, file.getvalue(), **asked, **views)).instances
        for views in ({}, {"window_width": 640, "window_overlap": 0.4})
    )
    boxes = np.array([corners for _, corners in expected], np.float32)

    def found(instances: Any) -> list[list[int]]:
        """For each thing expected, which instances show it."""
        seen = np.array([[i.box.x_min, i.box.y_min, i.box.x_max, i.box.y_max] for i in instances], np.float32)
        ious = framecast_core.box_iou(boxes, seen.reshape(-1, 4))
        return [
            [row for row, instance in enumerate(instances) if instance.category == name and ious[index, row] > 0.5]
            for index, (name, _) in enumerate(expected)
        ]

    assert sum(len(rows) > 0 for rows in found(windows)) >= 0.9 * len(expected)
    assert all(len(rows) <= 1 for rows in found(windows))
    assert sum(len(rows) > 0 for rows in found(whole)) < sum(len(rows) > 0 for rows in found(windows))
