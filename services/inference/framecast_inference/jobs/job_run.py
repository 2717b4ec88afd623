"""One replica's work on one job, from wherever the job stands to its end, or until it is stopped."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

from framecast.errors import CancelledError, FailedPreconditionError, FramecastError, InternalError, NotFoundError
from framecast.status import to_status
from framecast.v1.inference_job_pb2 import InferenceJob as JobSpec
from framecast_bundle.settings import effective_settings
from framecast_inference.batching.batcher import Priority
from framecast_inference.jobs import job as jobs
from framecast_inference.jobs.job import InferenceJob, JobState, LeaseLostError
from framecast_inference.jobs.job_frames import PASSING, JobFrames
from framecast_inference.jobs.ports import JobStore, ResultObjects
from framecast_inference.jobs.result_parts import OpenPart, read_tracks
from framecast_inference.jobs.source_tracks import SourceTracks
from framecast_inference.loaded_model import LoadedModel
from framecast_inference.object_tracking import looking_lower
from framecast_inference.pipeline import open_pipeline
from framecast_inference.result_writer import measured_result
from framecast_runtime.changes import Changes

log = logging.getLogger(__name__)

Record = Callable[[InferenceJob, JobSpec, Callable[[], bool]], str]
"""Records a job's results as predictions of its dataset version, for as long as that is wanted, and returns the
resource's name."""
LeaseModel = Callable[[str], AbstractContextManager[LoadedModel]]

_FLUSH_S = 5.0
"""Results do not wait longer for others before they are stored."""


