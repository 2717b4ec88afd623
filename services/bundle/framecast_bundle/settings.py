"""The settings that one request is answered with, after every open field has been filled."""

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from framecast.errors import InvalidArgumentError
from framecast.v1.inference_settings_pb2 import InferenceSettings
from framecast.v1.model_bundle_pb2 import ModelBundle

MAX_RDP_THRESHOLD = 0.01
MAX_DETECTIONS = 10_000


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every setting decided; the defaults are the service's own."""

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

    def to_proto(self) -> InferenceSettings:
        """The same as a message with every field set."""
        return InferenceSettings(
            confidence_threshold=self.confidence_threshold,
            iou_threshold=self.iou_threshold,
            rdp_threshold=self.rdp_threshold,
            max_detections=self.max_detections,
            categories=self.categories,
            class_agnostic=self.class_agnostic,
        )


def effective_settings(request: InferenceSettings, manifest: ModelBundle) -> Settings:
    """Fills what the request leaves open from the bundle's defaults, then from the service's.

    Raises InvalidArgumentError with the field and its value where the request is out of range or names a category
    that the model does not have.
    """
    check_settings(request, [category.name for category in manifest.categories])
    bundled = manifest.default_settings
    service = Settings()

    def chosen(field: str) -> InferenceSettings | Settings:
        # mypy-protobuf types HasField by literals; the names below are the message's own fields.
        if request.HasField(field):  # type: ignore[arg-type]
            return request
        return bundled if bundled.HasField(field) else service  # type: ignore[arg-type]

    return Settings(
        confidence_threshold=chosen("confidence_threshold").confidence_threshold,
        iou_threshold=chosen("iou_threshold").iou_threshold,
        rdp_threshold=chosen("rdp_threshold").rdp_threshold,
        max_detections=chosen("max_detections").max_detections,
        categories=tuple(dict.fromkeys(request.categories or bundled.categories)),
        class_agnostic=chosen("class_agnostic").class_agnostic,
    )


def check_settings(settings: InferenceSettings, class_names: Sequence[str], *, prefix: str = "settings") -> None:
    """Refuses values out of range and unknown categories; open fields pass.

    `prefix` goes before the field's name in the InvalidArgumentError.
    """
    if settings.HasField("confidence_threshold"):
        _check_range(f"{prefix}.confidence_threshold", settings.confidence_threshold, 1.0)
    if settings.HasField("iou_threshold"):
        _check_range(f"{prefix}.iou_threshold", settings.iou_threshold, 1.0)
    if settings.HasField("rdp_threshold"):
        _check_range(f"{prefix}.rdp_threshold", settings.rdp_threshold, MAX_RDP_THRESHOLD)
    if settings.HasField("max_detections") and not 1 <= settings.max_detections <= MAX_DETECTIONS:
        raise InvalidArgumentError(
            f"{prefix}.max_detections is {settings.max_detections}; it must be in [1, {MAX_DETECTIONS}]",
            reason="SETTING_OUT_OF_RANGE",
            field=f"{prefix}.max_detections",
            value=settings.max_detections,
        )
    known = set(class_names)
    for name in settings.categories:
        if name not in known:
            nearest = nearest_names(name, class_names)
            raise InvalidArgumentError(
                f"the model has no category {name!r}; did you mean {', '.join(map(repr, nearest))}?",
                reason="UNKNOWN_CATEGORY",
                field=f"{prefix}.categories",
                value=name,
                nearest=", ".join(nearest),
            )


def nearest_names(name: str, known: Sequence[str], count: int = 3) -> list[str]:
    """Up to `count` known names that look most like `name`, whatever the case; never empty unless `known` is."""
    by_folded = {other.casefold(): other for other in known}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=count, cutoff=0.0)
    return [by_folded[other] for other in close]


def class_filter(settings: Sequence[Settings], manifest: ModelBundle) -> npt.NDArray[np.bool_] | None:
    """Which classes each picture reports, bool [B, C]; None where all of them report all."""
    if not any(each.categories for each in settings):
        return None
    index = {category.name: position for position, category in enumerate(manifest.categories)}
    allowed = np.zeros((len(settings), len(index)), dtype=np.bool_)
    for row, each in zip(allowed, settings, strict=True):
        if each.categories:
            row[[index[name] for name in each.categories]] = True
        else:
            row[:] = True
    return allowed


def score_thresholds(settings: Sequence[Settings]) -> npt.NDArray[np.float32]:
    """Thresholds float32 [B] for kernels that keep score > threshold: a score equal to the setting is kept."""
    wanted = np.array([each.confidence_threshold for each in settings], dtype=np.float32)
    return np.nextafter(wanted, np.float32(0.0), dtype=np.float32)


def _check_range(field: str, value: float, upper: float) -> None:
    # float32 fields: 0.01 arrives as 0.0099999998, so that the bounds themselves pass.
    if not math.isfinite(value) or not 0.0 <= value <= upper:
        raise InvalidArgumentError(
            f"{field} is {value:g}; it must be in [0, {upper:g}]",
            reason="SETTING_OUT_OF_RANGE",
            field=field,
            value=value,
        )
