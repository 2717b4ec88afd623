"""Settings of a request, given as the protocol's parameters."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence

from google.protobuf.descriptor import FieldDescriptor

from framecast.errors import InvalidArgumentError
from framecast.v1.inference_settings_pb2 import InferenceSettings
from framecast_bundle.settings import Settings, check_settings, nearest_names
from framecast_inference.open_inference.v2.model_infer_pb2 import InferParameter

FINAL_RESPONSE_WANTED = "triton_enable_empty_final_response"
"""With it, the response to a stream's request says that it is the last one to it: `FINAL_RESPONSE`."""
FINAL_RESPONSE = "triton_final_response"

_PREFIX = "parameters"
# Triton's own, which clients may send to any model. Models here keep no state, and a deadline is the call's.
_IGNORED = frozenset({"sequence_id", "sequence_start", "sequence_end", "priority", "timeout", FINAL_RESPONSE_WANTED})
_Field = FieldDescriptor
_FLOATS = (_Field.TYPE_FLOAT, _Field.TYPE_DOUBLE)
_INTEGERS = (_Field.TYPE_INT32, _Field.TYPE_INT64, _Field.TYPE_UINT32, _Field.TYPE_UINT64)
_SETTINGS: dict[str, FieldDescriptor] = {
    field.name: field
    for field in InferenceSettings.DESCRIPTOR.fields
    if field.type in (*_FLOATS, *_INTEGERS, _Field.TYPE_BOOL, _Field.TYPE_STRING)
    and (not field.is_repeated or field.type == _Field.TYPE_STRING)
}
"""Every setting that a single value, or a list of names, can express; new ones become parameters by themselves."""


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


def read_settings(parameters: Mapping[str, InferParameter], class_names: Sequence[str]) -> InferenceSettings:
    """The settings that a request gives; what it leaves open stays open.

    Raises InvalidArgumentError that names the parameter: unknown, of another type, or out of range.
    """
    settings = InferenceSettings()
    for name, parameter in parameters.items():
        field = _SETTINGS.get(name)
        if field is not None:
            _set(settings, field, parameter)
        elif name not in _IGNORED:
            raise InvalidArgumentError(
                f"parameter {name!r} is unknown; did you mean {nearest_names(name, parameter_names(), 1)[0]!r}?",
                reason="PARAMETER_UNKNOWN",
                field=f"{_PREFIX}.{name}",
                value=name,
            )
    check_settings(settings, class_names, prefix=_PREFIX)
    return settings


def settings_as_parameters(settings: Settings) -> Iterator[tuple[str, InferParameter]]:
    """Settings in force, as a response says them."""
    message = settings.to_proto()
    for name, field in _SETTINGS.items():
        value = getattr(message, name)
        if field.is_repeated:
            yield name, InferParameter(string_param=json.dumps(list(value), ensure_ascii=False))
        elif field.type == _Field.TYPE_BOOL:
            yield name, InferParameter(bool_param=value)
        elif field.type in _INTEGERS:
            yield name, InferParameter(int64_param=value)
        elif field.type in _FLOATS:
            # 0.3 as float32 would read 0.30000001192092896.
            yield name, InferParameter(double_param=float(f"{value:.7g}"))
        else:
            yield name, InferParameter(string_param=value)


def _set(settings: InferenceSettings, field: FieldDescriptor, parameter: InferParameter) -> None:
    kind = parameter.WhichOneof("parameter_choice")
    value = None if kind is None else getattr(parameter, kind)
    if field.is_repeated:
        getattr(settings, field.name).extend(_names(field.name, value))
        return
    if field.type in _FLOATS:
        fits = kind in ("double_param", "int64_param", "uint64_param")
        expected = "a number"
    elif field.type in _INTEGERS:
        fits = kind in ("int64_param", "uint64_param")
        expected = "an integer"
    elif field.type == _Field.TYPE_BOOL:
        fits = kind == "bool_param"
        expected = "a boolean"
    else:
        fits = kind == "string_param"
        expected = "a string"
    if not fits:
        raise _refused(field.name, value, f"must be {expected}, got {kind or 'nothing'}")
    try:
        setattr(settings, field.name, value)
    except ValueError:  # beyond what the field can hold
        raise _refused(field.name, value, "is out of range") from None
    if field.type in _FLOATS and not math.isfinite(getattr(settings, field.name)):
        raise _refused(field.name, value, "must be a finite number")


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
