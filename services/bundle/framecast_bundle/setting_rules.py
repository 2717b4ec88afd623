"""What a request may set: ranges, names, and what the model can give."""

import math
from typing import Any

from framecast.errors import InvalidArgumentError, UnimplementedError
from framecast.v1.inference_settings_pb2 import InferenceSettings, SettingSchema
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.nearest_names import nearest_names
from framecast_bundle.setting_table import SETTINGS, Setting, settings_of


def check_settings(settings: InferenceSettings, manifest: ModelBundle, *, prefix: str = "settings") -> None:
    """Refuses values out of range, unknown categories and what the model does not have; open fields pass.

    `prefix` goes before the field's name in the InvalidArgumentError or UnimplementedError.
    """
    given = {field.name: value for field, value in settings.ListFields()}
    for setting in SETTINGS:
        if setting.name in given:
            _check(setting, given[setting.name], manifest, f"{prefix}.{setting.name}")
    if settings.window_height and not settings.window_width:
        raise InvalidArgumentError(
            f"{prefix}.window_height is {settings.window_height} without a width; set window_width, too",
            reason="SETTING_INCOMPLETE",
            field=f"{prefix}.window_width",
        )


def _check(setting: Setting, value: Any, manifest: ModelBundle, field: str) -> None:
    if setting.required and value and not setting.has(manifest):
        raise UnimplementedError(
            f"this model does not support {field}; it has {', '.join(each.name for each in settings_of(manifest))}",
            reason="SETTING_NOT_SUPPORTED",
            field=field,
            architecture=manifest.architecture,
        )
    match setting.type:
        case SettingSchema.NUMBER | SettingSchema.INTEGER:
            _check_range(setting, value, field)
        case SettingSchema.CHOICES:
            for name in value:
                check_category(name, manifest, field)
        case SettingSchema.NUMBER_BY_CHOICE:
            for name in sorted(value):
                check_category(name, manifest, field)
                _check_range(setting, value[name], f"{field}[{name}]")
        case SettingSchema.CHOICE:
            if value not in InferenceSettings.MaskFormat.values():
                raise InvalidArgumentError(
                    f"{field} is {value}; it must be one of {', '.join(setting.choices)}",
                    reason="SETTING_OUT_OF_RANGE",
                    field=field,
                    value=value,
                )
            if value == InferenceSettings.RUN_LENGTHS and not setting.has(manifest):
                raise UnimplementedError(
                    f"{field} is RUN_LENGTHS, but this model finds no masks",
                    reason="SETTING_NOT_SUPPORTED",
                    field=field,
                    architecture=manifest.architecture,
                )


def check_category(name: str, manifest: ModelBundle, field: str) -> None:
    """Refuses a name that is none of the model's categories."""
    known = [category.name for category in manifest.categories]
    if name in known:
        return
    nearest = nearest_names(name, known)
    raise InvalidArgumentError(
        f"the model has no category {name!r}; did you mean {', '.join(map(repr, nearest))}?",
        reason="UNKNOWN_CATEGORY",
        field=field,
        value=name,
        nearest=", ".join(nearest),
    )


def _check_range(setting: Setting, value: float, field: str) -> None:
    assert setting.minimum is not None
    assert setting.maximum is not None
    if setting.or_zero and value == 0:
        return
    # float32 fields: 0.01 arrives as 0.0099999998, so that the bounds themselves pass, and 0.9 as 0.89999998.
    if not math.isfinite(value) or not setting.minimum <= value <= setting.maximum:
        zero = "0 or " if setting.or_zero else ""
        raise InvalidArgumentError(
            f"{field} is {value:g}; it must be {zero}in [{setting.minimum:g}, {setting.maximum:g}]",
            reason="SETTING_OUT_OF_RANGE",
            field=field,
            value=value,
        )
