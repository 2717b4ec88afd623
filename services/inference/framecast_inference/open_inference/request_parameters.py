"""Settings of a request, given as the protocol's parameters."""

import json
import math
from collections.abc import Iterator, Mapping

from framecast.errors import InvalidArgumentError, UnimplementedError
from framecast.v1.inference_settings_pb2 import InferenceSettings, SettingSchema
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.nearest_names import nearest_names
from framecast_bundle.setting_rules import check_settings
from framecast_bundle.setting_table import SETTINGS, Setting
from framecast_bundle.settings import Settings
from framecast_inference.open_inference.v2.model_infer_pb2 import InferParameter

FINAL_RESPONSE_WANTED = "triton_enable_empty_final_response"
"""With it, the response to a stream's request says that it is the last one to it: `FINAL_RESPONSE`."""
FINAL_RESPONSE = "triton_final_response"

_PREFIX = "parameters"
# Triton's own, which clients may send to any model. Models here keep no state, and a deadline is the call's.
_IGNORED = frozenset({"sequence_id", "sequence_start", "sequence_end", "priority", "timeout", FINAL_RESPONSE_WANTED})
# What they ask for has no tensor to come in.
_WITHOUT_TENSOR = frozenset({"mask_format", "logits", "debug_picture"})
_SETTINGS = {setting.name: setting for setting in SETTINGS if setting.name not in _WITHOUT_TENSOR}


def parameter_names() -> list[str]:
    """The parameters that a model that takes pictures knows."""
    return list(_SETTINGS)


def check_no_settings(parameters: Mapping[str, InferParameter]) -> None:
    """Refuses what a bare graph cannot obey."""
    for name in parameters:
        if name not in _IGNORED:
            raise InvalidArgumentError(
                f"parameter {name!r} is unknown: a bare graph has no settings; ask the model without `:network`",
                reason="PARAMETER_UNKNOWN",
                field=f"{_PREFIX}.{name}",
                value=name,
            )


def read_settings(parameters: Mapping[str, InferParameter], manifest: ModelBundle) -> InferenceSettings:
    """The settings that a request gives; what it leaves open stays open.

    Raises InvalidArgumentError that names the parameter: unknown, of another type, or out of range; UnimplementedError
    for what the model, or this protocol, does not have.
    """
    settings = InferenceSettings()
    for name, parameter in parameters.items():
        if name in _SETTINGS:
            _set(settings, _SETTINGS[name], parameter)
        elif name in _WITHOUT_TENSOR:
            raise UnimplementedError(
                f"parameter {name!r} is not supported by this protocol; ask framecast.v1.InferenceService for it",
                reason="SETTING_NOT_SUPPORTED",
                field=f"{_PREFIX}.{name}",
            )
        elif name not in _IGNORED:
            raise InvalidArgumentError(
                f"parameter {name!r} is unknown; did you mean {nearest_names(name, parameter_names(), 1)[0]!r}?",
                reason="PARAMETER_UNKNOWN",
                field=f"{_PREFIX}.{name}",
                value=name,
            )
    check_settings(settings, manifest, prefix=_PREFIX)
    return settings


def settings_as_parameters(settings: Settings) -> Iterator[tuple[str, InferParameter]]:
    """Settings in force, as a response says them."""
    message = settings.to_proto()
    for name, setting in _SETTINGS.items():
        value = getattr(message, name)
        match setting.type:
            case SettingSchema.CHOICES:
                yield name, InferParameter(string_param=json.dumps(list(value), ensure_ascii=False))
            case SettingSchema.NUMBER_BY_CHOICE:
                numbers = {key: _short(value[key]) for key in sorted(value)}
                yield name, InferParameter(string_param=json.dumps(numbers, ensure_ascii=False))
            case SettingSchema.BOOLEAN:
                yield name, InferParameter(bool_param=value)
            case SettingSchema.INTEGER:
                yield name, InferParameter(int64_param=value)
            case SettingSchema.NUMBER:
                yield name, InferParameter(double_param=_short(value))
            case _:
                yield name, InferParameter(string_param=value)


def _short(value: float) -> float:
    # 0.3 as float32 would read 0.30000001192092896.
    return float(f"{value:.7g}")


_KINDS: dict[int, tuple[tuple[str, ...], str]] = {
    SettingSchema.NUMBER: (("double_param", "int64_param", "uint64_param"), "a number"),
    SettingSchema.INTEGER: (("int64_param", "uint64_param"), "an integer"),
    SettingSchema.BOOLEAN: (("bool_param",), "a boolean"),
}


def _set(settings: InferenceSettings, setting: Setting, parameter: InferParameter) -> None:
    kind = parameter.WhichOneof("parameter_choice")
    value = None if kind is None else getattr(parameter, kind)
    if setting.type == SettingSchema.CHOICES:
        getattr(settings, setting.name).extend(_names(setting.name, value))
        return
    if setting.type == SettingSchema.NUMBER_BY_CHOICE:
        try:
            getattr(settings, setting.name).update(_numbers(setting.name, value))
        except OverflowError:
            raise _refused(setting.name, value, "is out of range") from None
        return
    kinds, expected = _KINDS.get(setting.type, (("string_param",), "a string"))
    if kind not in kinds:
        raise _refused(setting.name, value, f"must be {expected}, got {kind or 'nothing'}")
    try:
        setattr(settings, setting.name, value)
    except ValueError:  # beyond what the field can hold
        raise _refused(setting.name, value, "is out of range") from None
    if setting.type == SettingSchema.NUMBER and not math.isfinite(getattr(settings, setting.name)):
        raise _refused(setting.name, value, "must be a finite number")


def _numbers(name: str, value: object) -> dict[str, float]:
    """A JSON object of numbers."""
    wanted = 'must be a string with a JSON object of numbers, such as {"car": 0.5}'
    if not isinstance(value, str):
        raise _refused(name, value, wanted)
    try:
        numbers = json.loads(value)
    except (ValueError, RecursionError):
        raise _refused(name, value, wanted) from None
    if not isinstance(numbers, dict):
        raise _refused(name, value, wanted)
    if any(isinstance(number, bool) or not isinstance(number, int | float) for number in numbers.values()):
        raise _refused(name, value, wanted)
    return numbers


def _names(name: str, value: object) -> list[str]:
    """Names separated by commas, or a JSON list where a name has a comma itself."""
    if not isinstance(value, str):
        raise _refused(name, value, "must be a string: names separated by commas, or a JSON list")
    if not value.lstrip().startswith("["):
        return [part.strip() for part in value.split(",") if part.strip()]
    try:
        parts = json.loads(value)
    except (ValueError, RecursionError):
        raise _refused(name, value, "starts like a JSON list but is none") from None
    if not all(isinstance(part, str) for part in parts):
        raise _refused(name, value, "must be a JSON list of strings")
    return parts  # type: ignore[no-any-return]  # json's values have no types


def _refused(name: str, value: object, what: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"parameter {name!r} {what}, value {value!r}",
        reason="PARAMETER_INVALID",
        field=f"{_PREFIX}.{name}",
        value=value,
    )
