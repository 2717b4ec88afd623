"""Inference jobs as users see them."""

from dataclasses import dataclass, field
from datetime import datetime

from framecast._setting_types import InferenceSettings
from framecast._training_types import JobState
from framecast.errors import FramecastError


@dataclass(frozen=True)
class InferenceProgress:
    """How far a job is."""

    phase: str = ""
    """`preparing`, `predicting`, `recording`, or what it waits for; empty before and after."""
    frames_done: int = 0
    """Results that can be read."""
    total_frames: int = 0
    """All results that there will be; 0 until it is known."""
    failed_frames: int = 0
    """Of `frames_done`, those that are an error."""
    result_bytes: int = 0

    @property
    def fraction(self) -> float:
        """In [0, 1]."""
        return self.frames_done / self.total_frames if self.total_frames else 0.0


@dataclass(frozen=True)
class InferenceUpdate:
    """What is known of a job at one moment."""

    name: str
    state: JobState
    model_version: str
    settings: InferenceSettings
    """What is applied."""
    progress: InferenceProgress
    dataset_version: str
    """Empty for a job of sources."""
    prediction_set: str
    """The predictions that were recorded; empty where none were asked for."""
    bundle_sha256: str
    """Digest of the model's manifest: the exact model that answers."""
    create_time: datetime
    start_time: datetime | None = None
    end_time: datetime | None = None
    error: FramecastError | None = field(default=None, compare=False)
    """Why the job failed; only where `state` is FAILED."""

    @property
    def id(self) -> str:
        """The last part of the name."""
        return self.name.rsplit("/", 1)[-1]
