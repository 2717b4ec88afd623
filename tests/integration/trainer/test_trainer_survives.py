"""Real processes that are killed: a job continues or fails with a reason, and nothing hangs."""

import os
import signal
from pathlib import Path
from typing import Any

from framecast.status import from_status
from framecast.v1 import model_pb2, trainer_service_pb2, training_job_pb2
from framecast_trainer.run_folder import RunFolder
from tests.support.labelled_pictures import put_pictures
from tests.support.registry_server import RegistryHandle, registry
from tests.support.trainer_server import TrainerProcess, stand_in, trainer, trainer_settings
from tests.unit.trainer.jobs import wait_for

Job = training_job_pb2.TrainingJob
Version = model_pb2.ModelVersion


def run_folder(folder: Path, job: Any) -> RunFolder:
    _, project, _, job_id = job.name.split("/")
    return RunFolder(folder / "work" / "runs" / project / job_id)


def worker_of(folder: Path, job: Any) -> int:
    run = run_folder(folder, job)
    pid = run.worker_pid()
    assert pid is not None
    assert run.locked()
    return pid


def test_a_killed_trainer_takes_its_job_up_again(
    tmp_path: Path, running_registry: RegistryHandle, call: Any, boxes: str
) -> None:
    settings = trainer_settings(
        tmp_path, running_registry.address, running_registry.object_store_url, worker_command=stand_in("slow")
    )
    with TrainerProcess(settings, tmp_path / "log") as first:
        job = call(first.address).create(boxes)
        call(first.address).until(job.name, lambda job: job.progress.step)
        pid = worker_of(tmp_path, job)
        first.kill()
    assert run_folder(tmp_path, job).locked()
    with TrainerProcess(settings, tmp_path / "log") as second:
        caller = call(second.address)
        job = caller.ended(job.name)
        assert job.state == Job.SUCCEEDED
        assert run_folder(tmp_path, job).worker_pid() == pid
        (version,) = caller.versions()
        assert (version.name, version.state) == (job.model_version, Version.TRAINED)
        points = trainer_service_pb2.ReadTrainingMetricsRequest(name=job.name)
        steps = [point.step for part in caller.trainer.ReadTrainingMetrics(points) for point in part.points]
        assert steps == list(range(1, 41))
        assert second.terminate() == 0


def test_a_killed_worker_fails_its_job_with_the_signal_named(
    tmp_path: Path, running_registry: RegistryHandle, call: Any, boxes: str
) -> None:
    address, store = running_registry.address, running_registry.object_store_url
    with trainer(tmp_path, address, store, worker_command=stand_in("endless")) as handle:
        caller = call(handle.address)
        job = caller.create(boxes)
        caller.until(job.name, lambda job: job.progress.step)
        os.kill(worker_of(tmp_path, job), signal.SIGKILL)
        error = from_status(caller.ended(job.name).error)
        assert (error.reason, error.metadata["signal"]) == ("WORKER_LOST", "SIGKILL")
        caller.version_in_state(job.model_version, Version.FAILED)


def test_trainer_and_worker_killed_together_leave_a_failed_job(
    tmp_path: Path, running_registry: RegistryHandle, call: Any, boxes: str
) -> None:
    settings = trainer_settings(
        tmp_path, running_registry.address, running_registry.object_store_url, worker_command=stand_in("endless")
    )
    with TrainerProcess(settings, tmp_path / "log") as first:
        running, queued = (call(first.address).create(boxes) for _ in range(2))
        call(first.address).until(running.name, lambda job: job.progress.step)
        first.kill()
        os.kill(worker_of(tmp_path, running), signal.SIGKILL)
    with TrainerProcess(settings, tmp_path / "log") as second:
        caller = call(second.address)
        error = from_status(caller.ended(running.name).error)
        assert error.reason == "WORKER_LOST"
        assert "step" in error.message
        caller.version_in_state(running.model_version, Version.FAILED)
        caller.until(queued.name, lambda job: job.progress.step)  # the queue moves on
        assert second.terminate() == 0
        assert not run_folder(tmp_path, queued).locked()


def test_a_stopped_trainer_fails_its_job_and_tells_those_who_watch(
    tmp_path: Path, running_registry: RegistryHandle, call: Any, boxes: str
) -> None:
    settings = trainer_settings(
        tmp_path, running_registry.address, running_registry.object_store_url, worker_command=stand_in("endless")
    )
    with TrainerProcess(settings, tmp_path / "log") as process:
        caller = call(process.address)
        running = caller.create(boxes)
        caller.until(running.name, lambda job: job.progress.step)
        updates = caller.watch(running.name)
        next(updates)
        assert process.terminate() == 0
        assert from_status(list(updates)[-1].error).reason == "TRAINER_STOPPED"
    assert not run_folder(tmp_path, running).locked()
    assert caller.version(running.model_version).state == Version.FAILED


def test_a_registry_that_is_down_only_delays_success(tmp_path: Path, call: Any) -> None:
    with registry(tmp_path) as first:
        boxes = put_pictures(first.address, "squares", labels="box")
        port = int(first.address.rpartition(":")[2])
        store = first.object_store_url
        command = stand_in("slow")
        manager = trainer(tmp_path, first.address, store, worker_command=command)
        handle = manager.__enter__()
        caller = call(handle.address)
        job = caller.create(boxes)
        caller.until(job.name, lambda job: job.progress.step)
    try:
        wait_for(lambda: caller.get(job.name).progress.phase == "publishing", 15.0)
        assert caller.get(job.name).state == Job.RUNNING
        with registry(tmp_path, listen_address=f"127.0.0.1:{port}"):
            job = caller.ended(job.name)
            assert job.state == Job.SUCCEEDED
            assert caller.get(job.name).model_version == job.model_version
    finally:
        manager.__exit__(None, None, None)
