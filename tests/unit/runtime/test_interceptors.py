"""Errors on their way through a real server and channel."""

import logging
from contextlib import contextmanager
from typing import Any, cast

import grpc
import pytest
from google.protobuf import empty_pb2, wrappers_pb2
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from framecast import errors
from framecast.status import DOMAIN
from framecast.transport import open_channel
from framecast.v1 import inference_service_pb2, model_pb2, registry_service_pb2
from framecast_runtime.interceptors import CallInterceptor
from framecast_runtime.metrics import Metrics
from framecast_runtime.server import GrpcServer
from framecast_runtime.tracing import NoTracing

CLASSES = [
    errors.InvalidArgumentError,
    errors.OutOfRangeError,
    errors.NotFoundError,
    errors.AlreadyExistsError,
    errors.FailedPreconditionError,
    errors.ResourceExhaustedError,
    errors.CancelledError,
    errors.DeadlineExceededError,
    errors.DataLossError,
    errors.UnavailableError,
    errors.UnimplementedError,
    errors.PermissionDeniedError,
    errors.UnauthenticatedError,
    errors.InternalError,
]
VERSION = "projects/p/models/m/versions/1"
SHAPES = ["unary_unary", "unary_stream", "stream_unary", "stream_stream"]


class Panic(BaseException):
    """What an extension raises that is no Exception."""


def register(error: Any) -> Any:
    def fail_unary(_request: Any, _context: Any) -> None:
        raise error

    def fail_stream(_request: Any, _context: Any) -> Any:
        yield empty_pb2.Empty()
        raise error

    def add(server: Any) -> Any:
        handlers = {
            shape: getattr(grpc, f"{shape}_rpc_method_handler")(
                fail_stream if shape.endswith("stream") else fail_unary,
                request_deserializer=empty_pb2.Empty.FromString,
                response_serializer=empty_pb2.Empty.SerializeToString,
            )
            for shape in SHAPES
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Failing", handlers),))
        return "test.Failing"

    return add


@contextmanager
def failing(error: Any) -> Any:
    with GrpcServer("127.0.0.1:0", [register(error)], max_workers=2) as server:
        yield f"127.0.0.1:{server.port}"


def call(channel: Any, shape: Any) -> Any:
    multi = getattr(channel, shape)(
        f"/test.Failing/{shape}",
        request_serializer=empty_pb2.Empty.SerializeToString,
        response_deserializer=empty_pb2.Empty.FromString,
    )
    answer = multi(iter([empty_pb2.Empty()]) if shape.startswith("stream") else empty_pb2.Empty())
    return list(answer) if shape.endswith("stream") else answer


@pytest.mark.parametrize("cls", CLASSES)
def test_every_class_arrives_as_itself(cls):
    error = cls("look here", reason="SOME_REASON", count=3)
    with failing(error) as address, open_channel(address, retry=False) as channel, pytest.raises(cls) as caught:
        call(channel, "unary_unary")
    assert type(caught.value) is cls
    assert (caught.value.message, caught.value.reason) == ("look here", "SOME_REASON")
    assert caught.value.metadata == {"count": "3"}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_call_carries_field_and_one_error_info(shape):
    error = errors.InvalidArgumentError("bad size", reason="SIZE_INVALID", field="page.size", value=-1)
    with failing(error) as address:
        with open_channel(address, retry=False) as channel, pytest.raises(errors.InvalidArgumentError) as caught:
            call(channel, shape)
        assert caught.value.field == "page.size"
        with grpc.insecure_channel(address) as plain, pytest.raises(grpc.RpcError) as raw:
            call(plain, shape)
    status = rpc_status.from_call(cast(grpc.Call, raw.value))
    assert status is not None
    kinds = [detail.type_url.rsplit(".", 1)[1] for detail in status.details]
    assert kinds == ["ErrorInfo", "BadRequest"]
    info = error_details_pb2.ErrorInfo()
    status.details[0].Unpack(info)
    assert (info.domain, info.reason, dict(info.metadata)) == (DOMAIN, "SIZE_INVALID", {"value": "-1"})


def test_an_error_with_long_texts_arrives_as_itself_cut():
    text = "zu läng\n" * 5000
    error = errors.InvalidArgumentError(text, reason="TEXT_TOO_LONG", field=text, value=text)
    with (
        failing(error) as address,
        open_channel(address, retry=False) as channel,
        pytest.raises(errors.InvalidArgumentError) as caught,
    ):
        call(channel, "unary_unary")
    assert caught.value.reason == "TEXT_TOO_LONG"
    assert caught.value.message.startswith("zu läng")
    assert caught.value.message.endswith("…")
    assert caught.value.metadata["value"].endswith("…")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("error", [KeyError("secret path"), Panic("secret path")])
def test_an_unknown_exception_is_internal_without_its_text(shape, error, caplog):
    with (
        failing(error) as address,
        caplog.at_level(logging.ERROR),
        open_channel(address, retry=False) as channel,
        pytest.raises(errors.InternalError) as caught,
    ):
        call(channel, shape)
    assert caught.value.message == "internal error"
    assert "secret" not in str(caught.value.metadata)
    assert "secret path" in caplog.text


def test_an_unknown_method_is_unimplemented():
    with failing(KeyError()) as address, open_channel(address, retry=False) as channel:
        method: Any = channel.unary_unary(
            "/test.Failing/none", request_serializer=wrappers_pb2.BoolValue.SerializeToString
        )
        with pytest.raises(errors.UnimplementedError):
            method(wrappers_pb2.BoolValue())


def test_each_call_leaves_one_log_line(caplog):
    with (
        failing(errors.NotFoundError("gone", reason="X_GONE")) as address,
        caplog.at_level(logging.INFO, "framecast.request"),
        open_channel(address, retry=False) as channel,
        pytest.raises(errors.NotFoundError),
    ):
        call(channel, "unary_unary")
    (line,) = [record for record in caplog.records if record.name == "framecast.request"]
    assert (line.method, line.code, line.reason) == ("/test.Failing/unary_unary", "NOT_FOUND", "X_GONE")


@pytest.mark.parametrize(
    ("request_", "resource"),
    [
        (registry_service_pb2.GetModelRequest(name="projects/p/models/m"), "projects/p/models/m"),
        (registry_service_pb2.ListModelsRequest(parent="projects/p"), "projects/p"),
        (inference_service_pb2.PredictImagesRequest(model_version=VERSION), VERSION),
        (inference_service_pb2.ImportModelVersionRequest(model="projects/p/models/m"), "projects/p/models/m"),
        # a message in the field is no name
        (registry_service_pb2.CreateModelVersionRequest(model_version=model_pb2.ModelVersion()), None),
    ],
)
def test_the_log_names_what_a_call_is_about(request_, resource, caplog):
    def handle(_request: Any, _context: Any) -> Any:
        return empty_pb2.Empty()

    class Details:
        method = "/test.Fine/Do"

    handler: Any = CallInterceptor(Metrics(), NoTracing()).intercept_service(
        lambda _: grpc.unary_unary_rpc_method_handler(handle), cast(Any, Details())
    )
    with caplog.at_level(logging.INFO, "framecast.request"):
        handler.unary_unary(request_, cast(Any, None))
    (line,) = [record for record in caplog.records if record.name == "framecast.request"]
    assert line.resource == resource
