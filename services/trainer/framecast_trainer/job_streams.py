"""Jobs, logs and metrics as streams: what is there now and, on wish, what comes until the job has ended.

Every stream ends: when its job has, when its caller goes, or with UnavailableError when the service stops.
"""

import time
from collections.abc import Callable, Iterator, Sequence

from framecast.errors import InvalidArgumentError, OutOfRangeError, UnavailableError
from framecast_runtime.changes import Changes
from framecast_trainer.job import Job
from framecast_trainer.launcher import Launcher, Run
from framecast_trainer.ports import JobStore
from framecast_trainer.run_event import MetricTaken

Wanted = Callable[[], bool]
"""Whether the caller is still there."""

_CHUNK_BYTES = 64 * 1024
_POINTS = 1000
_LOOK_S = 1.0


class JobStreams:
    """Follows jobs; `interval_s` is the shortest time between two messages about a job."""

    def __init__(self, store: JobStore, launcher: Launcher, changes: Changes, *, interval_s: float = 0.2) -> None:
        self._store = store
        self._launcher = launcher
        self._changes = changes
        self._interval_s = interval_s

    def watch(self, project: str, job_id: str, wanted: Wanted) -> Iterator[Job]:
        """The job now, and again after it has changed, until it has ended."""
        seen = self._changes.count
        job = self._store.get(project, job_id)
        yield job
        while not job.state.ended and wanted():
            seen = self._changes.wait(seen, _LOOK_S)
            latest = self._store.get(project, job_id)
            if latest != job:
                job = latest
                yield job
                time.sleep(self._interval_s)
            else:
                self._check_open(job)

    def logs(
        self, project: str, job_id: str, offset: int, *, follow: bool, wanted: Wanted
    ) -> Iterator[tuple[int, bytes]]:
        """Parts of the log with their offsets. A part never ends within a character; bytes that are none become `?`.

        Raises OutOfRangeError for an offset behind the end.
        """
        job = self._store.get(project, job_id)
        run = self._launcher.run(project, job_id)
        _check_offset("offset_bytes", offset, lambda: run.log_size(), "bytes of log")
        while True:
            ended = job.state.ended  # asked first: what is read afterwards is complete
            while wanted():
                data = run.log(offset, _CHUNK_BYTES)
                if len(data) == _CHUNK_BYTES or not ended:
                    data = _whole_characters(data)
                if not data:
                    break
                yield offset, _as_utf8(data)
                offset += len(data)
            if ended or not follow or not wanted():
                return
            time.sleep(self._interval_s)
            job = self._store.get(project, job_id)
            self._check_open(job)

    def metrics(
        self, project: str, job_id: str, offset: int, *, follow: bool, wanted: Wanted
    ) -> Iterator[tuple[int, Sequence[MetricTaken]]]:
        """Points with the position of the first. Raises OutOfRangeError for an offset behind the end."""
        job = self._store.get(project, job_id)
        run = self._launcher.run(project, job_id)
        _check_offset("offset", offset, lambda: _count_points(run), "points")
        position = event_offset = 0
        while True:
            ended = job.state.ended
            while wanted():
                events, next_offset = run.events(event_offset)
                if next_offset == event_offset:
                    break
                event_offset = next_offset
                points = [event for event in events if isinstance(event, MetricTaken)]
                fresh = points[max(0, offset - position) :]
                start = max(position, offset)
                for i in range(0, len(fresh), _POINTS):
                    yield start + i, fresh[i : i + _POINTS]
                position += len(points)
            if ended or not follow or not wanted():
                return
            time.sleep(self._interval_s)
            job = self._store.get(project, job_id)
            self._check_open(job)

    def _check_open(self, job: Job) -> None:
        if self._changes.closed and not job.state.ended:
            raise UnavailableError("the trainer is stopping; ask again when it is back", reason="TRAINER_STOPPING")


def _check_offset(field: str, offset: int, end: Callable[[], int], unit: str) -> None:
    if offset < 0:
        raise InvalidArgumentError(
            f"{field} must not be negative, got {offset}", reason="OFFSET_INVALID", field=field, value=offset
        )
    if offset and offset > (size := end()):
        raise OutOfRangeError(
            f"{field} is {offset}, but there are {size} {unit} so far", reason="OFFSET_OUT_OF_RANGE", size=size
        )


def _count_points(run: Run) -> int:
    count = offset = 0
    while True:
        events, end = run.events(offset)
        count += sum(isinstance(event, MetricTaken) for event in events)
        if end == offset:
            return count
        offset = end


def _whole_characters(data: bytes) -> bytes:
    """`data` without the beginning of a character at its end."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte & 0b1100_0000 == 0b1000_0000:
            continue  # the inside of a character
        length = 1 if byte < 0x80 else 2 if byte >> 5 == 0b110 else 3 if byte >> 4 == 0b1110 else 4
        return data if length <= back else data[:-back]
    return data


def _as_utf8(data: bytes) -> bytes:
    text = data.decode("utf-8", errors="surrogateescape")
    return "".join("?" if "\udc80" <= char <= "\udcff" else char for char in text).encode()
