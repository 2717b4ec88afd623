"""Pictures over the wire."""

import json
from pathlib import Path

import numpy as np
import pytest

from framecast.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from framecast.status import from_status
from framecast.v1 import registry_service_pb2, registry_service_pb2_grpc
from framecast.v1.inference_service_pb2 import (
    ImageSource,
    LoadModelVersionRequest,
    PredictImagesRequest,
    PredictImagesResponse,
)
from framecast.v1.inference_settings_pb2 import InferenceSettings
from framecast.v1.model_pb2 import ModelVersion
from tests.support.outside_yolox import PROJECT, store_asset

from .conftest import Services

REFERENCE = InferenceSettings(confidence_threshold=0.01, iou_threshold=0.65, max_detections=100)


def predict(services: Services, *images: ImageSource, settings: InferenceSettings = REFERENCE) -> PredictImagesResponse:
    response: PredictImagesResponse = services.stub.PredictImages(
        PredictImagesRequest(model_version=services.yolox, images=images, settings=settings)
    )
    return response


def test_an_imported_detector_answers_as_its_reference(services: Services, shared_data: Path) -> None:
    folder = shared_data / "coco_ccby"
    listed = json.loads((folder / "yolox_nano_dets.json").read_text())
    photos = json.loads((folder / "instances.json").read_text())["images"]
    files = [folder / "images" / photo["file_name"] for photo in photos]
    response = predict(services, *(ImageSource(data=file.read_bytes()) for file in files))
    for photo, result in zip(photos, response.results, strict=True):
        expected = [entry for entry in listed if entry["image_id"] == photo["id"]]
        found = [
            (each.category_id, each.score, each.box.x_min, each.box.y_min, each.box.x_max, each.box.y_max)
            for each in result.prediction.instances
        ]
        assert len(found) == len(expected)
        for entry in expected:
            x, y, width, height = entry["bbox"]
            wanted = (entry["category_id"], entry["score"], x, y, x + width, y + height)
            # categories equal, scores within 0.001, corners within 0.05 pixels
            limits = (0.5, 0.001, 0.05, 0.05, 0.05, 0.05)
            assert any((np.abs(np.subtract(each, wanted)) < limits).all() for each in found), entry


def test_every_odd_picture_has_a_result_or_an_error_of_its_own(services: Services, shared_data: Path) -> None:
    listed = json.loads((shared_data / "images_odd.json").read_text())["images"]
    images = [
        ImageSource(data=(shared_data / entry["file"]).read_bytes(), display_name=Path(entry["file"]).name)
        for entry in listed
    ]
    response = predict(services, *images)
    assert [result.frame_index for result in response.results] == list(range(len(listed)))
    for entry, result in zip(listed, response.results, strict=True):
        if entry["expect"].startswith("ok"):
            assert [result.prediction.width, result.prediction.height] == entry["display_size"], entry["file"]
        else:
            error = from_status(result.error)
            assert isinstance(error, InvalidArgumentError)
            assert Path(entry["file"]).name in error.message
            assert error.reason in {"IMAGE_TOO_LARGE", "IMAGE_TRUNCATED", "MEDIA_TYPE_UNSUPPORTED"}


def test_results_do_not_depend_on_the_neighbours(services: Services, shared_data: Path) -> None:
    files = sorted((shared_data / "coco_ccby/images").iterdir())
    images = [ImageSource(data=file.read_bytes()) for file in files]
    together = predict(services, *images, ImageSource(data=b"broken"), *images)
    for position, image in enumerate(images):
        alone = predict(services, image).results[0].prediction.SerializeToString(deterministic=True)
        for each in (position, position + len(images) + 1):
            assert together.results[each].prediction.SerializeToString(deterministic=True) == alone


def test_a_stored_picture_is_found_by_name(services: Services, shared_data: Path) -> None:
    file = sorted((shared_data / "coco_ccby/images").iterdir())[0]
    asset = store_asset(services.registry_channel, file)
    response = predict(
        services,
        ImageSource(asset=asset.name),
        ImageSource(data=file.read_bytes()),
        ImageSource(asset=f"{PROJECT}/assets/{'0' * 64}", display_name="gone.jpg"),
        ImageSource(asset="nonsense"),
    )
    assert response.results[0].prediction == response.results[1].prediction
    assert isinstance(from_status(response.results[2].error), NotFoundError)
    assert isinstance(from_status(response.results[3].error), InvalidArgumentError)


