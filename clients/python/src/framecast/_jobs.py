"""A training job in the caller's hands."""

import time
from collections.abc import Iterator
from typing import Any

from framecast._connection import Connection
from framecast._convert_models import metric_point_from_proto, update_from_proto
from framecast._reconnecting import patiently, steadily
from framecast._training_types import JobState, MetricPoint, TrainingUpdate
from framecast.errors import CancelledError, DeadlineExceededError, TrainingFailedError
from framecast.v1 import trainer_service_pb2


class Job:
    """A training job: watch it, wait for it, read its logs and metrics, cancel it."""

    def __init__(self, connection: Connection, update: TrainingUpdate) -> None:
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
    def latest(self) -> TrainingUpdate:
        """The newest update that was seen; `refresh` asks for a newer one."""
        return self._update

    @property
    def state(self) -> JobState:
        """Where the job stood when it was last seen."""
        return self._update.state

    @property
    def model_version(self) -> str:
        """Name of the model version that the job fills; empty until it is reserved."""
        return self._update.model_version

    def __repr__(self) -> str:
        return f"Job({self.name!r}, state={self.state.value!r})"

    def refresh(self) -> TrainingUpdate:
        """Asks the trainer how the job stands."""
        request = trainer_service_pb2.GetTrainingJobRequest(name=self.name)
        self._update = update_from_proto(self._connection.trainer.GetTrainingJob(request))
        return self._update

    def watch(self) -> Iterator[TrainingUpdate]:
        """The job now, and again whenever it changes, until it has ended; outlasts a restart of the trainer."""

        def messages() -> Iterator[Any]:
            return self._connection.trainer.WatchTrainingJob(
                trainer_service_pb2.WatchTrainingJobRequest(name=self.name)
            )

        for message in steadily(messages, more=lambda: not self._update.state.ended):
            self._update = update_from_proto(message)
            yield self._update

    def wait(self, *, timeout: float | None = None) -> TrainingUpdate:
        """Waits until the job has ended and returns its last update.

        Raises TrainingFailedError with the job's reason, CancelledError where it was cancelled, and
        DeadlineExceededError after `timeout` seconds; the job itself goes on then.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        update = self.refresh()
        while not update.state.ended:
            if deadline is not None and time.monotonic() > deadline:
                raise DeadlineExceededError(
                    f"job {self.id} has not ended after {timeout:g} seconds; it goes on:"
                    f" `framecast jobs watch {self.id}`",
                    job=self.name,
                )
            time.sleep(0.5)
            update = patiently(self.refresh)
        return self._checked(update)

    def logs(self, *, follow: bool = False, offset: int = 0) -> Iterator[str]:
        """What the job printed, in chunks of text from byte `offset`; with `follow` until it has ended."""
        position = offset

        def messages() -> Iterator[Any]:
            request = trainer_service_pb2.ReadTrainingLogsRequest(name=self.name, offset_bytes=position, follow=follow)
            return self._connection.trainer.ReadTrainingLogs(request)

        for message in steadily(messages):
            position = message.offset_bytes + len(message.data)
            yield message.data.decode("utf-8", errors="replace")

    def metrics(self, *, follow: bool = False, offset: int = 0) -> Iterator[MetricPoint]:
        """What the job measured, from the point `offset`, counted from 0; with `follow` until it has ended."""
        position = offset

        def messages() -> Iterator[Any]:
            request = trainer_service_pb2.ReadTrainingMetricsRequest(name=self.name, offset=position, follow=follow)
            return self._connection.trainer.ReadTrainingMetrics(request)

        for message in steadily(messages):
            position = message.offset + len(message.points)
            yield from map(metric_point_from_proto, message.points)

    def cancel(self) -> TrainingUpdate:
        """Stops the job; one that has ended stays as it is."""
        request = trainer_service_pb2.CancelTrainingJobRequest(name=self.name)
        self._update = update_from_proto(self._connection.trainer.CancelTrainingJob(request))
        return self._update

    def _checked(self, update: TrainingUpdate) -> TrainingUpdate:
        if update.state is JobState.FAILED:
            reason = update.error.reason if update.error else None
            why = update.error.message if update.error else "no reason was given"
            raise TrainingFailedError(
                f"job {self.id} failed: {why}; its log: `framecast jobs logs {self.id}`", reason=reason, job=self.name
            )
        if update.state is JobState.CANCELLED:
            raise CancelledError(f"job {self.id} was cancelled", reason="JOB_CANCELLED", job=self.name)
        return update
