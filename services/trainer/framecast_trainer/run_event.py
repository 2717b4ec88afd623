"""What a worker reports of its run, one JSON line per event."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RunStarted:
    """The first event of every run."""

    pid: int


@dataclass(frozen=True)
class ProgressMade:
    """How far the run is; `fraction` of the whole job in [0, 1]."""

    phase: str
    epoch: int = 0
    epoch_count: int = 0
    step: int = 0
    step_count: int = 0
    fraction: float = 0.0


@dataclass(frozen=True)
class MetricTaken:
    """A measurement; `time` in seconds since 1970."""

    name: str
    value: float
    step: int
    epoch: int
    time: float


@dataclass(frozen=True)
class WarningGiven:
    """Something that a person should know."""

    text: str


@dataclass(frozen=True)
class RunSucceeded:
    """The bundle lies in the object store under its manifest's digest. Ends the run."""

    bundle_sha256: str
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class RunFailed:
    """There will be no bundle; `kind` is the name of a class of `framecast.errors`. Ends the run."""

    kind: str
    reason: str
    message: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RunStopped:
    """The worker was asked to stop, and did. Ends the run."""


RunEvent = RunStarted | ProgressMade | MetricTaken | WarningGiven | RunSucceeded | RunFailed | RunStopped

_KINDS: dict[str, type[RunEvent]] = {
    "started": RunStarted,
    "progress": ProgressMade,
    "metric": MetricTaken,
    "warning": WarningGiven,
    "succeeded": RunSucceeded,
    "failed": RunFailed,
    "stopped": RunStopped,
}
_NAMES = {cls: name for name, cls in _KINDS.items()}


def to_line(event: RunEvent) -> bytes:
    """The event as one line of JSON, newline included."""
    return json.dumps({"event": _NAMES[type(event)], **dataclasses.asdict(event)}).encode() + b"\n"


def from_line(line: bytes) -> RunEvent | None:
    """The event of a line; None for one that is damaged or of a kind not known here."""
    try:
        fields = json.loads(line)
        return _KINDS[fields.pop("event")](**fields)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
