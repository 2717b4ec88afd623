"""Compiled networks on disk: they take minutes to make, and hold for one graph on one kind of GPU."""

import hashlib
import json
import logging
import os
import stat
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from framecast.errors import FailedPreconditionError
from framecast_bundle.engines.shape_profile import ShapeProfile

log = logging.getLogger(__name__)

_MAGIC = b"framecast plan 1\n"
_DIGEST_BYTES = 32


def default_folder() -> Path:
    """`framecast/plans` where the user's caches are."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "framecast/plans"


@dataclass(frozen=True)
class PlanKey:
    """All that a plan depends on."""

    graph_sha256: str
    """Of the ONNX file, as the bundle pins it."""
    calibration_sha256: str
    """Of its calibration; empty without."""
    architecture: str
    """Of the GPU, such as `sm_90`."""
    tensorrt: str
    """Its version; plans do not move between versions."""
    precision: str
    profiles: Mapping[str, ShapeProfile]

    @property
    def file_name(self) -> str:
        """Of the plan in a cache."""
        text = json.dumps(asdict(self), sort_keys=True)
        return f"{hashlib.sha256(text.encode()).hexdigest()}.plan"


class PlanCache:
    """Any number of processes may share a folder. A plan runs as code: the folder must be the user's own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: PlanKey, build: Callable[[], bytes]) -> bytes:
        """The plan, built where it is not there or damaged. Raises what `build` raises; nothing is stored then."""
        self._make_folder()
        path = self._folder / key.file_name
        plan = _read(path)
        if plan is None:
            plan = build()
            try:
                write_whole(path, _MAGIC + hashlib.sha256(plan).digest() + plan)
            except OSError as error:
                # The plan is there; only the next start has to build it again.
                log.warning("plan_not_stored", extra={"path": str(path), "error": error.strerror})
        return plan

    def forget(self, key: PlanKey) -> None:
        """Drops a plan that cannot be loaded."""
        (self._folder / key.file_name).unlink(missing_ok=True)

    def _make_folder(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            status = self._folder.stat()
        except OSError as error:
            self._refuse(f"cannot be used: {error.strerror}", error)
        if status.st_uid != os.getuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            self._refuse("can be written by other users, whose plans would run as code here", None)

    def _refuse(self, why: str, cause: OSError | None) -> None:
        raise FailedPreconditionError(
            f"the folder of compiled networks, {self._folder}, {why}; set FRAMECAST_PLAN_FOLDER to a folder of this "
            "user alone",
            reason="PLAN_FOLDER_UNUSABLE",
            folder=str(self._folder),
        ) from cause


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file that is there whole or not at all, whoever else writes or reads it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _read(path: Path) -> bytes | None:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    head = len(_MAGIC) + _DIGEST_BYTES
    plan = data[head:]
    if data[: len(_MAGIC)] != _MAGIC or data[len(_MAGIC) : head] != hashlib.sha256(plan).digest():
        log.warning("plan_damaged", extra={"path": str(path)})
        path.unlink(missing_ok=True)
        return None
    return plan
