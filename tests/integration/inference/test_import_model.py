"""Models trained elsewhere: registered once they have answered, and not at all otherwise."""

import hashlib
import json
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml

from framecast import errors
from framecast.v1 import registry_service_pb2, registry_service_pb2_grpc
from framecast.v1.inference_service_pb2 import ImportModelVersionRequest, LoadModelVersionRequest
from framecast.v1.model_pb2 import ModelVersion, Task
from framecast_bundle.manifest import from_json
from framecast_inference.adapters.grpc_registry import GrpcRegistry
from framecast_runtime.object_store import blob_path, open_object_store
from tests.support.outside_yolox import DESCRIPTOR, PROJECT, import_yolox, upload_blob

from .conftest import Services


def descriptor(**changes: Any) -> str:
    return json.dumps({**yaml.safe_load(DESCRIPTOR.read_text()), **changes})


def yolox_graph(services: Services, shared_data: Path) -> str:
    return upload_blob(services.registry_channel, (shared_data / "weights/yolox_nano/yolox_nano.onnx").read_bytes())


def run(services: Services, *, model: str, text: str, graph: str) -> ModelVersion:
    version: ModelVersion = services.stub.ImportModelVersion(
        ImportModelVersionRequest(model=f"{PROJECT}/models/{model}", descriptor=text, graph=graph)
    )
    return version


def registered(services: Services) -> set[str]:
    stub = registry_service_pb2_grpc.RegistryServiceStub(services.registry_channel)
    models = stub.ListModels(registry_service_pb2.ListModelsRequest(parent=PROJECT, page_size=1000)).models
    return {model.name.rpartition("/")[2] for model in models}


def test_an_imported_version_is_trained_and_says_what_it_is(services: Services, shared_data: Path) -> None:
    version = import_yolox(services.registry_channel, services.inference_channel, shared_data, model="fresh")
    assert version.name == f"{PROJECT}/models/fresh/versions/1"
    assert version.state == ModelVersion.TRAINED
    assert (version.architecture, version.task) == ("yolox_nano", Task.TASK_OBJECT_DETECTION)
    assert version.bundle


def test_repeating_an_import_gives_the_same_version_and_another_one_the_next(
    services: Services, shared_data: Path
) -> None:
    first, again, other = (
        import_yolox(
            services.registry_channel, services.inference_channel, shared_data, model="twice", request_id=request_id
        )
        for request_id in ("a", "a", "b")
    )
    assert first == again
    assert other.name.endswith("/versions/2")
    assert other.bundle == first.bundle


class _OneCall(grpc.UnaryUnaryClientInterceptor):
    """The process that calls dies after its first call."""

    def __init__(self) -> None:
        self.methods: list[str] = []

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        self.methods.append(details.method)
        if len(self.methods) > 1:
            raise errors.UnavailableError("died")
        return continuation(details, request)


def test_a_version_is_there_and_trained_after_a_single_call(services: Services, shared_data: Path) -> None:
    version = import_yolox(services.registry_channel, services.inference_channel, shared_data, model="source")
    sha256 = version.bundle.rpartition("/")[2]
    manifest = from_json(open_object_store(services.registry.object_store_url).get(blob_path(sha256)))
    registry = GrpcRegistry(grpc.intercept_channel(services.registry_channel, _OneCall()))
    added = registry.add_trained_version(f"{PROJECT}/models/at-once", manifest, sha256, request_id="r")
    assert (added.state, added.bundle) == (ModelVersion.TRAINED, version.bundle)


@pytest.mark.parametrize(
    ("changes", "mentioned"),
    [
        ({"classes": ["person", "bottle"]}, "class"),
        ({"task": "poetry"}, "task"),
        ({"colour": "red"}, "colour"),
        ({"input": {"size": 320, "resize": "stretch", "color_order": "bgr", "scale": 1.0}}, "320"),
        ({"head": {"kind": "yolov5", "strides": [8], "anchors": [[1, 2]]}}, ""),
    ],
)
def test_a_descriptor_that_does_not_fit_registers_nothing(
    services: Services, shared_data: Path, changes: dict[str, Any], mentioned: str
) -> None:
    before = registered(services)
    with pytest.raises((errors.InvalidArgumentError, errors.FailedPreconditionError)) as caught:
        run(services, model="misfit", text=descriptor(**changes), graph=yolox_graph(services, shared_data))
    assert mentioned in caught.value.message
    assert registered(services) == before


def test_text_that_is_no_descriptor_and_bytes_that_are_no_graph_are_refused(
    services: Services, shared_data: Path
) -> None:
    before = registered(services)
    with pytest.raises(errors.InvalidArgumentError):
        run(services, model="misfit", text="{[", graph=yolox_graph(services, shared_data))
    with pytest.raises(errors.FailedPreconditionError) as unreadable:
        run(services, model="misfit", text=descriptor(), graph=upload_blob(services.registry_channel, b"no graph"))
    assert unreadable.value.reason == "GRAPH_UNREADABLE"
    with pytest.raises(errors.NotFoundError):
        run(services, model="misfit", text=descriptor(), graph=f"{PROJECT}/blobs/{'0' * 64}")
    with pytest.raises(errors.InvalidArgumentError) as caught:
        run(services, model="misfit", text=descriptor(), graph=f"projects/other/blobs/{'0' * 64}")
    assert caught.value.reason == "PROJECT_MISMATCH"
    assert registered(services) == before


def test_damaged_and_missing_bytes_are_data_loss_and_the_cache_recovers(services: Services, shared_data: Path) -> None:
    # another graph file than the other tests', so that nothing of theirs breaks
    data = (shared_data / "weights/yolox_nano/yolox_nano.onnx").read_bytes()
    text = descriptor(defaults={"confidence_threshold": 0.123})
    version = run(services, model="damaged", text=text, graph=yolox_graph(services, shared_data))
    store = open_object_store(services.registry.object_store_url)
    manifest_path = blob_path(version.bundle.rpartition("/")[2])
    manifest = store.get(manifest_path)
    store.put(manifest_path, manifest.replace(b"0.123", b"0.124"))
    with pytest.raises(errors.DataLossError) as caught:
        services.stub.LoadModelVersion(LoadModelVersionRequest(model_version=version.name))
    assert caught.value.reason == "BLOB_BYTES_DAMAGED"
    store.delete(manifest_path)
    with pytest.raises(errors.DataLossError) as caught:
        services.stub.LoadModelVersion(LoadModelVersionRequest(model_version=version.name))
    assert caught.value.reason == "BLOB_BYTES_MISSING"
    store.put(manifest_path, manifest)
    graph_path = blob_path(hashlib.sha256(data).hexdigest())
    try:
        store.put(graph_path, data[:-1] + b"x")
        with pytest.raises(errors.DataLossError):
            services.stub.LoadModelVersion(LoadModelVersionRequest(model_version=version.name))
    finally:
        store.put(graph_path, data)
    assert services.stub.LoadModelVersion(LoadModelVersionRequest(model_version=version.name)).model_version
