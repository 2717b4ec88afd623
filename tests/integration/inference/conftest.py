"""A registry and an inference service with the imported YOLOX, shared by the tests of this folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest

from framecast.transport import open_channel
from framecast.v1 import inference_service_pb2_grpc
from tests.support.inference_server import InferenceHandle, inference
from tests.support.outside_yolox import import_yolox
from tests.support.registry_server import RegistryHandle, registry


@dataclass(frozen=True)
class Services:
    """Both services, with stubs and the name of a version that can be used."""

    registry: RegistryHandle
    inference: InferenceHandle
    registry_channel: grpc.Channel
    stub: Any
    """`InferenceServiceStub` whose errors are framecast's."""
    inference_channel: grpc.Channel
    yolox: str

    @property
    def spooled(self) -> list[Path]:
        """Files of uploads that are there now."""
        return list(self.inference.service.spool.path.iterdir())


@pytest.fixture(scope="package")
def services(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    folder = tmp_path_factory.mktemp("services")
    with (
        registry(folder) as registered,
        inference(
            folder, registry_address=registered.address, object_store_url=registered.object_store_url
        ) as inferring,
        open_channel(registered.address) as registry_channel,
        open_channel(inferring.address) as inference_channel,
    ):
        yield Services(
            registered,
            inferring,
            registry_channel,
            inference_service_pb2_grpc.InferenceServiceStub(inference_channel),
            inference_channel,
            import_yolox(registry_channel, inference_channel, shared_data).name,
        )
