"""What the registry knows: plain values, free of the wire, of SQL and of the environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum


class Subset(IntEnum):
    """What an item is used for; the numbers are those of the contract and of the database."""

    TRAIN = 1
    VALIDATION = 2
    TEST = 3


class ModelState(IntEnum):
    """CREATED → TRAINING → TRAINED | FAILED; the numbers are those of the contract and of the database."""

    CREATED = 1
    TRAINING = 2
    TRAINED = 3
    FAILED = 4


@dataclass(frozen=True, slots=True)
class Project:
    project_id: str
    display_name: str
    create_time: datetime


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that a project may read; they lie in the object store under their digest."""

    project_id: str
    sha256: str
    size_bytes: int
    create_time: datetime


@dataclass(frozen=True, slots=True)
class Upload:
    """A blob on its way in; how far it got follows from the parts in the object store."""

    project_id: str
    upload_id: str
    sha256: str
    size_bytes: int
    create_time: datetime
    expire_time: datetime
    finished: bool = False


@dataclass(frozen=True, slots=True)
class UploadProgress:
    """An upload and the bytes of it that are stored for good."""

    upload: Upload
    committed_bytes: int


@dataclass(frozen=True, slots=True)
class ImageProperties:
    """Upright, in pixels."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class VideoProperties:
    """As displayed; `frame_count` is 0 where the container announces none."""

    width: int
    height: int
    frame_count: int
    duration_us: int
    codec: str
    rotation_degrees: int
    """Clockwise turn that makes the stored picture upright."""


@dataclass(frozen=True, slots=True)
class Asset:
    project_id: str
    sha256: str
    display_name: str
    media_type: str
    size_bytes: int
    properties: ImageProperties | VideoProperties
    create_time: datetime


@dataclass(frozen=True, slots=True)
class Dataset:
    project_id: str
    dataset_id: str
    display_name: str
    description: str
    create_time: datetime
    latest_version: int = 0
    """0 where there is none."""


@dataclass(frozen=True, slots=True)
class Category:
    category_id: int
    name: str
    supercategory: str = ""
    keypoints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SubsetSummary:
    subset: Subset
    item_count: int
    annotation_count: int


@dataclass(frozen=True, slots=True)
class DatasetVersion:
    project_id: str
    dataset_id: str
    number: int
    description: str
    categories: tuple[Category, ...]
    subsets: tuple[SubsetSummary, ...]
    digest: str
    create_time: datetime


@dataclass(frozen=True, slots=True)
class DatasetItem:
    """An asset within a dataset version. `labels` are its annotations in the wire's form, which only the edge reads."""

    position: int
    asset_sha256: str
    file_name: str
    subset: Subset
    source_id: int
    annotation_count: int
    labels: bytes


@dataclass(frozen=True, slots=True)
class Model:
    project_id: str
    model_id: str
    display_name: str
    description: str
    create_time: datetime
    latest_trained_version: int = 0
    """0 where there is none."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something ended without a result: a gRPC code, a text for people, a reason for programs."""

    code: int
    message: str
    reason: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class VersionRef:
    """A version of a dataset of the same project."""

    dataset_id: str
    number: int


@dataclass(frozen=True, slots=True)
class ModelVersion:
    project_id: str
    model_id: str
    number: int
    state: ModelState
    architecture: str
    task: int
    """A number of the contract's `Task`; 0 until the bundle says."""
    training_job_id: str
    dataset_version: VersionRef | None
    create_time: datetime
    failure: Failure | None = None
    bundle_sha256: str = ""
    metrics: Mapping[str, float] | None = None
    end_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class PredictionPart:
    """Some results in a row, as a blob; `position` is that of the first, counted from 0 over the whole set."""

    position: int
    sha256: str
    size_bytes: int
    result_count: int
    failed_count: int
    instance_count: int


@dataclass(frozen=True, slots=True)
class PredictionSet:
    """What a model said of the pictures of a dataset version. `settings` are in the wire's form, which only the edge
    reads."""

    project_id: str
    dataset_version: VersionRef
    set_id: str
    model_id: str
    model_version: int
    bundle_sha256: str
    subset: Subset | None
    """None: all pictures of the version."""
    settings: bytes
    inference_job_id: str
    """Empty where it was none."""
    result_count: int
    failed_count: int
    instance_count: int
    size_bytes: int
    create_time: datetime


@dataclass(frozen=True, slots=True)
class BundleFile:
    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class BundleManifest:
    """What the registry needs to know of a `bundle.json`."""

    architecture: str
    task: int
    files: tuple[BundleFile, ...]


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """A call that was done before: what it asked, and the resource that it made."""

    fingerprint: str
    result: str
    create_time: datetime
