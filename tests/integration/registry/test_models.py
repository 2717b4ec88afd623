"""Models and the lifecycle of their versions, over the wire."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from google.rpc import status_pb2

from framecast import errors
from framecast.status import to_status
from framecast.v1 import blob_service_pb2, model_pb2
from framecast.v1 import registry_service_pb2 as pb
from framecast_runtime.object_store import blob_path, open_object_store
from tests.support.registry_api import PROJECT

NET = f"{PROJECT}/models/net"
State = model_pb2.ModelVersion


@pytest.fixture
def objects(server):
    return open_object_store(server.object_store_url)


@pytest.fixture
def bundle(objects):
    return write_bundle(objects)


def write_bundle(objects: Any, **changes: Any) -> Any:
    file = {"path": "network.onnx", "sha256": objects.put_blob(b"graph"), "sizeBytes": "5", **changes}
    manifest = {
        "formatVersion": 1,
        "architecture": "yolov5n",
        "task": "TASK_OBJECT_DETECTION",
        "files": [file],
        "fieldOfALaterVersion": 1,
    }
    return f"{PROJECT}/blobs/{objects.put_blob(json.dumps(manifest).encode())}"


def create(api: Any, **version: Any) -> Any:
    return api.registry.CreateModelVersion(
        pb.CreateModelVersionRequest(parent=NET, model_version=model_pb2.ModelVersion(**version), allow_missing=True)
    ).name


def start(api: Any, name: Any) -> Any:
    return api.registry.StartModelVersion(pb.StartModelVersionRequest(name=name))


def complete(api: Any, name: Any, bundle: Any, **metrics: Any) -> Any:
    return api.registry.CompleteModelVersion(pb.CompleteModelVersionRequest(name=name, bundle=bundle, metrics=metrics))


def fail(api: Any, name: Any, status: Any = None) -> Any:
    status = status or status_pb2.Status(code=13, message="it broke")
    return api.registry.FailModelVersion(pb.FailModelVersionRequest(name=name, error=status))


def test_a_version_is_created_started_and_trained(api, bundle):
    name = create(api, architecture="yolov5n", task=2, training_job=f"{PROJECT}/trainingJobs/j1")
    assert name == f"{NET}/versions/1"
    assert start(api, name).state == State.TRAINING
    assert start(api, name).state == State.TRAINING
    trained = complete(api, name, bundle, mAP50=0.75)
    assert (trained.state, trained.bundle, dict(trained.metrics)) == (State.TRAINED, bundle, {"mAP50": 0.75})
    assert trained.training_job == f"{PROJECT}/trainingJobs/j1"
    assert trained.HasField("end_time")
    assert complete(api, name, bundle, mAP50=0.75) == trained
    model = api.registry.GetModel(pb.GetModelRequest(name=NET))
    assert model.latest_trained_version == name


def import_version(api: Any, bundle: str, **fields: Any) -> Any:
    request = pb.CreateModelVersionRequest(parent=NET, bundle=bundle, allow_missing=True, **fields)
    return api.registry.CreateModelVersion(request)


def test_an_imported_version_is_trained_from_the_start(api, objects, bundle):
    made = import_version(api, bundle, request_id="r")
    assert (made.name, made.state, made.bundle) == (f"{NET}/versions/1", State.TRAINED, bundle)
    assert (made.architecture, made.task) == ("yolov5n", model_pb2.TASK_OBJECT_DETECTION)
    assert made.end_time == made.create_time
    assert api.registry.GetModel(pb.GetModelRequest(name=NET)).latest_trained_version == made.name
    graph = blob_service_pb2.GetBlobRequest(name=f"{PROJECT}/blobs/{objects.put_blob(b'graph')}")
    assert api.blobs.GetBlob(graph).size_bytes == 5
    objects.delete(blob_path(bundle.rsplit("/", 1)[1]))
    assert import_version(api, bundle, request_id="r") == made
    with pytest.raises(errors.InvalidArgumentError, match="request_id"):
        import_version(api, write_bundle(objects, path="other.onnx"), request_id="r")


def test_an_import_that_is_refused_leaves_nothing(api, objects, bundle):
    for wrong, error in (
        (f"{PROJECT}/blobs/{'0' * 64}", errors.FailedPreconditionError),
        (write_bundle(objects, sizeBytes="6"), errors.FailedPreconditionError),
        (write_bundle(objects, path="../x"), errors.InvalidArgumentError),
        (bundle.replace(PROJECT, "projects/other"), errors.InvalidArgumentError),
    ):
        with pytest.raises(error):
            import_version(api, wrong)
    assert list(api.registry.ListModels(pb.ListModelsRequest(parent=PROJECT)).models) == []


def test_a_version_takes_architecture_and_task_from_its_bundle(api, bundle):
    trained = complete(api, create(api), bundle)
    assert (trained.architecture, trained.task) == ("yolov5n", model_pb2.TASK_OBJECT_DETECTION)


def test_the_bundles_files_become_blobs_of_the_project(api, objects, bundle):
    complete(api, create(api), bundle)
    for sha256, size in ((bundle.rsplit("/", 1)[1], None), (objects.put_blob(b"graph"), 5)):
        request = blob_service_pb2.GetBlobRequest(name=f"{PROJECT}/blobs/{sha256}")
        blob = api.blobs.GetBlob(request)
        assert size in (None, blob.size_bytes)


def test_a_missing_file_of_the_bundle_is_named(api, objects):
    name = create(api)
    bundle = write_bundle(objects)
    objects.delete(blob_path(objects.put_blob(b"graph")))
    with pytest.raises(errors.FailedPreconditionError, match=r"network\.onnx") as caught:
        complete(api, name, bundle)
    assert caught.value.reason == "BUNDLE_FILE_MISSING"
    with pytest.raises(errors.FailedPreconditionError, match=r"bundle\.json"):
        complete(api, name, f"{PROJECT}/blobs/{'0' * 64}")
    assert api.registry.GetModelVersion(pb.GetModelVersionRequest(name=name)).state == State.CREATED


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"sizeBytes": "6"}, errors.FailedPreconditionError),
        ({"path": "../x"}, errors.InvalidArgumentError),
        ({"path": "/x"}, errors.InvalidArgumentError),
        ({"sha256": "zz"}, errors.InvalidArgumentError),
        ({"sizeBytes": "many"}, errors.InvalidArgumentError),
    ],
)
def test_a_manifest_that_does_not_hold_is_refused(api, objects, change, error):
    with pytest.raises(error):
        complete(api, create(api), write_bundle(objects, **change))


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff\xfe", b'{"formatVersion": 2}', b"graph"])
def test_bytes_that_are_no_manifest_are_refused(api, objects, data):
    with pytest.raises(errors.InvalidArgumentError) as caught:
        complete(api, create(api), f"{PROJECT}/blobs/{objects.put_blob(data)}")
    assert caught.value.field == "bundle"


def test_a_state_never_moves_backwards(api, objects, bundle):
    trained, failed = create(api), create(api)
    complete(api, trained, bundle)
    fail(api, failed)
    refused: list[tuple[Callable[[], Any], str, str]] = [
        (lambda: start(api, trained), "TRAINED", "TRAINING"),
        (lambda: fail(api, trained), "TRAINED", "FAILED"),
        (lambda: start(api, failed), "FAILED", "TRAINING"),
        (lambda: complete(api, failed, bundle), "FAILED", "TRAINED"),
    ]
    for call, was, wanted in refused:
        with pytest.raises(errors.FailedPreconditionError) as caught:
            call()
        assert was in caught.value.message
        assert wanted in caught.value.message
        assert caught.value.metadata["state"] == was
    other = objects.put_blob(b'{"formatVersion": 1, "files": []}')
    with pytest.raises(errors.FailedPreconditionError, match="never changes"):
        complete(api, trained, f"{PROJECT}/blobs/{other}")


def test_the_first_reason_of_a_failure_stays(api):
    name = create(api)
    error = errors.ResourceExhaustedError("no memory on gpu 0", reason="OUT_OF_MEMORY", gpu=0)
    failed = fail(api, name, to_status(error))
    assert (failed.state, failed.error) == (State.FAILED, to_status(error))
    assert fail(api, name) == failed
    with pytest.raises(errors.InvalidArgumentError) as caught:
        fail(api, create(api), status_pb2.Status(message="no code"))
    assert caught.value.field == "error.code"


def test_metrics_must_be_finite(api, bundle):
    with pytest.raises(errors.InvalidArgumentError) as caught:
        complete(api, create(api), bundle, mAP50=math.nan)
    assert caught.value.field == "metrics"


def test_lineage_must_exist_and_be_of_the_project(api):
    for field, value, error in (
        ("dataset_version", f"{PROJECT}/datasets/none/versions/1", errors.NotFoundError),
        ("dataset_version", "projects/other/datasets/x/versions/1", errors.InvalidArgumentError),
        ("training_job", "projects/other/trainingJobs/x", errors.InvalidArgumentError),
        ("training_job", "x", errors.InvalidArgumentError),
    ):
        with pytest.raises(error):
            create(api, **{field: value})
    assert list(api.registry.ListModels(pb.ListModelsRequest(parent=PROJECT)).models) == []


def test_a_bundle_of_another_project_is_refused(api, bundle):
    with pytest.raises(errors.InvalidArgumentError) as caught:
        complete(api, create(api), bundle.replace(PROJECT, "projects/other"))
    assert caught.value.field == "bundle"


def test_versions_come_newest_first_in_pages(api):
    made = [create(api) for _ in range(5)]
    first = api.registry.ListModelVersions(pb.ListModelVersionsRequest(parent=NET, page_size=3))
    rest = api.registry.ListModelVersions(
        pb.ListModelVersionsRequest(parent=NET, page_size=3, page_token=first.next_page_token)
    )
    names = [version.name for page in (first, rest) for version in page.model_versions]
    assert names == made[::-1]
    assert rest.next_page_token == ""


def test_a_repeated_request_reserves_one_version(api):
    request = pb.CreateModelVersionRequest(parent=NET, allow_missing=True, request_id="r")
    assert api.registry.CreateModelVersion(request).name == api.registry.CreateModelVersion(request).name
    request.model_version.architecture = "other"
    with pytest.raises(errors.InvalidArgumentError):
        api.registry.CreateModelVersion(request)


def test_a_missing_model_is_not_made_unasked(api):
    with pytest.raises(errors.NotFoundError, match="net"):
        api.registry.CreateModelVersion(pb.CreateModelVersionRequest(parent=NET))
