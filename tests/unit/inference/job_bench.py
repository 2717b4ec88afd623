"""Inference jobs around a model that counts: stores, replicas, and what they kept."""

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import numpy as np

from framecast.errors import DataLossError, UnavailableError
from framecast.v1.frame_result_pb2 import FrameResult
from framecast.v1.inference_job_pb2 import InferenceJob as JobSpec
from framecast.v1.inference_job_service_pb2 import ReadInferenceJobResultsResponse
from framecast_inference.adapters.memory_job_store import MemoryJobStore
from framecast_inference.jobs.job import InferenceJob, LeaseLostError
from framecast_inference.jobs.job_run import JobRun, Record
from framecast_inference.jobs.job_scheduler import JobScheduler
from framecast_inference.jobs.job_streams import JobStreams
from framecast_inference.jobs.ports import JobStore
from framecast_inference.loaded_model import LoadedModel
from framecast_inference.sources.source_frame import SourceFrame
from framecast_inference.sources.video_index import Wanted, check_wanted
from framecast_runtime.changes import Changes
from framecast_runtime.object_store import ObjectStore, open_object_store
from tests.support.counting_runner import CountingRunner, loaded

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def make_job(job_id: str = "job-1", **fields: object) -> InferenceJob:
    return dataclasses.replace(
        InferenceJob(
            project="demo",
            id=job_id,
            model_version="projects/demo/models/m/versions/1",
            bundle_sha256="0" * 64,
            create_time=NOW,
        ),
        **fields,  # type: ignore[arg-type]
    )


class CountedFrames:
    """`JobFrames` of one source with `count` frames; every seventh is an error."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.given = 0
        self.asked_from: list[int] = []
        self.away_at: int | None = None
        """Where the source cannot be reached, once."""

    def counts(self, spec: JobSpec, wanted: Wanted) -> tuple[int, ...]:
        check_wanted(wanted)
        return (self.count,)

    def frames(self, spec: JobSpec, counts: Sequence[int], position: int, wanted: Wanted) -> Iterator[SourceFrame]:
        self.asked_from.append(position)
        for index in range(position, self.count):
            check_wanted(wanted)
            if index == self.away_at:
                self.away_at = None
                raise UnavailableError("the object store is away")
            self.given += 1
            if index % 7 == 6:
                yield SourceFrame(index=index, error=DataLossError(f"frame {index} is damaged"))
            else:
                yield SourceFrame(index=index, image=np.full((2, 2, 3), index % 251, np.uint8))


class Replica:
    """One inference service: its scheduler is moved by hand."""

    def __init__(
        self,
        owner: str,
        store: JobStore,
        objects: ObjectStore,
        frames: CountedFrames,
        *,
        max_running: int = 1,
        flush_s: float = 0.0,
        record: Record = lambda job, spec, wanted: f"predictions of {job.id}",
    ) -> None:
        self.runner = CountingRunner()
        self.model = loaded(self.runner, max_batch=2)
        self.changes = Changes()
        self.store, self.objects = store, objects
        self.runs: list[JobRun] = []
        self.time = 0.0
        """Of the replica's own clock."""

        @contextmanager
        def lease(name: str) -> Iterator[LoadedModel]:
            yield self.model

        def make_run(job: InferenceJob) -> JobRun:
            run = JobRun(
                job,
                owner,
                store=store,
                objects=objects,
                frames=frames,  # type: ignore[arg-type]
                lease_model=lease,
                record=record,
                changes=self.changes,
                now=lambda: NOW,
                flush_s=flush_s,
            )
            self.runs.append(run)
            return run

        self.scheduler = JobScheduler(
            store,
            objects,
            make_run,
            self.changes,
            owner=owner,
            now=lambda: NOW,
            max_running=max_running,
            lease_s=10.0,
            clock=lambda: self.time,
        )

    def wait(self) -> None:
        """Until no run is left, or all are held up."""
        for running in list(self.scheduler._running.values()):
            running.thread.join(20)
            assert not running.thread.is_alive()

    def work(self) -> None:
        """Takes up what there is, and waits for it."""
        self.scheduler.look()
        self.wait()


class MortalStore:
    """A store that lets through so many changes, and none after: what follows never happened."""

    def __init__(self, store: JobStore, *, changes: int) -> None:
        self._store = store
        self._left = changes
        self.dead = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def update(self, *given: Any) -> InferenceJob:
        self._live()
        return self._store.update(*given)

    def add_part(self, *given: Any) -> InferenceJob:
        self._live()
        return self._store.add_part(*given)

    def _live(self) -> None:
        self._left -= 1
        if self._left < 0:
            self.dead = True
            raise LeaseLostError


class Bench:
    """What replicas share."""

    def __init__(self, frames: int = 100, store: JobStore | None = None) -> None:
        self.store: JobStore = store or MemoryJobStore()
        self.objects = open_object_store("memory://")
        self.frames = CountedFrames(frames)

    def replica(self, owner: str, **options: object) -> Replica:
        return Replica(owner, self.store, self.objects, self.frames, **options)  # type: ignore[arg-type]

    def add(self, job_id: str = "job-1", **fields: object) -> InferenceJob:
        return self.store.add(make_job(job_id, **fields), JobSpec().SerializeToString())[0]

    def job(self, job_id: str = "job-1") -> InferenceJob:
        return self.store.get("demo", job_id)

    def read(self, position: int = 0, job_id: str = "job-1") -> bytes:
        """All results from a position on, as they would travel."""
        streams = JobStreams(self.store, self.objects, Changes())
        found = list(streams.results("demo", job_id, position, follow=False, wanted=lambda: True))
        end = position
        for at, data in found:
            assert at == end
            end += len(parsed(data))
        return b"".join(data for _, data in found)

    def paths(self) -> list[str]:
        return sorted(path for path, _ in self.objects.list("inference-jobs/"))


def parsed(data: bytes) -> list[FrameResult]:
    return list(ReadInferenceJobResultsResponse.FromString(data).results)
