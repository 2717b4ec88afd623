"""Translates between the protocol's wire and the use cases; decides nothing."""

import logging
import math
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

import grpc

from framecast.errors import CancelledError, FramecastError, UnimplementedError
from framecast_inference.open_inference import description
from framecast_inference.open_inference.inference import Inference
from framecast_inference.open_inference.model_catalog import ModelCatalog
from framecast_inference.open_inference.repository import Repository
from framecast_inference.open_inference.request_parameters import FINAL_RESPONSE, FINAL_RESPONSE_WANTED
from framecast_inference.open_inference.v2 import grpc_service_pb2 as service
from framecast_inference.open_inference.v2 import grpc_service_pb2_grpc
from framecast_inference.open_inference.v2 import model_config_pb2 as configuration
from framecast_inference.open_inference.v2 import model_repository_pb2 as repository
from framecast_inference.open_inference.v2 import model_statistics_pb2 as statistics
from framecast_inference.open_inference.wire import (
    Request,
    Response,
    read_request,
    write_response,
    write_stream_response,
)

log = logging.getLogger(__name__)

_EXTENSIONS = (
    "model_configuration",
    "model_repository",
    "model_repository(unload_dependents)",
    "parameters",
    "statistics",
)
_SHARED_MEMORY = "shared memory is not supported; send tensors in the request, as raw_input_contents"
_RUN_TIME_SETTINGS = "it cannot be changed at run time; set FRAMECAST_LOG_LEVEL where the service starts"


