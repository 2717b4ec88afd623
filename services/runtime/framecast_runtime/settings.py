"""Settings from the environment: read once in a service's `__main__`, passed down as values."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


class SettingsError(Exception):
    """A variable is missing or malformed; the message names it."""


def read_settings(cls: type[T], environ: Mapping[str, str]) -> T:
    """Fills a settings dataclass: field `object_store_url` from `FRAMECAST_OBJECT_STORE_URL`, and so on.

    Fields may be str, int, float, bool, or one of these or None. Raises SettingsError naming every variable at fault.
    """
    values: dict[str, Any] = {}
    faults: list[str] = []
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]  # T is a dataclass; there is no bound for that
        variable = f"FRAMECAST_{field.name.upper()}"
        if variable in environ:
            try:
                values[field.name] = _convert(environ[variable], hints[field.name])
            except ValueError as error:
                faults.append(f"{variable}: {error}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            faults.append(f"{variable} is not set")
    if faults:
        raise SettingsError("; ".join(faults))
    return cls(**values)


def _convert(text: str, hint: Any) -> Any:
    if isinstance(hint, types.UnionType):
        hint = next(option for option in typing.get_args(hint) if option is not type(None))
    if hint is bool:
        if text.lower() not in _TRUE | _FALSE:
            raise ValueError(f"must be true or false, got {text!r}")
        return text.lower() in _TRUE
    if hint in (int, float):
        try:
            return hint(text)
        except ValueError:
            raise ValueError(f"must be a number, got {text!r}") from None
    return text
