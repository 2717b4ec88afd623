"""Between the wire and the domain. With `convert_labels` and `convert_predictions`, the only file that knows both."""

import json
from datetime import UTC, datetime

from google.protobuf import duration_pb2, json_format, timestamp_pb2
from google.rpc import error_details_pb2, status_pb2

from framecast import names
from framecast.errors import InvalidArgumentError
from framecast.status import DOMAIN
from framecast.v1 import (
    annotation_pb2,
    asset_pb2,
    blob_pb2,
    dataset_pb2,
    model_bundle_pb2,
    model_pb2,
    project_pb2,
    registry_service_pb2,
)
from framecast_registry.annotation import ItemDraft
from framecast_registry.convert_labels import annotation_from_proto, decode_labels
from framecast_registry.dataset_versions import VersionDraft
from framecast_registry.domain import (
    Asset,
    Blob,
    BundleFile,
    BundleManifest,
    Category,
    Dataset,
    DatasetItem,
    DatasetVersion,
    Failure,
    ImageProperties,
    Model,
    ModelVersion,
    Project,
    Subset,
    UploadProgress,
    VersionRef,
)
from framecast_registry.models import ModelVersionDraft

_SUBSETS = {int(subset) for subset in Subset}


def version_number(text: str, *, field: str) -> int:
    """The number in a version's name. Raises InvalidArgumentError for what is none."""
    if not (text.isascii() and text.isdigit()) or text.startswith("0") or len(text) > 9:
        raise InvalidArgumentError(
            f"{field} must end with a version's number, such as `versions/1`, got {text!r}",
            reason="RESOURCE_NAME_INVALID",
            field=field,
            value=text,
        )
    return int(text)


def project_to_proto(project: Project) -> project_pb2.Project:
    return project_pb2.Project(
        name=names.PROJECT.format(project=project.project_id),
        display_name=project.display_name,
        create_time=timestamp(project.create_time),
    )


def blob_to_proto(blob: Blob) -> blob_pb2.Blob:
    return blob_pb2.Blob(
        name=names.BLOB.format(project=blob.project_id, sha256=blob.sha256),
        size_bytes=blob.size_bytes,
        create_time=timestamp(blob.create_time),
    )


def upload_to_proto(progress: UploadProgress) -> blob_pb2.Upload:
    upload = progress.upload
    return blob_pb2.Upload(
        name=names.UPLOAD.format(project=upload.project_id, upload=upload.upload_id),
        size_bytes=upload.size_bytes,
        sha256=upload.sha256,
        committed_bytes=progress.committed_bytes,
        blob=names.BLOB.format(project=upload.project_id, sha256=upload.sha256) if upload.finished else "",
        create_time=timestamp(upload.create_time),
        expire_time=timestamp(upload.expire_time),
    )


def asset_to_proto(asset: Asset) -> asset_pb2.Asset:
    message = asset_pb2.Asset(
        name=names.ASSET.format(project=asset.project_id, sha256=asset.sha256),
        display_name=asset.display_name,
        media_type=asset.media_type,
        size_bytes=asset.size_bytes,
        create_time=timestamp(asset.create_time),
    )
    properties = asset.properties
    if isinstance(properties, ImageProperties):
        message.image.width, message.image.height = properties.width, properties.height
        return message
    message.video.CopyFrom(
        asset_pb2.Asset.VideoProperties(
            width=properties.width,
            height=properties.height,
            frame_count=properties.frame_count,
            duration=duration_pb2.Duration(
                seconds=properties.duration_us // 1_000_000, nanos=properties.duration_us % 1_000_000 * 1000
            ),
            codec=properties.codec,
            rotation_degrees=properties.rotation_degrees,
        )
    )
    return message


def dataset_to_proto(dataset: Dataset) -> dataset_pb2.Dataset:
    return dataset_pb2.Dataset(
        name=names.DATASET.format(project=dataset.project_id, dataset=dataset.dataset_id),
        display_name=dataset.display_name,
        description=dataset.description,
        create_time=timestamp(dataset.create_time),
        latest_version=_dataset_version_name(dataset.project_id, dataset.dataset_id, dataset.latest_version),
    )


def dataset_version_to_proto(version: DatasetVersion) -> dataset_pb2.DatasetVersion:
    return dataset_pb2.DatasetVersion(
        name=_dataset_version_name(version.project_id, version.dataset_id, version.number),
        description=version.description,
        categories=[
            annotation_pb2.Category(
                id=category.category_id,
                name=category.name,
                supercategory=category.supercategory,
                keypoints=category.keypoints,
            )
            for category in version.categories
        ],
        subsets=[
            dataset_pb2.DatasetVersion.SubsetSummary(
                subset=dataset_pb2.Subset.ValueType(summary.subset),
                item_count=summary.item_count,
                annotation_count=summary.annotation_count,
            )
            for summary in version.subsets
        ],
        digest=version.digest,
        create_time=timestamp(version.create_time),
    )


def version_draft_from_proto(request: registry_service_pb2.CreateDatasetVersionRequest) -> VersionDraft:
    ids = names.DATASET.parse(request.parent, field="parent")
    return VersionDraft(
        project_id=ids["project"],
        dataset_id=ids["dataset"],
        description=request.dataset_version.description,
        categories=tuple(
            Category(category.id, category.name, category.supercategory, tuple(category.keypoints))
            for category in request.dataset_version.categories
        ),
        allow_missing=request.allow_missing,
        request_id=request.request_id,
        item_count=request.item_count,
    )


def item_draft_from_proto(message: dataset_pb2.DatasetItem) -> ItemDraft:
    return ItemDraft(
        asset=message.asset,
        file_name=message.file_name,
        subset=Subset(message.subset) if int(message.subset) in _SUBSETS else None,
        source_id=message.source_id,
        annotations=tuple(map(annotation_from_proto, message.annotations)),
    )


