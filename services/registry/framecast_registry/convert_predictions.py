"""Predictions of datasets between the wire and the domain."""

from framecast import names
from framecast.v1 import dataset_pb2, inference_settings_pb2
from framecast.v1 import prediction_service_pb2 as pb
from framecast.v1.prediction_set_pb2 import PredictionSet as PredictionSetMessage
from framecast_registry.convert import (
    check_same_project,
    subset_from_proto,
    timestamp,
    version_number,
)
from framecast_registry.domain import PredictionPart, PredictionSet, VersionRef
from framecast_registry.prediction_sets import PredictionSetDraft


def dataset_version_ids(name: str) -> tuple[str, VersionRef]:
    """Project and version of a `parent`. Raises InvalidArgumentError."""
    ids = names.DATASET_VERSION.parse(name, field="parent")
    return ids["project"], VersionRef(ids["dataset"], version_number(ids["version"], field="parent"))


def set_ids(name: str) -> tuple[str, VersionRef, str]:
    """Project, dataset version and id within a set's name. Raises InvalidArgumentError."""
    ids = names.PREDICTION_SET.parse(name)
    ref = VersionRef(ids["dataset"], version_number(ids["version"], field="name"))
    return ids["project"], ref, ids["prediction_set"]


def draft_from_proto(request: pb.CreatePredictionSetRequest) -> PredictionSetDraft:
    """Raises InvalidArgumentError for a name that is none, or one of another project."""
    project_id, version = dataset_version_ids(request.parent)
    message = request.prediction_set
    field = "prediction_set.model_version"
    model = names.MODEL_VERSION.parse(message.model_version, field=field)
    check_same_project(project_id, model["project"], message.model_version, field)
    return PredictionSetDraft(
        project_id=project_id,
        dataset_version=version,
        set_id=request.prediction_set_id,
        model_id=model["model"],
        model_version=version_number(model["version"], field=field),
        bundle_sha256=message.bundle_sha256,
        subset=subset_from_proto(message.subset),
        settings=message.settings.SerializeToString(deterministic=True),
        inference_job_id=_job_id(project_id, message.inference_job),
        parts=_parts(request),
    )


def set_to_proto(row: PredictionSet) -> PredictionSetMessage:
    """A `PredictionSet`."""
    message = PredictionSetMessage(
        name=names.PREDICTION_SET.format(
            project=row.project_id,
            dataset=row.dataset_version.dataset_id,
            version=row.dataset_version.number,
            prediction_set=row.set_id,
        ),
        model_version=names.MODEL_VERSION.format(project=row.project_id, model=row.model_id, version=row.model_version),
        bundle_sha256=row.bundle_sha256,
        subset=dataset_pb2.Subset.ValueType(row.subset or 0),
        settings=inference_settings_pb2.InferenceSettings.FromString(row.settings),
        result_count=row.result_count,
        failed_count=row.failed_count,
        instance_count=row.instance_count,
        size_bytes=row.size_bytes,
        create_time=timestamp(row.create_time),
    )
    if row.inference_job_id:
        message.inference_job = names.INFERENCE_JOB.format(project=row.project_id, inference_job=row.inference_job_id)
    return message


def results_to_wire(part: PredictionPart, data: bytes, position: int) -> bytes:
    """A `ReadPredictionSetResultsResponse` of a part from `position` on; a whole part is sent as it lies."""
    skip = max(0, position - part.position)
    if skip:
        message = pb.ReadPredictionSetResultsResponse.FromString(data)
        del message.results[:skip]
        data = message.SerializeToString()
    return data + pb.ReadPredictionSetResultsResponse(position=part.position + skip).SerializeToString()


def _parts(request: pb.CreatePredictionSetRequest) -> tuple[PredictionPart, ...]:
    parts, position = [], 0
    for part in request.parts:
        parts.append(
            PredictionPart(
                position, part.sha256, part.size_bytes, part.result_count, part.failed_count, part.instance_count
            )
        )
        position += part.result_count
    return tuple(parts)


def _job_id(project_id: str, name: str) -> str:
    if not name:
        return ""
    field = "prediction_set.inference_job"
    ids = names.INFERENCE_JOB.parse(name, field=field)
    check_same_project(project_id, ids["project"], name, field)
    return ids["inference_job"]
