"""What one can ask of inference jobs: create, see, list, cancel, delete."""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from framecast import names
from framecast.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError, ResourceExhaustedError
from framecast.v1.inference_job_pb2 import InferenceJob as JobSpec
from framecast.v1.inference_job_pb2 import InferenceSource
from framecast_bundle import manifest as bundle_manifest
from framecast_bundle.settings import effective_settings
from framecast_inference.frame_sources import MAX_GROUP
from framecast_inference.jobs import job as jobs
from framecast_inference.jobs.job import InferenceJob
from framecast_inference.jobs.job_frames import item_count
from framecast_inference.jobs.ports import DatasetRegistry, JobStore
from framecast_inference.ports import Blobs, Registry
from framecast_inference.sources.frame_range import select_frames
from framecast_runtime.changes import Changes

MAX_SOURCES = 1000
MAX_REQUEST_ID = 64
_SOURCE = "inference_job.sources[{}]"
_ENDLESS = 2**62  # frames: what is wrong with a range whatever the video


class JobQueue:
    """The rules of creating, cancelling and deleting jobs; the scheduler runs them."""

    def __init__(
        self,
        store: JobStore,
        registry: Registry,
        datasets: DatasetRegistry,
        blobs: Blobs,
        changes: Changes,
        *,
        max_bytes: int | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`max_bytes` bounds the stored bytes of all assets of a job; None: no bound."""
        self._store = store
        self._registry = registry
        self._datasets = datasets
        self._blobs = blobs
        self._changes = changes
        self._max_bytes = max_bytes
        self._now = now

    def create(self, project: str, asked: JobSpec, request_id: str) -> InferenceJob:
        """Queues a job that can be expected to work.

        Raises InvalidArgumentError with the field at fault and for a request id of another request, NotFoundError for a
        model or an asset that does not exist, FailedPreconditionError for a model that is not trained,
        ResourceExhaustedError beyond `max_bytes`.
        """
        if len(request_id) > MAX_REQUEST_ID:
            raise _refused("request_id", f"must have at most {MAX_REQUEST_ID} characters", "REQUEST_ID_INVALID")
        spec = _inputs(asked)
        fingerprint = hashlib.sha256(spec.SerializeToString(deterministic=True)).hexdigest()
        earlier = self._store.find_request(project, request_id)
        if earlier is not None:
            return _same_request(earlier, fingerprint)
        self._check_sources(project, spec)
        bundle_sha256 = self._fill_settings(project, spec)
        now = self._now()
        job, new = self._store.add(
            InferenceJob(
                project=project,
                id=f"job-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}",
                model_version=spec.model_version,
                bundle_sha256=bundle_sha256,
                dataset_version=spec.dataset_version,
                record_predictions=spec.record_predictions,
                create_time=now,
                request_id=request_id,
                request_fingerprint=fingerprint,
            ),
            spec.SerializeToString(deterministic=True),
        )
        self._changes.notify()
        return job if new else _same_request(job, fingerprint)

    def get(self, project: str, job_id: str) -> InferenceJob:
        """Raises NotFoundError."""
        return self._store.get(project, job_id)

    def spec(self, job: InferenceJob) -> JobSpec:
        """The job's sources and settings."""
        return JobSpec.FromString(self._store.spec(job))

    def page(self, project: str, *, size: int, before: int | None) -> Sequence[InferenceJob]:
        """The newest first, after the one with sequence `before`."""
        return self._store.page(project, size=size, before=before)

    def cancel(self, project: str, job_id: str) -> InferenceJob:
        """Ends a job that nobody works on now and a running one soon; one that has ended stays."""
        found = self._store.get(project, job_id)
        job = self._store.update(found, lambda job: jobs.cancel_requested(job, self._now()))
        self._changes.notify()
        return job

    def delete(self, project: str, job_id: str) -> None:
        """Removes a job that has ended, with its results. Raises FailedPreconditionError for another."""

        def change(job: InferenceJob) -> InferenceJob:
            if not job.state.ended:
                raise FailedPreconditionError(
                    f"{job.name} is {job.state.value}; cancel it first",
                    reason="INFERENCE_JOB_NOT_ENDED",
                    inference_job=job.name,
                    state=job.state.value,
                )
            return jobs.deleted(job)

        self._store.update(self._store.get(project, job_id), change)
        self._changes.notify()

    def _fill_settings(self, project: str, spec: JobSpec) -> str:
        """Fills in open settings; returns the digest of the model's manifest."""
        ids = names.MODEL_VERSION.parse(spec.model_version, field="inference_job.model_version")
        _check_project(project, ids, "inference_job.model_version")
        sha256 = self._registry.trained_bundle(spec.model_version)
        manifest = bundle_manifest.from_json(self._blobs.read(sha256))
        settings = effective_settings(spec.settings, manifest)
        if settings.track and spec.dataset_version:
            raise _refused(
                "inference_job.settings.track",
                "follows objects from frame to frame, and the pictures of a dataset are none; give videos as sources",
                "TRACKING_NEEDS_FRAMES",
            )
        spec.settings.CopyFrom(settings.to_proto())
        return sha256

    def _check_sources(self, project: str, spec: JobSpec) -> None:
        if bool(spec.dataset_version) == bool(spec.sources):
            raise _refused("inference_job.sources", "or dataset_version must be set, and not both", "SOURCE_COUNT")
        if spec.dataset_version:
            self._check_dataset(project, spec)
            return
        if spec.record_predictions:
            raise _refused(
                "inference_job.record_predictions",
                "needs dataset_version: predictions are recorded for the pictures of one",
                "DATASET_VERSION_MISSING",
            )
        if len(spec.sources) > MAX_SOURCES:
            raise _refused(
                "inference_job.sources", f"has {len(spec.sources)}; give at most {MAX_SOURCES}", "SOURCE_COUNT"
            )
        assets = [
            each
            for index, source in enumerate(spec.sources)
            for each in _assets(source, f"inference_job.sources[{index}]")
        ]
        if len(assets) > MAX_GROUP:
            raise _refused(
                "inference_job.sources",
                f"has {len(assets)} assets; give at most {MAX_GROUP}, or make a dataset version of the pictures",
                "SOURCE_COUNT",
            )
        self._check_assets(project, assets)

    def _check_dataset(self, project: str, spec: JobSpec) -> None:
        ids = names.DATASET_VERSION.parse(spec.dataset_version, field="inference_job.dataset_version")
        _check_project(project, ids, "inference_job.dataset_version")
        if not item_count(self._datasets.dataset_version(spec.dataset_version), spec.subset):
            raise FailedPreconditionError(
                f"{spec.dataset_version} has no pictures in that subset; choose another",
                reason="SUBSET_EMPTY",
                dataset_version=spec.dataset_version,
            )

    def _check_assets(self, project: str, assets: Sequence[tuple[str, str]]) -> None:
        sizes: dict[str, int] = {}
        for field, name in assets:
            _check_project(project, names.ASSET.parse(name, field=field), field)
            if name not in sizes:
                try:
                    sizes[name] = self._registry.asset(name).size_bytes
                except NotFoundError as error:
                    raise NotFoundError(f"{field}: {error.message}", reason=error.reason, **error.metadata) from None
        total = sum(sizes.values())
        if self._max_bytes is not None and total > self._max_bytes:
            raise ResourceExhaustedError(
                f"the assets of the job have {total} bytes, the limit is {self._max_bytes}; make several jobs of it",
                reason="ASSETS_TOO_LARGE",
                size_bytes=total,
                limit_bytes=self._max_bytes,
            )


def _inputs(asked: JobSpec) -> JobSpec:
    """What a caller may set; the rest is ours."""
    spec = JobSpec(
        model_version=asked.model_version,
        sources=asked.sources,
        dataset_version=asked.dataset_version,
        subset=asked.subset,
        record_predictions=asked.record_predictions,
    )
    spec.settings.CopyFrom(asked.settings)
    return spec


def _assets(source: InferenceSource, field: str) -> list[tuple[str, str]]:
    """Field and name of each asset of a source, which is checked but for them."""
    select_frames(source.frame_range, _ENDLESS)
    if source.HasField("image_group"):
        if not source.image_group.assets:
            raise _refused(f"{field}.image_group.assets", "must name a picture at least", "IMAGE_COUNT")
        return [(f"{field}.image_group.assets[{i}]", name) for i, name in enumerate(source.image_group.assets)]
    return [(f"{field}.asset", source.asset)]


def _same_request(job: InferenceJob, fingerprint: str) -> InferenceJob:
    if job.request_fingerprint != fingerprint:
        raise InvalidArgumentError(
            f"request_id {job.request_id!r} was used for another CreateInferenceJob call; take a new one",
            reason="REQUEST_ID_REUSED",
            field="request_id",
            request_id=job.request_id,
        )
    return job


def _check_project(project: str, ids: dict[str, str], field: str) -> None:
    if ids["project"] != project:
        raise InvalidArgumentError(
            f"{field} must be in project {project!r}, got one of {ids['project']!r}",
            reason="PROJECT_MISMATCH",
            field=field,
            value=ids["project"],
        )


def _refused(field: str, rule: str, reason: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"{field} {rule}", reason=reason, field=field)
