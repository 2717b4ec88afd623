"""Training jobs as users see them."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from framecast.errors import FramecastError


class JobState(enum.Enum):
    """QUEUED → RUNNING → SUCCEEDED | FAILED | CANCELLED; never backwards."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether the job will not change any more."""
        return self in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True)
class TrainingProgress:
    """How far a job is."""

    phase: str = ""
    """`preparing`, `training`, `evaluating`, `exporting`, `checking`, `publishing`; empty while queued."""
    epoch: int = 0
    """Finished epochs."""
    epoch_count: int = 0
    step: int = 0
    """Steps done within the current epoch."""
    step_count: int = 0
    fraction: float = 0.0
    """Of the whole job, in [0, 1]."""


@dataclass(frozen=True)
class TrainingUpdate:
    """What is known of a job at one moment."""

    name: str
    state: JobState
    model: str
    dataset_version: str
    architecture: str
    config: Mapping[str, object]
    """The settings in force; a span of time in seconds."""
    progress: TrainingProgress
    metrics: Mapping[str, float]
    """The latest value of each."""
    warnings: tuple[str, ...]
    model_version: str
    """Name of the version that the job fills; empty until it is reserved."""
    create_time: datetime
    start_time: datetime | None = None
    end_time: datetime | None = None
    error: FramecastError | None = field(default=None, compare=False)
    """Why the job failed; only where `state` is FAILED."""

    @property
    def id(self) -> str:
        """The last part of the name."""
        return self.name.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class MetricPoint:
    """A measurement during a job."""

    metric: str
    value: float
    step: int
    epoch: int
    time: datetime
