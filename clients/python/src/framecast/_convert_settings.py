"""Settings between the wire, texts and what users see."""

import dataclasses
import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from framecast._setting_types import InferenceSettings, SettingSchema
from framecast.errors import InvalidArgumentError
from framecast.v1 import inference_settings_pb2

_Schema = inference_settings_pb2.SettingSchema
_MaskFormat = inference_settings_pb2.InferenceSettings.MaskFormat
_SHORT = {
    "confidence_threshold": "confidence",
    "iou_threshold": "iou",
    "rdp_threshold": "rdp",
    "categories": "classes",
    "category_confidence_thresholds": "category_confidence",
}
"""What users call a field; others keep their names."""
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_WIRE = {short: name for name, short in _SHORT.items()}


def make_settings(options: Mapping[str, Any]) -> InferenceSettings:
    """Settings from keywords. Raises InvalidArgumentError, with the nearest, for an unknown one."""
    for name in options:
        _check_name(name, [field.name for field in dataclasses.fields(InferenceSettings)])
    given = dict(options)
    classes = given.get("classes") or ()
    # One name is a sequence of letters, too, but nobody means those.
    given["classes"] = (classes,) if isinstance(classes, str) else _tuple(classes)
    given["category_confidence"] = given.get("category_confidence") or {}
    return InferenceSettings(**given)


def _tuple(classes: object) -> tuple[Any, ...]:
    if not isinstance(classes, Iterable):
        raise InvalidArgumentError(
            f"classes cannot be {classes!r}; give names", field="classes", reason="SETTING_INVALID", value=classes
        )
    return tuple(classes)


def settings_to_proto(settings: InferenceSettings) -> inference_settings_pb2.InferenceSettings:
    """Settings as they travel; what is None stays open. Raises InvalidArgumentError for what cannot travel."""
    message = inference_settings_pb2.InferenceSettings()
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if value is None:
            continue
        if field.name == "mask_format":
            value = _mask_format(value)
        try:
            part = inference_settings_pb2.InferenceSettings(**{_WIRE.get(field.name, field.name): value})
        except (TypeError, ValueError, AttributeError, OverflowError):
            raise InvalidArgumentError(
                f"{field.name} cannot be {value!r}", field=field.name, reason="SETTING_INVALID", value=value
            ) from None
        message.MergeFrom(part)
    return message


def settings_from_proto(message: inference_settings_pb2.InferenceSettings) -> InferenceSettings:
    """Settings as users see them."""
    found: dict[str, Any] = {}
    for field, value in message.ListFields():
        found[_SHORT.get(field.name, field.name)] = _short(value) if isinstance(value, float) else value
    if "classes" in found:
        found["classes"] = tuple(found["classes"])
    if "category_confidence" in found:
        thresholds = found["category_confidence"]
        found["category_confidence"] = {name: _short(thresholds[name]) for name in sorted(thresholds)}
    if "mask_format" in found:
        found["mask_format"] = _MaskFormat.Name(found["mask_format"]).lower()
    known = {field.name for field in dataclasses.fields(InferenceSettings)}
    return InferenceSettings(**{name: value for name, value in found.items() if name in known})


def schema_from_proto(message: inference_settings_pb2.SettingSchema) -> SettingSchema:
    """A model's setting as users see it."""
    choice = message.type == _Schema.CHOICE
    default = json.loads(message.default_json)
    return SettingSchema(
        name=_SHORT.get(message.name, message.name),
        type=_Schema.Type.Name(message.type).lower().replace("_", " "),
        default=default.lower() if choice else default,
        minimum=message.minimum if message.HasField("minimum") else None,
        maximum=message.maximum if message.HasField("maximum") else None,
        choices=tuple(name.lower() for name in message.choices) if choice else tuple(message.choices),
        description=message.description,
    )


def options_from_texts(texts: Sequence[str], schemas: Sequence[SettingSchema]) -> dict[str, Any]:
    """Options from texts such as `iou=0.5`, `augment=true`, `classes=car,bus`, `category_confidence=car:0.7,bus:0.2`.

    Raises InvalidArgumentError for a text that is none, a value of another type, and a name that the model does not
    have.
    """
    by_name = {schema.name: schema for schema in schemas}
    options: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = _SHORT.get(name.strip(), name.strip())
        if not equals:
            raise InvalidArgumentError(f"{text!r} is no key=value", field="set", reason="SETTING_INVALID", value=text)
        _check_name(name, list(by_name))
        try:
            options[name] = _parse(by_name[name].type, value.strip())
        except ValueError:
            raise InvalidArgumentError(
                f"{name} cannot be {value!r}: it must be: {by_name[name].type}",
                field=name,
                reason="SETTING_INVALID",
                value=value,
            ) from None
    return options


def _parse(kind: str, text: str) -> Any:
    """Raises ValueError."""
    match kind:
        case "number":
            return float(text)
        case "integer":
            return int(text)
        case "boolean":
            if text.lower() not in _BOOLEANS:
                raise ValueError(text)
            return _BOOLEANS[text.lower()]
        case "choices":
            return tuple(part.strip() for part in text.split(",") if part.strip())
        case "number by choice":
            pairs = (part.rpartition(":") for part in text.split(",") if part.strip())
            return {name.strip(): float(number) for name, _, number in pairs}
    return text


def _mask_format(value: object) -> object:
    try:
        return _MaskFormat.Value(str(value).upper())
    except ValueError:
        raise InvalidArgumentError(
            f"mask_format cannot be {value!r}; it is one of polygons, run_lengths, none",
            field="mask_format",
            reason="SETTING_INVALID",
            value=value,
        ) from None


def _check_name(name: str, known: Sequence[str]) -> None:
    if name in known:
        return
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else "."
    raise InvalidArgumentError(
        f"there is no setting {name!r}{hint or '.'} There are: {', '.join(known)}",
        field=name,
        reason="SETTING_UNKNOWN",
        value=name,
    )


def _short(value: float) -> float:
    """The shortest decimal that is this 32-bit float: 0.6 rather than 0.6000000238."""
    return float(str(np.float32(value)))
