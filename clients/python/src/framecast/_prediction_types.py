"""Predictions as users see them: frozen dataclasses with NumPy arrays, pixels of the upright picture."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from framecast._dataset_types import Category, Keypoint, Polygon, RunLengthMask
from framecast._model_types import Task
from framecast._setting_types import InferenceSettings, SettingSchema
from framecast.errors import FramecastError


@dataclass(frozen=True, eq=False)
class Instance:
    """One found instance."""

    box: NDArray[np.float32]
    """float32 [4]: x_min, y_min, x_max, y_max; the maxima are exclusive."""
    score: float
    category_id: int
    name: str
    polygons: tuple[Polygon, ...] = ()
    keypoints: tuple[Keypoint, ...] = ()
    mask_area: int = 0
    """Pixels of the mask that `polygons` outlines."""
    mask: RunLengthMask | None = None
    """Where `mask_format="run_lengths"` asks for it, in place of polygons."""
    logits: NDArray[np.float32] | None = None
    """float32 [L]: what the network said before scores were made of it, where `logits=True` asks for it."""
    track_id: int = 0
    """The same for the same object in all frames of a stream, from 1, where `track=True` asks for it; 0: none (yet)."""


@dataclass(frozen=True, eq=False)
class Instances(Sequence[Instance]):
    """All instances of a picture by descending score, as arrays of equal length N; also a sequence of `Instance`."""

    boxes: NDArray[np.float32]
    """float32 [N, 4]: x_min, y_min, x_max, y_max in pixels; the maxima are exclusive."""
    scores: NDArray[np.float32]
    """float32 [N], in [0, 1]."""
    category_ids: NDArray[np.int32]
    """int32 [N]."""
    names: tuple[str, ...]
    polygons: tuple[tuple[Polygon, ...], ...]
    """The parts of each instance, each with its holes; empty for a model without masks."""
    keypoints: tuple[tuple[Keypoint, ...], ...]
    mask_areas: NDArray[np.int64]
    """int64 [N]: pixels of each mask before its outline was simplified."""
    masks: tuple[RunLengthMask | None, ...] = ()
    """Of each instance; empty unless `mask_format="run_lengths"` asks for them."""
    logits: NDArray[np.float32] | None = None
    """float32 [N, L]; None unless `logits=True` asks for them."""
    track_ids: NDArray[np.int64] | None = None
    """int64 [N]: the object that each shows, from 1; 0: none (yet). None unless `track=True` found some."""

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]  # int → Instance, slice → list of them
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return Instance(
            self.boxes[index],
            float(self.scores[index]),
            int(self.category_ids[index]),
            self.names[index],
            self.polygons[index],
            self.keypoints[index],
            int(self.mask_areas[index]),
            self.masks[index] if self.masks else None,
            None if self.logits is None else self.logits[index],
            0 if self.track_ids is None else int(self.track_ids[index]),
        )

    def __iter__(self) -> Iterator[Instance]:
        return (self[index] for index in range(len(self)))


@dataclass(frozen=True)
class Label:
    """A label of the whole picture."""

    category_id: int
    name: str
    score: float


@dataclass(frozen=True)
class Segment:
    """A category that occurs in a picture."""

    category_id: int
    name: str
    area: int
    """Its pixels."""
    share: float
    """Of the picture's pixels, in (0, 1]."""


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Which category each pixel of a picture has."""

    width: int
    height: int
    segments: tuple[Segment, ...]
    """By the order of the model's categories."""
    run_lengths: NDArray[np.uint32]
    """uint32 [R]: pixels of each run of one category, row after row from the top left."""
    run_segments: NDArray[np.uint32]
    """uint32 [R]: which of `segments` each run is, counted from 1; 0: no category."""

    def to_array(self) -> NDArray[np.int32]:
        """int32 [height, width] of category ids; -1 where there is none."""
        ids = np.array([-1, *(segment.category_id for segment in self.segments)], np.int32)
        return np.repeat(ids[self.run_segments], self.run_lengths).reshape(self.height, self.width)


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model says of one picture."""

    width: int
    """Of the upright picture, in pixels: the frame of all coordinates."""
    height: int
    instances: Instances
    labels: tuple[Label, ...] = ()
    """By descending score; classification only."""
    logits: NDArray[np.float32] | None = None
    """float32 [C] of a classifier, by the model's categories; None unless `logits=True` asks for them."""
    debug_picture: bytes | None = None
    """A PNG of what the network saw, with the prediction on it; None unless `debug_picture=True` asks for it."""
    segmentation: Segmentation | None = None
    """None but for models that tell the category of every pixel."""

    def __len__(self) -> int:
        return len(self.instances)


@dataclass(frozen=True, eq=False)
class FrameResult:
    """The answer for one picture or one frame of a video: a prediction, or why there is none."""

    frame_index: int
    """A video's frame, counted from 0 in presentation order; a picture's position in the call."""
    time: float | None = None
    """When the frame is shown, in seconds; None for pictures. Exactly: `pts * info.time_base`."""
    pts: int = 0
    """The exact time in units of the stream's time base; 0 for pictures."""
    prediction: Prediction | None = None
    error: FramecastError | None = None
    asset: str = ""
    """Name of the stored picture that it is; empty for a video's frame and for a picture that was sent along."""
    source_index: int = 0
    """Of a job with several sources, which one it is of, counted from 0."""

    def unwrap(self) -> Prediction:
        """The prediction; raises the error where there is none."""
        if self.prediction is None:
            raise self.error or FramecastError(f"frame {self.frame_index} has no prediction")
        return self.prediction


@dataclass(frozen=True)
class LoadedModel:
    """A model version as the inference service runs it."""

    model_version: str
    bundle_sha256: str
    """Digest of the bundle's manifest: the exact model that answers."""
    task: Task
    architecture: str
    categories: tuple[Category, ...]
    engine: str
    """What runs it: `CPUExecutionProvider`, `CUDAExecutionProvider`, …"""
    default_settings: InferenceSettings
    input_width: int
    input_height: int
    embedding_size: int = 0
    """Length of an embedding; 0: the model gives none."""
    settings: tuple[SettingSchema, ...] = ()
    """What a request can set; of `load` and `serving`."""
    state: str = ""
    """`loading`, `ready` or `leaving`; of `load` and `serving`, as all below."""
    precision: str = ""
    """What the network computes in: `float32`, `float16`, `int8`, or `mixed`."""
    fallback: str = ""
    """Why it does not run on the device that was wanted; empty where it does."""
    memory_bytes: int = 0
    """What it took of the host's and the device's memory."""
    max_batch: int = 0
    """Pictures that one run of it takes at most."""
    active_calls: int = 0
    """Calls that use it now."""
    load_time: datetime | None = None
    last_use_time: datetime | None = None
    served: bool = False
    """It answers to its model's bare name because of `serving.switch`."""
    held: bool = False
    """It never leaves to make room: it is served, or preloaded."""

    @property
    def reference(self) -> str:
        """The short form, such as `cars/3`."""
        return "/".join(self.model_version.split("/")[3::2])


@dataclass(frozen=True)
class StreamInfo:
    """The terms of a stream of frame results."""

    model: LoadedModel
    settings: InferenceSettings
    """What is applied."""
    width: int
    """As displayed, in pixels; 0 for a group of pictures, which have sizes of their own."""
    height: int
    time_base: Fraction
    """Seconds per unit of `FrameResult.pts`."""
    total_frames: int
    """Frames that are sent."""
    video_frames: int
    """Frames of the whole video."""
    fps: float | None = field(default=None)
    """Average frames per second of the video; None where it is not known."""
