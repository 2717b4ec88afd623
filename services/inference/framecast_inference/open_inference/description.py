"""What a model is, in the protocol's words."""

import json
from collections.abc import Sequence

from google.protobuf import json_format

from framecast.v1.inference_settings_pb2 import InferenceSettings
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast.v1.model_pb2 import Task
from framecast_bundle.settings import effective_settings
from framecast_inference.loaded_model import LoadedModel
from framecast_inference.open_inference.endpoint import Endpoint
from framecast_inference.open_inference.model_name import model_of, split_version_name
from framecast_inference.open_inference.tensor_spec import TensorSpec
from framecast_inference.open_inference.v2.grpc_service_pb2 import ModelMetadataResponse
from framecast_inference.open_inference.v2.model_config_pb2 import (
    ModelConfig,
    ModelInput,
    ModelInstanceGroup,
    ModelOutput,
    ModelParameter,
    ModelTransactionPolicy,
    ModelVersionPolicy,
)

_GRAPH_PLATFORM = "onnxruntime_onnx"
_PICTURES_PLATFORM = "framecast_bundle"


def metadata(name: str, endpoint: Endpoint, versions: Sequence[str]) -> ModelMetadataResponse:
    """Names, datatypes and shapes; `name` is what the client called the model."""
    return ModelMetadataResponse(
        name=name,
        versions=versions,
        platform=_platform(endpoint),
        inputs=map(_tensor, endpoint.inputs),
        outputs=map(_tensor, endpoint.outputs),
    )


def config(name: str, endpoint: Endpoint, loaded: LoadedModel | None) -> ModelConfig:
    """The same in the words of a configuration, and what the bundle says of itself."""
    described = ModelConfig(
        name=name,
        platform=_platform(endpoint),
        backend="onnxruntime" if endpoint.network else "framecast",
        version_policy=ModelVersionPolicy(all=ModelVersionPolicy.All()),
        max_batch_size=0,
        input=[
            ModelInput(
                name=spec.name,
                data_type=spec.datatype.config,
                format=ModelInput.FORMAT_NONE,
                dims=spec.shape,
            )
            for spec in endpoint.inputs
        ],
        output=[
            ModelOutput(name=spec.name, data_type=spec.datatype.config, dims=spec.shape) for spec in endpoint.outputs
        ],
        parameters={key: ModelParameter(string_value=value) for key, value in _parameters(endpoint).items()},
        model_transaction_policy=ModelTransactionPolicy(decoupled=False),
    )
    if endpoint.network:
        described.default_model_filename = endpoint.manifest.graphs[0].path
    if loaded is not None:
        on_gpu = not loaded.engine.startswith("CPU")
        kind = ModelInstanceGroup.KIND_GPU if on_gpu else ModelInstanceGroup.KIND_CPU
        described.instance_group.add(name=loaded.engine, count=1, kind=kind)
    return described


def _parameters(endpoint: Endpoint) -> dict[str, str]:
    manifest = endpoint.manifest
    categories = [{"id": category.id, "name": category.name} for category in manifest.categories]
    described = {
        "model_version": endpoint.version_name,
        "bundle_sha256": endpoint.bundle_sha256,
        "task": Task.Name(manifest.task),
        "architecture": manifest.architecture,
        "categories": json.dumps(categories, ensure_ascii=False),
    }
    if not endpoint.network:
        described["default_settings"] = _default_settings(manifest)
        if len(manifest.graphs) == 1:
            model, _ = split_version_name(endpoint.version_name)
            described["tensors"] = model_of(model, network=True)
    return described


def _default_settings(manifest: ModelBundle) -> str:
    settings = effective_settings(InferenceSettings(), manifest).to_proto()
    return json.dumps(json_format.MessageToDict(settings, preserving_proto_field_name=True), ensure_ascii=False)


def _platform(endpoint: Endpoint) -> str:
    return _GRAPH_PLATFORM if endpoint.network else _PICTURES_PLATFORM


def _tensor(spec: TensorSpec) -> ModelMetadataResponse.TensorMetadata:
    return ModelMetadataResponse.TensorMetadata(name=spec.name, datatype=spec.datatype.name, shape=spec.shape)
