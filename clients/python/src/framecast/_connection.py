"""What the collections of a client share: a channel to each service, and the project."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import grpc

from framecast import names
from framecast._addresses import Addresses
from framecast.errors import UnavailableError
from framecast.transport import open_channel
from framecast.v1 import (
    blob_service_pb2_grpc,
    inference_job_service_pb2_grpc,
    inference_service_pb2_grpc,
    prediction_service_pb2_grpc,
    registry_service_pb2_grpc,
    trainer_service_pb2_grpc,
)

PAGE_SIZE = 500

# A service that was killed is back within seconds.
_PAUSES_S = (0.5, 1.0, 2.0, 4.0)


class Connection:
    """Channels that open when they are first used."""

    def __init__(self, addresses: Addresses, *, project: str, timeout_s: float) -> None:
        self.addresses = addresses
        self.project = names.check_id(project, field="project")
        self.timeout_s = timeout_s
        self._channels: dict[str, grpc.Channel] = {}
        self._lock = threading.Lock()

    @property
    def parent(self) -> str:
        """Resource name of the project."""
        return names.PROJECT.format(project=self.project)

    @property
    def registry(self) -> registry_service_pb2_grpc.RegistryServiceStub:
        """The registry."""
        return registry_service_pb2_grpc.RegistryServiceStub(self._channel("registry"))

    @property
    def blobs(self) -> blob_service_pb2_grpc.BlobServiceStub:
        """The registry's blob service."""
        return blob_service_pb2_grpc.BlobServiceStub(self._channel("registry"))

    @property
    def predictions(self) -> prediction_service_pb2_grpc.PredictionServiceStub:
        """The registry's recorded predictions."""
        return prediction_service_pb2_grpc.PredictionServiceStub(self._channel("registry"))

    @property
    def trainer(self) -> trainer_service_pb2_grpc.TrainerServiceStub:
        """The trainer."""
        return trainer_service_pb2_grpc.TrainerServiceStub(self._channel("trainer"))

    @property
    def inference(self) -> inference_service_pb2_grpc.InferenceServiceStub:
        """The inference service."""
        return inference_service_pb2_grpc.InferenceServiceStub(self._channel("inference"))

    @property
    def inference_jobs(self) -> inference_job_service_pb2_grpc.InferenceJobServiceStub:
        """The inference service's jobs."""
        return inference_job_service_pb2_grpc.InferenceJobServiceStub(self._channel("inference"))

    def close(self) -> None:
        """Closes all channels; running calls end."""
        with self._lock:
            for channel in self._channels.values():
                channel.close()
            self._channels.clear()

    def _channel(self, service: str) -> grpc.Channel:
        with self._lock:
            if service not in self._channels:
                address = getattr(self.addresses, service)
                self._channels[service] = open_channel(
                    address,
                    timeout_s=self.timeout_s,
                    unreachable=f"no {service} answers at {address}; start one with `framecast up`, or say where it is"
                    f" with FRAMECAST_{service.upper()}_ADDRESS",
                )
            return self._channels[service]


def request_id() -> str:
    """A fresh id that makes repeating a call safe."""
    return uuid.uuid4().hex


def persistently(call: Callable[[], Any]) -> Any:
    """The answer of a call that is safe to repeat, repeated where its connection breaks."""
    for pause_s in _PAUSES_S:
        try:
            return call()
        except UnavailableError:
            time.sleep(pause_s)
    return call()


def pages(call: Callable[..., Any], request: Any, field: str) -> Iterator[Any]:
    """The entries of all pages of a `List` call."""
    request.page_size = request.page_size or PAGE_SIZE
    while True:
        response = call(request)
        yield from getattr(response, field)
        if not response.next_page_token:
            return
        request.page_token = response.next_page_token
