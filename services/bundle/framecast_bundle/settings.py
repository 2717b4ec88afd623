"""The settings that one request is answered with, after every open field has been filled."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from google.protobuf import json_format

from framecast.v1.inference_settings_pb2 import InferenceSettings, SettingSchema
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.setting_rules import check_settings
from framecast_bundle.setting_table import settings_of


class MaskFormat(StrEnum):
    """How masks come."""

    POLYGONS = "POLYGONS"
    RUN_LENGTHS = "RUN_LENGTHS"
    NONE = "NONE"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every setting decided; the defaults are the service's own. `setting_table` says what each does."""

    confidence_threshold: float = 0.6
    """Instances and labels with a lower score are dropped; in [0, 1]."""
    iou_threshold: float = 0.3
    """Of two boxes that overlap more, the weaker is dropped; in [0, 1]."""
    rdp_threshold: float = 0.005
    """Coarseness of polygons as a share of each ring's perimeter; in [0, 0.01]."""
    max_detections: int = 300
    """Instances or labels per picture, the best first; in [1, 10,000]."""
    categories: tuple[str, ...] = ()
    """Names of the categories to report; empty: all."""
    class_agnostic: bool = False
    """Boxes of different categories suppress each other, too."""
    category_confidence_thresholds: tuple[tuple[str, float], ...] = ()
    """Category and threshold, by name: in place of `confidence_threshold`."""
    mask_format: MaskFormat = MaskFormat.POLYGONS
    augment: bool = False
    window_width: int = 0
    """Of the windows that slide over the picture, in its pixels; 0: none do."""
    window_height: int = 0
    """0: as wide."""
    window_overlap: float = 0.25
    """Share of a window's side; in [0, 0.9]."""
    logits: bool = False
    debug_picture: bool = False
    track: bool = False
    track_low_score: float = 0.1
    track_new_score: float = 0.0
    track_lost_frames: int = 30
    """Frames of the stream."""
    track_min_overlap: float = 0.2

    def to_proto(self) -> InferenceSettings:
        """The same as a message with every field set."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        fields["mask_format"] = InferenceSettings.MaskFormat.Value(self.mask_format)
        fields["category_confidence_thresholds"] = dict(self.category_confidence_thresholds)
        return InferenceSettings(**fields)


def effective_settings(request: InferenceSettings, manifest: ModelBundle) -> Settings:
    """Fills what the request leaves open from the bundle's defaults, then from the service's.

    Raises InvalidArgumentError with the field and its value where the request is out of range or names a category
    that the model does not have, UnimplementedError for what the model cannot give.
    """
    check_settings(request, manifest)
    # A map is open where it is empty, like a list; `ListFields` has what is set, and lists and maps that are not empty.
    chosen = {field.name: value for field, value in manifest.default_settings.ListFields()}
    given = {field.name: value for field, value in request.ListFields()}
    if given.get("window_width"):
        chosen.pop("window_height", None)  # a window of the request's own is not completed by the bundle's
    chosen |= given
    if not chosen.get("window_width"):
        chosen["window_height"] = 0
    if "mask_format" in chosen:
        chosen["mask_format"] = MaskFormat(InferenceSettings.MaskFormat.Name(chosen["mask_format"]))
    if "categories" in chosen:
        chosen["categories"] = tuple(dict.fromkeys(chosen["categories"]))
    if "category_confidence_thresholds" in chosen:
        chosen["category_confidence_thresholds"] = tuple(sorted(chosen["category_confidence_thresholds"].items()))
    return Settings(**chosen)


def setting_schemas(manifest: ModelBundle) -> list[SettingSchema]:
    """What a request can set for a model, with the model's defaults."""
    message = effective_settings(InferenceSettings(), manifest).to_proto()
    defaults = json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    names = [category.name for category in manifest.categories]
    schemas = []
    for setting in settings_of(manifest):
        by_category = setting.type in (SettingSchema.CHOICES, SettingSchema.NUMBER_BY_CHOICE)
        schemas.append(
            SettingSchema(
                name=setting.name,
                type=setting.type,
                minimum=0 if setting.or_zero else setting.minimum,
                maximum=setting.maximum,
                choices=names if by_category else setting.choices,
                default_json=json.dumps(defaults[setting.name], ensure_ascii=False),
                description=setting.description,
            )
        )
    return schemas


def class_filter(settings: Sequence[Settings], manifest: ModelBundle) -> npt.NDArray[np.bool_] | None:
    """Which classes each picture reports, bool [B, C]; None where all of them report all."""
    if not any(each.categories for each in settings):
        return None
    index = _class_index(manifest)
    allowed = np.zeros((len(settings), len(index)), dtype=np.bool_)
    for row, each in zip(allowed, settings, strict=True):
        if each.categories:
            row[[index[name] for name in each.categories]] = True
        else:
            row[:] = True
    return allowed


def score_thresholds(settings: Sequence[Settings]) -> npt.NDArray[np.float32]:
    """Thresholds float32 [B] for kernels that keep score > threshold: a score equal to the setting is kept.

    The lowest that any category has, where categories have their own: `class_score_thresholds` does the rest.
    """
    lowest = [
        min([each.confidence_threshold, *(value for _, value in each.category_confidence_thresholds)])
        for each in settings
    ]
    return _below(np.array(lowest, dtype=np.float32))


def class_score_thresholds(settings: Sequence[Settings], manifest: ModelBundle) -> npt.NDArray[np.float32] | None:
    """The same by class, float32 [B, C]; None where no picture has thresholds by category."""
    if not any(each.category_confidence_thresholds for each in settings):
        return None
    index = _class_index(manifest)
    wanted = np.empty((len(settings), len(index)), dtype=np.float32)
    for row, each in zip(wanted, settings, strict=True):
        row[:] = each.confidence_threshold
        for name, value in each.category_confidence_thresholds:
            row[index[name]] = value
    return _below(wanted)


def _class_index(manifest: ModelBundle) -> dict[str, int]:
    return {category.name: position for position, category in enumerate(manifest.categories)}


def _below(wanted: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.nextafter(wanted, np.float32(0.0), dtype=np.float32)
