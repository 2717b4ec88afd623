"""The registry, over gRPC."""

from collections.abc import Iterator, Sequence

import grpc

from framecast import names
from framecast.errors import FailedPreconditionError
from framecast.v1 import (
    blob_service_pb2,
    blob_service_pb2_grpc,
    prediction_service_pb2,
    prediction_service_pb2_grpc,
    registry_service_pb2,
    registry_service_pb2_grpc,
)
from framecast.v1.asset_pb2 import Asset
from framecast.v1.dataset_pb2 import DatasetItem, DatasetVersion, Subset
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast.v1.model_pb2 import ModelVersion
from framecast.v1.prediction_set_pb2 import PredictionPart, PredictionSet

_PAGE_SIZE = 1000


class GrpcRegistry:
    """Calls the registry on a channel of `framecast.transport.open_channel`, whose errors are ours already."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._registry = registry_service_pb2_grpc.RegistryServiceStub(channel)
        self._blobs = blob_service_pb2_grpc.BlobServiceStub(channel)
        self._predictions = prediction_service_pb2_grpc.PredictionServiceStub(channel)

    def trained_bundle(self, model_version: str) -> str:
        """See `Registry.trained_bundle`."""
        version = self._registry.GetModelVersion(registry_service_pb2.GetModelVersionRequest(name=model_version))
        if version.state != ModelVersion.TRAINED:
            raise _not_trained(version)
        return names.BLOB.parse(version.bundle, field="bundle")["sha256"]

    def asset(self, name: str) -> Asset:
        """See `Registry.asset`."""
        return self._registry.GetAsset(registry_service_pb2.GetAssetRequest(name=name))

    def blob_size(self, name: str) -> int:
        """See `Registry.blob_size`."""
        return self._blobs.GetBlob(blob_service_pb2.GetBlobRequest(name=name)).size_bytes

    def models(self) -> Iterator[str]:
        """See `ModelListing.models`."""
        projects = registry_service_pb2.ListProjectsRequest(page_size=_PAGE_SIZE)
        while True:
            page = self._registry.ListProjects(projects)
            for project in page.projects:
                yield from self._models_of(project.name)
            if not page.next_page_token:
                return
            projects.page_token = page.next_page_token

    def model_versions(self, model: str) -> Iterator[ModelVersion]:
        """See `ModelListing.model_versions`."""
        request = registry_service_pb2.ListModelVersionsRequest(parent=model, page_size=_PAGE_SIZE)
        while True:
            page = self._registry.ListModelVersions(request)
            yield from page.model_versions
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def latest_trained_version(self, model: str) -> str:
        """See `ModelListing.latest_trained_version`."""
        return self._registry.GetModel(registry_service_pb2.GetModelRequest(name=model)).latest_trained_version

    def add_trained_version(
        self, model: str, manifest: ModelBundle, bundle_sha256: str, *, request_id: str
    ) -> ModelVersion:
        """See `Registry.add_trained_version`. Repeating it with the same `request_id` gives the same version."""
        return self._registry.CreateModelVersion(
            registry_service_pb2.CreateModelVersionRequest(
                parent=model,
                model_version=ModelVersion(architecture=manifest.architecture, task=manifest.task),
                allow_missing=True,
                bundle=names.BLOB.format(project=names.MODEL.parse(model)["project"], sha256=bundle_sha256),
                request_id=request_id,
            )
        )

    def dataset_version(self, name: str) -> DatasetVersion:
        """See `DatasetRegistry.dataset_version`."""
        return self._registry.GetDatasetVersion(registry_service_pb2.GetDatasetVersionRequest(name=name))

    def dataset_items(self, name: str, subset: "Subset.ValueType") -> Iterator[DatasetItem]:
        """See `DatasetRegistry.dataset_items`."""
        request = registry_service_pb2.ListDatasetItemsRequest(parent=name, subset=subset, page_size=_PAGE_SIZE)
        while True:
            page = self._registry.ListDatasetItems(request)
            yield from page.dataset_items
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def add_prediction_set(
        self, dataset_version: str, set_id: str, made: PredictionSet, parts: Sequence[PredictionPart]
    ) -> str:
        """See `PredictionRegistry.add_prediction_set`."""
        return self._predictions.CreatePredictionSet(
            prediction_service_pb2.CreatePredictionSetRequest(
                parent=dataset_version, prediction_set_id=set_id, prediction_set=made, parts=parts, request_id=set_id
            )
        ).name

    def _models_of(self, project: str) -> Iterator[str]:
        request = registry_service_pb2.ListModelsRequest(parent=project, page_size=_PAGE_SIZE)
        while True:
            page = self._registry.ListModels(request)
            yield from (model.name for model in page.models)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token


def _not_trained(version: ModelVersion) -> FailedPreconditionError:
    state = ModelVersion.State.Name(version.state)
    what_to_do = "it failed; train another version" if version.state == ModelVersion.FAILED else "wait until it is"
    why = f" ({version.error.message})" if version.error.message else ""
    return FailedPreconditionError(
        f"{version.name} is {state}{why}, not TRAINED: {what_to_do}",
        reason="MODEL_VERSION_NOT_TRAINED",
        model_version=version.name,
        state=state,
    )
