"""The YOLOX detector of the sample data, and how it becomes a model version."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import grpc

from framecast.v1 import (
    blob_pb2,
    blob_service_pb2,
    blob_service_pb2_grpc,
    inference_service_pb2,
    inference_service_pb2_grpc,
    registry_service_pb2,
    registry_service_pb2_grpc,
)
from framecast.v1.asset_pb2 import Asset
from framecast.v1.model_pb2 import ModelVersion

PROJECT = "projects/default"
DESCRIPTOR = Path(__file__).resolve().parents[2] / "examples/yolox_nano.yaml"


def upload_blob(channel: grpc.Channel, data: bytes) -> str:
    """Stores bytes in the default project; returns the blob's name."""
    blobs = blob_service_pb2_grpc.BlobServiceStub(channel)
    upload = blobs.CreateUpload(
        blob_service_pb2.CreateUploadRequest(
            parent=PROJECT,
            upload=blob_pb2.Upload(size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest()),
        )
    )
    if upload.blob:
        return upload.blob

    def chunks() -> Iterator[blob_service_pb2.WriteUploadRequest]:
        for start in range(0, len(data), 1 << 20):
            yield blob_service_pb2.WriteUploadRequest(
                name=upload.name, offset_bytes=start, data=data[start : start + (1 << 20)]
            )

    return blobs.WriteUpload(chunks()).blob


def store_asset(channel: grpc.Channel, path: Path) -> Asset:
    """Stores a file as an asset of the default project."""
    return registry_service_pb2_grpc.RegistryServiceStub(channel).CreateAsset(
        registry_service_pb2.CreateAssetRequest(
            parent=PROJECT,
            blob=upload_blob(channel, path.read_bytes()),
            asset=Asset(display_name=path.name),
        )
    )


def import_yolox(
    registry: grpc.Channel, inference: grpc.Channel, shared_data: Path, *, model: str = "yolox", request_id: str = ""
) -> ModelVersion:
    """Imports the detector as a version of `projects/default/models/{model}`."""
    graph = upload_blob(registry, (shared_data / "weights/yolox_nano/yolox_nano.onnx").read_bytes())
    return inference_service_pb2_grpc.InferenceServiceStub(inference).ImportModelVersion(
        inference_service_pb2.ImportModelVersionRequest(
            model=f"{PROJECT}/models/{model}",
            descriptor=DESCRIPTOR.read_text(),
            graph=graph,
            request_id=request_id,
        )
    )
