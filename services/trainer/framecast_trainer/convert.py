"""Between the wire's messages and the domain's types."""

from typing import Any

from framecast.errors import InvalidArgumentError
from framecast.names import DATASET_VERSION, MODEL, PROJECT, check_id
from framecast.v1 import training_job_pb2
from framecast_trainer.job import Device, Job, JobConfig
from framecast_trainer.job_request import ConfigRequest, JobRequest
from framecast_trainer.library import Architecture, Defaults
from framecast_trainer.run_event import MetricTaken
from framecast_trainer.wire_values import TASKS, error_to_status

_pb = training_job_pb2

_DEVICES = {
    _pb.TrainingConfig.DEVICE_UNSPECIFIED: Device.AUTO,
    _pb.TrainingConfig.AUTO: Device.AUTO,
    _pb.TrainingConfig.CPU: Device.CPU,
    _pb.TrainingConfig.CUDA: Device.CUDA,
}
_DEVICE_VALUES = {
    Device.AUTO: _pb.TrainingConfig.AUTO,
    Device.CPU: _pb.TrainingConfig.CPU,
    Device.CUDA: _pb.TrainingConfig.CUDA,
}
_MAX_REQUEST_ID = 64


def job_request(request: Any) -> JobRequest:
    """A `CreateTrainingJobRequest`. Raises InvalidArgumentError for malformed or foreign names."""
    project = PROJECT.parse(request.parent, field="parent")["project"]
    asked = request.training_job
    if len(request.request_id) > _MAX_REQUEST_ID:
        raise InvalidArgumentError(
            f"request_id must have at most {_MAX_REQUEST_ID} characters, got {len(request.request_id)}",
            reason="REQUEST_ID_INVALID",
            field="request_id",
        )
    model = MODEL.parse(asked.model, field="training_job.model")
    check_id(model["model"], field="training_job.model")
    dataset = DATASET_VERSION.parse(asked.dataset_version, field="training_job.dataset_version")
    for field, ids in (("model", model), ("dataset_version", dataset)):
        if ids["project"] != project:
            raise InvalidArgumentError(
                f"training_job.{field} must be in project {project!r}, got one of {ids['project']!r}",
                reason="PROJECT_MISMATCH",
                field=f"training_job.{field}",
                value=ids["project"],
            )
    return JobRequest(
        project=project,
        model=asked.model,
        dataset_version=asked.dataset_version,
        architecture=asked.architecture,
        config=_config_request(asked.config),
        request_id=request.request_id,
    )


def job_to_proto(job: Job) -> _pb.TrainingJob:
    """A `TrainingJob`."""
    message = _pb.TrainingJob(
        name=job.name,
        model=job.model,
        dataset_version=job.dataset_version,
        architecture=job.architecture,
        config=_config_to_proto(job.config),
        state=_pb.TrainingJob.State.Value(job.state.value),
        error=None if job.error is None else error_to_status(job.error),
        progress=_pb.TrainingProgress(**vars(job.progress)),
        model_version=job.model_version,
        metrics=job.metrics,
        warnings=job.warnings,
    )
    for field, value in (("create_time", job.create_time), ("start_time", job.start_time), ("end_time", job.end_time)):
        if value is not None:
            getattr(message, field).FromDatetime(value)
    return message


def point_to_proto(point: MetricTaken) -> _pb.MetricPoint:
    """A `MetricPoint`."""
    message = _pb.MetricPoint(metric=point.name, value=point.value, step=point.step, epoch=point.epoch)
    message.time.FromMilliseconds(int(point.time * 1000))
    return message


def architecture_to_proto(architecture: Architecture) -> _pb.Architecture:
    """An `Architecture`."""
    return _pb.Architecture(
        id=architecture.id,
        task=TASKS[architecture.task],
        description=architecture.description,
        backbones=architecture.backbones,
        defaults=_defaults_to_proto(architecture.defaults, backbone=next(iter(architecture.backbones), "")),
        license=architecture.license,
    )


def _config_request(config: _pb.TrainingConfig) -> ConfigRequest:
    def given(field: Any) -> Any:  # the generated types allow literals only
        return getattr(config, field) if config.HasField(field) else None

    if config.device not in _DEVICES:
        raise InvalidArgumentError(
            f"training_job.config.device must be AUTO, CPU or CUDA, got {config.device}",
            reason="TRAINING_CONFIG_INVALID",
            field="training_job.config.device",
            value=config.device,
        )
    return ConfigRequest(
        epochs=given("epochs"),
        batch_size=given("batch_size"),
        image_size=given("image_size"),
        learning_rate=given("learning_rate"),
        weight_decay=given("weight_decay"),
        device=_DEVICES[config.device],
        seed=given("seed"),
        max_duration_s=_seconds(config),
        weights=config.weights,
        backbone=config.backbone,
        augment=given("augment"),
    )


def _seconds(config: _pb.TrainingConfig) -> float | None:
    if not config.HasField("max_duration"):
        return None
    return float(config.max_duration.seconds) + config.max_duration.nanos / 1e9


def _config_to_proto(config: JobConfig) -> _pb.TrainingConfig:
    message = _pb.TrainingConfig(
        epochs=config.epochs,
        batch_size=config.batch_size,
        image_size=config.image_size,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        device=_DEVICE_VALUES[config.device],
        seed=config.seed,
        weights=config.weights,
        backbone=config.backbone,
        augment=config.augment,
    )
    if config.max_duration_s is not None:
        message.max_duration.FromMilliseconds(round(config.max_duration_s * 1000))
    return message


def _defaults_to_proto(defaults: Defaults, *, backbone: str) -> _pb.TrainingConfig:
    return _config_to_proto(JobConfig(**vars(defaults), backbone=backbone))
