"""RegistryService on the wire."""

import threading
from collections.abc import Iterator

import grpc

from framecast import names
from framecast.errors import InvalidArgumentError
from framecast.v1 import asset_pb2, dataset_pb2, model_pb2, project_pb2, registry_service_pb2_grpc
from framecast.v1 import registry_service_pb2 as pb
from framecast_registry import convert
from framecast_registry.annotation import ItemDraft
from framecast_registry.assets import Assets
from framecast_registry.dataset_versions import DatasetVersions
from framecast_registry.datasets import Datasets
from framecast_registry.models import Models
from framecast_registry.projects import Projects
from framecast_runtime.paging import read_page

_SETTLE_S = 0.25


class RegistryServicer(registry_service_pb2_grpc.RegistryServiceServicer):
    """Translates between the wire and the use cases; decides nothing."""

    def __init__(
        self,
        projects: Projects,
        assets: Assets,
        datasets: Datasets,
        dataset_versions: DatasetVersions,
        models: Models,
    ) -> None:
        self._projects = projects
        self._assets = assets
        self._datasets = datasets
        self._dataset_versions = dataset_versions
        self._models = models

    def CreateProject(self, request: pb.CreateProjectRequest, context: grpc.ServicerContext) -> project_pb2.Project:
        return convert.project_to_proto(
            self._projects.create(request.project_id, request.project.display_name, request.request_id)
        )

    def GetProject(self, request: pb.GetProjectRequest, context: grpc.ServicerContext) -> project_pb2.Project:
        return convert.project_to_proto(self._projects.get(_project(request.name, "name")))

    def ListProjects(self, request: pb.ListProjectsRequest, context: grpc.ServicerContext) -> pb.ListProjectsResponse:
        rows, token = self._projects.page(read_page(request.page_size, request.page_token))
        return pb.ListProjectsResponse(projects=map(convert.project_to_proto, rows), next_page_token=token)

    def CreateAsset(self, request: pb.CreateAssetRequest, context: grpc.ServicerContext) -> asset_pb2.Asset:
        project = _project(request.parent, "parent")
        sha256 = _blob(project, request.blob, "blob")
        return convert.asset_to_proto(self._assets.create(project, sha256, request.asset.display_name))

    def GetAsset(self, request: pb.GetAssetRequest, context: grpc.ServicerContext) -> asset_pb2.Asset:
        ids = names.ASSET.parse(request.name)
        return convert.asset_to_proto(self._assets.get(ids["project"], ids["sha256"]))

    def ListAssets(self, request: pb.ListAssetsRequest, context: grpc.ServicerContext) -> pb.ListAssetsResponse:
        page = read_page(request.page_size, request.page_token)
        rows, token = self._assets.page(_project(request.parent, "parent"), page)
        return pb.ListAssetsResponse(assets=map(convert.asset_to_proto, rows), next_page_token=token)

    def CreateDataset(self, request: pb.CreateDatasetRequest, context: grpc.ServicerContext) -> dataset_pb2.Dataset:
        return convert.dataset_to_proto(
            self._datasets.create(
                _project(request.parent, "parent"),
                request.dataset_id,
                request.dataset.display_name,
                request.dataset.description,
                request.request_id,
            )
        )

    def GetDataset(self, request: pb.GetDatasetRequest, context: grpc.ServicerContext) -> dataset_pb2.Dataset:
        return convert.dataset_to_proto(self._datasets.get(*_dataset(request.name, "name")))

    def ListDatasets(self, request: pb.ListDatasetsRequest, context: grpc.ServicerContext) -> pb.ListDatasetsResponse:
        page = read_page(request.page_size, request.page_token)
        rows, token = self._datasets.page(_project(request.parent, "parent"), page)
        return pb.ListDatasetsResponse(datasets=map(convert.dataset_to_proto, rows), next_page_token=token)

    def DeleteDataset(
        self, request: pb.DeleteDatasetRequest, context: grpc.ServicerContext
    ) -> pb.DeleteDatasetResponse:
        self._datasets.delete(*_dataset(request.name, "name"))
        return pb.DeleteDatasetResponse()

    def CreateDatasetVersion(
        self, request_iterator: Iterator[pb.CreateDatasetVersionRequest], context: grpc.ServicerContext
    ) -> dataset_pb2.DatasetVersion:
        first = next(request_iterator, None)
        if first is None:
            raise InvalidArgumentError(
                "the stream ended before its first message, which has parent and dataset_version",
                reason="FIRST_MESSAGE_MISSING",
                field="parent",
            )
        draft = convert.version_draft_from_proto(first)
        return convert.dataset_version_to_proto(
            self._dataset_versions.create(
                draft, _item_batches(first, request_iterator), lambda: _still_connected(context)
            )
        )

    def GetDatasetVersion(
        self, request: pb.GetDatasetVersionRequest, context: grpc.ServicerContext
    ) -> dataset_pb2.DatasetVersion:
        return convert.dataset_version_to_proto(self._datasets.version(*_dataset_version(request.name, "name")))

    def ListDatasetVersions(
        self, request: pb.ListDatasetVersionsRequest, context: grpc.ServicerContext
    ) -> pb.ListDatasetVersionsResponse:
        page = read_page(request.page_size, request.page_token)
        rows, token = self._datasets.versions(*_dataset(request.parent, "parent"), page)
        return pb.ListDatasetVersionsResponse(
            dataset_versions=map(convert.dataset_version_to_proto, rows), next_page_token=token
        )

    def ListDatasetItems(
        self, request: pb.ListDatasetItemsRequest, context: grpc.ServicerContext
    ) -> pb.ListDatasetItemsResponse:
        page = read_page(request.page_size, request.page_token)
        project, dataset, number = _dataset_version(request.parent, "parent")
        rows, token = self._datasets.items(project, dataset, number, convert.subset_from_proto(request.subset), page)
        return pb.ListDatasetItemsResponse(
            dataset_items=[convert.item_to_proto(project, row) for row in rows], next_page_token=token
        )

    def CreateModel(self, request: pb.CreateModelRequest, context: grpc.ServicerContext) -> model_pb2.Model:
        return convert.model_to_proto(
            self._models.create(
                _project(request.parent, "parent"),
                request.model_id,
                request.model.display_name,
                request.model.description,
                request.request_id,
            )
        )

    def GetModel(self, request: pb.GetModelRequest, context: grpc.ServicerContext) -> model_pb2.Model:
        return convert.model_to_proto(self._models.get(*_model(request.name, "name")))

    def ListModels(self, request: pb.ListModelsRequest, context: grpc.ServicerContext) -> pb.ListModelsResponse:
        page = read_page(request.page_size, request.page_token)
        rows, token = self._models.page(_project(request.parent, "parent"), page)
        return pb.ListModelsResponse(models=map(convert.model_to_proto, rows), next_page_token=token)

    def CreateModelVersion(
        self, request: pb.CreateModelVersionRequest, context: grpc.ServicerContext
    ) -> model_pb2.ModelVersion:
        project, model = _model(request.parent, "parent")
        bundle = _blob(project, request.bundle, "bundle") if request.bundle else ""
        draft = convert.model_version_draft_from_proto(project, request.model_version, bundle)
        return convert.model_version_to_proto(
            self._models.create_version(project, model, draft, request.allow_missing, request.request_id)
        )

    def StartModelVersion(
        self, request: pb.StartModelVersionRequest, context: grpc.ServicerContext
    ) -> model_pb2.ModelVersion:
        return convert.model_version_to_proto(self._models.start_version(*_model_version(request.name)))

    def CompleteModelVersion(
        self, request: pb.CompleteModelVersionRequest, context: grpc.ServicerContext
    ) -> model_pb2.ModelVersion:
        project, model, number = _model_version(request.name)
        bundle = _blob(project, request.bundle, "bundle")
        return convert.model_version_to_proto(
            self._models.complete_version(project, model, number, bundle, dict(request.metrics))
        )

    def FailModelVersion(
        self, request: pb.FailModelVersionRequest, context: grpc.ServicerContext
    ) -> model_pb2.ModelVersion:
        failure = convert.failure_from_proto(request.error)
        return convert.model_version_to_proto(self._models.fail_version(*_model_version(request.name), failure))

    def GetModelVersion(
        self, request: pb.GetModelVersionRequest, context: grpc.ServicerContext
    ) -> model_pb2.ModelVersion:
        return convert.model_version_to_proto(self._models.version(*_model_version(request.name)))

    def ListModelVersions(
        self, request: pb.ListModelVersionsRequest, context: grpc.ServicerContext
    ) -> pb.ListModelVersionsResponse:
        page = read_page(request.page_size, request.page_token)
        rows, token = self._models.versions(*_model(request.parent, "parent"), page)
        return pb.ListModelVersionsResponse(
            model_versions=map(convert.model_version_to_proto, rows), next_page_token=token
        )


