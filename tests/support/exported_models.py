"""Networks of the library with random weights, exported and registered as a trainer does."""

from pathlib import Path

import grpc
import numpy as np
import torch
from PIL import Image

from framecast.v1 import registry_service_pb2, registry_service_pb2_grpc
from framecast.v1.model_pb2 import ModelVersion
from framecast_bundle import manifest as bundle_manifest
from framecast_runtime.object_store import open_object_store
from framecast_trainer.learning.architectures import Architecture
from framecast_trainer.learning.data import CategoryName
from framecast_trainer.learning.untrained import export_untrained
from tests.support.outside_yolox import PROJECT

NAMES = ("circle", "square", "star")


def register_export(
    entry: Architecture,
    registry: grpc.Channel,
    object_store_url: str,
    folder: Path,
    picture: Path,
    *,
    image_size: int = 128,
    backbone: str = "",
) -> str:
    """Exports a fresh network into `folder` and registers it; returns the version's name."""
    torch.manual_seed(0)
    categories = [
        CategoryName(id=number, name=name, keypoints=("nose", "tail")) for number, name in enumerate(NAMES, start=10)
    ]
    pictures = [np.asarray(Image.open(picture).convert("RGB").resize((160, 120)))]
    manifest = export_untrained(entry, categories, pictures, output=folder, image_size=image_size, backbone=backbone)
    store = open_object_store(object_store_url)
    for file in manifest.files:
        assert store.put_blob((folder / file.path).read_bytes()) == file.sha256
    bundle = store.put_blob(bundle_manifest.to_json(manifest))
    stub = registry_service_pb2_grpc.RegistryServiceStub(registry)
    model = "-".join(filter(None, (entry.id, backbone))).replace("_", "-").lower()
    version = stub.CreateModelVersion(
        registry_service_pb2.CreateModelVersionRequest(
            parent=f"{PROJECT}/models/{model}",
            model_version=ModelVersion(architecture=entry.id),
            allow_missing=True,
        )
    )
    name: str = stub.CompleteModelVersion(
        registry_service_pb2.CompleteModelVersionRequest(name=version.name, bundle=f"{PROJECT}/blobs/{bundle}")
    ).name
    return name


def smallest(backbones: tuple[str, ...]) -> str:
    """The backbone that is quick, where there is a choice."""
    return next((name for name in backbones if "small" in name), "")