class Stop:
    """The wish that a run ends, and why. Callbacks are called once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []
        self._asked = threading.Event()
        self.cancelled = False
        """Whether the job is to end with the run."""

    def ask(self, *, cancelled: bool = False) -> None:
        """Ends the run soon."""
        with self._lock:
            self.cancelled |= cancelled
            self._asked.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    @property
    def asked(self) -> bool:
        return self._asked.is_set()

    def wanted(self) -> bool:
        return not self._asked.is_set()

    def call_back(self, callback: Callable[[], None]) -> bool:
        """Calls back when the run is to end; false where it is already."""
        with self._lock:
            if self._asked.is_set():
                return False
            self._callbacks.append(callback)
            return True


class JobRun:
    """`run` is called once, in a thread of its own."""

    def __init__(
        self,
        job: InferenceJob,
        owner: str,
        *,
        store: JobStore,
        objects: ResultObjects,
        frames: JobFrames,
        lease_model: LeaseModel,
        record: Record,
        changes: Changes,
        now: Callable[[], datetime],
        flush_s: float = _FLUSH_S,
    ) -> None:
        self.job = job
        """As it was last seen."""
        self.stop = Stop()
        self.put_off = False
        """Whether the run ended for a reason that may pass: to be taken up again after a while."""
        self._owner = owner
        self._store = store
        self._objects = objects
        self._frames = frames
        self._lease_model = lease_model
        self._record = record
        self._changes = changes
        self._now = now
        self._flush_s = flush_s

    def run(self) -> None:
        """Raises nothing; what cannot be written down is left to whoever takes the job up next."""
        try:
            self._run()
        except (LeaseLostError, NotFoundError):
            log.warning("inference_job_lost", extra={"job": self.job.name})
        except PASSING as error:
            self.put_off = True
            log.warning("inference_job_put_off", extra={"job": self.job.name, "why": error.message})
        except Exception:
            log.exception("inference_job_run_failed", extra={"job": self.job.name})
        self._changes.notify()

    def _run(self) -> None:
        if self.stop.cancelled:
            self._end(JobState.CANCELLED)
            return
        if self.job.attempts > jobs.MOST_ATTEMPTS:
            self._fail(
                InternalError(
                    f"the service ended {jobs.MOST_ATTEMPTS} times while it worked behind result"
                    f" {self.job.progress.frames_done}, and did not get beyond it; look into its log",
                    reason="WORKER_LOST",
                    position=self.job.progress.frames_done,
                )
            )
            return
        try:
            spec = JobSpec.FromString(self._store.spec(self.job))
            self._predict(spec)
            prediction_set = self._recorded(spec)
        except CancelledError:
            if self.stop.cancelled:
                self._end(JobState.CANCELLED)
            else:  # the service stops, or the lease is another's, which refuses this
                self._release("queued")
        except PASSING as error:
            self._release(f"waiting: {error.message}")
            raise
        except FramecastError as error:
            self._fail(error)
        except (LeaseLostError, NotFoundError):
            raise
        except Exception:
            log.exception("inference_job_failed", extra={"job": self.job.name})
            self._fail(InternalError("internal error; the service's log has more"))
        else:
            self._end(JobState.SUCCEEDED, prediction_set=prediction_set)

    def _predict(self, spec: JobSpec) -> None:
        if not self.job.counts:
            self._phase("preparing")
            counts = self._frames.counts(spec, self.stop.wanted)
            self._update(lambda job: jobs.planned(job, self._owner, counts))
        if self.job.progress.frames_done == sum(self.job.counts):
            return
        self._phase("predicting")
        with self._lease_model(self.job.model_version) as model:
            if model.bundle_sha256 != self.job.bundle_sha256:
                raise FailedPreconditionError(
                    f"{self.job.model_version} is bundle {model.bundle_sha256} now, and was {self.job.bundle_sha256} "
                    "when the job began; create a new job",
                    reason="MODEL_CHANGED",
                    model_version=self.job.model_version,
                )
            self._stream(spec, model)

    def _stream(self, spec: JobSpec, model: LoadedModel) -> None:
        settings = effective_settings(spec.settings, model.manifest)
        frames = self._frames.frames(spec, self.job.counts, self.job.progress.frames_done, self.stop.wanted)
        tracks = SourceTracks(settings, model.manifest, self._last_tracks()) if settings.track else None
        asked = looking_lower(settings)
        part, since = OpenPart(), time.monotonic()
        try:
            with open_pipeline(frames, model, asked, self.stop.call_back, priority=Priority.BULK) as pipeline:
                for outcome in pipeline:
                    if tracks is not None:
                        outcome = tracks.follow(outcome)
                    part.add(measured_result(outcome, model), failed=outcome.prediction is None)
                    if part.full or time.monotonic() - since > self._flush_s:
                        self._keep(part, tracks)
                        since = time.monotonic()
        except (CancelledError, *PASSING):
            self._keep(part, tracks)  # what was computed is not computed again
            raise
        self._keep(part, tracks)

    def _last_tracks(self) -> bytes:
        """What the job's tracker saved behind the last result that is kept; empty before the first."""
        done = self.job.progress.frames_done
        parts = self._store.parts(self.job, position=done - 1, limit=1) if done else []
        return read_tracks(self.job, parts[0], self._objects) if parts else b""

    def _keep(self, part: OpenPart, tracks: SourceTracks | None) -> None:
        """Bytes first, then the row that points at them, which is refused once the job is another's."""
        if not len(part):
            return
        stored = part.store(self.job, self._objects, b"" if tracks is None else tracks.save())
        self.job = self._store.add_part(self.job, stored, lambda job: jobs.advanced(job, self._owner, stored))
        self._changes.notify()

    def _recorded(self, spec: JobSpec) -> str:
        if not self.job.record_predictions:
            return ""
        self._phase("recording")
        return self._record(self.job, spec, self.stop.wanted)

    def _phase(self, phase: str) -> None:
        self._update(lambda job: jobs.in_phase(job, self._owner, phase))

    def _release(self, phase: str) -> None:
        self._update(lambda job: jobs.released(job, self._owner, phase=phase))

    def _fail(self, error: FramecastError) -> None:
        self._end(JobState.FAILED, error=to_status(error).SerializeToString(deterministic=True))

    def _end(self, state: JobState, *, error: bytes = b"", prediction_set: str = "") -> None:
        self._update(
            lambda job: jobs.ended(job, self._owner, state, self._now(), error=error, prediction_set=prediction_set)
        )
        log.info("inference_job_ended", extra={"job": self.job.name, "state": state.value})

    def _update(self, change: Callable[[InferenceJob], InferenceJob]) -> None:
        self.job = self._store.update(self.job, change)
        self._changes.notify()