def _still_connected(context: grpc.ServicerContext) -> bool:
    """Whether the caller's stream has ended because it was over.

    gRPC reports a broken connection in two steps: the stream of requests ends, then the call. So wait for the second.
    """
    gone = threading.Event()
    return context.add_callback(gone.set) and not gone.wait(_SETTLE_S)


def _item_batches(
    first: pb.CreateDatasetVersionRequest, rest: Iterator[pb.CreateDatasetVersionRequest]
) -> Iterator[list[ItemDraft]]:
    yield [convert.item_draft_from_proto(item) for item in first.items]
    for request in rest:
        yield [convert.item_draft_from_proto(item) for item in request.items]


def _project(name: str, field: str) -> str:
    return names.PROJECT.parse(name, field=field)["project"]


def _blob(project: str, name: str, field: str) -> str:
    ids = names.BLOB.parse(name, field=field)
    if ids["project"] != project:
        raise InvalidArgumentError(
            f"{field} {name!r} belongs to another project than {project!r}; nothing refers across projects",
            reason="PROJECT_MISMATCH",
            field=field,
            value=name,
            project=project,
        )
    return ids["sha256"]


def _dataset(name: str, field: str) -> tuple[str, str]:
    ids = names.DATASET.parse(name, field=field)
    return ids["project"], ids["dataset"]


def _dataset_version(name: str, field: str) -> tuple[str, str, int]:
    ids = names.DATASET_VERSION.parse(name, field=field)
    return ids["project"], ids["dataset"], convert.version_number(ids["version"], field=field)


def _model(name: str, field: str) -> tuple[str, str]:
    ids = names.MODEL.parse(name, field=field)
    return ids["project"], ids["model"]


def _model_version(name: str) -> tuple[str, str, int]:
    ids = names.MODEL_VERSION.parse(name)
    return ids["project"], ids["model"], convert.version_number(ids["version"], field="name")
