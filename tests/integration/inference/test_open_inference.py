"""The Open Inference Protocol over the wire, by its plain stubs."""

import io
import logging
import struct
from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from onnx import helper
from PIL import Image

from framecast.errors import (
    FailedPreconditionError,
    FramecastError,
    InvalidArgumentError,
    NotFoundError,
    UnimplementedError,
)
from framecast.v1 import registry_service_pb2, registry_service_pb2_grpc
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast.v1.model_pb2 import ModelVersion
from framecast_bundle import manifest as bundle_manifest
from framecast_bundle.settings import Settings
from framecast_inference.open_inference.bytes_tensor import pack, unpack
from framecast_inference.open_inference.datatypes import OF_MANIFEST
from framecast_inference.open_inference.v2 import grpc_service_pb2 as service
from framecast_inference.open_inference.v2 import grpc_service_pb2_grpc, shared_memory_pb2
from framecast_inference.open_inference.v2 import model_repository_pb2 as repository
from framecast_inference.open_inference.v2.model_config_pb2 import ModelConfigRequest, ModelInstanceGroup
from framecast_inference.open_inference.v2.model_infer_pb2 import ModelInferRequest, ModelInferResponse
from framecast_inference.open_inference.v2.model_statistics_pb2 import ModelStatisticsRequest
from framecast_runtime.object_store import open_object_store
from tests.support.outside_yolox import PROJECT
from tests.unit.bundle import tiny_bundles

from .conftest import Services

DTYPES = {each.name: each.dtype for each in OF_MANIFEST.values()}


def add_version(services: Services, model: str, bundle: tiny_bundles.TinyBundle) -> str:
    """Registers a tiny bundle as the next version of a model; returns the version's name."""
    store = open_object_store(services.registry.object_store_url)
    for data in bundle.files.values():
        store.put_blob(data)
    sha256 = store.put_blob(bundle_manifest.to_json(bundle.manifest))
    registry = registry_service_pb2_grpc.RegistryServiceStub(services.registry_channel)
    name: str = registry.CreateModelVersion(
        registry_service_pb2.CreateModelVersionRequest(
            parent=f"{PROJECT}/models/{model}",
            model_version=ModelVersion(architecture="tiny"),
            allow_missing=True,
            bundle=f"{PROJECT}/blobs/{sha256}",
        )
    ).name
    return name


@pytest.fixture(scope="module")
def stub(services: Services) -> Any:
    """Raises framecast's errors."""
    return grpc_service_pb2_grpc.GRPCInferenceServiceStub(services.inference_channel)


@pytest.fixture(scope="module")
def plain(services: Services) -> Iterator[Any]:
    """Raises gRPC's errors."""
    with grpc.insecure_channel(services.inference.address) as channel:
        yield grpc_service_pb2_grpc.GRPCInferenceServiceStub(channel)


@pytest.fixture(scope="module")
def tiny(services: Services) -> dict[str, str]:
    """A model of each kind, by its short name."""
    return {
        "tiny-yolo": add_version(services, "tiny-yolo", tiny_bundles.yolov5()),
        "tiny-classifier": add_version(services, "tiny-classifier", tiny_bundles.classifier()),
        "tiny-masks": add_version(services, "tiny-masks", tiny_bundles.mask_rcnn()),
        "tiny-yolox": add_version(services, "tiny-yolox", tiny_bundles.yolox()),
    }


def tensors(model: str, array: np.ndarray[Any, Any], *, name: str = "images", **fields: Any) -> ModelInferRequest:
    return ModelInferRequest(
        model_name=model,
        inputs=[ModelInferRequest.InferInputTensor(name=name, datatype="FP32", shape=array.shape)],
        raw_input_contents=[array.tobytes()],
        **fields,
    )


def pictures(model: str, *files: bytes, **fields: Any) -> ModelInferRequest:
    return ModelInferRequest(
        model_name=model,
        inputs=[ModelInferRequest.InferInputTensor(name="image", datatype="BYTES", shape=[len(files)])],
        raw_input_contents=[pack(files)],
        **fields,
    )


