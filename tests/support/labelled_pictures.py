"""Small seeded pictures with labels, put into a real registry."""

import hashlib
import io

import numpy as np
from PIL import Image, ImageDraw

from framecast.transport import open_channel
from framecast.v1 import (
    annotation_pb2,
    asset_pb2,
    blob_service_pb2,
    blob_service_pb2_grpc,
    dataset_pb2,
    geometry_pb2,
    project_pb2,
    registry_service_pb2,
    registry_service_pb2_grpc,
)

PROJECT = "projects/demo"
_COLOURS = ((220, 40, 40), (40, 80, 220))


def put_pictures(
    address: str, dataset_id: str, *, labels: str, train: int = 8, validation: int = 4, size: int = 64
) -> str:
    """Creates project, pictures and a dataset version; returns the version's name.

    Each picture shows one square, red or blue; `labels` is `whole` (its colour), `box` or `polygon`.
    """
    with open_channel(address) as channel:
        stub = registry_service_pb2_grpc.RegistryServiceStub(channel)
        blobs = blob_service_pb2_grpc.BlobServiceStub(channel)
        stub.CreateProject(
            registry_service_pb2.CreateProjectRequest(
                project_id="demo", project=project_pb2.Project(), request_id="demo"
            )
        )
        items = []
        random = np.random.default_rng(7)
        for i in range(train + validation):
            data, annotation = _picture(random, i % 2, size, labels)
            sha256 = hashlib.sha256(data).hexdigest()
            blobs.PutBlob(blob_service_pb2.PutBlobRequest(parent=PROJECT, sha256=sha256, data=data))
            asset = stub.CreateAsset(
                registry_service_pb2.CreateAssetRequest(
                    parent=PROJECT, blob=f"{PROJECT}/blobs/{sha256}", asset=asset_pb2.Asset(display_name=f"{i}.png")
                )
            )
            subset = dataset_pb2.SUBSET_TRAIN if i < train else dataset_pb2.SUBSET_VALIDATION
            items.append(
                dataset_pb2.DatasetItem(asset=asset.name, file_name=f"{i}.png", subset=subset, annotations=[annotation])
            )
        categories = [annotation_pb2.Category(id=3, name="red"), annotation_pb2.Category(id=8, name="blue")]
        request = registry_service_pb2.CreateDatasetVersionRequest(
            parent=f"{PROJECT}/datasets/{dataset_id}",
            dataset_version=dataset_pb2.DatasetVersion(categories=categories),
            allow_missing=True,
            items=items,
        )
        return str(stub.CreateDatasetVersion(iter([request])).name)


def _picture(random: np.random.Generator, kind: int, size: int, labels: str) -> tuple[bytes, annotation_pb2.Annotation]:
    image = Image.fromarray(random.integers(0, 60, (size, size, 3), dtype=np.uint8))
    side = int(random.integers(size // 3, size // 2))
    x, y = (int(value) for value in random.integers(0, size - side, 2))
    ImageDraw.Draw(image).rectangle((x, y, x + side - 1, y + side - 1), fill=_COLOURS[kind])
    file = io.BytesIO()
    image.save(file, "PNG")
    annotation = annotation_pb2.Annotation(category_id=(3, 8)[kind])
    if labels in ("box", "polygon"):
        annotation.box.CopyFrom(geometry_pb2.BoundingBox(x_min=x, y_min=y, x_max=x + side, y_max=y + side))
    if labels == "polygon":
        ring = [x, y, x + side, y, x + side, y + side, x, y + side]
        annotation.polygon_set.polygons.add().exterior.coordinates.extend(ring)
    return file.getvalue(), annotation
