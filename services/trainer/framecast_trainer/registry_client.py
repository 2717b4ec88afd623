"""The registry over gRPC. Calls raise framecast's errors; a lasting absence is UnavailableError."""

from collections.abc import Iterator, Mapping
from types import TracebackType

from framecast.errors import FailedPreconditionError, NotFoundError
from framecast.names import MODEL_VERSION
from framecast.transport import open_channel
from framecast.v1 import (
    annotation_pb2,
    asset_pb2,
    blob_service_pb2,
    blob_service_pb2_grpc,
    dataset_pb2,
    model_pb2,
    registry_service_pb2_grpc,
)
from framecast.v1 import registry_service_pb2 as messages
from framecast_trainer.dataset_facts import DatasetFacts, ItemFacts, LabelFacts, Subset
from framecast_trainer.job import JobError
from framecast_trainer.library import Task
from framecast_trainer.wire_values import TASKS, error_to_status

_PAGE = 200  # items come with their polygons: a page has to fit into a message

_SUBSETS = {
    dataset_pb2.SUBSET_TRAIN: Subset.TRAIN,
    dataset_pb2.SUBSET_VALIDATION: Subset.VALIDATION,
    dataset_pb2.SUBSET_TEST: Subset.TEST,
}


class RegistryClient:
    """What training needs of the registry."""

    def __init__(self, address: str, *, timeout_s: float = 30.0) -> None:
        self._channel = open_channel(address, timeout_s=timeout_s)
        self._stub = registry_service_pb2_grpc.RegistryServiceStub(self._channel)
        self._blobs = blob_service_pb2_grpc.BlobServiceStub(self._channel)

    def close(self) -> None:
        """Ends the connection."""
        self._channel.close()

    def __enter__(self) -> "RegistryClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def dataset(self, name: str) -> DatasetFacts:
        """See `Registry.dataset`."""
        version = self.dataset_version(name)
        counts = {_SUBSETS[row.subset]: row.item_count for row in version.subsets if row.subset in _SUBSETS}
        return DatasetFacts(version.name, version.digest, len(version.categories), counts)

    def items(self, dataset_version: str) -> Iterator[ItemFacts]:
        """See `Registry.items`."""
        for item in self.dataset_items(dataset_version):
            if item.subset in _SUBSETS:
                labels = tuple(_label_facts(annotation) for annotation in item.annotations)
                yield ItemFacts(item.file_name or item.asset, _SUBSETS[item.subset], labels)

    def dataset_version(self, name: str) -> dataset_pb2.DatasetVersion:
        """The whole message, for those who read the data. Raises NotFoundError."""
        return self._stub.GetDatasetVersion(messages.GetDatasetVersionRequest(name=name))

    def dataset_items(
        self, dataset_version: str, subset: "dataset_pb2.Subset.ValueType" = dataset_pb2.SUBSET_UNSPECIFIED
    ) -> Iterator[dataset_pb2.DatasetItem]:
        """Every item with its annotations, in the order in which they were given."""
        request = messages.ListDatasetItemsRequest(parent=dataset_version, page_size=_PAGE, subset=subset)
        while True:
            page = self._stub.ListDatasetItems(request)
            yield from page.dataset_items
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def asset(self, name: str) -> asset_pb2.Asset:
        """What is known of a picture. Raises NotFoundError."""
        return self._stub.GetAsset(messages.GetAssetRequest(name=name))

    def has_blob(self, name: str) -> bool:
        """See `Registry.has_blob`."""
        try:
            self._blobs.GetBlob(blob_service_pb2.GetBlobRequest(name=name))
        except NotFoundError:
            return False
        return True

    def reserve_version(
        self, *, model: str, architecture: str, task: Task, training_job: str, dataset_version: str, request_id: str
    ) -> str:
        """See `Registry.reserve_version`."""
        version = model_pb2.ModelVersion(
            architecture=architecture, task=TASKS[task], training_job=training_job, dataset_version=dataset_version
        )
        request = messages.CreateModelVersionRequest(
            parent=model, model_version=version, allow_missing=True, request_id=request_id
        )
        return self._stub.CreateModelVersion(request).name

    def start_version(self, name: str) -> None:
        """See `Registry.start_version`."""
        self._stub.StartModelVersion(messages.StartModelVersionRequest(name=name))

    def complete_version(self, name: str, bundle_sha256: str, metrics: Mapping[str, float]) -> None:
        """See `Registry.complete_version`."""
        bundle = f"projects/{MODEL_VERSION.parse(name)['project']}/blobs/{bundle_sha256}"
        try:
            self._stub.CompleteModelVersion(
                messages.CompleteModelVersionRequest(name=name, bundle=bundle, metrics=metrics)
            )
        except FailedPreconditionError:
            version = self._version(name)  # an earlier call may have arrived although its answer did not
            if version.state != model_pb2.ModelVersion.TRAINED or version.bundle != bundle:
                raise

    def fail_version(self, name: str, error: JobError) -> None:
        """See `Registry.fail_version`."""
        try:
            self._stub.FailModelVersion(messages.FailModelVersionRequest(name=name, error=error_to_status(error)))
        except FailedPreconditionError:
            if self._version(name).state != model_pb2.ModelVersion.FAILED:
                raise

    def _version(self, name: str) -> model_pb2.ModelVersion:
        return self._stub.GetModelVersion(messages.GetModelVersionRequest(name=name))


def _label_facts(annotation: annotation_pb2.Annotation) -> LabelFacts:
    return LabelFacts(
        has_box=annotation.HasField("box"),
        has_mask=annotation.WhichOneof("mask") is not None,
        crowd=annotation.crowd,
    )
