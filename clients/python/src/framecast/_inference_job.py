"""An inference job in the caller's hands."""

import time
from collections.abc import Iterator
from typing import Any

from framecast._connection import Connection
from framecast._convert_predictions import frame_result_from_proto, inference_update_from_proto
from framecast._inference_job_types import InferenceUpdate
from framecast._prediction_types import FrameResult
from framecast._reconnecting import patiently, steadily
from framecast._training_types import JobState
from framecast.errors import CancelledError, DeadlineExceededError, InferenceJobFailedError
from framecast.v1 import inference_job_service_pb2


class InferenceJob:
    """An inference job: watch it, wait for it, read its results, cancel it, delete it."""

    def __init__(self, connection: Connection, update: InferenceUpdate) -> None:
        self._connection = connection
        self._update = update

    @property
    def name(self) -> str:
        """Full resource name."""
        return self._update.name

    @property
    def id(self) -> str:
        """The last part of the name."""
        return self._update.id

    @property
    def latest(self) -> InferenceUpdate:
        """The newest update that was seen; `refresh` asks for a newer one."""
        return self._update

    @property
    def state(self) -> JobState:
        """Where the job stood when it was last seen."""
        return self._update.state

    def __repr__(self) -> str:
        return f"InferenceJob({self.name!r}, state={self.state.value!r})"

    def refresh(self) -> InferenceUpdate:
        """Asks the service how the job stands."""
        request = inference_job_service_pb2.GetInferenceJobRequest(name=self.name)
        self._update = inference_update_from_proto(self._connection.inference_jobs.GetInferenceJob(request))
        return self._update

    def watch(self) -> Iterator[InferenceUpdate]:
        """The job now, and again whenever it changes, until it has ended; outlasts a restart of the service."""

        def messages() -> Iterator[Any]:
            request = inference_job_service_pb2.WatchInferenceJobRequest(name=self.name)
            return self._connection.inference_jobs.WatchInferenceJob(request)

        for message in steadily(messages, more=lambda: not self._update.state.ended):
            self._update = inference_update_from_proto(message)
            yield self._update

    def wait(self, *, timeout: float | None = None) -> InferenceUpdate:
        """Waits until the job has ended and returns its last update.

        Raises InferenceJobFailedError with the job's reason, CancelledError where it was cancelled, and
        DeadlineExceededError after `timeout` seconds; the job itself goes on then.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        update = self.refresh()
        while not update.state.ended:
            if deadline is not None and time.monotonic() > deadline:
                raise DeadlineExceededError(
                    f"job {self.id} has not ended after {timeout:g} seconds; it goes on:"
                    f" `framecast inference-jobs watch {self.id}`",
                    job=self.name,
                )
            time.sleep(0.5)
            update = patiently(self.refresh)
        return self._checked(update)

    def results(self, *, position: int = 0, follow: bool = True) -> Iterator[FrameResult]:
        """The results from `position`, counted from 0 over all sources, in order, each exactly once.

        With `follow` until the job has ended, else those that are there. Where the connection breaks or the service is
        restarted, it goes on by itself. A job that fails or is cancelled has fewer results than frames: see `wait`.
        """

        def messages() -> Iterator[Any]:
            request = inference_job_service_pb2.ReadInferenceJobResultsRequest(
                name=self.name, position=position, follow=follow
            )
            return self._connection.inference_jobs.ReadInferenceJobResults(request)

        for message in steadily(messages):
            for result in message.results:
                position += 1
                yield frame_result_from_proto(result)

    def cancel(self) -> InferenceUpdate:
        """Stops the job; one that has ended stays as it is. Results that are there stay, too."""
        request = inference_job_service_pb2.CancelInferenceJobRequest(name=self.name)
        self._update = inference_update_from_proto(self._connection.inference_jobs.CancelInferenceJob(request))
        return self._update

    def delete(self) -> None:
        """Removes a job that has ended with its results. Raises FailedPreconditionError for another."""
        request = inference_job_service_pb2.DeleteInferenceJobRequest(name=self.name)
        self._connection.inference_jobs.DeleteInferenceJob(request)

    def _checked(self, update: InferenceUpdate) -> InferenceUpdate:
        if update.state is JobState.FAILED:
            reason = update.error.reason if update.error else None
            why = update.error.message if update.error else "no reason was given"
            raise InferenceJobFailedError(f"job {self.id} failed: {why}", reason=reason, job=self.name)
        if update.state is JobState.CANCELLED:
            raise CancelledError(f"job {self.id} was cancelled", reason="JOB_CANCELLED", job=self.name)
        return update
