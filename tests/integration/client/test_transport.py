"""Calls over connections that break."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from framecast import Client, JobState, UnavailableError
from framecast.transport import open_channel
from framecast.v1 import registry_service_pb2, registry_service_pb2_grpc, trainer_service_pb2, trainer_service_pb2_grpc
from tests.support.breaking_proxy import breaking_proxy
from tests.support.trainer_server import TrainerProcess, stand_in, trainer_settings


class Moody(registry_service_pb2_grpc.RegistryServiceServicer):
    """Is not available for a while."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls = 0

    def ListProjects(self, request, context):
        self.calls += 1
        if self.calls <= self.failures:
            context.abort(grpc.StatusCode.UNAVAILABLE, "later")
        return registry_service_pb2.ListProjectsResponse()


@pytest.mark.parametrize(("failures", "calls"), [(0, 1), (3, 4), (9, 5)])
def test_unary_calls_are_repeated_a_few_times(failures: int, calls: int) -> None:
    server = grpc.server(ThreadPoolExecutor(2))
    moody = Moody(failures)  # type: ignore[abstract]  # only one method is called
    registry_service_pb2_grpc.add_RegistryServiceServicer_to_server(moody, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with open_channel(f"127.0.0.1:{port}") as channel:
        stub = registry_service_pb2_grpc.RegistryServiceStub(channel)
        request = registry_service_pb2.ListProjectsRequest()
        if failures < calls:
            stub.ListProjects(request)
        else:
            with pytest.raises(UnavailableError):
                stub.ListProjects(request)
    server.stop(None)
    assert moody.calls == calls


def test_a_stream_whose_server_is_gone_ends_with_an_error(services, shapes: Path, tmp_path: Path) -> None:
    settings = trainer_settings(
        tmp_path,
        services.registry.address,
        services.registry.object_store_url,
        worker_command=stand_in("slow"),  # ends by itself, when nobody is left to stop it
    )
    with TrainerProcess(settings, tmp_path / "trainer.log") as process:
        with Client(services.registry.address, trainer_address=process.address) as client:
            report = client.datasets.import_(shapes, name="gone")
            job = client.training.start(report, architecture="yolov5n")
        with process.channel() as channel:
            stub = trainer_service_pb2_grpc.TrainerServiceStub(channel)
            request = trainer_service_pb2.WatchTrainingJobRequest(name=job.name)
            next(stub.WatchTrainingJob(request))
            process.kill()
            with pytest.raises(UnavailableError):
                list(stub.WatchTrainingJob(request))


def test_watching_goes_on_over_a_broken_connection(trained_with, services, shapes: Path) -> None:
    direct = trained_with("slow")
    report = direct.datasets.import_(shapes, name="broken-watch")
    job = direct.training.start(report, architecture="yolov5n")
    address = direct._connection.addresses.trainer
    with (
        breaking_proxy(address, breaks=1, after_bytes=200) as proxy,
        Client(services.registry.address, trainer_address=proxy.address) as client,
    ):
        states = [update.state for update in client.training.get(job.id).watch()]
    assert states[-1] is JobState.SUCCEEDED
