"""Models as users see them."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from framecast.errors import FramecastError


class Task(enum.Enum):
    """What a model answers."""

    UNSPECIFIED = "unspecified"
    CLASSIFICATION = "classification"
    OBJECT_DETECTION = "object detection"
    INSTANCE_SEGMENTATION = "instance segmentation"
    SEMANTIC_SEGMENTATION = "semantic segmentation"
    KEYPOINT_DETECTION = "keypoint detection"


class ModelVersionState(enum.Enum):
    """CREATED → TRAINING → TRAINED | FAILED."""

    CREATED = "created"
    TRAINING = "training"
    TRAINED = "trained"
    FAILED = "failed"


@dataclass(frozen=True)
class Model:
    """A line of model versions that answer the same question."""

    name: str
    display_name: str
    description: str
    create_time: datetime
    latest_trained_version: str
    """Name of the newest version that predicts; empty where there is none."""

    @property
    def id(self) -> str:
        """The last part of the name."""
        return self.name.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class ModelVersion:
    """One trained or imported state of a model."""

    name: str
    state: ModelVersionState
    architecture: str
    task: Task
    metrics: Mapping[str, float]
    """Measured on the validation subset after the export; values in [0, 1]."""
    training_job: str
    """Name of the job that trained it; empty for an imported model."""
    dataset_version: str
    """Name of what it learned from; empty for an imported model."""
    create_time: datetime
    error: FramecastError | None = field(default=None, compare=False)
    """Why there is no model; only where `state` is FAILED."""
    bundle_sha256: str = ""
    """Digest of the bundle's manifest: the exact model. Empty unless `state` is TRAINED."""

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.name.rsplit("/versions/", 1)[0]

    @property
    def reference(self) -> str:
        """The short form, such as `cars/3`."""
        return f"{self.model.rsplit('/', 1)[-1]}/{self.name.rsplit('/', 1)[-1]}"


@dataclass(frozen=True)
class Architecture:
    """A network that can be trained."""

    id: str
    task: Task
    description: str
    backbones: tuple[str, ...]
    """The default first; empty where there is no choice."""
    defaults: Mapping[str, object]
    """What training takes where a setting is left open."""
    license: str
