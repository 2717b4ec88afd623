"""Jobs and their results as streams: what is there now and, on wish, what comes until the job has ended."""

import time
from collections.abc import Callable, Iterator

from framecast.errors import InvalidArgumentError, OutOfRangeError, UnavailableError
from framecast_inference.jobs.job import InferenceJob
from framecast_inference.jobs.ports import JobStore, ResultObjects
from framecast_inference.jobs.result_parts import from_position, read_part
from framecast_runtime.changes import Changes

Wanted = Callable[[], bool]
"""Whether the caller is still there."""

_LOOK_S = 1.0
_PARTS = 64


class JobStreams:
    """Follows jobs of all replicas; `interval_s` is the shortest time between two messages about a job."""

    def __init__(self, store: JobStore, objects: ResultObjects, changes: Changes, *, interval_s: float = 0.2) -> None:
        self._store = store
        self._objects = objects
        self._changes = changes
        self._interval_s = interval_s

    def watch(self, project: str, job_id: str, wanted: Wanted) -> Iterator[InferenceJob]:
        """The job now, and again after it has changed, until it has ended."""
        seen = self._changes.count
        job = self._store.get(project, job_id)
        yield job
        while not job.state.ended and wanted():
            seen = self._changes.wait(seen, _LOOK_S)
            latest = self._store.get(project, job_id)
            told = (latest.state, latest.progress) != (job.state, job.progress)  # a sign of life is no news
            job = latest
            if told:
                yield job
                time.sleep(self._interval_s)
            else:
                self._check_open(job)

    def results(
        self, project: str, job_id: str, position: int, *, follow: bool, wanted: Wanted
    ) -> Iterator[tuple[int, bytes]]:
        """Serialised results (`ReadInferenceJobResultsResponse` without its position) and the position of the first.

        Raises OutOfRangeError for a position behind the end, DataLossError where stored results are damaged.
        """
        job = self._store.get(project, job_id)
        _check_position(job, position, follow=follow)
        while True:
            ended = job.state.ended  # asked first: what is read afterwards is complete
            seen = self._changes.count
            while parts := self._store.parts(job, position=position, limit=_PARTS):
                for part in parts:
                    if not wanted():
                        return
                    yield position, from_position(read_part(job, part, self._objects), position - part.position)
                    position = part.end
            if ended or not follow or not wanted():
                return
            self._changes.wait(seen, _LOOK_S)
            job = self._store.get(project, job_id)
            self._check_open(job)

    def _check_open(self, job: InferenceJob) -> None:
        if self._changes.closed and not job.state.ended:
            raise UnavailableError(
                "the inference service is stopping; ask again when it is back", reason="INFERENCE_STOPPING"
            )


def _check_position(job: InferenceJob, position: int, *, follow: bool) -> None:
    if position < 0:
        raise InvalidArgumentError(
            f"position must not be negative, got {position}",
            reason="POSITION_INVALID",
            field="position",
            value=position,
        )
    done, total = job.progress.frames_done, job.progress.total_frames
    end = total if follow and not job.state.ended else done
    if position > end and not (follow and not job.state.ended and not total):
        raise OutOfRangeError(
            f"position is {position}, but there are {done} results so far", reason="POSITION_OUT_OF_RANGE", results=done
        )