class OpenInferenceServicer(grpc_service_pb2_grpc.GRPCInferenceServiceServicer):
    """`inference.GRPCInferenceService`."""

    def __init__(
        self,
        inference: Inference,
        catalog: ModelCatalog,
        repository: Repository,
        *,
        ready: Callable[[], bool] = lambda: True,
    ) -> None:
        self._inference = inference
        self._catalog = catalog
        self._repository = repository
        self._ready = ready

    def ServerLive(
        self, request: service.ServerLiveRequest, context: grpc.ServicerContext
    ) -> service.ServerLiveResponse:
        return service.ServerLiveResponse(live=True)

    def ServerReady(
        self, request: service.ServerReadyRequest, context: grpc.ServicerContext
    ) -> service.ServerReadyResponse:
        return service.ServerReadyResponse(ready=self._ready())

    def ModelReady(
        self, request: service.ModelReadyRequest, context: grpc.ServicerContext
    ) -> service.ModelReadyResponse:
        return service.ModelReadyResponse(ready=self._repository.is_ready(request.name, request.version))

    def ServerMetadata(
        self, request: service.ServerMetadataRequest, context: grpc.ServicerContext
    ) -> service.ServerMetadataResponse:
        return service.ServerMetadataResponse(
            name="framecast", version=version("framecast-services"), extensions=_EXTENSIONS
        )

    def ModelMetadata(
        self, request: service.ModelMetadataRequest, context: grpc.ServicerContext
    ) -> service.ModelMetadataResponse:
        endpoint = self._catalog.endpoint(request.name, request.version)
        versions = [request.version] if request.version else self._catalog.trained_versions(endpoint.model)
        return description.metadata(request.name, endpoint, versions)

    def ModelConfig(
        self, request: configuration.ModelConfigRequest, context: grpc.ServicerContext
    ) -> configuration.ModelConfigResponse:
        endpoint = self._catalog.endpoint(request.name, request.version)
        loaded = self._catalog.loaded(endpoint.version_name)
        return configuration.ModelConfigResponse(config=description.config(request.name, endpoint, loaded))

    def ModelInfer(self, request: Any, context: grpc.ServicerContext) -> Any:
        """From a `wire.Request` to a `wire.Response`; see `add_to`."""
        response = Response()
        self._inference.answer(request, response, _UnaryCaller(context))
        return response

    def ModelStreamInfer(self, request_iterator: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        """The same, request by request."""
        caller = _StreamCaller(context)
        for request in request_iterator:
            yield self._answer_in_stream(request, caller)

    def add_to(self, server: grpc.Server) -> str:
        """Registers the service, its two calls that carry tensors with their own reading and writing.

        Returns the service's full name.
        """
        name = service.DESCRIPTOR.services_by_name["GRPCInferenceService"].full_name
        grpc_service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(self, server)
        handlers = {
            "ModelInfer": grpc.unary_unary_rpc_method_handler(
                self.ModelInfer, request_deserializer=read_request, response_serializer=write_response
            ),
            "ModelStreamInfer": grpc.stream_stream_rpc_method_handler(
                self.ModelStreamInfer, request_deserializer=read_request, response_serializer=write_stream_response
            ),
        }
        server.add_registered_method_handlers(name, handlers)  # in place of those that were generated
        return name

    def ModelStatistics(
        self, request: statistics.ModelStatisticsRequest, context: grpc.ServicerContext
    ) -> statistics.ModelStatisticsResponse:
        return statistics.ModelStatisticsResponse(
            model_stats=self._repository.statistics(request.name, request.version)
        )

    def RepositoryIndex(
        self, request: repository.RepositoryIndexRequest, context: grpc.ServicerContext
    ) -> repository.RepositoryIndexResponse:
        _check_repository(request.repository_name)
        rows = self._catalog.index(ready_only=request.ready)
        return repository.RepositoryIndexResponse(
            models=[
                repository.RepositoryIndexResponse.ModelIndex(
                    name=row.name,
                    version=row.version,
                    state="UNAVAILABLE" if row.reason else "READY",
                    reason=row.reason,
                )
                for row in rows
            ]
        )

    def RepositoryModelLoad(
        self, request: repository.RepositoryModelLoadRequest, context: grpc.ServicerContext
    ) -> repository.RepositoryModelLoadResponse:
        _check_repository(request.repository_name)
        self._repository.load(request.model_name, request.parameters)
        return repository.RepositoryModelLoadResponse()

    def RepositoryModelUnload(
        self, request: repository.RepositoryModelUnloadRequest, context: grpc.ServicerContext
    ) -> repository.RepositoryModelUnloadResponse:
        _check_repository(request.repository_name)
        self._repository.unload(request.model_name, request.parameters)
        return repository.RepositoryModelUnloadResponse()

    def SystemSharedMemoryStatus(self, request: Any, context: grpc.ServicerContext) -> Any:
        raise _unsupported(_SHARED_MEMORY)

    def SystemSharedMemoryRegister(self, request: Any, context: grpc.ServicerContext) -> Any:
        raise _unsupported(_SHARED_MEMORY)

    def SystemSharedMemoryUnregister(self, request: Any, context: grpc.ServicerContext) -> Any:
        raise _unsupported(_SHARED_MEMORY)

    def CudaSharedMemoryStatus(self, request: Any, context: grpc.ServicerContext) -> Any:
        raise _unsupported(_SHARED_MEMORY)

    def CudaSharedMemoryRegister(self, request: Any, context: grpc.ServicerContext) -> Any:
        raise _unsupported(_SHARED_MEMORY)

    def CudaSharedMemoryUnregister(self, request: Any, context: grpc.ServicerContext) -> Any:
        raise _unsupported(_SHARED_MEMORY)

    def TraceSetting(self, request: Any, context: grpc.ServicerContext) -> Any:
        raise _unsupported(f"tracing: {_RUN_TIME_SETTINGS}")

    def LogSettings(self, request: Any, context: grpc.ServicerContext) -> Any:
        raise _unsupported(f"logging: {_RUN_TIME_SETTINGS}")

    def _answer_in_stream(self, request: Request, caller: "_StreamCaller") -> Response:
        # What goes wrong with one request is said in its response, and the stream goes on.
        response = Response()
        try:
            self._inference.answer(request, response, caller)
        except CancelledError:
            raise
        except FramecastError as error:
            return _failed(request, error.message)
        except Exception:
            log.exception("stream_request_failed", extra={"model": request.model_name, "id": request.message.id})
            return _failed(request, "internal error")
        parameters = request.message.parameters
        if parameters and parameters[FINAL_RESPONSE_WANTED].bool_param:
            response.message.parameters[FINAL_RESPONSE].bool_param = True
        return response


class _UnaryCaller:
    """See `Caller`."""

    __slots__ = ("_context",)

    def __init__(self, context: grpc.ServicerContext) -> None:
        self._context = context

    def on_cancel(self, cancel: Callable[[], None]) -> bool:
        return self._context.add_callback(cancel)

    def remaining_s(self) -> float:
        remaining = self._context.time_remaining()
        return math.inf if remaining is None else remaining


class _StreamCaller(_UnaryCaller):
    """Of any number of requests, one after the other: grpc would keep what each of them registers."""

    __slots__ = ("_cancel",)

    def __init__(self, context: grpc.ServicerContext) -> None:
        super().__init__(context)
        self._cancel: Callable[[], None] = lambda: None
        context.add_callback(lambda: self._cancel())

    def on_cancel(self, cancel: Callable[[], None]) -> bool:
        self._cancel = cancel
        return self._context.is_active()


def _failed(request: Request, message: str) -> Response:
    response = Response(error_message=message)
    response.message.id = request.message.id
    return response


def _check_repository(name: str) -> None:
    if name:
        raise UnimplementedError(
            f"repository_name is {name!r}, but there is one repository, the registry; leave it empty",
            reason="REPOSITORY_UNSUPPORTED",
            repository_name=name,
        )


def _unsupported(message: str) -> UnimplementedError:
    return UnimplementedError(message, reason="UNSUPPORTED")
