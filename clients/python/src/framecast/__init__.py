"""Self-hosted vision model service: the client."""

from framecast._asset_types import Asset
from framecast._client import Client
from framecast._dataset_types import (
    Annotation,
    Category,
    Dataset,
    DatasetItem,
    DatasetVersion,
    Keypoint,
    Polygon,
    RunLengthMask,
    Subset,
    SubsetSummary,
    Visibility,
)
from framecast._datasets import ImportReport
from framecast._frame_iterator import FrameIterator
from framecast._inference_job import InferenceJob
from framecast._inference_job_types import InferenceProgress, InferenceUpdate
from framecast._jobs import Job
from framecast._live_stream import LiveFrame, LiveResult, LiveStream
from framecast._model_types import Architecture, Model, ModelVersion, ModelVersionState, Task
from framecast._prediction_set_types import PredictionSet
from framecast._prediction_types import (
    FrameResult,
    Instance,
    Instances,
    Label,
    LoadedModel,
    Prediction,
    Segment,
    Segmentation,
    StreamInfo,
)
from framecast._progress import Progress
from framecast._setting_types import InferenceSettings, SettingOptions, SettingSchema
from framecast._training_types import JobState, MetricPoint, TrainingProgress, TrainingUpdate
from framecast.errors import (
    AlreadyExistsError,
    CancelledError,
    DataLossError,
    DeadlineExceededError,
    FailedPreconditionError,
    FramecastError,
    InferenceJobFailedError,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    OutOfRangeError,
    PermissionDeniedError,
    ResourceExhaustedError,
    TrainingFailedError,
    UnauthenticatedError,
    UnavailableError,
    UnimplementedError,
)

__version__ = "0.1.0"

__all__ = [
    "AlreadyExistsError",
    "Annotation",
    "Architecture",
    "Asset",
    "CancelledError",
    "Category",
    "Client",
    "DataLossError",
    "Dataset",
    "DatasetItem",
    "DatasetVersion",
    "DeadlineExceededError",
    "FailedPreconditionError",
    "FrameIterator",
    "FrameResult",
    "FramecastError",
    "ImportReport",
    "InferenceJob",
    "InferenceJobFailedError",
    "InferenceProgress",
    "InferenceSettings",
    "InferenceUpdate",
    "Instance",
    "Instances",
    "InternalError",
    "InvalidArgumentError",
    "Job",
    "JobState",
    "Keypoint",
    "Label",
    "LiveFrame",
    "LiveResult",
    "LiveStream",
    "LoadedModel",
    "MetricPoint",
    "Model",
    "ModelVersion",
    "ModelVersionState",
    "NotFoundError",
    "OutOfRangeError",
    "PermissionDeniedError",
    "Polygon",
    "Prediction",
    "PredictionSet",
    "Progress",
    "ResourceExhaustedError",
    "RunLengthMask",
    "Segment",
    "Segmentation",
    "SettingOptions",
    "SettingSchema",
    "StreamInfo",
    "Subset",
    "SubsetSummary",
    "Task",
    "TrainingFailedError",
    "TrainingProgress",
    "TrainingUpdate",
    "UnauthenticatedError",
    "UnavailableError",
    "UnimplementedError",
    "Visibility",
]
