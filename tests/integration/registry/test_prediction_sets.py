"""Predictions of dataset versions over the wire: whole or not at all, read from any position."""

import hashlib
import json
from typing import Any

import pytest

from framecast import errors
from framecast.v1 import annotation_pb2, dataset_pb2
from framecast.v1 import prediction_service_pb2 as pb
from framecast.v1 import registry_service_pb2 as registry_pb
from framecast.v1.frame_result_pb2 import FrameResult, Instance, Prediction
from framecast.v1.inference_settings_pb2 import InferenceSettings
from framecast.v1.prediction_service_pb2_grpc import PredictionServiceStub
from framecast.v1.prediction_set_pb2 import PredictionPart, PredictionResults, PredictionSet
from framecast_runtime.object_store import blob_path, open_object_store
from tests.support.pictures import picture
from tests.support.registry_api import PROJECT

CARS = f"{PROJECT}/datasets/cars"
VERSION = f"{CARS}/versions/1"
PICTURES = 5  # of which the last one is of the subset test


@pytest.fixture
def objects(server):
    return open_object_store(server.object_store_url)


@pytest.fixture
def stub(api):
    return PredictionServiceStub(api.channel)


@pytest.fixture
def made(api, objects):
    """Of a model version that answered; the dataset version is there, too."""
    assets = [api.create_asset(picture(width=32 + i, height=24), f"{i}.png").name for i in range(PICTURES)]
    subsets = [dataset_pb2.SUBSET_TRAIN] * (PICTURES - 1) + [dataset_pb2.SUBSET_TEST]
    items = [dataset_pb2.DatasetItem(asset=asset, subset=part) for asset, part in zip(assets, subsets, strict=True)]
    api.create_dataset_version(CARS, [annotation_pb2.Category(id=1, name="car")], items)
    file = {"path": "network.onnx", "sha256": objects.put_blob(b"graph"), "sizeBytes": "5"}
    manifest = {"formatVersion": 1, "architecture": "yolov5n", "task": "TASK_OBJECT_DETECTION", "files": [file]}
    sha256 = objects.put_blob(json.dumps(manifest).encode())
    model = api.registry.CreateModelVersion(
        registry_pb.CreateModelVersionRequest(
            parent=f"{PROJECT}/models/net", bundle=f"{PROJECT}/blobs/{sha256}", allow_missing=True
        )
    )
    return PredictionSet(
        model_version=model.name,
        bundle_sha256=sha256,
        settings=InferenceSettings(confidence_threshold=0.25),
        inference_job=f"{PROJECT}/inferenceJobs/job-1",
    )


def stored(objects: Any, *frames: int) -> PredictionPart:
    """A part whose frame i has i instances; frame 0 is an error."""
    results = [FrameResult(frame_index=i, prediction=Prediction(instances=[Instance()] * i)) for i in frames]
    for result in results[: frames[:1] == (0,)]:
        result.error.message = "damaged"
    data = PredictionResults(results=results).SerializeToString()
    return PredictionPart(
        sha256=objects.put_blob(data),
        size_bytes=len(data),
        result_count=len(frames),
        failed_count=frames.count(0),
        instance_count=sum(frames),
    )


def create(stub: Any, made: Any, parts: Any, set_id: str = "first", **fields: Any) -> Any:
    request = pb.CreatePredictionSetRequest(
        parent=VERSION, prediction_set_id=set_id, prediction_set=made, parts=parts, **fields
    )
    return stub.CreatePredictionSet(request)


def listed(stub: Any, **fields: Any) -> Any:
    return stub.ListPredictionSets(pb.ListPredictionSetsRequest(parent=VERSION, **fields))


def read(stub: Any, name: str, position: int = 0) -> list[int]:
    """The frames, after the positions were checked."""
    found: list[int] = []
    for message in stub.ReadPredictionSetResults(pb.ReadPredictionSetResultsRequest(name=name, position=position)):
        assert message.position == position + len(found)
        found += [result.frame_index for result in message.results]
    return found


def test_predictions_are_recorded_with_where_they_come_from(stub, api, objects, made):
    parts = [stored(objects, 0, 1), stored(objects, 2, 3, 4)]
    recorded = create(stub, made, parts)
    assert recorded.name == f"{VERSION}/predictionSets/first"
    for field in ("model_version", "bundle_sha256", "settings", "inference_job"):
        assert getattr(recorded, field) == getattr(made, field)
    counts = (recorded.result_count, recorded.failed_count, recorded.instance_count, recorded.size_bytes)
    assert counts == (5, 1, 10, sum(part.size_bytes for part in parts))
    assert stub.GetPredictionSet(pb.GetPredictionSetRequest(name=recorded.name)) == recorded
    second = create(stub, made, parts, "second")
    page = listed(stub, page_size=1)
    assert list(page.prediction_sets) == [recorded]
    assert list(listed(stub, page_token=page.next_page_token).prediction_sets) == [second]


