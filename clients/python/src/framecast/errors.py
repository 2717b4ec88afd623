"""The one vocabulary of errors: a service raises it, the wire carries it, the client raises the same class again.

Every error has a message that says what to do next, a stable `reason` in UPPER_SNAKE for programs, and `metadata`
with each value that the message mentions.
"""

from typing import ClassVar


class FramecastError(Exception):
    """Base of all errors that framecast raises on purpose."""

    default_reason: ClassVar[str] = "UNKNOWN"

    def __init__(self, message: str, *, reason: str | None = None, **metadata: object) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or self.default_reason
        self.metadata: dict[str, str] = {key: str(value) for key, value in metadata.items()}


class InvalidArgumentError(FramecastError):
    """The request is wrong whatever the state of the system; `field` names the part that is."""

    default_reason = "INVALID_ARGUMENT"

    def __init__(
        self, message: str, *, reason: str | None = None, field: str | None = None, **metadata: object
    ) -> None:
        super().__init__(message, reason=reason, **metadata)
        self.field = field


class OutOfRangeError(FramecastError):
    """A position lies beyond the end of what is there."""

    default_reason = "OUT_OF_RANGE"


class NotFoundError(FramecastError):
    """The named thing does not exist."""

    default_reason = "NOT_FOUND"


class AlreadyExistsError(FramecastError):
    """The name is taken."""

    default_reason = "ALREADY_EXISTS"


class FailedPreconditionError(FramecastError):
    """The system is not in a state that allows this; a retry helps only after something has changed."""

    default_reason = "FAILED_PRECONDITION"


class ResourceExhaustedError(FramecastError):
    """A limit is reached; a later retry may pass."""

    default_reason = "RESOURCE_EXHAUSTED"


class CancelledError(FramecastError):
    """The caller gave the call up."""

    default_reason = "CANCELLED"


class DeadlineExceededError(FramecastError):
    """The call took longer than the caller allowed."""

    default_reason = "DEADLINE_EXCEEDED"


class DataLossError(FramecastError):
    """Bytes are damaged or missing."""

    default_reason = "DATA_LOSS"


class UnavailableError(FramecastError):
    """The service cannot be reached now; calls that are safe to repeat may be."""

    default_reason = "UNAVAILABLE"


class UnimplementedError(FramecastError):
    """Not supported here, or not yet."""

    default_reason = "UNIMPLEMENTED"


class PermissionDeniedError(FramecastError):
    """The caller is known but not allowed."""

    default_reason = "PERMISSION_DENIED"


class UnauthenticatedError(FramecastError):
    """The caller is not known."""

    default_reason = "UNAUTHENTICATED"


class InternalError(FramecastError):
    """A defect of framecast; the service's log has the rest."""

    default_reason = "INTERNAL"


class TrainingFailedError(FramecastError):
    """A training job ended without a model; `reason` is the job's own."""

    default_reason = "TRAINING_FAILED"


class InferenceJobFailedError(FramecastError):
    """An inference job ended before all its results were there; `reason` is the job's own."""

    default_reason = "INFERENCE_JOB_FAILED"
