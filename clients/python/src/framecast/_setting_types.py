"""What a request can set, as users see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict


class SettingOptions(TypedDict, total=False):
    """Keywords of `predict`, `detect` and `predict_video`; what is None or left out takes the model's default."""

    confidence: float | None
    """Weaker instances and labels are dropped; in [0, 1]."""
    iou: float | None
    """Of two boxes that overlap more the weaker is dropped; in [0, 1]."""
    rdp: float | None
    """Coarseness of polygons, as a share of the ring's perimeter; in [0, 0.01], 0 keeps every corner."""
    max_detections: int | None
    """Per picture, the best first; in [1, 10,000]."""
    classes: str | Sequence[str]
    """Names of the categories to report; empty: all."""
    class_agnostic: bool | None
    """Boxes of different categories suppress each other, too."""
    category_confidence: Mapping[str, float]
    """In place of `confidence` for single categories, by name."""
    mask_format: str | None
    """How masks come: `polygons`, `run_lengths` (every pixel), or `none` (they are not computed)."""
    augment: bool | None
    """Looks at the picture mirrored and smaller as well and merges what it sees: better, twice to thrice the work."""
    window_width: int | None
    """Looks at large pictures window by window and as a whole, for small things; pixels in [32, 8192], 0: off."""
    window_height: int | None
    """0: as wide."""
    window_overlap: float | None
    """Of neighbouring windows, as a share of their sides, in [0, 0.9]; at least as much as things are large."""
    logits: bool | None
    """Results carry what scores were made of; not every model has it."""
    debug_picture: bool | None
    """Results carry a picture of what the network saw, with what was found drawn on it."""
    track: bool | None
    """Videos: the same object has the same `track_id` in all frames, also where the stream broke off in between."""
    track_low_score: float | None
    """What is too weak to be reported, but scores more than this, keeps up the track of its object; in [0, 1]."""
    track_new_score: float | None
    """What begins a track must score more than this, and enough to be reported; in [0, 1]."""
    track_lost_frames: int | None
    """For how many frames an object that is not seen is remembered."""
    track_min_overlap: float | None
    """How much a box must overlap with where its object is expected; in [0, 1]."""


@dataclass(frozen=True)
class InferenceSettings:
    """How a network looks at pictures, and what becomes of its answer; what is None takes the model's default.

    `SettingOptions` says what each is.
    """

    confidence: float | None = None
    iou: float | None = None
    rdp: float | None = None
    max_detections: int | None = None
    classes: tuple[str, ...] = ()
    class_agnostic: bool | None = None
    category_confidence: Mapping[str, float] = field(default_factory=dict)
    mask_format: str | None = None
    augment: bool | None = None
    window_width: int | None = None
    window_height: int | None = None
    window_overlap: float | None = None
    logits: bool | None = None
    debug_picture: bool | None = None
    track: bool | None = None
    track_low_score: float | None = None
    track_new_score: float | None = None
    track_lost_frames: int | None = None
    track_min_overlap: float | None = None


@dataclass(frozen=True)
class SettingSchema:
    """One setting that a model has."""

    name: str
    """As `predict` calls it."""
    type: str
    """`number`, `integer`, `boolean`, `choice` (one of them), `choices` (any), `number by choice`."""
    default: object
    """In force where a request leaves it open."""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    description: str = ""