def item_to_proto(project_id: str, item: DatasetItem) -> dataset_pb2.DatasetItem:
    message = decode_labels(item.labels)
    message.asset = names.ASSET.format(project=project_id, sha256=item.asset_sha256)
    message.file_name = item.file_name
    message.subset = dataset_pb2.Subset.ValueType(item.subset)
    message.source_id = item.source_id
    return message


def subset_from_proto(value: int) -> Subset | None:
    """None for all of them. Raises InvalidArgumentError for a number without a meaning."""
    if value == dataset_pb2.SUBSET_UNSPECIFIED:
        return None
    if value not in _SUBSETS:
        raise InvalidArgumentError(
            f"subset must be train, validation or test, got {value}",
            reason="SUBSET_INVALID",
            field="subset",
            value=value,
        )
    return Subset(value)


def model_to_proto(model: Model) -> model_pb2.Model:
    return model_pb2.Model(
        name=names.MODEL.format(project=model.project_id, model=model.model_id),
        display_name=model.display_name,
        description=model.description,
        create_time=timestamp(model.create_time),
        latest_trained_version=(
            names.MODEL_VERSION.format(
                project=model.project_id, model=model.model_id, version=model.latest_trained_version
            )
            if model.latest_trained_version
            else ""
        ),
    )


def model_version_draft_from_proto(
    project_id: str, message: model_pb2.ModelVersion, bundle_sha256: str
) -> ModelVersionDraft:
    return ModelVersionDraft(
        architecture=message.architecture,
        task=message.task,
        training_job_id=_training_job_id(project_id, message.training_job),
        dataset_version=_version_ref(project_id, message.dataset_version),
        bundle_sha256=bundle_sha256,
    )


def model_version_to_proto(version: ModelVersion) -> model_pb2.ModelVersion:
    project_id, ref = version.project_id, version.dataset_version
    message = model_pb2.ModelVersion(
        name=names.MODEL_VERSION.format(project=project_id, model=version.model_id, version=version.number),
        state=model_pb2.ModelVersion.State.ValueType(version.state),
        architecture=version.architecture,
        task=model_pb2.Task.ValueType(version.task),
        dataset_version=_dataset_version_name(project_id, ref.dataset_id, ref.number) if ref else "",
        metrics=version.metrics or {},
        create_time=timestamp(version.create_time),
    )
    if version.training_job_id:
        message.training_job = names.TRAINING_JOB.format(project=project_id, training_job=version.training_job_id)
    if version.bundle_sha256:
        message.bundle = names.BLOB.format(project=project_id, sha256=version.bundle_sha256)
    if version.failure is not None:
        message.error.CopyFrom(_failure_to_proto(version.failure))
    if version.end_time is not None:
        message.end_time.CopyFrom(timestamp(version.end_time))
    return message


def failure_from_proto(status: status_pb2.Status) -> Failure:
    info = error_details_pb2.ErrorInfo()
    for detail in status.details:
        if detail.Is(info.DESCRIPTOR):
            detail.Unpack(info)
    return Failure(status.code, status.message, info.reason, dict(info.metadata))


def parse_bundle(data: bytes) -> BundleManifest:
    """A manifest out of its JSON. Raises InvalidArgumentError; passes over fields that it does not know."""
    try:
        bundle = json_format.Parse(data, model_bundle_pb2.ModelBundle(), ignore_unknown_fields=True)
    except (json_format.ParseError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InvalidArgumentError(
            f"bundle must name the stored bundle.json; these bytes are none ({error})",
            reason="BUNDLE_INVALID",
            field="bundle",
        ) from None
    if bundle.format_version != 1:
        raise InvalidArgumentError(
            f"bundle.json has format_version {bundle.format_version}; this registry knows 1",
            reason="BUNDLE_FORMAT_UNKNOWN",
            field="bundle",
            format_version=bundle.format_version,
        )
    files = tuple(BundleFile(file.path, file.sha256, file.size_bytes) for file in bundle.files)
    return BundleManifest(bundle.architecture, bundle.task, files)


def _failure_to_proto(failure: Failure) -> status_pb2.Status:
    status = status_pb2.Status(code=failure.code, message=failure.message)
    if failure.reason:
        info = error_details_pb2.ErrorInfo(reason=failure.reason, domain=DOMAIN, metadata=failure.metadata)
        status.details.add().Pack(info)
    return status


def _training_job_id(project_id: str, name: str) -> str:
    if not name:
        return ""
    field = "model_version.training_job"
    ids = names.TRAINING_JOB.parse(name, field=field)
    check_same_project(project_id, ids["project"], name, field)
    return ids["training_job"]


def _version_ref(project_id: str, name: str) -> VersionRef | None:
    if not name:
        return None
    field = "model_version.dataset_version"
    ids = names.DATASET_VERSION.parse(name, field=field)
    check_same_project(project_id, ids["project"], name, field)
    return VersionRef(ids["dataset"], version_number(ids["version"], field=field))


def check_same_project(expected: str, actual: str, name: str, field: str) -> None:
    if actual != expected:
        raise InvalidArgumentError(
            f"{field} {name!r} belongs to another project than {expected!r}; nothing refers across projects",
            reason="PROJECT_MISMATCH",
            field=field,
            value=name,
            project=expected,
        )


def _dataset_version_name(project_id: str, dataset_id: str, number: int) -> str:
    if not number:
        return ""
    return names.DATASET_VERSION.format(project=project_id, dataset=dataset_id, version=number)


def timestamp(time: datetime) -> timestamp_pb2.Timestamp:
    stamp = timestamp_pb2.Timestamp()
    stamp.FromDatetime(time.astimezone(UTC))
    return stamp