def test_results_are_read_from_any_position(stub, objects, made):
    name = create(stub, made, [stored(objects, 0, 1), stored(objects, 2, 3, 4)]).name
    for position in range(PICTURES + 1):
        assert read(stub, name, position) == list(range(position, PICTURES))
    with pytest.raises(errors.OutOfRangeError) as refused:
        read(stub, name, PICTURES + 1)
    assert refused.value.metadata["results"] == "5"
    with pytest.raises(errors.InvalidArgumentError):
        read(stub, name, -1)


def test_a_subset_has_a_result_for_each_of_its_pictures(stub, objects, made):
    made.subset = dataset_pb2.SUBSET_TEST
    assert create(stub, made, [stored(objects, 4)]).subset == dataset_pb2.SUBSET_TEST


def test_repeating_a_call_records_nothing_twice(stub, objects, made):
    parts = [stored(objects, 0, 1, 2, 3, 4)]
    recorded = create(stub, made, parts, request_id="r")
    assert create(stub, made, parts, request_id="r") == recorded
    assert len(listed(stub).prediction_sets) == 1
    with pytest.raises(errors.InvalidArgumentError, match="request_id"):
        create(stub, made, [stored(objects, 1, 1, 2, 3, 4)], request_id="r")
    with pytest.raises(errors.AlreadyExistsError):
        create(stub, made, parts)
    stub.DeletePredictionSet(pb.DeletePredictionSetRequest(name=recorded.name))
    assert create(stub, made, parts, request_id="r").name == recorded.name


@pytest.mark.parametrize(
    ("change", "error", "reason"),
    [
        (lambda made, parts: parts[0].MergeFrom(PredictionPart(result_count=4)), None, "RESULT_COUNT_MISMATCH"),
        (lambda made, parts: parts.append(parts[0]), None, "RESULT_COUNT_MISMATCH"),
        (lambda made, parts: parts.clear(), None, "PART_COUNT_INVALID"),
        (lambda made, parts: parts.extend([parts[0]] * 10_000), None, "PART_COUNT_INVALID"),
        (lambda made, parts: parts[0].MergeFrom(PredictionPart(failed_count=6)), None, "SIZE_INVALID"),
        (lambda made, parts: parts[0].MergeFrom(PredictionPart(size_bytes=32 * 2**20 + 1)), None, "SIZE_INVALID"),
        (
            lambda made, parts: parts[0].MergeFrom(PredictionPart(sha256=hashlib.sha256(b"").hexdigest())),
            errors.FailedPreconditionError,
            "PREDICTION_PART_MISSING",
        ),
        (
            lambda made, parts: made.MergeFrom(PredictionSet(bundle_sha256="0" * 64)),
            errors.FailedPreconditionError,
            "BUNDLE_MISMATCH",
        ),
        (
            lambda made, parts: made.MergeFrom(PredictionSet(model_version=f"{PROJECT}/models/net/versions/2")),
            errors.NotFoundError,
            "MODEL_VERSION_NOT_FOUND",
        ),
        (
            lambda made, parts: made.MergeFrom(PredictionSet(inference_job="projects/other/inferenceJobs/job-1")),
            None,
            "PROJECT_MISMATCH",
        ),
    ],
)
def test_what_is_refused_leaves_nothing(stub, objects, made, change, error, reason):
    parts = [stored(objects, 0, 1, 2, 3, 4)]
    change(made, parts)
    with pytest.raises(error or errors.InvalidArgumentError) as refused:
        create(stub, made, parts)
    assert refused.value.reason == reason
    assert not listed(stub).prediction_sets


def test_damaged_results_are_told(stub, objects, made):
    parts = [stored(objects, 0, 1), stored(objects, 2, 3, 4)]
    name = create(stub, made, parts).name
    objects.put(blob_path(parts[1].sha256), b"other bytes")
    with pytest.raises(errors.DataLossError) as told:
        read(stub, name)
    assert (told.value.reason, told.value.metadata["position"]) == ("RESULTS_DAMAGED", "2")


def test_predictions_are_deleted_alone_and_with_their_dataset(stub, api, objects, made):
    parts = [stored(objects, 0, 1, 2, 3, 4)]
    first, second = (create(stub, made, parts, set_id).name for set_id in ("first", "second"))
    stub.DeletePredictionSet(pb.DeletePredictionSetRequest(name=first))
    with pytest.raises(errors.NotFoundError) as missing:
        stub.GetPredictionSet(pb.GetPredictionSetRequest(name=first))
    assert missing.value.reason == "PREDICTION_SET_NOT_FOUND"
    assert read(stub, second) == [0, 1, 2, 3, 4]
    api.registry.DeleteDataset(registry_pb.DeleteDatasetRequest(name=CARS))
    with pytest.raises(errors.NotFoundError) as missing:
        read(stub, second)
    assert missing.value.reason == "DATASET_NOT_FOUND"
