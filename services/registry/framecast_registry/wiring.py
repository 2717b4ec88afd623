"""The registry's parts list: the only file that names concrete adapters."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import grpc

from framecast.v1 import (
    blob_service_pb2,
    blob_service_pb2_grpc,
    prediction_service_pb2,
    registry_service_pb2,
    registry_service_pb2_grpc,
)
from framecast_registry import convert
from framecast_registry.assets import Assets
from framecast_registry.blob_servicer import BlobServicer
from framecast_registry.blobs import Blobs
from framecast_registry.convert_labels import encode_labels
from framecast_registry.dataset_versions import DatasetVersions
from framecast_registry.datasets import Datasets
from framecast_registry.media_probe import DecodingProbe
from framecast_registry.model_bundles import ModelBundles
from framecast_registry.models import Models
from framecast_registry.prediction_servicer import PredictionServicer
from framecast_registry.prediction_sets import PredictionSets
from framecast_registry.projects import Projects
from framecast_registry.requests import forget_old_requests
from framecast_registry.servicer import RegistryServicer
from framecast_registry.settings import RegistrySettings
from framecast_registry.sql_metadata_store import SqlMetadataStore
from framecast_registry.sweeper import Sweeper
from framecast_registry.uploads import Uploads
from framecast_runtime.database import connect
from framecast_runtime.object_store import open_object_store
from framecast_runtime.serialised import add_servicer
from framecast_runtime.server import Register

_CALLS = 128  # uploads and reads hold a thread each, for as long as the caller's line takes


@dataclass(frozen=True)
class RegistryParts:
    """What a server serves, and what runs beside it."""

    register: list[Register]
    max_workers: int
    """The calls that may run at the same time."""
    start: Callable[[], None]
    """Called once, before the first call is served."""
    stop: Callable[[], None]
    """Called once, after the last call has ended."""


def build(settings: RegistrySettings) -> RegistryParts:
    """Opens the database and the object store and puts the service together."""
    store = SqlMetadataStore(connect(settings.database_url))
    objects = open_object_store(settings.object_store_url)
    probe = DecodingProbe(max_pixels=settings.max_image_pixels)
    projects = Projects(store, _now)
    uploads = Uploads(store, objects, _now, max_blob_bytes=settings.max_blob_bytes)
    sweeper = Sweeper(uploads.sweep, lambda: forget_old_requests(store, _now))
    registry = RegistryServicer(
        projects,
        Assets(store, objects, probe, _now),
        Datasets(store, _now),
        DatasetVersions(store, encode_labels, _now),
        Models(store, ModelBundles(objects, convert.parse_bundle), _now),
    )
    blobs = BlobServicer(Blobs(store, objects, _now), uploads)
    predictions = PredictionServicer(PredictionSets(store, objects, _now))

    def add_registry(server: grpc.Server) -> str:
        registry_service_pb2_grpc.add_RegistryServiceServicer_to_server(registry, server)
        return registry_service_pb2.DESCRIPTOR.services_by_name["RegistryService"].full_name

    def add_blobs(server: grpc.Server) -> str:
        blob_service_pb2_grpc.add_BlobServiceServicer_to_server(blobs, server)
        return blob_service_pb2.DESCRIPTOR.services_by_name["BlobService"].full_name

    def add_predictions(server: grpc.Server) -> str:
        service = prediction_service_pb2.DESCRIPTOR.services_by_name["PredictionService"]
        return add_servicer(server, service, predictions)

    def start() -> None:
        projects.ensure_default()
        sweeper.start()

    def stop() -> None:
        sweeper.stop()
        store.close()

    return RegistryParts([add_registry, add_blobs, add_predictions], _CALLS, start, stop)


def _now() -> datetime:
    return datetime.now(UTC)
