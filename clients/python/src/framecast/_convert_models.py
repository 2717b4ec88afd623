"""Models and training jobs between the wire and what users see."""

from collections.abc import Mapping

from framecast._convert_datasets import time_from_proto
from framecast._model_types import Architecture, Model, ModelVersion, ModelVersionState, Task
from framecast._training_types import JobState, MetricPoint, TrainingProgress, TrainingUpdate
from framecast.errors import InvalidArgumentError
from framecast.status import from_status
from framecast.v1 import model_pb2, training_job_pb2

_TASKS = {
    model_pb2.TASK_UNSPECIFIED: Task.UNSPECIFIED,
    model_pb2.TASK_CLASSIFICATION: Task.CLASSIFICATION,
    model_pb2.TASK_OBJECT_DETECTION: Task.OBJECT_DETECTION,
    model_pb2.TASK_INSTANCE_SEGMENTATION: Task.INSTANCE_SEGMENTATION,
    model_pb2.TASK_SEMANTIC_SEGMENTATION: Task.SEMANTIC_SEGMENTATION,
    model_pb2.TASK_KEYPOINT_DETECTION: Task.KEYPOINT_DETECTION,
}
_DEVICES = {
    "auto": training_job_pb2.TrainingConfig.AUTO,
    "cpu": training_job_pb2.TrainingConfig.CPU,
    "cuda": training_job_pb2.TrainingConfig.CUDA,
}
_DEVICES_BACK = {value: name for name, value in _DEVICES.items()}


def task_from_proto(task: int) -> Task:
    """A task as users see it."""
    return _TASKS.get(model_pb2.Task.ValueType(task), Task.UNSPECIFIED)


def model_from_proto(message: model_pb2.Model) -> Model:
    """A model as users see it."""
    return Model(
        message.name,
        message.display_name,
        message.description,
        time_from_proto(message.create_time),
        message.latest_trained_version,
    )


def model_version_from_proto(message: model_pb2.ModelVersion) -> ModelVersion:
    """A model version as users see it."""
    return ModelVersion(
        name=message.name,
        state=ModelVersionState[model_pb2.ModelVersion.State.Name(message.state)],
        architecture=message.architecture,
        task=task_from_proto(message.task),
        metrics=dict(message.metrics),
        training_job=message.training_job,
        dataset_version=message.dataset_version,
        create_time=time_from_proto(message.create_time),
        error=from_status(message.error) if message.HasField("error") else None,
        bundle_sha256=message.bundle.rsplit("/", 1)[-1],
    )


def architecture_from_proto(message: training_job_pb2.Architecture) -> Architecture:
    """An architecture as users see it."""
    return Architecture(
        message.id,
        task_from_proto(message.task),
        message.description,
        tuple(message.backbones),
        config_from_proto(message.defaults),
        message.license,
    )


def config_to_proto(config: Mapping[str, object]) -> training_job_pb2.TrainingConfig:
    """Training settings by name; None and absent ones stay open.

    Raises InvalidArgumentError for a name that is none, or a value of the wrong kind.
    """
    message = training_job_pb2.TrainingConfig()
    for key, value in config.items():
        if value is None:
            continue
        try:
            if key == "max_duration_s":
                message.max_duration.FromNanoseconds(int(float(value) * 1e9))  # type: ignore[arg-type]
            elif key == "device":
                message.device = _DEVICES[str(value)]
            else:
                setattr(message, key, value)
        except AttributeError:
            known = sorted({*_fields(), "max_duration_s"} - {"max_duration"})
            raise InvalidArgumentError(
                f"there is no training setting {key!r}; there are: {', '.join(known)}",
                field=key,
                reason="TRAINING_SETTING_UNKNOWN",
            ) from None
        except (KeyError, TypeError, ValueError):
            raise InvalidArgumentError(
                f"{key} cannot be {value!r}", field=key, reason="TRAINING_SETTING_INVALID", value=value
            ) from None
    return message


def config_from_proto(message: training_job_pb2.TrainingConfig) -> dict[str, object]:
    """The settings that are set; spans of time in seconds."""
    config: dict[str, object] = {}
    for descriptor, value in message.ListFields():
        if descriptor.name == "max_duration":
            config["max_duration_s"] = value.ToNanoseconds() / 1e9
        elif descriptor.name == "device":
            config["device"] = _DEVICES_BACK.get(value, "auto")
        else:
            config[descriptor.name] = value
    return config


def update_from_proto(message: training_job_pb2.TrainingJob) -> TrainingUpdate:
    """A job as users see it."""
    progress = message.progress
    return TrainingUpdate(
        name=message.name,
        state=JobState[training_job_pb2.TrainingJob.State.Name(message.state)],
        model=message.model,
        dataset_version=message.dataset_version,
        architecture=message.architecture,
        config=config_from_proto(message.config),
        progress=TrainingProgress(
            progress.phase,
            progress.epoch,
            progress.epoch_count,
            progress.step,
            progress.step_count,
            progress.fraction,
        ),
        metrics=dict(message.metrics),
        warnings=tuple(message.warnings),
        model_version=message.model_version,
        create_time=time_from_proto(message.create_time),
        start_time=time_from_proto(message.start_time) if message.HasField("start_time") else None,
        end_time=time_from_proto(message.end_time) if message.HasField("end_time") else None,
        error=from_status(message.error) if message.HasField("error") else None,
    )


def metric_point_from_proto(message: training_job_pb2.MetricPoint) -> MetricPoint:
    """A measurement as users see it."""
    return MetricPoint(message.metric, message.value, message.step, message.epoch, time_from_proto(message.time))


def _fields() -> list[str]:
    return [descriptor.name for descriptor in training_job_pb2.TrainingConfig.DESCRIPTOR.fields]
