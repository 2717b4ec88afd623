"""The folder that holds everything `framecast up` keeps, owned by one `up` at a time."""

import fcntl
import os
from pathlib import Path
from typing import Any

from framecast.errors import FailedPreconditionError


def default_data_folder() -> Path:
    """`$XDG_DATA_HOME/framecast`, else `~/.local/share/framecast`."""
    base = os.environ.get("XDG_DATA_HOME")
    return Path(base) / "framecast" if base else Path.home() / ".local" / "share" / "framecast"


class DataFolder:
    """Creates the folder and locks it. Raises FailedPreconditionError where another `up` has it."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = (self.path / "up.lock").open("a+")
        except OSError as error:
            raise FailedPreconditionError(
                f"{self.path} cannot be written ({error.strerror}); choose another folder with --data",
                reason="DATA_FOLDER_UNUSABLE",
                folder=self.path,
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.seek(0)
            pid = self._lock.read().strip() or "unknown"
            self._lock.close()
            raise FailedPreconditionError(
                f"framecast is up already with {self.path} (pid {pid}); use that one, stop it, or choose another"
                " folder with --data",
                reason="DATA_FOLDER_IN_USE",
                folder=self.path,
                pid=pid,
            ) from None
        self._lock.seek(0)
        self.left_behind = bool(self._lock.read().strip())
        """Whether the last owner was killed: its services may need a moment to go."""
        self._lock.truncate(0)
        self._lock.write(f"{os.getpid()}\n")
        self._lock.flush()

    def subfolder(self, name: str) -> Path:
        """A folder within, created where it is not there."""
        folder = self.path / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def release(self) -> None:
        """Lets the next one in."""
        if not self._lock.closed:
            self._lock.truncate(0)
        self._lock.close()

    def __enter__(self) -> "DataFolder":
        return self

    def __exit__(self, *_: Any) -> None:
        self.release()
