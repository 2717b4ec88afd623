"""Errors to and from `google.rpc.Status`; the only table of error class ↔ gRPC code."""

from typing import Any

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from framecast import errors

DOMAIN = "framecast.dev"

_CODES: dict[type[errors.FramecastError], grpc.StatusCode] = {
    errors.InvalidArgumentError: grpc.StatusCode.INVALID_ARGUMENT,
    errors.OutOfRangeError: grpc.StatusCode.OUT_OF_RANGE,
    errors.NotFoundError: grpc.StatusCode.NOT_FOUND,
    errors.AlreadyExistsError: grpc.StatusCode.ALREADY_EXISTS,
    errors.FailedPreconditionError: grpc.StatusCode.FAILED_PRECONDITION,
    errors.ResourceExhaustedError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.CancelledError: grpc.StatusCode.CANCELLED,
    errors.DeadlineExceededError: grpc.StatusCode.DEADLINE_EXCEEDED,
    errors.DataLossError: grpc.StatusCode.DATA_LOSS,
    errors.UnavailableError: grpc.StatusCode.UNAVAILABLE,
    errors.UnimplementedError: grpc.StatusCode.UNIMPLEMENTED,
    errors.PermissionDeniedError: grpc.StatusCode.PERMISSION_DENIED,
    errors.UnauthenticatedError: grpc.StatusCode.UNAUTHENTICATED,
    errors.InternalError: grpc.StatusCode.INTERNAL,
}
_CLASSES = {code.value[0]: cls for cls, code in _CODES.items()}


def code_of(error: errors.FramecastError) -> grpc.StatusCode:
    """The gRPC code that stands for an error."""
    for cls in type(error).__mro__:
        if cls in _CODES:
            return _CODES[cls]
    return grpc.StatusCode.UNKNOWN


def to_status(error: errors.FramecastError) -> status_pb2.Status:
    """An error as it travels: code, message, exactly one `ErrorInfo`, and a `BadRequest` where a field is named."""
    details = [_pack(error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata))]
    if isinstance(error, errors.InvalidArgumentError) and error.field:
        violation = error_details_pb2.BadRequest.FieldViolation(field=error.field, description=error.message)
        details.append(_pack(error_details_pb2.BadRequest(field_violations=[violation])))
    return status_pb2.Status(code=code_of(error).value[0], message=error.message, details=details)


def from_status(status: status_pb2.Status) -> errors.FramecastError:
    """The error that a status stands for."""
    cls = _CLASSES.get(status.code, errors.FramecastError)
    info = error_details_pb2.ErrorInfo()
    bad_request = error_details_pb2.BadRequest()
    for detail in status.details:
        for message in (info, bad_request):
            if detail.Is(message.DESCRIPTOR):
                detail.Unpack(message)
    error = cls(status.message, reason=info.reason or None)
    error.metadata = dict(info.metadata)
    if isinstance(error, errors.InvalidArgumentError) and bad_request.field_violations:
        error.field = bad_request.field_violations[0].field
    return error


def from_rpc_error(rpc_error: Any) -> errors.FramecastError:
    """The error that a failed call stands for, whoever failed it: a service, the network or gRPC itself.

    `rpc_error` is a `grpc.RpcError` that is a call, too, as gRPC raises them.
    """
    try:
        status = rpc_status.from_call(rpc_error)
    except ValueError:  # the details contradict the call's code: a broken peer
        status = None
    if status is not None:
        return from_status(status)
    code, details = rpc_error.code(), rpc_error.details() or ""
    cls = _CLASSES.get(code.value[0], errors.FramecastError)
    return cls(details or code.name)


def _pack(message: error_details_pb2.ErrorInfo | error_details_pb2.BadRequest) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message, deterministic=True)  # equal errors, equal bytes: results are compared by them
    return packed
