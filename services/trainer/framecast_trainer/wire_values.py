"""Tasks and errors as the contract writes them: to those who ask this service, and to the registry."""

from google.rpc import status_pb2

from framecast import errors
from framecast.errors import FramecastError
from framecast.status import to_status
from framecast.v1 import model_pb2
from framecast_trainer.job import JobError
from framecast_trainer.library import Task

TASKS: dict[Task, "model_pb2.Task.ValueType"] = {
    Task.CLASSIFICATION: model_pb2.TASK_CLASSIFICATION,
    Task.OBJECT_DETECTION: model_pb2.TASK_OBJECT_DETECTION,
    Task.INSTANCE_SEGMENTATION: model_pb2.TASK_INSTANCE_SEGMENTATION,
}


def error_to_status(error: JobError) -> status_pb2.Status:
    """A `google.rpc.Status`, as the error would have travelled had it been raised in a call."""
    kind = getattr(errors, error.kind, errors.InternalError)
    if not (isinstance(kind, type) and issubclass(kind, FramecastError)):
        kind = errors.InternalError
    return to_status(kind(error.message, reason=error.reason, **error.metadata))