def arrays(response: ModelInferResponse) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for output, raw in zip(response.outputs, response.raw_output_contents, strict=True):
        if output.datatype == "BYTES":
            found[output.name] = unpack(raw, output.shape[0], tensor=output.name)
        else:
            found[output.name] = np.frombuffer(raw, DTYPES[output.datatype]).reshape(output.shape)
    return found


def encoded(*sizes: tuple[int, int]) -> list[bytes]:
    files = []
    for image in tiny_bundles.images(*sizes):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "PNG")
        files.append(file.getvalue())
    return files


def test_reflection_and_health_name_the_service(services: Services) -> None:
    with grpc.insecure_channel(services.inference.address) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        assert "inference.GRPCInferenceService" in database.get_services()
        file = database.FindFileContainingSymbol("inference.GRPCInferenceService")
        methods = {method.name for each in file.service for method in each.method}
    assert {"ModelInfer", "ModelStreamInfer", "RepositoryModelLoad"} <= methods


@pytest.mark.parametrize("batch", [1, 3])
def test_tensors_answer_as_the_engine_does(stub: Any, tiny: dict[str, str], batch: int) -> None:
    pixels = np.random.default_rng(0).random((batch, 3, 64, 64), dtype=np.float32)
    response = stub.ModelInfer(tensors("tiny-yolo:network", pixels, id="7"))
    assert (response.model_name, response.model_version, response.id) == ("tiny-yolo:network", "1", "7")
    expected = tiny_bundles.yolov5().engine().run("network", {"images": pixels})
    found = arrays(response)
    assert list(found) == list(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


def test_typed_contents_answer_as_raw_ones(stub: Any, tiny: dict[str, str]) -> None:
    pixels = np.random.default_rng(1).random((1, 3, 32, 32), dtype=np.float32)
    raw = tensors("tiny-classifier:network", pixels)
    typed = tensors("tiny-classifier:network", pixels)
    del typed.raw_input_contents[:]
    typed.inputs[0].contents.fp32_contents.extend(pixels.ravel())
    assert stub.ModelInfer(typed) == stub.ModelInfer(raw)


def test_the_request_log_names_the_model(stub: Any, tiny: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "framecast.request"):
        stub.ModelInfer(tensors("tiny-classifier:network", np.zeros((1, 3, 32, 32), np.float32)))
        stub.ModelMetadata(service.ModelMetadataRequest(name="tiny-yolo"))
    said = [vars(record).get("resource") for record in caplog.records if record.name == "framecast.request"]
    assert {"tiny-classifier:network", "tiny-yolo"} <= set(said)


def test_a_large_tensor_arrives_whole_whatever_its_place_in_the_message(stub: Any, tiny: dict[str, str]) -> None:
    pixels = np.random.default_rng(2).random((5, 3, 64, 64), dtype=np.float32)
    expected = tiny_bundles.yolov5().engine().run("network", {"images": pixels})["head_0"]
    for length in range(1, 6):  # shifts the contents' address by a byte
        response = stub.ModelInfer(tensors("tiny-yolo:network", pixels, id="x" * length))
        np.testing.assert_array_equal(arrays(response)["head_0"], expected)


def test_only_the_outputs_asked_for_come(stub: Any, tiny: dict[str, str]) -> None:
    pixels = np.zeros((1, 3, 32, 32), np.float32)
    wanted = [ModelInferRequest.InferRequestedOutputTensor(name="features")]
    response = stub.ModelInfer(tensors("tiny-classifier:network", pixels, outputs=wanted))
    assert [output.name for output in response.outputs] == ["features"]
    assert len(response.raw_output_contents) == 1


@pytest.mark.parametrize("model", ["tiny-yolo", "tiny-classifier", "tiny-masks"])
def test_pictures_answer_as_the_predictor_does_and_as_described(stub: Any, tiny: dict[str, str], model: str) -> None:
    kinds = {
        "tiny-yolo": tiny_bundles.yolov5,
        "tiny-classifier": tiny_bundles.classifier,
        "tiny-masks": tiny_bundles.mask_rcnn,
    }
    sizes = ((48, 64), (64, 40), (64, 64))
    request = pictures(model, *encoded(*sizes))
    request.parameters["confidence_threshold"].double_param = 0.05
    request.parameters["max_detections"].int64_param = 9
    response = stub.ModelInfer(request)
    found = arrays(response)
    described = stub.ModelMetadata(service.ModelMetadataRequest(name=model)).outputs
    assert [(each.name, each.datatype) for each in described] == [(e.name, e.datatype) for e in response.outputs]
    settings = Settings(confidence_threshold=0.05, max_detections=9)
    with kinds[model]().predictor(max_batch=1) as predictor:
        expected = predictor.predict(tiny_bundles.images(*sizes), [settings] * 3)
    assert found["image_sizes"].tolist() == [[width, height] for height, width in sizes]
    assert found["splits"][-1] > 0
    for index, prediction in enumerate(expected):
        rows = slice(found["splits"][index], found["splits"][index + 1])
        classes = prediction.labels if model == "tiny-classifier" else prediction.class_indices
        assert found["class_ids"][rows].tolist() == [10 * (each + 1) for each in classes]
        assert found["labels"][rows] == [tiny_bundles.NAMES[each].encode() for each in classes]
        if model != "tiny-classifier":
            np.testing.assert_array_equal(found["boxes"][rows], prediction.boxes)
            np.testing.assert_array_equal(found["scores"][rows], prediction.scores)
    if model == "tiny-masks":
        polygons = [each.polygons for each in expected if each.polygons is not None]
        points = np.concatenate([each.points for each in polygons])
        np.testing.assert_array_equal(found["polygon_points"], points)
        assert found["instance_splits"][-1] == len(found["part_splits"]) - 1
        assert found["ring_splits"][-1] == len(points)
    assert response.parameters["max_detections"].int64_param == 9
    assert len(response.parameters["bundle_sha256"].string_param) == 64


def test_a_request_without_a_version_goes_to_the_newest(services: Services, stub: Any) -> None:
    add_version(services, "growing", tiny_bundles.yolov5())
    add_version(services, "growing", tiny_bundles.yolov5())
    (file,) = encoded((64, 64))
    assert stub.ModelInfer(pictures("growing", file)).model_version == "2"
    assert stub.ModelInfer(pictures("growing", file, model_version="1")).model_version == "1"
    assert stub.ModelInfer(pictures(f"{PROJECT}/models/growing/versions/1", file)).model_version == "1"
    described = stub.ModelMetadata(service.ModelMetadataRequest(name="default/growing"))
    assert list(described.versions) == ["2", "1"]


def bad(model: str, change: Any) -> ModelInferRequest:
    request = (
        tensors(model, np.zeros((1, 3, 64, 64), np.float32)) if model.endswith(":network") else pictures(model, b"x")
    )
    change(request)
    return request


@pytest.mark.parametrize(
    ("model", "change", "by", "words"),
    [
        ("nobody", lambda r: None, NotFoundError, ["nobody"]),
        ("nobody:network", lambda r: None, NotFoundError, ["nobody"]),
        ("a/b/c", lambda r: None, InvalidArgumentError, ["model_name", "'a/b/c'"]),
        ("tiny-yolo", lambda r: setattr(r, "model_version", "9"), NotFoundError, ["version 9"]),
        ("tiny-masks:network", lambda r: None, FailedPreconditionError, ["dense, boxes, masks"]),
        ("tiny-yolo:network", lambda r: r.ClearField("inputs"), InvalidArgumentError, ["raw_input_contents", "0"]),
        ("tiny-yolo:network", lambda r: r.ClearField("raw_input_contents"), InvalidArgumentError, ["0 elements"]),
        (
            "tiny-yolo:network",
            lambda r: r.raw_input_contents.__setitem__(0, b"abc"),
            InvalidArgumentError,
            ["'images'", "3 raw bytes", "49152"],
        ),
        (
            "tiny-yolo:network",
            lambda r: r.inputs[0].shape.__setitem__(2, 63),
            InvalidArgumentError,
            ["'images'", "[1, 3, 63, 64]", "[-1, 3, 64, 64]"],
        ),
        (
            "tiny-yolo:network",
            lambda r: setattr(r.inputs[0], "datatype", "UINT8"),
            InvalidArgumentError,
            ["'images'", "'UINT8'", "'FP32'"],
        ),
        (
            "tiny-yolo:network",
            lambda r: r.outputs.add(name="head_9"),
            InvalidArgumentError,
            ["'head_9'", "'head_0'", "'head_1'"],
        ),
        (
            "tiny-yolo:network",
            lambda r: setattr(r.parameters["iou_threshold"], "double_param", 0.5),
            InvalidArgumentError,
            ["'iou_threshold'"],
        ),
        (
            "tiny-yolo:network",
            lambda r: setattr(r.inputs[0].parameters["shared_memory_region"], "string_param", "x"),
            UnimplementedError,
            ["shared memory"],
        ),
        ("tiny-yolo", lambda r: None, InvalidArgumentError, ["image[0]"]),
        (
            "tiny-yolo",
            lambda r: r.raw_input_contents.__setitem__(0, struct.pack("<I", 2**31) + b"x"),
            InvalidArgumentError,
            ["'image'", "only 1 are left"],
        ),
        ("tiny-yolo", lambda r: r.inputs[0].shape.append(1), InvalidArgumentError, ["[1, 1]", "[-1]"]),
        (
            "tiny-yolo",
            lambda r: setattr(r.parameters["confidence_threshold"], "double_param", 1.01),
            InvalidArgumentError,
            ["confidence_threshold", "1.01"],
        ),
        (
            "tiny-yolo",
            lambda r: setattr(r.parameters["max_detections"], "string_param", "many"),
            InvalidArgumentError,
            ["max_detections"],
        ),
    ],
)
def test_what_cannot_be_answered_is_refused_by_name(
    stub: Any, tiny: dict[str, str], model: str, change: Any, by: type[FramecastError], words: list[str]
) -> None:
    with pytest.raises(by) as caught:
        stub.ModelInfer(bad(model, change))
    assert [word for word in words if word not in caught.value.message] == []


def test_inputs_that_the_graph_cannot_compute_are_the_callers_fault(services: Services, stub: Any) -> None:
    tiny = tiny_bundles.yolov5()
    manifest = ModelBundle()
    manifest.CopyFrom(tiny.manifest)
    # It says that it takes any width, but can share out the pixels of some only.
    graph, data = tiny_bundles.onnx_graph(
        "network",
        [
            helper.make_node("Reshape", ["images", "shape"], ["shared_out"]),
            helper.make_node("Conv", ["shared_out", "weight"], ["features"]),
            helper.make_node("AveragePool", ["features"], ["head_0"], kernel_shape=[4, 4], strides=[4, 4]),
            helper.make_node("AveragePool", ["features"], ["head_1"], kernel_shape=[8, 8], strides=[8, 8]),
        ],
        {"shape": np.array([-1, 12, 32, 32]), "weight": np.zeros((16, 12, 1, 1), np.float32)},
        {"images": ["batch", 3, 64, "width"]},
        {"head_0": ["batch", 16, 8, 8], "head_1": ["batch", 16, 4, 4]},
    )
    del manifest.graphs[:], manifest.files[:]
    manifest.graphs.append(graph)
    manifest.files.append(bundle_manifest.file_entry(graph.path, data))
    add_version(services, "picky", tiny_bundles.TinyBundle(manifest, {graph.path: data}))
    fits = stub.ModelInfer(tensors("picky:network", np.zeros((1, 3, 64, 192), np.float32)))
    assert list(fits.outputs[0].shape) == [3, 16, 8, 8]
    with pytest.raises(InvalidArgumentError, match=r"\[1, 3, 64, 17\]") as caught:
        stub.ModelInfer(tensors("picky:network", np.zeros((1, 3, 64, 17), np.float32)))
    assert caught.value.reason == "TENSORS_NOT_COMPUTABLE"


def test_a_damaged_picture_among_others_is_named(stub: Any, tiny: dict[str, str]) -> None:
    (good,) = encoded((64, 64))
    with pytest.raises(InvalidArgumentError, match=r"image\[1\]") as caught:
        stub.ModelInfer(pictures("tiny-yolo", good, good[:100], good))
    assert caught.value.field == "inputs.image[1]"
    with pytest.raises(InvalidArgumentError, match="1024"):
        stub.ModelInfer(pictures("tiny-yolo", *[b"x"] * 1025))


def test_a_stream_answers_in_order_and_goes_on_behind_errors(stub: Any, tiny: dict[str, str]) -> None:
    (file,) = encoded((64, 64))
    pixels = np.zeros((1, 3, 64, 64), np.float32)
    requests = [
        tensors("tiny-yolo:network", pixels, id="0"),
        pictures("nobody", file, id="1"),
        pictures("tiny-yolo", file, id="2"),
        tensors("tiny-yolo:network", pixels[:, :2], id="3"),
        tensors("tiny-yolo:network", pixels, id="4"),
    ]
    requests[4].parameters["triton_enable_empty_final_response"].bool_param = True
    answers = list(stub.ModelStreamInfer(iter(requests)))
    assert [answer.infer_response.id for answer in answers] == ["0", "1", "2", "3", "4"]
    assert [bool(answer.error_message) for answer in answers] == [False, True, False, True, False]
    assert "nobody" in answers[1].error_message
    assert "[1, 2, 64, 64]" in answers[3].error_message
    assert not answers[3].infer_response.outputs
    assert answers[0].infer_response.outputs == answers[4].infer_response.outputs
    assert answers[4].infer_response.parameters["triton_final_response"].bool_param
    assert not answers[0].infer_response.parameters


def test_an_unexpected_failure_tells_a_stream_nothing_of_its_inside(
    stub: Any, tiny: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("password is 1234")

    monkeypatch.setattr("framecast_inference.open_inference.tensor_inference._run", fail)
    (answer,) = stub.ModelStreamInfer(iter([tensors("tiny-yolo:network", np.zeros((1, 3, 64, 64), np.float32))]))
    assert answer.error_message == "internal error"


def test_load_unload_and_index_follow_the_memory(services: Services, stub: Any) -> None:
    add_version(services, "comes-and-goes", tiny_bundles.yolov5())
    add_version(services, "comes-and-goes", tiny_bundles.mask_rcnn())
    name = f"{PROJECT}/models/comes-and-goes"

    def rows(*, ready: bool = False) -> dict[tuple[str, str], tuple[str, str]]:
        index = stub.RepositoryIndex(repository.RepositoryIndexRequest(ready=ready))
        return {
            (row.name, row.version): (row.state, row.reason)
            for row in index.models
            if row.name.removesuffix(":network") == name
        }

    def ready(version: str = "", suffix: str = "") -> bool:
        answer = stub.ModelReady(service.ModelReadyRequest(name=f"comes-and-goes{suffix}", version=version))
        return bool(answer.ready)

    assert rows() == {(name, "2"): ("UNAVAILABLE", "unloaded"), (name, "1"): ("UNAVAILABLE", "unloaded")}
    assert not ready()
    stub.RepositoryModelLoad(repository.RepositoryModelLoadRequest(model_name="comes-and-goes"))
    assert rows()[name, "2"] == ("READY", "")
    assert (name + ":network", "2") not in rows()  # it has several graphs
    assert (ready(), ready("2"), ready("1"), ready(suffix=":network")) == (True, True, False, False)
    stub.RepositoryModelLoad(repository.RepositoryModelLoadRequest(model_name=f"{name}/versions/1"))
    assert rows(ready=True) == {
        (name, "2"): ("READY", ""),
        (name, "1"): ("READY", ""),
        (name + ":network", "1"): ("READY", ""),
    }
    assert ready(suffix=":network")
    stub.RepositoryModelUnload(repository.RepositoryModelUnloadRequest(model_name="comes-and-goes"))
    assert rows(ready=True) == {}
    stub.RepositoryModelUnload(repository.RepositoryModelUnloadRequest(model_name="comes-and-goes"))  # nothing to do
    (file,) = encoded((64, 64))
    stub.ModelInfer(pictures("comes-and-goes", file))
    assert ready()


def test_the_index_pages_through_everything(services: Services, stub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("framecast_inference.adapters.grpc_registry._PAGE_SIZE", 2)
    registry = registry_service_pb2_grpc.RegistryServiceStub(services.registry_channel)
    for number in range(5):
        registry.CreateProject(registry_service_pb2.CreateProjectRequest(project_id=f"paged-{number}"))
    for number in range(5):
        registry.CreateModelVersion(
            registry_service_pb2.CreateModelVersionRequest(
                parent=f"projects/paged-4/models/model-{number // 3}", allow_missing=True
            )
        )
    index = stub.RepositoryIndex(repository.RepositoryIndexRequest())
    found = sorted((row.name, row.version, row.reason) for row in index.models if "paged-4" in row.name)
    assert found == [
        *(("projects/paged-4/models/model-0", version, "created") for version in "123"),
        *(("projects/paged-4/models/model-1", version, "created") for version in "12"),
    ]
    with pytest.raises(FailedPreconditionError, match="no trained version"):
        stub.ModelInfer(pictures("paged-4/model-0", b"x"))


def test_a_configuration_says_what_the_bundle_says(stub: Any, tiny: dict[str, str]) -> None:
    stub.RepositoryModelLoad(repository.RepositoryModelLoadRequest(model_name="tiny-yolo"))
    config = stub.ModelConfig(ModelConfigRequest(name="tiny-yolo:network")).config
    assert (config.platform, config.backend, config.max_batch_size) == ("onnxruntime_onnx", "onnxruntime", 0)
    assert [(each.name, list(each.dims)) for each in config.input] == [("images", [-1, 3, 64, 64])]
    assert config.parameters["model_version"].string_value == tiny["tiny-yolo"]
    assert config.instance_group[0].kind == ModelInstanceGroup.KIND_CPU


def test_statistics_count_passes_failures_and_batches(stub: Any, tiny: dict[str, str]) -> None:
    def row() -> Any:
        (found,) = stub.ModelStatistics(ModelStatisticsRequest(name="tiny-yolox:network")).model_stats
        return found

    stub.RepositoryModelLoad(repository.RepositoryModelLoadRequest(model_name="tiny-yolox"))
    assert row().inference_stats.success.count == 0
    for _ in range(3):
        stub.ModelInfer(tensors("tiny-yolox:network", np.zeros((1, 3, 64, 64), np.float32), name="pixels"))
    with pytest.raises(InvalidArgumentError):
        stub.ModelInfer(tensors("tiny-yolox:network", np.zeros((1, 3, 64, 63), np.float32), name="pixels"))
    found = row()
    stats = found.inference_stats
    assert (stats.success.count, stats.fail.count, found.inference_count) == (3, 1, 3)
    parts = (stats.queue, stats.compute_input, stats.compute_infer, stats.compute_output)
    assert [part.count for part in parts] == [3, 3, 3, 3]
    assert 0 < sum(part.ns for part in parts) <= stats.success.ns
    assert [(each.batch_size, each.compute_infer.count) for each in found.batch_stats] == [(1, 3)]
    everything = stub.ModelStatistics(ModelStatisticsRequest()).model_stats
    assert found in everything
    with pytest.raises(NotFoundError):
        stub.ModelStatistics(ModelStatisticsRequest(name="nobody"))
    with pytest.raises(NotFoundError):
        stub.ModelStatistics(ModelStatisticsRequest(name="tiny-yolox", version="9"))
    with pytest.raises(InvalidArgumentError):
        stub.ModelStatistics(ModelStatisticsRequest(version="1"))


def test_what_is_not_served_says_so(stub: Any, plain: Any) -> None:
    with pytest.raises(UnimplementedError, match="repository"):
        stub.RepositoryIndex(repository.RepositoryIndexRequest(repository_name="other"))
    request = repository.RepositoryModelLoadRequest(model_name="yolox")
    request.parameters["config"].string_param = "{}"
    with pytest.raises(UnimplementedError, match="'config'"):
        stub.RepositoryModelLoad(request)
    with pytest.raises(grpc.RpcError) as caught:
        plain.CudaSharedMemoryRegister(shared_memory_pb2.CudaSharedMemoryRegisterRequest(name="x"))
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert "raw_input_contents" in str(caught.value.details())
