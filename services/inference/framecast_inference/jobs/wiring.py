"""The parts list of inference jobs."""

import os
import secrets
import socket
from datetime import UTC, datetime

from framecast_inference.adapters.grpc_registry import GrpcRegistry
from framecast_inference.adapters.sql_job_store import SqlJobStore
from framecast_inference.adapters.stored_blobs import StoredBlobs
from framecast_inference.frame_sources import FrameSources
from framecast_inference.jobs.background import BackgroundJobs, NoBackgroundJobs
from framecast_inference.jobs.job import InferenceJob
from framecast_inference.jobs.job_frames import JobFrames
from framecast_inference.jobs.job_queue import JobQueue
from framecast_inference.jobs.job_run import JobRun
from framecast_inference.jobs.job_scheduler import JobScheduler
from framecast_inference.jobs.job_servicer import JobServicer, NoJobServicer
from framecast_inference.jobs.job_streams import JobStreams
from framecast_inference.jobs.recording import Recording
from framecast_inference.loaded_model import LoadedModel
from framecast_inference.model_cache import ModelCache
from framecast_inference.settings import InferenceSettings
from framecast_runtime.changes import Changes
from framecast_runtime.database import connect
from framecast_runtime.object_store import ObjectStore


def build_jobs(
    settings: InferenceSettings,
    registry: GrpcRegistry,
    blobs: StoredBlobs,
    objects: ObjectStore,
    sources: FrameSources,
    models: ModelCache[LoadedModel],
) -> tuple[JobServicer | NoJobServicer, BackgroundJobs | NoBackgroundJobs]:
    """The job service, and what runs beside it."""
    if settings.database_url is None:
        return NoJobServicer(), NoBackgroundJobs()
    store = SqlJobStore(connect(settings.database_url))
    changes = Changes()
    frames = JobFrames(sources, registry, registry)
    recording = Recording(store, objects, blobs, registry)
    owner = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"

    def make_run(job: InferenceJob) -> JobRun:
        return JobRun(
            job,
            owner,
            store=store,
            objects=objects,
            frames=frames,
            lease_model=models.lease,
            record=recording.record,
            changes=changes,
            now=_now,
        )

    scheduler = JobScheduler(
        store,
        objects,
        make_run,
        changes,
        owner=owner,
        now=_now,
        max_running=settings.max_running_jobs,
        lease_s=settings.job_lease_s,
    )
    queue = JobQueue(store, registry, registry, blobs, changes, max_bytes=settings.max_job_bytes, now=_now)
    servicer = JobServicer(queue, JobStreams(store, objects, changes))
    return servicer, BackgroundJobs(scheduler, changes, store.close)


def _now() -> datetime:
    return datetime.now(UTC)
