"""The service's parts list; the only file that names adapters."""

import fcntl
import os
import shlex
import time
from pathlib import Path

import grpc

from framecast.errors import FailedPreconditionError
from framecast.v1 import trainer_service_pb2, trainer_service_pb2_grpc
from framecast_runtime.changes import Changes
from framecast_runtime.database import connect
from framecast_runtime.server import GrpcServer
from framecast_runtime.tracing import open_tracing
from framecast_trainer.job import Job
from framecast_trainer.job_queue import JobQueue
from framecast_trainer.job_streams import JobStreams
from framecast_trainer.local_launcher import WORKER_COMMAND, LocalLauncher
from framecast_trainer.registry_client import RegistryClient
from framecast_trainer.run_spec import RunSpec
from framecast_trainer.scheduler import Scheduler
from framecast_trainer.servicer import TrainerServicer
from framecast_trainer.settings import TrainerSettings
from framecast_trainer.sql_job_store import SqlJobStore
from framecast_trainer.torch_cuda import TorchCuda
from framecast_trainer.version_sync import VersionSync

_CALLS = 128  # those who watch and follow hold a thread each


class Trainer:
    """The running service."""

    def __init__(self, settings: TrainerSettings) -> None:
        work_folder = Path(settings.work_folder).absolute()
        work_folder.mkdir(parents=True, exist_ok=True)
        self._lock = _own(work_folder)
        self._engine = connect(settings.database_url)
        self._registry = RegistryClient(settings.registry_address)
        store = SqlJobStore(self._engine)
        command = shlex.split(settings.worker_command) if settings.worker_command else WORKER_COMMAND
        launcher = LocalLauncher(work_folder, command)

        def spec_of(job: Job) -> RunSpec:
            return RunSpec(
                project=job.project,
                job_id=job.id,
                training_job=job.name,
                model_version=job.model_version,
                dataset_version=job.dataset_version,
                dataset_digest=job.dataset_digest,
                architecture=job.architecture,
                config=job.config,
                registry_address=settings.registry_address,
                object_store_url=settings.object_store_url,
            )

        self._changes = Changes()
        self._sync = VersionSync(store, self._registry, self._changes)
        self._scheduler = Scheduler(
            store, launcher, self._changes, spec_of, max_parallel_jobs=settings.max_parallel_jobs
        )
        queue = JobQueue(store, self._registry, TorchCuda(), self._changes)
        servicer = TrainerServicer(queue, JobStreams(store, launcher, self._changes))

        def register(server: grpc.Server) -> str:
            trainer_service_pb2_grpc.add_TrainerServiceServicer_to_server(servicer, server)
            return str(trainer_service_pb2.DESCRIPTOR.services_by_name["TrainerService"].full_name)

        self.server = GrpcServer(
            settings.listen_address,
            [register],
            max_workers=_CALLS,
            metrics_address=settings.metrics_address,
            tracing=open_tracing("trainer", settings.trace_endpoint),
        )

    def start(self) -> None:
        """Takes up what an earlier process left, then accepts calls."""
        self._scheduler.start()
        self._sync.start()
        self.server.start()

    def stop(self, grace_s: float = 10.0) -> None:
        """Stops the workers, so that those who watch see how their jobs ended; then ends every call."""
        self._scheduler.stop()
        self._sync.stop()
        self._changes.close()
        self.server.stop(grace_s)
        self._registry.close()
        self._engine.dispose()
        os.close(self._lock)


def _own(work_folder: Path, wait_s: float = 15.0) -> int:
    """Two services on one folder would take each other's workers for lost; a predecessor may need a moment to go."""
    descriptor = os.open(work_folder / "trainer.lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(descriptor)
                raise FailedPreconditionError(
                    f"another trainer uses {work_folder}; stop it, or set FRAMECAST_WORK_FOLDER to another folder",
                    reason="WORK_FOLDER_IN_USE",
                    work_folder=work_folder,
                ) from None
            time.sleep(0.1)
