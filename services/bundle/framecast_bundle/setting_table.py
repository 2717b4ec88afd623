"""Every setting of a request in one table: its type, its range, what it does, and which models have it."""

from collections.abc import Callable
from dataclasses import dataclass

from framecast.v1.inference_settings_pb2 import SettingSchema
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast.v1.model_pb2 import Task

MAX_RDP_THRESHOLD = 0.01
MAX_DETECTIONS = 10_000
WINDOW_SIDES = (32, 8192)
MAX_WINDOW_OVERLAP = 0.9
MAX_LOST_FRAMES = 100_000

Has = Callable[[ModelBundle], bool]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One field of `InferenceSettings`."""

    name: str
    type: "SettingSchema.Type.ValueType"
    description: str
    has: Has = lambda _: True
    """Whether it changes anything for a model."""
    required: bool = False
    """Whether asking for it is refused where a model does not have it; others change nothing there."""
    minimum: float | None = None
    maximum: float | None = None
    or_zero: bool = False
    """Whether 0 is allowed, too."""
    choices: tuple[str, ...] = ()
    """Empty for settings by category: those of the model."""


def _finds_boxes(manifest: ModelBundle) -> bool:
    return _has_windows(manifest) or manifest.task == Task.TASK_KEYPOINT_DETECTION


def _has_windows(manifest: ModelBundle) -> bool:
    return manifest.task in (Task.TASK_OBJECT_DETECTION, Task.TASK_INSTANCE_SEGMENTATION)


def _labels_pixels(manifest: ModelBundle) -> bool:
    return manifest.task == Task.TASK_SEMANTIC_SEGMENTATION


def _finds_masks(manifest: ModelBundle) -> bool:
    return manifest.task == Task.TASK_INSTANCE_SEGMENTATION


def _has_views(manifest: ModelBundle) -> bool:
    return _has_windows(manifest) or manifest.task == Task.TASK_CLASSIFICATION


def has_logits(manifest: ModelBundle) -> bool:
    """Whether a model's heads keep what scores are made of; the decoders of YOLO's do not."""
    return manifest.WhichOneof("head") in ("classification", "rcnn", "anchors")


SETTINGS = (
    Setting(
        name="confidence_threshold",
        type=SettingSchema.NUMBER,
        minimum=0.0,
        maximum=1.0,
        description="Instances and labels with a lower score are dropped.",
    ),
    Setting(
        name="iou_threshold",
        type=SettingSchema.NUMBER,
        has=_finds_boxes,
        minimum=0.0,
        maximum=1.0,
        description="Of two boxes that overlap more, the weaker one is dropped.",
    ),
    Setting(
        name="rdp_threshold",
        type=SettingSchema.NUMBER,
        has=_finds_masks,
        minimum=0.0,
        maximum=MAX_RDP_THRESHOLD,
        description="Coarseness of polygons, as a share of each ring's perimeter; 0 keeps every corner.",
    ),
    Setting(
        name="max_detections",
        type=SettingSchema.INTEGER,
        has=lambda manifest: not _labels_pixels(manifest),
        minimum=1,
        maximum=MAX_DETECTIONS,
        description="Instances or labels per picture, the best first.",
    ),
    Setting(
        name="categories",
        type=SettingSchema.CHOICES,
        description="Categories to report; empty: all.",
    ),
    Setting(
        name="class_agnostic",
        type=SettingSchema.BOOLEAN,
        has=_finds_boxes,
        description="Boxes of different categories suppress each other, too.",
    ),
    Setting(
        name="category_confidence_thresholds",
        type=SettingSchema.NUMBER_BY_CHOICE,
        has=lambda manifest: not _labels_pixels(manifest),
        required=True,
        minimum=0.0,
        maximum=1.0,
        description="In place of confidence_threshold for single categories.",
    ),
    Setting(
        name="mask_format",
        type=SettingSchema.CHOICE,
        has=_finds_masks,
        choices=("POLYGONS", "RUN_LENGTHS", "NONE"),
        description="How masks come; with NONE they are not computed.",
    ),
    Setting(
        name="augment",
        type=SettingSchema.BOOLEAN,
        has=_has_views,
        required=True,
        description="Looks at the picture mirrored and smaller as well, and merges what it sees.",
    ),
    Setting(
        name="window_width",
        type=SettingSchema.INTEGER,
        has=_has_windows,
        required=True,
        minimum=WINDOW_SIDES[0],
        maximum=WINDOW_SIDES[1],
        or_zero=True,
        description="Looks at the picture in windows of so many pixels (32 or more) and as a whole; 0: the whole only.",
    ),
    Setting(
        name="window_height",
        type=SettingSchema.INTEGER,
        has=_has_windows,
        minimum=WINDOW_SIDES[0],
        maximum=WINDOW_SIDES[1],
        or_zero=True,
        description="Height of the windows; 0: as window_width.",
    ),
    Setting(
        name="window_overlap",
        type=SettingSchema.NUMBER,
        has=_has_windows,
        minimum=0.0,
        maximum=MAX_WINDOW_OVERLAP,
        description="Of neighbouring windows, as a share of their sides.",
    ),
    Setting(
        name="logits",
        type=SettingSchema.BOOLEAN,
        has=has_logits,
        required=True,
        description="Results carry what the network said before scores were made of it.",
    ),
    Setting(
        name="debug_picture",
        type=SettingSchema.BOOLEAN,
        has=lambda manifest: not _labels_pixels(manifest),
        required=True,
        description="Results carry a picture of what the network saw, with what was found drawn on it.",
    ),
    Setting(
        name="track",
        type=SettingSchema.BOOLEAN,
        has=_finds_boxes,
        required=True,
        description="The same object has the same track_id in all frames of a stream.",
    ),
    Setting(
        name="track_low_score",
        type=SettingSchema.NUMBER,
        has=_finds_boxes,
        minimum=0.0,
        maximum=1.0,
        description="What scores less than it would need to be reported, but more than this, keeps up a track.",
    ),
    Setting(
        name="track_new_score",
        type=SettingSchema.NUMBER,
        has=_finds_boxes,
        minimum=0.0,
        maximum=1.0,
        description="What begins a track must score more than this, and enough to be reported.",
    ),
    Setting(
        name="track_lost_frames",
        type=SettingSchema.INTEGER,
        has=_finds_boxes,
        minimum=0,
        maximum=MAX_LOST_FRAMES,
        description="For how many frames an object that is not seen is remembered.",
    ),
    Setting(
        name="track_min_overlap",
        type=SettingSchema.NUMBER,
        has=_finds_boxes,
        minimum=0.0,
        maximum=1.0,
        description="How much a box must overlap with where its object is expected.",
    ),
)
"""In the order of the fields' numbers."""


def settings_of(manifest: ModelBundle) -> tuple[Setting, ...]:
    """The settings that change anything for a model."""
    return tuple(setting for setting in SETTINGS if setting.has(manifest))
