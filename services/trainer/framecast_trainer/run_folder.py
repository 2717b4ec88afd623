"""The durable channel between a job's worker and the service: a folder that outlives both.

| file           | written by | holds                                                                    |
| -------------- | ---------- | ------------------------------------------------------------------------ |
| `spec.json`    | service    | what to train                                                            |
| `worker.lock`  | nobody     | an flock that lives exactly as long as the worker                        |
| `events.jsonl` | worker     | what it reports, append-only; the last event says how it ended           |
| `log.txt`      | worker     | its stdout and stderr                                                    |
| `cancel`       | service    | its presence asks the worker to stop                                     |
| `scratch/`     | worker     | checkpoints and the bundle before it is stored; removed with the run's end |
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from framecast_trainer.run_event import RunEvent, RunStarted, from_line, to_line
from framecast_trainer.run_spec import RunSpec

_READ_BYTES = 4 * 1024 * 1024


class RunFolder:
    """One run's folder. Readers and the writer may be in different processes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def scratch(self) -> Path:
        """Where the worker may put what need not outlive the run."""
        return self.path / "scratch"

    @property
    def log_path(self) -> Path:
        """The worker's output."""
        return self.path / "log.txt"

    def prepare(self, spec: RunSpec) -> None:
        """Creates the folder with what to train."""
        self.path.mkdir(parents=True, exist_ok=True)
        partial = self.path / "spec.json.partial"
        partial.write_text(spec.to_json())
        partial.replace(self.path / "spec.json")

    def spec(self) -> RunSpec:
        """What to train."""
        return RunSpec.from_json((self.path / "spec.json").read_text())

    def lock(self) -> int | None:
        """Takes the worker's lock; None where a worker holds it.

        The lock belongs to the open file: a child that inherits the descriptor goes on holding it when the parent
        has closed its own, so there is no moment at which a worker lives without it.
        """
        descriptor = os.open(self.path / "worker.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def locked(self) -> bool:
        """Whether a worker lives."""
        if not (self.path / "worker.lock").exists():
            return False
        descriptor = self.lock()
        if descriptor is None:
            return True
        os.close(descriptor)
        return False

    def append(self, event: RunEvent, *, durable: bool = False) -> None:
        """Adds an event. One write per line: a reader sees it whole or, after a crash, cut off and then ignored."""
        descriptor = os.open(self.path / "events.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, to_line(event))
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def events(self, offset: int) -> tuple[list[RunEvent], int]:
        """The events from a byte offset and the offset behind the last whole line; at most 4 MiB at a time."""
        data = _read(self.path / "events.jsonl", offset, _READ_BYTES)
        whole = data[: data.rfind(b"\n") + 1]
        events = [event for line in whole.splitlines() if (event := from_line(line)) is not None]
        return events, offset + len(whole)

    def all_events(self) -> Iterator[RunEvent]:
        """Every event so far."""
        offset = 0
        while True:
            events, end = self.events(offset)
            yield from events
            if end == offset:
                return
            offset = end

    def worker_pid(self) -> int | None:
        """The process that reported itself; meaningful only while `locked`."""
        return next((event.pid for event in self.all_events() if isinstance(event, RunStarted)), None)

    def log(self, offset: int, limit: int) -> bytes:
        """At most `limit` bytes of the worker's output from an offset."""
        return _read(self.log_path, offset, limit)

    def log_size(self) -> int:
        """Bytes of the worker's output so far."""
        try:
            return self.log_path.stat().st_size
        except FileNotFoundError:
            return 0

    def ask_to_stop(self) -> None:
        """Leaves the marker that the worker looks for at every step."""
        (self.path / "cancel").touch()

    def stop_asked(self) -> bool:
        """Whether the marker is there."""
        return (self.path / "cancel").exists()

    def tidy(self) -> None:
        """Removes what is of no use once the run has ended; events and log stay."""
        shutil.rmtree(self.scratch, ignore_errors=True)


def _read(path: Path, offset: int, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(limit)
    except (FileNotFoundError, NotADirectoryError):
        return b""