def test_settings_apply_and_are_echoed(services: Services, shared_data: Path) -> None:
    image = ImageSource(data=sorted((shared_data / "coco_ccby/images").iterdir())[1].read_bytes())
    everything = predict(services, image)
    one = predict(services, image, settings=InferenceSettings(max_detections=1))
    assert one.settings.max_detections == 1
    assert one.settings.confidence_threshold == pytest.approx(0.3)
    assert one.settings.iou_threshold == pytest.approx(0.45)
    assert one.settings.rdp_threshold == pytest.approx(0.005)
    assert one.results[0].prediction.instances[:] == everything.results[0].prediction.instances[:1]
    people = predict(services, image, settings=InferenceSettings(categories=["person"], confidence_threshold=0.01))
    assert {instance.category for instance in people.results[0].prediction.instances} == {"person"}


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        (InferenceSettings(confidence_threshold=1.5), "settings.confidence_threshold"),
        (InferenceSettings(iou_threshold=-0.1), "settings.iou_threshold"),
        (InferenceSettings(rdp_threshold=0.02), "settings.rdp_threshold"),
        (InferenceSettings(max_detections=0), "settings.max_detections"),
        (InferenceSettings(categories=["persn"]), "settings.categories"),
        (InferenceSettings(confidence_threshold=float("nan")), "settings.confidence_threshold"),
    ],
)
def test_settings_out_of_range_name_their_field(services: Services, settings: InferenceSettings, field: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        predict(services, ImageSource(data=b""), settings=settings)
    assert caught.value.field == field


@pytest.mark.parametrize("count", [0, 1025])
def test_the_number_of_pictures_is_limited(services: Services, count: int) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        predict(services, *[ImageSource(data=b"x")] * count)
    assert caught.value.reason == "IMAGE_COUNT"


def test_the_greatest_request_keeps_its_order(services: Services) -> None:
    response = predict(services, *[ImageSource(data=b"x")] * 1024)
    assert [result.frame_index for result in response.results] == list(range(1024))
    assert response.results[1023].error.message.startswith("picture 1023 ")


def test_a_loaded_model_tells_what_it_is(services: Services) -> None:
    model = services.stub.LoadModelVersion(LoadModelVersionRequest(model_version=services.yolox))
    assert model.model_version == services.yolox
    assert model.architecture == "yolox_nano"
    assert len(model.categories) == 80
    assert (model.input_width, model.input_height) == (416, 416)
    assert model.engine == "CPUExecutionProvider"
    version = registry_service_pb2_grpc.RegistryServiceStub(services.registry_channel).GetModelVersion(
        registry_service_pb2.GetModelVersionRequest(name=services.yolox)
    )
    assert version.bundle.endswith(model.bundle_sha256)


def test_a_version_that_is_not_trained_is_refused_with_its_state(services: Services) -> None:
    stub = registry_service_pb2_grpc.RegistryServiceStub(services.registry_channel)
    created = stub.CreateModelVersion(
        registry_service_pb2.CreateModelVersionRequest(
            parent=f"{PROJECT}/models/unfinished",
            model_version=ModelVersion(architecture="yolov5n"),
            allow_missing=True,
        )
    )
    with pytest.raises(FailedPreconditionError, match="CREATED") as caught:
        services.stub.LoadModelVersion(LoadModelVersionRequest(model_version=created.name))
    assert caught.value.metadata["state"] == "CREATED"


def test_names_that_are_wrong_or_unknown_are_told(services: Services) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        services.stub.LoadModelVersion(LoadModelVersionRequest(model_version="yolox"))
    assert caught.value.field == "model_version"
    with pytest.raises(NotFoundError):
        services.stub.LoadModelVersion(LoadModelVersionRequest(model_version=f"{PROJECT}/models/nobody/versions/1"))
